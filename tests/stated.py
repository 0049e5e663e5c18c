"""A value that a test knows to exist: a limit, or the tokens and cost of a known model."""

from typing import TypeVar

T = TypeVar("T")


def stated(value: T | None) -> T:
    """The value; an assertion fails where there is none."""
    assert value is not None
    return value
