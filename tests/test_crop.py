"""Parts that are cut out of an image by the coordinates in which a model saw it."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import imgbudget as package
from imgbudget.fixing.encode import turned
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.clients import CLIENTS
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ProbeField
from imgbudget.model.views import SeenBox, box_as_displayed, box_as_stored, view_of
from tests.builders import image_bytes
from tests.conftest import Command
from tests.rule_runner import limits_of

ORIENTATIONS = range(1, 9)


def drawing(size: tuple[int, int], mode: str = "RGB") -> Image.Image:
    """A picture in which the colour of a pixel shows where it is: columns in red, rows in green."""
    across = Image.linear_gradient("L").rotate(90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    return Image.merge("RGB", (across, down, Image.new("L", size, 90))).convert(mode)


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    """The picture as a file, in the format of the extension."""
    image.save(path, **options)
    return path


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_boxes_turn_as_pictures_do(orientation: int) -> None:
    """The part of the stored pixels, turned, is the part of the turned picture, and back."""
    stored = drawing((40, 30))
    shown = turned(stored, orientation)
    box = (3, 5, 14, 12)
    there = box_as_displayed(box, Size(40, 30), orientation)
    assert turned(stored.crop(box), orientation).tobytes() == shown.crop(there).tobytes()
    assert box_as_stored(there, Size(*shown.size), orientation) == box


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_the_part_is_cut_from_the_upright_original(
    imgbudget: Command, tmp_path: Path, orientation: int
) -> None:
    """The box is in px of what the model saw, and the part has the full resolution of the original."""
    stored = drawing((2400, 300))
    exif = Image.Exif()
    exif[0x0112] = orientation
    saved(tmp_path / "a.png", stored, exif=exif, compress_level=1)
    document = imgbudget("crop", "a.png", "20,30,160.5,190", "--format", "json").json
    left, top, right, bottom = document["area"]
    across, down = (new / old for new, old in zip(document["original"], document["seen"], strict=True))
    assert (left, top) == (int(20 * across), int(30 * down))
    assert 0 <= right - 160.5 * across < 1
    assert 0 <= bottom - 190 * down < 1
    with Image.open(tmp_path / document["written"]) as part:
        assert part.size == (right - left, bottom - top) == tuple(document["size"])
        assert (
            part.convert("RGB").tobytes()
            == turned(stored, orientation).crop((left, top, right, bottom)).tobytes()
        )
        assert part.getexif().get(0x0112, 1) == 1
    assert (document["scale"], document["offset"]) == ([1, 1], [left, top])


def test_a_part_that_is_too_large_is_scaled_to_what_the_model_keeps(
    imgbudget: Command, tmp_path: Path
) -> None:
    """Its map is that of the part; the model sees the part in this size, and a warning names the loss."""
    saved(tmp_path / "a.png", drawing((2000, 600)), compress_level=1)
    run = imgbudget("crop", "a.png", "10,10,1560,460", "--format", "json")
    size = Size(*run.json["size"])
    assert limits_of().native_size(size) == size
    assert run.json["tokens"] == limits_of().tokens(size)
    assert [round(edge * scale) for edge, scale in zip(size, run.json["scale"], strict=True)] == [
        run.json["area"][2] - run.json["area"][0],
        run.json["area"][3] - run.json["area"][1],
    ]
    assert "more than claude-sonnet-4-6 uses; scaled to" in run.err


def test_points_of_a_part_lead_back_to_the_original(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that an answer about the part can be used for the whole, or for the next part."""
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "a.png", drawing((2000, 600)), compress_level=1)
    made = package.crop("a.png", (10, 10, 1560, 460))
    assert made.to_original(0, 0) == made.area[:2]
    assert made.to_original(*made.size) == pytest.approx(made.area[2:])
    assert made.written is None
    assert probe_bytes(made.data, ProbeField.NONE).size == made.size


def test_the_function_takes_what_the_command_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model with other limits, the size that was sent, and a name for the result."""
    monkeypatch.chdir(tmp_path)
    saved(tmp_path / "a.png", drawing((2000, 500)))
    made = package.crop(tmp_path / "a.png", (10, 10, 20, 20), sent=(200, 50), output="b.webp")
    assert (made.area, made.format, made.written) == ((100, 100, 200, 200), "webp", "b.webp")
    assert (tmp_path / "b.webp").read_bytes() == made.data
    assert package.crop("a.png", (10, 10, 20, 20), model="claude-opus-4-8").area == (10, 10, 20, 20)
    with pytest.raises(ValueError, match="at least 1 px"):
        package.crop("a.png", (1, 1, 2, 2), sent=(0, 5))


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ("9,9,3,3", "corners in the wrong order"),
        ("9,9,9,30", "is empty"),
        ("5000,1,5001,2", "is outside the image"),
        ("-9,-9,0,0", "is outside the image"),
        ("1,2,3", "is no box"),
        ("nan,1,2,3", "is no box"),
        ("1e3,1,2,3", "is no box"),
    ],
)
def test_boxes_that_hold_nothing_are_refused(
    imgbudget: Command, tmp_path: Path, box: str, message: str
) -> None:
    """With the reason, and without a file."""
    (tmp_path / "a.png").write_bytes(image_bytes((40, 30)))
    run = imgbudget("crop", "a.png", box)
    assert run.code == 2
    assert message in run.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


@pytest.mark.parametrize("name", ["part.png", "none/../part.png", "none/../a.png"])
def test_the_report_replaces_neither_the_part_nor_the_image(
    imgbudget: Command, tmp_path: Path, name: str
) -> None:
    """Whatever way its name is written."""
    (tmp_path / "a.png").write_bytes(image_bytes((400, 300)))
    run = imgbudget("crop", "a.png", "0,0,300,300", "-o", "part.png", "--format", f"json:{name}")
    assert run.code == 2
    assert "would replace" in run.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == image_bytes((400, 300))


def test_corners_that_are_no_numbers_are_refused() -> None:
    """In the function, where no pattern reads them."""
    with pytest.raises(package.ImgbudgetError, match="no number of at most nine digits"):
        package.crop("a.png", (0, 0, float("nan"), float("inf")))


def test_a_box_beyond_the_border_is_cut_off_there(imgbudget: Command, tmp_path: Path) -> None:
    """And the warning names the size that the model saw."""
    (tmp_path / "a.png").write_bytes(image_bytes((400, 300)))
    run = imgbudget("crop", "a.png", "-5,100,500,250", "--format", "json")
    assert (run.json["area"], run.json["clamped"]) == ([0, 100, 400, 250], True)
    assert "was cut off at the border of the 400x300 px that the model saw" in run.err


def test_nothing_that_exists_is_replaced(imgbudget: Command, tmp_path: Path) -> None:
    """Neither the image nor an earlier part, nor what a link names."""
    before = image_bytes((400, 300))
    (tmp_path / "a.png").write_bytes(before)
    (tmp_path / "link.png").symlink_to("nothing.png")
    assert imgbudget("crop", "a.png", "1,1,250,250").code == 0
    again = imgbudget("crop", "a.png", "1,1,250,250", "--format", "json")
    assert again.json["written"] == "a.1-1-249x249.png"
    (tmp_path / "other.png").write_bytes(before)
    for options in (("-o", "other.png"), ("-o", "a.png"), ("-o", "link.png")):
        run = imgbudget("crop", "a.png", "1,1,250,250", *options)
        assert run.code == 2
        assert "exists already and was not replaced" in run.err
    assert (tmp_path / "a.png").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "a.1-1-249x249.png",
        "a.png",
        "link.png",
        "other.png",
    ]


@pytest.mark.parametrize("name", ["b.tiff", "b", "b.jpg.bak"])
def test_only_formats_that_are_written_can_be_asked_for(
    imgbudget: Command, tmp_path: Path, name: str
) -> None:
    """By the extension of the output."""
    (tmp_path / "a.png").write_bytes(image_bytes((40, 30)))
    run = imgbudget("crop", "a.png", "1,1,20,20", "-o", name)
    assert run.code == 2
    assert "has no extension of a format that is written: jpeg, png, gif, webp" in run.err


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.png", b"<html><body>no</body></html>", "is not an image"),
        ("b.png", b"", "is empty"),
        ("c.png", image_bytes((40, 30))[:60], "c.png"),
        ("d.json", b"{}", "is not an image"),
    ],
)
def test_what_is_no_image_is_refused(
    imgbudget: Command, tmp_path: Path, name: str, data: bytes, message: str
) -> None:
    """With its name, and without a file."""
    (tmp_path / name).write_bytes(data)
    run = imgbudget("crop", name, "1,1,20,20")
    assert run.code == 2
    assert message in run.err
    assert len(list(tmp_path.iterdir())) == 1
    assert imgbudget("crop", ".", "1,1,2,2").code == imgbudget("crop", "none.png", "1,1,2,2").code == 2


def _gif() -> bytes:
    out = BytesIO()
    frames = [drawing((300, 260)).quantize(9), Image.new("P", (300, 260))]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


def _as(form: str, image: Image.Image, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


KINDS: dict[str, tuple[Callable[[], bytes], str, str, str]] = {
    "animated": (_gif, "png", "P RGB", "first of 2 frames"),
    "pages": (
        lambda: _as("TIFF", drawing((300, 260)), save_all=True, append_images=[drawing((300, 260))]),
        "png",
        "RGB",
        "first of 2 pages",
    ),
    "16 bits": (lambda: _as("PNG", Image.new("I;16", (300, 260), 999)), "png", "I;16 I", ""),
    "CMYK": (lambda: _as("JPEG", drawing((300, 260), "CMYK")), "jpeg", "RGB", "from CMYK to sRGB"),
    "alpha": (lambda: _as("PNG", drawing((300, 260), "RGBA").rotate(20)), "png", "RGBA", ""),
    "palette": (lambda: _as("PNG", drawing((300, 260)).quantize(9)), "png", "P", ""),
    "grey": (lambda: _as("PNG", drawing((300, 260), "L")), "png", "L", ""),
    "bits": (lambda: _as("PNG", drawing((300, 260), "1")), "png", "1", ""),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_part_loses_is_named(imgbudget: Command, tmp_path: Path, kind: str) -> None:
    """Its mode is that of the picture where a format that is written can hold it."""
    make, form, modes, lost = KINDS[kind]
    (tmp_path / "a").write_bytes(make())
    run = imgbudget("crop", "a", "10,20,230,250", "--format", "json")
    assert run.json["format"] == form
    with Image.open(tmp_path / run.json["written"]) as part:
        assert part.mode in modes.split()
        assert part.size == (220, 230)
    assert lost in run.err
    assert bool(run.json["degraded"]) == bool(lost)


def test_transparency_is_lost_only_where_the_output_asks_for_it(imgbudget: Command, tmp_path: Path) -> None:
    """And then the warning names it."""
    (tmp_path / "a.png").write_bytes(_as("PNG", drawing((300, 260)).convert("RGBA").rotate(20)))
    assert "transparency laid on white" in imgbudget("crop", "a.png", "0,0,220,230", "-o", "b.jpg").err


def test_a_budget_of_the_configuration_bounds_a_part(imgbudget: Command, tmp_path: Path) -> None:
    """As it bounds the plan of an image."""
    (tmp_path / "imgbudget.yaml").write_text("budgets:\n  image:\n    tokens: 100\n    bytes: 4KB\n")
    saved(tmp_path / "a.png", drawing((800, 400)))
    document = imgbudget("crop", "a.png", "0,0,700,350", "--format", "json").json
    assert document["tokens"] <= 100
    assert document["bytes"] <= 4096


def test_a_client_is_asked_for_what_it_sent() -> None:
    """Turned or not, in any size: the same place of the original for each."""
    facts = probe_bytes(image_bytes((3000, 2000), "JPEG", orientation=6), ProbeField.ALL)
    shown = Size(2000, 3000)
    for client in CLIENTS:
        view = view_of(facts, limits_of(), client=client)
        assert view.size == shown
        size = view.seen.resized
        corner = view.original_box(SeenBox(0, 0, size.width / 10, size.height / 10))
        if view.orientation == 1:
            assert corner == (0, 0, 200, 300)
        else:  # what was stored in the upper left corner is displayed in the upper right one
            assert (client.name, corner) == ("opencode", (1800, 0, 2000, 300))


def test_a_part_for_a_client_is_one_that_it_sends_as_it_is(imgbudget: Command, tmp_path: Path) -> None:
    """The model takes more px than Claude Code sends, so the client bounds the part."""
    (tmp_path / "a.png").write_bytes(image_bytes((2800, 700)))
    options = ("--client", "claude-code", "--model", "claude-opus-4-8", "--format", "json")
    document = imgbudget("crop", "a.png", "0,0,1900,450", *options).json
    assert document["seen"] == [2000, 500]
    assert document["size"][0] == 2000
    assert "unknown client" in imgbudget("crop", "a.png", "0,0,9,9", "--client", "nobody").err


@given(
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    st.tuples(*[st.floats(-0.2, 1.2)] * 4),
    st.sampled_from(ORIENTATIONS),
)
def test_every_box_covers_what_it_shows(
    size: tuple[int, int], shares: tuple[float, float, float, float], orientation: int
) -> None:
    """In whole px of the original, at least one, and at most one more than the box at each side."""
    facts = probe_bytes(image_bytes((4, 3)), ProbeField.ALL)._replace(
        size=Size(*size), orientation=orientation
    )
    view = view_of(facts, limits_of())
    width, height = view.seen.resized
    left, right = sorted(shares[:2])
    top, bottom = sorted(shares[2:])
    if right <= 0 or bottom <= 0 or left >= 1 or top >= 1 or left == right or top == bottom:
        return
    box = SeenBox(left * width, top * height, right * width, bottom * height)
    area = view.original_box(box)
    assert 0 <= area[0] < area[2] <= view.size.width
    assert 0 <= area[1] < area[3] <= view.size.height
    for number, share, edge in ((area[0], left, 0), (area[1], top, 1)):
        assert number <= max(share, 0) * view.size[edge] + 1e-3
    for number, share, edge in ((area[2], right, 0), (area[3], bottom, 1)):
        assert number >= min(share, 1) * view.size[edge] - 1e-3
