"""Images in JSON of any shape: base64 payloads at any depth, also in JSON or other text inside strings.

Documents without payloads are recognised by one look at their text; only the others are walked.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.scanner import LongString
from imgbudget.jsontext.source import JsonSource
from imgbudget.jsontext.strings import StringPayload
from imgbudget.model.location import UNEDITED, Keys, Location
from imgbudget.model.subjects import ImageUse, Origin, ProbeField
from imgbudget.requests.payloads import (
    BLANKS,
    HEAD,
    LEAST,
    MAGIC,
    Form,
    begins_payload,
    form_of,
    image_of,
    may_hold_payload,
)
from imgbudget.requests.recordings import is_received
from imgbudget.requests.textfinder import image_at, text_payloads

SHAPE_UNKNOWN = "shape unknown: limits of a whole request not checked"
OUTSIDE_SHAPE = "images where this shape of request has none: limits of a whole request not checked for them"

_DEEPEST = 4
"""Levels of JSON in strings of JSON that are read."""

_TYPE_KEYS = ("media_type", "mediaType", "mime_type", "mimeType", "mime", "contentType", "content_type")
_TEXT_KEYS = frozenset(("text", "content", "input", "arguments", "thinking", "signature"))
"""Keys of a request whose strings the model reads as text, or does not see; so is the `input` of a tool."""

_payload_head = re.compile(
    BLANKS.encode() + rb"(?:data:[^,;]{0,127};|" + MAGIC.encode() + b")",
).match


class Found(NamedTuple):
    """The images of a document, in order, and how many payloads are none that can be checked."""

    images: tuple[ImageUse, ...] = ()
    doubtful: int = 0


NOTHING = Found()


def find_images(document: Document, path: str, fields: ProbeField) -> Found:
    """The images in a document of unknown shape. Raises OSError and UnreadableError."""
    if not _may_hold_payload(document):
        return NOTHING
    finder = _ImageFinder(fields)
    finder.document(document, Location(path, (), 0, document.number), 0)
    return Found(tuple(finder.images), finder.doubtful)


def unseen_images(document: Document, path: str, fields: ProbeField, seen: list[ImageUse]) -> Found:
    """The images in a document of known shape that are not among those of its requests.

    Texts are left out: the model reads them as such. Only strings left in the file are looked for.
    """
    heads = sum(_begins_payload(long_string) for long_string in document.long_strings.values())
    known = [use.location.keys or () for use in seen if use.origin is Origin.BASE64]
    if heads <= len(known):
        return NOTHING
    finder = _ImageFinder(fields, seen=frozenset(known))
    finder.document(document, Location(path, (), 0, document.number), 0)
    return Found(tuple(finder.images), finder.doubtful)


def _may_hold_payload(document: Document) -> bool:
    for long_string in document.long_strings.values():
        if _begins_payload(long_string) or _may_hold_uri(long_string):
            return True
    return may_hold_payload(document.short_text)


def _begins_payload(long_string: LongString) -> bool:
    stats = long_string.stats
    return stats is not None and _payload_head(stats.head) is not None


def _may_hold_uri(long_string: LongString) -> bool:
    """Whether a data URI may be inside a long string, by the characters in it."""
    stats = long_string.stats
    return stats is not None and len(stats.foreign) > 1 and all(char in stats.foreign for char in ":;,")


def _may_be_payload(text: str) -> bool:
    return begins_payload(text) is not None or may_hold_payload(text)


def _worth(value: Any, long_strings: Mapping[str, LongString]) -> list[tuple[Any, Any]]:
    """The members of a container that are containers, or strings that may be or hold a payload."""
    if not isinstance(value, (dict, list)):
        return []
    found = []
    for member in value.items() if isinstance(value, dict) else enumerate(value):
        child = member[1]
        kind = type(child)
        if kind is str:
            # few strings are long or placeholders, and few of the long ones are payloads
            if child in long_strings if len(child) < LEAST else _may_be_payload(child):
                found.append(member)
        elif (kind is dict or kind is list) and child:
            found.append(member)
    return found


_Value = tuple[Keys, Any, dict[str, Any]]
"""A value to be walked: its path, the value, and the object that contains it. There may be very many."""


def _is_in_bundle(location: Location) -> bool:
    """Whether the key of a value is a type of images, as in outputs of notebooks, which break lines."""
    key = location.keys[-1] if location.keys else None
    return isinstance(key, str) and key.startswith("image/")


@dataclass(slots=True)
class _ImageFinder:
    """Collects the images of one document and of the documents in its strings.

    `seen` are the locations of images of requests, None for a document of unknown shape.
    """

    fields: ProbeField
    seen: frozenset[Keys] | None = None
    images: list[ImageUse] = field(default_factory=list)
    doubtful: int = 0

    def document(self, document: Document, location: Location, depth: int) -> None:
        """Collect the images of a document at a location."""
        is_notebook = isinstance(document.value, dict) and "nbformat" in document.value
        for keys, value, parent in self._strings(document):
            here = location.at(*keys)
            here = here._replace(root=here.outer_depth or len(here.keys or ()))
            self._string(document, value, here, parent, depth, wrapped=is_notebook)

    def _strings(self, document: Document) -> Iterator[_Value]:
        """The strings that may be or hold a payload, in order."""
        stack: list[_Value] = [((), document.value, {})]
        seen = self.seen or ()
        while stack:
            item = stack.pop()
            keys, value, parent = item
            if isinstance(value, str):
                yield item
            elif keys not in seen and (children := _worth(value, document.long_strings)):
                parent = value if isinstance(value, dict) else parent
                stack += [
                    ((*keys, key), child, parent)
                    for key, child in reversed(children)
                    if not self._is_left_out(key, value, child)
                ]

    def _is_left_out(self, key: Any, value: Any, child: Any) -> bool:
        """Whether a member is not sent as an image: what was received, or the texts of a request."""
        if is_received(key, value):
            return True
        if self.seen is None:
            return False
        return key in _TEXT_KEYS if isinstance(child, str) else key == "input" and "name" in value

    def _string(  # noqa: PLR0913 - a string and what is around it
        self,
        document: Document,
        value: str,
        location: Location,
        parent: dict[str, Any],
        depth: int,
        *,
        wrapped: bool,
    ) -> None:
        """Collect the images of a string: one that it is, or those inside it."""
        long_string = document.long_strings.get(value)
        if long_string is not None and not (_begins_payload(long_string) or _may_hold_uri(long_string)):
            return
        path = location.keys or ()
        if self.seen is not None and any(path[: len(keys)] == keys for keys in self.seen if keys):
            return
        payload = document.payload(value)
        form = form_of(payload.text(HEAD).lstrip())
        if form is not None:
            declared = self._declared(document, parent, location)
            wrapped = wrapped or _is_in_bundle(location)
            use = image_of(payload, location, self.fields, form=form, declared=declared, wrapped=wrapped)
            if use is not None:
                self.images.append(use)
                return
            if form is Form.BARE:
                self.doubtful += 1
                return
        if self.seen is not None:
            return
        is_text = long_string is not None
        if not is_text and may_hold_payload(value):
            is_text = depth >= _DEEPEST or not self._inner(value, location, depth)
        if is_text:
            self._inside(payload, location)

    def _inner(self, value: str, location: Location, depth: int) -> bool:
        """Collect the images of JSON in a string; returns whether it is JSON."""
        if value.lstrip()[:1] not in ("{", "["):
            return False
        data = value.encode("utf-8", "replace")
        for document in open_documents(JsonSource.from_bytes(data), lines=False):
            if not isinstance(document, Document):
                return False
            keys = location.keys or ()
            outer_depth = location.outer_depth or len(keys) or UNEDITED
            self.document(document, location._replace(outer_depth=outer_depth), depth + 1)
        return True

    def _inside(self, payload: StringPayload, location: Location) -> None:
        """Collect the images in a string that is other text."""
        data = payload.text(payload.length).encode("utf-8", "replace")
        keys = location.keys or ()
        within = location._replace(
            outer_depth=location.outer_depth or len(keys) or UNEDITED, root=len(keys) + 1
        )
        for number, found in enumerate(text_payloads(JsonSource.from_bytes(data))):
            use = image_at(found, within.at(number), self.fields)
            if use is None:
                self.doubtful += 1
            else:
                self.images.append(use)

    def _declared(self, document: Document, parent: dict[str, Any], location: Location) -> str | None:
        """The media type beside base64, or in its key as in notebooks."""
        if _is_in_bundle(location):
            return str((location.keys or ("",))[-1])
        for name in _TYPE_KEYS:
            if isinstance(declared := parent.get(name), str):
                return document.text(declared, HEAD).lower()
        return None
