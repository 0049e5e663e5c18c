"""The files that named lists name: each is counted with its rows, and not again with its folder."""

import os
from collections.abc import Iterator, Sequence

from imgbudget.audit.partition import ManifestEntry, Partition
from imgbudget.audit.statistics import place_text
from imgbudget.audit.urls import is_url
from imgbudget.discovery.walk import FoundFile, SkippedFile, other_name

_Number = tuple[int, int]
"""What identifies a file: its device and its inode."""


class ListedFiles:
    """The lists of a run and the files that they name, by device and inode.

    The files are remembered only if there are `others`, named paths that may hold them.
    """

    def __init__(self, others: Sequence[str]) -> None:
        self._wanted = bool(others)
        self._lists: dict[tuple[_Number, str], str] = {}
        self._first: dict[_Number, str] = {}

    def known_list(self, path: str, root: str | None) -> str | None:
        """The name under which a list is read already, with the same folder to begin at; it is added."""
        number = _number(path)
        if number is None:
            return None
        base = os.path.realpath(root or os.path.dirname(path) or ".")
        first = self._lists.setdefault((number, base), path)
        self._first.setdefault(number, first)
        return None if first == path else first

    def add(self, partition: Partition) -> None:
        """Remember the files that the entries of a list name."""
        if not self._wanted:
            return
        for item in partition.items:
            if not isinstance(item, ManifestEntry) or item.flaw is not None or item.inline is not None:
                continue
            path = item.path or item.name
            if path and not is_url(path) and (number := _number(path)) is not None:
                place = place_text(partition.source, None, item.row, item.pointer)
                self._first.setdefault(number, place)

    def unlisted(self, entries: Iterator[FoundFile | SkippedFile]) -> Iterator[FoundFile | SkippedFile]:
        """The entries of a search, but those of listed files as other names of them."""
        if not self._first:
            yield from entries
            return
        for entry in entries:
            first = self._first.get(_number(entry.path) or (0, 0))
            if first is None or (isinstance(entry, SkippedFile) and entry.is_other_name):
                yield entry
            elif first != entry.path:  # a list itself is an argument already
                yield other_name(entry.path, first)


def _number(path: str) -> _Number | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if status.st_ino else None
