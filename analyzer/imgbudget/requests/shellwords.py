"""One word of a shell command as the program gets it: quoted parts side by side, and escapes.

Variables and commands stay as they are written, since their values are not in the file.
"""

import re
from functools import cache

from imgbudget.jsontext.relaxed import Rewriter, Rewritten

_MOST_PARTS = 20_000
"""Most parts of a word side by side: a text of so many apostrophes is no body."""


@cache
def _double() -> re.Pattern[str]:
    return re.compile(
        r'[^"\\$]++|\\(["\\$`\n])|\\|\$\([^()"\']*+(?:"[^"]*+"[^()"\']*+|\'[^\']*+\'[^()"\']*+)*+\)|\$'
    )


@cache
def _ansi() -> re.Pattern[str]:
    return re.compile(r"[^'\\]++|\\(?:u([0-9a-fA-F]{1,4})|x([0-9a-fA-F]{1,2})|(.))", re.DOTALL)


@cache
def _bare() -> re.Pattern[str]:
    return re.compile(r"[^\s\"'\\;|&<>()$]++|\\(.)|\$(?!')", re.DOTALL)


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "a": "\a", "e": "\x1b"}


def word_at(text: str, start: int) -> Rewritten | None:
    """The word whose first quote is at `start`, or the dollar before it; None if a quote is not closed."""
    made, at = Rewriter(start), start
    made.breaks.clear()
    for _ in range(_MOST_PARTS):
        if at >= len(text):
            break
        if text[at] == "'":
            end = text.find("'", at + 1)
            if end < 0:
                return None
            made.breaks.append((made.length, at + 1))
            made.add(text[at + 1 : end], end, end - at - 1)
            at = end + 1
        elif text[at] == '"':
            end = _parts(_double(), text, at + 1, '"', made)
            at = end + 1
        elif text.startswith("$'", at):
            end = _parts(_ansi(), text, at + 2, "'", made)
            at = end + 1
        elif match := _bare().match(text, at):
            made.breaks.append((made.length, at))
            made.add(match[1] or match[0], match.end(), match.end() - at)
            at = end = match.end()
        else:
            break
        if end < 0:
            return None
    else:
        return None
    return made.done(at)


def _parts(part: re.Pattern[str], text: str, at: int, quote: str, made: Rewriter) -> int:
    """Add the parts up to a quote; returns its position, -1 if there is none."""
    made.breaks.append((made.length, at))
    while match := part.match(text, at):
        made.add(_plain(match), match.end(), match.end() - at)
        at = match.end()
    return at if text.startswith(quote, at) else -1


def _plain(match: re.Match[str]) -> str:
    """A part without its escape; what a command prints is unknown, so nothing is in its place."""
    found, groups = match[0], match.groups()
    if found.startswith("$("):
        return ""
    code = groups[0] or groups[1] if len(groups) > 1 else None
    if code:
        return chr(int(code, 16))
    char = groups[-1]
    if char is None:
        return found
    return _ESCAPES.get(char, char) if len(groups) > 1 else char.replace("\n", "")
