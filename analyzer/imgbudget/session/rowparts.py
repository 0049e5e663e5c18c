"""Long files of JSON Lines, checked part by part on several processes, in order."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from imgbudget.report import FileResult
from imgbudget.session.bench import Bench
from imgbudget.session.documentfiles import check_part
from imgbudget.session.parts import PART, PartCount
from imgbudget.session.rendering import Batch, check_in_pool
from imgbudget.session.reporting import Reporter
from imgbudget.session.run import Session
from imgbudget.session.tally import Tally
from imgbudget.sources.jsonspans import JsonSource, Start
from imgbudget.sources.stretches import Stretch, stretches

SIZE = 8 << 20
"""Bytes of a part, if they are no more than `PART` rows: 20 ms, so that none has to be waited for long."""


class Part(NamedTuple):
    """Some rows of a file."""

    path: str
    stretch: Stretch


class PartChecker:
    """Checks parts; `counts` is what they count, since they were taken the last time."""

    chunk = 1

    def __init__(self, session: Session) -> None:
        self.counts: list[PartCount] = []
        self._session = session

    @property
    def bench(self) -> Bench:
        """See Checker."""
        return self._session.bench

    @property
    def again(self) -> "Callable[[], PartChecker]":
        """See Checker."""
        return partial(_again, self._session.again)

    def check_all(self, files: Iterable[Part]) -> Iterator[FileResult]:
        """The results of parts; of one whose rows do not stand for themselves nothing is said."""
        for path, stretch in files:
            result, count = check_part(self._session.bench, path, stretch)
            self.counts.append(count)
            if count.alone:
                self._session.tally.add(result)
                yield result
            else:
                self._session.hand_over()  # nothing is kept: who goes on alone finds it again
                yield FileResult(path=path, partial=True)

    def flush(self) -> None:
        """Rows are not cached."""

    def hand_over(self) -> Tally:
        """See Checker."""
        tally = self._session.hand_over()
        tally.parts, self.counts = self.counts, []
        return tally

    def take_in(self, tally: Tally) -> None:
        """See Checker."""
        self.counts += tally.parts
        self._session.take_in(tally)


def _again(session: Callable[[], Session]) -> PartChecker:
    return PartChecker(session())


def check_rows(  # noqa: PLR0913, PLR0917 - a run and a place in it
    session: Session,
    reporters: Sequence[Reporter],
    path: str,
    start: Start,
    jobs: int,
    show: Callable[[Batch], None],
) -> Generator[PartCount | None, None, None]:
    """Check the rows of a file from `start` on, show what they hold, and hand out what they count.

    Ends with None where processes die of a part, which is shown as the end of the file then.

    Raises:
        OSError: the file cannot be read.
    """
    checker = PartChecker(session)
    with JsonSource.open(path) as source:
        jobs = min(jobs, -((start.offset - source.size) // SIZE))
        parts = (Part(path, stretch) for stretch in stretches(source, start, SIZE, PART))
        for batch in check_in_pool(checker, reporters, parts, jobs):
            show(batch)
            if not checker.counts:
                yield None
                return
            counts, checker.counts = checker.counts, []
            yield from counts
