"""The faster NamedTuple behaves as that of `typing`."""

import copy
import pickle
import typing

import pytest

from imgbudget.namedtuples import NamedTuple


class _Fast(NamedTuple):
    first: int
    second: str = "x"
    third: "int | None" = None  # quoted, as a class that comes later

    def doubled(self) -> int:
        return self.first * 2


class _Slow(typing.NamedTuple):
    first: int
    second: str = "x"
    third: "int | None" = None


class _Named(NamedTuple):
    new: int
    cls: str


def test_fields_may_have_any_name() -> None:
    """Also those that a constructor would use itself."""
    assert tuple(_Named(new=1, cls="x")) == tuple(_Named(1, "x")) == (1, "x")


def test_values_compare_unpack_print_and_change_alike() -> None:
    """Values as tuples, texts and dictionaries."""
    fast, slow = _Fast(1, third=3), _Slow(1, third=3)
    assert tuple(fast) == tuple(slow)
    assert hash(fast) == hash(slow)
    assert repr(fast).replace("_Fast", "_Slow") == repr(slow)
    assert tuple(fast._replace(second="y")) == tuple(slow._replace(second="y"))
    assert fast._asdict() == slow._asdict()
    assert type(fast._replace(first=2)) is type(_Fast._make([1, "a", None])) is _Fast
    assert fast.doubled() == 2


def test_classes_have_the_same_fields_and_defaults() -> None:
    """What programs read from a class."""
    assert _Fast._fields == _Slow._fields
    assert _Fast._field_defaults == _Slow._field_defaults
    assert _Fast.__match_args__ == _Slow.__match_args__
    assert not hasattr(_Fast(1), "__dict__")


def test_copies_and_pickles_are_of_the_class() -> None:
    """Worker processes get values as pickles."""
    value = _Fast(1, "b")
    for other in (copy.copy(value), copy.deepcopy(value), pickle.loads(pickle.dumps(value))):  # noqa: S301 - our own
        assert other == value
        assert type(other) is _Fast


def test_wrong_fields_are_refused() -> None:
    """Missing, too few and unknown fields, and assignment."""
    with pytest.raises(TypeError, match="first"):
        _Fast()  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="Expected 3 arguments, got 1"):
        _Fast._make([1])
    with pytest.raises(ValueError, match="fourth"):
        _Fast(1)._replace(fourth=4)  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        _Fast(1).first = 2  # type: ignore[misc]
