"""The body of Gemini's generateContent: contents of parts, in the spelling of REST or the Python SDK."""

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

ROLES = {"model": "assistant", "function": "user"}
_LEVEL = "MEDIA_RESOLUTION_"


def _either(item: dict[str, Any], camel: str, snake: str) -> tuple[str, Any]:
    """A member in either spelling, with its key."""
    return (snake, item[snake]) if snake in item else (camel, item.get(camel))


def recognises(body: Any, _outline: TurnOutline) -> bool:
    """Whether one of the `contents` of a body has `parts`."""
    contents = body.get("contents") if isinstance(body, dict) else None
    turns = contents if isinstance(contents, list) else [contents]
    return any(isinstance(turn, dict) and isinstance(turn.get("parts"), list) for turn in turns)


def read(document: Document, body: dict[str, Any], where: RequestBody, fields: ProbeField) -> Request:
    """The request in `body`."""
    reader = GeminiParts(document, fields, lengths=Lengths(document, body, _payload))
    reader.level = _level(body)
    turns = []
    key, system = _either(body, "systemInstruction", "system_instruction")
    if isinstance(system, dict):
        reader.role = "system"
        here = where.location.at(key)
        turns.append(Turn(here, "system", reader.parts(system.get("parts"), here.at("parts"))))
    contents, location = body["contents"], where.location.at("contents")
    listed = contents if isinstance(contents, list) else [contents]
    for i, turn in enumerate(reader.within_blocks(listed, location, "contents")):
        here = location.at(i) if isinstance(contents, list) else location
        if not isinstance(turn, dict):
            reader.flaw(here, f"a content is {kind_of(turn)}, not an object with parts")
            continue
        role = turn.get("role")
        reader.role = ROLES.get(role, role) if isinstance(role, str) else "user"
        reader.turn = i
        turns.append(Turn(here, reader.role, reader.parts(turn.get("parts"), here.at("parts"))))
    return reader.request(where, "gemini", turns, model=body.get("model"), platform="gemini")


def _level(body: dict[str, Any]) -> str | None:
    """The media resolution of the whole request."""
    _, config = _either(body, "generationConfig", "generation_config")
    if not isinstance(config, dict):
        config = body.get("config")
    return _detail(config) if isinstance(config, dict) else None


def _detail(item: dict[str, Any]) -> str | None:
    """`low` for MEDIA_RESOLUTION_LOW and so on; None if unspecified."""
    _, value = _either(item, "mediaResolution", "media_resolution")
    if isinstance(value, dict):
        value = value.get("level")
    if not isinstance(value, str) or not value.upper().startswith(_LEVEL):
        return None
    level = value.upper().removeprefix(_LEVEL).lower()
    return None if level == "unspecified" else level


def _payload(item: dict[str, Any]) -> Any:
    """The base64 text of an inline part."""
    _, blob = _either(item, "inlineData", "inline_data")
    return blob.get("data") if isinstance(blob, dict) else None


@dataclass(slots=True)
class GeminiParts(RequestCollector):
    """Reads the parts of one request; `level` is the media resolution of parts without their own.

    `url_safe`: base64 may be in the url-safe alphabet, which the API takes and google-genai always writes.
    """

    level: str | None = None
    url_safe: bool = True

    def parts(self, value: Any, location: Location, inside: tuple[str, ...] = ()) -> tuple[Block, ...]:
        """The blocks of a list of parts."""
        if not isinstance(value, list):
            self.flaw(location, f"parts is {kind_of(value)}, not an array")
            return ()
        return tuple(
            self.part(item, location.at(i), inside)
            for i, item in enumerate(self.within_blocks(value, location, "parts"))
        )

    def part(self, value: Any, location: Location, inside: tuple[str, ...] = ()) -> Block:
        """The block of one part."""
        if not isinstance(value, dict):
            self.flaw(location, f"a part is {kind_of(value)}, not an object")
            return Other(location, kind_of(value))
        if isinstance(value.get("text"), str):
            return self.text(value["text"], location)
        key, blob = _either(value, "inlineData", "inline_data")
        if isinstance(blob, dict):
            return self._inline(blob, value, location.at(key), inside)
        key, file = _either(value, "fileData", "file_data")
        if isinstance(file, dict):
            return self._file(file, value, location.at(key), inside)
        key, answer = _either(value, "functionResponse", "function_response")
        if isinstance(answer, dict) and not inside:
            return self._answer(answer, location, key)
        return Other(location, key if isinstance(answer, dict) else next(iter(value), ""))

    def _answer(self, answer: dict[str, Any], location: Location, key: str) -> Block:
        """The result of a function: the long texts of its response, which may be any JSON, and its parts."""
        here = location.at(key)
        texts = tuple(self.json_texts(answer.get("response"), here.at("response")))
        blocks: tuple[Block, ...] = (Nested(here.at("response"), "json", texts),) if texts else ()
        if isinstance(answer.get("parts"), list):
            blocks += self.parts(answer["parts"], here.at("parts"), ("tool_result",))
        return Nested(location, "tool_result", blocks) if blocks else Other(location, key)

    def _inline(
        self, blob: dict[str, Any], part: dict[str, Any], location: Location, inside: tuple[str, ...]
    ) -> Block:
        _, declared = _either(blob, "mimeType", "mime_type")
        data = blob.get("data")
        declared = declared if isinstance(declared, str) else None
        if declared is None:
            self.flaw(location, "inline data has no mime type", 'set "mimeType": "image/png"')
        elif declared == PDF and isinstance(data, str):
            pages, size, uncounted = self.pdf(data)
            return self._document(DocumentUse(location, Origin.BASE64, PDF, pages, size, uncounted=uncounted))
        elif not declared.startswith("image/"):
            return Other(location, declared)
        if not isinstance(data, str):
            self.flaw(
                location, f"data of an inline part is {kind_of(data)}, not base64 text", as_text_remedy(data)
            )
            return self.image(location, Origin.BASE64, inside, declared=declared)
        return self.base64_image(
            data,
            location,
            inside,
            declared=declared,
            detail=_detail(part) or self.level,
            url_safe=self.url_safe,
        )

    def _file(
        self, file: dict[str, Any], part: dict[str, Any], location: Location, inside: tuple[str, ...]
    ) -> Block:
        _, declared = _either(file, "mimeType", "mime_type")
        _, uri = _either(file, "fileUri", "file_uri")
        declared = declared if isinstance(declared, str) else None
        if declared == PDF:
            return self._document(DocumentUse(location, Origin.FILE_ID, PDF))
        if declared is not None and not declared.startswith("image/"):
            return Other(location, declared)
        use: ImageUse = self.image(
            location,
            Origin.FILE_ID,
            inside,
            declared=declared,
            reference=self.reference(uri),
            detail=_detail(part) or self.level,
        )
        return use

    def _document(self, use: DocumentUse) -> DocumentUse:
        self.documents.append(use)
        return use


GEMINI = Dialect("gemini", recognises, read, turns_key="contents")
