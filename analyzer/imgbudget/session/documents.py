"""Checks one text of requests: each document in it, each request in a document, each image in a request."""

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import dataclass, field

from imgbudget.model import Fact, Finding, Place, Request, Span
from imgbudget.report import FileResult
from imgbudget.session.batchrows import BatchRows
from imgbudget.session.bench import Bench
from imgbudget.session.judged import Judged
from imgbudget.session.outcome import reason_of, resent
from imgbudget.session.parts import LONG, PART, PartCount, PartReceiver, Scope
from imgbudget.session.rows import RowCount
from imgbudget.sources.cassettes import Cassette
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
)

_HEAD = 65536
_MOST_REASONS = 100
_NO_MESSAGE = "a line of a session without a message"


@dataclass(slots=True, kw_only=True)
class DocumentCheck:
    """The check of one file, document by document; with `lines` each line is one.

    `fails_closed` says that text that is no JSON is a finding even when nothing in it looks like a request:
    the user named the file. Met on a walk, such a file is passed over with a reason. `told` says that the
    file is known to hold requests, so that each row which holds none is told. `parts` takes what was found
    in a long file part by part, in its order: memory then does not grow with the file. Its workers may check
    the rows of a long file from the first request on, as long as each row is a request by itself. `start` is
    where to begin.
    """

    bench: Bench
    source: JsonSource
    path: str
    lines: bool
    fails_closed: bool
    told: bool = False
    parts: PartReceiver | None = None
    start: Start = BEGINNING
    scope: Scope = Scope.FILE
    reasons: dict[str, None] = field(default_factory=dict)
    let_go: bool = False
    handed_on: bool = False
    long: bool = False
    lost: bool = False
    end: int = 0
    batch: BatchRows = field(init=False)
    judged: Judged = field(init=False)
    reader: RequestReader = field(init=False)
    rows: RowCount = field(init=False)

    def __post_init__(self) -> None:
        """Choose the rules for the path."""
        self.judged = Judged(bench=self.bench, source=self.source, path=self.path, lines=self.lines)
        want = Fact(self.bench.facts(self.judged.judge))
        self.reader = RequestReader(self.path, want, self.bench.data.normalize)
        self.rows = RowCount(self.path)
        self.batch = BatchRows(path=self.path, is_part=self.scope is Scope.PART)

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
                parts=self.parts,
            ).run()
        if self.scope is Scope.PART or self.lost:
            return self.judged.result(partial=True)
        if self.handed_on or self.long or self.scope is Scope.REST:
            self._hand_on()  # what is found of the whole stands behind the rows, whoever has checked them
        self._session()
        self._batch()
        if not self.judged.requests and not self.judged.findings and not self.handed_on:
            return FileResult(path=self.path, skipped=reason_of(self.reasons))
        return self.judged.result(rows=self.rows.close(self.source, self.end) if self.lines else None)

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
            if len(self.judged.requests) >= PART:
                self._hand_on()
            if not self.long and self._is_long:
                self.long = True
                behind = Start(document.end, document.line, document.number + 1)
                if self.parts and (counts := self.parts.row_workers(self.path, behind)):
                    self._hand_on()
                    return self._follow(counts)
        return None

    @property
    def _let_go_too_early(self) -> bool:
        """Whether rows were passed over in silence before the first request: all is to be told, from anew."""
        return self.lines and self.let_go and not self.told and self._holds_requests

    @property
    def _is_long(self) -> bool:
        """Whether many rows are to come which, as far as is known, are requests that stand for themselves."""
        so_far = bool(self.judged.requests or self.handed_on) and not self.rows.session
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
        self.judged.sort()
        if not self.judged.requests:
            return FileResult(path=self.path, skipped=reason_of(self.reasons))
        return self.judged.result()

    def _hand_on(self) -> None:
        """Hand on what was found so far, and forget it."""
        if self.parts is None:
            return
        self.parts.on_partial_result(self.judged.result(partial=True))
        self.handed_on = True
        self.judged.clear()

    @property
    def _holds_requests(self) -> bool:
        return self.handed_on or bool(self.judged.requests) or self.reader.session.started

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
        self.judged.flaw(place, span, document.message)

    def _pass_over(self, reason: str, of_row: str) -> None:
        """Leave a document unchecked; the file's reason may say where a mistake is, the row's need not."""
        if len(self.reasons) < _MOST_REASONS:
            self.reasons[reason] = None
        if self.told or self._holds_requests or not self.rows.is_long:
            self.rows.skip(of_row)
        else:
            self.let_go = True

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
                    found.extend(self.judged.request(item))
                    wrong.extend(self.batch.add(item))
                case BadEntry(place, reason):
                    found.extend(self.judged.malformed(place, reason))
                case NoRequest():
                    passed = item
                case SessionLine(sent):
                    self._session_line(sent=sent)
                    return
        if checked:
            self.rows.checked += 1
            found.extend(self.judged.doubled_keys(document))
        elif passed:
            self._no_request(document, passed)
        else:
            self.rows.bad += 1
        if found or wrong:
            self.batch.locate(wrong, self.judged.place(document, found, wrong))

    def _no_request(self, document: Document | Cassette, item: NoRequest) -> None:
        self._pass_over(item.reason, item.reason)
        if item.foreign:
            return
        if not self.told and not self._holds_requests:
            self.let_go = True
            return
        line = document.line
        place = Place(self.path, (), 0, document.number)
        self.judged.flaw(
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
        found = self.judged.judge.judge_batch(batch, self.bench.limits())
        self.judged.keep(found, self.batch.spans)

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
                    found.extend(resent(finding) for finding in self.judged.request(item))
        judged = any(result.request.dialect == "transcript" for result in self.judged.requests)
        self.rows.settle(self.reader.session.forgotten, None if judged else reason)
        by_document: dict[int, list[Finding]] = {}
        for finding in found:
            by_document.setdefault(finding.place.document, []).append(finding)
        for document in open_documents(self.source, lines=self.lines) if found else ():
            mine = by_document.pop(document.number, None)
            if mine and isinstance(document, Document):
                self.judged.place(document, mine)
            if not by_document:
                break
        self.judged.sort()
