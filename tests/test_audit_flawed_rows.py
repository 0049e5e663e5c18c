"""Rows of lists and tables whose images are read although something in the row is wrong: it is an item."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from imgbudget.auditing.inputs.listfiles import OPEN_QUOTE
from imgbudget.auditing.inputs.manifests import LOST_CELL, MORE_CELLS
from imgbudget.auditing.inputs.placeholders import FEWER_IMAGES, MORE_IMAGES
from tests.builders import image_bytes
from tests.datasets import rows_of

PICTURE = image_bytes((300, 300))
NAMES = ("a.png", "b.png", "c.png")


@pytest.fixture
def at(tmp_path: Path) -> Path:
    """A folder with three images."""
    for name in NAMES:
        (tmp_path / name).write_bytes(PICTURE)
    return tmp_path


def found(*paths: Path) -> tuple[list[str], dict[str, bool]]:
    """The names of the images, and the reasons with whether something was missed."""
    rows = rows_of(*paths)
    images = [row["member"] for row in rows if row["subject"] == "image"]
    return images, {row["skipped"]: row["missed"] for row in rows if row["skipped"]}


@pytest.mark.parametrize("delimiter", [",", "\t"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\nc.png,x\nb.png,y\n"])
def test_quote_that_is_never_closed_is_an_item(at: Path, end: str, delimiter: str) -> None:
    """All rows behind it are in one cell of its row."""
    path = at / ("list.tsv" if delimiter == "\t" else "list.csv")
    text = f'file_name,text\na.png,"a quote"\nb.png,"never closed{end}'
    path.write_bytes(text.replace(",", delimiter).encode())
    images, reasons = found(path)
    assert (images, reasons) == (["a.png", "b.png"], {OPEN_QUOTE: True})


@pytest.mark.parametrize("end", ["", "\n", "\r\n", "\n\n", '\nc.png,"two\nlines"', '\nc.png,a "quote" in it'])
def test_quotes_that_are_closed_are_clean(at: Path, end: str) -> None:
    """Line breaks in a cell, and quotes in the middle of one, are none."""
    (at / "list.csv").write_text(f'file_name,text\na.png,"x ""y"""\nb.png,""{end}', newline="")
    images, reasons = found(at / "list.csv")
    assert (images[:2], reasons) == (["a.png", "b.png"], {})


@pytest.mark.parametrize(
    ("row", "reasons"),
    [
        ("b.png,hello, world", {MORE_CELLS: False}),
        ("b.png,hello,", {}),
        ("b.png,hello, ,", {}),
        ("b.png", {}),
        ("b.png,hello,c.png", {LOST_CELL: True}),
        ("b.png,hello,https://x.example/c.png?sig=1", {LOST_CELL: True}),
    ],
)
def test_row_with_more_cells_than_the_head_is_an_item(at: Path, row: str, reasons: dict[str, bool]) -> None:
    """Its image is read; one in a cell without a name is not, and missed."""
    (at / "list.csv").write_text(f"file_name,text\na.png,x\n{row}\n")
    assert found(at / "list.csv") == (["a.png", "b.png"], reasons)


def test_table_without_a_head_may_have_rows_of_any_length(at: Path) -> None:
    """Its first line is a row too."""
    (at / "list.csv").write_text("a.png,x\nb.png,y,z\n")
    assert found(at / "list.csv") == (["a.png", "b.png"], {})


def says(*texts: str, role: str = "role", content: str = "content") -> list[dict[str, Any]]:
    """Turns of a conversation."""
    return [{role: ("user", "assistant")[i % 2], content: text} for i, text in enumerate(texts)]


TWO, ONE, NO = "<image> and <image>", "<image>\nwhat is it?", "what is it?"
ROWS: Sequence[tuple[dict[str, Any], str | None]] = [
    ({"image": "a.png", "conversations": says(ONE, "a", role="from", content="value")}, None),
    ({"image": "a.png", "conversations": says(TWO, "a", role="from", content="value")}, FEWER_IMAGES),
    ({"image": "a.png", "conversations": says(ONE, "a", ONE, role="from", content="value")}, FEWER_IMAGES),
    ({"images": ["a.png"], "messages": says(ONE, "an <image> of it")}, FEWER_IMAGES),
    ({"images": ["a.png", "b.png"], "messages": says(TWO)}, None),
    ({"images": ["a.png", "a.png"], "messages": says(ONE, "a", ONE)}, None),
    ({"images": ["a.png", "b.png"], "messages": says(ONE)}, MORE_IMAGES),
    ({"images": ["a.png", "b.png"], "messages": says(NO)}, None),
    ({"images": ["a.png"], "image": None, "messages": says("<IMAGE> <image_1> <image x=1>")}, None),
    ({"image": "a.png", "conversation": [{"human": TWO, "assistant": "a"}]}, FEWER_IMAGES),
    ({"images": ["a.png"], "instruction": "<image>", "input": "<image>", "output": "b"}, FEWER_IMAGES),
    ({"images": ["a.png"], "query": ONE, "response": "a", "history": [[ONE, "b"]]}, FEWER_IMAGES),
    ({"images": ["a.png", "b.png"], "query": ONE, "response": "a", "history": [[ONE, "b"]]}, None),
    ({"images": ["a.png"], "system": "<image>", "messages": says(ONE)}, FEWER_IMAGES),
    ({"images": ["a.png"], "messages": [{"role": "user", "content": [{"type": "text", "text": TWO}]}]}, None),
    ({"images": [{"path": "a.png"}, {"path": "b.png"}], "messages": says(ONE)}, MORE_IMAGES),
    ({"image": "a.png", "caption": TWO}, None),
]


@pytest.mark.parametrize(("row", "reason"), ROWS)
@pytest.mark.parametrize("name", ["list.jsonl", "list.json"])
def test_places_for_images_that_do_not_fit_the_images_are_an_item(
    at: Path, row: dict[str, Any], reason: str | None, name: str
) -> None:
    """LLaMA-Factory refuses the row; an image without a place is read, a place without one lacks it."""
    (at / name).write_text(json.dumps(row) if name.endswith("l") else json.dumps([row]))
    images, reasons = found(at / name)
    assert set(images) == {"a.png", "b.png"} if "b.png" in json.dumps(row) else {"a.png"}
    assert reasons == ({reason: reason == FEWER_IMAGES} if reason else {})


def test_place_of_a_video_is_no_place_of_an_image(at: Path) -> None:
    """LLaVA writes both in the same way."""
    rows = [{"image": "a.png", "conversations": says(ONE)}, {"video": "x.mp4", "conversations": says(ONE)}]
    (at / "list.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    images, reasons = found(at / "list.jsonl")
    assert (images, set(reasons.values())) == (["a.png"], {False})
