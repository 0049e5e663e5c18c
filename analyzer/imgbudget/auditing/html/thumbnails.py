"""Thumbnails of a few dozen images as data URIs; reads the images again by their location in the dataset."""

import base64
import io
import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from imgbudget.auditing.failures import until_failure
from imgbudget.auditing.inputs import tars, zips
from imgbudget.auditing.inputs.opening import file_system
from imgbudget.auditing.partition import container_of
from imgbudget.auditing.statistics import Row
from imgbudget.auditing.urls import is_url
from imgbudget.discovery.walk import PathEntry, path_entry
from imgbudget.errors import FixError, UnreadableError
from imgbudget.fixing.decode import decode
from imgbudget.fixing.encode import scalable, turned
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import Size
from imgbudget.linter.evaluate import FAILED_CODE
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.pixels.opening import as_fix_error

if TYPE_CHECKING:
    from PIL.Image import Image


MOST = 32 << 20
"""Bytes above which an image is not read."""


def fetch(rows: Sequence[Row]) -> Iterator[tuple[Row, bytes]]:
    """The images that can be read from files, folders, and zip and tar archives; each source is opened once.

    Images in tables, lists and requests are left out, as are those that are missing or cannot be read.
    """
    by_source: dict[str, list[Row]] = {}
    for row in rows:
        if row.pointer is None and (row.byte_size or 0) <= MOST:
            by_source.setdefault(row.source, []).append(row)
    for source, mine in by_source.items():
        match container_of(source):
            case "zips" | "tars" as kind:
                extracted = zips.extracted if kind == "zips" else tars.extracted
                wanted = {row.member: row for row in mine}
                found = until_failure(extracted(source, set(wanted), MOST), lambda _: ())
                yield from ((wanted[name], data) for name, data in found)
            case None if is_url(source):
                yield from _from_store(source, mine)
            case None:
                yield from _from_folder(source, mine)
            case _:
                continue


def _from_folder(source: str, rows: Sequence[Row]) -> Iterator[tuple[Row, bytes]]:
    for row in rows:
        path = source if row.member is None else os.path.join(source, row.member)
        if path_entry(path) is PathEntry.FILE:
            try:
                with open(path, "rb") as file:
                    yield row, file.read(MOST)
            except OSError:
                continue


def _from_store(source: str, rows: Sequence[Row]) -> Iterator[tuple[Row, bytes]]:
    files, path = file_system(source)
    for row in rows:
        try:
            yield row, files.cat_file(path if row.member is None else f"{path.rstrip('/')}/{row.member}")
        except OSError:
            continue


EDGE = 192
"""Px: the long edge of a thumbnail; twice its size in the page, for high-density screens."""

MOST_BYTES = 16_000
"""Bytes of a thumbnail; a larger one is left out."""

MOST_PIXELS = 60_000_000
"""Pixels above which no image is decoded for a thumbnail."""


def thumbnails(rows: Sequence[Row]) -> dict[str, str]:
    """The thumbnails by location, of images that still exist and can be decoded.

    Images that crashed a worker in the audit are not read again.
    """
    found = {}
    for row, data in fetch([row for row in rows if _harmless(row)]):
        uri = thumbnail(data)
        if uri is not None:
            found[row.place] = uri
    return found


def _harmless(row: Row) -> bool:
    return (
        row.damage is None
        and row.size is not None
        and row.size.width * row.size.height <= MOST_PIXELS
        and all(finding.code != FAILED_CODE for finding in row.findings)
    )


def thumbnail(data: bytes) -> str | None:
    """An image file's first frame, upright and small, as a data URI; None if none can be made."""
    try:
        facts = probe_bytes(data, ProbeField.ORIENTATION)
        if facts.size is None or facts.size.width * facts.size.height > MOST_PIXELS:
            return None
        picture = decode(data, facts, _small(facts))
        with as_fix_error("cannot be made small"):
            return _encoded(picture.image, picture.turn)
    except (FixError, UnreadableError):
        return None


def _small(facts: ImageFacts) -> Size | None:
    if facts.size is None:
        return None
    share = min(1, EDGE / facts.size.long_edge)
    return Size(max(1, round(facts.size.width * share)), max(1, round(facts.size.height * share)))


def _encoded(image: "Image", turn: int) -> str | None:

    small = scalable(image)
    small.thumbnail((EDGE, EDGE))
    small = small.convert("RGBA" if small.mode in {"LA", "RGBA"} else "RGB")
    small = turned(small, turn)
    out = io.BytesIO()
    small.save(out, "WEBP", quality=60, method=4, exif=b"", icc_profile=None)
    data = out.getvalue()
    if len(data) > MOST_BYTES:
        return None
    return f"data:image/webp;base64,{base64.b64encode(data).decode()}"
