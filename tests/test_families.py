"""Models that are not in the data: by the rule of their family if one rule holds for it, else not counted."""

from typing import Any

import pytest

from imgbudget.limits.geometry import Size
from tests.builders import image_bytes, write_json
from tests.conftest import Command
from tests.rule_runner import limits_of
from tests.test_detail import gemini

SCREEN = Size(1920, 1080)


@pytest.mark.parametrize(
    ("model", "sibling", "platform"),
    [
        ("gemini-5-flash", "gemini-3.8-flash", "gemini"),
        ("google/gemini-3.9-pro-preview", "gemini-3.8-flash", "gemini"),
        ("gemini-flash-lite-latest", "gemini-3.5-flash-lite", "gemini"),
        ("claude-opus-latest", "claude-opus-5-5", "anthropic"),
        ("claude-haiku-latest", "claude-haiku-5-5", "anthropic"),
        ("claude-opus-9", "claude-opus-5-5", "anthropic"),
    ],
)
def test_a_new_model_of_a_family_has_its_rule(model: str, sibling: str, platform: str) -> None:
    """Tokens and levels are those of the family; neither price nor context is."""
    limits, known = limits_of(model), limits_of(sibling)
    assert (limits.state, limits.platform, limits.tokens_state(SCREEN)) == ("derived", platform, "derived")
    assert limits.tokens(SCREEN) == known.tokens(SCREEN)
    assert limits.at("low").tokens(SCREEN) == known.at("low").tokens(SCREEN)
    assert limits.input_price is limits.context_tokens is None


@pytest.mark.parametrize(
    "model",
    ["gemini-1.5-flash", "gemini-embedding-001", "gemini", "gemini-next", "gpt-99", "claude-sonnet-next"],
)
def test_no_rule_holds_for_other_names(model: str) -> None:
    """Older models, other kinds, and names without a version; OpenAI's models differ from one to the next."""
    limits = limits_of(model)
    assert (limits.state, limits.tokens(SCREEN)) == ("unknown", None)


def test_a_request_to_a_new_model_is_counted_and_reported(imgbudget: Command, tmp_path: Any) -> None:
    """At its level of detail, with a warning."""
    write_json(tmp_path / "r.json", gemini("LOW", None, model="gemini-5-flash"))
    run = imgbudget("check", "r.json", "--isolated", "--format", "json")
    assert [image["tokens"] for image in run.json["images"]] == [264, 1100]
    assert [image["state"] for image in run.json["images"]] == ["derived", "derived"]
    (finding,) = run.json["findings"]
    assert (finding["code"], finding["severity"], run.code) == ("IB411", "warning", 1)


def test_commands_on_sizes_say_that_a_model_is_not_known(imgbudget: Command, tmp_path: Any) -> None:
    """`tiles` names the reason, `check` of a file counts nothing, `size` has no number."""
    (tmp_path / "a.png").write_bytes(image_bytes((300, 200)))
    unknown = ("--isolated", "--model", "frontier-9")
    tiles = imgbudget("tiles", "4000x3000", *unknown)
    assert (tiles.code, "frontier-9 is not known" in tiles.err) == (2, True)
    checked = imgbudget("check", "a.png", *unknown)
    assert (checked.code, "1 image not counted in tokens and cost" in checked.out) == (0, True)
    assert "unknown model 'frontier-9'" in checked.err
    (size,) = imgbudget("size", "300x200", *unknown, "--format", "json").json["sizes"]
    assert (size["tokens"], size["state"]) == (None, "unknown")
    audit = imgbudget("audit", ".", *unknown)
    assert (audit.code, "unknown model 'frontier-9'" in audit.err) == (2, True)
