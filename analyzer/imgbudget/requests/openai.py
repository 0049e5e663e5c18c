"""The bodies of OpenAI's chat completions and responses, as gateways accept them for Claude models."""

from collections.abc import Mapping
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.limits.options import ImageBounds
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
from imgbudget.requests.processor_bounds import bounds_in, bounds_of
from imgbudget.requests.server_state import history_of
from imgbudget.slotted import dataclass, field

_TEXTS = ("text", "input_text", "output_text")
_IMAGES = ("image_url", "input_image", "computer_screenshot")
_FILES = ("file", "input_file", "document_url")
"""Documents of both APIs, and of Mistral's chat completions (mistralai 3.7.0)."""

_SCHEME = 16
"""Characters at the beginning of an image address that distinguish a data URI from a URL."""


def part_payload(item: dict[str, Any]) -> Any:
    """The data URI, or the URL, of an image part; None for any other object."""
    image = item.get("image_url")
    return image.get("url") if isinstance(image, dict) else image


def _detail(item: dict[str, Any]) -> str | None:
    """The `detail` of an image part, which is next to the address in both APIs."""
    image = item.get("image_url")
    detail = image.get("detail") if isinstance(image, dict) else item.get("detail")
    return detail if isinstance(detail, str) else None


@dataclass(slots=True)
class PartReader(RequestCollector):
    """Reads the content parts of one request; `bounds` are those that it sets for all of its images."""

    bounds: Mapping[str, int] = field(default_factory=dict)

    def content(self, value: Any, location: Location, inside: tuple[str, ...]) -> tuple[Block, ...]:
        """The blocks of a `content`: a string, an array of parts, or nothing."""
        if value is None:
            return ()
        if isinstance(value, str):
            return (self.text(value, location),)
        if not isinstance(value, list):
            self.flaw(location, f"content is {kind_of(value)}, not a string or an array of parts")
            return ()
        return tuple(
            self.part(item, location.at(i), inside)
            for i, item in enumerate(self.within_blocks(value, location, "content"))
        )

    def part(self, value: Any, location: Location, inside: tuple[str, ...]) -> Block:
        """One part."""
        if not isinstance(value, dict):
            self.flaw(location, f"a content part is {kind_of(value)}, not an object")
            return Other(location, kind_of(value))
        kind = value.get("type")
        if kind in _TEXTS and isinstance(value.get("text"), str):
            return self.text(value["text"], location)
        if kind in _IMAGES:
            return self._image(value, location, inside)
        if kind in _FILES:
            inner, here = (value.get("file"), location.at("file")) if kind == "file" else (value, location)
            return self._file(inner if isinstance(inner, dict) else {}, location, here, inside)
        return Other(location, kind if isinstance(kind, str) else "")

    def _image(self, value: dict[str, Any], location: Location, inside: tuple[str, ...]) -> ImageUse:
        use = self._plain_image(value, location, inside)
        own = bounds_in(value)
        inner = value.get("image_url")
        if isinstance(inner, dict):
            own |= bounds_in(inner)
        if not own and not self.bounds:
            return use
        bound = use._replace(bounds=ImageBounds(tuple(sorted({**self.bounds, **own}.items()))))
        self.images[-1] = bound
        return bound

    def _plain_image(self, value: dict[str, Any], location: Location, inside: tuple[str, ...]) -> ImageUse:
        if identity := self.reference(value.get("file_id")):
            return self.image(location, Origin.FILE_ID, inside, reference=identity, detail=_detail(value))
        address = part_payload(value)
        if address is None and as_text_remedy(value.get("image_url")):
            address = value["image_url"]
        return self.address(address, location.at("image_url"), inside, detail=_detail(value))

    def address(
        self, address: Any, location: Location, inside: tuple[str, ...], *, detail: str | None = None
    ) -> ImageUse:
        """The image at an address: a data URI or a URL."""
        if not isinstance(address, str):
            self.flaw(
                location,
                f"image_url is {kind_of(address)}, not a data URI or a URL",
                as_text_remedy(address),
            )
            return self.image(location, Origin.UNKNOWN, inside)
        scheme, colon, _ = self.document.payload(address).text(_SCHEME).partition(":")
        if scheme.lower() == "data":
            return self.base64_image(address, location, inside, prefixed=True, detail=detail)
        if not colon:
            remedy = 'begin it with "data:image/png;base64," or "https://"'
            self.flaw(location, "image_url is neither a data URI nor a URL", remedy)
            return self.image(location, Origin.UNKNOWN, inside)
        # the gateway may fetch it and send its bytes, so no source type is set
        return self.image(location, Origin.URL, inside, reference=self.reference(address), detail=detail)

    def _file(
        self, value: dict[str, Any], location: Location, here: Location, inside: tuple[str, ...]
    ) -> Block:
        """The document of a part, whose file is at `here`; an image if its data URI declares one."""
        key, data = "file_data", value.get("file_data")
        if value.get("type") == "document_url":
            key, data = "document_url", self._linked_data(value)
        if isinstance(data, str) and self._begins(data, "data:image/"):
            return self.base64_image(data, here.at(key), (*inside, "file"), prefixed=True)
        origin, pdf = Origin.FILE_ID, None
        if isinstance(data, str):
            # gateways such as OpenRouter fetch an address
            is_address = self._begins(data, ("http://", "https://"))
            origin = Origin.URL if is_address else Origin.BASE64
            pdf = None if is_address else self.pdf(data, declared=None, prefixed=True)
        use = DocumentUse(
            location=location,
            origin=origin,
            pages=pdf and pdf.pages,
            byte_size=pdf and pdf.byte_size,
            uncounted=pdf and pdf.uncounted,
        )
        self.documents.append(use)
        return use

    def _linked_data(self, part: dict[str, Any]) -> str | None:
        """The data URI of a `document_url` part; None for the URL of a document."""
        address = part.get("document_url")
        return address if isinstance(address, str) and self._begins(address, "data:") else None

    def _begins(self, text: str, beginning: str | tuple[str, ...]) -> bool:
        """Whether a text begins so, in upper or lower case."""
        return self.document.payload(text).text(_SCHEME).lower().startswith(beginning)


_ROLES = {"developer": "system", "tool": "user", "function": "user"}
"""Roles that the Messages API does not have, and the roles that gateways convert them to."""

_CHAT_PARTS = {key: key for key in ("image_url", "input_audio", "file", "refusal", "document_url")}
"""Types of parts that only this API has, and the key that goes with each."""

_KEYS = frozenset(
    (
        *("max_completion_tokens", "response_format", "stream_options", "parallel_tool_calls"),
        *("frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "n", "seed", "functions"),
        "reasoning_effort",
    )
)
"""Keys of a body that only this API has (OpenAI, chat completions reference)."""

_THEIRS = ("image", "document", "tool_use", "tool_result", "search_result", "thinking")


def recognises_chat(body: Any, outline: TurnOutline) -> bool:
    """Whether a body has a role, call or part of this API, or one of its keys and no Messages block."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        return False
    if not outline.kinds.isdisjoint(CONVERTED_KINDS) or (
        not outline.has_role and _are_typed(body["messages"])
    ):
        return False
    if outline.has_calls or not outline.roles.isdisjoint(_ROLES):
        return True
    if not outline.kinds.isdisjoint(_CHAT_PARTS):
        return any(_is_part(block) for block in each_block(body))
    if not outline.kinds.isdisjoint(_THEIRS) or "system" in body:
        return False
    return outline.has_role and not _KEYS.isdisjoint(body)


def _are_typed(messages: list[Any]) -> bool:
    """Whether messages have types in place of roles, as LangChain keeps them."""
    types = [turn.get("type") for turn in messages if isinstance(turn, dict)]
    return bool(types) and all(isinstance(kind, str) for kind in types)


def _is_part(block: dict[str, Any]) -> bool:
    kind = block.get("type")
    return isinstance(kind, str) and kind in _CHAT_PARTS and _CHAT_PARTS[kind] in block


def read_chat(document: Document, body: dict[str, Any], where: RequestBody, fields: ProbeField) -> Request:
    """The request in `body`."""
    lengths = Lengths(document, body, part_payload)
    reader = PartReader(document, fields, lengths=lengths, bounds=bounds_of(body))
    turns = []
    for here, message in each_message(reader, body["messages"], where.location.at("messages")):
        role = message.get("role")
        if not isinstance(role, str):
            reader.flaw(here, "a message has no role")
            role = "user"
        reader.role = _ROLES.get(role, role)
        turns.append(Turn(here, reader.role, _blocks(reader, message, here)))
    return reader.request(where, "openai-chat", turns, model=body.get("model"))


def _blocks(reader: PartReader, message: dict[str, Any], location: Location) -> tuple[Block, ...]:
    """The blocks of a message; a tool message becomes a tool result, as gateways convert it."""
    inner = location.at("content")
    if message.get("role") not in ("tool", "function"):
        return reader.content(message.get("content"), inner, ())
    blocks = reader.content(message.get("content"), inner, ("tool_result",))
    return (Nested(location, "tool_result", blocks, reader.reference(message.get("tool_call_id"))),)


_EXAMPLE_KEYS = frozenset(("messages", "tools", "functions", "parallel_tool_calls"))


def is_training_example(body: Any) -> bool:
    """Whether a body is an example of OpenAI's supervised fine-tuning: a conversation with its answer, bare.

    A body without a model that ends with an answer cannot be sent as it is.
    """
    if not isinstance(body, dict) or not body.keys() <= _EXAMPLE_KEYS:
        return False
    messages = body.get("messages")
    last = messages[-1] if isinstance(messages, list) and len(messages) > 1 else None
    return (
        isinstance(last, dict)
        and last.get("role") == "assistant"
        and any(last.get(key) for key in ("content", "tool_calls", "function_call"))
    )


OPENAI_CHAT = Dialect("openai-chat", recognises_chat, read_chat)


def recognises_conversation(body: Any, _outline: TurnOutline) -> bool:
    """Whether a body has the entries of a conversation of Mistral (mistralai 3.7.0)."""
    entries = body.get("inputs")
    return isinstance(entries, list) and any(
        isinstance(entry, dict)
        and entry.get("object") == "entry"
        and not {"content", "result"}.isdisjoint(entry)
        for entry in entries
    )


def read_conversation(
    document: Document, body: dict[str, Any], where: RequestBody, fields: ProbeField
) -> Request:
    """The request in `body`: its entries with a role are messages of chat completions."""
    reader = PartReader(document, fields, lengths=Lengths(document, body, part_payload))
    turns = []
    location = where.location
    if isinstance(body.get("instructions"), str):
        here = location.at("instructions")
        turns.append(Turn(here, "system", (reader.text(body["instructions"], here),)))
    for here, entry in each_message(reader, body["inputs"], location.at("inputs")):
        if isinstance(role := entry.get("role"), str):
            reader.role = role
            turns.append(Turn(here, role, reader.content(entry.get("content"), here.at("content"), ())))
        elif "result" in entry:  # of a function
            reader.role = "user"
            blocks = reader.content(entry["result"], here.at("result"), ("tool_result",))
            turns.append(Turn(here, "user", (Nested(here, "tool_result", blocks),)))
    return reader.request(where, "openai-chat", turns, model=body.get("model"))


MISTRAL_CONVERSATION = Dialect("openai-chat", recognises_conversation, read_conversation, turns_key="inputs")


_RESPONSES_PARTS = ("input_text", "input_image", "input_file", "output_text")
_OUTPUTS = ("function_call_output", "computer_call_output", "custom_tool_call_output")
_ANSWERS = (
    *("function_call", "computer_call", "custom_tool_call", "local_shell_call", "reasoning"),
    *("web_search_call", "file_search_call", "image_generation_call", "code_interpreter_call", "mcp_call"),
)
"""Types of items that the model makes, beside its messages (OpenAI, responses reference)."""

_ITEMS = (*_OUTPUTS, "function_call", "computer_call", "reasoning", "item_reference")
"""Types of items and parts that only this API has (OpenAI, responses reference)."""


def recognises_responses(body: Any, _outline: TurnOutline) -> bool:
    """Whether a body has an `input` of messages with parts or items of this API, or with a model."""
    items = body.get("input") if isinstance(body, dict) else None
    if not isinstance(items, list) or "messages" in body:
        return False
    objects = [item for item in items if isinstance(item, dict)]
    if any(item.get("type") in _ITEMS for item in objects):
        return True
    contents = [item["content"] for item in objects if "role" in item and "content" in item]
    lists = (content for content in contents if isinstance(content, list))
    if any(
        isinstance(part, dict) and part.get("type") in _RESPONSES_PARTS
        for content in lists
        for part in content
    ):
        return True
    return "model" in body and any(isinstance(content, str) for content in contents)


def read_responses(
    document: Document, body: dict[str, Any], where: RequestBody, fields: ProbeField
) -> Request:
    """The request in `body`."""
    lengths = Lengths(document, body, part_payload)
    reader = PartReader(document, fields, lengths=lengths, bounds=bounds_of(body))
    turns = []
    location = where.location
    if isinstance(body.get("instructions"), str):
        here = location.at("instructions")
        turns.append(Turn(here, "system", (reader.text(body["instructions"], here),)))
    for i, item in enumerate(reader.within_blocks(body["input"], location.at("input"), "input")):
        here, reader.turn = location.at("input", i), i
        if not isinstance(item, dict):
            reader.flaw(here, f"an item of the input is {kind_of(item)}, not an object")
        elif turn := read_item(reader, item, here):
            turns.append(turn)
    request = reader.request(where, "openai-responses", turns, model=body.get("model"))
    return request._replace(history=history_of(body))


def read_item(reader: PartReader, item: dict[str, Any], location: Location) -> Turn | None:
    """The turn that an item of the input adds: a message, a call, the output of a tool; None for another."""
    kind = item.get("type")
    if kind in _OUTPUTS:
        reader.role = "user"
        return Turn(location, "user", _output(reader, item, location))
    if kind in _ANSWERS:
        return Turn(location, "assistant", (Other(location, kind),))
    if "role" not in item:
        return None
    role = item["role"]
    reader.role = "system" if role == "developer" else role if isinstance(role, str) else "user"
    return Turn(location, reader.role, reader.content(item.get("content"), location.at("content"), ()))


def _output(reader: PartReader, item: dict[str, Any], location: Location) -> tuple[Block, ...]:
    """The output of a tool: a text, parts, or a computer screenshot."""
    output, inner = item.get("output"), location.at("output")
    if isinstance(output, dict):
        blocks: tuple[Block, ...] = (reader.part(output, inner, ("tool_result",)),)
    else:
        blocks = reader.content(output, inner, ("tool_result",))
    return (Nested(location, "tool_result", blocks, reader.reference(item.get("call_id"))),)


OPENAI_RESPONSES = Dialect("openai-responses", recognises_responses, read_responses, turns_key="input")
