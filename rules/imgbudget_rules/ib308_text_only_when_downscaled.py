"""IB308 text-only-when-downscaled."""

from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, ProbeField, Problem, Severity, rule
from imgbudget_rules.legible import quoted, text_seen


@rule(
    "IB308",
    "text-only-when-downscaled",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    since="0.2",
    needs=ProbeField.TEXT,
    limits=("native_size",),
)
def text_only_when_downscaled(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """Text appears only at the size that the model sees; people who look at the image do not see it.

    ## Why it matters
    Images can be made so that instructions appear once the API or a framework downscales them. The model may
    follow what nobody has read.

    Text is reported that is read in the downscaled image and not at full size, or has there less than a third
    of its contrast. Filters that look at the nearest pixels alone are tried too: nearest, bilinear and
    bicubic without averaging, as OpenCV and TensorFlow downscale by default.

    ## Reports
    <png 3840x2160 appearing=ignore>

    ## Silent
    <png 3840x2160 letters=9 kept=0.4>
    <png 3840x2160>
    <png 1200x800 letters=9>

    ## Fix safety
    There is no fix: do not send the image. `imgbudget legible` lists where the text is, and what it says.

    ## Source
    Public reports on image-scaling attacks on models, 2025, and the tools that make such images.
    """
    found = text_seen(use, ctx)
    if found is None or not found[1].appearing:
        return
    text, seen = found
    first = seen.appearing[0]
    more = len(seen.appearing) - 1
    others = "" if not more else f" and {more} more line{'s' if more > 1 else ''}"
    yield Problem(
        message=f"{ctx.limits.model} reads what people do not see: {quoted(first.line.text)}{others} can be "
        f"read only when {text.size} is downscaled to {seen.size} ({first.resampling} filter)",
        help="treat it as hostile and do not send it; imgbudget legible lists the text and where it is",
    )
