"""IB405 context-overflow."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import Context, Level, Problem, Request, Severity, rule
from imgbudget_rules.spending import fewest_tokens, request_tokens, up_to


@rule("IB405", "context-overflow", level=Level.REQUEST, severity=Severity.ERROR, since="0.1")
def context_overflow(request: Request, ctx: Context) -> Iterator[Problem]:
    """The images alone take more tokens than fit into the model's context.

    ## Why it matters
    The request is rejected: `Request size exceeds model context window`. Text, document pages and the answer
    need tokens too, so a request near the limit also fails. Only images whose size is known are counted, not
    those by url or file id.

    ## Reports
    ```json
    {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": ["<png 2576x1449> * 210"]}]}
    ```

    ## Silent
    ```json
    {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": ["<png 2576x1449> * 209"]}]}
    ```

    ## Fix safety
    There is no fix: smaller images show less, and only the author knows which ones can be left out.

    ## Source
    Contexts: public model lists, 2026-11. Error text: anthropics/claude-code#6380.
    """
    limit = ctx.limits.context_tokens
    tokens = request_tokens(request, ctx)
    if limit is None or tokens <= limit.value:
        return
    claude = ctx.limits.uses_claude_patches
    answer = "; the API answers `Request size exceeds model context window`" if claude else ""
    yield Problem(
        message=f"images take {up_to(fewest_tokens(request, ctx), tokens)}{figure(tokens)} tokens; "
        f"the context of {limit.owner} holds {limit.text}{answer}",
        help="leave out images of earlier turns, send smaller ones, or split the request",
        measured=tokens,
        limit=limit.value,
        unit=limit.unit,
    )
