"""IB3: images that the model may misread."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.geometry import Tier, native_size
from imgbudget.model import BakeOrientation
from imgbudget.rule import Size
from imgbudget.testing import image, run_rule
from imgbudget_rules.ib301_tiny_edge import tiny_edge
from imgbudget_rules.ib302_tiny_after_resize import tiny_after_resize
from imgbudget_rules.ib303_exif_rotation import exif_rotation

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
    """Orientation 1, numbers that mean nothing, and pixels that nobody can turn."""
    assert run_rule(exif_rotation, image(spec)) == []


@pytest.mark.parametrize("orientation", range(2, 9))
def test_every_other_orientation_is_reported(orientation: int) -> None:
    """2 to 8: the pixels are to be turned."""
    [problem] = run_rule(exif_rotation, image(f"<jpeg 8x8 orientation={orientation}>"))
    assert problem.measured == orientation
    assert f"EXIF orientation is {orientation}:" in problem.message
    assert problem.fix == BakeOrientation()
