"""Copies in an audit: what they cost, in every format, and the list that keeps one of each group."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from imgbudget.auditing.copies import ListedCopy, listed_copies
from imgbudget.auditing.keeping import Keep
from imgbudget.auditing.rowfiles import write_rows
from imgbudget.auditing.rows import WHOLE, FactsRecord
from imgbudget.auditing.store import open_rows
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from tests.builders import image_bytes
from tests.conftest import Command

SESSION = Session(RunOptions(isolated=True))
SMALL = image_bytes((560, 560))
BIG = image_bytes((300, 300), "BMP")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two groups: three small images, and three large ones of which one is another image."""
    monkeypatch.chdir(tmp_path)
    for name in ("=a", "b/c", "b/d"):
        put(f"p/{name}.png", SMALL)
    assert len(BIG) > WHOLE
    other = bytearray(BIG)
    other[WHOLE // 2 : WHOLE // 2 + 3] = b"abc"  # between the samples
    for name, data in (("x", BIG), ("y", BIG), ("z", bytes(other))):
        put(f"p/{name}.bmp", data)
    return tmp_path


def put(name: str, data: bytes) -> None:
    """A file with its folder."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(data)


def test_copies_are_money_in_every_format_and_a_list(imgbudget: Command) -> None:
    """Images, bytes, tokens, dollars and how certain it is; the list compares whole files."""
    before = sorted(Path("p").rglob("*"))
    arguments = ("audit", "p", "--isolated", "-j", "1", "--ignore", "ALL", "--html", "r.html")
    formats = ("--format", "json:r.json", "--format", "full:r.txt", "--format", "markdown:r.md")
    run = imgbudget(*arguments, *formats, "--dedupe-list", "keep.csv")
    assert (run.code, run.err) == (0, "")
    copies = json.loads(Path("r.json").read_text())["statistics"]["duplicates"]
    assert (copies["groups"], copies["extra_images"], copies["extra_tokens"]) == (2, 4, 2 * 400 + 2 * 121)
    assert copies["cost"]["cost_usd"] == 1042 * 3 / 1e6
    assert (copies["cost"]["images"], copies["cost"]["byte_size"]) == (4, 2 * len(SMALL) + 2 * len(BIG))
    assert (copies["probable"]["images"], copies["probable"]["tokens"]) == (2, 2 * 121)
    assert [(group["images"], group["certain"]) for group in copies["largest"]] == [(3, True), (3, False)]
    assert [group["extra_cost_usd"] for group in copies["largest"]] == [0.0024, 0.000726]
    line = (
        "4 copies of other images, 2 of them probably (only samples of their bytes were compared): 544.5 kB, "
        "1042 tokens, $0.0031 (66.7% of the tokens)"
    )
    for name in ("r.txt", "r.md"):
        text = Path(name).read_text().replace("\\", "")
        assert line in text
        assert "without copies, and after the plan, 521 visual tokens, $0.0016" in text
    page = Path("r.html").read_text()
    assert '<h2>Copies cost</h2>\n<p class="number">$0.0031</p>' in page
    assert "samples: probably" in page
    with open("keep.csv", newline="") as file:
        rows = [(row["group"], row["action"], row["member"], row["evidence"]) for row in csv.DictReader(file)]
    assert [row[1:] for row in rows] == [
        ("keep", "'=a.png", "all bytes"),
        ("drop", "b/c.png", "all bytes"),
        ("drop", "b/d.png", "all bytes"),
        ("keep", "x.bmp", "all bytes"),
        ("drop", "y.bmp", "all bytes"),
    ]
    assert sorted(Path("p").rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--dedupe-list", "x.txt"), "--dedupe-list x.txt: name a file with the suffix .csv or .jsonl"),
        (("--keep", "largest"), "--keep needs --dedupe-list"),
        (("--dedupe-list", "x.csv", "--keep", "sharpest"), "--keep sharpest needs --pixels"),
    ],
)
def test_wrong_options_are_reported_before_anything_is_read(
    imgbudget: Command, arguments: Sequence[str], message: str
) -> None:
    """Usage errors exit with 2."""
    run = imgbudget("audit", "p", "--isolated", *arguments)
    assert (run.code, run.out) == (2, "")
    assert message in run.err
    assert not Path("x.csv").exists()


def record(
    member: str, *, source: str = "p", size: tuple[int, int] = (100, 100), more: int = 0
) -> FactsRecord:
    """An image; all of those below have one hash."""
    return FactsRecord(
        source, member, size=Size(*size), visible=Size(*size), byte_size=1000 + more, digest=b"d" * 16
    )


def listed(records: Sequence[FactsRecord], keep: Keep = Keep.FIRST) -> list[ListedCopy]:
    """The list of these rows."""
    Path("rows.parquet").write_bytes(write_rows(records, SESSION.limits.tiers, dict))
    with open_rows(["rows.parquet"], SESSION.context.limits()) as store:
        return list(listed_copies(store, keep))


ROWS = (
    record("b/long.jpg", size=(200, 200)),
    record("c.jpg"),
    record("a/longer/x.jpg", size=(400, 400)),
    record("d.jpg"),
)


@pytest.mark.parametrize(
    ("keep", "kept", "reason"),
    [
        (Keep.FIRST, "p/a/longer/x.jpg", "the first of its group"),
        (Keep.LARGEST, "p/a/longer/x.jpg", "the largest of its group, 400x400"),
        (Keep.SHORTEST_PATH, "p/c.jpg", "the first of its group; others have a path as short"),
        (Keep.LEAST_TOKENS, "p/c.jpg", "the first of its group; others take as few tokens"),
    ],
)
def test_one_is_kept_by_each_policy(keep: Keep, kept: str, reason: str) -> None:
    """Of equal ones the first; the order of the rows in files does not matter."""
    found = listed(ROWS, keep)
    assert found == listed(ROWS[::-1], keep)
    assert [row.action for row in found] == ["keep", "drop", "drop", "drop"]
    assert (f"p/{found[0].member}", found[0].reason) == (kept, reason)
    assert {row.kept for row in found} == {kept}
    assert {row.reason for row in found[1:]} == {"the same bytes as the image that is kept"}
    assert sorted(row.member or "" for row in found) == sorted(row.member or "" for row in ROWS)


def test_samples_alone_are_no_proof() -> None:
    """Files that are gone, or in an archive, are probably the same; rows that name one file certainly are."""
    more = WHOLE
    gone = [record("a.jpg", more=more), record("b.jpg", source="x.tar", more=more)]
    assert [(row.action, row.evidence) for row in listed(gone)] == [("keep", "samples"), ("drop", "samples")]
    assert listed(gone)[1].reason.startswith(
        "probably the same bytes as the image that is kept: only samples"
    )
    named = [
        record("a.jpg", source="l.jsonl", more=more)._replace(row=row, pointer="/image") for row in (4, 2)
    ]
    assert [(row.row, row.evidence) for row in listed(named)] == [(2, "all bytes"), (4, "all bytes")]
    arrays = [record(name, source="x.npz")._replace(byte_size=None) for name in "ab"]
    assert {row.evidence for row in listed(arrays)} == {"samples"}
    packed = [row._replace(source="t.parquet") for row in named]
    assert {row.evidence for row in listed(packed)} == {"samples"}


def test_halves_of_a_hash_make_no_group() -> None:
    """Only the whole hash does."""
    assert listed([record("a.jpg"), record("b.jpg")._replace(digest=b"x" * 8 + b"d" * 8)]) == []


def test_rows_that_name_the_kept_file_do_not_ask_to_delete_it(imgbudget: Command, tmp_path: Path) -> None:
    """The list had the file both as the one to keep and as one to drop."""
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(image_bytes((300, 200)))
    rows = ({"image": name} for name in ("a.png", "b.png", "a.png", "b.png"))
    (tmp_path / "list.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    listed = str(tmp_path / "d.jsonl")
    assert imgbudget("audit", str(tmp_path / "list.jsonl"), "--isolated", "--dedupe-list", listed).code == 0
    found = [json.loads(line) for line in Path(listed).read_text().splitlines()]
    assert [(row["action"], row["member"], row["row"], row["evidence"]) for row in found] == [
        ("keep", "a.png", 0, "all bytes"),
        ("drop", "a.png", 2, "all bytes"),
        ("drop", "b.png", 1, "all bytes"),
        ("drop", "b.png", 3, "all bytes"),
    ]
    of_one_file = [row["reason"].endswith("drop the row, not the file") for row in found]
    assert of_one_file == [False, True, False, False]


def test_quiet_prints_findings_only(imgbudget: Command, tmp_path: Path) -> None:
    """As check does; without any nothing is printed."""
    (tmp_path / "a.png").write_bytes(image_bytes((300, 200)))
    run = imgbudget("audit", str(tmp_path / "a.png"), "--isolated", "-q")
    assert (run.code, run.out, run.err) == (0, "", "")
    (tmp_path / "b.png").write_bytes(image_bytes((3000, 2000)))
    run = imgbudget("audit", str(tmp_path), "--isolated", "--quiet")
    assert run.out.startswith("Findings\n")
    assert "IB201" in run.out
    assert "Cost by model" not in run.out


@pytest.mark.parametrize(
    ("keep", "reason"),
    [
        (Keep.SHORTEST_PATH, "the shortest path of its group, 7 characters"),
        (Keep.LEAST_TOKENS, "the fewest tokens of its group, 16"),
        (Keep.LARGEST, "the largest of its group, 200x200"),
    ],
)
def test_reason_of_the_only_best_image_has_its_measure(keep: Keep, reason: str) -> None:
    """What the policy compares."""
    rows = (record("a.jpg"), record("long.jpg", size=(200, 200)))
    if keep is Keep.SHORTEST_PATH:
        rows = (record("a.jpg"), record("b/a.jpg"))
    assert (listed(rows, keep)[0].reason, listed(rows, keep)[0].action) == (reason, "keep")
