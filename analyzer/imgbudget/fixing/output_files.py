"""Where fixed files are written: in place, or into an output tree; and their names if the format changes."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import BinaryIO, NamedTuple

from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.errors import WriteError
from imgbudget.fixing.places import NAMED, Bounds, FoundBelow, OutputTree, writable_place
from imgbudget.fixing.writer import (
    Stamp,
    adding,
    output_tree_path,
    remove_added,
    remove_replaced,
    replacing,
    writing,
)
from imgbudget.imageinfo.files import EXTENSION_TYPES
from imgbudget.newfiles import open_folder, remove_leftovers
from imgbudget.positional import open_file

EXTENSIONS = {"jpeg": ".jpg", "png": ".png", "gif": ".gif", "webp": ".webp"}
"""The extension for each format."""

_RARE_SUFFIXES = frozenset(
    {
        *("bw", "rgb", "rgba", "blp", "dcx", "ftc", "ftu", "gbr", "icb", "im", "msp", "pcd", "pxr", "ras"),
        "vda",
        "vst",
    }
)
"""Suffixes of formats that Pillow reads. They also mean other things: such files are known by their bytes."""


def fitting_name(path: str, form: str, data: bytes) -> str:
    """The path for an image of that format: its own unless the name indicates another format.

    The extension is replaced (`scan.tiff` becomes `scan.png`); if another image has that stem already, it is
    appended to the whole name (`scan.tiff.png`), so that the name does not depend on what was fixed before. A
    file with exactly the same `data` is the result of a killed run and is no obstacle.
    """
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    suffix = extension[1:].lower()
    if EXTENSION_TYPES.get(suffix) == f"image/{form}":
        return path
    if kind_of(name) is not FileKind.IMAGE and suffix not in _RARE_SUFFIXES:
        return path
    wanted = EXTENSIONS[form].upper() if extension.isupper() else EXTENSIONS[form]
    if _has_unique_stem(folder, stem, name, stem + wanted) and is_free(
        os.path.join(folder, stem + wanted), data
    ):
        return os.path.join(folder, stem + wanted)
    return path + wanted


def is_free(path: str, data: bytes) -> bool:
    """Whether there is nothing at the path, or a regular file with just this data; a link is an obstacle."""
    try:
        there = os.lstat(path)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    if not stat.S_ISREG(there.st_mode) or there.st_size != len(data):
        return False
    try:
        with open_file(path) as file:
            return file.read(len(data) + 1) == data
    except OSError:
        return False


def _has_unique_stem(folder: str, stem: str, *names: str) -> bool:
    """Whether no image in the folder has the stem except those with these names."""
    with os.scandir(folder or ".") as entries:
        return not any(
            os.path.splitext(entry.name)[0].lower() == stem.lower()
            and entry.name not in names
            and kind_of(entry.name) is FileKind.IMAGE
            for entry in entries
        )


_STEP = 1 << 20


class OutputTarget(NamedTuple):
    """Where results are written: in place, or under `output_dir`, together with all other checked files.

    `root` is the folder whose tree is repeated there. `backup` keeps files that are replaced in place. In
    place, the paths in `named` may be links to anywhere, and all others are bound by `found`.
    """

    output_dir: str | None = None
    root: str = "."
    backup: bool = False
    named: frozenset[str] = frozenset()
    found: FoundBelow = FoundBelow(())

    def bounds(self, path: str) -> Bounds:
        """What decides whether a file may be written in place."""
        return NAMED if path in self.named else self.found

    def target(self, path: str, new_path: str) -> str:
        """The path of the result for the file at `path`; `new_path` gives its name.

        Raises:
            WriteError: it has no place in the output tree.
        """
        if self.output_dir is None:
            return new_path
        inside = output_tree_path(self.root, path, self.output_dir)
        return os.path.join(os.path.dirname(inside), os.path.basename(new_path))

    @contextmanager
    def open(self, path: str, new_path: str, expected: Stamp) -> Iterator[BinaryIO]:
        """A file to write into, which takes its final name at the end of the block, unless that fails.

        `expected` is the state in which the file at `path` was read.

        Raises:
            WriteError: it cannot be written; nothing was changed.
        """
        if self.output_dir is None:
            name = None if new_path == path else new_path
            bounds = self.bounds(path)
            with replacing(path, bounds=bounds, backup=self.backup, expected=expected, new_path=name) as out:
                yield out
        else:
            with writing(self.target(path, new_path), self.output_dir, source=path) as out:
                yield out

    @contextmanager
    def add(self, path: str, new_path: str) -> Iterator[BinaryIO]:
        """A file to write into, which gets a new name beside the result of the file at `path`.

        Raises:
            WriteError: it cannot be written; nothing was changed.
        """
        if self.output_dir is None:
            with adding(path, new_path, bounds=self.bounds(path)) as out:
                yield out
        else:
            with writing(self.target(path, new_path), self.output_dir, source=path) as out:
                yield out

    def remove_added(self, path: str, new_path: str) -> None:
        """Remove a file that was added, as far as possible."""
        with suppress(OSError, WriteError):
            if self.output_dir is None:
                remove_added(path, new_path, bounds=self.bounds(path))
            else:
                target = self.target(path, new_path)
                remove_added(target, target, bounds=OutputTree(self.output_dir))

    def check(self, path: str, new_path: str) -> None:
        """Find out before the work whether the result may be written.

        Raises:
            WriteError: it may not; the text says why.
        """
        try:
            if self.output_dir is None:
                with writable_place(path, self.bounds(path)):
                    return
            with writable_place(self.target(path, new_path), OutputTree(self.output_dir)):
                return
        except OSError:  # what is missing is created, or reported when it is written
            return

    def is_done(self, path: str, new_path: str) -> bool:
        """Whether a killed run has written the result in place, and only the old file is left to remove.

        That the file at `new_path` is the result was checked when the name was chosen (fitting_name).
        """
        return self.output_dir is None and new_path != path and os.path.lexists(new_path)

    def finish(self, path: str, expected: Stamp) -> None:
        """Remove the old file if `is_done`. Raises WriteError."""
        remove_replaced(path, bounds=self.bounds(path), backup=self.backup, expected=expected)

    def keep(self, path: str) -> str | None:
        """Copy an unchanged file into the output tree; its path there, None without an output tree.

        Raises:
            WriteError: it cannot be written.
        """
        if self.output_dir is None:
            return None
        target = self.target(path, path)
        with open_file(path) as file, writing(target, self.output_dir, source=path) as out:
            out.writelines(iter(lambda: file.read(_STEP), b""))
        return target

    def tidy(self, path: str) -> list[str]:
        """Remove the leftovers of killed runs from the folder of the file's result; their paths."""
        with suppress(OSError, WriteError):
            if self.output_dir is None:
                with open_folder(os.path.dirname(path)) as folder:
                    return [os.path.join(os.path.dirname(path), name) for name in remove_leftovers(folder)]
            with writable_place(self.target(path, path), OutputTree(self.output_dir)) as place:
                return [os.path.join(place.folder.path, name) for name in remove_leftovers(place.folder)]
        return []

    def holds(self, path: str) -> bool:
        """Whether a file is itself a result in the output tree."""
        if self.output_dir is None:
            return False
        inside = os.path.relpath(os.path.realpath(path), os.path.realpath(self.output_dir))
        return inside.split(os.sep, 1)[0] != os.pardir


def common_root(paths: Sequence[str]) -> str:
    """The folder whose tree contains all paths: a single folder itself, the folder of a single file."""
    folders = [path if os.path.isdir(path) else os.path.dirname(path) or "." for path in paths]
    if len(folders) == 1:
        return folders[0]
    return os.path.commonpath([os.path.realpath(folder) for folder in folders])
