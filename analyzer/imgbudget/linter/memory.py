"""Remembers what image rules reported for an image, keyed by the values they were recorded to read."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from operator import attrgetter
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple, cast

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.linter.evaluate import Rules, relocated, run_rules
from imgbudget.model.budgets import Budgets
from imgbudget.model.subjects import Finding, ImageFacts, ImageUse, Severity
from imgbudget.registry import AnyRule

_SAME = ("flaws", "damage", "in_request")
"""Fields that are equal in all images of one memory."""

_DISTINCT = ("location", "turn", "digest", "reference", "base64_size", "byte_size", "metadata_bytes")
"""Fields with another value in nearly each image."""

_DERIVED = {"size": "size", "visible_size": "size", "animated": "frames"}
"""Properties, by the field of the facts whose value settles theirs in an image that can be decoded."""

_PATHS = tuple(
    f"{prefix}{name}"
    for prefix, value in (("", ImageUse), ("facts.", ImageFacts))
    for name in value._fields
    if name not in (*_SAME, *_DISTINCT, "facts")
)
"""The values that can be part of a key, each with the bit of its number."""

SIZE = 1 << _PATHS.index("facts.size")
"""The bit of the size."""

_IDENTITY_BUILTINS = {"type", "id"}
"""Builtins that tell a stand-in from an image."""


class NotRecordedError(BaseException):
    """A rule reads what cannot be part of a key. It is no Exception: a rule must not catch it."""


class _Proxy:
    """Takes the place of an image, or of its facts: each field notes that it is read, any other use raises.

    `isinstance` takes it for the value's own class. It is no tuple, so that a read which Python code cannot
    see, as `tuple.__getitem__`, fails.
    """

    __slots__ = ("_size", "_value", "facts", "reads")

    _value: Any

    def __getattr__(self, name: str) -> Any:
        """Refuse what is no field: a method may read anything."""
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
        """The field that most rules read, with as few steps as the image's own."""
        self.reads |= SIZE
        return self._size

    @property  # type: ignore[misc]  # as unittest.mock does: it is read only
    def __class__(self) -> Any:
        """What `isinstance` asks for."""
        return ImageUse


class _FactsProxy(_Proxy):
    __slots__ = ()

    def __init__(self, facts: ImageFacts | None, image: _ImageProxy) -> None:
        self._value, self.reads = facts, image

    @property  # type: ignore[misc]  # as unittest.mock does: it is read only
    def __class__(self) -> Any:
        """What `isinstance` asks for."""
        return ImageFacts


class Recorded(NamedTuple):
    """What rules found in an image, and the bits of the values that they read for it."""

    findings: tuple[Finding, ...]
    reads: int


def record(rules: Rules, use: ImageUse, limits: Limits, budgets: Budgets) -> Recorded | None:
    """Run rules on an image that can be decoded; None where what they find is of this image alone."""
    image = _ImageProxy(use)
    try:
        found = tuple(run_rules(rules, use, limits, budgets, proxy=cast("ImageUse", image)))
        for it in found:
            if it.internal or it.location is not use.location:
                return None
            hash((it.message, it.help, it.measured, it.limit, it.unit, it.fix))  # fails for a stand-in in it
    except (NotRecordedError, TypeError):
        return None
    return Recorded(found, image.reads)


def key_of(reads: int) -> Callable[[ImageUse], Hashable]:
    """What gives the values of these bits."""
    paths = [path for number, path in enumerate(_PATHS) if reads >> number & 1]
    return attrgetter(*paths) if paths else lambda _use: ()


def checks_identity(function: Callable[..., Any]) -> bool:
    """Whether a function, or a helper that it names, asks for the type or identity of anything."""
    seen: list[Any] = []
    waiting: list[Any] = [function]
    while waiting:
        called = waiting.pop()
        if not isinstance(called, FunctionType):
            return True
        names = set(_names(called.__code__))
        if names & _IDENTITY_BUILTINS:
            return True
        seen.append(called)
        waiting += [it for it in _helpers(called, names) if it not in seen]
    return False


def _helpers(function: FunctionType, names: set[str]) -> Iterator[FunctionType]:
    """The functions that one calls by these names, in its module, its closure and modules of its package."""
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
    """The field of a stand-in that answers as the value does."""
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
    """Give a stand-in the fields of the value, and refuse all that tuples can do beside them."""
    for name in {*dir(tuple)} - {*dir(object)} | {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}:
        setattr(proxy, name, _refuse)
    for name in ("__hash__", "__repr__", "__str__", "__format__", "__reduce__", "__reduce_ex__", "__dir__"):
        setattr(proxy, name, _refuse)
    for name in (*value._fields, *derived):
        if name != "facts":
            setattr(proxy, name, _field(proxy, name))
    cast("Any", Sequence).register(proxy)  # `match` asks the type whether it is a sequence


_add_fields(_ImageProxy, ImageUse, ("in_request", "size"))
_add_fields(_FactsProxy, ImageFacts, ("animated",))


_MAX_KEYS = 10_000
"""Keys of which the findings are kept: some megabytes."""

_TRIAL_KEYS = 1_000
"""Keys after which a memory has to have answered for half of the images."""

_Pair = tuple[AnyRule, Severity | None]

_EACH = -1
"""In place of what a rule reads: it is run on each image."""


class _Memory(NamedTuple):
    """The findings of some rules, by the values of all that any of them was seen to read."""

    rules: Rules
    reads: int
    key: Callable[[ImageUse], Hashable]
    findings: dict[Hashable, tuple[Finding, ...]]


class _Plan(NamedTuple):
    """Which rules are remembered how, for one model, and for files or for blocks.

    It is never changed but replaced: another thread may be using it.
    """

    limits: Limits
    in_request: bool
    by_size: _Memory
    by_kind: _Memory
    each: Rules


class ImageRuleCache:
    """Checks images by one set of rules.

    Cameras, screens and generators make few sizes, and fewer kinds of files. Two memories, one for rules that
    read the size and one for those that do not, keep the keys from being as many as their products.
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
        if self._first or use.visible_size is None or use.flaws:
            self._first = False  # a run on one file learns nothing
            return list(run_rules(self._rules, use, limits, self._budgets))
        self._images += 1
        plan, in_request = self._plan, use.location.keys is not None
        if plan is None or plan.limits is not limits or plan.in_request is not in_request:
            plan = self._make_plan(limits, in_request=in_request)
        found = [
            *self._recall(plan.by_size, use, limits),
            *self._recall(plan.by_kind, use, limits),
            *run_rules(plan.each, use, limits, self._budgets),
        ]
        if len(found) > 1:
            if any(finding.internal for finding in found):
                return list(run_rules(self._rules, use, limits, self._budgets))
            found.sort(key=self._place_in_order)
        return found

    def _recall(self, memory: _Memory, use: ImageUse, limits: Limits) -> list[Finding]:
        """The findings of the rules of a memory on an image."""
        key = memory.key(use)
        known = memory.findings.get(key)
        if known is not None:
            return [relocated(finding, use.location) for finding in known] if known else []

        made = record(memory.rules, use, limits, self._budgets)
        if made is None or made.reads & ~memory.reads:
            self._learn(use, limits)
            return list(run_rules(memory.rules, use, limits, self._budgets))
        if len(memory.findings) >= _MAX_KEYS:
            memory.findings.clear()
        memory.findings[key] = made.findings
        if len(memory.findings) == _TRIAL_KEYS and self._images < 2 * _TRIAL_KEYS:
            self._reads = {**self._known(), **{rule.code: _EACH for rule, _ in memory.rules}}
            self._make_plan(limits, in_request=use.location.keys is not None)
        return list(made.findings)

    def _learn(self, use: ImageUse, limits: Limits) -> None:
        """Record each rule by itself, and plan anew by all that is known of what they read."""
        reads = dict(self._known())
        for pair in self._rules:
            code = pair[0].code
            if reads[code] != _EACH:
                made = record((pair,), use, limits, self._budgets)
                reads[code] = _EACH if made is None else reads[code] | made.reads
        self._reads = reads
        self._make_plan(limits, in_request=use.location.keys is not None)

    def _known(self) -> dict[str, int]:
        """What each rule was seen to read so far."""
        if self._reads is None:
            self._reads = {rule.code: _EACH if checks_identity(rule.check) else 0 for rule, _ in self._rules}
        return self._reads

    def _make_plan(self, limits: Limits, *, in_request: bool) -> _Plan:

        known, self._images = self._known(), 0
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
            reads |= self._known()[rule.code]
        return _Memory(rules, reads, key_of(reads), {})

    def _place_in_order(self, finding: Finding) -> int:
        return self._order[finding.code]
