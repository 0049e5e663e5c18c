"""The end of a run: the totals of all files, and the findings on the run as a whole."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING

from imgbudget.config.load import shown
from imgbudget.config.suggest import quoted
from imgbudget.limits.geometry import Size
from imgbudget.linter.rule_sets import ConfigUsage, PathRules
from imgbudget.model.location import Location, Span
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.subjects import Finding, Run, RunData, UnusedIgnore

if TYPE_CHECKING:
    from imgbudget.imageinfo.cache import FactsCache
    from imgbudget.linter.context import LintContext
    from imgbudget.linter.copies import Copies
    from imgbudget.linter.likeness import Similar
    from imgbudget.linter.options import RunOptions
    from imgbudget.linter.rows import PartCount
    from imgbudget.linter.run import Session
    from imgbudget.model.comparison import RunRecords
    from imgbudget.model.statistics import RunStatistics


_BLOCK = 1000
"""Paths that are kept joined in one string: separate strings take 50 bytes more each."""

_AT_ONCE = 200_000
"""Files that are compared, or paths of possible copies that are split, at once: some 20 MB."""

_PATHS_AT_ONCE = 1000
"""Files whose findings are collected before they are reported: every file may be a copy."""


_COPIES, _TOTALS = int(RunData.COPIES), int(RunData.TOTALS)
_HASHES = int(RunData.LIKENESS | RunData.LEAKS)

HashedFile = tuple[str, str, str]
"""The path of an image file, its perceptual hash, and that of its pixels; 200 bytes each."""

Block = tuple[Sequence[int], str]
"""A hash of length and size per file, and the paths of the files, joined by null characters."""


class RunTotals:
    """Collects what the rules on the whole run read: of an image file only a hash (8 bytes) and its path.

    `usage` is what of the configurations has applied in another process, `parts` the counts of parts of a
    long file. `processes` is how many the run uses.
    """

    def __init__(
        self,
        run_data: RunData,
        statistics: "RunStatistics | None" = None,
        records: "RunRecords | None" = None,
    ) -> None:
        self.run_data = run_data
        self.statistics = statistics
        self.records = records
        self.processes = 1
        self.byte_size: int = 0
        self.blocks: list[Block] = []
        self.usage: ConfigUsage = ConfigUsage()
        self.parts: list[PartCount] = []
        self.hashed: list[HashedFile] = []
        self._keys: list[int] = []
        self._names: list[str] = []

    def add(self, result: FileResult, *, is_file: bool = True) -> None:
        """Add the result of one file, or with `is_file` false that of standard input."""
        # a plain integer: arithmetic on flags takes a microsecond
        images, run_data = result.images, int(self.run_data)
        is_image = is_file and len(images) == 1 and not images[0].use.in_request
        if is_image and images[0].resized is not None:
            facts = images[0].use.facts
            if facts is not None and run_data & _COPIES:
                self._add_possible_copy(result.path, facts.byte_size, facts.size)
            if run_data & _HASHES and (pixels := images[0].use.measured) is not None:
                self.hashed.append((result.path, pixels.phash, pixels.pixel_hash))
        if run_data & _TOTALS:
            self.byte_size += sum(request.request.byte_size for request in result.requests)
            for image in images:
                if image.use.facts and not image.use.in_request:
                    self.byte_size += image.use.facts.byte_size
        if self.statistics is not None:
            self.statistics.add(result)
        if self.records is not None:
            self.records.add(result)

    def add_unchanged(self, path: str, byte_size: int, size: Size | None) -> None:
        """Add an image file of which no more than this is known, the size only if it can be a copy."""
        run_data = int(self.run_data)
        if run_data & _COPIES and size is not None:
            self._add_possible_copy(path, byte_size, size)
        if run_data & _TOTALS:
            self.byte_size += byte_size

    def _add_possible_copy(self, path: str, byte_size: int, size: Size | None) -> None:
        self._keys.append(hash((byte_size, size)))
        self._names.append(path)
        if len(self._names) >= _BLOCK:
            self._close_block()

    def add_findings(self, findings: Sequence[Finding]) -> None:
        """Add findings on the run as a whole."""
        if self.statistics is not None:
            self.statistics.add_findings(findings)
        if self.records is not None:
            self.records.add_findings(findings)

    def _close_block(self) -> None:
        if self._names:
            from array import array  # noqa: PLC0415 - rare

            self.blocks.append((array("q", self._keys), "\0".join(self._names)))
            self._keys, self._names = [], []

    def take(self) -> "RunTotals":
        """The totals since the last call, to send to another process."""
        self._close_block()
        taken = RunTotals(self.run_data, self.statistics, self.records)
        taken.byte_size, taken.blocks, taken.hashed = self.byte_size, self.blocks, self.hashed
        self.byte_size, self.blocks, self.hashed = 0, [], []
        if self.statistics is not None:
            self.statistics = type(self.statistics)()
        if self.records is not None:
            self.records = type(self.records)()
        return taken

    def merge(self, other: "RunTotals") -> None:
        """Add the totals of another process."""
        self.byte_size += other.byte_size
        self._close_block()  # its files come before those of the other
        self.blocks += other.blocks
        self.hashed += other.hashed
        self.usage.merge(other.usage)
        if self.statistics is not None and other.statistics is not None:
            self.statistics.merge(other.statistics)
        if self.records is not None and other.records is not None:
            self.records.merge(other.records)

    @property
    def reports_on_run(self) -> bool:
        """Whether rules or statistics on the whole run have anything to do."""
        watched = self.run_data & ~RunData.COPIES or bool(self.blocks) or len(self._names) > 1
        return bool(watched) or self.statistics is not None or self.records is not None

    def possible_copies(self) -> Iterator[list[str]]:
        """Groups of image files with the same length and size in px, in the order of their first files."""
        blocks: list[Block] = [*self.blocks, (self._keys, "\0".join(self._names))]
        chosen, names = set[int](), 0
        for key, times in _repeated([keys for keys, _ in blocks]).items():
            chosen.add(key)
            names += times
            if names >= _AT_ONCE:
                yield from _grouped(blocks, chosen)
                chosen, names = set(), 0
        yield from _grouped(blocks, chosen)


def _repeated(blocks: Sequence[Sequence[int]]) -> dict[int, int]:
    """The keys that occur more than once, in the order of their first occurrence, with their counts."""
    repeated: set[int] = set()
    parts = 1 + sum(map(len, blocks)) // _AT_ONCE
    for part in range(parts):
        earlier: set[int] = set()
        for keys in blocks:
            selected = keys if parts == 1 else [key for key in keys if key % parts == part]
            distinct = set(selected)
            repeated |= earlier & distinct
            if len(distinct) < len(selected):
                repeated.update(key for key, times in Counter(selected).items() if times > 1)
            earlier |= distinct
    found: dict[int, int] = {}
    for keys in blocks if repeated else ():
        if not repeated.isdisjoint(keys):
            for key in keys:
                if key in repeated:
                    found[key] = found.get(key, 0) + 1
    return found


def _grouped(blocks: Sequence[Block], chosen: set[int]) -> Iterator[list[str]]:
    """The paths with each of the chosen keys, in the order of the first occurrences."""
    groups: dict[int, list[str]] = {}
    for keys, names in blocks if chosen else ():
        if not chosen.isdisjoint(keys):
            for key, name in zip(keys, names.split("\0"), strict=True):
                if key in chosen:
                    groups.setdefault(key, []).append(name)
    yield from groups.values()


def new_totals(options: "RunOptions", paths: PathRules) -> RunTotals:
    """Empty totals, for the data that rules and options need."""
    run_data = paths.base_runner.rules.run_data
    if paths.suppressor is None or not paths.suppressor.ignores:
        run_data &= ~RunData.IGNORES
    totals = RunTotals(run_data)
    if options.statistics:
        from imgbudget.model.statistics import RunStatistics  # noqa: PLC0415 - rare

        totals.statistics = RunStatistics()
    if options.compare:
        from imgbudget.model.comparison import RunRecords  # noqa: PLC0415 - rare

        totals.records = RunRecords()
    return totals


class _Copies:
    """The groups of copies among the files of a run, searched for during iteration."""

    def __init__(self, totals: "RunTotals", cache: "FactsCache | None") -> None:
        self._totals, self._cache = totals, cache

    def __iter__(self) -> "Iterator[Copies]":
        candidates = self._totals.possible_copies()
        first = next(candidates, None)
        if first is None:
            return iter(())
        from imgbudget.linter.copies import copies_among  # noqa: PLC0415 - rare

        known = self._cache.comparisons() if self._cache else None
        return copies_among(chain((first,), candidates), self._totals.processes, known)


def finish(session: "Session", summary: Summary) -> Iterator[FileResult]:
    """The results on the run as a whole, grouped by the file that they are about."""
    totals = session.totals
    source = session.settings.source
    run = Run(
        location=Location(shown(source) if source else "."),
        visual_tokens=summary.visual_tokens,
        byte_size=totals.byte_size,
        # prices are whole nano-dollars; the last bits of the sum depend on the order of additions
        cost_usd=round(summary.cost_usd, 9),
        copies=_Copies(totals, session.file_check.cache) if totals.run_data & RunData.COPIES else (),
        **_likeness(session),
        tokens_doubt=summary.tokens_doubt,
    )
    yield from _checked(session, run, {}, on_ignores=False)
    # only now have all ignores had something to suppress
    lines: dict[Location, int | None] = {}
    unused: list[UnusedIgnore] = []
    if session.has_entries:
        from imgbudget.linter.ignores import unused_ignores, unused_overrides  # noqa: PLC0415 - rare

        usage, checked = session.usage, session.checked_paths
        reports = session.context.paths.base_runner.rules.run_data & RunData.IGNORES
        for paths in [context.paths for context in session.contexts]:
            for entry, line in unused_ignores(paths, checked) if reports else ():
                if entry.location not in lines:  # else another configuration inherits it
                    unused.append(entry)
                    lines[entry.location] = line
            for note in unused_overrides(paths, usage, checked):
                session.context.note(note)
    yield from _checked(session, run._replace(unused=tuple(unused)), lines, on_ignores=True)
    summary.statistics = totals.statistics


def note_unmatched(context: "LintContext") -> None:
    """Note each file pattern that matches no file, once all files of the run are found.

    Of an override or an ignore entry whose patterns all match none, what is said is about the whole entry.
    """
    contexts = (context, *(context.nearest.nested if context.nearest else ()))
    watches = [(it.paths.settings.patterns, it.paths.watch) for it in contexts]
    absent = {use.place for uses, watch in watches for use in uses if use.pattern in watch.absent}
    if not absent:
        return
    # a pattern that is inherited may match where that is
    absent -= {use.place for uses, watch in watches for use in uses if use.pattern not in watch.absent}
    for uses, _ in watches:
        others = {use.list_at for use in uses if use.place not in absent}
        for use in uses:
            if use.place in absent and (use.list_at in others or use.list_at == "include"):
                path, line = use.origin
                where = f"{path}:{line}" if line else path
                context.note(
                    f"{where}: {use.at}: {quoted(use.written)} matches no file that this configuration holds "
                    "for; correct or remove it"
                )


def _checked(
    session: "Session", run: Run, lines: Mapping[Location, int | None], *, on_ignores: bool
) -> Iterator[FileResult]:
    """The results of the rules on the run that read which ignores are unused, or those of all others."""
    by_path: dict[str, list[Finding]] = {}
    context = session.context
    at = (lambda path: context.at(path).paths) if len(session.contexts) > 1 else None
    for finding in context.paths.check_run(run, context.limits(), on_ignores=on_ignores, at=at):
        line = lines.get(finding.location) if lines else None
        placed = _with_span(finding, line, excerpts=context.excerpts)
        by_path.setdefault(finding.location.path, []).append(placed)
        if len(by_path) >= _PATHS_AT_ONCE:
            yield from _results(session, by_path)
            by_path = {}
    yield from _results(session, by_path)


def _likeness(session: "Session") -> "Similar":
    """The images that show the same, with the fields of `Run`."""
    totals = session.totals
    if not totals.hashed:
        return {"alike": (), "leaks": ()}
    from imgbudget.linter.likeness import similar_files  # noqa: PLC0415 - extra

    return similar_files(totals.hashed, int(session.settings.thresholds.near_duplicate), totals.run_data)


def _results(session: "Session", by_path: Mapping[str, Sequence[Finding]]) -> Iterator[FileResult]:
    for path, findings in by_path.items():
        result = session.context.at(path).file_result(path, findings)
        session.totals.add_findings(result.findings)
        yield result


def _with_span(finding: Finding, line: int | None, *, excerpts: bool) -> Finding:
    """The finding with the span of its line in the configuration."""
    if line is None:
        return finding
    from imgbudget.jsontext.lines import excerpt  # noqa: PLC0415 - request
    from imgbudget.jsontext.source import JsonSource  # noqa: PLC0415 - request

    try:
        with JsonSource.open(finding.location.path) as source:
            before = source.pread(source.size, 0).splitlines(keepends=True)[:line]
            start = sum(map(len, before[:-1]))
            text = before[-1].rstrip(b"\r\n")
            indent = len(text) - len(text.lstrip())
            end = start + len(text)
            span = Span(start + indent, end, line, indent + 1, line, len(text.decode("utf-8", "replace")) + 1)
            shown_text = excerpt(source, span) if excerpts else None
            return finding._replace(span=span, excerpt=shown_text)
    except (OSError, IndexError):  # the file changed after it was read
        return finding
