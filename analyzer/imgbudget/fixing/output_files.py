"""Where fixed files go: in place, or into an output tree; and their names when the format changes."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.fixing.writer import (
    Stamp,
    output_tree_path,
    remove_leftovers,
    remove_replaced,
    replacing,
    write_file,
    writing,
)
from imgbudget.imageinfo.files import EXTENSION_TYPES

EXTENSIONS = {"jpeg": ".jpg", "png": ".png", "gif": ".gif", "webp": ".webp"}
"""The extension that each format is written under."""


def fitting_name(path: str, form: str, data: bytes) -> str:
    """The path under which an image of that format should stand: its own where the name promises no other.

    The extension is replaced (`scan.tiff` becomes `scan.png`); where another image has that stem already,
    it is put behind the whole name (`scan.tiff.png`), so that the name does not depend on what was fixed
    before. A file that holds the very same `data` is no other image: a killed run has left it.
    """
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    if kind_of(name) is not FileKind.IMAGE or EXTENSION_TYPES.get(extension[1:].lower()) == f"image/{form}":
        return path
    wanted = EXTENSIONS[form].upper() if extension.isupper() else EXTENSIONS[form]
    if _stands_alone(folder, stem, name, stem + wanted) and is_free(
        os.path.join(folder, stem + wanted), data
    ):
        return os.path.join(folder, stem + wanted)
    return path + wanted


def is_free(path: str, data: bytes) -> bool:
    """Whether nothing stands at the path but what is to be written there."""
    try:
        with open(path, "rb") as file:
            return file.read(len(data) + 1) == data
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _stands_alone(folder: str, stem: str, *names: str) -> bool:
    """Whether no image in the folder has the stem but those of these names."""
    with os.scandir(folder or ".") as entries:
        return not any(
            os.path.splitext(entry.name)[0].lower() == stem.lower()
            and entry.name not in names
            and kind_of(entry.name) is FileKind.IMAGE
            for entry in entries
        )


_STEP = 1 << 20


class OutputTarget(NamedTuple):
    """Where results are written: in place, or under `mirror`, which then holds every file that was checked.

    `root` is the folder whose tree is mirrored. `backup` keeps what is replaced in place.
    """

    mirror: str | None = None
    root: str = "."
    backup: bool = False

    def target(self, path: str, new_path: str) -> str:
        """Where the result of the file at `path` stands when it has to be called `new_path`.

        Raises:
            WriteError: it has no place in the mirror.
        """
        if self.mirror is None:
            return new_path
        inside = output_tree_path(self.root, path, self.mirror)
        return os.path.join(os.path.dirname(inside), os.path.basename(new_path))

    @contextmanager
    def open(self, path: str, new_path: str, seen: Stamp) -> Iterator[BinaryIO]:
        """A file to write into, which stands in its place when the block ends, and not at all if it fails.

        `seen` is the state in which the file at `path` was read.

        Raises:
            WriteError: it cannot be written; everything stands as it was.
        """
        if self.mirror is None:
            name = None if new_path == path else new_path
            with replacing(path, backup=self.backup, seen=seen, new_path=name) as out:
                yield out
        else:
            with writing(self.target(path, new_path)) as out:
                yield out

    def is_done(self, path: str, new_path: str) -> bool:
        """Whether a killed run has written the result in place, and only the old file is still to go.

        That what stands at `new_path` is the result was seen when the name was chosen (fitting_name).
        """
        return self.mirror is None and new_path != path and os.path.lexists(new_path)

    def finish(self, path: str, seen: Stamp) -> None:
        """Remove the old file where `is_done`. Raises WriteError."""
        remove_replaced(path, backup=self.backup, seen=seen)

    def keep(self, path: str) -> str | None:
        """Take a file over that stays as it is; where it then stands, None where it has stood before.

        Raises:
            WriteError: it cannot be written.
        """
        if self.mirror is None:
            return None
        target = self.target(path, path)
        with open(path, "rb") as file:
            write_file(target, iter(lambda: file.read(_STEP), b""))
        return target

    def tidy(self, path: str) -> None:
        """Remove what a killed run has left in the folder that the file's result is written into."""
        folder = os.path.dirname(path if self.mirror is None else self.target(path, path))
        remove_leftovers(folder or ".")

    def holds(self, path: str) -> bool:
        """Whether a file that was met is itself a result in the mirror."""
        if self.mirror is None:
            return False
        inside = os.path.relpath(os.path.realpath(path), os.path.realpath(self.mirror))
        return inside.split(os.sep, 1)[0] != os.pardir


def common_root(paths: Sequence[str]) -> str:
    """The folder whose tree holds all paths: a single folder itself, a single file's folder."""
    folders = [path if os.path.isdir(path) else os.path.dirname(path) or "." for path in paths]
    if len(folders) == 1:
        return folders[0]
    return os.path.commonpath([os.path.abspath(folder) for folder in folders])
