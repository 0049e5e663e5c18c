"""IB507: notes on the scale of an image, and what becomes of them when the image is resized."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget.model.scale_notes import scale_notes
from imgbudget.testing import request, run_rule
from imgbudget_rules.ib507_false_scale_note import false_scale_note
from tests.builders import body, image_block, image_bytes
from tests.conftest import Command

NOTE = "[Image: original 3000x2000, displayed at {}. Multiply coordinates by {} to map to original image.]"
QWEN = "Image overview: {}; oriented source: 3000x2000"


def turn(*content: Any, **more: Any) -> Any:
    """A request of one user turn."""
    return request({"messages": [{"role": "user", "content": list(content)}], **more})


@pytest.mark.parametrize(
    ("image", "note", "model", "seen"),
    [
        ("<png 2000x1333>", NOTE.format("2000x1333", "1.50"), "claude-sonnet-4-6", "1345x896"),
        ("<png 1268x845>", NOTE.format("2000x1333", "1.50"), "claude-sonnet-4-6", "1268x845"),
        ("<png 2000x1333>", QWEN.format("2000x1333"), "claude-sonnet-4-6", "1345x896"),
        ("<png 2000x1333>", QWEN.format("1344x896"), "claude-opus-4-8", "2000x1333"),
    ],
)
def test_notes_that_are_false(image: str, note: str, model: str, seen: str) -> None:
    """Each is reported at the text, with the size that the model sees."""
    [problem] = run_rule(false_scale_note, turn(image, f"see {note}", model=model))
    assert f"{seen}; coordinates are off" in problem.message
    assert problem.location is not None
    assert problem.location.dotted == "messages.0.content.1"


@pytest.mark.parametrize(
    ("image", "note", "model"),
    [
        ("<png 2000x1333>", NOTE.format("2000x1333", "1.50"), "claude-opus-4-8"),
        ("<png 1345x896>", NOTE.format("1344x896", "2.23"), "claude-sonnet-4-6"),
        ("<png 2000x1333>", "displayed at 100x100, original", "claude-sonnet-4-6"),
        ("<png 9000x100>", NOTE.format("2000x1333", "1.50"), "claude-sonnet-4-6"),  # rejected, IB101
        ("<png 800x600 damage='is cut off'>", NOTE.format("2000x1333", "1.50"), "claude-sonnet-4-6"),
    ],
)
def test_notes_that_are_true(image: str, note: str, model: str) -> None:
    """A rounding, a larger tier, other text, images that are not seen: silent."""
    assert run_rule(false_scale_note, turn(image, note, model=model)) == []


def test_each_note_has_its_image() -> None:
    """The image before it without a note, else the next one."""
    first, second = NOTE.format("10x10", "2.00"), NOTE.format("20x20", "2.00")
    noted = list(scale_notes(turn(first, "<png 10x10>", "<png 20x20>", second + second, "<png 30x30>")))
    assert [(note.use.size, note.displayed) for note in noted] == [
        ((10, 10), (10, 10)),
        ((20, 20), (20, 20)),
        ((30, 30), (20, 20)),
    ]


def test_many_notes_take_linear_time() -> None:
    """A thousand images with a thousand notes are paired one by one."""
    blocks = [block for _ in range(1000) for block in ("<png 10x10>", NOTE.format("10x10", "2.00"))]
    assert sum(1 for _ in scale_notes(turn(*blocks))) == 1000


def written(path: Path, *texts: str, size: tuple[int, int] = (2000, 1333)) -> Path:
    """A request with an image and texts."""
    path.write_text(json.dumps(body(image_block(image_bytes(size)), *texts)))
    return path


def texts_of(path: Path) -> list[str]:
    """The texts of the request."""
    return [block["text"] for block in json.loads(path.read_text())["messages"][0]["content"][1:]]


def test_resizing_corrects_the_note(imgbudget: Command, tmp_path: Path) -> None:
    """A fix of the image writes its new size and the factor, prints that, and leaves other text alone."""
    note = NOTE.format("2000x1333", "1.50")
    path = written(tmp_path / "r.json", f'<file name="é">{note}</file> where?', "displayed at 2000x1333")
    run = imgbudget("check", "r.json", "--fix", "--fix-level", "warning", "--report", "m.json")
    assert run.code == 0
    new = NOTE.format("1344x896", "2.23")
    assert texts_of(path) == [f'<file name="é">{new}</file> where?', "displayed at 2000x1333"]
    assert "messages.0.content.1: correct the note: original 3000x2000, displayed at 1344x896" in run.out
    [file] = json.loads((tmp_path / "m.json").read_text())["files"]
    assert [block["location"] for block in file["blocks"]] == ["messages.0.content.1"]


def test_note_alone_is_corrected_if_asked(imgbudget: Command, tmp_path: Path) -> None:
    """It changes what the model reads, so it needs --unsafe-fixes."""
    path = written(tmp_path / "r.json", NOTE.format("2000x1333", "1.50"))
    before = path.read_bytes()
    assert imgbudget("check", "r.json", "--fix", "--select", "IB507").code == 1
    assert path.read_bytes() == before
    assert imgbudget("check", "r.json", "--unsafe-fixes", "--fix", "--select", "IB507").code == 0
    assert texts_of(path) == [NOTE.format("1345x896", "2.23")]


def test_plan_corrects_the_note_too(imgbudget: Command, tmp_path: Path) -> None:
    """`plan --apply` makes the same change."""
    path = written(tmp_path / "r.json", NOTE.format("2000x1333", "1.50"))
    assert imgbudget("plan", "r.json", "--apply").code == 0
    assert texts_of(path) == [NOTE.format("1344x896", "2.23")]
