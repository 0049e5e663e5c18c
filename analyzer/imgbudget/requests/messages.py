"""The Messages API body: model, max_tokens, messages; a count_tokens body has the same shape."""

from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Location
from imgbudget.model.subjects import ProbeField, Request, Turn
from imgbudget.requests.base import Dialect, Lengths, RequestBody, TurnOutline, each_message, kind_of
from imgbudget.requests.blocks import BlockReader, image_payload

ROLES = ("user", "assistant", "system")
"""Roles of a turn (SDK types, 2026-08; `system` stands mid-conversation)."""

_TELLTALES = ("model", "max_tokens", "anthropic_version", "system", "tools")
_FOREIGN_ROLES = frozenset(("developer", "tool", "function"))
_FOREIGN_PARTS = frozenset(("image_url", "input_image", "input_text", "input_audio", "input_file", "refusal"))


def recognises(body: Any, outline: TurnOutline) -> bool:
    """A body with turns, or with `messages` that are none beside another key of a request.

    What shares the key but has OpenAI's roles, tool calls or parts is left alone. Bodies that can be told
    for those of another dialect were taken before.
    """
    if not isinstance(body, dict) or "messages" not in body:
        return False
    theirs = outline.has_calls or outline.roles & _FOREIGN_ROLES or outline.kinds & _FOREIGN_PARTS
    return not theirs and (outline.has_role or any(key in body for key in _TELLTALES))


def read(document: Document, body: dict[str, Any], where: RequestBody, fields: ProbeField) -> Request:
    """The request in `body`."""
    location = where.location
    lengths = Lengths(document, body, image_payload)
    reader = BlockReader(document, fields, lengths=lengths, body=body)
    turns = [*_system(reader, body, location), *_messages(reader, body["messages"], location.at("messages"))]
    if "transformations" in body:
        here = location.at("transformations")
        reader.flaw(here, "transformations stands at the top of the request", "move it onto each image block")
    return reader.request(where, "messages", turns, model=body.get("model"))


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
            said = f"{role!r}" if isinstance(role, str) else kind_of(role)
            where = here.at("role") if role is not None else here
            reader.flaw(where, f"role is {said}, not 'user' or 'assistant'")
        reader.role = role if isinstance(role, str) else "user"
        if "content" not in message:
            reader.flaw(here, "a message has no content")
            turns.append(Turn(here, reader.role, ()))
            continue
        turns.append(Turn(here, reader.role, reader.content(message["content"], here.at("content"))))
    return turns


MESSAGES = Dialect("messages", recognises, read)
