"""Images and requests from a line of text, made of facts alone: no bytes, no files.

An image is written as its format, its size and what else is known of it:

    <jpeg 4000x3000 orientation=6 frames=12 bytes=8000000 quality=40 metadata=900000 gps>
    <png 800x600 named=photo.jpg>      the file's name; its extension claims a type
    <png 800x600 damage="ends early">  why it cannot be decoded
    <html>                             no image: what the bytes are instead
    <png 800x600 declared=image/jpeg>  the type that the block declares
    <png 800x600 digest=a>             images with one digest have the same bytes
    <png 800x600 flaw="has line breaks">  what is wrong with the base64 text; `unrepairable` may follow

A request is its JSON, in which a string of a `content` array stands for a block: `"<png 800x600>"` for an
image as base64, `"<png 800x600> * 21"` for 21 different ones, `"<pdf 12>"` for a document of 12 pages, all
else for text. The `data` of a block that is written out may be such an image too. The keys `platform` and
`bytes` of the body say where it is sent and how long it is. A body with `requests` is a batch; `count` says
how many requests it has when they are not written out. A body with `run` is what came of a whole run: its
`visual_tokens`, `byte_size`, `cost_usd`, `copies` and `unused` ignores.
"""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from imgbudget.geometry import Size
from imgbudget.model import (
    Batch,
    Block,
    DocumentUse,
    ImageFacts,
    ImageUse,
    Nested,
    Origin,
    Other,
    Place,
    Request,
    Run,
    ShapeFlaw,
    Text,
    Turn,
    UnusedIgnore,
    walk_blocks,
)
from imgbudget.sources.batchcount import BatchCount
from imgbudget.sources.blocks import ORIGINS
from imgbudget.sources.images import EXTENSION_TYPES, base64_length
from imgbudget.sources.reading import kind_of
from imgbudget.sources.toolsets import answered_toolsets

_BYTE_SIZE = 100_000
_PATH = "request.json"
_CONFIGURATION = "imgbudget.yaml"
_SIZELESS = ("svg",)
_COUNTS = {
    "orientation": "orientation",
    "frames": "frames",
    "quality": "quality",
    "metadata": "metadata_bytes",
}
_WORDS = {
    "bytes",
    "content",
    "damage",
    "declared",
    "digest",
    "flaw",
    "gps",
    "named",
    "unrepairable",
    *_COUNTS,
}


def image(spec: str) -> ImageUse:
    """The image file that `<jpeg 4000x3000 orientation=6>` describes; ValueError for an unknown word."""
    facts, words = _read_spec(spec)
    name = words.get("named", f"image.{facts.format or 'png'}")
    return ImageUse(
        place=Place(name),
        origin=Origin.PATH,
        facts=facts,
        declared=EXTENSION_TYPES.get(name.rpartition(".")[2].lower()),
        base64_size=base64_length(facts.byte_size),
        digest=words.get("digest"),
    )


def request(body: Mapping[str, Any] | str) -> Request:
    """The request that a body in shorthand describes, with the places that a file's request has.

    A string that is not JSON, or a body without an array of messages, is a request with that flaw.
    """
    place = Place(_PATH, ())
    if isinstance(body, str):
        try:
            body = cast("Mapping[str, Any]", json.loads(body))
        except ValueError as error:
            return Request(
                place=place,
                dialect="unknown",
                byte_size=0,
                flaws=(ShapeFlaw(place, f"is not JSON: {error}"),),
            )
    messages: Any = body.get("messages")
    flaws: tuple[ShapeFlaw, ...] = ()
    if not isinstance(messages, list):
        at = place.at("messages")
        flaws = (ShapeFlaw(at, f"messages is {kind_of(messages)}, not an array"),)
        messages = []
    turns = []
    if "system" in body:
        here = place.at("system")
        turns.append(Turn(here, "system", _Reader("system", None, {}).blocks(body["system"], here, ())))
    toolsets = answered_toolsets({"tools": body.get("tools"), "messages": messages})
    for i, message in enumerate(messages):
        here, reader = place.at("messages", i), _Reader(message["role"], i, toolsets)
        turns.append(Turn(here, reader.role, reader.blocks(message["content"], here.at("content"), ())))
    blocks = [block for turn in turns for block in walk_blocks(turn.blocks)]
    images = tuple(block for block in blocks if isinstance(block, ImageUse))
    payloads = sum(use.base64_size or 0 for use in images)
    return Request(
        place=place,
        dialect="messages",
        byte_size=body.get("bytes", len(json.dumps(body)) + payloads),
        model=body.get("model"),
        platform=body.get("platform"),
        turns=tuple(turns),
        images=images,
        documents=tuple(block for block in blocks if isinstance(block, DocumentUse)),
        flaws=flaws,
    )


def batch(body: Mapping[str, Any]) -> Batch:
    """The batch that a body with `requests` describes, with the places that a file's batch has."""
    place, entries = Place(_PATH, ()), BatchCount()
    for i, entry in enumerate(body["requests"]):
        entries.add(place.at("requests", i), entry.get("custom_id"))
    whole = entries.batch(place, body.get("bytes", len(json.dumps(body))))
    return whole._replace(request_count=body.get("count", whole.request_count))


def whole_run(body: Mapping[str, Any]) -> Run:
    """The run that a body with `run` describes."""
    place, said = Place(_CONFIGURATION), dict(body["run"])
    copies = tuple((size, tuple(paths)) for size, paths in said.pop("copies", ()))
    unused = tuple(
        UnusedIgnore(place.at("ignores", i), tuple(entry["rules"]), tuple(entry["files"]), entry["reason"])
        for i, entry in enumerate(said.pop("unused", ()))
    )
    return Run(place, copies=copies, unused=unused, **said)


def _read_spec(spec: str) -> tuple[ImageFacts, dict[str, str]]:
    """The facts that `<...>` describes, and its words by name."""
    if not (spec.startswith("<") and spec.endswith(">")):
        raise ValueError(f"{spec!r} is no image; write it as <png 800x600>")
    first, *rest = shlex.split(spec[1:-1])
    size = None
    if rest and (edges := re.fullmatch(r"(\d+)x(\d+)", rest[0])):
        size, rest = Size(int(edges[1]), int(edges[2])), rest[1:]
    words = {name: value for name, _, value in (word.partition("=") for word in rest)}
    if unknown := words.keys() - _WORDS:
        raise ValueError(f"{spec!r} has a word that means nothing: {min(unknown)}")
    is_image = "content" not in words and (size is not None or "damage" in words or first in _SIZELESS)
    facts = ImageFacts(
        byte_size=int(words.get("bytes", _BYTE_SIZE)),
        format=first if is_image else None,
        size=size if is_image else None,
        has_location="gps" in words,
        damage=words.get("damage"),
        content=None if is_image else words.get("content", first.upper()),
        **{field: int(words[name]) for name, field in _COUNTS.items() if name in words},
    )
    return facts, words


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the blocks of one turn, or with `toolset` those of a tool result that answers one."""

    role: str
    turn: int | None
    toolsets: Mapping[str, str]
    toolset: str | None = None

    def blocks(self, content: Any, place: Place, inside: tuple[str, ...]) -> tuple[Block, ...]:
        """The blocks of a `content`, an array in shorthand or a plain string."""
        if isinstance(content, str):
            return (Text(place, content),)
        written_out = (block for entry in content for block in _written_out(entry))
        return tuple(self.block(block, place.at(j), inside) for j, block in enumerate(written_out))

    def block(self, block: Mapping[str, Any], place: Place, inside: tuple[str, ...]) -> Block:
        """One block that is written out."""
        kind, source = block["type"], block.get("source")
        if kind == "text":
            return Text(place, block["text"])
        if kind == "image" and isinstance(source, dict):
            return self.image(block, source, place.at("source"), inside)
        if kind == "document" and isinstance(source, dict):
            return self.document(source, place, inside)
        if kind in ("tool_result", "search_result"):
            reference = block.get("tool_use_id")
            toolset = self.toolsets.get(reference) if reference and not inside else None
            reader = replace(self, toolset=toolset)
            blocks = reader.blocks(block.get("content", []), place.at("content"), (*inside, kind))
            return Nested(place, kind, blocks, reference)
        return Other(place, kind)

    def image(
        self, block: Mapping[str, Any], source: Mapping[str, Any], place: Place, inside: tuple[str, ...]
    ) -> ImageUse:
        """An image block; base64 data is an image in shorthand, or empty."""
        origin = ORIGINS.get(source["type"], Origin.UNKNOWN)
        facts: ImageFacts | None = None
        words: dict[str, str] = {}
        length: int | None = None
        flaws: tuple[str, ...] = ()
        if origin is Origin.BASE64 and source["data"]:
            facts, words = _read_spec(source["data"])
            length = base64_length(facts.byte_size)
            flaws = (words["flaw"],) if "flaw" in words else ()
        elif origin is Origin.BASE64:
            length, flaws = 0, ("is empty",)
        repairable = bool(length) and "unrepairable" not in words
        real_type = f"image/{facts.format}" if facts and facts.format else "image/png"
        return ImageUse(
            place=place,
            origin=origin,
            facts=facts if repairable else None,
            declared=words.get("declared", source.get("media_type", real_type if length else None)),
            base64_size=length,
            flaws=flaws,
            repairable=repairable or origin is not Origin.BASE64,
            role=self.role,
            inside=inside,
            turn=self.turn,
            digest=words.get("digest", place.pointer) if length else None,
            source_type=source["type"],
            reference=source.get("url", source.get("file_id")),
            oversized=(block.get("transformations") or {}).get("oversized_image"),
            toolset=self.toolset,
        )

    def document(self, source: Mapping[str, Any], place: Place, inside: tuple[str, ...]) -> DocumentUse:
        """A document block; base64 data is `<pdf 12>`, or something whose pages cannot be counted."""
        kind = source["type"]
        counted = re.fullmatch(r"<pdf (\d+)>", source.get("data", "")) if kind == "base64" else None
        pages = int(counted[1]) if counted else 0 if kind in ("text", "content") else None
        inner, reader = place.at("source", "content"), replace(self, toolset=None)
        return DocumentUse(
            place=place,
            origin=ORIGINS.get(kind, Origin.UNKNOWN),
            media_type=source.get("media_type"),
            pages=pages,
            blocks=reader.blocks(source.get("content", []), inner, (*inside, "document")),
            source_type=kind,
        )


def _written_out(entry: Any) -> Iterator[Mapping[str, Any]]:
    """The blocks that an entry of a `content` array stands for."""
    if not isinstance(entry, str):
        yield entry
        return
    if not entry.startswith("<"):
        yield {"type": "text", "text": entry}
        return
    spec, _, times = entry.partition(" * ")
    source = {"type": "base64", "data": spec}
    kind = "image"
    if spec.startswith("<pdf "):
        kind, source = "document", {**source, "media_type": "application/pdf"}
    for _ in range(int(times or 1)):
        yield {"type": kind, "source": source}
