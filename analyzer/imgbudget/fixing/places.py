"""Where results may be written: `writable_place` answers it for every file that a fix writes."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from imgbudget.discovery.links import HASHES, hash_in_name
from imgbudget.errors import WriteError
from imgbudget.newfiles import Folder, is_folder, open_folder

_PIECE = 1 << 20


class Place(NamedTuple):
    """A name in an open folder; `path` is what messages call it."""

    path: str
    folder: Folder
    name: str

    @property
    def target(self) -> str:
        """The path of the name in its folder."""
        return os.path.join(self.folder.path, self.name)


class NamedPath(NamedTuple):
    """A path that the user names: a link is followed, wherever it leads.

    `elsewhere` says whether the command can write to another folder instead, a remedy for what has to stay.
    """

    elsewhere: bool = True


class FoundBelow(NamedTuple):
    """A file that a search found: it is written in the folders that were named, and nowhere else.

    A link is followed to a file in these folders that the search would check too: `is_excluded` is called
    with its path and the folder. `folders` have no links in their paths.
    """

    folders: tuple[str, ...]
    is_excluded: Callable[[str, str], bool] = lambda _path, _folder: False


class OutputTree(NamedTuple):
    """A file in an output folder, which the user names: below it, no link is followed."""

    folder: str


Bounds = NamedPath | FoundBelow | OutputTree
NAMED = NamedPath()
IN_PLACE = NamedPath(elsewhere=False)


@contextmanager
def writable_place(path: str, bounds: Bounds, *, create: bool = False) -> Iterator[Place]:
    """The place that writing to a path changes, in a folder that stays open, if it may be written.

    With `create` missing folders of an output tree are made.

    Raises:
        WriteError: it may not be written; the text says why and what to do.
        OSError: there is no such file or folder.
    """
    match bounds:
        case OutputTree(root):
            with _in_tree(path, root, create=create) as place:
                yield place
        case NamedPath():
            target = os.path.realpath(path, strict=True)
            with open_folder(os.path.dirname(target)) as folder:
                yield Place(path, folder, os.path.basename(target))
        case FoundBelow():
            with _found(path, bounds) as place:
                yield place


@contextmanager
def _found(path: str, bounds: FoundBelow) -> Iterator[Place]:
    target = os.path.realpath(path, strict=True)
    root = next((folder for folder in bounds.folders if _is_below(target, folder)), None)
    if root is None:
        raise WriteError(
            f"{path}: is a link to {target}, outside the paths that were named, and was not changed; "
            "name the file itself to fix it, or use --output-dir"
        )
    if os.path.islink(path):
        _refuse_link(path, target, root, bounds)
    with open_folder(os.path.dirname(target)) as folder:
        if not folder.is_below(os.stat(root)):
            raise WriteError(f"{path}: its folder was moved or replaced during the run; it was not changed")
        place = Place(path, folder, os.path.basename(target))
        _refuse_own_hash(place)
        yield place


def _refuse_own_hash(place: Place) -> None:
    """Refuse a file of a store of contents, which finds it by the hash of its bytes."""
    digits = hash_in_name(os.path.join(os.path.abspath(place.folder.path), place.name))
    if digits is None:
        return
    fd = place.folder.open(place.name)
    try:
        size = os.fstat(fd).st_size
        hashes = [hashlib.new(HASHES[len(digits)], usedforsecurity=False)]
        if hashes[0].name in ("sha1", "sha256"):  # of a git repository
            hashes.append(hashlib.new(hashes[0].name, b"blob %d\0" % size, usedforsecurity=False))
        while piece := os.read(fd, _PIECE):
            for made in hashes:
                made.update(piece)
    finally:
        os.close(fd)
    if digits in [made.hexdigest() for made in hashes]:
        raise WriteError(
            f"{place.path}: is named by the hash of its content and was not changed; "
            "name the file itself to fix it, or use --output-dir"
        )


def _refuse_link(path: str, target: str, root: str, bounds: FoundBelow) -> None:
    """Refuse a link to a file that the search would not check, or whose name is the hash of its content."""
    if hash_in_name(target) is not None:
        raise WriteError(
            f"{path}: is a link to {target}, which is named by a hash, as in a store of contents, "
            "and was not changed; use --output-dir"
        )
    if bounds.is_excluded(target, root):
        raise WriteError(
            f"{path}: is a link to {os.path.relpath(target, root)}, which is excluded, and was not changed; "
            "name the file itself to fix it, or use --output-dir"
        )


def _is_below(path: str, folder: str) -> bool:
    path, folder = os.path.normcase(path), os.path.normcase(folder)
    return path.startswith(folder if folder.endswith(os.sep) else folder + os.sep)


@contextmanager
def _in_tree(path: str, root: str, *, create: bool) -> Iterator[Place]:
    *steps, name = os.path.relpath(path, root).split(os.sep)
    if os.pardir in (*steps, name) or name == os.curdir:
        raise WriteError(f"{path}: is outside the output folder {root} and was not written")
    if create:
        os.makedirs(root, exist_ok=True)
    with ExitStack() as stack:
        folder = stack.enter_context(open_folder(root))
        for step in steps:
            try:
                inner = folder.open_inside(step, create=create)
            except OSError as error:
                _refuse_entry(path, folder, step)
                raise error from None
            stack.close()  # a deep tree has more levels than a process may have open files
            stack.callback(inner.close)
            folder = inner
        _refuse_entry(path, folder, name, last=True)
        yield Place(path, folder, name)


def _refuse_entry(path: str, folder: Folder, name: str, *, last: bool = False) -> None:
    """Refuse a link on the way through an output folder, or anything else in the place of a file."""
    there = folder.find(name)
    shown = os.path.join(folder.path, name)
    if there is not None and not is_folder(there) and not stat.S_ISREG(there.st_mode):
        kind = "a link" if stat.S_ISLNK(there.st_mode) else "not a regular file"
        raise WriteError(
            f"{path}: was not written, because {shown} is {kind} and the output must stay in its folder; "
            "remove it or choose another folder"
        )
    if there is not None and is_folder(there) is last:
        raise WriteError(f"{path}: was not written, because {shown} is {'a folder' if last else 'a file'}")
