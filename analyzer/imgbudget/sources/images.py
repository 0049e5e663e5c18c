"""An image file as a subject: its facts, the type that its extension claims, its length as base64."""

from collections.abc import Callable

from imgbudget.errors import os_error_text
from imgbudget.model import ImageFacts, ImageUse, Origin, Place
from imgbudget.probes import probe_bytes, probe_file

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
"""The media type that an extension claims, for the four types that the API takes."""


def base64_length(byte_size: int) -> int:
    """Characters of the base64 text of that many bytes, with padding and without line breaks."""
    return (byte_size + 2) // 3 * 4


def _use(path: str, facts: ImageFacts) -> ImageUse:
    dot = path.rfind(".")
    # a dot of a folder's name has a slash behind it somewhere, which no extension has
    declared = EXTENSION_TYPES.get(path[dot + 1 :].lower()) if dot >= 0 else None
    # by position, which saves half a microsecond a file
    return ImageUse(Place(path), Origin.PATH, facts, declared, base64_length(facts.byte_size))


def read_image(path: str, want: int, *, probe: Callable[[str, int], ImageFacts] = probe_file) -> ImageUse:
    """The image file at `path`. One that cannot be read is an image with that damage, never an exception."""
    try:
        facts = probe(path, want)
    except OSError as error:
        facts = ImageFacts(byte_size=0, damage=f"cannot be read: {os_error_text(error)}")
    return _use(path, facts)


def image_from_bytes(data: bytes, name: str, want: int) -> ImageUse:
    """The image in `data`, reported under `name` (standard input)."""
    return _use(name, probe_bytes(data, want))
