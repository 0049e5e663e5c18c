"""Local files and folders, found as by `imgbudget check`; archives and tables among them are opened too."""

import os
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby, islice

from imgbudget.auditing.failures import attempt
from imgbudget.auditing.inputs import plan_container
from imgbudget.auditing.inputs.listed import ListedFiles
from imgbudget.auditing.inputs.mds_index import index_of
from imgbudget.auditing.inputs.opening import fingerprint
from imgbudget.auditing.inputs.sniffing import is_sidecar, unread_images
from imgbudget.auditing.inputs.stores import (
    is_part_of_lance,
    is_plain_image,
    lance_folder,
    lance_state,
    store_of,
    unpacked_shard,
)
from imgbudget.auditing.partition import MDS_INDEX, Naming, Partition, container_of
from imgbudget.auditing.records import RecordBuilder, RowLocation
from imgbudget.auditing.rowfolder import MANIFEST, is_own
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.unopened import APPLE_DOUBLE, may_be_apple_double, unopened_archive
from imgbudget.discovery.filetypes import FileKind
from imgbudget.discovery.walk import (
    NOT_CHECKABLE,
    NOT_CHECKABLE_OUTSIDE,
    OUTSIDE,
    FoundFile,
    SkippedFile,
    other_name,
    spell,
)
from imgbudget.imageinfo.documents import has_reader, is_document

KIND = "files"
DAMAGE = "damaged"
TOGETHER = 64
"""Images that are read before they are checked."""

OWN = "rows that an audit wrote"
UNREADABLE_PDF = "a PDF that cannot be read"
OUTSIDE_LINK = "a link out of the named folders and their repository; --allow-outside opens it"


def plan_paths(
    paths: Sequence[str], entries: Iterator[FoundFile | SkippedFile], naming: Naming, listed: ListedFiles
) -> Iterator[Partition]:
    """The partitions of what a search of all named files and folders found, but for what a list names."""
    roots = [spell(path) for path in paths]
    shares: dict[str, list[FoundFile | SkippedFile]] = {root: [] for root in roots}
    at = 0
    folders = tuple(os.path.realpath(path) for path in paths if os.path.isdir(path))
    containers = _Containers(naming._replace(choice=naming.choice._replace(within=folders)))
    for number, found in enumerate(listed.unlisted(_without_rows(entries))):
        is_below = _below(found.path, roots[at])
        while at < len(roots) - 1 and not is_below:
            at += 1
            is_below = _below(found.path, roots[at])
        root = roots[at] if is_below else found.path
        entry, partitions = containers.planned(found, root)
        yield from partitions
        if entry is None:
            continue
        share = shares.setdefault(root, [])
        share.append(entry)
        if len(share) >= naming.share_at(number):
            yield _partition(root, share, naming)
            share.clear()
    for root, share in shares.items():
        if share:
            yield _partition(root, share, naming)


def _without_rows(entries: Iterator[FoundFile | SkippedFile]) -> Iterator[FoundFile | SkippedFile]:
    """The entries, but for the rows that an audit wrote: a folder of them is one item."""
    for entry in entries:
        if not is_own(entry.path):
            yield entry
        elif os.path.basename(entry.path) == MANIFEST:
            yield SkippedFile(entry.path, OWN)


class _Containers:
    """The archives, tables and stores of a search, each of them planned once."""

    def __init__(self, naming: Naming) -> None:
        self._naming = naming
        self._first: dict[tuple[str | int, ...], str] = {}
        self._folders: set[str] = set()
        self._plain: tuple[str, str] | None = None
        """The last folder of images that is no part of a Lance dataset, and what it was found in."""

    def planned(
        self, entry: FoundFile | SkippedFile, root: str
    ) -> tuple[FoundFile | SkippedFile | None, Iterator[Partition]]:
        """The partitions of an entry that is opened; any other is returned, a second name as such."""
        if is_plain_image(entry) and self._is_plain(entry.path.rpartition("/")[0], root):
            return entry, iter(())
        folder = lance_folder(entry.path, root)
        if folder is not None:
            return None, self._lance(folder)
        is_other = _is_outside(entry) or _is_other_name(entry)
        closed = is_other or unopened_archive(entry.path) or is_sidecar(entry.path)
        kind = None if closed else store_of(entry)
        if kind is None or not os.path.isfile(entry.path):
            return entry, iter(())
        unpacked = unpacked_shard(entry.path) if kind == "mds" and entry.path != root else None
        first = unpacked or self._name(kind, entry.path)
        if first != entry.path:
            return other_name(entry.path, first), iter(())
        if kind == "mds" and entry.path == root and os.path.basename(root) == MDS_INDEX:
            return None, self._index(root)
        return None, self._file(kind, entry.path)

    def _is_plain(self, folder: str, root: str) -> bool:
        """Whether a folder is no part of a Lance dataset; images of the same one come one after another."""
        if self._plain == (folder, root):
            return True
        if is_part_of_lance(folder, root):
            return False
        self._plain = folder, root
        return True

    def _name(self, kind: str, path: str) -> str:
        """The name under which a file was found first."""
        return self._first.setdefault((kind, *_identity(path)), path)

    def _file(self, kind: str, path: str, source: str | None = None) -> Iterator[Partition]:
        state = partial(fingerprint, path)
        return plan_container(kind, source or path, os.path.abspath(path), state, self._naming)

    def _index(self, path: str) -> Iterator[Partition]:
        """An index of MDS shards that is named itself, and the shards that it lists as parts of it."""
        yield from self._file("mds", path)
        none: tuple[str, ...] = ()
        listed = attempt(lambda: index_of(path, fingerprint(path), self._naming).shards, otherwise=none)
        for shard in listed:
            part = f"{path}/{os.path.relpath(shard, os.path.dirname(path) or '.').replace(os.sep, '/')}"
            if self._first.setdefault(("mds", *_identity(shard)), part) == part:
                yield from self._file("mds", shard, part)

    def _lance(self, folder: str) -> Iterator[Partition]:
        """A Lance dataset, with the first of its files."""
        if folder in self._folders:
            return
        self._folders.add(folder)
        state = partial(lance_state, folder)
        yield from plan_container("lances", folder, os.path.abspath(folder), state, self._naming)


def _is_outside(entry: FoundFile | SkippedFile) -> bool:
    """Whether it is a link that the search did not follow."""
    return isinstance(entry, SkippedFile) and entry.reason in (OUTSIDE, NOT_CHECKABLE_OUTSIDE)


def _is_other_name(entry: FoundFile | SkippedFile) -> bool:
    """Whether it is found under another name."""
    return isinstance(entry, SkippedFile) and entry.is_other_name


def _below(path: str, root: str) -> bool:
    if root == ".":
        return not path.startswith(("/", "../")) and path != ".."
    return path == root or path.startswith(root.rstrip("/") + "/")


def _identity(path: str) -> tuple[str | int, ...]:
    try:
        status = os.stat(path)
    except OSError:
        return (path,)
    return status.st_dev, status.st_ino


def other_name_of_list(path: str, first: str, naming: Naming) -> Iterator[Partition]:
    """The partition of a list that is read under another name: one item, with that reason."""
    yield _partition(path, [other_name(path, first)], naming)


def _partition(root: str, share: list[FoundFile | SkippedFile], naming: Naming) -> Partition:
    partition = Partition("", KIND, root, root, items=tuple(share))
    if not naming.key:
        return naming.name(partition, share[0].path, share[-1].path)
    fingerprints = "\n".join(f"{entry.path}\0{_fingerprint(entry)}" for entry in share)
    return naming.name(partition, fingerprints)


def _fingerprint(entry: FoundFile | SkippedFile) -> str:
    if isinstance(entry, SkippedFile) and (entry.is_other_name or entry.reason == OWN):
        return entry.reason
    try:
        stat = os.stat(entry.path)
    except (OSError, ValueError):
        return ""
    state = f"{stat.st_size} {stat.st_mtime_ns}"
    return f"{state} {has_reader()}" if is_document(entry.path) else state


def count(partition: Partition) -> int:
    """Files of the partition."""
    return len(partition.items)


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the files."""
    root = partition.source
    skip = 0 if root == "." else len(root.rstrip("/")) + 1

    def located(path: str) -> RowLocation:
        return RowLocation(root) if path == root else RowLocation(root, path[skip:] or None)

    files = (entry for entry in partition.items if isinstance(entry, (FoundFile, SkippedFile)))
    for is_image, entries in groupby(files, _is_image):
        if is_image:
            while together := [(located(entry.path), entry.path) for entry in islice(entries, TOGETHER)]:
                yield from builder.image_files(together)
        else:
            for entry in entries:
                yield from _rows(entry, located(entry.path), builder)


def _is_image(entry: FoundFile | SkippedFile) -> bool:
    """Whether it is a file that is read as an image, whatever its bytes are."""
    is_image = isinstance(entry, FoundFile) and entry.kind is FileKind.IMAGE
    return is_image and not may_be_apple_double(entry.path)


def _rows(
    entry: FoundFile | SkippedFile, where: RowLocation, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    """The rows of any other entry."""
    is_image = isinstance(entry, FoundFile) and entry.kind is FileKind.IMAGE
    unopened = None if is_image else unopened_archive(entry.path)
    plain = isinstance(entry, FoundFile) or entry.reason == NOT_CHECKABLE
    unknown = isinstance(entry, FoundFile) and entry.kind is FileKind.UNKNOWN
    if plain and is_sidecar(entry.path):
        yield builder.skip(where, APPLE_DOUBLE)
    elif plain and not is_image and is_document(entry.path, look=unknown):
        yield from builder.guarded(where, _pages(entry.path, where, builder), UNREADABLE_PDF)
    elif isinstance(entry, SkippedFile) and _is_outside(entry):
        is_input = entry.reason == OUTSIDE or bool(container_of(entry.path) or unopened)
        yield builder.skip(where, OUTSIDE_LINK if is_input else entry.reason, missed=is_input)
    elif unopened and plain:
        yield builder.skip(where, unopened, missed=True)
    elif isinstance(entry, FoundFile):
        rows = builder.guarded(where, builder.file(where, entry))
        yield from rows if entry.kind is FileKind.IMAGE else _with_images(entry, rows)
    elif entry.reason == NOT_CHECKABLE and (found := unread_images(entry.path)):
        yield builder.skip(where, found, missed=True)
    else:
        yield builder.skip(where, entry.reason, missed=entry.missed and entry.reason != OWN)


def _pages(path: str, where: RowLocation, builder: RecordBuilder) -> Iterator[FactsRecord]:
    from imgbudget.auditing.inputs import pdfs  # noqa: PLC0415 - request

    return pdfs.rows(path, where, builder)


def _with_images(entry: FoundFile, rows: Iterator[FactsRecord]) -> Iterator[FactsRecord]:
    """The rows of a file; one that is skipped as no image is unread if its bytes are those of one."""
    for record in rows:
        unknown = entry.kind is FileKind.UNKNOWN and record.skipped is not None and not record.missed
        plain = unknown or record.skipped == NOT_CHECKABLE
        if plain and record.row is None and (found := unread_images(entry.path)):
            yield record._replace(skipped=found, missed=True)
        else:
            yield record
