"""IB405 context-overflow."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import Context, Level, Problem, Request, Severity, rule
from imgbudget_rules.spending import fewest_tokens, request_tokens, up_to


@rule(
    "IB405", "context-overflow", level=Level.REQUEST, severity=Severity.ERROR, since="0.1", traits=("images",)
)
def context_overflow(request: Request, ctx: Context) -> Iterator[Problem]:
    """The images alone take more tokens than fit into the model's context, or into its maximum input.

    ## Why it matters
    The request is rejected: `Request size exceeds model context window`. Text, document pages and the answer
    need tokens too, so a request near the limit also fails. Only images whose size is known are counted, not
    those by url or file id; where sources contradict each other on their tokens, the most.

    Some models take fewer tokens of input than their context holds, because it includes the answer: gpt-5 has
    a context of 400,000 tokens and takes at most 272,000 of input.

    ## Reports
    ```json
    {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": ["<png 2576x1449> * 210"]}]}
    ```
    ```json
    {"model": "gpt-5-mini", "messages": [{"role": "user", "content": ["<png 1920x1080> * 151"]}]}
    ```

    ## Silent
    ```json
    {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": ["<png 2576x1449> * 209"]}]}
    ```
    ```json
    {"model": "gpt-5-mini", "messages": [{"role": "user", "content": ["<png 1920x1080> * 150"]}]}
    ```

    ## Fix safety
    There is no fix: smaller images show less, and only the author knows which ones can be left out.

    ## Source
    Contexts: public model lists, 2026-11. Maximum inputs: OpenAI's model pages and LiteLLM, 2026-11. Error
    text: anthropics/claude-code#6380.
    """
    limit, tier = ctx.limits.most_input, ctx.limits.tier
    if limit is None:
        return
    if ctx.limits.uses_claude_patches and len(request.images) * tier.bounds[1] <= limit.value:
        return  # most requests
    tokens = request_tokens(request, ctx)
    if tokens <= limit.value:
        return
    claude = ctx.limits.uses_claude_patches
    answer = "; the API answers `Request size exceeds model context window`" if claude else ""
    holds = f"the context of {limit.owner} holds {limit.text}"
    if limit is ctx.limits.max_input_tokens:
        holds = f"{limit.owner} takes at most {limit.text} of input"
    yield Problem(
        message=f"images take {up_to(fewest_tokens(request, ctx), tokens)}{figure(tokens)} tokens; "
        f"{holds}{answer}",
        help="leave out images of earlier turns, send smaller ones, or split the request",
        measured=tokens,
        limit=limit.value,
        unit=limit.unit,
    )
