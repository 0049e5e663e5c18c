"""Pages of a PDF file, counted by the page tree in tables and streams, plain and compressed, or unknown."""

import io
import re
import time
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgbudget.imageinfo.pdf import count_pages
from imgbudget.imageinfo.reader import bytes_reader
from tests.pdffiles import CATALOGUE, OBJECTS, TREE, indirect, packed, stream, table


def pages(data: bytes) -> int | None:
    """Pages of a file in hand."""
    return count_pages(bytes_reader(data), len(data)).pages


@pytest.mark.parametrize("count", [1, 2, 700])
def test_files_of_pillow(count: int) -> None:
    """Pillow writes plain tables."""
    out = io.BytesIO()
    images = [Image.new("L", (3, 3)) for _ in range(count)]
    images[0].save(out, "PDF", save_all=True, append_images=images[1:])
    assert pages(out.getvalue()) == count


@pytest.mark.parametrize(
    "data",
    [
        table(OBJECTS),
        packed(OBJECTS),
        packed(OBJECTS, predict=None),
        packed(OBJECTS, predict=0),
        packed(OBJECTS, predict=1),
        packed(OBJECTS, pack=False),
        packed(OBJECTS, pack=False, widths=(0, 3, 0)),
        b"junk\n" * 9 + table(OBJECTS),
        table(OBJECTS) + bytes(50_000),
        table(OBJECTS).replace(b"xref\n", b"xref \r\n", 1).replace(b"obj\n<<", b"obj <<"),
        table({1: CATALOGUE, 2: TREE.replace(b"12", b"5 0 R"), 5: b"12"}),
        table({1: CATALOGUE.replace(b"2 0 R", b"2\x000 R"), 2: TREE.replace(b" ", b"\0")}),
        packed(OBJECTS, between=b"\0"),
        table({1: b"<</Pages 2 0 R/A(a (b) \\) c)/B<0a F>/C[true null -1 .5]%% <<\n/D<<>>>>", 2: TREE}),
    ],
)
def test_pages_are_the_count_of_the_trees_root(data: bytes) -> None:
    """Tables, streams, predictors, junk around the file, long and odd dictionaries."""
    assert pages(data) == 12


def test_a_tree_can_list_thousands_of_pages() -> None:
    """The dictionary at its root is then longer than what is read at once."""
    tree = b"<< /Kids [" + b"3 0 R " * 20_000 + b"] /Type /Pages /Count %d >>"
    assert pages(table({1: CATALOGUE, 2: tree % 20_000})) == 20_000
    assert pages(table({1: CATALOGUE, 2: tree % 19_999})) is None


def test_the_newest_part_of_a_file_counts() -> None:
    """A file that was changed has parts appended, each with its own table and the place of the older one."""
    old = table(OBJECTS)
    at = int(re.findall(rb"startxref\n(\d+)", old)[-1])
    new = table({2: TREE.replace(b"12", b"13")}, start=old, more=f"/Prev {at}")
    assert pages(new) == 13
    assert pages(table({7: b"null"}, start=new, more=f"/Prev {len(new)}")) is None
    assert pages(table({7: b"null"}, start=old, more=f"/Prev {at}")) == 12
    other = {5: CATALOGUE.replace(b"2 0", b"6 0"), 6: TREE.replace(b"12", b"14")}
    assert pages(table(other, b"/Root 5 0 R", start=old, more=f"/Prev {at}")) == 14


def test_parts_that_form_a_ring_end() -> None:
    """The older part may be the part itself."""
    at = int(re.findall(rb"startxref\n(\d+)", table(OBJECTS))[-1])
    assert pages(table(OBJECTS, more=f"/Prev {at} /XRefStm {at}")) == 12


def test_a_hybrid_file_has_objects_in_a_stream() -> None:
    """Its table leaves them out, and its trailer leads to a stream that lists them."""
    inner = packed({2: TREE})
    at = int(re.findall(rb"startxref\n(\d+)", inner)[-1])
    assert pages(table({1: CATALOGUE}, start=inner, more=f"/XRefStm {at}")) == 12


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"%PDF-1.4\n",
        b"no PDF at all",
        table(OBJECTS, b"/Root 1 0 R /Encrypt 5 0 R"),
        table(OBJECTS, b""),
        table(OBJECTS, b"/Root 7 0 R"),
        table({1: CATALOGUE}),
        table({1: b"[1 2]", 2: TREE}),
        table({1: CATALOGUE, 2: b"<< /Type /Pages >>"}),
        table({1: CATALOGUE, 2: TREE.replace(b"12", b"-1")}),
        table({1: CATALOGUE, 2: TREE.replace(b"12", b"99999999999")}),
        table({1: CATALOGUE, 2: TREE.replace(b"12", b"2 0 R")}),
        table({1: b"1 0 R", 2: TREE}),
        table(OBJECTS)[:-40],
        table(OBJECTS).replace(b"startxref\n", b"startxref\n9"),
        table(OBJECTS).replace(b"2 0 obj", b"5 0 obj"),
        table({1: CATALOGUE, 2: b"<<" * 100}),
        table({1: CATALOGUE, 2: b"<< /Count ( 12 >>"}),
        packed(OBJECTS).replace(b"/FlateDecode ", b"/LZWDecode "),
        packed(OBJECTS).replace(b"/Predictor 12", b"/Predictor 2 "),
        packed(OBJECTS).replace(b"/N 2 /First", b"/N 2 /Furst"),
        packed(OBJECTS)[:60] + b"xxxx" + packed(OBJECTS)[64:],
    ],
)
def test_unknown_page_count_is_none(data: bytes) -> None:
    """Encrypted, damaged, without a tree, or not a PDF."""
    assert pages(data) is None


def test_an_error_of_the_reader_comes_through() -> None:
    """It is no matter of the file."""

    def read(size: int, offset: int) -> bytes:
        raise OSError(5, f"no {size} bytes at {offset}")

    with pytest.raises(OSError, match="no 1024 bytes at 0"):
        count_pages(read, 5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: table({1: CATALOGUE, 2: b"<< /A " + b"[" * 60_000 + b"]" * 60_000 + b"%" * 200_000}),
        lambda: packed({1: CATALOGUE, 2: b"(" * 500_000}),
        lambda: packed({1: CATALOGUE, 2: bytes(200 << 20)}),
        lambda: packed(OBJECTS).replace(b"/Length ", b"/Length 9999"),
        lambda: (
            b"%PDF-1.5\n"
            + indirect(
                9,
                stream(
                    b"/Type /XRef /Root 1 0 R /W [1 2 1] /Size 5 /Filter /FlateDecode"
                    b" /DecodeParms << /Predictor 12 /Columns 4 >>",
                    zlib.compress(b"\2" * (30 << 20)),
                ),
            )
            + b"startxref\n9\n"
        ),
    ],
)
def test_hostile_files_end(make: Callable[[], bytes]) -> None:
    """Deep nesting, strings without an end, streams that inflate without end."""
    data = make()
    start = time.process_time()
    pages(data)
    assert time.process_time() - start < 10  # a hang, not a slow machine


@settings(max_examples=600)
@given(
    data=st.sampled_from([table(OBJECTS), packed(OBJECTS), packed(OBJECTS, pack=False)]),
    changes=st.lists(
        st.tuples(st.integers(0, 700), st.binary(max_size=6), st.integers(0, 9)), min_size=1, max_size=6
    ),
)
def test_changed_files(data: bytes, changes: list[tuple[int, bytes, int]]) -> None:
    """A number or None, whatever was changed, and at every length."""
    for at, put, out in changes:
        data = data[:at] + put + data[at + out :]
    count = pages(data)
    assert count is None or count >= 0


@pytest.mark.parametrize("data", [table(OBJECTS), packed(OBJECTS)])
def test_cut_at_every_byte(data: bytes) -> None:
    """A cut file has no start of its cross-references."""
    assert {pages(data[:length]) for length in range(len(data) - 8)} == {None}
