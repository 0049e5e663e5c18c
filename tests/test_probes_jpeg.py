"""JPEG: every kind of frame header, segments in any order and number, EXIF, MPF, quality, damage."""

import struct

import pytest

from imgbudget.imageinfo.dispatch import probe_bytes, probe_reader
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ProbeField
from tests.builders import image_bytes
from tests.imagebytes import SCAN, TABLES, exif_segment, frame_header, jpeg, segment, tiff

FRAMES = [0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF]
BIG = segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(60_000))


@pytest.mark.parametrize("marker", FRAMES)
def test_every_frame_header_has_the_size(marker: int) -> None:
    """Baseline, progressive, lossless and arithmetic headers have the size at the same position."""
    facts = probe_bytes(jpeg(frame=frame_header(640, 480, marker=marker)))
    assert (facts.format, facts.size, facts.damage) == ("jpeg", Size(640, 480), None)


@pytest.mark.parametrize("marker", [0xC4, 0xC8, 0xCC])
def test_markers_among_the_frame_headers_that_are_none(marker: int) -> None:
    """Tables and extensions between the frame markers are stepped over."""
    facts = probe_bytes(jpeg(segment(marker, bytes(20)) if marker != 0xC8 else b"\xff\xc8"))
    assert facts.size == Size(40, 30)


@pytest.mark.parametrize(
    "before",
    [
        b"\xff\xff\xff",
        b"\xff" * 9000,
        b"\0\1\2 junk",
        bytes(9000),
        b"\xff\0\xff\0",
        b"\xff\xd0\xff\x01",
        segment(0xFE) + segment(0xE0),
        BIG * 12,
        segment(0xFE, bytes(4080)),
    ],
)
def test_segments_before_the_frame_header_are_skipped(before: bytes) -> None:
    """Fill bytes, junk, markers without a length and long segments, across the end of the first read."""
    facts = probe_bytes(jpeg(segment(0xFE), before), ProbeField.ALL)
    assert (facts.size, facts.damage) == (Size(40, 30), None)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_orientation_in_both_byte_orders(turn: int, order: str) -> None:
    """EXIF of either byte order is read."""
    assert (
        probe_bytes(jpeg(exif_segment(tiff(turn, order=order))), ProbeField.ORIENTATION).orientation == turn
    )


def test_orientation_is_read_only_when_asked() -> None:
    """Without the wish for it the orientation is 1."""
    assert probe_bytes(jpeg(exif_segment(tiff(6)))).orientation == 1


def test_orientation_behind_a_long_segment_and_in_a_long_block() -> None:
    """The block is found at any position, and its directory at any offset."""
    late = bytearray(tiff(8) + bytes(5000) + tiff(8)[8:])
    struct.pack_into("<I", late, 4, len(tiff(8)) + 5000)
    for block in (tiff(8), bytes(late)):
        assert probe_bytes(jpeg(BIG, exif_segment(block)), ProbeField.ORIENTATION).orientation == 8
        assert probe_bytes(jpeg(exif_segment(block)), ProbeField.ORIENTATION).orientation == 8


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"II*\0",
        tiff(6)[:20],
        b"XX" + tiff(6)[2:],
        b"II*\0\xff\xff\xff\xff" + tiff(6)[8:],
        b"II*\0\x08\0\0\0\xff\xff" + bytes(40),
        tiff(9),
        tiff(0),
        tiff(None),
    ],
)
def test_broken_exif_means_no_orientation(block: bytes) -> None:
    """Cut blocks, wild offsets and numbers that there are not: 1, and no exception."""
    facts = probe_bytes(jpeg(exif_segment(block)), ProbeField.ALL)
    assert (facts.orientation, facts.size, facts.has_location) == (1, Size(40, 30), False)


def test_a_directory_outside_its_segment_is_none() -> None:
    """The offset may not lead into the segment behind."""
    block = tiff(6)
    lost = exif_segment(b"II*\0" + struct.pack("<I", 12 + 8))
    assert probe_bytes(jpeg(lost, segment(0xFE, block)), ProbeField.ORIENTATION).orientation == 1
    inside = exif_segment(b"II*\0" + struct.pack("<I", 12 + 8) + bytes(4) + block)
    assert probe_bytes(jpeg(inside), ProbeField.ORIENTATION).orientation == 6


@pytest.mark.parametrize("fields", [ProbeField.ORIENTATION, ProbeField.ALL])
@pytest.mark.parametrize("gap", [0, 3000])
def test_exif_behind_the_frame_header_is_read(fields: ProbeField, gap: int) -> None:
    """EXIF 2.32 puts it first, but Pillow, browsers and libvips read all that comes before the scan."""
    data = jpeg(after=segment(0xE5, bytes(gap)) + exif_segment(tiff(6)))
    assert probe_bytes(data, fields).orientation == 6


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("gps", "expected"), [([(2, 3)], True), ([(4, 3)], True), ([(29, 11)], False), ([(2, 0)], False)]
)
def test_location_is_a_directory_with_a_position(
    gps: list[tuple[int, int]], order: str, *, expected: bool
) -> None:
    """A GPS directory with a date alone, or an empty latitude, is no position."""
    data = jpeg(exif_segment(tiff(gps=gps, order=order)))
    assert probe_bytes(data, ProbeField.LOCATION).has_location is expected


def test_location_is_found_in_any_segment() -> None:
    """Location data after the frame header, or in a second block, is reported."""
    location = exif_segment(tiff(gps=[(2, 3)]))
    assert probe_bytes(jpeg(after=location), ProbeField.LOCATION).has_location
    assert probe_bytes(jpeg(exif_segment(tiff()), location), ProbeField.LOCATION).has_location


def test_a_directory_that_points_at_itself_ends() -> None:
    """The GPS offset may lead back to the first directory."""
    block = tiff(6, gps=[(2, 3)])
    looped = block.replace(
        struct.pack("<HHI", 0x8825, 4, 1) + block[42:46], struct.pack("<HHII", 0x8825, 4, 1, 8)
    )
    assert looped != block
    assert not probe_bytes(jpeg(exif_segment(looped)), ProbeField.ALL).has_location


def test_metadata_counts_what_a_decoder_can_do_without() -> None:
    """EXIF, XMP and comments count; tables, profiles, the JFIF header and Adobe's marker do not."""
    jfif = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\0")
    assert probe_bytes(jpeg(jfif, adobe, BIG), ProbeField.METADATA).metadata_bytes == 0
    parts = [
        exif_segment(tiff()),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>"),
        segment(0xED, bytes(60_000)),
        segment(0xFE, b"hello"),
    ]
    data = jpeg(jfif, *parts, adobe)
    assert probe_bytes(data, ProbeField.METADATA).metadata_bytes == sum(map(len, parts))
    assert probe_bytes(data).metadata_bytes is None


def test_metadata_counts_a_thumbnail_in_the_jfif_header() -> None:
    """Data after the 16 bytes of the JFIF header is its thumbnail."""
    data = jpeg(segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\2\2" + bytes(12)))
    assert probe_bytes(data, ProbeField.METADATA).metadata_bytes == 12


def mpf(count: int, *, listed: int | None = None, attribute: int = 0x020003) -> bytes:
    """An APP2 segment with an MP index of `count` pictures."""
    listed = count if listed is None else listed
    entries = b"".join(struct.pack("<IIIHH", attribute, 100, 0, 0, 0) for _ in range(listed))
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", 2)
    block += struct.pack("<HHII", 0xB001, 4, 1, count) + struct.pack("<HHII", 0xB002, 7, len(entries), 38)
    return segment(0xE2, b"MPF\0" + block + bytes(4) + entries)


@pytest.mark.parametrize(
    ("fields", "frames"),
    [(ProbeField.NONE, 2), (ProbeField.INTEGRITY, 2), (ProbeField.FRAMES, 3), (ProbeField.ALL, 3)],
)
def test_frames_are_those_of_the_mp_index(fields: ProbeField, frames: int) -> None:
    """The pictures of a multi-angle file are frames; unless they are wanted, two are enough."""
    assert probe_bytes(jpeg(mpf(1)), fields).frames == 1
    assert probe_bytes(jpeg(mpf(3)), fields).frames == frames


@pytest.mark.parametrize(
    "before",
    [
        mpf(3, listed=2),
        mpf(3, attribute=1 << 24),
        segment(0xE2, b"MPF\0II"),
        segment(0xE2, b"MPF\0" + bytes(80)),
    ],
)
def test_a_broken_mp_index_counts_one_frame(before: bytes) -> None:
    """Pillow takes such a file for a plain JPEG."""
    assert probe_bytes(jpeg(before), ProbeField.FRAMES).frames == 1


@pytest.mark.parametrize("fields", [ProbeField.NONE, ProbeField.ALL])
def test_an_mp_index_behind_the_frame_header_is_none(fields: ProbeField) -> None:
    """A quick look and a thorough one say the same."""
    assert probe_bytes(jpeg(after=mpf(3)), fields).frames == 1


@pytest.mark.parametrize("order", [1, -1])
def test_a_gain_map_is_no_frame(order: int) -> None:
    """Ultra HDR keeps its second picture for brightness; the XMP that says so may come before or behind."""
    xmp = segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<rdf hdrgm:Version="1.0"/>')
    assert probe_bytes(jpeg(*[mpf(2, attribute=0), xmp][::order])).frames == 1


@pytest.mark.parametrize(
    ("data", "clause"),
    [
        (jpeg(frame=frame_header(bits=12)), "12 bits per sample"),
        (jpeg(frame=frame_header(components=2)), "2 colour components"),
        (jpeg(frame=frame_header(0, 30)), "without a size (0x30)"),
        (jpeg(frame=frame_header(40, 0)), "without a size (40x0)"),
        (b"\xff\xd8" + TABLES + SCAN + bytes(9), "no frame header"),
        (b"\xff\xd8\xff\xd9" + bytes(20), "no frame header"),
        (jpeg()[:100], "ends inside its header (100 bytes)"),
        (b"\xff\xd8\xff\xe0", "ends inside its header (4 bytes)"),
        (b"\xff\xd8", "ends inside its header (2 bytes)"),
        (b"\xff\xd8" + segment(0xE0) * 150_000, "no frame header in its first segments"),
    ],
)
def test_a_header_that_no_decoder_takes_is_damage(data: bytes, clause: str) -> None:
    """What the header shows needs no further look."""
    facts = probe_bytes(data)
    assert facts.format == "jpeg"
    assert facts.damage is not None
    assert clause in facts.damage


def test_size_is_kept_where_it_is_known() -> None:
    """A 12-bit file has a readable size; no size has a zero in it."""
    assert probe_bytes(jpeg(frame=frame_header(bits=12))).size == Size(40, 30)
    assert probe_bytes(jpeg(frame=frame_header(0, 30))).size is None


@pytest.mark.parametrize(
    "end",
    [
        b"\1\2\xff\xd9",
        b"\xff\xd9" + bytes(600),
        b"\xff\xd9" + b"junk" * 100_000,
        b"\1" * 300_000 + b"\xff\xd9",
    ],
)
def test_a_file_with_an_end_marker_is_complete(end: bytes) -> None:
    """Zeros, junk and the video of a motion photo may follow it."""
    assert probe_bytes(jpeg(end=end), ProbeField.INTEGRITY).damage is None


@pytest.mark.parametrize(
    ("data", "clause"),
    [
        (jpeg(end=b"\1\2\3"), "no end marker"),
        (jpeg(end=b"\1" * 600_000), "no end marker"),
        (jpeg(exif_segment(tiff() + b"\xff\xd9"), end=b"\1\2"), "no end marker"),
        (b"\xff\xd8" + TABLES + frame_header() + segment(0xC4, bytes(20)), "ends before its image data"),
        (jpeg().replace(TABLES, b""), "no quantisation table"),
    ],
)
def test_a_truncated_file_is_damage_if_requested(data: bytes, clause: str) -> None:
    """The check costs another read, so it is made only on request."""
    assert probe_bytes(data, ProbeField.ORIENTATION).damage is None
    damage = probe_bytes(data, ProbeField.INTEGRITY).damage
    assert damage is not None
    assert clause in damage


def test_the_end_marker_is_found_across_the_pieces_of_a_search() -> None:
    """A long tail is searched in pieces; the marker's two bytes may fall into two of them."""
    piece = 1 << 18
    for junk in range(piece - 3, piece + 3):
        data = jpeg(end=b"\1" * piece + b"\xff\xd9" + b"\1" * junk)
        assert probe_bytes(data, ProbeField.INTEGRITY).damage is None


def test_a_file_that_ends_at_its_scan_has_no_picture_data() -> None:
    """The usual tables are stepped over at once, but not to a scan that is not there."""
    data = image_bytes((64, 48), "JPEG")
    scan = data.index(b"\xff\xda")
    whole, cut = (probe_bytes(part, ProbeField.INTEGRITY) for part in (data, data[: scan + 4]))
    assert whole.damage is None
    assert cut.damage == f"ends before its image data ({scan + 4} bytes)"


ISO_GAIN_MAP = segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(30))
ADOBE_GAIN_MAP = segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<rdf hdrgm:Version="1.0"/>')
DEPENDENT = 1 << 30


def two_pictures(attribute: int, second: bytes, *, order: str = "<") -> bytes:
    """A file of 40x30 px whose MP index has one more picture, appended to the first."""

    def index(offset: int) -> bytes:
        entries = struct.pack(order + "IIIHH", 0x20030000, 100, 0, 0, 0)
        entries += struct.pack(order + "IIIHH", attribute, len(second), offset, 0, 0)
        block = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, 2)
        block += struct.pack(order + "HHII", 0xB001, 4, 1, 2) + struct.pack(order + "HHII", 0xB002, 7, 32, 38)
        return segment(0xE2, b"MPF\0" + block + bytes(4) + entries)

    # offsets start at the block: behind the start of the image, the marker, its length, and MPF
    data = jpeg(index(0))
    return jpeg(index(len(data) - 2 - 8)) + second


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("attribute", "second", "frames"),
    [
        (0x020001, jpeg(), 2),  # panorama
        (0x020002, jpeg(frame=frame_header(20, 10)), 2),  # stereo
        (0x020003, jpeg(), 2),  # multi-angle
        (0x020002 | DEPENDENT, jpeg(), 1),  # a map of depths
        (0x010001, jpeg(), 1),  # large thumbnails
        (0x010002 | DEPENDENT, jpeg(), 1),
        (0x030000, jpeg(), 1),
        (0, jpeg(), 2),  # as Pillow writes its frames
        (0, jpeg(segment(0xFE, bytes(900)), exif_segment(tiff())), 2),
        (DEPENDENT, jpeg(), 1),
        (0, jpeg(frame=frame_header(20, 15)), 1),  # a preview
        (0, jpeg(ISO_GAIN_MAP), 1),
        (0, jpeg(ADOBE_GAIN_MAP), 1),
        (0, b"", 2),  # where it is cannot be known, so it counts as one that could be lost
        (0, b"\xff\xd8" + SCAN, 2),
    ],
)
def test_previews_and_maps_are_no_frames(order: str, attribute: int, second: bytes, frames: int) -> None:
    """The type and the dependency of a picture decide; an undefined one must have the size of the first."""
    assert probe_bytes(two_pictures(attribute, second, order=order), ProbeField.FRAMES).frames == frames
    assert probe_bytes(two_pictures(attribute, second, order=order)).frames == frames


def test_an_index_of_undefined_pictures_is_read_in_bounded_steps() -> None:
    """Each of 2,000 entries names a picture."""
    reads = 0
    data = jpeg(mpf(2_000, attribute=0))

    def read(size: int, offset: int) -> bytes:
        nonlocal reads
        reads += 1
        return data[offset : offset + size]

    assert probe_reader(read, len(data), ProbeField.ALL).frames == 2_000
    assert reads < 1_000
