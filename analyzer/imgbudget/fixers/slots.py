"""Where an image stands in its block: the string with its base64 text, and what declares its media type."""

from collections.abc import Iterator
from typing import NamedTuple

from imgbudget.errors import FixError
from imgbudget.fixers.layout import Layout, as_json, value_at
from imgbudget.fixers.splices import Region, Splice
from imgbudget.model import Keys
from imgbudget.sources.jsonspans import Document


class Slot(NamedTuple):
    """The routes to the base64 text and to the object that declares its type under `type_key`.

    `anchor` is the key of that object before which a missing declaration goes. Without a `type_key` the text
    is a data URI, whose prefix declares the type.
    """

    data: Keys
    holder: Keys
    type_key: str | None
    anchor: str

    @property
    def is_uri(self) -> bool:
        """Whether the text is a data URI."""
        return self.type_key is None

    def spelled(self, media_type: str) -> str:
        """The media type as this block declares it."""
        return media_type.removeprefix("image/") if self.type_key == "format" else media_type

    def routes(self, document: Document) -> Iterator[Keys]:
        """The routes whose spans an edit needs."""
        yield self.data
        if not self.is_uri:
            yield from ((*self.holder, key) for key in value_at(document, self.holder))


def slot_of(document: Document, keys: Keys) -> Slot:
    """The slot of the image at a place.

    Raises:
        FixError: no base64 text stands there.
    """
    value = value_at(document, keys)
    if isinstance(value, str):
        return Slot(keys, keys, None, "")
    if isinstance(value, dict):
        source = value.get("source")
        if isinstance(value.get("data"), str):
            return Slot((*keys, "data"), keys, "media_type", "data")
        if isinstance(value.get("url"), str):
            return Slot((*keys, "url"), keys, None, "")
        if isinstance(source, dict) and isinstance(source.get("bytes"), str):
            return Slot((*keys, "source", "bytes"), keys, "format", "source")
    raise FixError("no base64 text stands there")


def text_region(layout: Layout, slot: Slot) -> Region:
    """The bytes of the base64 text, without its quotes."""
    start, end = layout.region(slot.data)
    return Region(start + 1, end - 1)


def is_declared(layout: Layout, slot: Slot, media_type: str) -> bool:
    """Whether the block declares that type."""
    holder = layout.value(slot.holder)
    return isinstance(holder, dict) and holder.get(slot.type_key) == slot.spelled(media_type)


def declaration(layout: Layout, slot: Slot, media_type: str) -> Splice:
    """The splice that declares the type in the block: in place of what is declared, or before the text."""
    holder = layout.value(slot.holder)
    wanted = as_json(slot.spelled(media_type))
    if slot.type_key is not None and slot.type_key in holder:
        return Splice(*layout.region((*slot.holder, slot.type_key)), (wanted,))
    anchor = (*slot.holder, slot.anchor)
    key = layout.keys[anchor]
    ends = [layout.region((*slot.holder, name)).end for name in holder]
    before = max((end for end in ends if end <= key.start), default=None)
    comma = b", " if before is None else layout.read(before, key.start)
    colon = layout.read(key.end, layout.region(anchor).start)
    return Splice(key.start, key.start, (as_json(slot.type_key) + colon + wanted + comma,))
