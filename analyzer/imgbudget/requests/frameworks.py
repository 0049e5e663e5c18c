"""Messages as frameworks and agents keep them, to be converted before they are sent to an API.

LangChain and LangGraph (dumps, `messages_to_dict`, standard blocks), AI SDK (UI and model messages),
LlamaIndex, pydantic-ai, inspect_ai, and image blocks of MCP. They are checked as the request that they
become; nothing in them is a mistake, since the framework decides what it makes of a part.
"""

from collections.abc import Iterator
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Block, ImageUse, Origin, Other, ProbeField, Request, Turn
from imgbudget.requests.base import Dialect, RequestBody, RequestCollector, TurnOutline

_ROLES = {
    "human": "user",
    "HumanMessage": "user",
    "ai": "assistant",
    "AIMessage": "assistant",
    "AIMessageChunk": "assistant",
    "SystemMessage": "system",
    "ToolMessage": "user",
    "tool": "user",
    "developer": "system",
    "request": "user",
    "response": "assistant",
    **{role: role for role in ("user", "assistant", "system")},
}
"""Roles of messages by what the frameworks call them, and their types by LangChain and pydantic-ai."""

_CONTENT_PATHS: tuple[Keys, ...] = (
    ("content",),
    ("parts",),
    ("blocks",),
    ("kwargs", "content"),
    ("data", "content"),
)
"""Where a message has its parts: most; AI SDK and pydantic-ai; LlamaIndex; LangChain's dumps and dicts."""

_TYPE_KEYS = ("media_type", "mediaType", "mime_type", "mimeType", "mime", "image_mimetype")
_DATA_KEYS = ("data", "base64", "image", "url", "image_url", "bytes")
_HOLDERS = ("source", "inlineData", "inline_data", "image_url", "file")
_KEPT_ELSEWHERE = "@@@langfuseMedia"
"""What logs of Langfuse begin with, up to a colon, in place of an image whose bytes are elsewhere."""

_IMAGE_KINDS = frozenset(("image", "image_url", "input_image", "image-url"))
_LOOKED_AT = 50
_SCHEME = 32
_DEEPEST = 3


def role_of(message: Any) -> str | None:
    """The role of a message of a framework; None for anything else."""
    if not isinstance(message, dict):
        return None
    names = message.get("role"), message.get("type"), message.get("kind"), _class_of(message)
    return next((_ROLES[name] for name in names if isinstance(name, str) and name in _ROLES), None)


def _class_of(message: dict[str, Any]) -> Any:
    """The class of a message in a dump of LangChain."""
    path = message.get("id")
    return path[-1] if isinstance(path, list) and path and message.get("type") == "constructor" else None


def are_messages(value: list[Any]) -> bool:
    """Whether all of the first entries of a list are messages of a framework, with their parts."""
    return bool(value) and all(
        role_of(item) is not None and any(True for _ in _contents(item)) for item in value[:_LOOKED_AT]
    )


def _contents(message: dict[str, Any]) -> Iterator[tuple[Keys, Any]]:
    """The values where a message has its parts, with their paths."""
    for path in _CONTENT_PATHS:
        value: Any = message
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, (list, str)):
            yield path, value


def recognises(body: Any, _outline: TurnOutline) -> bool:
    """Whether the `messages` of a body are those of a framework, and one has an image."""
    messages = body["messages"]
    return isinstance(messages, list) and are_messages(messages) and any(map(_has_image, messages))


def _has_image(message: Any) -> bool:
    parts = [part for _, content in _contents(message) if isinstance(content, list) for part in content]
    parts += [inner for part in parts for inner in _inner_parts(part)]
    return any(_image_data(part) is not None for part in parts)


def _inner_parts(part: Any) -> list[Any]:
    """The parts inside one: pydantic-ai's prompts, tool results of AI SDK and MCP."""
    if isinstance(part, dict) and "text" not in part:
        for key in ("content", "output", "result"):
            inner = part.get(key)
            inner = inner.get("value") if isinstance(inner, dict) and "content" not in inner else inner
            inner = inner.get("content") if isinstance(inner, dict) else inner
            if isinstance(inner, list):
                return inner
    return []


def _image_data(part: Any) -> tuple[Keys, str, str | None] | None:
    """The text of an image part with its path in it, and the media type beside it; None for another part."""
    if not isinstance(part, dict):
        return None
    kinds = (part.get("type"), part.get("block_type"), part.get("kind"))
    is_image = any(isinstance(kind, str) and kind in _IMAGE_KINDS for kind in kinds)
    for path, holder in (
        ((), part),
        *(((key,), part[key]) for key in _HOLDERS if isinstance(part.get(key), dict)),
    ):
        declared = next((holder[key] for key in _TYPE_KEYS if isinstance(holder.get(key), str)), None)
        if not is_image and not (declared or "").startswith("image/"):
            continue
        for key in _DATA_KEYS:
            if isinstance(data := holder.get(key), str):
                return (*path, key), data, declared
    return None


def read(document: Document, body: dict[str, Any], where: RequestBody, fields: ProbeField) -> Request:
    """The request in `body`."""
    reader = _PartReader(document, fields, lengths=None)
    turns = []
    location = where.location.at("messages")
    for i, message in enumerate(reader.within_blocks(body["messages"], location, "messages")):
        role = role_of(message)
        if role is None:
            continue
        here, reader.turn, reader.role = location.at(i), i, role
        blocks: tuple[Block, ...] = ()
        for path, content in _contents(message):
            blocks += reader.content(content, here.at(*path), 0)
        turns.append(Turn(here, role, blocks))
    model = body.get("model")
    return reader.request(where, "framework", turns, model=model if isinstance(model, str) else None)


class _PartReader(RequestCollector):
    """Reads the parts of the messages of a framework."""

    __slots__ = ()

    def content(self, value: Any, location: Location, depth: int) -> tuple[Block, ...]:
        """The blocks of a content: a text, or parts."""
        if isinstance(value, str):
            return (self.text(value, location),)
        blocks: tuple[Block, ...] = ()
        for i, part in enumerate(self.within_blocks(value, location, "content")):
            blocks += self._part(part, location.at(i), depth)
        return blocks

    def _part(self, part: Any, location: Location, depth: int) -> tuple[Block, ...]:
        if isinstance(part, str):
            return (self.text(part, location),)
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            return (self.text(part["text"], location.at("text")),)
        if found := _image_data(part):
            path, data, declared = found
            return (self._picture(data, location.at(*path), declared),)
        for key in ("content", "output", "result"):
            inner = _inner_parts({key: part.get(key)}) if isinstance(part, dict) else []
            if inner and depth < _DEEPEST:
                return self.content(inner, location.at(*_path_to(part, key, inner)), depth + 1)
        return (Other(location, ""),)

    def _picture(self, data: str, location: Location, declared: str | None) -> ImageUse:
        """An image: a data URI, a URL, or base64. It is located at its text, whatever declares its type."""
        scheme, colon, _ = self.document.payload(data).text(_SCHEME).partition(":")
        if scheme.strip().lower() == "data":
            return self.base64_image(data, location, (), prefixed=True)
        if scheme == _KEPT_ELSEWHERE:
            return self.image(location, Origin.UNKNOWN, ())
        if colon:
            return self.image(location, Origin.URL, (), reference=self.reference(data))
        if declared is not None and not declared.startswith("image/"):
            declared = None
        return self.base64_image(data, location, (), declared=declared, url_safe=True)


def _path_to(part: dict[str, Any], key: str, inner: list[Any]) -> Keys:
    """The path in a part to the list of parts inside it."""
    value = part[key]
    path: Keys = (key,)
    for step in ("value", "content"):
        if value is not inner and isinstance(value, dict) and step in value:
            value, path = value[step], (*path, step)
    return path


FRAMEWORK = Dialect("framework", recognises, read)
