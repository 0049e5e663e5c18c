"""Base64 text as it is sent: its sizes, its flaws, and the decoded bytes at any offset."""

import re
from binascii import a2b_base64
from bisect import bisect_right
from collections.abc import Hashable, Iterator
from io import BytesIO

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.alphabet import ALPHABET
from imgbudget.jsontext.strings import StringPayload, count_characters, foreign_characters
from imgbudget.slotted import dataclass, field

BLANK = r"[\s\xad\u180e\u200b-\u200f\u2060\ufeff]"
"""A blank character in a pattern: white space of Unicode, or a character of no width."""

_BLANKS = (
    " \t\r\n\v\f\x1c\x1d\x1e\x1f\x85\xa0\xad\u1680"
    "\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
)
_NO_BLANKS = dict.fromkeys(map(ord, _BLANKS))
_URL_SAFE = "-_"
_URL_SAFE_TABLE = bytes.maketrans(b"-_", b"+/")
_NO_BASE64 = bytes(sorted(set(range(256)) - set(ALPHABET) - set(_URL_SAFE.encode())))
_TAIL_BYTES = (0, 0, 1, 2)  # bytes decoded from 0, 1, 2, 3 characters after the last four
_PADDING = (b"", b"=", b"==")
_IDENTITY = ((0, 0),)
_LONGEST_PREFIX = 512
_LONGEST_TAIL = 4096
_STEP = 1 << 14
_HASH_STEP = 1 << 18
_READ = 3 << 16
"""Bytes that are decoded at a time."""
_SHOWN = 5
_LONGEST_SHOWN = 64
_PREFIXES = rf"(?:{BLANK}*(?:data:([^,;]*)(?:;[^,]*)?|([\w.+-]+/[\w.+-]+);base64),)+"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base64Text:
    """One base64 text.

    `length` counts characters as sent, `byte_size` decoded bytes. `flaws` are clauses on what the API would
    refuse; `repairable` is whether the bytes can be decoded anyway. `prefix` is the data-URI prefix with its
    comma (all of them, if several), `prefix_media_type` the media type of the last one, in lower case.
    """

    length: int
    byte_size: int
    flaws: tuple[str, ...]
    repairable: bool
    prefix: str
    prefix_media_type: str | None
    _payload: StringPayload = field(repr=False)
    _characters: int = field(repr=False)
    _url_safe: bool = field(repr=False)
    _index: tuple[tuple[int, int], ...] = field(repr=False)

    @property
    def in_memory(self) -> bool:
        """Whether the text is in memory, not left in the file."""
        return self._payload.start is None

    @property
    def known(self) -> dict[Hashable, object]:
        """What is remembered of all equal texts of the file."""
        return self._payload.known

    def read(self, size: int, offset: int) -> bytes:
        """The decoded bytes at `offset`, fewer than `size` only at the end; decodes only that part.

        Characters that are not base64 are skipped. Raises as `StringPayload.read` does.
        """
        end = min(offset + size, self.byte_size)
        if offset >= end:
            return b""
        if end - offset > _READ:
            # in pieces, so that text and bytes of a large image are not in memory together
            made = BytesIO()
            for at in range(offset, end, _READ):
                made.write(self.read(min(_READ, end - at), at))
            return made.getvalue()
        first, last = offset // 3 * 4, min(-(-end // 3) * 4, self._characters)
        flawless = self._index is _IDENTITY
        text = (self._payload.read if flawless else self._clean)(last - first, first)
        data = _decoded(text + b"=" * (-len(text) % 4))
        return data[offset % 3 : offset % 3 + end - offset]

    __call__ = read

    def each(self, offset: int, step: int, count: int) -> bytes:
        """Up to `count` decoded bytes, at `offset`, `offset + step` and so on; skips the bytes between them.

        Raises as `read` does.
        """
        count = min(count, -((offset - self.byte_size) // step))
        if count <= 0:
            return b""
        first = offset // 3 * 4
        last = min((offset + (count - 1) * step) // 3 * 4 + 4, self._characters)
        text = self._clean(last - first, first)
        found = bytearray(count)
        for phase in range(min(3, count)):  # every third byte has the same position in its four characters
            at = offset + phase * step
            number = len(found[phase::3])
            quads = bytearray(b"A") * (4 * number)
            for i in range(4):
                part = text[at // 3 * 4 - first + i :: 4 * step][:number]
                quads[i : 4 * len(part) : 4] = part
            found[phase::3] = _decoded(quads)[at % 3 :: 3]
        return bytes(found)

    def digest(self) -> str:
        """The SHA-256 of the text as sent, in hexadecimal; reads in pieces. Raises as `read` does."""
        digest = self.known.get("digest")
        if not isinstance(digest, str):
            digest = self.known["digest"] = self._digest()
        return digest

    def _digest(self) -> str:
        from hashlib import sha256  # noqa: PLC0415 - rare

        text = sha256()
        for at in range(0, self.length, _HASH_STEP):
            text.update(self._payload.read(_HASH_STEP, at))
        return text.hexdigest()

    def _clean(self, size: int, offset: int) -> bytes:
        """Characters in the standard alphabet; offsets count no prefix, padding or foreign characters."""
        i = bisect_right(self._index, (offset, self.length)) - 1
        clean, at = self._index[i]
        if len(self._index) == 1:
            text = self._payload.read(size, at + offset)
            return text.translate(_URL_SAFE_TABLE) if self._url_safe else text
        parts = []
        while clean < offset + size and at < self.length:
            part = _cleaned(self._payload.read(_STEP, at))
            parts.append(part[max(offset - clean, 0) : offset + size - clean])
            clean += len(part)
            at += _STEP
        return b"".join(parts)


def _decoded(text: bytes | bytearray) -> bytes:
    """Decode text that was clean when it was scanned."""
    try:
        return a2b_base64(text)
    except ValueError:
        raise UnreadableError("was changed while it was read") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Composition:
    """The prefix of a payload, and the number of characters of each kind after it."""

    prefix: str
    characters: int
    equals: int
    blanks: int
    url_safe: int
    foreign: dict[str, int]


def _composition(payload: StringPayload, prefix: str) -> _Composition:
    counts = dict(payload.foreign())
    if prefix:
        in_prefix: dict[str, int] = {}
        count_characters(in_prefix, foreign_characters(prefix))
        for character, count in in_prefix.items():
            counts[character] = counts.get(character, 0) - count
    equals = counts.pop("=", 0)
    blanks = sum(counts.pop(character, 0) for character in _BLANKS)
    url_safe = sum(counts.pop(character, 0) for character in _URL_SAFE)
    foreign = {character: count for character, count in counts.items() if count > 0}
    return _Composition(
        prefix=prefix,
        characters=payload.length - len(prefix) - equals - blanks - sum(foreign.values()),
        equals=equals,
        blanks=blanks,
        url_safe=url_safe,
        foreign=foreign,
    )


def inspect(
    payload: StringPayload, *, prefixed: bool = False, url_safe: bool = False, wrapped: bool = False
) -> Base64Text:
    """Check a payload as base64; reads its ends, and all of it only if it has to be cleaned.

    With `prefixed` the format requires a data URI, so one prefix is valid. With `url_safe` the API takes the
    url-safe alphabet too, with `wrapped` line breaks are those of the file.
    Raises as `StringPayload.read` does.
    """
    if flawless := _flawless(payload):
        return flawless
    match = re.match(_PREFIXES, payload.text(_LONGEST_PREFIX), re.IGNORECASE)
    composition = _composition(payload, match[0] if match else "")
    ending = payload.text(_LONGEST_TAIL, max(payload.length - _LONGEST_TAIL, 0)) if composition.equals else ""
    damage = tuple(_damage(composition, ending))
    repairs = tuple(_repairs(composition, prefixed=prefixed, url_safe=url_safe, wrapped=wrapped))
    start = len(composition.prefix)
    contiguous = not composition.foreign and _is_contiguous(payload, composition)
    index = ((0, start),) if contiguous else tuple(_index(payload, start))
    characters = composition.characters if contiguous else index[-1][0]
    return Base64Text(
        length=payload.length,
        byte_size=characters // 4 * 3 + _TAIL_BYTES[characters % 4],
        flaws=repairs + (damage or tuple(_padding(composition))),
        repairable=not damage,
        prefix=composition.prefix,
        prefix_media_type=((match[1] or match[2] or "").strip().lower() or None) if match else None,
        _payload=payload,
        _characters=characters,
        _url_safe=composition.url_safe > 0,
        _index=index,
    )


def _flawless(payload: StringPayload) -> Base64Text | None:
    """A payload without any flaw, the common case; else None."""
    foreign, length = payload.foreign(), payload.length
    padding = foreign.get("=", 0)
    if len(foreign) > (padding > 0) or padding >= len(_PADDING) or length % 4 or not length:
        return None
    if padding and payload.read(padding, length - padding) != _PADDING[padding]:
        return None
    return Base64Text(
        length=length,
        byte_size=length // 4 * 3 - padding,
        flaws=(),
        repairable=True,
        prefix="",
        prefix_media_type=None,
        _payload=payload,
        _characters=length - padding,
        _url_safe=False,
        _index=_IDENTITY,
    )


def _repairs(composition: _Composition, *, prefixed: bool, url_safe: bool, wrapped: bool) -> Iterator[str]:
    """The flaws that can be repaired."""
    count = composition.prefix.count(",")
    if count > prefixed:
        shown = composition.prefix[:_LONGEST_SHOWN] + "…" * (len(composition.prefix) > _LONGEST_SHOWN)
        yield f"starts with {'a' if count == 1 else count} data-URI prefix{'es' * (count > 1)} ({shown})"
    if composition.blanks and not wrapped:
        kind = "line breaks or blanks" if composition.blanks > 1 else "line break or blank"
        yield f"holds {composition.blanks} {kind}"
    if composition.url_safe and not url_safe:
        yield "uses the url-safe alphabet (- and _)"


def _damage(composition: _Composition, ending: str) -> Iterator[str]:
    """The flaws that cannot be repaired."""
    if composition.foreign:
        shown = ", ".join(repr(character) for character in list(composition.foreign)[:_SHOWN])
        more = ", …" if len(composition.foreign) > _SHOWN else ""
        yield f"holds characters outside the alphabet: {shown}{more}"
    elif not composition.characters:
        yield "is empty"
    elif not ending.translate(_NO_BLANKS).endswith("=" * composition.equals):
        yield "holds padding (=) before its end"
    elif composition.characters % 4 == 1:
        yield "length is not a multiple of four"


def _padding(composition: _Composition) -> Iterator[str]:
    due = -composition.characters % 4
    if composition.equals == due:
        return
    if composition.equals:
        verb = "is" if due < 2 else "are"
        yield f"padding is wrong ({composition.equals} = where {due or 'none'} {verb} due)"
    else:
        yield f"padding is missing ({'=' * due})"


def _is_contiguous(payload: StringPayload, composition: _Composition) -> bool:
    """Whether padding and blanks, if any, are at the end only, so that nothing has to be cleaned."""
    beside = composition.equals + composition.blanks
    if beside > _LONGEST_TAIL:
        return False
    return not payload.text(beside, payload.length - beside).strip("=" + _BLANKS)


def _index(payload: StringPayload, start: int) -> Iterator[tuple[int, int]]:
    """Pairs of offsets, in the cleaned text and in the payload, one per step, and the end of both."""
    clean = 0
    for at in range(start, payload.length, _STEP):
        yield clean, at
        clean += len(_cleaned(payload.read(_STEP, at)))
    yield clean, payload.length


def _cleaned(text: bytes) -> bytes:
    return text.translate(_URL_SAFE_TABLE, _NO_BASE64)
