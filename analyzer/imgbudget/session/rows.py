"""What becomes of each row of a JSONL file: checked, bad, or passed over with a reason."""

from dataclasses import dataclass, field

from imgbudget.report import PassedRows, Rows
from imgbudget.sources.jsonspans import JsonSource

BLANK = "blank"
COMPACTED = "sent before the session was compacted, not sent again"

_STEP = 1 << 16
_MOST_RUNS = 10_000


@dataclass(slots=True)
class RowCount:
    """Counts the rows of one file in their order; rows in a row that share their fate are kept as one run.

    `last` is the row come to; `first` that of a part of a file which is not blank, 0 where there is none.
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
        """Whether there are more runs than a file should keep that may hold no request at all."""
        return len(self.passed) + len(self.session) > _MOST_RUNS

    def reach(self, line: int) -> None:
        """Come to a row that is not blank."""
        if line > self.last + 1:
            self._add(self.passed, self.last + 1, line - 1, BLANK)
        self.last = line

    def begin(self, line: int) -> None:
        """Come to the first row of a part; the blank ones before it are counted by what it is a part of."""
        self.first, self.last = line, line - 1

    def follow(self, part: "RowCount") -> None:
        """Count the rows of the part that comes next, which belong to no session."""
        if not part.first:
            return
        self.reach(part.first)
        for run in part.passed:
            self._add(self.passed, run.first, run.last, run.reason)
        self.checked += part.checked
        self.bad += part.bad
        self.last = part.last

    def skip(self, reason: str) -> None:
        """Pass over the row come to."""
        self._add(self.passed, self.last, self.last, reason)

    def belongs(self) -> None:
        """The row come to is one of a session."""
        self._add(self.session, self.last, self.last, "")

    def settle(self, forgotten: list[int], reason: str | None) -> None:
        """Count the session's rows: passed over for a reason, or checked but for the forgotten ones."""
        if reason is None:
            for line in forgotten:
                self._add(self.passed, line, line, COMPACTED)
            self.checked += sum(run.last - run.first + 1 for run in self.session) - len(forgotten)
        else:
            self.passed += [run._replace(reason=reason) for run in self.session]
        self.session.clear()

    def close(self, source: JsonSource, end: int) -> Rows:
        """The sum; behind byte `end` of the source, where the last row's text ends, stand only blanks."""
        newlines, rest, offset = 0, b"", end
        while part := source.pread(_STEP, offset):
            newlines += part.count(b"\n")
            rest, offset = part, offset + len(part)
        total = self.last + newlines - (1 if rest.endswith(b"\n") else 0)
        if total > self.last:
            self._add(self.passed, self.last + 1, total, BLANK)
        return Rows(total, self.checked, self.bad, tuple(sorted(self.passed)))

    def _add(self, runs: list[PassedRows], first: int, last: int, reason: str) -> None:
        if runs and runs[-1].last == first - 1 and runs[-1].reason == reason:
            runs[-1] = runs[-1]._replace(last=last)
        else:
            runs.append(PassedRows(self.path, first, last, reason))
