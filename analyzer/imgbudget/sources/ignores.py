"""Which ignore patterns are in force in a folder: what git would read for it, without running git.

A repository inside another one starts anew; outside of a repository the `.gitignore` files of the searched
folder and below count, and nothing else: the copy of a repository without its `.git` is searched alike. In
a repository in force are, the stronger first: the `.gitignore` of the folder and of those above it up
to the one that holds `.git`, `info/exclude` of the repository, the user's excludes file
(`core.excludesFile`). Beyond git: an ignore file of over MAX_BYTES is not read. Short of git: names are
compared by case everywhere, and the configuration is read without its includes and without the system's.
"""

import os
import re
import stat
from typing import NamedTuple

from imgbudget.sources.gitignore import Patterns, as_bytes_text, parse_ignore_file

MAX_BYTES = 1 << 18
"""The largest ignore or configuration file that is read; at worst its patterns take seconds and 150 MB."""

_HEADER = re.compile(r"\s*\[\s*([^]\"\s]+)\s*(\"[^\"]*\")?\s*\]")
_EXCLUDES_FILE = re.compile(
    r"""\s*excludesfile\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^#;]*?))\s*(?:[#;].*)?$""",
    re.IGNORECASE,
)


class Layer(NamedTuple):  # made for each folder of a tree
    """Patterns, and where the folder in question lies from where they stand: empty, or ending in `/`."""

    patterns: Patterns
    folder: str


Layers = tuple[Layer, ...]
"""The stronger first."""


def keep(layers: Layers, names: list[str], *, folders: bool) -> list[str]:
    """The names, all of one folder, that are not ignored; in no particular order."""
    if not layers or not names:
        return names
    if "".join(names).isascii():
        return _keep(layers, names, folders=folders)
    spelled = {as_bytes_text(name): name for name in names}
    return [spelled[name] for name in _keep(layers, list(spelled), folders=folders)]


def _keep(layers: Layers, names: list[str], *, folders: bool) -> list[str]:
    kept: list[str] = []
    for layer in layers:
        names, found = layer.patterns.decide(names, layer.folder, folders=folders)
        kept += found
    return names + kept


def below(layers: Layers, name: str) -> Layers:
    """The same patterns, seen from a folder inside."""
    step = as_bytes_text(name) + "/"
    return tuple(Layer(layer.patterns, layer.folder + step) for layer in layers)


def is_repository(folder: str) -> bool:
    """Whether the folder holds `.git`: a folder, or the file of a worktree or submodule."""
    return os.path.lexists(f"{folder}/.git")


def repository_layers(folder: str) -> Layers:
    """What is in force at the root of a repository beside its `.gitignore`."""
    git = _git_folder(folder)
    files = (f"{git}/info/exclude", _excludes_file(f"{git}/config"))
    return tuple(Layer(parse_ignore_file(data), "") for file in files if (data := _read(file)))


def with_own(layers: Layers, folder: str) -> Layers:
    """The layers of a folder with those of its own `.gitignore`, which git does not read through a link."""
    data = _read(f"{folder}/.gitignore", links=False)
    return (Layer(parse_ignore_file(data), ""), *layers) if data else layers


def layers_around(folder: str) -> Layers | None:
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
