"""One size for several models: the largest that suits them all, or the cheapest near it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.planner.sizes import LEAST_SHARE, binding, cost_for_all, size_for_all
from tests.rule_runner import limits_of

NAMES = (
    *("claude-sonnet-4-6", "claude-opus-5-5", "gpt-4o", "gpt-5.2", "gpt-5.6-sol", "gemini-2.5-flash"),
    *("gemini-3-pro-preview", "nova-lite", "qwen2.5-vl-7b-instruct"),
)
sizes = st.builds(Size, st.integers(1, 9000), st.integers(1, 9000)).filter(
    lambda size: size.long_edge <= 150 * size.short_edge
)
several = st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True)


def suits(size: Size, models: list[Limits]) -> bool:
    """Whether every model takes the size and leaves it alone."""
    return all(limits.fits(size) and limits.refusal(size) is None for limits in models)


def at(size: Size, long: int) -> Size:
    """The size of the same ratio with this long edge."""
    short = round(long / (size.long_edge / size.short_edge)) or 1
    return Size(long, short) if size.width >= size.height else Size(short, long)


@given(sizes, several)
def test_largest_that_suits_all(size: Size, names: list[str]) -> None:
    """It suits each model, is within the image, and one px more would not suit one of them."""
    models = [limits_of(name) for name in names]
    found = size_for_all(size, models)
    assert suits(found, models)
    assert found.width <= size.width
    assert found.height <= size.height
    if suits(size, models):
        assert found == size
    else:
        assert not suits(at(size, found.long_edge + 1), models)


@given(sizes, several, st.integers(1, 3000))
def test_further_edge_and_further_models_only_take_away(size: Size, names: list[str], edge: int) -> None:
    """A limit on edges is kept, and more models never allow more."""
    models = [limits_of(name) for name in names]
    assert size_for_all(size, models, edge).long_edge <= edge
    alone = min(size_for_all(size, [limits]).long_edge for limits in models)
    assert size_for_all(size, models).long_edge == alone
    assert size_for_all(size, [binding(size, models)]).long_edge == alone


@given(sizes.filter(lambda size: size.long_edge < 3000), several)
def test_cheapest_suits_all_and_costs_no_more(size: Size, names: list[str]) -> None:
    """It gives up at most a tenth of an edge, and together the models cost no more for it."""
    models = [limits_of(name) for name in names]
    largest, cheapest = size_for_all(size, models), size_for_all(size, models, cheapest=True)
    assert suits(cheapest, models)
    assert int(largest.long_edge * LEAST_SHARE) <= cheapest.long_edge <= largest.long_edge
    assert cost_for_all(cheapest, models) <= cost_for_all(largest, models)


@given(sizes.filter(lambda size: size.long_edge < 1500), several)
def test_cheapest_is_the_largest_of_the_cheapest_sizes(size: Size, names: list[str]) -> None:
    """Every size of the ratio is considered, from the largest down to nine tenths of it."""
    models = [limits_of(name) for name in names]
    largest = size_for_all(size, models)
    lengths = range(int(largest.long_edge * LEAST_SHARE) or 1, largest.long_edge)
    sizes_to_try = [*(at(size, long) for long in lengths), largest]
    least = min(cost_for_all(candidate, models) for candidate in sizes_to_try)
    best = [candidate for candidate in sizes_to_try if cost_for_all(candidate, models) == least]
    assert size_for_all(size, models, cheapest=True) == best[-1]


@pytest.mark.parametrize(
    ("size", "names", "expected"),
    [
        (Size(8000, 8000), ("gpt-5.6-sol",), Size(5536, 5536)),
        (Size(9000, 9000), ("nova-lite", "gemini-2.5-flash"), Size(8000, 8000)),
        (Size(4000, 3000), ("claude-opus-5-5", "gemini-2.5-flash"), Size(2212, 1659)),
        (Size(640, 480), NAMES, Size(640, 480)),
    ],
)
def test_which_limit_decides(size: Size, names: tuple[str, ...], expected: Size) -> None:
    """Patches that are refused, edges that are, the tier, or none."""
    assert size_for_all(size, [limits_of(name) for name in names]) == expected
