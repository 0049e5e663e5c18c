"""The limits data as such: nothing without a source, and the generated module current."""

import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from imgbudget.limits.data import LimitsData, load_limits
from imgbudget_rules.limits.__main__ import render
from imgbudget_rules.limits._generated import DATA

if TYPE_CHECKING:
    from imgbudget.limits.values import Absent, Limit, Term

SHIPPED = LimitsData.from_mapping(DATA)


def records(item: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every value of the shipped data with its route."""
    for key, inner in item.items():
        if isinstance(inner, dict):
            if "value" in inner:
                yield f"{path}.{key}", inner
            elif key != "inherited":
                yield from records(inner, f"{path}.{key}")


def test_every_shipped_value_has_source_date_and_status() -> None:
    """No number ships without where it comes from."""
    found = list(records(DATA.whole))
    assert len(found) > 200
    assert [path for path, record in found if not record.get("source") or not record.get("date")] == []
    assert {record["status"] for _path, record in found} == {
        "confirmed",
        "single source",
        "conflicting",
        "derived",
        "unknown",
    }
    assert [
        path for path, record in found if record["status"] == "conflicting" and not record.get("note")
    ] == []
    assert [path for path, record in found if record["value"] is None and record["status"] == "derived"] == []


@pytest.mark.parametrize("platform", SHIPPED.platforms)
def test_every_entry_in_force_has_source_and_date(platform: str) -> None:
    """What `entries` lists is complete, also for an unknown model, and no name comes twice."""
    for model in (*SHIPPED.models, "gpt-4o"):
        limits = SHIPPED.bind(model, platform)
        listed: list[Limit[float] | Term | Absent] = [*limits.entries(), *limits.terms]
        assert all(
            entry.source and entry.date and entry.status and entry.owner and entry.text for entry in listed
        )
        assert len({entry.name for entry in listed}) == len(listed) > 30


def test_generated_module_is_current() -> None:
    """The literals are what the YAML files say; else `python -m imgbudget_rules.limits` was forgotten."""
    for path, text in render().items():
        assert path.read_text(encoding="utf-8") == text, path.name


def test_providers_are_loaded_when_they_are_asked_for() -> None:
    """A start with a model of Claude, in whatever spelling, loads no data of another provider."""
    code = (
        "import sys, imgbudget.limits as l; from imgbudget_rules.limits import DATA; "
        "data = l.load_limits([DATA], None); data.bind('claude-sonnet-4-6', 'anthropic'); "
        "data.bind('us.anthropic.claude-opus-4-6-v1', 'bedrock'); loaded = 'imgbudget_rules.limits._openai'; "
        "print(any(name.startswith('imgbudget_rules.limits._') and name[-9:] != 'generated' "
        "for name in sys.modules)); data.bind('openai/gpt-5.5', ''); print(loaded in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "True"]


def test_start_up_needs_neither_yaml_nor_difflib() -> None:
    """Reading and binding the shipped data imports nothing slow."""
    code = (
        "import sys, imgbudget.limits as l; from imgbudget_rules.limits import DATA; "
        "l.load_limits([DATA], None).bind('us.anthropic.claude-opus-4-6-v1', 'bedrock'); "
        "print(*({'yaml', 'difflib', 'datetime', 'urllib.parse', 'pathlib'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []


def test_sessions_of_a_day_share_the_shipped_data() -> None:
    """What is converted and bound is kept for the next session; another day or other data has its own."""
    today = load_limits([DATA], None, "2026-09-30")
    assert load_limits([DATA], None, "2026-09-30") is today
    tomorrow = load_limits([DATA], None, "2026-10-01")
    assert (today.day, tomorrow.day) == ("2026-09-30", "2026-10-01")
    assert load_limits([DATA], None, "2026-10-01") is tomorrow
    gateways = tomorrow.with_gateways([("mine", "anthropic", {})])
    assert "mine" in gateways.platforms
    assert "mine" not in load_limits([DATA], None, "2026-10-01").platforms
    with_pack = load_limits([DATA, {"prices": {}}], None, "2026-10-01")
    assert with_pack is not tomorrow
