"""What a run keeps of its files for its end: bytes, copies, statistics, what a comparison needs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from imgbudget.engine.paths import PathRules
from imgbudget.model import Finding, RunData
from imgbudget.report import FileResult

if TYPE_CHECKING:
    from imgbudget.comparison import Told
    from imgbudget.engine.baseline import Entry
    from imgbudget.session.parts import PartCount
    from imgbudget.session.wishes import RunOptions
    from imgbudget.statistics import Statistics

_BLOCK = 1000
"""Names of files that are kept in one text: a string of its own costs 50 bytes more for each."""

_AT_ONCE = 200_000
"""Files that are compared, or names of lookalikes that are taken apart, together: some 20 MB."""

_COPIES, _TOTALS = int(RunData.COPIES), int(RunData.TOTALS)

Block = tuple[Sequence[int], str]
"""What tells files apart, a number each, and their paths, joined by null characters."""


class Tally:
    """Gathers what is watched; of an image file only a number and its path, 8 bytes and the name.

    `used`, `met` and `entries` are what came of silencing in another process, `parts` what the parts of a
    long file count that it has checked.
    """

    def __init__(
        self, watch: RunData, statistics: "Statistics | None" = None, found: "list[Told] | None" = None
    ) -> None:
        self.watch = watch
        self.statistics = statistics
        self.found = found
        self.byte_size = 0
        self.blocks: list[Block] = []
        self.used: set[int] = set()
        self.met: set[int] = set()
        self.entries: list[Entry] = []
        self.parts: list[PartCount] = []
        self._keys: list[int] = []
        self._names: list[str] = []

    def add(self, result: FileResult, *, is_file: bool = True) -> None:
        """Count one file, or with `is_file` false what came on standard input."""
        # a plain integer: the flags' own arithmetic takes a microsecond
        images, watch = result.images, int(self.watch)
        if is_file and len(images) == 1 and not result.requests and images[0].resized is not None:
            facts = images[0].use.facts
            if facts is not None and watch & _COPIES:
                self._keys.append(hash((facts.byte_size, facts.size)))
                self._names.append(result.path)
                if len(self._names) >= _BLOCK:
                    self._close_block()
        if watch & _TOTALS:
            self.byte_size += sum(request.request.byte_size for request in result.requests)
            for image in images:
                if image.use.facts and not image.use.in_request:
                    self.byte_size += image.use.facts.byte_size
        if self.statistics is not None:
            self.statistics.add(result)
        if self.found is not None and result.findings:
            self._tell(result.findings)

    def add_findings(self, findings: Sequence[Finding]) -> None:
        """Count findings on the run as a whole."""
        if self.statistics is not None:
            self.statistics.add_findings(findings)
        if self.found is not None:
            self._tell(findings)

    def _tell(self, findings: Sequence[Finding]) -> None:
        from imgbudget.comparison import told  # noqa: PLC0415 - only a comparison needs it

        if self.found is not None:
            self.found += [told(finding) for finding in findings]

    def _close_block(self) -> None:
        if self._names:
            from array import array  # noqa: PLC0415 - many files only

            self.blocks.append((array("q", self._keys), "\0".join(self._names)))
            self._keys, self._names = [], []

    def take(self) -> "Tally":
        """What was gathered since the last time, to be handed to another process."""
        self._close_block()
        taken = Tally(self.watch, self.statistics, self.found)
        taken.byte_size, taken.blocks = self.byte_size, self.blocks
        self.byte_size, self.blocks = 0, []
        if self.statistics is not None:
            self.statistics = type(self.statistics)()
        if self.found is not None:
            self.found = []
        return taken

    def merge(self, other: "Tally") -> None:
        """Count what another process gathered."""
        self.byte_size += other.byte_size
        self.blocks += other.blocks
        self.used |= other.used
        self.met |= other.met
        self.entries = self.entries + other.entries
        if self.statistics is not None and other.statistics is not None:
            self.statistics.merge(other.statistics)
        if self.found is not None and other.found is not None:
            self.found += other.found

    @property
    def wants_an_end(self) -> bool:
        """Whether there is anything to be said of the run as a whole."""
        watched = self.watch & ~RunData.COPIES or bool(self.blocks) or len(self._names) > 1
        return bool(watched) or self.statistics is not None or self.found is not None

    def lookalikes(self) -> Iterator[list[str]]:
        """The paths of image files with the same length and size in px, in the order of the first of each."""
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
    """The keys that stand more than once, in the order of their first, and how often."""
    again: set[int] = set()
    parts = 1 + sum(map(len, blocks)) // _AT_ONCE
    for part in range(parts):
        seen: set[int] = set()
        for keys in blocks:
            mine = keys if parts == 1 else [key for key in keys if key % parts == part]
            fresh = set(mine)
            again |= seen & fresh
            if len(fresh) < len(mine):
                again.update(key for key, times in Counter(mine).items() if times > 1)
            seen |= fresh
    found: dict[int, int] = {}
    for keys in blocks if again else ():
        if not again.isdisjoint(keys):
            for key in keys:
                if key in again:
                    found[key] = found.get(key, 0) + 1
    return found


def _grouped(blocks: Sequence[Block], chosen: set[int]) -> Iterator[list[str]]:
    """The paths with each of the chosen keys, in the order of the first of each."""
    groups: dict[int, list[str]] = {}
    for keys, names in blocks if chosen else ():
        if not chosen.isdisjoint(keys):
            for key, name in zip(keys, names.split("\0"), strict=True):
                if key in chosen:
                    groups.setdefault(key, []).append(name)
    yield from groups.values()


def new_tally(wishes: "RunOptions", paths: PathRules) -> Tally:
    """An empty tally for what the rules watch and the caller wishes."""
    watch = paths.base_judge.rules.run_data
    if paths.silencer is None or not paths.silencer.ignores:
        watch &= ~RunData.IGNORES
    tally = Tally(watch)
    if wishes.statistics:
        from imgbudget.statistics import Statistics  # noqa: PLC0415 - on demand only

        tally.statistics = Statistics()
    if wishes.compare:
        tally.found = []
    return tally
