"""Configuration files found, read, merged and validated."""

import errno
import os
import stat
from collections.abc import Collection
from typing import TYPE_CHECKING

from imgbudget.config.settings import Settings
from imgbudget.config.suggest import check_gateways, check_platform, check_selectors
from imgbudget.errors import IS_FOLDER, NO_FILE, ConfigError, ConfigProblem, UsageError, os_error_text
from imgbudget.limits.values import figure
from imgbudget.namedtuples import NamedTuple

if TYPE_CHECKING:
    from io import FileIO

MAX_BYTES = 1 << 20
"""Most bytes of a configuration file; ten thousand ignore entries fit in."""

YAML_NAMES = (".imgbudget.yaml", "imgbudget.yaml")
PYPROJECT = "pyproject.toml"
"""Names in the order of precedence within one folder; pyproject.toml is last."""

_MISSPELT = (".imgbudget.yml", "imgbudget.yml")

NAMES = frozenset((*YAML_NAMES, PYPROJECT, *_MISSPELT))
"""The names by which a folder shows that it may have a configuration, or one that is not read."""

_TABLE_NAME = b"tool.imgbudget"
_TABLE_HEADERS = (b"[tool.imgbudget]", b"[tool.imgbudget.")


class Discovery(NamedTuple):
    """The path of the configuration found, None without one, and notes on files that are not read."""

    path: str | None
    notes: tuple[str, ...]


def discover(start: str) -> Discovery:
    """The nearest configuration in the folder of `start` or a folder above; `start` is a file or folder."""
    folder = folder_of(start)
    notes: list[str] = []
    while True:
        found, more = find_in(folder)
        notes += more
        if found is not None:
            return Discovery(found, tuple(notes))
        parent = os.path.dirname(folder)
        if parent == folder:
            return Discovery(None, tuple(notes))
        folder = parent


def find_in(folder: str) -> Discovery:
    """The configuration in a folder itself."""
    notes: list[str] = []
    return Discovery(_found_in(folder, notes), tuple(notes))


def _found_in(folder: str, notes: list[str]) -> str | None:
    for name in _MISSPELT:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            notes.append(f"{shown(path)} is not read; rename it to {name.removesuffix('yml')}yaml")
    # pipes, devices and broken links are found too, so that reading them says why the settings do not apply
    there = [path for name in YAML_NAMES if os.path.lexists(path := os.path.join(folder, name))]
    found = [path for path in there if not os.path.isdir(path)]
    notes.extend(f"{shown(path)} is not read: {IS_FOLDER}" for path in there if path not in found)
    pyproject = os.path.join(folder, PYPROJECT)
    text = _read_pyproject(pyproject, notes)
    if found:
        not_read = found[1:]
        if any(header in text for header in _TABLE_HEADERS):
            not_read.append(pyproject)
        notes.extend(f"{shown(path)} is not read; {shown(found[0])} takes precedence" for path in not_read)
        return found[0]
    if _TABLE_NAME not in text:
        return None
    from imgbudget.config.toml import holds_table  # noqa: PLC0415 - format

    return pyproject if holds_table(text.decode("utf-8-sig", "replace")) else None


def _read_pyproject(path: str, notes: list[str]) -> bytes:
    """The bytes of a pyproject.toml, empty if there is none."""
    try:
        data = read_head(path, MAX_BYTES + 1)
    except OSError as error:
        if not os.path.lexists(path):
            return b""
        notes.append(f"{shown(path)} is not searched for settings: {os_error_text(error)}")
        return b""
    if len(data) > MAX_BYTES:
        notes.append(f"only the first {figure(MAX_BYTES)} bytes of {shown(path)} are searched for settings")
    return data


def folder_of(location: str) -> str:
    """The absolute path of a folder, or of the folder that a file is in or would be in."""
    path = os.path.abspath(location)
    return path if os.path.isdir(path) else os.path.dirname(path)


def beside(path: str, name: str) -> str:
    """The absolute path of `name`, relative to the folder of the file at `path`; `~` is the home folder."""
    return os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(path)), os.path.expanduser(name)))


MISSING = "does not exist"


def why_no_file(path: str) -> str | None:
    """Why a path cannot be opened as a file, as a clause; None if it is a file."""
    if os.path.isfile(path):
        return None
    if os.path.isdir(path):
        return IS_FOLDER
    return "is not a regular file" if os.path.exists(path) else MISSING


def boundary(path: str) -> str:
    """The folder that a configuration may name files in: its repository, or without one its own folder."""
    return repository_of(path) or os.path.realpath(folder_of(path))


def repository_of(path: str) -> str | None:
    """The folder, without links, of the innermost repository around a file or folder; None without one."""
    folder = os.path.realpath(folder_of(path))
    while not os.path.lexists(os.path.join(folder, ".git")):
        parent = os.path.dirname(folder)
        if parent == folder:
            return None
        folder = parent
    return folder


def folder_in_repository(path: str) -> str:
    """The path of a folder in its repository, with a slash at the end; empty for the root, or without one."""
    top = repository_of(path)
    inside = "." if top is None else os.path.relpath(os.path.realpath(path), top)
    return "" if inside == "." else f"{inside.replace(os.sep, '/')}/"


def is_within(path: str, folder: str) -> bool:
    """Whether what a path leads to, through symbolic links, is in or below a folder without links.

    What git keeps in `.git` is not: its configuration may hold keys.
    """
    try:
        real = os.path.realpath(path)
    except ValueError:  # a NUL in the name: no such file
        return True
    inside = os.path.join(folder, "")
    return real == folder or (
        real.startswith(inside) and ".git" not in real[len(inside) :].lower().split(os.sep)
    )


def identity(path: str) -> str:
    """The path with symbolic links resolved: the same for the same file."""
    return os.path.realpath(path)


def shown(path: str) -> str:
    """A path for messages: relative if it is in or below the current folder."""
    try:
        relative = os.path.relpath(path)
    except (ValueError, OSError):  # another drive, or the current folder was deleted
        return path
    return path if relative == os.pardir or relative.startswith(os.pardir + os.sep) else relative


def place_of(settings: Settings, key: str) -> str:
    """The place of a setting, as messages show it."""
    origins = settings.origins
    name = key if key in origins else next((name for name in origins if name.startswith(f"{key}.")), key)
    origin = origins.get(name)
    where = shown(settings.source or ".") if origin is None else origin.path
    return f"{where}:{origin.line}: {key}" if origin and origin.line else f"{where}: {key}"


def read_head(path: str, size: int) -> bytes:
    """At most the first `size` bytes of a file; never waits for a pipe or a device.

    Raises:
        OSError: it cannot be opened or read, or is no regular file.
    """
    flags = sum(getattr(os, name, 0) for name in ("O_BINARY", "O_CLOEXEC", "O_NONBLOCK"))
    with open(os.open(path, os.O_RDONLY | flags), "rb", buffering=0) as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return _read(file, size)


def _read(file: "FileIO", size: int) -> bytes:
    """At most `size` bytes; a single read of the system may give less."""
    parts = [file.read(size)]
    while parts[-1] and (size := size - len(parts[-1])):
        parts.append(file.read(size))
    return b"".join(parts)


class UncheckedSettings(NamedTuple):
    """Settings as far as they could be read, with the mistakes found so far.

    Names of rules and platforms can be checked only after the rule packs that the settings name are loaded:
    load `settings.packs`, then call `validate`.
    """

    settings: Settings
    problems: tuple[ConfigProblem, ...] = ()

    def validate(
        self,
        known_codes: Collection[str] | None = None,
        known_names: Collection[str] = (),
        known_platforms: Collection[str] | None = None,
    ) -> Settings:
        """The settings, if they have no mistakes; names of which None are known are not checked.

        Raises:
            ConfigError: all mistakes of all files at once, in the order of their lines.
        """
        problems = list(self.problems)
        if known_codes is not None:
            problems += check_selectors(self.settings, known_codes, known_names)
        if known_platforms is not None:
            problems += check_platform(self.settings, known_platforms)
            problems += check_gateways(self.settings, known_platforms)
        if problems:
            files = list(dict.fromkeys(problem.path for problem in problems))
            raise ConfigError(tuple(sorted(problems, key=lambda one: (files.index(one.path), one.line or 0))))
        return self.settings


def load(start: str, *, explicit: str | None = None, isolated: bool = False) -> Settings:
    """The settings for `start`, a file or folder; names of rules and platforms are not checked.

    `explicit` is the path of the configuration, which is then not searched for; `isolated` uses none.

    Raises:
        ConfigError: the configuration has mistakes; it contains all of them.
        UsageError: `explicit` is no file, or was given together with `isolated`.
    """
    return load_unchecked(start, explicit=explicit, isolated=isolated).validate()


def load_unchecked(start: str, *, explicit: str | None = None, isolated: bool = False) -> UncheckedSettings:
    """As `load`, but with the mistakes returned beside the settings, so that more can be added.

    Raises:
        UsageError: `explicit` is no file, or was given together with `isolated`.
    """
    found = _find(start, explicit, isolated=isolated)
    if found.path is None:
        return UncheckedSettings(Settings(root=folder_of(start), notes=found.notes))
    return read_found(found.path, found.notes, named=explicit is not None)


def read_found(path: str, notes: tuple[str, ...] = (), *, named: bool = False) -> UncheckedSettings:
    """The settings of the configuration at an absolute path, which the user `named` or a search found."""
    if not named and (problem := link_out(path)):
        return UncheckedSettings(Settings(root=folder_of(path), source=path), (problem,))
    from imgbudget.config.files import read_layers  # noqa: PLC0415 - rare

    layers = read_layers(path)
    settings = layers.settings._replace(source=path, notes=(*notes, *layers.settings.notes))
    return UncheckedSettings(settings, layers.problems)


def link_out(path: str) -> ConfigProblem | None:
    """The mistake of a configuration that was found, but is a link out of what it may be in."""
    if is_within(path, boundary(path)):
        return None
    flaw = "is a link out of its repository, or without one out of its folder; name it with --config FILE"
    return ConfigProblem(shown(path), None, flaw)


def _find(start: str, explicit: str | None, *, isolated: bool) -> Discovery:
    if explicit is None:
        return Discovery(None, ()) if isolated else discover(start)
    if isolated:
        raise UsageError(f"an isolated run uses no configuration, but {explicit} was given")
    flaw = why_no_file(explicit)
    if flaw is not None:
        raise UsageError(f"{explicit}: {NO_FILE if flaw == MISSING else flaw}")
    return Discovery(os.path.abspath(explicit), ())
