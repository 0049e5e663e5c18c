"""Checks one text of requests: each document in it, each request in a document, each image in a request."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field

from imgbudget.engine import Judge
from imgbudget.limits import Limits
from imgbudget.model import Fact, Finding, ImageUse, Place, Request, Severity, ShapeFlaw, Span
from imgbudget.report import FileResult, RequestResult, Rows
from imgbudget.session.batchrows import BatchRows
from imgbudget.session.bench import Bench
from imgbudget.session.edits import ByteColumns, with_edits
from imgbudget.session.outcome import position, reason_of, resent, unfixed
from imgbudget.session.parts import LONG, PART, Crew, HandOn, PartCount, Scope
from imgbudget.session.rows import RowCount
from imgbudget.sources.cassettes import Cassette
from imgbudget.sources.excerpt import excerpt
from imgbudget.sources.jsonspans import (
    BEGINNING,
    BadDocument,
    Document,
    JsonSource,
    Start,
    open_documents,
)
from imgbudget.sources.requests import (
    BadEntry,
    Item,
    NoRequest,
    RequestReader,
    SessionLine,
    looks_like_request,
    read_recorded,
    shortened,
)

_HEAD = 65536
_MOST_REASONS = 100
_NO_MESSAGE = "a line of a session without a message"


@dataclass(slots=True, kw_only=True)
class DocumentCheck:
    """The check of one file, document by document; with `lines` each line is one.

    `fails_closed` says that text that is no JSON is a finding even when nothing in it looks like a request:
    the user named the file. Met on a walk, such a file is passed over with a reason. `told` says that the
    file is known to hold requests, so that each row which holds none is told. `hand_on` takes what was found
    in a long file part by part, in its order: memory then does not grow with the file. `crew` checks the rows
    of a long file, from the first request on, as far as they stand for themselves. `start` is where to begin.
    """

    bench: Bench
    source: JsonSource
    path: str
    lines: bool
    fails_closed: bool
    told: bool = False
    hand_on: HandOn | None = None
    crew: Crew | None = None
    start: Start = BEGINNING
    scope: Scope = Scope.FILE
    findings: list[Finding] = field(default_factory=list)
    images: list[tuple[ImageUse, Limits]] = field(default_factory=list)
    requests: list[RequestResult] = field(default_factory=list)
    reasons: dict[str, None] = field(default_factory=dict)
    let_go: bool = False
    handed_on: bool = False
    long: bool = False
    lost: bool = False
    end: int = 0
    batch: BatchRows = field(init=False)
    judge: Judge = field(init=False)
    reader: RequestReader = field(init=False)
    rows: RowCount = field(init=False)
    columns: ByteColumns = field(init=False)

    def __post_init__(self) -> None:
        """Choose the rules for the path."""
        self.judge = self.bench.paths.judge(self.path)
        self.reader = RequestReader(self.path, Fact(self.bench.facts(self.judge)), self.bench.data.normalize)
        self.rows = RowCount(self.path)
        self.batch = BatchRows(path=self.path, is_part=self.scope is Scope.PART)
        self.columns = ByteColumns(self.source)

    def run(self) -> FileResult:
        """The result of the file."""
        start: Start | None = self.start
        while start is not None:
            start = self._read(start)
        if self._let_go_too_early:
            return DocumentCheck(
                bench=self.bench,
                source=self.source,
                path=self.path,
                lines=self.lines,
                fails_closed=self.fails_closed,
                told=True,
                hand_on=self.hand_on,
                crew=self.crew,
            ).run()
        if self.scope is Scope.PART or self.lost:
            return self._result(partial=True)
        if self.handed_on or self.long or self.scope is Scope.REST:
            self._hand_on()  # what is found of the whole stands behind the rows, whoever has checked them
        self._session()
        self._batch()
        if not self.requests and not self.findings and not self.handed_on:
            return FileResult(path=self.path, skipped=reason_of(self.reasons))
        return self._result(rows=self.rows.close(self.source, self.end) if self.lines else None)

    def _read(self, start: Start) -> Start | None:
        """Check the documents from `start` on; where to go on when others have checked some."""
        for document in open_documents(self.source, lines=self.lines, start=start):
            if self.scope is Scope.PART and not self.end:
                self.rows.begin(document.line)
            self.end = document.end
            self.rows.reach(document.line)
            if isinstance(document, BadDocument):
                self._bad(document)
            else:
                self._document(document)
            if self._let_go_too_early:
                return None
            if len(self.requests) >= PART:
                self._hand_on()
            if not self.long and self._is_long:
                self.long = True
                behind = Start(document.end, document.line, document.number + 1)
                if self.crew and (parts := self.crew(self.path, behind)):
                    self._hand_on()
                    return self._follow(parts)
        return None

    @property
    def _let_go_too_early(self) -> bool:
        """Whether rows were passed over in silence before the first request: all is to be told, from anew."""
        return self.lines and self.let_go and not self.told and self._holds_requests

    @property
    def _is_long(self) -> bool:
        """Whether many rows are to come which, as far as is known, are requests that stand for themselves."""
        so_far = bool(self.requests or self.handed_on) and not self.rows.session
        return self.lines and so_far and self.source.size - self.end >= LONG

    def _follow(self, parts: Generator[PartCount | None, None, None]) -> Start | None:
        """Count what others have checked; where to go on alone, at rows that do not stand for themselves."""
        with closing(parts):
            for part in parts:
                if part is None:
                    self.lost = True
                elif not part.alone:
                    return part.stretch.start
                else:
                    self.rows.follow(part.rows)
                    self.batch.follow(part.batch, part.stretch, self.source)
                    self.end = part.end or self.end
        return None

    def run_cassette(self, cassette: Cassette) -> FileResult:
        """The result of a file that is a cassette."""
        recorded = list(
            read_recorded(cassette.bodies, Place(self.path, ()), self.reader.want, self.bench.data.normalize)
        )
        self._items(cassette, recorded or [NoRequest("a recording without a request in it")])
        self.findings.sort(key=position)
        return (
            self._result() if self.requests else FileResult(path=self.path, skipped=reason_of(self.reasons))
        )

    def _result(self, *, rows: Rows | None = None, partial: bool = False) -> FileResult:
        kept, silenced, images = self.bench.result(self.path, self.findings, self.images)
        return FileResult(
            path=self.path,
            images=images,
            requests=tuple(self.requests),
            findings=kept,
            silenced=silenced.ignored,
            baselined=silenced.known,
            rows=rows,
            partial=partial,
        )

    def _hand_on(self) -> None:
        """Hand on what was found so far, and forget it."""
        if self.hand_on is None:
            return
        self.hand_on(self._result(partial=True))
        self.handed_on = True
        self.findings.clear()
        self.images.clear()
        self.requests.clear()

    @property
    def _holds_requests(self) -> bool:
        return self.handed_on or bool(self.requests) or self.reader.session.started

    def _bad(self, document: BadDocument) -> None:
        head = self.source.pread(min(_HEAD, document.end - document.start), document.start)
        told = self.fails_closed or self.told or self._holds_requests
        if not told and not looks_like_request(head):
            self._pass_over(document.message, "not JSON")
            self.let_go = True
            return
        self.rows.bad += 1
        place = Place(self.path, (), 0, document.number)
        offset = document.offset
        span = Span(offset, offset + 1, document.line, document.column, document.line, document.column + 1)
        self._flaw(place, span, document.message)

    def _pass_over(self, reason: str, of_row: str) -> None:
        """Leave a document unchecked; the file's reason may say where a mistake is, the row's need not."""
        if len(self.reasons) < _MOST_REASONS:
            self.reasons[reason] = None
        if self.told or self._holds_requests or not self.rows.is_long:
            self.rows.skip(of_row)
        else:
            self.let_go = True

    def _flaw(self, place: Place, span: Span, message: str) -> None:
        """A malformed request that is known only as such, judged by the rules like any other."""
        self.findings.extend(self._placed(finding, span) for finding in self._malformed(place, message))

    def _malformed(
        self, place: Place, message: str, remedy: str | None = None, severity: Severity | None = None
    ) -> list[Finding]:
        flaw = ShapeFlaw(place, message, remedy, severity)
        request = Request(place=place, dialect="unknown", byte_size=0, flaws=(flaw,))
        return self.judge.judge_request(request, self.bench.limits())

    def _doubled_keys(self, document: Document | Cassette) -> Iterator[Finding]:
        """Keys that an object of the request has twice: JSON readers differ in which value they take."""
        for route in document.duplicate_keys:
            yield from self._malformed(
                Place(self.path, route, 0, document.number),
                f"key {route[-1]!r} stands twice in its object; the last value was read here",
                "leave one of them: readers differ in which value they take",
                Severity.WARNING,
            )

    def _document(self, document: Document) -> None:
        self._items(document, self.reader.read(document))

    def _items(self, document: Document | Cassette, items: Iterable[Item]) -> None:
        found: list[Finding] = []
        wrong: list[Place] = []
        checked, passed = False, None
        for item in items:
            match item:
                case Request():
                    checked = True
                    found.extend(self._request(item))
                    wrong.extend(self.batch.add(item))
                case BadEntry(place, reason):
                    found.extend(self._malformed(place, reason))
                case NoRequest():
                    passed = item
                case SessionLine(sent):
                    self._session_line(sent=sent)
                    return
        if checked:
            self.rows.checked += 1
            found.extend(self._doubled_keys(document))
        elif passed:
            self._no_request(document, passed)
        else:
            self.rows.bad += 1
        if found or wrong:
            self._place_all(document, found, wrong)

    def _place_all(
        self, document: Document | Cassette, found: Iterable[Finding], wrong: Iterable[Place] = ()
    ) -> None:
        """Keep what was found with its span, and the spans of entries that the batch may be judged for."""
        found = (
            with_edits(found, document)
            if self.bench.edits and isinstance(document, Document)
            else tuple(found)
        )
        spans = document.spans({place.route for place in (*(item.place for item in found), *wrong)})
        placed = (self._placed(finding, spans.get(finding.place.route)) for finding in found)
        self.findings.extend(sorted(placed, key=position))
        self.batch.locate(wrong, spans)

    def _no_request(self, document: Document | Cassette, item: NoRequest) -> None:
        self._pass_over(item.reason, item.reason)
        if item.foreign:
            return
        if not self.told and not self._holds_requests:
            self.let_go = True
            return
        line = document.line
        place = Place(self.path, (), 0, document.number)
        self._flaw(
            place, Span(document.start, document.start, line, 1, line, 1), f"is no request: {item.reason}"
        )

    def _session_line(self, *, sent: bool) -> None:
        if sent or self.told or self._holds_requests:
            self.rows.belongs()
        else:  # many data have lines that look like it
            self._pass_over(_NO_MESSAGE, _NO_MESSAGE)
            self.let_go = True

    def _batch(self) -> None:
        """Judge the batch that the file is, its entries together."""
        batch = self.batch.batch(self.source)
        if batch is None:
            return
        found = self.judge.judge_batch(batch, self.bench.limits())
        self.findings.extend(self._placed(finding, self.batch.spans.get(finding.place)) for finding in found)
        self.findings.sort(key=position)

    def _session(self) -> None:
        """Judge the requests of a session, which are known at its end; a second pass finds their places."""
        found: list[Finding] = []
        reason: str | None = _NO_MESSAGE
        for item in self.reader.end():
            match item:
                case NoRequest():
                    reason = item.reason
                    self.reasons[reason] = None
                case Request():
                    found.extend(resent(finding) for finding in self._request(item))
        judged = any(result.request.dialect == "transcript" for result in self.requests)
        self.rows.settle(self.reader.session.forgotten, None if judged else reason)
        by_document: dict[int, list[Finding]] = {}
        for finding in found:
            by_document.setdefault(finding.place.document, []).append(finding)
        for document in open_documents(self.source, lines=self.lines) if found else ():
            mine = by_document.pop(document.number, None)
            if mine and isinstance(document, Document):
                self._place_all(document, mine)
            if not by_document:
                break
        self.findings.sort(key=position)

    def _request(self, request: Request) -> Iterator[Finding]:
        limits = self.bench.limits(request)
        tokens = 0
        found: list[Finding] = []
        for use in request.images:
            asked = limits.at(use.detail)
            found += self.judge.judge_image(use, asked)
            self.images.append((use, asked))
            if use.visible_size:
                tokens += asked.tokens(use.visible_size)
        found += self.judge.judge_request(request, limits)
        found = unfixed(found, request)
        yield from (finding._replace(request_id=request.id) for finding in found) if request.id else found
        if self.lines and request.dialect != "transcript":
            request = shortened(request)
        self.requests.append(RequestResult(request=request, limits=limits, visual_tokens=tokens))

    def _placed(self, finding: Finding, span: Span | None) -> Finding:
        if span is None:
            return finding
        cut = excerpt(self.source, span) if self.bench.excerpts else None
        placed = finding._replace(span=span, excerpt=cut)
        return self.columns.of(placed) if self.bench.edits else placed
