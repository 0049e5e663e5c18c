"""JSON of any length, read forwards: the elements of its outer two levels, one at a time, with their spans.

A list of a million annotations needs the memory of one of them. The bytes are read as Latin-1, so that
positions in the text are those in the file; an element that is not ASCII is parsed again from its UTF-8.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from imgbudget.errors import UnreadableError
from imgbudget.model.location import Keys
from imgbudget.slotted import dataclass

STEP = 1 << 20
"""Bytes that are read at a time, and the length up to which an object of the second level is one element."""

MOST_ELEMENT = 256 << 20
"""Bytes of one element above which the text is not read on."""

_BOM = b"\xef\xbb\xbf"
_BLANKS = " \t\r\n"
_MARGIN = 16
"""Characters before the end in which a mistake may be a value that is not complete yet."""

_MORE_DIGITS = 4
"""Characters that show whether a number goes on: `1e+` is one before its last digit is there."""

_OPEN_STRING = "Unterminated string"
_OTHER_ENCODINGS = (b"\xff\xfe", b"\xfe\xff")

_latin = json.JSONDecoder().raw_decode


class Element(NamedTuple):
    """A value: the number of its document, its keys in that, the value, and its span in bytes.

    `keys` has one key for a member of the document or an element of its list, two for what is a level deeper,
    and none for a document that is neither object nor list.
    """

    document: int
    keys: Keys
    value: Any
    start: int
    end: int


@dataclass(slots=True)
class _ReadWindow:
    """The part of the text around the current position; `base` is the offset of its first byte."""

    read: Callable[[int], bytes]
    text: str = ""
    base: int = 0
    at: int = 0
    ended: bool = False

    def more(self) -> bool:
        """Read as much again as there is, so that a long element is not copied often; False at the end."""
        kept = self.text[self.at :]
        if len(kept) > MOST_ELEMENT:
            raise UnreadableError(
                f"a value of more than {MOST_ELEMENT >> 20} MB before byte {self.base + self.at}"
            )
        data = b"" if self.ended else self.read(max(STEP, len(kept)))
        if not data:
            self.ended = True
            return False
        self.base += self.at
        self.text, self.at = kept + data.decode("latin-1"), 0
        return True

    def peek(self) -> str:
        """The next character that is not blank, empty at the end."""
        while True:
            text, at, length = self.text, self.at, len(self.text)
            while at < length and text[at] in _BLANKS:
                at += 1
            self.at = at
            if at < length:
                return text[at]
            if not self.more():
                return ""

    def value(self) -> tuple[Any, int, int]:
        """The value at the current position, and its span.

        Raises:
            ValueError: it is not JSON. RecursionError: it is nested too deeply.
        """
        self.peek()
        while True:
            try:
                value, end = _latin(self.text, self.at)
            except json.JSONDecodeError as error:
                incomplete = error.pos >= len(self.text) - _MARGIN or error.msg.startswith(_OPEN_STRING)
                if incomplete and self.more():
                    continue
                raise self.mistake(error.msg, error.pos - self.at) from None
            if end > len(self.text) - _MORE_DIGITS and self.more():  # a number may go on
                continue
            start = self.base + self.at
            if not (raw := self.text[self.at : end]).isascii():
                value = json.loads(raw.encode("latin-1"))
            self.at = end
            return value, start, self.base + end

    def fits(self) -> bool:
        """Whether the object at the current position is short enough to be one element."""
        if len(self.text) - self.at < STEP:
            self.more()
        try:
            _latin(self.text, self.at)
        except json.JSONDecodeError:
            return self.ended  # what is wrong is reported as the element is read
        return True

    def mistake(self, message: str, ahead: int = 0) -> ValueError:
        """The error of something that is not JSON here."""
        return ValueError(
            f"not JSON: {message[:1].lower()}{message[1:]} at byte {self.base + self.at + ahead}"
        )


def elements(read: Callable[[int], bytes]) -> Iterator[Element]:
    """The elements of one JSON document, or of several that follow each other.

    `read` returns up to so many bytes, none at the end. An object is one document; its lists, and its objects
    that are longer than a window, come in parts. Of equal keys each is an element.

    Raises:
        ValueError: it is not JSON; what was before has come. UnreadableError: an element is too long.
    """
    head = read(STEP)
    if head.startswith(_OTHER_ENCODINGS):
        raise UnreadableError("not UTF-8: it begins as UTF-16 does; save it as UTF-8")
    begin = len(_BOM) if head.startswith(_BOM) else 0
    window = _ReadWindow(read, head.decode("latin-1"), 0, begin)
    number = 0
    while mark := window.peek():
        if mark in "[{":
            for keys, value, start, end in _container(window, (), deeper=mark == "{"):
                yield Element(number, keys, value, start, end)
        else:
            value, start, end = window.value()
            yield Element(number, (), value, start, end)
        number += 1


def _container(window: _ReadWindow, path: Keys, *, deeper: bool) -> Iterator[tuple[Keys, Any, int, int]]:
    """The members of the object or list at the current position; with `deeper` those of its members."""
    is_object = window.text[window.at] == "{"
    close = "}" if is_object else "]"
    window.at += 1
    number = 0
    if window.peek() == close:
        window.at += 1
        return
    while True:
        key: str | int = number
        if is_object:
            if window.peek() != '"':
                raise window.mistake("expected a key in double quotes")
            key = window.value()[0]
            if window.peek() != ":":
                raise window.mistake("expected ':' behind a key")
            window.at += 1
        mark = window.peek()
        if deeper and (mark == "[" or (mark == "{" and not window.fits())):
            yield from _container(window, (*path, key), deeper=False)
        else:
            value, start, end = window.value()
            yield (*path, key), value, start, end
        number += 1
        after = window.peek()
        if after not in (",", close) or not after:
            raise window.mistake(f"expected ',' or '{close}'")
        window.at += 1
        if after == close:
            return
