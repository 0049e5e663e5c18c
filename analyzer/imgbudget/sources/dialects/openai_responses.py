"""The body of OpenAI's responses, messages and tool outputs, as gateways accept it for Claude models."""

from typing import Any

from imgbudget.model import Block, Fact, Nested, Place, Request, Turn
from imgbudget.sources.dialects.base import Body, Dialect
from imgbudget.sources.dialects.outline import Outline
from imgbudget.sources.jsonspans import Document
from imgbudget.sources.openai_parts import PartReader, part_payload
from imgbudget.sources.reading import Lengths, kind_of

_PARTS = ("input_text", "input_image", "input_file", "output_text")
_OUTPUTS = ("function_call_output", "computer_call_output", "custom_tool_call_output")
_ITEMS = (*_OUTPUTS, "function_call", "computer_call", "reasoning", "item_reference")
"""Types of items and parts that only this API has (OpenAI, responses reference)."""


def recognises(body: Any, _outline: Outline) -> bool:
    """A body with an `input` of messages: with parts or items of this API, or beside a model."""
    items = body.get("input") if isinstance(body, dict) else None
    if not isinstance(items, list) or "messages" in body:
        return False
    objects = [item for item in items if isinstance(item, dict)]
    if any(item.get("type") in _ITEMS for item in objects):
        return True
    contents = [item["content"] for item in objects if "role" in item and "content" in item]
    lists = (content for content in contents if isinstance(content, list))
    if any(isinstance(part, dict) and part.get("type") in _PARTS for content in lists for part in content):
        return True
    return "model" in body and any(isinstance(content, str) for content in contents)


def read(document: Document, body: dict[str, Any], where: Body, want: Fact) -> Request:
    """The request in `body`."""
    reader = PartReader(document, want, lengths=Lengths(document, body, part_payload))
    turns = []
    place = where.place
    if isinstance(body.get("instructions"), str):
        here = place.at("instructions")
        turns.append(Turn(here, "system", (reader.text(body["instructions"], here),)))
    for i, item in enumerate(body["input"]):
        here, reader.turn = place.at("input", i), i
        if not isinstance(item, dict):
            reader.flaw(here, f"an item of the input is {kind_of(item)}, not an object")
        elif item.get("type") in _OUTPUTS:
            reader.role = "user"
            turns.append(Turn(here, "user", _output(reader, item, here)))
        elif "role" in item:
            role = item["role"]
            reader.role = "system" if role == "developer" else role if isinstance(role, str) else "user"
            turns.append(Turn(here, reader.role, reader.content(item.get("content"), here.at("content"), ())))
    return reader.request(where, "openai-responses", turns, model=body.get("model"))


def _output(reader: PartReader, item: dict[str, Any], place: Place) -> tuple[Block, ...]:
    """What a tool answers: a text, parts, or the screenshot of a computer."""
    output, inner = item.get("output"), place.at("output")
    if isinstance(output, dict):
        blocks: tuple[Block, ...] = (reader.part(output, inner, ("tool_result",)),)
    else:
        blocks = reader.content(output, inner, ("tool_result",))
    return (Nested(place, "tool_result", blocks, reader.reference(item.get("call_id"))),)


OPENAI_RESPONSES = Dialect("openai-responses", recognises, read, turns_key="input")
