"""Hashes of a set of images that others compare with theirs: written and read without the images.

A file of hashes is CSV with two columns, `phash` of 16 hexadecimal digits or empty and `pixel_hash` of 32, a
line for each different image, sorted: it has no names and no order of the images.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from imgbudget.auditing.extras import needed
from imgbudget.auditing.rowfolder import read_manifest
from imgbudget.auditing.statistics import place_text
from imgbudget.auditing.store import Store
from imgbudget.auditing.urls import is_url
from imgbudget.errors import UsageError, os_error_text
from imgbudget.namedtuples import NamedTuple
from imgbudget.output.base import count, figure

if TYPE_CHECKING:
    from imgbudget.auditing.likeness import OtherSet

HEADER = "phash,pixel_hash"

_LINE = re.compile(rb"([0-9a-f]{16})?,([0-9a-f]{32})\r?\n?")
_LONGEST = 4096


class HashedImage(NamedTuple):
    """The hashes of an image and where it is; `phash` is empty if it has no structure."""

    place: str
    phash: str
    pixel_hash: str


def hash_lines(store: Store) -> Iterator[str]:
    """The lines of a file with the hashes of all images of an audit."""
    yield f"{HEADER}\n"
    for phash, pixel_hash in store.all(
        """select distinct coalesce(phash, '') as seen, pixel_hash from rows
        where subject = 'image' and pixel_hash is not null order by seen, pixel_hash"""
    ):
        yield f"{phash},{pixel_hash}\n"


def unmeasured(store: Store) -> int:
    """How many images have no hash, since they were not decoded."""
    found: int = store.one("select count(*) from rows where subject = 'image' and pixel_hash is null")[0]
    return found


def images_of(store: Store) -> Iterator[HashedImage]:
    """The images of an audit with their hashes."""
    cursor = store.connection.cursor().execute(
        """select source, member, row, pointer, phash, pixel_hash from rows
        where subject = 'image' and pixel_hash is not null"""
    )
    while batch := cursor.fetchmany(2048):
        for *place, phash, pixel_hash in batch:
            yield HashedImage(place_text(*place), phash or "", pixel_hash)


Rows = Callable[[str], AbstractContextManager[tuple[Store | None, int]]]
"""Audits a dataset: its rows, None if it has no files, and how many items could not be read."""


def other_set(name: str, rows_of: Rows, *, partly: bool) -> "OtherSet":
    """The images that a name stands for; `partly` accepts that some of them cannot be compared.

    Raises:
        UsageError: there is no image in it, or some cannot be compared.
    """
    from imgbudget.auditing.likeness import OtherSet  # noqa: PLC0415 - extra

    found = OtherSet(name)
    images = read_set(name)
    if images is not None:
        found.extend(images)
    else:
        with rows_of(name) as (store, unread):
            missed = unread + (0 if store is None else unmeasured(store))
            if missed and not partly:
                raise UsageError(
                    f"--against {name}: {count(missed, 'item')} in it could not be compared; audit it "
                    "by itself to see why, or accept that with --allow-unread"
                )
            found.extend(() if store is None else images_of(store))
    if not found.places:
        raise UsageError(f"--against {name}: there is no image in it to compare with")
    return found


def read_set(name: str) -> Iterable[HashedImage] | None:
    """The images of a file of hashes, or of rows that an audit has written; None for anything else.

    Raises:
        UsageError: it is such a file, and is damaged or has no hashes.
    """
    if is_url(name):
        return None
    if os.path.isdir(name):
        manifest = read_manifest(name)
        if manifest is None:
            return None
        return _of_rows(name, [os.path.join(name, file) for file in manifest.files])
    try:
        with open(name, "rb") as file:
            head = file.readline(_LONGEST)
    except OSError as error:
        raise UsageError(f"--against {name}: {os_error_text(error)}") from error
    if head.rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf") == HEADER.encode():
        return _of_lines(name)
    if head.startswith(b"PAR1") and "pixel_hash" in _columns(name):
        return _of_rows(name, [name])
    return None


def _of_lines(name: str) -> Iterator[HashedImage]:
    with open(name, "rb") as file:
        file.readline(_LONGEST)
        number = 1
        while line := file.readline(_LONGEST):
            number += 1
            found = _LINE.fullmatch(line)
            if found is None:
                raise UsageError(
                    f"--against {name}: line {number} is not a pair of hashes as --hashes writes them: "
                    f"{line[:60]!r}"
                )
            yield HashedImage(f"line {number}", (found[1] or b"").decode(), found[2].decode())


def _columns(name: str) -> frozenset[str]:
    parquet = needed("pyarrow.parquet", "Parquet files")
    try:
        return frozenset(parquet.read_schema(name).names)
    except (OSError, ValueError):  # damaged: the audit of it says why
        return frozenset()


def _of_rows(name: str, files: list[str]) -> Iterator[HashedImage]:
    parquet = needed("pyarrow.parquet", "row files")
    found = missing = 0
    columns = ["source", "member", "row", "pointer", "subject", "phash", "pixel_hash"]
    for path in files:
        if "pixel_hash" not in _columns(path):
            missing += 1
            continue
        with parquet.ParquetFile(path) as rows:
            for batch in rows.iter_batches(columns=columns):
                for source, member, row, pointer, subject, phash, pixel_hash in zip(
                    *(column.to_pylist() for column in batch.columns), strict=True
                ):
                    if pixel_hash is not None:
                        found += 1
                        yield HashedImage(place_text(source, member, row, pointer), phash or "", pixel_hash)
                    elif subject == "image":
                        missing += 1
    if missing:
        raise UsageError(
            f"--against {name}: {figure(missing)} of {count(found + missing, 'row')} have no hash; write "
            "them with imgbudget audit --pixels --rows, or name the images themselves"
        )
