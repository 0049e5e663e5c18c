"""The search of a folder, one folder inside it at a time; what is left out is decided here."""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple

from imgbudget.discovery.filetypes import DEFAULT_PRUNED, KINDS, FileKind
from imgbudget.discovery.ignore_files import (
    Exclusion,
    IgnoreLayers,
    below,
    is_repository,
    keep,
    repository_layers,
    with_own,
)
from imgbudget.discovery.walk import NEITHER, Argument, FoundFile, Named, PathEntry, SkippedFile, look_at, why


class _Folder(NamedTuple):  # made for each folder of a tree
    """A folder on the way: `prefix` stands before its names in results, `location` is its path for exclusion.

    `git` are the ignore patterns in force, None when they do not count in this run.
    """

    prefix: str
    real: str
    location: str
    git: IgnoreLayers | None

    @property
    def path(self) -> str:
        return (self.prefix.rstrip("/") or "/") if self.prefix else "."

    def inside(self, name: str) -> "_Folder":
        return _Folder(
            prefix=f"{self.prefix}{name}/",
            real=f"{self.real}/{name}",
            location=f"{self.location}/{name}",
            git=None if self.git is None else below(self.git, name),
        )


class _Listing(NamedTuple):
    """The names in a folder by what they are; `others` are links, devices and the like."""

    files: list[str]
    folders: list[str]
    others: list[str]


class Search(NamedTuple):
    """What all folders of a run have in common.

    `git` says whether its ignore files count. `named` is what other arguments will bring. `around` tells the
    layers around a folder.
    """

    exclusion: Exclusion
    git: bool
    named: Named
    around: Callable[[str], IgnoreLayers | None]

    def walk(self, argument: Argument) -> Iterator[FoundFile | SkippedFile]:
        """Everything in a named folder."""
        to_come: list[tuple[_Folder, list[str]]] = []
        folder = self._root(argument)
        while True:
            try:
                listing = _list(folder.prefix or ".")
            except OSError as error:
                yield SkippedFile(folder.path, f"{why(error)}: the folder was not searched")
            else:
                folder = self._with_rules(folder, listing)
                yield from self._files(folder, listing)
                to_come.append((folder, self._folders(folder, listing.folders)))
            while to_come and not to_come[-1][1]:
                to_come.pop()
            if not to_come:
                return
            outer, names = to_come[-1]
            folder = outer.inside(names.pop())

    def leaves_out(self, argument: Argument) -> bool:
        """Whether exclusion leaves out what an argument names; git's ignore files do not, as it was named."""
        is_folder = argument.entry is PathEntry.FOLDER
        relative = self.exclusion.relative(self.exclusion.location(argument.path))
        steps = relative.split("/")
        if not DEFAULT_PRUNED.isdisjoint(steps if is_folder else steps[:-1]):
            return True
        return self.exclusion.patterns.match_within(relative, folder=is_folder)

    def _root(self, argument: Argument) -> _Folder:
        git: IgnoreLayers | None = () if self.git else None
        if self.git and not is_repository(argument.real):
            around, _, name = argument.real.rpartition("/")
            above = self.around(around)
            git = () if above is None else below(above, name)
        return _Folder(
            prefix=argument.prefix,
            real=argument.real,
            location=self.exclusion.location(argument.path),
            git=git,
        )

    def _with_rules(self, folder: _Folder, listing: _Listing) -> _Folder:
        """The folder with what its own `.git` and `.gitignore` bring in."""
        if not self.git:
            return folder
        git = folder.git
        if ".git" in listing.folders or ".git" in listing.files or ".git" in listing.others:
            git = repository_layers(folder.path)
        if git is not None and ".gitignore" in listing.files:
            git = with_own(git, folder.path)
        return folder if git is folder.git else folder._replace(git=git)

    def _kept(self, folder: _Folder, names: list[str], *, folders: bool) -> list[str]:
        names = self.exclusion.keep(folder.location, names, folders=folders)
        return keep(folder.git, names, folders=folders) if folder.git else names

    def _files(self, folder: _Folder, listing: _Listing) -> Iterator[FoundFile | SkippedFile]:
        names = self._kept(folder, listing.files + listing.others, folders=False)
        if elsewhere := self.named.files.get(folder.real):
            names = [name for name in names if name not in elsewhere]
        prefix, others = folder.prefix, frozenset(listing.others)
        for name in _in_byte_order(names):
            path = prefix + name
            entry = look_at(path) if name in others else PathEntry.FILE
            if entry is PathEntry.FILE:
                suffix = name[name.rfind(".") :].lower()  # kind_of, without the call
                kind = KINDS.get(suffix, FileKind.UNKNOWN)
                yield FoundFile(path, kind) if kind else SkippedFile(path, NEITHER)
            elif entry is not PathEntry.FOLDER:
                yield SkippedFile(path, entry)

    def _folders(self, folder: _Folder, names: list[str]) -> list[str]:
        """The folders to search, the first one last."""
        names = self._kept(folder, [name for name in names if name not in DEFAULT_PRUNED], folders=True)
        if len(self.named.folders) > 1:
            names = [name for name in names if f"{folder.real}/{name}" not in self.named.folders]
        return _in_byte_order(names)[::-1]


def _list(path: str) -> _Listing:
    """The names in a folder.

    Raises:
        OSError: it cannot be read, or not to its end.
    """
    listing = _Listing([], [], [])
    files = listing.files
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                files.append(entry.name)
            elif entry.is_dir(follow_symlinks=False):
                listing.folders.append(entry.name)
            else:
                listing.others.append(entry.name)
    return listing


def _in_byte_order(names: list[str]) -> list[str]:
    """Sorted as their bytes are; code points sort likewise but for bytes that are no UTF-8."""
    return sorted(names, key=None if "".join(names).isascii() else os.fsencode)
