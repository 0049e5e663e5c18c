"""What of the files of a run could not be read, so that nothing is planned for it."""

from collections.abc import Iterator

from imgbudget.model.results import FileResult
from imgbudget.model.subjects import ImageUse
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
        use = image.use
        if use.facts is not None and use.facts.damage is not None:
            yield UnreadPart(path, use.location.place, use.facts.damage)
        elif use.size is None and not _is_elsewhere(use):
            yield UnreadPart(path, use.location.place, why_unmeasured(use))


def why_unmeasured(use: ImageUse) -> str:
    """Why an image has no size that counts, as a clause."""
    if use.facts is not None and use.facts.damage is not None:
        return f"cannot be decoded: {use.facts.damage}"
    if use.facts is not None:
        return use.facts.not_image or "holds no size that can be read"
    if _is_elsewhere(use):
        return "its bytes are elsewhere, so its size is not known"
    return why_no_bytes(use)


def why_no_bytes(use: ImageUse) -> str:
    """Why there are no bytes of an image, as a clause."""
    return f"its base64 text {', '.join(use.flaws)}" if use.flaws else "its bytes are elsewhere"


def _is_elsewhere(use: ImageUse) -> bool:
    """Whether no bytes of the image are here: it is named by a URL or the id of a file."""
    return use.facts is None and not use.flaws
