"""Content blocks of a Messages API body as typed subjects; what is malformed becomes a flaw."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from imgbudget.model import (
    Block,
    DocumentUse,
    Fact,
    ImageUse,
    Nested,
    Origin,
    Other,
    Place,
    ShapeFlaw,
    Text,
)
from imgbudget.probes import probe_reader
from imgbudget.sources.base64text import Base64Text, inspect
from imgbudget.sources.jsonspans import Document

ORIGINS = {"base64": Origin.BASE64, "url": Origin.URL, "file": Origin.FILE_ID}
"""The source types of an image block (vision guide, 2026-09)."""

_REFERENCE_FIELD = {Origin.URL: "url", Origin.FILE_ID: "file_id"}
DEEPEST = 16
"""Blocks inside blocks that are followed; the API knows three (a tool result's document's content)."""

_LONG_TEXT = 4096
"""Characters of a text block that are kept: rules ask for its beginning and whether it is long."""


@dataclass(slots=True)
class BlockReader:
    """Reads the blocks of one request; collects its images, documents and flaws in document order."""

    document: Document
    want: Fact
    images: list[ImageUse] = field(default_factory=list)
    documents: list[DocumentUse] = field(default_factory=list)
    flaws: list[ShapeFlaw] = field(default_factory=list)
    lengths: Counter[int] = field(default_factory=Counter)
    role: str = "user"
    turn: int | None = None

    def content(self, value: Any, place: Place, inside: tuple[str, ...] = ()) -> tuple[Block, ...]:
        """The blocks of a `content`, which may also be a plain string."""
        if isinstance(value, str):
            return (self._text(value, place),)
        if not isinstance(value, list):
            self.flaw(place, f"content is {kind_of(value)}, not a string or an array of blocks")
            return ()
        if len(inside) > DEEPEST:
            self.flaw(place, f"blocks are nested more than {DEEPEST} deep")
            return ()
        return tuple(self._block(item, place.at(i), inside) for i, item in enumerate(value))

    def flaw(self, place: Place, message: str, remedy: str | None = None) -> None:
        """Note something that the API refuses."""
        self.flaws.append(ShapeFlaw(place, message, remedy))

    def _block(self, value: Any, place: Place, inside: tuple[str, ...]) -> Block:
        if not isinstance(value, dict):
            self.flaw(place, f"a content block is {kind_of(value)}, not an object")
            return Other(place, kind_of(value))
        kind = value.get("type")
        if not isinstance(kind, str):
            self.flaw(place, "a content block has no type", 'say "type": "text" or "type": "image"')
            return Other(place, "")
        if kind == "text":
            return self._text_block(value, place)
        if kind == "image":
            use = self._image(value, place, inside)
            self.images.append(use)
            return use
        if kind == "document":
            return self._document(value, place, inside)
        if kind in ("tool_result", "search_result"):
            return self._nested(value, kind, place, inside)
        return Other(place, kind)

    def _text(self, value: str, place: Place) -> Text:
        return Text(place, self.document.payload(value).text(_LONG_TEXT))

    def _text_block(self, value: dict[str, Any], place: Place) -> Block:
        text = value.get("text")
        if not isinstance(text, str):
            self.flaw(place, f"text of a text block is {kind_of(text)}, not a string")
            return Other(place, "text")
        return self._text(text, place)

    def _nested(self, value: dict[str, Any], kind: str, place: Place, inside: tuple[str, ...]) -> Nested:
        content = value.get("content", [])
        blocks = self.content(content, place.at("content"), (*inside, kind)) if content is not None else ()
        reference = value.get("tool_use_id")
        return Nested(place, kind, blocks, reference if isinstance(reference, str) else None)

    def _image(self, value: dict[str, Any], place: Place, inside: tuple[str, ...]) -> ImageUse:
        source = value.get("source")
        if not isinstance(source, dict):
            self.flaw(place, f"source of an image is {kind_of(source)}, not an object")
            return self._use(place, Origin.UNKNOWN, inside)
        kind = source.get("type")
        if not isinstance(kind, str):
            self.flaw(place.at("source"), "source of an image has no type", 'say "type": "base64"')
            return self._use(place.at("source"), Origin.UNKNOWN, inside)
        origin = ORIGINS.get(kind, Origin.UNKNOWN)
        oversized = _oversized(value)
        if origin is Origin.BASE64:
            return self._base64_image(source, place.at("source"), inside, oversized)
        reference = None
        if wanted := _REFERENCE_FIELD.get(origin):
            reference = source.get(wanted)
            if not isinstance(reference, str) or not reference:
                self.flaw(place.at("source"), f"{kind} source of an image has no {wanted}")
                reference = None
        return self._use(
            place.at("source"), origin, inside, source_type=kind, reference=reference, oversized=oversized
        )

    def _use(self, place: Place, origin: Origin, inside: tuple[str, ...], **more: Any) -> ImageUse:
        return ImageUse(place=place, origin=origin, inside=inside, role=self.role, turn=self.turn, **more)

    def _base64_image(
        self, source: dict[str, Any], place: Place, inside: tuple[str, ...], oversized: str | None
    ) -> ImageUse:
        declared, data = source.get("media_type"), source.get("data")
        if not isinstance(declared, str):
            self.flaw(place, "base64 source of an image has no media_type", 'say "media_type": "image/png"')
            declared = None
        if not isinstance(data, str):
            self.flaw(place, f"data of a base64 source is {kind_of(data)}, not a string")
            return self._use(place, Origin.BASE64, inside, declared=declared, source_type="base64")
        text = inspect(self.document.payload(data))
        readable = text.repairable and text.length > 0
        facts = probe_reader(text.read, text.byte_size, self.want) if readable else None
        return self._use(
            place,
            Origin.BASE64,
            inside,
            facts=facts,
            declared=declared,
            base64_size=text.length,
            flaws=text.flaws,
            repairable=text.repairable,
            digest=text.digest() if text.length and self.lengths[text.length] > 1 else None,
            source_type="base64",
            oversized=oversized,
        )

    def _document(self, value: dict[str, Any], place: Place, inside: tuple[str, ...]) -> DocumentUse:
        source = value.get("source")
        if not isinstance(source, dict):
            self.flaw(place, f"source of a document is {kind_of(source)}, not an object")
            use = DocumentUse(place=place, origin=Origin.UNKNOWN)
            self.documents.append(use)
            return use
        kind = source.get("type")
        media_type = source.get("media_type")
        pages, size = (0 if kind in ("text", "content") else None), None
        data = source.get("data")
        if kind == "base64" and isinstance(data, str):
            text = inspect(self.document.payload(data))
            size = text.byte_size
            pages = _pages(text)
        blocks: tuple[Block, ...] = ()
        if kind == "content":
            here = place.at("source", "content")
            blocks = self.content(source.get("content", []), here, (*inside, "document"))
        use = DocumentUse(
            place=place,
            origin=ORIGINS.get(kind, Origin.UNKNOWN) if isinstance(kind, str) else Origin.UNKNOWN,
            media_type=media_type if isinstance(media_type, str) else None,
            pages=pages,
            byte_size=size,
            blocks=blocks,
            source_type=kind if isinstance(kind, str) else None,
        )
        self.documents.append(use)
        return use


def _pages(text: Base64Text) -> int | None:
    from imgbudget.probes.pdf import count_pages  # noqa: PLC0415 - few requests hold a PDF

    return count_pages(text.read, text.byte_size) if text.repairable else None


def _oversized(value: dict[str, Any]) -> str | None:
    transformations = value.get("transformations")
    wish = transformations.get("oversized_image") if isinstance(transformations, dict) else None
    return wish if isinstance(wish, str) else None


def kind_of(value: Any) -> str:
    """What a JSON value is, with its article, for messages."""
    match value:
        case None:
            return "missing"
        case bool():
            return "a boolean"
        case str():
            return "a string"
        case int() | float():
            return "a number"
        case list():
            return "an array"
        case _:
            return "an object"


def image_payloads(value: Any) -> Iterator[str]:
    """The base64 strings of all image blocks under a JSON value, however deep they stand."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            source = item.get("source")
            if item.get("type") == "image" and isinstance(source, dict):
                data = source.get("data")
                if isinstance(data, str):
                    yield data
            else:
                stack.extend(child for child in item.values() if isinstance(child, (list, dict)))
