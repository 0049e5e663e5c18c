"""What of the files of a run could not be read, so that nothing is planned for it."""

from collections.abc import Iterator

from imgbudget.model.results import FileResult
from imgbudget.namedtuples import NamedTuple


class UnreadPart(NamedTuple):
    """What of a file could not be read: the file, the place in it, and the reason in a clause."""

    path: str
    place: str
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


def unread_parts(result: FileResult) -> Iterator[UnreadPart]:
    """What of a file could not be read, so that nothing is planned for it."""
    path = result.path
    if result.rows is not None and result.rows.bad:
        bad, total = result.rows.bad, result.rows.total
        yield UnreadPart(path, path, f"{bad:,} of {total:,} rows are not JSON or are malformed entries")
    elif not result.images and not result.requests and result.findings:
        yield UnreadPart(path, path, result.findings[0].message)
    elif result.missed and result.skipped:
        yield UnreadPart(path, path, result.skipped)
    for image in result.images:
        if image.use.facts is not None and image.use.facts.damage is not None:
            yield UnreadPart(path, image.use.location.place, image.use.facts.damage)
