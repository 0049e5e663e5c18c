"""JSON Lines: one document per line, each read separately, in memory that does not grow with the file."""

import tracemalloc
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from imgbudget.jsontext.document import BadDocument, Document, open_documents
from tests.jsontexts import BOM, LONG_TEXT, Sizing, documents, filled, sizes, values, verdict, written
from tests.sparse_source import Repeated


@given(data=st.data(), rows=st.lists(values, max_size=5), sizing=sizes, cut=st.integers(0, 30))
def test_each_line_is_a_document(data: st.DataObject, rows: list[Any], sizing: Sizing, cut: int) -> None:
    """Each line is read as json.loads does; blank lines are skipped, a bad one affects no other."""
    written_rows = [data.draw(written(row)).replace(b"\r\n", b"").replace(b"\n", b"") for row in rows]
    joints = st.sampled_from((b"\n", b"\r\n", b"\n \n\n", b'\n{"half": "AAAAAAAAAA\n', b"\n\t\x00\n"))
    raw = b"".join(row + data.draw(joints) for row in written_rows)
    raw = raw[: max(len(raw) - cut, 0)]
    check = data.draw(st.booleans())
    found = documents(raw, lines=True, long=sizing.long, window=sizing.window, check=check)
    assert [document.number for document in found] == list(range(len(found)))
    heres = iter(found)
    for number, line in enumerate(raw.split(b"\n"), 1):
        text = line.removeprefix(BOM).strip(b" \t\r")
        if text:
            document = next(heres)
            assert raw[document.start : document.end].strip(b" \t\r") == text
            assert document.line == number
            expected = verdict(line)
            if expected.error:
                assert isinstance(document, BadDocument)
                assert expected.location in (None, (1, document.column)) or not check
            else:
                assert isinstance(document, Document)
                assert filled(document, document.value) == expected.value
                assert document.spans([()])[()].start == document.start
    assert next(heres, None) is None


def test_rows_are_documents_blank_or_bad() -> None:
    """Valid rows, bad rows and rows truncated in a payload are reported by line; blank ones are not."""
    row = f'{{"data": "{LONG_TEXT}"}}'.encode()
    raw = BOM + row + b"\r\n\r\n  \n{bad\n" + row[:900] + b"\n" + row + b"\n[1" + b"\n" + row[:1500]
    found = [(type(document), document.number, document.line) for document in documents(raw, lines=True)]
    assert found == [
        (Document, 0, 1),
        (BadDocument, 1, 4),
        (BadDocument, 2, 5),
        (Document, 3, 6),
        (BadDocument, 4, 7),
        (BadDocument, 5, 8),
    ]
    assert documents(b"\n \r\n\t", lines=True) == []


def test_flaw_in_a_row_ends_with_the_row() -> None:
    """A payload that is no JSON string is not looked at any further than its line."""
    row = f'{{"data": "{LONG_TEXT}\\x{LONG_TEXT}"}}'.encode()
    first, second = documents(row + b"\n[]\n", lines=True)
    assert isinstance(first, BadDocument)
    assert first.message == f"not JSON: invalid \\escape at line 1, column {11 + len(LONG_TEXT)}"
    assert isinstance(second, Document)
    assert second.start == len(row) + 1


def test_long_row_between_others_in_bounded_memory() -> None:
    """A line of 200 MB is a document like those before and behind it, and never in memory."""
    row = b'{"data": "x'
    source = Repeated(b'[1]\n{"data": "', b"A", 200_000_000, b'"}\n[2]\n')
    tracemalloc.start()
    try:
        first, long, last = open_documents(source, lines=True)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert isinstance(first, Document)
    assert isinstance(long, Document)
    assert isinstance(last, Document)
    payload = long.payload(long.value["data"])
    assert (payload.length, payload.read(5, 199_999_998)) == (200_000_000, b"AA")
    assert (last.value, last.line, last.start) == ([2], 3, 4 + len(row) - 1 + 200_000_000 + 3)
    assert peak < 4 << 20
