"""Images in Arrow data, in columns of any type and nesting: which columns have them, the rows of a batch."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from imgbudget.auditing.inputs.fieldnames import SIZES, SPLITS, FieldKind, kind_of_field, split_text
from imgbudget.auditing.inputs.inline import NO_BASE64, decoded
from imgbudget.auditing.inputs.naming import meaning_of
from imgbudget.auditing.inputs.objects import SkipReasons, named_image
from imgbudget.auditing.inputs.rowimages import Profile, RowImage, Survey, read_row
from imgbudget.auditing.partition import Partition
from imgbudget.auditing.records import Content, RecordBuilder, RowLocation
from imgbudget.auditing.references import LocalFile, folder_of
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.urls import shown_name
from imgbudget.discovery.walk import SAME_FILE
from imgbudget.imageinfo.reader import Read, bytes_reader
from imgbudget.model.location import Keys

BATCH = 32
"""Rows in memory at a time, with their images."""

SAMPLE = 64
"""Rows of a row group or batch whose values decide whether a column has images."""

NO_IMAGES = "holds no column of images"
NO_IMAGE = "the row holds no image"
EMPTY_LIST = "the list of images is empty"
_NAMED = SkipReasons(
    "its bytes are not in the file, only a path: ",
    "its bytes are not in the file, and there is no file at its path",
)


class Columns(NamedTuple):
    """The columns of a table by what their types and names show.

    `certain` have images, `possible` are decided by their values.
    """

    certain: tuple[str, ...]
    possible: tuple[str, ...]


class TableShape(NamedTuple):
    """The columns that are read for images, what their values show. `simple`: one column, an image a row."""

    columns: tuple[str, ...]
    profile: Profile
    simple: bool = False
    sizes: tuple[str, ...] = ()
    """The columns of widths and heights, which are not read: they show what the rows are about."""
    split: str | None = None
    """The column that names the part of a split of each row."""

    @property
    def read(self) -> list[str]:
        """The columns that are read."""
        return [*self.columns, *([self.split] if self.split and self.split not in self.columns else [])]


class _Leaves(NamedTuple):
    """What a type holds at any depth."""

    bytes: bool
    text: bool


def columns_of(schema: "pa.Schema", fields: Sequence[str]) -> Columns:
    """The columns that may have images."""
    certain, possible = [], []
    top = {asked.partition(".")[0] for asked in fields}
    for field in schema:
        leaves = _leaves(field.type)
        if not leaves.bytes and not leaves.text:
            continue
        if fields:
            if field.name in top or pa.types.is_nested(field.type):
                certain.append(field.name)
        elif leaves.bytes and kind_of_field(field.name) is FieldKind.IMAGE:
            certain.append(field.name)
        else:
            possible.append(field.name)
    return Columns(tuple(certain), tuple(possible))


def _leaves(kind: Any, depth: int = 0) -> _Leaves:
    if depth > 40:
        return _Leaves(bytes=False, text=False)
    if _is_binary(kind):
        return _Leaves(bytes=True, text=False)
    if _is_text(kind):
        return _Leaves(bytes=False, text=True)
    inner = list(_inner_types(kind))
    found = [_leaves(one, depth + 1) for one in inner]
    return _Leaves(any(one.bytes for one in found), any(one.text for one in found))


def _inner_types(kind: Any) -> Iterator[Any]:
    types = pa.types
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        yield kind.value_type
    elif isinstance(kind, pa.BaseExtensionType):
        yield kind.storage_type
    elif types.is_struct(kind) or types.is_union(kind):
        yield from (kind.field(i).type for i in range(kind.num_fields))
    elif types.is_map(kind):
        yield from (kind.key_type, kind.item_type)
    elif _is_list(kind):
        if kind.value_type == pa.uint8():
            yield pa.binary()  # bytes, as some writers have them
        else:
            yield kind.value_type


def _is_binary(kind: Any) -> bool:
    types = pa.types
    return bool(
        types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_binary_view(kind)
        or (types.is_fixed_size_binary(kind) and kind.byte_width >= SAMPLE)
    )


def _is_text(kind: Any) -> bool:
    types = pa.types
    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _is_list(kind: Any) -> bool:
    types = pa.types
    return bool(
        types.is_list(kind)
        or types.is_large_list(kind)
        or types.is_fixed_size_list(kind)
        or types.is_list_view(kind)
        or types.is_large_list_view(kind)
    )


def table_shape(
    schema: "pa.Schema", columns: Columns, samples: Iterable["pa.RecordBatch"], fields: Sequence[str]
) -> TableShape:
    """What the types of a table and samples of its possible columns show."""
    survey = Survey(fields)
    filled: set[str] = set()
    sizes = tuple(name for name in schema.names if name.lower() in SIZES)
    sized = dict.fromkeys(sizes)
    for batch in samples:
        arrays = {name: batch.column(name) for name in batch.schema.names}
        for i in range(batch.num_rows):
            row = {name: plain(array[i]) for name, array in arrays.items()}
            filled.update(name for name, value in row.items() if value)
            survey.add(sized | row)
    profile = survey.profile()
    if columns.certain and not fields:
        profile = profile._replace(by_image=True, named=frozenset())
    used = {field.partition(".")[0] for field in survey.used(profile)}
    hopeful = {
        name
        for name in columns.possible
        if name not in filled
        and (
            _leaves(schema.field(name).type).bytes
            or kind_of_field(name) is FieldKind.IMAGE
            or (kind_of_field(name) is FieldKind.PLACE and not columns.certain)
        )
    }
    read = used | hopeful | set(columns.certain)
    names = tuple(name for name in schema.names if name in read)
    simple = names == columns.certain and len(names) == 1 and not fields
    is_simple = simple and _is_simple(schema.field(names[0]).type)
    return TableShape(names, profile, is_simple, sizes, _split_column(schema))


def _split_column(schema: "pa.Schema") -> str | None:
    for wanted in SPLITS:
        for field in schema:
            kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
            if field.name.lower() == wanted and schema.names.count(field.name) == 1 and _is_text(kind):
                return str(field.name)
    return None


def _is_simple(kind: Any) -> bool:
    """Whether each value of a column is one image: bytes, or bytes and a path."""
    if _is_binary(kind):
        return True
    if not pa.types.is_struct(kind):
        return False
    inner = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
    return set(inner) == {"bytes", "path"} and _is_binary(inner["bytes"]) and _is_text(inner["path"])


def plain(scalar: Any) -> Any:  # noqa: C901 - one case for each kind of type
    """A value as JSON has it, a memoryview for bytes, which are not copied; numbers in lists are left out."""
    if not scalar.is_valid:
        return None
    kind, types = scalar.type, pa.types
    if _is_text(kind):
        return scalar.as_py()
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind):
        return memoryview(scalar.as_buffer())
    if types.is_struct(kind):
        return {kind.field(i).name: plain(scalar[i]) for i in range(kind.num_fields)}
    if types.is_map(kind):
        return {str(pair["key"].as_py()): plain(pair["value"]) for pair in scalar.values}
    if _is_list(kind):
        if kind.value_type == pa.uint8():
            return _bytes_of(scalar.values)
        leaves = _leaves(kind.value_type)
        return [plain(one) for one in scalar.values] if leaves.bytes or leaves.text else None
    if types.is_integer(kind):
        return scalar.as_py()
    if types.is_fixed_size_binary(kind):
        return memoryview(scalar.as_buffer())
    if types.is_dictionary(kind) or types.is_union(kind) or isinstance(kind, pa.BaseExtensionType):
        return plain(scalar.value)
    if types.is_run_end_encoded(kind):
        return plain(pa.scalar(scalar.as_py(), kind.value_type))
    return None


def _bytes_of(values: Any) -> memoryview | None:
    buffer = values.buffers()[1]
    if buffer is None or values.null_count:
        return None
    return memoryview(buffer)[values.offset : values.offset + len(values)]


class ColumnTable(NamedTuple):
    """The origin of the rows of a batch: its name in reports, path or URL, columns, where paths begin."""

    source: str
    where: str
    shape: TableShape
    folders: tuple[str, ...]
    within: tuple[str, ...] = ()

    @classmethod
    def of(cls, partition: Partition, shape: TableShape) -> "ColumnTable":
        """The table of a partition."""
        folder = folder_of(partition.where)
        folders = tuple(dict.fromkeys([partition.choice.root or folder, folder]))
        return cls(partition.source, partition.where, shape, folders, partition.choice.within)


def batch_rows(
    batch: "pa.RecordBatch", first: int, table: ColumnTable, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    """The rows of a batch, whose first row is number `first` of its file."""
    rows = _batch_rows(batch, first, table, builder)
    if table.shape.split is None:
        yield from rows
        return
    splits = batch.column(table.shape.split)
    for record in rows:
        number = record.row
        split = None if number is None else split_text(splits[number - first].as_py())
        yield record._replace(split=split)


def _batch_rows(
    batch: "pa.RecordBatch", first: int, table: ColumnTable, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    columns = [(name, batch.column(name)) for name in table.shape.columns]
    if table.shape.simple:
        for i, (data, path) in enumerate(_values(columns[0][1])):
            where = RowLocation(table.source, shown_name(path), first + i)
            if data is None:
                yield from _named([path] if path else [], where, table, builder)
            else:
                yield builder.image(where, Content(len(data), _reader(memoryview(data))))
        return
    sized = dict.fromkeys(table.shape.sizes)
    for i in range(batch.num_rows):
        row = sized | {name: plain(array[i]) for name, array in columns}
        yield from _row(row, RowLocation(table.source, None, first + i), table, builder)


def _row(
    row: dict[str, Any], where: RowLocation, table: ColumnTable, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    reading = read_row(row, table.shape.profile)
    for keys, reason in reading.flaws:
        yield builder.skip(where._replace(pointer=_pointer(keys)), reason, missed=True)
    for image in reading.images:
        place = where._replace(member=shown_name(image.name), pointer=_pointer(image.keys))
        yield from _image(image, place, table, builder)
    if reading.images or reading.flaws:
        return
    guessed = False
    for image in reading.guesses:
        target = _target([image.name or "", *image.others], table, builder)
        if isinstance(target, LocalFile) and os.path.isfile(target.path):
            guessed = True
            place = where._replace(member=shown_name(image.name), pointer=_pointer(image.keys))
            yield from _image(image, place, table, builder)
    if not guessed:
        empty = any(value == [] for value in row.values())
        yield builder.skip(
            where, reading.doubt or (EMPTY_LIST if empty else NO_IMAGE), missed=bool(reading.doubt)
        )


def _image(
    image: RowImage, where: RowLocation, table: ColumnTable, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    data = image.data
    if data is None:
        yield from _named([image.name or "", *image.others], where, table, builder)
    elif isinstance(data, str):
        raw = decoded(data)
        if raw is None:
            yield builder.skip(where, NO_BASE64, missed=True)
        else:
            yield builder.image(where, Content(len(raw), bytes_reader(raw), raw))
    else:
        yield builder.image(where, Content(len(data), _reader(memoryview(data))))


def _named(
    names: Sequence[str], where: RowLocation, table: ColumnTable, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    if not any(names):
        yield builder.skip(where, NO_IMAGE)
        return
    target = _target(names, table, builder)
    if table.within and isinstance(target, LocalFile) and os.path.isfile(target.path):
        real = os.path.realpath(target.path)
        if any(real.startswith(folder.rstrip(os.sep) + os.sep) for folder in table.within):
            yield builder.skip(where, f"{SAME_FILE}{target.path}")
            return
    yield from named_image(target, where, builder, _NAMED)


def _target(names: Sequence[str], table: ColumnTable, builder: RecordBuilder) -> Any:
    return meaning_of(names, table.folders, builder.references, (folder_of(table.where),)).target


def _pointer(keys: Keys) -> str:
    while len(keys) > 1 and keys[-1] in ("bytes", "path"):
        keys = keys[:-1]
    return "".join(f"/{str(key).replace('~', '~0').replace('/', '~1')}" for key in keys)


def _values(array: "pa.Array") -> Iterator[tuple["pa.Buffer | None", str | None]]:
    """Bytes and path of each value; the bytes are not copied, since most of them are never read."""
    if not pa.types.is_struct(array.type):
        yield from ((scalar.as_buffer(), None) for scalar in array)
        return
    paths = array.field("path").to_pylist()
    sound = array.is_valid().to_pylist()
    for scalar, path, valid in zip(array.field("bytes"), paths, sound, strict=True):
        yield (scalar.as_buffer(), path or None) if valid else (None, None)


def _reader(data: memoryview) -> Read:
    def read(size: int, offset: int) -> bytes:
        return bytes(data[offset : offset + size])

    return read
