"""Archives that are not opened, and files whose bytes or members show images: why, and what to do."""

import re
import shlex
from collections.abc import Iterator

from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.imageinfo.reader import Read

_PACKERS = {
    ".7z": ("a 7-Zip archive", "7z x"),
    ".cb7": ("a 7-Zip archive", "7z x"),
    ".rar": ("a RAR archive", "unrar x"),
    ".cbr": ("a RAR archive", "unrar x"),
    ".tar.lz": ("a tar archive packed by lzip", "tar --lzip -xf"),
    ".tlz": ("a tar archive packed by lzip or lzma", "tar -xaf"),
    ".tar.z": ("a tar archive packed by compress", "tar -xZf"),
    ".taz": ("a tar archive packed by compress", "tar -xZf"),
    ".tar.br": ("a tar archive packed by Brotli", "brotli -d"),
    ".tar.lzo": ("a tar archive packed by lzop", "tar --lzop -xf"),
    ".iso": ("a disk image", "7z x"),
    ".dmg": ("a disk image", "7z x"),
    ".squashfs": ("a SquashFS image", "unsquashfs"),
    ".wim": ("a disk image", "7z x"),
    ".cab": ("a cabinet archive", "7z x"),
    ".arj": ("an ARJ archive", "7z x"),
    ".lzh": ("an LHA archive", "7z x"),
}
"""Suffixes of archives that are not read: what they are, and what unpacks them."""

_SINGLE = {
    "gz": "gzip",
    "bz2": "bzip2",
    "xz": "xz",
    "zst": "Zstandard",
    "lz4": "LZ4",
    "br": "Brotli",
    "lzma": "LZMA",
    "z": "compress",
    "lz": "lzip",
}
"""Suffixes of packed files that are no archives."""

_SINGLE_SUFFIXES = tuple(f".{suffix}" for suffix in _SINGLE)
_PACKER_SUFFIXES = tuple(_PACKERS)

_STARTS = (
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "7z x"),
    (b"Rar!\x1a\x07", "a RAR archive", "unrar x"),
    (b"LZIP", "packed by lzip", "tar --lzip -xf"),
    (b"\x1f\x9d", "packed by compress", "tar -xZf"),
    (b"\x89LZO", "packed by lzop", "tar --lzop -xf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an encrypted or old Office document", ""),
)
_ALWAYS_ARCHIVES = (b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07", b"LZIP", b"\x89LZO")
"""First bytes of archives that nothing else has, whatever the name is."""

_MEMBER = b"PK\3\4"
_NAME_SIZE, _NAME = 26, 30
"""Where the header of a member of a zip archive has the length of its name, and the name."""

_MOST_NAME = 255
"""Characters of a name that a line for a shell may have."""

_WHOLE = r"(?:zip|7z|rar|tar|tar\.\w{1,4}|tgz|tbz2?|txz|tzst|cbz)"
# compiled with the first name that may be one of a part
_NUMBERED = rf"(.+\.{_WHOLE})[._-](?:part[._-]?)?\d{{2,5}}"
_LETTERED = rf"(.+\.{_WHOLE})[._-]?(?:part[._-]?)?(?:[a-d][a-z]|a[a-z]{{2,3}})"
_ZIP_PART = r"(.+)\.z\d{2,3}"
_RAR_PART = r"(.+)\.(?:part\d{1,4}\.rar|r\d{2,3})"

_MAY_BE_SPLIT = re.compile(r"\.(?:zip|7z|rar|tar|tgz|tbz|txz|tzst|cbz|[zr]\d)")

IMAGES = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
)
"""First bytes that only images have, as far as such a short text can prove it."""

HEAD = 4096
"""First bytes of a file that show what it is."""

IMAGE_TEXTS = 1 << 16
"""Bytes of a text that are searched for images."""

_IMAGE_TEXT = re.compile(rb"""data:image/|iVBORw0KGgo|UklGR|[\s,;|"']/9j/""")
"""How images begin in texts: as data URIs, and PNG, WebP and JPEG in base64."""

_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"hevc", b"mif1", b"msf1")


APPLE_DOUBLE = "metadata of macOS beside a file (AppleDouble), without a picture"
_APPLE_DOUBLE = b"\0\5\x16\7"


def may_be_apple_double(name: str) -> bool:
    """Whether the name is one that macOS gives to what it keeps beside a file: `._a.jpg`, in `__MACOSX`."""
    return ("._" in name and name.rpartition("/")[2].startswith("._")) or "__MACOSX/" in name


def is_apple_double(name: str, read: Read) -> bool:
    """Whether a file is one of them, by its name and first bytes."""
    return may_be_apple_double(name) and read(len(_APPLE_DOUBLE), 0) == _APPLE_DOUBLE


def unopened_archive(name: str) -> str | None:
    """Why an archive of this name is not opened, and what to do; None for any other file."""
    if kind_of(name) is FileKind.IMAGE:  # most files
        return None
    base = name.rpartition("/")[2]
    lower = base.lower()
    if lower.endswith(_SINGLE_SUFFIXES):
        stem, _, suffix = base.rpartition(".")
        if kind_of(stem) is FileKind.IMAGE:
            return f"an image packed by {_SINGLE[suffix.lower()]}, which is not read; unpack it"
    if _MAY_BE_SPLIT.search(lower) and (split := _split(base)):
        return split
    if lower.endswith(_PACKER_SUFFIXES):
        return next(_not_read(*about) for suffix, about in _PACKERS.items() if lower.endswith(suffix))
    return None


def _not_read(what: str, command: str) -> str:
    unpack = f" with `{command}`" if command else ""
    return f"{what}, which is not read; unpack it{unpack} and audit the folder"


def _split(base: str) -> str | None:
    """Why a part of a split archive is not read: the line that joins all parts."""
    if len(base) > _MOST_NAME:
        return None
    if part := re.fullmatch(_ZIP_PART, base, re.IGNORECASE):
        whole = f"{part[1]}.zip"
        return _joined_by(whole, f"zip -s 0 {shlex.quote(whole)} --out {shlex.quote(f'{part[1]}-whole.zip')}")
    if part := re.fullmatch(_RAR_PART, base, re.IGNORECASE):
        first = base if base.lower().endswith(".rar") else f"{part[1]}.rar"
        first = re.sub(r"part0*\d+(\.rar)$", r"part1\1", first, flags=re.IGNORECASE)
        return _joined_by(f"{part[1]}.rar", f"unrar x {shlex.quote(first)}")
    part = re.fullmatch(_NUMBERED, base, re.IGNORECASE)
    if part is None and kind_of(base) is FileKind.UNKNOWN:
        part = re.fullmatch(_LETTERED, base, re.IGNORECASE)
    if part is None:
        return None
    begin = re.sub(r"(?:\d+|[a-z]+)$", "", base, flags=re.IGNORECASE)
    if len(begin) < len(part[1]):
        begin = part[1]
    return _joined_by(part[1], f"cat {shlex.quote(begin)}* > {shlex.quote(part[1])}")


def _joined_by(whole: str, command: str) -> str:
    return f"a part of the split archive {whole}; join the parts with `{command}`"


def packed_otherwise(head: bytes, form: str) -> str | None:
    """Why a file with these first bytes is no archive that can be read; None if it may be one."""
    for start, what, command in _STARTS:
        if head.startswith(start):
            return f"by its first bytes it is {_not_read(what, command)}"
    if head[:512].lstrip()[:9].lower() in (b"<!doctype", b"<html>\n<h") or head[:6].lower() == b"<html>":
        return f"it is a web page, not a {form} archive; the download may have failed"
    return None


def archive_by_bytes(head: bytes) -> str | None:
    """Why an archive under a name that says nothing is not read; None for what shows no images."""
    if head.startswith(_ALWAYS_ARCHIVES):
        return packed_otherwise(head, "")
    if any(kind_of(name) is FileKind.IMAGE for name in first_names(head)):
        return "by its first bytes an archive with images, under a name that is not opened; rename it"
    return None


def first_names(head: bytes) -> Iterator[str]:
    """The names of members whose headers are in the first bytes of a zip or tar archive, damaged or not."""
    if head[257:262] == b"ustar":
        yield head[:100].rstrip(b"\0").decode("utf-8", "replace")
    at = 0 if head.startswith(_MEMBER) else -1
    while at >= 0:
        size = int.from_bytes(head[at + _NAME_SIZE : at + _NAME_SIZE + 2], "little")
        yield head[at + _NAME : at + _NAME + size].decode("utf-8", "replace")
        at = head.find(_MEMBER, at + len(_MEMBER))


def has_image_text(head: bytes) -> bool:
    """Whether the first bytes of a list, JSON or a table, show an image in base64; also in UTF-16."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.replace(b"\0", b"")
    return _IMAGE_TEXT.search(head) is not None


def image_by_bytes(head: bytes) -> str | None:
    """The format of an image by its first bytes, if they leave no doubt."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    if head[4:8] == b"ftyp" and head[8:12] in _BRANDS:
        return "AVIF or HEIC"
    return next((name for start, name in IMAGES if head.startswith(start)), None)
