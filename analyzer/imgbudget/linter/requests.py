"""Lints the requests of one file, and locates each finding in its text."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, TypeAlias

from imgbudget.config.settings import DEFAULT_PLATFORM
from imgbudget.jsontext.document import Document
from imgbudget.jsontext.lines import excerpt
from imgbudget.jsontext.source import JsonSource
from imgbudget.limits.bound import Limits
from imgbudget.limits.values import figure
from imgbudget.linter.context import LintContext
from imgbudget.linter.prefixes import SentPrompts, recorded_edits
from imgbudget.linter.rule_sets import RuleRunner
from imgbudget.model.fixes import DeclareType, DropBlock
from imgbudget.model.location import UNEDITED, Keys, Location, Span, TextEdit
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.results import UNFINISHED, FileResult, RequestResult, RowCounts
from imgbudget.model.subjects import (
    Block,
    Finding,
    FixSafety,
    ImageUse,
    Nested,
    Request,
    Severity,
    ShapeFlaw,
    walk_blocks,
)
from imgbudget.planner.from_findings import replacements, without_images
from imgbudget.requests.base import MOST_FLAWS, unlisted_flaw
from imgbudget.requests.claude_requests import (
    LONG_CONTEXT,
    MOST_BASE64,
    MOST_BASE64_ELSEWHERE,
    MOST_MEDIA,
    MOST_MEDIA_LONG,
    newest_media,
)
from imgbudget.requests.reader import shortened
from imgbudget.slotted import dataclass, field

if TYPE_CHECKING:
    from imgbudget.requests.cassettes import Cassette
    from imgbudget.requests.foreign import ForeignBody

Located: TypeAlias = "Document | Cassette | ForeignBody"
"""What findings are located in: a JSON document, a recording in YAML, a body in other text."""

_RESENT = "the session sends it again with each turn: every later one fails with it"

_WINDOW = 1 << 16


def sort_key(finding: Finding) -> tuple[int, str]:
    """The sort key of findings of one file."""
    return (finding.span.start if finding.span else 0, finding.code)


def with_resend_note(finding: Finding) -> Finding:
    """Add to an error in a session that every later turn fails too."""
    if finding.severity is not Severity.ERROR or not finding.location.prefix:
        return finding
    return finding._replace(help=f"{finding.help}; {_RESENT}" if finding.help else _RESENT)


def reason_of(reasons: Iterable[str]) -> str:
    """Why a file was skipped, from the reasons of its documents."""
    distinct = list(dict.fromkeys(reasons))
    if not distinct:
        return "holds no JSON document"
    more = f" (and {len(distinct) - 1} more)" if len(distinct) > 1 else ""
    return f"{'' if distinct[0].startswith('a request') else 'no request: '}{distinct[0]}{more}"


def with_edits(findings: Iterable[Finding], document: Document) -> tuple[Finding, ...]:
    """The findings on one document, each with the text edit of its fix, if it has one."""
    findings = tuple(findings)
    paths = {path for finding in findings for path in _edited_paths(finding)}
    if not paths:
        return findings
    spans = document.spans(paths)
    return tuple(finding._replace(edit=_edit(finding, spans)) for finding in findings)


def _edited_paths(finding: Finding) -> tuple[Keys, ...]:
    """The paths of the values that the fix of a finding may edit."""
    keys = finding.location.keys
    if not keys:
        return ()
    match finding.fix:
        case DeclareType():
            return ((*keys, "media_type"), (*keys, "format"), (*keys[:-1], "format"))
        case DropBlock() if isinstance(keys[-1], int):
            return (keys, _beside(keys, -1), _beside(keys, 1))
        case DropBlock():
            return (keys,)
        case _:
            return ()


def _edit(finding: Finding, spans: Mapping[Keys, Span]) -> TextEdit | None:
    found = [spans.get(path) for path in _edited_paths(finding)]
    match finding.fix, found:
        case DeclareType(media_type), [declared, *formats]:
            if declared:
                return TextEdit(declared, json.dumps(media_type))
            named = next((span for span in formats if span), None)
            return named and TextEdit(named, json.dumps(media_type.rpartition("/")[2]))
        case DropBlock(), [Span() as block, before, after]:
            if before:  # the comma is removed with the block
                return TextEdit(_span_between(before, block, from_end=True), "")
            return after and TextEdit(_span_between(block, after, from_end=False), "")
        case DropBlock(), [Span() as text]:  # a `content` that is an empty string
            return TextEdit(text, "[]")
        case _:
            return None


def _beside(keys: Keys, step: int) -> Keys:
    return (*keys[:-1], int(keys[-1]) + step)


def _span_between(first: Span, last: Span, *, from_end: bool) -> Span:
    """From the end of `first` to the end of `last`, or from the start of one to the start of the other."""
    if from_end:
        return Span(first.end, last.end, first.end_line, first.end_column, last.end_line, last.end_column)
    return Span(first.start, last.start, first.line, first.column, last.line, last.column)


@dataclass(slots=True)
class ByteColumns:
    """Columns of one file in bytes; the start of each line is searched backwards, once."""

    source: JsonSource
    _starts: dict[int, int] = field(default_factory=dict)

    def of(self, finding: Finding) -> Finding:
        """The finding with the byte columns of its span and its edit."""
        span, edit = finding.span, finding.edit
        return finding._replace(
            span=span and self._in_bytes(span), edit=edit and edit._replace(span=self._in_bytes(edit.span))
        )

    def _in_bytes(self, span: Span) -> Span:
        return span._replace(
            byte_column=span.start - self._start(span.line, span.start) + 1,
            end_byte_column=span.end - self._start(span.end_line, span.end) + 1,
        )

    def _start(self, line: int, offset: int) -> int:
        """The first byte of the line that contains `offset`."""
        if line not in self._starts:
            end, newline = offset, -1
            while end > 0 and newline < 0:
                begin = max(end - _WINDOW, 0)
                newline = self.source.pread(end - begin, begin).rfind(b"\n")
                end = begin
            self._starts[line] = end + newline + 1
        return self._starts[line]


def _span_in(spans: Mapping[Keys, Span], location: Location) -> Span | None:
    """The span of a location; that of the whole document for one in a document that is JSON in a string."""
    whole = spans.get(()) if location.outer_depth == UNEDITED else None
    return spans.get(location.outer_path, whole)


def _is_batch_entry(request: Request) -> bool:
    """Whether a row is to be sent with the others of its file, by its envelope or its custom_id."""
    return request.dialect == "batches" or request.id is not None


@dataclass(slots=True)
class _Unlisted:
    """Flaws that are counted only: where the first one is, and how many there are."""

    location: Location
    span: Span | None
    count: int = 0


@dataclass(slots=True, kw_only=True)
class CheckedRequests:
    """The requests of a file and their findings, as far as they are not delivered yet.

    `flaws` is how many flaws of the file are listed; the others are counted in `unlisted`, by severity.
    """

    context: LintContext
    source: JsonSource
    path: str
    lines: bool
    findings: list[Finding] = field(default_factory=list)
    images: list[tuple[ImageUse, Limits]] = field(default_factory=list)
    requests: list[RequestResult] = field(default_factory=list)
    flaws: int = 0
    unlisted: dict[Severity | None, _Unlisted] = field(default_factory=dict)
    caveats: dict[str, None] = field(default_factory=dict)
    missed: bool = False
    sent: SentPrompts = field(default_factory=SentPrompts)
    runner: RuleRunner = field(init=False)
    columns: ByteColumns = field(init=False)

    def __post_init__(self) -> None:
        """Choose the rules for the path."""
        self.runner = self.context.paths.runner(self.path)
        self.columns = ByteColumns(self.source)

    def unfinished(self, line: int) -> None:
        """Pass over the last line of a session, which its agent is still writing."""
        self.leave_unread(f"line {line}: {UNFINISHED}")

    def leave_unread(self, what: str) -> None:
        """Keep what of the file could not be read, as a clause."""
        self.caveats[what] = None
        self.missed = True

    def request(self, request: Request) -> Iterator[Finding]:
        """Check and keep a request with its images; yields the findings, without spans."""
        if request.flaws:
            request = request._replace(flaws=tuple(self._listed(request.flaws)))
        if request.dialect == "transcript" or (self.lines and not _is_batch_entry(request)):
            request = request._replace(is_record=True)
        if request.keeps_newest:
            request = self._newest(request)
        test = self.context.bind(request)
        self.images.extend(test.images)
        if request.prompt is not None or request.recorded:
            edits = (*filter(None, (self.sent.edit_of(test),)), *recorded_edits(test))
            test = test.changed_to(request._replace(prompt=None, edits=edits, recorded=()))
            request = test.request
        if request.history or request.clearing:
            self.caveats |= dict.fromkeys(_left_to_the_server(test))
        yield from self.runner.check_request(test)
        for use, _ in test.images:
            self._name_unread(use)
        tokens = test.visual_tokens
        span = test.tokens_range if test.is_contradictory else None
        uncounted = test.uncounted
        if self.lines and request.dialect != "transcript":
            test = test.changed_to(shortened(request))
        self.requests.append(RequestResult(test, tokens, span, uncounted))

    def session(self, request: Request) -> Iterator[Finding]:
        """Check and keep the request of a session; an image that cannot be decoded may give way to a text."""
        found = [with_resend_note(finding) for finding in self.request(request)]
        lost = [it for it in found if it.severity is Severity.ERROR and it.fix is None]
        texts = replacements(self.requests[-1].test) if lost else {}
        for finding in found:
            text = texts.get(finding.location)
            if text is None or finding.severity is not Severity.ERROR or finding.fix is not None:
                yield finding
            else:
                yield finding._replace(fix=text, fix_safety=FixSafety.SAFE)

    def loose_image(self, use: ImageUse, *, named: bool) -> Iterator[Finding]:
        """Check and keep an image that belongs to no request of a known shape; yields findings without fixes.

        Only with `named`, if the user named the file, advice is given too.
        """
        limits = self.context.limits()
        self.images.append((use, limits))
        runner = self.runner if named else self.context.paths.narrow_runner(self.path)
        for finding in runner.check_image(use, limits):
            yield finding._replace(fix=None, fix_safety=None)
        self._name_unread(use)

    def _name_unread(self, use: ImageUse) -> None:
        """Keep why the text or the pixels of an image could not be read, if rules asked for them."""
        if unread := self.context.text_unread(use):
            self.leave_unread(f"{use.location.dotted}: text not checked: {unread}")
        pixels = use.facts.pixels if use.facts else None
        if pixels is not None and pixels.flaw is not None:
            self.leave_unread(f"{use.location.dotted}: pixels not checked: {pixels.flaw}")

    def _newest(self, request: Request) -> Request:
        """The request of a session as its program sends it, without its oldest images."""
        limits = self.context.limits(request)
        long = limits.context_tokens is not None and limits.context_tokens.value >= LONG_CONTEXT
        most = MOST_MEDIA_LONG if long else MOST_MEDIA
        is_direct = limits.platform == DEFAULT_PLATFORM
        request, left = newest_media(request, most, MOST_BASE64 if is_direct else MOST_BASE64_ELSEWHERE)
        if left:
            self.context.note(
                f"{self.path}: {left} of the oldest images and documents not checked: near the limits ({most}"
                " in a request) Claude Code leaves out the oldest, and the model no longer sees them"
            )
        return request

    def malformed(
        self,
        location: Location,
        message: str,
        remedy: str | None = None,
        severity: Severity | None = None,
        span: Span | None = None,
    ) -> list[Finding]:
        """The findings on a request of which only a flaw is known; none if enough of the file are listed."""
        flaws = self._listed([ShapeFlaw(location, message, remedy, severity)], span)
        return [finding for flaw in flaws for finding in self._flawed(flaw)]

    def _listed(self, flaws: Iterable[ShapeFlaw], span: Span | None = None) -> Iterator[ShapeFlaw]:
        """The flaws that are listed; the others are counted. `span` is that of all of them."""
        for flaw in flaws:
            if self.flaws < MOST_FLAWS:
                self.flaws += 1
                yield flaw
            else:
                first = self.unlisted.setdefault(flaw.severity, _Unlisted(flaw.location, span))
                first.count += flaw.repeats

    def _flawed(self, flaw: ShapeFlaw) -> list[Finding]:
        request = Request(location=flaw.location, dialect="unknown", byte_size=0, flaws=(flaw,))
        return self.runner.check_request(self.context.bind(request))

    def add_unlisted(self) -> None:
        """Keep the findings that stand for the flaws of the file that are not listed."""
        for severity, rest in self.unlisted.items():
            found = self._flawed(unlisted_flaw(rest.location, rest.count, severity))
            self.findings.extend(self.placed(finding, rest.span) for finding in found)
        self.unlisted.clear()

    def add_flaw(self, location: Location, span: Span, message: str) -> None:
        """Keep the findings on a malformed request at a span."""
        found = self.malformed(location, message, span=span)
        self.findings.extend(self.placed(finding, span) for finding in found)

    def duplicate_keys(self, document: Located) -> Iterator[Finding]:
        """The findings on keys that an object of the request has twice."""
        for path in document.duplicate_keys:
            yield from self.malformed(
                Location(self.path, path, 0, document.number),
                f"duplicate key {path[-1]!r}; the last value is used",
                "leave one of them: JSON readers differ in which value they use",
                Severity.WARNING,
            )

    def add_located(
        self, document: Located, found: Iterable[Finding], others: Iterable[Location] = ()
    ) -> Mapping[Keys, Span]:
        """Keep the findings on a document; returns their spans and those of other locations, by path."""
        found = (
            with_edits(found, document)
            if self.context.edits and isinstance(document, Document)
            else tuple(found)
        )
        places = (*(finding.location for finding in found), *others)
        paths = {location.outer_path for location in places}
        if any(location.outer_depth == UNEDITED for location in places):
            paths.add(())
        spans = document.spans(paths)
        placed = (self.placed(finding, _span_in(spans, finding.location)) for finding in found)
        self.findings.extend(sorted(placed, key=sort_key))
        return spans

    def add(self, found: Iterable[Finding], spans: Mapping[Location, Span]) -> None:
        """Keep findings on several documents, with their spans as far as known."""
        self.findings.extend(self.placed(finding, spans.get(finding.location)) for finding in found)
        self.sort()

    def sort(self) -> None:
        """Sort the findings in the order of the text."""
        self.findings.sort(key=sort_key)

    def placed(self, finding: Finding, span: Span | None) -> Finding:
        """The finding with its span, and the excerpt and byte columns that the output needs."""
        if span is None:
            return finding
        text = excerpt(self.source, span) if self.context.excerpts else None
        placed = finding._replace(span=span, excerpt=text)
        return self.columns.of(placed) if self.context.edits else placed

    def result(self, *, rows: RowCounts | None = None, partial: bool = False) -> FileResult:
        """Everything kept, as the result of the file or of a part of it."""
        result = self.context.file_result(
            self.path, self.findings, self.images, self.requests, rows=rows, partial=partial
        )
        return result._replace(caveats=tuple(self.caveats), missed=self.missed) if self.caveats else result

    def clear(self) -> None:
        """Forget everything kept."""
        self.findings.clear()
        self.images.clear()
        self.requests.clear()


def _left_to_the_server(test: RequestUnderTest) -> Iterator[str]:
    """What cannot be checked because the server adds or clears: clauses; none for most requests."""
    request, clearing = test.request, test.request.clearing
    if request.history:
        yield (
            f"{request.history}: earlier turns unknown, the server holds them; "
            "limits of a whole request checked without them"
        )
    if clearing is None:
        return
    if clearing.keep is None:
        yield f"context_management ({clearing.kind}): checked as sent, before the server edits it"
        return
    results = [block for turn in request.turns for block in turn.blocks if _is_result(block)]
    cleared = walk_blocks(tuple(results[: max(len(results) - clearing.keep, 0)]))
    gone = [block.location for block in cleared if isinstance(block, ImageUse)]
    before, after = (_sum(it) for it in (test, test.changed_to(without_images(request, gone))))
    yield f"context_management: checked before clearing of tool results, with {before}; after it {after}"


def _is_result(block: Block) -> bool:
    return isinstance(block, Nested) and block.kind == "tool_result"


def _sum(test: RequestUnderTest) -> str:
    count, tokens = len(test.request.images), test.visual_tokens
    cost = "tokens unknown" if tokens is None else f"{figure(tokens)} visual tokens"
    return f"{figure(count)} image{'' if count == 1 else 's'} and {cost}"
