"""Turns the paths of the command line into files: types of paths, their spelling in results, searches."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, TypeAlias

from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.errors import NO_FILE, UsageError, os_error_text
from imgbudget.namedtuples import NamedTuple

if TYPE_CHECKING:
    from imgbudget.discovery.gitignore import Patterns
    from imgbudget.discovery.identity import KnownFiles
    from imgbudget.discovery.search import NestedPatterns


StrPath: TypeAlias = str | os.PathLike[str]
"""One path."""

Paths: TypeAlias = StrPath | Iterable[StrPath]
"""One path, or several."""


NO_LISTS = (bytes, bytearray, memoryview, Mapping)
"""What can be iterated over, but is no list of names."""


def path_list(paths: Paths) -> tuple[str, ...]:
    """The paths as text; a lone one is one path, never a list of its letters.

    Raises:
        UsageError: something else than a path, such as bytes, which would be a list of numbers.
    """
    if isinstance(paths, str | os.PathLike):
        return (one_path(paths, "paths"),)
    if isinstance(paths, NO_LISTS) or not hasattr(paths, "__iter__"):
        raise UsageError(_no_path("paths", paths, "or a list of paths"))
    return tuple(one_path(path, "paths") for path in paths)


def one_path(path: StrPath, name: str) -> str:
    """The path as text; `name` is that of the argument in the message. Raises UsageError."""
    given: object = os.fspath(path) if isinstance(path, os.PathLike) else path
    if isinstance(given, str):
        if not given.isprintable():
            _require_encodable(given, name)
        return given
    raise UsageError(_no_path(name, given, "or os.PathLike"))


def _require_encodable(path: str, name: str) -> None:
    try:
        encoded = os.fsencode(path)
    except UnicodeEncodeError:
        raise UsageError(f"{name}: {path!r} contains a lone surrogate, which no path can") from None
    if b"\0" in encoded:
        raise UsageError(f"{name}: {path!r} contains a null character, which no path can")


def _no_path(name: str, given: object, more: str) -> str:
    hint = "; os.fsdecode makes text of it" if isinstance(given, bytes) else ""
    return f"{name}: expected a path as text {more}, found {type_name(given)}{hint}"


def type_name(given: object) -> str:
    """How a message names the type of an argument."""
    return "None" if given is None else type(given).__name__


GONE = "deleted before it could be checked"
DENIED = "permission denied"


class PathEntry(Enum):
    """A type of path that can be checked."""

    FILE = "file"
    FOLDER = "folder"


class FoundFile(NamedTuple):  # one for each file of a tree: half the price of a frozen dataclass
    """A file to check. `explicit` means that the command line names it, not only a parent folder."""

    path: str
    kind: FileKind
    explicit: bool = False


class PatternWatch:
    """Which patterns of a configuration match a file, as far as searches have come.

    `pending` have matched none so far, `searched` are those of which every file was searched for; `matcher`
    matches what any pending one does, None until it is needed.
    """

    __slots__ = ("matcher", "pending", "searched")

    def __init__(self, patterns: Iterable[str]) -> None:
        self.pending: set[str] = set(patterns)
        self.searched: set[str] = set()
        self.matcher: Patterns | None = None

    @property
    def absent(self) -> set[str]:
        """The patterns that match no file that there is."""
        return self.pending & self.searched


class FilePatterns(NamedTuple):
    """The files that a configuration leaves out, and those that it includes: patterns relative to `root`.

    A search notes in `watch` which patterns match a file.
    """

    exclude: Sequence[str]
    root: str
    include: Sequence[str] = ()
    watch: PatternWatch | None = None


NOT_CHECKABLE = "not an image or a request"
EXCLUDED = "excluded, and exclusion is enforced"
NOT_INCLUDED = "not among the files to include, and exclusion is enforced"
OUTSIDE = "a link out of the named folders and their repository; name the file itself to check it"
NOT_CHECKABLE_OUTSIDE = f"{NOT_CHECKABLE}, and a link out of the named folders and their repository"
SAME_FILE = "the same file as "
"""How the reasons of other names begin."""


class SkippedFile(NamedTuple):
    """A file that is not checked or a folder that cannot be searched, with the reason as a clause."""

    path: str
    reason: str

    @property
    def missed(self) -> bool:
        """Whether it could not be checked, as opposed to need not be."""
        passed = (NOT_CHECKABLE, NOT_CHECKABLE_OUTSIDE, EXCLUDED, NOT_INCLUDED)
        return self.reason not in passed and not self.is_other_name

    @property
    def is_other_name(self) -> bool:
        """Whether it is a file that is checked under another name."""
        return is_other_name(self.reason)


def is_other_name(reason: str) -> bool:
    """Whether a file is skipped because it is checked under another name."""
    return reason.startswith(SAME_FILE)


def other_name(path: str, first: str) -> SkippedFile:
    """A second name of a file, which is checked under the first one."""
    return SkippedFile(path, f"{SAME_FILE}{first}")


_IRREGULAR = {
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character device",
    stat.S_IFBLK: "block device",
}


def path_entry(path: str) -> PathEntry | str:
    """The type of a path, following links; for anything but a file or folder, the reason as a clause."""
    return numbered_entry(path)[0]


def numbered_entry(path: str) -> tuple[PathEntry | str, int]:
    """The type of a path as from `path_entry`, and its inode number; 0 if there is none."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return "broken symbolic link" if os.path.islink(path) else GONE, 0
    except OSError as error:
        return os_error_reason(error), 0
    except ValueError:  # a null character, or text that no file name can be
        return GONE, 0
    mode = status.st_mode
    if stat.S_ISREG(mode):
        return PathEntry.FILE, status.st_ino
    if stat.S_ISDIR(mode):
        return PathEntry.FOLDER, status.st_ino
    kind = _IRREGULAR.get(stat.S_IFMT(mode))
    return f"not a regular file ({kind})" if kind else "not a regular file", status.st_ino


class Listing(NamedTuple):
    """The names in a folder by type, of files with inode numbers; `others` are links, devices and so on."""

    files: dict[str, int]
    folders: list[str]
    others: list[str]


def list_folder(path: str) -> Listing:
    """The names in a folder.

    Raises:
        OSError: the folder cannot be read completely.
    """
    listing = Listing({}, [], [])
    files = listing.files
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                files[entry.name] = entry.inode()
            elif entry.is_dir(follow_symlinks=False):
                listing.folders.append(entry.name)
            else:
                listing.others.append(entry.name)
    return listing


def os_error_reason(error: OSError) -> str:
    """An error of the operating system as a clause."""
    if isinstance(error, PermissionError):
        return DENIED
    if isinstance(error, FileNotFoundError):
        return GONE
    return os_error_text(error)


class Argument(NamedTuple):
    """A path of the command line.

    `path` is normalised: `/` as the separator, no empty steps. `real` identifies the file or folder: its path
    without links; for a file, the real path of its folder with its own name, so that a link and its target
    are different paths. `entry` is its type, or the reason why it cannot be checked; `number` is its inode.
    """

    path: str
    real: str
    entry: PathEntry | str
    number: int

    @property
    def prefix(self) -> str:
        """The prefix in results for names in this folder."""
        return "" if self.path == "." else self.path.rstrip("/") + "/"


class ExplicitPaths:
    """The real paths of the arguments; a search skips them, as they are found through their own argument.

    `files` are names by folder.
    """

    def __init__(self) -> None:
        self.folders: set[str] = set()
        self.files: dict[str, set[str]] = {}

    def add(self, argument: Argument) -> bool:
        """Add an argument; returns whether it is new."""
        if argument.entry is PathEntry.FOLDER:
            names, name = self.folders, argument.real
        else:
            folder, _, name = argument.real.rpartition("/")
            names = self.files.setdefault(folder, set())
        new = name not in names
        names.add(name)
        return new


_MOST_NAMED = 10
"""Of many missing paths so many are named: a list that is itself an image would fill the terminal."""


def require_existing(paths: Sequence[str]) -> None:
    """Refuse paths that are `missing`.

    Raises:
        UsageError: one does not exist.
    """
    if absent := missing(paths):
        more = len(absent) - _MOST_NAMED
        rest = (f"{more} more of the {len(paths)} paths do not exist",) if more > 0 else ()
        raise UsageError(*(f"{path or repr(path)}: {NO_FILE}" for path in absent[:_MOST_NAMED]), *rest)


def missing(paths: Iterable[str]) -> list[str]:
    """The paths that do not exist. A broken link exists, and `-` is not a path.

    Paths that are inaccessible for lack of permission are not included; the search reports them.
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
    """An argument for each path; duplicates are kept."""
    real_folders: dict[str, str] = {}
    for given in paths:
        path = spell(given)
        entry, number = numbered_entry(path)
        if entry is PathEntry.FOLDER:
            yield Argument(path=path, real=real_path(path), entry=entry, number=number)
            continue
        folder, slash, name = path.rpartition("/")
        if folder not in real_folders:
            real_folders[folder] = real_path(folder or slash or ".")
        yield Argument(path=path, real=f"{real_folders[folder]}/{name}", entry=entry, number=number)


def spell(path: str) -> str:
    """The path as in results: `/` between steps, no empty or `.` steps, `.` for the working folder.

    A `..` is kept, because its target depends on links.
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
    except (OSError, ValueError):  # a null character, a folder deleted meanwhile
        real = path
    return real.replace(os.sep, "/").rstrip("/")


def _have_one_kind(first: str, second: str) -> bool:
    return kind_of(first) is kind_of(second)


def find_files(  # noqa: PLR0913 - what a search may be told
    paths: Sequence[str],
    *,
    exclude: Sequence[str] = (),
    exclude_root: str,
    nested: "NestedPatterns | None" = None,
    force_exclude: bool = False,
    respect_gitignore: bool = True,
    allow_outside: bool = False,
    is_alike: Callable[[str, str], bool] = _have_one_kind,
) -> Iterator[FoundFile | SkippedFile]:
    """The files that the paths name and those in folders that they name, each once.

    A file with several names is found under the one that an argument names, else under its own or the first;
    its other names are skipped with that reason, if `is_alike` with the found name and the other is true.

    `exclude` are gitignore patterns relative to `exclude_root`; `nested` knows those of each folder, which
    then count instead. With `force_exclude` they also apply to the
    paths themselves, which are then skipped with that reason. Paths that do not exist are skipped; check them
    with `missing` first. Relative paths stay relative; the separator is `/`. Links that lead out of the named
    folders are skipped, unless `allow_outside`.
    """
    explicit = ExplicitPaths()
    arguments = [argument for argument in read_arguments(paths) if explicit.add(argument)]
    search, known = None, None
    if len(arguments) > 1 or any(argument.entry is PathEntry.FOLDER for argument in arguments):
        from imgbudget.discovery.identity import KnownFiles  # noqa: PLC0415 - rare

        known = KnownFiles(is_alike)
    if force_exclude or any(argument.entry is PathEntry.FOLDER for argument in arguments):
        from imgbudget.discovery.search import Exclusion, make_search  # noqa: PLC0415 - rare

        search = make_search(
            Exclusion.of(FilePatterns(exclude, exclude_root)),
            nested=nested,
            git=respect_gitignore,
            explicit=explicit,
            known=known,
            outside=allow_outside,
        )
    # the names of the arguments come before those that a search finds
    left_out = {}
    if search and force_exclude:
        reasons = ((argument, search.why_left_out(argument)) for argument in arguments)
        left_out = {argument: reason for argument, reason in reasons if reason is not None}
    named = [None if argument in left_out else _named(argument, known) for argument in arguments]
    for argument, file in zip(arguments, named, strict=True):
        if file is None:
            yield SkippedFile(argument.path, left_out[argument])
        elif search and argument.entry is PathEntry.FOLDER:
            yield from search.walk(argument)
        else:
            yield file


def _named(argument: Argument, known: "KnownFiles | None") -> FoundFile | SkippedFile:
    """The file that an argument names; without use for a folder."""
    path = argument.path
    if isinstance(argument.entry, str):
        return SkippedFile(path, argument.entry)
    if known and argument.entry is PathEntry.FILE and (first := known.other_name(path, argument.number)):
        return other_name(path, first)
    return FoundFile(path, kind_of(path) or FileKind.UNKNOWN, explicit=True)
