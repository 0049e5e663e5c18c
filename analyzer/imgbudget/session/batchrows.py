"""The batch that the rows of a file are: its entries counted, and the spans of those it may be judged for."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from imgbudget.model import Batch, Keys, Place, Request, Span
from imgbudget.sources.batchcount import BatchCount
from imgbudget.sources.jsonspans import Document, JsonSource, open_documents
from imgbudget.sources.stretches import Stretch


class BatchEntry(NamedTuple):
    """An entry of a batch and its custom_id."""

    place: Place
    id: str | None


@dataclass(slots=True, kw_only=True)
class BatchRows:
    """What is known of the batch in the file at `path`; `entries` are kept of a part alone, see `follow`."""

    path: str
    is_part: bool
    spans: dict[Place, Span] = field(default_factory=dict)
    entries: list[BatchEntry] = field(default_factory=list)
    _count: BatchCount = field(default_factory=BatchCount)

    def add(self, request: Request) -> Iterator[Place]:
        """Count a request if it is an entry; the place of what is wrong with its id, to be given a span."""
        if request.dialect == "batches":
            place = request.place
            entry = BatchEntry(Place(self.path, (place.keys or ())[:-1], 0, place.document), request.id)
            if self.is_part:
                self.entries.append(entry)
            if wrong := self._count.add(*entry):
                yield wrong

    def locate(self, wrong: Iterable[Place], spans: Mapping[Keys, Span]) -> None:
        """Keep where these places stand."""
        self.spans.update((place, spans[place.route]) for place in wrong if place.route in spans)

    def follow(self, part: "BatchRows", stretch: Stretch, source: JsonSource) -> None:
        """Count the entries of the part that comes next; it does not know which ids stood before it."""
        self.spans.update(part.spans)
        unknown: dict[int, list[Place]] = {}
        for entry in part.entries:
            if (wrong := self._count.add(*entry)) and wrong not in part.spans:
                unknown.setdefault(wrong.document, []).append(wrong)
        if not unknown:
            return
        rows = open_documents(source.until(stretch.end), lines=True, check=False, start=stretch.start)
        for row in rows:
            if isinstance(row, Document) and (places := unknown.get(row.number)):
                self.locate(places, row.spans(place.route for place in places))

    def batch(self, source: JsonSource) -> Batch | None:
        """The whole batch, None where no row is an entry of one."""
        return self._count.batch(Place(self.path, ()), source.size) if self._count.count else None
