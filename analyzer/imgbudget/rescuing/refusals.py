"""Which blocks of a session the error is about that its agent recorded."""

from imgbudget.explaining.locate import locate
from imgbudget.explaining.recorded import RecordedError
from imgbudget.model.location import Location
from imgbudget.rescuing.mend import Diagnosis

_OF_ONE_IMAGE = "IB001"
"""The rule on bytes that the API cannot decode: its decoder may refuse what no check here finds."""

_QUOTED = 120


def blocks_of(refusal: RecordedError, diagnosis: Diagnosis) -> tuple[Location, ...]:
    """The blocks of what is sent next that an error is about; empty if it does not tell them from others."""
    if refusal.match is None:
        return ()
    requests = [one.request for one in diagnosis.requests]
    found = locate(refusal.match, requests, diagnosis.result.findings)
    return tuple(candidate.location for candidate in found.candidates)


def undetected(
    refusal: RecordedError | None, named: tuple[Location, ...], diagnosis: Diagnosis
) -> dict[Location, str]:
    """The image that an API could not decode and named, though no check here finds a fault in it.

    With it the text that it gives way to. Only where nothing else is wrong: the error may be of an earlier
    request.
    """
    if refusal is None or refusal.match is None or diagnosis.errors or refusal.answered:
        return {}
    match = refusal.match
    images = {image.use.location for image in diagnosis.result.images}
    if len(named) != 1 or named[0] not in images or not (match.location or match.paths):
        return {}
    if match.pattern.rule is None or match.pattern.rule.code != _OF_ONE_IMAGE:
        return {}
    return {named[0]: f"[image removed, because the API refused it: {match.text[:_QUOTED]}]"}
