"""Models with their tiers, prices and arithmetic, and what an unknown model gets."""

from typing import NamedTuple

import pytest

from imgbudget.limits import schema
from imgbudget.limits.data import LimitsData
from imgbudget.limits.fields import Scope
from imgbudget.limits.geometry import Size, Tier
from imgbudget.limits.values import Limit, Values
from imgbudget_rules.limits._generated import DATA
from tests.resize_examples import EXAMPLES, UNKNOWN
from tests.stated import stated

SHIPPED = LimitsData.from_mapping(DATA)


class Model(NamedTuple):
    """A row of the published table: prices in USD a million tokens, None where it has a dash."""

    id: str
    tier: str
    context: int
    price: float
    write_5m: float | None
    write_1h: float | None
    read: float | None
    output: float


MODELS = [
    Model("claude-fable-5-2", "high-resolution", 1_000_000, 8, 10, 16, 0.20, 40),
    Model("claude-mythos-5-2", "high-resolution", 1_000_000, 8, None, None, None, 40),
    Model("claude-fable-5-1", "high-resolution", 1_000_000, 10, 12.50, 20, 0.25, 50),
    Model("claude-mythos-5-1", "high-resolution", 1_000_000, 10, 12.50, 20, 0.25, 50),
    Model("claude-fable-5", "high-resolution", 1_000_000, 10, 12.50, 20, 1, 50),
    Model("claude-mythos-5", "high-resolution", 1_000_000, 10, 12.50, 20, 1, 50),
    Model("claude-opus-5-5", "high-resolution", 1_000_000, 4, 5, 8, 0.20, 20),
    Model("claude-opus-5", "high-resolution", 1_000_000, 5, 6.25, 10, 0.50, 25),
    Model("claude-opus-4-8", "high-resolution", 1_000_000, 5, 6.25, 10, 0.50, 25),
    Model("claude-opus-4-7", "high-resolution", 1_000_000, 5, 6.25, 10, 0.50, 25),
    Model("claude-opus-4-6", "standard", 1_000_000, 5, 6.25, 10, 0.50, 25),
    Model("claude-opus-4-5", "standard", 200_000, 5, 6.25, 10, 0.50, 25),
    Model("claude-sonnet-5-5", "high-resolution", 1_000_000, 2, 2.50, 4, 0.10, 10),
    Model("claude-sonnet-5", "high-resolution", 1_000_000, 2, 2.50, 4, 0.20, 10),
    Model("claude-sonnet-4-6", "standard", 1_000_000, 3, 3.75, 6, 0.30, 15),
    Model("claude-sonnet-4-5", "standard", 200_000, 3, 3.75, 6, 0.30, 15),
    Model("claude-haiku-5-5", "high-resolution", 1_000_000, 0.10, 0.125, 0.20, 0.01, 0.50),
    Model("claude-haiku-4-5", "standard", 200_000, 1, 1.25, 2, 0.10, 5),
]

RETIRED = [
    ("claude-opus-4-1", "2026-08-05", 15, 75),
    ("claude-opus-4", "2026-06-15", 15, 75),
    ("claude-sonnet-4", "2026-06-15", 3, 15),
    ("claude-3-5-haiku", "2026-02-19", 0.8, 4),
    ("claude-3-7-sonnet", "2026-02-19", 3, 15),
    ("claude-3-5-sonnet", "unknown", 3, 15),
    ("claude-3-opus", "unknown", 15, 75),
    ("claude-3-sonnet", "unknown", 3, 15),
    ("claude-3-haiku", "unknown", 0.25, 1.25),
]
"""Model, day of its end, and its last prices in genai-prices 0.2.3."""

# --- models ---


def test_claudes_models_and_tiers_are_found_without_those_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """An audit lists them; converting a hundred models and eighty tiers takes longer than its statistics."""
    converted: list[str] = []
    values = schema._Parser.values

    def counted(self: schema._Parser, section: Scope, path: str, item: object, owner: str) -> Values:
        converted.append(path)
        return values(self, section, path, item, owner)

    monkeypatch.setattr(schema._Parser, "values", counted)
    data = LimitsData.from_mapping(schema.Checked(DATA, DATA.provider, DATA.ids))  # read by no other test
    known = len(converted)
    assert {tier.name for tier in data.tiers} == {"standard", "high-resolution"}
    assert {model for model in data.claude_models if not model.startswith("claude-")} == set()
    assert len(data.claude_models) == len(MODELS) + len(RETIRED) + 1
    assert converted[known:] == [f"tiers.{tier.name}" for tier in data.tiers]


@pytest.mark.parametrize("row", MODELS, ids=lambda row: row.id)
def test_model_has_its_tier_context_and_prices(row: Model) -> None:
    """A model in service binds to the tier, context and prices of the published table."""
    limits = SHIPPED.bind(row.id, "anthropic")
    assert (limits.model, limits.known, limits.retired) == (row.id, True, None)
    assert (limits.tier.name, stated(limits.context_tokens).value) == (row.tier, row.context)
    assert stated(limits.input_price).value == row.price
    assert limits.output_price is not None
    assert limits.output_price.value == row.output
    for factor, cell in (
        (limits.cache_write_5m_factor, row.write_5m),
        (limits.cache_write_1h_factor, row.write_1h),
        (limits.cache_read_factor, row.read),
    ):
        assert cell is None or row.price * factor.value == pytest.approx(cell)


@pytest.mark.parametrize(("model", "day", "price", "output"), RETIRED)
def test_retired_model_has_the_standard_tier_and_its_last_price(
    model: str, day: str, price: float, output: float
) -> None:
    """A retired model has the standard tier, 200,000 tokens, and the price that it had."""
    limits = SHIPPED.bind(model, "anthropic")
    assert (limits.known, limits.retired, limits.tier.name) == (True, day, "standard")
    assert (stated(limits.context_tokens).value, stated(limits.context_tokens).status) == (200_000, "derived")
    assert (stated(limits.input_price).value, stated(limits.output_price).value) == (price, output)
    assert "genai-prices" in stated(limits.input_price).source


def test_mythos_preview_has_the_tier_of_later_models() -> None:
    """Two lists disagree on its last day: that of the maker's SDKs holds."""
    limits = SHIPPED.bind("claude-mythos-preview", "anthropic")
    assert (limits.known, limits.retired, limits.tier.name) == (True, "2026-06-30", "high-resolution")
    assert limits.values["retired"].status == "conflicting"


def test_price_that_nobody_states_is_the_highest_of_models_in_service() -> None:
    """A model that a file adds without a price; the dearer ones that have ended do not count."""
    model = {
        "tier": {"value": "standard"},
        "context_tokens": {"value": 200_000},
        "absent": [{"names": ["input_price", "output_price"]}],
    }
    limits = SHIPPED.overlay({"models": {"claude-next": model}}, "mine.yaml").bind("claude-next", "anthropic")
    assert (stated(limits.input_price).value, stated(limits.input_price).status) == (10, "unknown")
    assert "no price" in (stated(limits.input_price).note or "")


def test_every_shipped_model_is_in_one_of_the_tables() -> None:
    """Every shipped model has a resize example, so no model is added unchecked."""
    claude = {row.id for row in MODELS} | {row[0] for row in RETIRED} | {"claude-mythos-preview"}
    unknown = {model for models in UNKNOWN.values() for model in models}
    assert set(SHIPPED.models) == claude | unknown | {example.model for example in EXAMPLES}


def test_tiers_are_those_of_the_guide() -> None:
    """There are two tiers: 1568 px and 1568 tokens, 2576 px and 4784 tokens."""
    assert SHIPPED.tiers == (Tier("standard", 1568, 1568), Tier("high-resolution", 2576, 4784))
    assert all(tier.strategy == "" for tier in SHIPPED.tiers)


def test_conflicting_and_derived_values_are_marked() -> None:
    """Uncertainty in the sources is in the status and the note."""
    pages = SHIPPED.bind("claude-sonnet-5-5", "bedrock").values["request_media"]
    assert (pages.text, pages.status, "100 PDF pages" in (pages.note or "")) == (
        "600 images",
        "conflicting",
        True,
    )
    tier = next(term for term in SHIPPED.bind("claude-haiku-5-5", "anthropic").terms if term.name == "tier")
    assert (tier.text, tier.status) == ("high-resolution", "derived")


# --- unknown models ---


def test_unknown_model_has_no_tokens_and_no_price() -> None:
    """A model that nobody knows has the limits of its platform and none of a model."""
    limits = SHIPPED.bind("acme-vision-1", "anthropic")
    assert (limits.model, limits.state, limits.known, limits.retired) == (
        "acme-vision-1",
        "unknown",
        False,
        None,
    )
    assert limits.tokens(Size(1000, 1000)) is limits.cost_usd(10) is limits.batch_cost_usd(10) is None
    assert limits.size_within_tokens(Size(1000, 1000), 10) is None
    assert limits.tokens_within_cost(1) is None
    assert limits.context_tokens is limits.input_price is limits.output_price is None
    assert limits.native_size(Size(5000, 4000)) == Size(5000, 4000)
    known = SHIPPED.bind("claude-opus-5-5", "anthropic")
    assert (limits.max_edge, limits.request_bytes) == (known.max_edge, known.request_bytes)
    assert (limits.media_types, limits.source_types) == (known.media_types, known.source_types)
    assert stated(limits.request_media).value == 600  # that of the models with the largest context


@pytest.mark.parametrize("platform", ["openai", "gemini", "qwen", "bedrock"])
def test_unknown_model_has_the_limits_of_each_platform(platform: str) -> None:
    """They are those of its known models; none of another vendor's tokens or prices."""
    limits = SHIPPED.bind("gpt-99", platform)
    known = next(
        bound for model in SHIPPED.models if (bound := SHIPPED.bind(model, platform)).platform == platform
    )
    assert (limits.state, limits.platform, limits.is_messages_api) == (
        "unknown",
        platform,
        platform == "bedrock",
    )
    assert (limits.tokens(Size(10, 10)), limits.input_price) == (None, None)
    assert limits.max_edge == known.max_edge
    assert limits.media_types == known.media_types


def test_unknown_model_on_an_unknown_platform_has_no_limits() -> None:
    """It takes what any platform takes."""
    limits = SHIPPED.bind("acme-vision-1", "")
    assert limits.max_edge is limits.request_bytes is limits.request_media is limits.many_image_count is None
    assert {"image/gif", "image/heic"} <= set(limits.media_types)
    assert set(limits.source_types) == {"base64", "url", "file", "s3"}
    assert (limits.api, limits.is_messages_api) == ("the API", False)


@pytest.mark.parametrize(
    ("model", "tier"),
    [
        ("claude-opus-9", "high-resolution"),
        ("claude-sonet-4-6", "standard"),
        ("claude-4-6-haiku", "standard"),
        ("us.anthropic.claude-opus-7-v1:0", "high-resolution"),
        ("claude-instant-1", "standard"),
        ("claude-nova-4-7", "high-resolution"),
    ],
)
def test_unknown_model_of_a_known_family_has_its_tier(model: str, tier: str) -> None:
    """The vision guide's rule: 4.7 and later are high-resolution. Price and context are not known."""
    limits = SHIPPED.bind(model, "anthropic")
    assert (limits.state, limits.known, limits.tier.name) == ("derived", False, tier)
    assert limits.uses_claude_patches
    assert limits.tokens(Size(280, 280)) == 100
    assert (limits.context_tokens, limits.input_price, limits.cost_usd(100)) == (None, None, None)
    (stated_tier,) = [item for item in limits.terms if item.name == "tier"]
    assert (stated_tier.status, stated_tier.owner) == ("derived", model)


@pytest.mark.parametrize(
    "model", ["claude", "claude-next", "${CLAUDE_MODEL}", "gpt-9", "claude-20990101", ""]
)
def test_model_without_a_family_or_version_is_unknown(model: str) -> None:
    """Without a version the rule of the family does not say the tier."""
    assert SHIPPED.bind(model, "anthropic").state == "unknown"


def test_platform_has_a_default_model() -> None:
    """Anthropic's platforms use the configured model; others have a default that they serve."""
    assert SHIPPED.model_for("claude-sonnet-4-6", "bedrock") == "claude-sonnet-4-6"
    assert SHIPPED.model_for("claude-sonnet-4-6", "openai") == "gpt-5"
    assert SHIPPED.model_for("gpt-4o", "openai") == "gpt-4o"
    assert SHIPPED.model_for("claude-sonnet-4-6", "gemini") == "gemini-3-flash-preview"
    assert SHIPPED.model_for("claude-sonnet-4-6", "qwen") == "qwen2.5-vl-72b-instruct"


def test_known_model_is_bound_to_a_platform_that_serves_it() -> None:
    """A model is checked on a platform that serves it, whichever is requested."""
    assert SHIPPED.bind("gpt-4o", "anthropic").platform == "openai"
    assert SHIPPED.bind("claude-opus-5-5", "openai").platform == "anthropic"
    assert SHIPPED.bind("nova-pro", "anthropic").platform == "bedrock"
    assert SHIPPED.bind("claude-opus-5-5", "bedrock").platform == "bedrock"


def test_tier_of_a_level_of_detail_brings_its_own_sources() -> None:
    """`tier_values` are those of the tier in force; Claude's tiers have all values in the limits."""
    limits = SHIPPED.bind("gpt-5.4-nano", "openai")
    multiplier = next(value for value in limits.tier_values if value.name == "multiplier")
    assert (multiplier.text, multiplier.status, multiplier.note) == (
        "1.5 times",
        "conflicting",
        "recorded totals fit a multiplier of 1.2 or 1.5, and the budget is 1,536 or 2,500 patches",
    )
    low = limits.at("low")
    assert (low.tier.name, low.at("high").tier) == ("openai-low-small-5.4", limits.tier)
    mini = SHIPPED.bind("gpt-5-mini", "openai").at("low")
    assert next(value for value in mini.tier_values if value.name == "multiplier").status == "confirmed"
    assert limits.at("ultra_high") is limits
    assert SHIPPED.bind("claude-opus-5-5", "anthropic").tier_values == ()


# --- arithmetic ---


@pytest.mark.parametrize(
    ("width", "height", "standard", "high"),
    [
        (200, 200, (200, 200, 64), (200, 200, 64)),
        (1000, 1000, (1000, 1000, 1296), (1000, 1000, 1296)),
        (2000, 1500, (1270, 952, 1564), (2000, 1500, 3888)),
        (3840, 2160, (1456, 819, 1560), (2576, 1449, 4784)),
        (1290, 2796, (723, 1568, 1456), (1188, 2576, 3956)),
    ],
)
def test_sizes_are_those_of_the_models_tier(
    width: int, height: int, standard: tuple[int, int, int], high: tuple[int, int, int]
) -> None:
    """Native size, tokens and fit follow the tier that the model has."""
    size = Size(width, height)
    for model, expected in (("claude-sonnet-4-6", standard), ("claude-opus-5", high)):
        limits = SHIPPED.bind(model, "anthropic")
        native = limits.native_size(size)
        assert (*native, limits.tokens(size)) == expected
        assert limits.fits(size) == (native == size)


def test_native_size_takes_one_more_bound() -> None:
    """An edge limit of the request shrinks what the tier alone would leave."""
    limits = SHIPPED.bind("claude-opus-5", "anthropic")
    assert limits.native_size(Size(2400, 1200)) == Size(2400, 1200)
    assert limits.native_size(Size(2400, 1200), 2000) == Size(2000, 1000)


@pytest.mark.parametrize(
    ("model", "tokens", "usd"),
    [
        ("claude-sonnet-4-6", 0, 0.0),
        ("claude-sonnet-4-6", 1564, 0.004692),
        ("claude-sonnet-4-6", 1_296_000, 3.888),
        ("claude-haiku-4-5", 1_296_000, 1.296),
        ("claude-opus-5", 1_296_000, 6.48),
        ("claude-opus-4-8", 1_296_000, 6.48),
        ("claude-opus-5", 4_784_000, 23.92),
        ("claude-haiku-5-5", 3, 0.0000003),
        ("claude-haiku-5-5", 100_000, 0.01),
        ("claude-haiku-5-5", 100_001, 0.0500005),
    ],
)
def test_cost_is_exact(model: str, tokens: int, usd: float) -> None:
    """Dollars are the correctly rounded quotient, and Haiku 5.5 bills a long prompt as a whole."""
    assert SHIPPED.bind(model, "anthropic").cost_usd(tokens) == usd


def test_batch_costs_half() -> None:
    """A batch costs half, at the long-prompt price too."""
    assert SHIPPED.bind("claude-sonnet-4-6", "anthropic").batch_cost_usd(1564) == 0.002346
    assert SHIPPED.bind("claude-haiku-5-5", "anthropic").batch_cost_usd(200_000) == 0.05


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (8000, "px", "8000 px"),
        (33_554_432, "bytes", "32 MB"),
        (5_242_880, "bytes", "5 MB"),
        (1 << 40, "bytes", "1 TB"),
        (32_000_000, "bytes", "32,000,000 bytes"),
        (1_150_000, "pixels", "1.15 megapixels"),
        (100, "images", "100 images"),
        (200_000, "tokens", "200,000 tokens"),
        (0.1, "USD/MTok", "0.1 USD/MTok"),
        (1.25, "times", "1.25 times"),
    ],
)
def test_limit_reads_with_its_unit(value: float, unit: str, text: str) -> None:
    """A limit's text has the unit, and says MB only for what is a whole number of them."""
    assert Limit("x", value, unit, "a page", "2026-09", "confirmed", None, "anthropic").text == text
