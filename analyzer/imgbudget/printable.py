"""Text for terminals and logs: every line of output is made here, and what comes from outside cannot act.

File names, JSON, configurations and answers of servers hold what others wrote. Whatever a terminal or a CI
server would obey is written as an escape: control characters, characters that hide or reorder text, line
breaks, broken UTF-8, and the marks by which CI servers recognise commands. All other text stays readable.

`joined` makes lines, each from text that may hold anything: a line break inside it starts no new line, and
only colours of `painted` are colours. `several_lines` is for texts that are lines themselves.
"""

import codecs
import os
import re
from collections.abc import Iterable
from functools import cache

_HIDDEN = (
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters of ASCII and Latin-1
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0"  # blank, or hints to typesetters
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f"  # no width, or the direction of text
    "\u2028\u2029"  # ends of lines and paragraphs
    "\ud800-\udfff"  # surrogates: bytes of names that are not UTF-8, halves of characters in JSON
    "\ufdd0-\ufdef\ufe00-\ufe0d\ufeff\ufff0-\ufffb\ufffe\uffff"  # no characters, or invisible
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff"  # invisible, and letters as invisible tags
    "]"
)
_SHORT = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}

_COLON = r"^[\s\ufe0e\ufe0f]*:"
"""A colon that is first on a line, blanks aside: GitHub may take what follows for a command (`::error::`)."""

_HASH = r"(?<=#)#(?=[^\s#\\])"
_AFTER_HASHES = r"(?<=##)[^\s#\\]"
"""Two hashes before a word: Azure, TeamCity and GitHub may take it for a command (`##vso[`, `##[`)."""

_PLAIN = bytes(code for code in range(32, 127) if code != ord("#"))

_BEGIN = f"<{os.urandom(12).hex()}>"
"""Stands for the start of a colour until a line is finished; no text from outside can contain it."""


_ASCII = {
    "→": "->",
    "←": "<-",
    "×": "x",
    "²": "^2",
    "…": "...",
    "–": "-",
    "—": "-",
    "\u2212": "-",
    "\u2018": "'",
    "\u2019": "'",
    "“": '"',
    "”": '"',
    "≤": "<=",
    "≥": ">=",
    "\u00a0": " ",
}
"""What stands for characters of our own texts where an encoding has none of them."""

READABLE = "imgbudget.readable"
"""The name of the error handler for output: what its encoding lacks is replaced, or written as an escape."""


def readable(error: UnicodeError) -> tuple[str, int]:
    """What is written for a character that the encoding of an output lacks, as an error handler of codecs."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    character = error.object[error.start]
    return _ASCII.get(character) or _code(character), error.start + 1


codecs.register_error(READABLE, readable)


def as_encoded(text: str, encoding: str | None) -> str:
    """The text as an output in this encoding shows it; unchanged without one."""
    if encoding is None or text.isascii():
        return text
    return text.encode(encoding, READABLE).decode(encoding)


def one_line(text: str) -> str:
    """Text of any origin on one line, with escapes for all that a terminal or a CI server would obey."""
    if text.isascii() and text.isprintable() and "##" not in text:
        return text
    text = _pattern(_HIDDEN).sub(_escape, text)
    return _pattern(_HASH).sub(_escape, text) if "##" in text else text


def joined(lines: Iterable[str]) -> str:
    """Lines of output, each ended by a line feed; whatever is in a line stays on it."""
    lines = list(lines)
    if not lines:
        return ""
    text = "\n".join(lines)
    if not _is_plain(text, len(lines) - 1):
        text = "\n".join([_line(line) for line in lines])
    return f"{text}\n".replace(_BEGIN, "\x1b[")


def blocks(texts: Iterable[str]) -> str:
    """Texts of finished lines, with a blank line between them."""
    return "\n".join(texts)


def harmless(json_text: str) -> str:
    """JSON in ASCII with the same values, and nothing in it that a terminal or a CI server would obey."""
    text = json_text.replace("\x7f", "\\u007f")
    return _pattern(_HASH).sub(r"\\u0023", text) if "##" in text else text


_MARKUP = r"[\\`*_\[\]<>|~#&$@]"
_REFERENCE = r"(?i)(?<=[@#!])(?=\w)|(?<=:)(?=//)|(?<=\bwww)(?=\.)"
"""Where GitHub and GitLab make links even of escaped text: mentions, numbers of issues, addresses."""


def markdown(text: str) -> str:
    """Text of any origin as words in Markdown and its tables: no markup, links, images, HTML or mentions."""
    text = one_line(text)
    if text.isalnum():
        return text
    parts = _pattern(_REFERENCE).split(text)
    return "&#8203;".join([_pattern(_MARKUP).sub(r"\\\g<0>", part) for part in parts])


def painted(text: str, codes: str) -> str:
    """Part of a line in ANSI codes; only what `joined` finishes is coloured."""
    return f"{_BEGIN}{codes}m{text}{_BEGIN}0m"


class SeveralLines:
    """Text from outside that comes in pieces and keeps its line breaks and tabs; the rest as in `joined`."""

    def __init__(self) -> None:
        self._begun = ""
        """Stands for the line so far: blank, or not, with its last two characters."""

    def add(self, text: str) -> str:
        """The next piece, as it is shown."""
        first, *rest = text.replace("\r\n", "\n").split("\n")
        shown = [self._part(first)]
        for part in rest:
            self._begun = ""
            shown.append(self._part(part))
        return "\n".join(shown)

    def _part(self, text: str) -> str:
        text = "\t".join([_pattern(_HIDDEN).sub(_escape, piece) for piece in text.split("\t")])
        start, line = len(self._begun), self._begun + text
        shown: list[str] = []
        at = start
        for found in _pattern(f"{_COLON}|{_AFTER_HASHES}").finditer(line):
            if found.end() > start:
                shown += (line[at : found.end() - 1], _code(line[found.end() - 1]))
                at = found.end()
        shown.append(line[at:])
        self._begun = f"-{line[-2:]}" if line.strip() else line[:1]
        return "".join(shown)


def several_lines(text: str) -> str:
    """Text from outside with its line breaks and tabs; the rest as in `joined`."""
    return SeveralLines().add(text)


def _is_plain(text: str, breaks: int) -> bool:
    """Whether a text is ASCII with nothing to escape and that many line breaks, as nearly all text is."""
    if not text.isascii() or " :" in text or "\n:" in text or text[:1] == ":":
        return False
    return len(text.encode("ascii").translate(None, _PLAIN)) == breaks


def _line(line: str) -> str:
    if line.isascii() and line.isprintable() and "##" not in line and line.lstrip()[:1] != ":":
        return line
    return _pattern(f"{_COLON}|{_HASH}").sub(_escape, _pattern(_HIDDEN).sub(_escape, line))


def _escape(found: re.Match[str]) -> str:
    """What was found, its last character escaped."""
    text = found[0]
    return text[:-1] + _code(text[-1])


def _code(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return _SHORT.get(character) or f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)
