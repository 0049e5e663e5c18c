"""Which configuration holds for a file: the nearest one, in its folder or one above it."""

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from imgbudget.config.load import NAMES, find_in, folder_of, place_of, read_found, shown
from imgbudget.config.settings import DEFAULT_MODEL, Settings
from imgbudget.errors import UsageError
from imgbudget.linter.context import LintContext
from imgbudget.linter.options import OF_RUN, RunParts, checked, pack_note, settle, unloaded_packs

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet


class NearestContexts:
    """The context for each file of a run, and what of each folder is searched.

    A file without a configuration in its folder or above has that of the run, as all files do if the user
    names one or none is to be used. A folder is looked at once.
    """

    def __init__(
        self, parts: RunParts, context: LintContext, start: str, loaded: "Callable[[LintContext], None]"
    ) -> None:
        """Remember the context of the run itself; `loaded` is called with each further one."""
        self._parts = parts
        self._own = context
        self._loaded = loaded
        options = parts.options
        self._searches = options.nested and options.config_file is None and not options.isolated
        self._here: dict[str, LintContext] = {}
        """By folder as results spell it: empty for the working folder."""
        self._folders: dict[str, LintContext] = {folder_of(start): context}
        self._nested: dict[str, LintContext] = {}
        self._applied: set[str | None] = set()
        """The configurations whose patterns decided which files were found."""
        self._varied: dict[tuple[int, str | None, str | None], LintContext] = {}

    @property
    def nested(self) -> tuple[LintContext, ...]:
        """The contexts of the configurations that were found so far, besides that of the run."""
        return tuple(self._nested.values())

    def at(self, path: str) -> LintContext:
        """The context for a file.

        Raises:
            ConfigError: its configuration is invalid.
            UsageError: rules that it selects need a package that is not installed.
        """
        folder, slash, _ = path.rpartition("/")
        context = self._here.get(folder or slash) or self._find(folder or slash)
        return self._variant(context, path) if context.paths.names_limits else context

    def _find(self, spelled: str) -> LintContext:
        if not self._searches:
            context = self._own
        else:
            folder = os.path.abspath(spelled)
            if ".." in spelled.split("/"):  # which leads elsewhere if a step before it is a link
                folder = os.path.realpath(spelled)
            context = self._above(folder)
        self._here[spelled] = context
        return context

    def _above(self, folder: str) -> LintContext:
        """The context of the nearest configuration in a folder or above; those in between have it too."""
        passed: list[str] = []
        while (context := self._folders.get(folder)) is None:
            passed.append(folder)
            if (context := self._in(folder)) is not None:
                break
            parent = os.path.dirname(folder)
            if parent == folder:
                context = self._own
                break
            folder = parent
        self._folders.update(dict.fromkeys(passed, context))
        return context

    def _in(self, folder: str) -> LintContext | None:
        """The context of the configuration in a folder itself, None without one."""
        found = find_in(folder)
        if found.path is None or found.path == self._parts.settings.source:
            for note in found.notes:
                self._own.note(note)
            return self._own if found.path else None
        context = _nested_context(self._parts, found.path, found.notes)
        self._own.notes.update(context.notes)
        context.notes = self._own.notes
        self._nested[found.path] = context
        self._loaded(context)
        return context

    def _variant(self, context: LintContext, path: str) -> LintContext:
        """The context with the model and platform of the overrides for a file, but for those of the user."""
        options = self._parts.options
        model, platform = context.paths.limits_of(path)
        model, platform = options.model or model, options.platform or platform
        if (model, platform) == (options.model, options.platform):
            return context
        key = id(context), model, platform
        if key not in self._varied:
            settings = context.paths.settings
            variant = context.for_model(model or settings.model, platform or settings.platform)
            variant.explicit_model = model is not None or settings.model != DEFAULT_MODEL
            variant.notes = {}
            settle(variant, names_model=model is not None, place=_place_of_platform(context, path))
            self._own.notes.update(variant.notes)
            variant.notes = self._own.notes
            self._varied[key] = variant
        return self._varied[key]

    def enter(self, folder: str, names: "AbstractSet[str]") -> None:
        """Enter a folder from the one above in a search, which knows its names: few have a configuration."""
        if not folder or (self._searches and not names.isdisjoint(NAMES)):
            return
        outer, slash, _ = folder.rpartition("/")
        if (context := self._here.get(outer or slash)) is not None:
            self._here.setdefault(folder, context)

    def note_applied(self, settings: Settings) -> None:
        """Note that the patterns of a configuration decide which files are found."""
        self._applied.add(settings.source)

    def narrowed(self, *, rules: bool = True) -> Iterator[tuple[str, str]]:
        """The nested configurations that leave out files or rules, each with what, as a clause.

        Patterns count where a search applied them: what is named is checked all the same. Without `rules`
        only files count.
        """
        for path, context in self._nested.items():
            settings = context.paths.settings
            files = _files_left_out(settings) if path in self._applied else ()
            if clause := "; ".join((*files, *(_rules_left_out(settings) if rules else ()))):
                yield shown(path), clause


def _place_of_platform(context: LintContext, path: str) -> str:
    """Where the overrides for a file name its platform; empty if none does."""
    overrides = [context.paths.settings.overrides[number] for number in context.paths.overrides(path)]
    places = (f"{one.path}:{one.line}" for one in reversed(overrides) if one.platform)
    return next(places, "")


def _nested_context(parts: RunParts, path: str, notes: tuple[str, ...]) -> LintContext:
    """The context of the files below a configuration that a search has found, with its notes.

    Raises:
        ConfigError: the configuration is invalid.
        LimitsError: its limits file is invalid.
        UsageError: as `context` does.
    """
    first = read_found(path, notes)
    unloaded = unloaded_packs(first.settings, parts.settings)
    settings, data = checked(first, parts.registry, parts.options, all_rules=not unloaded)
    if parts.options.platform is not None and parts.options.platform not in data.platforms:
        data = data.with_gateways(gateway[:3] for gateway in parts.settings.gateways if gateway.like)
    try:
        context = parts.context(settings, data)
    except UsageError as error:
        raise UsageError(f"{shown(path)}: {error}") from error
    for note in (*settings.notes, *_without_effect(parts, settings), *context.paths.notes()):
        context.note(note)
    return context


def _without_effect(parts: RunParts, settings: Settings) -> Iterator[str]:
    """A note for each setting that only the configuration of the run itself can make."""
    own = parts.settings
    if unloaded := unloaded_packs(settings, own):
        yield pack_note(settings, unloaded)
    if settings.baseline not in (None, own.baseline) and parts.options.use_baseline:
        yield f"{place_of(settings, 'baseline')}: not used: {OF_RUN} name the baseline of a run"
    if settings.budgets.run != own.budgets.run and any(it is not None for it in settings.budgets.run):
        yield f"{place_of(settings, 'budgets')}: run: not used: {OF_RUN} set a budget for the run"


def _files_left_out(settings: Settings) -> Iterator[str]:
    """Which files settings leave out."""
    for name, values in (("exclude", settings.exclude), ("include", settings.include)):
        if values:
            yield f"{name} {_listed(values)}"


def _rules_left_out(settings: Settings) -> Iterator[str]:
    """Which rules settings leave out."""
    if settings.select != Settings().select:
        yield f"select {_listed(settings.select)}"
    if settings.ignore:
        yield f"ignore {_listed(settings.ignore)}"
    for override in settings.overrides:
        for name, codes in (("select", override.select), ("ignore", override.ignore)):
            if codes:
                yield f"{name} {_listed(codes)} in {_listed(override.files)}"
    if settings.ignores:
        yield f"{len(settings.ignores)} {'entry' if len(settings.ignores) == 1 else 'entries'} of ignores"


_LISTED = 5


def _listed(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _LISTED} more" if len(texts) > _LISTED else ""
    return ", ".join(texts[:_LISTED]) + more
