"""The joint plan of a request: all limits at once, what binds, and what helps where nothing does."""

from hypothesis import given
from hypothesis import strategies as st

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.model.budgets import Budget
from imgbudget.model.request_under_test import bind_request
from imgbudget.model.subjects import Request
from imgbudget.planner.bounds import token_bounds
from imgbudget.planner.from_findings import edited_use, with_images
from imgbudget.planner.image import SizeGoal, SizePreset, plan_image
from imgbudget.planner.request import RequestPlan, body_at_most, plan_request
from imgbudget.testing import image, request
from tests.rule_runner import limits_of, request_checker
from tests.stated import stated

STANDARD = limits_of()
HIGH = limits_of("claude-opus-4-8")
BEDROCK = limits_of("claude-opus-4-8", "bedrock")
SCREENSHOTS = ("<png 1290x2796 bytes=600000> * 25", "<png 300x300 bytes=4000>")


def one_turn(*content: str) -> Request:
    """A request of one turn in shorthand."""
    return request({"messages": [{"role": "user", "content": list(content)}]})


def binding(plan: RequestPlan) -> list[str]:
    """The names of the limits that decide."""
    return [bound.name for bound in plan.binding]


def at_most(plan: RequestPlan) -> int:
    """The longest body that the plan allows."""
    return body_at_most(plan.request, {use.location: edit for use, edit in plan.edit.images})


def test_a_request_that_fits_is_left_alone() -> None:
    """No edit, nothing that binds, nothing to say."""
    plan = plan_request(bind_request(one_turn("<png 800x600>", "<jpeg 1092x1092>"), STANDARD))
    assert plan.edit.is_empty
    assert plan.feasible
    assert not plan.is_notable
    assert not any(image.changes for image in plan.images)


def test_phone_screenshots_are_bound_by_the_edge_of_many_images() -> None:
    """25 of 1290x2796 and an icon on a high-resolution model: 2000 px, whose it is, and nothing else."""
    plan = plan_request(bind_request(one_turn(*SCREENSHOTS), HIGH))
    assert binding(plan) == ["edge where there are more than 20"]
    assert (plan.binding[0].limit, plan.binding[0].owner) == (2000, "anthropic")
    assert [image.planned for image in plan.images] == [Size(923, 2000)] * 25 + [Size(300, 300)]
    assert len(plan.edit.images) == 25


def test_on_bedrock_the_body_binds_too() -> None:
    """The same with larger files: 20 MB are less than they take at 2000 px."""
    plan = plan_request(
        bind_request(one_turn("<png 1290x2796 bytes=1200000> * 25", "<png 300x300 bytes=4000>"), BEDROCK)
    )
    assert binding(plan) == ["edge where there are more than 20", "body"]
    assert at_most(plan) <= 20_000_000
    assert not plan.images[-1].changes


def test_forty_megabytes_are_levelled_from_the_largest_down() -> None:
    """Images over the level get the same bytes, images under it are unchanged."""
    body = one_turn(
        "<jpeg 1200x896 bytes=9000000>",
        "<jpeg 1200x896 bytes=7000000> * 2",
        "<jpeg 1200x896 bytes=3000000> * 2",
        "<jpeg 1200x896 bytes=400000> * 3",
    )
    assert body.byte_size > 40_000_000
    plan = plan_request(bind_request(body, HIGH))
    assert at_most(plan) <= 32_000_000
    assert binding(plan) == ["base64 of an image", "body"]
    given_up = [image.byte_size_before - image.byte_size_after for image in plan.images]
    kept = {image.byte_size_after for image in plan.images[:3]}
    assert len(kept) == 1
    assert given_up[3:] == [0] * 5


def test_what_the_model_does_not_see_is_given_first() -> None:
    """A 12-megapixel photo saves enough, so a smaller image with more bytes per pixel is unchanged."""
    plan = plan_request(
        bind_request(one_turn("<jpeg 4000x3000 bytes=5000000> * 5", "<jpeg 1200x896 bytes=2000000>"), HIGH)
    )
    assert [image.changes for image in plan.images] == [True] * 5 + [False]
    assert plan.feasible


def test_a_token_budget_is_shared_and_named() -> None:
    """The large ones go down to one level and the small ones stay."""
    plan = plan_request(
        bind_request(one_turn("<jpeg 4000x3000> * 3", "<png 200x200> * 2"), HIGH), budget=Budget(tokens=5000)
    )
    assert binding(plan) == ["token budget"]
    tokens = [stated(image.tokens_after) for image in plan.images]
    assert tokens[3:] == [64, 64]
    assert 4900 < sum(tokens) <= 5000
    assert max(tokens[:3]) - min(tokens[:3]) < 100


def test_the_tightest_of_several_budgets_binds() -> None:
    """One cent buys 2,000 tokens of this model, which is less than the token budget."""
    plan = plan_request(
        bind_request(one_turn("<jpeg 4000x3000> * 3"), HIGH),
        budget=Budget(tokens=5000, cost=0.01, bytes=10_000_000),
    )
    assert binding(plan) == ["cost budget"]
    assert stated(HIGH.cost_usd(sum(stated(image.tokens_after) for image in plan.images))) <= 0.01


def test_cost_knows_the_dearer_price_of_long_prompts() -> None:
    """Haiku 5.5 costs five times as much a token from 100,001 tokens on, all of them."""
    limits = limits_of("claude-haiku-5-5")
    assert limits.tokens_within_cost(0.01) == 100_000
    assert limits.tokens_within_cost(0.04) == 100_000
    assert limits.tokens_within_cost(0.06) == 120_000


def test_the_context_binds_where_it_is_smallest() -> None:
    """130 native images are more than 200k tokens of context hold."""
    limits = limits_of("claude-sonnet-4-5")
    plan = plan_request(bind_request(one_turn("<jpeg 1092x1092> * 99", "<jpeg 784x1568> * 33"), limits))
    assert "context" in binding(plan)
    assert sum(stated(image.tokens_after) for image in plan.images) <= 200_000


def test_too_many_images_are_reported_with_what_helps() -> None:
    """105 images with a limit of 100: leave out 5, or send two requests."""
    plan = plan_request(bind_request(one_turn("<png 800x600> * 105"), limits_of("claude-haiku-4-5")))
    assert plan.remedy is not None
    assert plan.remedy.reasons == ("105 images, over the 100 that anthropic takes for claude-haiku-4-5",)
    assert plan.remedy.dropped is not None
    assert len(plan.remedy.dropped) == 5
    assert plan.remedy.requests == 2


def test_a_budget_under_what_is_legible_is_not_feasible() -> None:
    """No image goes under 200 px of short edge to keep a budget; the largest are named to be left out."""
    plan = plan_request(
        bind_request(one_turn("<jpeg 4000x3000> * 3", "<png 200x200> * 2"), HIGH), budget=Budget(tokens=300)
    )
    assert not plan.feasible
    assert plan.remedy is not None
    assert plan.remedy.dropped == (plan.request.images[0].location,)
    assert plan.remedy.requests == 2
    assert all(image.planned.short_edge >= 200 for image in plan.images)


def test_texts_alone_can_be_too_much() -> None:
    """Where the images are not to blame neither way helps."""
    body = one_turn("<png 800x600>")._replace(byte_size=40_000_000)
    plan = plan_request(bind_request(body, HIGH))
    assert plan.remedy is not None
    assert (plan.remedy.dropped, plan.remedy.requests) == (None, None)


def test_animations_give_nothing_unless_allowed() -> None:
    """Re-encoding would lose frames, so the still images are reduced instead."""
    body = one_turn("<gif 1200x896 frames=9 bytes=4000000>", "<jpeg 1200x896 bytes=7000000> * 4")
    assert [image.changes for image in plan_request(bind_request(body, HIGH)).images] == [
        False,
        True,
        True,
        True,
        True,
    ]
    unsafe = plan_request(bind_request(body, BEDROCK), unsafe=True)
    assert unsafe.images[0].changes
    assert unsafe.edit.images[0][1].first_frame


def test_goals_bound_each_image() -> None:
    """Edge, tokens and bytes, beside the size that is aimed for."""
    photo = image("<jpeg 4000x3000 bytes=5000000>")
    plans = [
        plan_image(photo, STANDARD, target=goal)
        for goal in (
            SizeGoal(dimension=1024),
            SizeGoal(tokens=800),
            SizeGoal(byte_size=100_000),
            SizeGoal(SizePreset.NATIVE),
        )
    ]
    edge, tokens, size, native = plans
    assert edge is not None
    assert edge.planned == Size(1024, 768)
    assert tokens is not None
    assert 700 < stated(tokens.tokens_after) <= 800
    assert size is not None
    assert (size.planned, size.max_bytes) == (Size(1268, 951), 100_000)
    assert native is not None
    assert native.planned == Size(1270, 952)
    dear = plan_image(photo, STANDARD, target=SizeGoal(cost=0.003))
    assert dear is not None
    assert 900 < stated(dear.tokens_after) <= 1000


def test_bytes_over_the_platforms_are_planned_even_at_native_size() -> None:
    """A file of 9 MB makes a text of 12 MB: it is re-encoded and keeps its pixels."""
    plan = plan_image(image("<png 800x600 bytes=9000000>"), STANDARD)
    assert plan is not None
    assert (plan.changes, plan.resizes, plan.max_bytes) == (True, False, 7_864_320)
    assert "10 MB" in plan.reason


images = st.builds(
    "<{} {}x{} bytes={}>".format,
    st.sampled_from(["jpeg", "png"]),
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.integers(500, 6_000_000),
)
bodies = st.lists(images, min_size=1, max_size=24).map(lambda found: one_turn(*found))
budgets = st.builds(
    Budget,
    tokens=st.none() | st.integers(500, 40_000),
    bytes=st.none() | st.integers(1_000_000, 40_000_000),
    cost=st.none() | st.floats(0.001, 0.2),
)
everyone = st.sampled_from([STANDARD, HIGH, BEDROCK])


@given(bodies, budgets, everyone)
def test_a_feasible_plan_keeps_every_limit_that_it_names(
    body: Request, budget: Budget, limits: Limits
) -> None:
    """Tokens, cost and edges are exact, the body is bounded, nothing is enlarged, no error is left."""
    plan = plan_request(bind_request(body, limits), budget=budget)
    for one in plan.images:
        assert one.planned.width <= one.size.width
        assert one.planned.height <= one.size.height
        assert limits.fits(one.planned)
    if not plan.feasible:
        return
    assert all(bound.kept for bound in plan.bounds)
    assert at_most(plan) <= min(stated(limits.request_bytes_doubt).value, budget.bytes or 1 << 40)
    tokens = sum(stated(one.tokens_after) for one in plan.images)
    assert all(tokens <= bound.tokens for bound in token_bounds(limits, budget))
    seen = with_images(body, {use.location: edited_use(use, edit) for use, edit in plan.edit.images})
    assert not [
        it.code for it in request_checker()(bind_request(seen, limits)) if it.code[:3] in ("IB1", "IB4")
    ]


@given(bodies, budgets, everyone)
def test_a_plan_of_what_was_planned_changes_nothing(body: Request, budget: Budget, limits: Limits) -> None:
    """Images at their planned sizes, each within its limit, need no other size."""
    plan = plan_request(bind_request(body, limits), budget=budget)
    seen = with_images(body, {use.location: edited_use(use, edit) for use, edit in plan.edit.images})
    again = plan_request(bind_request(seen, limits), budget=budget)
    if plan.feasible:
        assert [one.planned for one in again.images] == [one.planned for one in plan.images]
        assert again.edit.is_empty


@given(bodies, budgets, everyone, st.randoms(use_true_random=False))
def test_the_order_of_images_does_not_decide(
    body: Request, budget: Budget, limits: Limits, random: object
) -> None:
    """The same images in another order give the same sizes and bounds."""
    order = list(body.images)
    getattr(random, "shuffle")(order)  # noqa: B009 - hypothesis' random has no type stubs
    turned = body._replace(images=tuple(order))
    plans = [plan_request(bind_request(one, limits), budget=budget) for one in (body, turned)]
    given_up = [sorted((one.size, one.planned, one.max_bytes or 0) for one in plan.images) for plan in plans]
    assert given_up[0] == given_up[1]


def test_of_two_that_could_give_the_more_bytes_give() -> None:
    """Two images of one size and unequal bytes: which of them gets smaller does not depend on the order."""
    kept = []
    for images in (["bytes=500", "bytes=502"], ["bytes=502", "bytes=500"]):
        body = one_turn(*[f"<jpeg 309x561 {one}>" for one in images])
        plan = plan_request(bind_request(body, limits_of("claude-sonnet-4-6")), budget=Budget(tokens=500))
        kept.append(sorted((one.byte_size_before, one.planned, one.max_bytes) for one in plan.images))
    assert kept[0] == kept[1]
    assert [planned for _, planned, _ in kept[0]] == [Size(309, 561), Size(308, 560)]
