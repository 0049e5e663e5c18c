"""The search of a folder, one folder inside it at a time: git's ignore files, `exclude`, what is left out."""

import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence

from imgbudget.discovery.filetypes import DEFAULT_PRUNED, KINDS, FileKind
from imgbudget.discovery.gitignore import Patterns, as_bytes_text, parse_ignore_file
from imgbudget.discovery.walk import (
    NEITHER,
    Argument,
    FoundFile,
    Named,
    PathEntry,
    SkippedFile,
    look_at,
    real_path,
    why,
)
from imgbudget.namedtuples import NamedTuple

MAX_BYTES = 1 << 18
"""The largest ignore or configuration file that is read; at worst its patterns take seconds and 150 MB."""

_HEADER = r"\s*\[\s*([^]\"\s]+)\s*(\"[^\"]*\")?\s*\]"
_EXCLUDES_FILE = (
    r"""(?i)\s*excludesfile\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^#;]*?))\s*(?:[#;].*)?$"""
)


class IgnoreLayer(NamedTuple):  # made for each folder of a tree
    """Patterns, and where the folder in question lies from where they stand: empty, or ending in `/`."""

    patterns: Patterns
    folder: str


IgnoreLayers = tuple[IgnoreLayer, ...]
"""The stronger first."""


def keep(layers: IgnoreLayers, names: list[str], *, folders: bool) -> list[str]:
    """The names, all of one folder, that are not ignored; in no particular order."""
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
    """The same patterns, seen from a folder inside."""
    step = as_bytes_text(name) + "/"
    return tuple(IgnoreLayer(layer.patterns, layer.folder + step) for layer in layers)


def is_repository(folder: str) -> bool:
    """Whether the folder holds `.git`: a folder, or the file of a worktree or submodule."""
    return os.path.lexists(f"{folder}/.git")


def repository_layers(folder: str) -> IgnoreLayers:
    """What is in force at the root of a repository beside its `.gitignore`."""
    git = _git_folder(folder)
    files = (f"{git}/info/exclude", _excludes_file(f"{git}/config"))
    return tuple(IgnoreLayer(parse_ignore_file(data), "") for file in files if (data := _read(file)))


def with_own(layers: IgnoreLayers, folder: str) -> IgnoreLayers:
    """The layers of a folder with those of its own `.gitignore`, which git does not read through a link."""
    data = _read(f"{folder}/.gitignore", links=False)
    return (IgnoreLayer(parse_ignore_file(data), ""), *layers) if data else layers


def layers_around(folder: str) -> IgnoreLayers | None:
    """What is in force in a folder of a repository, None outside of one.

    The folder is given by its path without links and without a slash at its end.
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


def _git_folder(folder: str) -> str:
    """Where the repository keeps what its worktrees share; `.git` may be a file that names the place."""
    git = f"{folder}/.git"
    pointer = _read(git)
    if pointer.startswith(b"gitdir: "):
        git = os.path.join(folder, os.fsdecode(pointer[8:].rstrip(b"\r\n")))
    common = _read(f"{git}/commondir")
    return os.path.join(git, os.fsdecode(common.rstrip(b"\r\n"))) if common else git


def _excludes_file(repository_config: str) -> str:
    """The path of the user's excludes file, which need not exist: the last setting holds."""
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
    """The bytes of a small regular file; none for anything else, which git treats as no file too."""
    try:
        if not stat.S_ISREG(os.stat(path, follow_symlinks=links).st_mode):
            return b""
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError):
        return b""
    return data if len(data) <= MAX_BYTES else b""


class Exclusion(NamedTuple):
    """Patterns and their folder, an absolute path; outside of it they see paths that begin with `..`."""

    patterns: Patterns
    root: str

    @classmethod
    def of(cls, patterns: Sequence[str], root: str) -> "Exclusion":
        """Take patterns as a configuration gives them."""
        return cls(Patterns.parse([as_bytes_text(pattern) for pattern in patterns]), _absolute(root))

    def location(self, path: str) -> str:
        """Where a path lies, as the user wrote it where that is inside of the root, else without links."""
        location = _absolute(path)
        if _is_inside(location, self.root):
            return location
        real, root = real_path(path), real_path(self.root)
        return self.root + real[len(root) :] if _is_inside(real, root) else location

    def keep(self, location: str, names: list[str], *, folders: bool) -> list[str]:
        """The names, all in the folder at a place, that are not excluded; the way to the root never is."""
        if not self.patterns or not names:
            return names
        relative = self.relative(location)
        layer = IgnoreLayer(self.patterns, as_bytes_text(f"{relative}/" if relative else ""))
        kept = keep((layer,), names, folders=folders)
        if folders and self.root.startswith(f"{location}/"):
            step = self.root[len(location) + 1 :].partition("/")[0]
            if step in names and step not in kept:
                return [*kept, step]
        return kept

    def relative(self, location: str) -> str:
        """The path from the root to a place; empty for the root itself."""
        if _is_inside(location, self.root):
            return location[len(self.root) + 1 :]
        try:
            return os.path.relpath(location or "/", self.root or "/").replace(os.sep, "/")
        except ValueError:  # another drive
            return location


def _absolute(path: str) -> str:
    return os.path.abspath(path).replace(os.sep, "/").rstrip("/")


def _is_inside(location: str, root: str) -> bool:
    return location == root or location.startswith(f"{root}/")


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
