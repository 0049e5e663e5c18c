"""From the paths of a command line to files: what each path is, how results spell it, folders searched."""

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from functools import cache
from typing import TYPE_CHECKING

from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.errors import os_error_text
from imgbudget.namedtuples import NamedTuple

if TYPE_CHECKING:
    from imgbudget.discovery.search import Search


GONE = "gone before it could be looked at"
DENIED = "permission denied"


class PathEntry(Enum):
    """What can be looked at."""

    FILE = "file"
    FOLDER = "folder"


class FoundFile(NamedTuple):  # one for each file of a tree: half the price of a frozen dataclass
    """A file to look at. `named` means that the command line names it, not only a folder around it."""

    path: str
    kind: FileKind
    named: bool = False


NEITHER = "not an image or a request"
LEFT_OUT = "excluded, and exclusion is enforced"


class SkippedFile(NamedTuple):
    """A file, or a folder that cannot be searched, that is not looked at, with the reason in a clause."""

    path: str
    reason: str

    @property
    def missed(self) -> bool:
        """Whether it could not be looked at, and not only need not be."""
        return self.reason not in (NEITHER, LEFT_OUT)


_IRREGULAR = {
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


def look_at(path: str) -> PathEntry | str:
    """What stands at a path, through links; the reason in a clause where it is neither file nor folder."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return "broken symbolic link" if os.path.islink(path) else GONE
    except OSError as error:
        return why(error)
    except ValueError:  # a null character, or text that no file name can be
        return GONE
    if stat.S_ISREG(mode):
        return PathEntry.FILE
    if stat.S_ISDIR(mode):
        return PathEntry.FOLDER
    kind = _IRREGULAR.get(stat.S_IFMT(mode))
    return f"not a regular file ({kind})" if kind else "not a regular file"


def why(error: OSError) -> str:
    """What an error of the operating system says, as a clause."""
    if isinstance(error, PermissionError):
        return DENIED
    if isinstance(error, FileNotFoundError):
        return GONE
    return os_error_text(error)


class Argument(NamedTuple):
    """A named path, as it is to be looked at.

    `path` is as given, with `/` and without empty steps. `real` says which file or folder it is: the path
    without links; for a file, its folder's with its own name, so that a link is another file than what it
    leads to. `entry` is what stands there, or why there is nothing to look at.
    """

    path: str
    real: str
    entry: PathEntry | str

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
        if argument.entry is PathEntry.FOLDER:
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
        if entry is PathEntry.FOLDER:
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


def find_files(
    paths: Sequence[str],
    *,
    exclude: Sequence[str] = (),
    exclude_root: str,
    force_exclude: bool = False,
    respect_gitignore: bool = True,
) -> Iterator[FoundFile | SkippedFile]:
    """The files that the paths name and those in the folders that they name, each once.

    `exclude` are gitignore patterns relative to `exclude_root`. With `force_exclude` a named path is left
    out as a search would leave it out, and passed with that reason. A path that does not exist is passed:
    ask `missing` before. Paths come out relative where they went in relative, with `/`.
    """
    named = Named()
    arguments = [argument for argument in read_arguments(paths) if named.add(argument)]
    search = None
    if force_exclude or any(argument.entry is PathEntry.FOLDER for argument in arguments):
        search = _search(exclude, exclude_root, git=respect_gitignore, named=named)
    for argument in arguments:
        if search and force_exclude and search.leaves_out(argument):
            yield SkippedFile(argument.path, LEFT_OUT)
        elif search and argument.entry is PathEntry.FOLDER:
            yield from search.walk(argument)
        elif isinstance(argument.entry, str):
            yield SkippedFile(argument.path, argument.entry)
        else:
            yield FoundFile(argument.path, kind_of(argument.path) or FileKind.UNKNOWN, named=True)


def _search(exclude: Sequence[str], root: str, *, git: bool, named: Named) -> "Search":
    from imgbudget.discovery.search import Exclusion, Search, layers_around  # noqa: PLC0415 - folders only

    exclusion, around = Exclusion.of(exclude, root), cache(layers_around)
    return Search(exclusion=exclusion, git=git, named=named, around=around)
