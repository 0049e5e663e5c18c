"""`--statistics` and `--compare`: sums by rule and folder, and the difference to an earlier run."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.errors import UsageError
from imgbudget.linter.run import Session
from imgbudget.model.comparison import FindingRecord, RunRecords, compare, read_report
from imgbudget.model.results import Summary
from imgbudget.model.statistics import RuleSum
from imgbudget.output.summaries import headline, verdict
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two photos that are too large, a column of patches too many, and a request."""
    (tmp_path / "photos").mkdir()
    for name, edge in (("a", 4000), ("b", 2000)):
        (tmp_path / "photos" / f"{name}.jpg").write_bytes(image_bytes((edge, edge * 3 // 4), "JPEG"))
    (tmp_path / "photos" / "c.png").write_bytes(image_bytes((1121, 800)))
    write_json(tmp_path / "r.json", body(image_block(image_bytes((100, 300)))))
    return tmp_path


@pytest.mark.usefixtures("tree")
def test_nothing_is_summed_unasked(imgbudget: Command) -> None:
    """Neither in text nor in JSON."""
    assert "rule   name" not in imgbudget("check").out
    assert not {"statistics", "comparison"} & imgbudget("check", "--format", "json").json.keys()


@pytest.mark.usefixtures("tree")
def test_sums_by_rule(imgbudget: Command) -> None:
    """How many, how far the worst is off, how far all together, in the rule's unit."""
    rules = imgbudget("check", "--statistics", "--format", "json").json["statistics"]["rules"]
    assert rules[0] == {
        "code": "IB201",
        "name": "oversized-image",
        "unit": "px",
        "findings": 2,
        "fixable": 2,
        "measured": 4000,
        "limit": 1568,
        "over_max": 2432,
        "over_sum": 2432 + 432,
    }
    assert [(rule["code"], rule["measured"], rule["over_max"]) for rule in rules[1:]] == [
        ("IB202", 1189, 29),
        ("IB301", 100, 100),
    ]


def test_orientations_are_not_summed(imgbudget: Command, tmp_path: Path) -> None:
    """An EXIF orientation is a name written as a number: nothing is "over" it."""
    turned = image_bytes((400, 300), "JPEG", orientation=6)
    (tmp_path / "a.jpg").write_bytes(turned)
    run = imgbudget("check", "--pedantic", "--select", "IB303", "--statistics", "--format", "json")
    (rule,) = run.json["statistics"]["rules"]
    assert (rule["unit"], rule["findings"]) == ("orientation", 1)
    assert [rule[key] for key in ("measured", "limit", "over_max", "over_sum")] == [None] * 4


@pytest.mark.usefixtures("tree")
def test_sums_by_folder_agree_with_the_summary(imgbudget: Command) -> None:
    """Tokens, cost and what the fixes save; the dearest folder first."""
    budget = ("--budget", "image.tokens=1160")
    found = imgbudget("check", "--statistics", "--format", "json", *budget).json
    statistics, summary = found["statistics"], found["summary"]
    assert [(folder["path"], folder["images"]) for folder in statistics["folders"]] == [
        ("photos", 3),
        (".", 1),
    ]
    total = statistics["total"]
    for name in ("files", "images", "requests", "visual_tokens", "tokens_after_fix"):
        assert total[name] == summary[name]
    assert total["cost_usd"] == pytest.approx(summary["cost_usd"])
    saved = summary["visual_tokens"] - summary["tokens_after_fix"]
    assert saved > 29
    assert total["saved_usd"] == pytest.approx(saved * 3e-6)


@pytest.mark.parametrize(
    ("folders", "line"), [(20, None), (21, "and 1 more folder;"), (22, "and 2 more folders;")]
)
def test_text_counts_the_folders_that_it_leaves_out(
    imgbudget: Command, tmp_path: Path, folders: int, line: str | None
) -> None:
    """The table has twenty folders; a line below says how many more there are, if any."""
    for number in range(folders):
        (tmp_path / f"{number:02}").mkdir()
        (tmp_path / f"{number:02}" / "a.png").write_bytes(image_bytes())
    run = imgbudget("check", "--statistics", "--format", "concise")
    more = [text for text in run.out.splitlines() if text.startswith("and ")]
    assert more == ([] if line is None else [f"{line} --format json has all of them"])
    rows = [text for text in run.out.splitlines() if text[:2].isdigit() and text[2:4] == "  "]
    assert len(rows) == 20


@pytest.mark.usefixtures("tree")
def test_text_shows_both_tables_before_the_last_line(imgbudget: Command) -> None:
    """In the formats for people; in jsonl it is a line of a separate type."""
    lines = imgbudget("check", "--statistics", "--format", "concise").out.splitlines()
    at = lines.index("rule   name             findings  fixable  measured  limit  over by  total over  unit")
    assert lines[at + 1].split() == [
        "IB201",
        "oversized-image",
        "2",
        "2",
        "4000",
        "1568",
        "2432",
        "2864",
        "px",
    ]
    assert lines[-3].startswith(".  ")
    assert "4 checked files" in lines[-1]
    kinds = [
        json.loads(line)["type"]
        for line in imgbudget("check", "--statistics", "--format", "jsonl").out.splitlines()
    ]
    assert kinds[-2:] == ["statistics", "summary"]


def test_sums_are_the_same_over_several_processes(
    imgbudget: Command, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statistics and comparison with one process and with three."""
    for i in range(30):
        (tree / f"{i:02}.png").write_bytes(image_bytes((100 + i, 300)))
    imgbudget("check", "photos", "--format", "json:old.json")
    monkeypatch.setattr(Session, "pool_threshold", 10)
    monkeypatch.setattr(Session, "chunk_size", 4)
    wish = ("check", "--statistics", "--compare", "old.json", "--format", "json")
    alone, several = (imgbudget(*wish, "-j", jobs).json for jobs in ("1", "3"))
    assert alone["comparison"]["new"]
    assert alone == several


def test_a_pull_request_shows_its_cost(imgbudget: Command, tree: Path) -> None:
    """Additional images, tokens and dollars, new and fixed findings."""
    imgbudget("check", "--format", "json:old.json")
    (tree / "old.json").rename(tree.parent / "old.json")
    name = str(tree.parent / "old.json")
    run = imgbudget("check", "--compare", name)
    assert "compared with old.json: same images, tokens and cost; no findings added or fixed\n" in run.out
    (tree / "photos" / "a.jpg").write_bytes(image_bytes((400, 300), "JPEG"))
    (tree / "d.png").write_bytes(image_bytes((150, 1400)))
    run = imgbudget("check", "--compare", name, "--format", "json")
    comparison = run.json["comparison"]
    assert [comparison[name] for name in ("images", "requests")] == [1, 0]
    tokens = comparison["visual_tokens"]
    assert tokens == 15 * 11 + 6 * 50 - 1564
    assert comparison["cost_usd"] == pytest.approx(tokens * 3e-6)
    assert [(item["code"], item["path"]) for item in comparison["new"]] == [("IB301", "d.png")]
    assert [(item["code"], item["path"]) for item in comparison["fixed"]] == [("IB201", "photos/a.jpg")]
    text = imgbudget("check", "--compare", name).out
    assert (
        "compared with old.json: +1 image, -1099 tokens, -$0.003297 per run; 1 new finding, 1 fixed\n" in text
    )
    assert "  + d.png: IB301 warning: short edge is 150 px" in text


def damaged(**parts: object) -> str:
    """A report of a run without files, with other parts in it."""
    sums = dict.fromkeys(("images", "requests", "visual_tokens", "tokens_after_fix", "cost_usd"), 0)
    return json.dumps({"version": 1, "summary": sums, "findings": [], "images": [], **parts})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "is no JSON report"),
        ("[]", "is no JSON report of imgbudget"),
        ('{"version": 2}', "version 2 of a report is not known, only 1"),
        ('{"version": 1}', "is no whole JSON report: summary is missing; save one"),
        ('{"version": 1, "summary": {"images": "x"}}', "report: images is no number of a run; "),
        ('{"version": 1, "summary": {"images": true}}', "report: images is no number of a run; "),
        ('{"version": 1, "summary": {"images": 1}}', "report: requests is missing; "),
        ('{"version": 1, "summary": 5}', "report: summary is no object; "),
        (damaged(findings=""), "report: findings is no list; "),
        (damaged(findings={}), "report: findings is no list; "),
        (damaged(findings=["x"]), "report: findings[0] is no object; "),
        (damaged(findings=[{"code": 5}]), "report: code is no text; "),
        (damaged(findings=[{"code": "IB1"}]), "report: name is missing; "),
        (damaged(images=""), "report: images is no list; "),
        (damaged(images=[{"path": "a", "tokens": "7"}]), "report: tokens is no number of a run; "),
        (damaged(images=[{"path": "a", "tokens_range": []}], findings=None), "report: findings is no list; "),
    ],
)
def test_a_file_that_is_no_report_ends_the_run(
    imgbudget: Command, tmp_path: Path, text: str, told: str
) -> None:
    """Before anything is checked, with exit code 2."""
    (tmp_path / "old.json").write_text(text)
    run = imgbudget("check", "--compare", "old.json")
    assert (run.code, run.out) == (2, "")
    assert told in run.err
    with pytest.raises(UsageError):
        read_report(text.encode(), "old.json")
    run = imgbudget("check", "--compare", "nope.json")
    assert (run.code, run.err) == (
        2,
        "imgbudget: --compare nope.json: no such file or folder\n",
    )


def told_of(fingerprint: str) -> FindingRecord:
    """A finding of that fingerprint."""
    return FindingRecord("IB201", "oversized-image", "warning", "a.png", None, "too large", fingerprint)


@given(old=st.lists(st.sampled_from("abc")), new=st.lists(st.sampled_from("abc")))
def test_what_came_and_went_is_the_difference(old: list[str], new: list[str]) -> None:
    """Old findings and new ones minus the fixed ones are the current ones, with their counts."""
    before = read_report(
        b'{"version": 1, "findings": [], "summary": {"images": 0, "requests": 0,'
        b' "visual_tokens": 0, "tokens_after_fix": 0, "cost_usd": 0}}',
        "old.json",
    )
    before = before._replace(findings=tuple(map(told_of, old)))
    records = RunRecords()
    records.findings += map(told_of, new)
    found = compare(before, Summary(), records)
    came, went = ([one.fingerprint for one in some] for some in (found.new, found.fixed))
    assert sorted(old + came) == sorted(new + went)
    assert not set(came) & set(went)
    assert headline(found) == "same images, tokens and cost"
    assert ("no findings" in verdict(found)) == (not came and not went)


@given(parts=st.lists(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=4), max_size=4))
def test_sums_of_parts_are_the_sum_of_the_whole(parts: list[list[tuple[int, int]]]) -> None:
    """However the findings are spread over processes."""
    whole, merged = RuleSum("IB201", "n", "px"), RuleSum("IB201", "n", "px")
    for part in parts:
        mine = RuleSum("IB201", "n", "px")
        for measured, limit in part:
            for rule in (whole, mine):
                rule.count(measured, limit, fixable=measured > limit)
        merged.merge(mine)
    assert merged == whole
