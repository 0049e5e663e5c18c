"""IB205 metadata-bloat."""

from collections.abc import Iterator

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
"""Bytes of metadata from which on they are reported."""

SHARE = 4
"""One part in so many of the file may be metadata."""


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
    Thumbnails, editing histories, maker notes and embedded previews are uploaded, a third longer as base64,
    and count toward the limits on bytes. The model never receives them. Reported is metadata of 64 KiB and
    more that is over a quarter of the file.

    ## Reports
    <jpeg 800x600 bytes=200000 metadata=65536>
    <jpeg 800x600 bytes=1200000 metadata=900000>

    ## Silent
    <jpeg 800x600 bytes=200000 metadata=65535>
    <jpeg 800x600 bytes=262144 metadata=65536>
    <jpeg 800x600>

    ## Fix safety
    Safe: the model receives the same pixels. An orientation other than 1 is for IB303 to turn first.

    ## Source
    Vision guide, 2026-09, FAQ: image metadata is neither parsed nor received by the model. What counts as
    much (64 KiB, a quarter) is imgbudget's own choice.
    """
    facts = use.facts
    if facts is None or facts.metadata_bytes is None or facts.damage is not None:
        return
    metadata, size = facts.metadata_bytes, facts.byte_size
    if metadata < LEAST or metadata * SHARE <= size:
        return
    never = f"{ctx.limits.model} never receives it"
    why = never if ctx.limits.uses_claude_patches else "it is uploaded with the pixels"
    yield Problem(
        message=f"{metadata:,} of {size:,} bytes ({metadata * 100 // size} %) are metadata; {why}",
        help=f"strip the metadata before sending (about {size - metadata:,} bytes remain)",
        measured=metadata,
        limit=size // SHARE,
        unit="bytes",
        fix=StripMetadata(),
    )
