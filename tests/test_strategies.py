"""Resizing and tokens of other providers: worked examples, and properties of every size."""

from math import prod

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import (
    Size,
    Tier,
    fits,
    native_size,
    planned_size,
    publishes_size,
    ratio_table,
    refusal,
    size_within_tokens,
    tokens,
)
from imgbudget.limits.processors import strategy_names
from imgbudget.planner.sizes import size_steps
from imgbudget_rules.limits._generated import DATA
from tests.resize_examples import EXAMPLES, ResizeExample
from tests.stated import stated

SHIPPED = LimitsData.from_mapping(DATA)
OTHERS = [
    limits
    for model in SHIPPED.models
    if (limits := SHIPPED.bind(model, "anthropic")).tier.strategy and limits.counts_tokens
]
TIERS = sorted({tier for limits in OTHERS for tier in (limits.tier, *(tier for _, tier in limits.details))})
tiers = st.sampled_from(TIERS)
edges = st.integers(1, 9000)
sizes = st.builds(Size, edges, edges)


def of(strategy: str) -> list[Tier]:
    """The shipped tiers of a strategy."""
    return [tier for tier in TIERS if tier.strategy == strategy]


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_worked_example(example: ResizeExample) -> None:
    """Size and tokens are those of the provider's guide, or what follows from its rule."""
    limits = SHIPPED.bind(example.model, "anthropic").at(example.detail)
    assert limits.tokens(example.size) == example.tokens
    if example.seen is None:
        assert not publishes_size(limits.tier)
    elif limits.tier.strategy != "flat":
        assert limits.native_size(example.size) == example.seen


@pytest.mark.parametrize(
    ("size", "seen", "count"),
    [((1920, 1080), (1316, 728), 1222), ((1000, 1000), (980, 980), 1225)],
)
def test_qwen_with_the_area_of_the_class(size: tuple[int, int], seen: tuple[int, int], count: int) -> None:
    """A limits file says which `max_pixels` a server sets, here the default of the class."""
    data = SHIPPED.overlay({"tiers": {"qwen2.5-vl": {"max_pixels": {"value": 1280 * 28 * 28}}}}, "mine.yaml")
    limits = data.bind("qwen2.5-vl-72b-instruct", "")
    assert (limits.native_size(Size(*size)), limits.tokens(Size(*size))) == (Size(*seen), count)


def test_every_strategy_has_a_shipped_tier_and_an_example() -> None:
    """No strategy is unused, and none is without a worked example."""
    used = {SHIPPED.bind(example.model, "anthropic").at(example.detail).tier.strategy for example in EXAMPLES}
    assert used == {tier.strategy for tier in TIERS} == set(strategy_names()) - {"unknown"}


# --- what holds for every size and every provider ---


@given(sizes, tiers)
def test_what_is_seen_is_seen_again_and_costs_the_same(size: Size, tier: Tier) -> None:
    """The resize does not change its own result, and the API bills both the same."""
    assume(refusal(size, tier) is None)
    seen = native_size(size, tier)
    assert native_size(seen, tier) == seen
    assert tokens(seen, tier) == tokens(size, tier) > 0


@given(sizes, tiers, st.none() | st.integers(1, 3000))
def test_a_plan_never_enlarges_and_never_costs_more(size: Size, tier: Tier, edge: int | None) -> None:
    """Both edges stay within those of the image and the bound; what is planned is not refused."""
    planned = planned_size(size, tier, edge)
    assert planned.width <= size.width
    assert planned.height <= size.height
    assert min(planned) >= 1
    assert edge is None or planned.long_edge <= edge
    if refusal(size, tier) is None or tier.strategy == "openai_patches":
        assert refusal(planned, tier) is None


_BY_ROWS = {
    *("anyres", "ceil_grid", "crops", "masked_tiles", "nearest_grid", "nova_grid", "overlapping"),
    *("row_breaks", "slices", "split", "tiles"),
}


@given(sizes, tiers)
def test_a_rotated_size_is_treated_the_same(size: Size, tier: Tier) -> None:
    """No provider's formula distinguishes width and height, but those that end or try rows first."""
    assert native_size(size.transposed, tier) == native_size(size, tier).transposed
    assert tier.strategy in _BY_ROWS or tokens(size.transposed, tier) == tokens(size, tier)
    assert fits(size.transposed, tier) == fits(size, tier)


@given(sizes, tiers)
def test_only_qwen_enlarges(size: Size, tier: Tier) -> None:
    """Nobody makes an image larger; Qwen has a least area and rounds edges, each by itself, to patches."""
    seen = native_size(size, tier)
    if tier.strategy in {"qwen_smart_resize", "row_breaks"}:
        edge = tier.number("patch_edge")
        assert seen.width % edge == seen.height % edge == 0
        assert prod(seen) * tier.number("frames", 1) >= tier.number("min_pixels", 0)
    else:
        assert seen.width <= size.width
        assert seen.height <= size.height


@given(sizes, tiers)
def test_tokens_are_bounded_if_the_rule_has_a_budget(size: Size, tier: Tier) -> None:
    """The maximum is a patch budget times its multiplier, or the area of Qwen's patches."""
    if budget := tier.number("patch_budget", 0):
        assert tokens(size, tier) <= -(-budget * tier.number("multiplier", 1) // 1)
    if (most := tier.number("max_pixels", 0)) and refusal(size, tier) is None:
        assert tokens(size, tier) * tier.number("patch_edge") ** 2 * tier.number("frames", 1) <= most


@given(sizes, tiers)
def test_there_is_no_table_of_ratios(size: Size, tier: Tier) -> None:
    """The rows are Claude's; a plan for another provider follows that one's rule alone."""
    assert ratio_table(tier) == ()
    if fits(size, tier) and refusal(size, tier) is None:
        assert planned_size(size, tier) == size


@given(st.builds(Size, st.integers(1, 1500), st.integers(1, 1500)), tiers)
def test_steps_of_tokens_go_up(size: Size, tier: Tier) -> None:
    """Each step of the ladder has more tokens and more pixels than the one before; the top is the last."""
    steps = size_steps(size, size, 1, tier)
    assert [step.tokens for step in steps] == sorted({step.tokens for step in steps})
    assert [step.size.long_edge for step in steps] == sorted({step.size.long_edge for step in steps})
    assert steps[-1].size == size
    assert all(tokens(step.size, tier) == step.tokens for step in steps)


# --- a larger image of the same ratio costs no less, where the provider's rule has that ---

_MONOTONE = [tier for tier in TIERS if tier.strategy == "flat"] + [
    tier for tier in of("openai_patches") if not tier.number("patch_budget", 0)
]


@given(st.builds(Size, st.integers(1, 1500), st.integers(1, 1500)), tiers, st.integers(0, 3000))
def test_size_within_tokens_is_the_largest_of_all(size: Size, tier: Tier, most: int) -> None:
    """Every smaller long edge is compared; None where each takes more."""
    found = size_within_tokens(size, tier, most)
    candidates = [size.scaled(long, size.long_edge) for long in range(1, size.long_edge + 1)]
    expected = [candidate for candidate in candidates if tokens(candidate, tier) <= most]
    assert found == (expected[-1] if expected else None)


@given(sizes, st.integers(1, 9000), st.sampled_from(_MONOTONE))
def test_smaller_never_costs_more(size: Size, long: int, tier: Tier) -> None:
    """Flat counts, and patches without a budget go up with the size."""
    smaller = size.scaled(min(long, size.long_edge), size.long_edge)
    assert tokens(smaller, tier) <= tokens(size, tier)


@given(sizes, st.integers(1, 9000), st.sampled_from([*of("openai_tiles"), *of("openai_patches")]))
def test_smaller_never_costs_more_among_sizes_that_fit(size: Size, long: int, tier: Tier) -> None:
    """OpenAI's tiles and patches go up with the size as long as the image is left alone."""
    if not fits(size, tier):
        size = native_size(size, tier)
        assume(fits(size, tier))  # a whole number of px may be a little over the patches
    smaller = size.scaled(min(long, size.long_edge), size.long_edge)
    assert tokens(smaller, tier) <= tokens(size, tier)


@pytest.mark.parametrize(
    ("model", "small", "large"),
    [
        # over the budget one edge is brought to whole patches, which may leave fewer than what just fits
        ("gpt-5-mini", Size(1536, 1024), Size(1600, 1067)),
        # the crop unit is rounded down, so that tiles which just cover one image do not cover another
        ("gemini-2.0-flash", Size(769, 384), Size(774, 387)),
        # an area over the most has its edges rounded down, one under it to the nearest
        ("qwen2.5-vl-7b-instruct", Size(3058, 4187), Size(3088, 4228)),
    ],
)
def test_rules_under_which_a_smaller_image_can_cost_more(model: str, small: Size, large: Size) -> None:
    """Three rules are no staircase: the ladder of a plan therefore asks for every size."""
    limits = SHIPPED.bind(model, "anthropic")
    assert stated(limits.tokens(small)) > stated(limits.tokens(large))


# --- refused for its size ---


@pytest.mark.parametrize(
    ("model", "taken", "refused", "measured"),
    [
        ("gpt-5.6-sol", Size(5536, 5536), Size(5600, 5600), 30_625),
        ("qwen2.5-vl-7b-instruct", Size(8000, 40), Size(8000, 39), 206),
    ],
)
def test_refusals(model: str, taken: Size, refused: Size, measured: int) -> None:
    """Over 30,000 patches after processing, or a long edge of over 200 short ones."""
    limits = SHIPPED.bind(model, "anthropic")
    assert limits.refusal(taken) is None
    found = limits.refusal(refused)
    assert found is not None
    assert found.measured == measured > found.limit


@example(Size(9000, 9000))
@given(sizes)
def test_models_with_a_budget_refuse_nothing_for_its_patches(size: Size) -> None:
    """What is brought within 1,536 patches is never over 30,000."""
    assert SHIPPED.bind("gpt-5.2", "openai").refusal(size) is None
