"""A run: from what the caller wishes to the results, file by file."""

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from imgbudget.config import Settings, draft
from imgbudget.engine.judge import failure
from imgbudget.engine.paths import Choice, PathRules
from imgbudget.engine.selection import Layer, specificity
from imgbudget.errors import UnreadableError, UsageError
from imgbudget.limits import Limits, LimitsData, load_limits
from imgbudget.model import ImageUse, Place, Request, ShapeFlaw
from imgbudget.registry import Registry, load_packs
from imgbudget.report import FileResult, Summary
from imgbudget.session.baselines import fixed_entries, load_baseline
from imgbudget.session.bench import Bench
from imgbudget.session.tally import Tally, new_tally
from imgbudget.session.wishes import Wishes
from imgbudget.sources.images import image_from_bytes, read_image
from imgbudget.sources.walk import FileKind, Found, Passed, find_files, missing

if TYPE_CHECKING:
    from imgbudget.engine.baseline import Entry
    from imgbudget.session.documents import HandOn
    from imgbudget.sources.facts_cache import FactsCache

__all__ = ["STDIN", "Session", "Wishes"]

STDIN = "-"


class Session:
    """Settings, rules and limits, loaded once; checks paths as often as wanted."""

    def __init__(
        self, wishes: Wishes, *, start: str = ".", loaded: tuple[Settings, LimitsData] | None = None
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
        known = load_baseline(wishes, self.settings, self.registry)
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
                baseline=known.baseline,
                base=known.folder,
                collect=wishes.collect,
            ),
            data=self.limits,
            model=wishes.model or self.settings.model,
            platform=wishes.platform or self.settings.platform,
            want=wishes.want,
            excerpts=wishes.excerpts,
            edits=wishes.edits,
        )
        self.bench.limits()
        self._cache = _open_cache() if wishes.cache else None
        self.tally = new_tally(wishes, self.bench.paths)
        self.named: tuple[str, ...] = ()

    def _load(self, start: str) -> None:
        wishes = self.wishes
        first = draft(start, explicit=wishes.config, isolated=wishes.isolated)
        self.registry = load_packs(first.settings.packs)
        self.limits = load_limits(self.registry.limits, wishes.limits or first.settings.limits)
        rules = self.registry.rules
        self.settings = first.settle(
            [rule.code for rule in rules], [rule.name for rule in rules], self.limits.platforms
        )
        self._refuse_unknown_names()

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know beside the findings, e.g. that a model is unknown."""
        return (*self.settings.notes, *self.bench.notes)

    def _refuse_unknown_names(self) -> None:
        wishes = self.wishes
        for selector in (*(wishes.select or ()), *wishes.extend_select, *wishes.ignore):
            if all(specificity(selector, rule) < 0 for rule in self.registry.rules):
                raise UsageError(self.unknown_rule(selector))
        if wishes.platform is not None and wishes.platform not in self.limits.platforms:
            raise UsageError(_unknown("platform", wishes.platform, self.limits.platforms))

    def limits_of(self, model: str) -> Limits:
        """The limits of another model on the platform of the run; an unknown one leaves a note."""
        limits = self.limits.bind(model, self.bench.platform)
        if not limits.known:
            self.bench.note_unknown(model, self.limits.normalize(model).nearest)
        return limits

    def unknown_rule(self, given: str) -> str:
        """What to say of a rule that does not exist."""
        rules = self.registry.rules
        return _unknown("rule", given, [*(rule.code for rule in rules), *(rule.name for rule in rules)])

    def files(self, paths: Sequence[str]) -> Iterator[tuple[str, str | None]]:
        """The files that `check` would look at, and those it would pass over with the reason.

        Raises:
            UsageError: a path does not exist.
        """
        for met in self.walk(paths):
            yield (met.path, None) if isinstance(met, Found) else (met.path, met.reason)

    def check(
        self, paths: Sequence[str], *, stdin: bytes | None = None, stdin_name: str | None = None
    ) -> Iterator[FileResult]:
        """The results of all files under `paths`, in order; `-` stands for the bytes of standard input.

        Raises:
            UsageError: a path does not exist.
        """
        walk = self.walk([path for path in paths if path != STDIN])
        if STDIN in paths:
            yield self.check_stdin(stdin or b"", stdin_name or "<stdin>")
        for met in walk:
            yield self.check_met(met)

    def check_met(self, met: Found | Passed, hand_on: "HandOn | None" = None) -> FileResult:
        """The result of a file that the walk has met.

        With `hand_on`, that of the last part of a long file: it takes those of the others as they come.
        """
        if isinstance(met, Passed):
            return FileResult(path=met.path, skipped=met.reason, missed=met.missed)

        def count_and_hand_on(part: FileResult) -> None:
            self.tally.add(part)
            if hand_on is not None:
                hand_on(part)

        try:
            result = self._check_file(met, count_and_hand_on if hand_on is not None else None)
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

    def finish(self, summary: Summary) -> tuple[FileResult, ...]:
        """What is said of the run as a whole once its files are checked: findings, and no further file.

        `summary` is the sum over the files; the statistics are put into it.
        """
        from imgbudget.session.ending import finish  # noqa: PLC0415 - it may not be needed

        return finish(self, summary) if self.tally.wants_an_end else ()

    def fixed_entries(self, missed: Sequence[str] = ()) -> "tuple[Entry, ...]":
        """The entries of the baseline that this run would have found again and did not.

        `missed` are files that could not be looked at: nothing is known of them.
        """
        silencer = self.bench.paths.silencer
        return (
            fixed_entries(silencer, self.bench.paths.base_judge.rules, self.named, missed) if silencer else ()
        )

    def flush(self) -> None:
        """Write what the cache has learnt; a run calls it when it has checked its last file."""
        if self._cache is not None:
            self._cache.flush()

    def _check_file(self, found: Found, hand_on: "HandOn | None") -> FileResult:
        named = found.named and not self.wishes.force_exclude
        if found.kind in (FileKind.JSON, FileKind.JSONL):
            lines = found.kind is FileKind.JSONL
            return self._check_json(found.path, named=named, lines=lines, hand_on=hand_on)
        want = self.bench.facts(self.bench.paths.judge(found.path))
        if self._cache is None:
            use = read_image(found.path, want)
        else:
            use = read_image(found.path, want, probe=self._cache.probe)
        if found.kind is FileKind.IMAGE or use.facts is None or use.facts.format is not None:
            return self.bench.file_of_image(use)
        if use.facts.content == "JSON":
            return self._check_json(found.path, named=named, lines=False)
        if named and use.facts.damage is not None:
            return self.bench.file_of_image(use)
        return FileResult(path=found.path, skipped=_no_image(use))

    def _check_json(
        self, path: str, *, named: bool, lines: bool, hand_on: "HandOn | None" = None
    ) -> FileResult:
        from imgbudget.session.documents import check_document  # noqa: PLC0415 - images need no JSON reader

        try:
            return check_document(self.bench, path, lines=lines, fails_closed=named, hand_on=hand_on)
        except UnreadableError as error:
            return self._unread(path, str(error), named=named)
        except OSError as error:
            return self._unread(
                path, f"cannot be read: {(error.strerror or str(error)).lower()}", named=named
            )

    def _unread(self, path: str, why: str, *, named: bool) -> FileResult:
        """A JSON file that could not be read: a finding when it was named, else a skip that is told."""
        if named:
            place = Place(path, ())
            flaw = ShapeFlaw(place, why, "make it readable, or leave it out")
            request = Request(place=place, dialect="unknown", byte_size=0, flaws=(flaw,))
            findings = self.bench.paths.judge(path).judge_request(request, self.bench.limits())
            kept, silenced, _ = self.bench.result(path, findings, ())
            if findings:
                return FileResult(
                    path=path, findings=kept, silenced=silenced.ignored, baselined=silenced.known
                )
        return FileResult(path=path, skipped=why, missed=True)

    def check_stdin(self, data: bytes, name: str) -> FileResult:
        """The result of what came on standard input, an image or a request, reported under `name`."""
        if self.bench.paths.silencer:
            self.bench.paths.silencer.unhashed = name
        result = self._check_stdin(data, name)
        self.tally.add(result, is_file=False)
        return result

    def _check_stdin(self, data: bytes, name: str) -> FileResult:
        extension = os.path.splitext(name)[1].lower()
        use = image_from_bytes(data, name, self.bench.facts(self.bench.paths.judge(name)))
        text = data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        lines = extension in (".jsonl", ".ndjson") or (extension != ".json" and _has_documents_a_line(data))
        if lines or extension == ".json" or (use.facts and use.facts.format is None and text in (b"{", b"[")):
            from imgbudget.session.documents import check_text  # noqa: PLC0415 - see _check_json

            return check_text(self.bench, data, name, lines=lines)
        return self.bench.file_of_image(use)


def _open_cache() -> "FactsCache":
    from imgbudget.sources.facts_cache import FactsCache, cache_folder  # noqa: PLC0415 - on demand only

    return FactsCache(cache_folder())


def _has_documents_a_line(data: bytes) -> bool:
    """Whether text looks like JSON Lines: its first line is an object of its own, and more follows."""
    first, _, rest = data.partition(b"\n")
    return first.startswith(b"{") and first.rstrip().endswith(b"}") and bool(rest.strip())


def _no_image(use: ImageUse) -> str:
    if use.facts and use.facts.damage and not use.facts.content:
        return f"neither an image nor a request: {use.facts.damage}"
    content = use.facts.content if use.facts else None
    return f"neither an image nor a request: {content or 'unknown bytes'}"


def _unknown(what: str, given: str, known: Sequence[str]) -> str:
    import difflib  # noqa: PLC0415 - only a mistake pays for it

    near = [
        match for text in (given, given.upper()) for match in difflib.get_close_matches(text, known, 1, 0.5)
    ]
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {what} {given!r}{hint}"
