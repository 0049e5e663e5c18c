"""Reads the Messages API body and its content blocks; malformed parts become flaws."""

from collections.abc import Iterator, Mapping
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Location
from imgbudget.model.subjects import (
    Block,
    DocumentUse,
    ImageUse,
    Nested,
    Origin,
    Other,
    ProbeField,
    Request,
    Turn,
)
from imgbudget.requests.base import (
    CONVERTED_KINDS,
    Dialect,
    Lengths,
    RequestBody,
    RequestCollector,
    TurnOutline,
    as_text_remedy,
    each_block,
    each_message,
    kind_of,
)
from imgbudget.requests.server_state import clearing_of, history_of
from imgbudget.slotted import dataclass, field

FAMILIES = {"computer": "computer_toolset_20260801", "browser": "browser_toolset_20260801"}
"""The toolsets by their name in calls and results, with their only version (release notes, 2026-08)."""

_CALL, _RESULT = "tool_use", "tool_result"


def answered_toolsets(body: dict[str, Any]) -> dict[str, str]:
    """The toolset of each tool result by `tool_use_id`; results of ordinary tools are left out.

    The `toolset_name` of a result or call takes precedence. A call without one belongs to the toolset if no
    other tool of the request has its name.
    """
    tools = list(_objects(body.get("tools")))
    declared = {name: kind for tool in tools for name, kind in _family(tool)}
    others = [tool.get("name") for tool in tools if not list(_family(tool))]
    answered: dict[str, str] = {}
    for block in _tool_blocks(body.get("messages")):
        is_call = block["type"] == _CALL
        identity, family = block.get("id" if is_call else "tool_use_id"), block.get("toolset_name")
        if not isinstance(identity, str):
            continue
        if isinstance(family, str):
            # a transcript has no list of tools
            if found := (declared if tools else FAMILIES).get(family):
                answered[identity] = found
        elif is_call and declared and block.get("name") not in others:
            answered[identity] = next(iter(declared.values()))
    return answered


def _family(tool: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The name and type of a toolset; empty for other tools."""
    kind = tool.get("type")
    for name in FAMILIES:
        if isinstance(kind, str) and kind.startswith(f"{name}_toolset_"):
            yield name, kind


def _tool_blocks(messages: Any) -> Iterator[dict[str, Any]]:
    """The calls and results of all turns, in order."""
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict) and block.get("type") in (_CALL, _RESULT):
                yield block


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of an array."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


NESTED = ("tool_result", "search_result", "mcp_tool_result")
"""Types of blocks that contain blocks, besides documents (SDK types, 2026-11)."""

ORIGINS = {"base64": Origin.BASE64, "url": Origin.URL, "file": Origin.FILE_ID}
"""The source types of an image block (vision guide, 2026-09)."""

_REFERENCE_FIELD = {Origin.URL: "url", Origin.FILE_ID: "file_id"}
DEEPEST = 16
"""Maximum nesting of blocks; the API allows three levels (the content of a document in a tool result)."""


@dataclass(slots=True)
class BlockReader(RequestCollector):
    """Reads the blocks of one request.

    `toolsets` are the toolsets of tool results by `tool_use_id`, computed from `body` at the first result;
    `toolset` is that of the last result read.
    """

    body: dict[str, Any] = field(default_factory=dict)
    toolsets: Mapping[str, str] | None = None
    toolset: str | None = None

    def content(self, value: Any, location: Location, inside: tuple[str, ...] = ()) -> tuple[Block, ...]:
        """The blocks of a `content`, which may be a string."""
        if isinstance(value, str):
            return (self.text(value, location),)
        if not isinstance(value, list):
            self.flaw(location, f"content is {kind_of(value)}, not a string or an array of blocks")
            return ()
        if len(inside) > DEEPEST:
            self.flaw(location, f"blocks are nested more than {DEEPEST} deep")
            return ()
        blocks: list[Block] = []
        value = self.within_blocks(value, location, "content")
        for item, here in zip(value, location.items(len(value)), strict=True):
            text = item.get("text") if isinstance(item, dict) and item.get("type") == "text" else None
            # avoids a call for text blocks, of which there may be very many
            blocks.append(self.text(text, here) if isinstance(text, str) else self.block(item, here, inside))
        return tuple(blocks)

    def block(self, value: Any, location: Location, inside: tuple[str, ...]) -> Block:
        """One block; `inside` are the types of its parent blocks, outermost first."""
        if not isinstance(value, dict):
            self.flaw(location, f"a content block is {kind_of(value)}, not an object")
            return Other(location, kind_of(value))
        kind = value.get("type")
        if kind == "text" and isinstance(text := value.get("text"), str):
            return self.text(text, location)
        if not isinstance(kind, str):
            self.flaw(location, "a content block has no type", 'set "type": "text" or "type": "image"')
            return Other(location, "")
        if kind == "text":
            self.flaw(location, f"text of a text block is {kind_of(text)}, not a string")
            return Other(location, "text")
        if kind == "image":
            return self._image(value, location, inside)
        if kind == "document":
            return self._document(value, location, inside)
        if kind in NESTED:
            return self._nested(value, kind, location, inside)
        return Other(location, kind)

    def _nested(
        self, value: dict[str, Any], kind: str, location: Location, inside: tuple[str, ...]
    ) -> Nested:
        content = value.get("content", [])
        reference = value.get("tool_use_id")
        reference = reference if isinstance(reference, str) else None
        if not inside:
            if self.toolsets is None:
                self.toolsets = answered_toolsets(self.body)
            self.toolset = self.toolsets.get(reference or "")
        blocks = self.content(content, location.at("content"), (*inside, kind)) if content is not None else ()
        return Nested(location, kind, blocks, reference)

    def _image(self, value: dict[str, Any], location: Location, inside: tuple[str, ...]) -> ImageUse:
        source = value.get("source")
        if not isinstance(source, dict):
            self.flaw(location, f"source of an image is {kind_of(source)}, not an object")
            return self.image(location, Origin.UNKNOWN, inside)
        kind = source.get("type")
        if not isinstance(kind, str):
            self.flaw(location.at("source"), "source of an image has no type", 'set "type": "base64"')
            return self.image(location.at("source"), Origin.UNKNOWN, inside)
        origin = ORIGINS.get(kind, Origin.UNKNOWN)
        oversized = _oversized(value)
        if origin is Origin.BASE64:
            return self._base64_image(source, location.at("source"), inside, oversized)
        reference = None
        if key := _REFERENCE_FIELD.get(origin):
            reference = self.reference(source.get(key))
            if reference is None:
                self.flaw(location.at("source"), f"{kind} source of an image has no {key}")
        return self.image(
            location.at("source"), origin, inside, source_type=kind, reference=reference, oversized=oversized
        )

    def _base64_image(
        self, source: dict[str, Any], location: Location, inside: tuple[str, ...], oversized: str | None
    ) -> ImageUse:
        declared, data = source.get("media_type"), source.get("data")
        if not isinstance(declared, str):
            self.flaw(
                location, "base64 source of an image has no media_type", 'set "media_type": "image/png"'
            )
            declared = None
        if not isinstance(data, str):
            self.flaw(
                location, f"data of a base64 source is {kind_of(data)}, not base64 text", as_text_remedy(data)
            )
            return self.image(location, Origin.BASE64, inside, declared=declared, source_type="base64")
        return self.base64_image(data, location, inside, declared=declared, oversized=oversized)

    def _document(self, value: dict[str, Any], location: Location, inside: tuple[str, ...]) -> DocumentUse:
        source = value.get("source")
        if "transformations" in value:
            here = location.at("transformations")
            self.flaw(here, "transformations is set on a document; only images accept it")
        if not isinstance(source, dict):
            self.flaw(location, f"source of a document is {kind_of(source)}, not an object")
            use = DocumentUse(location=location, origin=Origin.UNKNOWN)
            self.documents.append(use)
            return use
        kind = source.get("type")
        media_type = source.get("media_type")
        pages, size, uncounted = (0 if kind in ("text", "content") else None), None, None
        data = source.get("data")
        if kind == "base64" and isinstance(data, str):
            pages, size, uncounted = self.pdf(data)
        blocks: tuple[Block, ...] = ()
        if kind == "content":
            here = location.at("source", "content")
            blocks = self.content(source.get("content", []), here, (*inside, "document"))
        use = DocumentUse(
            location=location,
            origin=ORIGINS.get(kind, Origin.UNKNOWN) if isinstance(kind, str) else Origin.UNKNOWN,
            media_type=media_type if isinstance(media_type, str) else None,
            pages=pages,
            byte_size=size,
            blocks=blocks,
            source_type=kind if isinstance(kind, str) else None,
            uncounted=uncounted,
        )
        self.documents.append(use)
        return use


def _oversized(value: dict[str, Any]) -> str | None:
    transformations = value.get("transformations")
    oversized = transformations.get("oversized_image") if isinstance(transformations, dict) else None
    return oversized if isinstance(oversized, str) else None


def image_payload(item: dict[str, Any]) -> Any:
    """The base64 text of an image block; None for other objects."""
    source = item.get("source")
    return source.get("data") if item.get("type") == "image" and isinstance(source, dict) else None


ROLES = ("user", "assistant", "system")
"""Roles of a turn (SDK types, 2026-08; `system` may be used mid-conversation)."""

_TELLTALES = ("model", "max_tokens", "anthropic_version", "system", "tools")
_FOREIGN_ROLES = frozenset(("developer", "tool", "function"))
_FOREIGN_PARTS = frozenset(
    ("image_url", "input_image", "input_text", "input_audio", "input_file", "refusal", "document_url")
)


def recognises(body: Any, outline: TurnOutline) -> bool:
    """Whether a body has turns, or invalid `messages` together with another key of a request.

    Bodies with OpenAI's roles, tool calls or parts are not. Bodies that match another dialect were recognised
    before.
    """
    if not isinstance(body, dict) or "messages" not in body:
        return False
    theirs = outline.has_calls or outline.roles & _FOREIGN_ROLES or outline.kinds & _FOREIGN_PARTS
    if theirs or not (outline.has_role or any(key in body for key in _TELLTALES)):
        return False
    return not _is_converted(body, outline)


_CONVERTED = {
    "image": ("data", "base64", "image", "url", "image_url", "file_id"),
    "file": ("mediaType", "mimeType", "mime_type", "mime"),
}
"""Blocks without a `source` that frameworks keep and no API takes, by the keys that they have."""


def _is_converted(body: dict[str, Any], outline: TurnOutline) -> bool:
    """Whether the messages are those of a framework, which converts them before it sends them."""
    messages = body["messages"] if isinstance(body["messages"], list) else []
    turns = [turn for turn in messages if isinstance(turn, dict) and "content" not in turn]
    if not outline.kinds.isdisjoint(CONVERTED_KINDS) or any(
        "parts" in turn or "blocks" in turn for turn in turns
    ):
        return True
    return not outline.kinds.isdisjoint(_CONVERTED) and any(
        isinstance(kind := block.get("type"), str)
        and kind in _CONVERTED
        and "source" not in block
        and any(key in block for key in _CONVERTED[kind])
        for block in each_block(body)
    )


def read(document: Document, body: dict[str, Any], where: RequestBody, fields: ProbeField) -> Request:
    """The request in `body`."""
    location = where.location
    lengths = Lengths(document, body, image_payload)
    reader = BlockReader(document, fields, lengths=lengths, body=body)
    turns = [*_system(reader, body, location), *_messages(reader, body["messages"], location.at("messages"))]
    if "transformations" in body:
        here = location.at("transformations")
        reader.flaw(
            here, "transformations is at the top level of the request", "move it onto each image block"
        )
    request = reader.request(where, "messages", turns, model=body.get("model"))
    history, clearing = history_of(body), clearing_of(body)
    return request._replace(history=history, clearing=clearing) if history or clearing else request


def _system(reader: BlockReader, body: dict[str, Any], location: Location) -> list[Turn]:
    system = body.get("system")
    if system is None:
        return []
    reader.role = "system"
    return [Turn(location.at("system"), "system", reader.content(system, location.at("system")))]


def _messages(reader: BlockReader, messages: Any, location: Location) -> list[Turn]:
    turns = []
    for here, message in each_message(reader, messages, location):
        role = message.get("role")
        if role not in ROLES:
            actual = f"{role!r}" if isinstance(role, str) else kind_of(role)
            where = here.at("role") if role is not None else here
            reader.flaw(where, f"role is {actual}, not 'user' or 'assistant'")
        reader.role = role if isinstance(role, str) else "user"
        if "content" not in message:
            reader.flaw(here, "a message has no content")
            turns.append(Turn(here, reader.role, ()))
            continue
        turns.append(Turn(here, reader.role, reader.content(message["content"], here.at("content"))))
    return turns


MESSAGES = Dialect("messages", recognises, read)
