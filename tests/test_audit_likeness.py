"""Images of an audit that show the same, across rows, shards and parts of a split; rows that are too long."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.builders import image_bytes
from tests.conftest import Command
from tests.test_pixels_hashes import encoded, scene


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two parts of a split: two scenes, a copy of a file, a smaller one, and one in a shard."""
    monkeypatch.chdir(tmp_path)
    image = scene(1, 320, 240)
    files = {
        "train/a.png": encoded(image, "PNG"),
        "train/b.jpg": encoded(scene(2, 320, 240), "JPEG"),
        "train/copy.png": encoded(image, "PNG"),
        "train/small.jpg": encoded(image.resize((240, 180)), "JPEG"),
        "val/x.webp": encoded(image, "WEBP", method=0),
    }
    for name, data in files.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path


def audited(imgbudget: Command, *args: str) -> dict[str, Any]:
    """The statistics of an audit."""
    run = imgbudget("audit", *args, "--isolated", "--format", "json")
    assert (run.code, run.err) == (0, "")
    statistics: dict[str, Any] = json.loads(run.out)["statistics"]
    return statistics


def rules(statistics: dict[str, Any]) -> dict[str, tuple[int, list[str]]]:
    """Findings and examples of the rules on images that are alike."""
    wanted = ("IB911", "IB912")
    return {
        rule["code"]: (rule["findings"], rule["examples"])
        for rule in statistics["rules"]
        if rule["code"] in wanted
    }


def test_near_duplicates_and_leaks_are_in_the_report(imgbudget: Command) -> None:
    """Copies of files are compared once, each other image of a group is a finding, and so is a leak."""
    plain = audited(imgbudget, "data", "-j", "1")
    assert (plain["near"], plain["long_rows"], rules(plain)) == (None, None, {})
    assert audited(imgbudget, "data", "--pixels", "--select", "IB902", "-j", "1")["near"] is None
    statistics = audited(imgbudget, "data", "--select", "IB911,IB912", "-j", "1")
    assert rules(statistics) == {
        "IB911": (2, ["data/train/small.jpg", "data/val/x.webp"]),
        "IB912": (1, ["data/val/x.webp"]),
    }
    near = statistics["near"]
    assert (near["groups"], near["images"], near["leaks"], near["compared"]) == (1, 2, 1, 5)
    assert near["tokens"] == 9 * 7 + 12 * 9
    assert near["largest"][0]["places"] == ["data/train/a.png", "data/train/small.jpg", "data/val/x.webp"]
    assert (statistics["totals"]["warnings"], statistics["totals"]["infos"]) == (1, 2)
    assert statistics["duplicates"]["extra_images"] == 1


def test_the_report_is_the_same_with_any_number_of_processes_and_from_files(imgbudget: Command) -> None:
    """Hashes come from workers, the comparison does not; rows in memory and in files are the same."""
    arguments = ("data", "--select", "IB9", "--pixels")
    one = audited(imgbudget, *arguments, "-j", "1")
    assert one == audited(imgbudget, *arguments, "-j", "2", "--rows", "rows")


def test_headline_and_exit_code(imgbudget: Command) -> None:
    """The text names what near duplicates cost, and --fail-on sees the findings on them."""
    run = imgbudget("audit", "data", "--isolated", "--select", "IB911,IB912", "--fail-on=warning")
    assert run.code == 1
    assert "1 image that several parts of a split have, or another set (IB912)" in run.out
    assert "2 near duplicates of other images: " in run.out
    assert "Near duplicates\n" in run.out


def test_the_name_of_a_shard_is_a_part_of_the_split(imgbudget: Command, folder: Path) -> None:
    """Images in `web-train-0.tar` and `web-test-0.tar` belong to these parts."""
    for part, name in (("train", "a.png"), ("test", "small.jpg")):
        with tarfile.open(f"web-{part}-0.tar", "w") as tar:
            tar.add(folder / "data" / "train" / name, "0001" + Path(name).suffix)
    statistics = audited(imgbudget, "web-train-0.tar", "web-test-0.tar", "--select", "IB912")
    assert rules(statistics) == {"IB912": (1, ["web-test-0.tar/0001.jpg"])}


@pytest.mark.parametrize("form", ["csv", "jsonl", "json", "parquet", "arrow"])
@pytest.mark.parametrize("column", ["split", "Subset"])
def test_a_column_names_the_part_of_the_split(
    imgbudget: Command, folder: Path, form: str, column: str
) -> None:
    """Of a list in the folder or a table, whatever the folders are called; other texts are no part."""
    image = scene(1, 320, 240)
    data = [encoded(image, "PNG"), encoded(image, "WEBP", method=0), encoded(scene(3, 320, 240), "PNG")]
    rows = [
        {"image": f"all/{i}.img.png", column: part} for i, part in enumerate(("train", "test", "no part"))
    ]
    (folder / "d" / "all").mkdir(parents=True)
    if form in ("parquet", "arrow"):
        table = pa.Table.from_pylist(
            [{"image": one, column: row[column]} for one, row in zip(data, rows, strict=True)]
        )
        if form == "parquet":
            pq.write_table(table, "d/x.parquet")
        else:
            with pa.ipc.new_file("d/x.arrow", table.schema) as out:
                out.write_table(table)
    else:
        for one, row in zip(data, rows, strict=True):
            (folder / "d" / row["image"]).write_bytes(one)
        lines = [json.dumps(row) for row in rows]
        if form == "csv":
            lines = [f"image,{column}", *(",".join(row.values()) for row in rows)]
        text = f"[{','.join(lines)}]" if form == "json" else "\n".join(lines)
        (folder / "d" / f"x.{form}").write_text(text)
    found = audited(imgbudget, "d", "--select", "IB912", "-j", "1")
    assert {code: number for code, (number, _) in rules(found).items()} == {"IB912": 1}


def test_rows_whose_images_are_longer_than_the_sequence(imgbudget: Command, folder: Path) -> None:
    """All images of a row count together; the longest row is the first, and the rest fits."""
    for name, edge in (("s", 280), ("m", 560), ("n", 560), ("o", 560)):
        (folder / f"{name}.png").write_bytes(image_bytes((edge, edge)))
    rows = [["s.png"], ["m.png", "s.png"], ["m.png"], ["m.png", "n.png", "o.png"]]
    lines = [json.dumps({"images": names, "messages": []}) for names in rows]
    (folder / "list.jsonl").write_text("\n".join(lines) + "\n")
    found = audited(imgbudget, "list.jsonl", "--max-length", "400", "--format", "full:r.txt")["long_rows"]
    assert (found["rows"], found["of"], found["max_length"]) == (2, 4, 400)
    assert [(row["place"], row["images"], row["tokens"]) for row in found["longest"]] == [
        ("list.jsonl:4", 3, 1200),
        ("list.jsonl:2", 2, 500),
    ]
    text = (folder / "r.txt").read_text()
    assert "2 of 4 rows with more than 400 image tokens on claude-sonnet-4-6" in text
    assert "Rows over 400 image tokens" in text


def test_the_sequence_is_measured_by_the_processor_of_the_model(imgbudget: Command, folder: Path) -> None:
    """A `max_pixels` of the configuration shortens the rows of an open model."""
    (folder / "m.png").write_bytes(image_bytes((1120, 1120)))
    config = folder / "c.yaml"
    config.write_text("model: qwen2.5-vl-7b-instruct\n")
    arguments = ("audit", "m.png", "--format", "json", "--max-length", "1000", "--config", "c.yaml")
    assert json.loads(imgbudget(*arguments).out)["statistics"]["long_rows"]["rows"] == 1
    config.write_text(
        "model: qwen2.5-vl-7b-instruct\nprocessors:\n  qwen2.5-vl-7b-instruct: {max_pixels: 602112}\n"
    )
    assert json.loads(imgbudget(*arguments).out)["statistics"]["long_rows"]["rows"] == 0


@pytest.mark.parametrize("length", ["0", "-5", "many"])
def test_a_length_that_is_none_is_refused(imgbudget: Command, length: str) -> None:
    """A sequence has at least one token."""
    assert imgbudget("audit", "data", "--max-length", length).code == 2
