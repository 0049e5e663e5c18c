"""The Messages API body: model, max_tokens, messages; a count_tokens body has the same shape."""

from collections import Counter
from typing import Any

from imgbudget.model import Fact, Place, Request, Turn
from imgbudget.sources.blocks import BlockReader, image_payloads, kind_of
from imgbudget.sources.dialects.base import Body, Dialect
from imgbudget.sources.jsonspans import Document

ROLES = ("user", "assistant", "system")
"""Roles of a turn (SDK types, 2026-08; `system` stands mid-conversation)."""

_TELLTALES = ("model", "max_tokens", "anthropic_version", "system", "tools")
_FOREIGN_ROLES = frozenset(("developer", "tool", "function"))
_FOREIGN_PARTS = frozenset(("image_url", "input_image", "input_text", "input_audio", "input_file", "refusal"))


def recognises(body: Any) -> bool:
    """A body with turns, or with `messages` that are none beside another key of a request.

    Bodies of other APIs that share the key are left alone: OpenAI's parts, roles and tool calls, and the
    blocks without a type of Bedrock's Converse.
    """
    if not isinstance(body, dict) or "messages" not in body:
        return False
    messages = body["messages"]
    if not isinstance(messages, list) or not messages:
        return any(key in body for key in _TELLTALES)
    turns = [turn for turn in messages if isinstance(turn, dict)]
    if any(_is_foreign(turn) for turn in turns):
        return False
    return any("role" in turn for turn in turns) or any(key in body for key in _TELLTALES)


def _is_foreign(turn: dict[str, Any]) -> bool:
    role = turn.get("role")
    if (isinstance(role, str) and role in _FOREIGN_ROLES) or turn.get("tool_calls"):
        return True
    content = turn.get("content")
    if not isinstance(content, list):
        return False
    return any(_is_foreign_part(part) for part in content if isinstance(part, dict))


def _is_foreign_part(part: dict[str, Any]) -> bool:
    kind = part.get("type")
    if kind is None:
        return "text" in part or isinstance(part.get("image"), dict) or "toolResult" in part
    return isinstance(kind, str) and kind in _FOREIGN_PARTS


def read(document: Document, body: dict[str, Any], where: Body, want: Fact) -> Request:
    """The request in `body`."""
    place = where.place
    lengths = Counter(document.payload(data).length for data in image_payloads(body))
    reader = BlockReader(document, want, lengths=lengths)
    turns = [*_system(reader, body, place), *_messages(reader, body, place)]
    model = body.get("model")
    if model is not None and not isinstance(model, str):
        reader.flaw(place.at("model"), f"model is {kind_of(model)}, not a string")
        model = None
    return Request(
        place=place,
        dialect="messages",
        byte_size=where.byte_size,
        line=where.line,
        model=model,
        turns=tuple(turns),
        images=tuple(reader.images),
        documents=tuple(reader.documents),
        flaws=tuple(reader.flaws),
    )


def _system(reader: BlockReader, body: dict[str, Any], place: Place) -> list[Turn]:
    system = body.get("system")
    if system is None:
        return []
    reader.role = "system"
    return [Turn(place.at("system"), "system", reader.content(system, place.at("system")))]


def _messages(reader: BlockReader, body: dict[str, Any], place: Place) -> list[Turn]:
    messages = body["messages"]
    place = place.at("messages")
    if not isinstance(messages, list):
        reader.flaw(place, f"messages is {kind_of(messages)}, not an array")
        return []
    if not messages:
        reader.flaw(place, "messages is empty; the API wants at least one message")
    turns = []
    for i, message in enumerate(messages):
        here = place.at(i)
        if not isinstance(message, dict):
            reader.flaw(here, f"a message is {kind_of(message)}, not an object")
            continue
        role = message.get("role")
        if role not in ROLES:
            said = f"{role!r}" if isinstance(role, str) else kind_of(role)
            where = here.at("role") if role is not None else here
            reader.flaw(where, f"role is {said}, not 'user' or 'assistant'")
        reader.role = role if isinstance(role, str) else "user"
        reader.turn = i
        if "content" not in message:
            reader.flaw(here, "a message has no content")
            turns.append(Turn(here, reader.role, ()))
            continue
        turns.append(Turn(here, reader.role, reader.content(message["content"], here.at("content"))))
    return turns


MESSAGES = Dialect("messages", recognises, read)
