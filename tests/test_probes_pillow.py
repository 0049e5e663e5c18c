"""Differential test: facts of images that Pillow writes are those that Pillow reads, whatever the options."""

import io
import struct
import warnings
from typing import Any, NamedTuple

import pytest
from hypothesis import assume, given, reject, settings
from hypothesis import strategies as st
from PIL import Image

from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ProbeField

MODES = {
    "JPEG": ["L", "RGB", "CMYK", "1"],
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"],
    "GIF": ["1", "L", "P", "RGB", "RGBA"],
    "WEBP": ["L", "RGB", "RGBA", "P"],
    "MPO": ["L", "RGB"],
    "TIFF": ["1", "L", "P", "RGB", "RGBA", "CMYK", "I;16"],
    "BMP": ["1", "L", "P", "RGB", "RGBA"],
    "ICO": ["RGB", "RGBA", "P"],
    "PPM": ["1", "L", "RGB"],
    "TGA": ["L", "P", "RGB", "RGBA"],
    "JPEG2000": ["L", "LA", "RGB", "RGBA"],
}
NAMES = {"mpo": "jpeg", "jpeg2000": "jp2"}
ANIMATED = {"PNG", "GIF", "WEBP", "MPO", "TIFF"}
WITH_EXIF = {"JPEG", "PNG", "WEBP", "MPO"}
OPTIONS: dict[str, dict[str, list[Any]]] = {
    "JPEG": {
        "quality": [1, 50, 95],
        "progressive": [False, True],
        "optimize": [False, True],
        "comment": [b"", b"a" * 5000],
        "icc_profile": [None, bytes(600), bytes(200_000)],
        "restart_marker_rows": [0, 1],
        "subsampling": [0, 2],
    },
    "PNG": {"optimize": [False, True], "icc_profile": [None, bytes(5000)], "default_image": [False, True]},
    "GIF": {"interlace": [0, 1], "comment": [b"", b"a" * 5000], "loop": [0, 3], "disposal": [0, 2]},
    "WEBP": {"lossless": [False, True], "method": [0], "icc_profile": [None, bytes(5001)]},
    "MPO": {"quality": [10, 90]},
    "TIFF": {"compression": ["raw", "tiff_adobe_deflate"], "big_tiff": [False, True]},
    "TGA": {"rle": [False, True]},
    "JPEG2000": {"no_jp2": [False, True]},
}


class Written(NamedTuple):
    """A file, and the options it was written with."""

    data: bytes
    form: str
    frames: int
    options: dict[str, Any]


@st.composite
def files(draw: st.DrawFn, formats: tuple[str, ...] = tuple(MODES)) -> Written:
    """A file of Pillow's in any format, mode and size, with EXIF and frames where the format has them."""
    form = draw(st.sampled_from(formats))
    size = draw(st.tuples(st.integers(1, 70), st.integers(1, 70)))
    shades = draw(
        st.lists(st.integers(0, 255), min_size=1, max_size=4 if form in ANIMATED else 1, unique=True)
    )
    mode = draw(st.sampled_from(MODES[form]))
    if len(shades) > 1 and mode == "I;16":
        mode = "L"
    images = [Image.new("L", size, shade).convert(mode) for shade in shades]
    options = {
        name: value
        for name, values in OPTIONS.get(form, {}).items()
        if (value := draw(st.sampled_from(values))) is not None
    }
    if len(images) > 1:
        options |= {"save_all": True, "append_images": images[1:]}
        options |= {"duration": 50} if form in {"GIF", "PNG", "WEBP"} else {}
    if form in WITH_EXIF and draw(st.booleans()):
        exif = Image.Exif()
        exif[0x0110] = "x" * draw(st.sampled_from([1, 30, 5000]))
        exif[0x0112] = draw(st.integers(1, 8))
        options["exif"] = exif
    out = io.BytesIO()
    try:
        images[0].save(out, form, **options)
    except OSError:  # Pillow 11.3 lacks the room for long profiles beside some options
        reject()
    assume(form != "ICO" or len(out.getvalue()) > 6)  # Pillow 11.3 writes no picture under 16 px
    return Written(out.getvalue(), form, len(images), options)


def read_by_pillow(data: bytes) -> dict[str, Any]:
    """Pillow's facts of a file that it loads."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Image.open(io.BytesIO(data)) as image:
            name = (image.format or "").lower()
            orientation = image.getexif().get(0x0112, 1)
            image.load()
            return {
                "format": NAMES.get(name, name),
                "size": Size(*image.size),
                "frames": getattr(image, "n_frames", 1),
                "orientation": orientation,
            }


def loaded_by_pillow(data: bytes) -> bool:
    """Whether Pillow decodes the first frame."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data)) as image:
                image.load()
        except (OSError, ValueError, SyntaxError, IndexError, EOFError, struct.error):
            return False
    return True


@settings(max_examples=600)
@given(written=files())
def test_facts_are_those_that_pillow_reads(written: Written) -> None:
    """Format, size, frames, orientation; nothing is called damaged."""
    facts, told = probe_bytes(written.data, ProbeField.ALL), read_by_pillow(written.data)
    if told["format"] == "ppm":
        told["format"] = {b"P4": "pbm", b"P5": "pgm", b"P6": "ppm"}[written.data[:2]]
    assert {name: getattr(facts, name) for name in told} == told
    assert (facts.damage, facts.content) == (None, None)
    quick = probe_bytes(written.data, ProbeField.ORIENTATION)
    assert (quick.size, quick.orientation, quick.animated) == (facts.size, facts.orientation, facts.animated)


@settings(max_examples=200)
@given(written=files(("JPEG", "PNG", "GIF", "WEBP")), cut=st.floats(0, 1))
def test_cut_files_are_damaged(written: Written, cut: float) -> None:
    """What Pillow no longer loads is damaged; what it loads still is cut, when it is anything."""
    data = written.data[: int(cut * len(written.data))]
    facts = probe_bytes(data, ProbeField.ALL)
    if loaded_by_pillow(data):
        # the last bytes of the picture may be more than a decoder needs
        assert facts.damage is None or "is cut off" in facts.damage
    elif written.frames == 1:
        assert facts.damage is not None or facts.content is not None


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_location_of_pillows_exif(form: str, turn: int) -> None:
    """A GPS position written by Pillow is found, with any orientation."""
    exif = Image.Exif()
    exif[0x0112] = turn
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 5.0, 1.0)})
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, form, exif=exif)
    facts = probe_bytes(out.getvalue(), ProbeField.LOCATION | ProbeField.ORIENTATION)
    assert (facts.has_location, facts.orientation) == (True, turn)
