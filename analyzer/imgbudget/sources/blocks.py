"""Content blocks of a Messages API body as typed subjects; what is malformed becomes a flaw."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imgbudget.model import Block, DocumentUse, ImageUse, Nested, Origin, Other, Place
from imgbudget.sources.reading import Reading, kind_of
from imgbudget.sources.toolsets import answered_toolsets

ORIGINS = {"base64": Origin.BASE64, "url": Origin.URL, "file": Origin.FILE_ID}
"""The source types of an image block (vision guide, 2026-09)."""

_REFERENCE_FIELD = {Origin.URL: "url", Origin.FILE_ID: "file_id"}
DEEPEST = 16
"""Blocks inside blocks that are followed; the API knows three (a tool result's document's content)."""


@dataclass(slots=True)
class BlockReader(Reading):
    """Reads the blocks of one request; collects its images, documents and flaws in document order.

    `toolsets` are the toolsets that tool results answer, by `tool_use_id`, found in `body` for the first
    result; `toolset` is that of the result which was read last.
    """

    body: dict[str, Any] = field(default_factory=dict)
    toolsets: Mapping[str, str] | None = None

    def content(self, value: Any, place: Place, inside: tuple[str, ...] = ()) -> tuple[Block, ...]:
        """The blocks of a `content`, which may also be a plain string."""
        if isinstance(value, str):
            return (self.text(value, place),)
        if not isinstance(value, list):
            self.flaw(place, f"content is {kind_of(value)}, not a string or an array of blocks")
            return ()
        if len(inside) > DEEPEST:
            self.flaw(place, f"blocks are nested more than {DEEPEST} deep")
            return ()
        blocks: list[Block] = []
        for item, here in zip(value, place.items(len(value)), strict=True):
            text = item.get("text") if isinstance(item, dict) and item.get("type") == "text" else None
            # most blocks are texts, of which there may be very many: a call less for each
            blocks.append(self.text(text, here) if isinstance(text, str) else self.block(item, here, inside))
        return tuple(blocks)

    def block(self, value: Any, place: Place, inside: tuple[str, ...]) -> Block:
        """One block; `inside` are the types of those around it, outermost first."""
        if not isinstance(value, dict):
            self.flaw(place, f"a content block is {kind_of(value)}, not an object")
            return Other(place, kind_of(value))
        kind = value.get("type")
        if kind == "text" and isinstance(text := value.get("text"), str):
            return self.text(text, place)
        if not isinstance(kind, str):
            self.flaw(place, "a content block has no type", 'say "type": "text" or "type": "image"')
            return Other(place, "")
        if kind == "text":
            self.flaw(place, f"text of a text block is {kind_of(text)}, not a string")
            return Other(place, "text")
        if kind == "image":
            return self._image(value, place, inside)
        if kind == "document":
            return self._document(value, place, inside)
        if kind in ("tool_result", "search_result"):
            return self._nested(value, kind, place, inside)
        return Other(place, kind)

    def _nested(self, value: dict[str, Any], kind: str, place: Place, inside: tuple[str, ...]) -> Nested:
        content = value.get("content", [])
        reference = value.get("tool_use_id")
        reference = reference if isinstance(reference, str) else None
        if not inside:
            if self.toolsets is None:
                self.toolsets = answered_toolsets(self.body)
            self.toolset = self.toolsets.get(reference or "")
        blocks = self.content(content, place.at("content"), (*inside, kind)) if content is not None else ()
        return Nested(place, kind, blocks, reference)

    def _image(self, value: dict[str, Any], place: Place, inside: tuple[str, ...]) -> ImageUse:
        source = value.get("source")
        if not isinstance(source, dict):
            self.flaw(place, f"source of an image is {kind_of(source)}, not an object")
            return self.image(place, Origin.UNKNOWN, inside)
        kind = source.get("type")
        if not isinstance(kind, str):
            self.flaw(place.at("source"), "source of an image has no type", 'say "type": "base64"')
            return self.image(place.at("source"), Origin.UNKNOWN, inside)
        origin = ORIGINS.get(kind, Origin.UNKNOWN)
        oversized = _oversized(value)
        if origin is Origin.BASE64:
            return self._base64_image(source, place.at("source"), inside, oversized)
        reference = None
        if wanted := _REFERENCE_FIELD.get(origin):
            reference = self.reference(source.get(wanted))
            if reference is None:
                self.flaw(place.at("source"), f"{kind} source of an image has no {wanted}")
        return self.image(
            place.at("source"), origin, inside, source_type=kind, reference=reference, oversized=oversized
        )

    def _base64_image(
        self, source: dict[str, Any], place: Place, inside: tuple[str, ...], oversized: str | None
    ) -> ImageUse:
        declared, data = source.get("media_type"), source.get("data")
        if not isinstance(declared, str):
            self.flaw(place, "base64 source of an image has no media_type", 'say "media_type": "image/png"')
            declared = None
        if not isinstance(data, str):
            self.flaw(place, f"data of a base64 source is {kind_of(data)}, not a string")
            return self.image(place, Origin.BASE64, inside, declared=declared, source_type="base64")
        return self.base64_image(data, place, inside, declared=declared, oversized=oversized)

    def _document(self, value: dict[str, Any], place: Place, inside: tuple[str, ...]) -> DocumentUse:
        source = value.get("source")
        if "transformations" in value:
            here = place.at("transformations")
            self.flaw(here, "transformations stands on a document; only an image takes it")
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
            pages, size = self.pdf(data)
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


def _oversized(value: dict[str, Any]) -> str | None:
    transformations = value.get("transformations")
    wish = transformations.get("oversized_image") if isinstance(transformations, dict) else None
    return wish if isinstance(wish, str) else None


def image_payload(item: dict[str, Any]) -> Any:
    """The base64 text of an image block; None for any other object."""
    source = item.get("source")
    return source.get("data") if item.get("type") == "image" and isinstance(source, dict) else None
