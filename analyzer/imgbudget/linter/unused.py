"""What of the files of a run could not be used: what could not be read, and what was named for nothing."""

import os
from collections.abc import Iterable, Iterator
from typing import Literal

from imgbudget.discovery.walk import EXCLUDED, NOT_INCLUDED, is_other_name
from imgbudget.model.results import FileResult
from imgbudget.model.unread import UnreadPart, unread_parts
from imgbudget.namedtuples import NamedTuple

_PASSED = (EXCLUDED, NOT_INCLUDED)


class NamedFiles(NamedTuple):
    """The files that a user names, which each have to hold something; those that a search finds need not.

    `wanted` is what a file has to hold, an image or a request; None if either will do.
    """

    names: frozenset[str]
    wanted: Literal["image", "request"] | None = None

    @classmethod
    def of(cls, paths: Iterable[str], wanted: Literal["image", "request"] | None = None) -> "NamedFiles":
        """The files of these paths; `-` is standard input."""
        return cls(frozenset("<stdin>" if path == "-" else os.path.normpath(path) for path in paths), wanted)

    def unused(self, result: FileResult) -> Iterator[UnreadPart]:
        """What of a file could not be read; for a named one that holds nothing, why."""
        unread = list(unread_parts(result))
        yield from unread
        if not unread and os.path.normpath(result.path) in self.names and self._is_without(result):
            yield UnreadPart(result.path, result.path, why_without(result, self.wanted or "request"))

    def _is_without(self, result: FileResult) -> bool:
        if result.skipped is not None:
            return result.skipped not in _PASSED and not is_other_name(result.skipped)
        if self.wanted == "image":
            return not result.images
        return self.wanted == "request" and not result.requests


def why_without(result: FileResult, wanted: str) -> str:
    """Why a file holds no image or no request, whichever is wanted, as a clause."""
    if result.skipped is not None:
        return result.skipped
    if any(image.use.location.keys is None for image in result.images):
        return "an image, not a request"
    if unread := next(unread_parts(result), None):
        return unread.reason
    return f"there is no {wanted} in it"
