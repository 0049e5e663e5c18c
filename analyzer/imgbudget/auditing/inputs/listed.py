"""The lists in folders, and the files that lists name: each is counted with its rows, not with its folder."""

import os
import re
from collections.abc import Iterator, Sequence

from imgbudget.auditing.partition import ManifestEntry, Naming, Partition
from imgbudget.auditing.statistics import place_text
from imgbudget.auditing.urls import is_url
from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.discovery.walk import NOT_CHECKABLE, SAME_FILE, FoundFile, SkippedFile, other_name

_MAY_LIST = re.compile(r"\.(?:json|jsonl|ndjson|csv|tsv)(?:\.\w{1,4})?\Z", re.IGNORECASE)

_Number = tuple[int, int]
"""What identifies a file: its device and its inode."""


def may_be_lists(entries: Iterator[FoundFile | SkippedFile]) -> Iterator[str]:
    """The files of a search that may be lists of images by their names, without those that were named."""
    for entry in entries:
        if isinstance(entry, SkippedFile):
            is_open = entry.reason == NOT_CHECKABLE
        else:
            is_open = entry.kind is not FileKind.IMAGE and not entry.explicit
        if is_open and _MAY_LIST.search(entry.path):
            yield entry.path


class ListedFiles:
    """The lists of a run and the files that they name, by device and inode.

    The files are remembered only if there are `others`, named paths that may hold them.
    """

    def __init__(self, others: Sequence[str]) -> None:
        self._wanted = bool(others)
        self._folders = [os.path.join(os.path.realpath(path), "") for path in others]
        self._lists: dict[tuple[_Number, str], str] = {}
        self._first: dict[_Number, str] = {}
        self._lists_of: dict[_Number, str] = {}

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
        for item, number in _files_of(partition):
            place = place_text(partition.source, None, item.row, item.pointer)
            if self._first.setdefault(number, place) == place:
                self._lists_of.setdefault(number, partition.source)

    def once(self, partition: Partition, naming: Naming) -> Partition:
        """The partition of a list in a folder, with files that another list names as other names of them."""
        known: dict[int, str] = {}
        for item, number in _files_of(partition):
            path = item.path or item.name or ""
            if self._lists_of.get(number, partition.source) != partition.source:
                known[id(item)] = self._first[number]
            elif kind_of(path) is not FileKind.IMAGE and self._is_searched(path):
                known[id(item)] = path  # the search decides whether it is an image
        if not known:
            return partition
        items = tuple(
            item._replace(flaw=f"{SAME_FILE}{known[id(item)]}") if id(item) in known else item
            for item in partition.items
            if isinstance(item, ManifestEntry)
        )
        return naming.name(partition._replace(items=items), partition.id, *known.values())

    def _is_searched(self, path: str) -> bool:
        real = os.path.realpath(path)
        return any(real.startswith(folder) for folder in self._folders)

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


def _files_of(partition: Partition) -> Iterator[tuple[ManifestEntry, _Number]]:
    """The entries of a list that name files."""
    for item in partition.items:
        if not isinstance(item, ManifestEntry) or item.flaw is not None or item.inline is not None:
            continue
        path = item.path or item.name
        if path and not is_url(path) and (number := _number(path)) is not None:
            yield item, number


def _number(path: str) -> _Number | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return (status.st_dev, status.st_ino) if status.st_ino else None
