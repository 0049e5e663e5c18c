"""Lists of images in a folder: read as named ones are, each file counted once, and nothing else is one."""

import base64
import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from imgbudget.auditing.inputs import foundlists, listfiles
from imgbudget.auditing.partition import Naming
from imgbudget.auditing.run import plan
from imgbudget.discovery.walk import FoundFile, Paths, SkippedFile
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from tests.builders import image_bytes
from tests.conftest import Command
from tests.datasets import rows_of, skips_of

NAMES = ("a.png", "b.jpg", "c.webp")
DATA = [image_bytes((200 + 10 * i, 120), form) for i, form in enumerate(("PNG", "JPEG", "WEBP"))]
BASE64 = [base64.b64encode(data).decode() for data in DATA]
SAYS = [{"from": "human", "value": "<image>\nwhat"}]


def table(rows: Sequence[Sequence[Any]], delimiter: str = ",") -> str:
    """Rows as CSV."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue()


def lines(rows: Sequence[Any]) -> str:
    """Rows as JSON Lines."""
    return "".join(f"{json.dumps(row)}\n" for row in rows)


LISTS: dict[str, Callable[[Sequence[str]], str]] = {
    "metadata.csv": lambda names: table([("file_name", "text"), *((name, "x") for name in names)]),
    "metadata.jsonl": lambda names: lines([{"file_name": name, "text": "x"} for name in names]),
    "llava.json": lambda names: json.dumps([{"image": name, "conversations": SAYS} for name in names]),
    "swift.jsonl": lambda names: lines(
        [{"messages": [{"role": "user", "content": "<image>"}], "images": [name]} for name in names]
    ),
    "coco.json": lambda names: json.dumps(
        {
            "info": {},
            "images": [{"id": i, "file_name": name, "width": 1, "height": 1} for i, name in enumerate(names)],
            "annotations": [{"id": 1, "image_id": 1, "bbox": [1, 2, 3, 4]}],
        }
    ),
    "bbox.csv": lambda names: table([("filename", "width", "height"), *((name, 1, 1) for name in names)]),
    "printed.csv": lambda names: table([("image",), *((str({"bytes": None, "path": n}),) for n in names)]),
}


@pytest.fixture
def at(tmp_path: Path) -> Path:
    """A folder."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def with_images(folder: Path) -> None:
    """Write three images."""
    for name, data in zip(NAMES, DATA, strict=True):
        (folder / name).write_bytes(data)


def widths(rows: Sequence[dict[str, Any]]) -> list[int]:
    """The widths of the images, in order."""
    return [row["width"] for row in rows if row["subject"] == "image"]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_in_a_folder_is_read_and_its_files_are_counted_once(at: Path, name: str) -> None:
    """A file that is not there is missed."""
    with_images(at)
    (at / name).write_text(LISTS[name]([*NAMES, "gone.png"]))
    rows = rows_of(at)
    assert sorted(widths(rows)) == [200, 210, 220]
    assert [row["member"] for row in rows if row["missed"]] == ["gone.png"]
    assert {row["skipped"] for row in rows if row["missed"]} == {"named in the list: no such file"}
    assert sum(str(row["skipped"]).startswith("the same file as ") for row in rows) == len(NAMES)


@pytest.mark.parametrize("name", LISTS)
def test_a_list_whose_files_are_gone_is_missed(at: Path, name: str) -> None:
    """It has rows with a reason, and is not passed over; a name that may be of anything shows no list."""
    (at / name).write_text(LISTS[name](["x/1.png", "x/2.png"]))
    assert [row["skipped"] for row in rows_of(at) if row["missed"]] == ["named in the list: no such file"] * 2


def test_a_folder_with_a_list_of_missing_files_has_exit_code_2(at: Path, imgbudget: Command) -> None:
    """As the same list has when it is named."""
    (at / "metadata.csv").write_text(LISTS["metadata.csv"](["x/1.png"]))
    for name in (at, at / "metadata.csv"):
        assert imgbudget("audit", name, "--isolated", "-j", "1").code == 2


@pytest.mark.parametrize(
    ("name", "delimiter"), [("bench.tsv", "\t"), ("bench.csv", ","), ("bench.tsv.gz", "\t")]
)
def test_images_in_a_table_of_a_folder_are_read(at: Path, name: str, delimiter: str) -> None:
    """VLMEvalKit's tables have base64."""
    text = table(
        [("index", "image", "question"), *((i, one, "?") for i, one in enumerate(BASE64))], delimiter
    )
    (at / name).write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    assert widths(rows_of(at)) == [200, 210, 220]


def test_annotations_before_the_images_of_coco_are_known(at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The beginning of the file shows no image then."""
    monkeypatch.setattr(foundlists, "_HEAD", 2000)
    with_images(at)
    coco = {
        "annotations": [{"id": i, "image_id": 1, "bbox": [1, 2, 3, 4]} for i in range(100)],
        "images": [{"id": i, "file_name": name, "width": 1, "height": 1} for i, name in enumerate(NAMES)],
    }
    (at / "instances.json").write_text(json.dumps(coco))
    rows = rows_of(at)
    assert widths(rows) == [200, 210, 220]
    assert {row["source"] for row in rows if row["subject"] == "image"} == {str(at / "instances.json")}


def test_files_of_two_lists_are_counted_once(at: Path) -> None:
    """Captions and boxes of COCO name the same images."""
    with_images(at)
    for name in ("captions.json", "instances.json"):
        (at / name).write_text(LISTS["coco.json"](NAMES))
    rows = rows_of(at)
    assert widths(rows) == [200, 210, 220]
    assert not any(row["missed"] for row in rows)
    assert rows_of(at / "captions.json", at)[: len(NAMES)] == rows_of(at / "captions.json")


def test_a_table_of_all_files_makes_no_image_of_another_file(at: Path) -> None:
    """The search decides what a file is whose name is not that of an image."""
    with_images(at)
    (at / "x.mp4").write_bytes(b"x" * 100)
    rows = [("path", "width", "height"), *((name, 1, 1) for name in (*NAMES, "x.mp4"))]
    (at / "MANIFEST.csv").write_text(table(rows))
    found = rows_of(at)
    assert widths(found) == [200, 210, 220]
    assert not any(row["missed"] for row in found)


def test_a_named_list_in_a_named_folder_is_read_once(at: Path) -> None:
    """In either order of the arguments."""
    with_images(at)
    (at / "list.csv").write_text(LISTS["metadata.csv"](NAMES))
    for names in ((at, at / "list.csv"), (at / "list.csv", at)):
        rows = rows_of(*names)
        assert widths(rows) == [200, 210, 220]
        assert len(rows) == 2 * len(NAMES)


NO_LISTS: dict[str, Any] = {
    "package.json": {
        "name": "x",
        "icon": "a.png",
        "files": ["a.png"],
        "galleryBanner": {"image": "gone.png"},
    },
    "manifest.json": {"icons": [{"src": "a.png", "sizes": "1x1"}, {"src": "/gone.png"}], "name": "x"},
    "tsconfig.json": {"compilerOptions": {"paths": {"x": ["a.png"]}}, "include": ["src/*.png"]},
    "atlas.json": {
        "frames": [{"filename": "gone.png", "frame": {"x": 1, "y": 2}}],
        "meta": {"image": "gone.png"},
    },
    "report.json": {"runs": [{"screenshots": [{"path": "/srv/gone.png"}]}]},
    "side.json": {"caption": "x", "image": "gone.png", "url": "http://localhost/gone.png"},
    "book.ipynb": {"cells": [{"outputs": [{"data": {"image/png": BASE64[0]}}], "source": "gone.png"}]},
    "people.csv": "name,age,photo of\nAda,36,x\nBob,41,y\n",
    "notes.csv": "name,note\nAda,see gone.png for it\nBob,/srv/gone.png\nEve,nothing\n",
    "log.jsonl": [{"level": "info", "path": "/srv/gone.png"}, {"level": "info", "saved": "gone.png"}],
    "trace.jsonl": [{"event": "x"}, {"event": "y"}, {"event": "shot", "screenshot": "gone.png"}],
    "session.jsonl": [{"type": "user", "message": {"content": [{"image": "gone.png"}]}, "cwd": "/"}],
}


@pytest.mark.parametrize("name", NO_LISTS)
def test_other_files_beside_images_are_no_lists(at: Path, name: str) -> None:
    """Settings, results and logs that name images now and then."""
    with_images(at)
    before = rows_of(at)
    content = NO_LISTS[name]
    if isinstance(content, list):
        content = lines(content)
    (at / name).write_text(content if isinstance(content, str) else json.dumps(content))
    rows = [row for row in rows_of(at) if row["member"] != name]
    assert rows == before


def test_requests_in_a_folder_stay_requests(at: Path) -> None:
    """Also those with an image by its path."""
    with_images(at)
    block = {"type": "image_url", "image_url": {"url": "a.png"}}
    body = {"model": "gpt-5", "messages": [{"role": "user", "content": [block]}]}
    (at / "one.json").write_text(json.dumps(body))
    (at / "batch.jsonl").write_text(lines([{"custom_id": "1", "body": body}] * 2))
    sources = {row["member"] for row in rows_of(at) if row["subject"] == "request"}
    assert sources == {"one.json", "batch.jsonl"}


def test_a_large_file_without_images_is_not_read_whole(at: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its beginning decides, even where that has the name of an image."""
    monkeypatch.setattr(foundlists, "_HEAD", 10_000)
    monkeypatch.setattr(foundlists, "_LOOK", 1_000)
    (at / "big.csv").write_text("name,note\n" + "Ada,see x.png now\n" * 100_000)
    read = 0
    before = listfiles.open_list

    def counted(where: str) -> Any:
        nonlocal read
        read += 1
        return before(where)

    monkeypatch.setattr(foundlists, "open_list", counted)
    monkeypatch.setattr(foundlists, "shape_of", pytest.fail)
    assert skips_of(rows_of(at)) == {"not an image or a request": 1}
    assert read == 3  # the last one looks for images in base64


TEXT_ROWS: dict[str, dict[str, Any]] = {
    "llava": {"id": 1, "conversations": [{"from": "human", "value": "x" * 300}]},
    "swift": {"messages": [{"role": "user", "content": "x" * 300}]},
    "empty": {"images": [], "messages": [{"role": "user", "content": "x" * 300}]},
    "null": {"image": None, "conversations": [{"from": "human", "value": "x" * 300}]},
}


@pytest.mark.parametrize("form", ["jsonl", "json", "jsonl.gz", "json.gz"])
@pytest.mark.parametrize("kind", TEXT_ROWS)
def test_a_training_set_that_begins_with_text_is_a_list(
    at: Path, monkeypatch: pytest.MonkeyPatch, kind: str, form: str
) -> None:
    """Only its beginning was looked at, so that its images were in no number."""
    monkeypatch.setattr(foundlists, "_HEAD", 4_000)
    monkeypatch.setattr(foundlists, "_LOOK", 1_000)
    with_images(at)
    text = TEXT_ROWS[kind]
    field = {"conversations": SAYS} if "conversations" in text else {"messages": text["messages"]}
    rows = [*[text] * 250, *({"image": name} | field for name in (*NAMES, "gone.png"))]
    content = (lines(rows) if "jsonl" in form else json.dumps(rows)).encode()
    (at / f"set.{form}").write_bytes(gzip.compress(content) if form.endswith(".gz") else content)
    found = rows_of(at)
    assert sorted(widths(found)) == [200, 210, 220]
    assert [row["member"] for row in found if row["missed"]] == ["gone.png"]


@pytest.mark.parametrize(
    "rows", [[TEXT_ROWS["llava"]], [TEXT_ROWS["swift"]], [{"messages": [], "model": "x"}]]
)
def test_how_far_a_training_set_is_looked_at_is_bounded(
    at: Path, monkeypatch: pytest.MonkeyPatch, rows: list[Any]
) -> None:
    """And what has the fields of a request is one."""
    monkeypatch.setattr(foundlists, "_LOOK", 1_000)
    monkeypatch.setattr(foundlists, "_MOST", 50_000)
    with_images(at)
    late = {"image": "gone.png", "conversations": SAYS}
    (at / "set.jsonl").write_text(lines([*rows * 1_000, late]))
    assert not foundlists.is_found_list(str(at / "set.jsonl"), (), None)
    (at / "set.jsonl").write_text(lines([*rows * 100, late]))
    expected = "model" not in rows[0]
    assert foundlists.is_found_list(str(at / "set.jsonl"), (), None) is expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", ["metadata.csv", "llava.json", "swift.jsonl", "base64.tsv"])
def test_lists_in_wide_characters_are_read(at: Path, name: str, suffix: str, encoding: str) -> None:
    """As spreadsheets and PowerShell write them: they were named, and not read."""
    with_images(at)
    if name == "base64.tsv":
        text = table([("image", "name"), *((one, "ñ東") for one in BASE64)], "\t")
    else:
        text = LISTS[name](NAMES)
    mark = "" if encoding in ("utf-16", "utf-32") else "\ufeff"
    data = (mark + text).encode(encoding)
    path = at / (name + suffix)
    path.write_bytes(gzip.compress(data) if suffix else data)
    for place in (path, at):
        rows = rows_of(place)
        assert {200, 210, 220} == set(widths(rows))
        assert not any(row["missed"] for row in rows)
    path.write_bytes(gzip.compress(data + b"\0") if suffix else data + b"\0")
    assert any(row["missed"] or row["findings"] for row in rows_of(path))


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("form", ["jsonl", "json"])
@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_base64_in_a_named_list_is_read_compressed_or_not(
    at: Path, prefix: str, form: str, suffix: str
) -> None:
    """A list of JSON with base64 was not opened once it was packed, as one with paths was."""
    values = [{"image": prefix + one, "label": 1} for one in BASE64]
    data = (lines(values) if form == "jsonl" else json.dumps(values)).encode()
    path = at / f"set.{form}{suffix}"
    path.write_bytes(gzip.compress(data) if suffix else data)
    rows = rows_of(path)
    assert sorted(widths(rows)) == [200, 210, 220]
    assert not any(row["missed"] for row in rows)


def test_requests_in_a_packed_file_are_no_rows_of_a_list(at: Path) -> None:
    """What is sent is checked as a request, once it is unpacked: until then it counts as not read."""
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64[0]}}
    sent = {"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": [block]}]}
    (at / "sent.jsonl.gz").write_bytes(gzip.compress(lines([sent]).encode()))
    assert [row["missed"] for row in rows_of(at / "sent.jsonl.gz")] == [True]


@pytest.mark.parametrize(("most", "times"), [(9, 1), (8, 2)])
def test_a_folder_is_searched_once_unless_it_has_very_many_files(
    at: Path, monkeypatch: pytest.MonkeyPatch, most: int, times: int
) -> None:
    """Lists in it are read first; what the search for them has found is found without another one."""
    (at / "metadata.csv").write_text(LISTS["metadata.csv"](["0.png"]))
    for i in range(7):
        (at / f"{i}.png").write_bytes(image_bytes((200 + i, 300)))
    searched = []
    walk = Session.walk

    def counted(session: Session, paths: Paths) -> Iterator[FoundFile | SkippedFile]:
        for entry in walk(session, paths):
            searched.append(entry.path)
            yield entry

    monkeypatch.setattr(Session, "walk", counted)
    monkeypatch.setattr("imgbudget.auditing.run.MOST_IN_MEMORY", most)
    session = Session(RunOptions(isolated=True))
    parts = list(plan([str(at)], session, Naming("")))
    assert [len(part.items) for part in parts] == [1, 7]
    assert len(searched) == times * 8
