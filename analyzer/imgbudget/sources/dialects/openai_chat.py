"""The body of OpenAI's chat completions, as gateways accept it for Claude models."""

from typing import Any

from imgbudget.model import Block, Fact, Nested, Place, Request, Turn
from imgbudget.sources.dialects.base import Body, Dialect
from imgbudget.sources.jsonspans import Document
from imgbudget.sources.openai_parts import PartReader, part_payload
from imgbudget.sources.reading import each_message, same_lengths

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


def recognises(body: Any) -> bool:
    """A body with a role, a call or a part of this API, or with one of its keys and no block of Messages."""
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list):
        return False
    turns = [turn for turn in messages if isinstance(turn, dict)]
    if any(turn.get("role") in tuple(_ROLES) or turn.get("tool_calls") for turn in turns):
        return True
    contents = (turn.get("content") for turn in turns)
    lists = (content for content in contents if isinstance(content, list))
    parts = [part for content in lists for part in content if isinstance(part, dict)]
    kinds = {_kind(part) for part in parts}
    mine = kinds.intersection(_PARTS)
    if mine and any(_PARTS[kind] in part for part in parts if (kind := _kind(part)) in mine):
        return True
    if mine or not kinds.isdisjoint(_THEIRS) or "system" in body:
        return False
    return any("role" in turn for turn in turns) and any(key in body for key in _KEYS)


def _kind(part: dict[str, Any]) -> str:
    kind = part.get("type")
    return kind if isinstance(kind, str) else ""


def read(document: Document, body: dict[str, Any], where: Body, want: Fact) -> Request:
    """The request in `body`."""
    reader = PartReader(document, want, lengths=same_lengths(document, body, part_payload))
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
