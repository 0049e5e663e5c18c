"""Cutting a strip or a scan into overlapping tiles, and the command that shows how."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size, patches
from imgbudget.planner.division import tiling
from tests.builders import image_bytes
from tests.conftest import Command
from tests.rule_runner import limits_of
from tests.stated import stated

STANDARD = limits_of()
HIGH = limits_of("claude-opus-4-8")

edges = st.integers(1, 20_000)


def test_an_image_that_fits_is_a_single_tile() -> None:
    """As it is, whatever the overlap."""
    found = tiling(Size(1092, 1092), STANDARD, overlap=500)
    assert [(tile.x, tile.y, tile.size) for tile in found.tiles] == [(0, 0, Size(1092, 1092))]


def test_a_strip_becomes_one_column() -> None:
    """A long chat of a phone: full width, and no line in both halves of a cut."""
    found = tiling(Size(1170, 3600), STANDARD)
    assert (found.columns, found.rows) == (1, 4)
    assert [tile.y for tile in found.tiles] == [0, 876, 1752, 2628]


def test_more_than_twenty_tiles_keep_the_edge_of_many_images() -> None:
    """On the high-resolution tier a tile may have 2576 px, but not in a request of 21."""
    few, many = tiling(Size(2500, 9000), HIGH), tiling(Size(30_000, 20_000), HIGH)
    assert len(few.tiles) <= 20 < len(many.tiles)
    assert few.tiles[0].size.long_edge > 2000 >= many.tiles[0].size.long_edge


def test_no_end_of_tiles_is_refused() -> None:
    """More tiles than any request can contain are refused quickly."""
    with pytest.raises(ValueError, match="more than 10,000 tiles"):
        tiling(Size(999_999_999, 999_999_999), STANDARD)
    with pytest.raises(ValueError, match="overlap of 5000 px"):
        tiling(Size(60_000, 60_000), STANDARD, overlap=5000)


@given(st.builds(Size, edges, edges), st.integers(0, 300), st.sampled_from([STANDARD, HIGH]))
def test_tiles_cover_the_image_overlap_and_fit(size: Size, overlap: int, limits: Limits) -> None:
    """Every pixel is in a tile, neighbours overlap as requested, and the model does not resize any tile."""
    found = tiling(size, limits, overlap=overlap)
    assert len(found.tiles) == found.columns * found.rows
    assert found.tokens == sum(patches(tile.size) for tile in found.tiles)
    for tile in found.tiles:
        assert limits.fits(tile.size)
        assert limits.tokens(tile.size) == patches(tile.size)
    for begins, edge, length in (
        ([tile.x for tile in found.tiles[: found.columns]], found.tiles[0].size.width, size.width),
        ([tile.y for tile in found.tiles[:: found.columns]], found.tiles[0].size.height, size.height),
    ):
        assert begins[0] == 0
        assert begins[-1] + edge == length
        assert all(earlier + edge - later >= overlap for earlier, later in pairwise(begins))
        assert all(earlier < later for earlier, later in pairwise(begins))
    if len(found.tiles) > stated(limits.many_image_count).value:
        assert found.tiles[0].size.long_edge <= stated(limits.many_image_edge).value


@given(st.builds(Size, st.integers(1, 6000), st.integers(1, 6000)), st.integers(0, 120))
def test_no_grid_of_fewer_tiles_would_do(size: Size, overlap: int) -> None:
    """Every grid with fewer tiles has a tile that the model would scale down."""
    found = tiling(size, STANDARD, overlap=overlap)
    for columns in range(1, len(found.tiles)):
        rows = (len(found.tiles) - 1) // columns
        width = -(-(size.width + (columns - 1) * overlap) // columns)
        height = -(-(size.height + (rows - 1) * overlap) // rows)
        assert not STANDARD.fits(Size(width, height))


def test_the_command_shows_tiles_with_their_places(imgbudget: Command) -> None:
    """Corner, size and tokens of each, and what all cost beside the whole."""
    run = imgbudget("tiles", "1170x3600", "--overlap", "50")
    assert run.code == 0
    assert "4 rows, neighbours share at least 50 px" in run.out
    assert "(as a whole it is seen as 510x1568: 1064 tokens" in run.out
    (cut,) = imgbudget("tiles", "1170x3600", "--format", "json").json["tilings"]
    assert cut["path"] is None
    assert [(tile["x"], tile["y"]) for tile in cut["tiles"]] == [(0, 0), (0, 876), (0, 1752), (0, 2628)]
    assert cut["tokens"] == sum(tile["tokens"] for tile in cut["tiles"])
    assert cut["whole"]["tokens"] == 1064


def test_a_file_is_cut_as_it_is_to_be_seen(imgbudget: Command, tmp_path: Path) -> None:
    """A photo with EXIF rotation is cut upright."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((3600, 1170), "JPEG", orientation=6))
    (cut,) = imgbudget("tiles", "a.jpg", "--format", "json").json["tilings"]
    assert (cut["size"], cut["columns"], cut["path"]) == ([1170, 3600], 1, "a.jpg")


def test_what_is_neither_a_size_nor_an_image_is_refused(imgbudget: Command, tmp_path: Path) -> None:
    """The message names it, and the exit code is that of a usage error."""
    (tmp_path / "a.txt").write_text("no image")
    for argument, said in (("nothing.png", "nothing.png: no such file or folder"), ("a.txt", "a.txt")):
        run = imgbudget("tiles", argument)
        assert (run.code, run.out) == (2, "")
        assert said in run.err
    assert imgbudget("tiles", "60000x60000", "--overlap", "5000").code == 2


def test_one_bad_image_of_a_folder_does_not_end_the_run(imgbudget: Command, tmp_path: Path) -> None:
    """It is reported and decides the exit code; the others are cut."""
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (tmp_path / "b.png").write_bytes(image_bytes((1170, 3600)))
    run = imgbudget("tiles", ".", "--format", "json")
    assert (run.code, len(run.json["tilings"])) == (2, 1)
    assert "error: a.png: cannot be decoded: does not start with a header chunk" in run.err
    assert imgbudget("tiles", "a.png").code == 2
