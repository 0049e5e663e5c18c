"""From findings to edits: what rules want of an image and of a request, merged into one change."""

from hypothesis import given
from hypothesis import strategies as st

from imgbudget.fixing.strategy import converge_image, converge_request
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.model.budgets import Budget, Budgets
from imgbudget.model.edits import BlockEdit, ImageEdit
from imgbudget.model.fixes import DeclareType, DropBlock, ReplaceByText
from imgbudget.model.request_under_test import bind_request
from imgbudget.model.safety import Loss
from imgbudget.model.subjects import Request
from imgbudget.planner.from_findings import edited_use, image_edit, request_edit, with_images
from imgbudget.planner.image import text_length
from imgbudget.planner.request import plan_request
from imgbudget.testing import image, request
from tests.rule_runner import image_checker, limits_of, request_checker, rules
from tests.stated import stated

STANDARD = limits_of()
HIGH = limits_of("claude-opus-4-8")


def edit_of(spec: str, *, unsafe: bool = False, edge_limit: int | None = None) -> ImageEdit | None:
    """The edit that results from the findings of all rules on an image."""
    use = image(spec)
    return image_edit(use, HIGH, image_checker(HIGH)(use), unsafe=unsafe, edge_limit=edge_limit)


def one_turn(*content: str, **more: object) -> Request:
    """A request of one turn in shorthand."""
    return request({"messages": [{"role": "user", "content": list(content)}], **more})


def body_after(asked: Request, edits: dict[object, ImageEdit]) -> int:
    """The longest body that the bounds of the edits allow."""
    return asked.byte_size + sum(
        text_length(edits[use.location].max_bytes or 0) - (use.base64_size or 0)
        for use in asked.images
        if use.location in edits
    )


def test_nothing_to_do_is_no_edit() -> None:
    """An image without a finding, and one whose findings have no fix, stay byte for byte."""
    assert edit_of("<png 800x600>") is None
    assert edit_of("<png 100x600>") is None
    assert edit_of("<jpeg 4000x3000 damage='ends early'>") is None


def test_unsafe_fixes_wait_to_be_allowed() -> None:
    """The first frame alone is an unsafe wish."""
    assert edit_of("<gif 800x600 frames=12>") is None
    allowed = edit_of("<gif 800x600 frames=12>", unsafe=True)
    assert allowed is not None
    assert allowed.first_frame


def test_an_animation_that_must_be_resized_is_left_to_be_refused() -> None:
    """Its edit says what is wanted, but does not allow the other frames to go."""
    edit = edit_of("<gif 9000x600 frames=12>")
    assert edit is not None
    assert edit.size is not None
    assert not edit.first_frame


def test_all_wishes_come_in_one_edit() -> None:
    """Size, bytes, orientation and metadata of one photo."""
    edit = edit_of("<jpeg 4000x3000 bytes=9000000 orientation=6 gps>")
    assert edit == ImageEdit(
        size=Size(2212, 1659),
        max_bytes=HIGH.image_raw_bytes,
        upright=True,
        strip=True,
        permits=Loss.GENERATION,
    )


def test_the_smallest_size_wins_and_the_fewest_bytes() -> None:
    """Of the native size and the size advised for latency the smaller one."""
    use = image("<jpeg 4000x3000 bytes=9000000 quality=97>")
    found = image_checker(HIGH, rules(pedantic=True))(use)
    edit = image_edit(use, HIGH, found, unsafe=True)
    assert edit is not None
    assert edit.size is not None
    assert edit.size.width * edit.size.height <= 1_150_000


def test_formats_that_the_api_does_not_take_are_chosen_once() -> None:
    """Photos become JPEG, all that keeps each pixel PNG; pages are lost only if that is permitted."""
    photo, scan = edit_of("<heic 4032x3024>"), edit_of("<tiff 800x600 frames=3>")
    assert photo is not None
    assert (photo.format, photo.size) == ("jpeg", Size(2212, 1659))
    assert scan is not None
    assert (scan.format, scan.first_frame) == ("png", False)
    scan = edit_of("<tiff 800x600 frames=3>", unsafe=True)
    assert scan is not None
    assert (scan.format, scan.first_frame) == ("png", True)


def test_re_encoded_images_are_within_the_byte_limit() -> None:
    """No fix writes an image over the limit; on Bedrock the limit is half as much."""
    bedrock = limits_of(platform="bedrock")
    use = image("<jpeg 4000x3000>")
    edit = image_edit(use, bedrock, image_checker(bedrock)(use), unsafe=False)
    assert edit is not None
    assert edit.max_bytes == 3_932_160


def test_the_edge_of_the_request_bounds_what_is_resized_anyway() -> None:
    """An image that is resized obeys the request; one that is not is for the request's own rule."""
    edit = edit_of("<png 4000x3000>", edge_limit=2000)
    assert edit is not None
    assert edit.size == Size(2000, 1500)
    assert edit_of("<png 2400x600>", edge_limit=2000) is None


specs = st.builds(
    "<{} {}x{} orientation={} bytes={}>".format,
    st.sampled_from(["jpeg", "png", "webp", "bmp", "heic"]),
    st.integers(1, 9000),
    st.integers(1, 9000),
    st.sampled_from([1, 3, 6]),
    st.integers(100, 12_000_000),
)


@given(
    specs, st.sampled_from([STANDARD, HIGH, limits_of(platform="bedrock")]), st.sampled_from([False, True])
)
def test_fix_after_fix_changes_nothing(spec: str, limits: Limits, unsafe: bool) -> None:  # noqa: FBT001
    """Once the settled edit is made no rule has a fix left that may be made, and it never enlarges."""
    use, judge = image(spec), image_checker(limits)
    edit = converge_image(use, limits, judge, unsafe=unsafe)
    if edit is None:
        return
    after = edited_use(use, edit)
    assert use.size is not None
    assert after.size is not None
    assert after.size.width <= use.size.width
    assert after.size.height <= use.size.height
    assert converge_image(after, limits, judge, unsafe=unsafe) is None


def test_a_size_that_a_fix_makes_has_no_remainder_left() -> None:
    """2000x1457 is scaled to an edge two pixels into a patch; the edit goes on to the patch at once."""
    judge = image_checker(STANDARD)
    for width in range(1600, 2600):
        use = image(f"<jpeg {width}x1457>")
        found = judge(use)
        once = image_edit(use, STANDARD, found, unsafe=True)
        assert once is not None
        if judge(edited_use(use, once)):
            settled = converge_image(use, STANDARD, judge, unsafe=True)
            assert settled != once
            assert settled is not None
            assert not judge(edited_use(use, settled))
            return
    raise AssertionError("one of a thousand sizes has a remainder")


def test_a_valid_request_has_no_edit() -> None:
    """Neither images nor blocks."""
    asked = one_turn("<png 800x600>", "What is this?")
    assert request_edit(
        bind_request(asked, STANDARD), request_checker()(bind_request(asked, STANDARD)), unsafe=False
    ).is_empty


def test_blocks_are_changed_beside_images() -> None:
    """A wrong media type and an empty text; the edit of the image itself is separate."""
    asked = one_turn("<png 1920x1080 declared=image/jpeg>", "")
    edit = converge_request(bind_request(asked, STANDARD), request_checker(), unsafe=False)
    assert [made.size for _, made in edit.images] == [Size(1456, 819)]
    assert edit.blocks == (
        BlockEdit(asked.images[0].location, DeclareType("image/png")),
        BlockEdit(asked.turns[0].blocks[1].location, DropBlock()),
    )


def test_many_screenshots_obey_the_edge_and_small_images_stay() -> None:
    """25 phone screenshots and an icon on a high-resolution model: 2000 px for those over it."""
    asked = one_turn("<png 1290x2796 bytes=600000> * 25", "<png 300x300 bytes=4000>")
    edit = converge_request(bind_request(asked, HIGH), request_checker(), unsafe=False)
    assert {made.size for _, made in edit.images} == {Size(923, 2000)}
    assert len(edit.images) == 25
    seen = with_images(asked, {use.location: edited_use(use, made) for use, made in edit.images})
    assert not [finding for finding in request_checker()(bind_request(seen, HIGH)) if finding.fix]


def test_a_long_body_is_levelled_from_the_largest_down() -> None:
    """40 MB: the photos that the model does not look at in full lose pixels, the others nothing."""
    asked = one_turn("<jpeg 4000x3000 bytes=5000000> * 5", "<jpeg 1200x900 bytes=1700000> * 3")
    found = request_checker(rules("IB401"))
    edit = converge_request(bind_request(asked, HIGH), found, unsafe=False)
    assert [made.size for _, made in edit.images] == [Size(2212, 1659)] * 5
    assert body_after(asked, {use.location: made for use, made in edit.images}) <= 32_000_000


def test_a_long_body_of_native_images_gives_bytes() -> None:
    """Where all are seen in full, those over the level are encoded within it, equally."""
    asked = one_turn("<jpeg 1200x896 bytes=5000000> * 5", "<jpeg 1200x896 bytes=1000000> * 3")
    edit = converge_request(bind_request(asked, HIGH), request_checker(), unsafe=False)
    assert len(edit.images) == 5
    (bound,) = {made.max_bytes for _, made in edit.images}
    assert bound is not None
    assert 4_100_000 < bound < 4_200_000
    assert body_after(asked, {use.location: made for use, made in edit.images}) <= 32_000_000


@given(
    st.lists(
        st.tuples(st.integers(100, 4000), st.integers(100, 4000), st.integers(1000, 7_000_000)),
        min_size=1,
        max_size=24,
    ),
    st.sampled_from(["jpeg", "png"]),
    st.sampled_from(["anthropic", "bedrock"]),
)
def test_no_edit_takes_a_body_over_its_limit(
    found: list[tuple[int, int, int]], form: str, platform: str
) -> None:
    """Whatever the encoder makes within the bounds, the body is within the limit or no longer than it was."""
    limits = limits_of("claude-opus-4-8", platform)
    asked = one_turn(*(f"<{form} {width}x{height} bytes={size}>" for width, height, size in found))
    edit = converge_request(bind_request(asked, limits), request_checker(), unsafe=False)
    edits: dict[object, ImageEdit] = {use.location: made for use, made in edit.images}
    most = stated(limits.request_bytes_doubt).value
    assert body_after(asked, edits) <= max(most, min(asked.byte_size, stated(limits.request_bytes).value))


def test_undecodable_images_of_a_session_are_replaced_by_a_text() -> None:
    """Every later turn would send them again; in a single request such an image stays and is reported."""
    asked = one_turn("<png 800x600 damage='ends early'>", "<png 800x600>", "What is this?")
    kept = converge_request(bind_request(asked, STANDARD), request_checker(), unsafe=False)
    assert kept.is_empty
    session = asked._replace(dialect="transcript")
    edit = converge_request(bind_request(session, STANDARD), request_checker(), unsafe=False)
    text = "[image removed, because it cannot be decoded: png 800x600 that ends early]"
    assert edit.blocks == (BlockEdit(session.images[0].location, ReplaceByText(text)),)


def test_images_whose_rule_is_off_are_not_removed() -> None:
    """No rule reports the image, so it is not changed."""
    session = one_turn("<png 800x600 damage='ends early'>")._replace(dialect="transcript")
    judge = request_checker(rules("IB2"))
    assert converge_request(bind_request(session, STANDARD), judge, unsafe=False).is_empty


def test_a_token_budget_is_shared_as_fairly_as_by_a_plan() -> None:
    """Findings on the user's own budget and the joint plan give the same sizes."""
    asked = one_turn("<jpeg 1500x1500> * 3", "<png 196x196> * 2")
    judge = rules("IB602", budgets=Budgets(request=Budget(tokens=5000)))
    edit = converge_request(bind_request(asked, HIGH), request_checker(judge), unsafe=False)
    planned = plan_request(bind_request(asked, HIGH), budget=Budget(tokens=5000))
    assert [made.size for _, made in edit.images] == [made.size for _, made in planned.edit.images]
    assert len(edit.images) == 3
