"""A run that a command drives: options of fixes that go together, outputs, progress and the exit code."""

import os
import sys
from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING

from imgbudget.cli.options import OutputOptions, WriteOptions
from imgbudget.cli.output import Progress, Sink, say, say_warnings
from imgbudget.config.load import place_of
from imgbudget.discovery.walk import is_other_name
from imgbudget.errors import UsageError
from imgbudget.linter.reporting import Reporter
from imgbudget.linter.run import StandardInput, run
from imgbudget.model.results import Summary
from imgbudget.namedtuples import NamedTuple
from imgbudget.output.base import count, figure, fixes_line

if TYPE_CHECKING:
    from imgbudget.cli.check import CheckOptions
    from imgbudget.cli.plan import PlanOptions
    from imgbudget.fixing.run import Fixer, FixOptions
    from imgbudget.fixing.strategy import FixStrategy
    from imgbudget.linter.protocols import RunChecker
    from imgbudget.linter.run import Session
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
        checker, paths, outputs=shown, progress=progress.listener, jobs=jobs, stdin=given, earlier=earlier
    )
    progress.clear()
    return summary


def _write(text: bytes) -> None:
    """Write what standard input becomes to standard output."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


_LISTED = 5
_CAVEATS = 20


def wants_fixes(options: "CheckOptions") -> bool:
    """Whether files are to be fixed, or the difference shown.

    Raises:
        UsageError: options that do not go together.
    """
    wanted = options.fix or options.write.diff
    _refuse_contradictions(options.write, options.paths, "--fix", wanted=wanted)
    if options.unsafe_fixes and not wanted:
        raise UsageError("--unsafe-fixes goes with --fix or --diff")
    return wanted


def wants_apply(options: "PlanOptions") -> bool:
    """Whether a plan is to be applied, or the difference shown. Raises as `wants_fixes` does."""
    wanted = options.apply or options.write.diff
    _refuse_contradictions(options.write, options.paths, "--apply", wanted=wanted)
    return wanted


def _refuse_contradictions(write: WriteOptions, paths: Sequence[str], name: str, *, wanted: bool) -> None:
    for option in ("output_dir", "backup", "report"):
        if getattr(write, option) and not wanted:
            raise UsageError(f"--{option.replace('_', '-')} goes with {name}")
    if write.output_dir and os.path.lexists(write.output_dir) and not os.path.isdir(write.output_dir):
        raise UsageError(f"--output-dir {write.output_dir}: is a file, not a folder")
    if write.backup and (write.output_dir or write.diff):
        raise UsageError("--backup keeps what is replaced; with --output-dir or --diff nothing is")
    if "-" in paths and wanted:
        if len(paths) > 1:
            raise UsageError("- must be the only path when it is fixed: the result goes to standard output")
        if write.output_dir or write.backup:
            raise UsageError("a fix of standard input goes to standard output, not to a folder")


def fix_options(write: WriteOptions, strategy: "FixStrategy", jobs: int | None = None) -> "FixOptions":
    """How a run fixes. `jobs` None means a process for each core."""
    from imgbudget.fixing.run import FixOptions  # noqa: PLC0415 - rare

    return FixOptions(
        strategy=strategy,
        output_dir=write.output_dir,
        backup=write.backup,
        difference=write.diff,
        digests=write.report is not None,
        jobs=jobs,
    )


def fix_outputs(
    outputs: list["Output"], write: WriteOptions, paths: Sequence[str], *, formats_given: bool = False
) -> list["Output"]:
    """The formats and, beside or in place of them, the difference and the manifest."""
    from imgbudget.output.fixes import Differences, Manifest  # noqa: PLC0415 - rare

    if write.diff:
        if formats_given and any(output.sink.file is None for output in outputs):
            raise UsageError("--diff and --format cannot both go to standard output; give the format a file")
        outputs = [output for output in outputs if output.sink.file is not None]
        outputs.append(Output(Differences(), Sink(None)))
    elif "-" in paths:
        for output in outputs:
            output.sink.aside = True
    if write.report:
        outputs.append(Output(Manifest(), Sink(write.report)))
    return outputs


def say_caveats(summary: Summary, output: OutputOptions) -> None:
    """Name the files that were checked in part, each with the reason; all of them with `--verbose`."""
    caveats = list(summary.caveats)
    shown = caveats if output.verbose else caveats[:_CAVEATS]
    for path, reason in shown:
        say(f"note: {path}: {reason}")
    if len(caveats) > len(shown):
        say(f"and {figure(len(caveats) - len(shown))} more files checked in part; --verbose lists them")


def say_narrowed(
    narrowed: Sequence[tuple[str, str]], output: OutputOptions, what: str = "the check of"
) -> None:
    """Name what configurations in folders leave out: files, or rules; of all of them with `--verbose`."""
    shown = narrowed if output.verbose else narrowed[:_LISTED]
    for path, clause in shown:
        say(f"note: {path} narrows {what} its folder: {clause}")
    if len(narrowed) > len(shown):
        more = count(len(narrowed) - len(shown), "more configuration")
        say(f"and {more} that narrow {what} a folder; --verbose lists them")


def say_nothing_found(session: "Session", summary: Summary) -> None:
    """Say that nothing was found to check, and which patterns leave out files where folders were searched."""
    if summary.checked:
        return
    if summary.files == 0:
        say("warning: no files found")
    if not any(os.path.isdir(path) for path in session.checked_paths):
        return
    for settings in (context.paths.settings for context in session.contexts):
        for key, patterns, which in (
            ("include", settings.include, "all but"),
            ("exclude", settings.exclude, "what matches"),
        ):
            if patterns:
                say(f"note: {place_of(settings, key)} leaves out {which} {', '.join(patterns[:_LISTED])}")


def say_measured(session: "Session", output: OutputOptions, notes: Iterable[str] = ()) -> None:
    """Say the notes on images that were measured, and what configurations left out."""
    say_warnings(dict.fromkeys((*notes, *session.notes)))
    if not output.quiet:
        say_narrowed(session.narrowed(rules=False), output, "what is read of")


def say_skipped(summary: Summary, output: OutputOptions, unless: Container[str] = ()) -> None:
    """Name other names of checked files; with `--verbose`, or if nothing was checked, all skipped ones.

    Those of `unless` are named elsewhere.
    """
    skipped = [(path, reason) for path, reason in summary.skipped if path not in unless]
    if not output.verbose and summary.checked:
        # the other skips are named only if nothing else explains the result
        skipped = [(path, reason) for path, reason in skipped if is_other_name(reason)]
    shown = skipped if output.verbose else skipped[:_LISTED]
    for path, reason in shown:
        say(f"skipped {path}: {reason}")
    if len(skipped) > len(shown):
        say(f"and {figure(len(skipped) - len(shown))} more; --verbose lists them")


def say_fixes(summary: Summary, output: OutputOptions, *, diff: bool, of_plan: bool = False) -> None:
    """Say what was not fixed or written, and what the fixes come to."""
    for error in summary.unwritten:
        say(f"error: {error}")
    if output.quiet:
        return
    for path, reason in summary.elsewhere:
        say(f"{path}: {reason}")
    shown = summary.failed if output.verbose else summary.failed[:_LISTED]
    for failed in shown:
        where = failed.location.path + (f" {failed.location.dotted}" if failed.location.dotted else "")
        say(f"warning: not fixed: {where}: {failed.code or 'resize'}: {failed.reason}")
    if len(summary.failed) > len(shown):
        say(f"and {figure(len(summary.failed) - len(shown))} more; --verbose lists them")
    if line := fixes_line(summary, of_plan=of_plan, pending=diff):
        say(line)


def fix_exit_code(summary: Summary, code: int, *, fail: bool) -> int:
    """The exit code: 2 where a file could not be written, 1 with `fail` where one was or would be changed."""
    if summary.unwritten:
        return 2
    return code or int(bool(summary.changed and fail))


def fixer_of(session: "Session", fixes: "FixOptions", paths: Sequence[str]) -> "Fixer":
    """The fixer of a run."""
    from imgbudget.fixing.run import Fixer  # noqa: PLC0415 - rare

    return Fixer(session, fixes, paths)
