"""Finds known error messages in a text or a whole log, with their numbers, status and location."""

import difflib
import re
from bisect import bisect
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from imgbudget.explaining.details import UNKNOWN_CODE, Bounds, Details, bounds_of, details_in, error_codes
from imgbudget.explaining.patterns import ERROR_PATTERNS
from imgbudget.explaining.structure import structures_in
from imgbudget.explaining.unrelated import is_foreign, subject_of
from imgbudget.explaining.wording import PLACE, ErrorPattern, fixed_part, pattern

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_FRAME = re.compile("[\u2502\u2503\u2551\u2575\u258f\u2595\u23bf\u23fa\u25cf\u25cb]")
"""Lines and marks that the screens of agents draw beside a text."""

_QUOTED = re.compile(r"^[ \t]*>+[ \t]?", re.MULTILINE)
_UNQUOTED = re.compile(r"^[ \t]*[^>\s]", re.MULTILINE)
_ESCAPE = re.compile(r"(?<!\\)\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\"'])|[nrt])")
_ENTITY = re.compile(r"&(gt|lt|quot|apos|amp|#39|#x27|#34);", re.IGNORECASE)
_ENTITIES = {"gt": ">", "lt": "<", "quot": '"', "apos": "'", "amp": "&", "#39": "'", "#x27": "'", "#34": '"'}

_BREAK = r"(?:[ \t]*\n[ \t]*)?"  # a terminal may break a line at a dot
_ROOT = (
    rf"(?:\w+\.)*(?:messages|system|(?:input|contents)(?=[.\[]))"
    rf"(?:{_BREAK}\.{_BREAK}[\w-]+|\.?\[\d+\])*"
)
_LOCATION = re.compile(rf"(?<![\w.])({_ROOT})\s*:\s*$|[\"']({_ROOT})[\"']\s*[:.,]?\s*$")
_LEADING = re.compile(rf"\s*({_ROOT})\s*:")
_INDEX = re.compile(r"(?:^|\.)(?:messages|system|input|contents)\b.*\d")
_BEFORE = 400
"""Characters before a message that are searched for its location and status."""

_STATUS = re.compile(
    r"\b(?:error code|api error|https?(?:/[\d.]+)?|status(?:[ _-]?code)?)[\"']?\s*[:=]?\s*\(?([45]\d\d)\b",
    re.IGNORECASE,
)
_ENVELOPE = re.compile(
    r"[\"']error[\"']\s*:\s*\{[^{}]{0,300}?[\"']message[\"']\s*:\s*b?([\"'])(.{1,500}?)\1\s*[,}]", re.DOTALL
)
_VALIDATION = re.compile(r"ValidationException\)?(?: when calling the \w+ operation)?:\s*(\S[^\n]{0,500})")
_SUSPECT = re.compile(r"error|exceed|invalid|refus|reject|not (?:allowed|supported)", re.IGNORECASE)

_ALIKE = 0.6
"""Least similarity, 0 to 1, of a known message that is suggested for an unknown one."""

_FEW_WRAPPED = 12
"""Lines of a text that may be one message in a narrow terminal."""

_WRAPPED = re.compile(r"[ \t]*\n[ \t]*")
_LONGEST = 500
_FEW_LINES = 3
_SUSPECTS = 5


class Match(NamedTuple):
    """A known message found in the input: `line` is its first line, from 1.

    `text` is on one line. `measured` and `limit` are in the unit of `pattern`; `values` are the other values
    in the message, by name. `status` is the HTTP status given in the log, else the usual one. `paths` are
    the blocks that a structured error names, all of them.
    """

    pattern: ErrorPattern
    text: str
    line: int
    status: int
    location: str | None = None
    measured: float | None = None
    limit: float | None = None
    values: tuple[tuple[str, str], ...] = ()
    occurrences: int = 1
    paths: tuple[str, ...] = ()


class Unknown(NamedTuple):
    """An unknown error message, with the most similar known one, if any.

    `about` is what it is about if that is not an image: `a rate limit or quota`, `authentication`, ...
    """

    text: str
    line: int
    nearest: ErrorPattern | None = None
    occurrences: int = 1
    about: str | None = None


class Explanation(NamedTuple):
    """The known and the unknown messages of an input, each once, in order."""

    matches: tuple[Match, ...]
    unknown: tuple[Unknown, ...]


class _Hit(NamedTuple):
    """A known message at an offset of the input, and the line of its start; `found` is in lower case.

    `bounds` are those of the structured error around it. If only the structure of its sentence is known,
    `sentence` is that on one line, and `found` is in it.
    """

    start: int
    line: int
    pattern: ErrorPattern
    found: re.Match[str]
    bounds: Bounds | None = None
    sentence: str | None = None
    sentence_end: int = 0

    @property
    def end(self) -> int:
        """The offset of its end in the input."""
        return self.sentence_end if self.sentence is not None else self.found.end()


def explain(text: str) -> Explanation:
    """Recognise the error messages in a text: a message, a JSON error, a traceback, an HTML page or a log."""
    text = _plain(text)
    found = _explain(text)
    if not _is_verbatim(found) and 0 < text.count("\n") < _FEW_WRAPPED:
        # a terminal broke a word in two; the lines of the text are lost
        joined = _explain(_WRAPPED.sub("", text))
        found = joined if _is_verbatim(joined) else found
    return found


def _is_verbatim(explanation: Explanation) -> bool:
    return any(not match.pattern.structural for match in explanation.matches)


def _explain(text: str) -> Explanation:
    lines = [found.start() for found in re.finditer("\n", text)]
    hits = _hits(text, lines)
    matches: dict[Match, Match] = {}
    for hit in hits:
        match = _match(text, hit)
        first = matches.setdefault(match._replace(line=0), match._replace(occurrences=0))
        matches[match._replace(line=0)] = first._replace(occurrences=first.occurrences + 1)
    unknown: dict[str, Unknown] = {}
    for start, message in _others(text, hits):
        other = unknown.setdefault(message, Unknown(message, bisect(lines, start) + 1, occurrences=0))
        unknown[message] = other._replace(occurrences=other.occurrences + 1)
    return Explanation(
        tuple(matches.values()),
        tuple(_described(other) for other in unknown.values()),
    )


def _described(other: Unknown) -> Unknown:
    about = subject_of(other.text)
    return other._replace(about=about, nearest=None if about else _nearest(other.text))


def _plain(text: str) -> str:
    """The text without colours, frames, escapes of JSON and repr, and HTML entities, with the same lines."""
    text = _FRAME.sub(" ", _ANSI.sub("", text))
    if text.lstrip().startswith(">") and not _UNQUOTED.search(text):
        text = _QUOTED.sub("", text)
    return _ENTITY.sub(lambda found: _ENTITIES[found[1].lower()], _ESCAPE.sub(_unescape, text))


def _unescape(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    if code:
        char = chr(int(code, 16))
        return char if char.isprintable() else " "
    return found[3] or " "


def _hits(text: str, lines: list[int]) -> list[_Hit]:
    """The known messages, without overlaps; a loose one only on a line without any other."""
    lower = _lower(text)
    found = [
        _Hit(match.start(), bisect(lines, match.start()) + 1, known, match)
        for known in ERROR_PATTERNS
        if fixed_part(known.wording) in lower
        for match in pattern(known.wording).finditer(lower)
    ]
    taken: list[_Hit] = []
    end = 0
    for hit in sorted((hit for hit in found if _grade(hit) == 0), key=lambda hit: hit.start):
        if hit.start >= end:
            taken.append(hit)
            end = hit.found.end()
    taken += [hit for hit in found if _grade(hit)]
    codes = {hit.start for hit in taken if hit.pattern.typed}
    taken += [
        _Hit(code.start(1), bisect(lines, code.start(1)) + 1, UNKNOWN_CODE, code)
        for code in error_codes(lower)
        if code.start(1) not in codes
    ]
    taken = _without_foreign(lower, taken)
    verbatim = sorted(hit.start for hit in taken if hit.pattern is not UNKNOWN_CODE)
    taken += [
        _Hit(one.start, bisect(lines, one.start) + 1, one.pattern, one.match, None, one.sentence, one.end)
        for one in structures_in(text, lower, verbatim)
    ]
    return sorted(_one_per_error(text, taken, lines), key=lambda hit: hit.start)


def _without_foreign(lower: str, hits: list[_Hit]) -> list[_Hit]:
    """The hits without texts that are not known verbatim on a line about something else than an image."""
    about: dict[tuple[int, int], bool] = {}
    kept = []
    for hit in hits:
        if hit.pattern.loose:
            line = lower.rfind("\n", max(0, hit.start - _LONGEST), hit.start) + 1
            part = (line, hit.start // _LONGEST)
            if part not in about:
                end = lower.find("\n", hit.found.end(), hit.found.end() + _LONGEST)
                begin = max(line, hit.start - _LONGEST)
                about[part] = is_foreign(lower[begin : end if end >= 0 else hit.found.end() + _LONGEST])
            if about[part]:
                continue
        kept.append(hit)
    return kept


def _grade(hit: _Hit) -> int:
    """0 for a message known verbatim, 1 for the code of an error, 2 and 3 for what yields to both."""
    return 3 if hit.pattern.structural else 2 if hit.pattern.loose else 1 if hit.pattern.typed else 0


def _one_per_error(text: str, hits: list[_Hit], lines: list[int]) -> Iterator[_Hit]:
    """The hits without codes and loose texts of an error, or a line, that has a better one."""
    hits = sorted(hits, key=lambda hit: hit.start)
    bounds = bounds_of(text, [_span(hit) for hit in hits])
    hits = [hit._replace(bounds=bound) for hit, bound in zip(hits, bounds, strict=True)]
    errors: set[Bounds] = set()
    matched_lines: set[int] = set()
    for hit in sorted(hits, key=_grade):
        if hit.pattern is UNKNOWN_CODE and not (hit.bounds and _places(details_in(text, hit.bounds))):
            continue
        grade = _grade(hit)
        if (grade and hit.bounds in errors) or (
            (grade >= 2 or (grade and hit.bounds is None)) and matched_lines & _lines_of(hit, lines)
        ):
            continue
        yield hit
        matched_lines |= _lines_of(hit, lines)
        if hit.bounds:
            errors.add(hit.bounds)


def _span(hit: _Hit) -> tuple[int, int]:
    return (hit.start, hit.end) if hit.sentence is not None else hit.found.span()


def _lower(text: str) -> str:
    """The text in lower case, as long as it was: a few letters of other scripts would grow."""
    lower = text.lower()
    return lower if len(lower) == len(text) else re.sub("[A-Z]+", lambda found: found[0].lower(), text)


def _lines_of(hit: _Hit, lines: list[int]) -> set[int]:
    """The lines that a hit covers."""
    return set(range(hit.line, bisect(lines, max(hit.start, hit.end - 1)) + 2))


def _match(text: str, hit: _Hit) -> Match:
    before = text[max(0, hit.start - _BEFORE) : hit.start]
    line_before = before.rpartition("\n")[2]
    location = _LOCATION.search(before)
    stated = _STATUS.findall(line_before)
    whole = text if hit.sentence is None else hit.sentence
    groups = {
        name: whole[slice(*hit.found.span(name))] for name, value in hit.found.groupdict().items() if value
    }
    values = {name: value for name, value in groups.items() if name in _SHOWN}
    measured, limit = _number(values.pop("measured", None)), _number(values.pop("limit", None))
    if "pages" in values and "images" in values:
        measured = (_number(values["pages"]) or 0) + (_number(values["images"]) or 0)
    words = whole[slice(*hit.found.span())].partition("<")[0]
    places = [
        location[1] or location[2] if location else "",
        (groups.get("place") or groups.get("image_place", "")).strip("."),
    ]
    known = hit.pattern
    if hit.sentence:
        words = _MESSAGE_KEY.split(hit.sentence)[-1].strip(_AROUND)
        place = _PLACE.search(hit.sentence)
        places.append(place[0].strip(".") if place else "")
    paths: tuple[str, ...] = ()
    if hit.bounds:
        details = details_in(text, hit.bounds)
        paths = _paths(details)
        if known.typed:
            words, limit = details.message or hit.found[hit.found.lastindex or 0], details.limit
            leading = _LEADING.match(words)
            places.append(leading[1] if leading else "")
        if details.param and _INDEX.search(details.param):
            places.append(details.param)
    return Match(
        pattern=_for_limit(known, limit),
        text=_one_line(words),
        line=hit.line,
        status=int(stated[-1]) if stated else known.status,
        location=_joined(next(filter(None, (*places, *paths)), None)),
        measured=measured,
        limit=limit,
        values=tuple(values.items()),
        paths=paths,
    )


def _places(details: Details) -> tuple[str, ...]:
    """All places in a request that an error names."""
    return (*_paths(details), *filter(_INDEX.search, filter(None, (details.param,))))


def _paths(details: Details) -> tuple[str, ...]:
    """The paths of an error that are places in a request; logs have files under that name."""
    return tuple(path for path in details.paths if _INDEX.search(path))


def _for_limit(known: ErrorPattern, limit: float | None) -> ErrorPattern:
    """The pattern with the rule for this limit first."""
    rule = next((rule for most, rule in known.by_limit if most == limit), None)
    if rule is None or rule == known.rule:
        return known
    return known._replace(rule=rule, also=tuple(code for code in known.codes if code != rule.code))


_SHOWN = ("measured", "limit", "pages", "images", "declared", "actual", "size", "target", "tag", "toolset")
"""Names of a wording whose values are shown; the others only fill gaps."""


def _number(text: str | None) -> float | None:
    digits = _SEPARATORS.sub("", text or "")
    if digits.count(".") > 1:
        digits = digits.replace(".", "")
    if not digits or not digits[0].isdigit():
        return _NUMERALS.get(digits)
    return float(digits) if "." in digits else int(digits)


_MESSAGE_KEY = re.compile(r"[\"']message[\"']\s*[:=]\s*b?[\"']")
_AROUND = " \t\r\n\"'`{}[],:;"
_PLACE = re.compile(PLACE)

_SEPARATORS = re.compile(r"[,_'\u2019\u00a0\u2009\u202f\s]")
_NUMERALS = {"one": 1, "two": 2}


def _joined(location: str | None) -> str | None:
    """A location without the line breaks of a terminal."""
    return "".join(location.split()) if location else None


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST]


def _others(text: str, hits: list[_Hit]) -> Iterator[tuple[int, str]]:
    """The unknown error messages, each with its offset."""
    found = False
    begins = [hit.start for hit in hits]
    errors = sorted({hit.bounds for hit in hits if hit.bounds})
    for expression, group in ((_ENVELOPE, 2), (_VALIDATION, 1)):
        for message in expression.finditer(text):
            start, end = message.span(group)
            at = bisect(begins, start)
            if (at and hits[at - 1].end > start) or (at < len(hits) and begins[at] < end):
                continue
            error = errors[max(bisect(errors, Bounds(start, start)) - 1, 0)] if errors else None
            if error and error.start <= start < error.end and bounds_of(text, [(start, end)])[0] == error:
                continue
            found = True
            yield start, _one_line(message[group])
    if hits or found:
        return
    lines = [(at, line) for at, line in _lines(text) if line.strip()]
    if len(lines) <= _FEW_LINES:
        for at, _ in lines[:1]:
            yield at, _one_line(text)
        return
    suspects = [(at, line) for at, line in lines if _SUSPECT.search(line)] or lines
    for at, line in suspects[-_SUSPECTS:]:
        yield at, _one_line(line)


def _lines(text: str) -> Iterable[tuple[int, str]]:
    at = 0
    for line in text.splitlines(keepends=True):
        yield at, line
        at += len(line)


def _nearest(message: str) -> ErrorPattern | None:
    """The known message most similar to this one, None if none is similar enough."""
    mine = re.sub(r"\d+", "0", re.sub(r"^(?:messages|system)(?:\.[\w-]+)*\s*:\s*", "", message)).lower()
    best, most = None, _ALIKE
    for known in ERROR_PATTERNS:
        if known.loose:
            continue
        likeness = difflib.SequenceMatcher(None, mine, known.plain.lower(), autojunk=False).ratio()
        if likeness > most:
            best, most = known, likeness
    return best
