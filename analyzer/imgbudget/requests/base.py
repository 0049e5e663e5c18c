"""Dialects of request bodies, and the collector of images, documents, texts and flaws of one request."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any, cast

from imgbudget.imageinfo.steps import TimeLimit
from imgbudget.jsontext.base64text import inspect
from imgbudget.jsontext.document import Document
from imgbudget.jsontext.strings import StringPayload
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import (
    DocumentUse,
    ImageFacts,
    ImageUse,
    Origin,
    ProbeField,
    Request,
    Severity,
    ShapeFlaw,
    Text,
    Turn,
)
from imgbudget.namedtuples import NamedTuple
from imgbudget.requests.payloads import facts_of
from imgbudget.requests.textfinder import image_characters
from imgbudget.slotted import dataclass, field


class TurnOutline(NamedTuple):
    """Roles of the turns and types of their blocks; `untyped` are the blocks whose type is not a string.

    `has_role` is whether a turn has a role of any type, `has_calls` whether one has `tool_calls`.
    """

    roles: frozenset[str] = frozenset()
    has_role: bool = False
    has_calls: bool = False
    kinds: frozenset[str] = frozenset()
    untyped: tuple[dict[str, Any], ...] = ()


def outline(body: Any) -> TurnOutline:
    """The outline of the `messages` of a body; empty if there are none."""
    messages = body.get("messages") if isinstance(body, dict) else None
    if not isinstance(messages, list):
        return TurnOutline()
    has_role = has_calls = False
    roles, kinds, untyped = set(), set(), []
    for turn in messages:  # plain loops: a long conversation has many blocks
        if not isinstance(turn, dict):
            continue
        if "role" in turn:
            has_role = True
            if isinstance(role := turn["role"], str):
                roles.add(role)
        if turn.get("tool_calls"):
            has_calls = True
        content = turn.get("content")
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict):
                if isinstance(kind := block.get("type"), str):
                    kinds.add(kind)
                else:
                    untyped.append(block)
    return TurnOutline(frozenset(roles), has_role, has_calls, frozenset(kinds), tuple(untyped))


def each_block(body: dict[str, Any]) -> list[dict[str, Any]]:
    """All blocks of the messages of a body, for checks beyond the outline."""
    turns = [turn for turn in body["messages"] if isinstance(turn, dict)]
    contents = [turn["content"] for turn in turns if isinstance(turn.get("content"), list)]
    return [block for content in contents for block in content if isinstance(block, dict)]


_LONG_TEXT = 4096
"""Characters kept of a text block; rules use its beginning and whether it is long."""

_LONG_REFERENCE = 2048
"""Characters of a url or file id that are kept."""


_SURROGATE = r"[\ud800-\udfff]"


def lone_surrogate(text: str) -> str:
    """The first surrogate of a text; a pair that was read from JSON is one character. Empty if none."""
    found = None if text.isascii() else re.search(_SURROGATE, text)
    return found[0] if found else ""


_USE = "use"
"""The key under which a string knows the image that it is."""

_RESULT = ("tool_result",)
"""The types around an image that a tool returned."""

CONVERTED_KINDS = frozenset(("tool-call", "tool-result"))
"""Types of parts of AI SDK, which converts them before it sends them."""


class RequestBody(NamedTuple):
    """The location of a request body, its first line (1-based) and its length in bytes."""

    location: Location
    line: int
    byte_size: int


PDF = "application/pdf"

time_for_pages: ContextVar[TimeLimit | None] = ContextVar("time_for_pages", default=None)
"""The CPU time in which all documents of the current request body have to be read; None: no limit."""


class PdfData(NamedTuple):
    """A document in base64: its pages, its size in bytes, and why its pages are not known."""

    pages: int | None
    byte_size: int
    uncounted: str | None


MOST_FLAWS = 1000
"""Mistakes listed of a file: text of a few bytes can have each of them, and a finding takes about 2 kB."""


MOST_BLOCKS = 200_000
"""Messages and blocks read of a request, each of 0.4 kB; the API accepts 100,000 messages (SDK, 2026-08)."""


def unlisted_flaw(first: Location, repeats: int, severity: Severity | None = None) -> ShapeFlaw:
    """The flaw that stands for those which are not listed, at the location of the first."""
    mistakes = "mistake is" if repeats == 1 else "mistakes are"
    return ShapeFlaw(
        first,
        f"{repeats:,} more {mistakes} not listed",
        f"correct the {MOST_FLAWS:,} mistakes that are listed, then check again",
        severity,
        repeats,
    )


class Lengths:
    """Finds base64 texts of a body with equal length. `pick` returns the text of an image object."""

    __slots__ = ("_body", "_counts", "_document", "_pick")

    def __init__(self, document: Document, body: Any, pick: Callable[[dict[str, Any]], Any]) -> None:
        self._document, self._body, self._pick = document, body, pick
        self._counts: Counter[int] | None = None

    def shared(self, text: StringPayload) -> bool:
        """Whether another text has the same length; walks the body only if that is possible."""
        if not (text.start is None or self._document.lengths_may_repeat):
            return False
        if self._counts is None:
            self._counts = _count_lengths(self._document, self._body, self._pick)
        return self._counts[text.length] > 1


class _SeenImage(NamedTuple):
    """What is the same in all uses of one base64 text."""

    facts: ImageFacts | None
    prefix_media_type: str | None
    base64_size: int
    flaws: tuple[str, ...]
    repairable: bool


@dataclass(slots=True)
class RequestCollector:
    """Collects the typed subjects of one request in document order.

    `role` and `turn` are those of the current message, `toolset` is that of the current tool result. Images
    whose base64 texts have equal length, according to `lengths`, are hashed; without `lengths` all are.
    """

    document: Document
    fields: ProbeField
    lengths: Lengths | None
    images: list[ImageUse] = field(default_factory=list)
    documents: list[DocumentUse] = field(default_factory=list)
    flaws: list[ShapeFlaw] = field(default_factory=list)
    unlisted: int = 0
    first_unlisted: Location | None = None
    role: str = "user"
    turn: int | None = None
    toolset: str | None = None
    blocks_left: int = field(default_factory=lambda: MOST_BLOCKS)

    def flaw(self, location: Location, message: str, remedy: str | None = None) -> None:
        """Add something that the API rejects; beyond `MOST_FLAWS` they are only counted."""
        if len(self.flaws) < MOST_FLAWS:
            self.flaws.append(ShapeFlaw(location, message, remedy))
            return
        if self.first_unlisted is None:
            self.first_unlisted = location
        self.unlisted += 1

    def within_blocks(self, values: list[Any], location: Location, name: str) -> list[Any]:
        """The messages or blocks of a list that are read; a flaw states how many are not."""
        kept = values[: self.blocks_left] if len(values) > self.blocks_left else values
        self.blocks_left -= len(kept)
        if kept is not values:
            left = len(values) - len(kept)
            self.flaw(
                location, f"{name} has {left:,} entries beyond the {MOST_BLOCKS:,} of a request that are read"
            )
        return kept

    def text(self, value: str, location: Location) -> Text:
        """A text, cut to its beginning."""
        text = self.document.text(value, _LONG_TEXT)
        if text is not value:
            return self._long_text(value, location, text)
        surrogate = "" if text.isascii() else lone_surrogate(text)
        # bypasses the constructor: there may be very many
        return tuple.__new__(Text, (location, text, surrogate, 0, 0))

    def _long_text(self, value: str, location: Location, beginning: str) -> Text:
        """A text that may be longer than its beginning: what is looked for is looked for in all of it."""
        payload = self.document.payload(value)
        whole = self.document.text(value) if payload.may_hold_surrogates() else ""
        images = image_characters(payload) if payload.length >= _LONG_TEXT else 0
        return Text(location, beginning, lone_surrogate(whole), images, payload.length)

    def json_texts(self, value: Any, location: Location) -> Iterator[Text]:
        """The long texts at any depth of the JSON that a tool returned, which the model reads as text."""
        pending: list[tuple[Any, Keys]] = [(value, ())] if isinstance(value, (str, dict, list)) else []
        while pending:
            item, keys = pending.pop()
            if isinstance(item, str):
                if self.document.payload(item).length >= _LONG_TEXT:
                    yield self.text(item, location.at(*keys))
                continue
            members = item.items() if isinstance(item, dict) else enumerate(item)
            inner = [(one, (*keys, key)) for key, one in members if isinstance(one, (str, dict, list))]
            pending += reversed(inner)

    def reference(self, value: Any) -> str | None:
        """A URL or an id; None if the value is not a non-empty string."""
        return (self.document.text(value, _LONG_REFERENCE) or None) if isinstance(value, str) else None

    def image(self, location: Location, origin: Origin, inside: tuple[str, ...], **more: Any) -> ImageUse:
        """An image whose bytes are not in the request or cannot be decoded."""
        use = ImageUse(
            location=location,
            origin=origin,
            inside=inside,
            role=self.role,
            turn=self.turn,
            toolset=self.toolset if inside == _RESULT else None,
            **more,
        )
        self.images.append(use)
        return use

    def base64_image(  # noqa: PLR0913 - the properties of an image block
        self,
        data: str,
        location: Location,
        inside: tuple[str, ...],
        *,
        declared: str | None = None,
        oversized: str | None = None,
        detail: str | None = None,
        prefixed: bool = False,
        url_safe: bool = False,
    ) -> ImageUse:
        """An image in base64. `prefixed`: the format requires a data URI, whose prefix declares the type.

        `url_safe`: the API takes the url-safe alphabet too.
        """
        payload = self.document.payload(data)
        key, known = ("image", prefixed, url_safe, int(self.fields)), payload.known
        seen = known.get(key)
        if not isinstance(seen, _SeenImage):
            text = inspect(payload, prefixed=prefixed, url_safe=url_safe)
            readable = text.repairable and text.length > 0
            facts = facts_of(text, self.fields) if readable else None
            prefix = len(text.prefix) if prefixed else 0
            seen = _SeenImage(
                facts, text.prefix_media_type, text.length - prefix, text.flaws, text.repairable
            )
            known[key] = seen
        facts, type_of_prefix, size, flaws, repairable = seen
        use = ImageUse(
            location=location,
            origin=Origin.BASE64,
            facts=facts,
            declared=type_of_prefix if prefixed else declared,
            base64_size=size,
            flaws=flaws,
            repairable=repairable,
            role=self.role,
            inside=inside,
            turn=self.turn,
            digest=self._digest(payload),
            source_type="base64",
            oversized=oversized,
            toolset=self.toolset if inside == _RESULT else None,
            detail=detail,
        )
        # at the place where it was in an earlier body, an image is the same object: its findings are known
        if known.setdefault(_USE, use) == use:
            use = cast("ImageUse", known[_USE])
        self.images.append(use)
        return use

    def pdf(self, data: str, *, declared: str | None = PDF, prefixed: bool = False) -> "PdfData":
        """The pages and the size of a document in base64; `declared` is its media type, None if unknown.

        With `prefixed` a data URI declares the type.
        """
        from imgbudget.imageinfo.pdf import NOT_A_PDF, count_pages  # noqa: PLC0415 - request

        text = inspect(self.document.payload(data), prefixed=prefixed)
        if not text.repairable:
            return PdfData(None, text.byte_size, f"its base64 {text.flaws[-1]}")
        pages, reason = count_pages(text.read, text.byte_size, time_for_pages.get())
        if reason == NOT_A_PDF and (text.prefix_media_type or declared or PDF) != PDF:
            reason = None  # a table or a text, which has no pages
        return PdfData(pages, text.byte_size, reason)

    def request(
        self,
        where: RequestBody,
        dialect: str,
        turns: Iterable[Turn],
        *,
        model: Any,
        platform: str | None = None,
    ) -> Request:
        """The request with everything collected; a `model` that is not a string is a flaw."""
        if model is not None and not isinstance(model, str):
            self.flaw(where.location.at("model"), f"model is {kind_of(model)}, not a string")
        first = self.first_unlisted
        rest = () if first is None else (unlisted_flaw(first, self.unlisted),)
        return Request(
            location=where.location,
            dialect=dialect,
            byte_size=where.byte_size,
            line=where.line,
            model=self.reference(model),
            platform=platform,
            turns=tuple(turns),
            images=tuple(self.images),
            documents=tuple(self.documents),
            flaws=(*self.flaws, *rest),
        )

    def _digest(self, payload: StringPayload) -> str | None:
        shared = self.lengths is None or self.lengths.shared(payload)
        return inspect(payload).digest() if shared and payload.length else None


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
                    stack.append(child)  # noqa: PERF401 - twice as fast as a generator for the few values of a block
    return lengths


def kind_of(value: Any) -> str:
    """The type of a JSON value with its article, for messages."""
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


_BUFFER_AS_TEXT = 'encode the bytes before: buffer.toString("base64")'
_ARRAY_AS_TEXT = "encode the bytes before, as base64"
_BYTES_AS_TEXT = (_BUFFER_AS_TEXT, _ARRAY_AS_TEXT)


def as_text_remedy(value: Any) -> str | None:
    """How to send bytes that became numbers in JSON; None for another value.

    JSON.stringify makes an object of a Buffer or a Uint8Array; an array is what it makes of `[...bytes]`,
    Python of `list(data)` and serde of a `Vec<u8>`.
    """
    if isinstance(value, dict):
        is_buffer = value.get("type") == "Buffer" or isinstance(value.get("0"), int)
        return _BUFFER_AS_TEXT if is_buffer else None
    return _ARRAY_AS_TEXT if isinstance(value, list) and value and isinstance(value[0], int) else None


def is_bytes_as_numbers(flaw: ShapeFlaw) -> bool:
    """Whether a flaw is that the bytes of an image are numbers, not text: that the block is one is sure."""
    return flaw.help in _BYTES_AS_TEXT


def each_message(
    collector: RequestCollector, messages: Any, location: Location
) -> Iterator[tuple[Location, dict[str, Any]]]:
    """The messages of a body with their locations; sets `collector.turn`. Invalid ones become flaws."""
    if not isinstance(messages, list):
        collector.flaw(location, f"messages is {kind_of(messages)}, not an array")
        return
    if not messages:
        collector.flaw(location, "messages is empty; the API requires at least one message")
    messages = collector.within_blocks(messages, location, "messages")
    for i, (message, here) in enumerate(zip(messages, location.items(len(messages)), strict=True)):
        if isinstance(message, dict):
            collector.turn = i
            yield here, message
        else:
            collector.flaw(here, f"a message is {kind_of(message)}, not an object")


class Dialect(NamedTuple):
    """One shape of a request body.

    `recognises` tests the JSON value and the outline of its turns. `read` converts it to a typed request,
    given the document of the body, the body, its location, and the fields needed of its images. `turns_key`
    is the key of the turns, which the dialect requires.
    """

    name: str
    recognises: Callable[[Any, TurnOutline], bool]
    read: Callable[[Document, Any, RequestBody, ProbeField], Request]
    turns_key: str = "messages"
