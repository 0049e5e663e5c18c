"""What the rules say of the requests of one file, and where each finding stands in its text."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from imgbudget.engine import Judge
from imgbudget.limits import Limits
from imgbudget.model import Finding, ImageUse, Keys, Place, Request, Severity, ShapeFlaw, Span
from imgbudget.report import FileResult, RequestResult, Rows
from imgbudget.session.bench import Bench
from imgbudget.session.edits import ByteColumns, with_edits
from imgbudget.session.outcome import position
from imgbudget.sources.cassettes import Cassette
from imgbudget.sources.excerpt import excerpt
from imgbudget.sources.jsonspans import Document, JsonSource
from imgbudget.sources.requests import shortened


@dataclass(slots=True, kw_only=True)
class Judged:
    """The requests of a file and what was found in them, as far as it was not handed on yet."""

    bench: Bench
    source: JsonSource
    path: str
    lines: bool
    findings: list[Finding] = field(default_factory=list)
    images: list[tuple[ImageUse, Limits]] = field(default_factory=list)
    requests: list[RequestResult] = field(default_factory=list)
    judge: Judge = field(init=False)
    columns: ByteColumns = field(init=False)

    def __post_init__(self) -> None:
        """Choose the rules for the path."""
        self.judge = self.bench.paths.judge(self.path)
        self.columns = ByteColumns(self.source)

    def request(self, request: Request) -> Iterator[Finding]:
        """Keep a request with its images; what the rules say of them, not yet placed."""
        test = self.bench.bind(request)
        self.images.extend(test.images)
        yield from self.judge.check_request(test)
        tokens = test.visual_tokens
        if self.lines and request.dialect != "transcript":
            test = test.changed_to(shortened(request))
        self.requests.append(RequestResult(test, tokens))

    def malformed(
        self, place: Place, message: str, remedy: str | None = None, severity: Severity | None = None
    ) -> list[Finding]:
        """What the rules say of a request of which only a flaw is known."""
        flaw = ShapeFlaw(place, message, remedy, severity)
        request = Request(place=place, dialect="unknown", byte_size=0, flaws=(flaw,))
        return self.judge.check_request(self.bench.bind(request))

    def flaw(self, place: Place, span: Span, message: str) -> None:
        """Keep what the rules say of a malformed request, which stands at the span."""
        self.findings.extend(self.placed(finding, span) for finding in self.malformed(place, message))

    def doubled_keys(self, document: Document | Cassette) -> Iterator[Finding]:
        """Keys that an object of the request has twice: JSON readers differ in which value they take."""
        for route in document.duplicate_keys:
            yield from self.malformed(
                Place(self.path, route, 0, document.number),
                f"duplicate key {route[-1]!r}; the last value is used",
                "leave one of them: readers differ in which value they take",
                Severity.WARNING,
            )

    def place(
        self, document: Document | Cassette, found: Iterable[Finding], others: Iterable[Place] = ()
    ) -> Mapping[Keys, Span]:
        """Keep what was found in a document; gives its spans, and those of other places, by route."""
        found = (
            with_edits(found, document)
            if self.bench.edits and isinstance(document, Document)
            else tuple(found)
        )
        spans = document.spans({place.route for place in (*(item.place for item in found), *others)})
        placed = (self.placed(finding, spans.get(finding.place.route)) for finding in found)
        self.findings.extend(sorted(placed, key=position))
        return spans

    def keep(self, found: Iterable[Finding], spans: Mapping[Place, Span]) -> None:
        """Keep what was found in several documents, with the spans that are known."""
        self.findings.extend(self.placed(finding, spans.get(finding.place)) for finding in found)
        self.sort()

    def sort(self) -> None:
        """Bring the findings into the order of the text."""
        self.findings.sort(key=position)

    def placed(self, finding: Finding, span: Span | None) -> Finding:
        """The finding with its span and what else the output asked for."""
        if span is None:
            return finding
        cut = excerpt(self.source, span) if self.bench.excerpts else None
        placed = finding._replace(span=span, excerpt=cut)
        return self.columns.of(placed) if self.bench.edits else placed

    def result(self, *, rows: Rows | None = None, partial: bool = False) -> FileResult:
        """All that is kept, as the result of the file or of a part of it."""
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

    def clear(self) -> None:
        """Keep nothing any longer."""
        self.findings.clear()
        self.images.clear()
        self.requests.clear()
