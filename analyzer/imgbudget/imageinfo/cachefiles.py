"""Cache files: entries by name for each folder, and whether a file is the one that an entry is about.

New entries are appended in parts, each with its checksum, so that filling the cache of a large folder writes
each entry once, and processes that write at the same time lose nothing. A part that is torn, damaged, of
another version or not of the shape that is written here is ignored as a whole; the next entries then replace
the file. Errors in writing one are ignored.
"""

import hashlib
import json
import os
import re
import stat
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from imgbudget.newfiles import is_folder, is_temporary, whole_file
from imgbudget.positional import OPEN_FLAGS

_TAG = "CACHEDIR.TAG"
_TAG_TEXT = "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of imgbudget; safe to delete.\n"
_MIN_AGE_NS = 2_000_000_000
"""Nanoseconds after its last change from which a file is cached: timestamps may be that coarse."""

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

FileStamp = tuple[int, int, int, int]
"""The size of a file in bytes, when its contents and its entry were last changed, in ns, and its inode.

A program can set the first time back, but not the second one, except on Windows, where that is the time when
the file was made.
"""


def stamp_of(path: str) -> FileStamp:
    """What a file at a path is known by: a file with another stamp is another one. Raises OSError."""
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def is_settled(stamp: FileStamp) -> bool:
    """Whether a file changed so long ago that another change would give it another stamp."""
    return time.time_ns() - stamp[1] > _MIN_AGE_NS


Entry = TypeVar("Entry", bound=tuple[Any, ...])


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


class FolderCache(Generic[Entry]):
    """Entries by name for each folder of images, in files of a cache folder. Not thread-safe.

    No path has the null character that a suffix for a second file of a folder begins with.
    """

    _kind = "facts"
    _suffix = b""
    _max_bytes = 1 << 28
    """Bytes from which on a cache file is ignored: facts of two million images."""

    def __init__(self, folder: str, version: str, on_ignored: Callable[[str], None] | None = None) -> None:
        """Use the cache in a folder; entries of another version are ignored.

        `on_ignored` receives a note on each cache file that is ignored.
        """
        self.folder = folder
        self._on_ignored = on_ignored
        self._start = f"imgbudget {self._kind} 1 {version} ".encode("ascii")
        self._to_replace: set[str] = set()

    def _checked(self, rows: list[Any]) -> "Iterable[Entry] | None":
        """The entries that were read from a cache file, None unless all have the right shape."""
        raise NotImplementedError

    def _encoded(self, entries: Mapping[str, Entry]) -> bytes:
        """Entries as one line of a file."""
        return json.dumps(entries, separators=(",", ":")).encode("ascii")

    def _decoded(self, line: bytes) -> Any:
        """The names with the rows of entries in a line. Raises ValueError."""
        return json.loads(line)

    def _save(self, location: str, entries: Mapping[str, Entry]) -> None:
        """Write new entries of a folder."""
        path = self._file(location)
        with suppress(OSError):  # a full or read-only disk must not fail the run
            make_folder(self.folder, os.path.dirname(path))
            if location in self._to_replace:
                self._load(location, quietly=True)  # another process may have replaced the file
            if location not in self._to_replace and _append(path, self._part(entries), self._max_bytes):
                return
            saved = self._load(location, quietly=True)
            self._to_replace.discard(location)
            with whole_file(path, follow=False, private=True, durable=False) as file:
                file.write(self._part({**saved, **entries}))

    def _part(self, entries: Mapping[str, Entry]) -> bytes:
        text = self._encoded(entries)
        return b"%s%08x\n%s\n" % (self._start, zlib.crc32(text), text)

    def _file(self, location: str) -> str:
        path = os.fsencode(os.path.abspath(location or "."))
        name = hashlib.sha256(path + self._suffix).hexdigest()
        return os.path.join(self.folder, name[:2], name[2:])

    def _load(self, location: str, *, quietly: bool = False) -> dict[str, Entry]:
        """The entries of a folder, the newest of each name, from all parts of its file that can be used."""
        self._to_replace.discard(location)
        found: dict[str, Entry] = {}
        read, reason = 0, ""
        try:
            lines = _read(self._file(location), self._max_bytes).split(b"\n")
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

    def _entries_in(self, text: bytes) -> "dict[str, Entry] | None":
        """The entries in a part of a cache file, None unless they have the right shape."""
        entries: Any = None
        with suppress(ValueError, RecursionError):
            entries = self._decoded(text)
        if not isinstance(entries, dict):
            return None
        if not entries:
            return {}
        checked = self._checked(list(entries.values()))
        return None if checked is None else dict(zip(entries, checked, strict=True))


def _append(path: str, data: bytes, most: int) -> bool:
    """Append a part to a cache file; False if the file has other names, so that it must be replaced.

    Raises:
        OSError: it cannot be written, is a link or no file, or would become too large.
    """
    fd = os.open(path, _APPEND_FLAGS, 0o600)
    try:
        status = os.fstat(fd)
        is_file = stat.S_ISREG(status.st_mode) and not os.path.islink(path)
        if not is_file or status.st_size + len(data) >= most:
            raise OSError(f"{path}: no cache file, or a full one")
        if status.st_nlink != 1:
            return False
        # at once, so that parts of several processes do not mix; a torn part before it ends with its line
        os.write(fd, b"\n" + data if status.st_size else data)
    finally:
        os.close(fd)
    return True


def _read(path: str, most: int) -> bytes:
    """The bytes of a cache file. Raises OSError, also for what is no file of a plausible size."""
    with open(os.open(path, OPEN_FLAGS), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            raise OSError(f"{path}: no cache file")
        return file.read()


def columns_of(rows: Sequence[Any], types: Sequence[frozenset[type]]) -> list[tuple[Any, ...]] | None:
    """The columns of one or more rows, None unless each row is a list of values of the right types."""
    if set(map(type, rows)) != {list} or set(map(len, rows)) != {len(types)}:
        return None
    columns = list(zip(*rows, strict=True))
    right = all(its.issuperset(map(type, column)) for column, its in zip(columns, types, strict=True))
    return columns if right else None


def stamps_are_right(stamps: Sequence[Iterable[int]]) -> bool:
    """Whether the columns of stamps have what any system uses for sizes, times in ns and inodes."""
    sizes, modified, changed, inodes = stamps
    return (
        are_within(sizes, 0, 1 << 64)
        and are_within(modified, 1 - (1 << 64), 1 << 64)
        and are_within(changed, 1 - (1 << 64), 1 << 64)
        and are_within(inodes, 0, 1 << 128)
    )


def are_within(values: Iterable[int | None], low: int, high: int) -> bool:
    """Whether all numbers that are known are at least `low` and below `high`."""
    known = [value for value in values if value is not None]
    return low <= min(known, default=low) and max(known, default=low) < high
