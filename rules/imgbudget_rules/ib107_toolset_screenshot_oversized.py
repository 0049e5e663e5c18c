"""IB107 toolset-screenshot-oversized."""

from collections.abc import Iterator

from imgbudget.rule import Context, FixSafety, ImageUse, Level, Problem, Resize, Severity, rule
from imgbudget_rules.oversize import TOOLSETS, oversize_of


@rule(
    "IB107",
    "toolset-screenshot-oversized",
    level=Level.IMAGE,
    severity=Severity.ERROR,
    fix=FixSafety.SAFE,
    since="0.1",
    limits=("patches_of_28",),
)
def toolset_screenshot_oversized(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """A screenshot for the computer-use or browser toolset is larger than the model uses; the API rejects it.

    ## Why it matters
    Screenshots and zoomed images that answer `computer_toolset_20260801` or `browser_toolset_20260801` are
    not downscaled like other images: the request is rejected with a validation error, and with it every
    later turn of the session. The limit depends on the model, so a screenshot that one model accepts is
    rejected for another. The text of the error is not known.

    A tool result belongs to the toolset if it or its call says so (`"toolset_name": "computer"`), or if the
    request lists the toolset and no other tool with the call's name. Screenshots of older tools
    (`computer_20250124` and the like) are downscaled: that is IB201.

    ## Reports
    ```json
    {"tools": [{"type": "computer_toolset_20260801"}], "messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_01", "name": "screenshot",
            "toolset_name": "computer", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01",
            "toolset_name": "computer", "content": ["<png 1920x1080>"]}]}]}
    ```

    ## Silent
    ```json
    {"tools": [{"type": "computer_toolset_20260801"}], "messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_01", "name": "screenshot",
            "toolset_name": "computer", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01",
            "toolset_name": "computer", "content": ["<png 1456x819>"]}]}]}
    ```
    ```json
    {"tools": [{"type": "computer_20250124", "name": "computer"}], "messages": [
        {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_01", "name": "computer",
            "input": {"action": "screenshot"}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_01",
            "content": ["<png 1920x1080>"]}]}]}
    ```

    ## Fix safety
    Safe: the API would have rejected the request. The model's clicks are then in pixels of the smaller image
    and have to be scaled back to the screen.

    ## Source
    Vision guide and vision-coordinates guide, 2026-09; release notes, 2026-08-19. `toolset_name`: types of
    the TypeScript SDK, 2026-08.
    """
    if use.toolset not in TOOLSETS or (over := oversize_of(use, ctx.limits)) is None:
        return
    yield Problem(
        message=f"{over.text}, over the {over.limit} {over.unit} that {ctx.limits.model} uses; the API "
        f"rejects such a screenshot for {use.toolset}, it does not downscale it",
        help=f"resize screenshots to {over.planned} and scale the model's clicks back to the screen",
        measured=over.measured,
        limit=over.limit,
        unit=over.unit,
        fix=Resize(over.planned),
    )
