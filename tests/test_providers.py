"""Other providers in the data: every value has its source, every provider its resize examples."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from imgbudget.limits.data import LimitsData
from imgbudget.limits.files import read_yaml
from imgbudget.limits.geometry import Size
from imgbudget.registry import AnyRule, load_packs
from imgbudget.testing import image, run_rule
from imgbudget_rules import limits as shipped
from imgbudget_rules.limits._generated import DATA
from tests.resize_examples import EXAMPLES_OF, UNKNOWN

FOLDER = Path(str(shipped.__file__)).parent
CLAUDE = {"tiers", "images", "prices", "platforms", "models", "retired", "lifecycle", "changes", "text_only"}
FILES = sorted(path for path in FOLDER.glob("*.yaml") if path.stem not in CLAUDE)
SHIPPED = LimitsData.from_mapping(DATA)
RULES = load_packs(["imgbudget_rules"]).rules

MODELS = ("gpt-4o", "gpt-5-mini", "gpt-5.6-sol", "gemini-2.5-flash", "gemini-3-pro-preview", "nova-lite")
NEEDS = ("native_size", "largest_size", "patches_of_28", "messages_api")


@cache
def data_of(stem: str) -> dict[str, Any]:
    """The content of a file; not read when tests are collected."""
    return read_yaml(str(FOLDER / f"{stem}.yaml"))


def values(item: Any, route: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every value of a file with its route, anchors under `sources` left out."""
    for key, inner in item.items():
        if not route and key == "sources":
            continue
        if isinstance(inner, dict) and "value" in inner:
            yield f"{route}{key}", inner
        elif isinstance(inner, dict):
            yield from values(inner, f"{route}{key}.")


def test_every_provider_has_examples_for_every_model() -> None:
    """A new YAML file without worked examples fails here, and so does a new model without one."""
    assert set(EXAMPLES_OF) == {path.stem for path in FILES}
    for stem, examples in EXAMPLES_OF.items():
        models = {example.model for example in examples} | set(UNKNOWN.get(stem, ()))
        assert models == set(data_of(stem)["models"]), stem


def test_models_whose_rule_is_not_known_have_no_tokens() -> None:
    """No number is assumed: neither for the model, nor for a size that nobody has recorded."""
    for model in (model for models in UNKNOWN.values() for model in models):
        assert SHIPPED.bind(model, "").tokens(Size(400, 400)) is None
        assert SHIPPED.bind(model, "").tokens_state(Size(400, 400)) == "unknown"
    grok = SHIPPED.bind("xai/grok-4-0709", "")
    assert (grok.tokens(Size(448, 448)), grok.tokens(Size(449, 100))) == (256, None)


@pytest.mark.parametrize("stem", [path.stem for path in FILES])
def test_every_value_of_a_provider_has_source_date_and_status(stem: str) -> None:
    """Values that sources contradict or do not state also have a note."""
    found = list(values(data_of(stem)))
    assert len(found) >= 6
    for route, value in found:
        assert value.get("source"), route
        assert str(value.get("date", ""))[:2] == "20", route
        assert value.get("status") in {"confirmed", "single source", "conflicting", "derived", "unknown"}, (
            route
        )
        if value["status"] in {"conflicting", "derived"}:
            assert value.get("note") or route.endswith("_doubt"), route


@pytest.mark.parametrize("stem", [path.stem for path in FILES])
def test_provider_is_whole(stem: str) -> None:
    """Its models are served by one of its platforms or of Anthropic's, and their tiers are its own."""
    data = data_of(stem)
    for model, fields in data["models"].items():
        limits = SHIPPED.bind(model, "anthropic")
        assert limits.known
        assert limits.platform in fields["platforms"]["value"]
        assert limits.tier.name in data["tiers"]
        assert limits.tier.strategy
        assert {value.name for value in limits.tier_values} >= {"strategy"}


def test_no_tier_of_another_provider_is_among_claudes() -> None:
    """The tables and audit columns are of Claude's two tiers."""
    others = {tier for path in FILES for tier in data_of(path.stem)["tiers"]}
    assert others.isdisjoint(tier.name for tier in SHIPPED.tiers)


# --- rules ---


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_rules_ask_for_what_there_is(rule: AnyRule) -> None:
    """A rule's needs are names of limits, and Claude has each of them: there every rule is applicable."""
    claude = SHIPPED.bind("claude-sonnet-4-6", "anthropic")
    assert claude.missing(rule.limits) is None
    assert all(need in NEEDS or hasattr(claude, need) for need in rule.limits)


@pytest.mark.parametrize("model", [*MODELS, "qwen2.5-vl-7b-instruct"])
@pytest.mark.parametrize("size", ["300x200", "1121x800", "4000x3000", "7900x150", "9000x600", "100x12000"])
def test_messages_are_about_the_images_own_model(model: str, size: str) -> None:
    """No message about others mentions Claude, 28-px patches or limits that the platform lacks."""
    limits = SHIPPED.bind(model, "anthropic")
    subject = image(f"<png {size}>")
    for rule in RULES:
        if rule.level.name != "IMAGE":
            continue
        for problem in run_rule(rule, subject, model=model, platform=limits.platform):
            text = f"{problem.message} {problem.help}"
            assert "claude" not in text.lower()
            assert "anthropic" not in text
            assert str(1 << 62) not in text
            assert "none" not in text


@pytest.mark.parametrize(
    ("spec", "model", "codes"),
    [
        ("<jpeg 1200x900>", "gpt-4o", ["IB201"]),
        ("<jpeg 1024x768>", "gpt-4o", []),
        ("<jpeg 9000x700>", "gpt-4o", ["IB201"]),
        ("<png 199x180>", "gpt-4o", []),
        ("<gif 640x480 frames=3>", "gpt-4o", ["IB104"]),
        ("<webp 640x480 frames=3>", "gpt-4o", ["IB204"]),
        ("<heic 640x480>", "gpt-4o", ["IB104"]),
        ("<heic 4032x3024>", "gemini-2.5-flash", []),
        ("<gif 640x480>", "gemini-2.5-flash", ["IB104"]),
        ("<gif 640x480 frames=3>", "gemini-2.5-flash", ["IB104"]),
        ("<jpeg 9000x9000>", "gemini-2.5-flash", []),
        ("<jpeg 8001x900>", "nova-lite", ["IB101"]),
        ("<jpeg 8000x900>", "nova-lite", []),
        ("<jpeg 1200x900 bytes=3932161>", "nova-lite", ["IB103"]),
        ("<jpeg 5600x5600>", "gpt-5.6-sol", ["IB101"]),
        ("<jpeg 5536x5536>", "gpt-5.6-sol", []),
        ("<jpeg 3000x3000>", "gpt-5-mini", ["IB201"]),
        ("<jpeg 8000x39>", "qwen2.5-vl-7b-instruct", ["IB101"]),
        ("<jpeg 4032x3200>", "qwen2.5-vl-7b-instruct", ["IB201"]),
        ("<jpeg 980x980>", "qwen2.5-vl-7b-instruct", []),
    ],
)
def test_image_is_checked_by_its_own_provider(spec: str, model: str, codes: list[str]) -> None:
    """Each rule reports only for providers to which it applies."""
    platform = SHIPPED.bind(model, "anthropic").platform
    fired = [
        rule.code
        for rule in RULES
        if rule.level.name == "IMAGE"
        and not rule.pedantic
        and run_rule(rule, image(spec), model=model, platform=platform)
    ]
    assert fired == codes


def test_what_is_refused_for_its_patches_is_resized_within_them() -> None:
    """The fix is the largest size of that ratio which is taken; a strip has none and is to be cut."""
    rule = next(rule for rule in RULES if rule.code == "IB101")
    (problem,) = run_rule(rule, image("<jpeg 8000x8000>"), model="gpt-5.6-sol", platform="openai")
    assert problem.message == "8000x8000 takes 62500 patches; gpt-5.6-sol takes at most 30000 patches"
    assert (problem.measured, problem.limit, problem.unit) == (62500, 30000, "patches")
    assert problem.help == "resize to 5536x5536, the size that gpt-5.6-sol uses"
    (strip,) = run_rule(rule, image("<jpeg 8000x39>"), model="qwen2.5-vl-7b-instruct", platform="qwen")
    assert strip.fix is None
    assert "cut it into tiles" in (strip.help or "")
