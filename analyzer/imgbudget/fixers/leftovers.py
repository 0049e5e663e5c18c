"""The neighbours that files are written into: how they are named, locked, and removed when a run was killed.

Whoever writes a neighbour holds a lock on it, which ends with its process, however that ends: one that can
be locked belongs to nobody. Where there are no locks, age tells.
"""

import os
import re
import time
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"\.imgbudget-[0-9]+-[0-9a-f]{16}\.tmp")

_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

_FORGOTTEN = 24 * 3600
"""Seconds after which a neighbour that cannot be locked is held to be forgotten."""


def open_neighbour(folder: str) -> tuple[BinaryIO, str]:
    """A new, empty, locked file in a folder and its path.

    Raises:
        OSError: no file can be made there.
    """
    while True:
        path = os.path.join(folder, f".imgbudget-{os.getpid()}-{os.urandom(8).hex()}.tmp")
        # private until it has the mode of the file that it replaces
        file = open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600), "wb")  # noqa: SIM115
        if not _lock(file.fileno(), wait=True) or os.fstat(file.fileno()).st_nlink:
            return file, path
        # another run took it for a leftover in the moment before it was locked
        file.close()


def remove_leftovers(folder: str) -> list[str]:
    """Remove from a folder what killed runs have left there; the paths that were removed.

    What belongs to a run that is under way stays, and so does what cannot be removed.
    """
    try:
        with os.scandir(folder) as entries:
            found = [entry.path for entry in entries if _NAME.fullmatch(entry.name)]
    except OSError:
        return []
    return [path for path in sorted(found) if _remove_dead(path)]


def _remove_dead(path: str) -> bool:
    try:
        fd = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | _FLAGS)
        try:
            locked = _lock(fd, wait=False)
            if locked:
                # while the lock is held: whoever has just made the file sees that it is gone
                os.unlink(path)
                return True
            old = time.time() - os.fstat(fd).st_mtime > _FORGOTTEN
        finally:
            os.close(fd)
        if locked is None and old:
            os.unlink(path)
            return True
    except OSError:
        return False
    return False


def _lock(fd: int, *, wait: bool) -> bool | None:
    """Whether the lock was got; None where the system or the file system has none."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True
