"""Searches folders recursively: git's ignore files, `exclude`, and the files that are left."""

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from functools import cache
from typing import Protocol

from imgbudget.discovery.filetypes import DEFAULT_PRUNED, KINDS, FileKind, kind_of
from imgbudget.discovery.gitignore import Patterns, as_bytes_text, covered, parse_ignore_file
from imgbudget.discovery.identity import KnownFiles
from imgbudget.discovery.links import Reach
from imgbudget.discovery.walk import (
    EXCLUDED,
    NOT_CHECKABLE,
    NOT_CHECKABLE_OUTSIDE,
    NOT_INCLUDED,
    OUTSIDE,
    Argument,
    ExplicitPaths,
    FilePatterns,
    FoundFile,
    Listing,
    PathEntry,
    PatternWatch,
    SkippedFile,
    list_folder,
    numbered_entry,
    os_error_reason,
    other_name,
    real_path,
)
from imgbudget.namedtuples import NamedTuple

MAX_BYTES = 1 << 18
"""Maximum size of an ignore or configuration file; its patterns take seconds and 150 MB at worst."""

_HEADER = r"\s*\[\s*([^]\"\s]+)\s*(\"[^\"]*\")?\s*\]"
_EXCLUDES_FILE = (
    r"""(?i)\s*excludesfile\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^#;]*?))\s*(?:[#;].*)?$"""
)


class IgnoreLayer(NamedTuple):  # one for each folder of a tree
    """Patterns, and the path of the current folder relative to theirs: empty, or ending in `/`."""

    patterns: Patterns
    folder: str


IgnoreLayers = tuple[IgnoreLayer, ...]
"""In order of precedence, highest first."""


def keep(layers: IgnoreLayers, names: list[str], *, folders: bool) -> list[str]:
    """The names of one folder that are not ignored, in no particular order."""
    if not layers or not names:
        return names
    if "".join(names).isascii():
        return _keep(layers, names, folders=folders)
    spelled = {as_bytes_text(name): name for name in names}
    return [spelled[name] for name in _keep(layers, list(spelled), folders=folders)]


def _keep(layers: IgnoreLayers, names: list[str], *, folders: bool) -> list[str]:
    kept: list[str] = []
    for layer in layers:
        names, found = layer.patterns.decide(names, layer.folder, folders=folders)
        kept += found
    return names + kept


def below(layers: IgnoreLayers, name: str) -> IgnoreLayers:
    """The same patterns for a subfolder."""
    step = as_bytes_text(name) + "/"
    return tuple(IgnoreLayer(layer.patterns, layer.folder + step) for layer in layers)


def is_repository(folder: str) -> bool:
    """Whether the folder contains `.git`: a folder, or the file of a worktree or submodule."""
    return os.path.lexists(f"{folder}/.git")


def repository_layers(folder: str) -> IgnoreLayers:
    """The patterns at the root of a repository, without its `.gitignore`."""
    git = _git_folder(folder)
    files = (f"{git}/info/exclude", _excludes_file(f"{git}/config"))
    return tuple(IgnoreLayer(parse_ignore_file(data), "") for file in files if (data := _read(file)))


def with_own(layers: IgnoreLayers, folder: str) -> IgnoreLayers:
    """The layers of a folder with its own `.gitignore`, which git ignores if it is a link."""
    data = _read(f"{folder}/.gitignore", links=False)
    return (IgnoreLayer(parse_ignore_file(data), ""), *layers) if data else layers


def layers_around(folder: str) -> IgnoreLayers | None:
    """The layers of a folder in a repository; None outside of one.

    `folder` is a path without links and without a trailing slash.
    """
    names: list[str] = []
    at = folder
    while not is_repository(at):
        if not at:
            return None
        at, _, name = at.rpartition("/")
        names.append(name)
    layers = with_own(repository_layers(at), at)
    for name in reversed(names):
        at = f"{at}/{name}"
        layers = with_own(below(layers, name), at)
    return layers


def is_ignored(path: str, root: str) -> bool:
    """Whether git's ignore files keep a search of `root` from a file below it; neither path has links."""
    at = root.replace(os.sep, "/").rstrip("/")
    *folders, name = os.path.relpath(path, root).replace(os.sep, "/").split("/")
    for folder in folders:
        if not keep(layers_around(at) or (), [folder], folders=True):
            return True
        at = f"{at}/{folder}"
    return not keep(layers_around(at) or (), [name], folders=False)


def _git_folder(folder: str) -> str:
    """The folder that the worktrees of the repository share; `.git` may be a file with its path."""
    git = f"{folder}/.git"
    pointer = _read(git)
    if pointer.startswith(b"gitdir: "):
        git = os.path.join(folder, os.fsdecode(pointer[8:].rstrip(b"\r\n")))
    common = _read(f"{git}/commondir")
    return os.path.join(git, os.fsdecode(common.rstrip(b"\r\n"))) if common else git


def _excludes_file(repository_config: str) -> str:
    """The path of the user's excludes file, which may not exist; the last setting applies."""
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config")
    chosen = f"{home}/git/ignore"
    for config in (f"{home}/git/config", os.path.expanduser("~/.gitconfig"), repository_config):
        core = False
        for line in os.fsdecode(_read(config)).splitlines():
            header = re.match(_HEADER, line)
            if header:
                core = header[1].lower() == "core" and not header[2]
            if core and (setting := re.match(_EXCLUDES_FILE, line[header.end() if header else 0 :])):
                value = setting["plain"] if setting["quoted"] is None else setting["quoted"]
                chosen = os.path.expanduser(re.sub(r"\\(.)", r"\1", value))
    return chosen


def _read(path: str, *, links: bool = True) -> bytes:
    """The bytes of a small regular file; empty for anything else, as in git."""
    try:
        if not stat.S_ISREG(os.stat(path, follow_symlinks=links).st_mode):
            return b""
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError):
        return b""
    return data if len(data) <= MAX_BYTES else b""


_NONE = Patterns((), ())


class Exclusion(NamedTuple):
    """Patterns and their folder, an absolute path; paths outside of it begin with `..`.

    Files that match `patterns` are left out, and all files but those that match `included`, if it has any.
    `watch` has the patterns of which it is to be known whether they match a file.
    """

    patterns: Patterns
    root: str
    included: Patterns = _NONE
    watch: PatternWatch | None = None

    @classmethod
    def of(cls, files: FilePatterns) -> "Exclusion":
        """Parse the patterns of a configuration."""
        exclude, root, include, watch = files
        return cls(_parsed(exclude), _absolute(root), _parsed(include) if include else _NONE, watch)

    def location(self, path: str) -> str:
        """The absolute path, as written by the user if that is inside the root, else without links."""
        location = _absolute(path)
        if _is_inside(location, self.root):
            return location
        real, root = real_path(path), real_path(self.root)
        return self.root + real[len(root) :] if _is_inside(real, root) else location

    def keep(self, location: str, names: list[str], *, folders: bool) -> list[str]:
        """The names in the folder at `location` that are not excluded; parents of the root never are."""
        if not (self.patterns or self.included) or not names:
            return names
        relative = self.relative(location)
        folder = as_bytes_text(f"{relative}/" if relative else "")
        if self.included and not folders and not self.included.match_within(relative, folder=True):
            others = set(keep((IgnoreLayer(self.included, folder),), names, folders=False))
            names = [name for name in names if name not in others]
        kept = keep((IgnoreLayer(self.patterns, folder),), names, folders=folders) if self.patterns else names
        if folders and self.root.startswith(f"{location}/"):
            step = self.root[len(location) + 1 :].partition("/")[0]
            if step in names and step not in kept:
                return [*kept, step]
        return kept

    def see(self, location: str, names: AbstractSet[str]) -> None:
        """Note which watched patterns match the names of files in the folder at `location`."""
        watch = self.watch
        if watch is None or not watch.pending or not names:
            return
        if watch.matcher is None:
            watch.matcher = _parsed([pattern.removeprefix("!") for pattern in watch.pending])
        relative = self.relative(location)
        if _matches_in(watch.matcher, relative, names):
            alone = ((pattern, _parsed([pattern.removeprefix("!")])) for pattern in watch.pending)
            matched = {pattern for pattern, one in alone if _matches_in(one, relative, names)}
            watch.pending -= matched
            watch.matcher = None

    def note_searched(self, folder: str) -> None:
        """Note for which of the watched patterns no file is left, now that a whole folder was searched."""
        if self.watch is not None and self.watch.pending:
            location = (self.location(folder),)
            self.watch.searched.update(it for it in self.watch.pending if covered(it, self.root, location))

    def holds(self, folder: str) -> bool:
        """Whether a folder, spelled as in results, is the root of the patterns or in it."""
        return _is_inside(self.location(folder or "."), self.root)

    def why_left_out(self, path: str, *, folder: bool) -> str | None:
        """Why a search would leave out a path, as a clause; None if it would find it."""
        relative = self.relative(self.location(path))
        steps = relative.split("/")
        if not DEFAULT_PRUNED.isdisjoint(steps if folder else steps[:-1]):
            return EXCLUDED
        if self.patterns.match_within(relative, folder=folder):
            return EXCLUDED
        left_out = self.included and not folder and not self.included.match_within(relative)
        return NOT_INCLUDED if left_out else None

    def relative(self, location: str) -> str:
        """The path from the root to `location`; empty for the root itself."""
        if _is_inside(location, self.root):
            return location[len(self.root) + 1 :]
        try:
            return os.path.relpath(location or "/", self.root or "/").replace(os.sep, "/")
        except ValueError:  # another drive
            return location


def _parsed(patterns: Sequence[str]) -> Patterns:
    return Patterns.parse([as_bytes_text(pattern) for pattern in patterns])


def _matches_in(patterns: Patterns, folder: str, names: AbstractSet[str]) -> bool:
    """Whether patterns match a relative folder, or some of the names of files in it."""
    if patterns.match_within(folder, folder=True):
        return True
    inside = as_bytes_text(f"{folder}/" if folder else "")
    others, _ = patterns.decide([as_bytes_text(name) for name in names], inside, folders=False)
    return len(others) < len(names)


def _absolute(path: str) -> str:
    return os.path.abspath(path).replace(os.sep, "/").rstrip("/")


def _is_inside(location: str, root: str) -> bool:
    return location == root or location.startswith(f"{root}/")


class _Folder(NamedTuple):  # one for each folder of a tree
    """A folder of the search: `prefix` precedes its names in results, `location` is its path for exclusion.

    `exclusion` is what the configuration leaves out there. `git` are the ignore patterns in force, None if
    ignore files are not used.
    """

    prefix: str
    real: str
    location: str
    exclusion: Exclusion
    git: IgnoreLayers | None

    @property
    def path(self) -> str:
        return (self.prefix.rstrip("/") or "/") if self.prefix else "."

    def inside(self, name: str) -> "_Folder":
        return _Folder(
            prefix=f"{self.prefix}{name}/",
            real=f"{self.real}/{name}",
            location=f"{self.location}/{name}",
            exclusion=self.exclusion,
            git=None if self.git is None else below(self.git, name),
        )


class NestedPatterns(Protocol):
    """What the configurations of folders leave out. Folders are spelled as in results, `.` as empty text."""

    def patterns_of(self, folder: str) -> FilePatterns:
        """What holds in a folder, by the nearest configuration. Raises ConfigError."""

    def patterns_in(self, folder: str, names: AbstractSet[str]) -> FilePatterns:
        """The same for a folder that a search enters, by the names of its files. Raises ConfigError."""


class Search(NamedTuple):
    """The settings of all searches of a run.

    `nested` knows what other configurations leave out, in the folders that have one; None if none counts.
    `parsed` makes an exclusion of patterns. `git` is whether git's ignore files are used. `explicit` are the
    paths that the arguments name. `around` returns the layers of a parent folder. `reach` is what links may
    lead to, None for anything. `known` are the files found so far, None to find each name.
    """

    exclusion: Exclusion
    nested: NestedPatterns | None
    parsed: Callable[[FilePatterns], Exclusion]
    git: bool
    explicit: ExplicitPaths
    around: Callable[[str], IgnoreLayers | None]
    reach: Reach | None
    known: KnownFiles | None

    def walk(self, argument: Argument) -> Iterator[FoundFile | SkippedFile]:
        """The files of a folder that an argument names; links come last, so that their targets are known."""
        to_come: list[tuple[_Folder, list[str]]] = []
        links: list[tuple[str, int]] = []
        exclusions: dict[int, Exclusion] = {}
        complete = True
        folder = self._root(argument)
        while True:
            try:
                listing = list_folder(folder.prefix or ".")
            except OSError as error:
                yield SkippedFile(folder.path, f"{os_error_reason(error)}: the folder was not searched")
                complete = False
            else:
                folder = self._with_rules(folder, listing)
                exclusions[id(folder.exclusion)] = folder.exclusion
                yield from self._files(folder, listing, links)
                to_come.append((folder, self._folders(folder, listing.folders)))
            while to_come and not to_come[-1][1]:
                to_come.pop()
            if not to_come:
                break
            outer, names = to_come[-1]
            folder = outer.inside(names.pop())
        for exclusion in exclusions.values() if complete else ():
            exclusion.note_searched(argument.path)
        for path, number in links:
            yield self._found(path, number)

    def why_left_out(self, argument: Argument) -> str | None:
        """Why an argument is left out, None if it is not; ignore files do not apply to explicit paths."""
        is_folder = argument.entry is PathEntry.FOLDER
        if self.nested is None:
            return self.exclusion.why_left_out(argument.path, folder=is_folder)
        *above, (around, path) = _steps(argument.path)
        # as a search comes to it: whether a folder is entered is said by the configuration around that folder
        for outer, inner in above:
            exclusion = self.parsed(self.nested.patterns_of(outer))
            if exclusion.holds(outer) and (reason := exclusion.why_left_out(inner, folder=True)):
                return reason
        return self.parsed(self.nested.patterns_of(around)).why_left_out(path, folder=is_folder)

    def _root(self, argument: Argument) -> _Folder:
        git: IgnoreLayers | None = () if self.git else None
        if self.git and not is_repository(argument.real):
            around, _, name = argument.real.rpartition("/")
            above = self.around(around)
            git = () if above is None else below(above, name)
        exclusion = self.exclusion
        if self.nested is not None:
            exclusion = self.parsed(self.nested.patterns_of(argument.prefix.rstrip("/") or argument.prefix))
        return _Folder(
            prefix=argument.prefix,
            real=argument.real,
            location=exclusion.location(argument.path),
            exclusion=exclusion,
            git=git,
        )

    def _with_rules(self, folder: _Folder, listing: Listing) -> _Folder:
        """The folder with the patterns of its configuration, its `.git` and its `.gitignore`."""
        if self.nested is not None:
            names = listing.files.keys() if not listing.others else {*listing.files, *listing.others}
            exclusion = self.parsed(
                self.nested.patterns_in(folder.prefix.rstrip("/") or folder.prefix, names)
            )
            if exclusion is not folder.exclusion:
                location = exclusion.location(folder.path)
                folder = folder._replace(exclusion=exclusion, location=location)
            exclusion.see(folder.location, names)
        if not self.git:
            return folder
        git = folder.git
        if ".git" in listing.folders or ".git" in listing.files or ".git" in listing.others:
            git = repository_layers(folder.path)
        if git is not None and ".gitignore" in listing.files:
            git = with_own(git, folder.path)
        return folder if git is folder.git else folder._replace(git=git)

    def _kept(self, folder: _Folder, names: list[str], *, folders: bool) -> list[str]:
        names = folder.exclusion.keep(folder.location, names, folders=folders)
        return keep(folder.git, names, folders=folders) if folder.git else names

    def _files(
        self, folder: _Folder, listing: Listing, links: list[tuple[str, int]]
    ) -> Iterator[FoundFile | SkippedFile]:
        """The files in a folder; links to files are appended to `links`, with their inode numbers."""
        names = self._kept(folder, [*listing.files, *listing.others], folders=False)
        if elsewhere := self.explicit.files.get(folder.real):
            names = [name for name in names if name not in elsewhere]
        prefix, files, known = folder.prefix, listing.files, self.known
        found = names if not listing.others else [name for name in names if name in files]
        repeated: set[int] = known.add_folder(prefix, [files[name] for name in found]) if known else set()
        special = frozenset(listing.others)
        if repeated:
            special |= {name for name in found if files[name] in repeated}
        for name in _in_byte_order(names):
            path = prefix + name
            if name not in special:
                suffix = name[name.rfind(".") :].lower()  # `kind_of` inlined
                kind = KINDS.get(suffix, FileKind.UNKNOWN)
                yield FoundFile(path, kind) if kind else SkippedFile(path, NOT_CHECKABLE)
            elif name in files:
                yield self._found(path, files[name])
            else:
                entry, number = numbered_entry(path)
                if entry is PathEntry.FILE and self.reach and not self.reach.holds(path):
                    yield SkippedFile(path, OUTSIDE if kind_of(name) else NOT_CHECKABLE_OUTSIDE)
                elif entry is PathEntry.FILE:
                    links.append((path, number))
                elif isinstance(entry, str):
                    yield SkippedFile(path, entry)

    def _found(self, path: str, number: int) -> FoundFile | SkippedFile:
        """A file, unless it was found under another name."""
        kind = kind_of(path[path.rfind("/") + 1 :])
        if kind is None:
            return SkippedFile(path, NOT_CHECKABLE)
        if self.known and (first := self.known.other_name(path, number)):
            return other_name(path, first)
        return FoundFile(path, kind)

    def _folders(self, folder: _Folder, names: list[str]) -> list[str]:
        """The folders to search, in reverse order."""
        names = self._kept(folder, [name for name in names if name not in DEFAULT_PRUNED], folders=True)
        if len(self.explicit.folders) > 1:
            names = [name for name in names if f"{folder.real}/{name}" not in self.explicit.folders]
        return _in_byte_order(names)[::-1]


def _steps(path: str) -> list[tuple[str, str]]:
    """The path from its first folder on, each with the folder that it is in; empty for the working folder."""
    found: list[tuple[str, str]] = []
    while True:
        around, slash, _ = path.rpartition("/")
        found.append((around or slash, path))
        path = around
        if not path or path.endswith(".."):
            return found[::-1]


def _in_byte_order(names: list[str]) -> list[str]:
    """Sorted by bytes; the order of code points only differs for bytes that are not UTF-8."""
    return sorted(names, key=None if "".join(names).isascii() else os.fsencode)


def make_search(  # noqa: PLR0913 - what is found, and under which rules
    exclusion: Exclusion,
    *,
    nested: NestedPatterns | None,
    git: bool,
    explicit: ExplicitPaths,
    known: KnownFiles | None,
    outside: bool,
) -> Search:
    """The settings for searches, see `find_files`."""
    return Search(
        exclusion=exclusion,
        nested=nested,
        parsed=cache(Exclusion.of),
        git=git,
        explicit=explicit,
        around=cache(layers_around),
        reach=None if outside else Reach(explicit.folders),
        known=known,
    )
