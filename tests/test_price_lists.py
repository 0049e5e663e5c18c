"""The comparison with lists of prices that others keep, without the packages that it reads."""

from tools.compare_price_lists import Stated, differences, explanations, model_of, ours

from imgbudget.limits.data import LimitsData
from imgbudget_rules.limits import DATA

DAY = "2026-11-29"
SHIPPED = LimitsData.from_mapping(DATA, day=DAY)


def test_names_of_lists_are_those_of_our_models() -> None:
    """The bare id, the latest version, a vendor's prefix; no version of a day, whose price may differ."""
    for key, model in (
        ("gpt-5-mini", "gpt-5-mini"),
        ("gemini/gemini-3.6-flash", "gemini-3.6-flash"),
        ("mistral/mistral-medium-latest", "mistral-medium"),
        ("amazon.nova-pro-v1:0", "nova-pro"),
        ("claude-opus-4-0", "claude-opus-4"),
        ("minimax/MiniMax-M3", "minimax-m3-vl"),
        ("gpt-4o-2024-05-13", None),
        ("claude-3-5-sonnet-20240620", None),
        ("acme/acme-1", None),
    ):
        assert model_of(SHIPPED, key) == model, key


def test_our_values_by_the_names_of_lists() -> None:
    """Prices of cached tokens are derived from the factor; prices and ends are those of the day."""
    for stated in (
        Stated("a list", "claude-sonnet-5-5", "cached_price", 0.1),
        Stated("a list", "gpt-5.6-sol", "long_output_price", 30),
        Stated("a list", "gemini-3.6-flash", "input_price", 0.75),
        Stated("a list", "gpt-4.1-nano", "retired", "2026-10-23"),
    ):
        assert ours(SHIPPED, stated) == stated.value
        assert list(differences(SHIPPED, [stated])) == []
    later = LimitsData.from_mapping(DATA, day="2027-01-01")
    (difference,) = differences(later, [Stated("a list", "gemini-3.6-flash", "input_price", 0.75)])
    assert difference.ours == 1.5
    (difference,) = differences(SHIPPED, [Stated("a list", "acme-1", "input_price", 1)])
    assert difference.ours is None


def test_every_explained_difference_has_a_reason_and_is_one() -> None:
    """An explanation whose value we have by now is stale, whatever the list says today."""
    known = explanations()
    assert len(known) > 30
    assert all(len(reason) > 20 for reason in known.values())
    assert {item.source for item in known} <= {"litellm", "genai-prices", "anthropic"}
    assert {item.model for item in known} <= set(SHIPPED.models)
    assert [item for item in known if ours(SHIPPED, item) == item.value] == []
