"""The session, which loads settings, rules and limits, and `run`, which drives every run over files."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from imgbudget.config.settings import Settings
from imgbudget.discovery.walk import (
    EXCLUDED,
    NOT_CHECKABLE,
    NOT_INCLUDED,
    FoundFile,
    Paths,
    SkippedFile,
    find_files,
    path_list,
    require_existing,
)
from imgbudget.errors import ConfigError, UsageError
from imgbudget.limits.bound import Limits
from imgbudget.limits.data import LimitsData
from imgbudget.linter.context import LintContext
from imgbudget.linter.end_of_run import RunTotals, finish, new_totals, note_unmatched
from imgbudget.linter.evaluate import failure_finding
from imgbudget.linter.files import FileCheck, holds_subjects, is_read_alike
from imgbudget.linter.options import RunOptions, RunParts, load_run, unknown_rule
from imgbudget.linter.rule_sets import ConfigUsage
from imgbudget.model.location import Location
from imgbudget.model.results import FileResult, Summary
from imgbudget.namedtuples import NamedTuple
from imgbudget.registry import Registry, configured_packs

if TYPE_CHECKING:
    from collections.abc import Generator

    from imgbudget.jsontext.source import Start
    from imgbudget.linter.nearest import NearestContexts
    from imgbudget.linter.parallel import ResultBatch
    from imgbudget.linter.protocols import RunChecker
    from imgbudget.linter.reporting import Fragment, Reporter, RunOutput
    from imgbudget.linter.rows import PartCount, PartReceiver
    from imgbudget.linter.verdicts import Verdict, VerdictCache
    from imgbudget.model.comparison import Earlier

STDIN = "-"
_FOUND_FIRST = 4000
"""Files that are found before the first is checked: what is wrong with a configuration comes first."""
_DECODED_TOGETHER, _DECODED_ALONE = 16, 24
"""Files in one item of work where all are decoded, and from which on several processes decode."""
_READ_TOGETHER, _READ_ALONE = 1, 2
"""The same where the text of all is read, which takes seconds."""
_MOST_AHEAD = 500_000
"""Files that are found before the first is checked, to know how many they are: about 100 MB."""
_GROUP_SIZE = 200
"""Files that are read before they are checked; larger groups gain nothing."""


class Session:
    """Settings, rules and limits, loaded once; can check paths any number of times."""

    chunk_size: int = 1000
    """Files in one item of work: fewer cost more messages, more leave workers idle at the end."""
    pool_threshold: int = 4000
    """Files from which two processes are faster than one: 0.16 s instead of 0.20 s, with their start."""
    spare_workers = 0

    def __init__(
        self,
        options: RunOptions,
        *,
        start: str = ".",
        packs: bool = True,
        loaded: tuple[Settings, LimitsData] | None = None,
    ) -> None:
        """Load configuration, packs and limits; `loaded` are those of another session with equal options.

        Without `packs`, those that the configuration in or above the folder `start` names are not loaded.

        Raises:
            ConfigError: the configuration is invalid.
            PackError: a rule pack cannot be loaded.
            LimitsError: the limits file is invalid.
            UsageError: an unknown platform or rule, or a baseline that cannot be read.
        """
        self.options: RunOptions
        self.options = options = options.normalized()
        self.registry: Registry
        self.settings: Settings
        self.limits: LimitsData
        if loaded is None:
            self.registry, self.settings, self.limits = load_run(options, start, packs=packs)
        else:
            self.settings, self.limits = loaded
            self.registry = configured_packs(self.settings, local=options.allow_local_packs)
        parts = RunParts.of(options, self.registry, self.settings)
        self.context: LintContext = parts.context(self.settings, self.limits)
        if options.nested:
            self.context.search(partial(self._nearest, parts, start))
        self._prepare(self.context)
        self.file_check: FileCheck = FileCheck(
            self.context,
            force_exclude=options.force_exclude,
            cache=options.cache,
            verbose=options.raise_errors,
        )
        self.totals: RunTotals = new_totals(options, self.context.paths)
        self.checked_paths: tuple[str, ...] = ()
        self._ineffective = self.context.paths.notes()

    def _nearest(self, parts: RunParts, start: str) -> "NearestContexts":
        from imgbudget.linter.nearest import NearestContexts  # noqa: PLC0415 - rare

        return NearestContexts(parts, self.context, start, self._prepare)

    def _prepare(self, context: LintContext) -> None:
        """Prepare for the files of a context."""
        if context.needs_pixels:
            # decoding an image takes a hundred times longer than reading its header
            self._divide(_DECODED_TOGETHER, _DECODED_ALONE)
        if context.needs_text:
            self._divide(_READ_TOGETHER, _READ_ALONE)

    def _divide(self, together: int, alone: int) -> None:
        self.chunk_size = min(self.chunk_size, together)
        self.pool_threshold = min(self.pool_threshold, alone)

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the run as a whole, e.g. that a model is unknown."""
        return (*self.settings.notes, *self._ineffective, *self.context.notes)

    def limits_of(self, model: str) -> Limits:
        """The limits of another model on the platform of the run; adds a note if the model is unknown."""
        return self.context.limits_of(model)

    @property
    def factory(self) -> "Callable[[], Session]":
        """Makes a session with the same options; can be pickled."""
        return partial(Session, self.options)

    def unknown_rule(self, given: str) -> str:
        """The error message for a rule that does not exist."""
        return unknown_rule(self.registry, given)

    def files(self, paths: Paths) -> Iterator[tuple[str, str | None]]:
        """The files that `check` would check, and those it would skip, each with the reason.

        Raises:
            UsageError: a path does not exist.
        """
        for entry in self.walk(paths):
            reason = None if isinstance(entry, FoundFile) else entry.reason
            if isinstance(entry, FoundFile) and not holds_subjects(entry):
                reason = NOT_CHECKABLE
            yield entry.path, reason

    def check(
        self, paths: Paths, *, stdin: bytes | None = None, stdin_name: str | None = None
    ) -> Iterator[FileResult]:
        """The results of all files under `paths`, in order; findings on the whole run come from `run` only.

        `-` is standard input, whose bytes are `stdin`.

        Raises:
            UsageError: a path does not exist.
        """
        named = path_list(paths)
        walk = self.walk(path for path in named if path != STDIN)
        if STDIN in named:
            result, _ = self.process_stdin(stdin or b"", stdin_name or "<stdin>")
            yield result
        yield from self.check_all(walk)
        self.flush()

    def check_all(
        self, files: Iterable[FoundFile | SkippedFile], parts: "PartReceiver | None" = None
    ) -> Iterator[FileResult]:
        """The results of files, in order.

        Files are read in groups, those of one format after another, and then checked: alternating for each
        file takes a third longer, because neither code stays in the processor's caches. With `parts`, only
        the last part of a long file is among the results; `parts` receives the others.
        """
        source = iter(files)
        while group := list(islice(source, min(_GROUP_SIZE, self.chunk_size))):
            read = self.file_check.images(group)
            results = (
                self.guarded(entry, partial(self.file_check.file, parts=parts, read=use))
                for entry, use in zip(group, read, strict=True)
            )
            yield from results if None in read else list(results)

    def check_found(self, entry: FoundFile | SkippedFile) -> FileResult:
        """The result of one file found by the walk."""
        return self.guarded(entry, self.file_check.file)

    def guarded(self, entry: FoundFile | SkippedFile, work: Callable[[FoundFile], FileResult]) -> FileResult:
        """The result of `work` on a file; an unexpected exception becomes the finding IB003."""
        if isinstance(entry, SkippedFile):
            return FileResult(path=entry.path, skipped=entry.reason, missed=entry.missed)
        try:
            result = work(entry)
        except (ConfigError, UsageError, ImportError):
            raise
        except Exception as error:
            if self.options.raise_errors:
                raise
            location = Location(entry.path)
            finding = failure_finding(f"checking {entry.path}", error, location, self.context.limits())
            result = FileResult(path=entry.path, findings=(finding,))
        self.totals.add(result)
        return result

    def walk(self, paths: Paths) -> Iterator[FoundFile | SkippedFile]:
        """The files under `paths`, unread.

        Raises:
            UsageError: a path does not exist.
        """
        named = path_list(paths)
        require_existing(named)
        self.checked_paths = named
        if not named:
            return iter(())
        for path in named:
            self.context.at(path)  # what is wrong with the configuration of a named file is said at once
        return find_files(
            named,
            exclude=self.settings.exclude,
            exclude_root=self.settings.root,
            nested=self.context,
            force_exclude=self.options.force_exclude,
            is_alike=is_read_alike,
            allow_outside=self.options.allow_outside,
        )

    def why_left_out(self, path: str) -> str | None:
        """Why configurations leave a file or folder out of searches from here; None if they do not."""
        if not os.path.lexists(path):
            return None
        root = self.settings.root
        first = next(find_files([path], exclude_root=root, nested=self.context, force_exclude=True), None)
        reasons = (EXCLUDED, NOT_INCLUDED)
        return first.reason if isinstance(first, SkippedFile) and first.reason in reasons else None

    def drain(self) -> RunTotals:
        """The totals since the last call, to send to the process that finishes the run."""
        taken = self.totals.take()
        taken.usage = self.usage.take()
        return taken

    @property
    def usage(self) -> ConfigUsage:
        """What of the configurations has applied so far."""
        for context in self.contexts:
            context.paths.record_overrides()
        return self.context.paths.usage

    @property
    def contexts(self) -> tuple[LintContext, ...]:
        """The context of the run, and those of nested configurations that were found."""
        return (self.context, *(self.context.nearest.nested if self.context.nearest else ()))

    def narrowed(self, *, rules: bool = True) -> tuple[tuple[str, str], ...]:
        """The nested configurations that leave out files or `rules`, each with what, as a clause."""
        return tuple(self.context.nearest.narrowed(rules=rules)) if self.context.nearest else ()

    @property
    def has_entries(self) -> bool:
        """Whether a configuration of the run has ignores or overrides, of which some may be without use."""
        return any(
            context.paths.settings.ignores or context.paths.settings.overrides for context in self.contexts
        )

    def merge_totals(self, totals: RunTotals) -> None:
        """Add the totals of another process."""
        self.totals.merge(totals)
        self.usage.merge(totals.usage)

    def finish(self, summary: Summary) -> Iterator[FileResult]:
        """The findings on the run as a whole, once all files are checked; adds statistics to `summary`."""
        if not self.totals.reports_on_run and not self.has_entries:
            return iter(())
        return finish(self, summary)

    def verdicts(self, reporters: "Sequence[Reporter]") -> "VerdictCache | None":
        """What earlier runs wrote in these formats for files that have not changed; None if unusable."""
        cache = self.file_check.cache
        return None if cache is None else cache.verdicts(self, reporters)

    def flush(self) -> None:
        """Write new facts to the cache; a run calls it after its last file."""
        if self.file_check.cache is not None:
            self.file_check.cache.flush()

    def process_stdin(self, data: bytes, name: str) -> tuple[FileResult, bytes | None]:
        """The result of standard input, an image or a request, reported under `name`.

        The second value, the fixed content, is None: a check changes nothing.
        """
        result = self.read_stdin(data, name)
        self.totals.add(result, is_file=False)
        return result, None

    def read_stdin(self, data: bytes, name: str, *, explicit: bool = True) -> FileResult:
        """The result of standard input, not yet in the totals; without `explicit` as a search reads it."""
        if suppressor := self.context.at(name).paths.suppressor:
            suppressor.unhashed = name
        return self.file_check.text(data, name, explicit=explicit)


class StandardInput(NamedTuple):
    """What the path `-` means: how to read it, the name to report, and where its fixed content is written."""

    read: Callable[[], bytes]
    name: str = "<stdin>"
    write: Callable[[bytes], None] | None = None


def run(  # noqa: PLR0913 - keyword options of the one driver
    checker: "RunChecker",
    paths: Paths,
    *,
    outputs: "Sequence[RunOutput]" = (),
    on_result: Callable[[FileResult], None] | None = None,
    progress: Callable[[int, int | None], None] | None = None,
    jobs: int | None = None,
    stdin: StandardInput | None = None,
    earlier: "Earlier | None" = None,
    whole_run: bool = True,
) -> Summary:
    """Check or fix everything under `paths`, then check the run as a whole: the one driver of all commands.

    `outputs` are written in the order of the files. `on_result` is called with each result in the same order;
    results do not travel between processes, so the run then uses one process. Otherwise `jobs` None means one
    process per core. `progress` is called with the number of finished files, and of all if known. Without
    `stdin`, `-` is a path like any other. `earlier` is the report of a run to compare with. `whole_run=False`
    leaves out the rules on the run as a whole: copies, budgets of the run, unused ignores.

    Raises:
        UsageError: a path does not exist (before any output begins), or an output cannot be written.
        ConfigError: the configuration nearest to a file is invalid.
    """
    driver = _Run(checker, outputs, on_result, progress, jobs)
    named = path_list(paths)
    files = checker.walk([path for path in named if path != STDIN] if stdin else named)
    driver.find(files)
    for output in outputs:
        output.write(output.reporter.begin())
    if stdin is not None and STDIN in named:
        driver.process_stdin(stdin)
    driver.check()
    checker.flush()
    note_unmatched(checker.context)
    if whole_run:
        driver.check_whole_run()
    driver.finish(earlier)
    return driver.summary


class _Run:
    """A run in progress, with its summary so far."""

    def __init__(
        self,
        checker: "RunChecker",
        outputs: "Sequence[RunOutput]",
        on_result: Callable[[FileResult], None] | None,
        progress: Callable[[int, int | None], None] | None,
        jobs: int | None,
    ) -> None:
        self.checker = checker
        self.outputs = outputs
        self.on_result = on_result
        self.progress = progress
        self.jobs = jobs if on_result is None else 1
        self.files: Iterator[FoundFile | SkippedFile] = iter(())
        self.found, self.knows_all = 0, True
        self.total: int | None = None
        self.summary = Summary()

    def process_stdin(self, stdin: StandardInput) -> None:
        """Check standard input, or fix it and write the result."""
        result, text = self.checker.process_stdin(stdin.read(), stdin.name)
        if text is not None and stdin.write is not None:
            stdin.write(text)
        self._add(result)

    def find(self, files: "Iterator[FoundFile | SkippedFile]") -> None:
        """Find the first files, before any output begins: what is wrong with a configuration comes first."""
        ahead = _FOUND_FIRST if self.progress is None else _MOST_AHEAD
        first = list(islice(files, ahead))
        self.found = len(first)
        self.knows_all = self.found < ahead
        self.files = chain(first, files)

    def check(self) -> None:
        """Check the files, on several processes if there are enough of them."""
        self.total = self.summary.files + self.found if self.knows_all else None
        are_many = self.found >= self.checker.pool_threshold and self._processes > 1
        verdicts = self.checker.verdicts(self._reporters)
        if not are_many:
            check_all = self.checker.check_all if verdicts is None else verdicts.checked
            for result in check_all(self.files, self._receiver):
                self._add(result)
            return
        self.checker.totals.processes = self._processes
        if verdicts is not None:
            for known in verdicts.leading(self.files):
                self._add(known)
            if not verdicts.rest:
                return
            self.files = chain(verdicts.rest, self.files)
        from imgbudget.linter.parallel import check_in_pool  # noqa: PLC0415 - rare

        for batch in check_in_pool(self.checker, self._reporters, self.files, self._processes):
            self._add_batch(batch)

    def check_whole_run(self) -> None:
        """Add the findings on the run as a whole."""
        for result in self.checker.finish(self.summary):
            self.summary.add_findings(result)
            self._show(result)

    def finish(self, earlier: "Earlier | None") -> None:
        """Compare the run with an earlier one, and end the outputs."""
        if earlier is not None:
            from imgbudget.model.comparison import compare  # noqa: PLC0415 - rare

            if (records := self.checker.totals.records) is not None:
                self.summary.comparison = compare(earlier, self.summary, records)
        if nearest := self.checker.context.nearest:
            self.summary.narrowed = list(nearest.narrowed())
        for output in self.outputs:
            output.write(output.reporter.end(self.summary))
            output.close()

    def _add(self, result: "FileResult | Verdict") -> None:
        """Count and show the result of a file, or of a part of one."""
        if self.progress is not None:
            self.progress(self.summary.files, self.total)
        if isinstance(result, FileResult):
            self.summary.add(result)
            self._show(result)
        else:
            self.summary.add_counts(result.counts)
            self._write(result.fragments)

    def _show(self, result: FileResult) -> None:
        if self.on_result is not None:
            self.on_result(result)
        self._write([output.reporter.render(result) for output in self.outputs])

    def _write(self, fragments: "Sequence[Fragment]") -> None:
        for output, fragment in zip(self.outputs, fragments, strict=True):
            if text := output.reporter.add(fragment):
                output.write(text)

    def _add_batch(self, batch: "ResultBatch") -> None:
        """Count and show results that a worker has checked and rendered."""
        self.summary.merge(batch.summary)
        if self.progress is not None:
            self.progress(self.summary.files, self.total)
        self._write(batch.fragments)

    @property
    def _receiver(self) -> "PartReceiver | None":
        """Receives long files in parts: the run itself, unless something needs whole results."""
        in_parts = self.on_result is None and all(output.reporter.takes_parts for output in self.outputs)
        return self if in_parts else None

    def on_partial_result(self, result: FileResult) -> None:
        """Count and show the result of a part of a long file."""
        self.checker.totals.add(result)
        self._add(result)

    def row_workers(self, path: str, start: "Start") -> "Generator[PartCount | None, None, None] | None":
        """Check the rows of a long file from `start` on several processes; None if there is only one."""
        checker = self.checker
        by_parts = any(output.reporter.shows_parts for output in self.outputs)
        if by_parts or self._processes == 1 or not isinstance(checker, Session):
            return None
        from imgbudget.linter.parallel import check_rows  # noqa: PLC0415 - rare

        return check_rows(checker, self._reporters, path, start, self._processes, self._add_batch)

    @property
    def _reporters(self) -> "list[Reporter]":
        return [output.reporter for output in self.outputs]

    @property
    def _processes(self) -> int:
        """The number of processes to use."""
        if self.jobs is None:
            from imgbudget.linter.pool import cores  # noqa: PLC0415 - rare

            self.jobs = 1 if cores() == 1 else cores() + self.checker.spare_workers
        return self.jobs
