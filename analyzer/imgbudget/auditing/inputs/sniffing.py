"""What a file is by its first bytes where its name says nothing, or something else."""

import os
from collections.abc import Iterator
from itertools import islice
from typing import Protocol, cast

from imgbudget.auditing.failures import until_failure
from imgbudget.auditing.inputs import input_of
from imgbudget.auditing.inputs.tape import RECORD, is_tar
from imgbudget.auditing.unopened import (
    HEAD,
    archive_by_bytes,
    first_names,
    image_by_bytes,
    is_apple_double,
)
from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.positional import OPEN_FLAGS, pread

PACKED = (
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x5d\0\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
)
"""How packed tar archives begin; the fourth is packed by LZMA alone, with a dictionary of 64 KiB or more."""

_NAMES = 200
"""Members whose names are looked at."""


class _ListsNames(Protocol):
    """A module that lists the members of an archive."""

    def names(self, where: str) -> Iterator[str]:
        """Their names, as far as the archive can be read."""


def first_bytes(path: str, size: int = RECORD) -> bytes:
    """The first bytes of a file, none if it cannot be read."""
    try:
        fd = os.open(path, OPEN_FLAGS)
    except (OSError, ValueError):
        return b""
    try:
        return pread(fd, size, 0)
    except OSError:
        return b""
    finally:
        os.close(fd)


def is_sidecar(path: str) -> bool:
    """Whether a file is one that macOS puts beside another."""
    return is_apple_double(path, lambda size, _: first_bytes(path, size))


def archive_kind(head: bytes) -> str | None:
    """The module that reads an archive with these first bytes."""
    if head.startswith((b"PK\3\4", b"PK\5\6")):
        return "zips"
    return "tars" if is_tar(head) or any(head.startswith(start) for start, _ in PACKED) else None


def archive_of_images(path: str, head: bytes) -> str | None:
    """The module that reads a file as an archive, if the names of members show that it holds images."""
    kind = archive_kind(head)
    if kind is None:
        return None
    listing = cast("_ListsNames", input_of(kind))
    # names before the damage count: an archive that is cut off is one that could not be read
    names = until_failure(listing.names(path), lambda _: first_names(head))
    return kind if any(kind_of(name) is FileKind.IMAGE for name in tuple(islice(names, _NAMES))) else None


def unread_images(path: str) -> str | None:
    """Why a file that is skipped because of its name holds images all the same; None if it shows none."""
    head = first_bytes(path, HEAD)
    if form := image_by_bytes(head):
        return f"by its first bytes a {form} image, under a name that is not checked; rename it"
    match archive_of_images(path, head):
        case "zips":
            return "a ZIP archive with images, under a name that is not opened; rename it to end in .zip"
        case "tars":
            return "a tar archive with images, under a name that is not opened; rename it to end in .tar"
    from imgbudget.auditing.inputs.foundlists import unread_list  # noqa: PLC0415 - rare

    return archive_by_bytes(head) or unread_list(path)
