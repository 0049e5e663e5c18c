"""Texts that are no JSON document: refused as json.loads refuses them, at its place, in bounded memory."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.errors import UnreadableError
from imgbudget.jsontext import document as document_module
from imgbudget.jsontext import strings
from imgbudget.jsontext.document import BadDocument, Document, open_documents
from tests.jsontexts import (
    CORPUS,
    LONG_TEXT,
    Sizing,
    bad,
    documents,
    filled,
    location,
    sizes,
    values,
    verdict,
    written,
)
from tests.sparse_source import Repeated

DAMAGE = [*(bytes([byte]) for byte in b'"\\{}[]:,x0AAA \n\t\x00\xff\xc3'), b"\\u", b"NaN", b""]
TORTURE = CORPUS / "requests" / "other" / "json-torture"


@given(data=st.data(), value=values, sizing=sizes, edits=st.integers(1, 3))
def test_what_json_loads_refuses_is_refused_at_the_same_place(
    data: st.DataObject, value: Any, sizing: Sizing, edits: int
) -> None:
    """A damaged text is taken or refused as json.loads does, and refused at the line and column it names."""
    raw = data.draw(written(value))
    for _ in range(edits):
        at = data.draw(st.integers(0, len(raw)))
        new = data.draw(st.sampled_from(DAMAGE))
        raw = raw[:at] + new + raw[at + data.draw(st.integers(0, 2)) :]
    (document,) = documents(raw, long=sizing.long, window=sizing.window)
    expected = verdict(raw)
    if not expected.error:
        assert isinstance(document, Document)
        assert filled(document, document.value) == expected.value
        return
    assert isinstance(document, BadDocument)
    if expected.location and "empty" not in document.message and "UTF" not in document.message:
        line, column = expected.location
        assert (document.line, document.column) == location(raw, document.offset) == (line, column)
        assert document.message.endswith(f" at line {line}, column {column}")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not JSON: the text is empty"),
        (b" \n", "not JSON: the text is empty"),
        (b'{"a": 1\n "b": 2}', "not JSON: expecting ',' at line 2, column 2"),
        (b'{"a" 1}', "not JSON: expecting ':' at line 1, column 6"),
        (b'["abc', "not JSON: unterminated string at line 1, column 2"),
        (b"{} {}", "not JSON: extra data at line 1, column 4"),
        (b'["\xc3\xa9", -Infinity, NaN]', "not JSON: -Infinity is not a JSON value at line 1, column 7"),
        (b'["NaN", NaN]', "not JSON: NaN is not a JSON value at line 1, column 9"),
        (b'["\xc3\xa9\xff"]', "not JSON: byte 0xff is not UTF-8 at line 1, column 4"),
        ('{"a": 1}'.encode("utf-16"), "not JSON: UTF-16, not UTF-8 (RFC 8259)"),
        ('{"東": 1}'.encode("utf-16-le"), "not JSON: UTF-16, not UTF-8 (RFC 8259)"),
        ("[1]".encode("utf-32-be"), "not JSON: UTF-32, not UTF-8 (RFC 8259)"),
        (b"[" * 100_000, "nested deeper than 500 levels at line 1, column 501"),
        (b'{"a":' * 100_000, "nested deeper than 500 levels at line 1, column 2501"),
    ],
)
def test_bad_text_is_reported_with_its_position(raw: bytes, message: str) -> None:
    """The message is a clause that says what is wrong and where."""
    assert bad(raw).message == message


@pytest.mark.parametrize(
    ("inside", "message", "column"),
    [
        (b"\n", "not JSON: invalid control character", 0),
        (b"\xff", "not JSON: byte 0xff is not UTF-8", 0),
        (b"\xc3AA", "not JSON: byte 0xc3 is not UTF-8", 0),
        (b"\\x", "not JSON: invalid \\escape at", 0),
        (b"\\u12g4", "not JSON: invalid \\uXXXX escape", 1),
        (b"\xc3\xa9\t", "not JSON: invalid control character", 1),
    ],
)
def test_bytes_that_are_jumped_over_are_still_checked(inside: bytes, message: str, column: int) -> None:
    """What json.loads would refuse inside a payload is refused at its place."""
    raw = f'[0,\n "{LONG_TEXT}'.encode() + inside + f'{LONG_TEXT}"]'.encode()
    found = bad(raw)
    assert found.message.startswith(message)
    assert (found.line, found.column) == (2, 3 + len(LONG_TEXT) + column)
    assert (found.start, found.end) == (0, len(raw))


def test_first_mistake_is_reported() -> None:
    """Garbage after a string is reported before its contents, a bad escape before the end of the text."""
    behind = bad(f'{{"a"{LONG_TEXT}\x01{LONG_TEXT}": 1}}'.encode())
    assert behind.message == "not JSON: expecting ':' at line 1, column 5"
    ended = bad(f'["{LONG_TEXT}\\ '.encode())
    assert ended.message == f"not JSON: invalid \\escape at line 1, column {3 + len(LONG_TEXT)}"
    assert bad(f'["{LONG_TEXT}\\'.encode()).message == "not JSON: unterminated string at line 1, column 2"


def test_unchecked_payload_is_checked_when_it_is_asked_for() -> None:
    """Without the check a flaw is found later, as an input that cannot be read."""
    raw = f'["{LONG_TEXT}", "{LONG_TEXT}\\x"]'.encode()
    (document,) = documents(raw, check=False)
    assert isinstance(document, Document)
    assert document.payload(document.value[0]).length == len(LONG_TEXT)
    with pytest.raises(UnreadableError, match=r"invalid \\escape"):
        document.payload(document.value[1])


@pytest.mark.parametrize("piece", [b"A", b"a b ", "é".encode(), b"\\n", b"\\\\", b'\\"', b" "])
def test_string_without_end_is_refused_in_bounded_memory(
    piece: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long and whatever its contents, only a few windows of the string are in memory."""
    monkeypatch.setattr(document_module, "MAX_TEXT", 4 << 20)
    monkeypatch.setattr(strings, "MAX_STRING", 32 << 20)
    source = Repeated(b'{"data": "x', piece, 48 << 20)
    tracemalloc.start()
    try:
        (document,) = open_documents(source, lines=False)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(document, BadDocument)
    assert document.message.startswith(("not JSON: unterminated string", "over "))
    assert peak < 16 << 20


def test_endless_prose_is_given_up() -> None:
    """A text string far larger than any body is not read to its end, valid or not."""
    (document,) = open_documents(Repeated(b'{"text": "', b"a b ", 160 << 20, b'"}'), lines=False)
    assert isinstance(document, BadDocument)
    assert document.message.startswith("over 64 MB of a string that is not plain base64")
    assert document.offset < 140 << 20


@pytest.mark.skipif(not TORTURE.exists(), reason="the corpus is not beside this checkout")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("i_number_huge_exp", ""),
        ("i_string_1st_surrogate_but_2nd_missing", ""),
        ("i_structure_UTF-8_BOM_empty_object", ""),
        ("y_object_duplicated_key", ""),
        ("y_string_nonCharacterInUTF-8_U_FFFF", ""),
        ("i_string_UTF-16LE_with_BOM", "not JSON: UTF-16, not UTF-8 (RFC 8259)"),
        ("n_string_unescaped_newline", "not JSON: invalid control character at line 1, column 6"),
        ("n_structure_100000_opening_arrays", "nested deeper than 500 levels at line 1, column 501"),
        ("n_structure_lone-invalid-utf-8", "not JSON: byte 0xe5 is not UTF-8 at line 1, column 1"),
        ("n_structure_no_data", "not JSON: the text is empty"),
    ],
)
def test_hostile_json_of_the_corpus(name: str, message: str) -> None:
    """What the JSON test suite calls valid is taken, what it calls invalid is refused."""
    (path,) = TORTURE.glob(f"*__{name}.json")
    (document,) = documents(path.read_bytes())
    assert (document.message if isinstance(document, BadDocument) else "") == message
