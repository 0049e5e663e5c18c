"""The alphabet of base64: what is not in it is found alike with and without pybase64."""

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.jsontext import alphabet
from imgbudget.jsontext.alphabet import ALPHABET, first_foreign, foreign_bytes
from imgbudget.jsontext.strings import StringStats

SIZES = st.sampled_from((0, 1, 255, 256, 257, 4095, 4096, 4097, 4098, 4099, 4100, 9001, 40_000))
PLACES = st.integers(0, 39_999) | st.integers(-9, 520)
FOREIGN = st.sampled_from(b'=-_"\\\n\0\x80\xff .,:;@[`{')


@pytest.fixture(params=["pybase64", "none"])
def decoder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With pybase64 from the first byte on, and without it."""
    name: str = request.param
    if name == "pybase64":
        monkeypatch.setattr(alphabet, "_WORTH", 1)
    else:
        monkeypatch.setitem(sys.modules, "pybase64", None)
    monkeypatch.setattr(alphabet, "_quick", alphabet._QuickDecoder())
    return name


def written(size: int, places: list[tuple[int, int]]) -> bytes:
    """Text of the alphabet with other bytes at some places."""
    text = bytearray((ALPHABET * (size // len(ALPHABET) + 1))[:size])
    for at, byte in places:
        if -size <= at < size:
            text[at] = byte
    return bytes(text)


@pytest.mark.usefixtures("decoder")
@given(size=SIZES, places=st.lists(st.tuples(PLACES, FOREIGN), max_size=6))
def test_foreign_bytes_are_those_that_a_pattern_finds(size: int, places: list[tuple[int, int]]) -> None:
    """The first place and all bytes in order, wherever they are: at the ends, alone, or many."""
    text = written(size, places)
    match = re.search(rb"[^A-Za-z0-9+/]", text)
    assert first_foreign(memoryview(text)) == (match.start() if match else -1)
    assert foreign_bytes(memoryview(text)) == re.sub(rb"[A-Za-z0-9+/]", b"", text)


@pytest.mark.parametrize("at", [300, 4097, 9_000])
@pytest.mark.usefixtures("decoder")
def test_every_byte_is_told_apart(at: int) -> None:
    """Each of the 256 bytes, in the middle of what is decoded and at its end."""
    for byte in range(256):
        text = memoryview(written(9_001, [(at, byte)]))
        assert (first_foreign(text) < 0) is (byte in ALPHABET)


@pytest.mark.usefixtures("decoder")
@given(
    cuts=st.lists(st.integers(0, 12_000), max_size=3),
    parts=st.lists(st.sampled_from(["", "\\/", "=", "==", "\\n", "data:image/png;base64,", "é"]), max_size=4),
)
def test_statistics_do_not_depend_on_how_a_string_is_cut(cuts: list[int], parts: list[str]) -> None:
    """Escapes, data URIs and padding between runs of base64, fed whole and in pieces."""
    raw = ("A" * 5000).join(["", *parts, ""]).encode()
    whole = StringStats(0)
    whole.feed(raw, 0)
    whole.finish()
    cut = StringStats(0)
    ends = sorted({0, *(min(it, len(raw)) for it in cuts), len(raw)})
    for start, end in pairwise(ends):
        cut.feed(memoryview(raw)[start:end], start)
    cut.finish()
    assert (cut.length, cut.width, cut.foreign) == (whole.length, whole.width, whole.foreign)


def test_pybase64_is_imported_only_for_much_text(tmp_path: Path) -> None:
    """Not for a body of some kilobytes: to import it takes longer than to read them without it."""
    code = (
        "import sys\nfrom imgbudget.jsontext.alphabet import first_foreign\n"
        "text = memoryview(b'A' * 500_000)\n"
        "for _ in range(3):\n    assert first_foreign(text) == -1\n    print('pybase64' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False", "True"]
