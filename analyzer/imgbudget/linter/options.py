"""The options of a run, and what they come to: rules, settings, limits and a context."""

from collections.abc import Iterable
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from imgbudget.config.load import UncheckedSettings, load_unchecked, place_of
from imgbudget.config.settings import DEFAULT_MODEL, Settings
from imgbudget.config.suggest import unknown
from imgbudget.discovery.walk import NO_LISTS, StrPath, one_path, type_name
from imgbudget.errors import LimitsError, PackError, UsageError
from imgbudget.imageinfo.dispatch import require_decoding
from imgbudget.limits.data import LimitsData, load_limits
from imgbudget.limits.lifecycle import current_day, day_of
from imgbudget.linter.context import LintContext
from imgbudget.linter.rule_sets import ConfigUsage, PathRules, RuleChoice
from imgbudget.linter.selection import SelectionLayer, require_pixels, require_text, specificity
from imgbudget.model.budgets import NO_BUDGETS, Budgets
from imgbudget.model.subjects import ProbeField, Severity
from imgbudget.namedtuples import NamedTuple
from imgbudget.registry import Registry, configured_packs

if TYPE_CHECKING:
    from imgbudget.linter.baseline import Baseline

Words: TypeAlias = str | Iterable[str]
"""One name, or several."""


def word_list(words: Words, name: str) -> tuple[str, ...]:
    """The names; a lone string is one name, never a list of its letters.

    `name` is that of the argument in the message.

    Raises:
        UsageError: something else than text.
    """
    if isinstance(words, str):
        return (words,)
    if isinstance(words, NO_LISTS) or not hasattr(words, "__iter__"):
        raise UsageError(_no_word(words, name))
    found = tuple(words)
    for word in found:
        if not isinstance(word, str):
            raise UsageError(_no_word(word, name))
    return found


def _no_word(given: object, name: str) -> str:
    return f"{name}: expected a text or a list of texts, found {type_name(given)}"


class RunOptions(NamedTuple):
    """Options of a run, which override the configuration; None and empty values keep its settings.

    `client` is the agent whose treatment of image files counts: None for that of the configuration, empty for
    none. `date` is the day to check for, as ISO 8601; without it, that of `IMGBUDGET_DATE`, or today.
    `collect` keeps the findings as baseline entries, `statistics` counts by rule and folder, `compare` keeps
    what a comparison with an earlier run needs. `allow_local_packs` imports rule packs also from the folder
    of the configuration, the working folder and Python's path, not from installed distributions only.
    `allow_outside` follows links in folders wherever they lead, not only to what the folders and their
    repository hold. With `nested`, the configuration nearest to each file counts, not only that of the
    working folder; the public functions set it themselves, but for `audit` and `guard`.
    `pixels` runs the rules on pixels, for which images are decoded: None as the configuration has it, False
    never, also where it names one.
    `fields` are facts to read in addition to those that rules need; `excerpts` and `edits` add the text and
    the edit to each finding in a request. `raise_errors` raises unexpected exceptions instead of reporting
    them as findings. A lone string is one rule or one path.
    """

    model: str | None = None
    platform: str | None = None
    config: StrPath | None = None
    isolated: bool = False
    limits: StrPath | None = None
    date: str | None = None
    client: str | None = None
    select: Words | None = None
    extend_select: Words = ()
    ignore: Words = ()
    pedantic: bool = False
    preview: bool = False
    pixels: bool | None = None
    text: bool | None = None
    budgets: Budgets = NO_BUDGETS
    use_ignores: bool = True
    baseline: StrPath | None = None
    use_baseline: bool = True
    collect: bool = False
    statistics: bool = False
    compare: bool = False
    force_exclude: bool = False
    fields: ProbeField = ProbeField.NONE
    excerpts: bool = False
    edits: bool = False
    cache: bool = False
    raise_errors: bool = False
    allow_local_packs: bool = False
    allow_outside: bool = False
    nested: bool = False

    @property
    def config_file(self) -> str | None:
        """The path of the configuration as text."""
        return _file(self.config, "config")

    @property
    def limits_file(self) -> str | None:
        """The path of the user's limits as text."""
        return _file(self.limits, "limits")

    @property
    def baseline_file(self) -> str | None:
        """The path of the baseline as text."""
        return _file(self.baseline, "baseline")

    @property
    def layer(self) -> SelectionLayer:
        """The selectors, each list as a tuple."""
        return SelectionLayer(
            None if self.select is None else word_list(self.select, "select"),
            word_list(self.extend_select, "extend_select"),
            word_list(self.ignore, "ignore"),
        )

    def normalized(self) -> "RunOptions":
        """The options with tuples of names, with paths as text, and with the day if it is not given.

        Raises:
            UsageError: a value of another type; so do the properties.
        """
        for name in _SWITCHES:
            require_switch(getattr(self, name), name)
        for name in _TEXTS:
            require_str(getattr(self, name), name)
        for name in ("pixels", "text"):
            if getattr(self, name) is not None:
                require_switch(getattr(self, name), name)
        select, extend_select, ignore = self.layer
        return self._replace(
            config=self.config_file,
            limits=self.limits_file,
            date=day_of(self.date, "--date") if self.date else current_day(),
            baseline=self.baseline_file,
            select=select,
            extend_select=extend_select,
            ignore=ignore,
        )


_TEXTS = ("model", "platform", "date", "client")
_SWITCHES = (
    "isolated",
    "pedantic",
    "preview",
    "use_ignores",
    "use_baseline",
    "force_exclude",
    "cache",
    "allow_local_packs",
    "allow_outside",
    "nested",
)


def require_switch(given: object, name: str) -> None:
    """Raise UsageError for anything but True and False: a text such as "no" would switch on."""
    if not isinstance(given, bool):
        raise UsageError(f"{name}: expected True or False, found {type_name(given)}")


def require_str(given: object, name: str) -> None:
    """Raise UsageError for anything but a text and None."""
    if given is not None and not isinstance(given, str):
        raise UsageError(f"{name}: expected a text, found {type_name(given)}")


def known_level(given: object) -> Severity:
    """The severity of a name. Raises UsageError."""
    if not isinstance(given, str) or given.upper() not in Severity.__members__:
        raise UsageError(f"unknown level {given!r}; known levels: {', '.join(map(str, Severity))}")
    return Severity[given.upper()]


def _file(given: StrPath | None, name: str) -> str | None:
    return None if given is None else one_path(given, name)


class RunParts(NamedTuple):
    """What all configurations of a run share.

    `settings` are those of the run itself: of the configuration of its folder, or of the one it was given.
    The paths in `baseline` are relative to `base`.
    """

    options: RunOptions
    registry: Registry
    settings: Settings
    baseline: "Baseline | None"
    base: str
    usage: ConfigUsage

    @classmethod
    def of(cls, options: RunOptions, registry: Registry, settings: Settings) -> "RunParts":
        """The parts of a run. Raises UsageError: the baseline cannot be read."""
        baseline, base = None, settings.root
        if name := options.baseline_file or settings.baseline:
            from imgbudget.linter.baseline import load_baseline  # noqa: PLC0415 - rare

            baseline, base = load_baseline(name, registry, read=options.use_baseline)
        return cls(options, registry, settings, baseline, base, ConfigUsage())

    def context(self, settings: Settings, data: LimitsData) -> LintContext:
        """The context of files that these settings hold for.

        Raises:
            UsageError: rules need a package that is not installed, or there is no such client.
        """
        options = self.options
        context = LintContext(
            paths=PathRules(
                self.registry.rules,
                settings,
                RuleChoice(
                    layer=options.layer,
                    pedantic=options.pedantic,
                    preview=options.preview,
                    pixels=options.pixels,
                    text=options.text,
                    budgets=options.budgets,
                    use_ignores=options.use_ignores,
                ),
                baseline=self.baseline,
                base=self.base,
                collect=options.collect,
                usage=self.usage,
            ),
            data=data,
            model=options.model or settings.model,
            platform=options.platform or settings.platform,
            explicit_platform=options.platform is not None,
            explicit_model=options.model is not None or settings.model != DEFAULT_MODEL,
            fields=options.fields,
            excerpts=options.excerpts,
            edits=options.edits,
            client=settings.client if options.client is None else options.client,
        )
        if context.needs_pixels:
            require_pixels()
        if context.needs_text:
            require_text()
        origin = None if options.platform else settings.origins.get("platform")
        place = f"{origin.path}:{origin.line}" if origin else ""
        settle(context, names_model=options.model is not None, place=place)
        return context


def settle(context: LintContext, *, names_model: bool, place: str = "") -> None:
    """Choose the platform's own model if none is named and it lacks the default, and note what is assumed.

    `place` is where a configuration names the platform.
    """
    assumed = ""
    if not names_model:
        model = context.data.model_for(context.model, context.platform)
        if model != context.model:
            context.model = model
            how = f"model in {place} or --model" if place else "--model"
            assumed = f"no model is named: {model} is assumed on {context.platform}; choose with {how}"
    context.limits()
    context.defer_notes(assumed)


OF_RUN = "only the configuration of the working folder or --config can"
"""Why a setting of another configuration is not used."""


def unloaded_packs(settings: Settings, own: Settings) -> tuple[str, ...]:
    """The rule packs that settings name and a run with its `own` settings does not load."""
    return tuple(name for name in settings.packs if name not in own.packs)


def pack_note(settings: Settings, unloaded: Iterable[str]) -> str:
    """The note on rule packs that are not loaded."""
    return f"{place_of(settings, 'packs')}: {', '.join(unloaded)} not loaded: {OF_RUN} name code to run"


def load_run(options: RunOptions, start: str, *, packs: bool = True) -> tuple[Registry, Settings, LimitsData]:
    """The rules, settings and limits of a run in the folder `start`.

    Without `packs`, those that a configuration names which was found, not given, are not loaded.

    Raises:
        ConfigError: the configuration is invalid.
        PackError: a rule pack cannot be loaded.
        LimitsError: the limits file is invalid.
        UsageError: the options name a rule or platform that there is not, or images to decode, which this
            machine cannot.
    """
    if options.fields & ProbeField.DECODE:
        require_decoding()
    first = load_unchecked(start, explicit=options.config_file, isolated=options.isolated)
    unloaded: tuple[str, ...] = ()
    if not packs and options.config_file is None:
        named, shipped = first.settings, Settings()
        if unloaded := unloaded_packs(named, shipped):
            notes = (*named.notes, pack_note(named, unloaded))
            first = first._replace(settings=named._replace(packs=shipped.packs, notes=notes))
    try:
        registry = configured_packs(first.settings, local=options.allow_local_packs)
    except (PackError, LimitsError):
        first.validate()  # mistakes in the configuration, if there are any, say more
        raise
    settings, data = checked(first, registry, options, all_rules=not unloaded)
    _refuse_unknown_names(options, registry, data)
    return registry, settings, data


def _refuse_unknown_names(options: RunOptions, registry: Registry, data: LimitsData) -> None:
    for selector in chain.from_iterable(filter(None, options.layer)):
        if all(specificity(selector, rule) < 0 for rule in registry.rules):
            raise UsageError(unknown_rule(registry, selector))
    if options.platform is not None and options.platform not in data.platforms:
        raise UsageError(unknown("platform", options.platform, data.platforms, listed=True))


def unknown_rule(registry: Registry, given: str) -> str:
    """The error message for a rule that does not exist."""
    rules = registry.rules
    return unknown("rule", given, [*(rule.code for rule in rules), *(rule.name for rule in rules)])


def checked(
    first: UncheckedSettings, registry: Registry, options: RunOptions, *, all_rules: bool = True
) -> tuple[Settings, LimitsData]:
    """Settings without mistakes, and the limits with what they add to them.

    Without `all_rules`, a pack that they name is not loaded, so that their names of rules cannot be checked.

    Raises:
        ConfigError: the configuration is invalid.
        LimitsError: the limits file is invalid.
    """
    try:
        data = load_limits(registry.limits, options.limits_file or first.settings.limits, options.date)
    except LimitsError:
        first.validate()
        raise
    shipped = data.platforms
    if gateways := first.settings.gateways:
        data = data.with_gateways(gateway[:3] for gateway in gateways)
    if processors := first.settings.processors:
        data = processors.on(data, first)
    codes = [rule.code for rule in registry.rules] if all_rules else None
    return first.validate(codes, [rule.name for rule in registry.rules], shipped), data
