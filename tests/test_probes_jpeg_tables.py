"""JPEG files that every decoder refuses because of their headers, that few read, and with padding."""

import io
import random
import re
import struct
from collections.abc import Iterator

import pytest
from PIL import Image

from imgbudget.imageinfo import jpeg_tables
from imgbudget.imageinfo.dispatch import probe_bytes, probe_reader
from imgbudget.model.subjects import ImageFacts, ProbeField
from tests.imagebytes import SCAN, TABLES, frame_header, jpeg, segment

NOISE = Image.frombytes("L", (67, 45), random.Random(5).randbytes(67 * 45))  # noqa: S311 - reproducible, not secret
OPTIONS: tuple[dict[str, object], ...] = (
    {},
    {"progressive": True},
    {"optimize": True},
    {"subsampling": 0, "quality": 30},
    {"restart_marker_blocks": 2},
)
HUFFMAN = segment(0xC4, b"\0" + b"\0\2" + bytes(14) + b"\0\1" + b"\x10" + b"\0\1" + bytes(14) + b"\0")


def saved(mode: str = "RGB", **options: object) -> bytes:
    """A JPEG file as Pillow writes it."""
    out = io.BytesIO()
    NOISE.convert(mode).save(out, "JPEG", **options)
    return out.getvalue()


def segments(data: bytes) -> tuple[list[bytes], bytes]:
    """The segments of a file up to its scan header, and the rest."""
    found, at = [], 2
    while True:
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4])
        found.append(data[at:end])
        at = end
        if found[-1].startswith(b"\xff\xda"):
            return found, data[at:]


def damage_of(data: bytes) -> str | None:
    """The damage in the facts."""
    return probe_bytes(data, ProbeField.ALL).damage


def decodes(data: bytes) -> bool:
    """Whether Pillow decodes the whole file."""
    try:
        Image.open(io.BytesIO(data)).load()
    except (OSError, SyntaxError, ValueError, IndexError, struct.error):
        return False
    return True


def mutants(count: int) -> Iterator[bytes]:
    """Files with a changed byte in a header, or a segment that is missing, doubled, cut off or too long."""
    chance = random.Random(1)  # noqa: S311 - reproducible, not secret
    sources = [saved(mode, **options) for mode in ("RGB", "L", "CMYK") for options in OPTIONS]
    for _ in range(count):
        parts, rest = segments(chance.choice(sources))
        at = chance.randrange(1, len(parts))
        part = bytearray(parts[at])
        match chance.randrange(5):
            case 0:
                del parts[at]
            case 1:
                parts.insert(chance.randrange(1, len(parts)), bytes(part))
            case 2:
                parts[at] = bytes(part[: -chance.randrange(1, 5)])
            case 3:
                parts[at] = bytes(part[:2]) + struct.pack(">H", len(part) + 1) + bytes(part[4:]) + bytes(3)
            case _:
                part[chance.randrange(1, min(len(part), 24))] = chance.choice((0, 1, 3, 4, 17, 34, 65, 255))
                parts[at] = bytes(part)
        yield b"\xff\xd8" + b"".join(parts) + rest


def test_what_pillow_decodes_has_no_damage_and_nearly_all_else_has() -> None:
    """Against the decoder itself: no false alarm, and 19 of 20 refused files are seen in the header."""
    missed = refused = 0
    for data in mutants(700):
        damage, good = damage_of(data), decodes(data)
        assert damage is None or not good, damage
        refused += not good
        missed += damage is None and not good
    assert refused > 200
    assert missed * 20 <= refused


def with_scan(payload: bytes, *before: bytes, frame: bytes | None = None) -> bytes:
    """A file with this scan header."""
    header = frame_header() if frame is None else frame
    return b"\xff\xd8" + TABLES + header + b"".join(before) + segment(0xDA, payload) + b"\1\2\xff\xd9"


WHOLE_SCAN = b"\3\1\0\2\x11\3\x11\0\x3f\0"
PROGRESSIVE = frame_header(marker=0xC2)
CODES = segment(0xC4, b"\0\0\1" + bytes(14) + b"\0")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (jpeg(segment(0xDB, b"\4" + bytes(64))), "a quantisation table of number 4"),
        (jpeg(segment(0xDB, b"\0" + bytes(63))), "a quantisation table of the wrong length"),
        (jpeg(segment(0xDB, b"\x10" + bytes(64))), "a quantisation table of the wrong length"),
        (jpeg(segment(0xC4, b"\4\1" + bytes(15) + b"\0")), "a Huffman table of number 4"),
        (jpeg(segment(0xC4, b"\x20\1" + bytes(15) + b"\0")), "a Huffman table of number 32"),
        (jpeg(segment(0xC4, b"\0\2" + bytes(15) + b"\0")), "a Huffman table of the wrong length"),
        (jpeg(segment(0xC4, b"\0\2" + bytes(15) + b"\0\1")), "a damaged Huffman table"),
        (jpeg(segment(0xC4, b"\0\0\1" + bytes(14) + b"\x10")), "a damaged Huffman table"),
        (
            jpeg(frame=segment(0xC0, struct.pack(">BHHB", 8, 30, 40, 1) + b"\1\x51\0")),
            "sampling factors (5x1)",
        ),
        (
            jpeg(frame=segment(0xC0, struct.pack(">BHHB", 8, 30, 40, 1) + b"\1\x10\0")),
            "sampling factors (1x0)",
        ),
        (
            jpeg(frame=segment(0xC0, struct.pack(">BHHB", 8, 30, 40, 1) + b"\1\x11\0\0")),
            "frame header of the wrong",
        ),
        (
            jpeg(frame=segment(0xC0, struct.pack(">BHHB", 8, 30, 40, 1) + b"\1\x11\2")),
            "no quantisation table for",
        ),
        (jpeg(frame=frame_header(65501, 3)), "is 65501x3 px; decoders take at most 65,500 px"),
        (jpeg(after=frame_header()), "two frame headers"),
        (jpeg(segment(0xDD, b"\0\0\0")), "a restart interval of the wrong length"),
        (with_scan(b"\1\7\0\0\x3f\0"), "a scan of a component that"),
        (with_scan(b"\2\1\0\1\0\0\x3f\0"), "a scan of a component that"),
        (with_scan(b"\1\1\0\0\x3f"), "a scan header of the wrong length"),
        (with_scan(b"\0\0\x3f\0"), "a scan header of the wrong length"),
        (with_scan(b"\1\1\x20\0\x3f\0"), "no Huffman table for a component"),
        (with_scan(b"\1\1\0\0\0\0", frame=PROGRESSIVE), "no Huffman table for a component"),
        (with_scan(b"\1\1\0\0\1\0", CODES, frame=PROGRESSIVE), "a progressive scan of impossible parameters"),
        (with_scan(b"\1\1\0\5\4\0", CODES, frame=PROGRESSIVE), "a progressive scan of impossible parameters"),
        (
            with_scan(b"\1\1\0\0\0\x0e", CODES, frame=PROGRESSIVE),
            "a progressive scan of impossible parameters",
        ),
        (
            with_scan(b"\1\1\0\0\0\x20", CODES, frame=PROGRESSIVE),
            "a progressive scan of impossible parameters",
        ),
        (jpeg(b"\xff\x11"), "a marker (FF11) that no decoder takes"),
        (jpeg(b"\xff\xd8"), "a marker (FFD8) that no decoder takes"),
    ],
)
def test_each_damage_is_named_and_refused_by_pillow(data: bytes, words: str) -> None:
    """Damage that is visible in the header, one kind each; only the thorough look pays for it."""
    assert words in (damage_of(data) or "")
    assert not decodes(data)
    assert probe_bytes(data, ProbeField.ORIENTATION).damage is None


@pytest.mark.parametrize(
    "data",
    [
        saved("CMYK"),
        saved("CMYK", progressive=True),
        saved(qtables=[[n + 1 for n in range(64)]] * 2),
        b"\xff\xd8" + segment(0xDB, b"\x10" + struct.pack(">64H", *range(300, 364))) + saved("L")[2:],
        re.sub(rb"\xff\xc4\0\x1f.{29}\xff\xc4\0\xb5.{179}", b"", saved(), flags=re.DOTALL),  # Motion JPEG
        jpeg(HUFFMAN),
        jpeg(segment(0xC4, b"\0\2" + bytes(15) + b"\0\1"), HUFFMAN),
        jpeg(segment(0xC4, b"\1\2" + bytes(15) + b"\0\1")),
        jpeg(segment(0xDD, b"\0\0")),
        jpeg(frame=frame_header(65500, 3)),
        with_scan(WHOLE_SCAN),
        with_scan(b"\1\1\0\1\5\7"),
    ],
)
def test_odd_but_sound_headers_have_no_damage(data: bytes) -> None:
    """16-bit tables, no tables, tables that are replaced or unused, odd parameters of a baseline scan."""
    assert damage_of(data) is None


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        (0xC3, "lossless JPEG (SOF3)"),
        (0xC5, "hierarchical JPEG (SOF5)"),
        (0xC9, "arithmetic-coded JPEG (SOF9)"),
        (0xCA, "arithmetic-coded JPEG (SOF10)"),
        (0xCB, "lossless arithmetic-coded JPEG (SOF11)"),
        (0xF7, "JPEG-LS"),
    ],
)
@pytest.mark.parametrize("fields", [ProbeField.NONE, ProbeField.ORIENTATION, ProbeField.ALL])
def test_other_codings_are_named_and_not_called_damaged(marker: int, words: str, fields: ProbeField) -> None:
    """Whether they can be decoded depends on the decoder; a lossless file has no quantisation table."""
    data = b"\xff\xd8" + frame_header(marker=marker) + SCAN + b"\1\2\xff\xd9"
    facts = probe_bytes(data, fields)
    assert (facts.variant, facts.damage, facts.size) == (words, None, (40, 30))
    cut = probe_bytes(data[:-2] + bytes(300), ProbeField.INTEGRITY)
    assert "cut off" in (cut.damage or "")


def padded(data: bytes, size: int) -> tuple[ImageFacts, int]:
    """The facts of a file with zeros behind it, and how many bytes were read."""
    given_out = 0

    def read(length: int, offset: int) -> bytes:
        nonlocal given_out
        length = max(min(length, size - offset), 0)
        given_out += length
        return data[offset : offset + length].ljust(length, b"\0")

    return probe_reader(read, size, ProbeField.ALL), given_out


@pytest.mark.parametrize("size", [5 << 20, 100 << 20, 1 << 40])
def test_whole_picture_with_any_padding_is_whole(size: int) -> None:
    """Preallocated and block-wise copied files end in zeros; the picture ends where its data ends."""
    facts, given_out = padded(saved(), size)
    assert facts.damage is None
    assert given_out < 8 << 20


@pytest.mark.parametrize("size", [5 << 20, 1 << 40])
def test_cut_off_picture_with_any_padding_is_cut_off(size: int) -> None:
    """The search ends where no picture of that size can reach."""
    facts, given_out = padded(saved()[:-2], size)
    assert "cut off inside its image data" in (facts.damage or "")
    assert given_out < 12 << 20


def test_quality_is_that_of_the_closest_sums() -> None:
    """As a search over the sums of all qualities finds it, though few of them are computed."""
    jpeg_tables._luminance_sum.cache_clear()
    jpeg_tables._sum_of_both.cache_clear()
    both = bytes([0]) + bytes([40] * 64) + bytes([1]) + bytes([50] * 64)
    assert jpeg_tables.estimate_quality([both], b"\0\1\1") == _closest(90 * 64, both=True)
    assert jpeg_tables._luminance_sum.cache_info().currsize < 10
    for total in (0, 64, 100, 2000, 3677, 3678, 3679, 9000, 200 * 64, 255 * 64):
        entries = [total // 64 + (number < total % 64) for number in range(64)]
        table = bytes([0, *entries])
        assert jpeg_tables.estimate_quality([table], b"\0") == _closest(total, both=False)


def _closest(total: int, *, both: bool) -> int:
    tables = (jpeg_tables._LUMINANCE, jpeg_tables._CHROMINANCE)[: 1 + both]
    sums = {
        quality: sum(jpeg_tables._scaled_sum(table, quality) for table in tables) for quality in range(1, 101)
    }
    return min(sums, key=lambda quality: (abs(sums[quality] - total), quality))
