"""A limit that a test knows to exist."""

from typing import TypeVar

from imgbudget.limits.values import Limit

N = TypeVar("N", int, float)


def stated(limit: Limit[N] | None) -> Limit[N]:
    """The limit; an assertion fails where the platform has none."""
    assert limit is not None
    return limit
