"""The public function `split`."""

from typing import NamedTuple, TypeVar, Unpack

from imgbudget.api.reports import Json, NarrowedBy, TableReport, narrowed_by, records_in
from imgbudget.api.settings import BudgetLike, FileSettings, accepts_old_budgets, run_options
from imgbudget.discovery.walk import Paths, path_list
from imgbudget.errors import UsageError
from imgbudget.fixing.strategy import PlanTargets
from imgbudget.linter.arguments import names_arguments
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session, StandardInput, run
from imgbudget.linter.unused import NamedFiles
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.unread import UnreadPart
from imgbudget.output.base import count
from imgbudget.output.split import split_document, split_record
from imgbudget.planner.division import Split, split_request
from imgbudget.planner.image import SizeGoal


class PlaceResult(NamedTuple):
    """A block of a request: in the API's notation, such as `messages.0.content.1`, and as a JSON pointer."""

    location: str | None
    pointer: str | None


class PartResult(NamedTuple):
    """One of the requests that a request is split into, from its first to its last image or document.

    `bytes` is the length of its body, all texts and tools included. `visual_tokens` and `cost_usd` are None
    where they are not known or sources contradict each other; the ranges then have the least and the most.
    `reasons` say why it would be refused although it cannot be split further.
    """

    first: PlaceResult
    last: PlaceResult
    images: int
    documents: int
    pages: int
    bytes: int
    visual_tokens: int | None
    visual_tokens_range: tuple[int, int] | None
    cost_usd: float | None
    cost_range_usd: tuple[float, float] | None
    reasons: tuple[str, ...]


class SplitResult(NamedTuple):
    """How a request is split; the names are those of `imgbudget split --format json`.

    `fits` is whether each of the `parts` would be accepted. One part means that nothing has to be split.
    """

    path: str
    line: int | None
    id: str | None
    model: str
    platform: str | None
    images: int
    documents: int
    bytes: int
    fits: bool
    parts: tuple[PartResult, ...]
    record: Json
    """The record of the JSON format."""


class SplitReport(TableReport, tuple[SplitResult, ...]):  # noqa: SLOT001 - it has attributes
    """A result for each request, in the order of the files; `unread` says what could not be read.

    A file that is named and holds no request counts as unread too. `document` is that of the JSON format;
    `narrowed_by` says what configurations of folders leave out.
    """

    unread: tuple[str, ...]
    narrowed_by: tuple[NarrowedBy, ...]
    document: Json

    def __repr__(self) -> str:
        divided = sum(len(one.parts) > 1 for one in self)
        return f"<SplitReport: {count(len(self), 'request')}, {divided} to split>"

    def to_dict(self) -> Json:
        """The document of `imgbudget split --format json`."""
        return self.document

    def records(self) -> list[Json]:
        """A dictionary for each part: the request, which of its `parts` it is, and what is in it."""
        return [
            {name: value for name, value in split.record.items() if name not in _OF_PARTS}
            | {"part": number, "parts": len(split.parts), "part_fits": not part.reasons}
            | {name: value for name, value in record.items() if name not in {"from", "to"}}
            | {"from": part.first.location, "to": part.last.location}
            for split in self
            for number, (part, record) in enumerate(
                zip(split.parts, records_in(split.record, "parts"), strict=True), 1
            )
        ]

    def _columns(self) -> tuple[str, ...]:
        return (
            "path",
            "line",
            "model",
            "part",
            "parts",
            "from",
            "to",
            "images",
            "bytes",
            "cost_usd",
            "reasons",
        )


_OF_PARTS = ("parts", "fits", "images", "documents", "bytes")
"""Names of a request that are those of its parts, which a table has."""


@accepts_old_budgets
@names_arguments
def split(
    requests: Paths,
    options: RunOptions | None = None,
    *,
    stdin: bytes | None = None,
    budget: BudgetLike | None = None,
    **settings: Unpack[FileSettings],
) -> SplitReport:
    """How to split requests that are too large into as few as possible; no image is changed.

    `budget` is the most that one request may take, such as `{"request.tokens": 20_000, "request.cost": 0.05}`
    or "request.bytes=20MB"; those of the configuration count where none is given. The path `-` is `stdin`.

    Raises:
        UsageError: a path or platform that does not exist, a budget that is none, or nothing can be read.
        ConfigError: an invalid configuration.
    """
    asked = run_options(options, settings, budget=budget)
    session = Session(asked._replace(pixels=False, text=False, nested=True))
    named = NamedFiles.of(path_list(requests), "request")
    splits, summary, unread = split_files(session, requests, StandardInput(lambda: stdin or b""), named)
    if unread and not splits:
        raise UsageError(*map(str, unread))
    report = SplitReport(map(_result, splits))
    report.unread = tuple(map(str, unread))
    report.document = split_document(splits, summary, unread)
    report.narrowed_by = narrowed_by(summary.narrowed)
    return report


def split_files(
    session: Session, requests: Paths, stdin: StandardInput, named: NamedFiles
) -> tuple[list[Split], Summary, list[UnreadPart]]:
    """The splits of all requests, in the order of the files, what was read, and what could not be used."""
    targets = PlanTargets.of(session, SizeGoal())
    splits: list[Split] = []
    unread: list[UnreadPart] = []

    def add(result: FileResult) -> None:
        _, most = targets.at(result.path)
        splits.extend(split_request(one.test, budget=most) for one in result.requests)
        unread.extend(named.unused(result))

    summary = run(session, requests, on_result=add, stdin=stdin, whole_run=False)
    summary.narrowed = list(session.narrowed(rules=False))  # no finding is shown
    return splits, summary, unread


def _result(split: Split) -> SplitResult:
    record = split_record(split)
    parts = tuple(
        PartResult(
            first=PlaceResult(**part.pop("from")),
            last=PlaceResult(**part.pop("to")),
            visual_tokens_range=_pair(part.pop("visual_tokens_range", None)),
            cost_range_usd=_pair(part.pop("cost_range_usd", None)),
            reasons=tuple(part.pop("reasons")),
            **{name: part[name] for name in _PLAIN},
        )
        for part in map(dict, record["parts"])
    )
    plain = {name: value for name, value in record.items() if name != "parts"}
    return SplitResult(**plain, parts=parts, record=record)


T = TypeVar("T", int, float)

_PLAIN = ("images", "documents", "pages", "bytes", "visual_tokens", "cost_usd")


def _pair(ends: list[T] | None) -> tuple[T, T] | None:
    return None if ends is None else (ends[0], ends[1])
