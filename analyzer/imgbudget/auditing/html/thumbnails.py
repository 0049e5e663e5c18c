"""Thumbnails of a few dozen images as data URIs; reads the images again by their location in the dataset."""

import os
from collections.abc import Iterator, Sequence

from imgbudget.auditing.failures import until_failure
from imgbudget.auditing.inputs import tars, zips
from imgbudget.auditing.inputs.opening import file_system
from imgbudget.auditing.partition import container_of
from imgbudget.auditing.statistics import Row
from imgbudget.auditing.urls import is_url
from imgbudget.discovery.walk import PathEntry, path_entry
from imgbudget.fixing.thumbnail import MOST_PIXELS, thumbnail
from imgbudget.linter.evaluate import FAILED_CODE

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
