"""Lists of images: LLaVA and OpenAI style JSONL or JSON with image paths, HF metadata, COCO, CSV and TSV.

The list is read when the run is planned; partitions contain the paths, which are relative to a root, and the
places of the images that the list has itself.
"""

import os
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

from imgbudget.auditing.inputs import plan_container, planned
from imgbudget.auditing.inputs.fieldnames import split_of
from imgbudget.auditing.inputs.inline import NO_BASE64, decoded
from imgbudget.auditing.inputs.listfiles import (
    InlinePlace,
    ListReader,
    ListRow,
    form_of,
    open_list,
    rows_of_list,
)
from imgbudget.auditing.inputs.listshape import ListedList, ListShape, shape_of
from imgbudget.auditing.inputs.naming import Meaning, meaning_of
from imgbudget.auditing.inputs.objects import SkipReasons, named_image
from imgbudget.auditing.inputs.opening import fingerprint
from imgbudget.auditing.inputs.placeholders import NOT_MISSED
from imgbudget.auditing.inputs.rowimages import Profile, RowImage, RowReading, read_row
from imgbudget.auditing.inputs.rowtexts import is_data_text, looks_like_name
from imgbudget.auditing.partition import SHARE, ManifestEntry, Naming, Partition, RowChoice, container_of
from imgbudget.auditing.records import Content, RecordBuilder, RowLocation
from imgbudget.auditing.references import (
    MOST_CHARACTERS,
    NOT_BELOW,
    TOO_LONG,
    LocalFile,
    RefusedReference,
    RemoteFile,
    RowReferences,
    folder_of,
)
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.urls import shown_name
from imgbudget.discovery.walk import is_other_name
from imgbudget.imageinfo.reader import bytes_reader
from imgbudget.model.location import Keys

DAMAGE = "damaged list"

_NAMED = SkipReasons("named in the list: ", NOT_BELOW)

_BROKEN = "not JSON, or not an object"
_EMPTY = "the entry names no image"
"""The reasons of entries without a path."""

MORE_CELLS = (
    "the row has more cells than the head of the table: a text with a comma may lack its quotes; pandas and"
    " datasets refuse the file"
)
LOST_CELL = "an image in a cell beyond the head of the table is not read; give its column a name"

_NOT_MISSED = (_EMPTY, MORE_CELLS, *NOT_MISSED)

_CHANGED = "the list has changed while it was read"


def is_manifest(where: str, fields: Sequence[str] = ()) -> bool:
    """Whether a JSON, JSONL, CSV or TSV file lists images, judging by its rows.

    Raises:
        OSError: it cannot be read.
    """
    return shape_of(where, fields) is not None


class _Origin(NamedTuple):
    """A list with the folders that its paths begin at, and what it may name."""

    where: str
    folders: tuple[str, ...]
    shape: ListShape
    references: RowReferences
    beside: tuple[str, ...]
    """The folder of the list, what is below which its rows may name."""
    here: str
    """The working folder."""

    def meaning(self, names: Sequence[str]) -> Meaning:
        """What the names of an image mean."""
        return meaning_of(names, self.folders, self.references, self.beside)


def plan(source: str, where: str, naming: Naming, *, root: str | None = None) -> Iterator[Partition]:
    """Partitions of a thousand images; their paths are relative to `root`, by default the list's folder.

    Raises:
        OSError: the list cannot be read.
    """
    shape = shape_of(where, naming.choice.fields)
    if shape is None:
        form = form_of(where)
        if form is None:
            return
        shape = ListShape(form, Profile())
    if shape.lists:
        yield from _plan_lists(source, where, shape.lists, naming, root)
        return
    folder = folder_of(where)
    folders = tuple(dict.fromkeys([root or folder, folder]))
    state = f"{fingerprint(where)} {folders[0]} {naming.choice.fields}"
    origin = _Origin(where, folders, shape, RowReferences(naming.access), (folder,), os.getcwd())
    entries = _entries(origin)
    whole = Partition("", "manifests", source, folders[0], fingerprint=state)
    number = 0
    while found := tuple(islice(entries, naming.share_at(number))):
        items = tuple(entry for entry, _ in found)
        states = (f"{item.name}\0{item.flaw or item.inline or file}" for item, file in found)
        yield naming.name(whole._replace(start=number, items=items), "\n".join(states))
        number += len(items)
    if not number:
        empty = ManifestEntry(None, flaw=_EMPTY)
        yield naming.name(whole._replace(items=(empty,)))


def _plan_lists(
    source: str, where: str, lists: Sequence[ListedList], naming: Naming, root: str | None
) -> Iterator[Partition]:
    """The partitions of the lists that a list names, each once."""
    folder = folder_of(where)
    references = RowReferences(naming.access)
    known: set[RowChoice] = set()
    flaws: list[ManifestEntry] = []
    for listed in lists:
        if listed.path is None:
            elsewhere = shown_name(listed.elsewhere)
            reason = f"the list {listed.name!r} is elsewhere ({elsewhere}); download it to audit it"
            flaws.append(ManifestEntry(None, None, f"/{listed.name}", flaw=reason))
            continue
        target = references.resolve(listed.path, folder)
        if isinstance(target, RefusedReference):
            reason = f"the list {listed.name!r}: {target.reason}"
            flaws.append(ManifestEntry(None, None, f"/{listed.name}", flaw=reason))
            continue
        path = str(target.url) if isinstance(target, RemoteFile) else target.path
        begin = root or (listed.root and os.path.join(folder, listed.root))
        choice = naming.choice._replace(fields=naming.choice.fields or listed.fields, root=begin, listed=path)
        mine = naming._replace(choice=choice)
        if choice in known:
            continue
        known.add(choice)
        part = f"{source}/{(shown_name(listed.path) or '').lstrip('/')}"
        if kind := container_of(path):
            yield from plan_container(kind, part, path, partial(fingerprint, path), mine)
        elif form_of(path) is None or (isinstance(target, LocalFile) and not os.path.isfile(path)):
            reason = f"the list {listed.name!r}: {shown_name(listed.path)} is not a file of a list of images"
            flaws.append(ManifestEntry(None, None, f"/{listed.name}", flaw=reason))
        else:
            yield from planned(part, plan(part, path, mine, root=begin), mine)
    for at in range(0, len(flaws), SHARE):
        items = tuple(flaws[at : at + SHARE])
        text = "\n".join(str(item) for item in items)
        yield naming.name(Partition("", "manifests", source, folder, start=at, items=items), text)


Entry = tuple[ManifestEntry, str]
"""An entry, and a text that changes with the file that it names, or with whether it may be opened."""


def _entries(origin: _Origin) -> Iterator[Entry]:
    with open_list(origin.where) as stream:
        for row in rows_of_list(stream, origin.shape.form):
            yield from _listed(row, origin)


def _listed(row: ListRow, origin: _Origin) -> Iterator[Entry]:
    if row.broken or not isinstance(row.value, dict | list | str):
        yield ManifestEntry(None, row.number, flaw=_BROKEN), ""
        return
    is_beside = bool(row.spans or (row.section and row.section not in origin.shape.sections))
    reading = read_row(row.value, origin.shape.profile, doubts=not is_beside)
    if is_beside and not reading.images:
        return  # annotations, categories and settings are no rows of images
    yield from _flaws(row, reading)
    known: set[str] = set()
    found = False
    for image in reading.images or reading.guesses:
        entry, state = _entry(row, image, origin)
        if not reading.images and not (entry.path and state and os.path.isfile(entry.path)):
            continue
        found = True
        if entry.inline is None and entry.path is not None:
            if entry.path in known:
                continue
            known.add(entry.path)
        yield entry, state
    if not found and not reading.flaws and (row.section or row.number is not None or not row.base):
        yield ManifestEntry(None, row.number, _pointer(row.base) or None, flaw=reading.doubt or _EMPTY), ""


def _flaws(row: ListRow, reading: RowReading) -> Iterator[Entry]:
    for keys, reason in reading.flaws:
        yield ManifestEntry(None, row.number, _pointer((*row.base, *keys)), flaw=reason), ""
    for flaw in (row.flaw, reading.mismatch, _beyond(row, reading.images)):
        if flaw:
            yield ManifestEntry(None, row.number, _pointer(row.base) or None, flaw=flaw), ""


def _beyond(row: ListRow, images: Sequence[RowImage]) -> str | None:
    """What is wrong with a row of a table that has more cells than the head; None if that has not."""
    if not row.beyond:
        return None
    known = {text for image in images for text in (image.name, image.data, *image.others)}
    lost = any(cell not in known and (looks_like_name(cell) or is_data_text(cell)) for cell in row.beyond)
    return LOST_CELL if lost else MORE_CELLS


def _entry(row: ListRow, image: RowImage, origin: _Origin) -> Entry:
    pointer = _pointer((*row.base, *image.keys))
    name = image.name
    if image.data is not None:
        place = row.place(image.keys)
        inline = (place.start, place.end, place.keys)
        return ManifestEntry(name, row.number, pointer, inline=inline, split=split_of(row.value)), ""
    if name is None or len(name) > MOST_CHARACTERS:
        return ManifestEntry(name, row.number, pointer, flaw=TOO_LONG), ""
    entry = ManifestEntry(name, row.number, pointer, _claim(row.value, image.keys), split=split_of(row.value))
    meaning = origin.meaning([name, *image.others])
    match meaning.target:
        case LocalFile(path):
            state = meaning.state
            # not normalised: `link/..` is not the folder of the link
            local = path if path == name else os.path.join(origin.here, path)
            return entry._replace(path=local), f"{state.st_size} {state.st_mtime_ns}" if state else ""
        case RemoteFile(url):
            return entry._replace(path=str(url)), str(url)
        case RefusedReference(reason):
            return entry, reason


def _claim(value: Any, keys: Keys) -> tuple[int, int] | None:
    """The size that the object around a name states."""
    for key in keys[:-1]:
        if not isinstance(value, dict | list):
            return None
        value = value[key]  # type: ignore[index]  # the keys are those of the value
    if not isinstance(value, dict):
        return None
    width, height = value.get("width"), value.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) else None


def _pointer(keys: Keys) -> str:
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in keys)


def count(partition: Partition) -> int:
    """Images of the partition."""
    return len(partition.items)


def read(partition: Partition, builder: RecordBuilder) -> Iterator[FactsRecord]:
    """The rows of the images."""
    place = partition.choice.listed or partition.source
    form = form_of(place)
    reader = ListReader(place, form) if form else None
    try:
        for item in partition.items:
            if isinstance(item, ManifestEntry):
                where = RowLocation(partition.source, shown_name(item.name), item.row, item.pointer)
                rows = builder.guarded(where, _row(item, where, partition, reader, builder))
                yield from (row._replace(split=item.split) for row in rows)
    finally:
        if reader:
            reader.close()


def _row(
    item: ManifestEntry,
    where: RowLocation,
    partition: Partition,
    reader: ListReader | None,
    builder: RecordBuilder,
) -> Iterator[FactsRecord]:
    if item.flaw is not None:
        yield builder.skip(
            where._replace(member=None),
            item.flaw,
            missed=item.flaw not in _NOT_MISSED and not is_other_name(item.flaw),
        )
    elif item.inline is not None and reader:
        yield _inline(item.inline, where, reader, builder)
    else:
        name, folder = item.path or item.name or "", folder_of(partition.choice.listed or partition.source)
        target = builder.references.resolve(name, partition.where, folder)
        yield from named_image(target, where, builder, _NAMED, item.claim)


def _inline(
    place: tuple[int, int, Keys], where: RowLocation, reader: ListReader, builder: RecordBuilder
) -> FactsRecord:
    try:
        value = reader.value(InlinePlace(*place))
        data = bytes(value) if isinstance(value, list) else decoded(value)
    except (ValueError, LookupError, TypeError):
        return builder.skip(where, _CHANGED, missed=True)
    if data is None:
        return builder.skip(where, NO_BASE64, missed=True)
    return builder.image(where, Content(len(data), bytes_reader(data), data))
