"""Files written completely or not at all: into a temporary file beside them, which then takes the name."""

import os
import re
import stat
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, NamedTuple

from imgbudget.errors import WriteError, os_error_text
from imgbudget.output.base import figure

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"\.imgbudget-[0-9]+-[0-9a-f]{16}\.tmp")

_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)

_ABANDONED_AFTER = 24 * 3600
"""Age in seconds from which on a temporary file that cannot be locked counts as abandoned."""


def open_temporary(folder: str) -> tuple[BinaryIO, str]:
    """A new, empty, locked file in a folder, and its path.

    Raises:
        OSError: no file can be created there.
    """
    while True:
        path = os.path.join(folder, f".imgbudget-{os.getpid()}-{os.urandom(8).hex()}.tmp")
        # private until it gets the mode of the file that it replaces
        file = open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600), "wb")  # noqa: SIM115
        if not _lock(file.fileno(), wait=True) or os.fstat(file.fileno()).st_nlink:
            return file, path
        # another run removed it as a leftover before it was locked
        file.close()


def remove_leftovers(folder: str) -> list[str]:
    """Remove the temporary files of killed runs from a folder; the removed paths.

    Files of a running process stay, as do files that cannot be removed.
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
                # while the lock is held, so that a run that has just created the file notices
                os.unlink(path)
                return True
            old = time.time() - os.fstat(fd).st_mtime > _ABANDONED_AFTER
        finally:
            os.close(fd)
        if locked is None and old:
            os.unlink(path)
            return True
    except OSError:
        return False
    return False


def _lock(fd: int, *, wait: bool) -> bool | None:
    """Whether the lock was acquired; None if the system or the file system has no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


BACKUP_SUFFIX = ".bak"
"""Suffix of the name of a backup; if the name is taken, a number goes before it: no backup is lost."""

_BACKUPS = 10_000

_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class Stamp(NamedTuple):
    """The state of a file: device and number of its inode, bytes, modification time in ns."""

    device: int
    inode: int
    byte_size: int
    modified: int


def stamp(file: str | int) -> Stamp:
    """The state of a file, by path or descriptor.

    Raises:
        OSError: the file does not exist.
    """
    return _stamp_of(os.stat(file))


def read_file(path: str) -> tuple[bytes, Stamp]:
    """All bytes of a file and its state when they were read, for `replace_file`.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        expected = stamp(file.fileno())
        return file.read(), expected


def replace_file(
    path: str,
    data: bytes | Iterable[bytes],
    *,
    backup: bool = False,
    expected: Stamp | None = None,
    new_path: str | None = None,
) -> None:
    """Replace a file by bytes, or pieces of them; see `replacing`.

    Raises:
        WriteError: the file cannot be replaced; it is unchanged.
    """
    with replacing(path, backup=backup, expected=expected, new_path=new_path) as out:
        out.writelines((data,) if isinstance(data, bytes) else data)


def write_file(path: str, data: bytes | Iterable[bytes]) -> None:
    """Write a file, completely or not at all; see `writing`.

    Raises:
        WriteError: the file cannot be written.
    """
    with writing(path) as out:
        out.writelines((data,) if isinstance(data, bytes) else data)


def write_output_tree(root: str, path: str, output_dir: str, data: bytes | Iterable[bytes]) -> str:
    """Write the result for `path` under `output_dir`, at its place relative to `root`; the new path.

    Raises:
        WriteError: the file cannot be written, or would be its own original.
    """
    target = output_tree_path(root, path, output_dir)
    write_file(target, data)
    return target


def output_tree_path(root: str, path: str, output_dir: str) -> str:
    """The path in the output tree of a file under `root`; a `root` that is the file itself is its folder.

    Raises:
        WriteError: the file is not under `root`, or the output tree is the original one.
    """
    if os.path.abspath(path) == os.path.abspath(root):
        root = os.path.dirname(root) or os.curdir
    inside = os.path.relpath(path, root)
    if inside.split(os.sep, 1)[0] == os.pardir:
        raise WriteError(f"{path}: is outside {root} and has no place under {output_dir}")
    target = os.path.join(output_dir, inside)
    if os.path.exists(target) and os.path.exists(path) and os.path.samefile(target, path):
        raise WriteError(f"{path}: the output folder is the folder of the file itself; choose another one")
    return target


@contextmanager
def writing(path: str) -> Iterator[BinaryIO]:
    """A file to write into, which becomes `path` at the end of the block; if it fails, nothing remains.

    Folders are created, a link is followed, an existing file is replaced.

    Raises:
        WriteError: the file cannot be written.
    """
    target = os.path.realpath(path)
    with _write_errors(path):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        there = _status(target)
        if there is not None and not stat.S_ISREG(there.st_mode):
            raise WriteError(f"{path}: is not a regular file and was not changed")
        with _temporary(target) as (out, name):
            yield out
            _sync(out)
            os.replace(name, target)


@contextmanager
def replacing(
    path: str, *, backup: bool = False, expected: Stamp | None = None, new_path: str | None = None
) -> Iterator[BinaryIO]:
    """A file to write into, which replaces `path` at the end of the block; if it fails, nothing remains.

    A link is followed and stays; mode and, if permitted, owner are kept. `expected` is the state in which the
    old file was read: a file that has changed since is not replaced. `backup` keeps the old file as
    `NAME.bak`. With `new_path` the new file takes that name, which must be free, and the old one is removed.

    Raises:
        WriteError: the file cannot be replaced; it is unchanged.
    """
    with _write_errors(path):
        target = os.path.realpath(path, strict=True)
        old = os.stat(target)
        kept = _kept_backup(target) if backup or old.st_nlink > 1 else None
        _refuse_special(path, old, links=old.st_nlink - (kept is not None))
        location = target
        if new_path is not None:
            if os.path.islink(path):
                raise WriteError(
                    f"{path}: is a link and cannot be renamed to {new_path}; name its target instead"
                )
            location = os.path.join(os.path.dirname(target), os.path.basename(new_path))
            if os.path.lexists(location):
                raise WriteError(f"{path}: cannot be renamed to {new_path}, which exists already")
        with _temporary(location) as (out, name):
            yield out
            _inherit(out, old)
            _sync(out)
            if _stamp_of(os.stat(target)) != (expected or _stamp_of(old)):
                raise WriteError(f"{path}: was changed during the run and was not overwritten; run again")
            if backup and kept is None:
                _back_up(target)
            if new_path is None:
                os.replace(name, target)
            else:
                _move(name, location, target)


def remove_replaced(path: str, *, backup: bool = False, expected: Stamp) -> None:
    """Remove a file whose result has its new name already: a run was killed between the two.

    Raises:
        WriteError: the file cannot be removed, or has changed since `expected`.
    """
    with _write_errors(path):
        target = os.path.realpath(path, strict=True)
        old = os.stat(target)
        kept = _kept_backup(target) if backup or old.st_nlink > 1 else None
        _refuse_special(path, old, links=old.st_nlink - (kept is not None))
        if _stamp_of(old) != expected:
            raise WriteError(f"{path}: was changed during the run and was not overwritten; run again")
        if backup and kept is None:
            _back_up(target)
        os.unlink(target)


def _stamp_of(status: os.stat_result) -> Stamp:
    return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _refuse_special(path: str, old: os.stat_result, *, links: int) -> None:
    """Refuse a file that a rename would damage, or that its owner has made read-only.

    Raises:
        WriteError: with the reason.
    """
    if not stat.S_ISREG(old.st_mode):
        raise WriteError(f"{path}: is not a regular file and was not changed")
    if links > 1:
        raise WriteError(
            f"{path}: has {links} hard links, which replacing it would break; "
            "use --output-dir, or copy it to a separate file first"
        )
    # root may write anywhere, but a file without any write permission is meant to stay
    if not old.st_mode & _ANY_WRITE or not os.access(path, os.W_OK):
        raise WriteError(f"{path}: is read-only and was not changed; make it writable or use --output-dir")


@contextmanager
def _temporary(target: str) -> Iterator[tuple[BinaryIO, str]]:
    """A new file in the folder of `target`, and its name; removed if the block fails."""
    out, name = open_temporary(os.path.dirname(target))
    try:
        with out:
            yield out, name
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _inherit(out: BinaryIO, old: os.stat_result) -> None:
    """Give a new file the mode of the old one and, if permitted, its owner."""
    if hasattr(os, "fchown"):
        mine = os.fstat(out.fileno())
        if (mine.st_uid, mine.st_gid) != (old.st_uid, old.st_gid):
            with suppress(PermissionError):
                os.fchown(out.fileno(), old.st_uid, old.st_gid)
        os.fchmod(out.fileno(), stat.S_IMODE(old.st_mode))
    else:
        os.chmod(out.name, stat.S_IMODE(old.st_mode))


def _sync(out: BinaryIO) -> None:
    """Write the bytes to disk before the file gets its name."""
    out.flush()
    os.fsync(out.fileno())


def _kept_backup(target: str) -> str | None:
    """The backup that is the same file already: a run was killed between its backup and its rename."""
    for name in _backup_names(target):
        if not os.path.lexists(name):
            return None
        if os.path.samefile(name, target):
            return name
    return None


def _back_up(target: str) -> None:
    """Give the file a second name or, if the file system has no links, copy it."""
    for name in _backup_names(target):
        try:
            os.link(target, name)
        except FileExistsError:
            continue
        except OSError:
            from shutil import copy2  # noqa: PLC0415 - rare

            if os.path.lexists(name):
                continue
            copy2(target, name)
        return
    raise WriteError(f"{target}: has {figure(_BACKUPS)} backups already; remove some")


def _backup_names(target: str) -> Iterator[str]:
    yield target + BACKUP_SUFFIX
    for number in range(1, _BACKUPS):
        yield f"{target}.{number}{BACKUP_SUFFIX}"


def _move(name: str, location: str, old: str) -> None:
    """Give a file the name `location`, which must be free, and remove `old`; both or neither."""
    try:
        os.link(name, location)
    except FileExistsError:
        raise
    except OSError:
        # a file system without links
        os.rename(name, location)
    else:
        os.unlink(name)
    try:
        os.unlink(old)
    except OSError:
        os.unlink(location)
        raise


@contextmanager
def _write_errors(path: str) -> Iterator[None]:
    """Convert errors of the system to errors that name the path."""
    try:
        yield
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {os_error_text(error)}; nothing was changed") from error
