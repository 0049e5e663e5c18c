"""Sums over images whose tokens are contradictory or not known are ranges, and name what they lack."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

import imgbudget as package
from imgbudget.limits.geometry import Size
from imgbudget.live.billing import predict
from imgbudget.live.records import predicted_record
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.rule_runner import limits_of
from tests.test_detail import chat, screen

Json = dict[str, Any]
NANO = "gpt-5.4-nano"
"""A model on which sources contradict each other."""
UNKNOWN = "frontier-9"
SIZE = Size(1920, 1080)
LOW, HIGH = 1810, 3060
SMALLER = 2262
"""The tokens of a screenshot of that size, by 1.2 times 1,508 and 1.5 times 2,040 patches.

`SMALLER` is the most once it is resized to what all models use.
"""
CLAUDE = 1521
CLAUDE_BY_NANO = 1470, 1838
"""The tokens of an image of 1092x1092 px, on Claude and on that model."""
RANGE = [CLAUDE + 3 * LOW, CLAUDE + 3 * HIGH]
COST = [0.005649, 0.006399]
LOST = "3 images not counted"


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """A folder: an image, and requests to a contradictory model, to Claude, and to an unknown model."""
    (tmp_path / "a.png").write_bytes(screen())
    write_json(tmp_path / "nano.json", chat(None, None, model=NANO))
    write_json(tmp_path / "claude.json", body(image_block(image_bytes((1092, 1092))), "What is this?"))
    write_json(tmp_path / "unknown.json", chat(None, None, model=UNKNOWN))
    part = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    text = {"type": "text", "text": "What is this?"}
    write_json(
        tmp_path / "url.json", {"model": NANO, "messages": [{"role": "user", "content": [part, text]}]}
    )
    return tmp_path


def in_nano(*arguments: str) -> tuple[str, ...]:
    """The arguments of a command for that model."""
    return (*arguments, "--isolated", "--model", NANO)


def test_the_expected_range_is_that_of_one_image() -> None:
    """What this file expects of sums is so of a single image."""
    assert limits_of(NANO).tokens_ends(SIZE) == (LOW, HIGH)


@pytest.mark.usefixtures("mixed")
def test_the_summary_of_a_check_is_a_range(imgbudget: Command) -> None:
    """JSON has null and the ends; what is exact keeps its number."""
    found = imgbudget(*in_nano("check", ".", "--format", "json", "--statistics")).json
    summary = found["summary"]
    assert (summary["visual_tokens"], summary["visual_tokens_range"]) == (None, RANGE)
    assert (summary["tokens_after_fix"], summary["tokens_after_fix_range"]) == (None, RANGE)
    assert (summary["cost_usd"], summary["cost_range_usd"]) == (None, COST)
    assert (summary["state"], summary["images_not_counted"]) == ("conflicting", 3)
    total = found["statistics"]["total"]
    assert (total["visual_tokens_range"], total["images_not_counted"]) == (RANGE, 3)
    requests = {Path(request["path"]).name: request for request in found["requests"]}
    assert requests["nano.json"]["visual_tokens_range"] == [2 * LOW, 2 * HIGH]
    assert requests["claude.json"]["visual_tokens"] == CLAUDE
    assert requests["unknown.json"]["images_not_counted"] == 2
    assert "visual_tokens_range" not in requests["claude.json"]


@pytest.mark.usefixtures("mixed")
@pytest.mark.parametrize("form", ["full", "concise", "markdown"])
def test_the_texts_of_a_check_have_the_range(form: str, imgbudget: Command) -> None:
    """The closing line has both ends, and the number of images that it is without."""
    out = imgbudget(*in_nano("check", ".", "--format", form, "--statistics")).out
    assert f"{RANGE[0]} to {RANGE[1]:,} visual tokens" in out
    assert "$0.005649 to $0.006399".replace("$", "\\$" * (form == "markdown") or "$") in out
    assert f"{LOST} in tokens and cost" in out
    assert f"{RANGE[0]} to {RANGE[1]:,}  $0.005649 to $0.006399" in out


@pytest.mark.usefixtures("mixed")
def test_exact_sums_are_as_before(imgbudget: Command) -> None:
    """Without such images there is neither a range nor a count."""
    summary = imgbudget("check", "claude.json", "--isolated", "--format", "json").json["summary"]
    assert summary["visual_tokens"] == summary["tokens_after_fix"] == CLAUDE
    assert not {"visual_tokens_range", "state", "images_not_counted"} & set(summary)


def test_a_comparison_takes_a_saved_range(imgbudget: Command, mixed: Path) -> None:
    """A report with ranges can be compared with, and so can one with more images than it."""
    (mixed / "unknown.json").unlink()
    imgbudget(*in_nano("check", ".", "--format", "json:../saved.json"))
    same = imgbudget(*in_nano("check", ".", "--compare", "../saved.json")).out
    assert "same images, tokens and cost" in same
    (mixed / "b.png").write_bytes(screen(1))
    more = imgbudget(*in_nano("check", ".", "--compare", "../saved.json", "--format", "json")).json
    assert more["comparison"]["visual_tokens_range"] == [LOW, HIGH]
    text = imgbudget(*in_nano("check", ".", "--compare", "../saved.json")).out
    assert f"+1 image, +{LOW} to +{HIGH} tokens, +$0.000362 to +$0.000612 per run" in text


@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ("image.tokens=2000", f"image takes up to {HIGH} visual tokens"),
        ("image.cost=$0.0005", "image costs up to $0.000612"),
        ("request.tokens=4000", f"images take up to {2 * HIGH} visual tokens"),
        ("request.cost=$0.001", "images cost up to $0.001224"),
        ("run.tokens=5000", f"run takes up to {2 * HIGH} visual tokens"),
        ("run.cost=$0.001", "run costs up to $0.001224"),
    ],
)
@pytest.mark.usefixtures("mixed")
def test_budgets_are_checked_by_the_most(budget: str, message: str, imgbudget: Command) -> None:
    """A budget between the two ends is exceeded, and the finding says that it may be less."""
    found = imgbudget(*in_nano("check", "nano.json", "--select", "IB6", "--budget", budget))
    assert (found.code, message in found.out) == (1, True)


@pytest.mark.usefixtures("mixed")
def test_a_plan_has_ranges(imgbudget: Command) -> None:
    """Totals, images, limits of requests and models side by side."""
    totals = imgbudget(*in_nano("plan", ".", "--format", "json")).json["totals"]
    assert totals["before"]["tokens_range"] == totals["after"]["tokens_range"] == RANGE
    assert totals["before"]["cost_range_usd"] == COST
    assert (totals["before"]["tokens"], totals["images_not_counted"]) == (None, 2)
    text = imgbudget(*in_nano("plan", ".", "--all")).out
    assert f"{LOW} to {HIGH} → {LOW} to {HIGH}" in text
    assert f"{2 * LOW} to {2 * HIGH}" in text  # the context of the request
    assert "2 images for unknown models, tokens not counted" in text
    several = imgbudget("plan", "a.png", "--isolated", "--model", f"{NANO},{UNKNOWN},gpt-5-mini").out
    assert f"{LOW} to {HIGH} → {LOW} to {SMALLER}" in several
    assert "unknown → unknown" in several


@pytest.mark.usefixtures("mixed")
def test_a_split_has_ranges(imgbudget: Command) -> None:
    """Its parts, and the reason why one image alone is too much."""
    files = ("nano.json", "unknown.json")
    nano, unknown = imgbudget("split", *files, "--isolated", "--format", "json").json["splits"]
    (part,) = nano["parts"]
    assert (part["visual_tokens"], part["visual_tokens_range"]) == (None, [2 * LOW, 2 * HIGH])
    assert unknown["parts"][0]["images_not_counted"] == 2
    text = imgbudget("split", *files, "--isolated", "--all").out
    assert f"{2 * LOW} to {2 * HIGH}  $0.000724 to $0.001224" in text
    assert "2 images not counted in tokens and cost" in text
    tight = imgbudget("split", "nano.json", "--isolated", "--budget", "request.tokens=2000").out
    assert f"up to {HIGH} visual tokens, over the limit of 2000" in tight


def test_what_is_sent_again_has_ranges(imgbudget: Command, tmp_path: Path) -> None:
    """The calls of a conversation, its sum, and what remedies save."""
    first, second = chat(None, model=NANO)["messages"], chat(None, model=NANO)["messages"]
    whole = chat(model=NANO) | {"messages": [*first, {"role": "assistant", "content": "A screen."}, *second]}
    write_json(tmp_path / "r.json", whole)
    (found,) = imgbudget("plan", "r.json", "--isolated", "--resend", "--format", "json").json["resend"]
    assert found["calls"][1]["resent"]["tokens_range"] == [LOW, HIGH]
    assert (found["sent"]["tokens"], found["sent"]["tokens_range"]) == (None, [3 * LOW, 3 * HIGH])
    assert found["state"] == "conflicting"
    text = imgbudget("plan", "r.json", "--isolated", "--resend").out
    assert f"{3 * LOW} to {3 * HIGH} visual tokens, $0.001086 to $0.001836" in text


def test_fixes_have_ranges(imgbudget: Command, tmp_path: Path) -> None:
    """What fixes changed: their line, the manifest, and the totals."""
    (tmp_path / "a.png").write_bytes(image_bytes((2200, 1700)))
    arguments = in_nano("check", ".", "--fix", "--report", "../m.json")
    text = imgbudget(*arguments).out
    manifest = json.loads((tmp_path.parent / "m.json").read_bytes())
    ((image,),) = (file["images"] for file in manifest["files"])
    (low, high), (low_after, high_after) = image["original"]["tokens_range"], image["sent"]["tokens_range"]
    assert image["original"]["tokens"] is image["sent"]["tokens"] is None
    assert f"{low} to {high} tokens" in text
    summary = manifest["summary"]
    assert summary["visual_tokens"] == [None, None]
    assert summary["visual_tokens_range"] == [[low, high], [low_after, high_after]]


def test_a_prediction_has_a_range(mixed: Path) -> None:
    """What `send` predicts of a request to such a model."""
    (one,) = package.check([str(mixed / "nano.json")]).requests
    prediction = predict(one, 40)
    assert prediction.visual_range == (2 * LOW, 2 * HIGH)
    assert prediction.total_range[1] - prediction.total_range[0] == 2 * (HIGH - LOW)
    assert not prediction.is_exact
    record = predicted_record(prediction)
    assert (record["visual_tokens"], record["visual_tokens_range"]) == (None, [2 * LOW, 2 * HIGH])


AUDITED = [CLAUDE_BY_NANO[0] + 5 * LOW, CLAUDE_BY_NANO[1] + 5 * HIGH]


@pytest.mark.usefixtures("mixed")
def test_an_audit_has_ranges(imgbudget: Command) -> None:
    """Totals, models side by side, rows, and the page; the row files have both ends."""
    arguments = ("audit", ".", "--isolated", "--model", f"{NANO},gpt-5.4")
    found = imgbudget(*arguments, "--format", "json", "--html", "../page.html").json["statistics"]
    totals, (nano, exact) = found["totals"], found["models"]
    assert (totals["tokens"], totals["tokens_range"], totals["state"]) == (None, AUDITED, "conflicting")
    assert totals["cost_range_usd"] == [round(end * 0.2 / 1e6, 9) for end in AUDITED]
    assert (nano["tokens_range"], nano["cost_usd"]) == (AUDITED, None)
    assert exact["tokens"] == found["models"][1]["tokens_after"] == 13_710
    assert "tokens_doubt" not in totals
    for group in ("formats", "folders", "sizes"):
        assert any("tokens_range" in row for row in found[group])
    page = Path("../page.html").read_text()
    assert f"{AUDITED[0]:,} to {AUDITED[1]:,} visual tokens" in page
    assert "Sources contradict each other on the tokens of gpt-5.4-nano" in page
    assert f"{AUDITED[0]:,} to {AUDITED[1]:,} visual tokens on {NANO}" in imgbudget(*arguments).out
    rows = list(csv.DictReader(imgbudget(*arguments, "--format", "csv").out.splitlines()))
    tiers = [name.removesuffix("_tokens_low") for name in rows[0] if name.endswith("_tokens_low")]
    tiers = [name for name in tiers if not name.endswith("_planned")]
    ends = {(row[f"{name}_tokens"], row[f"{name}_tokens_low"]) for row in rows for name in tiers}
    assert (str(HIGH), str(LOW)) in ends
