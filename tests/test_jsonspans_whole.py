"""A text in memory, which is scanned whole: what is read is what is read of it through a window."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.document import BadDocument, open_documents
from imgbudget.jsontext.source import JsonSource
from tests.jsontexts import LONG_TEXT, Sizing, filled, sizes, values, written

WIDTH = Sizing(long=4, window=16)


def outcome(data: bytes, sizing: Sizing, *, whole: bool) -> Any:
    """The value, or the mistake and its place."""
    source = JsonSource.from_bytes(data)
    if not whole:
        source.data = None
    (document,) = open_documents(source, lines=False, check=False, **sizing._asdict())
    if isinstance(document, BadDocument):
        return document
    try:
        return filled(document, document.value), document.start, document.end
    except UnreadableError as error:
        return str(error)


@given(values.flatmap(written), sizes, st.integers(0, 60))
@example(b'["' + b"a" * 13 + b'"]', WIDTH, 0)
@example(b'["a b' + b"a" * 12 + b'"]', WIDTH, 0)
@example(b'["a b' + b"a" * 40, WIDTH, 0)
@example(b'"' + b"a" * 14, WIDTH, 0)
@example(b"", WIDTH, 0)
@example(b'{"a": "' + b"x" * 30 + b'\\"' + b"y" * 30 + b'"}', WIDTH, 0)
def test_a_whole_text_is_read_as_through_a_window(data: bytes, sizing: Sizing, cut: int) -> None:
    """Whatever the width of the window, also of a text that ends too early."""
    data = data[: len(data) - cut] if cut < len(data) else data
    assert outcome(data, sizing, whole=True) == outcome(data, sizing, whole=False)


@pytest.mark.parametrize("piece", ["a", "a b ", "é", "\\n", '\\"', "\\\\"])
@pytest.mark.parametrize("end", ['"}', '", "b": 1}', "", '"'])
@pytest.mark.parametrize("count", [3, 1 << 14])
def test_a_long_string_of_any_text(piece: str, end: str, count: int) -> None:
    """Shorter and longer than a window, with its quote and without."""
    data = f'{{"0": "{LONG_TEXT}", "a": "{piece * count}{end}'.encode()
    sizing = Sizing(long=64, window=1 << 12)
    assert outcome(data, sizing, whole=True) == outcome(data, sizing, whole=False)


def test_a_whole_text_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read into a window."""
    monkeypatch.setattr(JsonSource, "readinto", None)
    assert outcome(f'["{LONG_TEXT}"]'.encode(), WIDTH, whole=True) == ([LONG_TEXT], 0, len(LONG_TEXT) + 4)


@given(
    values.flatmap(written),
    st.integers(0, 60),
    st.sampled_from((b"", b"\xff", b"]", b'{"a": 1, "a": 2}', b"\\u0001", b"\0")),
)
@example(b"", 0, b"")
@example(b"\xef\xbb\xbf \n", 0, b"")
def test_a_short_text_is_read_as_one_that_is_scanned(data: bytes, cut: int, end: bytes) -> None:
    """A body in memory without a long string needs no scan: value, places and mistakes are the same."""
    data = data[: max(len(data) - cut, 0)] + end

    def read(*, scanned: bool) -> Any:
        wanted = range(1) if scanned else None
        (document,) = open_documents(JsonSource.from_bytes(data), lines=False, wanted=wanted)
        if isinstance(document, BadDocument):
            return document
        place = document.start, document.end, document.line, document.number, document.lengths_may_repeat
        return document.value, place, document.duplicate_keys, document.spans([(), (0,), ("a",)])

    assert repr(read(scanned=False)) == repr(read(scanned=True))
