"""Image payloads in plain text, such as logs, scripts, YAML and prose; the text is read in windows.

A payload begins where a run of base64 characters does, so that one inside a longer run is none.
"""

import re
from collections.abc import Iterator
from functools import cache

from imgbudget.jsontext.alphabet import ALPHABET
from imgbudget.jsontext.scanner import LongString, stats_of
from imgbudget.jsontext.source import JsonSource
from imgbudget.jsontext.strings import MAX_STRING, StringPayload
from imgbudget.model.location import Location, Span
from imgbudget.model.subjects import ImageUse, ProbeField
from imgbudget.namedtuples import NamedTuple
from imgbudget.requests.payloads import ESCAPED_BLANK, LEAST, MAGIC, Form, image_of, is_image_type

WINDOW = 1 << 20
_NEAR = 256
"""Bytes around the begin of a run that show what it is."""

_RUN_BYTES = ALPHABET + b"-_\\"
"""Bytes of a run: base64 in both alphabets, and the backslash of escapes in it."""

_IN_RUN = bytes(byte in _RUN_BYTES for byte in range(256))
_RUN = b"\1" * LEAST
_LONGEST_LINE = 200
"""Most characters of a line of base64 that was broken into lines; most writers break at 64 or 76."""


@cache
def _magic() -> re.Pattern[bytes]:
    return re.compile(f"(?:{ESCAPED_BLANK})*+(?={MAGIC})".encode())


@cache
def _uri() -> re.Pattern[bytes]:
    return re.compile(rb"([\w.+-]+/[\w.+-]+)?(?:;[\w=.\"+-]*)*;base64,$", re.IGNORECASE)


@cache
def _next_line() -> re.Pattern[bytes]:
    return re.compile(rb"(=*)\r?\n[ \t>#*]*([A-Za-z0-9+/_-]+={0,2})(?=[ \t]*(?:\r?\n|$))")


@cache
def _padding() -> re.Pattern[bytes]:
    return re.compile(rb"={0,2}")


@cache
def _omission() -> re.Pattern[bytes]:
    return re.compile(
        rb"\s?(?:\.\.|\xe2\x80\xa6|\\u2026|&hellip;|[\[<(]\s*(?:\.|\xe2\x80\xa6|trunc|snip|omit|cut|\d))",
        re.IGNORECASE,
    )


_ESCAPES = rb"\\+(?:u00(2[bB]|2[fF]|3[dD])|[nrt])?|[\s]+"
"""Escapes of JSON in base64, at any level: of `+`, `/` and `=`, of line breaks, and of slashes."""


def _escaped(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode()) if match[1] else b""


_MARKS = ("iVBORw0KGgo", "/9j/", "R0lGOD", "UklGR", ";base64,")
"""A quick look for an image in prose: how base64 of the common formats begins, or how a data URI does."""


class TextPayload(NamedTuple):
    """A payload in a text: byte offsets, and what `image_of` needs."""

    start: int
    end: int
    payload: StringPayload
    form: Form
    declared: str | None
    wrapped: bool
    cut: bool


def text_payloads(source: JsonSource, start: int = 0, end: int | None = None) -> Iterator[TextPayload]:
    """The payloads of a text, in order, from byte `start` to `end`. Raises OSError and UnreadableError."""
    stop = source.size if end is None else end
    at = start
    while at < stop:
        low = max(at - _NEAR, start)
        wanted = min(at - low + WINDOW, stop - low)
        block = source.pread(wanted, low)
        if len(block) <= at - low:
            return
        is_last = len(block) < wanted or low + len(block) >= stop
        limit = len(block) if is_last else len(block) - 2 * _NEAR
        flags = block.translate(_IN_RUN)
        position = at - low
        while True:
            position = flags.find(_RUN, position)
            if position < 0 or position >= limit:
                at = low + max(limit, position)
                break
            is_start = position == 0 or not flags[position - 1]
            if is_start and (found := _begin(block, position)):
                payload = _read(source, low + position + found.skipped, stop, found)
                yield payload
                position = payload.end - low
                if position < limit:
                    continue
                at = payload.end
                break
            run_end = flags.find(0, position)
            if run_end < 0:
                at = low + len(block)
                break
            position = run_end


class _Begin(NamedTuple):
    """How a payload begins: the form, the declared type, and the bytes of escapes before it."""

    form: Form
    declared: str | None
    skipped: int


def _begin(block: bytes, position: int) -> _Begin | None:
    """How the payload at the beginning of a run begins; None if it is none."""
    magic = _magic().match(block, position)
    if block[max(position - 7, 0) : position].lower() == b"base64," and (
        match := _uri().search(block[max(position - _NEAR, 0) : position])
    ):
        declared = (match[1] or b"").decode("ascii", "replace").lower()
        if magic or is_image_type(declared):
            return _Begin(Form.URI, declared or None, magic.end() - position if magic else 0)
        return None
    return _Begin(Form.BARE, None, magic.end() - position) if magic else None


def _read(source: JsonSource, start: int, stop: int, begin: _Begin) -> TextPayload:
    """The payload that begins at byte `start`."""
    end, has_escapes = _end_of_run(source, start, stop)
    lines = _lines(source, start, end, stop) if end - start <= _LONGEST_LINE else []
    wrapped = bool(lines)
    if wrapped or has_escapes:
        raw = source.pread(min(end - start, MAX_STRING), start)
        text = re.sub(_ESCAPES, _escaped, raw)
        if not wrapped:
            end -= len(raw) - len(raw.rstrip(b"\\"))
        for line in lines:
            text += line.text
            end = line.end
        padding = _padding().match(source.pread(2, end)) if not text.endswith(b"=") else None
        text += padding[0] if padding else b""
        end += len(padding[0]) if padding else 0
        literal = text.decode("ascii", "replace")
        payload = StringPayload(None, None, len(literal), None, None, literal)
    else:
        match = _padding().match(source.pread(2, end))
        end = min(end + (len(match[0]) if match else 0), stop)
        stats = stats_of(LongString(start, end, None), source)
        payload = StringPayload(start, end, stats.length, source, stats, "")
    cut = _omission().match(source.pread(min(_NEAR, stop - end), end)) is not None
    return TextPayload(start, end, payload, begin.form, begin.declared, wrapped, cut)


def _end_of_run(source: JsonSource, start: int, stop: int) -> tuple[int, bool]:
    """The end of a run, and whether a backslash is in it."""
    at, size, has_escapes = start, _NEAR * 4, False
    while at < stop and (block := source.pread(min(size, stop - at), at)):
        size = min(2 * size, WINDOW)
        end = block.translate(_IN_RUN).find(0)
        has_escapes = has_escapes or block.find(b"\\", 0, len(block) if end < 0 else end) >= 0
        if end >= 0:
            return at + end, has_escapes
        at += len(block)
    return at, has_escapes


class _Line(NamedTuple):
    """A further line of base64, and its end in the text."""

    text: bytes
    end: int


def _lines(source: JsonSource, start: int, end: int, stop: int) -> list[_Line]:
    """The lines that continue a first line of base64: equally long ones, and a shorter one at the end."""
    lines: list[_Line] = []
    size, width, at = end - start, 0, end
    while size < MAX_STRING:
        block = source.pread(min(2 * _NEAR, stop - at), at)
        match = _next_line().match(block)
        if match is None or match[1]:
            break
        length = len(match[2])
        width = width or length
        if length > width or (not lines and length > _LONGEST_LINE):
            break
        at += match.end()
        size += length
        lines.append(_Line(match[2], at))
        if length < width or match[2].endswith(b"="):
            break
    if len(lines) > 1 and size % 4 and not (size - len(lines[-1].text)) % 4:
        lines.pop()  # a word of the text after unpadded base64
    return lines


class _Places:
    """Lines and columns of positions of a text, which must come in order."""

    def __init__(self, source: JsonSource, start: int, line: int) -> None:
        self._source = source
        self._at = self._line_start = start
        self._line = line

    def span(self, start: int, end: int) -> Span:
        """The span between two byte offsets."""
        return Span(start, end, *self._place(start), *self._place(end))

    def _place(self, offset: int) -> tuple[int, int]:
        while self._at < offset:
            block = self._source.pread(min(WINDOW, offset - self._at), self._at)
            if not block:
                break
            if newlines := block.count(b"\n"):
                self._line += newlines
                self._line_start = self._at + block.rindex(b"\n") + 1
            self._at += len(block)
        return self._line, 1 + self._characters(self._line_start, offset)

    def _characters(self, start: int, end: int) -> int:
        """The number of characters between two offsets: bytes that do not continue a character of UTF-8."""
        count = 0
        for at in range(start, end, WINDOW):
            block = self._source.pread(min(WINDOW, end - at), at)
            count += len(block.translate(None, _CONTINUING))
        return count


_CONTINUING = bytes(range(0x80, 0xC0))


class PlacedImage(NamedTuple):
    """An image in a text, and where it is."""

    use: ImageUse
    span: Span


class TextRange(NamedTuple):
    """A part of a text: byte offsets, and the number of the line that begins at byte `origin` before it."""

    start: int
    end: int
    line: int = 1
    origin: int = 0


def images_in_text(
    source: JsonSource, where: TextRange, location: Location, fields: ProbeField
) -> Iterator[PlacedImage | None]:
    """The images in a part of a text; None for each payload that is no image that can be checked.

    The images are numbered from the document of `location`. Raises OSError and UnreadableError.
    """
    places = _Places(source, where.origin, where.line)
    for found in text_payloads(source, where.start, where.end):
        use = image_at(found, location, fields)
        yield use and PlacedImage(use, places.span(found.start, found.end))
        if use is not None:
            location = location._replace(document=location.document + 1)


def holds_image(path: str) -> bool:
    """Whether an image is in the text at `path`; True if it cannot be read, so that it is reported."""
    try:
        with JsonSource.open(path) as source:
            found = images_in_text(source, TextRange(0, source.size), Location(path, ()), ProbeField.NONE)
            return any(image is not None for image in found)
    except OSError:
        return True


def may_have_images(source: JsonSource, *, named: bool) -> bool:
    """Whether bodies in a text may have images: there is one, or base64 may be a variable.

    The latter counts in a file that the user named, if nothing in it begins like an image.
    """
    is_doubtful = False
    for found in images_in_text(source, TextRange(0, source.size), Location("", ()), ProbeField.NONE):
        if found is not None:
            return True
        is_doubtful = True
    return named and not is_doubtful


def image_characters(payload: StringPayload) -> int:
    """The characters of the base64 of images in a string. Raises as `StringPayload.read` does."""
    source, start, end = payload.region or (None, 0, None)
    if source is None:
        text = payload.text(payload.length)
        if not any(mark in text for mark in _MARKS):
            return 0
        source = JsonSource.from_bytes(text.encode("utf-8", "replace"))
    place = Location("", ())
    return sum(
        use.base64_size or 0
        for found in text_payloads(source, start, end)
        if (use := image_at(found, place, ProbeField.NONE)) and use.visible_size
    )


def image_at(found: TextPayload, location: Location, fields: ProbeField) -> ImageUse | None:
    """The image of a payload of a text; None as from `image_of`."""
    return image_of(
        found.payload,
        location,
        fields,
        form=found.form,
        declared=found.declared,
        wrapped=found.wrapped,
        cut=found.cut,
    )
