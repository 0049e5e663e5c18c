"""The old bytes of rescued sessions, in the state folder of the user, for `rescue --undo`.

Each rescue has a folder with `session`, the old bytes, and `manifest.json`, which says whose they are. Only
the user can read them (0600 in folders of 0700): a session holds whatever its agent has read.
"""

import json
import os
import re
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any, NamedTuple

from imgbudget.errors import UsageError, WriteError, os_error_text
from imgbudget.fixing.places import IN_PLACE
from imgbudget.fixing.writer import replacing, stamp
from imgbudget.newfiles import open_folder, remove_leftovers, whole_file
from imgbudget.output.records import TOOL
from imgbudget.positional import open_file
from imgbudget.rescuing.in_use import refuse_if_in_use, refuse_if_open

MANIFEST, BYTES = "manifest.json", "session"
VERSION = 1

_STEP = 1 << 20
_LARGEST_MANIFEST = 64 << 20
_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")


class Digest(NamedTuple):
    """The length of a file and its SHA-256, in hexadecimal."""

    byte_size: int
    sha256: str


class Backup(NamedTuple):
    """The rescue of one session that can be undone: its folder, the session, and its bytes then and now."""

    folder: str
    session: str
    made: str
    before: Digest
    after: Digest
    undone: bool = False

    @property
    def path(self) -> str:
        """The file with the old bytes."""
        return os.path.join(self.folder, BYTES)


def state_folder() -> str:
    """Where backups are: in XDG_STATE_HOME, or where the platform keeps the state of programs.

    Raises:
        UsageError: the user has no home folder.
    """
    base = os.environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(base):  # a relative one is to be ignored (XDG base directories, 0.8)
        if sys.platform == "darwin":
            base = os.path.expanduser("~/Library/Application Support")
        elif sys.platform == "win32":
            base = os.environ.get("LOCALAPPDATA") or os.path.expanduser("~\\AppData\\Local")
        else:
            base = os.path.expanduser("~/.local/state")
    if not os.path.isabs(base):
        raise UsageError("there is no home folder for the backup; set XDG_STATE_HOME to a folder of your own")
    return os.path.join(base, "imgbudget", "rescue")


def keep(session: str, pieces: Iterable[bytes], after: Digest, changes: Any) -> Backup:
    """Keep the old bytes of a session, on disk before anything is changed.

    Raises:
        WriteError: they cannot be kept; nothing was changed.
    """
    root = state_folder()
    try:
        _make_private(root)
        with open_folder(root) as folder:
            remove_leftovers(folder)
        name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.urandom(4).hex()}"
        folder_of_it = os.path.join(root, name)
        os.mkdir(folder_of_it, 0o700)
        try:
            before = _written(os.path.join(folder_of_it, BYTES), pieces)
            made = Backup(folder_of_it, session, name[:16], before, after)
            _write_manifest(made, changes)
        except BaseException:
            discard(folder_of_it)
            raise
    except OSError as error:
        raise WriteError(
            f"{root}: the backup cannot be written: {os_error_text(error)}; nothing was changed; "
            "make room or set XDG_STATE_HOME to a folder that can be written"
        ) from error
    return made


def discard(folder: str) -> None:
    """Remove a backup whose session was not changed."""
    for name in (MANIFEST, BYTES):
        with suppress(OSError):
            os.unlink(os.path.join(folder, name))
    with suppress(OSError):
        os.rmdir(folder)


def _make_private(root: str) -> None:
    """Make the folder of all backups, for the user only. Raises OSError."""
    os.makedirs(os.path.dirname(os.path.dirname(root)), mode=0o700, exist_ok=True)
    for path in (os.path.dirname(root), root):
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
        status = os.stat(path, follow_symlinks=False)
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(20, "is a link or no folder", path)
    if os.name == "posix" and stat.S_IMODE(os.stat(root).st_mode) & 0o077:
        os.chmod(root, 0o700)


def _written(path: str, pieces: Iterable[bytes]) -> Digest:
    size, digest = 0, sha256()
    with whole_file(path, follow=False, private=True) as out:
        for piece in pieces:
            out.write(piece)
            digest.update(piece)
            size += len(piece)
    return Digest(size, digest.hexdigest())


def _write_manifest(made: Backup, changes: Any) -> None:
    record = {
        "version": VERSION,
        "tool": TOOL,
        "session": made.session,
        "made": made.made,
        "before": made.before._asdict(),
        "after": made.after._asdict(),
        "undone": made.undone,
        "changes": changes,
    }
    text = json.dumps(record, indent=1, ensure_ascii=True) + "\n"
    with whole_file(os.path.join(made.folder, MANIFEST), follow=False, private=True) as out:
        out.write(text.encode("ascii"))


def backups() -> Iterator[Backup]:
    """All rescues that are on record, the newest first; what is no record of one is passed over."""
    root = state_folder()
    try:
        names = sorted(filter(_NAME.fullmatch, os.listdir(root)), reverse=True)
    except OSError:
        return
    made = [(found, _times(found.folder)) for name in names if (found := _read(os.path.join(root, name)))]
    made.sort(key=lambda pair: (pair[0].made, pair[1]), reverse=True)
    yield from (found for found, _ in made)


def _times(folder: str) -> int:
    try:
        return os.stat(os.path.join(folder, BYTES)).st_mtime_ns
    except OSError:
        return 0


def _read(folder: str) -> Backup | None:
    try:
        with open_file(os.path.join(folder, MANIFEST)) as file:
            record = json.loads(file.read(_LARGEST_MANIFEST))
        return Backup(
            folder,
            str(record["session"]),
            str(record["made"]),
            Digest(int(record["before"]["byte_size"]), str(record["before"]["sha256"])),
            Digest(int(record["after"]["byte_size"]), str(record["after"]["sha256"])),
            bool(record.get("undone")),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None


def backups_of(session: str | None) -> list[Backup]:
    """The newest rescue of a session that was not undone, or the newest one at all.

    Of a folder, that of each file in it, as of a conversation with a file for each event.

    Raises:
        UsageError: there is none.
    """
    found: dict[str, Backup] = {}
    wanted = None if session is None else os.path.realpath(session)
    for one in backups():
        path = os.path.realpath(one.session)
        if one.undone or path in found:
            continue
        if wanted is None:
            return [one]
        if path == wanted or path.startswith(os.path.join(wanted, "")):
            found[path] = one
    if not found:
        what = "no rescue is on record" if session is None else f"{session}: no rescue of it is on record"
        raise UsageError(f"{what} in {state_folder()}, or it was undone already")
    return list(found.values())


def undo(made: Backup, *, force: bool) -> bool:
    """Give a session its old bytes again; False if it has them already.

    With `force` also a session that was changed since is set back; what it has then is kept as a backup.

    Raises:
        WriteError: it was changed since, or cannot be written; nothing was changed.
    """
    path = made.session
    try:
        with open_file(path) as file:
            expected = stamp(file.fileno())
            refuse_if_open(path, file.fileno())
            now = digest_of(iter(lambda: file.read(_STEP), b""))
            if now not in (made.before, made.after):
                refuse_if_in_use(path, file.fileno())
    except OSError as error:
        raise WriteError(
            f"{path}: cannot be read: {os_error_text(error)}; its old bytes are in {made.path}"
        ) from error
    if now == made.before:
        _mark_undone(made)
        return False
    if now != made.after and not force:
        raise WriteError(
            f"{path}: was changed since the rescue and was not set back, because what was added would be "
            f"lost; its old bytes are in {made.path}; --force sets it back nevertheless"
        )
    if now != made.after:
        with open_file(path) as file:
            keep(path, iter(lambda: file.read(_STEP), b""), made.before, [])
    try:
        with open_file(made.path) as old, replacing(path, bounds=IN_PLACE, expected=expected) as out:
            size, digest = 0, sha256()
            while piece := old.read(_STEP):
                out.write(piece)
                digest.update(piece)
                size += len(piece)
            if Digest(size, digest.hexdigest()) != made.before:
                raise WriteError(
                    f"{made.path}: is damaged: it has not the bytes of then; nothing was changed"
                )
    except OSError as error:
        raise WriteError(
            f"{made.path}: cannot be read: {os_error_text(error)}; nothing was changed"
        ) from error
    _mark_undone(made)
    return True


def _mark_undone(made: Backup) -> None:
    """Keep on record that a rescue was undone; where that fails, undoing it again does no harm."""
    path = os.path.join(made.folder, MANIFEST)
    with suppress(OSError, ValueError):
        with open_file(path) as file:
            record = json.loads(file.read(_LARGEST_MANIFEST))
        record["undone"] = True
        with whole_file(path, follow=False, private=True) as out:
            out.write((json.dumps(record, indent=1) + "\n").encode("ascii"))


def digest_of(pieces: Iterable[bytes]) -> Digest:
    """The length and the SHA-256 of bytes in pieces."""
    size, digest = 0, sha256()
    for piece in pieces:
        size += len(piece)
        digest.update(piece)
    return Digest(size, digest.hexdigest())
