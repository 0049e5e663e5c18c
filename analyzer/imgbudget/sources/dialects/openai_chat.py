"""The body of OpenAI's chat completions, as gateways accept it for Claude models."""

from typing import Any

from imgbudget.model import Block, Fact, Nested, Place, Request, Turn
from imgbudget.sources.dialects.base import Body, Dialect
from imgbudget.sources.dialects.outline import Outline, each_block
from imgbudget.sources.jsonspans import Document
from imgbudget.sources.openai_parts import PartReader, part_payload
from imgbudget.sources.reading import Lengths, each_message

_ROLES = {"developer": "system", "tool": "user", "function": "user"}
"""Roles that the Messages API does not know, and the turns that gateways make of them."""

_PARTS = {"image_url": "image_url", "input_audio": "input_audio", "file": "file", "refusal": "refusal"}
"""Types of parts that only this API has, and the key that goes with each."""

_KEYS = (
    *(
        "max_completion_tokens",
        "response_format",
        "stream_options",
        "parallel_tool_calls",
        "reasoning_effort",
    ),
    *("frequency_penalty", "presence_penalty", "logit_bias", "logprobs", "n", "seed", "functions"),
)
"""Keys of a body that only this API has (OpenAI, chat completions reference)."""

_THEIRS = ("image", "document", "tool_use", "tool_result", "search_result", "thinking")


def recognises(body: Any, outline: Outline) -> bool:
    """A body with a role, a call or a part of this API, or with one of its keys and no block of Messages."""
    if not isinstance(body, dict) or not isinstance(body.get("messages"), list):
        return False
    if outline.has_calls or not outline.roles.isdisjoint(_ROLES):
        return True
    if not outline.kinds.isdisjoint(_PARTS):
        return any(_is_part(block) for block in each_block(body))
    if not outline.kinds.isdisjoint(_THEIRS) or "system" in body:
        return False
    return outline.has_role and any(key in body for key in _KEYS)


def _is_part(block: dict[str, Any]) -> bool:
    kind = block.get("type")
    return isinstance(kind, str) and kind in _PARTS and _PARTS[kind] in block


def read(document: Document, body: dict[str, Any], where: Body, want: Fact) -> Request:
    """The request in `body`."""
    reader = PartReader(document, want, lengths=Lengths(document, body, part_payload))
    turns = []
    for here, message in each_message(reader, body["messages"], where.place.at("messages")):
        role = message.get("role")
        if not isinstance(role, str):
            reader.flaw(here, "a message has no role")
            role = "user"
        reader.role = _ROLES.get(role, role)
        turns.append(Turn(here, reader.role, _blocks(reader, message, here)))
    return reader.request(where, "openai-chat", turns, model=body.get("model"))


def _blocks(reader: PartReader, message: dict[str, Any], place: Place) -> tuple[Block, ...]:
    """The blocks of a message; what a tool answers is a tool result, as gateways send it on."""
    inner = place.at("content")
    if message.get("role") not in ("tool", "function"):
        return reader.content(message.get("content"), inner, ())
    blocks = reader.content(message.get("content"), inner, ("tool_result",))
    return (Nested(place, "tool_result", blocks, reader.reference(message.get("tool_call_id"))),)


OPENAI_CHAT = Dialect("openai-chat", recognises, read)
