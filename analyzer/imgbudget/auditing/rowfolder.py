"""The folder of `--rows`: which row files in it are the dataset, how a run replaces them, what is refused.

A manifest names the row files of the dataset. While the folder has a whole dataset, a run writes its rows
into a hidden folder inside it and moves them at its end, so that `*.parquet` is always one dataset; and
whenever a run is killed, all files of the dataset that the manifest names are there.
"""

import json
import os
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from imgbudget.auditing.references import named
from imgbudget.auditing.urls import is_url
from imgbudget.errors import NO_FILE, UsageError, WriteError, os_error_text
from imgbudget.namedtuples import NamedTuple
from imgbudget.newfiles import is_temporary, open_folder, remove_leftovers, whole_file
from imgbudget.output.base import count

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

MANIFEST = "_imgbudget-rows.json"
"""The name of the manifest in its folder; readers of folders of Parquet pass over names with a line."""

PENDING = ".imgbudget-pending"
"""The folder of rows that are not yet part of the dataset, inside the folder of the rows."""

VERSION = 1
"""Of the manifest; a later one is not read."""

_LOCK = ".imgbudget-rows.lock"
_ROW_FILE = re.compile(r"rows-[0-9a-f]{24}\.parquet")
_OWN = (MANIFEST, ".parquet")
_MOST_BYTES = 64 << 20
_LISTED = 3


def row_name(identity: str) -> str:
    """The name of the row file of a partition."""
    return f"rows-{identity}.parquet"


def is_own(path: str) -> bool:
    """Whether a file is the manifest or a row file in the folder of an audit: it is no dataset itself."""
    if not path.endswith(_OWN):
        return False
    folder, name = os.path.split(path)
    if name == MANIFEST:
        return True
    if _ROW_FILE.fullmatch(name) is None:
        return False
    if os.path.basename(folder) == PENDING:
        folder = os.path.dirname(folder)
    return os.path.isfile(os.path.join(folder, MANIFEST))


class RowVersions(NamedTuple):
    """The version of the columns that this program writes, and how that of a file is read.

    `of_file` returns None for a Parquet file that is no row file.
    """

    current: int
    of_file: Callable[[str], int | None]


class RowManifest(NamedTuple):
    """What a folder has: the dataset by its arguments, its row files, and what remains of other runs.

    `datasets` are pairs of an argument and its URL, or its path relative to the folder. `rows_version` is
    that of the columns. Until the first run in a folder has ended, it is not `complete` and has no `files`.
    `removable` are row files that may be in the folder and are not part of the dataset. `model` and
    `platform` are those of the audit, empty if they are not known.
    """

    datasets: tuple[tuple[str, str], ...]
    rows_version: int
    complete: bool = False
    files: tuple[str, ...] = ()
    removable: tuple[str, ...] = ()
    model: str = ""
    platform: str = ""

    @property
    def name(self) -> str:
        """The dataset as messages name it."""
        names = [name for name, _ in self.datasets]
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        return ", ".join(names[:_LISTED]) + more


def read_manifest(folder: str) -> RowManifest | None:
    """The manifest of a folder; None if it has none.

    Raises:
        UsageError: there is one that this version cannot read.
    """
    path = os.path.join(folder, MANIFEST)
    if not os.path.lexists(path):
        return None
    try:
        if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > _MOST_BYTES:
            raise ValueError  # noqa: TRY301 - one message for all
        with open(path, encoding="utf-8") as file:
            found = _parsed(json.load(file))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(
            f"{path}: not a manifest that this version of imgbudget reads; name another folder for --rows, "
            "or delete the manifest and the row files beside it"
        ) from None
    return found


def _parsed(value: Any) -> RowManifest:
    """The manifest; names that are not those of row files are refused, since files are deleted by them."""
    if value["tool"] != "imgbudget" or value["version"] != VERSION:
        raise ValueError
    files, removable = (tuple(map(str, value[name])) for name in ("files", "removable"))
    if not all(_ROW_FILE.fullmatch(name) for name in (*files, *removable)):
        raise ValueError
    datasets = tuple((str(one["name"]), str(one["path"])) for one in value["datasets"])
    return RowManifest(
        datasets,
        int(value["rows_version"]),
        value["complete"] is True,
        files,
        removable,
        str(value["model"]),
        str(value["platform"]),
    )


def _write(folder: str, manifest: RowManifest) -> None:
    record = {
        "tool": "imgbudget",
        "version": VERSION,
        **manifest._asdict(),
        "datasets": [{"name": name, "path": path} for name, path in manifest.datasets],
    }
    with whole_file(os.path.join(folder, MANIFEST), follow=False) as out:
        # names of files that are not UTF-8 are escaped
        out.write(json.dumps(record, indent=2).encode() + b"\n")


def _identity(dataset: str, folder: str) -> str:
    """A dataset's URL, or its path relative to the folder: both may be moved together."""
    dataset = named(dataset)
    if is_url(dataset):
        return dataset.rstrip("/")
    path = os.path.realpath(dataset)
    try:
        path = os.path.relpath(path, os.path.realpath(folder))
    except ValueError:  # another drive
        return path
    return path.replace(os.sep, "/")


class RowFolder(NamedTuple):
    """An open folder of row files, for one run.

    `manifest` is that of an earlier run or of this one; None in a folder that is removed after the run.
    `known` are the row files that were in the folder when it was opened.
    """

    path: str
    manifest: RowManifest | None = None
    known: frozenset[str] = frozenset()
    datasets: tuple[tuple[str, str], ...] = ()
    rows_version: int = 0
    model: str = ""
    platform: str = ""

    @property
    def _target(self) -> str:
        """Where rows are written: a dataset in the folder stays as it is until the run has ended."""
        whole = self.manifest is not None and self.manifest.complete
        return os.path.join(self.path, PENDING) if whole else self.path

    def find(self, identity: str) -> str | None:
        """The row file of a partition that an earlier run has finished, None if there is none."""
        name = row_name(identity)
        places = dict.fromkeys((self.path, self._target))
        paths = (os.path.join(place, name) for place in places)
        # a pipe with the name would be waited for, and a link is not ours
        return next((path for path in paths if os.path.isfile(path) and not os.path.islink(path)), None)

    def save(self, identity: str, rows: bytes) -> str:
        """Write the rows of a partition under their final name, at once; the path.

        Raises:
            OSError: they cannot be written.
        """
        path = os.path.join(self._target, row_name(identity))
        if self._target != self.path:
            _make_folder(self._target)
        with whole_file(path, follow=False, durable=False) as file:
            file.write(rows)
        return path

    def keep(self, files: Collection[str]) -> int:
        """Make these row files the dataset of the folder; how many others were removed.

        Raises:
            OSError: the folder cannot be changed.
        """
        if self.manifest is None:
            return 0
        new = sorted({os.path.basename(path) for path in files})
        pending = [path for path in files if os.path.basename(os.path.dirname(path)) == PENDING]
        others = sorted(self.known - set(new))
        final = RowManifest(
            self.datasets,
            self.rows_version,
            complete=True,
            files=tuple(new),
            model=self.model,
            platform=self.platform,
        )
        if pending:
            added = tuple(sorted({*self.manifest.removable, *map(os.path.basename, pending)}))
            _write(self.path, self.manifest._replace(removable=added))
            for path in pending:
                os.replace(path, os.path.join(self.path, os.path.basename(path)))
        if others:
            _write(self.path, final._replace(removable=tuple(others)))
        removed = sum(_remove(os.path.join(self.path, name)) for name in others)
        if final != self.manifest or others or pending:
            _write(self.path, final)
        _clear(os.path.join(self.path, PENDING))
        return removed


def _remove(path: str) -> bool:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return False
    return True


def _make_folder(path: str) -> None:
    """The folder, which is no link. Raises OSError."""
    with open_folder(os.path.dirname(path)) as above:
        above.open_inside(os.path.basename(path), create=True).close()


def _clear(pending: str) -> None:
    """Remove the hidden folder of pending rows; what is neither a row file nor a temporary one stays."""
    if os.path.islink(pending) or not os.path.isdir(pending):
        return
    for name in os.listdir(pending):
        if _ROW_FILE.fullmatch(name) or is_temporary(name):
            _remove(os.path.join(pending, name))
    with suppress(OSError):
        os.rmdir(pending)


@contextmanager
def open_row_folder(
    path: str,
    datasets: Sequence[str],
    versions: RowVersions,
    *,
    asked: tuple[str, str] = ("", ""),
    replace: bool = False,
) -> Iterator[RowFolder]:
    """The folder for the rows of a run, made if needed; no other run writes to it meanwhile.

    `asked` are the model and the platform. With `replace` the rows of another dataset are replaced.

    Raises:
        UsageError: it has another dataset, files of somebody else, or another run is writing to it.
        OSError: it cannot be made or written.
    """
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise WriteError(f"{path}: {os_error_text(error)}") from error
    with _locked(path):
        manifest = read_manifest(path)
        known = _row_files(path, manifest, versions.of_file)
        mine = tuple((name, _identity(name, path)) for name in dict.fromkeys(datasets))
        if manifest is not None and not replace:
            _require_same(path, manifest, known, mine)
        with open_folder(path) as folder:
            remove_leftovers(folder)
        if manifest is None:
            # rows of an earlier version without manifests, or of its run that was killed: nobody knows
            version = 0 if known else versions.current
            manifest = RowManifest(mine, version, complete=bool(known), files=tuple(sorted(known)))
            _write(path, manifest)
        elif not manifest.complete and manifest.datasets != mine:
            manifest = manifest._replace(datasets=mine)
            _write(path, manifest)
        yield RowFolder(path, manifest, frozenset(known), mine, versions.current, *asked)


def _require_same(
    path: str, manifest: RowManifest, known: Collection[str], mine: Sequence[tuple[str, str]]
) -> None:
    """Refuse a folder with the rows of another dataset: one that has no argument in common.

    Arguments may be added and removed, e.g. shards.
    """
    if not manifest.complete and not known:
        return
    if {identity for _, identity in manifest.datasets}.isdisjoint(identity for _, identity in mine):
        raise UsageError(
            f"{path} has the rows of another dataset, {manifest.name}: name another folder for --rows, or "
            "replace them with --replace-rows"
        )


def _row_files(path: str, manifest: RowManifest | None, version_of: Callable[[str], int | None]) -> set[str]:
    """The row files in the folder that a run may remove.

    Without a manifest they are recognised by what imgbudget writes into each; beside the manifest of a run
    that has not ended by their names, since there was no other Parquet file when it began.

    Raises:
        UsageError: there are Parquet files of somebody else, or links or pipes with such names.
    """
    with os.scandir(path) as entries:
        named = [entry for entry in entries if entry.name.lower().endswith(".parquet")]
    found = {entry.name for entry in named}
    if irregular := sorted(entry.name for entry in named if not entry.is_file(follow_symlinks=False)):
        raise UsageError(f"{path}: {irregular[0]}: it is a link or no regular file; move it away")
    if manifest is None:
        own = {
            name
            for name in found
            if _ROW_FILE.fullmatch(name) and version_of(os.path.join(path, name)) is not None
        }
    elif manifest.complete:
        own = found & {*manifest.files, *manifest.removable}
    else:
        own = {name for name in found if _ROW_FILE.fullmatch(name)}
    if foreign := sorted(found - own):
        names = ", ".join(foreign[:_LISTED]) + (" and more" if len(foreign) > _LISTED else "")
        holds = "is a Parquet file" if len(foreign) == 1 else f"are {count(len(foreign), 'Parquet file')}"
        raise UsageError(
            f"{path}: {names} {holds} that no audit has listed here, and *.parquet would have its rows too; "
            "name another folder for --rows, or move it away"
        )
    return own


@contextmanager
def _locked(path: str) -> Iterator[None]:
    """Hold the lock of a folder, as far as its file system has locks.

    It belongs to this process: unlike that of `flock`, it does not stay with workers after a kill.
    """
    if fcntl is None:
        yield
        return
    with open_folder(path) as folder, open(os.path.join(path, _LOCK), "ab", opener=_opener) as file:
        del folder
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise UsageError(
                f"{path}: another audit is writing its rows here; wait until it has ended"
            ) from None
        except OSError:
            pass  # a file system without locks
        yield


def _opener(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


class EarlierAudit(NamedTuple):
    """The rows of an earlier audit: the folder as named, its manifest, the paths of its row files."""

    folder: str
    manifest: RowManifest

    @property
    def files(self) -> tuple[str, ...]:
        """The paths of its row files."""
        return tuple(os.path.join(self.folder, name) for name in self.manifest.files)


def earlier_audit(folder: str, rows_version: int) -> EarlierAudit:
    """The audit whose rows are in a folder.

    Raises:
        UsageError: there is none, it has not ended, or its columns are those of another version.
    """
    if not os.path.isdir(folder):
        raise UsageError(f"--compare {folder}: {NO_FILE}; it takes a folder that --rows has written")
    manifest = read_manifest(folder)
    if manifest is None:
        raise UsageError(
            f"--compare {folder}: there is no {MANIFEST} in it; it is no folder of --rows, or one of an "
            "earlier version of imgbudget, whose rows cannot be compared"
        )
    if not all(os.path.isfile(os.path.join(folder, name)) for name in manifest.files):
        raise UsageError(f"--compare {folder}: row files that its manifest lists are missing")
    if not manifest.complete:
        raise UsageError(f"--compare {folder}: the audit that wrote it has not ended; run it again")
    if manifest.rows_version != rows_version:
        raise UsageError(
            f"--compare {folder}: its rows are those of another version of imgbudget (columns "
            f"{manifest.rows_version}, here {rows_version}); audit its dataset again with --rows"
        )
    return EarlierAudit(folder, manifest)
