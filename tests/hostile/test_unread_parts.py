"""What a list or an archive holds and the audit does not read leads to exit code 2, never to a clean run."""

import json
from pathlib import Path

import pytest

from tests.builders import body, image_bytes
from tests.conftest import Command
from tests.hostile.test_damaged_datasets import member, pax

PICTURE = image_bytes((300, 300))
ENTRY = '{"image": "a.png"}\n'


def audit(imgbudget: Command, path: Path) -> tuple[int, int, int]:
    """The exit code of an audit, how many images it finds, and how many items it could not read."""
    run = imgbudget("audit", str(path), "--format", "json", "--isolated")
    totals = run.json["statistics"]["totals"]
    return run.code, totals["images"], totals["missed"]


@pytest.mark.parametrize("first", ["{", "5", "not JSON", "\x00"])
def test_broken_first_line_does_not_hide_a_list(imgbudget: Command, tmp_path: Path, first: str) -> None:
    """It was taken for requests, and all its images were passed over with exit code 0."""
    (tmp_path / "a.png").write_bytes(PICTURE)
    listed = tmp_path / "list.jsonl"
    listed.write_text(f"{first}\n{ENTRY}", encoding="utf-8")
    assert audit(imgbudget, listed) == (2, 1, 1)


@pytest.mark.parametrize("name", ["list.jsonl", "list.json"])
def test_first_entry_without_an_image_does_not_hide_a_list(
    imgbudget: Command, tmp_path: Path, name: str
) -> None:
    """LLaVA's lists have entries of text only."""
    (tmp_path / "a.png").write_bytes(PICTURE)
    entries = ['{"id": 1, "conversations": []}', ENTRY.strip()]
    listed = tmp_path / name
    listed.write_text("\n".join(entries) if name.endswith("l") else f"[{', '.join(entries)}]")
    assert audit(imgbudget, listed) == (0, 1, 0)


def test_broken_first_line_of_requests_leaves_them_requests(imgbudget: Command, tmp_path: Path) -> None:
    """The next line tells what the file is."""
    listed = tmp_path / "requests.jsonl"
    listed.write_text("{\n" + json.dumps(body("hello")) + "\n")
    run = imgbudget("audit", str(listed), "--format", "json", "--isolated")
    assert run.json["statistics"]["totals"]["requests"] == 1


@pytest.mark.parametrize(
    "entry", [{"images": ["a.png", 5]}, {"image_path": "a.png", "image": {"label": "a"}}]
)
def test_what_stands_in_the_place_of_a_path_is_named(
    imgbudget: Command, tmp_path: Path, entry: dict[str, object]
) -> None:
    """An object or a number that names an image is not passed over."""
    (tmp_path / "a.png").write_bytes(PICTURE)
    listed = tmp_path / "list.jsonl"
    listed.write_text(ENTRY + json.dumps(entry) + "\n")
    assert audit(imgbudget, listed) == (2, 2, 1)


@pytest.mark.parametrize(
    "records",
    [b"garbage\n", b"5 a\n", b"99 path=x\n", b"12 path=abcd ", PICTURE[:64], b"0 a=b\n", b"6 a=b\nx"],
)
def test_invalid_pax_header_damages_its_archive(imgbudget: Command, tmp_path: Path, records: bytes) -> None:
    """A record that cannot be read may be the one with the size."""
    archive = tmp_path / "x.tar"
    archive.write_bytes(member("a.png") + pax(records) + member("b.png") + bytes(1024))
    assert audit(imgbudget, archive) == (2, 1, 1)


@pytest.mark.parametrize("records", [b"", bytes(8), b"14 path=c.png\n", b"6 a=b\n" + bytes(30)])
def test_valid_pax_header_damages_nothing(imgbudget: Command, tmp_path: Path, records: bytes) -> None:
    """Zeros behind the records are padding, as in Python's own module."""
    archive = tmp_path / "x.tar"
    archive.write_bytes(member("a.png") + pax(records) + member("b.png") + bytes(1024))
    assert audit(imgbudget, archive) == (0, 2, 0)


def test_archive_without_members_is_not_a_clean_audit(imgbudget: Command, tmp_path: Path) -> None:
    """An empty zip archive was named before, an empty tar archive was not."""
    archive, picture = tmp_path / "x.tar", tmp_path / "a.png"
    archive.write_bytes(bytes(10240))
    picture.write_bytes(PICTURE)
    run = imgbudget("audit", str(archive), str(picture), "--isolated")
    assert run.code == 2
    assert "no image was found in it" in run.err
