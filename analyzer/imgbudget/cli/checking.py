"""The run of a command: its output to the terminal and to files, with a line of progress in between."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.cli.output import Progress, Sink
from imgbudget.linter.reporting import Reporter
from imgbudget.linter.run import StandardInput, run
from imgbudget.model.results import Summary

if TYPE_CHECKING:
    from imgbudget.linter.protocols import RunChecker
    from imgbudget.model.comparison import Earlier


class Output(NamedTuple):
    """A format and where it goes."""

    reporter: Reporter
    sink: Sink


class _Shown(NamedTuple):
    """An output beside a line of progress, which makes room for its text."""

    reporter: Reporter
    sink: Sink
    progress: Progress

    def write(self, text: str) -> None:
        """Show more text."""
        if text:
            self.progress.clear()
            self.sink.write(text)

    def close(self) -> None:
        """Write the file, if it is one."""
        self.progress.clear()
        self.sink.close()


def check_paths(  # noqa: PLR0913 - what a run is made of
    checker: "RunChecker",
    paths: Sequence[str],
    outputs: Sequence[Output],
    progress: Progress,
    *,
    jobs: int | None = None,
    stdin: bytes | None = None,
    stdin_name: str | None = None,
    earlier: "Earlier | None" = None,
) -> Summary:
    """Check everything under `paths`, or fix it, and show it. `jobs` None means a process for each core.

    `stdin` is what came on standard input where that was read before, `earlier` the report of a run that
    this one is to be compared with.

    Raises:
        UsageError: a path does not exist (before any output begins), or an output cannot be written.
    """
    given = StandardInput(
        sys.stdin.buffer.read if stdin is None else lambda: stdin, stdin_name or "<stdin>", _write
    )
    shown = [_Shown(reporter, sink, progress) for reporter, sink in outputs]
    summary = run(
        checker, paths, outputs=shown, progress=progress.at, jobs=jobs, stdin=given, earlier=earlier
    )
    progress.clear()
    return summary


def _write(text: bytes) -> None:
    """Write what standard input becomes to standard output."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()
