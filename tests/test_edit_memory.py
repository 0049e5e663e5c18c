"""Equal images of requests are decoded and encoded once in a run, whatever asks for it."""

import json
from pathlib import Path

import pytest

from imgbudget.fixing import ahead, image, long_files
from imgbudget.model.edits import EditedImage, ImageEdit
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command, posix
from tests.processes import one_thread

SIZE = (1700, 1300)
FIX = ("--fix", "--fix-level", "warning")
FIRST, OTHER = (image_bytes(SIZE, colour=colour) for colour in (1, 2))


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The images that were edited in this process, in order."""
    made: list[bytes] = []
    edit_image = image.edit_image

    def counted(data: bytes, edit: ImageEdit) -> EditedImage:
        made.append(data)
        return edit_image(data, edit)

    monkeypatch.setattr(image, "edit_image", counted)
    return made


def request_of(*pictures: bytes) -> dict[str, object]:
    """A request with these images."""
    return body(*map(image_block, pictures), "What has changed?")


@pytest.mark.parametrize("command", [("plan",), ("check", *FIX, "--jobs", "1")], ids=" ".join)
def test_equal_images_of_a_request_are_encoded_once(
    imgbudget: Command, tmp_path: Path, encoded: list[bytes], command: tuple[str, ...]
) -> None:
    """A loop of screenshots in which nothing moves, and one other image between them."""
    write_json(tmp_path / "r.json", request_of(*[FIRST] * 4, OTHER, *[FIRST] * 4))
    run = imgbudget(*command, "r.json")
    assert run.code in (0, 1), run.out + run.err  # of equal images in one request a finding remains
    assert encoded == [FIRST, OTHER]


@pytest.mark.parametrize("long", [False, True])
def test_equal_images_of_rows_and_files_are_encoded_once(
    imgbudget: Command, tmp_path: Path, encoded: list[bytes], monkeypatch: pytest.MonkeyPatch, *, long: bool
) -> None:
    """A batch asks several questions about one image; so do several files, long or not."""
    monkeypatch.setattr(long_files, "LONG", 0 if long else 1 << 40)
    row = json.dumps(request_of(FIRST)) + "\n"
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text(row * 3)
    write_json(tmp_path / "c.json", request_of(FIRST))
    run = imgbudget("check", *FIX, ".", "--jobs", "1")
    assert run.code == 0, run.out + run.err
    assert encoded == [FIRST]
    lines = {line for name in ("a.jsonl", "b.jsonl") for line in (tmp_path / name).read_text().splitlines()}
    assert [json.loads(line) for line in lines] == [json.loads((tmp_path / "c.json").read_text())]


def test_the_same_image_with_another_aim_is_encoded_for_it(
    imgbudget: Command, tmp_path: Path, encoded: list[bytes]
) -> None:
    """Models differ in the size that they use."""
    large = image_bytes((2800, 2100))
    for name, model in (("a", "claude-sonnet-4-6"), ("b", "claude-opus-4-8"), ("c", "claude-opus-4-8")):
        write_json(tmp_path / f"{name}.json", request_of(large) | {"model": model})
    made = imgbudget("plan", ".", "--format", "json").json
    first, second, third = (tuple(plan["to"]) for plan in made["plans"])
    assert first != second == third
    assert encoded == [large, large]


@posix
def test_other_processes_edit_each_image_once(
    imgbudget: Command, tmp_path: Path, encoded: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of equal images is edited there, and the others are not edited again here."""
    one_thread(monkeypatch)
    monkeypatch.setattr(ahead, "_WORTH", 0)
    tasks: list[int] = []
    start = ahead.Ahead.__init__

    def counted(self: ahead.Ahead, edits: list[ahead.Edit], jobs: int) -> None:
        tasks.append(len(edits))
        start(self, edits, jobs)

    monkeypatch.setattr(ahead.Ahead, "__init__", counted)
    pictures = [FIRST, FIRST, OTHER, FIRST, OTHER]
    write_json(tmp_path / "r.json", request_of(*pictures))
    run = imgbudget("check", *FIX, "r.json", "--jobs", "2")
    assert run.code == 1, run.out + run.err
    assert tasks == [2]
    assert encoded == []
    made = json.loads((tmp_path / "r.json").read_text())["messages"][0]["content"]
    texts = [block["source"]["data"] for block in made if block["type"] == "image"]
    assert [texts.index(text) for text in texts] == [0, 0, 2, 0, 2]
