"""What the configuration excludes: gitignore patterns relative to the folder they are written for."""

import os
from collections.abc import Sequence
from typing import NamedTuple

from imgbudget.sources.arguments import real_path
from imgbudget.sources.gitignore import Patterns, as_bytes_text
from imgbudget.sources.ignores import Layer, keep


class Exclusion(NamedTuple):
    """Patterns and their folder, an absolute path; outside of it they see paths that begin with `..`."""

    patterns: Patterns
    root: str

    @classmethod
    def of(cls, patterns: Sequence[str], root: str) -> "Exclusion":
        """Take patterns as a configuration gives them."""
        return cls(Patterns.parse([as_bytes_text(pattern) for pattern in patterns]), _absolute(root))

    def place(self, path: str) -> str:
        """Where a path lies, as the user wrote it where that is inside of the root, else without links."""
        place = _absolute(path)
        if _is_inside(place, self.root):
            return place
        real, root = real_path(path), real_path(self.root)
        return self.root + real[len(root) :] if _is_inside(real, root) else place

    def keep(self, place: str, names: list[str], *, folders: bool) -> list[str]:
        """The names, all in the folder at a place, that are not excluded; the way to the root never is."""
        if not self.patterns or not names:
            return names
        relative = self.relative(place)
        layer = Layer(self.patterns, as_bytes_text(f"{relative}/" if relative else ""))
        kept = keep((layer,), names, folders=folders)
        if folders and self.root.startswith(f"{place}/"):
            step = self.root[len(place) + 1 :].partition("/")[0]
            if step in names and step not in kept:
                return [*kept, step]
        return kept

    def relative(self, place: str) -> str:
        """The path from the root to a place; empty for the root itself."""
        if _is_inside(place, self.root):
            return place[len(self.root) + 1 :]
        try:
            return os.path.relpath(place or "/", self.root or "/").replace(os.sep, "/")
        except ValueError:  # another drive
            return place


def _absolute(path: str) -> str:
    return os.path.abspath(path).replace(os.sep, "/").rstrip("/")


def _is_inside(place: str, root: str) -> bool:
    return place == root or place.startswith(f"{root}/")
