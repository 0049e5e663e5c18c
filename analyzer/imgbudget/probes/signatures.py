"""What a file is by its first bytes: the image formats that the API refuses, and what is no image."""

from typing import NamedTuple


class Kind(NamedTuple):
    """An image format (lower case), or in words what the bytes are instead; both None when unknown."""

    format: str | None = None
    content: str | None = None


_UNKNOWN = Kind()

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
"""Lengths of the header that follows the file header, which has no other mark than BM."""

_AVIF = frozenset({b"avif", b"avis"})
_HEIC = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"})
_HEIF = frozenset({b"mif1", b"msf1", b"mif2", b"miaf"})


def identify(head: bytes) -> Kind:
    """The kind of a file that is neither JPEG, PNG, GIF nor WebP, by its first bytes (4 KiB are enough)."""
    if head.startswith((b"\0\0\1\0", b"\0\0\2\0")) and head[4:6].strip(b"\0") and head[9:10] == b"\0":
        return Kind("ico" if head[2] == 1 else "cur")
    if head.startswith(b"BM") and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return Kind("bmp")
    if head[:2] in _PNM and head[2:3].isspace():
        return Kind(_PNM[head[:2]])
    for start, name in _IMAGES:
        if head.startswith(start):
            return Kind("cr2" if name == "tiff" and head[8:10] == b"CR" else name)
    if head[4:8] == b"ftyp":
        return _media(head)
    return _other_content(head)


def _media(head: bytes) -> Kind:
    """An ISO base media file by its brands (ISO/IEC 14496-12, 23008-12)."""
    length = min(max(int.from_bytes(head[:4], "big"), 16), 256)
    major, *compatible = (head[at : at + 4] for at in (8, *range(16, length, 4)))
    brands = {major, *compatible}
    if major in _AVIF or (major in _HEIF and brands & _AVIF):
        return Kind("avif")
    if major in _HEIC or (major in _HEIF and brands & _HEIC):
        return Kind("heic")
    if major in _HEIF:
        return Kind("heif")
    if major == b"crx ":
        return Kind("cr3")
    if major == b"qt  ":
        return Kind(content="QuickTime video")
    return Kind(content="MP4 audio" if major.startswith(b"M4A") else "MP4 video")


def _other_content(head: bytes) -> Kind:
    for start, name in _CONTENTS:
        if head.startswith(start):
            return Kind(content=name)
    if head.startswith(b"RIFF"):
        name = {b"AVI ": "AVI video", b"WAVE": "WAV audio"}.get(head[8:12], "a RIFF file")
        return Kind(content=name)
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return Kind(content="WebM video" if b"webm" in head[:64] else "Matroska video")
    if head[128:132] == b"DICM":
        return Kind("dicom")
    if head.startswith(b"%!PS"):
        return Kind("eps") if b"EPSF" in head[:32] else Kind(content="PostScript")
    if b"PNG" in head[:8] or head[12:16] == b"IHDR":
        return Kind(content="a PNG file with a broken signature")
    return _UNKNOWN
