"""Coordinates that a model returned, mapped to the original image: the function and the command."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import imgbudget
from imgbudget.limits.geometry import CoordinateMap, Size
from tests.builders import image_bytes
from tests.conftest import Command
from tests.rule_runner import limits_of

STANDARD = limits_of()

edges = st.integers(1, 8000)


def test_the_guides_own_example() -> None:
    """A4 at 130 DPI: the middle of what the model saw is the middle of the page."""
    assert imgbudget.coords([(462, 653.5)], (1075, 1520), model="claude-sonnet-4-6") == ((537.5, 760.0),)


def test_nothing_is_mapped_where_nothing_was_scaled() -> None:
    """The high-resolution tier receives the same page without scaling."""
    assert imgbudget.coords([(462, 653.5)], (1075, 1520), model="claude-opus-4-8") == ((462, 653.5),)


def test_the_map_goes_both_ways() -> None:
    """For clicks that are sent to the model, too."""
    found = imgbudget.coordinate_map((4000, 3000), sent=(1268, 951), model="claude-sonnet-4-6")
    assert isinstance(found, imgbudget.CoordinateMap)
    assert found.resized == Size(1268, 951)
    assert found.to_resized(2000, 1500) == (634, 475.5)


def test_sizes_without_an_edge_are_refused() -> None:
    """A size of 0 px is reported as a usage error."""
    with pytest.raises(ValueError, match="at least 1 px"):
        imgbudget.coords([(1, 1)], (0, 100))


@given(edges, edges, st.floats(0, 1), st.floats(0, 1))
def test_a_point_comes_back_within_half_a_pixel(width: int, height: int, x: float, y: float) -> None:
    """A point of the original maps back to itself, to its pixel if the model's point is rounded."""
    original = Size(width, height)
    found = CoordinateMap(original, STANDARD.native_size(original))
    there = found.to_resized(x * width, y * height)
    back = found.to_original(*there)
    assert abs(back[0] - x * width) < 0.5
    assert abs(back[1] - y * height) < 0.5
    rounded = found.to_resized(*found.to_original(round(there[0]), round(there[1])))
    assert abs(rounded[0] - there[0]) <= 0.5 + 1e-6
    assert abs(rounded[1] - there[1]) <= 0.5 + 1e-6


@given(edges, edges, st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_no_point_leaves_the_original(width: int, height: int, x: float, y: float) -> None:
    """Points outside are clamped to the border."""
    original = Size(width, height)
    mapped = CoordinateMap(original, STANDARD.native_size(original)).to_original(x, y)
    assert 0 <= mapped[0] <= width
    assert 0 <= mapped[1] <= height


def test_the_command_maps_points_and_boxes(imgbudget: Command) -> None:
    """A point, a box of two corners, and one that had to be taken to the border."""
    arguments = ("coords", "--original", "1075x1520", "462,653.5", "0,0,924,1307", "-5,3", "--format", "json")
    document = imgbudget(*arguments).json
    assert (document["seen"], document["padded"]) == ([924, 1307], [924, 1316])
    assert [point["mapped"] for point in document["points"]] == [
        [537.5, 760.0],
        [0, 0, 1075, 1520],
        [0, pytest.approx(3.488906)],
    ]
    assert [point["clamped"] for point in document["points"]] == [False, False, True]
    out = imgbudget(*arguments[:-2]).out
    assert "claude-sonnet-4-6 sees 1075x1520 as 924x1307" in out
    assert "537.5,760" in out
    assert "taken to the border" in out


def test_the_command_maps_the_other_way(imgbudget: Command) -> None:
    """From the original to what the model sees."""
    run = imgbudget(
        "coords", "--from", "original", "--original", "1075x1520", "537.5,760", "--format", "json"
    )
    assert run.json["points"][0]["mapped"] == [462, 653.5]


def test_a_size_that_was_sent_counts(imgbudget: Command) -> None:
    """Resized before it was sent: the API leaves it alone, and the scale is that of both steps."""
    run = imgbudget(
        "coords", "--original", "4000x3000", "--sent", "1268x951", "634,475.5", "--format", "json"
    )
    assert (run.json["seen"], run.json["points"][0]["mapped"]) == ([1268, 951], [2000, 1500])


def test_points_of_a_screen_are_fewer_than_its_pixels(imgbudget: Command) -> None:
    """A click on a display of scale 2 is in points, and the way back undoes it."""
    options = ("coords", "--original", "2880x1800", "--display-scale", "2", "--format", "json")
    seen = imgbudget(*options, "100,100").json
    there = seen["points"][0]["mapped"]
    assert there == [pytest.approx(100 * seen["scale"][0] / 2), pytest.approx(100 * seen["scale"][1] / 2)]
    back = imgbudget(*options, "--from", "original", f"{there[0]},{there[1]}").json["points"][0]["mapped"]
    assert back == [pytest.approx(100, abs=1e-5), pytest.approx(100, abs=1e-5)]


def test_the_original_may_be_a_file(imgbudget: Command, tmp_path: Path) -> None:
    """The upright size of the file is used, also if it has an EXIF rotation."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((1520, 1075), "JPEG", orientation=6))
    run = imgbudget("coords", "--original", "a.jpg", "462,653.5", "--format", "json")
    assert (run.json["original"], run.json["points"][0]["mapped"]) == ([1075, 1520], [537.5, 760.0])


@pytest.mark.parametrize("points", ["462", "1,2,3", "a,b", "1;2", "1e5,2"])
def test_what_is_no_point_is_refused(imgbudget: Command, points: str) -> None:
    """With the spelling that is wanted, and exit 2."""
    run = imgbudget("coords", "--original", "100x100", points)
    assert (run.code, run.out) == (2, "")
    assert "is no point" in run.err


def test_a_mistyped_option_is_no_point(imgbudget: Command) -> None:
    """Only numbers may begin with a dash."""
    run = imgbudget("coords", "--original", "100x100", "--typo")
    assert (run.code, run.out) == (2, "")
    assert "No such option '--typo'" in run.err
