"""What a request has that rules look for, found in one walk: a rule runs only on requests that have it."""

from collections.abc import Iterable
from typing import Final

from imgbudget.limits.bound import Limits
from imgbudget.model.subjects import Block, DocumentUse, ImageUse, Nested, Request, Text

TRAITS: Final = {
    "flaws": "a mistake in its shape",
    "images": "an image",
    "addresses": "an image by its address or by a file id",
    "alike_images": "an image as long as another one in base64, or one whose pixels were measured",
    "images_elsewhere": "an image that is not directly in a turn of the user",
    "answers": "an assistant turn",
    "text_before_image": "a text before an image of the same turn",
    "empty_text": "a text block without text",
    "surrogate": "a text with half of a surrogate pair",
    "image_text": "a text with the base64 of an image",
    "stated_size": "a text that states at which size an image is displayed",
    "edits": "a change of what an earlier request had sent",
    "transcript": "turns that are those of a session",
    "unknown_model": "a model that is not known",
    "ending_model": "a model that is retired, or will be soon",
    "text_only_model": "a model that takes no images, as far as is known",
}
"""The traits of a request, or of a request with its model, and what a request with each of them has."""

_BITS = {name: 1 << number for number, name in enumerate(TRAITS)}
_FLAWS, _IMAGES, _ADDRESSES, _ALIKE, _ELSEWHERE, _ANSWERS, _TEXT_BEFORE, _EMPTY, *_others = _BITS.values()
_SURROGATE, _IMAGE_TEXT, _STATED_SIZE, _EDITS, _TRANSCRIPT, _UNKNOWN, _ENDING, _TEXT_ONLY = _others

SIZE_HINTS = (", displayed at ", "Image overview: ")
"""What a text has that states the size at which an image is displayed: the beginnings of its two forms."""

_DISPLAYED, _OVERVIEW = SIZE_HINTS


def bits_of(names: Iterable[str]) -> int:
    """The bits of traits.

    Raises:
        ValueError: there is none of that name.
    """
    unknown = [name for name in names if name not in _BITS]
    if unknown:
        raise ValueError(f"traits: unknown {unknown[0]!r}; there are {', '.join(TRAITS)}")
    return sum({_BITS[name] for name in names})


def traits_of(request: Request) -> int:
    """The bits of all traits that a request has by itself."""
    found = _FLAWS if request.flaws else 0
    if request.edits:
        found |= _EDITS
    if request.dialect == "transcript":
        found |= _TRANSCRIPT
    for use in request.images:
        found |= _IMAGES
        if use.role != "user" or use.inside:
            found |= _ELSEWHERE
        if use.reference is not None:
            found |= _ADDRESSES
        if use.digest is not None or (use.facts is not None and use.facts.pixels is not None):
            found |= _ALIKE
    for turn in request.turns:
        if turn.role == "assistant":
            found |= _ANSWERS
        found |= _in_blocks(turn.blocks)
    return found


def _in_blocks(blocks: tuple[Block, ...]) -> int:
    """The bits of what is in blocks; written for speed, because there may be very many."""
    found, text_before = 0, 0
    for block in blocks:
        kind = type(block)
        if kind is Text:
            _, text, surrogate, image_characters, _ = block
            text_before = _TEXT_BEFORE
            if not text:
                found |= _EMPTY
            elif _DISPLAYED in text or _OVERVIEW in text:
                found |= _STATED_SIZE
            if surrogate:
                found |= _SURROGATE
            if image_characters:
                found |= _IMAGE_TEXT
        elif kind is ImageUse:
            found |= text_before
        elif isinstance(block, (Nested, DocumentUse)):
            found |= _in_blocks(block.blocks)
    return found


def traits_of_model(limits: Limits) -> int:
    """The bits of the traits that any request has whose model has these limits."""
    found = 0 if limits.known else _UNKNOWN
    if limits.end is not None:
        found |= _ENDING
    return found if limits.text_only is None else found | _TEXT_ONLY
