"""Whether a row of a training set has as many places for images in its text as it names images.

LLaVA, ShareGPT, LLaMA-Factory and ms-swift write `<image>` where the text of a turn has an image.
LLaMA-Factory refuses a row in which the numbers differ (`_validate_messages` of its `mm_plugin`). ms-swift
puts images without a place first, and leaves places without an image as text (`_add_default_tags` of its
`Template`). A row with images and no place at all is common, and means that.
"""

from collections.abc import Iterator, Mapping
from typing import Any

PLACE = "<image>"

FEWER_IMAGES = "its text has more places for images (<image>) than the row names images"
MORE_IMAGES = (
    "the row names more images than its text has places for (<image>): LLaMA-Factory refuses such a"
    " row, ms-swift puts the others first"
)

NOT_MISSED = (MORE_IMAGES,)
"""The reasons of rows all of whose images are read."""

_FIELDS = ("images", "image")
_TURNS = ("messages", "conversations", "conversation")
_TEXTS = ("system", "instruction", "input", "output", "query", "response")
"""Fields with the texts of a row without turns, as of Alpaca and ms-swift; a prompt may be beside turns."""

_SPEAKERS = ("role", "from")


def place_mismatch(row: Any) -> str | None:
    """Why the places for images in a row's text do not fit its images; None if they fit or there are none."""
    if not isinstance(row, Mapping):
        return None
    named = next((row[field] for field in _FIELDS if row.get(field)), None)
    images = _number_of(named)
    if not images:
        return None
    places = 0
    for text in _texts(row):
        if text is None:
            return None
        places += text.count(PLACE)
    if not places or places == images:
        return None
    return FEWER_IMAGES if places > images else MORE_IMAGES


def has_video(row: Any) -> bool:
    """Whether a row names a video, whose place LLaVA writes as that of an image."""
    return isinstance(row, Mapping) and any(row.get(field) for field in ("video", "videos"))


def _number_of(named: Any) -> int:
    """The images that a field names, 0 if that is not known: a text may be a list in itself."""
    if isinstance(named, str):
        return 0 if named.lstrip()[:1] in ("[", "{") else 1
    if isinstance(named, list):
        return len(named) if all(isinstance(one, str | Mapping | bytes | memoryview) for one in named) else 0
    return int(isinstance(named, Mapping | bytes | memoryview))


def _texts(row: Mapping[str, Any]) -> Iterator[str | None]:
    """The texts of a row; None if a turn has a list of parts, in which images are parts."""
    for turn in next((row[field] for field in _TURNS if isinstance(row.get(field), list)), ()):
        if not isinstance(turn, Mapping):
            yield None
            return
        for key, text in turn.items():
            if isinstance(text, str):
                if key not in _SPEAKERS:
                    yield text
            elif isinstance(text, list | Mapping) and key in ("content", "value"):
                yield None
                return
    yield from (row[field] for field in _TEXTS if isinstance(row.get(field), str))
    history = row.get("history")
    if isinstance(history, list):
        for pair in history:
            if isinstance(pair, list):
                yield from (text for text in pair if isinstance(text, str))
