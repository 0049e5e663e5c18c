"""`imgbudget size`, `plan`, `limits` and `rule` as a user sees them."""

import json
from pathlib import Path

import pytest

from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

SIZES = ("200x200", "1000x1000", "1092x1092", "1920x1080", "3840x2160", "1075x1520")


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-sonnet-4-6", [64, 1296, 1521, 1560, 1560, 1551]),
        ("claude-opus-4-8", [64, 1296, 1521, 2691, 4784, 2145]),
    ],
)
def test_sizes_of_the_guide(imgbudget: Command, model: str, tokens: list[int]) -> None:
    """The published tokens on both tiers, and the older estimate beside them."""
    run = imgbudget("size", *SIZES, "--model", model, "--format", "json")
    assert run.code == 0
    assert [size["tokens"] for size in run.json["sizes"]] == tokens
    assert [size["tokens_area"] for size in run.json["sizes"]][:3] == [54, 1334, 1590]


def test_older_estimate_and_its_cost_are_shown(imgbudget: Command) -> None:
    """At $3 a million: about $0.00016, $0.0040 and $0.0048."""
    lines = imgbudget("size", *SIZES[:3]).out.splitlines()[2:]
    assert [("~$0.00016" in lines[0]), ("~$0.0040" in lines[1]), ("~$0.0048" in lines[2])] == [True] * 3
    assert "$0.003888" in lines[1]


def test_table_of_both_tiers(imgbudget: Command) -> None:
    """`--table` prints the five published rows, and those of the other tier for its models."""
    out = imgbudget("size", "--table").out
    for row in ("1092x1092", "951x1268", "896x1344", "819x1456", "784x1568"):
        assert row in out
    run = imgbudget("size", "--table", "--model", "claude-opus-4-8", "--format", "json")
    assert [row["size"] for row in run.json["table"]] == [
        [1932, 1932],
        [1659, 2212],
        [1568, 2352],
        [1449, 2576],
        [1288, 2576],
    ]


def test_several_models_side_by_side(imgbudget: Command) -> None:
    """A comma between ids gives each model its own lines."""
    run = imgbudget("size", "1920x1080", "--model", "claude-sonnet-4-6,claude-opus-4-8", "--format", "json")
    assert [(size["model"], size["tokens"]) for size in run.json["sizes"]] == [
        ("claude-sonnet-4-6", 1560),
        ("claude-opus-4-8", 2691),
    ]


def test_rejected_sizes_are_named(imgbudget: Command) -> None:
    """Over 8000 px the size is no size that the API takes."""
    assert "rejected: over 8000 px" in imgbudget("size", "8001x10").out
    assert "rejected" not in imgbudget("size", "8000x10").out


def test_plan_of_a_photo(imgbudget: Command, tmp_path: Path) -> None:
    """4000x3000 to the row 3:4 turned over; what fits stays byte for byte."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    (tmp_path / "b.png").write_bytes(image_bytes((400, 300)))
    out = imgbudget("plan").out
    assert "4000x3000" in out
    assert "1268x951" in out
    assert "1 of 2 images to resize" in out
    document = imgbudget("plan", "--format", "json").json
    photo, small = document["plans"]
    assert (photo["from"], photo["to"], photo["row"]) == ([4000, 3000], [1268, 951], "3:4")
    assert (photo["before"]["tokens"], photo["after"]["tokens"]) == (1564, 1564)
    assert (photo["before"]["tokens_area"], photo["after"]["tokens_area"]) == (1613, 1608)
    assert (small["changes"], small["before"], small["reason"]) == (
        False,
        {key: value for key, value in small["after"].items() if not key.startswith("bytes_")},
        "fits",
    )
    assert document["totals"]["after"]["tokens"] == 1564 + 165
    assert document["totals"]["before"]["cost_usd"] == pytest.approx((1564 + 165) * 3e-6)


def test_plan_leaves_out_what_cannot_be_decoded(imgbudget: Command, tmp_path: Path) -> None:
    """A truncated photo has no plan: it is counted as not measured."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((4000, 3000), "JPEG")[:5000])
    assert imgbudget("plan", "--format", "json").json["plans"] == []
    assert "1 image that cannot be measured" in imgbudget("plan").out


@pytest.mark.parametrize("command", ["plan", "split"])
def test_what_has_no_size_is_named(imgbudget: Command, tmp_path: Path, command: str) -> None:
    """No image by its bytes, and base64 that is none; what is elsewhere was not to be read."""
    (tmp_path / "a.png").write_bytes(b"hello\n")
    sources: dict[str, dict[str, str]] = {
        "b.json": {"type": "base64", "media_type": "image/png", "data": "iVBO!A=="},
        "c.json": {"type": "base64", "media_type": "image/png", "data": ""},
        "d.json": {"type": "url", "url": "https://example.com/a.png"},
    }
    for name, source in sources.items():
        block = {"type": "image", "source": source}
        body = {"model": "claude-sonnet-4-6", "messages": [{"role": "user", "content": [block]}]}
        (tmp_path / name).write_text(json.dumps({"max_tokens": 9, **body}))
    for name, reason in (
        ("a.png", "is not an image but plain text"),
        ("b.json", "its base64 text holds characters outside the alphabet: '!'"),
        ("c.json", "its base64 text is empty"),
    ):
        alone = imgbudget(command, name)
        assert alone.code == 2
        assert f"{name}: " in alone.err
        assert reason in alone.err
    assert imgbudget(command, "d.json").code == 0


def test_plan_goes_native_off_the_table(imgbudget: Command, tmp_path: Path) -> None:
    """4001x2999 is planned to the native size, and everything with --target native."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((4001, 2999), "JPEG"))
    (tmp_path / "b.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    plans = imgbudget("plan", "--format", "json").json["plans"]
    assert [plan["to"] for plan in plans] == [[1270, 952], [1268, 951]]
    plans = imgbudget("plan", "--format", "json", "--target", "native").json["plans"]
    assert [plan["to"] for plan in plans] == [[1270, 952], [1270, 952]]
    plans = imgbudget("plan", "--format", "json", "--target", "latency").json["plans"]
    assert all(plan["to"][0] * plan["to"][1] <= 1_150_000 for plan in plans)


def test_plan_obeys_what_the_request_imposes(imgbudget: Command, tmp_path: Path) -> None:
    """On a high-resolution model 21 images mean 2000 px, which is less than the model's own 2576 px."""
    blocks = [image_block(image_bytes((2400, 300), colour=i * 99)) for i in range(21)]
    write_json(tmp_path / "r.json", body(*blocks, model="claude-opus-4-8"))
    plans = imgbudget("plan", "r.json", "--format", "json").json["plans"]
    assert {tuple(plan["to"]) for plan in plans} == {(2000, 250)}
    assert "2000 px" in plans[0]["reason"]
    write_json(tmp_path / "r.json", body(*blocks[:20], model="claude-opus-4-8"))
    assert not any(plan["changes"] for plan in imgbudget("plan", "r.json", "--format", "json").json["plans"])


def test_limits_print_source_and_date(imgbudget: Command) -> None:
    """Every limit in force says whose it is, where it is written and when."""
    run = imgbudget("limits", "--model", "claude-opus-4-8", "--platform", "bedrock", "--format", "json")
    assert run.code == 0
    assert (run.json["model"], run.json["platform"]) == ("claude-opus-4-8", "bedrock")
    entries = run.json["limits"]
    assert 5_242_880 in [entry["value"] for entry in entries]
    assert all(entry["source"] and entry["date"] for entry in entries)
    text = imgbudget("limits").out
    assert "claude-sonnet-4-6 on anthropic" in text
    assert "8000 px" in text


def test_own_limits_are_laid_over(imgbudget: Command, tmp_path: Path) -> None:
    """A user's file changes what is found."""
    example = imgbudget("limits", "--format", "json").json["limits"]
    edge = next(entry for entry in example if entry["value"] == 8000)
    assert edge["unit"] == "px"
    (tmp_path / "a.png").write_bytes(image_bytes((900, 300)))
    (tmp_path / "own.yaml").write_text("images:\n  max_edge:\n    value: 800\n")
    run = imgbudget("check", "a.png", "--limits", "own.yaml", "--select", "IB1", "--format", "json")
    assert run.code == 1, run.err
    assert run.codes == ["IB101"]


def test_rule_pages(imgbudget: Command) -> None:
    """A page by code in any case or by name; all of them as a list and as JSON."""
    page = imgbudget("rule", "ib201").out
    assert page.startswith("# IB201 oversized-image")
    assert imgbudget("rule", "oversized-image").out == page
    assert "IB701" in imgbudget("rule", "--all").out
    records = json.loads(imgbudget("rule", "--all", "--format", "json").out)
    assert {record["code"] for record in records} >= {"IB001", "IB504"}
    assert "imgbudget_rules" in imgbudget("rule", "--packs").out


def test_all_rule_pages_in_every_format(imgbudget: Command) -> None:
    """A line each as text, a page each as Markdown, the address too in JSON; no other format is taken."""
    pages = imgbudget("rule", "--all", "--format", "json").json
    text = imgbudget("rule", "--all", "--format", "text").out.splitlines()
    assert len(text) == len(pages) + 1
    markdown = imgbudget("rule", "--all", "--format", "markdown").out
    for page in pages:
        assert f"# {page['code']} {page['name']}\n" in markdown
        assert page["page"] in markdown
        assert page["url"] is None
    run = imgbudget("rule", "IB201", "--format", "html")
    assert (run.code, run.out) == (2, "")
    assert "known are full, json, markdown" in run.err
