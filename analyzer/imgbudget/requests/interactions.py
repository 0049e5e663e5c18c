"""The body of Gemini's Interactions API: an input of steps, or of the contents of one step.

Source: google-genai 3.6.1 for Python, types of interactions.
"""

from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Location
from imgbudget.model.subjects import Block, DocumentUse, Nested, Origin, Other, ProbeField, Request, Turn
from imgbudget.requests.base import (
    PDF,
    Dialect,
    Lengths,
    RequestBody,
    RequestCollector,
    TurnOutline,
    as_text_remedy,
    kind_of,
)
from imgbudget.slotted import dataclass

_STEPS = {"user_input": "user", "function_result": "user", "mcp_server_tool_result": "user"}
"""The steps that may hold images, with their roles; other results are text."""

_OUTPUT = "model_output"
_MEDIA = ("image", "document")
_STORED = "previous_interaction_id"


def recognises(body: Any, _outline: TurnOutline) -> bool:
    """Whether the input of a body has a step that only this API has, or Gemini gets contents of its form."""
    given = body["input"]
    objects = [item for item in (given if isinstance(given, list) else [given]) if isinstance(item, dict)]
    kinds = [item.get("type") for item in objects]
    if "messages" not in body and any(isinstance(kind, str) and kind in (*_STEPS, _OUTPUT) for kind in kinds):
        return True
    model = body.get("model")
    return (
        isinstance(model, str)
        and "gemini" in model
        and any(
            kind in _MEDIA and "mime_type" in item and ("data" in item or "uri" in item)
            for kind, item in zip(kinds, objects, strict=True)
        )
    )


def read(document: Document, body: dict[str, Any], where: RequestBody, fields: ProbeField) -> Request:
    """The request in `body`."""
    reader = _ContentReader(document, fields, lengths=Lengths(document, body, _payload))
    turns = []
    location = where.location
    if isinstance(system := body.get("system_instruction"), str):
        here = location.at("system_instruction")
        turns.append(Turn(here, "system", (reader.text(system, here),)))
    given, location = body["input"], location.at("input")
    steps = given if isinstance(given, list) else [given]
    if any(isinstance(step, dict) and step.get("type") in (*_MEDIA, "text") for step in steps):
        reader.turn = 0
        turns.append(Turn(location, "user", reader.content(given, location, ())))
        steps = []
    for i, step in enumerate(reader.within_blocks(steps, location, "input")):
        here, reader.turn = (location.at(i) if isinstance(given, list) else location), i
        if not isinstance(step, dict):
            reader.flaw(here, f"a step of the input is {kind_of(step)}, not an object")
        else:
            turns.append(_turn(reader, step, here))
    request = reader.request(where, "gemini-interactions", turns, model=body.get("model"), platform="gemini")
    return request._replace(history=_STORED if body.get(_STORED) else "")


def _turn(reader: "_ContentReader", step: dict[str, Any], here: Location) -> Turn:
    """The turn that a step is."""
    kind = step.get("type")
    kind = kind if isinstance(kind, str) else ""
    reader.role = _STEPS.get(kind, "assistant")
    if kind in ("user_input", _OUTPUT):
        return Turn(here, reader.role, reader.content(step.get("content"), here.at("content"), ()))
    if kind not in _STEPS:
        return Turn(here, reader.role, (Other(here, kind),))
    result, inner = step.get("result"), here.at("result")
    if isinstance(result, (list, str)):
        blocks = reader.content(result, inner, ("tool_result",))
    else:
        blocks = (Nested(inner, "json", tuple(reader.json_texts(result, inner))),)
    reference = reader.reference(step.get("call_id"))
    return Turn(here, reader.role, (Nested(here, "tool_result", blocks, reference),))


def _payload(item: dict[str, Any]) -> Any:
    """The base64 text of an image."""
    return item.get("data") if item.get("type") == "image" else None


@dataclass(slots=True)
class _ContentReader(RequestCollector):
    """Reads the contents of one request."""

    def content(self, value: Any, location: Location, inside: tuple[str, ...]) -> tuple[Block, ...]:
        """The blocks of contents: a text, one content, or an array of them."""
        if value is None:
            return ()
        if isinstance(value, str):
            return (self.text(value, location),)
        if isinstance(value, dict):
            return (self._block(value, location, inside),)
        if not isinstance(value, list):
            self.flaw(location, f"content is {kind_of(value)}, not an array")
            return ()
        return tuple(
            self._block(item, location.at(i), inside)
            for i, item in enumerate(self.within_blocks(value, location, "content"))
        )

    def _block(self, value: Any, location: Location, inside: tuple[str, ...]) -> Block:
        if not isinstance(value, dict):
            self.flaw(location, f"a content is {kind_of(value)}, not an object")
            return Other(location, kind_of(value))
        kind = value.get("type")
        if kind == "text" and isinstance(value.get("text"), str):
            return self.text(value["text"], location)
        if kind in _MEDIA:
            return self._media(value, location, inside)
        return Other(location, kind if isinstance(kind, str) else "")

    def _media(self, value: dict[str, Any], location: Location, inside: tuple[str, ...]) -> Block:
        declared, data, uri = value.get("mime_type"), value.get("data"), self.reference(value.get("uri"))
        declared = declared if isinstance(declared, str) else None
        if data is not None and not isinstance(data, str):
            self.flaw(location, f"data is {kind_of(data)}, not base64 text", as_text_remedy(data))
        if value["type"] == "document":
            return self._document(data, declared or PDF, location)
        level = value.get("resolution")
        detail = level if isinstance(level, str) else None
        if isinstance(data, str):
            return self.base64_image(data, location, inside, declared=declared, detail=detail, url_safe=True)
        origin = Origin.FILE_ID if uri else Origin.UNKNOWN
        return self.image(location, origin, inside, declared=declared, reference=uri, detail=detail)

    def _document(self, data: Any, declared: str, location: Location) -> DocumentUse:
        use = DocumentUse(location, Origin.FILE_ID, declared)
        if isinstance(data, str):
            pages, size, uncounted = self.pdf(data, declared=declared)
            use = DocumentUse(location, Origin.BASE64, declared, pages, size, uncounted=uncounted)
        self.documents.append(use)
        return use


GEMINI_INTERACTIONS = Dialect("gemini-interactions", recognises, read, turns_key="input")
