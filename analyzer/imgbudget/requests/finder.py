"""Images in JSON of any shape: base64 payloads at any depth, also in JSON or other text inside strings.

Documents without payloads are recognised by one look at their text; only the others are walked.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.scanner import LongString
from imgbudget.jsontext.source import JsonSource
from imgbudget.jsontext.strings import MAX_STRING, StringPayload
from imgbudget.model.location import UNEDITED, Key, Keys, Location
from imgbudget.model.subjects import ImageUse, Origin, ProbeField
from imgbudget.namedtuples import NamedTuple
from imgbudget.requests.packed import is_packed, unpacked
from imgbudget.requests.payloads import (
    HEAD,
    LEAST,
    Form,
    begins_like_payload,
    begins_payload,
    form_of,
    head_of,
    image_of,
    may_hold_payload,
    signs_in,
)
from imgbudget.requests.recordings import is_received
from imgbudget.requests.textfinder import image_at, text_payloads
from imgbudget.slotted import dataclass, field

SHAPE_UNKNOWN = "shape unknown: limits of a whole request not checked"
PACKED = "a compressed text in it was not read: it is damaged, too large, or in no known format"
OUTSIDE_SHAPE = "images where this shape of request has none: limits of a whole request not checked for them"

_DEEPEST = 4
"""Levels of JSON in strings of JSON that are read."""

_TYPE_KEYS = ("media_type", "mediaType", "mime_type", "mimeType", "mime", "contentType", "content_type")
_TEXT_KEYS = frozenset(("text", "content", "input", "arguments", "thinking", "signature"))
"""Keys of a request whose strings the model reads as text, or does not see; so is the `input` of a tool."""


class Found(NamedTuple):
    """The images of a document, in order, and how many payloads are none that can be checked.

    `packed` is how many strings are compressed in a way that is not read here, or damaged.
    """

    images: tuple[ImageUse, ...] = ()
    doubtful: int = 0
    packed: int = 0


NOTHING = Found()


def find_images(document: Document, path: str, fields: ProbeField) -> Found:
    """The images in a document of unknown shape. Raises OSError and UnreadableError."""
    finder = _ImageFinder(fields)
    finder.document(document, Location(path, (), 0, document.number), 0)
    return finder.result


def unseen_images(document: Document, path: str, fields: ProbeField, seen: list[ImageUse]) -> Found:
    """The images in a document of known shape that are not among those of its requests.

    Texts are left out: the model reads them as such. Only strings left in the file are looked for.
    """
    heads = sum(_begins_payload(long_string) for long_string in document.long_strings.values())
    known = [use.location.keys or () for use in seen if use.origin is Origin.BASE64]
    if heads <= len(known) and not any(is_packed(document, text) for text in document.long_strings):
        return NOTHING
    finder = _ImageFinder(fields, seen=frozenset(known))
    finder.document(document, Location(path, (), 0, document.number), 0)
    return finder.result


def _begins_payload(long_string: LongString) -> bool:
    stats = long_string.stats
    return stats is not None and begins_like_payload(stats.head)


def _may_hold_uri(long_string: LongString) -> bool:
    """Whether a data URI may be inside a long string, by the characters in it."""
    stats = long_string.stats
    return stats is not None and len(stats.foreign) > 1 and all(char in stats.foreign for char in ":;,")


class _Look(NamedTuple):
    """What may be payloads in a document: placeholders of long strings, and which short strings."""

    long: frozenset[str]
    packed: frozenset[str]
    short: bool
    uri: bool
    nested: bool


def _look_at(document: Document) -> _Look:
    """A look at the text of a document: most documents have no payload, and are not walked."""
    long = frozenset(
        [
            value
            for value, long_string in document.long_strings.items()
            if _begins_payload(long_string) or _may_hold_uri(long_string)
        ]
    )
    packed = frozenset([value for value in document.long_strings if is_packed(document, value)])
    signs = signs_in(document.short_text)
    return _Look(long | packed, packed, any(signs), signs.uri, signs.nested)


_Value = tuple[Keys, str | list[str], dict[str, Any]]
"""A string or lines of one: the path, the value, and the object that contains it."""


_LEAST_LINE = 16
_LONGEST_LINE = 200
"""Fewest and most characters of a line of base64 in a list of lines; most writers break at 64 or 76."""


def _is_in_bundle(location: Location) -> bool:
    """Whether the key of a value is a type of images, as in outputs of notebooks, which break lines."""
    key = location.keys[-1] if location.keys else None
    return isinstance(key, str) and key.startswith("image/")


def _joined(document: Document, lines: list[str]) -> StringPayload:
    """The lines of a payload as one string. Raises as `StringPayload.read` does."""
    parts, size = [], 0
    for line in lines:
        parts.append(document.text(line, MAX_STRING - size))
        size += len(parts[-1])
    text = "".join(parts)
    return StringPayload(None, None, len(text), None, None, text)


@dataclass(slots=True)
class _Walk:
    """Collects the strings of a document that may be or hold a payload, and the lists of lines of one.

    `seen` are the locations of images of requests, None for a document of unknown shape.
    """

    look: _Look
    long_strings: Mapping[str, LongString]
    seen: frozenset[Keys] | None
    found: list[_Value] = field(default_factory=list)
    path: list[Key] = field(default_factory=list)

    def walk(self, value: Any, parent: dict[str, Any]) -> None:
        """Collect from a container at `path`, which is in the object `parent`. There may be very many."""
        if self.seen and tuple(self.path) in self.seen:
            return
        members: Iterable[tuple[Key, Any]]
        if type(value) is dict:
            members, parent = value.items(), value
        elif self._are_lines(value):
            self.found.append((tuple(self.path), value, parent))
            return
        else:
            members = enumerate(value)
        long = self.look.long
        for key, child in members:
            kind = type(child)
            if kind is str:
                if (child in long if len(child) < LEAST else self._is_payload(child)) and not (
                    self._is_left_out(key, value, child)
                ):
                    self.found.append(((*self.path, key), child, parent))
            elif (kind is dict or kind is list) and child and not self._is_left_out(key, value, child):
                self.path.append(key)
                self.walk(child, parent)
                self.path.pop()

    def _are_lines(self, value: list[Any]) -> bool:
        """Whether a list has the lines of one payload, as notebooks keep images."""
        if len(value) == 1 or type(value[0]) is not str:
            return False
        first, *others = value
        if not all(type(line) is str for line in others):
            return False
        if first not in self.look.long and not (self.look.short and begins_payload(first)):
            return False
        if all(map(self._ends_line, value[:-1])):
            return True
        is_even = all(len(line) == len(first) for line in others[:-1]) and len(others[-1]) <= len(first)
        return is_even and _LEAST_LINE < len(first) <= _LONGEST_LINE and not begins_payload(others[0])

    def _ends_line(self, text: str) -> bool:
        long_string = self.long_strings.get(text)
        if long_string is None:
            return text.endswith("\n")
        return long_string.stats is not None and long_string.stats.tail.endswith(b"\\n")

    def _is_payload(self, text: str) -> bool:
        """Whether a short string may be or hold a payload."""
        look = self.look
        if not look.short:
            return False
        return begins_payload(text) or may_hold_payload(text, uri=look.uri, nested=look.nested)

    def _is_left_out(self, key: Key, value: Any, child: Any) -> bool:
        """Whether a member is not sent as an image: what was received, or the texts of a request."""
        if key == "response" and is_received(key, value):
            return True
        if self.seen is None:
            return False
        if isinstance(child, str):
            return key in _TEXT_KEYS and child not in self.look.packed
        return key == "input" and "name" in value


@dataclass(slots=True)
class _ImageFinder:
    """Collects the images of one document and of the documents in its strings.

    `seen` are the locations of images of requests, None for a document of unknown shape.
    """

    fields: ProbeField
    seen: frozenset[Keys] | None = None
    images: list[ImageUse] = field(default_factory=list)
    doubtful: int = 0
    packed: int = 0

    @property
    def result(self) -> Found:
        """What was found."""
        return Found(tuple(self.images), self.doubtful, self.packed)

    def document(self, document: Document, location: Location, depth: int) -> None:
        """Collect the images of a document at a location."""
        look = _look_at(document)
        if not look.long and not look.short:
            return
        is_notebook = isinstance(document.value, dict) and "nbformat" in document.value
        walk = _Walk(look, document.long_strings, self.seen)
        value = document.value
        if isinstance(value, str) and (value in look.long or value not in document.long_strings):
            walk.found.append(((), document.value, {}))
        elif isinstance(document.value, (dict, list)) and document.value:
            walk.walk(document.value, {})
        for keys, value, parent in walk.found:
            here = location.at(*keys)
            here = here._replace(root=here.outer_depth or len(here.keys or ()))
            if isinstance(value, str) and value in look.packed:
                self._unpack(document, value, here, depth)
            elif isinstance(value, list):
                self._payload(_joined(document, value), here, None, wrapped=True)
            else:
                self._string(document, value, here, parent, depth, wrapped=is_notebook)

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
        path = location.keys or ()
        if self.seen is not None and any(path[: len(keys)] == keys for keys in self.seen if keys):
            return
        payload = document.payload(value)
        declared = self._declared(document, parent, location)
        if self._payload(payload, location, declared, wrapped=wrapped):
            return
        if self.seen is not None:
            return
        is_text = value in document.long_strings
        if not is_text and may_hold_payload(value):
            is_text = depth >= _DEEPEST or not self._inner(value, location, depth)
        if is_text:
            self._inside(payload, location)

    def _payload(
        self, payload: StringPayload, location: Location, declared: str | None, *, wrapped: bool
    ) -> bool:
        """Collect the image of a payload; returns whether the string is one, or begins like one."""
        form = form_of(head_of(payload))
        if form is None:
            return False
        wrapped = wrapped or _is_in_bundle(location)
        use = image_of(payload, location, self.fields, form=form, declared=declared, wrapped=wrapped)
        if use is not None:
            self.images.append(use)
        elif form is Form.BARE:
            self.doubtful += 1
        else:
            return False
        return True

    def _inner(self, value: str, location: Location, depth: int) -> bool:
        """Collect the images of JSON in a string; returns whether it is JSON."""
        if value.lstrip()[:1] not in ("{", "["):
            return False
        return self._documents(value.encode("utf-8", "replace"), location, depth)

    def _unpack(self, document: Document, value: str, location: Location, depth: int) -> None:
        """Collect the images of JSON in a packed string; of a request, only see whether it can be read."""
        data = unpacked(document, value)
        if data is None:
            self.packed += 1
        elif self.seen is None and depth < _DEEPEST:
            self._documents(data, location, depth)

    def _documents(self, data: bytes, location: Location, depth: int) -> bool:
        """Collect the images of JSON at a location; returns whether it is JSON."""
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
