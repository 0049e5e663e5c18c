"""A cache of facts on disk: what the probes told of a file that has not changed since.

Facts depend on bytes only, so a cache survives any change of rules, limits and configuration. One small
file of it stands for each folder that was searched. An entry holds for the same name, size, modification
time, inode, probe version and at least the wanted facts; anything damaged or foreign is passed over, and
nothing is lost when the cache cannot be written.
"""

import json
import os
import time
import zlib
from typing import Any

from imgbudget.imageinfo.dispatch import PROBE_VERSION, probe_file
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ImageFacts

_MAGIC = b"imgbudget facts 1 "
_TAG = "CACHEDIR.TAG"
_TAG_TEXT = "Signature: 8a477f597d28d172789f06886806bc55\n# A cache of imgbudget; safe to delete.\n"
_SETTLED = 2.0
"""Seconds after its last change from which a file is taken as at rest: some clocks tick that slowly."""

_Entry = list[Any]  # size, mtime_ns, inode, wanted facts, the facts


def cache_folder() -> str:
    """The folder of the cache: below XDG_CACHE_HOME, LOCALAPPDATA or the user's .cache."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA")
    return os.path.join(base or os.path.expanduser("~/.cache"), "imgbudget")


def clear(folder: str) -> int | None:
    """Remove the cache; the number of its files, or None when the folder is none of ours or not there."""
    if not os.path.isfile(os.path.join(folder, _TAG)):
        return None
    import shutil  # noqa: PLC0415 - only when cleaning

    files = sum(len(names) for _, _, names in os.walk(folder)) - 1
    shutil.rmtree(folder)
    return files


class FactsCache:
    """Facts by path, from the cache where they still hold, else from the probe. Not for several threads."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self._at: str | None = None
        self._entries: dict[str, _Entry] = {}
        self._changed = False

    def probe(self, path: str, fields: int) -> ImageFacts:
        """The facts of the file at `path`, at least those wanted.

        Raises:
            OSError: the file cannot be read.
        """
        location, _, name = path.rpartition("/")
        if location != self._at:
            self.flush()
            self._at, self._entries = location, self._load(location)
        told = os.stat(path)
        entry = self._entries.get(name)
        if (
            entry
            and entry[:3] == [told.st_size, told.st_mtime_ns, told.st_ino]
            and entry[3] & fields == fields
        ):
            return _from_json(entry[4])
        facts = probe_file(path, fields)
        if time.time() - told.st_mtime > _SETTLED and facts.byte_size == told.st_size:
            self._entries[name] = [told.st_size, told.st_mtime_ns, told.st_ino, int(fields), facts]
            self._changed = True
        return facts

    def flush(self) -> None:
        """Write what is new of the folder at hand."""
        if not self._changed or self._at is None:
            return
        self._changed = False
        # another process may have written for the same folder meanwhile
        entries = self._load(self._at) | self._entries
        text = json.dumps(entries, separators=(",", ":")).encode("ascii")
        path = self._file(self._at)
        beside = f"{path}.{os.getpid()}.tmp"
        try:
            self._make_folder(os.path.dirname(path))
            with open(beside, "wb") as file:
                file.write(b"%s%d %08x\n" % (_MAGIC, PROBE_VERSION, zlib.crc32(text)))
                file.write(text)
            os.replace(beside, path)
        except OSError:  # a full or read-only disk costs the cache, not the run
            if os.path.exists(beside):
                os.unlink(beside)

    def _make_folder(self, folder: str) -> None:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        tag = os.path.join(self.folder, _TAG)
        if not os.path.exists(tag):
            with open(tag, "w", encoding="ascii") as file:
                file.write(_TAG_TEXT)

    def _file(self, location: str) -> str:
        import hashlib  # noqa: PLC0415 - runs with a cache only

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
    """The facts as the cache holds them: a list, or the facts themselves when they were just stored."""
    if isinstance(values, ImageFacts):
        return values
    byte_size, form, size, *others = values
    return ImageFacts(byte_size, form, Size(*size) if size else None, *others)
