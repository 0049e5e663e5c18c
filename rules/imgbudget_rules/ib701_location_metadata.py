"""IB701 location-metadata."""

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


@rule(
    "IB701",
    "location-metadata",
    level=Level.IMAGE,
    severity=Severity.WARNING,
    fix=FixSafety.SAFE,
    since="0.1",
    needs=ProbeField.LOCATION,
)
def location_metadata(use: ImageUse, _ctx: Context) -> Iterator[Problem]:
    """The metadata of the file contains a GPS position.

    ## Why it matters
    A GPS position travels with the bytes: to the API, into logs, caches and datasets. The model does not
    receive it, so sending it has no benefit.

    ## Reports
    <jpeg 4000x3000 gps>

    ## Silent
    <jpeg 4000x3000>
    <jpeg 4000x3000 metadata=900000>

    ## Fix safety
    Safe: the model receives the same pixels; only metadata that it never sees is removed from the file.

    ## Source
    Vision guide, 2026-09, FAQ: image metadata is neither parsed nor received by the model.
    """
    if use.facts is None or not use.facts.has_location:
        return
    yield Problem(
        message="the metadata contains a GPS position, which is uploaded but never reaches the model",
        help="strip the metadata before sending",
        fix=StripMetadata(),
    )
