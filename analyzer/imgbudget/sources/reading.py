"""What a dialect collects of one request, whatever its shape: images, documents, texts and flaws."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from imgbudget.model import (
    DocumentUse,
    Fact,
    ImageUse,
    Origin,
    Place,
    Request,
    ShapeFlaw,
    Text,
    Turn,
)
from imgbudget.probes import probe_reader
from imgbudget.sources.base64text import Base64Text, inspect
from imgbudget.sources.jsonspans import Document

_LONG_TEXT = 4096
"""Characters of a text block that are kept: rules ask for its beginning and whether it is long."""

_LONG_REFERENCE = 2048
"""Characters of a url or file id that are kept."""


class Body(NamedTuple):
    """Where a request body stands: its place, its first line (1-based) and its length in bytes."""

    place: Place
    line: int
    byte_size: int


class Lengths:
    """Whether base64 texts of a body share their length. `pick` finds the text in an image's object."""

    __slots__ = ("_body", "_counts", "_document", "_pick")

    def __init__(self, document: Document, body: Any, pick: Callable[[dict[str, Any]], Any]) -> None:
        self._document, self._body, self._pick = document, body, pick
        self._counts: Counter[int] | None = None

    def shared(self, text: Base64Text) -> bool:
        """Whether another text has the length of this one; the body is walked through only if it may be."""
        if not (text.in_hand or self._document.alike):
            return False
        if self._counts is None:
            self._counts = _count_lengths(self._document, self._body, self._pick)
        return self._counts[text.length] > 1


@dataclass(slots=True)
class Reading:
    """Makes typed subjects of what stands in one request and keeps them in the order of the document.

    `role` and `turn` are those of the message that is being read, `toolset` is that of the tool result.
    Images that share the length of their base64 text, as `lengths` tells, are hashed; without it all are.
    """

    document: Document
    want: Fact
    lengths: Lengths | None
    images: list[ImageUse] = field(default_factory=list)
    documents: list[DocumentUse] = field(default_factory=list)
    flaws: list[ShapeFlaw] = field(default_factory=list)
    role: str = "user"
    turn: int | None = None
    toolset: str | None = None

    def flaw(self, place: Place, message: str, remedy: str | None = None) -> None:
        """Note something that the API refuses."""
        self.flaws.append(ShapeFlaw(place, message, remedy))

    def text(self, value: str, place: Place) -> Text:
        """A text, its beginning kept."""
        return tuple.__new__(Text, (place, self.document.text(value, _LONG_TEXT)))  # there may be very many

    def reference(self, value: Any) -> str | None:
        """A url or an id; None where there is no text."""
        return (self.document.text(value, _LONG_REFERENCE) or None) if isinstance(value, str) else None

    def image(self, place: Place, origin: Origin, inside: tuple[str, ...], **more: Any) -> ImageUse:
        """An image whose bytes are not in the request, or not to be had."""
        use = ImageUse(
            place=place,
            origin=origin,
            inside=inside,
            role=self.role,
            turn=self.turn,
            toolset=self.toolset if inside == ("tool_result",) else None,
            **more,
        )
        self.images.append(use)
        return use

    def base64_image(  # noqa: PLR0913 - what a block says of its image
        self,
        data: str,
        place: Place,
        inside: tuple[str, ...],
        *,
        declared: str | None = None,
        oversized: str | None = None,
        detail: str | None = None,
        prefixed: bool = False,
    ) -> ImageUse:
        """An image in base64. `prefixed`: the format wants a data URI, and its prefix declares the type."""
        text = inspect(self.document.payload(data), prefixed=prefixed)
        readable = text.repairable and text.length > 0
        return self.image(
            place,
            Origin.BASE64,
            inside,
            facts=probe_reader(text, text.byte_size, self.want) if readable else None,
            declared=text.prefix_media_type if prefixed else declared,
            base64_size=text.length - (len(text.prefix) if prefixed else 0),
            flaws=text.flaws,
            repairable=text.repairable,
            digest=self._digest(text),
            source_type="base64",
            oversized=oversized,
            detail=detail,
        )

    def pdf(self, data: str, *, prefixed: bool = False) -> tuple[int | None, int]:
        """Pages of a PDF in base64, None where they cannot be told, and its size in bytes."""
        from imgbudget.probes.pdf import count_pages  # noqa: PLC0415 - few requests hold a PDF

        text = inspect(self.document.payload(data), prefixed=prefixed)
        return count_pages(text.read, text.byte_size) if text.repairable else None, text.byte_size

    def request(
        self, where: Body, dialect: str, turns: Iterable[Turn], *, model: Any, platform: str | None = None
    ) -> Request:
        """The request, with all that was collected; a `model` that is no string becomes a flaw."""
        if model is not None and not isinstance(model, str):
            self.flaw(where.place.at("model"), f"model is {kind_of(model)}, not a string")
        return Request(
            place=where.place,
            dialect=dialect,
            byte_size=where.byte_size,
            line=where.line,
            model=self.reference(model),
            platform=platform,
            turns=tuple(turns),
            images=tuple(self.images),
            documents=tuple(self.documents),
            flaws=tuple(self.flaws),
        )

    def _digest(self, text: Base64Text) -> str | None:
        shared = self.lengths is None or self.lengths.shared(text)
        return text.digest() if shared and text.length else None


def _count_lengths(document: Document, body: Any, pick: Callable[[dict[str, Any]], Any]) -> Counter[int]:
    lengths: Counter[int] = Counter()
    stack = [body]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, dict):
            data = pick(item)
            if isinstance(data, str):
                lengths[document.payload(data).length] += 1
                continue
            for child in item.values():
                if isinstance(child, (list, dict)):
                    stack.append(child)  # noqa: PERF401 - half the price of a generator for the few of a block
    return lengths


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


def each_message(reading: Reading, messages: Any, place: Place) -> Iterator[tuple[Place, dict[str, Any]]]:
    """The messages of a body with their places, `reading.turn` set to each; what is none becomes a flaw."""
    if not isinstance(messages, list):
        reading.flaw(place, f"messages is {kind_of(messages)}, not an array")
        return
    if not messages:
        reading.flaw(place, "messages is empty; the API wants at least one message")
    for i, (message, here) in enumerate(zip(messages, place.items(len(messages)), strict=True)):
        if isinstance(message, dict):
            reading.turn = i
            yield here, message
        else:
            reading.flaw(here, f"a message is {kind_of(message)}, not an object")
