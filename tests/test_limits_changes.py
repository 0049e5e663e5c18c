"""`imgbudget limits --diff`: what changed between two days."""

from pathlib import Path
from typing import Any

import pytest

from imgbudget.limits.data import LimitsData
from imgbudget.limits.files import read_yaml
from imgbudget.limits.history import SAMPLES, Period, changes
from imgbudget_rules.limits import DATA
from imgbudget_rules.limits._changes import DATA as CHANGES
from tests.conftest import Command

ROOT = Path(__file__).resolve().parents[1]


def found(imgbudget: Command, *arguments: str) -> list[dict[str, Any]]:
    """The changes that the command reports as JSON."""
    run = imgbudget("limits", *arguments, "--format", "json")
    assert run.code == 0, run.err
    records: list[dict[str, Any]] = run.json["changes"]
    return records


def test_ends_and_prices_of_a_period_to_come(imgbudget: Command) -> None:
    """With a later --date: what is announced until then, with successors and both prices."""
    records = found(imgbudget, "--diff", "2026-11-30", "--date", "2027-01-01")
    ends = {row["subject"]: (row["day"], row["now"]) for row in records if row["kind"] == "retired"}
    assert ends["claude-sonnet-4-5"] == ("2026-11-30", "claude-sonnet-5-5")
    assert ends["gpt-5-mini"] == ("2026-12-11", "gpt-5.6-terra")
    assert "gpt-4o" not in ends  # ends later
    prices = {(row["subject"], row["name"]): (row["day"], row["was"], row["now"]) for row in records}
    assert prices["gemini-4-argon", "input_price"] == ("2026-12-01", 2, 4)
    assert prices["gemini-3.6-flash", "output_price"] == ("2027-01-01", 3.75, 7.5)
    assert records == sorted(records, key=lambda row: row["day"])
    text = imgbudget("limits", "--diff", "2026-11-30", "--date", "2027-01-01").out.splitlines()
    assert text[0] == "changes from 2026-11-30 to 2027-01-01:"
    (line,) = (line for line in text if "2026-12-01" in line and "output_price" in line)
    assert "10 USD/MTok" in line
    assert "20 USD/MTok" in line


def test_corrections_show_what_was_and_what_is(imgbudget: Command) -> None:
    """Tokens of three sizes, prices and contexts; each with the source of the new value."""
    records = found(imgbudget, "--diff", "2026-11-28", "--date", "2026-11-28")
    by_name = {(row["subject"], row["name"]): row for row in records}
    mini = by_name["gpt-5-mini", "tokens"]
    assert (mini["was"], mini["now"]) == ([486, 2443, 2353], [360, 1810, 1743])
    assert "recorded usage" in mini["source"]
    nova = by_name["nova-pro", "tokens"]
    assert (nova["now"][0], nova["status"]) == ([800, 2600], "conflicting")
    sol = by_name["gpt-5.6-sol", "input_price"]
    assert (sol["was"], sol["now"], sol["unit"]) == (5, 4, "USD/MTok")
    assert by_name["gpt-5-mini", "retired"]["now"] == "2026-12-11"
    qwen = by_name["qwen", "chat_request_bytes"]
    assert (qwen["was"], qwen["now"], qwen["unit"]) == (None, 6_291_456, "bytes")
    assert {row["subject"] for row in records if row["kind"] == "added"} >= {"llama-4-scout", "gemma-3"}
    assert {row["day"] for row in records} == {"2026-11-28"}
    text = imgbudget("limits", "--diff", "2026-11-28", "--date", "2026-11-28").out
    assert "486, 2443, 2353    360, 1810, 1743" in text
    assert "models added to these data: claude-mythos-preview, command-a-vision" in text


def test_changes_of_one_model_or_platform(imgbudget: Command) -> None:
    """--model in any spelling and --platform restrict the list; a day without changes says so."""
    days = ("--diff", "2026-06-01", "--date", "2026-12-31")
    assert {row["subject"] for row in found(imgbudget, *days, "--model", "gpt-5-mini-2025-08-07")} == {
        "gpt-5-mini"
    }
    subjects = {row["subject"] for row in found(imgbudget, *days, "--platform", "qwen")}
    assert "qwen" in subjects
    assert all(subject.startswith("qwen") for subject in subjects)
    run = imgbudget("limits", "--diff", "2026-09-30", "--model", "gpt-4o")
    assert (run.code, run.out) == (0, "no change is known from 2026-09-30 to 2026-09-30\n")


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2026-13-01", "--diff: '2026-13-01' is no day"),
        ("2026-10-01", "--diff 2026-10-01 is after 2026-09-30"),
    ],
)
def test_days_that_cannot_be_compared(imgbudget: Command, day: str, said: str) -> None:
    """No day, or one after that of the run: exit code 2."""
    run = imgbudget("limits", "--diff", day)
    assert (run.code, run.out) == (2, "")
    assert said in run.err


def test_recorded_changes_name_what_the_data_have() -> None:
    """Each model, platform and value exists, and every block has a day; the compiled file is current."""
    data = LimitsData.from_mapping(DATA, day="2026-11-28")
    assert read_yaml(str(ROOT / "rules" / "imgbudget_rules" / "limits" / "changes.yaml")) == CHANGES
    for block in CHANGES["changes"]:
        assert set(block) <= {"day", "added", "models", "platforms"}
        assert set(block.get("added", ())) <= set(data.models)
        for model, values in block.get("models", {}).items():
            assert set(values) <= {*data.stated(model), "tokens"}
            assert len(values.get("tokens", SAMPLES)) == len(SAMPLES)
        for platform, values in block.get("platforms", {}).items():
            assert set(values) <= set(data.stated_on(platform))


def test_what_was_changed_back_is_no_change() -> None:
    """A recorded value that the data have again is not reported."""
    data = LimitsData.from_mapping(DATA, day="2026-11-28")
    price = data.stated("gpt-4o")["input_price"]
    assert changes(data, (DATA,), Period("2026-11-28", "2026-11-28"))
    block = {"day": "2026-11-28", "models": {"gpt-4o": {"input_price": 2.5}}}
    pack = type(DATA)({}, lambda _: {"changes": [block]}, {})
    assert price.text.startswith("2.5")
    assert changes(data, (pack,), Period("2026-11-28", "2026-11-28")) == []
    block["models"] = {"gpt-4o": {"input_price": 5}}
    (change,) = changes(data, (pack,), Period("2026-11-28", "2026-11-28"))
    assert (change.was, change.now) == ([5], [2.5])


def test_value_that_changed_twice_has_the_one_between() -> None:
    """The first change leads to what the second one found, the second to what the data have."""
    data = LimitsData.from_mapping(DATA, day="2026-11-28")
    tokens = [[85, 85, 85], [765, 1105, 765]]
    blocks = [
        {"day": "2026-10-01", "models": {"gpt-4o": {"input_price": 5, "tokens": tokens[0]}}},
        {"day": "2026-11-01", "models": {"gpt-4o": {"input_price": 3, "tokens": tokens[1]}}},
    ]
    pack = type(DATA)({}, lambda _: {"changes": blocks}, {})
    found = changes(data, (pack,), Period("2026-10-01", "2026-11-28"))
    steps = [(change.day, change.was, change.now) for change in found if change.name == "input_price"]
    assert steps == [("2026-10-01", [5], [3]), ("2026-11-01", [3], [2.5])]
    assert next(change.now for change in found if change.name == "tokens") == tokens[1]
    earlier = changes(data, (pack,), Period("2026-10-01", "2026-10-31"))
    assert [change.now for change in earlier if change.subject == "gpt-4o"] == [[3], tokens[1]]
