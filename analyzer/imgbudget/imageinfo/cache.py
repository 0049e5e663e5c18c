"""A cache on disk of the facts of files that have not changed, and of which files have the same bytes.

Facts depend only on bytes, so the cache is independent of rules, limits and configuration. It has one file
per searched folder, and one for comparisons. An entry is valid for the same name, size, modification time,
inode and probe version, and for no more than its fields. New entries are appended in parts, each with its
checksum, so that filling the cache of a large folder writes each entry once, and processes that write at the
same time lose nothing. A part that is torn, damaged, of another version or not of the shape that is written
here is ignored as a whole; the next entries then replace the file. Errors in writing one are ignored.
"""

import hashlib
import itertools
import json
import os
import re
import stat
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from imgbudget.imageinfo.dispatch import PROBE_VERSION, pictured, probe_file
from imgbudget.imageinfo.reader import bytes_reader
from imgbudget.limits.geometry import Size
from imgbudget.model.pixels import pixels_from
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.newfiles import is_folder, is_temporary, whole_file
from imgbudget.positional import OPEN_FLAGS

_TAG = "CACHEDIR.TAG"
_TAG_TEXT = "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of imgbudget; safe to delete.\n"
_MIN_AGE = 2.0
"""Seconds after its last change from which a file is cached: timestamps may be that coarse."""

_MAX_BYTES = 1 << 28
"""Bytes from which on a cache file is ignored: entries of two million images."""

_MAX_EDGE = 1 << 32
_MAX_TEXT = 1000
_MAX_QUALITY = 100
_MAX_ORIENTATION = 8
_MAX_BYTE_SIZE = _MAX_TIME = 1 << 64
_MAX_INODE = 1 << 128
"""What any system uses for sizes, times in ns and inodes."""

_FORMAT = re.compile(r"[a-z0-9][a-z0-9+. -]{0,19}")

_OLD_ENTRIES = 1000
"""With more replaced entries in a file than these and the valid ones together, the file is written again."""

_APPEND_FLAGS = (
    os.O_WRONLY
    | os.O_APPEND
    | os.O_CREAT
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)

_KnownFacts = tuple[int, int, int, int, ImageFacts]
"""The size, time in ns and inode of a file, the fields that were asked for, and its facts."""

_Comparison = tuple[int, int, int, str, int]
"""The size, time in ns and inode of a file, a mark and a number, see `ComparisonCache`."""

_Entry = TypeVar("_Entry", _KnownFacts, _Comparison)


def cache_folder() -> str:
    """The folder of the cache, in XDG_CACHE_HOME, LOCALAPPDATA or the user's .cache."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return os.path.join(base or os.path.expanduser("~/.cache"), "imgbudget")


def make_folder(root: str, folder: str) -> None:
    """Make a folder of the cache at `root`, which is marked as one for backups. Raises OSError."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    tag = os.path.join(root, _TAG)
    if not os.path.lexists(tag):
        with suppress(FileExistsError), open(tag, "x", encoding="ascii") as file:
            file.write(_TAG_TEXT)


def clear(folder: str) -> int | None:
    """Remove the cache; returns the number of its files, or None if there is no cache in the folder.

    Only files that a cache has are removed, and folders that are empty then.
    """
    tag = os.path.join(folder, _TAG)
    if not os.path.isfile(tag):
        return None
    removed = 0
    with os.scandir(folder) as parts:
        folders = [part.path for part in parts if _PART.fullmatch(part.name) and is_folder(_status(part))]
    for part in folders:
        with os.scandir(part) as entries:
            files = [entry.path for entry in entries if _is_ours(entry)]
        for path in files:
            os.unlink(path)
        removed += len(files)
        with suppress(OSError):  # something else is in it
            os.rmdir(part)
    os.unlink(tag)
    with suppress(OSError):
        os.rmdir(folder)
    return removed


_PART, _FILE = re.compile("[0-9a-f]{2}"), re.compile("[0-9a-f]{62}")


def _status(entry: "os.DirEntry[str]") -> os.stat_result:
    return entry.stat(follow_symlinks=False)


def _is_ours(entry: "os.DirEntry[str]") -> bool:
    named = _FILE.fullmatch(entry.name) is not None or is_temporary(entry.name)
    return named and entry.is_file(follow_symlinks=False)


class _FolderCache(Generic[_Entry]):
    """Entries by name for each folder of images, in files of a cache folder. Not thread-safe."""

    _kind = "facts"
    _suffix = b""

    def __init__(self, folder: str, on_ignored: Callable[[str], None] | None = None) -> None:
        """Use the cache in a folder; `on_ignored` receives a note on each cache file that is ignored."""
        self.folder = folder
        self._on_ignored = on_ignored
        self._start = b"imgbudget %s 1 %d " % (self._kind.encode("ascii"), PROBE_VERSION)
        self._to_replace: set[str] = set()

    def _checked(self, rows: list[Any]) -> "Iterable[_Entry] | None":
        """The entries that were read from a cache file, None unless all have the right shape."""
        raise NotImplementedError

    def _save(self, location: str, entries: Mapping[str, _Entry]) -> None:
        """Write new entries of a folder."""
        path = self._file(location)
        with suppress(OSError):  # a full or read-only disk must not fail the run
            make_folder(self.folder, os.path.dirname(path))
            if location in self._to_replace:
                self._load(location, quietly=True)  # another process may have replaced the file
            if location not in self._to_replace and _append(path, self._part(entries)):
                return
            saved = self._load(location, quietly=True)
            self._to_replace.discard(location)
            with whole_file(path, follow=False, private=True, durable=False) as file:
                file.write(self._part({**saved, **entries}))

    def _part(self, entries: Mapping[str, _Entry]) -> bytes:
        text = json.dumps(entries, separators=(",", ":")).encode("ascii")
        return b"%s%08x\n%s\n" % (self._start, zlib.crc32(text), text)

    def _file(self, location: str) -> str:
        path = os.fsencode(os.path.abspath(location or "."))
        name = hashlib.sha256(path + self._suffix).hexdigest()
        return os.path.join(self.folder, name[:2], name[2:])

    def _load(self, location: str, *, quietly: bool = False) -> dict[str, _Entry]:
        """The entries of a folder, the newest of each name, from all parts of its file that can be used."""
        self._to_replace.discard(location)
        found: dict[str, _Entry] = {}
        read, reason = 0, ""
        try:
            lines = _read(self._file(location)).split(b"\n")
        except FileNotFoundError:
            return {}
        except OSError:
            lines, reason = [], "it cannot be read"
        at = 0
        while at < len(lines):
            text = lines[at + 1] if at + 1 < len(lines) else b""
            if not lines[at].startswith(self._start):
                if lines[at]:
                    reason = reason or "it is of another version"
                at += 1
            elif lines[at] != b"%s%08x" % (self._start, zlib.crc32(text)):
                reason = reason or "it is damaged"
                # a part may have been torn anywhere: the next line may be the first of another one
                at += 1 if text.startswith(self._start) else 2
            else:
                at += 2
                part = self._entries_in(text)
                if part is None:
                    reason = reason or "its entries do not have the right shape"
                else:
                    read += len(part)
                    found.update(part)
        if reason or read > 2 * len(found) + _OLD_ENTRIES:
            self._to_replace.add(location)
        if reason and not quietly and self._on_ignored is not None:
            ignored, are = (
                (f"a part of the cached {self._kind}", "is") if found else (f"the cached {self._kind}", "are")
            )
            self._on_ignored(f"{ignored} of {location or '.'} {are} ignored: {reason}")
        return found

    def _entries_in(self, text: bytes) -> "dict[str, _Entry] | None":
        """The entries in a part of a cache file, None unless they have the right shape."""
        entries: Any = None
        with suppress(ValueError, RecursionError):
            entries = json.loads(text)
        if not isinstance(entries, dict):
            return None
        if not entries:
            return {}
        checked = self._checked(list(entries.values()))
        return None if checked is None else dict(zip(entries, checked, strict=True))


def _append(path: str, data: bytes) -> bool:
    """Append a part to a cache file; False if the file has other names, so that it must be replaced.

    Raises:
        OSError: it cannot be written, is a link or no file, or would become too large.
    """
    fd = os.open(path, _APPEND_FLAGS, 0o600)
    try:
        status = os.fstat(fd)
        is_file = stat.S_ISREG(status.st_mode) and not os.path.islink(path)
        if not is_file or status.st_size + len(data) >= _MAX_BYTES:
            raise OSError(f"{path}: no cache file, or a full one")
        if status.st_nlink != 1:
            return False
        # at once, so that parts of several processes do not mix; a torn part before it ends with its line
        os.write(fd, b"\n" + data if status.st_size else data)
    finally:
        os.close(fd)
    return True


class FactsCache(_FolderCache[_KnownFacts]):
    """Facts by path, from the cache if valid, else from the probe. Not thread-safe."""

    def __init__(self, folder: str, on_ignored: Callable[[str], None] | None = None) -> None:
        """See `_FolderCache`."""
        super().__init__(folder, on_ignored)
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
        status = os.stat(path)
        if (known := self._entries.get(name)) is not None:
            size, modified, inode, with_fields, facts = known
            if (
                size == status.st_size
                and modified == status.st_mtime_ns
                and inode == status.st_ino
                and with_fields & fields == fields
            ):
                return facts
        facts = probe_file(path, fields)
        if time.time() - status.st_mtime > _MIN_AGE and facts.byte_size == status.st_size:
            self._new[name] = status.st_size, status.st_mtime_ns, status.st_ino, int(fields), facts
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


class ComparisonCache(_FolderCache[_Comparison]):
    """Which files have the same bytes, as far as they were compared.

    All files that were compared with each other have one mark, and those with the same bytes one number. An
    entry has the size, time and inode of a file, the mark, and the number: negative if no other file has its
    bytes.
    """

    _kind = "comparisons"
    _suffix = b"\0comparisons"  # no path has a null character

    def __init__(self, folder: str, on_ignored: Callable[[str], None] | None = None) -> None:
        """See `_FolderCache`."""
        super().__init__(folder, on_ignored)
        self._marks = (f"{os.urandom(8).hex()}-{number}" for number in itertools.count())
        self._valid: dict[str, _Comparison] = {}
        self._status: dict[str, tuple[int, int, int]] = {}
        self._new: dict[str, dict[str, _Comparison]] = {}

    def load(self, paths: Iterable[str]) -> None:
        """Read what is known of these files, and forget all others."""
        self._valid, self._status = {}, {}
        folders: dict[str, list[str]] = {}
        for path in paths:
            folders.setdefault(path.rpartition("/")[0], []).append(path)
        for location, its in folders.items():
            entries = self._load(location)
            for path in its:
                with suppress(OSError):  # the comparison will leave it out
                    status = os.stat(path)
                    self._status[path] = known = status.st_size, status.st_mtime_ns, status.st_ino
                    entry = entries.get(path.rpartition("/")[2])
                    if entry is not None and known == entry[:3]:
                        self._valid[path] = entry

    def copies(self, paths: Sequence[str]) -> list[tuple[int, tuple[str, ...]]] | None:
        """The copies among files with their length, if all of them were compared; None if not."""
        entries = [self._valid.get(path) for path in paths]
        first = entries[0]
        if first is None or any(entry is None or entry[3] != first[3] for entry in entries):
            return None
        same: dict[int, list[str]] = {}
        for path, entry in zip(paths, entries, strict=True):
            if entry is not None:
                same.setdefault(entry[4], []).append(path)
        return [(first[0], tuple(same[number])) for number in sorted(same) if len(same[number]) > 1]

    def keep(self, paths: Sequence[str], copies: Sequence[tuple[int, tuple[str, ...]]]) -> None:
        """Keep that these files were compared, and which of them are copies."""
        mark, oldest = next(self._marks), time.time_ns() - int(_MIN_AGE * 1e9)
        numbers = {path: number for number, (_, its) in enumerate(copies) for path in its}
        for alone, path in enumerate(paths, 1):
            status = self._status.get(path)
            if status is None or status[1] > oldest or not (path in numbers or os.access(path, os.R_OK)):
                continue
            location, _, name = path.rpartition("/")
            self._new.setdefault(location, {})[name] = *status, mark, numbers.get(path, -alone)

    def flush(self) -> None:
        """Write what was kept."""
        for location, entries in self._new.items():
            self._save(location, entries)
        self._new = {}

    def _checked(self, rows: list[Any]) -> Iterable[_Comparison] | None:
        columns = _columns(rows, _COMPARISON_TYPES)
        return None if columns is None else zip(*columns, strict=True)


_INT, _BOOL, _STR, _LIST = (frozenset((kind,)) for kind in (int, bool, str, list))
_MAYBE_INT, _MAYBE_STR, _MAYBE_LIST = (frozenset((kind, type(None))) for kind in (int, str, list))
_COMPARISON_TYPES = _INT, _INT, _INT, _STR, _INT
_ENTRY_TYPES = _INT, _INT, _INT, _INT, _LIST
_FACTS_TYPES = (
    *(_INT, _MAYBE_STR, _MAYBE_LIST, _INT, _INT, _BOOL, _MAYBE_INT, _MAYBE_INT),
    *(_MAYBE_STR, _MAYBE_STR, _MAYBE_STR, _BOOL, _MAYBE_STR, _MAYBE_LIST, frozenset((type(None),))),
)
"""The types of the facts in their order; the text of an image is not kept."""

_ALL_FIELDS = ProbeField.ALL.value | ProbeField.PIXELS.value


def _columns(rows: Sequence[Any], types: Sequence[frozenset[type]]) -> list[tuple[Any, ...]] | None:
    """The columns of one or more rows, None unless each row is a list of values of the right types."""
    if set(map(type, rows)) != {list} or set(map(len, rows)) != {len(types)}:
        return None
    columns = list(zip(*rows, strict=True))
    right = all(its.issuperset(map(type, column)) for column, its in zip(columns, types, strict=True))
    return columns if right else None


def _known_facts(rows: Sequence[Any]) -> Iterable[_KnownFacts] | None:
    """The entries in rows, None unless all are right, checked by columns."""
    entries = _columns(rows, _ENTRY_TYPES)
    if entries is None:
        return None
    sizes, modified, inodes, fields, values = entries
    columns = _columns(values, _FACTS_TYPES)
    is_right = (
        columns is not None
        and columns[0] == sizes
        and _are_within(sizes, 0, _MAX_BYTE_SIZE)
        and _are_within(modified, 1 - _MAX_TIME, _MAX_TIME)
        and _are_within(inodes, 0, _MAX_INODE)
        and _are_within(fields, 0, _ALL_FIELDS + 1)
    )
    facts = _facts(columns) if columns is not None and is_right else None
    return None if facts is None else zip(sizes, modified, inodes, fields, facts, strict=True)


def _facts(columns: list[tuple[Any, ...]]) -> Iterable[ImageFacts] | None:
    """The facts, whose types are right, if each has a value that a file of its size can have."""
    byte_sizes, forms, edges, orientations, frames, _, qualities, metadata, *others, pixels, _ = columns
    damage, content, unturnable, _, variants = others
    known_edges = [value for value in edges if value is not None]
    measured = [None if value is None else pixels_from(value) for value in pixels]
    if not (
        (not known_edges or _columns(known_edges, (_INT, _INT)) is not None)
        and _are_within(itertools.chain.from_iterable(known_edges), 0, _MAX_EDGE)
        and _are_within(orientations, 1, _MAX_ORIENTATION + 1)
        and _are_within(qualities, 0, _MAX_QUALITY + 1)
        and _are_within(frames, 0, _MAX_BYTE_SIZE)
        and all(count <= size + 2 for count, size in zip(frames, byte_sizes, strict=True))
        and _are_within(metadata, 0, _MAX_BYTE_SIZE)
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


def _are_within(values: Iterable[int | None], low: int, high: int) -> bool:
    """Whether all numbers that are known are at least `low` and below `high`."""
    known = [value for value in values if value is not None]
    return low <= min(known, default=low) and max(known, default=low) < high


def _read(path: str) -> bytes:
    """The bytes of a cache file. Raises OSError, also for what is no file of a plausible size."""
    with open(os.open(path, OPEN_FLAGS), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            raise OSError(f"{path}: no cache file")
        return file.read()
