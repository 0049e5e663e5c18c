"""The faster dataclass behaves as that of `dataclasses`."""

import copy
import dataclasses
import pickle
from types import ModuleType
from typing import Any

import pytest

from imgbudget import slotted


def _classes(module: Any) -> tuple[Any, ...]:
    """The same classes, made by a module."""

    @module.dataclass(slots=True)
    class Base:
        first: int
        second: list[int] = module.field(default_factory=list)

        def total(self) -> int:
            return self.first + sum(self.second)

    @module.dataclass(slots=True, kw_only=True)
    class Derived(Base):
        third: str = "x"
        fourth: "Base | None" = module.field(default=None, repr=False)  # quoted, as a class that comes later
        fifth: int = module.field(init=False)

        def __post_init__(self) -> None:
            self.fifth = self.first + 1

    @module.dataclass(frozen=True, slots=True)
    class Frozen:
        first: int
        second: tuple[int, ...] = ()

    @module.dataclass(slots=True, eq=False, repr=False)
    class Plain:
        MISSING: int = 1

    return Base, Derived, Frozen, Plain


@slotted.dataclass(frozen=True, slots=True)
class _Kept:
    first: int
    second: list[int] = slotted.field(default_factory=list)


MODULES = (dataclasses, slotted)


def test_constructors_take_the_same_arguments() -> None:
    """By place, by name, with defaults for each object; mistakes are refused at the first call too."""
    seen = []
    for module in MODULES:
        base, derived, frozen, plain = _classes(module)
        with pytest.raises(TypeError):
            base()
        with pytest.raises(TypeError):
            derived(1, [], "y")
        with pytest.raises(TypeError):
            derived(1, fifth=2)
        with pytest.raises(TypeError):
            frozen(1, third=2)
        assert base(1).second is not base(1).second
        seen.append(
            (
                [base(1), base(1, [2]), base(first=1), derived(1, third="y"), frozen(1), frozen(1, (2,))],
                (base(1, [2]).total(), derived(1).total(), derived(1).fifth, plain(2).MISSING),
                [made.__match_args__ for made in (base, derived, frozen, plain)],
                [hasattr(value, "__dict__") for value in (base(1), derived(1), frozen(1), plain())],
            )
        )
    assert repr(seen[0]) == repr(seen[1])


@pytest.mark.parametrize("module", MODULES)
def test_values_compare_hash_and_change(module: ModuleType) -> None:
    """By fields and class; those without `eq` by identity; those that may change have no hash."""
    base, derived, frozen, plain = _classes(module)
    assert base(1, [2]) == base(1, [2]) != base(1, [3])
    assert base(1) != derived(1)
    assert derived(1) != derived(1, third="y")
    assert hash(frozen(1)) == hash(frozen(1))
    assert plain(1) != plain(1)
    assert len({plain(1), plain(1)}) == 2
    with pytest.raises(TypeError):
        hash(base(1))
    changed = module.replace(derived(1, [2]), first=5)
    assert changed == derived(5, [2])
    assert changed.fifth == 6
    assert "fourth" not in repr(changed)
    with pytest.raises(AttributeError):
        changed.sixth = 1


def test_copies_and_pickles_are_of_the_class() -> None:
    """Worker processes get values as pickles."""
    value = _Kept(1, [2])
    for other in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):  # noqa: S301 - our own
        assert type(other) is _Kept
        assert other == value
