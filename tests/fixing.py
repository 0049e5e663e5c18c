"""Requests with edits made, for the tests of fixers: bytes in, bytes out."""

import base64
import json
from collections.abc import Iterable
from typing import Any

from imgbudget.errors import FixError
from imgbudget.fixing.request import RequestFixer
from imgbudget.jsontext.source import JsonSource
from imgbudget.limits.geometry import CoordinateMap, Size
from imgbudget.model.edits import BlockEdit, EditedImage, ImageEdit, RequestEdit
from imgbudget.model.fixes import Fix
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import ImageUse, Origin

SIZE = Size(4, 3)
EDIT = ImageEdit(size=SIZE)


def marked(data: bytes, _edit: ImageEdit) -> EditedImage:
    """An edit that leaves a mark behind the bytes and calls them WebP; what begins with `!` it refuses."""
    if data.startswith(b"!"):
        raise FixError("is refused")
    return EditedImage(data + b"+", "webp", SIZE, 90, (), CoordinateMap(SIZE, SIZE))


def location(*keys: str | int, document: int = 0) -> Location:
    """A place in the file."""
    return Location("r.json", keys, 0, document)


def request_edit(
    images: Iterable[Keys] = (), blocks: Iterable[tuple[Keys, Fix]] = (), *, document: int = 0
) -> RequestEdit:
    """An edit of the images at some routes and of blocks at others."""
    uses = (ImageUse(location=location(*keys, document=document), origin=Origin.BASE64) for keys in images)
    return RequestEdit(
        images=tuple((use, EDIT) for use in uses),
        blocks=tuple(BlockEdit(location(*keys, document=document), fix) for keys, fix in blocks),
    )


def fixer() -> RequestFixer:
    """A fixer that marks images."""
    return RequestFixer(marked)


def edited(data: bytes, *edits: RequestEdit, lines: bool = False, by: RequestFixer | None = None) -> bytes:
    """The file with the edits made."""
    with JsonSource.from_bytes(data) as source:
        return b"".join((by or fixer()).rewrite(source, edits, lines=lines))


def as_text(value: Any, layout: str) -> bytes:
    """The value in one of the layouts that writers of JSON have."""
    if layout == "compact":
        return json.dumps(value, separators=(",", ":")).encode()
    if layout == "pretty":
        return json.dumps(value, indent=2).encode()
    if layout == "windows":
        return b"\xef\xbb\xbf" + json.dumps(value, indent="\t").replace("\n", "\r\n").encode()
    return json.dumps(value).encode()


LAYOUTS = ("compact", "pretty", "windows", "plain")


def b64(data: bytes) -> str:
    """Base64 text."""
    return base64.b64encode(data).decode()
