"""One file under several names, by links or hard links: it is checked and counted under the first of them."""

import os
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from struct import error, pack, unpack

from imgbudget.discovery.filetypes import kind_of


class KnownFiles:
    """The files that a search has found, by inode number: 10 to 20 bytes for each, 80 once one has two names.

    Listing a folder yields the numbers for free, so most files need no further call. A number that occurs
    again is only a hint, because each file system counts for itself: then both files are compared.
    `is_alike` is whether the second of two names of a file would be checked as the first is.
    """

    def __init__(self, is_alike: Callable[[str, str], bool]) -> None:
        self._is_alike = is_alike
        self._bits: dict[int, int] = {}  # of 64 numbers each; file systems give them out in a row
        self._folders: list[tuple[str, bytes]] = []
        self._places: dict[int, str] | None = None
        self._compared: dict[tuple[int, int], list[str]] = {}
        self._last: tuple[str, dict[int, str]] | None = None

    def add_folder(self, prefix: str, numbers: Sequence[int]) -> set[int]:
        """Add the files of a folder, except those whose numbers occur several times: returns these."""
        if self._places is None and self._are_new(numbers):
            with suppress(error):  # larger numbers than those of any common file system
                self._folders.append((prefix, pack(f"{len(numbers)}Q", *numbers)))
                return set()
        places = self._first_places()
        new = dict.fromkeys(numbers, prefix)
        repeated: set[int] = set()
        if len(new) < len(numbers):
            repeated = {number for number, times in Counter(numbers).items() if times > 1}
        if not new.keys().isdisjoint(places):
            repeated |= new.keys() & places.keys()
        for number in repeated:
            del new[number]
        places.update(new)
        return repeated

    def _are_new(self, numbers: Sequence[int]) -> bool:
        """Whether none of these numbers occurred before; if so, they have now."""
        bits = self._bits
        for number in numbers:
            block, bit = number >> 6, 1 << (number & 63)
            known = bits.get(block, 0)
            if known & bit:
                return False
            bits[block] = known | bit
        return True

    def _first_places(self) -> dict[int, str]:
        """The folder of the first file with each number, with its final slash, or its path."""
        if self._places is None:
            self._places = {}
            for prefix, packed in self._folders:
                self._places.update(dict.fromkeys(unpack(f"{len(packed) // 8}Q", packed), prefix))
            self._folders, self._bits = [], {}
        return self._places

    def other_name(self, path: str, number: int) -> str | None:
        """Another name of this file that was found before, with which it would be checked alike.

        None if it is new; it is added then.
        """
        places = self._first_places()
        where = places.get(number)
        if where is None:
            places[number] = path
            return None
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        names = self._compared.setdefault((status.st_dev, status.st_ino), [])
        if not names and (first := self._first(where, number)) is not None and _is_same(first, status):
            names.append(first)
        for name in names:
            if self._is_alike(name, path):
                return name
        names.append(path)
        return None

    def _first(self, where: str, number: int) -> str | None:
        """The path of the first file with a number; None if it is gone."""
        if where and not where.endswith("/"):
            return where
        if self._last is None or self._last[0] != where:
            self._last = where, _by_number(where)
        return self._last[1].get(number)


def _by_number(prefix: str) -> dict[int, str]:
    """The paths of the files in a folder that a search checks."""
    found: dict[int, str] = {}
    try:
        with os.scandir(prefix or ".") as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False) and kind_of(entry.name):
                    path = prefix + entry.name
                    found[entry.inode()] = min(path, found.get(entry.inode(), path))
    except OSError:
        pass
    return found


def _is_same(path: str, status: os.stat_result) -> bool:
    """Whether a path is still the file with this status."""
    try:
        return status.st_ino != 0 and os.path.samestat(os.stat(path), status)
    except (OSError, ValueError):
        return False
