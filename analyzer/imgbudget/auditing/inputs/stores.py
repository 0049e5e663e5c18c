"""Which store of records or arrays a file or folder is, by its first bytes and by what lies beside it."""

import os
from functools import lru_cache

from imgbudget.auditing.inputs.sniffing import archive_of_images, first_bytes
from imgbudget.auditing.partition import MDS_INDEX, container_of, mds_packing
from imgbudget.auditing.unopened import HEAD
from imgbudget.discovery.filetypes import FileKind
from imgbudget.discovery.walk import FoundFile, SkippedFile

_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_PLACES = (0, 512, 1024, 2048)
"""Where its signature may be: behind a block of the user, as in files of MATLAB."""
_LMDB, _LMDB_PLACE = b"\xde\xc0\xef\xbe\x01\0\0\0", 16
_NUMPY = b"\x93NUMPY"
_PARQUET = b"PAR1"
_ARROW = b"ARROW1\0\0"
_SNIFFED = (".mat", ".mdb", ".hdf", ".nc")
"""Suffixes of files that are stores or something else."""

_LANCE_PARTS = frozenset(
    {"data", "_versions", "_transactions", "_indices", "_deletions", "_refs", "_latest.manifest", "tree"}
)


def store_of(entry: FoundFile | SkippedFile) -> str | None:
    """The module that reads the archive, table or store that a search found; None for any other file."""
    path = entry.path
    name = os.path.basename(path)
    kind = container_of(name)
    if kind is None and name == MDS_INDEX:
        return "mds" if _is_mds_index(first_bytes(path, 1 << 16)) else None
    if (isinstance(entry, FoundFile) and entry.kind is FileKind.UNKNOWN) or name.lower().endswith(_SNIFFED):
        return kind_by_content(path) or (None if name.lower().endswith(".mdb") else kind)
    return kind


def _is_mds_index(head: bytes) -> bool:
    return b'"shards"' in head and b'"column_encodings"' in head


def kind_by_content(path: str) -> str | None:
    """The module that reads a file, by its first bytes alone."""
    head = first_bytes(path, HEAD)
    if any(head[at : at + 8] == _HDF5 for at in _HDF5_PLACES):
        return "hdf5s"
    if head[_LMDB_PLACE : _LMDB_PLACE + 8] == _LMDB:
        return "lmdbs"
    if head.startswith(_NUMPY):
        return "npys"
    if head.startswith(_PARQUET):
        return "parquets"
    if head.startswith(_ARROW):
        return "arrows"
    if (archive := archive_of_images(path, head)) is not None:
        return archive
    return "tfrecords" if _is_record(head, path) else None


def _is_record(head: bytes, path: str) -> bool:
    """Whether a file begins as one of TFRecord: with a length, and the masked CRC of it."""
    length = int.from_bytes(head[:8], "little")
    return (
        len(head) > 12
        and masked_crc32c(head[:8]) == int.from_bytes(head[8:12], "little")
        and (length + 16 <= os.path.getsize(path))
    )


def masked_crc32c(data: bytes) -> int:
    """The CRC-32C of a few bytes as TFRecord files have it; of many the reader uses a package."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def is_plain_image(entry: FoundFile | SkippedFile) -> bool:
    """Whether a file is an image by its name, and no archive, table or store: most files are."""
    return isinstance(entry, FoundFile) and entry.kind is FileKind.IMAGE and ".mds" not in entry.path.lower()


def is_part_of_lance(folder: str, root: str) -> bool:
    """Whether all files of a folder are parts of a Lance dataset, `root` or below it."""
    return folder != root and _lance_folder(*os.path.split(folder), root) is not None


def lance_folder(path: str, root: str) -> str | None:
    """The folder of the Lance dataset that a file is a part of, `root` or below it."""
    return _lance_folder(os.path.dirname(path), os.path.basename(path), root)


def _lance_folder(folder: str, name: str, root: str) -> str | None:
    while name:
        if name in _LANCE_PARTS and _is_lance(folder):
            return folder
        if folder == root or not folder:
            return None
        folder, name = os.path.split(folder)
    return None


@lru_cache(maxsize=256)
def _is_lance(folder: str) -> bool:
    try:
        with os.scandir(os.path.join(folder, "_versions")) as entries:
            return any(entry.name.endswith(".manifest") for entry in entries)
    except OSError:
        return False


def lance_state(folder: str) -> str:
    """A text that changes with a Lance dataset: the names and times of its versions.

    Raises:
        OSError: it cannot be read.
    """
    with os.scandir(os.path.join(folder, "_versions")) as entries:
        return repr(sorted((entry.name, entry.stat().st_mtime_ns) for entry in entries))


def unpacked_shard(path: str) -> str | None:
    """The same MDS shard beside a packed one, unpacked, as `keep_zip` leaves both."""
    packing = mds_packing(path)
    other = path[: -len(packing)] if packing else None
    return other if other and os.path.isfile(other) else None
