"""Which size and orientation an image has: XMP without EXIF, TIFF of several directories, clean apertures."""

import io
import struct
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from imgbudget.errors import FixError
from imgbudget.fixing.image import edit_image
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import Size
from imgbudget.model.edits import ImageEdit
from imgbudget.model.safety import PLAN_LOSS, Loss
from imgbudget.model.subjects import FixSafety, ProbeField
from imgbudget.testing import image, run_rule
from imgbudget_rules.ib303_exif_rotation import exif_rotation
from tests.builders import image_bytes
from tests.conftest import Command
from tests.imagebytes import bmff, chunk, exif_segment, png, riff, segment, tiff, vp8, vp8x, webp_chunk

PACKET = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
APP1 = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + PACKET)
FIELDS = [ProbeField.ORIENTATION, ProbeField.ALL]


def tiff_file(size: tuple[int, int], tags: dict[int, bytes | int]) -> bytes:
    """A TIFF file with further tags."""
    out = io.BytesIO()
    Image.new("RGB", size).save(out, "TIFF", tiffinfo=tags)
    return out.getvalue()


def turned_by_xmp(form: str, size: tuple[int, int] = (400, 300)) -> bytes:
    """An image file whose only orientation is in XMP."""
    data = image_bytes(size, form.upper())
    if form == "jpeg":
        return data[:2] + APP1 + data[2:]
    if form == "png":
        return data[:33] + chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + PACKET) + data[33:]
    if form == "tiff":
        return tiff_file(size, {700: PACKET})
    return image_bytes(size, form.upper(), xmp=PACKET)


FORMS = ["jpeg", "png", "webp"]


@pytest.mark.parametrize("form", [*FORMS, "tiff", "avif"])
@pytest.mark.parametrize("fields", FIELDS)
def test_orientation_in_xmp_alone_is_known_as_such(form: str, fields: ProbeField) -> None:
    """All formats alike; a quick look and a thorough one say the same, and so does Pillow."""
    data = turned_by_xmp(form)
    facts = probe_bytes(data, fields)
    assert (facts.orientation, facts.in_xmp, facts.size) == (6, True, (400, 300))
    assert ImageOps.exif_transpose(Image.open(io.BytesIO(data))).size == (300, 400)


@pytest.mark.parametrize("fields", FIELDS)
@pytest.mark.parametrize("turn", [1, 3])
def test_orientation_in_exif_counts_before_that_in_xmp(fields: ProbeField, turn: int) -> None:
    """Also an upright one; the order of the segments does not matter."""
    exif, data = exif_segment(tiff(turn)), image_bytes((40, 30), "JPEG")
    for parts in (exif + APP1, APP1 + exif):
        facts = probe_bytes(data[:2] + parts + data[2:], fields)
        assert (facts.orientation, facts.in_xmp) == (turn, False)
    found = probe_bytes(
        png(chunk(b"eXIf", tiff(turn)), chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + PACKET)), 1
    )
    assert (found.orientation, found.in_xmp) == (turn, False)
    webp = riff(vp8x(flags=0x0C), vp8(), webp_chunk(b"EXIF", tiff(turn)), webp_chunk(b"XMP ", PACKET))
    assert probe_bytes(webp, fields).orientation == turn


@pytest.mark.parametrize(("turn", "expected"), [(None, 6), (1, 1), (3, 1)])
def test_orientation_in_avif_files_is_that_of_pillow(turn: int | None, expected: int) -> None:
    """EXIF with any orientation hides that in XMP, and does not turn the picture: its boxes do."""
    exif, other = Image.Exif(), struct.pack(">HHI", 0x0115, 3, 1)
    exif[0x0115] = turn or 1
    data = image_bytes((400, 300), "AVIF", xmp=PACKET, exif=exif.tobytes())
    assert data.count(other) == 1
    if turn is not None:  # Pillow itself never writes the orientation there
        data = data.replace(other, struct.pack(">HHI", 0x0112, 3, 1))
    facts = probe_bytes(data, ProbeField.ORIENTATION)
    assert (facts.orientation, facts.in_xmp) == (expected, expected > 1)
    assert Image.open(io.BytesIO(data)).getexif().get(0x0112, 1) == expected
    for at in range(0, len(data), 7):  # no bytes make it raise
        probe_bytes(data[:at] + b"\xff" + data[at + 1 :], ProbeField.ORIENTATION)


def test_orientation_in_the_tag_of_tiff_files_counts_before_that_in_xmp() -> None:
    """Also an upright one."""
    data = tiff_file((400, 300), {700: PACKET, 274: 1})
    facts = probe_bytes(data, ProbeField.ORIENTATION)
    assert (facts.orientation, facts.in_xmp) == (1, False)


@pytest.mark.parametrize("form", ["tiff", "avif"])
def test_conversions_turn_pixels_as_xmp_says(form: str) -> None:
    """Once, whether Pillow turns them while it decodes or not."""
    edit = ImageEdit(format="png", upright=True, permits=PLAN_LOSS | Loss.ORIENTATION)
    assert edit_image(turned_by_xmp(form), edit).size == Size(300, 400)


def test_exif_without_orientation_leaves_it_to_xmp() -> None:
    """As in Pillow."""
    data = image_bytes((40, 30), "JPEG")
    facts = probe_bytes(data[:2] + exif_segment(tiff(None)) + APP1 + data[2:], ProbeField.ALL)
    assert (facts.orientation, facts.in_xmp) == (6, True)


def test_finding_names_xmp_and_its_fix_is_unsafe() -> None:
    """Most programs show such an image as it is stored, so that turning it changes what they show."""
    use = image("<jpeg 400x300 orientation=6>")
    assert use.facts is not None
    [problem] = run_rule(exif_rotation, use._replace(facts=use.facts._replace(in_xmp=True)))
    assert problem.fix_safety is FixSafety.UNSAFE
    assert problem.message.startswith("XMP orientation is 6, and EXIF has none")


@pytest.mark.parametrize("form", FORMS)
def test_no_safe_fix_removes_the_orientation_in_xmp(tmp_path: Path, imgbudget: Command, form: str) -> None:
    """Neither a resize nor removed metadata; an unsafe fix turns the pixels as Pillow does."""
    path = tmp_path / f"a.{form}"
    path.write_bytes(data := turned_by_xmp(form, (2400, 300)))
    imgbudget("check", str(path), "--fix", "--isolated")
    assert path.read_bytes() == data
    imgbudget("check", str(path), "--fix", "--unsafe-fixes", "--isolated")
    facts = probe_bytes(path.read_bytes(), ProbeField.ALL)
    assert (facts.orientation, facts.size is not None and facts.size.height > facts.size.width) == (1, True)


@pytest.mark.parametrize(
    "edit", [ImageEdit(strip=True), ImageEdit(size=Size(40, 30)), ImageEdit(format="webp")]
)
def test_edits_that_would_lose_it_need_leave(edit: ImageEdit) -> None:
    """Also where no finding is behind the edit, as in a request that must shrink."""
    with pytest.raises(FixError, match="its orientation is in XMP only"):
        edit_image(turned_by_xmp("jpeg"), edit._replace(permits=PLAN_LOSS))
    edit_image(turned_by_xmp("jpeg"), edit._replace(permits=PLAN_LOSS | Loss.ORIENTATION))


def pages(*directories: tuple[int, int, int, int], order: str = "<") -> bytes:
    """A TIFF file whose directories have a width, a height, an orientation and a subfile type."""
    data = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    for number, (width, height, turn, kind) in enumerate(directories):
        entries = [(254, 4, kind), (256, 4, width), (257, 4, height), (274, 3, turn)]
        data += struct.pack(order + "H", len(entries))
        for tag, form, value in entries:
            data += struct.pack(order + "HHI", tag, form, 1)
            data += struct.pack(order + ("I" if form == 4 else "HH"), *([value] if form == 4 else [value, 0]))
        data += struct.pack(order + "I", len(data) + 4 if number + 1 < len(directories) else 0)
    return data


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_has_size_and_orientation_of_its_first_directory(order: str) -> None:
    """As stored, as in every other format, whatever size and turn smaller copies, masks and pages have."""
    facts = probe_bytes(
        pages((400, 300, 6, 0), (40, 30, 1, 1), (400, 300, 1, 4), (800, 600, 3, 2), order=order),
        ProbeField.ALL,
    )
    assert (facts.size, facts.orientation, facts.frames) == (Size(400, 300), 6, 4)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_tiff_is_converted_as_it_is_displayed(orientation: int) -> None:
    """The fix makes what Pillow shows, with the size that a plan gives in the stored orientation."""
    data = image_bytes((400, 300), "TIFF", orientation=orientation)
    facts = probe_bytes(data, ProbeField.ALL)
    assert (facts.size, facts.orientation) == (Size(400, 300), orientation)
    made = edit_image(data, ImageEdit(format="png", size=Size(200, 150), upright=True))
    assert made.size == (Size(150, 200) if orientation > 4 else Size(200, 150))


def fraction(number: int, of: int = 1) -> bytes:
    """A fraction of a clean aperture."""
    return struct.pack(">iI", number, of)


def clap(width: int, height: int, across: bytes = fraction(0), down: bytes = fraction(0)) -> bytes:
    """A clean aperture, its centre beside that of the picture."""
    return bmff(b"clap", fraction(width), fraction(height), across, down)


IROT, IMIR = bmff(b"irot", b"\1"), bmff(b"imir", b"\1")


def heif(*properties: bytes, size: tuple[int, int] = (400, 300)) -> bytes:
    """The boxes of an AVIF file with a picture that has these properties, in their order."""
    every = (bmff(b"ispe", bytes(4), struct.pack(">II", *size)), *properties)
    links = struct.pack(">IHB", 1, 1, len(every)) + bytes(range(1, len(every) + 1))
    inside = (
        bmff(b"pitm", bytes(4), b"\0\1"),
        bmff(b"iprp", bmff(b"ipco", *every), bmff(b"ipma", bytes(4), links)),
    )
    return bmff(b"ftyp", b"avif", bytes(4)) + bmff(b"meta", bytes(4), *inside)


@pytest.mark.parametrize(
    ("properties", "size", "orientation"),
    [
        ([clap(200, 300)], (200, 300), 1),
        ([clap(200, 100, fraction(-100), fraction(100))], (200, 100), 1),
        ([clap(201, 300, fraction(1, 2))], (201, 300), 1),
        ([clap(200, 300), IROT], (200, 300), 8),
        # after the rotation the picture has 300x400 px
        ([IROT, clap(300, 100)], (100, 300), 8),
        ([IROT, clap(200, 300), IMIR], (300, 200), 7),
        ([IMIR, IROT], (400, 300), 5),
        # not whole, or not inside: ignored
        ([clap(201, 300)], (400, 300), 1),
        ([clap(200, 300, fraction(101))], (400, 300), 1),
        ([clap(0, 300)], (400, 300), 1),
        ([clap(200, 300, fraction(0, 0))], (400, 300), 1),
        ([clap(401, 300)], (400, 300), 1),
        ([bmff(b"clap", bytes(8))], (400, 300), 1),
    ],
)
def test_clean_aperture_is_the_size(properties: list[bytes], size: tuple[int, int], orientation: int) -> None:
    """It applies in its place among rotation and mirror; the size is given before these."""
    facts = probe_bytes(heif(*properties), ProbeField.ALL)
    assert (facts.size, facts.orientation) == (Size(*size), orientation)


def test_fix_never_shows_what_lies_outside_a_clean_aperture() -> None:
    """Pillow decodes the whole picture; what the owner cut off stays out of the result."""
    picture = Image.new("RGB", (400, 300), "red")
    picture.paste("blue", (100, 0, 300, 300))
    out = io.BytesIO()
    picture.save(out, "AVIF", quality=95)
    data = with_property(out.getvalue(), clap(200, 300))
    assert probe_bytes(data, ProbeField.ALL).size == Size(200, 300)
    for edit in (ImageEdit(format="png"), ImageEdit(format="png", size=Size(100, 150))):
        made = Image.open(io.BytesIO(edit_image(data, edit._replace(permits=PLAN_LOSS)).data)).convert("RGB")
        assert made.width * 3 == made.height * 2
        assert not any(made.getchannel("R").histogram()[60:])


def with_property(data: bytes, added: bytes) -> bytes:
    """An AVIF file of one picture with one more property; the data it points to moves."""
    at = data.index(b"ipco") - 4
    length = int.from_bytes(data[at : at + 4])
    count = data[at + 8 : at + length].count(b"ispe")
    assert count == 1
    numbers = 0
    inside = at + 8
    while inside < at + length:
        numbers += 1
        inside += int.from_bytes(data[inside : inside + 4])
    links = data.index(b"ipma") - 4
    entry = links + 4 + 4 + 4 + 4 + 2
    changed = bytearray(data)
    changed[entry] += 1
    end = entry + 1 + data[entry]
    changed[end:end] = bytes((0x80 | numbers + 1,))
    changed[at + length : at + length] = added
    for kind, more in (
        (b"ipma", 1),
        (b"ipco", len(added)),
        (b"iprp", len(added) + 1),
        (b"meta", len(added) + 1),
    ):
        box = data.index(kind) - 4
        box += len(added) if kind == b"ipma" else 0
        changed[box : box + 4] = (int.from_bytes(changed[box : box + 4]) + more).to_bytes(4)
    place = data.index(b"iloc") + 4
    mdat = data.index(b"mdat") + 4
    for offset in range(place, place + int.from_bytes(data[place - 8 : place - 4]) - 8):
        if int.from_bytes(data[offset : offset + 4]) == mdat:
            changed[offset : offset + 4] = (mdat + len(added) + 1).to_bytes(4)
    return bytes(changed)
