"""Which rules run, and with which severity: layers of selectors, in which the more specific one wins."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from importlib import import_module

from imgbudget.errors import UsageError
from imgbudget.model.budgets import NO_BUDGETS, Budgets
from imgbudget.model.pixels import DEFAULT_THRESHOLDS, PixelThresholds
from imgbudget.model.subjects import Level, ProbeField, RunData, Severity
from imgbudget.namedtuples import NamedTuple
from imgbudget.registry import AnyRule

EXACT = 1000
NO_MATCH = -1

_PIXELS, _TEXT = ProbeField.PIXELS.value, ProbeField.TEXT.value


class SelectionLayer(NamedTuple):
    """Selectors from one source (configuration, override, command line); later layers override earlier ones.

    A selector is a code, a prefix of codes such as `IB2`, a rule's name, or `ALL`. `select` None keeps the
    selection of the layer below.
    """

    select: Sequence[str] | None = None
    extend_select: Sequence[str] = ()
    ignore: Sequence[str] = ()


class RuleSet(NamedTuple):
    """The rules that run, by level, each with the severity that the user set.

    `needs` are the facts of images that they read beyond headers, `run_data` what they read of the run.
    """

    image: tuple[tuple[AnyRule, Severity | None], ...]
    request: tuple[tuple[AnyRule, Severity | None], ...]
    batch: tuple[tuple[AnyRule, Severity | None], ...]
    run: tuple[tuple[AnyRule, Severity | None], ...]
    needs: ProbeField = ProbeField.NONE
    run_data: RunData = RunData.NONE

    def has(self, code: str) -> bool:
        """Whether the rule of that code runs."""
        return any(rule.code == code for rule, _ in (*self.image, *self.request, *self.batch, *self.run))


def specificity(selector: str, rule: AnyRule) -> int:
    """How precisely a selector matches a rule: the length of its prefix, `EXACT` for a whole code or name.

    Returns `NO_MATCH` if it does not match the rule.
    """
    if selector == rule.name or selector.upper() == rule.code:
        return EXACT
    if selector.upper() == "ALL":
        return 0
    return len(selector) if rule.code.startswith(selector.upper()) else NO_MATCH


def named_rules(rules: Iterable[AnyRule], selectors: Collection[str]) -> frozenset[str]:
    """The codes of the rules that selectors name by their whole code or name."""
    return frozenset(rule.code for rule in rules if _best(selectors, rule) == EXACT)


def _best(selectors: Iterable[str], rule: AnyRule) -> int:
    return max((specificity(selector, rule) for selector in selectors), default=NO_MATCH)


def is_selected(  # noqa: PLR0913 - keyword arguments with defaults
    rule: AnyRule,
    layers: Iterable[SelectionLayer],
    *,
    pedantic: bool,
    preview: bool = False,
    pixels: bool = False,
    text: bool = False,
) -> bool:
    """Whether a rule runs: the last layer that matches it decides, and within a layer the longer selector.

    A pedantic rule runs only with `pedantic`, a rule on pixels only with `pixels`, one on text only with
    `text`, or if its own code or name is selected; a preview rule only with `preview`.
    """
    if rule.preview and not preview:
        return False
    selected = False
    exact = False
    for layer in layers:
        wanted = _best((*(layer.select or ()), *layer.extend_select), rule)
        refused = _best(layer.ignore, rule)
        if layer.select is not None:
            selected = False
        if refused >= wanted and refused != NO_MATCH:
            selected = False
        elif wanted != NO_MATCH:
            selected = True
            exact = exact or wanted == EXACT
    if not selected or exact:
        return selected
    return (pedantic or not rule.pedantic) and (pixels or not on_pixels(rule)) and (text or not on_text(rule))


def on_pixels(rule: AnyRule) -> bool:
    """Whether a rule needs the pixels of images, for which each has to be decoded."""
    return int.__and__(rule.needs, _PIXELS) != 0


def require_pixels() -> None:
    """Import what measuring pixels needs, so that worker processes begin with it.

    Raises:
        UsageError: it is not installed.
    """
    try:
        import_module("numpy")
    except ImportError as error:
        raise UsageError(
            f"--pixels and rules on pixels need numpy: pip install 'imgbudget[pixels]' ({error})"
        ) from error


def on_text(rule: AnyRule) -> bool:
    """Whether a rule needs the text of images, for which each has to be read by a recogniser."""
    return int.__and__(rule.needs, _TEXT) != 0


def is_installed(name: str) -> bool:
    """Whether a module can be imported; it is not."""
    found: object = import_module("importlib.util").find_spec(name)  # a start of the hook needs no finders
    return found is not None


def require_text(what: str = "--text and rules on the text of images need an extra") -> None:
    """Refuse to go on without what reads text; it is not imported, because only worker processes use it.

    Raises:
        UsageError: it is not installed; the text begins with `what`.
    """
    absent = [name for name in ("rapidocr", "onnxruntime", "numpy") if not is_installed(name)]
    if absent:
        line = "pip install 'imgbudget[text]'"
        raise UsageError(f"{what}: {line} (not installed: {', '.join(absent)})")


def select_rules(  # noqa: PLR0913 - keyword arguments with defaults
    rules: Iterable[AnyRule],
    layers: Sequence[SelectionLayer],
    *,
    severities: Mapping[str, str] | None = None,
    pedantic: bool = False,
    preview: bool = False,
    budgets: Budgets = NO_BUDGETS,
    pixels: bool = False,
    text: bool = False,
    thresholds: PixelThresholds = DEFAULT_THRESHOLDS,
) -> RuleSet:
    """The rules that run. `severities` maps selectors to `error`, `warning` or `info`.

    A rule on budgets runs only if one of its budgets is set. Rules on pixels have these `thresholds`.
    """
    chosen: dict[Level, list[tuple[AnyRule, Severity | None]]] = {level: [] for level in Level}
    needs, run_data = ProbeField.NONE, RunData.NONE
    for rule in rules:
        if not is_selected(rule, layers, pedantic=pedantic, preview=preview, pixels=pixels, text=text):
            continue
        if rule.budgets and not has_budget(rule, budgets):
            continue
        both = _within(rule, thresholds), severity_of(rule, severities or {})
        run_data |= rule.run_data
        needs |= rule.needs
        chosen[rule.level].append(both)
        if rule.also:
            chosen[rule.also].append(both)
    return RuleSet(
        image=tuple(chosen[Level.IMAGE]),
        request=tuple(chosen[Level.REQUEST]),
        batch=tuple(chosen[Level.BATCH]),
        run=tuple(chosen[Level.RUN]),
        needs=needs,
        run_data=run_data,
    )


def _within(rule: AnyRule, thresholds: PixelThresholds) -> AnyRule:
    """A rule with the thresholds of the configuration, where they are not those of its page."""
    if thresholds == DEFAULT_THRESHOLDS or not on_pixels(rule):
        return rule
    check = rule.loaded.check
    return rule._replace(check=lambda subject, ctx: check(subject, ctx._replace(thresholds=thresholds)))


def has_budget(rule: AnyRule, budgets: Budgets) -> bool:
    """Whether one of the budgets that a rule checks is set."""
    return any(budgets.amount(name) is not None for name in rule.budgets)


def severity_of(rule: AnyRule, severities: Mapping[str, str]) -> Severity | None:
    """The severity that the user set for a rule, by the most specific selector; None if not set."""
    severity: Severity | None = None
    best = NO_MATCH
    for selector, name in severities.items():
        found = specificity(selector, rule)
        if found > best:
            best, severity = found, Severity[name.upper()]
    return severity


def pixel_notes(rules: Iterable[AnyRule], selectors: Collection[str]) -> Iterator[str]:
    """A note for each selector, but a code or name, of rules on pixels only; for runs without `--pixels`."""
    for selector in selectors:
        named = [rule for rule in rules if specificity(selector, rule) not in {NO_MATCH, EXACT}]
        if named and all(map(on_pixels, named)):
            yield f"{selector}: rules on pixels do not run; enable them with --pixels or pixels: true"


def preview_notes(rules: Iterable[AnyRule], selectors: Collection[str]) -> Iterator[str]:
    """A note for each preview rule that is selected by its own code or name; for runs without `--preview`."""
    codes = {text.upper() for text in selectors}
    for rule in rules:
        if rule.preview and (rule.name in selectors or rule.code in codes):
            yield f"{rule.code} is in preview and does not run; enable it with --preview or preview: true"
