"""IB307 small-text."""

from collections.abc import Iterator

from imgbudget.model.text import SMALL_HEIGHT
from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule
from imgbudget_rules.legible import lines, text_seen


@rule(
    "IB307",
    "small-text",
    level=Level.IMAGE,
    severity=Severity.INFO,
    since="0.2",
    needs=ProbeField.TEXT,
)
def small_text(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """Text is so small in the file itself that it is misread at any size.

    ## Why it matters
    Neither another model nor tiles nor a crop bring back what the file does not hold: the request costs its
    tokens, and the answer is a guess.

    Reported are lines whose letters are less than 5.5 px high, from the top of the tallest to the bottom of
    the lowest one: of such lines less than 95 % of the characters are read. Letters under about 5 px may not
    be found at all.

    ## Reports
    <png 1200x800 letters=4>
    <png 3840x2160 letters=5>

    ## Silent
    <png 1200x800 letters=6>
    <png 3840x2160 letters=9 kept=0.4>
    <png 1200x800>

    ## Fix safety
    There is no fix: enlarging the image adds pixels, not detail. Take the screenshot, the scan or the photo
    again at a higher resolution.

    ## Source
    imgbudget's own measurement, docs/legibility.md: lines in six fonts, two scripts and three contrasts.
    """
    found = text_seen(use, ctx)
    if found is None:
        return
    text, _ = found
    small = [line for line in text.lines if line.height < SMALL_HEIGHT]
    if not any(line.text for line in small):  # specks, unless one of them was read
        return
    height = round(min(line.height for line in small), 1)
    yield Problem(
        message=f"{lines(len(small), text.lines)} too small in the file itself: letters are {height:g} px "
        f"high, and {ctx.limits.model} misreads them at any size",
        help="take it again at a higher resolution, with letters of 7 px or more; enlarging it does not help",
        measured=height,
        limit=SMALL_HEIGHT,
        unit="px",
    )
