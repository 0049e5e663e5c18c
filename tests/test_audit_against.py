"""Images that another set has too: named as images, as rows of an audit, or as hashes without the images."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Command
from tests.test_pixels_hashes import encoded, scene


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset of three images, and a benchmark that has two of them: the pixels of one, a smaller other."""
    monkeypatch.chdir(tmp_path)
    images = [scene(seed, 320, 240) for seed in (1, 2, 3)]
    for part in ("data", "bench"):
        (tmp_path / part).mkdir()
    for name, image in zip("abc", images, strict=True):
        (tmp_path / "data" / f"{name}.png").write_bytes(encoded(image, "PNG"))
    (tmp_path / "bench" / "1.bmp").write_bytes(encoded(images[0], "BMP"))
    (tmp_path / "bench" / "2.jpg").write_bytes(encoded(images[1].resize((200, 150)), "JPEG"))
    (tmp_path / "bench" / "3.png").write_bytes(encoded(scene(9, 320, 240), "PNG"))
    return tmp_path


def leaked(imgbudget: Command, *against: str) -> list[str]:
    """The images that are found in other sets."""
    named = [word for name in against for word in ("--against", name)]
    run = imgbudget("audit", "data", *named, "--isolated", "-j", "1", "--format", "json", "--select", "IB912")
    assert (run.code, run.err) == (0, "")
    statistics = json.loads(run.out)["statistics"]
    found = [rule for rule in statistics["rules"] if rule["code"] == "IB912"]
    assert statistics["near"]["leaks"] == sum(rule["findings"] for rule in found)
    return [example for rule in found for example in rule["examples"]]


def test_a_benchmark_is_named_as_images_rows_or_hashes(imgbudget: Command, folder: Path) -> None:
    """All three find the same images; a file of hashes has neither names nor order."""
    expected = ["data/a.png", "data/b.png"]
    assert leaked(imgbudget, "bench") == expected
    made = imgbudget("audit", "bench", "--isolated", "-j", "1", "--rows", "rows", "--hashes", "bench.csv")
    assert (made.code, made.err) == (0, "")
    shutil.rmtree("bench")
    assert leaked(imgbudget, "rows") == expected
    assert leaked(imgbudget, str(next(Path("rows").glob("*.parquet")))) == expected
    assert leaked(imgbudget, "bench.csv") == expected
    assert leaked(imgbudget, "bench.csv", "rows") == expected * 2
    lines = Path("bench.csv").read_text().splitlines()
    assert lines[0] == "phash,pixel_hash"
    assert lines[1:] == sorted(lines[1:])
    assert [len(line) for line in lines[1:]] == [16 + 1 + 32] * 3


def test_a_set_without_matches_leaks_nothing(imgbudget: Command, folder: Path) -> None:
    """Other images in it, and images of one colour, are not found."""
    (folder / "other.csv").write_text(f"phash,pixel_hash\n{'0f' * 8},{'ab' * 16}\n,{'cd' * 16}\n")
    assert leaked(imgbudget, "other.csv") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("phash,pixel_hash\n", "no image in it to compare with"),
        (f"phash,pixel_hash\n{'0' * 16},{'0' * 31}\n", "line 2 is not a pair of hashes"),
        (f"phash,pixel_hash\n{'G' * 16},{'0' * 32}\n", "line 2 is not a pair of hashes"),
        ("phash,pixel_hash\n" + "0" * 9000, "line 2 is not a pair of hashes"),
        (None, "nowhere.csv"),
    ],
)
def test_a_damaged_set_is_an_error(
    imgbudget: Command, folder: Path, content: str | None, message: str
) -> None:
    """What cannot be compared is never taken for clean."""
    if content is not None:
        (folder / "nowhere.csv").write_text(content)
    run = imgbudget("audit", "data", "--against", "nowhere.csv", "--isolated", "-j", "1")
    assert run.code == 2
    assert message in run.err
    assert run.out == ""


def test_images_that_cannot_be_compared_are_an_error(imgbudget: Command, folder: Path) -> None:
    """A benchmark with an image that is cut off is compared only if that is accepted."""
    whole = (folder / "bench" / "3.png").read_bytes()
    (folder / "bench" / "3.png").write_bytes(whole[: len(whole) // 2])
    run = imgbudget("audit", "data", "--against", "bench", "--isolated", "-j", "1")
    assert run.code == 2
    assert "--against bench: 1 item in it could not be compared" in run.err
    allowed = imgbudget("audit", "data", "--against", "bench", "--isolated", "-j", "1", "--allow-unread")
    assert allowed.code == 0
    assert "2 images that several parts of a split have, or another set (IB912)" in allowed.out


def test_rows_without_hashes_and_unselected_rules_are_refused(imgbudget: Command, folder: Path) -> None:
    """The message says how to make the hashes, and that --against needs its rule."""
    assert imgbudget("audit", "bench", "--isolated", "-j", "1", "--rows", "rows").code == 0
    run = imgbudget("audit", "data", "--against", "rows", "--isolated", "-j", "1")
    assert run.code == 2
    assert "3 of 3 rows have no hash; write them with imgbudget audit --pixels --rows" in run.err
    run = imgbudget("audit", "data", "--against", "rows", "--isolated", "--ignore", "IB912")
    assert run.code == 2
    assert "IB912 split-leak, which is not selected" in run.err
