"""The paths of a command line: how results spell them, what each is, which of them overlap."""

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from imgbudget.sources.entry import Entry, look_at


class Argument(NamedTuple):
    """A named path, as it is to be looked at.

    `path` is as given, with `/` and without empty steps. `real` says which file or folder it is: the path
    without links; for a file, its folder's with its own name, so that a link is another file than what it
    leads to. `entry` is what stands there, or why there is nothing to look at.
    """

    path: str
    real: str
    entry: Entry | str

    @property
    def prefix(self) -> str:
        """What results put before the names in this folder."""
        return "" if self.path == "." else self.path.rstrip("/") + "/"


class Named:
    """What the arguments name, by real path: a search leaves it to the argument that names it.

    `files` are names by folder.
    """

    def __init__(self) -> None:
        self.folders: set[str] = set()
        self.files: dict[str, set[str]] = {}

    def add(self, argument: Argument) -> bool:
        """Take an argument in; whether it is new."""
        if argument.entry is Entry.FOLDER:
            names, name = self.folders, argument.real
        else:
            folder, _, name = argument.real.rpartition("/")
            names = self.files.setdefault(folder, set())
        new = name not in names
        names.add(name)
        return new


def missing(paths: Iterable[str]) -> list[str]:
    """Those paths where nothing stands; a broken link is something, and `-` is no path.

    Nor is missing what cannot be seen for lack of permission: the search says so.
    """
    return [path for path in paths if path != "-" and not _exists(path)]


def _exists(path: str) -> bool:
    try:
        os.lstat(path)
    except PermissionError:
        return True
    except (OSError, ValueError):  # ValueError: a null character, or text that no file name can be
        return False
    return True


def read_arguments(paths: Iterable[str]) -> Iterator[Argument]:
    """What each path is; the same thing may come twice."""
    real_folders: dict[str, str] = {}
    for given in paths:
        path = spell(given)
        entry = look_at(path)
        if entry is Entry.FOLDER:
            yield Argument(path=path, real=real_path(path), entry=entry)
            continue
        folder, slash, name = path.rpartition("/")
        if folder not in real_folders:
            real_folders[folder] = real_path(folder or slash or ".")
        yield Argument(path=path, real=f"{real_folders[folder]}/{name}", entry=entry)


def spell(path: str) -> str:
    """The path as results give it: `/` between steps, none that leads nowhere, `.` for the working folder.

    A `..` stays, since what it leads to depends on links.
    """
    drive, rest = os.path.splitdrive(path)
    if os.sep != "/":
        drive, rest = drive.replace(os.sep, "/"), rest.replace(os.sep, "/")
    steps = "/".join(step for step in rest.split("/") if step not in ("", "."))
    root = "/" if rest.startswith("/") else ""
    return f"{drive}{root}{steps}" or ("." if path else "")


def real_path(path: str) -> str:
    """The absolute path without links, with `/`; empty for the root."""
    try:
        real = os.path.realpath(path)
    except (OSError, ValueError):  # a null character, a folder that is gone while it is asked for
        real = path
    return real.replace(os.sep, "/").rstrip("/")
