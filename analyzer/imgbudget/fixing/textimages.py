"""Images that are sent as text: their base64 is taken out of the text and sent as image blocks.

The text before and after a payload stays byte for byte. A payload in quotes, brackets or tags is part of a
value, of Markdown or of HTML: there a mark takes its place, and the image follows the text.
"""

import json
import re
from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from imgbudget.errors import FixError
from imgbudget.jsontext.base64text import inspect
from imgbudget.jsontext.document import Document
from imgbudget.jsontext.edit import Layout, Region, Splice, SplicePart, as_json, value_at
from imgbudget.jsontext.source import JsonSource
from imgbudget.jsontext.strings import StringPayload
from imgbudget.model.edits import BlockEdit
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import ProbeField
from imgbudget.requests.base import outline
from imgbudget.requests.payloads import Form
from imgbudget.requests.reader import dialect_of
from imgbudget.requests.session_formats import MESSAGE_ROWS, session_format
from imgbudget.requests.textfinder import TextPayload, image_at, text_payloads

_TEXT, _DATA = "\x00text", "\x00data"
_STEP = 3 << 16

_Block = dict[str, Any]
_Piece = list[SplicePart]


class _Shape(NamedTuple):
    """How an API writes a text block and an image block; the marks stand for the text and the base64."""

    text: Callable[[], _Block]
    image: Callable[[str], _Block]
    lists: tuple[str, ...] = ("content",)
    """Keys of the arrays in which both may be."""
    strings: tuple[str, ...] = ("content",)
    """Keys of texts that may be an array of blocks instead."""


def _typed_text() -> _Block:
    return {"type": "text", "text": _TEXT}


def _untyped_text() -> _Block:
    return {"text": _TEXT}


def _uri(media_type: str) -> str:
    return f"data:{media_type};base64,{_DATA}"


_MESSAGES = _Shape(
    _typed_text,
    lambda kind: {"type": "image", "source": {"type": "base64", "media_type": kind, "data": _DATA}},
)
_CHAT = _Shape(_typed_text, lambda kind: {"type": "image_url", "image_url": {"url": _uri(kind)}})
_RESPONSES = _Shape(
    lambda: {"type": "input_text", "text": _TEXT},
    lambda kind: {"type": "input_image", "image_url": _uri(kind)},
    lists=("content", "output"),
    strings=("content", "output"),
)
_CONVERSE = _Shape(
    _untyped_text,
    lambda kind: {"image": {"format": kind.removeprefix("image/"), "source": {"bytes": _DATA}}},
    strings=(),
)
_GEMINI = _Shape(
    _untyped_text, lambda kind: {"inlineData": {"mimeType": kind, "data": _DATA}}, ("parts", "content"), ()
)
_GEMINI_PYTHON = _GEMINI._replace(image=lambda kind: {"inline_data": {"mime_type": kind, "data": _DATA}})
_PI = _Shape(_typed_text, lambda kind: {"type": "image", "data": _DATA, "mimeType": kind})

_SHAPES = {
    **dict.fromkeys(("messages", "bedrock-invoke", "claude-code", "cline"), _MESSAGES),
    **dict.fromkeys(("openai-responses", "codex"), _RESPONSES),
    **dict.fromkeys(("gemini", "gemini-cli", "gemini-checkpoint", "qwen-code"), _GEMINI),
    "openai-chat": _CHAT,
    "bedrock-converse": _CONVERSE,
    "pi": _PI,
}
"""By the dialect of a request, or by the format of a session, whose program reads what is written."""


def _shape_of(document: Document, location: Location) -> _Shape:
    """The shape of the blocks around a location. Raises FixError if it is not known."""
    value = document.value
    form = session_format(value)
    if form is not None and form.name != MESSAGE_ROWS:
        name = form.name
    else:
        body = [value] if form else value_at(document, (location.keys or ())[: location.root])
        dialect = next(filter(None, map(dialect_of, _bodies(body))), None)
        name = dialect.name if dialect else "of unknown shape"
        if name == "messages" and isinstance(body, dict) and _is_plain(body):
            return _shape_for(body.get("model"))
    if name not in _SHAPES:
        raise FixError(f"requests or sessions of this shape ({name}) have no image block beside a text")
    shape = _SHAPES[name]
    if shape is _GEMINI and _is_python(value):
        return _GEMINI_PYTHON
    return shape


_MESSAGES_KEYS = (
    "system",
    "anthropic_version",
    "anthropic_beta",
    "stop_sequences",
    "thinking",
    "output_config",
)


def _is_plain(body: dict[str, Any]) -> bool:
    """Whether nothing but its model shows to which API a body goes: all messages are texts."""
    return outline(body).kinds <= {"text"} and not any(key in body for key in _MESSAGES_KEYS)


def _shape_for(model: Any) -> _Shape:
    """The shape of the blocks in a plain body for a model. Raises FixError if it is not known."""
    if not isinstance(model, str) or "claude" in model.lower():
        return _MESSAGES
    if _of_chat(model):
        return _CHAT
    raise FixError(
        f"how a request for {model!r} writes an image is not known: its messages are those of several APIs"
    )


_of_chat = re.compile(
    r"(?:[\w.-]+/|ft:)*(?:gpt-|chatgpt-|o\d\b|gemini-|grok-|deepseek-(?:chat|reasoner)\b)", re.IGNORECASE
).match
"""The model of a request with `messages` that can only be one of chat completions."""


def _bodies(value: Any) -> Iterator[Any]:
    """A body, or what may be one if a list or an object is its turns."""
    yield value
    turns = value if isinstance(value, list) else [value]
    yield from ({key: turns} for key in ("messages", "input", "contents"))


def _is_python(value: Any) -> bool:
    """Whether a request of Gemini is spelled as its Python SDK does."""
    text = json.dumps(value, default=str)
    return '"inline_data"' in text or ('_instruction"' in text and '"inlineData"' not in text)


class _TextPlace(NamedTuple):
    """The place of a text: its block, or the string that may be an array; and the path to the string."""

    shape: _Shape
    outer: Keys
    string: Keys
    last: _Block
    """Members that the last block gets."""


def _text_place(document: Document, location: Location, shape: _Shape) -> _TextPlace:
    """The place of the text at a location.

    Raises:
        FixError: no image block may be there, or a block would lose more than the base64.
    """
    keys = location.keys or ()
    value, owner = value_at(document, keys), value_at(document, keys[:-1])
    if isinstance(value, str) and keys and keys[-1] in shape.strings:
        _permit(owner, shape)
        return _TextPlace(shape, keys, keys, {})
    if not isinstance(value, dict) or len(keys) < 2 or keys[-2] not in shape.lists:
        raise FixError("the text is in a place that takes no image block")
    known = shape.text()
    if value.get("type") != known.get("type"):
        raise FixError(f"the text is in a block of type {value.get('type')!r}, beside which no image may be")
    if others := value.keys() - known.keys() - {"cache_control"}:
        raise FixError(f"the text block has other members that would be lost: {', '.join(sorted(others))}")
    _permit(value_at(document, keys[:-2]), shape)
    last = {"cache_control": value["cache_control"]} if "cache_control" in value else {}
    return _TextPlace(shape, keys, (*keys, "text"), last)


def _permit(owner: Any, shape: _Shape) -> None:
    """Raise FixError if what contains the text takes only text."""
    if not isinstance(owner, dict):
        return
    if owner.get("is_error") is True and shape in (_MESSAGES, _PI):
        raise FixError("the API takes only text in the result of a tool that failed (is_error)")
    if owner.get("status") == "error" and shape is _CONVERSE:
        raise FixError("the API takes only text in the result of a tool that failed (status)")
    if owner.get("role") in ("tool", "function") and shape is _CHAT:
        raise FixError("the API takes only text in a message of a tool")


_prefix = re.compile(rb"data:[\w.+/\\-]*(?:;[\w=.\\\"+-]*)*;base64,(?:\\+[nrt])*$", re.IGNORECASE).search
_LONGEST_PREFIX = 256
_break = re.compile(rb"\\+[nrt]").search
_LONGEST_LINE = 200
_LONGEST_WRAPPED = 1 << 26
_ENCLOSED = ("''", '""', "``", "()", "[]", "<>", "><", "{}")
_blank = re.compile(rb"(?:\s|\\[nrtf]|\\u00(?:20|09|0[aAdD]|[aA]0))*").fullmatch


class _ImageInText(NamedTuple):
    """An image in a text: the bytes that it takes there, and its base64."""

    region: Region
    media_type: str
    payload: StringPayload
    is_enclosed: bool


def _images(source: JsonSource, region: Region) -> Iterator[_ImageInText]:
    """The images in a JSON string, whose text without quotes is at `region`."""
    for begun in text_payloads(source, *region):
        for found in _readings(source, begun):
            use = image_at(found, Location("", ()), ProbeField.INTEGRITY)
            if use is None or use.facts is None or use.facts.format is None or not use.visible_size:
                continue
            start = found.start
            if begun.form is Form.URI:
                low = max(region.start, start - _LONGEST_PREFIX)
                match = _prefix(source.pread(start - low, low))
                if match is None:
                    break
                start = low + match.start()
            yield _ImageInText(
                Region(start, found.end),
                f"image/{use.facts.format}",
                found.payload,
                _is_enclosed(source, Region(start, found.end), region),
            )
            break


def _readings(source: JsonSource, found: TextPayload) -> Iterator[TextPayload]:
    """What a payload may be, the most probable first: words after a line break may be no base64."""
    size = found.end - found.start
    first = _break(source.pread(min(size, _LONGEST_LINE + 8), found.start))
    at = found.start
    if first is None:
        while at < found.end and first is None:
            first = _break(source.pread(min(1 << 18, found.end - at), at))
            if first is None:
                at += (1 << 18) - 8
        if first is not None:
            yield from text_payloads(source, found.start, at + first.start())
            return
    elif size <= _LONGEST_WRAPPED:
        raw = source.pread(size, found.start)
        last = max((match.start() for match in re.finditer(rb"\\+[nrt]", raw)), default=size)
        yield from text_payloads(source, found.start, found.start + last)
    yield found


def _is_enclosed(source: JsonSource, payload: Region, text: Region) -> bool:
    """Whether a payload is in quotes, brackets or tags."""
    before = source.pread(1, payload.start - 1) if payload.start > text.start else b""
    after = source.pread(min(8, text.end - payload.end), payload.end).lstrip(b"\\")[:1]
    return (before + after).decode("latin-1") in _ENCLOSED


@dataclass(slots=True, eq=False)
class TextImages:
    """The images of one text, which become image blocks."""

    edit: BlockEdit
    place: _TextPlace

    def paths(self, _document: Document) -> Iterator[Keys]:
        """The paths whose spans the splice needs."""
        yield self.place.outer
        yield self.place.string

    def splice(self, layout: Layout) -> Splice:
        """The change of the file.

        Raises:
            FixError: no image in the text can be taken out.
        """
        start, end = layout.region(self.place.string)
        text = Region(start + 1, end - 1)
        found = list(_images(layout.source, text))
        if not found:
            raise FixError("the base64 in the text is that of no image that can be decoded")
        pieces = list(_pieces(layout.source, text, found))
        outer = layout.region(self.place.outer)
        comma, spaced = self._comma(layout, outer)
        # a text block without other members is copied around each piece of its text
        own = Region(outer.start, text.start), Region(text.end, outer.end)
        parts: list[SplicePart] = []
        for number, piece in enumerate(pieces):
            more = self.place.last if number == len(pieces) - 1 else {}
            parts += [comma] if number else []
            if isinstance(piece, list) and outer.start + 1 != text.start and not self.place.last:
                parts += [own[0], *piece, own[1]]
            else:
                parts += _block(self.place.shape, piece, more, spaced=spaced)
        if self.place.outer == self.place.string:
            parts = [b"[", *parts, b"]"]
        return Splice(*outer, tuple(parts))

    def _comma(self, layout: Layout, outer: Region) -> tuple[bytes, bool]:
        """What separates blocks, as in the block or beside the text that is replaced."""
        sample = layout.read(max(outer.start - 8, 0), outer.start + 32)
        spaced = b": " in sample or b", " in sample
        return (b", " if spaced else b","), spaced


def _pieces(
    source: JsonSource, text: Region, found: Iterable[_ImageInText]
) -> Iterator[_ImageInText | _Piece]:
    """The text in pieces, without blank ones, and the images between and after them."""
    at = text.start
    for group in _groups(found):
        enclosed = sum(one.is_enclosed for one in group)
        piece: _Piece = []
        for number, one in enumerate(group, 1):
            piece.append(Region(at, one.region.start))
            at = one.region.end
            if one.is_enclosed:
                which = "the image" if enclosed == 1 else f"image {number}"
                piece.append(f"[sent as {which} below]".encode())
        if not group or group[-1].is_enclosed:
            piece.append(Region(at, text.end))
            at = text.end
        if not _is_blank(source, piece):
            yield piece
        yield from group
    if not _is_blank(source, [Region(at, text.end)]):
        yield [Region(at, text.end)]


def _groups(found: Iterable[_ImageInText]) -> Iterator[list[_ImageInText]]:
    """The images that follow the same piece of the text: those in brackets, up to one that divides it."""
    group: list[_ImageInText] = []
    for one in found:
        group.append(one)
        if not one.is_enclosed:
            yield group
            group = []
    if group:
        yield group


def _is_blank(source: JsonSource, piece: _Piece) -> bool:
    """Whether a piece of a text has no words: the API refuses such a block."""
    for part in piece:
        if not isinstance(part, Region) or part.end - part.start > _STEP:
            return False
        if not _blank(source.pread(part.end - part.start, part.start)):
            return False
    return True


def _block(
    shape: _Shape, piece: _ImageInText | _Piece, more: _Block, *, spaced: bool
) -> Iterator[SplicePart]:
    """A block as parts of a splice."""
    if isinstance(piece, list):
        head, tail = _around(shape.text() | more, _TEXT, spaced=spaced)
        yield from (head, *piece, tail)
        return
    head, tail = _around(shape.image(piece.media_type) | more, _DATA, spaced=spaced)
    yield from (head, partial(_base64, piece), tail)


def _around(block: _Block, mark: str, *, spaced: bool) -> tuple[bytes, bytes]:
    """The JSON text of a block before and after the mark in it."""
    head, _, tail = as_json(block, spaced=spaced).partition(as_json(mark)[1:-1])
    return head, tail


def _base64(found: _ImageInText) -> Iterator[bytes | Region]:
    """The base64 of an image, in the form that every API takes."""
    text = inspect(found.payload, url_safe=True)
    for at in range(0, text.byte_size, _STEP):
        yield b2a_base64(text.read(_STEP, at), newline=False)


def text_images(
    document: Document, edits: Iterable[BlockEdit], refuse: Callable[[Location, FixError], None]
) -> list[TextImages]:
    """The texts whose images become blocks; `refuse` gets the others, with the reason."""
    found = []
    shapes: dict[Keys, _Shape] = {}
    for edit in edits:
        location = edit.location
        body = (location.keys or ())[: location.root]
        try:
            if body not in shapes:
                shapes[body] = _shape_of(document, location)
            found.append(TextImages(edit, _text_place(document, location, shapes[body])))
        except FixError as error:
            refuse(edit.location, error)
    return found


def splices(
    layout: Layout, texts: Iterable[TextImages], refuse: Callable[[Location, FixError], None]
) -> Iterator[tuple[BlockEdit, Splice]]:
    """The changes of the file, each with its edit; `refuse` gets those that cannot be made."""
    for text in texts:
        try:
            yield text.edit, text.splice(layout)
        except FixError as error:
            refuse(text.edit.location, error)
