"""The colour mode of an image from its header, for services that take some modes only."""

from imgbudget.imageinfo.reader import Read

_SEGMENTS = 1000
"""Most segments of a JPEG file that are passed over before its frame."""

_PNG = {0: "greyscale", 2: "RGB", 3: "palette", 4: "greyscale with alpha", 6: "RGBA"}
"""By colour type (PNG, table 10)."""

_JPEG = {1: "greyscale", 3: "RGB", 4: "CMYK"}
"""By the number of components; of three, decoders make RGB."""

_NO_FRAME = frozenset((0xC4, 0xC8, 0xCC))
"""Markers between those of frames that are none: tables, and an extension."""


def colour_mode(form: str, read: Read) -> str | None:
    """The mode as Pillow decodes a PNG, JPEG or WebP image, in words; None if it is not known.

    Raises UnreadableError and OSError as `read` does.
    """
    match form:
        case "png":
            head = read(26, 0)
            return _PNG.get(head[25]) if len(head) > 25 else None
        case "jpeg":
            return _jpeg_mode(read)
        case "webp":
            return "RGB"
        case _:
            return None


def _jpeg_mode(read: Read) -> str | None:
    at = 2
    for _ in range(_SEGMENTS):
        head = read(10, at)
        if len(head) < 10 or head[0] != 0xFF:
            return None
        marker = head[1]
        if marker == 0xFF:
            at += 1
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            return _JPEG.get(head[9])
        else:
            at += 2 + int.from_bytes(head[2:4])
    return None
