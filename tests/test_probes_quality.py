"""JPEG quality out of the quantisation tables: exact for those of the IJG library, near for others."""

import io
import struct

import pytest
from PIL import Image

from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.model.subjects import ProbeField
from tests.imagebytes import TABLES, jpeg, segment


def saved(quality: int, mode: str = "RGB", **options: object) -> bytes:
    """A JPEG file of Pillow's, with the IJG library's tables."""
    out = io.BytesIO()
    Image.new(mode, (8, 8)).save(out, "JPEG", quality=quality, **options)
    return out.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_quality_of_the_standard_tables_is_exact(mode: str) -> None:
    """Each quality from 1 to 100 is read back from the tables that libjpeg makes of it."""
    for quality in range(1, 101):
        assert probe_bytes(saved(quality, mode), ProbeField.QUALITY).quality == quality


def test_quality_of_other_tables_is_near() -> None:
    """Tables half as coarse as those of quality 50 come out near quality 75."""
    tables = [[round(value / 2) for value in table] for table in standard_tables()]
    told = probe_bytes(saved(50, qtables=tables), ProbeField.QUALITY).quality
    assert told is not None
    assert 72 <= told <= 78


def standard_tables() -> list[list[int]]:
    """Pillow's own reading of quality 50: the tables of Annex K."""
    with Image.open(io.BytesIO(saved(50))) as image:
        return [list(table) for table in image.quantization.values()]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "data", [jpeg().replace(TABLES, b""), jpeg().replace(TABLES, segment(0xDB, b"\0" * 40))]
)
def test_quality_without_a_complete_table_is_unknown(data: bytes) -> None:
    """Without a table, or with a truncated one: None."""
    assert probe_bytes(data, ProbeField.QUALITY).quality is None


@pytest.mark.parametrize("by", [-1, 1])
def test_quality_of_nearly_standard_tables_is_the_nearest(by: int) -> None:
    """One entry more or less makes no other quality."""
    for quality in (10, 50, 80, 90):
        with Image.open(io.BytesIO(saved(quality))) as image:
            tables = [list(table) for table in image.quantization.values()]  # type: ignore[attr-defined]
        tables[0][0] += by
        assert probe_bytes(saved(50, qtables=tables), ProbeField.QUALITY).quality == quality


def test_quality_does_not_depend_on_where_the_tables_are() -> None:
    """Long metadata before them moves the tables across the end of what is read at first."""
    data = saved(83)
    for length in (*range(1000), *range(1000, 60_000, 997)):
        moved = data[:2] + segment(0xE5, bytes(length)) + data[2:]
        assert probe_bytes(moved, ProbeField.QUALITY).quality == 83, length


def test_quality_of_16_bit_tables() -> None:
    """Tables with two bytes an entry count the same."""
    wide = b"".join(struct.pack(">H", 16) for _ in range(64))
    data = jpeg().replace(TABLES, segment(0xDB, b"\x10" + wide + b"\x11" + wide))
    narrow = jpeg().replace(TABLES, segment(0xDB, b"\0" + bytes([16] * 64) + b"\1" + bytes([16] * 64)))
    assert probe_bytes(data, ProbeField.QUALITY).quality == probe_bytes(narrow, ProbeField.QUALITY).quality
