"""Files written whole or not at all: into a temporary neighbour first, which then takes the name."""

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


BACKUP_SUFFIX = ".bak"
"""Ends the name of a backup; a number goes before it where the name is taken: no backup is ever lost."""

_BACKUPS = 10_000

_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class Stamp(NamedTuple):
    """What tells one state of a file from the next: the device and number of its inode, bytes, time in ns."""

    device: int
    inode: int
    byte_size: int
    modified: int


def stamp(file: str | int) -> Stamp:
    """The state of a file, by path or by descriptor.

    Raises:
        OSError: the file is not there.
    """
    return _stamp_of(os.stat(file))


def read_file(path: str) -> tuple[bytes, Stamp]:
    """All bytes of a file and the state that they were read in, for `replace_file`.

    Raises:
        OSError: the file cannot be read.
    """
    with open(path, "rb") as file:
        seen = stamp(file.fileno())
        return file.read(), seen


def replace_file(
    path: str,
    data: bytes | Iterable[bytes],
    *,
    backup: bool = False,
    seen: Stamp | None = None,
    new_path: str | None = None,
) -> None:
    """Put bytes, or pieces of them, in place of a file; see `replacing`.

    Raises:
        WriteError: the file cannot be replaced; it stands as it was.
    """
    with replacing(path, backup=backup, seen=seen, new_path=new_path) as out:
        out.writelines((data,) if isinstance(data, bytes) else data)


def write_file(path: str, data: bytes | Iterable[bytes]) -> None:
    """Write a file, whole or not at all; see `writing`.

    Raises:
        WriteError: the file cannot be written.
    """
    with writing(path) as out:
        out.writelines((data,) if isinstance(data, bytes) else data)


def write_output_tree(root: str, path: str, output_dir: str, data: bytes | Iterable[bytes]) -> str:
    """Write under `output_dir` what `path` becomes, at the place that it has under `root`; the new path.

    Raises:
        WriteError: the file cannot be written, or would be its own original.
    """
    target = output_tree_path(root, path, output_dir)
    write_file(target, data)
    return target


def output_tree_path(root: str, path: str, output_dir: str) -> str:
    """Where a file under `root` stands in the mirror tree; a `root` that is the file itself is its folder.

    Raises:
        WriteError: the file does not stand under `root`, or the mirror is the original.
    """
    if os.path.abspath(path) == os.path.abspath(root):
        root = os.path.dirname(root) or os.curdir
    inside = os.path.relpath(path, root)
    if inside.split(os.sep, 1)[0] == os.pardir:
        raise WriteError(f"{path}: stands outside of {root} and has no place under {output_dir}")
    target = os.path.join(output_dir, inside)
    if os.path.exists(target) and os.path.exists(path) and os.path.samefile(target, path):
        raise WriteError(f"{path}: the output folder leads back to the file itself; choose another folder")
    return target


@contextmanager
def writing(path: str) -> Iterator[BinaryIO]:
    """A file to write into that stands at `path` when the block ends, and leaves no trace when it fails.

    Folders on the way are made, a link is followed, a file that is there is replaced.

    Raises:
        WriteError: the file cannot be written.
    """
    target = os.path.realpath(path)
    with _speaking(path):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        there = _status(target)
        if there is not None and not stat.S_ISREG(there.st_mode):
            raise WriteError(f"{path}: is no regular file and is left alone")
        with _neighbour(target) as (out, name):
            yield out
            _settle(out)
            os.replace(name, target)


@contextmanager
def replacing(
    path: str, *, backup: bool = False, seen: Stamp | None = None, new_path: str | None = None
) -> Iterator[BinaryIO]:
    """A file to write into that takes the place of `path` when the block ends; no trace when it fails.

    A link is followed and stays; mode and, where that is allowed, owner are kept. `seen` is the state in
    which the old file was read: one that has changed since is left alone. `backup` keeps the old file as
    `NAME.bak`. With `new_path` the new file takes that name, which must be free, and the old one goes.

    Raises:
        WriteError: the file cannot be replaced; it stands as it was.
    """
    with _speaking(path):
        target = os.path.realpath(path, strict=True)
        old = os.stat(target)
        kept = _kept_backup(target) if backup or old.st_nlink > 1 else None
        _refuse_special(path, old, links=old.st_nlink - (kept is not None))
        location = target
        if new_path is not None:
            if os.path.islink(path):
                raise WriteError(f"{path}: is a link and cannot become {new_path}; name the file it leads to")
            location = os.path.join(os.path.dirname(target), os.path.basename(new_path))
            if os.path.lexists(location):
                raise WriteError(f"{path}: cannot become {new_path}, which is there already")
        with _neighbour(location) as (out, name):
            yield out
            _inherit(out, old)
            _settle(out)
            if _stamp_of(os.stat(target)) != (seen or _stamp_of(old)):
                raise WriteError(f"{path}: has changed while it was worked on and is left alone; run again")
            if backup and kept is None:
                _back_up(target)
            if new_path is None:
                os.replace(name, target)
            else:
                _move(name, location, target)


def remove_replaced(path: str, *, backup: bool = False, seen: Stamp) -> None:
    """Remove a file whose successor stands under its new name already: a run was killed between the two.

    Raises:
        WriteError: the file cannot be removed, or has changed since `seen`.
    """
    with _speaking(path):
        target = os.path.realpath(path, strict=True)
        old = os.stat(target)
        kept = _kept_backup(target) if backup or old.st_nlink > 1 else None
        _refuse_special(path, old, links=old.st_nlink - (kept is not None))
        if _stamp_of(old) != seen:
            raise WriteError(f"{path}: has changed while it was worked on and is left alone; run again")
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
    """Refuse what a rename would harm, or its owner has closed.

    Raises:
        WriteError: with the reason.
    """
    if not stat.S_ISREG(old.st_mode):
        raise WriteError(f"{path}: is no regular file and is left alone")
    if links > 1:
        raise WriteError(
            f"{path}: has {links} names (hard links), which replacing one would part; "
            "write elsewhere with --output-dir, or make it a file of its own first"
        )
    # root may write anywhere, but whoever took the right to write from everybody meant it
    if not old.st_mode & _ANY_WRITE or not os.access(path, os.W_OK):
        raise WriteError(f"{path}: is read-only and is left alone; give write permission or use --output-dir")


@contextmanager
def _neighbour(target: str) -> Iterator[tuple[BinaryIO, str]]:
    """A new file in the folder of `target`, and its name; gone when the block fails."""
    out, name = open_neighbour(os.path.dirname(target))
    try:
        with out:
            yield out, name
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _inherit(out: BinaryIO, old: os.stat_result) -> None:
    """Give a new file the owner, where that is allowed, and the mode of the old one."""
    if hasattr(os, "fchown"):
        mine = os.fstat(out.fileno())
        if (mine.st_uid, mine.st_gid) != (old.st_uid, old.st_gid):
            with suppress(PermissionError):
                os.fchown(out.fileno(), old.st_uid, old.st_gid)
        os.fchmod(out.fileno(), stat.S_IMODE(old.st_mode))
    else:
        os.chmod(out.name, stat.S_IMODE(old.st_mode))


def _settle(out: BinaryIO) -> None:
    """Have the bytes on the disk before a name leads to them."""
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
    """Give the file a second name, or where the file system has no links, a copy."""
    for name in _backup_names(target):
        try:
            os.link(target, name)
        except FileExistsError:
            continue
        except OSError:
            from shutil import copy2  # noqa: PLC0415 - few file systems need it

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
    """Give a file the name `location`, which must be free still, and take `old` away; both or neither."""
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
def _speaking(path: str) -> Iterator[None]:
    """Turn what the system says into a message that names the path."""
    try:
        yield
    except OSError as error:
        raise WriteError(f"{path}: cannot be written: {os_error_text(error)}; nothing was changed") from error
