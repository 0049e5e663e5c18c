"""A list of gitignore patterns, compiled: which names of one folder it decides, and how.

A pattern is held against one entry at a time, the folders around it are not asked: whoever walks down a
tree and leaves ignored folders out gets git's answer. tests/test_gitignore.py proves it equal to git.
"""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

from imgbudget.sources.wildmatch import SPECIAL, translate

_Match = Callable[[str], object]
MAX_PATTERN = 4096
"""Characters of a pattern beyond which it is none; as much as Linux allows for a path."""
_INNER_ASTERISKS = re.compile(r"[^/*]\*\*")  # see wildmatch.py: a**/b matches ab


def as_bytes_text(text: str) -> str:
    """A name or pattern with one character for each byte of it: what patterns are matched on."""
    return text if text.isascii() else os.fsencode(text).decode("latin-1")


class _Pattern(NamedTuple):
    """One line. `folder` is the pattern of the folder that an entry must lie in, None for any folder."""

    folder: str | None
    name: str
    ignores: bool
    folders_only: bool


class _Names(NamedTuple):
    """Patterns of names, each by the cheapest test that tells the same."""

    literals: frozenset[str]
    beginnings: tuple[str, ...]
    endings: tuple[str, ...]
    match: _Match | None

    @classmethod
    def of(cls, globs: Iterable[str]) -> "_Names":
        literals: list[str] = []
        beginnings: list[str] = []
        endings: list[str] = []
        regexes: list[str | None] = []
        for glob in globs:
            special = SPECIAL.search(glob)
            if not special:
                literals.append(glob)
            elif glob[-1] == "*" and special.end() == len(glob):
                beginnings.append(glob[:-1])
            elif glob[0] == "*" and not SPECIAL.search(glob, 1):
                endings.append(glob[1:])
            else:
                regexes.append(translate(glob, path=False))
        return cls(
            literals=frozenset(literals),
            beginnings=tuple(beginnings),
            endings=tuple(endings),
            match=_any_of(regexes),
        )

    def matching(self, names: list[str]) -> set[str]:
        hits = set(self.literals.intersection(names))
        if self.beginnings:
            hits.update([name for name in names if name.startswith(self.beginnings)])
        if self.endings:
            hits.update([name for name in names if name.endswith(self.endings)])
        if self.match:
            hits.update(filter(self.match, names))
        return hits


class _Block(NamedTuple):
    """Neighbouring patterns that decide alike, so that their order does not matter.

    A folder is asked once for all its names; `match_path` has the few patterns that need whole paths.
    """

    ignores: bool
    anywhere: _Names
    in_folder: Mapping[str, _Names]
    in_folders: tuple[tuple[_Match, _Names], ...]
    match_path: _Match | None

    def matching(self, names: list[str], folder: str) -> set[str]:
        hits = self.anywhere.matching(names)
        if here := self.in_folder.get(folder):
            hits |= here.matching(names)
        for matches, there in self.in_folders:
            if matches(folder):
                hits |= there.matching(names)
        if self.match_path:
            hits.update([name for name in names if self.match_path(folder + name)])
        return hits


class Patterns(NamedTuple):
    """One ignore file, or the patterns of one setting; a later pattern overrules an earlier one."""

    for_files: tuple[_Block, ...]
    for_folders: tuple[_Block, ...]

    @classmethod
    def parse(cls, lines: Iterable[str]) -> "Patterns":
        """The patterns of these lines, in bytes text; comments, blank and unmatchable lines are none."""
        patterns = [pattern for line in lines if (pattern := _pattern(line))]
        return cls(
            tuple(_blocks(pattern for pattern in patterns if not pattern.folders_only)),
            tuple(_blocks(patterns)),
        )

    def __bool__(self) -> bool:
        return bool(self.for_folders)

    def decide(self, names: list[str], folder: str, *, folders: bool) -> tuple[list[str], list[str]]:
        """The names that no pattern matches, and those that a negated one keeps; the rest is ignored.

        All are entries of `folder`, a path relative to where the patterns stand that is empty or ends
        with a slash. With `folders` all names are folders, else none is (a link is none either).
        """
        kept: list[str] = []
        for block in self.for_folders if folders else self.for_files:
            hits = block.matching(names, folder)
            if hits:
                if not block.ignores:
                    kept += hits
                names = [name for name in names if name not in hits]
        return names, kept

    def match_within(self, path: str, *, folder: bool = False) -> bool:
        """Whether a path, relative and with `/`, is ignored: itself, or with a folder around it."""
        *around, name = as_bytes_text(path).split("/")
        at = ""
        for step in around:
            if self._ignores(step, at, folder=True):
                return True
            at += f"{step}/"
        return self._ignores(name, at, folder=folder)

    def _ignores(self, name: str, at: str, *, folder: bool) -> bool:
        if name in ("", "..", "."):  # a way out of where the patterns stand, no entry of a folder
            return False
        undecided, kept = self.decide([name], at, folders=folder)
        return not undecided and not kept


@lru_cache(maxsize=64)
def parse_ignore_file(data: bytes) -> Patterns:
    """The patterns of an ignore file; cached, since trees repeat the same file in many folders."""
    lines = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split("\n")
    return Patterns.parse([line.removesuffix("\r") for line in lines])


def _pattern(line: str) -> _Pattern | None:
    if line.startswith("#") or len(line) > MAX_PATTERN:
        return None
    glob = _without_trailing_blanks(line.partition("\0")[0])  # git reads lines as C strings
    ignores = not glob.startswith("!")
    glob = glob.removeprefix("!")
    folders_only = glob.endswith("/")
    glob = glob.removesuffix("/")
    folder: str | None = None
    if "/" in glob:
        folder, slash, glob = glob.removeprefix("/").rpartition("/")
        folder += slash
        if folder == "**/":
            folder = None
    if folder is None and not glob:
        return None
    return _Pattern(folder=folder, name=glob, ignores=ignores, folders_only=folders_only)


def _without_trailing_blanks(line: str) -> str:
    """The line up to its trailing blanks, the first of which stays when a backslash escapes it."""
    bare = line.rstrip(" ")
    backslashes = len(bare) - len(bare.rstrip("\\"))
    return bare + " " if backslashes % 2 and bare != line else bare


def _blocks(patterns: Iterable[_Pattern]) -> Iterable[_Block]:
    """The blocks of the patterns, the last and strongest first."""
    for ignores, group in groupby(reversed(tuple(patterns)), key=lambda pattern: pattern.ignores):
        anywhere: list[str] = []
        by_folder: dict[str, list[str]] = {}
        paths: list[str | None] = []
        for pattern in group:
            if pattern.folder is None:
                anywhere.append(pattern.name)
            elif _needs_path(pattern.folder, pattern.name):
                paths.append(translate(pattern.folder + pattern.name, path=True))
            else:
                by_folder.setdefault(pattern.folder, []).append(pattern.name)
        literal = {folder: names for folder, names in by_folder.items() if not SPECIAL.search(folder)}
        yield _Block(
            ignores=ignores,
            anywhere=_Names.of(anywhere),
            in_folder={folder: _Names.of(names) for folder, names in literal.items()},
            in_folders=tuple(
                (match, _Names.of(names))
                for folder, names in by_folder.items()
                if folder not in literal and (match := _any_of([translate(folder, path=True)]))
            ),
            match_path=_any_of(paths),
        )


def _needs_path(folder: str, name: str) -> bool:
    """Whether the slash between them may be part of a set, or asterisks may reach over it."""
    return "[" in folder or "\\" in folder or "**" in name or bool(_INNER_ASTERISKS.search(folder))


def _any_of(regexes: Iterable[str | None]) -> _Match | None:
    """What matches one of the regexes, of which None stands for one that matches nothing."""
    real = [regex for regex in regexes if regex is not None]
    return re.compile("|".join(real), re.DOTALL).fullmatch if real else None
