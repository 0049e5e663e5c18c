"""JSON documents with long strings left in the file: equal to json.loads, with positions."""

import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.document import BadDocument, Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Span
from tests.jsontexts import (
    BOM,
    CORPUS,
    LONG_TEXT,
    Sizing,
    filled,
    location,
    only,
    routes,
    sizes,
    values,
    verdict,
    written,
)

PIECES = ["A", "/", "\\/", "\\n", '\\"', "\\\\", "\\u0041", "é", "😀", "\\ud83d\\ude00", "\\ud83d", "\\uDE00"]
REQUESTS = sorted(path for path in CORPUS.glob("requests/**/*") if path.suffix in (".json", ".jsonl", ".har"))


@given(data=st.data(), value=values, sizing=sizes, options=st.sampled_from(({}, {"check": False})))
def test_masked_document_equals_json_loads(
    data: st.DataObject, value: Any, sizing: Sizing, options: dict[str, bool]
) -> None:
    """With its placeholders filled in a document equals json.loads, whatever the window and the threshold."""
    raw = data.draw(written(value))
    document = only(raw, long=sizing.long, window=sizing.window, **options)
    expected = verdict(raw).value
    assert filled(document, document.value) == expected
    assert json.loads(raw[document.start : document.end]) == expected
    assert raw[: document.start].removeprefix(BOM).strip() == raw[document.end :].strip() == b""
    assert document.line == raw.count(b"\n", 0, document.start) + 1


@given(data=st.data(), value=values, sizing=sizes)
def test_extents_are_lines_and_lengths_of_spans(data: st.DataObject, value: Any, sizing: Sizing) -> None:
    """The extent of a value is the first line and the length in bytes of its span."""
    raw = data.draw(written(value))
    document = only(raw, long=sizing.long, window=sizing.window)
    depth = data.draw(st.integers(0, 2))
    paths = [path for path, _ in routes(document.value) if len(path) == depth]
    spans = document.spans(paths)
    assert document.extents([*paths, ("no", "such", 1)]) == {
        path: (span.line, span.end - span.start) for path, span in spans.items()
    }


@given(data=st.data(), value=values, sizing=sizes)
def test_spans_lead_to_the_values_of_their_routes(data: st.DataObject, value: Any, sizing: Sizing) -> None:
    """The bytes of a span, parsed, are the value at its route; line and column are those of its offset."""
    raw = data.draw(written(value))
    document = only(raw, long=sizing.long, window=sizing.window)
    wanted = dict(routes(document.value))
    spans = document.spans([*wanted, ("no", "such", 1)])
    assert spans.keys() == wanted.keys()
    for route, span in spans.items():
        assert json.loads(raw[span.start : span.end]) == filled(document, wanted[route])
        assert (span.line, span.column) == location(raw, span.start)
        assert (span.end_line, span.end_column) == location(raw, span.end)
    for route, span in document.key_spans(wanted).items():
        assert json.loads(raw[span.start : span.end]) == filled(document, route[-1])


@given(data=st.data(), value=values, sizing=sizes)
def test_span_of_a_value_is_the_same_asked_for_alone(data: st.DataObject, value: Any, sizing: Sizing) -> None:
    """What follows a value does not change its span."""
    document = only(data.draw(written(value)), long=sizing.long, window=sizing.window)
    together = document.spans(route for route, _ in routes(document.value))
    for route, span in together.items():
        assert document.spans([route]) == {route: span}
        assert document.spans([route, (*route, "no"), (*route, 99)]) == {route: span}


@given(
    pieces=st.lists(st.sampled_from(PIECES)), sizing=sizes, size=st.integers(0, 20), offset=st.integers(0, 60)
)
@example(pieces=["\\ud83d", "\\ude00", "\\n"] * 9, sizing=Sizing(1, 8), size=3, offset=1)
def test_payload_is_read_by_position_however_it_is_escaped(
    pieces: list[str], sizing: Sizing, size: int, offset: int
) -> None:
    """Length, slices and invalid characters are those of the unescaped text."""
    raw = '["' + "".join(pieces) + '"]'
    text = json.loads(raw)[0]
    document = only(raw.encode(), long=sizing.long, window=sizing.window)
    payload = document.payload(document.value[0])
    assert payload.length == len(text)
    assert payload.text(size, offset) == text[offset : offset + size]
    assert payload.read(size, offset) == text[offset : offset + size].encode("ascii", "replace")
    foreign = [character for character in text if not re.fullmatch("[A-Za-z0-9+/]", character)]
    assert payload.foreign() == Counter(foreign)
    if payload.start is not None and payload.end is not None:
        assert json.loads(b'"' + raw.encode()[payload.start : payload.end] + b'"') == text


def test_short_strings_are_themselves() -> None:
    """A string that is not left in the file is its own text and payload."""
    document = only(b'{"a": "short", "b": ""}')
    payload = document.payload(document.value["a"])
    assert document.value == {"a": "short", "b": ""}
    assert (payload.start, payload.end, payload.length) == (None, None, 5)
    assert payload.read(3, 1) == b"hor"


def test_prose_is_left_to_the_parser() -> None:
    """A long string with spaces or letters beyond ASCII near its beginning is kept in the value."""
    for text in ("a word " * 400, "é" * 2000):
        assert only(json.dumps([text], ensure_ascii=False).encode()).value == [text]


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,", "\\/9j\\/", "AAAA\\n"])
def test_payload_stays_in_the_file(prefix: str) -> None:
    """A long base64 string or data URI, escaped or not, is a placeholder with its position."""
    raw = f'{{"data": "{prefix}{LONG_TEXT}"}}'.encode()
    document = only(raw)
    payload = document.payload(document.value["data"])
    assert len(document.value["data"]) < 10
    assert (payload.start, payload.end) == (10, len(raw) - 2)
    assert document.text(document.value["data"]) == json.loads(raw)["data"]


def test_giant_string_stays_in_the_file_whatever_it_holds() -> None:
    """Prose without a quote for a whole window is not materialised either."""
    text = "é word " * 100_000
    document = only(json.dumps([text], ensure_ascii=False).encode())
    assert len(document.value[0]) < 10
    assert document.text(document.value[0]) == text


@pytest.mark.parametrize(
    "held", ["\\u0001", "\\u00010", "\\u0001\\u00010", "\\\\u0001", "\\u0001\\u0001\\u0001"]
)
def test_placeholder_is_no_string_of_the_document(held: str) -> None:
    """A document that contains a possible placeholder gets different ones."""
    raw = f'["{held}", "{LONG_TEXT}", {{"{held}": "{LONG_TEXT}"}}]'.encode()
    document = only(raw)
    assert filled(document, document.value) == json.loads(raw)
    assert document.spans([(2,)])[2,].start == raw.index(b"{")


def test_spans_of_what_is_left_in_the_file() -> None:
    """Columns count characters and offsets bytes, behind a payload too; the place of a key can be had."""
    raw = f'{{"é": "{LONG_TEXT}", "b": 1}}'.encode()
    document = only(raw)
    after = raw.index(b"1")
    assert document.spans([("b",)]) == {("b",): Span(after, after + 1, 1, after, 1, after + 1)}
    assert document.key_spans([("b",), ()]) == {
        ("b",): Span(after - 5, after - 2, 1, after - 5, 1, after - 2)
    }


def test_duplicate_keys_are_reported_and_the_last_one_counts() -> None:
    """Paths of duplicate members are reported; spans are those of the value that json.loads keeps."""
    raw = b'{"a": {"x": 1, "y": 2}, "b": [{"k": 1, "k": 2}], "a": {"x": 3}}'
    document = only(raw)
    assert only(b'[{"a": 1}, {"a": 1}]').duplicate_keys == ()
    assert document.duplicate_keys == (("b", 0, "k"), ("a",))
    spans = document.spans([("a", "x"), ("a", "y"), ("b", 0, "k")])
    assert {route: raw[span.start : span.end] for route, span in spans.items()} == {
        ("a", "x"): b"3",
        ("b", 0, "k"): b"2",
    }


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 5000])
def test_blanks_behind_a_document_belong_to_none(count: int) -> None:
    """However many there are, the document ends before them, and text behind them is a mistake."""
    text = b'{"a": 1}' + b" \n" * count
    (document,) = open_documents(JsonSource.from_bytes(text), lines=False)
    assert isinstance(document, Document)
    assert (document.value, document.start, document.end) == ({"a": 1}, 0, 8)
    (bad,) = open_documents(JsonSource.from_bytes(text + b"x"), lines=False)
    assert isinstance(bad, BadDocument)
    assert bad.line == count + 1


def test_number_beyond_pythons_digits_is_a_number() -> None:
    """An integer of 5,000 digits is JSON: it is read as a float; so is an exponent beyond any float."""
    assert only(b"[" + b"7" * 5000 + b", 12]").value == [float("inf"), 12]
    assert only(b"[" + b"7" * 5000 + b', "x"]').spans([(1,)])[1,].start == 5003


def test_million_keys_are_read() -> None:
    """A million members are no reason to fail."""
    raw = b"{" + b",".join(b'"%d":%d' % (i, i) for i in range(1_000_000)) + b"}"
    assert len(only(raw).value) == 1_000_000


def test_file_is_read_by_position(tmp_path: Path) -> None:
    """A file and its descriptor give the documents; a descriptor stays open and where it was."""
    file = tmp_path / "a.json"
    file.write_bytes(f'{{"data": "{LONG_TEXT}"}}'.encode())
    with JsonSource.open(str(file)) as source:
        (document,) = open_documents(source, lines=False)
        assert isinstance(document, Document)
        assert document.payload(document.value["data"]).read(11, 11) == b"iVBORw0KGgo"
    with file.open("rb") as opened:
        source = JsonSource(opened.fileno())
        assert source.size == file.stat().st_size
        assert len(list(open_documents(source, lines=True))) == 1
        source.close()
        assert os.lseek(opened.fileno(), 0, os.SEEK_CUR) == 0


def test_file_that_shrinks_is_reported(tmp_path: Path) -> None:
    """A payload that is gone when it is read raises the error for unreadable inputs."""
    file = tmp_path / "a.json"
    file.write_bytes(f'["{LONG_TEXT}", "\\/{LONG_TEXT}"]'.encode())
    with JsonSource.open(str(file)) as source:
        (document,) = open_documents(source, lines=False)
        assert isinstance(document, Document)
        plain, escaped = (document.payload(value) for value in document.value)
        file.write_bytes(b"[")
        for payload in (plain, escaped):
            with pytest.raises(UnreadableError, match="became shorter"):
                payload.read(4, 1500)
        # what a probe looks at first was kept, and so was the end
        assert plain.read(11, 0) == plain.read(11, len(LONG_TEXT) - 11) == LONG_TEXT[:11].encode()
        assert plain.read(99, len(LONG_TEXT) - 5) == LONG_TEXT[-5:].encode()
        file.write_bytes(b"\xff" * 10_000)
        with pytest.raises(UnreadableError, match="was changed"):
            escaped.read(4, 0)


def test_folder_is_no_text(tmp_path: Path) -> None:
    """A path that cannot be read raises OSError, when opened or when read."""
    with JsonSource.open(str(tmp_path)) as source, pytest.raises(OSError, match="directory"):
        list(open_documents(source, lines=False))


@pytest.mark.skipif(not REQUESTS, reason="the corpus is not beside this checkout")
def test_corpus_is_read_as_json_loads_reads_it() -> None:
    """Every recorded request is taken or refused as json.loads does, whole or line by line."""
    for path in REQUESTS:
        if "json-torture" in str(path):
            continue
        raw = path.read_bytes()
        lines = path.suffix == ".jsonl"
        texts = [line for line in raw.splitlines() if line.strip()] if lines else [raw]
        expected = [verdict(text).value for text in texts]
        with JsonSource.open(str(path)) as source:
            found = list(open_documents(source, lines=lines))
            for document, value in zip(found, expected, strict=True):
                assert isinstance(document, Document), path
                assert filled(document, document.value) == value, path
                span = document.spans([()])[()]
                assert (span.start, span.end) == (document.start, document.end), path
