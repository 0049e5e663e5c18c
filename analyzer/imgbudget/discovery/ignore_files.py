"""Which ignore patterns apply in a folder: git's own files, and the `exclude` of the configuration."""

import os
import re
import stat
from collections.abc import Sequence
from typing import NamedTuple

from imgbudget.discovery.gitignore import Patterns, as_bytes_text, parse_ignore_file
from imgbudget.discovery.walk import real_path

MAX_BYTES = 1 << 18
"""The largest ignore or configuration file that is read; at worst its patterns take seconds and 150 MB."""

_HEADER = re.compile(r"\s*\[\s*([^]\"\s]+)\s*(\"[^\"]*\")?\s*\]")
_EXCLUDES_FILE = re.compile(
    r"""\s*excludesfile\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^#;]*?))\s*(?:[#;].*)?$""",
    re.IGNORECASE,
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
            header = _HEADER.match(line)
            if header:
                core = header[1].lower() == "core" and not header[2]
            if core and (setting := _EXCLUDES_FILE.match(line, header.end() if header else 0)):
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
