"""Lints text that may hold requests, document by document: JSON, JSONL, YAML cassettes, standard input."""

from collections.abc import Generator, Iterable, Iterator
from contextlib import closing

from imgbudget.discovery.filetypes import FileKind
from imgbudget.discovery.walk import NOT_CHECKABLE
from imgbudget.errors import UnreadableError
from imgbudget.jsontext.document import BadDocument, Document, open_documents
from imgbudget.jsontext.lines import Chunk
from imgbudget.jsontext.repeats import Repeats
from imgbudget.jsontext.source import BEGINNING, JsonSource, Start
from imgbudget.jsontext.unfinished import is_unfinished
from imgbudget.linter.collector import without_collector
from imgbudget.linter.context import LintContext
from imgbudget.linter.requests import CheckedRequests, Located, reason_of
from imgbudget.linter.rows import (
    LONG_FILE,
    PART_FINDINGS,
    PART_IMAGES,
    PART_REQUESTS,
    BatchRows,
    PartCount,
    PartReceiver,
    RowCount,
    Scope,
)
from imgbudget.model.location import Location, Span
from imgbudget.model.results import UNFINISHED, FileResult
from imgbudget.model.subjects import Finding, ImageUse, ProbeField, Request
from imgbudget.requests.finder import OUTSIDE_SHAPE, PACKED, SHAPE_UNKNOWN, Found, find_images, unseen_images
from imgbudget.requests.reader import (
    BadEntry,
    Item,
    NoRequest,
    RequestReader,
    SessionLine,
    looks_like_request,
    resembles_request,
)
from imgbudget.requests.textfinder import TextRange, images_in_text
from imgbudget.slotted import dataclass, field

_HEAD = 65536
_MAX_REASONS = 100
_FIRST_ROWS = 4
"""Requests of a long file that are checked before other processes are started for the rest."""

_DOUBTFUL = ("text in it begins like an image but is none", "texts in it begin like images but are none")
_NOTHING_SENT = "a session of which nothing is sent again"
_NO_MESSAGE = "a line of a session without a message"


def check_file(  # noqa: PLR0913 - keyword arguments with defaults
    context: LintContext,
    path: str,
    kind: FileKind,
    *,
    explicit: bool,
    text: bytes | None = None,
    parts: PartReceiver | None = None,
    reason: str = NOT_CHECKABLE,
) -> FileResult:
    """The result of the file at `path`, or of `text` in its place, which is read as a file of that kind.

    YAML that is no recording and other text is checked for images only, and skipped for `reason` without any.
    With `parts`, the result is that of the last part; `parts` receives the others.

    Raises:
        OSError: the file cannot be read.
        UnreadableError: it changed while it was read, or a cassette that is not YAML, or too large.
    """
    if kind is FileKind.DATABASE and text is None:
        from imgbudget.linter.databases import check_database  # noqa: PLC0415 - request

        return check_database(context, path, parts)
    opened = JsonSource.open(path) if text is None else JsonSource.from_bytes(text)
    is_json = kind is FileKind.JSON or kind is FileKind.JSONL
    with opened as source, without_collector():
        if not is_json:
            from imgbudget.linter.othertext import check_other_text  # noqa: PLC0415 - request

            return check_other_text(context, source, path, kind, named=explicit, parts=parts, reason=reason)
        return DocumentCheck(
            context=context,
            source=source,
            path=path,
            lines=kind is FileKind.JSONL,
            explicit=explicit,
            named=explicit,
            parts=parts,
        ).run()


def check_part(context: LintContext, path: str, chunk: Chunk, seen: Repeats) -> tuple[FileResult, PartCount]:
    """The result and the counts of some rows of the file at `path`, which is known to hold requests.

    Raises:
        OSError: the file cannot be read.
        UnreadableError: it changed while it was read.
    """
    with JsonSource.open(path) as source, without_collector():
        if source.size < chunk.end:
            raise UnreadableError("became shorter while it was read")
        check = DocumentCheck(
            context=context,
            source=source.until(chunk.end),
            path=path,
            lines=True,
            explicit=True,
            known_requests=True,
            start=chunk.start,
            scope=Scope.PART,
            repeats=seen,
        )
        result = check.run()
        return result, PartCount(chunk, not check.rows.session, check.end, check.rows, check.batch)


@dataclass(slots=True, kw_only=True)
class DocumentCheck:
    """The check of one file, document by document; with `lines` each line is a document.

    `explicit`: the user named the file, so text that is not JSON is a finding even if it looks like no
    request; a file found by a walk is skipped with a reason. `named`: likewise, so that images outside of
    requests get advice. `known_requests`: the file is known to hold
    requests, so every row without one is reported. `parts` receives the results of a long file in order, in
    parts, and its workers may check the rows after the first request, as long as every row is a request by
    itself. `start` is the first document to check, `repeats` are the strings before it.
    """

    context: LintContext
    source: JsonSource
    path: str
    lines: bool
    explicit: bool
    named: bool = False
    known_requests: bool = False
    parts: PartReceiver | None = None
    start: Start = BEGINNING
    scope: Scope = Scope.FILE
    repeats: Repeats = field(default_factory=Repeats)
    reasons: dict[str, None] = field(default_factory=dict)
    skipped_silently: bool = False
    parts_delivered: bool = False
    requests_delivered: bool = False
    doubtful: int = 0
    resembles_request: bool = False
    long: bool = False
    part_lost: bool = False
    end: int = 0
    batch: BatchRows = field(init=False)
    checked: CheckedRequests = field(init=False)
    reader: RequestReader = field(init=False)
    rows: RowCount = field(init=False)

    def __post_init__(self) -> None:
        """Choose the rules for the path."""
        self.checked = CheckedRequests(
            context=self.context, source=self.source, path=self.path, lines=self.lines
        )
        fields = ProbeField(self.context.needed_fields(self.checked.runner))
        self.reader = RequestReader(self.path, fields, self.lines)
        self.rows = RowCount(self.path)
        self.batch = BatchRows(path=self.path, is_part=self.scope is Scope.PART)

    def run(self) -> FileResult:
        """The result of the file."""
        start: Start | None = self.start
        while start is not None:
            start = self._read(start)
        if self._must_restart:
            return DocumentCheck(
                context=self.context,
                source=self.source,
                path=self.path,
                lines=self.lines,
                explicit=self.explicit,
                named=self.named,
                known_requests=True,
                parts=self.parts,
            ).run()
        if self.scope is Scope.PART or self.part_lost:
            self.checked.add_unlisted()
            return self.checked.result(partial=True)
        if self.parts_delivered or self.long or self.scope is Scope.REST:
            self._deliver_part()  # findings on the whole file come after those on its rows
        self._session()
        self._batch()
        self.checked.add_unlisted()
        checked = self.checked
        if not (checked.requests or checked.findings or checked.images or self.parts_delivered):
            return self._skipped(reason_of(self.reasons))
        return self.checked.result(rows=self.rows.close(self.source, self.end) if self.lines else None)

    def _read(self, start: Start) -> Start | None:
        """Check the documents from `start` on; returns where to continue after rows checked by workers."""
        for document in open_documents(self.source, lines=self.lines, start=start, repeats=self.repeats):
            if self.scope is Scope.PART and not self.end:
                self.rows.start_part(document.line)
            self.end = document.end
            self.rows.advance(document.line)
            if isinstance(document, BadDocument):
                self._bad(document)
            else:
                self._items(document, self.reader.read(document), document)
            if self._must_restart:
                return None
            if (
                len(self.checked.requests) >= PART_REQUESTS
                or len(self.checked.images) >= PART_IMAGES
                or len(self.checked.findings) >= PART_FINDINGS
            ):
                self._deliver_part()
            if not self.long and self._is_long:
                self.long, rest = True, Start(document.end, document.line, document.number + 1)
                if self.parts and (counts := self.parts.row_workers(self.path, rest)):
                    self._deliver_part()
                    return self._add_parts(counts)
        return None

    @property
    def _must_restart(self) -> bool:
        """Whether rows before the first request were skipped unreported, so the check must start again."""
        again = self.skipped_silently and not self.known_requests and not self.parts_delivered
        return self.lines and again and self._holds_requests

    @property
    def _is_long(self) -> bool:
        """Whether many rows are left, and so far every row with a request is independent of the others.

        The first ones load and learn what each process would otherwise load and learn again.
        """
        checked = len(self.checked.requests)
        so_far = (checked >= _FIRST_ROWS or self.requests_delivered) and not self.rows.session
        return self.lines and so_far and self.source.size - self.end >= LONG_FILE

    def _add_parts(self, parts: Generator[PartCount | None, None, None]) -> Start | None:
        """Count the parts that workers have checked; returns the start of a part with a session, if any."""
        with closing(parts):
            for part in parts:
                if part is None:
                    self.part_lost = True
                elif not part.independent:
                    return part.chunk.start
                else:
                    self.rows.add_part(part.rows)
                    self.batch.add_part(part.batch, part.chunk, self.source)
                    self.end = part.end or self.end
        return None

    def _skipped(self, reason: str) -> FileResult:
        """The result of a file without a request or an image; one that the user named may be missed."""
        missed = self.named and (self.doubtful > 0 or self.resembles_request)
        if missed and self.doubtful:
            reason = f"{reason}; {self.doubtful} {_DOUBTFUL[self.doubtful > 1]}"
        elif missed:
            reason = f"{reason}; it resembles a request whose shape is unknown"
        reason = "; ".join((reason, *self.checked.caveats))
        lost = missed or self.checked.missed or self.rows.bad > 0
        return FileResult(path=self.path, skipped=reason, missed=lost)

    def _text(self, where: TextRange, location: Location) -> None:
        """Check the images in a part of the text that is no document."""
        for found in images_in_text(self.source, where, location, self.reader.fields):
            if found is None:
                self.doubtful += 1
                continue
            self.checked.caveats[SHAPE_UNKNOWN] = None
            findings = self.checked.loose_image(found.use, named=self._wants_advice)
            self.checked.findings.extend(self.checked.placed(finding, found.span) for finding in findings)
            if len(self.checked.images) >= PART_IMAGES:
                self._deliver_part()

    def _deliver_part(self) -> None:
        """Deliver the results so far, and forget them."""
        if self.parts is None:
            return
        self.parts.on_partial_result(self.checked.result(partial=True))
        self.parts_delivered = True
        self.requests_delivered |= bool(self.checked.requests)
        self.checked.clear()

    @property
    def _holds_requests(self) -> bool:
        return self.requests_delivered or bool(self.checked.requests) or self.reader.in_session

    @property
    def _wants_advice(self) -> bool:
        """Whether images outside of requests get advice: in a file that the user named, without requests."""
        return self.named and not self.known_requests and not self._holds_requests

    def _bad(self, document: BadDocument) -> None:
        if self.reader.in_agent_session and is_unfinished(document, self.source):
            self.checked.unfinished(document.line)
            self.rows.skip(UNFINISHED)
            return
        line = document.line if self.lines else 1
        where = TextRange(document.start, document.end, line, document.start)
        self._text(where, Location(self.path, (), 0, document.number))
        head = self.source.pread(min(_HEAD, document.end - document.start), document.start)
        looks_so = self.explicit or self.known_requests or self._holds_requests or looks_like_request(head)
        if not looks_so:
            self._skip(document.message, "not JSON")
            self.skipped_silently = True
            return
        self.rows.bad += 1
        self.reasons |= {document.message: None} if len(self.reasons) < _MAX_REASONS else {}
        location = Location(self.path, (), 0, document.number)
        span = Span(
            at := document.offset, at + 1, document.line, document.column, document.line, document.column + 1
        )
        self.checked.add_flaw(location, span, document.message)

    def _skip(self, reason: str, row_reason: str) -> None:
        """Skip a document; `reason` is kept for the file, `row_reason` for the row."""
        if len(self.reasons) < _MAX_REASONS:
            self.reasons[reason] = None
        if self.known_requests or self._holds_requests or not self.rows.is_long:
            self.rows.skip(row_reason)
        else:
            self.skipped_silently = True

    def _items(self, document: Located, items: Iterable[Item], inner: Document | None) -> None:
        """Check the items of a document; `inner` is the JSON in which other images are looked for."""
        found: list[Finding] = []
        wrong: list[Location] = []
        seen: list[ImageUse] = []
        is_checked, skipped = False, None
        for item in items:
            match item:
                case Request():
                    is_checked = True
                    seen += item.images
                    found.extend(self.checked.request(item))
                    wrong.extend(self.batch.add(item))
                case BadEntry(location, reason):
                    found.extend(self.checked.malformed(location, reason))
                case NoRequest():
                    skipped = item
                case SessionLine():
                    self._session_line(item, document)
                    return
        if is_checked:
            self.rows.checked += 1
            found.extend(self.checked.duplicate_keys(document))
            if inner is not None:
                unseen = unseen_images(inner, self.path, self.reader.fields, seen)
                found.extend(self._loose(unseen, OUTSIDE_SHAPE))
        elif skipped:
            found.extend(self._no_request(document, skipped))
        else:
            self.rows.bad += 1
        if found or wrong:
            self.batch.locate(wrong, self.checked.add_located(document, found, wrong))

    def _loose(self, found: Found, caveat: str) -> Iterator[Finding]:
        """Check images that belong to no request of a known shape."""
        self.doubtful += found.doubtful
        if found.packed and self.named:
            self.checked.leave_unread(PACKED)
        if found.images:
            self.checked.caveats[caveat] = None
        for use in found.images:
            yield from self.checked.loose_image(use, named=self._wants_advice)

    def _no_request(self, document: Located, item: NoRequest) -> Iterator[Finding]:
        """Check the images of a document without a request, else skip it."""
        if isinstance(document, Document):
            images = find_images(document, self.path, self.reader.fields)
            yield from self._loose(images, SHAPE_UNKNOWN)
            if images.images:
                self.rows.checked += 1
                return
            self.resembles_request = self.resembles_request or resembles_request(document.value)
        self._skip(item.reason, item.reason)
        if not self.known_requests and not self._holds_requests:
            self.skipped_silently = True
            return
        line = document.line
        location = Location(self.path, (), 0, document.number)
        self.checked.add_flaw(
            location,
            Span(document.start, document.start, line, 1, line, 1),
            f"is not a request: {item.reason}",
        )

    def _session_line(self, item: SessionLine, document: Located) -> None:
        if item.unknown and isinstance(document, Document):
            images = find_images(document, self.path, self.reader.fields)
            self.checked.add_located(document, self._loose(images, OUTSIDE_SHAPE))
        if item.sent or self.known_requests or self._holds_requests:
            self.rows.add_session_row()
        else:  # data of other programs can look like lines of a session
            self._skip(_NO_MESSAGE, _NO_MESSAGE)
            self.skipped_silently = True

    def _batch(self) -> None:
        """Check the batch that the entries of the file form."""
        for batch in self.batch.batches(self.source):
            found = self.checked.runner.check_batch(batch, self.context.limits_of_batch(batch))
            self.checked.add(found, self.batch.spans)

    def _session(self) -> None:
        """Check the requests of a session, known at its end; a second pass finds their spans."""
        found: list[Finding] = []
        reason: str | None = _NO_MESSAGE
        for item in self.reader.end():
            match item:
                case NoRequest():
                    reason = item.reason
                    self.reasons[reason] = None
                case Request():
                    found.extend(self.checked.session(item))
        is_checked = any(result.request.dialect == "transcript" for result in self.checked.requests)
        if not is_checked and self.reader.in_session:
            reason = _NOTHING_SENT
            self.reasons[reason] = None
        for (noun, why), count in self.reader.unsent.items():
            self.context.note(f"{self.path}: {count} {noun}{'' if count == 1 else 's'} not checked: {why}")
        self.rows.end_session(self.reader.forgotten, None if is_checked else reason)
        wanted: dict[int, list[Finding]] = {}
        for finding in found:
            wanted.setdefault(finding.location.document, []).append(finding)
        lines = self.lines
        for document in open_documents(self.source, lines=lines, check=False, wanted=wanted) if found else ():
            mine = wanted.pop(document.number, None)
            if mine and isinstance(document, Document):
                self.checked.add_located(document, mine)
            if not wanted:
                break
        self.checked.sort()
