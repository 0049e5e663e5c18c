"""Values of records and arrays: encoded images, images stored as pixels, or what they are instead.

Pixels are images of a known size, whose bytes are not known before they are encoded; they count as the PNG
that a client would make of them. Only 8-bit pixels are read so: others were prepared for a model.
"""

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from imgbudget.auditing.records import Content, RecordBuilder, RowLocation
from imgbudget.auditing.rows import FactsRecord
from imgbudget.imageinfo.reader import bytes_reader
from imgbudget.imageinfo.signatures import identify
from imgbudget.limits.geometry import Size
from imgbudget.output.base import figure

HEAD = 64
"""Bytes that are enough to recognise an image."""

MOST_VALUE = 128 << 20
"""Bytes of a value or record above which it is not read: no model accepts such an image."""

PICKLED = "its values are pickled Python objects, which are never loaded"

_CHANNELS = (1, 3, 4)
_WORDS = ("image", "img", "jpg", "jpeg", "png", "webp", "picture", "photo", "pixel", "frame", "rgb")
_TRAINING = ("x", "x_train", "x_test", "x_val", "x_valid")
"""Names of arrays of grey pictures in well-known data sets, such as MNIST's."""
_NOT_PICTURES = ("mask", "label", "seg", "depth", "annot", "emb", "latent", "feat", "hash")
_SHORTEST = 32
"""Bytes that no image file is shorter than."""
_EDGE = 8
"""Px: arrays with shorter edges are tables of numbers."""


def starts_as_image(head: bytes) -> bool:
    """Whether bytes begin as an image file of any known format."""
    return (
        head[:3] == b"\xff\xd8\xff"
        or head[:4] in (b"\x89PNG", b"GIF8")
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or identify(head).format is not None
    )


def is_named_as_image(name: str) -> bool:
    """Whether the name of a feature, key or array says that it holds images."""
    lower = name.lower()
    return any(word in lower for word in _WORDS) and not any(word in lower for word in _NOT_PICTURES)


def encoded_image(data: bytes, where: RowLocation, builder: RecordBuilder) -> FactsRecord:
    """The row of an image whose encoded bytes are in memory."""
    return builder.image(where, Content(len(data), bytes_reader(data), data))


class Arrangement(NamedTuple):
    """How images lie in an array: `images` of them, each of `length` bytes in a row.

    `size` is that of images of pixels, None for encoded images; `planar` pixels lie channel by channel.
    `reason` says why nothing in it is read, and `missed` whether it may be images nevertheless.
    """

    images: int = 0
    length: int = 0
    size: Size | None = None
    reason: str | None = None
    missed: bool = False
    planar: bool = False


def arrangement_of(name: str, dtype: str, shape: tuple[int, ...]) -> Arrangement:
    """What an array holds, by its name, its type (`uint8`, `float32`, `S200`, `V200`, `O`) and its shape.

    Axes of pixels are height, width, channels, with any axes before them, or count, channels, height, width.
    """
    text = f"an array of {'x'.join(map(str, shape)) or 'one'} {dtype}"
    if dtype == "O":
        return Arrangement(reason=PICKLED, missed=True)
    if prod(shape) == 0:
        return Arrangement(reason=f"{text}, which is empty")
    count = encoded = 0
    if dtype[0] in "SV" and dtype[1:].isdigit():
        count, encoded = prod(shape), int(dtype[1:])
    elif dtype == "uint8" and len(shape) == 1:
        count, encoded = 1, shape[0]
    if encoded >= _SHORTEST:
        return Arrangement(count, encoded)
    images, size, channels = _pixels(name, shape)
    if size is None:
        colours = len(shape) > 2 and 3 in (shape[-1], shape[-3])
        named = is_named_as_image(name) and (colours if dtype != "uint8" else len(shape) > 1)
        odd = dtype == "uint8" and len(shape) > 2 and min(shape[-2:]) >= _EDGE and not _is_no_picture(name)
        if named or odd:
            return Arrangement(reason=f"{text}, whose axes are not those of images", missed=True)
        return Arrangement(reason=f"{text}, which is no image")
    if dtype != "uint8":
        return Arrangement(reason=f"{text}: only pixels of 8 bits are read", missed=True)
    planar = channels > 1 and shape[-1] != channels
    return Arrangement(images, size.width * size.height * channels, size, planar=planar)


def _is_no_picture(name: str) -> bool:
    return any(word in name.lower() for word in _NOT_PICTURES)


def _pixels(name: str, shape: tuple[int, ...]) -> tuple[int, Size | None, int]:
    """The number of images in an array of pixels, their size, and their channels."""
    if len(shape) > 2 and shape[-1] in _CHANNELS and min(shape[-3:-1]) >= _EDGE:
        return prod(shape[:-3]), Size(shape[-2], shape[-3]), shape[-1]
    if len(shape) == 4 and shape[1] in _CHANNELS and min(shape[2:]) >= _EDGE:
        return shape[0], Size(shape[3], shape[2]), shape[1]
    base = name.rpartition("/")[2].removesuffix(".npy").lower()
    grey = (is_named_as_image(base) and len(shape) in (2, 3)) or (base in _TRAINING and len(shape) == 3)
    if grey and shape[0] not in _CHANNELS and min(shape[-2:]) >= (_EDGE if len(shape) > 2 else 2 * _EDGE):
        return prod(shape[:-2]), Size(shape[-1], shape[-2]), 1
    return 0, None, 0


def array_rows(
    values: Iterator[bytes | None], first: int, held: Arrangement, where: RowLocation, builder: RecordBuilder
) -> Iterator[FactsRecord]:
    """The rows of the images of an array, of which `values` are those from number `first` on.

    A value of None was too long to be read. Encoded values that are no images are counted in one row.
    """
    others = images = 0
    pointer = where.pointer if where.member is None else ""  # so that places in a member show their row
    for number, data in enumerate(values, first):
        place = where if held.images == 1 else where._replace(row=number, pointer=pointer)
        builder.reached = place
        if held.size is not None:
            images += 1
            yield builder.pixels(place, held.size, data, planar=held.planar)
        elif data is None:
            yield builder.skip(place, f"a value of over {figure(MOST_VALUE)} bytes", missed=True)
        elif starts_as_image(data[:HEAD]):
            images += 1
            yield encoded_image(data, place, builder)
        else:
            others += 1
    if others:
        missed = images > 0 or is_named_as_image(where.member or "")
        text = f"{figure(others)} of its {figure(others + images)} values are no images"
        yield builder.skip(where, text if images else "its values are no images", missed=missed)
