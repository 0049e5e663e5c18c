"""Records which values of an image rules read, by running them on a stand-in that notes each read."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from operator import attrgetter
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple, cast

from imgbudget.budgets import Budgets
from imgbudget.engine.running import Rules, run_rules
from imgbudget.geometry import Size
from imgbudget.limits import Limits
from imgbudget.model import Finding, ImageFacts, ImageUse

_SAME = ("flaws", "damage", "in_request")
"""Fields that are equal in all images of one memory."""

_DISTINCT = ("place", "turn", "digest", "reference", "base64_size", "byte_size", "metadata_bytes")
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

_TELLS_APART = {"type", "id"}
"""Builtins that tell a stand-in from an image."""


class NotRecordedError(BaseException):
    """A rule reads what cannot be part of a key. It is no Exception: a rule must not catch it."""


class _StandIn:
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


class _Image(_StandIn):
    __slots__ = ()

    def __init__(self, use: ImageUse) -> None:
        self._value, self.reads = use, 0
        self._size = use.visible_size
        self.facts = _Facts(use.facts, self)

    @property
    def visible_size(self) -> Size | None:
        """The field that most rules read, with as few steps as the image's own."""
        self.reads |= SIZE
        return self._size

    @property  # type: ignore[misc]  # as unittest.mock does: it is read only
    def __class__(self) -> Any:
        """What `isinstance` asks for."""
        return ImageUse


class _Facts(_StandIn):
    __slots__ = ()

    def __init__(self, facts: ImageFacts | None, image: _Image) -> None:
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
    image = _Image(use)
    try:
        found = tuple(run_rules(rules, use, limits, budgets, shown=cast("ImageUse", image)))
        for it in found:
            if it.internal or it.place is not use.place:
                return None
            hash((it.message, it.help, it.measured, it.limit, it.unit, it.fix))  # fails for a stand-in in it
    except (NotRecordedError, TypeError):
        return None
    return Recorded(found, image.reads)


def key_of(reads: int) -> Callable[[ImageUse], Hashable]:
    """What gives the values of these bits."""
    paths = [path for number, path in enumerate(_PATHS) if reads >> number & 1]
    return attrgetter(*paths) if paths else lambda _use: ()


def tells_apart(function: Callable[..., Any]) -> bool:
    """Whether a function, or a helper that it names, asks for the type or identity of anything."""
    seen: list[Any] = []
    waiting: list[Any] = [function]
    while waiting:
        called = waiting.pop()
        if not isinstance(called, FunctionType):
            return True
        names = set(_names(called.__code__))
        if names & _TELLS_APART:
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


def _field(stand_in: type[_StandIn], name: str) -> property:
    """The field of a stand-in that answers as the value does."""
    read = attrgetter(name)
    if name in _DISTINCT:
        return property(_refuse)
    if name in _SAME:
        return property(lambda self: read(self._value))
    field = _DERIVED.get(name, name)
    if stand_in is _Facts or name in _DERIVED:
        bit = 1 << _PATHS.index(f"facts.{field}")
    else:
        bit = 1 << _PATHS.index(field)

    def of_image(self: Any) -> Any:
        self.reads |= bit
        return read(self._value)

    def of_facts(self: Any) -> Any:
        self.reads.reads |= bit
        return read(self._value)

    return property(of_facts if stand_in is _Facts else of_image)


def _furnish(stand_in: type[_StandIn], value: type[ImageUse | ImageFacts], derived: Sequence[str]) -> None:
    """Give a stand-in the fields of the value, and refuse all that tuples can do beside them."""
    for name in {*dir(tuple)} - {*dir(object)} | {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__"}:
        setattr(stand_in, name, _refuse)
    for name in ("__hash__", "__repr__", "__str__", "__format__", "__reduce__", "__reduce_ex__", "__dir__"):
        setattr(stand_in, name, _refuse)
    for name in (*value._fields, *derived):
        if name != "facts":
            setattr(stand_in, name, _field(stand_in, name))
    cast("Any", Sequence).register(stand_in)  # `match` asks the type whether it is a sequence


_furnish(_Image, ImageUse, ("in_request", "size"))
_furnish(_Facts, ImageFacts, ("animated",))
