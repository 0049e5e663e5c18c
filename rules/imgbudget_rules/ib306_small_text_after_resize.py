"""IB306 small-text-after-resize."""

from collections.abc import Iterator

from imgbudget.model.text import SAFE_HEIGHT
from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule
from imgbudget_rules.legible import lines, text_seen, ways_to_keep


@rule(
    "IB306",
    "small-text-after-resize",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    since="0.2",
    needs=ProbeField.TEXT,
    limits=("native_size",),
)
def small_text_after_resize(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """Text that can be read in the file is lost when the API downscales the image.

    ## Why it matters
    The model answers as if it had read the small print, and guesses. The tokens are those of an image whose
    text is kept: nothing in the answer of the API shows the loss.

    Lines are found at full size. Those whose letters become small are read at full size and at the size that
    the model sees, some of each height, and what is read is compared. A line is lost if less than 80 % of its
    characters are still read; letters under 4.5 px as seen mostly are, those of 6.5 px and more are not. A
    recogniser on this machine stands in for the model. Scripts that it does not know are not reported.

    ## Reports
    A screenshot of 4K, with letters of 9 px:
    <png 3840x2160 letters=9 kept=0.4>

    ## Silent
    <png 3840x2160 letters=20>
    <png 3840x2160 letters=9 kept=0.9>
    <png 1200x800 letters=9>
    <png 3840x2160>

    The provider does not publish the size that the model sees:
    <png 3840x2160 letters=9 kept=0.4> for grok-4

    ## Fix safety
    There is no fix: a smaller image loses more. The finding names what keeps the lines, with its tokens: a
    higher level of detail, a part of the image, tiles. `imgbudget legible` lists the lines.

    ## Source
    imgbudget's own measurement, docs/legibility.md: lines in six fonts, two scripts and three contrasts.
    """
    found = text_seen(use, ctx)
    if found is None:
        return
    text, seen = found
    lost = seen.lost
    if not any(line.line.text for line in lost):  # nothing there was read as text at full size either
        return
    height = round(min(line.height for line in lost), 1)
    yield Problem(
        message=f"{lines(len(lost), seen.lines)} lost when the API downscales {text.size} to {seen.size}: "
        f"letters become {height:g} px high, and {ctx.limits.model} guesses what they say",
        help=ways_to_keep(text, seen, ctx),
        measured=height,
        limit=SAFE_HEIGHT,
        unit="px",
    )
