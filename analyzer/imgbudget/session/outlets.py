"""Where fixed files go: in place of the old ones, or into a tree of their own."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

from imgbudget.fixers.leftovers import remove_leftovers
from imgbudget.fixers.writer import Stamp, mirror_path, remove_replaced, replacing, write_file, writing

_STEP = 1 << 20


class Outlet(NamedTuple):
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
        inside = mirror_path(self.root, path, self.mirror)
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
