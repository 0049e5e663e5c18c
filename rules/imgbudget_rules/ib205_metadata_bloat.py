"""IB205 metadata-bloat."""

from collections.abc import Iterator

from imgbudget.limits.values import figure
from imgbudget.rule import (
    Context,
    FixSafety,
    ImageUse,
    Level,
    ProbeField,
    Problem,
    Severity,
    StripMetadata,
    rule,
)

LEAST = 1 << 16
"""Bytes of metadata below which nothing is reported."""

SHARE = 4
"""Metadata may be one part in four of the file."""


@rule(
    "IB205",
    "metadata-bloat",
    level=Level.IMAGE,
    severity=Severity.INFO,
    fix=FixSafety.SAFE,
    since="0.1",
    needs=ProbeField.METADATA,
)
def metadata_bloat(use: ImageUse, ctx: Context) -> Iterator[Problem]:
    """A large part of the file is metadata, not pixels.

    ## Why it matters
    Thumbnails, editing histories, maker notes and embedded previews are uploaded (as base64, a third longer)
    and count toward the byte limits, but the model never receives them. Metadata is reported from 64 KiB on
    if it is more than a quarter of the file.

    ## Reports
    <jpeg 800x600 bytes=200000 metadata=65536>
    <jpeg 800x600 bytes=1200000 metadata=900000>

    ## Silent
    <jpeg 800x600 bytes=200000 metadata=65535>
    <jpeg 800x600 bytes=262144 metadata=65536>
    <jpeg 800x600>

    ## Fix safety
    Safe: the model receives the same pixels, and an EXIF orientation stays unless IB303 rotates them. What
    decoders use or what is another picture of the same stays and is not counted: colour profiles, gain maps,
    depth maps, thermal data. A signature (C2PA) goes, which the output says: no changed file satisfies it.

    ## Source
    Vision guide, 2026-09, FAQ: image metadata is neither parsed nor received by the model. The bounds
    (64 KiB, a quarter) are imgbudget's own choice.
    """
    facts = use.facts
    if facts is None or facts.metadata_bytes is None or facts.damage is not None:
        return
    metadata, size = facts.metadata_bytes, facts.byte_size
    if metadata < LEAST or metadata * SHARE <= size:
        return
    never = f"{ctx.limits.model} never receives it"
    why = never if ctx.limits.is_messages_api else "it is uploaded with the pixels"
    yield Problem(
        message=f"{figure(metadata)} of {figure(size)} bytes ({metadata * 100 // size} %) are metadata; "
        f"{why}",
        help=f"strip the metadata before sending (about {figure(size - metadata)} bytes remain)",
        measured=metadata,
        limit=size // SHARE,
        unit="bytes",
        fix=StripMetadata(),
    )
