"""Unsafe fixes turn each page of a file into a file; if one cannot be made or written, the file stays."""

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from imgbudget.errors import FixError, WriteError
from imgbudget.fixing import pages as fixing_pages
from imgbudget.fixing.image import edit_image
from imgbudget.fixing.output_files import OutputTarget
from imgbudget.model.edits import ImageEdit
from tests.builders import body, image_block, write_json
from tests.conftest import Command
from tests.drawings import animated, soft

UNSAFE = ("check", "--fix", "--unsafe-fixes")


def opened(path: Path) -> Image.Image:
    """The image of a file, which is closed again."""
    return Image.open(io.BytesIO(path.read_bytes()))


def page(number: int, mode: str = "L") -> Image.Image:
    """A page that differs from the others in size and content."""
    return soft((500 + number, 300), mode).rotate(number)


def scan(count: int = 3, mode: str = "L") -> bytes:
    """A TIFF file of several pages."""
    out = io.BytesIO()
    first, *others = (page(number, mode) for number in range(1, count + 1))
    first.save(out, "TIFF", save_all=True, append_images=others)
    return out.getvalue()


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("mode", ["1", "L", "I;16", "RGB", "RGBA"])
def test_each_page_becomes_a_file(imgbudget: Command, tmp_path: Path, mode: str) -> None:
    """All pixels are kept, in the order of the pages; the file itself is replaced."""
    (tmp_path / "scan.tif").write_bytes(scan(mode=mode))
    run = imgbudget(*UNSAFE, "scan.tif", "--ignore", "IB202", "--report", "made.json")
    assert names(tmp_path) == ["made.json", "scan-p1.png", "scan-p2.png", "scan-p3.png"]
    for number in (1, 2, 3):
        made = opened(tmp_path / f"scan-p{number}.png")
        assert made.tobytes() == page(number, mode).tobytes()
    assert "fixed scan.tif: replaced by scan-p1.png to scan-p3.png" in run.out
    assert "fixed scan-p2.png: tiff 502x300" in run.out
    (entry,) = json.loads((tmp_path / "made.json").read_text())["files"]
    assert (entry["written"], len(entry["images"])) == ("scan-p1.png", 3)
    assert entry["pages"] == ["scan-p1.png", "scan-p2.png", "scan-p3.png"]
    assert imgbudget(*UNSAFE, ".", "--ignore", "IB202").code == 0
    assert len(names(tmp_path)) == 4


def test_without_unsafe_fixes_the_file_stays(imgbudget: Command, tmp_path: Path) -> None:
    """As does one of which only the difference is shown."""
    data = scan()
    (tmp_path / "scan.tif").write_bytes(data)
    imgbudget("check", "--fix", "scan.tif")
    shown = imgbudget("check", "--unsafe-fixes", "--diff", "scan.tif").out
    assert shown.count("--- scan.tif\n") == 3
    assert "+++ scan-p3.png\n" in shown
    assert names(tmp_path) == ["scan.tif"]
    assert (tmp_path / "scan.tif").read_bytes() == data


def test_backup_and_output_folder_work_as_for_other_files(imgbudget: Command, tmp_path: Path) -> None:
    """The file is kept under another name, or at its place."""
    data = scan()
    (tmp_path / "in").mkdir()
    (tmp_path / "in/scan.tif").write_bytes(data)
    imgbudget(*UNSAFE, "in", "--output-dir", "out")
    assert names(tmp_path / "out") == ["scan-p1.png", "scan-p2.png", "scan-p3.png"]
    assert names(tmp_path / "in") == ["scan.tif"]
    imgbudget(*UNSAFE, "in", "--backup")
    assert names(tmp_path / "in") == ["scan-p1.png", "scan-p2.png", "scan-p3.png", "scan.tif.bak"]
    assert (tmp_path / "in/scan.tif.bak").read_bytes() == data


def test_names_that_are_taken_are_left_alone(imgbudget: Command, tmp_path: Path) -> None:
    """The suffix of the file is kept in the name then, as for single images."""
    (tmp_path / "scan.tif").write_bytes(scan())
    (tmp_path / "scan-p2.png").write_bytes(b"mine")
    imgbudget(*UNSAFE, "scan.tif")
    assert names(tmp_path) == ["scan-p1.png", "scan-p2.png", "scan-p2.tif.png", "scan-p3.png"]
    assert (tmp_path / "scan-p2.png").read_bytes() == b"mine"


def test_pages_of_a_killed_run_are_taken_over(imgbudget: Command, tmp_path: Path) -> None:
    """A run that is repeated gives the same files, whatever the first one had written."""
    (tmp_path / "scan.tif").write_bytes(scan())
    imgbudget(*UNSAFE, "scan.tif")
    for left in ((2,), (2, 3), (1, 2, 3)):
        for number in {1, 2, 3} - set(left):
            (tmp_path / f"scan-p{number}.png").unlink()
        (tmp_path / "scan.tif").write_bytes(scan())
        imgbudget(*UNSAFE, "scan.tif")
        assert names(tmp_path) == ["scan-p1.png", "scan-p2.png", "scan-p3.png"]


def test_a_broken_page_keeps_the_file(imgbudget: Command, tmp_path: Path) -> None:
    """Nothing of the pages before it remains."""
    data = scan()
    data = data[: len(data) - 500]
    (tmp_path / "scan.tif").write_bytes(data)
    run = imgbudget(*UNSAFE, "scan.tif")
    assert names(tmp_path) == ["scan.tif"]
    assert (tmp_path / "scan.tif").read_bytes() == data
    assert "not fixed: scan.tif" in run.err


@pytest.mark.parametrize("error", [WriteError("scan.tif: the disk is full"), KeyboardInterrupt()])
@pytest.mark.parametrize("output", [[], ["--output-dir", "out"]])
def test_an_error_in_writing_removes_the_new_files(
    imgbudget: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    output: list[str],
    error: BaseException,
) -> None:
    """Whether the disk is full or the user interrupts: all pages, or the file as it was."""

    def fail(*_arguments: object, **_options: object) -> Iterator[None]:
        raise error

    data = scan()
    (tmp_path / "scan.tif").write_bytes(data)
    monkeypatch.setattr(OutputTarget, "open", fail)
    run = imgbudget(*UNSAFE, "scan.tif", "-j", "1", *output)
    assert run.code != 0
    assert names(tmp_path) == (["out", "scan.tif"] if output else ["scan.tif"])
    assert not output or names(tmp_path / "out") == []
    assert (tmp_path / "scan.tif").read_bytes() == data


def test_too_many_pages_are_not_begun(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file of millions of pages does not fill a folder."""
    monkeypatch.setattr(fixing_pages, "MOST_PAGES", 2)
    (tmp_path / "scan.tif").write_bytes(scan())
    assert "has 3 pages; imgbudget writes at most 2" in imgbudget(*UNSAFE, "scan.tif").err
    assert names(tmp_path) == ["scan.tif"]


def test_a_link_is_not_replaced_by_pages(imgbudget: Command, tmp_path: Path) -> None:
    """It could not be renamed; its target is not touched."""
    (tmp_path / "real").mkdir()
    (tmp_path / "real/scan.tif").write_bytes(scan())
    os.symlink("real/scan.tif", tmp_path / "link.tif")
    run = imgbudget(*UNSAFE, "link.tif")
    assert "link.tif: is a link and cannot be renamed" in run.err
    assert names(tmp_path / "real") == ["scan.tif"]


def test_in_requests_the_image_stays_with_a_reason(imgbudget: Command, tmp_path: Path) -> None:
    """A block holds one image; dropping the other pages unseen is no fix."""
    request = write_json(tmp_path / "r.json", body(image_block(scan(), "image/tiff")))
    before = request.read_bytes()
    run = imgbudget(*UNSAFE, "r.json")
    assert "has 3 pages, which one image cannot replace; send them one by one" in run.err
    assert request.read_bytes() == before
    with pytest.raises(FixError, match="has 3 pages"):
        edit_image(scan(), ImageEdit(first_frame=True, format="png"))


def test_pictures_of_heic_become_files(imgbudget: Command, tmp_path: Path) -> None:
    """A burst in one file, where the extra is installed."""
    reader = pytest.importorskip("pillow_heif")
    made = reader.from_pillow(page(1, "RGB"))
    made.add_from_pillow(page(2, "RGB"))
    made.save(tmp_path / "burst.heic")
    imgbudget(*UNSAFE, "burst.heic")
    assert names(tmp_path) == ["burst-p1.png", "burst-p2.png"]


@pytest.mark.parametrize(("form", "text"), [("TIFF", "file of 3 pages"), ("AVIF", "animation of 3 frames")])
def test_pages_are_called_pages(imgbudget: Command, tmp_path: Path, form: str, text: str) -> None:
    """A scan is no animation, and no fix is promised that keeps its first page only."""
    (tmp_path / "a").write_bytes(animated(form))
    (finding,) = imgbudget("check", "a", "--select", "IB204", "--format", "json").json["findings"]
    assert finding["message"].startswith(text)
    assert finding["help"] == f"send the {text.rsplit(maxsplit=1)[-1]} that matter as separate images"
    assert finding["fix"] is None


PLAN = ("plan", "--unsafe-fixes", "--apply", "--target", "dimension:400")


def test_a_plan_writes_pages_as_the_fixes_of_findings_do(imgbudget: Command, tmp_path: Path) -> None:
    """Those that need no resize keep their pixels; the table has the bytes of all."""
    out = io.BytesIO()
    sizes = [(800, 600), (300, 200), (200, 800)]
    first, *others = (soft(size) for size in sizes)
    first.save(out, "TIFF", save_all=True, append_images=others)
    (tmp_path / "scan.tif").write_bytes(out.getvalue())
    assert imgbudget("plan", "--target", "dimension:400", "--apply", "scan.tif").code == 0
    assert names(tmp_path) == ["scan.tif"]
    shown = imgbudget("plan", "--unsafe-fixes", "--target", "dimension:400", "scan.tif", "--format", "json")
    assert names(tmp_path) == ["scan.tif"]
    run = imgbudget(*PLAN, "scan.tif", "--report", "made.json")
    assert names(tmp_path) == ["made.json", "scan-p1.png", "scan-p2.png", "scan-p3.png"]
    assert "made scan.tif: replaced by scan-p1.png to scan-p3.png" in run.out
    made = [opened(tmp_path / f"scan-p{number}.png") for number in (1, 2, 3)]
    assert [max(one.size) <= 400 for one in made] == [True] * 3
    assert made[1].tobytes() == others[0].tobytes()
    (planned,) = shown.json["plans"]
    assert planned["after"]["bytes"] == sum((tmp_path / f"scan-p{n}.png").stat().st_size for n in (1, 2, 3))
    assert imgbudget(*PLAN, ".").code == 0
    assert len(names(tmp_path)) == 4


def test_a_plan_says_why_pages_are_not_written(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is changed, and nothing passed over."""
    data = scan()
    (tmp_path / "scan.tif").write_bytes(data)
    monkeypatch.setattr(fixing_pages, "MOST_PAGES", 2)
    run = imgbudget(*PLAN, "scan.tif")
    assert "not fixed: scan.tif: resize: has 3 pages; imgbudget writes at most 2" in run.err
    assert "1 not made" in run.err
    assert names(tmp_path) == ["scan.tif"]
    assert (tmp_path / "scan.tif").read_bytes() == data
