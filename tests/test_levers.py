"""Where a model does not bill the size of an image, plans and budgets name the level of detail instead."""

from pathlib import Path

import pytest

from imgbudget.limits.geometry import Size
from imgbudget.limits.levers import levers
from tests.builders import image_bytes, write_json
from tests.conftest import Command
from tests.rule_runner import limits_of
from tests.test_detail import chat, gemini

PHOTO = Size(1600, 1200)


@pytest.fixture(autouse=True)
def photo(tmp_path: Path) -> None:
    """A photo and a small image in the folder of the commands."""
    (tmp_path / "a.png").write_bytes(image_bytes(PHOTO))
    (tmp_path / "b.png").write_bytes(image_bytes((300, 200)))


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("gemini-3-flash-preview", [("media_resolution", "low", 266), ("media_resolution", "medium", 540)]),
        ("gemini-2.5-flash", [("media_resolution", "low", 64), ("media_resolution", "medium", 256)]),
        ("gemma-3", []),
        ("gpt-4o", []),
        ("claude-sonnet-4-6", []),
        ("qwen3-vl", []),
        ("frontier-9", []),
    ],
)
def test_levers_are_levels_that_take_less(model: str, expected: list[tuple[str, str, int]]) -> None:
    """Only of models that do not bill the size."""
    found = [tuple(lever) for lever in levers(limits_of(model), PHOTO)]
    assert found == expected


def test_a_level_that_takes_as_much_is_no_lever() -> None:
    """An image that is sent at a low level already has only lower ones."""
    limits = limits_of("gemini-3-flash-preview")
    assert [lever.level for lever in levers(limits.at("medium"), PHOTO)] == ["low"]
    assert levers(limits.at("low"), PHOTO) == ()


def test_a_plan_names_what_each_level_makes(imgbudget: Command) -> None:
    """In text for all images together, in JSON for each."""
    gemini_3 = ("--isolated", "--model", "gemini-3-flash-preview")
    out = imgbudget("plan", ".", *gemini_3, "--estimate").out
    assert "does not bill the size of an image: fewer pixels save upload, but no tokens" in out
    ways = "with media_resolution low 526, with media_resolution medium 1072"
    assert f"2 images take 2144 tokens, {ways}" in out
    (plan,) = imgbudget("plan", "a.png", *gemini_3, "--format", "json").json["plans"]
    assert plan["levers"][0] == {"name": "media_resolution", "level": "low", "tokens": 266}
    assert "but no tokens" in imgbudget("plan", ".", "--isolated", "--model", "gemma-3").out
    for model in ("gpt-4o", "claude-sonnet-4-6", "frontier-9"):
        assert "not bill" not in imgbudget("plan", ".", "--isolated", "--model", model, "--estimate").out


@pytest.mark.parametrize("model", ["gemini-3-flash-preview", "gemini-2.5-flash", "gemma-3", "nova-pro"])
def test_no_plan_shrinks_an_image_for_tokens_that_this_does_not_save(model: str, imgbudget: Command) -> None:
    """A small image became 4x3 px to save 16 of 1080 tokens; now the reason names the lever."""
    arguments = ("plan", ".", "--isolated", "--model", model, "--target", "tokens:200", "--estimate")
    plans = imgbudget(*arguments, "--format", "json").json["plans"]
    assert [plan["changes"] for plan in plans] == [False, False]
    assert all("does not bill the size" in plan["reason"] for plan in plans)


def test_a_request_over_a_budget_keeps_its_pixels(imgbudget: Command, tmp_path: Path) -> None:
    """Nor do budgets of requests shrink anything: the findings have no fix, and name the level."""
    write_json(tmp_path / "r.json", gemini(None, None, model="gemini-3-flash-preview"))
    amounts = ("request.tokens=900", "image.tokens=500", "request.cost=$0.0005")
    budgets = [text for amount in amounts for text in ("--budget", amount)]
    run = imgbudget("check", "r.json", "--isolated", "--select", "IB6", *budgets, "--format", "json")
    assert {finding["code"] for finding in run.json["findings"]} == {"IB601", "IB602", "IB603"}
    for finding in run.json["findings"]:
        assert finding["fix"] is None
        assert "request media_resolution low (264 tokens)" in finding["help"]
    plans = imgbudget("plan", "r.json", "--isolated", "--budget", "request.tokens=900", "--format", "json")
    assert not any(plan["changes"] for plan in plans.json["plans"])


def test_pixels_count_as_before_where_they_are_billed(imgbudget: Command, tmp_path: Path) -> None:
    """A tile model is shrunk to its budget."""
    write_json(tmp_path / "r.json", chat("high", model="gpt-4o"))
    arguments = ("plan", "r.json", "--isolated", "--budget", "request.tokens=600")
    (plan,) = imgbudget(*arguments, "--format", "json").json["plans"]
    assert (plan["changes"], plan["after"]["tokens"] <= 600) == (True, True)
