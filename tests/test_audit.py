"""`imgbudget audit` as people call it: numbers that agree with `check`, formats, exit codes, mistakes."""

import csv
import json
from pathlib import Path

import pytest

from imgbudget.auditing.rowfiles import schema
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from tests.builders import CORPUS, body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.datasets import IMAGES, as_folder, as_tar
from tests.rule_runner import limits_of
from tests.stated import stated


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus is not beside this checkout")
def test_numbers_are_those_of_check(imgbudget: Command) -> None:
    """The real corpus: images, tokens and findings by severity are what `check` counts, file for file."""
    audited = imgbudget("audit", str(CORPUS), "--isolated", "--format", "json").json["statistics"]
    checked = imgbudget("check", str(CORPUS), "--isolated", "--format", "json", "--no-cache").json
    totals, summary = audited["totals"], checked["summary"]
    assert totals["images"] == summary["images"] == len(checked["images"])
    assert totals["requests"] == summary["requests"]
    unknown = {item["path"] for item in checked["findings"] if item["code"] == "IB411"}
    damaged = {(item["path"], item["pointer"]) for item in checked["findings"] if item["code"] == "IB001"}
    measured = [
        image
        for image in checked["images"]
        if image["tokens"] is not None
        or (image["path"] in unknown and image["width"] and (image["path"], image["pointer"]) not in damaged)
    ]
    sonnet = limits_of()  # an audit counts for its own model, a check for the one that a request names
    assert totals["tokens"] == sum(
        stated(sonnet.tokens(Size(image["width"], image["height"]))) for image in measured
    )
    found = {"error": totals["errors"], "warning": totals["warnings"], "info": totals["infos"]}
    # copies are no findings of an audit: it has a table of them
    codes = [finding["code"] for finding in checked["findings"] if finding["code"] != "IB801"]
    copies = len(checked["findings"]) - len(codes)
    assert found == summary["findings"] | {"info": summary["findings"]["info"] - copies}
    by_code: dict[str, int] = {}
    for rule in audited["rules"]:
        by_code[rule["code"]] = by_code.get(rule["code"], 0) + rule["findings"]
    assert by_code == {code: codes.count(code) for code in set(codes)}


def test_what_is_no_image_is_said(imgbudget: Command, tmp_path: Path) -> None:
    """Text with the name of an image is counted as one that cannot be decoded, and listed with what it is."""
    (tmp_path / "a.png").write_bytes(image_bytes((560, 560)))
    clean = imgbudget("audit", ".", "--isolated")
    assert "no image" not in clean.out
    (tmp_path / "words.jpg").write_text("hello, this is text")
    (tmp_path / "page.png").write_text("<html><body>404 Not Found</body></html>")
    (tmp_path / "more.png").write_text("<html><body>404 Not Found</body></html>")
    run = imgbudget("audit", ".", "--isolated", "--format", "json").json["statistics"]
    assert (run["totals"]["unreadable"], run["totals"]["unmeasured"]) == (3, 0)
    listed = [(one["reason"], one["items"], one["missed"]) for one in run["skips"]]
    assert listed == [("is not an image but HTML", 2, False), ("is not an image but plain text", 1, False)]
    out = imgbudget("audit", ".", "--isolated", "--html", "audit.html").out
    assert "3 images that cannot be decoded; not included in the costs\n" in out
    assert "Skipped, or no image\n" in out
    assert "What was skipped, or is no image" in (tmp_path / "audit.html").read_text("utf-8")
    assert "unknown size" not in out


def test_clean_folder_shows_its_cost(imgbudget: Command, tmp_path: Path) -> None:
    """One line with the cost, and no finding."""
    (tmp_path / "a.png").write_bytes(image_bytes((560, 560)))
    run = imgbudget("audit", ".", "--isolated")
    assert (run.code, run.err) == (0, "")
    first = run.out.splitlines()[0]
    assert first.startswith("1 image, ")
    assert "400 visual tokens on claude-sonnet-4-6 (anthropic): $0.0012, $0.0006 in batches" in first
    assert "Findings" not in run.out


@pytest.mark.parametrize(("wish", "code"), [("never", 0), ("error", 1), ("warning", 1)])
def test_exit_code_is_asked_for(imgbudget: Command, tmp_path: Path, wish: str, code: int) -> None:
    """An audit is a report: findings fail it only when --fail-on says so."""
    as_folder(tmp_path)
    assert imgbudget("audit", ".", "--isolated", "--fail-on", wish).code == code


def test_findings_below_the_wish_do_not_fail(imgbudget: Command, tmp_path: Path) -> None:
    """A warning is no error."""
    (tmp_path / "a.png").write_bytes(image_bytes((100, 300)))
    assert imgbudget("audit", ".", "--isolated", "--fail-on", "error").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("gone",), "gone: no such file or folder"),
        ((".", "--format", "html"), "unknown format 'html'; known are full, json, markdown, csv"),
        ((".", "--ray-address", "auto"), "--ray-address needs --engine ray"),
        ((".", "--select", "IB999"), "unknown rule 'IB999'"),
        (("nope://x/y",), "nope://x/y: "),
        ((".", "--platform", "azure"), "unknown platform 'azure'"),
    ],
)
def test_usage_errors_are_reported_first(
    imgbudget: Command, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    """Usage errors exit with 2 and one clear line, before anything is read."""
    as_folder(tmp_path)
    run = imgbudget("audit", *arguments, "--isolated")
    assert (run.code, run.out) == (2, "")
    assert message in run.err


def test_empty_folder_is_reported(imgbudget: Command, tmp_path: Path) -> None:
    """An audit without files prints no statistics, and proves nothing."""
    run = imgbudget("audit", ".", "--isolated")
    assert (run.code, run.out) == (2, "")
    assert run.err.startswith("imgbudget: error: .: no image was found in it: it holds no files; name ")
    assert imgbudget("audit", ".", "--isolated", "--allow-unread").code == 0


def test_table_is_whole_and_harmless(imgbudget: Command, tmp_path: Path) -> None:
    """CSV has a row an image, in the order of places, and no cell that a spreadsheet would run."""
    as_folder(tmp_path)
    (tmp_path / "=cmd.png").write_bytes(image_bytes())
    run = imgbudget("audit", ".", "--isolated", "--format", "csv")
    rows = list(csv.DictReader(run.out.splitlines()))
    assert [row["member"] for row in rows] == ["'=cmd.png", *sorted(IMAGES)]
    big = next(row for row in rows if row["member"] == "a/big.jpg")
    used = [big[f"standard_{name}"] for name in ("width", "height", "tokens", "planned_tokens")]
    assert (used, big["findings"], big["missed"]) == (["1344", "896", "1536", "1536"], "IB201 IB304", "false")
    # the columns of row files, in their order
    assert list(rows[0]) == schema(Session(RunOptions(isolated=True)).limits.tiers).names


def test_several_formats_at_once(imgbudget: Command, tmp_path: Path) -> None:
    """Each in its file; Markdown has the tables, and names cannot break them."""
    folder = tmp_path / "a|b"
    folder.mkdir()
    (folder / "x`y.png").write_bytes(image_bytes((100, 100)))
    run = imgbudget(
        "audit",
        ".",
        "--isolated",
        "--format",
        "markdown:r.md",
        "--format",
        "json:r.json",
        "--format",
        "csv:r.csv",
    )
    assert run.out == ""
    text = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert "| IB301 | tiny-edge | warning | 1 | 1 | a\\|b/x\\`y.png |" in text
    assert json.loads((tmp_path / "r.json").read_text())["statistics"]["totals"]["images"] == 1
    assert len((tmp_path / "r.csv").read_text().splitlines()) == 2


def test_rows_are_queryable_parquet(imgbudget: Command, tmp_path: Path) -> None:
    """The facts table can be queried with any SQL engine."""
    import duckdb  # noqa: PLC0415 - this test only

    as_tar(tmp_path / "x.tar")
    imgbudget("audit", "x.tar", "--isolated", "--rows", "rows")
    with duckdb.connect() as connection:
        found = connection.execute(
            "select member, standard_tokens, high_resolution_tokens from 'rows/*.parquet' "
            "where format = 'jpeg' order by member"
        ).fetchall()
    assert found == [("a/big.jpg", 1536, 4704), ("b/turned.jpg", 414, 414)]


def test_request_findings_belong_to_the_request(imgbudget: Command, tmp_path: Path) -> None:
    """An empty text block is a finding on the request, not on the image beside it."""
    write_json(tmp_path / "r.json", body(image_block(), ""))
    rows = csv.DictReader(imgbudget("audit", "r.json", "--isolated", "--format", "csv").out.splitlines())
    assert {row["subject"]: row["findings"] for row in rows} == {"image": "", "request": "IB407"}


def test_suppressed_findings_are_counted(imgbudget: Command, tmp_path: Path) -> None:
    """The configuration's ignores hold in an audit too."""
    (tmp_path / "a.png").write_bytes(image_bytes((100, 100)))
    (tmp_path / "imgbudget.yaml").write_text("ignores: [{rules: [IB301], reason: icons, files: ['*.png']}]\n")
    totals = imgbudget("audit", "a.png", "--format", "json").json["statistics"]["totals"]
    assert (totals["warnings"], totals["silenced"]) == (0, 1)
