"""Single numbers of headers: TIFF tags, EXIF positions, HEIF boxes and JPEG XL bits, at their boundaries."""

import io
import struct
from collections.abc import Sequence

import pytest
from PIL import Image, ImageOps

from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ImageFacts, ProbeField
from tests.imagebytes import (
    TABLES,
    bmff,
    chunk,
    exif_segment,
    frame_header,
    jpeg,
    png,
    riff,
    segment,
    vp8,
    vp8l,
    vp8x,
    webp_chunk,
)

BYTE, ASCII, SHORT, LONG, IFD = 1, 2, 3, 4, 13
WIDTH, HEIGHT, MAKE, ORIENTATION, GPS = 256, 257, 271, 0x0112, 0x8825

Tag = tuple[int, int, int, int]
"""Tag, type, number of values, and the first value or the offset of the values."""


def entries(tags: Sequence[Tag], order: str = "<") -> bytes:
    """A directory without the offset of the next one."""
    layouts = {BYTE: "B3x", SHORT: "H2x"}
    return struct.pack(order + "H", len(tags)) + b"".join(
        struct.pack(order + "HHI" + layouts.get(kind, "I"), tag, kind, count, value)
        for tag, kind, count, value in tags
    )


def block(tags: Sequence[Tag], order: str = "<", *, following: int = 0, at: int = 8) -> bytes:
    """A TIFF file or EXIF block with one directory, `at` bytes from its start."""
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", at)
    return start.ljust(at, b"\0") + entries(tags, order) + struct.pack(order + "I", following)


def facts(data: bytes) -> ImageFacts:
    """All facts."""
    return probe_bytes(data, ProbeField.ALL)


PLAIN = [(WIDTH, SHORT, 1, 70), (HEIGHT, SHORT, 1, 50)]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [BYTE, SHORT, LONG, IFD])
def test_tiff_edges_are_read_as_the_type_of_their_tag(order: str, kind: int) -> None:
    """BYTE, SHORT, LONG and IFD in both byte orders; an edge of any other type is no edge."""
    found = facts(block([(WIDTH, kind, 1, 70), (HEIGHT, kind, 1, 50)], order))
    assert (found.format, found.size) == ("tiff", Size(70, 50))
    assert facts(block([(WIDTH, kind, 1, 70), (HEIGHT, ASCII, 1, 50)], order)).size is None
    assert facts(block([(WIDTH, kind, 1, 70)], order)).size is None


@pytest.mark.parametrize("turn", range(1, 9))
def test_tiff_sizes_are_as_stored(turn: int) -> None:
    """As in every other format, so that size and orientation belong together."""
    found = facts(block([*PLAIN, (ORIENTATION, SHORT, 1, turn)]))
    assert (found.orientation, found.size) == (turn, Size(70, 50))


def test_a_truncated_tiff_directory_is_read_as_far_as_it_goes() -> None:
    """Without the offset of the next directory the size is known; without the second entry it is not."""
    whole = block(PLAIN)
    for missing in range(1, 5):
        assert facts(whole[:-missing]).size == Size(70, 50)
    for missing in (5, 16, 17, 30):
        found = facts(whole[:-missing])
        assert (found.format, found.size, found.frames) == ("tiff", None, 1)


def test_tiff_pages_are_counted_up_to_a_broken_one() -> None:
    """An offset behind the end of the file leads to no page."""
    first = block(PLAIN, following=38)
    assert len(first) == 38
    second = entries(PLAIN)
    assert facts(first + second + struct.pack("<I", 0)).frames == 2
    assert facts(first + second + struct.pack("<I", 8)).frames == 2
    assert facts(first + second + struct.pack("<I", 5000)).frames == 2
    assert facts(first).frames == 1


@pytest.mark.parametrize(("maker", "name"), [(b"NIKON", "nef"), (b"PENTA", "pef")])
def test_raw_files_need_three_signs(maker: bytes, name: str) -> None:
    """A reduced first image, others in subdirectories, and the maker's name: else it is a TIFF file."""
    at = 8 + 2 + 12 * 3 + 4
    tags = [(254, LONG, 1, 1), (MAKE, ASCII, 9, at), (330, LONG, 1, 0)]
    assert facts(block(tags) + maker).format == name
    for missing in range(3):
        rest = tags[:missing] + tags[missing + 1 :]
        assert facts(block(rest) + bytes(12) + maker).format == "tiff"
    assert facts(block([(254, LONG, 1, 0), *tags[1:]]) + maker).format == "tiff"
    short = [tags[0], (MAKE, ASCII, 4, at), tags[2]]
    assert facts(block(short) + maker).format == "tiff"


def gps(tags: Sequence[Tag], *, order: str = "<", pointer: int = LONG, at: int = 38) -> bytes:
    """An EXIF block whose position is `at` bytes from its start."""
    start = block([(ORIENTATION, SHORT, 1, 6), (GPS, pointer, 1, at)], order)
    return start.ljust(at, b"\0") + entries(tags, order) + bytes(4)


def holders(exif: bytes) -> list[bytes]:
    """Files of each format with an EXIF block, behind the picture data too."""
    return [
        jpeg(exif_segment(exif)),
        png(chunk(b"eXIf", exif)),
        png(after=chunk(b"eXIf", exif)),
        riff(vp8x(flags=8), vp8(), webp_chunk(b"EXIF", exif)),
    ]


def positions(exif: bytes) -> set[tuple[int, bool]]:
    """Orientation and position as read from each format."""
    found = {(one.orientation, one.has_location) for one in map(facts, holders(exif))}
    # a TIFF file keeps the same directories
    tiff = facts(exif)
    return found | {(tiff.orientation, tiff.has_location)}


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("tags", "located"),
    [
        ([(2, 5, 3, 0)], True),
        ([(4, 5, 3, 0)], True),
        ([(1, ASCII, 2, 0), (2, 5, 1, 0)], True),
        ([(2, 5, 0, 0), (4, 5, 0, 0)], False),
        ([(1, ASCII, 2, 0), (3, ASCII, 2, 0), (29, ASCII, 11, 0)], False),
        ([], False),
    ],
)
def test_a_position_is_a_latitude_or_a_longitude(tags: Sequence[Tag], located: bool, order: str) -> None:  # noqa: FBT001
    """One of the two with a value is enough; dates and directions alone are none."""
    assert positions(gps(tags, order=order)) == {(6, located)}
    assert positions(gps(tags, order=order, pointer=IFD)) == {(6, located)}


@pytest.mark.parametrize("at", [38, 500, 508, 510, 512, 4000])
def test_a_position_is_found_anywhere_in_its_block(at: int) -> None:
    """The directory may lie behind the first read, or across its end."""
    assert positions(gps([(2, 5, 3, 0)], at=at)) == {(6, True)}
    assert positions(gps([(29, 2, 3, 0)], at=at)) == {(6, False)}


@pytest.mark.parametrize("others", [0, 38, 39, 40, 41, 60])
def test_a_position_may_follow_many_other_tags(others: int) -> None:
    """Directories of positions have 32 tags by the standard and sometimes more."""
    exif = gps([*((40 + number, SHORT, 1, 0) for number in range(others)), (4, 5, 3, 0)])
    assert {one.has_location for one in map(facts, holders(exif))} == {True}


@pytest.mark.parametrize("kind", [ASCII, 5])
def test_a_pointer_of_another_type_leads_to_no_position(kind: int) -> None:
    """Texts and fractions are no offsets."""
    assert positions(gps([(2, 5, 3, 0)], pointer=kind)) == {(6, False)}


def test_a_pointer_behind_the_block_leads_to_no_position() -> None:
    """The bytes that follow the block are not the block's own."""
    inside = gps([(2, 5, 3, 0)])
    for length in (38, 39, 40, 51):
        assert {one.has_location for one in map(facts, holders(inside[:length]))} == {False}
    assert {one.has_location for one in map(facts, holders(inside[:52]))} == {True}


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [BYTE, SHORT, LONG])
@pytest.mark.parametrize(("stored", "orientation"), [(0, 1), (1, 1), (2, 2), (8, 8), (9, 1)])
def test_orientations_are_read_as_the_type_of_their_tag(
    kind: int, order: str, stored: int, orientation: int
) -> None:
    """Writers use BYTE and LONG too; what is none of the eight means upright."""
    exif = block([(ORIENTATION, kind, 1, stored)], order)
    assert {one.orientation for one in map(facts, holders(exif))} == {orientation}


def test_an_orientation_is_a_tag_and_not_a_value() -> None:
    """The bytes of the tag inside another entry are no orientation."""
    decoy = (0x010F, LONG, 1, 0x0112_0112)
    for tags, expected in (([decoy], 1), ([decoy, (ORIENTATION, SHORT, 1, 3)], 3)):
        for order in "<>":
            assert {one.orientation for one in map(facts, holders(block(tags, order)))} == {expected}


@pytest.mark.parametrize("at", [480, 498, 499, 500, 600])
def test_a_first_directory_may_lie_far_from_the_start(at: int) -> None:
    """Behind or across the end of the first read."""
    exif = block([(ORIENTATION, SHORT, 1, 5)], at=at)
    assert {one.orientation for one in map(facts, holders(exif))} == {5}
    assert {one.orientation for one in map(facts, holders(b"Exif\0\0" + exif))} == {5}


def heic(
    item: int = 7, *, wide_item: bool = False, wide_link: bool = False, before: int = 0, turn: bytes = b""
) -> bytes:
    """A HEIC file with a thumbnail and a primary picture; its properties come behind `before` others."""
    number = ">I" if wide_item else ">H"
    version = b"\1" if wide_item else b"\0"
    primary = bmff(b"pitm", version, bytes(3), struct.pack(number, item))
    sizes = [bmff(b"ispe", bytes(4), struct.pack(">II", *size)) for size in ((160, 120), (4032, 3024))]
    container = bmff(b"ipco", sizes[0], bmff(b"free") * before, sizes[1], turn)

    def link(at: int) -> bytes:
        return struct.pack(">H", 0x8000 | at) if wide_link else bytes((0x80 | at,))

    turns = turn.count(b"irot") + turn.count(b"imir")
    mine = b"".join(link(before + 2 + at) for at in range(turns + 1))
    # the thumbnail's number is the upper half of a wide one
    thumbnail = struct.pack(number, item >> 16 or 1) + b"\1" + link(1)
    links = thumbnail + struct.pack(number, item) + bytes((turns + 1,)) + mine
    associations = bmff(b"ipma", version, bytes(2), bytes((wide_link,)), struct.pack(">I", 2), links)
    return bmff(b"ftyp", b"heic", bytes(4)) + bmff(
        b"meta", bytes(4), primary, bmff(b"iprp", container, associations)
    )


@pytest.mark.parametrize("wide_link", [False, True])
@pytest.mark.parametrize(
    ("item", "wide_item"), [(7, False), (0x0107, False), (7, True), (0x0001_0007, True), (0x0701, True)]
)
def test_heic_item_numbers_take_two_or_four_bytes(item: int, *, wide_item: bool, wide_link: bool) -> None:
    """By the version of each box; the size is the primary picture's and not the thumbnail's."""
    data = heic(item, wide_item=wide_item, wide_link=wide_link)
    assert facts(data).size == Size(4032, 3024)


def test_heic_files_may_have_hundreds_of_properties() -> None:
    """From the 128th on their numbers take two bytes."""
    for before in (100, 126, 127, 300):
        assert facts(heic(before=before, wide_link=True)).size == Size(4032, 3024)
    assert facts(heic(before=100)).size == Size(4032, 3024)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_heic_turns_and_mirrors_are_one_orientation(turns: int, axis: int | None) -> None:
    """The orientation shows what Pillow shows of the same turn, then the mirror."""
    picture = Image.frombytes("L", (3, 2), bytes(range(6)))
    expected = picture.rotate(90 * turns, expand=True)
    if axis is not None:
        ways = (Image.Transpose.FLIP_TOP_BOTTOM, Image.Transpose.FLIP_LEFT_RIGHT)
        expected = expected.transpose(ways[axis])
    turn = bmff(b"irot", bytes((turns,))) + (b"" if axis is None else bmff(b"imir", bytes((axis,))))
    picture.getexif()[ORIENTATION] = facts(heic(turn=turn)).orientation
    shown = ImageOps.exif_transpose(picture)
    assert (shown.size, shown.tobytes()) == (expected.size, expected.tobytes())


def test_heic_boxes_may_be_long_or_open() -> None:
    """A length of 1 is followed by one of eight bytes, a length of 0 means the rest of the file."""
    whole = heic()
    start, meta = whole[:16], whole[16:]
    assert meta[4:8] == b"meta"
    long_free = struct.pack(">I4sQ", 1, b"free", 16 + 5) + b"12345"
    long_meta = struct.pack(">I4sQ", 1, b"meta", len(meta) + 8) + meta[8:]
    open_meta = bytes(4) + meta[4:]
    for boxes in (long_free + meta, long_meta, open_meta, bmff(b"free") + meta, meta + b"1234567"):
        assert facts(start + boxes).size == Size(4032, 3024)
    for boxes in (b"\0\0\0\7free" + meta, struct.pack(">I4sQ", 1, b"free", 15) + meta):
        assert facts(start + boxes).size is None


def sequence(*tracks: tuple[bytes, int], major: bytes = b"avis") -> bytes:
    """An image sequence with tracks of a kind and a number of samples."""
    made = [
        bmff(
            b"trak",
            bmff(b"tkhd"),
            bmff(
                b"mdia",
                bmff(b"hdlr", bytes(8), kind, bytes(12)),
                bmff(b"minf", bmff(b"stbl", bmff(b"stsz", bytes(8), struct.pack(">I", count)))),
            ),
        )
        for kind, count in tracks
    ]
    return bmff(b"ftyp", major, bytes(4), b"avif") + heic()[16:] + bmff(b"moov", bmff(b"mvhd"), *made)


@pytest.mark.parametrize(
    ("tracks", "frames"),
    [
        ([(b"pict", 9)], 9),
        ([(b"soun", 500), (b"pict", 9)], 9),
        ([(b"pict", 0), (b"pict", 4)], 4),
        ([(b"soun", 500)], 1),
        ([], 1),
    ],
)
def test_frames_of_a_sequence_are_those_of_its_first_picture_track(
    tracks: Sequence[tuple[bytes, int]], frames: int
) -> None:
    """Sound has samples too, and an empty track has none."""
    assert facts(sequence(*tracks)).frames == frames
    assert facts(sequence(*tracks, major=b"avif")).frames == 1
    assert probe_bytes(sequence(*tracks)).frames == min(frames, 2)


def jxl(*bits: tuple[int, int]) -> bytes:
    """A JPEG XL codestream that starts with these numbers, each with its number of bits."""
    value = shift = 0
    for number, width in bits:
        value |= number << shift
        shift += width
    return b"\xff\x0a" + value.to_bytes(14, "little")


@pytest.mark.parametrize(("selector", "width"), list(enumerate((9, 13, 18, 30))))
def test_jpeg_xl_edges_of_each_width(selector: int, width: int) -> None:
    """9, 13, 18 or 30 bits hold an edge of up to as many powers of two."""
    for edge in (1, 300, 1 << width):
        height = ((0, 1), (selector, 2), (edge - 1, width))
        assert facts(jxl(*height, (1, 3))).size == Size(edge, edge)
        assert facts(jxl(*height, (0, 3), (selector, 2), (edge - 1, width))).size == Size(edge, edge)
        assert facts(jxl(*height, (0, 3), (0, 2), (7, 9))).size == Size(8, edge)


@pytest.mark.parametrize(("ratio", "width"), list(enumerate((1080, 1296, 1440, 1620, 1920, 1350, 2160), 1)))
def test_jpeg_xl_widths_by_ratio(ratio: int, width: int) -> None:
    """1:1, 6:5, 4:3, 3:2, 16:9, 5:4 and 2:1."""
    assert facts(jxl((0, 1), (1, 2), (1079, 13), (ratio, 3))).size == Size(width, 1080)


def icon(*pictures: tuple[int, int]) -> bytes:
    """An icon whose directory has these edges; its pictures are not there."""
    start = struct.pack("<HHH", 0, 1, len(pictures))
    return start + b"".join(struct.pack("<BB10xI", *edges, 9999) for edges in pictures)


@pytest.mark.parametrize(
    ("pictures", "size"),
    [
        ([(16, 16), (48, 48), (32, 32)], Size(48, 48)),
        ([(255, 255), (0, 0)], Size(256, 256)),
        ([(16, 16), (16, 0)], Size(16, 256)),
        ([(16, 16), (0, 16)], Size(256, 16)),
    ],
)
def test_icons_without_their_pictures_have_the_largest_size_of_the_directory(
    pictures: Sequence[tuple[int, int]], size: Size
) -> None:
    """0 means 256 for either edge."""
    assert facts(icon(*pictures)).size == size


def with_tables(*tables: Sequence[int]) -> bytes:
    """A grey JPEG file with one quantisation table, or one in colour with two."""
    segments = b"".join(bytes((number, *table)) for number, table in enumerate(tables))
    return jpeg(frame=frame_header(components=2 * len(tables) - 1)).replace(TABLES, segment(0xDB, segments))


def standard(quality: int) -> list[list[int]]:
    """The two tables that the IJG library makes for a quality."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8)).save(out, "JPEG", quality=quality)
    with Image.open(out) as image:
        return [list(table) for table in image.quantization.values()]  # type: ignore[attr-defined]


def raised(tables: Sequence[Sequence[int]], by: int) -> list[list[int]]:
    """The tables with `by` more in all, as even as can be and 255 at most."""
    flat = [entry for table in tables for entry in table]
    while by:
        for at, entry in enumerate(flat):
            if by and entry < 255:
                flat[at] += 1
                by -= 1
    return [flat[at : at + 64] for at in range(0, len(flat), 64)]


@pytest.mark.parametrize("count", [1, 2])
def test_jpeg_quality_is_the_nearest_in_sum(count: int) -> None:
    """Tables of other encoders have the quality whose standard tables are nearest, up to the middle."""
    for quality in (12, 30, 45, 60, 75, 85, 93):
        better, worse = standard(quality + 1)[:count], standard(quality)[:count]
        apart = sum(map(sum, worse)) - sum(map(sum, better))
        assert apart > 2
        near, far = raised(better, (apart - 1) // 2), raised(better, apart // 2 + 1)
        assert facts(with_tables(*near)).quality == quality + 1
        assert facts(with_tables(*far)).quality == quality


def test_jpeg_quality_counts_both_tables() -> None:
    """Fine luminance and coarse colours are something between the two."""
    fine, coarse = standard(90), standard(50)
    mixed = facts(with_tables(fine[0], coarse[1])).quality
    assert mixed is not None
    assert 50 < mixed < 90
    assert mixed != facts(with_tables(coarse[0], fine[1])).quality


@pytest.mark.parametrize("fill", range(1, 5))
def test_jpeg_markers_may_follow_fill_bytes(fill: int) -> None:
    """Any number of FF bytes may precede a marker, here that of the frame header."""
    data = jpeg(frame=b"\xff" * fill + frame_header(70, 50))
    assert (facts(data).size, facts(data).damage) == (Size(70, 50), None)


@pytest.mark.parametrize("missing", range(8))
def test_a_png_may_lack_the_checksum_of_its_last_chunk(missing: int) -> None:
    """Decoders do without those four bytes; a chunk that lacks more is truncated."""
    whole = png(after=chunk(b"tEXt", b"a" * 40), end=b"")
    cut = facts(whole[: len(whole) - missing])
    assert (cut.damage is None) is (missing <= 8)


@pytest.mark.parametrize("picture", [vp8(), vp8l()])
def test_damage_is_a_fact_that_is_looked_for_on_demand(picture: bytes) -> None:
    """A truncated WebP file has no damage for those who do not ask."""
    data = riff(picture)[:-5]
    assert facts(data).damage is not None
    for fields in (ProbeField.METADATA, ProbeField.ORIENTATION | ProbeField.METADATA):
        assert probe_bytes(data, fields).damage is None
