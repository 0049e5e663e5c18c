"""New files that appear completely or not at all, in folders that are opened once.

A name in an open folder is reached through its descriptor where the system can do that, so that a link which
is put into the path during the run cannot redirect a write.
"""

import errno
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from imgbudget.namedtuples import NamedTuple

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_NAME = re.compile(r"\.imgbudget-([0-9]+)-[0-9a-f]{16}\.tmp")

_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FLAGS = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_DIRECTORY", 0)
_READ_FLAGS = os.O_RDONLY | _FLAGS | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)

_PATH_ONLY = getattr(os, "O_PATH", 0)

_AT = {os.open, os.stat, os.mkdir, os.rename, os.link, os.unlink, os.access} <= os.supports_dir_fd
"""Whether names can be looked up in an open folder."""

_LINK = {"follow_symlinks": False} if os.link in os.supports_follow_symlinks else {}
_REPARSE = getattr(stat, "FILE_ATTRIBUTE_REPARSE_POINT", 0)

_ABANDONED_AFTER = 24 * 3600
"""Age in seconds from which on a temporary file that cannot be locked counts as abandoned."""

PERMISSIONS = stat.S_IRWXU | stat.S_IRWXG | stat.S_IRWXO


class Folder(NamedTuple):
    """An open folder. `fd` is None on systems without lookup by descriptor, which use `path`."""

    path: str
    fd: int | None

    def _name(self, name: str) -> str:
        return name if self.fd is not None else os.path.join(self.path, name)

    def status(self, name: str) -> os.stat_result:
        """The state of an entry, which is not followed if it is a link. Raises OSError."""
        return os.stat(self._name(name), dir_fd=self.fd, follow_symlinks=False)

    def find(self, name: str) -> os.stat_result | None:
        """The state of an entry, None if there is none. Raises OSError."""
        try:
            return self.status(name)
        except FileNotFoundError:
            return None

    def open(self, name: str) -> int:
        """A descriptor to read an entry that is no link. Raises OSError."""
        return os.open(self._name(name), _READ_FLAGS, dir_fd=self.fd)

    def create(self, name: str, mode: int) -> int:
        """A descriptor of a new file; the umask applies to its mode. Raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _NO_LINK | _FLAGS
        return os.open(self._name(name), flags, mode, dir_fd=self.fd)

    def replace(self, old: str, new: str) -> None:
        """Rename an entry over another one; a link with that name is replaced itself. Raises OSError."""
        os.replace(self._name(old), self._name(new), src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def link(self, old: str, new: str) -> None:
        """Give a file a second name, which must be free. Raises OSError."""
        os.link(self._name(old), self._name(new), src_dir_fd=self.fd, dst_dir_fd=self.fd, **_LINK)

    def move(self, old: str, new: str) -> None:
        """Rename an entry to a name that was just seen to be free. Raises OSError."""
        os.rename(self._name(old), self._name(new), src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def unlink(self, name: str) -> None:
        """Remove an entry. Raises OSError."""
        os.unlink(self._name(name), dir_fd=self.fd)

    def is_writable(self, name: str) -> bool:
        """Whether the user may write to a file."""
        return os.access(self._name(name), os.W_OK, dir_fd=self.fd)

    def chmod(self, name: str, fd: int, mode: int) -> None:
        """Set the mode of a file, by its descriptor where the system can. Raises OSError."""
        if hasattr(os, "fchmod"):
            os.fchmod(fd, mode)
        else:
            os.chmod(self._name(name), mode)

    def names(self) -> list[str]:
        """The names in the folder. Raises OSError."""
        return os.listdir(self.path if self.fd is None else self.fd)

    def open_inside(self, name: str, *, create: bool) -> "Folder":
        """A folder in this one; the caller closes it.

        Raises:
            NotADirectoryError: it is a file or a link.
            OSError: it does not exist, or cannot be made or opened.
        """
        if create:
            with suppress(FileExistsError):
                os.mkdir(self._name(name), dir_fd=self.fd)
        path = os.path.join(self.path, name)
        if not is_folder(self.status(name)):
            raise NotADirectoryError(errno.ENOTDIR, "not a directory", path)
        if self.fd is None:
            return Folder(path, None)
        return Folder(path, os.open(name, _FOLDER_FLAGS | _NO_LINK, dir_fd=self.fd))

    def close(self) -> None:
        """Close the descriptor."""
        if self.fd is not None:
            os.close(self.fd)

    def is_below(self, root: os.stat_result) -> bool:
        """Whether a folder contains this one or is it, by what is above it now."""
        if self.fd is None:
            return True
        fd = os.dup(self.fd)
        try:
            while True:
                here = os.fstat(fd)
                if os.path.samestat(here, root):
                    return True
                above = os.open(os.pardir, _FOLDER_FLAGS, dir_fd=fd)
                os.close(fd)
                fd = above
                if os.path.samestat(here, os.fstat(fd)):
                    return False
        except OSError:
            return False
        finally:
            os.close(fd)


def is_folder(status: os.stat_result) -> bool:
    """Whether an entry is a folder: neither a link nor, on Windows, a junction."""
    return stat.S_ISDIR(status.st_mode) and not getattr(status, "st_file_attributes", 0) & _REPARSE


@contextmanager
def open_folder(path: str) -> Iterator[Folder]:
    """An open folder; links in its path are followed.

    Raises:
        OSError: there is no folder, or it cannot be opened.
    """
    path = path or os.curdir
    if not _AT:
        if not os.path.isdir(path):
            raise NotADirectoryError(errno.ENOTDIR, "not a directory", path)
        yield Folder(path, None)
        return
    try:
        fd = os.open(path, _FOLDER_FLAGS)
    except PermissionError:
        if not _PATH_ONLY:
            raise
        fd = os.open(path, _FOLDER_FLAGS | _PATH_ONLY)  # it may be searched and written, but not listed
    try:
        yield Folder(path, fd)
    finally:
        os.close(fd)


def is_temporary(name: str) -> bool:
    """Whether a name is one of the files that this module makes."""
    return _NAME.fullmatch(name) is not None


def open_temporary(folder: Folder, mode: int = 0o600) -> tuple[BinaryIO, str]:
    """A new, empty, locked file in a folder, and its name, which cannot be guessed.

    Raises:
        OSError: no file can be created there.
    """
    while True:
        name = f".imgbudget-{os.getpid()}-{os.urandom(8).hex()}.tmp"
        file = open(folder.create(name, mode | 0o600), "wb")  # noqa: SIM115 - the caller's
        if not _lock(file.fileno(), wait=True) or os.fstat(file.fileno()).st_nlink:
            return file, name
        # another run removed it as a leftover before it was locked
        file.close()


@contextmanager
def temporary(folder: Folder, mode: int = 0o600) -> Iterator[tuple[BinaryIO, str]]:
    """A new file in a folder and its name, to be renamed in the block; removed if the block fails."""
    out, name = open_temporary(folder, mode)
    try:
        with out:
            yield out, name
    except BaseException:
        with suppress(OSError):
            folder.unlink(name)
        raise


def sync(out: BinaryIO, *, durable: bool = True) -> None:
    """Write the bytes, to disk if `durable`, before the file gets its name; Windows renames no open file."""
    out.flush()
    if durable:
        os.fsync(out.fileno())
    if fcntl is None:
        out.close()


@contextmanager
def whole_file(path: str, *, follow: bool, private: bool = False, durable: bool = True) -> Iterator[BinaryIO]:
    """A file to write into, which becomes `path` at the end of the block; if it fails, nothing remains.

    With `follow`, for a path that the user names, a link is followed, and what is no regular file (a device,
    a pipe) is written to; otherwise both are refused. A new file has the mode that the umask leaves, or if
    `private` the user's own; an existing one keeps its mode. A `durable` one is on disk before its name is.

    Raises:
        OSError: it cannot be written.
    """
    old = None
    with suppress(FileNotFoundError):
        old = os.stat(path, follow_symlinks=follow)
    if old is not None and not follow and not stat.S_ISREG(old.st_mode):
        text = "it is a link or no regular file, and only a file that the command line names may be that"
        raise OSError(errno.ELOOP, text, path)
    if old is not None and not stat.S_ISREG(old.st_mode):
        with open(path, "wb") as out:
            yield out
        return
    target = os.path.realpath(path) if follow else os.path.abspath(path)
    with (
        open_folder(os.path.dirname(target)) as folder,
        temporary(folder, 0o600 if private else 0o666) as (out, name),
    ):
        yield out
        if old is not None:
            folder.chmod(name, out.fileno(), old.st_mode & PERMISSIONS)
        sync(out, durable=durable)
        folder.replace(name, os.path.basename(target))


def remove_leftovers(folder: Folder) -> list[str]:
    """Remove the temporary files of killed runs from a folder; the removed names.

    Files of a running process stay, as do those of other users, whatever is no file, and files that cannot be
    removed.
    """
    try:
        found = [name for name in folder.names() if is_temporary(name)]
    except OSError:
        return []
    return [name for name in sorted(found) if _remove_dead(folder, name)]


def _remove_dead(folder: Folder, name: str) -> bool:
    try:
        if not _is_ours(folder.status(name)):
            return False
        fd = folder.open(name)
        try:
            here = os.fstat(fd)
            if not _is_ours(here) or (here.st_size == 0 and _is_running(name)):  # not locked yet
                return False
            locked = _lock(fd, wait=False)
            if locked:
                # while the lock is held, so that a run that has just created the file notices
                folder.unlink(name)
                return True
            old = time.time() - here.st_mtime > _ABANDONED_AFTER
        finally:
            os.close(fd)
        if locked is None and old:
            folder.unlink(name)
            return True
    except OSError:
        return False
    return False


def _is_running(name: str) -> bool:
    """Whether another process that made a temporary file still runs here, as far as can be known."""
    found = _NAME.fullmatch(name)
    if found is None or int(found[1]) == os.getpid() or fcntl is None:  # elsewhere signal 0 ends a process
        return False
    try:
        os.kill(int(found[1]), 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True


def _is_ours(status: os.stat_result) -> bool:
    """Whether a file with the name of a temporary one can be from a run of this user.

    The superuser gives files the owner of those that they replace, so it may remove all of them.
    """
    user = os.geteuid() if hasattr(os, "geteuid") else status.st_uid
    return stat.S_ISREG(status.st_mode) and user in (0, status.st_uid)


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


ACL = "system.posix_acl_access"


def copy_attributes(old: int, new: int, *, all_names: bool) -> None:
    """Give an open file the extended attributes of another one, as far as the system has and permits them.

    With `all_names` the new file replaces the old one: labels and capabilities are kept too, and an access
    list that only the folder's default gave it is removed.

    Raises:
        OSError: an attribute of the user's own cannot be kept, e.g. for lack of space.
    """
    if not hasattr(os, "listxattr"):
        return
    try:
        names = os.listxattr(old)
    except OSError:
        return
    if all_names and ACL not in names:
        with suppress(OSError):
            os.removexattr(new, ACL)
    for name in names:
        if all_names or name == ACL or name.startswith("user."):
            try:
                os.setxattr(new, name, os.getxattr(old, name))
            except OSError:
                if all_names and name.startswith("user."):
                    raise
