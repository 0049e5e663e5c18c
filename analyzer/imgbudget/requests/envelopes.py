"""Bodies inside other JSON: in logs, traces, exports and dumps, as objects or as JSON in a string.

Lists of messages and of content blocks without a body around them are bodies too. What wraps a body is not
a known format, so a body counts only if a dialect reads an image in it and finds no fault in its shape,
but for images whose bytes are numbers.
"""

from collections.abc import Callable, Iterator
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import (
    Block,
    DocumentUse,
    ImageUse,
    Nested,
    Origin,
    Request,
    Text,
    Turn,
    walk_blocks,
)
from imgbudget.namedtuples import NamedTuple
from imgbudget.requests import frameworks
from imgbudget.requests.base import is_bytes_as_numbers
from imgbudget.requests.packed import is_packed
from imgbudget.requests.payloads import LEAST_DAMAGED
from imgbudget.requests.recordings import URL_KEYS, is_received

_DEEPEST = 10
"""Keys on the way to a body; an OpenTelemetry export has eight."""

_LOOKED_AT = 50
"""Entries of a list that are enough to know that it is one of messages."""

_ADDRESS_KEYS = (*URL_KEYS, "endpoint")
"""Keys of the URL beside a body; the last in Hoppscotch."""

_ABOUT_IMAGES = ("image", "nlineData", "nline_data")
_ABOUT_TURNS = ("role", "contents", "image")
_LEAST_TEXT = 48
_ROLES = frozenset(("system", "developer", "user", "assistant", "tool", "function", "model"))
_IMAGE_TYPES = frozenset(("image", "image_url", "input_image"))
_NO_BYTES: dict[str, Any] = {"facts": None, "base64_size": None, "flaws": (), "digest": None}
_TURN_KEYS = ("messages", "input")
_PARTS_KEYS = ("contents", "messages")
"""Keys of the messages of a body, to be tried for a list without one; the latter for messages with parts."""


class WrappedBody(NamedTuple):
    """A body inside a document: its path, and the URL that it was sent to if one is beside or above it.

    `added` are the keys of what was put around a list of messages or blocks to make it a body.
    """

    keys: Keys
    body: dict[str, Any]
    url: str
    added: Keys = ()


class WrappedText(NamedTuple):
    """A string inside a document that may be JSON with a body."""

    keys: Keys
    text: str
    url: str


def may_wrap_bodies(document: Document) -> bool:
    """Whether a body with an image may be inside a document, by the words in it."""
    if any(is_packed(document, text) for text in document.long_strings):
        return True
    text = document.short_text
    return any(word in text for word in _ABOUT_IMAGES) and any(word in text for word in _ABOUT_TURNS)


def wrapped_bodies(document: Document, is_body: Callable[[Any], bool]) -> Iterator[WrappedBody | WrappedText]:
    """The bodies inside a document, in order; not those inside of others, and not what was received.

    A list of messages is yielded once for each key under which bodies have such lists: one of them fits.
    """
    stack: list[tuple[Keys, Any, Any, str]] = [((), document.value, {}, "")]
    while stack:
        keys, item, parent, url = stack.pop()
        if isinstance(item, str):
            yield WrappedText(keys, item, url)
            continue
        bodies = list(_bodies_of(keys, item, parent, url, is_body))
        if bodies or len(keys) > _DEEPEST:
            yield from bodies
            continue
        members = list(item.items() if isinstance(item, dict) else enumerate(item))
        if isinstance(item, dict):
            parent, url = item, _url_in(item) or url
        worth = [(key, child) for key, child in members if _worth(document, key, child, item)]
        stack += [((*keys, key), child, parent, url) for key, child in reversed(worth)]


def _worth(document: Document, key: Any, child: Any, container: Any) -> bool:
    """Whether a body may be in a member: a container that is not received, or JSON text about images."""
    if is_received(key, container):
        return False
    if isinstance(child, str):
        if len(child) < _LEAST_TEXT:
            return is_packed(document, child)
        return child.lstrip()[:1] in ("{", "[") and "image" in child
    return isinstance(child, (dict, list))


def _bodies_of(
    keys: Keys, item: Any, parent: dict[str, Any], url: str, is_body: Callable[[Any], bool]
) -> Iterator[WrappedBody]:
    """The ways in which a value is a body; none for most values."""
    if isinstance(item, dict):
        if keys and is_body(item):
            yield WrappedBody(keys, item, url)
    elif _are_messages(item) or frameworks.are_messages(item):
        model = parent.get("model")
        beside = {"model": model} if isinstance(model, str) else {}
        names = _PARTS_KEYS if any("parts" in turn for turn in item if isinstance(turn, dict)) else _TURN_KEYS
        yield from (WrappedBody(keys, {key: item, **beside}, url, (key,)) for key in names)
    elif not keys and _are_blocks(item):
        yield WrappedBody(
            keys, {"messages": [{"role": "user", "content": item}]}, url, ("messages", 0, "content")
        )


def _are_messages(value: list[Any]) -> bool:
    return bool(value) and all(
        _has_role(item) and ("content" in item or "parts" in item) for item in value[:_LOOKED_AT]
    )


def _has_role(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str) and value["role"] in _ROLES


def _are_blocks(value: list[Any]) -> bool:
    types = [item.get("type") if isinstance(item, dict) else None for item in value[:_LOOKED_AT]]
    return all(isinstance(kind, str) for kind in types) and not _IMAGE_TYPES.isdisjoint(types)


def _url_in(holder: dict[str, Any]) -> str:
    """The URL in an object, empty if there is none: that of the bodies inside it, however deep."""
    scope, path = holder.get("scope"), holder.get("path")
    if isinstance(scope, str) and scope.startswith("http") and isinstance(path, str):  # nock
        return scope + path
    for key in _ADDRESS_KEYS:
        url = holder.get(key)
        url = url.get("raw") if isinstance(url, dict) else url  # Postman
        if isinstance(url, str):
            return url
    return ""


def is_sound(request: Request) -> bool:
    """Whether a request in an envelope is one: it has an image or a document, and no fault in its shape.

    An image whose bytes are numbers is one all the same.
    """
    if not all(map(is_bytes_as_numbers, request.flaws)):
        return False
    if request.dialect == frameworks.FRAMEWORK.name:  # its images may be names of files
        request = request._replace(
            images=tuple(use for use in request.images if use.origin is not Origin.UNKNOWN)
        )
    return has_media(request)


def has_media(request: Request) -> bool:
    """Whether a request has an image or a document, or the base64 of an image in a text."""
    return bool(request.images or request.documents) or any(
        isinstance(block, Text) and block.image_characters
        for turn in request.turns
        for block in walk_blocks(turn.blocks)
    )


def unwrapped(request: Request, added: Keys) -> Request:
    """A request of a body in an envelope, without the keys that were added around a list to make a body.

    They stay in the dotted notation, which is that of the body as sent. Images that are samples or variables
    of templates are kept as images whose bytes are elsewhere.
    """
    start = len(request.location.keys or ())

    def moved(location: Location) -> Location:
        keys = location.keys or ()
        if keys[start : start + len(added)] != added:
            return location._replace(keys=keys[:start])
        return location._replace(keys=keys[:start] + keys[start + len(added) :], prefix=added)

    def moved_image(use: ImageUse) -> ImageUse:
        use = use._replace(location=moved(use.location))
        return use if not _is_placeholder(use) else use._replace(origin=Origin.UNKNOWN, **_NO_BYTES)

    def moved_block(block: Block) -> Block:
        if isinstance(block, ImageUse):
            return moved_image(block)
        if isinstance(block, (Nested, DocumentUse)):
            block = block._replace(blocks=tuple(map(moved_block, block.blocks)))
        changed: Block = block._replace(location=moved(block.location))
        return changed

    return request._replace(
        turns=tuple(
            Turn(moved(turn.location), turn.role, tuple(map(moved_block, turn.blocks)))
            for turn in request.turns
        ),
        images=tuple(map(moved_image, request.images)),
        documents=tuple(
            use._replace(location=moved(use.location), blocks=tuple(map(moved_block, use.blocks)))
            for use in request.documents
        ),
        flaws=tuple(flaw._replace(location=moved(flaw.location)) for flaw in request.flaws),
    )


def _is_placeholder(use: ImageUse) -> bool:
    """Whether the base64 of an image is a sample or a variable: short, and not that of a whole image."""
    if use.origin is not Origin.BASE64 or use.base64_size is None or use.base64_size >= LEAST_DAMAGED:
        return False
    facts = use.facts
    return facts is None or facts.format is None or facts.damage is not None
