"""Images as objects of a remote store: headers are read in ranges, many at once, and more only if needed."""

from collections.abc import Iterator, Sequence
from typing import Any

from imgbudget.audit.inputs import container_of, input_of
from imgbudget.audit.inputs.opening import file_system, local_path, remote_fingerprint, why
from imgbudget.audit.partition import Naming, Partition, RemoteObject
from imgbudget.audit.records import Content, RecordBuilder, RowLocation
from imgbudget.audit.rows import FactsRecord
from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.discovery.walk import NOT_CHECKABLE
from imgbudget.errors import UsageError
from imgbudget.imageinfo.reader import Read, bytes_reader

SHARE = 200
"""Objects of a partition: their first ranges are requested together."""

RANGE = 1 << 16
"""Bytes of the first range of an object; a shorter object is read completely. Most headers need less."""

_STEP = 1 << 14
"""Minimum bytes of a further range: header readers often continue with the next bytes."""


def plan_url(url: str, naming: Naming, *, root: str | None = None) -> Iterator[Partition]:
    """The partitions of a URL: an archive or a table, a list of images, or all objects under a prefix.

    Raises:
        UsageError: nothing is there, or it cannot be read.
    """
    from imgbudget.audit.inputs.manifests import is_manifest, plan  # noqa: PLC0415 - rare

    files, path = file_system(url)
    found, single = _find(files, path, url)
    share: list[RemoteObject] = []
    fingerprints: list[str] = []
    for name, info in sorted(found.items()):
        where = files.unstrip_protocol(name)
        if kind := container_of(name):
            yield from input_of(kind).plan(where, where, remote_fingerprint(info), naming)
        elif kind_of(name) in (FileKind.JSON, FileKind.JSONL):
            if single and is_manifest(where):
                yield from plan(where, where, naming, root=root)
            else:
                yield from input_of("requests").plan(where, where, remote_fingerprint(info), naming)
        else:
            inside = None if single else name[len(path.rstrip("/")) + 1 :]
            share.append(RemoteObject(where, inside, int(info.get("size") or 0)))
            fingerprints.append(remote_fingerprint(info))
            if len(share) == SHARE:
                yield _partition(url, share, fingerprints, naming)
                share, fingerprints = [], []
    if share:
        yield _partition(url, share, fingerprints, naming)


def _find(files: Any, path: str, url: str) -> tuple[dict[str, dict[str, Any]], bool]:
    """The objects at a URL by their paths, and whether the URL names just one of them."""
    try:
        found: dict[str, dict[str, Any]] = files.find(path, detail=True)
    except OSError as error:
        raise UsageError(f"{url}: {why(error)}") from None
    if not found:
        raise UsageError(f"{url}: nothing is there")
    return found, set(found) == {path.rstrip("/")}


def _partition(
    url: str, share: Sequence[RemoteObject], fingerprints: Sequence[str], naming: Naming
) -> Partition:
    text = "\n".join(f"{item.url}\0{state}" for item, state in zip(share, fingerprints, strict=True))
    return naming.name(Partition("", "objects", url.rstrip("/"), url, items=tuple(share)), text)


def count(partition: Partition) -> int:
    """Objects of the partition."""
    return len(partition.items)


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the objects."""
    items = [item for item in partition.items if isinstance(item, RemoteObject)]
    files, _ = file_system(partition.where)
    wanted = [item for item in items if kind_of(item.name or item.url) is not None]
    heads = iter(_heads(files, wanted))
    for item in items:
        where = RowLocation(partition.source, item.name)
        kind = kind_of(item.name or item.url)
        if kind is None:
            yield builder.skip(where, NOT_CHECKABLE)
            continue
        head = next(heads)
        if isinstance(head, Exception):
            text = why(head) if isinstance(head, OSError) else f"cannot be read: {head}"
            yield builder.skip(where, text, missed=True)
        else:
            yield _row(where, item, head, files, builder)


def _heads(files: Any, items: Sequence[RemoteObject]) -> list[bytes | Exception]:
    """The first bytes of each object, requested together; an exception in place of those that failed."""
    if not items:
        return []
    paths = [files._strip_protocol(item.url) for item in items]  # noqa: SLF001 - fsspec has no other name for it
    ends = [min(item.byte_size, RANGE) for item in items]
    found: list[bytes | Exception] = files.cat_ranges(paths, [0] * len(paths), ends, on_error="return")
    return found


def _row(
    where: RowLocation, item: RemoteObject, head: bytes, files: Any, builder: RecordBuilder
) -> FactsRecord:
    if item.byte_size <= RANGE:
        return builder.member(where, item.name or item.url, Content(len(head), bytes_reader(head), head))
    content = Content(item.byte_size, _ranged(files, item, head), is_local=False)
    return builder.member(where, item.name or item.url, content)


def _ranged(files: Any, item: RemoteObject, head: bytes) -> Read:
    """A reader over an object: from its first bytes, the last range, or one more range."""
    path = files._strip_protocol(item.url)  # noqa: SLF001 - fsspec has no other name for it
    kept, at = head, 0

    def read_at(size: int, offset: int) -> bytes:
        nonlocal kept, at
        end = min(offset + size, item.byte_size)
        if end <= offset:
            return b""
        if end <= len(head):
            return head[offset:end]
        if not at <= offset < end <= at + len(kept):
            kept = files.cat_file(path, start=offset, end=min(max(end, offset + _STEP), item.byte_size))
            at = offset
        return kept[offset - at : end - at]

    return read_at


def remote_image(where: RowLocation, url: str, builder: RecordBuilder) -> FactsRecord:
    """The row of one object that a list names."""
    files, path = file_system(local_path(url))
    try:
        size = int(files.info(path)["size"])
        head = files.cat_file(path, start=0, end=min(size, RANGE))
    except OSError as error:
        return builder.skip(where, f"named in the list: {why(error)}", missed=True)
    return _row(where, RemoteObject(url, where.member, size), head, files, builder)
