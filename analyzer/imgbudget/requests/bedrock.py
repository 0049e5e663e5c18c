"""Bedrock's bodies: Converse, whose blocks have their type as a key, and InvokeModel with a Messages body."""

import re
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Location
from imgbudget.model.subjects import Block, DocumentUse, Nested, Origin, Other, ProbeField, Request, Turn
from imgbudget.requests import messages
from imgbudget.requests.base import (
    Dialect,
    Lengths,
    RequestBody,
    RequestCollector,
    TurnOutline,
    as_text_remedy,
    each_message,
    kind_of,
)

_KINDS = (
    *("text", "image", "document", "toolUse", "toolResult"),
    *("cachePoint", "guardContent", "reasoningContent", "citationsContent", "video", "audio"),
)
"""Keys of a content block (AWS, Converse ContentBlock)."""

_KEYS = frozenset(_KINDS)

_MEDIA_TYPES = {"pdf": "application/pdf"}


def recognises_converse(body: Any, outline: TurnOutline) -> bool:
    """Whether no block of a body has a type, and one has a key of Converse."""
    if outline.kinds or not isinstance(body, dict) or any("type" in block for block in outline.untyped):
        return False
    return not all(_KEYS.isdisjoint(block) for block in outline.untyped)


def read_converse(
    document: Document, body: dict[str, Any], where: RequestBody, fields: ProbeField
) -> Request:
    """The request in `body`."""
    reader = _ConverseReader(document, fields, lengths=Lengths(document, body, _payload))
    turns = []
    location = where.location
    if (system := body.get("system")) is not None:
        reader.role = "system"
        turns.append(Turn(location.at("system"), "system", reader.content(system, location.at("system"), ())))
    for here, message in each_message(reader, body["messages"], location.at("messages")):
        role = message.get("role")
        if role not in ("user", "assistant"):
            reader.flaw(here, "role of a message is neither 'user' nor 'assistant'")
        reader.role = role if isinstance(role, str) else "user"
        turns.append(Turn(here, reader.role, reader.content(message.get("content"), here.at("content"), ())))
    version = body.get("schemaVersion")
    is_training = isinstance(version, str) and version.startswith(_TRAINING)
    platform = "nova" if is_training else "bedrock"
    return reader.request(where, "bedrock-converse", turns, model=body.get("modelId"), platform=platform)


_TRAINING = "bedrock-conversation-"
"""The schemaVersion of training examples; those with images are for Nova and Llama 3.2, and may have them
in S3 (AWS, user guide of Bedrock, 2026-11).
"""


def _payload(item: dict[str, Any]) -> Any:
    """The base64 text of an image block."""
    image = item.get("image")
    source = image.get("source") if isinstance(image, dict) else None
    return source.get("bytes") if isinstance(source, dict) else None


class _ConverseReader(RequestCollector):
    """Reads the blocks of one request."""

    __slots__ = ()

    def content(self, value: Any, location: Location, inside: tuple[str, ...]) -> tuple[Block, ...]:
        """The blocks of a `content`."""
        if not isinstance(value, list):
            self.flaw(location, f"content is {kind_of(value)}, not an array of blocks")
            return ()
        return tuple(
            self._block(item, location.at(i), inside)
            for i, item in enumerate(self.within_blocks(value, location, "content"))
        )

    def _block(self, value: Any, location: Location, inside: tuple[str, ...]) -> Block:
        if not isinstance(value, dict):
            self.flaw(location, f"a content block is {kind_of(value)}, not an object")
            return Other(location, kind_of(value))
        kind = next((kind for kind in _KINDS if kind in value), "json" if inside and "json" in value else "")
        inner = value.get(kind)
        if kind == "text" and isinstance(inner, str):
            return self.text(inner, location)
        if isinstance(inner, dict) and kind == "image":
            return self._image(inner, location.at(kind), inside)
        if isinstance(inner, dict) and kind == "document":
            return self._document(inner, location.at(kind), inside)
        if isinstance(inner, dict) and kind == "toolResult" and not inside:
            blocks = self.content(inner.get("content"), location.at(kind, "content"), ("tool_result",))
            return Nested(location, "tool_result", blocks, self.reference(inner.get("toolUseId")))
        if kind == "json":
            return Nested(location, kind, tuple(self.json_texts(inner, location.at(kind))))
        return Other(location, kind)

    def _image(self, image: dict[str, Any], location: Location, inside: tuple[str, ...]) -> Block:
        form, source = image.get("format"), image.get("source")
        declared = f"image/{form}" if isinstance(form, str) else None
        if declared is None:
            self.flaw(location, "image has no format", 'set "format": "png"')
        if not isinstance(source, dict):
            self.flaw(location, f"source of an image is {kind_of(source)}, not an object")
            return self.image(location, Origin.UNKNOWN, inside, declared=declared)
        data = source.get("bytes")
        if isinstance(data, str):
            return self.base64_image(data, location, inside, declared=declared)
        stored = source.get("s3Location")
        if not isinstance(stored, dict):
            fault = "source of an image has no bytes"
            if data is not None:
                fault = f"bytes is {kind_of(data)}, not base64 text"
            self.flaw(location.at("source"), fault, as_text_remedy(data))
            return self.image(location, Origin.UNKNOWN, inside, declared=declared)
        uri = self.reference(stored.get("uri"))
        return self.image(location, Origin.URL, inside, declared=declared, reference=uri, source_type="s3")

    def _document(self, value: dict[str, Any], location: Location, inside: tuple[str, ...]) -> DocumentUse:
        form, source = value.get("format"), value.get("source")
        source = source if isinstance(source, dict) else {}
        data, pages, size, uncounted = source.get("bytes"), None, None, None
        blocks: tuple[Block, ...] = ()
        if isinstance(data, str):
            pages, size, uncounted = self.pdf(
                data, declared=_MEDIA_TYPES.get(form, form) if isinstance(form, str) else None
            )
        elif isinstance(source.get("content"), list):
            pages = 0
            blocks = self.content(source["content"], location.at("source", "content"), (*inside, "document"))
        elif isinstance(source.get("text"), str):
            pages = 0
        use = DocumentUse(
            location=location,
            origin=Origin.BASE64 if isinstance(data, str) else Origin.UNKNOWN,
            media_type=_MEDIA_TYPES.get(form) if isinstance(form, str) else None,
            pages=pages,
            byte_size=size,
            blocks=blocks,
            uncounted=uncounted,
        )
        self.documents.append(use)
        return use


BEDROCK_CONVERSE = Dialect("bedrock-converse", recognises_converse, read_converse)


_VERSIONS = {"bedrock": "bedrock", "vertex": "google-cloud"}
"""The platform by the first word of `anthropic_version`: bedrock-2023-05-31 (InvokeModel), vertex-2023-10-16
(rawPredict). Sources: AWS, InvokeModel; Claude on Google Cloud, 2026-10."""

_DATED = "2026-10-21"
"""The first version that clients for clouds write into the body as it is (anthropic 2.14.0 for Python)."""


def recognises_invoke(body: Any, outline: TurnOutline) -> bool:
    """Whether it is a Messages body with the `anthropic_version` of a cloud."""
    return isinstance(body, dict) and _platform(body) is not None and messages.recognises(body, outline)


def read_invoke(document: Document, body: dict[str, Any], where: RequestBody, fields: ProbeField) -> Request:
    """The request in `body`, with the platform of its version."""
    platform = _platform(body)
    dialect = "bedrock-invoke" if platform == "bedrock" else "raw-predict"
    return messages.read(document, body, where, fields)._replace(dialect=dialect, platform=platform)


def _platform(body: dict[str, Any]) -> str | None:
    """The cloud that a version in the body is for; the API itself takes the version in a header.

    The model is in the URL of both clouds, and Google Cloud keeps `stream` in the body. The limits of Bedrock
    are the stricter ones, which count if there is no other sign.
    """
    version = body.get("anthropic_version")
    if not isinstance(version, str):
        return None
    if version >= _DATED and re.fullmatch(r"20\d\d-\d\d-\d\d", version) and "model" not in body:
        return "google-cloud" if "stream" in body else "bedrock"
    return _VERSIONS.get(version.partition("-")[0])


BEDROCK_INVOKE = Dialect("bedrock-invoke", recognises_invoke, read_invoke)
