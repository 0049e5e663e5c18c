"""The body of Bedrock's Converse: blocks without a type, objects with the one key that says their kind."""

from typing import Any

from imgbudget.model import Block, DocumentUse, Fact, Nested, Origin, Other, Place, Request, Turn
from imgbudget.sources.dialects.base import Body, Dialect
from imgbudget.sources.dialects.outline import Outline
from imgbudget.sources.jsonspans import Document
from imgbudget.sources.reading import Lengths, Reading, each_message, kind_of

_KINDS = (
    *("text", "image", "document", "toolUse", "toolResult"),
    *("cachePoint", "guardContent", "reasoningContent", "citationsContent", "video", "audio"),
)
"""Keys of a content block (AWS, Converse ContentBlock)."""

_MEDIA_TYPES = {"pdf": "application/pdf"}


def recognises(body: Any, outline: Outline) -> bool:
    """A body whose blocks have no type; one block with a type makes it another API's."""
    if outline.kinds or not isinstance(body, dict) or any("type" in block for block in outline.untyped):
        return False
    return any(kind in block for block in outline.untyped for kind in _KINDS)


def read(document: Document, body: dict[str, Any], where: Body, want: Fact) -> Request:
    """The request in `body`."""
    reader = _Reader(document, want, lengths=Lengths(document, body, _payload))
    turns = []
    place = where.place
    if (system := body.get("system")) is not None:
        reader.role = "system"
        turns.append(Turn(place.at("system"), "system", reader.content(system, place.at("system"), ())))
    for here, message in each_message(reader, body["messages"], place.at("messages")):
        role = message.get("role")
        if role not in ("user", "assistant"):
            reader.flaw(here, "role of a message is neither 'user' nor 'assistant'")
        reader.role = role if isinstance(role, str) else "user"
        turns.append(Turn(here, reader.role, reader.content(message.get("content"), here.at("content"), ())))
    return reader.request(where, "bedrock-converse", turns, model=body.get("modelId"), platform="bedrock")


def _payload(item: dict[str, Any]) -> Any:
    """The base64 text of an image block."""
    image = item.get("image")
    source = image.get("source") if isinstance(image, dict) else None
    return source.get("bytes") if isinstance(source, dict) else None


class _Reader(Reading):
    """Reads the blocks of one request."""

    __slots__ = ()

    def content(self, value: Any, place: Place, inside: tuple[str, ...]) -> tuple[Block, ...]:
        """The blocks of a `content`."""
        if not isinstance(value, list):
            self.flaw(place, f"content is {kind_of(value)}, not an array of blocks")
            return ()
        return tuple(self._block(item, place.at(i), inside) for i, item in enumerate(value))

    def _block(self, value: Any, place: Place, inside: tuple[str, ...]) -> Block:
        if not isinstance(value, dict):
            self.flaw(place, f"a content block is {kind_of(value)}, not an object")
            return Other(place, kind_of(value))
        kind = next((kind for kind in _KINDS if kind in value), "")
        inner = value.get(kind)
        if kind == "text" and isinstance(inner, str):
            return self.text(inner, place)
        if isinstance(inner, dict) and kind == "image":
            return self._image(inner, place.at(kind), inside)
        if isinstance(inner, dict) and kind == "document":
            return self._document(inner, place.at(kind), inside)
        if isinstance(inner, dict) and kind == "toolResult" and not inside:
            blocks = self.content(inner.get("content"), place.at(kind, "content"), ("tool_result",))
            return Nested(place, "tool_result", blocks, self.reference(inner.get("toolUseId")))
        return Other(place, kind)

    def _image(self, image: dict[str, Any], place: Place, inside: tuple[str, ...]) -> Block:
        form, source = image.get("format"), image.get("source")
        declared = f"image/{form}" if isinstance(form, str) else None
        if declared is None:
            self.flaw(place, "image has no format", 'say "format": "png"')
        if not isinstance(source, dict):
            self.flaw(place, f"source of an image is {kind_of(source)}, not an object")
            return self.image(place, Origin.UNKNOWN, inside, declared=declared)
        data = source.get("bytes")
        if isinstance(data, str):
            return self.base64_image(data, place, inside, declared=declared)
        # some models take images from S3 (AWS, ImageSource), so that no source type is claimed here
        stored = source.get("s3Location")
        if not isinstance(stored, dict):
            self.flaw(place.at("source"), "source of an image has no bytes")
            return self.image(place, Origin.UNKNOWN, inside, declared=declared)
        uri = self.reference(stored.get("uri"))
        return self.image(place, Origin.URL, inside, declared=declared, reference=uri)

    def _document(self, value: dict[str, Any], place: Place, inside: tuple[str, ...]) -> DocumentUse:
        form, source = value.get("format"), value.get("source")
        source = source if isinstance(source, dict) else {}
        data, pages, size = source.get("bytes"), None, None
        blocks: tuple[Block, ...] = ()
        if isinstance(data, str):
            pages, size = self.pdf(data)
        elif isinstance(source.get("content"), list):
            pages = 0
            blocks = self.content(source["content"], place.at("source", "content"), (*inside, "document"))
        elif isinstance(source.get("text"), str):
            pages = 0
        use = DocumentUse(
            place=place,
            origin=Origin.BASE64 if isinstance(data, str) else Origin.UNKNOWN,
            media_type=_MEDIA_TYPES.get(form) if isinstance(form, str) else None,
            pages=pages,
            byte_size=size,
            blocks=blocks,
        )
        self.documents.append(use)
        return use


BEDROCK_CONVERSE = Dialect("bedrock-converse", recognises, read, "modelId")
