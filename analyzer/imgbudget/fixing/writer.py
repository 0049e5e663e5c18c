"""Files replaced or written completely or not at all: a temporary file beside them takes their name."""

import errno
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import BinaryIO, NamedTuple

from imgbudget.errors import WriteError, os_error_text
from imgbudget.fixing.places import IN_PLACE, NAMED, Bounds, OutputTree, Place, writable_place
from imgbudget.newfiles import (
    PERMISSIONS,
    Folder,
    copy_attributes,
    open_folder,
    sync,
    temporary,
)
from imgbudget.output.base import figure
from imgbudget.positional import open_file

BACKUP_SUFFIX = ".bak"
"""Suffix of the name of a backup; if the name is taken, a number goes before it: no backup is lost."""

_BACKUPS = 10_000

_COPIED = 1 << 20

_ANY_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


class ChangedError(WriteError):
    """A file that has changed since it was read: another program, or another run, has written it."""


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
        OSError: the file cannot be read, or is a pipe or a device, which may have no end.
    """
    with open_file(path) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        expected = stamp(file.fileno())
        return file.read(), expected


def replace_file(  # noqa: PLR0913 - keyword options
    path: str,
    data: bytes | Iterable[bytes],
    *,
    bounds: Bounds = NAMED,
    backup: bool = False,
    expected: Stamp | None = None,
    new_path: str | None = None,
) -> None:
    """Replace a file by bytes, or pieces of them; see `replacing`.

    Raises:
        WriteError: the file cannot be replaced; it is unchanged.
    """
    with replacing(path, bounds=bounds, backup=backup, expected=expected, new_path=new_path) as out:
        out.writelines((data,) if isinstance(data, bytes) else data)


def output_tree_path(root: str, path: str, output_dir: str) -> str:
    """The path in the output tree of a file under `root`; a `root` that is the file itself is its folder.

    Raises:
        WriteError: the file is not under `root`, or the output tree is the original one.
    """
    if os.path.abspath(path) == os.path.abspath(root):
        root = os.path.dirname(root) or os.curdir
    folder = os.path.relpath(os.path.realpath(os.path.dirname(path)), os.path.realpath(root))
    if folder.split(os.sep, 1)[0] == os.pardir:
        raise WriteError(f"{path}: is outside {root} and has no place under {output_dir}")
    inside = os.path.normpath(os.path.join(folder, os.path.basename(path)))
    target = os.path.join(output_dir, inside)
    if os.path.exists(target) and os.path.exists(path) and os.path.samefile(target, path):
        raise WriteError(
            f"{path}: {target} is the file itself, by its folder or a link; choose another output folder"
        )
    return target


@contextmanager
def writing(path: str, output_dir: str, *, source: str | None = None) -> Iterator[BinaryIO]:
    """A file to write into, which becomes `path` at the end of the block; if it fails, nothing remains.

    It stays in `output_dir`: folders are created, an existing file is replaced, a link is refused. The new
    file has the permissions and attributes of `source`, as far as the umask allows.

    Raises:
        WriteError: the file cannot be written.
    """
    with (
        _write_errors(path),
        writable_place(path, OutputTree(output_dir), create=True) as place,
        _source(source) as origin,
    ):
        mode = 0o666 if origin is None else os.fstat(origin).st_mode & PERMISSIONS
        with temporary(place.folder, mode) as (out, name):
            yield out
            # with what the umask has left of them
            allowed = os.fstat(out.fileno()).st_mode & mode
            if origin is not None:
                copy_attributes(origin, out.fileno(), all_names=False)
            place.folder.chmod(name, out.fileno(), allowed)
            sync(out)
            _refuse_other_spelling(place, name)
            place.folder.replace(name, place.name)


@contextmanager
def _source(path: str | None) -> Iterator[int | None]:
    if path is None:
        yield None
        return
    with open_file(path) as file:
        yield file.fileno()


def _refuse_other_spelling(place: Place, temporary_name: str) -> None:
    """Refuse to write over another file where the file system takes `a.jpg` and `A.JPG` for one name.

    Raises:
        WriteError: there is a file whose name differs only in case.
    """
    if place.folder.find(temporary_name.upper()) is None or place.folder.find(place.name) is None:
        return
    for name in place.folder.names():
        if name != place.name and name.casefold() == place.name.casefold():
            raise WriteError(
                f"{place.path}: was not written, because the file system takes it for {name}, which exists; "
                "remove that file or rename one of the two"
            )


@contextmanager
def replacing(
    path: str,
    *,
    bounds: Bounds = NAMED,
    backup: bool = False,
    expected: Stamp | None = None,
    new_path: str | None = None,
) -> Iterator[BinaryIO]:
    """A file to write into, which replaces `path` at the end of the block; if it fails, nothing remains.

    `bounds` decide whether it may be written, and whether a link is followed. Mode, extended attributes and,
    if permitted, owner are kept. `expected` is the state in which the old file was read: a file that has
    changed since is not replaced. `backup` keeps the old file as `NAME.bak`. With `new_path` the new file
    takes that name, which must be free, and the old one is removed.

    Raises:
        ChangedError: the file has changed since it was read, or the new name has been taken.
        WriteError: the file cannot be replaced; it is unchanged.
    """
    with _write_errors(path), writable_place(path, bounds) as place:
        folder, old_name = place.folder, place.name
        old = folder.status(old_name)
        kept = _check_old(place, old, backup=backup, elsewhere=bounds != IN_PLACE)
        location = old_name
        if new_path is not None:
            location = os.path.basename(new_path)
            if os.path.islink(path):
                raise WriteError(
                    f"{path}: is a link and cannot be renamed to {new_path}; name its target instead"
                )
            if folder.find(location) is not None:
                raise _taken(path, new_path)
        with temporary(folder) as (out, name):
            yield out
            _inherit(place, out, name, old)
            sync(out)
            if _stamp_of(folder.status(old_name)) != (expected or _stamp_of(old)):
                raise _changed(path)
            if backup and kept is None:
                _back_up(place, old)
            if new_path is None:
                folder.replace(name, old_name)
                return
            try:
                _move(folder, name, location, old_name)
            except FileExistsError:
                raise _taken(path, new_path) from None


def remove_replaced(path: str, *, bounds: Bounds = NAMED, backup: bool = False, expected: Stamp) -> None:
    """Remove a file whose result has its new name already: a run was killed between the two.

    Raises:
        ChangedError: the file has changed since `expected`.
        WriteError: the file cannot be removed.
    """
    with _write_errors(path), writable_place(path, bounds) as place:
        old = place.folder.status(place.name)
        kept = _check_old(place, old, backup=backup)
        if _stamp_of(old) != expected:
            raise _changed(path)
        if backup and kept is None:
            _back_up(place, old)
        place.folder.unlink(place.name)


def _changed(path: str) -> ChangedError:
    return ChangedError(f"{path}: was changed during the run and was not overwritten; run again")


def _taken(path: str, new_path: str) -> ChangedError:
    return ChangedError(f"{path}: cannot be renamed to {new_path}, which exists already")


def _stamp_of(status: os.stat_result) -> Stamp:
    return Stamp(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _check_old(place: Place, old: os.stat_result, *, backup: bool, elsewhere: bool = True) -> str | None:
    """The backup of an old file that exists already, None if there is none; raises if it must stay."""
    kept = _kept_backup(place, old) if backup or old.st_nlink > 1 else None
    _refuse_special(place, old, links=old.st_nlink - (kept is not None), elsewhere=elsewhere)
    return kept


def _refuse_special(place: Place, old: os.stat_result, *, links: int, elsewhere: bool = True) -> None:
    """Refuse a file that a rename would damage, or that its owner has made read-only.

    Raises:
        WriteError: with the reason.
    """
    path = place.path
    if not stat.S_ISREG(old.st_mode):
        raise WriteError(f"{path}: is not a regular file and was not changed")
    if links > 1:
        raise WriteError(
            f"{path}: has {links} hard links, which replacing it would break; "
            f"{'use --output-dir, or ' if elsewhere else ''}copy it to a separate file first"
        )
    # root may write anywhere, but a file without any write permission is meant to stay
    if not old.st_mode & _ANY_WRITE or not place.folder.is_writable(place.name):
        remedy = "make it writable or use --output-dir" if elsewhere else "make it writable"
        raise WriteError(f"{path}: is read-only and was not changed; {remedy}")


def _inherit(place: Place, out: BinaryIO, name: str, old: os.stat_result) -> None:
    """Give a new file the mode and attributes of the old one and, if permitted, its owner."""
    if hasattr(os, "fchown"):
        mine = os.fstat(out.fileno())
        if (mine.st_uid, mine.st_gid) != (old.st_uid, old.st_gid):
            with suppress(PermissionError):
                os.fchown(out.fileno(), old.st_uid, old.st_gid)
    source = place.folder.open(place.name)
    try:
        copy_attributes(source, out.fileno(), all_names=True)
    finally:
        os.close(source)
    place.folder.chmod(name, out.fileno(), stat.S_IMODE(old.st_mode))


def _kept_backup(place: Place, old: os.stat_result) -> str | None:
    """The backup that is the same file already: a run was killed between its backup and its rename."""
    for name in _backup_names(place.name):
        there = place.folder.find(name)
        if there is None:
            return None
        if os.path.samestat(there, old):  # of the entry itself: a link to the file is no backup of it
            return name
    return None


def _back_up(place: Place, old: os.stat_result) -> None:
    """Give the file a second name or, if the file system has no links, copy it.

    If another run replaces the file at this moment, the second name stays: that run may have taken it for the
    backup that it needs.
    """
    folder = place.folder
    for name in _backup_names(place.name):
        if folder.find(name) is not None:
            continue
        try:
            folder.link(place.name, name)
        except FileExistsError:
            continue
        except OSError:
            try:
                _copy(folder, place.name, name)
            except FileExistsError:
                continue
            return
        if not os.path.samestat(folder.status(name), folder.status(place.name)):
            if not os.path.samestat(folder.status(name), old):
                folder.unlink(name)
            raise _changed(place.path)
        return
    raise WriteError(f"{place.path}: has {figure(_BACKUPS)} backups already; remove some")


def _copy(folder: Folder, old: str, new: str) -> None:
    """Copy a file to a name, which must be free, with its mode and times. Raises OSError."""
    source = folder.open(old)
    try:
        with open(folder.create(new, 0o600), "wb") as out:
            while piece := os.read(source, _COPIED):
                out.write(piece)
            status = os.fstat(source)
            copy_attributes(source, out.fileno(), all_names=True)
            folder.chmod(new, out.fileno(), stat.S_IMODE(status.st_mode))
            sync(out)
            if os.utime in os.supports_fd:
                os.utime(out.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
    finally:
        os.close(source)


def _backup_names(name: str) -> Iterator[str]:
    yield name + BACKUP_SUFFIX
    for number in range(1, _BACKUPS):
        yield f"{name}.{number}{BACKUP_SUFFIX}"


@contextmanager
def adding(path: str, new_path: str, *, bounds: Bounds) -> Iterator[BinaryIO]:
    """A file to write into, which gets a new name beside `path` at the end of the block.

    It has the mode and attributes of the file at `path`. If anything fails, nothing remains.

    Raises:
        ChangedError: the name has been taken.
        WriteError: it cannot be written.
    """
    with _write_errors(path), writable_place(path, bounds) as place:
        old = place.folder.status(place.name)
        _refuse_special(place, old, links=old.st_nlink)
        with temporary(place.folder) as (out, name):
            yield out
            _inherit(place, out, name, old)
            sync(out)
            try:
                _name(place.folder, name, os.path.basename(new_path))
            except FileExistsError:
                raise _taken(path, new_path) from None


def add_new(path: str, data: bytes, *, output_dir: str | None = None) -> None:
    """Write a file that must not exist yet; with `output_dir` it stays there, and no link is followed.

    Raises:
        ChangedError: the name is taken.
        WriteError: the file cannot be written.
    """
    with _write_errors(path), ExitStack() as stack:
        if output_dir is None:
            folder = stack.enter_context(open_folder(os.path.dirname(path)))
            place = Place(path, folder, os.path.basename(path))
        else:
            place = stack.enter_context(writable_place(path, OutputTree(output_dir)))
        if place.folder.find(place.name) is not None:
            raise _exists(path)
        with temporary(place.folder, 0o666) as (out, name):
            out.write(data)
            sync(out)
            try:
                _name(place.folder, name, place.name)
            except FileExistsError:
                raise ChangedError(
                    f"{path}: exists already and was not replaced; choose another name"
                ) from None


def _exists(path: str) -> ChangedError:
    return ChangedError(f"{path}: exists already and was not replaced; choose another name")


def remove_added(path: str, new_path: str, *, bounds: Bounds) -> None:
    """Remove a file that was added beside `path`. Raises WriteError."""
    with _write_errors(new_path), writable_place(path, bounds) as place:
        place.folder.unlink(os.path.basename(new_path))


def _name(folder: Folder, name: str, location: str) -> None:
    """Give a file the name `location`, which must be free."""
    try:
        folder.link(name, location)
    except FileExistsError:
        raise
    except OSError:
        # a file system without links
        folder.move(name, location)
    else:
        folder.unlink(name)


def _move(folder: Folder, name: str, location: str, old: str) -> None:
    """Give a file the name `location`, which must be free, and remove `old`; both or neither."""
    _name(folder, name, location)
    try:
        folder.unlink(old)
    except FileNotFoundError:
        pass  # another run has removed it, because the new file was there: it must stay
    except OSError:
        folder.unlink(location)
        raise


@contextmanager
def _write_errors(path: str) -> Iterator[None]:
    """Convert errors of the system to errors that name the path."""
    try:
        yield
    except OSError as error:
        gone = isinstance(error, FileNotFoundError) and not os.path.lexists(path)
        text = f"{path}: cannot be written: {os_error_text(error)}; nothing was changed"
        raise (ChangedError if gone else WriteError)(text) from error
