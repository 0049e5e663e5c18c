"""A run: from what the caller wishes to the results, file by file."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from imgbudget.config import Settings, load_unchecked
from imgbudget.config.suggest import unknown
from imgbudget.engine.findings import failure
from imgbudget.engine.paths import Choice, PathRules
from imgbudget.engine.selection import Layer, specificity, without_effect
from imgbudget.errors import UsageError
from imgbudget.limits import Limits, LimitsData, load_limits
from imgbudget.model import ImageUse, Place
from imgbudget.registry import Registry, load_packs
from imgbudget.report import FileResult, Summary
from imgbudget.session.bench import Bench
from imgbudget.session.filecheck import FileCheck
from imgbudget.session.tally import Tally, new_tally
from imgbudget.session.wishes import RunOptions
from imgbudget.sources.entry import NEITHER
from imgbudget.sources.walk import FileKind, Found, Passed, find_files, missing

if TYPE_CHECKING:
    from imgbudget.session.parts import PartReceiver

__all__ = ["STDIN", "RunOptions", "Session"]

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
        self, wishes: RunOptions, *, start: str = ".", loaded: tuple[Settings, LimitsData] | None = None
    ) -> None:
        """Load what the wishes name; `loaded` is what another session of the same wishes has read already.

        Raises:
            ConfigError: the configuration cannot be taken.
            PackError: a rule pack cannot be loaded.
            LimitsError: the limits file cannot be taken.
            UsageError: an unknown platform or rule.
        """
        self.wishes = wishes
        self.registry: Registry
        self.settings: Settings
        self.limits: LimitsData
        if loaded is None:
            self._load(start)
        else:
            self.settings, self.limits = loaded
            self.registry = load_packs(self.settings.packs)
        baseline, base = None, self.settings.root
        if name := wishes.baseline or self.settings.baseline:
            from imgbudget.session.baselines import load_baseline  # noqa: PLC0415 - with a baseline only

            baseline, base = load_baseline(name, self.registry, read=wishes.use_baseline)
        self.bench = Bench(
            paths=PathRules(
                self.registry.rules,
                self.settings,
                Choice(
                    layer=Layer(wishes.select, wishes.extend_select, wishes.ignore),
                    pedantic=wishes.pedantic,
                    preview=wishes.preview,
                    budgets=wishes.budgets,
                    use_ignores=wishes.use_ignores,
                ),
                baseline=baseline,
                base=base,
                collect=wishes.collect,
            ),
            data=self.limits,
            model=wishes.model or self.settings.model,
            platform=wishes.platform or self.settings.platform,
            asked_platform=wishes.platform is not None,
            want=wishes.want,
            excerpts=wishes.excerpts,
            edits=wishes.edits,
        )
        self._assume_model()
        self.bench.limits()
        self.one = FileCheck(self.bench, force_exclude=wishes.force_exclude, cache=wishes.cache)
        self.tally = new_tally(wishes, self.bench.paths)
        self.named: tuple[str, ...] = ()
        self._previews = tuple(self._without_effect())

    def _load(self, start: str) -> None:
        wishes = self.wishes
        first = load_unchecked(start, explicit=wishes.config, isolated=wishes.isolated)
        self.registry = load_packs(first.settings.packs)
        self.limits = load_limits(self.registry.limits, wishes.limits or first.settings.limits)
        rules = self.registry.rules
        self.settings = first.validate(
            [rule.code for rule in rules], [rule.name for rule in rules], self.limits.platforms
        )
        self._refuse_unknown_names()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know beside the findings, e.g. that a model is unknown."""
        return (*self.settings.notes, *self._previews, *self.bench.notes)

    def _without_effect(self) -> Iterator[str]:
        """Notes on rules that are selected by name but do not run, because previews are off."""
        options, settings = self.wishes, self.settings
        if options.preview or settings.preview:
            return iter(())
        selected = settings.select if options.select is None else options.select
        selectors = {*selected, *settings.extend_select, *options.extend_select}
        return without_effect(self.registry.rules, selectors)

    def _refuse_unknown_names(self) -> None:
        wishes = self.wishes
        for selector in (*(wishes.select or ()), *wishes.extend_select, *wishes.ignore):
            if all(specificity(selector, rule) < 0 for rule in self.registry.rules):
                raise UsageError(self.unknown_rule(selector))
        if wishes.platform is not None and wishes.platform not in self.limits.platforms:
            raise UsageError(unknown("platform", wishes.platform, self.limits.platforms))

    def limits_of(self, model: str) -> Limits:
        """The limits of another model on the platform of the run; an unknown one leaves a note."""
        limits = self.limits.bind(model, self.bench.platform)
        if not limits.known:
            self.bench.note_unknown(model, self.limits.normalize(model).nearest, limits.tier.name)
        elif self.bench.asked_platform and limits.platform != self.bench.platform:
            self.bench.note_elsewhere(limits, self.bench.platform)
        return limits

    def _assume_model(self) -> None:
        """Take the platform's own model where nobody named one that it serves."""
        bench = self.bench
        if self.wishes.model is not None:
            return
        model = self.limits.model_for(bench.model, bench.platform)
        if model != bench.model:
            bench.notes[f"no model is named: {model} is assumed on {bench.platform}; choose with --model"] = (
                None
            )
            bench.model = model

    @property
    def again(self) -> "Callable[[], Session]":
        """Makes another session by the same wishes."""
        return partial(Session, self.wishes)

    def unknown_rule(self, given: str) -> str:
        """What to say of a rule that does not exist."""
        rules = self.registry.rules
        return unknown("rule", given, [*(rule.code for rule in rules), *(rule.name for rule in rules)])

    def files(self, paths: Sequence[str]) -> Iterator[tuple[str, str | None]]:
        """The files that `check` would look at, and those it would pass over with the reason.

        Raises:
            UsageError: a path does not exist.
        """
        for met in self.walk(paths):
            reason = None if isinstance(met, Found) else met.reason
            if isinstance(met, Found) and met.kind is FileKind.YAML and not _is_cassette(met.path):
                reason = NEITHER
            yield met.path, reason

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
        self, files: Iterable[Found | Passed], parts: "PartReceiver | None" = None
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
                for met in group:
                    is_image = isinstance(met, Found) and met.kind is FileKind.IMAGE
                    judge = self.bench.paths.judge(met.path)
                    read.append(self.one.image(met.path, judge) if is_image else None)
            for met, use in zip_longest(group, read):
                yield self.guarded(met, partial(self.one.file, parts=parts, read=use))

    def check_met(self, met: Found | Passed) -> FileResult:
        """The result of a file that the walk has met."""
        return self.guarded(met, self.one.file)

    def guarded(self, met: Found | Passed, work: Callable[[Found], FileResult]) -> FileResult:
        """The result of `work` on a file that the walk has met; a mistake of ours in it becomes a finding."""
        if isinstance(met, Passed):
            return FileResult(path=met.path, skipped=met.reason, missed=met.missed)
        try:
            result = work(met)
        except Exception as error:
            if self.wishes.raise_errors:
                raise
            place = Place(met.path)
            finding = failure(f"checking {met.path}", error, place, self.bench.limits())
            result = FileResult(path=met.path, findings=(finding,))
        self.tally.add(result)
        return result

    def walk(self, paths: Sequence[str]) -> Iterator[Found | Passed]:
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
            force_exclude=self.wishes.force_exclude,
        )

    def hand_over(self) -> Tally:
        """What was kept for the end since the last time, for the process that ends the run."""
        taken = self.tally.take()
        if silencer := self.bench.paths.silencer:
            taken.used, taken.met, taken.entries = set(silencer.used), set(silencer.met), silencer.entries
            silencer.entries = []
        return taken

    def take_in(self, tally: Tally) -> None:
        """Keep what another process kept for the end."""
        self.tally.merge(tally)
        if silencer := self.bench.paths.silencer:
            silencer.used |= tally.used
            silencer.met |= tally.met
            silencer.entries += tally.entries

    def finish(self, summary: Summary) -> Iterator[FileResult]:
        """What is said of the run as a whole once all are checked; at its end statistics are in `summary`."""
        if not self.tally.wants_an_end:
            return iter(())
        from imgbudget.session.ending import finish  # noqa: PLC0415 - few files have no end

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
        self.tally.add(result, is_file=False)
        return result, None

    def read_stdin(self, data: bytes, name: str) -> FileResult:
        """The result of what came on standard input, not yet counted for the end of the run."""
        if self.bench.paths.silencer:
            self.bench.paths.silencer.unhashed = name
        return self.one.text(data, name)


def _is_cassette(path: str) -> bool:
    from imgbudget.sources.cassettes import is_cassette  # noqa: PLC0415 - few folders have one

    return is_cassette(path)
