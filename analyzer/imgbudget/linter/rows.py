"""The rows of a JSONL file: which were checked or skipped, the batch they form, parts of long files."""

from collections.abc import Generator, Iterable, Iterator, Mapping
from enum import Enum, auto
from typing import Protocol

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.lines import Chunk
from imgbudget.jsontext.source import JsonSource, Start
from imgbudget.model.location import Keys, Location, Span
from imgbudget.model.results import FileResult, PassedRows, RowCounts
from imgbudget.model.subjects import Batch, Request
from imgbudget.namedtuples import NamedTuple
from imgbudget.requests.batches import BatchCount
from imgbudget.slotted import dataclass, field

BLANK = "blank"

_STEP = 1 << 16
_MAX_RANGES = 10_000


PART_REQUESTS = 500
"""Requests of a file that are delivered together."""

PART_IMAGES = 10_000
"""Images of a file that are delivered together, if few are in requests."""

PART_FINDINGS = 10_000
"""Findings of a file after which they are delivered, however few requests they are on."""

LONG_FILE = 32 << 20
"""Bytes of rows from which several processes are faster: 8 MB for text, 60 MB for images."""


@dataclass(slots=True)
class RowCount:
    """Counts the rows of one file in order; consecutive rows with the same outcome are stored as one range.

    `last` is the current row. `first` is the first row of a part that is not blank, 0 without one.
    """

    path: str
    checked: int = 0
    bad: int = 0
    passed: list[PassedRows] = field(default_factory=list)
    session: list[PassedRows] = field(default_factory=list)
    first: int = 0
    last: int = 0

    @property
    def is_long(self) -> bool:
        """Whether there are too many ranges to keep for a file that may hold no request at all."""
        return len(self.passed) + len(self.session) > _MAX_RANGES

    def advance(self, line: int) -> None:
        """Go on to a row that is not blank."""
        if line > self.last + 1:
            self._add(self.passed, self.last + 1, line - 1, BLANK)
        self.last = line

    def start_part(self, line: int) -> None:
        """Go to the first row of a part; blank rows before it are counted by the whole file."""
        self.first, self.last = line, line - 1

    def add_part(self, part: "RowCount") -> None:
        """Count the rows of the next part, none of which belongs to a session."""
        if not part.first:
            return
        self.advance(part.first)
        for run in part.passed:
            self._add(self.passed, run.first, run.last, run.reason)
        self.checked += part.checked
        self.bad += part.bad
        self.last = part.last

    def skip(self, reason: str) -> None:
        """Skip the current row."""
        self._add(self.passed, self.last, self.last, reason)

    def add_session_row(self) -> None:
        """Count the current row as one of a session."""
        self._add(self.session, self.last, self.last, "")

    def end_session(self, forgotten: Mapping[int, str], reason: str | None) -> None:
        """Count the rows of the session: skipped for the reason, or checked except the forgotten ones."""
        if reason is None:
            for line in sorted(forgotten):
                self._add(self.passed, line, line, forgotten[line])
            self.checked += sum(run.last - run.first + 1 for run in self.session) - len(forgotten)
        else:
            self.passed += [run._replace(reason=reason) for run in self.session]
        self.session.clear()

    def close(self, source: JsonSource, end: int) -> RowCounts:
        """The counts; after byte `end` of the source, the end of the last row, there are only blank rows."""
        newlines, rest, offset = 0, b"", end
        while part := source.pread(_STEP, offset):
            newlines += part.count(b"\n")
            rest, offset = part, offset + len(part)
        total = self.last + newlines - (1 if rest.endswith(b"\n") else 0)
        if total > self.last:
            self._add(self.passed, self.last + 1, total, BLANK)
        return RowCounts(total, self.checked, self.bad, tuple(sorted(self.passed)))

    def _add(self, runs: list[PassedRows], first: int, last: int, reason: str) -> None:
        if runs and runs[-1].last == first - 1 and runs[-1].reason == reason:
            runs[-1] = runs[-1]._replace(last=last)
        else:
            runs.append(PassedRows(self.path, first, last, reason))


class BatchEntry(NamedTuple):
    """An entry of a batch and its custom_id."""

    location: Location
    id: str | None


@dataclass(slots=True, kw_only=True)
class BatchRows:
    """The batch in the file at `path`, as far as it has been read; only a part keeps `entries`."""

    path: str
    is_part: bool
    examples: int = 0
    spans: dict[Location, Span] = field(default_factory=dict)
    entries: list[BatchEntry] = field(default_factory=list)
    _count: BatchCount = field(default_factory=BatchCount)

    def add(self, request: Request) -> Iterator[Location]:
        """Count a request if it is an entry; yields the location of a flaw of its id, which needs a span."""
        self.examples += request.is_example and bool(request.images)
        if request.dialect == "batches":
            location = request.location
            entry = BatchEntry(
                Location(self.path, (location.keys or ())[:-1], 0, location.document), request.id
            )
            if self.is_part:
                self.entries.append(entry)
            if wrong := self._count.add(*entry):
                yield wrong

    def locate(self, wrong: Iterable[Location], spans: Mapping[Keys, Span]) -> None:
        """Keep the spans of these locations."""
        self.spans.update(
            (location, spans[location.outer_path]) for location in wrong if location.outer_path in spans
        )

    def add_part(self, part: "BatchRows", chunk: Chunk, source: JsonSource) -> None:
        """Count the entries of the next part, and find ids that occur in earlier parts too."""
        self.examples += part.examples
        self.spans.update(part.spans)
        unknown: dict[int, list[Location]] = {}
        for entry in part.entries:
            if (wrong := self._count.add(*entry)) and wrong not in part.spans:
                unknown.setdefault(wrong.document, []).append(wrong)
        if not unknown:
            return
        rows = open_documents(source.until(chunk.end), lines=True, check=False, start=chunk.start)
        for row in rows:
            if isinstance(row, Document) and (locations := unknown.get(row.number)):
                self.locate(locations, row.spans(location.outer_path for location in locations))

    def batches(self, source: JsonSource) -> Iterator[Batch]:
        """The whole batch if a row is an entry of one, and the training examples with images."""
        location = Location(self.path, ())
        if self._count.count:
            yield self._count.batch(location, source.size)
        if self.examples:
            yield Batch(location, source.size, self.examples, is_training=True)


class Scope(Enum):
    """The scope of a check: a whole file, a range of its lines, or only findings that need all lines."""

    FILE = auto()
    PART = auto()
    REST = auto()


class PartCount(NamedTuple):
    """The counts of a part of a file; `end` is the byte after the text of its last row.

    `independent` is False if some rows belong to a session: the other values are then not valid.
    """

    chunk: Chunk
    independent: bool
    end: int
    rows: RowCount
    batch: BatchRows


class PartReceiver(Protocol):
    """Receives the results of a long file in parts, so that memory does not grow with the file."""

    def on_partial_result(self, result: FileResult, /) -> None:
        """Receive the result of the next part."""

    def row_workers(self, _path: str, _start: Start, /) -> Generator[PartCount | None, None, None] | None:
        """Check the rows of a file from a position on in other processes; None if there are none.

        The generator delivers results to the receiver and yields the counts of each part in order, None for a
        part that cannot be checked.
        """
        return None
