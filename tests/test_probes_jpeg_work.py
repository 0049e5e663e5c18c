"""How much of a JPEG file its probe reads, and that short cuts find what the whole walk finds."""

import io
from collections.abc import Mapping

import pytest
from PIL import Image, ImageFilter

from imgbudget.imageinfo import jpeg_tables
from imgbudget.imageinfo.dispatch import probe_reader
from imgbudget.imageinfo.jpeg_turning import unturnable
from imgbudget.imageinfo.reader import Source, bytes_reader
from imgbudget.model.subjects import ImageFacts, ProbeField

NOISE = Image.effect_noise((210, 150), 90).convert("RGB").filter(ImageFilter.SMOOTH)
ICC = b"\xff\xe2" + (2 + 700).to_bytes(2, "big") + b"ICC_PROFILE\0\1\1" + bytes(686)


def segment(marker: int, payload: bytes) -> bytes:
    """A segment with its length."""
    return bytes((0xFF, marker)) + (2 + len(payload)).to_bytes(2, "big") + payload


def saved(turn: int = 1, inserted: bytes = b"", options: Mapping[str, object] | None = None) -> bytes:
    """A file as Pillow writes it, with segments inserted behind the first one."""
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = turn
    NOISE.save(out, "JPEG", exif=exif, **(options or {}))
    data = out.getvalue()
    at = 4 + int.from_bytes(data[4:6], "big")
    return data[:at] + inserted + data[at:]


def probed(data: bytes, fields: int) -> tuple[ImageFacts, list[tuple[int, int]]]:
    """The facts, and size and offset of each read."""
    reads = list[tuple[int, int]]()

    def read(size: int, offset: int) -> bytes:
        reads.append((size, offset))
        return data[offset : offset + size]

    return probe_reader(read, len(data), fields), reads


@pytest.mark.parametrize("padding", [500, 580, 690, 800])
@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"progressive": True}], ids=str)
def test_tables_behind_a_profile_take_one_read(options: dict[str, object], padding: int) -> None:
    """All tables are read at once, wherever the first read ends."""
    data = saved(inserted=segment(0xFE, bytes(padding)), options=options)
    facts, reads = probed(data, ProbeField.ALL)
    assert facts.damage is None
    assert facts.quality == 75
    # the first one, one of the tables up to the scan, and the end
    assert len(reads) <= 3


@pytest.mark.parametrize("options", [{}, {"optimize": True}], ids=str)
def test_the_orientation_alone_takes_few_reads(options: dict[str, object]) -> None:
    """Later EXIF is searched for in one read up to the scan."""
    facts, reads = probed(saved(6, ICC, options), ProbeField.ORIENTATION)
    assert facts.orientation == 6
    assert len(reads) <= 4


@pytest.mark.parametrize(
    "inserted",
    [
        b"",
        ICC,
        segment(0xFE, b"MPF\0" + bytes(40)),
        segment(0xFE, b"a comment"),
        segment(0xE3, b"thermal data" * 4),
        segment(0xEB, b"JP" + bytes(40)),
        segment(0xED, b"Photoshop 3.0\0" + bytes(40)),
        segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version='1'/>" + bytes(9)),
        segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(9)),
        segment(0xE7, b"FLIR\0" + bytes(40)),
        b"\xff" * 3,
        b"junk",
        *(
            segment(0xFE, bytes(length)) + segment(0xE5, b"FLIR\0" + bytes(40))
            for length in range(820, 900, 8)
        ),
    ],
    ids=range(22),
)
def test_whether_blocks_can_be_turned_is_found_on_the_way(inserted: bytes) -> None:
    """The facts say what the walk over all segments does."""
    for options in ({}, {"optimize": True}, {"subsampling": 0}):
        for turn in (2, 3, 6, 8):
            data = saved(turn, inserted, options)
            facts, _ = probed(data, ProbeField.ALL)
            assert facts.unturnable == unturnable(turn, Source(data[:960], bytes_reader(data), len(data)))


def test_usual_segments_are_not_walked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether they can be turned is known from the first walk."""
    monkeypatch.setattr("imgbudget.imageinfo.jpeg.unturnable", None)
    assert probed(saved(6, ICC), ProbeField.ALL)[0].unturnable is not None


def test_equal_huffman_tables_are_checked_once() -> None:
    """Encoders and cameras write the same tables again and again."""
    jpeg_tables.huffman_tables.cache_clear()
    data = saved(options={"optimize": True})
    for _ in range(3):
        assert probed(data, ProbeField.ALL)[0].damage is None
    assert jpeg_tables.huffman_tables.cache_info().misses == 1


def test_no_long_segment_of_tables_is_kept() -> None:
    """A folder of hostile files fills no memory: tables repeated up to 64 KiB are checked, but not kept."""
    jpeg_tables.huffman_tables.cache_clear()
    data = saved()
    at = data.index(jpeg_tables.LUMINANCE_CODES)
    table = jpeg_tables.LUMINANCE_CODES[4:33]
    for long in (segment(0xC4, table * 2000), segment(0xC4, table) * 40):
        assert probed(data[:at] + long + data[at:], ProbeField.ALL)[0].damage is None
    assert jpeg_tables.huffman_tables.cache_info().currsize == 0
