"""Images as objects of a remote store: headers are read in ranges, many at once, and more only if needed."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from imgbudget.auditing.inputs import plan_container
from imgbudget.auditing.inputs.opening import file_system, remote_fingerprint, why
from imgbudget.auditing.partition import Naming, Partition, RemoteObject, container_of
from imgbudget.auditing.records import Content, RecordBuilder, RowLocation
from imgbudget.auditing.references import LocalFile, RefusedReference, RemoteFile, Target, listed
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.unopened import unopened_archive
from imgbudget.auditing.urls import StoreUrl, parse_url
from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.discovery.walk import GONE, NOT_CHECKABLE, FoundFile, PathEntry, path_entry
from imgbudget.errors import UsageError
from imgbudget.imageinfo.reader import Read, bytes_reader
from imgbudget.namedtuples import NamedTuple

DAMAGE = "cannot be read"

SHARE = 200
"""Objects of a partition: their first ranges are requested together."""

RANGE = 1 << 16
"""Bytes of the first range of an object; a shorter object is read completely. Most headers need less."""

_STEP = 1 << 14
"""Minimum bytes of a further range: header readers often continue with the next bytes."""


_UNKNOWN = -1
"""Size of an object whose listing has none, as those of https servers."""


def plan_url(
    url: str, naming: Naming, *, root: str | None = None, known: set[str] | None = None
) -> Iterator[Partition]:
    """The partitions of a URL: an archive or a table, a list of images, or all objects under a prefix.

    `known` are the URLs of objects that were planned before, of other URLs: they are left out, others added.

    Raises:
        UsageError: nothing is there, or it cannot be read.
    """
    from imgbudget.auditing.inputs.manifests import is_manifest, plan  # noqa: PLC0415 - rare

    files, path = file_system(url)
    found, single = _find(files, path, url)
    share: list[RemoteObject] = []
    fingerprints: list[str] = []
    asked = parse_url(url)
    for name, info in sorted(found.items()):
        where = _url_of(name, asked)
        if known is not None:
            if where in known:
                continue
            known.add(where)
        own = listed(where, asked) is None
        if own and (kind := container_of(name)):
            yield from plan_container(kind, where, where, partial(remote_fingerprint, info), naming)
        elif own and single and is_manifest(where, naming.choice.fields):
            yield from plan(where, where, naming, root=root)
        elif own and kind_of(name) in (FileKind.JSON, FileKind.JSONL):
            yield from plan_container("requests", where, where, partial(remote_fingerprint, info), naming)
        else:
            inside = None if single else name[len(path.rstrip("/")) + 1 :]
            size = info.get("size")
            share.append(RemoteObject(where, inside, _UNKNOWN if size is None else int(size)))
            fingerprints.append(remote_fingerprint(info))
            if len(share) == SHARE:
                yield _partition(url, share, fingerprints, naming)
                share, fingerprints = [], []
    if share:
        yield _partition(url, share, fingerprints, naming)


def _url_of(name: str, asked: StoreUrl | None) -> str:
    """The URL of an object in the listing of a store; an https server lists URLs."""
    if asked is None or asked.protocol == "https":
        return name
    return f"{asked.protocol}://{asked.store}/{name.lstrip('/').partition('/')[2]}"


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
    asked = parse_url(partition.where)
    refusals = {item.url: listed(item.url, asked) for item in items}
    wanted = [
        item
        for item in items
        if item.byte_size != _UNKNOWN and refusals[item.url] is None and _kind(item) is not None
    ]
    heads = iter(_heads(files, wanted))
    for item in items:
        where = RowLocation(partition.source, item.name)
        if refusal := refusals[item.url]:
            yield builder.skip(where, f"in the listing of the server: {refusal.reason}", missed=True)
        elif reason := unopened_archive(item.name or item.url):
            yield builder.skip(where, reason, missed=True)
        elif _kind(item) is None:
            yield builder.skip(where, NOT_CHECKABLE)
        else:
            head = None if item.byte_size == _UNKNOWN else next(heads)
            yield from builder.guarded(where, _rows(where, item, head, files, builder))


def _kind(item: RemoteObject) -> FileKind | None:
    return kind_of(item.name or item.url)


def _heads(files: Any, items: Sequence[RemoteObject]) -> list[bytes | Exception]:
    """The first bytes of each object, requested together; an exception in place of those that failed."""
    if not items:
        return []
    paths = [files._strip_protocol(item.url) for item in items]  # noqa: SLF001 - fsspec has no other name for it
    ends = [min(item.byte_size, RANGE) for item in items]
    found: list[bytes | Exception] = files.cat_ranges(paths, [0] * len(paths), ends, on_error="return")
    return found


def _rows(
    where: RowLocation, item: RemoteObject, head: bytes | Exception | None, files: Any, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    if head is None:
        yield _remote_image(item.url, where, builder, named=True)
    elif isinstance(head, Exception):
        text = why(head) if isinstance(head, OSError) else f"cannot be read: {head}"
        yield builder.skip(where, text, missed=True)
    else:
        yield _row(where, item, head, files, builder)


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


class SkipReasons(NamedTuple):
    """How reasons for skipping an image that a row names begin, and the reason if there is no such file."""

    prefix: str
    missing: str


def named_image(
    target: Target,
    where: RowLocation,
    builder: RecordBuilder,
    reasons: SkipReasons,
    claim: tuple[int, int] | None = None,
) -> Iterator[FactsRecord]:
    """The rows of an image that a row of a list or table names."""
    match target:
        case RefusedReference(reason):
            yield builder.skip(where, reasons.prefix + reason, missed=True)
        case RemoteFile(url, named):
            yield _remote_image(str(url), where, builder, named=named, prefix=reasons.prefix)
        case LocalFile(path):
            entry = path_entry(path)
            if entry is PathEntry.FILE:
                yield from builder.file(where, FoundFile(path, FileKind.IMAGE), claim)
            elif isinstance(entry, str) and entry != GONE:
                yield builder.skip(where, reasons.prefix + entry, missed=True)
            else:
                yield builder.skip(where, reasons.missing, missed=True)


def _remote_image(
    url: str, where: RowLocation, builder: RecordBuilder, *, named: bool, prefix: str = ""
) -> FactsRecord:
    try:
        files, path = file_system(url, named=named)
        size = int(files.info(path)["size"])
        head = files.cat_file(path, start=0, end=min(size, RANGE))
    except OSError as error:
        return builder.skip(where, prefix + why(error), missed=True)
    except UsageError as error:
        return builder.skip(where, prefix + str(error), missed=True)
    return _row(where, RemoteObject(url, where.member, size), head, files, builder)
