"""Chunks of a text of lines, which are read separately: together they are the text, counted the same."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from imgbudget.jsontext.document import open_documents
from imgbudget.jsontext.lines import split_into_chunks
from imgbudget.jsontext.source import BEGINNING, JsonSource, Start

LINES = (
    b"",
    b" ",
    b"\t\r",
    b" " * 70,
    b" " * 70 + b"1",
    b"1",
    b'{"a": [1, 2]}',
    b"{bad",
    b"\xff",
    b"\r",
    b"x" * 99,
)
MARKS = (b"", b"", b"\xef\xbb\xbf", b"\xef\xbb", b" \xef\xbb\xbf")
lines = st.lists(st.tuples(st.sampled_from(MARKS), st.sampled_from(LINES)).map(b"".join), max_size=30)


@given(
    lines=lines,
    ended=st.booleans(),
    size=st.integers(1, 60),
    most=st.integers(1, 9),
    window=st.integers(1, 50),
)
def test_documents_of_chunks_are_those_of_the_text(
    lines: list[bytes], *, ended: bool, size: int, most: int, window: int
) -> None:
    """Number, line and bytes of each, wherever a window ends."""
    source = JsonSource.from_bytes(b"\n".join(lines) + b"\n" * ended)
    told = [
        (document.number, document.line, document.start, document.end)
        for part in split_into_chunks(source, BEGINNING, size, most, window=window)
        for document in open_documents(source.until(part.end), lines=True, start=part.start)
    ]
    whole = open_documents(source, lines=True)
    assert told == [(each.number, each.line, each.start, each.end) for each in whole]


@given(lines=lines, size=st.integers(1, 60), most=st.integers(1, 9))
def test_chunks_follow_each_other_at_line_ends(lines: list[bytes], size: int, most: int) -> None:
    """Only the last one has fewer bytes and fewer documents than requested; none has more."""
    text = b"\n".join(lines)
    found = list(split_into_chunks(JsonSource.from_bytes(text), BEGINNING, size, most))
    assert [part.start.offset for part in found] + [len(text)] == [0] + [part.end for part in found]
    for part, behind in pairwise(found):
        count = behind.start.number - part.start.number
        assert count <= most
        assert count == most or part.end - part.start.offset >= size
        assert text[part.end - 1 : part.end] == b"\n"


def test_chunks_begin_after_a_document() -> None:
    """The rest of a partly read line is not a line."""
    text = b"\n[1] \n\n[2]\n[3]\n"
    parts = list(split_into_chunks(JsonSource.from_bytes(text), Start(4, 2, 1), 4, 99))
    assert parts == [(Start(4, 2, 1), 11), (Start(11, 5, 2), 15)]
