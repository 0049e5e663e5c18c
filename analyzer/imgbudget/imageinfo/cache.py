"""A cache on disk of the facts of files that have not changed, and of which files have the same bytes.

Facts depend only on bytes, so the cache is independent of rules, limits and configuration. It has one file
per searched folder, and one for comparisons. An entry is valid for the same stamp of a file and probe
version, and for no more than its fields.
"""

import itertools
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from imgbudget.imageinfo.cachefiles import (
    FileStamp,
    FolderCache,
    are_within,
    columns_of,
    is_settled,
    stamp_of,
    stamps_are_right,
)
from imgbudget.imageinfo.dispatch import PROBE_VERSION, pictured, probe_file
from imgbudget.imageinfo.reader import bytes_reader
from imgbudget.limits.geometry import Size
from imgbudget.model.pixels import pixels_from
from imgbudget.model.subjects import ImageFacts, ProbeField

_MAX_EDGE = 1 << 32
_MAX_TEXT = 1000
_MAX_QUALITY = 100
_MAX_ORIENTATION = 8
_MAX_BYTE_SIZE = 1 << 64

_FORMAT = re.compile(r"[a-z0-9][a-z0-9+. -]{0,19}")

_KnownFacts = tuple[int, int, int, int, int, ImageFacts]
"""The stamp of a file, the fields that were asked for, and its facts."""

_Comparison = tuple[int, int, int, int, str, int]
"""The stamp of a file, a mark and a number, see `ComparisonCache`."""


class FactsCache(FolderCache[_KnownFacts]):
    """Facts by path, from the cache if valid, else from the probe. Not thread-safe."""

    def __init__(self, folder: str, on_ignored: Callable[[str], None] | None = None) -> None:
        """See `FolderCache`."""
        super().__init__(folder, str(PROBE_VERSION), on_ignored)
        self._folder: str | None = None
        self._entries: dict[str, _KnownFacts] = {}
        self._new: dict[str, _KnownFacts] = {}

    def comparisons(self) -> "ComparisonCache":
        """The cache of comparisons in the same folder."""
        return ComparisonCache(self.folder, self._on_ignored)

    def probe(self, path: str, fields: int) -> ImageFacts:
        """The facts of the file at `path`, with at least `fields`.

        Raises:
            OSError: the file cannot be read.
        """
        if fields & _TEXT:  # which is kept by bytes, and never with the facts
            return _with_text(path, self.probe(path, fields & ~_TEXT & ~_KEPT | _ORIENTATION), fields)
        location, _, name = path.rpartition("/")
        if location != self._folder:
            self.flush()
            self._folder, self._entries = location, self._load(location)
        stamp = stamp_of(path)
        known = self._entries.get(name)
        if (
            (known is not None and known[:4] == stamp and known[4] & fields == fields)
            # a run without a cache does not find damage that it does not look for
            and (known[5].damage is None or known[4] == fields)
        ):
            return known[5]
        facts = probe_file(path, fields)
        if is_settled(stamp) and facts.byte_size == stamp[0]:
            self._new[name] = *stamp, int(fields), facts
        return facts

    def flush(self) -> None:
        """Write the new entries of the current folder."""
        if self._new and self._folder is not None:
            self._save(self._folder, self._new)
            self._new = {}

    def _checked(self, rows: list[Any]) -> Iterable[_KnownFacts] | None:
        return _known_facts(rows)


_TEXT, _KEPT = ProbeField.TEXT.value, ProbeField.KEPT_TEXT.value
_ORIENTATION = ProbeField.ORIENTATION.value


def _with_text(path: str, facts: ImageFacts, fields: int) -> ImageFacts:
    """The facts of a file with its text, which a rule then asks for. Raises OSError."""
    with open(path, "rb") as file:
        data = file.read()
    return pictured(facts, bytes_reader(data), len(data), fields & (_TEXT | _KEPT))


class ComparisonCache(FolderCache[_Comparison]):
    """Which files have the same bytes, as far as they were compared.

    All files that were compared with each other have one mark, and those with the same bytes one number. An
    entry has the stamp of a file, the mark, and the number: negative if no other file has its bytes.
    """

    _kind = "comparisons"
    _suffix = b"\0comparisons"

    def __init__(self, folder: str, on_ignored: Callable[[str], None] | None = None) -> None:
        """See `FolderCache`."""
        super().__init__(folder, str(PROBE_VERSION), on_ignored)
        self._marks = (f"{os.urandom(8).hex()}-{number}" for number in itertools.count())
        self._valid: dict[str, _Comparison] = {}
        self._stamps: dict[str, FileStamp] = {}
        self._new: dict[str, dict[str, _Comparison]] = {}

    def load(self, paths: Iterable[str]) -> None:
        """Read what is known of these files, and forget all others."""
        self._valid, self._stamps = {}, {}
        folders: dict[str, list[tuple[str, str]]] = {}
        for path in paths:
            location, _, name = path.rpartition("/")
            folders.setdefault(location, []).append((path, name))
        for location, its in folders.items():
            entries = self._load(location)
            for path, name in its:
                try:
                    self._stamps[path] = stamp = stamp_of(path)
                except OSError:  # the comparison will leave it out
                    continue
                entry = entries.get(name)
                if entry is not None and stamp == entry[:4]:
                    self._valid[path] = entry

    def copies(self, paths: Sequence[str]) -> list[tuple[int, tuple[str, ...]]] | None:
        """The copies among files with their length, if all of them were compared; None if not."""
        entries = [self._valid.get(path) for path in paths]
        first = entries[0]
        if first is None or any(entry is None or entry[4] != first[4] for entry in entries):
            return None
        same: dict[int, list[str]] = {}
        for path, entry in zip(paths, entries, strict=True):
            if entry is not None:
                same.setdefault(entry[5], []).append(path)
        return [(first[0], tuple(same[number])) for number in sorted(same) if len(same[number]) > 1]

    def keep(self, paths: Sequence[str], copies: Sequence[tuple[int, tuple[str, ...]]]) -> None:
        """Keep that these files were compared, and which of them are copies."""
        mark = next(self._marks)
        numbers = {path: number for number, (_, its) in enumerate(copies) for path in its}
        for alone, path in enumerate(paths, 1):
            stamp = self._stamps.get(path)
            if stamp is None or not is_settled(stamp) or not (path in numbers or os.access(path, os.R_OK)):
                continue
            location, _, name = path.rpartition("/")
            self._new.setdefault(location, {})[name] = *stamp, mark, numbers.get(path, -alone)

    def flush(self) -> None:
        """Write what was kept."""
        for location, entries in self._new.items():
            self._save(location, entries)
        self._new = {}

    def _checked(self, rows: list[Any]) -> Iterable[_Comparison] | None:
        columns = columns_of(rows, _COMPARISON_TYPES)
        return None if columns is None else zip(*columns, strict=True)


_INT, _BOOL, _STR, _LIST = (frozenset((kind,)) for kind in (int, bool, str, list))
_MAYBE_INT, _MAYBE_STR, _MAYBE_LIST = (frozenset((kind, type(None))) for kind in (int, str, list))
_COMPARISON_TYPES = _INT, _INT, _INT, _INT, _STR, _INT
_ENTRY_TYPES = _INT, _INT, _INT, _INT, _INT, _LIST
_FACTS_TYPES = (
    *(_INT, _MAYBE_STR, _MAYBE_LIST, _INT, _INT, _BOOL, _MAYBE_INT, _MAYBE_INT),
    *(_MAYBE_STR, _MAYBE_STR, _MAYBE_STR, _BOOL, _MAYBE_STR, _MAYBE_LIST, frozenset((type(None),))),
)
"""The types of the facts in their order; the text of an image is not kept."""

_ALL_FIELDS = ProbeField.ALL.value | ProbeField.PIXELS.value


def _known_facts(rows: Sequence[Any]) -> Iterable[_KnownFacts] | None:
    """The entries in rows, None unless all are right, checked by columns."""
    entries = columns_of(rows, _ENTRY_TYPES)
    if entries is None:
        return None
    *stamps, fields, values = entries
    columns = columns_of(values, _FACTS_TYPES)
    is_right = (
        columns is not None
        and columns[0] == stamps[0]
        and stamps_are_right(stamps)
        and are_within(fields, 0, _ALL_FIELDS + 1)
    )
    facts = _facts(columns) if columns is not None and is_right else None
    return None if facts is None else zip(*stamps, fields, facts, strict=True)


def _facts(columns: list[tuple[Any, ...]]) -> Iterable[ImageFacts] | None:
    """The facts, whose types are right, if each has a value that a file of its size can have."""
    byte_sizes, forms, edges, orientations, frames, _, qualities, metadata, *others, pixels, _ = columns
    damage, content, unturnable, _, variants = others
    known_edges = [value for value in edges if value is not None]
    measured = [None if value is None else pixels_from(value) for value in pixels]
    if not (
        (not known_edges or columns_of(known_edges, (_INT, _INT)) is not None)
        and are_within(itertools.chain.from_iterable(known_edges), 0, _MAX_EDGE)
        and are_within(orientations, 1, _MAX_ORIENTATION + 1)
        and are_within(qualities, 0, _MAX_QUALITY + 1)
        and are_within(frames, 0, _MAX_BYTE_SIZE)
        and all(count <= size + 2 for count, size in zip(frames, byte_sizes, strict=True))
        and are_within(metadata, 0, _MAX_BYTE_SIZE)
        and all((count or 0) <= size for count, size in zip(metadata, byte_sizes, strict=True))
        and all(form is None or _FORMAT.fullmatch(form) for form in set(forms))
        and all(len(text or "") <= _MAX_TEXT for text in {*damage, *content, *unturnable, *variants})
        and measured.count(None) == pixels.count(None)
    ):
        return None
    same = {form: form for form in forms}  # one object for equal ones
    columns[1], columns[13] = tuple(map(same.get, forms)), tuple(measured)
    columns[2] = tuple([None if value is None else Size(*value) for value in edges])
    return map(ImageFacts._make, zip(*columns, strict=True))
