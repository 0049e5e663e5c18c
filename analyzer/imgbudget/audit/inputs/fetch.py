"""The bytes of single images by the place in their row: for thumbnails of a report, some dozens at most."""

import os
from collections.abc import Iterator, Sequence
from contextlib import closing

from imgbudget.audit.inputs import container_of
from imgbudget.audit.inputs.opening import file_system, is_url
from imgbudget.audit.inputs.tars import extracted
from imgbudget.audit.inputs.zips import archive_of
from imgbudget.audit.statistics import Row
from imgbudget.discovery.walk import PathEntry, look_at
from imgbudget.errors import UnreadableError

MOST = 32 << 20
"""Bytes beyond which an image is not fetched."""


def fetch(rows: Sequence[Row]) -> Iterator[tuple[Row, bytes]]:
    """The images that can be had of files, folders, and zip and tar archives; each source is opened once.

    Images of tables, lists and requests are left out, as is what has gone or cannot be read.
    """
    by_source: dict[str, list[Row]] = {}
    for row in rows:
        if row.pointer is None and (row.byte_size or 0) <= MOST:
            by_source.setdefault(row.source, []).append(row)
    for source, mine in by_source.items():
        match container_of(source):
            case "zips":
                yield from _from_zip(source, mine)
            case "tars":
                wanted = {row.member: row for row in mine}
                yield from ((wanted[name], data) for name, data in extracted(source, set(wanted), MOST))
            case None if is_url(source):
                yield from _from_store(source, mine)
            case None:
                yield from _from_folder(source, mine)
            case _:
                continue


def _from_folder(source: str, rows: Sequence[Row]) -> Iterator[tuple[Row, bytes]]:
    for row in rows:
        path = source if row.member is None else os.path.join(source, row.member)
        if look_at(path) is PathEntry.FILE:
            try:
                with open(path, "rb") as file:
                    yield row, file.read(MOST)
            except OSError:
                continue


def _from_zip(source: str, rows: Sequence[Row]) -> Iterator[tuple[Row, bytes]]:
    wanted = {row.member: row for row in rows}
    try:
        archive = archive_of(source)
    except UnreadableError:
        return
    with closing(archive):
        for info in archive.members:
            if info.filename in wanted and info.file_size <= MOST:
                try:
                    data = archive.whole(info)
                except UnreadableError:
                    continue
                yield wanted[info.filename], data


def _from_store(source: str, rows: Sequence[Row]) -> Iterator[tuple[Row, bytes]]:
    files, path = file_system(source)
    for row in rows:
        try:
            yield row, files.cat_file(path if row.member is None else f"{path.rstrip('/')}/{row.member}")
        except OSError:
            continue
