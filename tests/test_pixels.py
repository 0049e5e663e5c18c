"""Pixels when asked: the option, what is decoded, what is measured, and what is named as not measured."""

import io
import json
import os
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from imgbudget.auditing.partition import DECODED_SHARE, SHARE, Naming
from imgbudget.auditing.rows import pixel_column
from imgbudget.errors import UsageError
from imgbudget.imageinfo import cache
from imgbudget.imageinfo.cache import FactsCache
from imgbudget.imageinfo.dispatch import probe_bytes, probe_file
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.pixels import PIXEL_TYPES, PixelFacts, pixels_from
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.pixels import decode, measure
from imgbudget.pixels.decode import decoded_pixels
from imgbudget.pixels.samples import as_bytes
from imgbudget_rules.ib908_flattened_mode import CONVERTED
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.imagebytes import chunk


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    """The bytes of a file."""
    out = io.BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


SHADES = Image.linear_gradient("L").resize((400, 300))
DARK = encoded(SHADES.point([level // 5 for level in range(256)]), "JPEG")


@pytest.fixture
def dark(tmp_path: Path) -> Path:
    """A dark photo in a folder."""
    path = tmp_path / "dark.jpg"
    path.write_bytes(DARK)
    return path


def codes(imgbudget: Command, *arguments: str) -> set[str]:
    """The codes that a check reports."""
    done = imgbudget("check", *arguments, "--format", "json", "--exit-zero")
    return {finding["code"] for finding in json.loads(done.out)["findings"]}


@pytest.mark.parametrize(
    "chosen", [(), ("--select", "ALL"), ("--select", "IB9"), ("--extend-select", "IB90")]
)
def test_rules_on_pixels_are_off_without_the_option(
    imgbudget: Command, dark: Path, chosen: tuple[str, ...]
) -> None:
    """Also where ALL or a prefix selects them."""
    assert codes(imgbudget, dark.name, *chosen) == set()


@pytest.mark.parametrize(
    "chosen",
    [("--pixels",), ("--select", "IB902"), ("--extend-select", "dark"), ("--pixels", "--select", "IB9")],
)
def test_the_option_or_a_whole_name_runs_them(
    imgbudget: Command, dark: Path, chosen: tuple[str, ...]
) -> None:
    """The option runs all that are selected, a code or name that rule."""
    assert "IB902" in codes(imgbudget, dark.name, *chosen)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pixels: true\n", {"IB902"}),
        ("select: [IB902]\n", {"IB902"}),
        ("pixels: true\nignore: [dark]\n", set()),
        ("overrides: [{files: ['*.jpg'], extend-select: [IB902]}]\n", {"IB902"}),
        ("pixels: true\nthresholds: {dark: 0.01}\n", set()),
        ("thresholds: {dark: 0.01}\n", set()),
    ],
)
def test_the_configuration_decides_too(imgbudget: Command, dark: Path, text: str, found: set[str]) -> None:
    """`pixels`, a rule named in `select` or an override, and `thresholds`."""
    dark.with_name("imgbudget.yaml").write_text(text)
    assert codes(imgbudget, dark.name) & {"IB902"} == found


def test_a_prefix_that_selects_only_rules_on_pixels_is_named(imgbudget: Command, dark: Path) -> None:
    """Nothing runs by it, which a note says."""
    assert (
        "IB9: rules on pixels do not run; enable them with --pixels"
        in imgbudget("check", dark.name, "--select", "IB9").err
    )
    assert "do not run" not in imgbudget("check", dark.name, "--select", "IB9", "--pixels").err


def test_without_numpy_the_extra_is_named(
    imgbudget: Command, dark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 with the line that installs it; a run without pixels does not need it."""
    monkeypatch.setitem(sys.modules, "numpy", None)
    done = imgbudget("check", "--pixels", dark.name)
    assert (done.code, "pip install 'imgbudget[pixels]'" in done.err) == (2, True)
    assert imgbudget("audit", "--select", "IB902", dark.name).code == 2
    assert imgbudget("check", dark.name).code == 0
    with pytest.raises(UsageError, match=r"imgbudget\[pixels\]"):
        Session(RunOptions(pixels=True))


def test_commands_that_check_no_pixels_decode_none(
    imgbudget: Command, dark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although the configuration asks for them."""
    dark.with_name("imgbudget.yaml").write_text("pixels: true\n")
    monkeypatch.setattr(measure, "with_pixels", lambda *_: pytest.fail("decoded"))
    assert imgbudget("plan", dark.name).code == 0
    assert imgbudget("size", dark.name).code == 0


def test_an_unknown_threshold_is_refused(imgbudget: Command, dark: Path) -> None:
    """With the nearest good one, and a value that is no number."""
    dark.with_name("imgbudget.yaml").write_text("thresholds: {darkness: 1, dark: -1}\n")
    done = imgbudget("check", dark.name)
    assert done.code == 2
    assert 'unknown key "thresholds.darkness"; did you mean "dark"?' in done.err
    assert "thresholds.dark: expected a number from 0 to 1, such as 0.4 for 40 %, found '-1'" in done.err


def test_images_in_requests_and_archives_are_measured(imgbudget: Command, tmp_path: Path) -> None:
    """Wherever the bytes of an image are at hand."""
    write_json(tmp_path / "r.json", body(image_block(DARK, "image/jpeg")))
    assert codes(imgbudget, "r.json", "--pixels", "--ignore", "IB5") == {"IB902"}


def test_an_audit_has_the_measurements_in_its_rows(imgbudget: Command, dark: Path) -> None:
    """And counts the findings; without the option the columns are null."""
    pq = pytest.importorskip("pyarrow.parquet")
    assert imgbudget("audit", "--pixels", "--rows", "with", dark.name).code == 0
    assert imgbudget("audit", "--rows", "without", dark.name).code == 0
    ((with_pixels,), (without,)) = (
        pq.read_table(next(Path(name).glob("*.parquet"))).to_pylist() for name in ("with", "without")
    )
    assert [found["code"] for found in with_pixels["findings"]] == ["IB902"]
    assert with_pixels["pixels_mode"] == "L"
    assert with_pixels["pixels_bright"] == pytest.approx(50 / 255, abs=0.01)
    assert {without[pixel_column(name)] for name in PIXEL_TYPES} == {None}


def test_a_cache_keeps_them(dark: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For runs that ask for them; facts without them are read again."""
    folder = str(tmp_path / "cache")
    found: list[ImageFacts] = []
    probed: list[int] = []
    os.utime(dark, (1_700_000_000, 1_700_000_000))

    def spy(path: str, fields: int) -> ImageFacts:
        probed.append(fields)
        return probe_file(path, fields)

    monkeypatch.setattr(cache, "probe_file", spy)
    for fields in (ProbeField.NONE, ProbeField.PIXELS, ProbeField.PIXELS, ProbeField.NONE):
        kept = FactsCache(folder)
        facts = kept.probe(str(dark), fields)
        kept.flush()
        found.append(facts)
    assert found[1:] == [probe_file(str(dark), ProbeField.PIXELS)] * 3
    assert found[1].pixels is not None
    assert probed == [ProbeField.NONE, ProbeField.PIXELS]


def test_values_of_a_cache_have_the_right_types() -> None:
    """Or they are not taken."""
    good = list(PixelFacts(flaw=None))
    assert pixels_from(good) == PixelFacts()
    assert pixels_from(good[:-1]) is None
    assert pixels_from([1, *good[1:]]) is None
    assert pixels_from([None, None, *good[2:]]) is None
    assert pixels_from([*good[:2], "1", *good[3:]]) is None
    assert pixels_from([*good[:2], float("nan"), *good[3:]]) is None
    assert tuple(PIXEL_TYPES) == PixelFacts._fields


def test_broken_pixels_behind_a_good_header_are_damage(imgbudget: Command, tmp_path: Path) -> None:
    """A file that only decoding shows to be broken is reported as unreadable."""
    whole = io.BytesIO()
    Image.effect_noise((300, 200), 80).save(whole, "PNG")
    data = bytearray(whole.getvalue())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "a.png").write_bytes(data)
    assert codes(imgbudget, "a.png", "--ignore", "IB001") == set()
    assert "IB001" in codes(imgbudget, "a.png", "--pixels")


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_all_common_formats_are_measured(form: str) -> None:
    """In the mode that Pillow names, and the same brightness in each."""
    data = image_bytes((330, 210), form, colour=0x999999)
    facts = probe_bytes(data, ProbeField.PIXELS).pixels
    assert facts is not None
    assert facts.flaw is None
    assert facts.bright == pytest.approx(0.6, abs=0.02)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "F", "I"])
def test_each_mode_is_measured(mode: str) -> None:
    """Black is dark in each of them, and white is not."""
    form = {"CMYK": "JPEG", "F": "TIFF", "I": "TIFF"}.get(mode, "PNG")
    picture = Image.linear_gradient("L").resize((300, 200)).convert("I" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype("uint16") * 257)
    found = decoded_pixels(encoded(picture, form), form.lower())
    assert found.mode == mode
    assert found.grey.shape == (200, 300)
    assert found.grey[0].mean() < 20
    assert found.grey[-1].mean() > 235
    assert found.rgb.shape[2] == 3


@pytest.mark.parametrize(
    ("colours", "mode"), [((0, 1), "I;16"), ((2, 3), "RGB;16"), ((4, 2), "LA;16"), ((6, 4), "RGBA;16")]
)
def test_samples_of_16_bits_are_named_though_they_are_read_as_8(colours: tuple[int, int], mode: str) -> None:
    """By the type of colours of a PNG file and their channels; none of them is sent as it is."""
    header = struct.pack(">IIBBBBB", 60, 50, 16, colours[0], 0, 0, 0)
    rows = (b"\0" + b"\xff" * 120 * colours[1]) * 50
    chunks = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND")
    facts = measure.measured(b"\x89PNG\r\n\x1a\n" + b"".join(chunks), "png")
    assert (facts.flaw, facts.mode, facts.bright) == (None, mode, 1.0)
    assert mode in CONVERTED


def test_transparent_pixels_are_white_and_counted() -> None:
    """What a model is given of them is not known; most viewers show white."""
    picture = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
    picture.paste((255, 0, 0, 255), (0, 0, 100, 25))
    found = decoded_pixels(encoded(picture, "PNG"), "png")
    assert found.transparent == 0.75
    assert found.grey[-1, -1] == 255


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_large_images_are_reduced(form: str) -> None:
    """To what a model uses in detail, and to a tenth of that in colour; by the decoder where it can."""
    data = image_bytes((6500, 1300), form)
    found = decoded_pixels(data, form.lower())
    assert (found.shrink, found.grey.shape) == (4, (325, 1625))
    assert max(found.rgb.shape) < 500
    assert found.small.shape == found.rgb.shape[:2]


def test_a_jpeg_file_without_a_scan_shows_nothing() -> None:
    """What the memory held before is not taken for its pixels."""
    grey = encoded(SHADES.convert("L"), "JPEG")
    frame = grey.index(b"\xff\xc0")
    facts = measure.measured(grey[: frame + 13], "jpeg")
    assert facts.flaw is not None
    assert facts.pixel_hash == ""


def test_the_brightness_of_a_jpeg_file_is_decoded_into_the_array(monkeypatch: pytest.MonkeyPatch) -> None:
    """Copies of large pictures take longer than decoding them: only the reduced colours are copied."""
    data = image_bytes((1200, 900), "JPEG")
    copied: list[int] = []
    copy = Image.Image.tobytes

    def spy(image: Image.Image, *arguments: str) -> bytes:
        copied.append(image.width * image.height)
        return copy(image, *arguments)

    monkeypatch.setattr(Image.Image, "tobytes", spy)
    facts = measure.measured(data, "jpeg")
    assert facts.flaw is None
    assert 0 < sum(copied) < 1200 * 900 / 4


def test_a_decoder_that_takes_memory_by_itself_is_measured_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """The array that it was given is not read then."""
    data = encoded(Image.effect_noise((700, 500), 60), "JPEG")
    expected = measure.measured(data, "jpeg")

    def own_memory(image: JpegImageFile) -> None:
        image.im = Image.new(image.mode, image.size).im

    monkeypatch.setattr(JpegImageFile, "load_prepare", own_memory)
    assert measure.measured(data, "jpeg") == expected


def test_what_takes_too_much_is_not_decoded(
    imgbudget: Command, dark: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither too many pixels nor too many bytes; the run names the file, and the rest of the rules run."""
    monkeypatch.setattr(decode, "MOST_PIXELS", 1000)
    assert (
        "dark.jpg: pixels not checked: has 120,000 pixels; at most 1000 are measured"
        in imgbudget("check", "--pixels", dark.name).err
    )
    monkeypatch.setattr(measure, "MOST_DECODED", 1000)
    assert "at most 1000 are decoded" in imgbudget("check", "--pixels", dark.name).err


def test_partitions_of_decoded_images_are_small_and_grow() -> None:
    """All processes decode the first thousand; a million images do not become 25,000 row files."""
    naming = Naming("", share=DECODED_SHARE, most=SHARE)
    parts = list(naming.ranges(1000))
    assert {stop - start for start, stop in parts} == {DECODED_SHARE}
    assert (parts[0][0], parts[-1][1], len(parts)) == (0, 1000, 25)
    many = list(naming.ranges(1_000_000))
    assert len(many) < 1300
    assert max(stop - start for start, stop in many) == SHARE
    assert [start for start, _ in many[1:]] == [stop for _, stop in many[:-1]]
    assert list(Naming("").ranges(2500)) == [(0, 1000), (1000, 2000), (2000, 2500)]
    assert list(Naming("").ranges(0)) == [(0, 1)]


@pytest.mark.parametrize(
    ("mode", "numbers", "expected"),
    [
        ("I;16", [0, 256, 257, 65535], [0, 0, 1, 255]),
        ("I;16B", [0, 256, 257, 65535], [0, 0, 1, 255]),
        ("I", [-100, 0, 50, 155], [0, 100, 150, 255]),
        ("F", [0.0, 0.5, 0.25, 1.0], [0, 127, 63, 255]),
        ("F", [3.5] * 4, [0] * 4),
        ("F", [float("nan"), 2.0, 4.0, 3.0], [0, 0, 255, 127]),
        ("F", [2.0, float("inf"), 4.0, 3.0], [0, 0, 255, 127]),
    ],
)
def test_deep_samples_become_bytes(mode: str, numbers: list[float], expected: list[int]) -> None:
    """Of 16 bits the upper eight, in steps of 257; numbers between the least and the greatest finite one."""
    code = {"I;16": "<4H", "I;16B": ">4H", "I": "=4i", "F": "=4f"}[mode]
    values = numbers if mode == "F" else map(int, numbers)
    picture = as_bytes(Image.frombytes(mode, (2, 2), struct.pack(code, *values)))
    assert (picture.mode, [*picture.tobytes()]) == ("L", expected)
