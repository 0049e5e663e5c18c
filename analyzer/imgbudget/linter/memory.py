"""Remembers the findings of image rules, keyed by the values of an image that the rules read."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cache
from operator import attrgetter
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, cast

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.linter.evaluate import Rules, relocated, run_rules
from imgbudget.model.budgets import Budgets
from imgbudget.model.location import Location
from imgbudget.model.subjects import Finding, ImageFacts, ImageUse, Severity
from imgbudget.namedtuples import NamedTuple
from imgbudget.registry import AnyRule

_SAME = ("flaws", "damage", "in_request")
"""Fields that are equal in all images of a memory."""

_DISTINCT = (
    "location",
    "turn",
    "digest",
    "reference",
    "base64_size",
    "byte_size",
    "metadata_bytes",
    "left_out",
    "pixels",
    "text",
)
"""Fields that differ in nearly every image."""

_DERIVED = {"size": "size", "visible_size": "size", "animated": "frames"}
"""Properties, with the field of the facts that determines them in an image that can be decoded."""

_PATHS = tuple(
    f"{prefix}{name}"
    for prefix, value in (("", ImageUse), ("facts.", ImageFacts))
    for name in value._fields
    if name not in (*_SAME, *_DISTINCT, "facts")
)
"""The values that can be part of a key; the bit of each is its index."""

SIZE = 1 << _PATHS.index("facts.size")
"""The bit of the size."""

_IDENTITY_BUILTINS = {"type", "id"}
"""Builtins that distinguish a proxy from an image."""


_MAX_KEYS = 10_000
"""Keys whose findings are kept at once: some megabytes."""

_TRIAL_KEYS = 1_000
"""Keys after which a memory is given up unless it has served half of the images."""

_EACH = -1
"""The reads of a rule that must be run on every image."""


class NotRecordedError(BaseException):
    """A rule reads what cannot be part of a key. Not an Exception, so that rules do not catch it."""


class _Proxy:
    """Proxy of an image or of its facts: fields record that they are read, any other use raises.

    `isinstance` accepts it as the class of the value. It is not a tuple, so that reads which cannot be
    recorded, such as `tuple.__getitem__`, fail.
    """

    __slots__ = ("_size", "_value", "facts", "reads")

    _value: Any

    def __getattr__(self, name: str) -> Any:
        """Refuse everything but fields: a method may read any of them."""
        raise NotRecordedError

    def __bool__(self) -> bool:
        """An image and its facts are never empty."""
        return True


class _ImageProxy(_Proxy):
    __slots__ = ()

    def __init__(self, use: ImageUse) -> None:
        self._value, self.reads = use, 0
        self._size = use.visible_size
        self.facts = _FactsProxy(use.facts, self)

    @property
    def visible_size(self) -> Size | None:
        """The size; most rules read it, so it is as fast as that of the image."""
        self.reads |= SIZE
        return self._size

    @property  # type: ignore[misc]  # as unittest.mock does: it is read only
    def __class__(self) -> Any:
        """The class that `isinstance` compares."""
        return ImageUse


class _FactsProxy(_Proxy):
    __slots__ = ()

    def __init__(self, facts: ImageFacts | None, image: _ImageProxy) -> None:
        self._value, self.reads = facts, image

    @property  # type: ignore[misc]  # as unittest.mock does: it is read only
    def __class__(self) -> Any:
        """The class that `isinstance` compares."""
        return ImageFacts


class RecordedFindings(NamedTuple):
    """The findings of rules on an image, and the bits of the values that they read."""

    findings: tuple[Finding, ...]
    reads: int


def record(rules: Rules, use: ImageUse, limits: Limits, budgets: Budgets) -> RecordedFindings | None:
    """Run rules on an image that can be decoded; None if their findings apply to this image only."""
    image = _ImageProxy(use)
    try:
        found = tuple(run_rules(rules, use, limits, budgets, proxy=cast("ImageUse", image)))
        for it in found:
            if it.internal or it.location is not use.location:
                return None
            hash((it.message, it.help, it.measured, it.limit, it.unit, it.fix))  # raises for a proxy
    except (NotRecordedError, TypeError):
        return None
    return RecordedFindings(found, image.reads)


def key_of(reads: int) -> Callable[[ImageUse], Hashable]:
    """A function that returns the values of an image for these bits."""
    paths = [path for number, path in enumerate(_PATHS) if reads >> number & 1]
    return attrgetter(*paths) if paths else lambda _use: ()


@cache
def checks_identity(function: Callable[..., Any]) -> bool:
    """Whether a function, or a helper that it names, uses the type or identity of anything."""
    visited: list[Any] = []
    waiting: list[Any] = [function]
    while waiting:
        called = waiting.pop()
        if not isinstance(called, FunctionType):
            return True
        names = set(_names(called.__code__))
        if names & _IDENTITY_BUILTINS:
            return True
        visited.append(called)
        waiting += [it for it in _helpers(called, names) if it not in visited]
    return False


def _helpers(function: FunctionType, names: set[str]) -> Iterator[FunctionType]:
    """The functions of these names in a function's module, its closure and modules of its package."""
    package = function.__module__.partition(".")[0]
    known = [function.__globals__.get(name) for name in names]
    known += [cell.cell_contents for cell in function.__closure__ or () if cell != CellType()]
    for module in [it for it in known if isinstance(it, ModuleType)]:
        if module.__name__.partition(".")[0] == package:
            known += [getattr(module, name, None) for name in names]
    for helper in known:
        called = getattr(helper, "__wrapped__", helper)
        if isinstance(called, FunctionType):
            yield called


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _refuse(*_operands: object) -> Any:
    raise NotRecordedError


def _field(proxy: type[_Proxy], name: str) -> property:
    """A field of a proxy that returns the value's field and records the read."""
    read = attrgetter(name)
    if name in _DISTINCT:
        return property(_refuse)
    if name in _SAME:
        return property(lambda self: read(self._value))
    field = _DERIVED.get(name, name)
    if proxy is _FactsProxy or name in _DERIVED:
        bit = 1 << _PATHS.index(f"facts.{field}")
    else:
        bit = 1 << _PATHS.index(field)

    def of_image(self: Any) -> Any:
        self.reads |= bit
        return read(self._value)

    def of_facts(self: Any) -> Any:
        self.reads.reads |= bit
        return read(self._value)

    return property(of_facts if proxy is _FactsProxy else of_image)


def _add_fields(proxy: type[_Proxy], value: type[ImageUse | ImageFacts], derived: Sequence[str]) -> None:
    """Give a proxy the fields of its value, and make all other operations of tuples raise."""
    for name in {*dir(tuple)} - {*dir(object)} | {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}:
        setattr(proxy, name, _refuse)
    for name in ("__hash__", "__repr__", "__str__", "__format__", "__reduce__", "__reduce_ex__", "__dir__"):
        setattr(proxy, name, _refuse)
    for name in (*value._fields, *derived):
        if name != "facts":
            setattr(proxy, name, _field(proxy, name))
    cast("Any", Sequence).register(proxy)  # for `match`, which tests the type


_add_fields(_ImageProxy, ImageUse, ("in_request", "size"))
_add_fields(_FactsProxy, ImageFacts, ("animated",))


_Pair = tuple[AnyRule, Severity | None]


class _Memory(NamedTuple):
    """The findings of some rules, by the values that any of them has read."""

    rules: Rules
    reads: int
    key: Callable[[ImageUse], Hashable]
    findings: dict[Hashable, tuple[Finding, ...]]


class _Plan(NamedTuple):
    """How each rule is remembered, for one model, and for files or for blocks.

    A plan is replaced, never changed: another thread may be using it.
    """

    limits: Limits
    in_request: bool
    by_size: _Memory
    by_kind: _Memory
    each: Rules


_Place = Callable[[tuple[Finding, ...], Location], Sequence[Finding]]
"""What is done with remembered findings for an image at another location."""


def _relocated(found: tuple[Finding, ...], location: Location) -> Sequence[Finding]:
    return [relocated(finding, location) for finding in found]


def _as_remembered(found: tuple[Finding, ...], _location: Location) -> Sequence[Finding]:
    return found


class ImageRuleCache:
    """Checks images with one set of rules, and remembers findings.

    Cameras, screens and generators produce few sizes and few kinds of files. Two memories, for rules that
    read the size and for rules that do not, avoid a key for every combination.
    """

    def __init__(self, rules: Rules, budgets: Budgets) -> None:
        self._rules, self._budgets = rules, budgets
        self._order = {rule.code: number for number, (rule, _) in enumerate(rules)}
        self._reads: dict[str, int] | None = None
        self._plan: _Plan | None = None
        self._first = True
        self._images = 0

    def check_image(self, use: ImageUse, limits: Limits) -> list[Finding]:
        """The findings of all rules on an image, in the order of the rules."""
        return self._check(use, limits, _relocated)

    def check_facts(self, use: ImageUse, limits: Limits) -> list[Finding]:
        """The same findings, but those that are remembered are at the location of an earlier image."""
        return self._check(use, limits, _as_remembered)

    def _check(self, use: ImageUse, limits: Limits, place: _Place) -> list[Finding]:
        if self._first or use.visible_size is None or use.flaws:
            self._first = False  # a run on a single file has no use for a memory
            return list(run_rules(self._rules, use, limits, self._budgets))
        self._images += 1
        plan, in_request = self._plan, use.location.keys is not None
        if plan is None or plan.limits is not limits or plan.in_request is not in_request:
            plan = self._make_plan(limits, in_request=in_request)
        found = [
            *self._recall(plan.by_size, use, limits, place),
            *self._recall(plan.by_kind, use, limits, place),
            *run_rules(plan.each, use, limits, self._budgets),
        ]
        if len(found) > 1:
            if any(finding.internal for finding in found):
                return list(run_rules(self._rules, use, limits, self._budgets))
            found.sort(key=self._rule_number)
        return found

    def _recall(self, memory: _Memory, use: ImageUse, limits: Limits, place: _Place) -> Sequence[Finding]:
        """The findings of the rules of a memory on an image."""
        key = memory.key(use)
        known = memory.findings.get(key)
        if known is not None:
            return place(known, use.location) if known else known

        made = record(memory.rules, use, limits, self._budgets)
        if made is None or made.reads & ~memory.reads:
            self._learn(use, limits)
            return list(run_rules(memory.rules, use, limits, self._budgets))
        if len(memory.findings) >= _MAX_KEYS:
            memory.findings.clear()
        memory.findings[key] = made.findings
        if len(memory.findings) == _TRIAL_KEYS and self._images < 2 * _TRIAL_KEYS:
            self._reads = {**self._recorded(), **{rule.code: _EACH for rule, _ in memory.rules}}
            self._make_plan(limits, in_request=use.location.keys is not None)
        return made.findings

    def _learn(self, use: ImageUse, limits: Limits) -> None:
        """Record each rule separately, and make a new plan from all recorded reads."""
        reads = dict(self._recorded())
        for pair in self._rules:
            code = pair[0].code
            if reads[code] != _EACH:
                made = record((pair,), use, limits, self._budgets)
                reads[code] = _EACH if made is None else reads[code] | made.reads
        self._reads = reads
        self._make_plan(limits, in_request=use.location.keys is not None)

    def _recorded(self) -> dict[str, int]:
        """The recorded reads of each rule."""
        if self._reads is None:
            self._rules = [(rule.loaded, severity) for rule, severity in self._rules]
            self._reads = {rule.code: _EACH if checks_identity(rule.check) else 0 for rule, _ in self._rules}
        return self._reads

    def _make_plan(self, limits: Limits, *, in_request: bool) -> _Plan:
        known, self._images = self._recorded(), 0
        by_size: list[_Pair] = []
        by_kind: list[_Pair] = []
        each: list[_Pair] = []
        for pair in self._rules:
            reads = known[pair[0].code]
            (each if reads == _EACH else by_size if reads & SIZE else by_kind).append(pair)
        self._plan = _Plan(limits, in_request, self._memory(by_size), self._memory(by_kind), each)
        return self._plan

    def _memory(self, rules: Rules) -> _Memory:
        reads = 0
        for rule, _ in rules:
            reads |= self._recorded()[rule.code]
        return _Memory(rules, reads, key_of(reads), {})

    def _rule_number(self, finding: Finding) -> int:
        return self._order[finding.code]
