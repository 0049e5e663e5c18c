"""The run: settings, rules and limits loaded once; files in, results and text out, then its end."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain, islice, zip_longest
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.config.load import load_unchecked
from imgbudget.config.settings import Settings
from imgbudget.config.suggest import unknown
from imgbudget.discovery.filetypes import FileKind
from imgbudget.discovery.walk import NEITHER, FoundFile, SkippedFile, find_files, missing
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.limits.data import LimitsData, load_limits
from imgbudget.linter.context import LintContext
from imgbudget.linter.end_of_run import RunTotals, new_totals
from imgbudget.linter.evaluate import failure
from imgbudget.linter.files import FileCheck
from imgbudget.linter.options import RunOptions
from imgbudget.linter.rule_sets import PathRules, RuleChoice
from imgbudget.linter.selection import SelectionLayer, specificity, without_effect
from imgbudget.model.location import Location
from imgbudget.model.results import FileResult, Summary
from imgbudget.registry import Registry, load_packs

if TYPE_CHECKING:
    from collections.abc import Generator

    from imgbudget.jsontext.source import Start
    from imgbudget.linter.parallel import ResultBatch
    from imgbudget.linter.protocols import Output, RunChecker
    from imgbudget.linter.reporting import Reporter
    from imgbudget.linter.rows import PartCount, PartReceiver
    from imgbudget.model.comparison import Earlier
    from imgbudget.model.subjects import ImageUse


STDIN = "-"

_GROUP = 50
"""Files that are read before they are judged: from ten on the gain is the same."""


class Session:
    """Settings, rules and limits, loaded once; checks paths as often as wanted."""

    chunk = 1000
    """Files that a worker takes at once: fewer cost more messages, more let the last worker wait."""

    pool_worth = 4000
    """Files from which on two processes are quicker than one: 0.16 s against 0.20 s, start included."""

    def __init__(
        self, options: RunOptions, *, start: str = ".", loaded: tuple[Settings, LimitsData] | None = None
    ) -> None:
        """Load what the wishes name; `loaded` is what another session of the same wishes has read already.

        Raises:
            ConfigError: the configuration cannot be taken.
            PackError: a rule pack cannot be loaded.
            LimitsError: the limits file cannot be taken.
            UsageError: an unknown platform or rule.
        """
        self.options = options
        self.registry: Registry
        self.settings: Settings
        self.limits: LimitsData
        if loaded is None:
            self._load(start)
        else:
            self.settings, self.limits = loaded
            self.registry = load_packs(self.settings.packs)
        baseline, base = None, self.settings.root
        if name := options.baseline or self.settings.baseline:
            from imgbudget.linter.baseline import load_baseline  # noqa: PLC0415 - with a baseline only

            baseline, base = load_baseline(name, self.registry, read=options.use_baseline)
        self.context = LintContext(
            paths=PathRules(
                self.registry.rules,
                self.settings,
                RuleChoice(
                    layer=SelectionLayer(options.select, options.extend_select, options.ignore),
                    pedantic=options.pedantic,
                    preview=options.preview,
                    budgets=options.budgets,
                    use_ignores=options.use_ignores,
                ),
                baseline=baseline,
                base=base,
                collect=options.collect,
            ),
            data=self.limits,
            model=options.model or self.settings.model,
            platform=options.platform or self.settings.platform,
            asked_platform=options.platform is not None,
            fields=options.fields,
            excerpts=options.excerpts,
            edits=options.edits,
        )
        self._assume_model()
        self.context.limits()
        self.one = FileCheck(self.context, force_exclude=options.force_exclude, cache=options.cache)
        self.totals = new_totals(options, self.context.paths)
        self.named: tuple[str, ...] = ()
        self._previews = tuple(self._without_effect())

    def _load(self, start: str) -> None:
        options = self.options
        first = load_unchecked(start, explicit=options.config, isolated=options.isolated)
        self.registry = load_packs(first.settings.packs)
        self.limits = load_limits(self.registry.limits, options.limits or first.settings.limits)
        rules = self.registry.rules
        self.settings = first.validate(
            [rule.code for rule in rules], [rule.name for rule in rules], self.limits.platforms
        )
        self._refuse_unknown_names()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know beside the findings, e.g. that a model is unknown."""
        return (*self.settings.notes, *self._previews, *self.context.notes)

    def _without_effect(self) -> Iterator[str]:
        """Notes on rules that are selected by name but do not run, because previews are off."""
        options, settings = self.options, self.settings
        if options.preview or settings.preview:
            return iter(())
        selected = settings.select if options.select is None else options.select
        selectors = {*selected, *settings.extend_select, *options.extend_select}
        return without_effect(self.registry.rules, selectors)

    def _refuse_unknown_names(self) -> None:
        options = self.options
        for selector in (*(options.select or ()), *options.extend_select, *options.ignore):
            if all(specificity(selector, rule) < 0 for rule in self.registry.rules):
                raise UsageError(self.unknown_rule(selector))
        if options.platform is not None and options.platform not in self.limits.platforms:
            raise UsageError(unknown("platform", options.platform, self.limits.platforms))

    def limits_of(self, model: str) -> Limits:
        """The limits of another model on the platform of the run; an unknown one leaves a note."""
        limits = self.limits.bind(model, self.context.platform)
        if not limits.known:
            self.context.note_unknown(model, self.limits.normalize(model).nearest, limits.tier.name)
        elif self.context.asked_platform and limits.platform != self.context.platform:
            self.context.note_elsewhere(limits, self.context.platform)
        return limits

    def _assume_model(self) -> None:
        """Take the platform's own model where nobody named one that it serves."""
        context = self.context
        if self.options.model is not None:
            return
        model = self.limits.model_for(context.model, context.platform)
        if model != context.model:
            context.notes[
                f"no model is named: {model} is assumed on {context.platform}; choose with --model"
            ] = None
            context.model = model

    @property
    def again(self) -> "Callable[[], Session]":
        """Makes another session by the same wishes."""
        return partial(Session, self.options)

    def unknown_rule(self, given: str) -> str:
        """What to say of a rule that does not exist."""
        rules = self.registry.rules
        return unknown("rule", given, [*(rule.code for rule in rules), *(rule.name for rule in rules)])

    def files(self, paths: Sequence[str]) -> Iterator[tuple[str, str | None]]:
        """The files that `check` would look at, and those it would pass over with the reason.

        Raises:
            UsageError: a path does not exist.
        """
        for entry in self.walk(paths):
            reason = None if isinstance(entry, FoundFile) else entry.reason
            if isinstance(entry, FoundFile) and entry.kind is FileKind.YAML and not _is_cassette(entry.path):
                reason = NEITHER
            yield entry.path, reason

    def check(
        self, paths: Sequence[str], *, stdin: bytes | None = None, stdin_name: str | None = None
    ) -> Iterator[FileResult]:
        """The results of all files under `paths`, in order; `-` stands for the bytes of standard input.

        Raises:
            UsageError: a path does not exist.
        """
        walk = self.walk([path for path in paths if path != STDIN])
        if STDIN in paths:
            result, _ = self.process_stdin(stdin or b"", stdin_name or "<stdin>")
            yield result
        yield from self.check_all(walk)
        self.flush()

    def check_all(
        self, files: Iterable[FoundFile | SkippedFile], parts: "PartReceiver | None" = None
    ) -> Iterator[FileResult]:
        """The results of files, in order.

        A group is read first and checked then: to change between the two for each file takes a quarter more,
        as neither stays in the caches of the processor. With `parts`, only the last part of a long file is
        among the results: `parts` takes the others as they come.
        """
        source = iter(files)
        while group := list(islice(source, _GROUP)):
            read: list[ImageUse | None] = []
            with suppress(Exception):  # what cannot be read for a mistake of ours is read again, and told
                for entry in group:
                    is_image = isinstance(entry, FoundFile) and entry.kind is FileKind.IMAGE
                    runner = self.context.paths.runner(entry.path)
                    read.append(self.one.image(entry.path, runner) if is_image else None)
            for entry, use in zip_longest(group, read):
                yield self.guarded(entry, partial(self.one.file, parts=parts, read=use))

    def check_met(self, entry: FoundFile | SkippedFile) -> FileResult:
        """The result of a file that the walk has met."""
        return self.guarded(entry, self.one.file)

    def guarded(self, entry: FoundFile | SkippedFile, work: Callable[[FoundFile], FileResult]) -> FileResult:
        """The result of `work` on a file that the walk has met; a mistake of ours in it becomes a finding."""
        if isinstance(entry, SkippedFile):
            return FileResult(path=entry.path, skipped=entry.reason, missed=entry.missed)
        try:
            result = work(entry)
        except Exception as error:
            if self.options.raise_errors:
                raise
            location = Location(entry.path)
            finding = failure(f"checking {entry.path}", error, location, self.context.limits())
            result = FileResult(path=entry.path, findings=(finding,))
        self.totals.add(result)
        return result

    def walk(self, paths: Sequence[str]) -> Iterator[FoundFile | SkippedFile]:
        """The files under `paths`, without looking into them.

        Raises:
            UsageError: a path does not exist.
        """
        if gone := missing(paths):
            raise UsageError("\n".join(f"{path}: no such file or folder" for path in gone))
        self.named = tuple(paths)
        if not paths:
            return iter(())
        return find_files(
            paths,
            exclude=self.settings.exclude,
            exclude_root=self.settings.root,
            force_exclude=self.options.force_exclude,
        )

    def drain(self) -> RunTotals:
        """What was kept for the end since the last time, for the process that ends the run."""
        taken = self.totals.take()
        if suppressor := self.context.paths.suppressor:
            taken.used, taken.entry, taken.entries = (
                set(suppressor.used),
                set(suppressor.entry),
                suppressor.entries,
            )
            suppressor.entries = []
        return taken

    def merge_totals(self, totals: RunTotals) -> None:
        """Keep what another process kept for the end."""
        self.totals.merge(totals)
        if suppressor := self.context.paths.suppressor:
            suppressor.used |= totals.used
            suppressor.entry |= totals.entry
            suppressor.entries += totals.entries

    def finish(self, summary: Summary) -> Iterator[FileResult]:
        """What is said of the run as a whole once all are checked; at its end statistics are in `summary`."""
        if not self.totals.wants_an_end:
            return iter(())
        from imgbudget.linter.end_of_run import finish  # noqa: PLC0415 - few files have no end

        return finish(self, summary)

    def flush(self) -> None:
        """Write what the cache has learnt; a run calls it when it has checked its last file."""
        if self.one.cache is not None:
            self.one.cache.flush()

    def process_stdin(self, data: bytes, name: str) -> tuple[FileResult, bytes | None]:
        """The result of what came on standard input, an image or a request, reported under `name`.

        A check writes nothing in its place, so the second value is None.
        """
        result = self.read_stdin(data, name)
        self.totals.add(result, is_file=False)
        return result, None

    def read_stdin(self, data: bytes, name: str) -> FileResult:
        """The result of what came on standard input, not yet counted for the end of the run."""
        if self.context.paths.suppressor:
            self.context.paths.suppressor.unhashed = name
        return self.one.text(data, name)


def _is_cassette(path: str) -> bool:
    from imgbudget.requests.cassettes import is_cassette  # noqa: PLC0415 - few folders have one

    return is_cassette(path)


class StandardInput(NamedTuple):
    """What the path `-` is: its bytes, the name to report it under, and where its fixed text goes."""

    read: Callable[[], bytes]
    name: str = "<stdin>"
    write: Callable[[bytes], None] | None = None


def run(  # noqa: PLR0913 - what a run is made of
    checker: "RunChecker",
    paths: Sequence[str],
    *,
    outputs: "Sequence[Output]" = (),
    on_result: Callable[[FileResult], None] | None = None,
    progress: Callable[[int], None] | None = None,
    jobs: int | None = None,
    stdin: StandardInput | None = None,
    earlier: "Earlier | None" = None,
) -> Summary:
    """Check everything under `paths`, or fix it, and then the run as a whole.

    `outputs` get their text in the order of the files, and so does `on_result`, which takes each result as a
    value: these do not travel between processes, so there is one process then. Otherwise `jobs` None means a
    process for each core. `progress` is called with the number of files that are done. Without `stdin`, `-`
    is a path like any other. `earlier` is the report of a run that this one is to be compared with.

    Raises:
        UsageError: a path does not exist (before any output begins), or an output cannot be written.
    """
    made = _Run(checker, outputs, on_result, progress, jobs)
    files = checker.walk([path for path in paths if path != STDIN] if stdin else paths)
    for output in outputs:
        output.write(output.reporter.begin())
    if stdin is not None and STDIN in paths:
        made.process_stdin(stdin)
    made.check(files)
    checker.flush()
    made.finish(earlier)
    return made.summary


class _Run:
    """A run with what it has counted so far."""

    __slots__ = ("checker", "jobs", "on_result", "outputs", "progress", "summary")

    def __init__(
        self,
        checker: "RunChecker",
        outputs: "Sequence[Output]",
        on_result: Callable[[FileResult], None] | None,
        progress: Callable[[int], None] | None,
        jobs: int | None,
    ) -> None:
        self.checker = checker
        self.outputs = outputs
        self.on_result = on_result
        self.progress = progress
        self.jobs = jobs if on_result is None else 1
        self.summary = Summary()

    def process_stdin(self, stdin: StandardInput) -> None:
        """Check standard input, or fix it and write what it becomes."""
        result, text = self.checker.process_stdin(stdin.read(), stdin.name)
        if text is not None and stdin.write is not None:
            stdin.write(text)
        self._add(result)

    def check(self, files: "Iterator[FoundFile | SkippedFile]") -> None:
        """Check files, over several processes where there are enough of them."""
        worth = self.checker.pool_worth
        first = list(islice(files, worth)) if self.jobs != 1 else []
        files = chain(first, files)
        if len(first) < worth or self._processes == 1:
            for result in self.checker.check_all(files, self._receiver):
                self._add(result)
            return
        from imgbudget.linter.parallel import check_in_pool  # noqa: PLC0415 - many files only

        for batch in check_in_pool(self.checker, self._reporters, files, self._processes):
            self._add_batch(batch)

    def finish(self, earlier: "Earlier | None") -> None:
        """Add what is found of the run as a whole, and end the output."""
        for result in self.checker.finish(self.summary):
            self.summary.add_findings(result)
            self._show(result)
        if earlier is not None:
            from imgbudget.model.comparison import compare  # noqa: PLC0415 - on demand only

            self.summary.comparison = compare(earlier, self.summary, self.checker.totals.found or ())
        for output in self.outputs:
            output.write(output.reporter.end(self.summary))
            output.close()

    def _add(self, result: FileResult) -> None:
        """Count and show what was found in a file, or in a part of one."""
        if self.progress is not None:
            self.progress(self.summary.files)
        self.summary.add(result)
        self._show(result)

    def _show(self, result: FileResult) -> None:
        if self.on_result is not None:
            self.on_result(result)
        for output in self.outputs:
            reporter = output.reporter
            if text := reporter.add(reporter.render(result)):
                output.write(text)

    def _add_batch(self, batch: "ResultBatch") -> None:
        """Count and show what a worker has checked and rendered."""
        self.summary.merge(batch.summary)
        if self.progress is not None:
            self.progress(self.summary.files)
        for output, piece in zip(self.outputs, batch.pieces, strict=True):
            if text := output.reporter.add(piece):
                output.write(text)

    @property
    def _receiver(self) -> "PartReceiver | None":
        """What takes long files part by part: the run itself, unless whole results are asked for."""
        in_parts = self.on_result is None and all(output.reporter.takes_parts for output in self.outputs)
        return self if in_parts else None

    def on_partial_result(self, result: FileResult) -> None:
        """Count and show what was found in a part of a long file."""
        self.checker.totals.add(result)
        self._add(result)

    def row_workers(self, path: str, start: "Start") -> "Generator[PartCount | None, None, None] | None":
        """Have several processes check the rows of a long file from `start` on, if there are several."""
        checker = self.checker
        by_parts = any(output.reporter.shows_parts for output in self.outputs)
        if by_parts or self._processes == 1 or not isinstance(checker, Session):
            return None
        from imgbudget.linter.parallel import check_rows  # noqa: PLC0415 - long files only

        return check_rows(checker, self._reporters, path, start, self._processes, self._add_batch)

    @property
    def _reporters(self) -> "list[Reporter]":
        return [output.reporter for output in self.outputs]

    @property
    def _processes(self) -> int:
        """How many processes there may be."""
        if self.jobs is None:
            from imgbudget.linter.pool import cores  # noqa: PLC0415 - many files only

            self.jobs = cores()
        return self.jobs
