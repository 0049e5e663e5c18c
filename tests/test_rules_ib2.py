"""IB2: images that cost more than they show; and the size that a plan makes of an image."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.limits.geometry import Size, Tier, fits, native_size, patches, planned_size, size_within
from imgbudget.model.fixes import FirstFrame, Resize
from imgbudget.planner.image import SizePreset, plan_image
from imgbudget.testing import image, request, run_rule
from imgbudget_rules.ib201_oversized_image import oversized_image
from imgbudget_rules.ib202_patch_remainder import patch_remainder
from imgbudget_rules.ib203_over_latency_size import over_latency_size
from imgbudget_rules.ib204_animated_image import animated_image
from tests.rule_runner import limits_of

STANDARD = Tier("standard", 1568, 1568)
HIGH = Tier("high-resolution", 2576, 4784)
OPUS = "claude-opus-5-5"

edges = st.integers(1, 10_000)


@given(edges, edges, st.sampled_from([STANDARD, HIGH]), st.sampled_from([None, 2000, 1568]))
def test_planned_size_fits_and_is_no_larger_than_native(
    width: int, height: int, tier: Tier, edge: int | None
) -> None:
    """A plan never enlarges, leaves alone what fits, and never goes beyond the native size."""
    size = Size(width, height)
    planned, native = planned_size(size, tier, edge), native_size(size, tier, edge)
    assert planned.width <= native.width
    assert planned.height <= native.height
    assert fits(planned, tier)
    assert edge is None or planned.long_edge <= edge
    assert planned_size(planned, tier, edge) == planned
    assert planned == size or native != size


@pytest.mark.parametrize(
    ("size", "planned"),
    [
        (Size(1270, 952), Size(1270, 952)),
        (Size(4000, 3000), Size(1268, 951)),
        (Size(3000, 4000), Size(951, 1268)),
        (Size(4001, 2999), Size(1270, 952)),
        (Size(8000, 8000), Size(1092, 1092)),
    ],
)
def test_planned_size_is_the_row_or_native(size: Size, planned: Size) -> None:
    """A size of a published ratio goes to its row, others to the native size; what fits stays."""
    assert planned_size(size, STANDARD) == planned


@pytest.mark.parametrize(
    ("spec", "model"),
    [
        ("<png 1568x784>", "claude-sonnet-4-6"),
        ("<png 1092x1092>", "claude-sonnet-4-6"),
        ("<png 2576x1449>", OPUS),
        ("<png 8001x8001>", "claude-sonnet-4-6"),
        ('<png 4000x3000 damage="ends early">', "claude-sonnet-4-6"),
        ("<svg>", "claude-sonnet-4-6"),
    ],
)
def test_image_that_is_not_scaled_is_no_waste(spec: str, model: str) -> None:
    """What fits is looked at whole; what is refused or cannot be decoded is not looked at."""
    assert run_rule(oversized_image, image(spec), model=model) == []


def test_image_that_forbids_scaling_is_not_scaled() -> None:
    """`oversized_image: "error"` makes it a refusal, another rule's business."""
    block = {"type": "image", "source": {"type": "base64", "data": "<png 4000x3000>"}}
    strict = block | {"transformations": {"oversized_image": "error"}}
    relaxed = block | {"transformations": {"oversized_image": "downsize"}}
    assert run_rule(oversized_image, request({"messages": [{"role": "user", "content": [strict]}]})) == []
    assert (
        len(run_rule(oversized_image, request({"messages": [{"role": "user", "content": [relaxed]}]}))) == 1
    )


@pytest.mark.parametrize(
    ("spec", "measured", "limit", "unit", "planned"),
    [
        ("<png 1569x100>", 1569, 1568, "px", Size(1568, 100)),
        ("<png 4000x3000>", 4000, 1568, "px", Size(1268, 951)),
        ("<png 4001x2999>", 4001, 1568, "px", Size(1270, 952)),
        ("<png 8000x2000>", 8000, 1568, "px", Size(1568, 392)),
        ("<png 1093x1093>", 1600, 1568, "tokens", Size(1092, 1092)),
    ],
)
def test_oversized_image_names_the_limit_that_binds(
    spec: str, measured: int, limit: int, unit: str, planned: Size
) -> None:
    """The edge where the edge is too long, else the tokens; the fix is the planned size."""
    [problem] = run_rule(oversized_image, image(spec))
    assert (problem.measured, problem.limit, problem.unit) == (measured, limit, unit)
    assert problem.fix == Resize(planned)
    assert "over the 1568" in problem.message


def test_what_fits_depends_on_the_model() -> None:
    """3840x2160 is scaled on both tiers, 2560x1440 on the standard tier only."""
    assert run_rule(oversized_image, image("<png 2560x1440>"), model=OPUS) == []
    assert len(run_rule(oversized_image, image("<png 2560x1440>"))) == 1
    assert len(run_rule(oversized_image, image("<png 3840x2160>"), model=OPUS)) == 1


@pytest.mark.parametrize(
    "spec",
    ["<png 1120x784>", "<png 1125x800>", "<png 1000x203>", "<png 29x800>", "<png 2801x800>", "<png 1x1>"],
)
def test_remainder_that_is_none_or_not_worth_it_is_silent(spec: str) -> None:
    """No remainder, five px and more, an edge that would fall under 200 px, an oversized image."""
    assert run_rule(patch_remainder, image(spec)) == []


@pytest.mark.parametrize(
    ("spec", "smaller", "saved"),
    [
        ("<png 1121x800>", Size(1120, 799), 29),
        ("<png 1124x800>", Size(1120, 797), 29),
        ("<png 800x1121>", Size(799, 1120), 29),
        ("<png 1121x1121>", Size(1120, 1120), 81),
    ],
)
def test_small_remainder_shows_its_cost(spec: str, smaller: Size, saved: int) -> None:
    """One to four px over whole patches: the size without them, and the tokens saved."""
    [problem] = run_rule(patch_remainder, image(spec), model=OPUS)
    assert problem.fix == Resize(smaller)
    assert problem.measured is not None
    assert problem.limit is not None
    assert problem.measured - problem.limit == saved
    assert problem.help is not None
    assert f"instead of {problem.measured:g})" in problem.help


def test_only_edges_that_are_cut_are_named() -> None:
    """200 px are four over seven patches too, but must not become fewer."""
    [problem] = run_rule(patch_remainder, image("<png 1121x200>"))
    assert problem.message.startswith("width 1121 px is 1 px over 40 patches; ")
    assert problem.fix == Resize(Size(1120, 200))


@given(st.integers(1, 1600), st.integers(1, 1600))
def test_dropping_a_remainder_saves_tokens_and_settles_it(width: int, height: int) -> None:
    """The fix keeps the ratio, saves tokens, keeps 200 px, and leaves nothing to report."""
    size = Size(width, height)
    for problem in run_rule(patch_remainder, image(f"<png {size}>")):
        assert isinstance(problem.fix, Resize)
        smaller = problem.fix.size
        assert patches(smaller) < patches(size)
        assert smaller.short_edge >= 200
        assert abs(size.width * smaller.height - size.height * smaller.width) <= 2 * size.long_edge
        assert run_rule(patch_remainder, image(f"<png {smaller}>")) == []


@pytest.mark.parametrize(
    "spec", ["<gif 8x8>", "<webp 8x8 frames=1>", '<gif 8x8 frames=2 damage="ends early">']
)
def test_still_image_is_seen_whole(spec: str) -> None:
    """One frame, or a file that cannot be decoded: silent."""
    assert run_rule(animated_image, image(spec)) == []


@pytest.mark.parametrize(("spec", "frames"), [("<gif 8x8 frames=2>", 2), ("<png 8x8 frames=120>", 120)])
def test_animation_shows_how_many_frames_are_lost(spec: str, frames: int) -> None:
    """Two frames and more are reported with their number."""
    [problem] = run_rule(animated_image, image(spec))
    assert (problem.measured, problem.limit, problem.unit) == (frames, 1, "frames")
    assert f"{frames} frames" in problem.message
    assert problem.fix == FirstFrame()


@given(edges, edges, st.integers(1, 3_000_000), st.integers(1, 3000))
def test_size_within_keeps_both_bounds(width: int, height: int, pixels: int, edge: int) -> None:
    """Within the pixels and the edge, never larger, the ratio to within rounding; what fits stays."""
    size = Size(width, height)
    smaller = size_within(size, pixels, edge)
    assert smaller.width * smaller.height <= pixels or smaller.long_edge == 1
    assert smaller.long_edge <= edge
    assert smaller.width <= width
    assert smaller.height <= height
    assert abs(smaller.short_edge - size.short_edge * smaller.long_edge / size.long_edge) <= 1
    assert (smaller == size) == (width * height <= pixels and size.long_edge <= edge)


@pytest.mark.parametrize("spec", ["<png 1568x733>", "<png 1000x1150>", "<png 9000x10>", "<svg>"])
def test_image_within_the_advice_is_quick(spec: str) -> None:
    """1568 px and 1,150,000 pixels are within it; an image refused for its edge is not checked."""
    assert run_rule(over_latency_size, image(spec), model=OPUS) == []


@pytest.mark.parametrize(
    ("spec", "measured", "limit", "unit"),
    [
        ("<png 1569x100>", 1569, 1568, "px"),
        ("<png 1208x952>", 1_150_016, 1_150_000, "pixels"),
        ("<png 8000x8000>", 64_000_000, 1_150_000, "pixels"),
        ("<png 4000x1000>", 4000, 1568, "px"),
    ],
)
def test_image_over_the_advice_is_resized_within_it(spec: str, measured: int, limit: int, unit: str) -> None:
    """The message names the bound that decides the size; the fix is within both."""
    [problem] = run_rule(over_latency_size, image(spec), model=OPUS)
    assert (problem.measured, problem.limit, problem.unit) == (measured, limit, unit)
    assert "the guide of spring 2026 advised" in problem.message
    assert isinstance(problem.fix, Resize)
    assert problem.fix.size.width * problem.fix.size.height <= 1_150_000
    assert problem.fix.size.long_edge <= 1568


@given(st.integers(1, 4000), st.integers(1, 4000))
def test_advice_is_the_size_that_a_plan_for_latency_sends(width: int, height: int) -> None:
    """The rule's fix and `plan --target latency` answer the same question with the same size."""
    use = image(f"<png {width}x{height}>")
    limits = limits_of(OPUS)
    plan = plan_image(use, limits, target=SizePreset.LATENCY)
    assert plan
    for problem in run_rule(over_latency_size, use, model=OPUS):
        assert problem.fix == Resize(plan.planned)


@pytest.mark.parametrize(
    ("spec", "advice"),
    [
        ("<png 1092x1092>", "resize to 1072x1072 (same 1521 tokens)"),
        ("<png 1268x951>", "resize to 1238x928 (1530 tokens instead of 1564)"),
    ],
)
def test_help_says_whether_the_advised_size_saves_tokens(spec: str, advice: str) -> None:
    """A size with fewer pixels may take the same tokens."""
    [problem] = run_rule(over_latency_size, image(spec))
    assert problem.help == advice


def test_advice_is_below_the_native_size_of_the_standard_tier() -> None:
    """What the API leaves alone can still be over it: the row 4:3 has 1.2 megapixels."""
    [problem] = run_rule(over_latency_size, image("<png 1268x951>"))
    assert problem.fix == Resize(Size(1238, 928))
