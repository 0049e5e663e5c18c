"""A cache on disk of the facts of files that have not changed.

Facts depend only on bytes, so the cache is independent of rules, limits and configuration. It has one file
per searched folder. An entry is valid for the same name, size, modification time, inode and probe version,
and for no more than its fields. Damaged cache files are ignored, and so are errors in writing them.
"""

import hashlib
import json
import os
import shutil
import time
import zlib
from typing import Any

from imgbudget.imageinfo.dispatch import PROBE_VERSION, probe_file
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ImageFacts

_MAGIC = b"imgbudget facts 1 "
_TAG = "CACHEDIR.TAG"
_TAG_TEXT = "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of imgbudget; safe to delete.\n"
_MIN_AGE = 2.0
"""Seconds after its last change from which a file is cached: timestamps may be that coarse."""

_Entry = list[Any]  # size, mtime_ns, inode, fields, facts


def cache_folder() -> str:
    """The folder of the cache, in XDG_CACHE_HOME, LOCALAPPDATA or the user's .cache."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return os.path.join(base or os.path.expanduser("~/.cache"), "imgbudget")


def clear(folder: str) -> int | None:
    """Remove the cache; returns the number of its files, or None if there is no cache in the folder."""
    if not os.path.isfile(os.path.join(folder, _TAG)):
        return None
    files = sum(len(names) for _, _, names in os.walk(folder)) - 1
    shutil.rmtree(folder)
    return files


class FactsCache:
    """Facts by path, from the cache if valid, else from the probe. Not thread-safe."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._folder: str | None = None
        self._entries: dict[str, _Entry] = {}
        self._changed = False

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
        entry = self._entries.get(name)
        if (
            entry
            and entry[:3] == [status.st_size, status.st_mtime_ns, status.st_ino]
            and entry[3] & fields == fields
        ):
            return _from_json(entry[4])
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
        entries = self._load(self._folder) | self._entries
        text = json.dumps(entries, separators=(",", ":")).encode("ascii")
        path = self._file(self._folder)
        temporary = f"{path}.{os.getpid()}.tmp"
        try:
            self._make_folder(os.path.dirname(path))
            with open(temporary, "wb") as file:
                file.write(b"%s%d %08x\n" % (_MAGIC, PROBE_VERSION, zlib.crc32(text)))
                file.write(text)
            os.replace(temporary, path)
        except OSError:  # a full or read-only disk must not fail the run
            if os.path.exists(temporary):
                os.unlink(temporary)

    def _make_folder(self, folder: str) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        tag = os.path.join(self.folder, _TAG)
        if not os.path.exists(tag):
            with open(tag, "w", encoding="ascii") as file:
                file.write(_TAG_TEXT)

    def _file(self, location: str) -> str:
        name = hashlib.sha256(os.fsencode(os.path.abspath(location or "."))).hexdigest()
        return os.path.join(self.folder, name[:2], name[2:])

    def _load(self, location: str) -> dict[str, _Entry]:
        try:
            with open(self._file(location), "rb") as file:
                head, text = file.readline(), file.read()
        except OSError:
            return {}
        if head != b"%s%d %08x\n" % (_MAGIC, PROBE_VERSION, zlib.crc32(text)):
            return {}
        entries: dict[str, _Entry] = json.loads(text)
        return entries


def _from_json(values: Any) -> ImageFacts:
    """The facts of a cache entry: a list, or the facts themselves if just stored."""
    if isinstance(values, ImageFacts):
        return values
    byte_size, form, size, *others = values
    return ImageFacts(byte_size, form, Size(*size) if size else None, *others)
