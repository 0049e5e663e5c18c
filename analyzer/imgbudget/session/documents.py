"""Checks one JSON file: each document in it, each request in a document, each image in a request."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from imgbudget.engine import Judge
from imgbudget.limits import Limits
from imgbudget.model import Finding, ImageUse, Place, Request, ShapeFlaw, Span
from imgbudget.report import FileResult, RequestResult
from imgbudget.session.bench import Bench
from imgbudget.sources.excerpt import excerpt
from imgbudget.sources.jsonspans import BadDocument, Document, JsonSource, open_documents
from imgbudget.sources.requests import BadEntry, NoRequest, looks_like_request, read_requests

_HEAD = 65536


@dataclass(slots=True)
class DocumentCheck:
    """The check of one file, document by document.

    `fails_closed` says that text that is no JSON is a finding even when nothing in it looks like a request:
    the user named the file. Met on a walk, such a file is passed over with a reason.
    """

    bench: Bench
    source: JsonSource
    path: str
    fails_closed: bool
    findings: list[Finding] = field(default_factory=list)
    images: list[tuple[ImageUse, Limits]] = field(default_factory=list)
    requests: list[RequestResult] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    strays: list[tuple[Place, int, str]] = field(default_factory=list)

    def run(self, *, lines: bool) -> FileResult:
        """The result of the file; `lines` for one document a line."""
        judge = self.bench.paths.judge(self.path)
        for document in open_documents(self.source, lines=lines):
            if isinstance(document, BadDocument):
                self._bad(document, judge)
            else:
                self._document(document, judge)
        if self.requests:
            for place, line, reason in self.strays:
                self._flaw(judge, place, Span(0, 0, line, 1, line, 1), reason)
        if not self.requests and not self.findings:
            return FileResult(path=self.path, skipped=_reason(self.reasons))
        kept, silenced, images = self.bench.result(self.path, self.findings, self.images)
        return FileResult(
            path=self.path,
            images=images,
            requests=tuple(self.requests),
            findings=kept,
            silenced=silenced,
        )

    def _bad(self, document: BadDocument, judge: Judge) -> None:
        head = self.source.pread(min(_HEAD, document.end - document.start), document.start)
        if not self.fails_closed and not self.requests and not looks_like_request(head):
            self.reasons.append(document.message)
            return
        place = Place(self.path, (), 0, document.number)
        offset = document.offset
        span = Span(offset, offset + 1, document.line, document.column, document.line, document.column + 1)
        self._flaw(judge, place, span, document.message)

    def _flaw(self, judge: Judge, place: Place, span: Span, message: str) -> None:
        """A malformed request that is known only as such, judged by the rules like any other."""
        flaw = ShapeFlaw(place, message)
        request = Request(place=place, dialect="unknown", byte_size=0, flaws=(flaw,))
        found = judge.judge_request(request, self.bench.limits())
        self.findings.extend(self._placed(finding, span) for finding in found)

    def _document(self, document: Document, judge: Judge) -> None:
        found: list[Finding] = []
        for item in read_requests(document, self.path, self.bench.facts(judge)):
            match item:
                case NoRequest(reason):
                    self.reasons.append(reason)
                    self.strays.append(
                        (Place(self.path, (), 0, document.number), document.line, f"is no request: {reason}")
                    )
                case BadEntry(place, reason):
                    request = Request(
                        place=place, dialect="unknown", byte_size=0, flaws=(ShapeFlaw(place, reason),)
                    )
                    found.extend(judge.judge_request(request, self.bench.limits()))
                case Request():
                    found.extend(self._request(item, judge))
        if found:
            spans = document.spans({finding.place.keys or () for finding in found})
            placed = (self._placed(finding, spans.get(finding.place.keys or ())) for finding in found)
            self.findings.extend(sorted(placed, key=_position))

    def _request(self, request: Request, judge: Judge) -> Iterator[Finding]:
        limits = self.bench.limits(request)
        tokens = 0
        for use in request.images:
            yield from judge.judge_image(use, limits)
            self.images.append((use, limits))
            if use.size and min(use.size) and not (use.facts and use.facts.damage):
                tokens += limits.tokens(use.size)
        yield from judge.judge_request(request, limits)
        self.requests.append(RequestResult(request=request, limits=limits, visual_tokens=tokens))

    def _placed(self, finding: Finding, span: Span | None) -> Finding:
        if span is None:
            return finding
        cut = excerpt(self.source, span) if self.bench.excerpts else None
        return finding._replace(span=span, excerpt=cut)


def check_document(bench: Bench, path: str, *, lines: bool, fails_closed: bool) -> FileResult:
    """The result of the JSON file at `path`; `lines` for one document a line.

    Raises:
        OSError: the file cannot be read.
        UnreadableError: it changed while it was read.
    """
    with JsonSource.open(path) as source:
        return DocumentCheck(bench, source, path, fails_closed).run(lines=lines)


def check_text(bench: Bench, text: bytes, name: str, *, lines: bool) -> FileResult:
    """The result of JSON text that came from standard input, under `name`."""
    with JsonSource.from_bytes(text) as source:
        return DocumentCheck(bench, source, name, fails_closed=True).run(lines=lines)


def _position(finding: Finding) -> tuple[int, str]:
    return (finding.span.start if finding.span else 0, finding.code)


def _reason(reasons: Iterable[str]) -> str:
    """Why a file was passed over, from what its documents are."""
    distinct = list(dict.fromkeys(reasons))
    if not distinct:
        return "holds no JSON document"
    more = f" (and {len(distinct) - 1} more)" if len(distinct) > 1 else ""
    return f"no request: {distinct[0]}{more}"
