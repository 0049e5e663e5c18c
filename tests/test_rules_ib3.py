"""IB3: images that the model may misread."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.limits.geometry import Size, Tier, native_size
from imgbudget.model.fixes import BakeOrientation, Resize
from imgbudget.model.subjects import FixSafety, Request
from imgbudget.testing import image, request, run_rule
from imgbudget_rules.ib301_tiny_edge import tiny_edge
from imgbudget_rules.ib302_tiny_after_resize import tiny_after_resize
from imgbudget_rules.ib303_exif_rotation import exif_rotation
from imgbudget_rules.ib305_near_many_image_limit import near_many_image_limit

STANDARD = Tier("standard", 1568, 1568)


@pytest.mark.parametrize("spec", ["<png 200x200>", "<png 200x8000>", "<html>", "<svg>"])
def test_edge_of_200_px_is_large_enough(spec: str) -> None:
    """200 px on the short edge, and sizes that are not known: silent."""
    assert run_rule(tiny_edge, image(spec)) == []


@pytest.mark.parametrize(
    ("spec", "short"), [("<png 199x800>", 199), ("<png 800x199>", 199), ("<png 1x1>", 1)]
)
def test_edge_under_200_px_is_tiny(spec: str, short: int) -> None:
    """199 px on either edge is reported."""
    [problem] = run_rule(tiny_edge, image(spec))
    assert (problem.measured, problem.limit, problem.unit) == (short, 200, "px")


@pytest.mark.parametrize("spec", ["<png 1568x200>", "<png 7840x1000>", "<png 7900x199>"])
def test_strip_that_stays_wide_enough_is_silent(spec: str) -> None:
    """200 px or more after the resize; an edge that is short already is IB301."""
    assert run_rule(tiny_after_resize, image(spec)) == []


@pytest.mark.parametrize(("spec", "after"), [("<png 1580x200>", 198), ("<png 250x2000>", 196)])
def test_strip_that_the_resize_makes_narrow_is_reported(spec: str, after: int) -> None:
    """The short edge after the resize is measured, and tiles are advised."""
    [problem] = run_rule(tiny_after_resize, image(spec))
    assert (problem.measured, problem.limit, problem.unit) == (after, 200, "px")
    assert problem.help is not None
    assert problem.help.startswith("cut it into 2 or more tiles")


@given(st.integers(200, 2000), st.integers(1, 50_000))
def test_advised_tiles_are_wide_enough(short: int, more: int) -> None:
    """A strip cut into the advised number of equal tiles is no strip any more."""
    for problem in run_rule(tiny_after_resize, image(f"<png {short}x{short + more}>")):
        assert problem.help is not None
        tiles = int(problem.help.split()[3])
        tile = Size(short, -(-(short + more) // tiles))
        assert native_size(tile, STANDARD).short_edge >= 200


@pytest.mark.parametrize(
    "spec",
    [
        "<jpeg 8x8>",
        "<jpeg 8x8 orientation=0>",
        "<jpeg 8x8 orientation=9>",
        '<jpeg 8x8 orientation=6 damage="ends early">',
    ],
)
def test_upright_image_is_silent(spec: str) -> None:
    """Orientation 1, invalid numbers, and formats without rotation."""
    assert run_rule(exif_rotation, image(spec)) == []


@pytest.mark.parametrize("orientation", range(2, 9))
def test_every_other_orientation_is_reported(orientation: int) -> None:
    """2 to 8: the pixels are to be turned."""
    [problem] = run_rule(exif_rotation, image(f"<jpeg 8x8 orientation={orientation}>"))
    assert problem.measured == orientation
    assert problem.message.startswith(f"EXIF orientation is {orientation}:")


@pytest.mark.parametrize("form", ["avif", "heic", "heif"])
def test_properties_that_turn_a_picture_are_named(form: str) -> None:
    """AVIF and HEIC files turn it by irot and imir; an EXIF orientation in them has no effect."""
    [problem] = run_rule(exif_rotation, image(f"<{form} 8x8 orientation=6>"))
    assert problem.message.startswith("orientation by irot and imir is 6:")
    assert problem.fix == BakeOrientation()


def turn(*content: Any, **more: Any) -> Request:
    """A request of one user turn."""
    return request({"messages": [{"role": "user", "content": list(content)}], **more})


@pytest.mark.parametrize("small", [0, 12, 13, 20, 30])
def test_few_and_many_images_are_not_near_the_limit(small: int) -> None:
    """Up to 14 images are far from it, from 21 on it is passed, which is IB102."""
    assert run_rule(near_many_image_limit, turn(f"<png 800x600> * {small}", "<png 2001x600>")) == []


def test_images_of_2000_px_may_become_many() -> None:
    """At 2000 px nothing breaks, and an unknown size is not checked."""
    url = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    assert run_rule(near_many_image_limit, turn("<png 2000x2000> * 15", url)) == []


@pytest.mark.parametrize("small", [13, 18])
def test_large_images_near_the_limit_are_reported_each(small: int) -> None:
    """With 15 and 20 images each one over 2000 px is reported, with a fix valid beyond 20."""
    found = run_rule(
        near_many_image_limit, turn("<png 2001x10>", f"<png 800x600> * {small}", "<png 4000x3000>")
    )
    assert [problem.location and problem.location.dotted for problem in found] == [
        "messages.0.content.0",
        f"messages.0.content.{small + 1}",
    ]
    assert [problem.measured for problem in found] == [2001, 4000]
    assert {(problem.limit, problem.unit) for problem in found} == {(2000, "px")}
    assert f"in a request of {small + 2} images" in found[0].message
    assert found[1].fix == Resize(Size(1268, 951))


@pytest.mark.parametrize(("platform", "count"), [("anthropic", 0), ("bedrock", 1), ("google-cloud", 1)])
def test_documents_bring_the_limit_nearer_where_they_count(platform: str, count: int) -> None:
    """14 images and a PDF are 15 on Bedrock and Google Cloud."""
    body = turn("<pdf 1>", "<png 800x600> * 13", "<png 2001x600>", platform=platform)
    assert len(run_rule(near_many_image_limit, body)) == count


def test_fix_is_unsafe_where_the_model_would_see_more() -> None:
    """On the high-resolution tier 2400x1200 is seen whole today; on the standard tier it never is."""
    images = ("<png 2400x1200>", "<png 800x600> * 14")
    [standard] = run_rule(near_many_image_limit, turn(*images))
    [high] = run_rule(near_many_image_limit, turn(*images, model="claude-opus-5-5"))
    assert (standard.fix_safety, standard.fix) == (None, Resize(Size(1568, 784)))
    assert (high.fix_safety, high.fix) == (FixSafety.UNSAFE, Resize(Size(2000, 1000)))


def test_fix_near_the_limit_is_safe_where_the_tier_scales_further() -> None:
    """2500x2500 reaches a model of the high-resolution tier at 1932 px anyway."""
    [problem] = run_rule(
        near_many_image_limit, turn("<png 2500x2500>", "<png 800x600> * 14", model="claude-opus-5-5")
    )
    assert (problem.fix_safety, problem.fix) == (None, Resize(Size(1932, 1932)))
