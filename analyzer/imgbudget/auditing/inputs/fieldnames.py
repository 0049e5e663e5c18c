"""What the names of fields and columns say about their values: an image, a path of anything, or neither."""

import re
from collections.abc import Mapping
from enum import IntEnum
from functools import lru_cache

_SIZES = (("width", "height"), ("WIDTH", "HEIGHT"), ("image_width", "image_height"))
SIZES = frozenset(name.lower() for names in _SIZES for name in names)
"""Names of the columns of widths and heights, in lower case."""


class FieldKind(IntEnum):
    """How much the name of a field says about its values."""

    OTHER = 0
    PLACE = 1
    """A path, file or URL of anything."""
    IMAGE = 2


_IMAGE = "image img imgs photo picture pic screenshot jpg jpeg png webp frame thumbnail scan"
_PLACE = """
path paths file files filename filenames filepath filepaths fname url urls uri uris src source name names
link href location key
"""
_CONTENT = "bytes byte data base64 b64 content contents binary blob raw buffer encoded"
_BESIDE = """
input output target original main left right front back top first last second local remote full before after
coco flickr query reference ref init start end list the my a b user model train test val
"""
"""Words beside that of an image in the name of a field that has one."""

_CARRIERS = """
bytes data base64 b64 b64json content path filepath file filename filenames url uri src source value
image img imagepath imageurl cocourl flickrurl
"""
"""Names of fields inside the object of an image that hold it or name it, without separators."""

_IMAGE_WORDS, _PLACE_WORDS, _CONTENT_WORDS, _BESIDE_WORDS, _CARRYING = (
    frozenset(words.split()) for words in (_IMAGE, _PLACE, _CONTENT, _BESIDE, _CARRIERS)
)

SPLITS = ("split", "subset", "partition", "set")
"""Names of the fields whose value is the part of a split that a row belongs to, in lower case."""

_MOST_SPLIT = 64
"""Characters of such a value; a longer text is something else."""

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_JOINED = re.compile(
    r"^(image|img|photo|picture|screenshot)(paths?|files?|names?|urls?|uris?|src|data|bytes|base64|b64|list)$"
)
_PLURALS = ("images", "photos", "pictures", "screenshots", "frames")


@lru_cache(maxsize=4096)
def _words(key: str) -> tuple[str, ...]:
    if joined := _JOINED.match(key.lower()):
        return joined[1], joined[2]
    words = tuple(word.lower() for word in _PARTS.findall(key[:128]))
    return tuple(word[:-1] if word in _PLURALS else word for word in words)


@lru_cache(maxsize=4096)
def kind_of_field(key: str) -> FieldKind:
    """What the name of a field says about its values."""
    words = _words(key)
    while words and words[-1].isdecimal():
        words = words[:-1]
    if not words:
        return FieldKind.OTHER
    last = words[-1]
    has_image = not _IMAGE_WORDS.isdisjoint(words)
    if last in _IMAGE_WORDS:
        return FieldKind.IMAGE if words[0] not in ("num", "n", "no", "has", "is") else FieldKind.OTHER
    if has_image and last in _PLACE_WORDS | _CONTENT_WORDS:
        return FieldKind.IMAGE
    if has_image and words[0] in _IMAGE_WORDS and all(word in _BESIDE_WORDS for word in words[1:]):
        return FieldKind.IMAGE
    return FieldKind.PLACE if last in _PLACE_WORDS else FieldKind.OTHER


@lru_cache(maxsize=4096)
def subject_of(key: str) -> str:
    """What a field is about: `image_path` and `images` are about the same, `mask_path` is not."""
    drop = _PLACE_WORDS | _CONTENT_WORDS | {"coco", "flickr", "local", "remote", "original"}
    words = [word for word in _words(key) if word not in drop]
    return " ".join("image" if word in ("img", "imgs") else word for word in words)


@lru_cache(maxsize=1024)
def carries(key: str) -> bool:
    """Whether a field of the object of an image holds it or names it."""
    return re.sub(r"[^a-z0-9]", "", key.lower()) in _CARRYING


def is_sized(value: Mapping[str, object]) -> bool:
    """Whether an object has a width and a height, as those of COCO and the rows of LAION."""
    return any(width in value and height in value for width, height in _SIZES)


def split_of(row: object) -> str | None:
    """The part of a split that a row names, as it is written."""
    if not isinstance(row, Mapping):
        return None
    values = (row.get(name) for lower in SPLITS for name in (lower, lower.title()))
    return next((split for value in values if (split := split_text(value))), None)


def split_text(value: object) -> str | None:
    """The value of a field of parts, if it can be the name of one."""
    return value if isinstance(value, str) and 0 < len(value) <= _MOST_SPLIT else None
