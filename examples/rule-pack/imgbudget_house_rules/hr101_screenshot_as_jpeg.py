"""HR101 screenshot-as-jpeg."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, Problem, Severity, rule

SCREENS = {(1280, 720), (1280, 800), (1366, 768), (1440, 900), (1920, 1080), (2560, 1440), (3840, 2160)}


@rule(
    "HR101",
    "screenshot-as-jpeg",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    since="0.1",
    url="https://example.com/house-rules/hr101",
)
def screenshot_as_jpeg(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """A picture of exactly a screen's size is a JPEG.

    ## Why it matters
    JPEG blurs the edges of small letters, and a model reads a screenshot for its letters. PNG keeps them, and
    flat areas make it small.

    ## Reports
    <jpeg 1920x1080>
    <jpeg 1080x1920>

    ## Silent
    <png 1920x1080>
    <jpeg 1920x1079>

    ## Fix safety
    No fix: what JPEG has blurred does not come back. Take the screenshot again.

    ## Source
    Our own style guide, "Screenshots".
    """
    if use.facts is None or use.facts.format != "jpeg" or use.size is None:
        return
    if (use.size.long_edge, use.size.short_edge) in SCREENS:
        yield Problem(
            message=f"a screenshot of {use.size} is a JPEG; {ctx.limits.model} reads letters better in PNG",
            help="take it again and save it as PNG",
        )
