"""IB506 broken-cache-prefix."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import Context, Level, Problem, Request, Severity, rule
from imgbudget_rules.spending import money


@rule(
    "IB506",
    "broken-cache-prefix",
    level=Level.REQUEST,
    severity=Severity.INFO,
    since="0.2",
    traits=("edits",),
)
def broken_cache_prefix(request: Request, ctx: Context) -> Iterator[Problem]:
    """A request of a conversation changes what an earlier one had cached.

    ## Why it matters
    A prompt cache holds beginnings of prompts. Where a later request has another block, for instance a text
    in place of an old image, all that follows is written to the cache again instead of being read, text too.
    On Claude a token that is written costs 1.25 times the input price (2 times for an hour), one that is read
    0.1 times or less, so that an image removed in each turn costs more than it saves.

    Requests of one file are compared: recordings, logs of bodies, sessions that record their requests. Only
    hashes of earlier blocks are kept. A request continues an earlier one if an answer of the model and most
    of what was cached follow the change in both; a retry, a rewound conversation or another one is not
    reported. Caching must be in use: `cache_control` or `cachePoint` in both requests, or an API that caches
    by itself, and a prompt of the least length that is cached. To move a mark changes nothing. Tokens of text
    are estimated, 4 characters each; in sessions of Claude Code, which record their requests, answers are
    not counted. A request that came after the cache had expired has lost nothing.

    ## Reports
    ```json
    {"edit": {"at": ["messages", 0, "content", 0], "tokens": 12400, "earlier": "line 3"},
        "messages": [{"role": "user", "content": ["[an earlier image was removed]", "What is this?"]},
        {"role": "assistant", "content": "A cat."}, {"role": "user", "content": "Of which breed?"}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": ["<png 800x600>", "What is this?"]},
        {"role": "assistant", "content": "A cat."}, {"role": "user", "content": "Of which breed?"}]}
    ```

    ## Fix safety
    There is no fix: the request was sent.

    ## Source
    Prompt caching guides of Anthropic, OpenAI and Google, 2026; prices and least lengths are in
    `imgbudget limits`.
    """
    limits = ctx.limits
    for edit in request.edits:
        write = limits.cache_write_1h_factor if edit.hour else limits.cache_write_5m_factor
        each = max(write.value - limits.cache_read_factor.value, 0.0)
        price = limits.cost_usd(edit.tokens)
        is_known = price is not None and limits.known
        cost = f", {money((price or 0) * each)} more than reading them costs" if is_known else ""
        yield Problem(
            message=f"differs from the request before ({edit.earlier}): "
            f"about {figure(edit.tokens)} cached tokens are written again{cost}",
            help="leave what was sent as it is; remove old images in batches, when a limit is near",
            measured=edit.tokens,
            unit="tokens",
            location=edit.location,
        )
