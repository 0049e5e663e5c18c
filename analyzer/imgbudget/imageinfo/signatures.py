"""Identifies a file by its first bytes: image formats, other binary formats, kinds of text."""

from typing import NamedTuple

from imgbudget.imageinfo.files import LFS_POINTER, is_lfs_pointer


class ContentKind(NamedTuple):
    """An image format (lower case), or a description of other content; both None if unknown."""

    format: str | None = None
    content: str | None = None


_UNKNOWN = ContentKind()

_IMAGES = (
    (b"8BPS", "psd"),
    (b"qoif", "qoi"),
    (b"DDS ", "dds"),
    (b"icns", "icns"),
    (b"\xff\x0a", "jxl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "jp2"),
    (b"\xff\x4f\xff\x51", "jp2"),
    (b"II\xbc", "jxr"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"IIRO", "orf"),
    (b"IIRS", "orf"),
    (b"MMOR", "orf"),
    (b"IIU\0", "rw2"),
    (b"FUJIFILMCCD-RAW", "raf"),
    (b"FOVb", "x3f"),
    (b"\0MRM", "mrw"),
    (b"\xc5\xd0\xd3\xc6", "eps"),
    (b"BPG\xfb", "bpg"),
    (b"FLIF", "flif"),
    (b"farbfeld", "farbfeld"),
    (b"#?RADIANCE", "hdr"),
    (b"#?RGBE", "hdr"),
    (b"v/1\x01", "exr"),
    (b"rV\x01", "tvg"),
    (b"gimp xcf", "xcf"),
    (b"SIMPLE  =", "fits"),
    (b"AT&TFORM", "djvu"),
    (b"\x8aMNG\r\n\x1a\n", "mng"),
    (b"\x8bJNG\r\n\x1a\n", "jng"),
    (b"\xabKTX ", "ktx"),
    (b"SDPX", "dpx"),
    (b"XPDS", "dpx"),
    (b"\x80\x2a\x5f\xd7", "cin"),
    (b"/* XPM */", "xpm"),
    (b"Pf\n", "pfm"),
    (b"PF\n", "pfm"),
    (b"P7\n", "pam"),
)

_CONTENTS = (
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\0", "xz data"),
    (b"\x28\xb5\x2f\xfd", "Zstandard data"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"OggS", "Ogg media"),
    (b"ID3", "MP3 audio"),
    (b"fLaC", "FLAC audio"),
    (b"FLV\x01", "FLV video"),
    (b"\0\0\x01\xba", "MPEG video"),
    (b"\0\0\x01\xb3", "MPEG video"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows media"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"{\\rtf", "RTF"),
)

_PNM = {b"P1": "pbm", b"P2": "pgm", b"P3": "ppm", b"P4": "pbm", b"P5": "pgm", b"P6": "ppm"}
_BMP_HEADERS = frozenset({12, 16, 40, 52, 56, 64, 108, 124})
"""Lengths of the second header; the file header has no signature beyond BM."""

_AVIF = frozenset({b"avif", b"avis"})
_HEIC = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"})
_HEIF = frozenset({b"mif1", b"msf1", b"mif2", b"miaf"})


def identify(head: bytes) -> ContentKind:
    """The kind of a file that is not JPEG, PNG, GIF or WebP, by its first bytes (4 KiB are enough)."""
    if head.startswith((b"\0\0\1\0", b"\0\0\2\0")) and head[4:6].strip(b"\0") and head[9:10] == b"\0":
        return ContentKind("ico" if head[2] == 1 else "cur")
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return ContentKind("bmp")
    if head[:2] in _PNM and head[2:3].isspace():
        return ContentKind(_PNM[head[:2]])
    for start, name in _IMAGES:
        if head.startswith(start):
            return ContentKind("cr2" if name == "tiff" and head[8:10] == b"CR" else name)
    if head[4:8] == b"ftyp":
        return _media(head)
    return _other_content(head)


def _media(head: bytes) -> ContentKind:
    """The kind of an ISO base media file by its brands (ISO/IEC 14496-12, 23008-12)."""
    length = min(max(int.from_bytes(head[:4], "big"), 16), 256)
    major, *compatible = (head[at : at + 4] for at in (8, *range(16, length, 4)))
    brands = {major, *compatible}
    if major in _AVIF or (major in _HEIF and brands & _AVIF):
        return ContentKind("avif")
    if major in _HEIC or (major in _HEIF and brands & _HEIC):
        return ContentKind("heic")
    if major in _HEIF:
        return ContentKind("heif")
    if major == b"crx ":
        return ContentKind("cr3")
    if major == b"qt  ":
        return ContentKind(content="QuickTime video")
    return ContentKind(content="MP4 audio" if major.startswith(b"M4A") else "MP4 video")


def _other_content(head: bytes) -> ContentKind:
    for start, name in _CONTENTS:
        if head.startswith(start):
            return ContentKind(content=name)
    if head.startswith(b"RIFF"):
        name = {b"AVI ": "AVI video", b"WAVE": "WAV audio"}.get(head[8:12], "a RIFF file")
        return ContentKind(content=name)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return ContentKind(content="WebM video" if b"webm" in head[:64] else "Matroska video")
    if head[128:132] == b"DICM":
        return ContentKind("dicom")
    if head.startswith(b"%!PS"):
        return ContentKind("eps") if b"EPSF" in head[:32] else ContentKind(content="PostScript")
    if b"PNG" in head[:8] or head[12:16] == b"IHDR":
        return ContentKind(content="a PNG file with a broken signature")
    return _UNKNOWN


_BYTE_ORDER_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_CONTROL = bytes(set(range(32)) - set(b"\t\n\v\f\r\b\x1b")) + b"\x7f"
_BEYOND_ASCII = bytes(range(0x80, 0x100))
_HTML = (
    "<!doctype html",
    "<html",
    "<head",
    "<body",
    "<script",
    "<table",
    "<div",
    "<p>",
    "<h1",
    "<meta",
    "<title",
)
_BASE64_IMAGES = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", "data:image/")
"""First characters of the base64 of PNG, JPEG, GIF and RIFF, and of a data URI."""


def identify_text(head: bytes, *, whole: bool) -> ContentKind:
    """The kind of a text by its first bytes; empty if it is not text. `whole`: there are no more bytes."""
    text = _decode(head, whole=whole)
    if text is None:
        return ContentKind()
    start = text.lstrip()
    if whole and is_lfs_pointer(head, len(head)):
        return ContentKind(content=LFS_POINTER)
    if start.startswith(_BASE64_IMAGES):
        return ContentKind(content="base64 text of an image")
    if start.startswith("<"):
        return _markup(start)
    if start.startswith("#define ") and "_width" in start:
        return ContentKind("xbm")
    if _is_json(start):
        return ContentKind(content="JSON")
    return ContentKind(content="plain text")


def _decode(head: bytes, *, whole: bool) -> str | None:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "replace")
    if head.translate(None, _CONTROL) != head:
        return None
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        # the read may end inside a character
        cut = not whole and error.start >= len(head) - 3
        return head[: error.start].decode("utf-8") if cut else _decode_latin(head)


def _decode_latin(head: bytes) -> str | None:
    """Text in an older encoding, which has few letters beyond ASCII."""
    beyond = len(head) - len(head.translate(None, _BEYOND_ASCII))
    return head.decode("latin-1") if 4 * beyond < len(head) else None


def _markup(text: str) -> ContentKind:
    lower = text.lower()
    if lower.startswith(_HTML):
        return ContentKind(content="HTML")
    at = lower.find("<svg")
    html = lower.find("<html")
    if at >= 0 and (html < 0 or at < html):
        return ContentKind("svg")
    if html >= 0:
        return ContentKind(content="HTML")
    return ContentKind(content="XML" if lower[1:2].isalpha() or lower[1:2] in {"?", "!"} else "plain text")


def _is_json(text: str) -> bool:
    """Whether the text begins like a JSON object or array."""
    if not text.startswith(("{", "[")):
        return False
    inside = text[1:].lstrip()
    if text[0] == "{":
        return inside.startswith(('"', "}"))
    return inside.startswith(("{", "[", '"', "]", "-", "true", "false", "null")) or inside[:1].isdigit()
