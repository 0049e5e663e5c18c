"""IB507 false-scale-note."""

from collections.abc import Iterator

from imgbudget.rule import (
    Context,
    FixSafety,
    Level,
    Problem,
    Request,
    RewriteText,
    Severity,
    rule,
    scale_notes,
)
from imgbudget_rules.oversize import is_rejected, oversize_of

_ROUNDING = 1
"""Pixels by which sizes may differ because programs round differently."""


@rule(
    "IB507",
    "false-scale-note",
    level=Level.REQUEST,
    severity=Severity.WARNING,
    fix=FixSafety.UNSAFE,
    since="0.2",
    traits=("images", "stated_size"),
)
def false_scale_note(request: Request, ctx: Context) -> Iterator[Problem]:
    """A text beside an image states another size than the model sees.

    ## Why it matters
    Agents write a note such as `[Image: original 3000x2000, displayed at 2000x1333. Multiply coordinates by
    1.50 ...]` beside an image that they scaled. The model answers with coordinates in pixels of what it sees.
    If the API downscales the image further, or the image was resized afterwards, the note is false: a click
    lands beside its target, the more so the farther right and down.

    ## Reports
    ```json
    {"messages": [{"role": "user", "content": ["<png 2000x1333>",
        "[Image: original 3000x2000, displayed at 2000x1333. Multiply coordinates by 1.50 to map to it.]"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 1268x845>",
        "[Image: original 3000x2000, displayed at 2000x1333. Multiply coordinates by 1.50 to map to it.]"]}]}
    ```

    ## Silent
    ```json
    {"messages": [{"role": "user", "content": ["<png 1268x845>",
        "[Image: original 3000x2000, displayed at 1268x845. Multiply coordinates by 2.37 to map to it.]"]}]}
    ```
    ```json
    {"messages": [{"role": "user", "content": ["<png 2000x1333>", "Where is the button?"]}]}
    ```

    ## Fix safety
    Unsafe: the fix writes the size that the model sees, and the factor, into a text of the request. Where a
    fix resizes an image with a note, it corrects the note too.

    ## Source
    Notes of Claude Code 2.1.332, pi 0.73.1 and Qwen Code 0.24.4, seen in their sessions, 2026-11. Vision
    guide, 2026-09, for the size that the model sees.
    """
    for note in scale_notes(request):
        use = note.use
        size = use.visible_size
        if size is None or is_rejected(use):
            continue
        limits = ctx.limits_of(use)
        over = oversize_of(use, limits)
        seen = over.downscaled if over else size
        if limits.refusal(size) is not None or _alike(seen, note.displayed):
            continue
        why = f"{limits.model} sees {seen}" if over else f"the image has {seen}"
        off = max(note.displayed.width / seen.width, seen.width / note.displayed.width, 1.0)
        yield Problem(
            message=f"the note beside the image states {note.displayed}, but {why}; "
            f"coordinates are off by a factor of {off:.2f}",
            help=f"write {seen} and the factor {note.original.width / seen.width:.2f} into the note, or send "
            "the image at the size that the note states",
            location=note.text.location,
            fix=RewriteText(note.note, note.at(seen)),
        )


def _alike(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return all(abs(mine - theirs) <= _ROUNDING for mine, theirs in zip(one, other, strict=True))
