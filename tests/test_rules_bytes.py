"""IB205, IB206, IB304: bytes that are not pixels, and pixels that have too many bytes or too few."""

import pytest

from imgbudget.model.fixes import Recode, StripMetadata
from imgbudget.testing import image, run_rule
from imgbudget_rules.ib205_metadata_bloat import metadata_bloat
from imgbudget_rules.ib206_costly_encoding import costly_encoding
from imgbudget_rules.ib304_heavy_compression import heavy_compression


@pytest.mark.parametrize(
    "spec",
    [
        "<jpeg 800x600>",
        "<jpeg 800x600 bytes=100000 metadata=65535>",
        "<jpeg 800x600 bytes=262144 metadata=65536>",
        "<jpeg 800x600 bytes=8000000 metadata=2000000>",
        '<jpeg 800x600 bytes=100000 metadata=90000 damage="ends early">',
        "<html>",
    ],
)
def test_metadata_that_is_small_or_a_small_share_is_silent(spec: str) -> None:
    """Under 64 KiB, up to a quarter of the file, unknown, or of a file that cannot be decoded."""
    assert run_rule(metadata_bloat, image(spec)) == []


@pytest.mark.parametrize(("size", "metadata"), [(262_143, 65_536), (8_000_000, 2_000_001)])
def test_metadata_over_a_quarter_is_stripped(size: int, metadata: int) -> None:
    """From 64 KiB on, one byte over a quarter of the file is reported with both numbers."""
    [problem] = run_rule(metadata_bloat, image(f"<jpeg 800x600 bytes={size} metadata={metadata}>"))
    assert (problem.measured, problem.limit, problem.unit) == (metadata, size // 4, "bytes")
    assert problem.message.startswith(f"{metadata:,} of {size:,} bytes (25 %) are metadata; ")
    assert problem.fix == StripMetadata()


@pytest.mark.parametrize(
    "spec",
    [
        "<png 400x1000 bytes=1000000>",
        "<png 1000x1000 bytes=2500000>",
        "<webp 1000x1000 bytes=2500000>",
        "<png 1000x1000 bytes=2600000 metadata=100000>",
        "<gif 1000x1000 bytes=2600000>",
        "<webp 1000x1000 bytes=2600000 frames=2>",
        '<png 1000x1000 bytes=2600000 damage="ends early">',
        "<png 1000x1000 bytes=7864321>",
        "<jpeg 2200x1000 bytes=1100000 quality=99>",
        "<jpeg 1000x1000 bytes=1000000 quality=99>",
        "<jpeg 1000x1000 bytes=3000000 quality=94>",
        "<jpeg 1000x1000 bytes=3000000>",
    ],
)
def test_encoding_at_the_bounds_is_silent(spec: str) -> None:
    """A million bytes, 2.5 and 0.5 bytes a pixel, quality 94; other formats, animations, other findings."""
    assert run_rule(costly_encoding, image(spec)) == []


@pytest.mark.parametrize(
    ("spec", "spent", "enough"),
    [
        ("<png 400x1000 bytes=1000001>", 1_000_001, 1_000_000),
        ("<png 1000x1000 bytes=2500001>", 2_500_001, 1_000_000),
        ("<webp 1200x1000 bytes=3000001>", 3_000_001, 1_200_000),
        ("<png 1000x1000 bytes=2600001 metadata=100000>", 2_500_001, 1_000_000),
        ("<jpeg 2200x1000 bytes=1100001 quality=95>", 1_100_001, 1_100_000),
        ("<jpeg 1000x1000 bytes=1000001 quality=95>", 1_000_001, 1_000_000),
    ],
)
def test_costly_encoding_is_reported_with_a_sufficient_size(spec: str, spent: int, enough: int) -> None:
    """Metadata is not counted; the fix never asks for less than a million bytes."""
    [problem] = run_rule(costly_encoding, image(spec))
    assert (problem.measured, problem.limit, problem.unit) == (spent, enough, "bytes")
    assert problem.fix == Recode(max_bytes=enough)


def test_the_message_shows_how_the_encoding_was_measured() -> None:
    """Format, quality if the tables show it, and bytes per pixel."""
    [png] = run_rule(costly_encoding, image("<png 1000x1000 bytes=3000000>"))
    assert png.message.startswith("png uses 3.0 bytes per pixel (3,000,000 bytes); 1 is enough")
    [jpeg] = run_rule(costly_encoding, image("<jpeg 1000x1000 bytes=1200000 quality=98>"))
    assert jpeg.message.startswith("jpeg of quality 98 uses 1.2 bytes per pixel")


@pytest.mark.parametrize(
    "spec",
    [
        "<jpeg 8x8 quality=50>",
        "<jpeg 8x8 quality=100>",
        "<jpeg 8x8>",
        "<png 8x8>",
        '<jpeg 8x8 quality=10 damage="x">',
    ],
)
def test_quality_of_50_is_enough(spec: str) -> None:
    """50 and more, not known, or of a file that cannot be decoded: silent."""
    assert run_rule(heavy_compression, image(spec)) == []


@pytest.mark.parametrize("quality", [49, 1, 0])
def test_quality_under_50_is_reported(quality: int) -> None:
    """The message has the quality of the tables."""
    [problem] = run_rule(heavy_compression, image(f"<jpeg 8x8 quality={quality}>"))
    assert (problem.measured, problem.limit, problem.unit) == (quality, 50, "quality")
    assert problem.message.startswith(f"jpeg quality is {quality}; claude-sonnet-4-6 may misread")
