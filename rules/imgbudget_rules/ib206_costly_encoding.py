"""IB206 costly-encoding."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.namedtuples import NamedTuple
from imgbudget.rule import (
    Context,
    FixSafety,
    ImageFacts,
    ImageUse,
    Level,
    ProbeField,
    Problem,
    Recode,
    Severity,
    rule,
)

LEAST = 1_000_000
"""Bytes below which nothing is reported."""

HIGH_QUALITY = 95


class Bound(NamedTuple):
    """Bytes per pixel: above `most` an encoding is costly, `enough` are sufficient."""

    most: float
    enough: float


LOSSLESS = Bound(2.5, 1.0)
"""Flat colours and text take far less than one byte per pixel; only photographs and noise exceed 2.5."""

JPEG = Bound(0.5, 0.5)
"""At quality 85 to 90 photographs take 0.1 to 0.4 bytes per pixel."""


@rule(
    "IB206",
    "costly-encoding",
    level=Level.IMAGE,
    severity=Severity.INFO,
    fix=FixSafety.UNSAFE,
    since="0.1",
    needs=ProbeField.QUALITY | ProbeField.METADATA,
)
def costly_encoding(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """The file uses far more bytes per pixel than the image needs.

    ## Why it matters
    Photographs saved as PNG and JPEGs of the highest quality take long to upload and count toward the byte
    limits, but the model gains nothing: tokens depend only on pixels.

    Only the header is checked, not the pixels: a PNG or WebP with more than 2.5 bytes per pixel, or a JPEG
    of quality 95 or more (by its quantisation tables) with more than half a byte per pixel. Files under a
    million bytes, not counting metadata, are not reported. An image that needs the bytes, for example with
    16 bits per channel, is reported too. Animations are not checked.

    ## Reports
    <png 1200x900 bytes=2800000>
    <jpeg 1568x1176 bytes=1100000 quality=97>

    ## Silent
    <png 1200x900 bytes=2700000>
    <png 600x400 bytes=720000>
    <jpeg 1568x1176 bytes=1100000 quality=94>
    <jpeg 4000x3000 bytes=5000000 quality=97>

    A file that is too long for the platform is IB103:
    <png 1200x900 bytes=7900000>

    ## Fix safety
    Unsafe: the image is encoded with loss. Drawings and screenshots with small text are better left
    unchanged.

    ## Source
    Vision guide, 2026-09: tokens depend on pixels. The bounds are imgbudget's own choice.
    """
    facts, size = use.facts, use.visible_size
    if facts is None or size is None or facts.animated:
        return
    limit = ctx.limits.least_image_bytes
    if limit is not None and (use.base64_size or 0) > limit.value:
        return
    bound = _bound(facts)
    pixels, spent = size.width * size.height, facts.byte_size - (facts.metadata_bytes or 0)
    if bound is None or spent <= max(LEAST, bound.most * pixels):
        return
    enough = int(max(LEAST, bound.enough * pixels))
    quality = f" of quality {facts.quality}" if facts.quality is not None else ""
    yield Problem(
        message=f"{facts.format}{quality} uses {spent / pixels:.1f} bytes per pixel ({figure(spent)} bytes); "
        f"{bound.enough:g} is enough, and the tokens are the same",
        help=f"re-encode it within {figure(enough)} bytes, a photograph as JPEG or WebP of quality 85 to 90",
        measured=spent,
        limit=enough,
        unit="bytes",
        fix=Recode(max_bytes=enough),
    )


def _bound(facts: ImageFacts) -> Bound | None:
    """The bytes per pixel that the encoding may use; None if the header does not show it."""
    if facts.format in ("png", "webp"):
        return LOSSLESS
    if facts.format == "jpeg" and facts.quality is not None and facts.quality >= HIGH_QUALITY:
        return JPEG
    return None
