"""Two audits side by side: images that came, went and changed, and what that costs."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from imgbudget.auditing.comparison import compared
from imgbudget.auditing.rowfiles import write_rows
from imgbudget.auditing.rowfolder import MANIFEST, EarlierAudit, RowManifest
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.statistics import Comparison
from imgbudget.auditing.store import open_rows
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.subjects import Severity
from tests.builders import image_bytes
from tests.conftest import Command
from tests.findings import finding_of

SESSION = Session(RunOptions(isolated=True))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(name: str, size: tuple[int, int]) -> None:
    """An image."""
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_bytes(image_bytes(size))


def test_changes_are_in_every_format(imgbudget: Command) -> None:
    """Added, gone, changed and renamed images, tokens, dollars, copies, findings; with the rows replaced."""
    for number in range(4):
        put(f"p/{number}.png", (560, 560 + number))
    arguments = ("audit", "p", "--isolated", "-j", "1", "--rows", "rows", "--select", "IB301")
    imgbudget(*arguments)
    Path("p/0.png").rename("p/|new.png")  # the same content under another name
    put("p/1.png", (100, 300))  # changed, with a finding
    put("p/more/3.png", (560, 563))  # a copy of another one
    formats = ("--format", "json:r.json", "--format", "full", "--format", "markdown:r.md", "--html", "r.html")
    run = imgbudget(*arguments, *formats, "--compare", "rows")
    assert run.code == 0
    found = json.loads(Path("r.json").read_text())["statistics"]["comparison"]
    assert {change["kind"]: change["examples"] for change in found["changes"]} == {
        "added": ["p/more/3.png", "p/|new.png"],
        "gone": ["p/0.png"],
        "changed": ["p/1.png"],
    }
    assert (found["unchanged"], found["renamed"], found["folder"]) == (2, 1, "rows")
    assert (found["before"]["images"], found["before"]["tokens"]) == (4, 400 + 3 * 420)
    assert found["copies_before"]["images"] == 0
    assert found["rules"] == [
        {
            "code": "IB301",
            "name": "tiny-edge",
            "severity": "warning",
            "before": 0,
            "now": 1,
            "added": 1,
            "gone": 0,
        }
    ]
    line = "compared with rows: 2 added, 1 gone, 1 changed and 2 unchanged images; 1 of the added"
    assert line in run.out
    for cells in (
        ("images", "4", "5", "+1"),
        ("images that copy others", "0", "1", "+1"),
        ("visual tokens", "1660", "1704", "+44"),
        ("cost of copies", "$0.00", "$0.0013", "+$0.0013"),
    ):
        assert f"| {' | '.join(cells)} |" in Path("r.md").read_text().replace("\\", "")
    page = Path("r.html").read_text()
    assert "Since the audit in <bdi>rows</bdi>" in page
    assert "Findings that are new or gone" in page
    # the rows are those of the second run now: nothing has changed since
    again = imgbudget(*arguments, "--compare", "rows", "--format", "json").json["statistics"]["comparison"]
    assert ([change["images"] for change in again["changes"]], again["unchanged"]) == ([0, 0, 0], 5)


def test_what_cannot_be_compared_is_an_error_before_anything_is_read(imgbudget: Command) -> None:
    """No folder of `--rows`, one of another version, of a run that has not ended, of another provider."""
    put("p/a.png", (300, 300))
    imgbudget("audit", "p", "--isolated", "--rows", "rows", "-j", "1")
    manifest = Path("rows", MANIFEST)
    text = manifest.read_text()
    Path("empty").mkdir()

    def message(folder: str, *more: str) -> str:
        run = imgbudget("audit", "p", "--isolated", "-j", "1", "--compare", folder, *more)
        assert (run.code, run.out, run.err.count("\n")) == (2, "", 1)
        return run.err

    assert "--compare gone: no such file or folder; it takes a folder that --rows has written" in message(
        "gone"
    )
    assert f"--compare empty: there is no {MANIFEST} in it" in message("empty")
    assert "its rows have no tokens of gpt-4o" in message("rows", "--model", "gpt-4o")
    manifest.write_text(text.replace('"complete": true', '"complete": false'))
    assert "--compare rows: the audit that wrote it has not ended" in message("rows")
    value = json.loads(text)
    manifest.write_text(json.dumps(value | {"rows_version": value["rows_version"] + 1}))
    assert "its rows are those of another version of imgbudget" in message("rows")
    manifest.write_text(text)
    Path("rows", value["files"][0]).write_bytes(b"PAR1")
    assert "--compare rows: its rows cannot be read: " in message("rows")
    Path("rows", value["files"][0]).unlink()
    assert "--compare rows: row files that its manifest lists are missing" in message("rows")


def image(
    name: str | None,
    content: int | None,
    *,
    source: str = "p",
    row: int | None = None,
    codes: Sequence[str] = (),
) -> FactsRecord:
    """A row of an image; `content` makes its hash."""
    digest = None if content is None else content.to_bytes(16, "big")
    findings = [finding_of(code=code, severity=Severity.WARNING) for code in codes]
    size = Size(100, 100)
    return FactsRecord(
        source, name, row, size=size, visible=size, byte_size=1, digest=digest, findings=findings
    )


def comparison(
    before: Sequence[FactsRecord],
    now: Sequence[FactsRecord],
    datasets: tuple[Sequence[str], Sequence[str]] = (("p",), ("p",)),
) -> Comparison:
    """What has changed between these rows."""
    for name, records in (("before", before), ("now", now)):
        Path(f"{name}.parquet").write_bytes(write_rows(records, SESSION.limits.tiers, dict))
    limits = SESSION.context.limits()
    pairs = tuple((name, name) for name in datasets[0])
    earlier = EarlierAudit("old", RowManifest(pairs, 1, complete=True))
    with open_rows(["before.parquet"], limits) as old, open_rows(["now.parquet"], limits) as new:
        return compared(earlier, old, new, datasets[1], SESSION.registry.rules)


def numbers(found: Comparison) -> tuple[int, ...]:
    """Added, gone, changed, unchanged."""
    return (*(change.images for change in found.changes), found.unchanged)


def test_numbers_are_those_of_counting() -> None:
    """Random names and contents, some of them missing, with names that sort in every way."""
    chance = random.Random(5)  # noqa: S311 - repeatable data
    names = ["a", "a/b", "a-b", "A", "ä", "\U0001f600", "z", " ", "~", "0", "-x", "|"]

    def some() -> list[FactsRecord]:
        rows = [image(name, chance.randrange(3)) for name in names if chance.random() < 0.7]
        rows += [image(None, chance.randrange(9), row=row, source="p/t.parquet") for row in range(9)]
        chance.shuffle(rows)
        return rows

    for _ in range(5):
        before, now = some(), some()
        found = comparison(before, now)
        old = {row.member: row.digest for row in before if row.member}
        new = {row.member: row.digest for row in now if row.member}
        tables = [Counter(row.digest for row in rows if not row.member) for rows in (before, now)]
        assert numbers(found) == (
            len(new.keys() - old.keys()) + (tables[1] - tables[0]).total(),
            len(old.keys() - new.keys()) + (tables[0] - tables[1]).total(),
            sum(old[name] != new[name] for name in old.keys() & new.keys()),
            sum(old[name] == new[name] for name in old.keys() & new.keys()) + (tables[0] & tables[1]).total(),
        )


@pytest.mark.parametrize(
    ("before", "now", "sources"),
    [
        (("v1",), ("v2",), (("v1", "v1/s.tar"), ("v2", "v2/s.tar"))),
        (("v1.tar",), ("v2.tar",), (("v1.tar",), ("v2.tar",))),
        (
            ("x/v1/a.tar", "x/v1/b.tar"),
            ("y/a.tar", "y/b.tar"),
            (("x/v1/a.tar", "x/v1/b.tar"), ("y/a.tar", "y/b.tar")),
        ),
        (("s3://b/v1",), ("v2/",), (("s3://b/v1",), ("v2",))),
        (("p", "q"), ("p",), (("p",), ("p",))),
        ((".",), ("p",), ((".", "-x.tar", "b.tar"), ("p", "p/-x.tar", "p/b.tar"))),
    ],
)
def test_datasets_of_other_names_are_compared_below_them(
    before: Sequence[str], now: Sequence[str], sources: tuple[Sequence[str], Sequence[str]]
) -> None:
    """Two states of a dataset in two folders or archives have the same names inside."""
    old, new = ([image(f"{i}.png", 1, source=name) for name in side for i in range(3)] for side in sources)
    assert numbers(comparison(old, new, (before, now))) == (0, 0, 0, len(old))


def test_rows_without_names_are_compared_by_content() -> None:
    """A row that is put before all others of a table is one added image."""
    old = [image(None, row, row=row, source="t.parquet") for row in range(5)]
    new = [image(None, 9, row=0, source="t.parquet")]
    new += [row._replace(row=(row.row or 0) + 1) for row in old]
    assert numbers(comparison(old, new, (("t.parquet",), ("t.parquet",)))) == (1, 0, 0, 5)
    # a single image has the name of its argument
    assert numbers(comparison([image(None, 1)], [image(None, 2)])) == (0, 0, 1, 0)
    # without a hash, the place counts
    request = image(None, None, row=3, source="r.jsonl")._replace(pointer="/messages/0")
    assert numbers(comparison([request], [request, request._replace(row=4)])) == (1, 0, 0, 1)


def test_findings_are_compared_image_by_image() -> None:
    """A finding that went from one image to another is one that is gone and one that is new."""
    old = [image("a", 1, codes=["IB201", "IB301"]), image("b", 2), image("gone", 3, codes=["IB304"])]
    new = [image("a", 1, codes=["IB301"]), image("b", 2, codes=["IB201", "IB201"])]
    found = comparison(old, new).rules
    assert [(rule.code, rule.before, rule.now, rule.added, rule.gone) for rule in found] == [
        ("IB201", 1, 2, 2, 1),
        ("IB304", 1, 0, 0, 1),
    ]
