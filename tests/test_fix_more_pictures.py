"""Removing metadata keeps the other pictures of a JPEG file, and what leads to them; their positions go."""

import base64
import io
import shutil
import struct
import subprocess
from itertools import accumulate
from pathlib import Path

import pytest
from PIL import Image

from imgbudget.fixing.image import edit_image
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import Size
from imgbudget.model.edits import ImageEdit
from imgbudget.model.safety import NO_LOSS
from imgbudget.model.subjects import ProbeField
from tests.conftest import Command
from tests.drawings import encoded, noisy, soft
from tests.imagebytes import exif_segment, segment, tiff

STRIP = ImageEdit(strip=True, permits=NO_LOSS, may_grow=False)
XMP = b"http://ns.adobe.com/xap/1.0/\0"
PLACE = b" exif:GPSLatitude=\"12,34.5N\" exif:GPSLongitude='1,2E'"
SMALL = (60, 44)


def with_segments(data: bytes, *segments: bytes) -> bytes:
    """A JPEG file with more segments after its header."""
    return data[:20] + b"".join(segments) + data[20:]


def xmp(attributes: bytes, more: bytes = b"") -> bytes:
    """A segment of XMP with these attributes."""
    text = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
        b' xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"' + attributes + b">" + more
    )
    return segment(0xE1, XMP + text + b"</rdf:Description></rdf:RDF></x:xmpmeta>")


GPS = exif_segment(tiff(6, gps=[(2, 5), (4, 5)]))
ISO = segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(60))
COMMENT = segment(0xFE, b"a comment" * 90)
CONTAINER = (
    b' hdrgm:Version="1.0" xmlns:Container="http://ns.google.com/photos/1.0/container/"'
    b' xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'
)


def indexed(first: bytes, *others: bytes, order: str = "<", attributes: int = 1 << 30) -> bytes:
    """Pictures in one file, with the MP index that leads to them (CIPA DC-007)."""
    count = 1 + len(others)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    entries = struct.pack(order + "H", 2)
    entries += struct.pack(order + "HHII", 0xB001, 4, 1, count)
    entries += struct.pack(order + "HHIII", 0xB002, 7, 16 * count, 38, 0)
    at = first.index(b"\xff\xdb")
    length = len(first) + 8 + 38 + 16 * count
    starts = accumulate((len(one) for one in others), initial=length)
    table = struct.pack(order + "IIIHH", 0x20000000 | 0x30000, length, 0, 0, 0)
    for one, start in zip(others, starts, strict=False):
        table += struct.pack(order + "IIIHH", attributes, len(one), start - at - 8, 0, 0)
    index = segment(0xE2, b"MPF\0" + head + entries + table)
    return first[:at] + index + first[at:] + b"".join(others)


def places(data: bytes) -> list[tuple[int, int]]:
    """Where the pictures of an MP index begin and end."""
    start = data.index(b"MPF\0") + 4
    order = "<" if data[start : start + 2] == b"II" else ">"
    (count,) = struct.unpack_from(order + "I", data, start + 18)
    (first,) = struct.unpack_from(order + "I", data, start + 30)
    found = [struct.unpack_from(order + "II", data, start + first + 16 * n + 4) for n in range(count)]
    return [(start + at if n else 0, (start + at if n else 0) + size) for n, (size, at) in enumerate(found)]


def pixels(data: bytes) -> bytes:
    """The decoded pixels."""
    return Image.open(io.BytesIO(data)).tobytes()


MAIN = with_segments(encoded(soft(), "JPEG"), GPS, COMMENT)
GAIN_MAP = with_segments(
    encoded(noisy(SMALL), "JPEG"), xmp(b' hdrgm:Version="1.0" hdrgm:GainMapMax="2"'), ISO
)
PREVIEW = with_segments(encoded(noisy(SMALL), "JPEG"), GPS, xmp(PLACE), COMMENT)


def stripped(data: bytes) -> bytes:
    """The file after a safe removal of metadata, which finds nothing more in a second run."""
    made = edit_image(data, STRIP)
    assert made.degraded == ()
    assert edit_image(made.data, STRIP).data == made.data
    facts = probe_bytes(made.data, ProbeField.ALL)
    assert (facts.damage, facts.has_location, facts.frames) == (None, False, probe_bytes(data).frames)
    assert facts.orientation == 6
    assert COMMENT not in made.data[: made.data.index(b"\xff\xda")]
    assert pixels(made.data) == pixels(data)
    return made.data


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("others", [[GAIN_MAP], [PREVIEW], [PREVIEW, GAIN_MAP, PREVIEW]])
def test_pictures_of_an_index_stay_and_it_leads_to_them(others: list[bytes], order: str) -> None:
    """Sizes and offsets are those of the new file; Pillow and exiftool read each picture."""
    data = indexed(MAIN, *others, order=order)
    made = stripped(data)
    assert len(made) < len(data) - 800
    found = places(made)
    assert [found[0][0], found[-1][1]] == [0, len(made)]
    for (start, end), original in zip(found[1:], others, strict=True):
        assert pixels(made[start:end]) == pixels(original)
        assert probe_bytes(made[start:end], ProbeField.ALL).has_location is False
    assert PLACE not in made
    assert (b"hdrgm:GainMapMax" in made) is (GAIN_MAP in others)
    if (exiftool := shutil.which("exiftool")) is not None:
        image = subprocess.run(
            [exiftool, "-b", "-MPImage2", "-"], input=made, capture_output=True, check=True
        )
        assert image.stdout == made[slice(*found[1])]


def test_ultra_hdr_keeps_its_description_and_length() -> None:
    """The container names the length of the gain map, which therefore does not change; the position goes."""
    items = b'<Container:Directory><rdf:Seq><rdf:li Item:Semantic="GainMap" Item:Length="%d"/></rdf:Seq>'
    directory = items % len(GAIN_MAP) + b"</Container:Directory>"
    first = with_segments(encoded(soft(), "JPEG"), GPS, ISO, xmp(CONTAINER + PLACE, directory), COMMENT)
    made = stripped(first + GAIN_MAP)
    assert made.endswith(GAIN_MAP)
    assert directory in made
    assert made.count(b"urn:iso:std:iso:ts:21496:-1\0") == 2
    assert b"GPSL" not in made


@pytest.mark.parametrize(
    "rest",
    [
        encoded(noisy(SMALL), "JPEG") + b"SEFH" + bytes(20) + b"SEFT",
        bytes(300) + GAIN_MAP,
        struct.pack(">I", 24) + b"ftypmp42" + bytes(12) + b"\0\0\1\0mdat" + bytes(248),
        encoded(noisy(SMALL), "PNG"),
    ],
)
def test_trailers_of_phones_stay(rest: bytes) -> None:
    """Depth maps, other shots and videos, at the same distance from the end of the file."""
    assert stripped(MAIN + rest).endswith(rest)


def test_the_position_in_a_video_is_removed() -> None:
    """As is that of the picture; the bytes keep their places."""
    text = b"+12.3456+001.2345/"
    video = b"\0\0\0\x18ftypmp42" + bytes(12) + b"\xa9xyz" + struct.pack(">HH", len(text), 0x15C7) + text
    made = stripped(MAIN + video)
    assert text not in made
    assert made.endswith(b"\xa9xyz\0\x12\x15\xc7" + b" " * len(text))


def test_pictures_within_segments_stay() -> None:
    """A depth map in XMP, raw thermal data, the ratio image of JPEG-HDR."""
    depth = base64.b64encode(encoded(noisy(SMALL), "PNG"))
    extension = segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 40 + depth)
    thermal, ratio = segment(0xE1, b"FLIR\0" + bytes(90)), segment(0xEB, b"HDR_RI ver=11" + bytes(90))
    main = xmp(b' xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" GDepth:Format="RangeInverse"')
    made = stripped(with_segments(MAIN, main, extension, thermal, ratio))
    for kept in (main, extension, thermal, ratio):
        assert kept in made


@pytest.mark.parametrize("rest", [b"", bytes(500), b"\xff" * 20, b"appended by a broken tool" * 20])
def test_what_is_no_picture_goes(rest: bytes) -> None:
    """Padding and junk after the picture, an index that leads to nothing, XMP about the picture itself."""
    about = segment(0xE1, XMP + b"<x:xmpmeta><rdf:RDF dc:creator='a'" + PLACE + b"/></x:xmpmeta>")
    made = stripped(with_segments(MAIN, about) + rest)
    assert made.endswith(b"\xff\xd9")
    assert b"MPF" not in made
    assert b"xap" not in made


def test_a_resize_names_what_it_leaves_out() -> None:
    """The API takes one picture; the gain map of another size would be wrong."""
    data = indexed(MAIN, GAIN_MAP)
    made = edit_image(data, ImageEdit(size=Size(*SMALL)))
    assert "without the gain map, preview or video in the file" in made.degraded


def test_bytes_come_before_the_other_pictures() -> None:
    """A file over the limit loses its gain map rather than a generation, and says so."""
    data = indexed(MAIN, GAIN_MAP)
    limit = len(data) - len(GAIN_MAP)
    made = edit_image(data, ImageEdit(max_bytes=limit))
    assert pixels(made.data) == pixels(data)
    assert made.degraded == ("without the gain map, preview or video in the file",)


def many(marker: int, head: bytes) -> list[bytes]:
    """Segments of 240 kB together."""
    return [segment(marker, head + bytes(range(256)) * 234)] * 4


DEPTH = xmp(b' xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" GDepth:Format="RangeInverse"')
XT = b"JP\0\1\0\0\0\1\0\0\xea\x60RESI"
SIGNED = b"JP\0\1\0\0\0\1\0\0\xea\x60jumb\0\0\0\x1ejumdc2pa"
STAYING = {
    "thermal data of FLIR": many(0xE1, b"FLIR\0\1\0\3"),
    "thermal data of DJI": [
        *many(0xE3, b""),
        segment(0xE4, b"\xaa\x55\x12\6" + bytes(90)),
        segment(0xE5, bytes(900)),
    ],
    "JPEG XT": many(0xEB, XT),
    "JPEG-HDR": many(0xEB, b"HDR_RI ver=11"),
    "depth map": [DEPTH, *many(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + b"0" * 40)],
    "profile": [
        segment(0xE2, b"ICC_PROFILE\0" + bytes((number, 4)) + bytes(60_000)) for number in (1, 2, 3, 4)
    ],
}
LEAVING = {
    "signature": many(0xEB, SIGNED),
    "maker": many(0xE5, b"SAMSUNG"),
    "Kodak": many(0xE3, b"Meta\0\0"),
    "Photoshop": many(0xED, b"Photoshop 3.0\0"),
    "comment": many(0xFE, b"FLIR\0"),
}


@pytest.mark.parametrize("kind", [*STAYING, *LEAVING])
def test_what_is_reported_as_metadata_is_removed_and_nothing_else(
    kind: str, tmp_path: Path, imgbudget: Command
) -> None:
    """IB205 promises what the fix does; a position goes in any case."""
    segments = STAYING.get(kind) or LEAVING[kind]
    data = with_segments(encoded(noisy((500, 300)), "JPEG"), GPS, *segments)
    (tmp_path / "a.jpg").write_bytes(data)
    metadata = probe_bytes(data, ProbeField.ALL).metadata_bytes or 0
    assert (metadata > 200_000) is (kind in LEAVING)
    found = imgbudget("check", ".", "--select", "IB205", "--format", "json").codes
    assert found == (["IB205"] if kind in LEAVING else [])
    run = imgbudget("check", "--fix", ".", "--select", "IB205,IB701")
    assert run.code == 0
    made = (tmp_path / "a.jpg").read_bytes()
    assert all((part in made) is (kind in STAYING) for part in segments)
    assert ("without its signature of its origin (C2PA)" in run.out) is (kind == "signature")
    facts = probe_bytes(made, ProbeField.ALL)
    assert (facts.has_location, facts.orientation) == (False, 6)
    assert pixels(made) == pixels(data)


def test_a_large_profile_of_lossy_webp_stays(tmp_path: Path, imgbudget: Command) -> None:
    """Without it the pixels would have to be converted and encoded once more."""
    exif = Image.Exif()
    exif.get_ifd(0x8825)[2] = (1.0, 2.0, 3.0)
    data = encoded(soft((500, 300)), "WEBP", exif=exif, icc_profile=bytes(200_000))
    (tmp_path / "a.webp").write_bytes(data)
    assert imgbudget("check", ".", "--select", "IB205,IB701", "--format", "json").codes == ["IB701"]
    assert imgbudget("check", "--fix", ".", "--select", "IB205,IB701").code == 0
    made = (tmp_path / "a.webp").read_bytes()
    assert (pixels(made), bytes(200_000) in made) == (pixels(data), True)


@pytest.mark.parametrize("kind", [*STAYING, "signature"])
def test_new_pixels_name_what_they_leave_out(kind: str) -> None:
    """Data for the pixels of the original would be wrong beside those of another size."""
    data = with_segments(encoded(soft(), "JPEG"), *(STAYING.get(kind) or LEAVING[kind]))
    made = edit_image(data, ImageEdit(size=Size(*SMALL)))
    named = {
        "thermal data of FLIR": "thermal data",
        "thermal data of DJI": "thermal data",
        "JPEG XT": "data of JPEG XT",
        "JPEG-HDR": "gain map",
        "signature": "signature of its origin (C2PA)",
    }.get(kind, kind)
    assert (f"without its {named}" in made.degraded) is (kind != "profile")
