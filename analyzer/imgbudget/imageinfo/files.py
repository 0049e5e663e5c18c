"""Image files as subjects: facts, the media type of the extension, base64 length, hash, duplicates."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from imgbudget.errors import os_error_text
from imgbudget.imageinfo.dispatch import probe_bytes, probe_file
from imgbudget.model.location import Location
from imgbudget.model.subjects import UNREAD, ImageFacts, ImageUse, Origin
from imgbudget.positional import OPEN_FLAGS, pread

if TYPE_CHECKING:
    import hashlib

_STEP = 1 << 20
_BLOCK = 1 << 16
"""Bytes of each of two files that are compared at once; they stay in the cache of the processor."""

_SAMPLE = 2048
_FEW = 4
"""Files of which each is compared with each other one."""


def _sha256(data: bytes = b"") -> "hashlib._Hash":
    import hashlib  # noqa: PLC0415 - rare

    return hashlib.sha256(data)


def content_hash(path: str) -> str | None:
    """The SHA-256 of a file in hexadecimal, in bounded memory; None if it cannot be read."""
    digest = _sha256()
    try:
        with open(path, "rb", buffering=0) as file:
            while part := file.read(_STEP):
                digest.update(part)
    except OSError:
        return None
    return digest.hexdigest()


def identical_files(candidates: Iterable[Sequence[str]]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Groups of files with identical bytes among each group of candidates, with their length in bytes.

    Where there are more than a few candidates, only those are read fully that agree in a few kilobytes from
    the beginning, middle and end. Files that cannot be read are left out.
    """
    for paths in candidates:
        for alike in _parted(paths, _sample) if len(paths) > _FEW else (paths,):
            for same in _same(alike):
                yield os.path.getsize(same[0]), tuple(same)


def _same(paths: Sequence[str]) -> Iterator[list[str]]:
    """Groups of files with identical bytes.

    Each file is compared with the first, which is much faster than hashing both. Those that differ from it
    are compared again if they are few, or else hashed: the time grows with the number of files only.
    """
    first, *others = paths
    same, different = [first], list[str]()
    for path in others:
        (same if _is_equal(first, path) else different).append(path)
    if len(same) > 1:
        yield same
    if len(different) > 1:
        yield from _same(different) if len(different) <= _FEW else _parted(different, content_hash)


def _is_equal(path: str, other: str) -> bool:
    """Whether both files can be read and have the same bytes."""
    opened: list[int] = []
    try:
        opened.append(os.open(path, OPEN_FLAGS))
        opened.append(os.open(other, OPEN_FLAGS))
        offset = 0
        while (part := pread(opened[0], _BLOCK, offset)) == pread(opened[1], _BLOCK, offset):
            if not part:
                return True
            offset += len(part)
    except OSError:
        return False
    else:
        return False
    finally:
        for fd in opened:
            os.close(fd)


def _sample(path: str) -> bytes | None:
    try:
        fd = os.open(path, OPEN_FLAGS)
    except OSError:
        return None
    try:
        size = os.fstat(fd).st_size
        locations = (0, size // 2, max(size - _SAMPLE, 0))
        digest = _sha256(b"%d " % size)  # many images may have the same length
        for location in locations:
            digest.update(pread(fd, _SAMPLE, location))
        return digest.digest()
    except OSError:
        return None
    finally:
        os.close(fd)


def _parted(paths: Sequence[str], key: Callable[[str], object]) -> Iterator[list[str]]:
    """Groups of two or more paths with the same `key`; None is left out."""
    groups: dict[object, list[str]] = {}
    for path in paths:
        found = key(path)
        if found is not None:
            groups.setdefault(found, []).append(path)
    return (group for group in groups.values() if len(group) > 1)


EXTENSION_TYPES = {
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "jpe": "image/jpeg",
    "jfif": "image/jpeg",
    "png": "image/png",
    "apng": "image/png",
    "gif": "image/gif",
    "webp": "image/webp",
}
"""The media type for an extension, for the four types that the API accepts."""

DECLARED_TYPES = {
    **EXTENSION_TYPES,
    "jif": "image/jpeg",
    "avif": "image/avif",
    "avifs": "image/avif",
    "heic": "image/heic",
    "heics": "image/heic",
    "heif": "image/heif",
    "heifs": "image/heif",
    "hif": "image/heif",
    "bmp": "image/bmp",
    "dib": "image/bmp",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "ico": "image/x-icon",
    "cur": "image/x-icon",
    "jp2": "image/jp2",
    "j2k": "image/jp2",
    "jpx": "image/jpx",
    "jxl": "image/jxl",
    "jxr": "image/jxr",
    "psd": "image/vnd.adobe.photoshop",
    "svg": "image/svg+xml",
    "icns": "image/icns",
    "dds": "image/vnd.ms-dds",
    "qoi": "image/qoi",
    "tga": "image/x-tga",
    "exr": "image/x-exr",
    "hdr": "image/vnd.radiance",
    "pcx": "image/x-pcx",
    "xbm": "image/x-xbitmap",
    "xpm": "image/x-xpixmap",
    "pnm": "image/x-portable-anymap",
    "ppm": "image/x-portable-pixmap",
    "pgm": "image/x-portable-graymap",
    "pbm": "image/x-portable-bitmap",
    "dng": "image/x-adobe-dng",
    "cr2": "image/x-canon-cr2",
    "nef": "image/x-nikon-nef",
    "arw": "image/x-sony-arw",
}
"""The media type that programs declare for an extension, also for types that the API refuses."""


LFS_POINTER = "a Git LFS pointer (run `git lfs pull`)"
"""What the bytes are if Git LFS stored the file elsewhere and this is the text that stands for it."""

_LFS_STARTS = (b"version https://git-lfs.github.com/spec/", b"version https://hawser.github.com/spec/")
"""The first line of a pointer (specification of Git LFS; the second is that of its first releases)."""

_LFS_BYTES = 1024
"""A pointer is shorter."""


def is_lfs_pointer(head: bytes, size: int) -> bool:
    """Whether a file of `size` bytes that begins so is a Git LFS pointer."""
    return size < _LFS_BYTES and head.startswith(_LFS_STARTS)


def lfs_pointer(path: str) -> str | None:
    """What the file at a path is, in words, if that is a Git LFS pointer; None if not or it is unreadable."""
    try:
        with open(os.open(path, OPEN_FLAGS), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            return LFS_POINTER if is_lfs_pointer(file.read(_SAMPLE), size) else None
    except OSError:
        return None


def base64_length(byte_size: int) -> int:
    """Length of the base64 text of `byte_size` bytes, with padding and without line breaks."""
    return (byte_size + 2) // 3 * 4


def _use(path: str, facts: ImageFacts) -> ImageUse:
    dot = path.rfind(".")
    # after a dot in a folder name comes a slash, which no extension has
    declared = DECLARED_TYPES.get(path[dot + 1 :].lower()) if dot >= 0 else None
    # positional arguments save half a microsecond per file
    return ImageUse(Location(path), Origin.PATH, facts, declared, base64_length(facts.byte_size))


def read_image(path: str, fields: int, *, probe: Callable[[str, int], ImageFacts] = probe_file) -> ImageUse:
    """The image file at `path`. If it cannot be read, that is its damage; never raises."""
    try:
        facts = probe(path, fields)
    except OSError as error:
        facts = ImageFacts(byte_size=0, damage=f"{UNREAD}: {os_error_text(error)}")
    return _use(path, facts)


def image_from_bytes(data: bytes, name: str, fields: int) -> ImageUse:
    """The image in `data`, reported under `name` (standard input)."""
    return _use(name, probe_bytes(data, fields))
