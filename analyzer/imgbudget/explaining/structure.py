"""Finds errors about images that are in no list of texts, by their structure."""

import re
from bisect import bisect
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

from imgbudget.explaining.details import bounds_of
from imgbudget.explaining.structures import STRUCTURES
from imgbudget.explaining.unrelated import is_foreign
from imgbudget.explaining.wording import ErrorPattern


@cache
def _expressions() -> tuple[tuple[ErrorPattern, re.Pattern[str]], ...]:
    """All expressions, which are compiled when a text needs them first."""
    return tuple((one.pattern, re.compile(text)) for one in STRUCTURES for text in one.expressions)


_ANCHORS = re.compile(
    r"image|picture|screenshot|photo|base64|vision|multi-?modal|inline_?data|too\s+(?:large|big)"
    r"|exceed|png|jpe?g|aspect|decompression bomb|incorrect padding|(?:un)?supported\s+(?:media|content)|mime"
)
_API = re.compile(
    r"(?:status|error|code|http\S{0,5}|failed)\W{0,6}[45]\d\d\b"
    r"|\b[45]\d\d\W{1,3}(?:bad |payload|request |unproc|\{)"
    r"|error code|api[ _]?error|invalid_request|bad_?request|validationexception|invalid_argument"
    r"|invalidparameter|[\"']error[\"']|request failed|exception:|litellm|\bllm\b|provider"
    r"|\b(?:messages|input|contents)[.\[]\d"
)
_ENDS = re.compile(
    r"[\"'`]\s*[,}\]]\s*(?:[\"',}\]]|$)|[\"']\s*:\s*b?[\"']|\n\s*\n"
    r"|\n(?=\s*(?:\d{4}-|\d\d:\d\d|[\[{<]|at |file \"|traceback|error\b|warn|info|debug))"
)
"""Where a message ends or begins: in JSON, a dict, or a log."""

_BEFORE, _BEHIND = 160, 320
_FEW_LINES, _LINE, _KEY = 3, 2000, 20
_NUMBER, _WHITE = re.compile(r"\d+"), re.compile(r"\s+")

_MOST_SENTENCES = 500
"""Different sentences of one input that are read in this way; each takes up to 80 ms if it is made for it."""


class KnownSentence(NamedTuple):
    """A sentence that is known by its structure: on one line, as it was written, and its offsets in the text.

    `match` is in the sentence in lower case.
    """

    pattern: ErrorPattern
    match: re.Match[str]
    sentence: str
    start: int
    end: int


def structures_in(written: str, text: str, known: Sequence[int]) -> Iterator[KnownSentence]:
    """The errors in a text that are known by their structure, at most one in each sentence.

    `text` is the text as it was written, in lower case.

    In a log, only lines that show an API's error are read: a program may report its own images too. `known`
    are the offsets of the messages that were recognized, whose lines are left out.
    """
    is_log = text.count("\n", 0, 20_000) > _FEW_LINES
    checked: set[str] = set()
    at = 0
    while anchor := _ANCHORS.search(text, at):
        start, end = _around(text, anchor.start(), anchor.end())
        at = max(end, anchor.end())
        begin, stop = _line_start(text, start), _line_end(text, end)
        if bisect(known, stop) > bisect(known, begin - 1):
            at = max(at, stop)
            continue
        # a log repeats its lines with other numbers
        line = _WHITE.sub(" ", text[start:end])
        sentence = _NUMBER.sub("0", line)
        if sentence in checked or len(checked) >= _MOST_SENTENCES:
            continue
        checked.add(sentence)
        around = (text[begin:stop], _error_around(text, start, end))
        if (is_log and not any(map(_API.search, around))) or any(map(is_foreign, around)):
            continue
        for pattern, expression in _expressions():
            if match := expression.search(line):
                checked.discard(sentence)
                yield KnownSentence(pattern, match, _WHITE.sub(" ", written[start:end]), start, end)
                break


def _around(text: str, start: int, end: int) -> tuple[int, int]:
    """The sentence around a word, as far as a message in JSON or a log reaches."""
    begin = max(0, start - _BEFORE)
    for stop in _ENDS.finditer(text, begin, start):
        begin = stop.end()
    stop_after = _ENDS.search(text, end, end + _BEHIND)
    return begin, stop_after.start() if stop_after else min(len(text), end + _BEHIND)


def _line_start(text: str, at: int) -> int:
    return max(text.rfind("\n", 0, at) + 1, at - _LINE)


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at, at + _LINE)
    return min(len(text), at + _LINE) if end < 0 else end


def _error_around(text: str, start: int, end: int) -> str:
    """The object of JSON around a sentence with its key, if it is short; else empty."""
    low = max(0, start - _LINE)
    near = text[low : end + _LINE]
    bounds = bounds_of(near, [(start - low, end - low)])[0]
    is_short = bounds is not None and bounds.end - bounds.start <= _LINE
    return near[max(0, bounds.start - _KEY) : bounds.end] if bounds and is_short else ""
