"""Columns of images in Arrow data: Hugging Face's struct of bytes and path, lists of them, plain binary."""

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa

from imgbudget.audit.inputs.objects import SkipReasons, named_image
from imgbudget.audit.records import Content, RecordBuilder, RowLocation
from imgbudget.audit.references import folder_of
from imgbudget.audit.rows import FactsRecord
from imgbudget.imageinfo.reader import Read

BATCH = 32
"""Rows in memory at a time, with their images."""

NO_IMAGES = "holds no column of images"
_NAMED = SkipReasons(
    "its bytes are not in the file, only a path: ",
    "its bytes are not in the file, and there is no file at its path",
)
_WORDS = ("image", "img", "jpg", "jpeg", "png", "webp", "picture", "photo", "bytes", "content")


class ImageColumn(NamedTuple):
    """A column of images; `struct`: of bytes and path, `many`: a list of images a row."""

    name: str
    struct: bool
    many: bool


def image_columns(schema: "pa.Schema") -> tuple[ImageColumn, ...]:
    """The columns that hold images, by their type and, for plain binary, by their name."""
    found = []
    for field in schema:
        kind, many = field.type, False
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            kind, many = kind.value_type, True
        if pa.types.is_struct(kind):
            inner = {kind.field(i).name: kind.field(i).type for i in range(kind.num_fields)}
            if _is_binary(inner.get("bytes")):
                found.append(ImageColumn(field.name, struct=True, many=many))
        elif _is_binary(kind) and any(word in field.name.lower() for word in _WORDS):
            found.append(ImageColumn(field.name, struct=False, many=many))
    return tuple(found)


def _is_binary(kind: "pa.DataType | None") -> bool:
    return kind is not None and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


class ColumnTable(NamedTuple):
    """The origin of the rows of a batch: the name in reports, the path or URL, the columns of images."""

    source: str
    where: str
    columns: tuple[ImageColumn, ...]


def batch_rows(
    batch: "pa.RecordBatch", first: int, table: ColumnTable, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    """The rows of a batch, whose first row is number `first` of its file."""
    single = len(table.columns) == 1
    for column in table.columns:
        array = batch.column(column.name)
        pointer = None if single and not column.many else f"/{column.name}"
        if not column.many:
            for i, (data, path) in enumerate(_values(array, column)):
                yield from _image(data, RowLocation(table.source, path, first + i, pointer), table, builder)
            continue
        for i in range(batch.num_rows):
            values = array[i].values
            if not values:
                yield builder.skip(
                    RowLocation(table.source, None, first + i, pointer), "the list of images is empty"
                )
                continue
            for j, (data, path) in enumerate(_values(values, column)):
                where = RowLocation(table.source, path, first + i, f"{pointer}/{j}")
                yield from _image(data, where, table, builder)


def _values(array: "pa.Array", column: ImageColumn) -> Iterator[tuple["pa.Buffer | None", str | None]]:
    """Bytes and path of each value; the bytes are not copied, since most of them are never read."""
    if not column.struct:
        yield from ((scalar.as_buffer(), None) for scalar in array)
        return
    names = {array.type.field(i).name for i in range(array.type.num_fields)}
    paths = array.field("path").to_pylist() if "path" in names else [None] * len(array)
    sound = array.is_valid().to_pylist()
    for scalar, path, valid in zip(array.field("bytes"), paths, sound, strict=True):
        yield (scalar.as_buffer(), path or None) if valid else (None, None)


def _reader(data: memoryview) -> Read:
    def read(size: int, offset: int) -> bytes:
        return bytes(data[offset : offset + size])

    return read


def _image(
    data: "pa.Buffer | None", where: RowLocation, table: ColumnTable, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    path = where.member
    if data is not None:
        yield builder.image(where, Content(len(data), _reader(memoryview(data))))
    elif not path:
        yield builder.skip(where, "the row holds no image")
    else:
        target = builder.references.resolve(path, folder_of(table.where))
        yield from named_image(target, where, builder, _NAMED)
