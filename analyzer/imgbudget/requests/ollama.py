"""The bodies of Ollama's chat and generate: bare base64 in `images` beside a text (docs/api.md, 2026-09)."""

from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Location
from imgbudget.model.subjects import Block, ProbeField, Request, Turn
from imgbudget.requests.base import (
    Dialect,
    RequestBody,
    RequestCollector,
    TurnOutline,
    each_message,
    kind_of,
)

_ROLES = {"tool": "user"}
"""Roles that other APIs do not have, and those that they correspond to."""


def recognises_chat(body: Any, outline: TurnOutline) -> bool:
    """Whether a turn with a text has `images`, a list of strings."""
    messages = body["messages"] if isinstance(body["messages"], list) else ()
    return outline.has_role and any(map(_has_images, messages))


def _has_images(turn: Any) -> bool:
    if not isinstance(turn, dict) or "images" not in turn or isinstance(turn.get("content"), list):
        return False
    return _are_texts(turn["images"])


def _are_texts(images: Any) -> bool:
    return isinstance(images, list) and bool(images) and all(isinstance(image, str) for image in images)


def read_chat(document: Document, body: dict[str, Any], where: RequestBody, fields: ProbeField) -> Request:
    """The request in `body`."""
    collector = RequestCollector(document, fields, lengths=None)
    turns = []
    for here, message in each_message(collector, body["messages"], where.location.at("messages")):
        role = message.get("role")
        collector.role = _ROLES.get(role, role) if isinstance(role, str) else "user"
        text = message.get("content")
        blocks = _images(collector, message.get("images"), here)
        if isinstance(text, str):
            blocks = (*blocks, collector.text(text, here.at("content")))
        elif text is not None:
            collector.flaw(here.at("content"), f"content is {kind_of(text)}, not a string")
        turns.append(Turn(here, collector.role, blocks))
    return collector.request(where, "ollama-chat", turns, model=body.get("model"))


def _images(collector: RequestCollector, images: Any, location: Location) -> tuple[Block, ...]:
    """The images of a message; the template of the model places them, so they have no place in the text."""
    if images is None:
        return ()
    here = location.at("images")
    if not isinstance(images, list):
        collector.flaw(here, f"images is {kind_of(images)}, not an array")
        return ()
    found: list[Block] = []
    for image, place in zip(images, here.items(len(images)), strict=True):
        if isinstance(image, str):
            found.append(collector.base64_image(image, place, ()))
        else:
            collector.flaw(place, f"an image is {kind_of(image)}, not base64 text")
    return tuple(found)


OLLAMA_CHAT = Dialect("ollama-chat", recognises_chat, read_chat)


def recognises_generate(body: Any, _outline: TurnOutline) -> bool:
    """Whether a body has a `model`, a `prompt` and `images`, a list of strings."""
    texts = isinstance(body.get("prompt"), str) and isinstance(body.get("model"), str)
    return texts and _are_texts(body.get("images"))


def read_generate(
    document: Document, body: dict[str, Any], where: RequestBody, fields: ProbeField
) -> Request:
    """The request in `body`."""
    collector = RequestCollector(document, fields, lengths=None)
    location = where.location
    turns = []
    if isinstance(body.get("system"), str):
        here = location.at("system")
        turns.append(Turn(here, "system", (collector.text(body["system"], here),)))
    text = collector.text(body["prompt"], location.at("prompt"))
    turns.append(Turn(location, "user", (*_images(collector, body["images"], location), text)))
    return collector.request(where, "ollama-generate", turns, model=body["model"])


OLLAMA_GENERATE = Dialect("ollama-generate", recognises_generate, read_generate, turns_key="prompt")
