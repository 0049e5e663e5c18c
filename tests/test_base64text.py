"""Base64 text: sizes, flaws and decoded bytes by position, equal to what a whole decode gives."""

import base64
import hashlib
import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.base64text import Base64Text, inspect
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from tests.sparse_source import Repeated

PREFIX = "data:image/png;base64,"
BYTES = bytes(range(256)) * 24

binaries = st.binary(min_size=1, max_size=80)
offsets = st.integers(0, 100)


def base64_text(
    text: str,
    *,
    escaped: str | None = None,
    prefixed: bool = False,
    url_safe: bool = False,
    long: int = 8,
) -> Base64Text:
    """What is made of the text as the string of a document, written as `escaped` if given."""
    raw = f'["{escaped}"]' if escaped is not None else json.dumps([text])
    (document,) = open_documents(JsonSource.from_bytes(raw.encode()), lines=False, long=long, window=64)
    assert isinstance(document, Document)
    assert document.text(document.value[0]) == text
    return inspect(document.payload(document.value[0]), prefixed=prefixed, url_safe=url_safe)


def encoded(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode()


@given(data=binaries, size=offsets, offset=offsets, long=st.sampled_from((1, 8, 1000)))
def test_read_is_a_slice_of_the_decoded_bytes(data: bytes, size: int, offset: int, long: int) -> None:
    """Any slice equals that of base64.b64decode; nothing is wrong with the text, and its sizes are exact."""
    text = base64_text(encoded(data), long=long)
    assert text.read(size, offset) == data[offset : offset + size]
    assert (text.length, text.byte_size) == (len(encoded(data)), len(data))
    assert (text.flaws, text.repairable, text.prefix, text.prefix_media_type) == ((), True, "", None)


@given(data=binaries, offset=offsets, step=st.integers(1, 30), count=st.integers(0, 30), draw=st.data())
def test_single_bytes_at_equal_distances(
    data: bytes, offset: int, step: int, count: int, draw: st.DataObject
) -> None:
    """Equals slicing with that step, for valid text, broken lines, the URL-safe alphabet and no padding."""
    text = encoded(data)
    text = draw.draw(
        st.sampled_from(
            (
                text,
                text.rstrip("="),
                text.translate(str.maketrans("+/", "-_")),
                PREFIX + text,
                "\n".join(text[i : i + 7] for i in range(0, len(text), 7)),
            )
        )
    )
    assert base64_text(text).each(offset, step, count) == data[offset::step][:count]


@given(data=binaries, size=offsets, offset=offsets, draw=st.data())
def test_repairable_text_gives_its_bytes(data: bytes, size: int, offset: int, draw: st.DataObject) -> None:
    """Prefixes, whitespace, escapes, the other alphabet and wrong padding do not change the bytes."""
    text = encoded(data)
    if draw.draw(st.booleans()):
        text = text.translate(str.maketrans("+/", "-_"))
    text = text.rstrip("=") + "=" * draw.draw(st.integers(0, 3))
    for _ in range(draw.draw(st.integers(0, 3))):
        at = draw.draw(st.integers(0, len(text)))
        text = text[:at] + draw.draw(st.sampled_from(("\n", "\r\n", " ", "\t"))) + text[at:]
    text = draw.draw(st.sampled_from(("", PREFIX, PREFIX * 2, "DATA:;base64,", " " + PREFIX))) + text
    escaped = json.dumps(text)[1:-1]
    if draw.draw(st.booleans()):
        escaped = escaped.replace("/", "\\/")
    found = base64_text(text, escaped=escaped, long=draw.draw(st.sampled_from((1, 8, 1000))))
    assert found.repairable
    assert found.byte_size == len(data)
    assert found.read(size, offset) == data[offset : offset + size]
    assert found.read(found.byte_size, 0) == data


@pytest.mark.parametrize("step", [76, 5000, 16384, 16385])
def test_bytes_of_a_long_broken_text(step: int) -> None:
    """Lines of any length are read at any offset, beyond the first pieces of the text too."""
    whole = encoded(BYTES * 8)
    text = base64_text("\r\n".join(whole[i : i + step] for i in range(0, len(whole), step)))
    for offset in (0, 1, 12_287, 12_288, 40_001, len(BYTES) * 8 - 2):
        assert text.read(50, offset) == (BYTES * 8)[offset : offset + 50]
    assert text.read(5, len(BYTES) * 8) == text.read(0, 3) == b""


def test_many_bytes_are_read_in_pieces() -> None:
    """So that the text of a large image is not in memory beside its bytes; from any offset."""
    data = BYTES * 150
    text = base64_text(encoded(data))
    for offset in (0, 1, 5000):
        tracemalloc.start()
        read = text.read(len(data), offset)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert read == data[offset:]
        assert peak < 1.8 * len(data)
    lines = base64_text("\n".join(encoded(data)[i : i + 5000] for i in range(0, len(encoded(data)), 5000)))
    assert lines.read(len(data), 1) == data[1:]


@pytest.mark.parametrize(
    ("text", "flaws"),
    [
        ("QUJD", ()),
        ("QUI=", ()),
        ("QQ==", ()),
        (f"{PREFIX}QUJD", (f"starts with a data-URI prefix ({PREFIX})",)),
        (f"{PREFIX}{PREFIX}QUJD", (f"starts with 2 data-URI prefixes ({PREFIX}{PREFIX})",)),
        ("image/png;base64,QUJD", ("starts with a data-URI prefix (image/png;base64,)",)),
        ("QUJD\n", ("holds 1 line break or blank",)),
        ("QU\r\nJD\r\n", ("holds 4 line breaks or blanks",)),
        ("QUI-_w==", ("uses the url-safe alphabet (- and _)",)),
        ("QUI", ("padding is missing (=)",)),
        ("QQ", ("padding is missing (==)",)),
        ("QQ=", ("padding is wrong (1 = where 2 are due)",)),
        ("QUI==", ("padding is wrong (2 = where 1 is due)",)),
        ("QUJD=", ("padding is wrong (1 = where none is due)",)),
        (
            f"{PREFIX}Q Q",
            (
                f"starts with a data-URI prefix ({PREFIX})",
                "holds 1 line break or blank",
                "padding is missing (==)",
            ),
        ),
    ],
)
def test_flaws_that_can_be_repaired(text: str, flaws: tuple[str, ...]) -> None:
    """Each flaw is named separately, and the bytes can still be decoded."""
    found = base64_text(text)
    assert (found.flaws, found.repairable) == (flaws, True)


@pytest.mark.parametrize(
    ("text", "flaws"),
    [
        ("", ("is empty",)),
        (PREFIX, (f"starts with a data-URI prefix ({PREFIX})", "is empty")),
        (" \n", ("holds 2 line breaks or blanks", "is empty")),
        ("==", ("is empty",)),
        ("QUJDQ", ("length is not a multiple of four",)),
        ("QUJDQ===", ("length is not a multiple of four",)),
        ("QUI=QUJD", ("holds padding (=) before its end",)),
        ("QU%D", ("holds characters outside the alphabet: '%'",)),
        ("QéUJD…", ("holds characters outside the alphabet: 'é', '…'",)),
        ("{[<>]}?", ("holds characters outside the alphabet: '{', '[', '<', '>', ']', …",)),
        (
            f"{PREFIX}QU:;,D",
            (
                f"starts with a data-URI prefix ({PREFIX})",
                "holds characters outside the alphabet: ':', ';', ','",
            ),
        ),
        ("photos/cat.png", ("holds characters outside the alphabet: '.'",)),
    ],
)
def test_flaws_that_cannot_be_repaired(text: str, flaws: tuple[str, ...]) -> None:
    """Text that is not base64 is reported as damaged; reading on gives bytes and no error."""
    found = base64_text(text)
    assert (found.flaws, found.repairable) == (flaws, False)
    assert len(found.read(1000, 0)) == found.byte_size


def test_prefix_that_the_format_wants_is_no_flaw() -> None:
    """Where a data URI is due one prefix is right and two are not; the media type is the last one's."""
    text = base64_text(f"data:Image/JPEG;charset=x;base64,{encoded(b'abc')}", prefixed=True)
    assert (text.flaws, text.prefix_media_type, text.read(3, 0)) == ((), "image/jpeg", b"abc")
    assert base64_text(f"{PREFIX}data:image/gif;base64,QUJD", prefixed=True).prefix_media_type == "image/gif"
    assert base64_text(f"{PREFIX}{PREFIX}QUJD", prefixed=True).flaws
    assert base64_text("data:;base64,QUJD").prefix_media_type is None


def test_both_alphabets_where_the_api_takes_them() -> None:
    """Gemini takes the url-safe alphabet, which is then no flaw; others are reported all the same."""
    text = base64_text("QUI-_w==", url_safe=True)
    assert (text.flaws, text.read(4, 0)) == ((), b"AB>\xff")
    assert base64_text("QUI-\n_w", url_safe=True).flaws == (
        "holds 1 line break or blank",
        "padding is missing (==)",
    )


def test_text_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """A file rewritten under the reader is called unreadable or gives fewer bytes; never read for ever."""
    file = tmp_path / "a.json"
    for blank, now in (("", b"A==="), ("\\n", b"    ")):
        file.write_text(f'["{blank}{encoded(BYTES * 9)}"]')
        with JsonSource.open(str(file)) as source:
            (document,) = open_documents(source, lines=False)
            assert isinstance(document, Document)
            text = inspect(document.payload(document.value[0]))
            assert text.read(3, 3000) == (BYTES * 9)[3000:3003]
            file.write_bytes(now * 30000)
            if blank:
                assert text.read(3, 3000) == b""
            else:
                with pytest.raises(UnreadableError, match="was changed"):
                    text.read(3, 3000)


def test_digest_is_that_of_the_text_as_sent() -> None:
    """Escapes do not count, everything else does; short and long texts are treated the same."""
    text = encoded(BYTES)
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert base64_text(text).digest() == base64_text(text, long=1 << 5).digest() == expected
    assert base64_text(text, escaped=text.replace("/", "\\/")).digest() == expected
    assert base64_text(text + "\n").digest() != expected


def test_large_payload_is_never_in_memory() -> None:
    """Of 20 MB in broken lines only the requested parts are in memory."""
    line = b"QUJD" * 19 + b"\\n"
    source = Repeated(b'["', line, 20_000_000 // len(line) * len(line), b'"]')
    tracemalloc.start()
    try:
        (document,) = open_documents(source, lines=False)
        assert isinstance(document, Document)
        text = inspect(document.payload(document.value[0]))
        beginning, middle = text.read(6, 0), text.read(6, 3_000_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert beginning == middle == b"ABCABC"
    assert text.byte_size == 20_000_000 // len(line) * 57
    assert peak < 4 << 20
