"""IB411 unknown-model."""

from collections.abc import Iterator

from imgbudget.limits.model_ids import looks_like_template
from imgbudget.rule import Context, Level, Limits, Problem, Request, Severity, rule

_SHOWN = 80
"""Characters of a model that a message shows."""


@rule(
    "IB411",
    "unknown-model",
    level=Level.REQUEST,
    severity=Severity.WARNING,
    since="0.2",
    traits=("unknown_model",),
)
def unknown_model(request: Request, ctx: Context) -> Iterator[Problem]:
    """The model of a request with images is not known here, so its tokens and cost are not counted.

    ## Why it matters
    What an image costs and how far it is downscaled depends on the model. For an unknown one both are
    missing in the sums, and rules about them and about budgets do not run. All other rules run: base64, media
    types, damaged images, empty texts, the order of blocks, duplicates and rotation, and the limits of the
    platform if that is known. A new model of a known family is counted by the rule of its family, but without
    a price. An id that looks like a template variable was probably not filled in. A model that is known to
    take no images is reported by IB413 instead.

    ## Reports
    ```json
    {"model": "claude-sonnet-next", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```
    ```json
    {"model": "claude-opus-99", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```
    ```json
    {"model": "${CLAUDE_MODEL}", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```

    ## Silent
    ```json
    {"model": "claude-opus-5-5", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```
    ```json
    {"model": "anthropic/claude-opus-5.5", "messages": [{"role": "user", "content": ["<png 800x600>"]}]}
    ```

    Without images or documents, nothing depends on the model:
    ```json
    {"model": "claude-sonnet-next", "messages": [{"role": "user", "content": "hi"}]}
    ```

    ## Fix safety
    There is no fix: only the author knows which model is meant.

    ## Source
    The models of the limits data, see `imgbudget limits`; `--limits` adds others.
    """
    limits = ctx.limits
    if limits.known or limits.takes_no_images or not (request.images or request.documents):
        return
    shown = repr(limits.model[:_SHOWN])
    if looks_like_template(limits.model):
        yield Problem(
            message=f"model {shown} looks like a template variable; tokens and cost are not counted",
            help="check the request after the variable is filled in",
        )
    elif limits.state == "derived":
        yield Problem(
            message=f"model {shown} is not known; its tokens are counted by the rule of its family "
            f"({limits.tier.name} tier), its cost is not counted",
            help=_advice(limits),
        )
    else:
        yield Problem(
            message=f"model {shown} is not known; its tokens and cost are not counted", help=_advice(limits)
        )


def _advice(limits: Limits) -> str:
    """The nearest names, and how to add a model."""
    names = f"did you mean {' or '.join(limits.nearest)}? " if limits.nearest else ""
    return f"{names}otherwise add it to a file for --limits" if names else "add it to a file for --limits"
