"""A cache on disk of the facts of files that have not changed, and of which files have the same bytes.

Facts depend only on bytes, so the cache is independent of rules, limits and configuration. It has one file
per searched folder, and one for comparisons. An entry is valid for the same name, size, modification time,
inode and probe version, and for no more than its fields. A cache file that is damaged, of another version or
not of the shape that is written here is ignored as a whole, and so are errors in writing one.
"""

import hashlib
import itertools
import json
import os
import re
import stat
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

from imgbudget.imageinfo.dispatch import PROBE_VERSION, probe_file
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

_Entry = list[Any]  # size, mtime_ns, inode, fields, facts


def cache_folder() -> str:
    """The folder of the cache, in XDG_CACHE_HOME, LOCALAPPDATA or the user's .cache."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return os.path.join(base or os.path.expanduser("~/.cache"), "imgbudget")


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


class _FolderCache:
    """Entries by name for each folder of images, in files of a cache folder. Not thread-safe."""

    _kind = "facts"
    _suffix = b""

    def __init__(self, folder: str, on_ignored: Callable[[str], None] | None = None) -> None:
        """Use the cache in a folder; `on_ignored` receives a note on each cache file that is ignored."""
        self.folder = folder
        self._on_ignored = on_ignored
        self._start = b"imgbudget %s 1 %d " % (self._kind.encode("ascii"), PROBE_VERSION)

    def _save(self, location: str, entries: dict[str, _Entry]) -> None:
        """Write the entries of a folder."""
        text = json.dumps(entries, separators=(",", ":")).encode("ascii")
        path = self._file(location)
        with suppress(OSError):  # a full or read-only disk must not fail the run
            self._make_folder(os.path.dirname(path))
            with whole_file(path, follow=False, private=True, durable=False) as file:
                file.write(b"%s%08x\n" % (self._start, zlib.crc32(text)))
                file.write(text)

    def _make_folder(self, folder: str) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        tag = os.path.join(self.folder, _TAG)
        if not os.path.lexists(tag):
            with suppress(FileExistsError), open(tag, "x", encoding="ascii") as file:
                file.write(_TAG_TEXT)

    def _file(self, location: str) -> str:
        path = os.fsencode(os.path.abspath(location or "."))
        name = hashlib.sha256(path + self._suffix).hexdigest()
        return os.path.join(self.folder, name[:2], name[2:])

    def _load(self, location: str) -> dict[str, _Entry]:
        """The entries of a folder, whose shape is not yet checked; none if its cache file is ignored."""
        try:
            data = _read(self._file(location))
        except FileNotFoundError:
            return {}
        except OSError:
            return self._ignore(location, "it cannot be read")
        head, _, text = data.partition(b"\n")
        if not head.startswith(self._start):
            return self._ignore(location, "it is of another version")
        if head != b"%s%08x" % (self._start, zlib.crc32(text)):
            return self._ignore(location, "it is damaged")
        entries: Any = None
        with suppress(ValueError, RecursionError):
            entries = json.loads(text)
        if not isinstance(entries, dict):
            return self._ignore(location, _WRONG_SHAPE)
        return entries

    def _ignore(self, location: str, reason: str) -> dict[str, _Entry]:
        if self._on_ignored is not None:
            self._on_ignored(f"the cached {self._kind} of {location or '.'} are ignored: {reason}")
        return {}


_WRONG_SHAPE = "its entries do not have the right shape"


class FactsCache(_FolderCache):
    """Facts by path, from the cache if valid, else from the probe. Not thread-safe."""

    def __init__(self, folder: str, on_ignored: Callable[[str], None] | None = None) -> None:
        """See `_FolderCache`."""
        super().__init__(folder, on_ignored)
        self._folder: str | None = None
        self._entries: dict[str, _Entry] = {}
        self._changed = False

    def comparisons(self) -> "ComparisonCache":
        """The cache of comparisons in the same folder."""
        return ComparisonCache(self.folder, self._on_ignored)

    def probe(self, path: str, fields: int) -> ImageFacts:
        """The facts of the file at `path`, with at least `fields`.

        Raises:
            OSError: the file cannot be read.
        """
        location, _, name = path.rpartition("/")
        if location != self._folder:
            self.flush()
            self._folder, self._entries = location, self._load(location)
        status = os.stat(path)
        if name in self._entries:
            entry = self._entries[name]
            known = _facts_of(entry)
            if known is None:
                self._entries = {}
                self._ignore(location, _WRONG_SHAPE)
            elif (
                entry[0] == status.st_size
                and entry[1] == status.st_mtime_ns
                and entry[2] == status.st_ino
                and entry[3] & fields == fields
            ):
                return known
        facts = probe_file(path, fields)
        if time.time() - status.st_mtime > _MIN_AGE and facts.byte_size == status.st_size:
            self._entries[name] = [status.st_size, status.st_mtime_ns, status.st_ino, int(fields), facts]
            self._changed = True
        return facts

    def flush(self) -> None:
        """Write the new entries of the current folder."""
        if not self._changed or self._folder is None:
            return
        self._changed = False
        # another process may have written for the same folder
        saved = {name: entry for name, entry in self._load(self._folder).items() if _facts_of(entry)}
        self._save(self._folder, saved | self._entries)


class ComparisonCache(_FolderCache):
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
        self._valid: dict[str, _Entry] = {}
        self._status: dict[str, tuple[int, int, int]] = {}
        self._new: dict[str, dict[str, _Entry]] = {}

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
                    if entry is not None and not _is_comparison(entry):
                        entries = self._ignore(location, _WRONG_SHAPE)
                    elif entry is not None and known == tuple(entry[:3]):
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
            self._new.setdefault(location, {})[name] = [*status, mark, numbers.get(path, -alone)]

    def flush(self) -> None:
        """Write what was kept."""
        for location, entries in self._new.items():
            saved = {name: entry for name, entry in self._load(location).items() if _is_comparison(entry)}
            self._save(location, saved | entries)
        self._new = {}


def _is_comparison(entry: Any) -> bool:
    """Whether an entry has the shape of those of comparisons."""
    return type(entry) is list and tuple(map(type, entry)) == (int, int, int, str, int)


def _read(path: str) -> bytes:
    """The bytes of a cache file. Raises OSError, also for what is no file of a plausible size."""
    with open(os.open(path, OPEN_FLAGS), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MAX_BYTES:
            raise OSError(f"{path}: no cache file")
        return file.read()


def _facts_of(entry: Any) -> ImageFacts | None:
    """The facts of an entry that has the right shape, else None. Called for every image, so written out."""
    if type(entry) is not list or len(entry) != _ENTRY_LENGTH:
        return None
    byte_size, modified, inode, fields, values = entry
    if type(values) is ImageFacts:  # just stored
        return values
    if type(values) is not list or values[:1] != [byte_size]:
        return None
    kinds = tuple(map(type, (byte_size, modified, inode, fields, *values)))
    if kinds not in _KNOWN_TYPES and not _has_right_types(kinds):
        return None
    if not (0 <= byte_size < _MAX_BYTE_SIZE and -_MAX_TIME < modified < _MAX_TIME):
        return None
    if not (0 <= inode < _MAX_INODE and 0 <= fields <= _ALL_FIELDS):
        return None
    return _checked(byte_size, values)


_ENTRY_LENGTH = 5
_ALL_FIELDS = ProbeField.ALL.value | ProbeField.PIXELS.value

_NONE = type(None)
_INTEGER, _TEXT = (int,), (str, _NONE)
_TYPES: tuple[tuple[type, ...], ...] = (
    *(_INTEGER, _INTEGER, _INTEGER, _INTEGER),
    *(_INTEGER, _TEXT, (list, _NONE), _INTEGER, _INTEGER, (bool,), (int, _NONE), (int, _NONE)),
    *(_TEXT, _TEXT, _TEXT, (bool,), _TEXT, (list, _NONE)),
)
"""The types of size, time, inode and fields, and then of the facts in their order."""

_KNOWN_TYPES: set[tuple[type, ...]] = set()
"""Combinations of types that were found to be right."""


def _has_right_types(kinds: tuple[type, ...]) -> bool:
    if len(kinds) != len(_TYPES) or any(kind not in known for kind, known in zip(kinds, _TYPES, strict=True)):
        return False
    _KNOWN_TYPES.add(kinds)
    return True


_FORMATS: set[str | None] = {None}
"""Formats that were found to be words."""


def _checked(byte_size: int, values: list[Any]) -> ImageFacts | None:
    """The facts, whose types are right, if each has a value that a file of this size can have."""
    _, form, edges, orientation, frames, has_location, quality, metadata_bytes, *others, pixels = values
    damage, content, unturnable, in_xmp, variant = others
    size = None
    if edges is not None:
        if len(edges) != 2 or type(edges[0]) is not int or type(edges[1]) is not int:
            return None
        size = Size(*edges)
        if not (0 <= size.width < _MAX_EDGE and 0 <= size.height < _MAX_EDGE):
            return None
    if not (1 <= orientation <= _MAX_ORIENTATION and 0 <= frames <= byte_size + 2):
        return None
    if not (0 <= (quality or 0) <= _MAX_QUALITY and 0 <= (metadata_bytes or 0) <= byte_size):
        return None
    if any(len(text or "") > _MAX_TEXT for text in (damage, content, unturnable, variant)):
        return None
    if form not in _FORMATS:
        if not _FORMAT.fullmatch(form):
            return None
        _FORMATS.add(form)
    facts = ImageFacts(
        byte_size,
        form,
        size,
        orientation,
        frames,
        has_location,
        quality,
        metadata_bytes,
        damage,
        content,
        unturnable,
        in_xmp,
        variant,
    )
    return facts if pixels is None else _with_pixels(facts, pixels)


def _with_pixels(facts: ImageFacts, values: list[Any]) -> ImageFacts | None:
    """The facts with measurements of pixels, if these have the right types."""
    pixels = pixels_from(values)
    return facts._replace(pixels=pixels) if pixels is not None else None
