"""Sharing fairly: the token staircase of an image, water levels, and the optimum against brute force."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from imgbudget.limits.geometry import (
    Size,
    Tier,
    native_size,
    patches,
    planned_size,
    size_within_tokens,
)
from imgbudget.planner.allocation import fair_level, fairest, shares
from imgbudget.planner.sizes import size_steps

HIGH = Tier("high", 2576, 4784)
STANDARD = Tier("standard", 1568, 1568)

edges = st.integers(1, 6000)
sizes = st.builds(Size, edges, edges)
tiers = st.sampled_from([STANDARD, HIGH])
amounts = st.sets(st.integers(1, 30), min_size=1, max_size=5).map(lambda found: tuple(sorted(found)))


def best_of_all(ladders: list[tuple[int, ...]], budget: int) -> list[int] | None:
    """The lexicographically greatest sorted choice, by trying each."""
    within = (sorted(choice) for choice in product(*ladders) if sum(choice) <= budget)
    return max(within, default=None)


@given(st.lists(amounts, min_size=1, max_size=5), st.integers(0, 150))
def test_the_fairest_choice_is_the_best_of_all(ladders: list[tuple[int, ...]], budget: int) -> None:
    """No other choice within the budget gives more to the smallest: every choice is compared."""
    found = fairest(ladders, budget)
    if found is None:
        assert best_of_all(ladders, budget) is None
        return
    assert all(amount in size_steps for amount, size_steps in zip(found, ladders, strict=True))
    assert sorted(found) == best_of_all(ladders, budget)


@given(st.lists(sizes, min_size=1, max_size=3), tiers, st.data())
def test_the_fairest_sizes_of_real_images_are_the_best(
    found: list[Size], tier: Tier, data: st.DataObject
) -> None:
    """The same for the staircases of real sizes, thinned so that trying each ends."""
    steps = [[step.tokens for step in size_steps(size, planned_size(size, tier), 200)] for size in found]
    thinned = [tuple(sorted({*tokens[:: max(len(tokens) // 12, 1)], tokens[-1]})) for tokens in steps]
    budget = data.draw(st.integers(0, sum(tokens[-1] for tokens in thinned)))
    choice = fairest(thinned, budget)
    assert (choice and sorted(choice)) == best_of_all(thinned, budget)


@given(st.lists(amounts, min_size=1, max_size=6), st.integers(0, 150), st.randoms(use_true_random=False))
def test_the_order_of_images_does_not_matter(
    ladders: list[tuple[int, ...]], budget: int, random: object
) -> None:
    """An image gets the same in any order; of equal images the first has most."""
    order = list(range(len(ladders)))
    getattr(random, "shuffle")(order)  # noqa: B009 - hypothesis' random has no type stubs
    found = fairest(ladders, budget)
    again = fairest([ladders[i] for i in order], budget)
    assert (found is None) == (again is None)
    if found and again:
        pairs = sorted(zip(ladders, found, strict=True))
        assert sorted(zip([ladders[i] for i in order], again, strict=True)) == pairs


def test_nothing_is_reduced_if_everything_fits() -> None:
    """Within the budget every image keeps its full size."""
    assert fairest([(1, 5), (2, 9)], 14) == (5, 9)


def test_the_largest_gives_first() -> None:
    """One token too many is taken from the largest image only."""
    assert fairest([(1, 2, 3), (1, 5, 10, 15, 20)], 22) == (3, 15)


def test_nothing_fits_under_the_smallest_amounts() -> None:
    """A budget under the sum of the smallest amounts is no budget that can be kept."""
    assert fairest([(4, 8), (3,)], 7) == (4, 3)
    assert fairest([(4, 8), (3,)], 6) is None


def test_who_needs_a_large_step_stays_behind() -> None:
    """Of two who could stay low the one is left there whose next step costs more."""
    assert fairest([(10, 100), (10, 11, 12)], 30) == (10, 12)


def test_many_different_images_use_the_budget_up() -> None:
    """With hundreds of different images, less is left over than the next step of any of them."""
    found = [Size(800 + 14 * i, 4000 - 10 * i) for i in range(250)]
    ladders = [
        tuple(step.tokens for step in size_steps(size, planned_size(size, HIGH), 200)) for size in found
    ]
    budget = 400_000
    choice = fairest(ladders, budget)
    assert choice is not None
    assert budget - 100 < sum(choice) <= budget


@given(sizes, tiers, st.integers(1, 300))
def test_steps_are_the_largest_sizes_of_their_tokens(size: Size, tier: Tier, least: int) -> None:
    """Each long edge is looked at: of those with the same tokens the longest is the step."""
    top = planned_size(size, tier)
    steps = size_steps(size, top, least)
    assert steps[-1].size == top
    assert [step.tokens for step in steps] == sorted({patches(step.size) for step in steps})
    ratio = size.long_edge / size.short_edge
    longest: dict[int, int] = {}
    for long in range(1, top.long_edge):
        short = round(long / ratio) or 1
        if least <= short <= top.short_edge:
            longest[patches(Size(long, short))] = long
    longest = {tokens: long for tokens, long in longest.items() if tokens < patches(top)}
    assert {step.tokens: step.size.long_edge for step in steps[:-1]} == longest


@given(sizes, tiers, st.integers(1, 5000))
def test_size_within_tokens_is_the_largest_step_that_fits(size: Size, tier: Tier, most: int) -> None:
    """Never enlarged, within the tokens, the same when computed again, and a step of the staircase."""
    found = size_within_tokens(size, tier, most)
    assert found is not None
    assert found.width <= size.width
    assert found.height <= size.height
    assert patches(found) <= most
    assert size_within_tokens(found, tier, most) == found
    steps = size_steps(size, native_size(size, tier), 1)
    assert found == max((step for step in steps if step.tokens <= most), key=lambda step: step.tokens).size


@given(sizes, tiers, st.integers(1, 5000), st.integers(1, 3000))
def test_size_within_tokens_keeps_an_edge_limit(size: Size, tier: Tier, most: int, edge: int) -> None:
    """The limit bounds both edges."""
    found = size_within_tokens(size, tier, most, edge)
    assert found is not None
    assert found.long_edge <= edge
    assert patches(found) <= most


needs = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 100)), max_size=8)


@given(needs, st.integers(-10, 3000))
def test_a_water_level_is_the_highest_that_fits(pairs: list[tuple[int, int]], room: int) -> None:
    """All are within the room at the level, and would not be one above it."""
    wanted = [need for need, _ in pairs]
    least = [min(need, low) for need, low in pairs]
    level = fair_level(wanted, room, least)
    if sum(wanted) <= room:
        assert shares(wanted, level, least) == wanted
    elif sum(least) > room:
        assert level == -1
    else:
        assert sum(shares(wanted, level, least)) <= room < sum(shares(wanted, level + 1, least))
