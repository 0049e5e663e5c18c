"""Limits data that a user's file or a second rule pack lays over what ships."""

from pathlib import Path

import pytest

from imgbudget.errors import LimitsError
from imgbudget.limits.data import LimitsData, load_limits
from imgbudget_rules.limits._generated import DATA
from tests.stated import stated

SHIPPED = LimitsData.from_mapping(DATA)


def overlaid(tmp_path: Path, text: str) -> LimitsData:
    """The shipped data under a user's file of this text."""
    file = tmp_path / "limits.yaml"
    file.write_text(text, encoding="utf-8")
    return load_limits([DATA], str(file))


def test_empty_user_file_changes_nothing(tmp_path: Path) -> None:
    """A file of comments alone leaves every limit as it ships."""
    data = overlaid(tmp_path, "# nothing yet\n")
    assert data.models == SHIPPED.models
    assert data.bind("claude-sonnet-4-6", "bedrock") == SHIPPED.bind("claude-sonnet-4-6", "bedrock")


def test_user_value_may_come_alone(tmp_path: Path) -> None:
    """A value without source has the file as its source, and leaves its neighbours alone."""
    data = overlaid(tmp_path, "models:\n  claude-sonnet-4-6:\n    input_price: {value: 2.4}\n")
    limits = data.bind("claude-sonnet-4-6", "anthropic")
    price = stated(limits.input_price)
    assert (price.value, price.status, price.date) == (2.4, "single source", "undated")
    assert price.source == f"user file {tmp_path / 'limits.yaml'}"
    assert price.owner == "claude-sonnet-4-6"
    assert limits.cost_usd(1000) == 0.0024
    assert limits.output_price == SHIPPED.bind("claude-sonnet-4-6", "anthropic").output_price
    assert stated(SHIPPED.bind("claude-sonnet-4-6", "anthropic").input_price).value == 3


def test_user_value_may_bring_its_source(tmp_path: Path) -> None:
    """Source, date, status and note of a user's value are kept."""
    data = overlaid(
        tmp_path,
        "platforms:\n  bedrock:\n    image_base64_bytes:\n      value: 4_000_000\n      source: our proxy\n"
        "      date: 2026-10-01\n      status: confirmed\n      note: measured\n",
    )
    limit = stated(data.bind("claude-sonnet-4-6", "bedrock").image_base64_bytes)
    assert (limit.value, limit.source, limit.date) == (4_000_000, "our proxy", "2026-10-01")
    assert (limit.status, limit.note) == ("confirmed", "measured")
    assert stated(data.bind("claude-sonnet-4-6", "google-cloud").image_base64_bytes).value == 5_242_880


def test_user_value_for_one_platform_beats_the_common_one(tmp_path: Path) -> None:
    """A limit that applies everywhere can be set for one platform."""
    data = overlaid(tmp_path, "platforms:\n  bedrock:\n    max_edge: {value: 4000}\n")
    assert stated(data.bind("claude-sonnet-4-6", "bedrock").max_edge).value == 4000
    assert stated(data.bind("claude-sonnet-4-6", "anthropic").max_edge).value == 8000


def test_user_may_add_a_model(tmp_path: Path) -> None:
    """A new model needs a tier and a context; it is found in platform spellings and by its snapshots."""
    data = overlaid(
        tmp_path,
        "models:\n  claude-saga-6:\n    tier: {value: high-resolution}\n    context_tokens: {value: 500000}\n"
        "    snapshots: {value: [House-Model-A]}\n",
    )
    limits = data.bind("eu.anthropic.claude-saga-6-v1:0", "bedrock")
    assert (limits.model, limits.known, limits.tier.max_edge) == ("claude-saga-6", True, 2576)
    assert (stated(limits.request_media).value, stated(limits.input_price).value) == (100, 10)
    assert data.normalize("house-model-a").id == "claude-saga-6"
    assert not SHIPPED.normalize("claude-saga-6").known


def test_user_may_price_a_retired_model(tmp_path: Path) -> None:
    """A price that the data lacks can be given, and a known one be taken away."""
    data = overlaid(
        tmp_path,
        "models:\n  claude-3-haiku: {input_price: {value: 0.25}}\n"
        "  claude-opus-5: {input_price: {value: null}}\n",
    )
    assert data.bind("claude-3-haiku-20240307", "anthropic").cost_usd(1000) == 0.00025
    assert stated(data.bind("claude-opus-5", "anthropic").input_price).status == "unknown"


def test_anchors_of_the_shipped_files_work_in_a_users_file(tmp_path: Path) -> None:
    """A part of a shipped file, copied with its sources, is accepted."""
    data = overlaid(
        tmp_path,
        "sources:\n  ours: &ours {source: contract, date: 2026-10, status: confirmed}\n"
        "models:\n  claude-opus-5:\n    input_price: {value: 4.5, <<: *ours}\n",
    )
    assert stated(data.bind("claude-opus-5", "anthropic").input_price).source == "contract"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model: {}", "model: unknown key; the nearest is models"),
        ("models: []", "models: must be a mapping, not a list"),
        (
            "models:\n  claude-opus-5:\n    input_price: 4",
            "models.claude-opus-5.input_price: must be a mapping with a value",
        ),
        (
            "models:\n  claude-opus-5:\n    input_price: {source: x}",
            "models.claude-opus-5.input_price: needs a value",
        ),
        (
            "models:\n  claude-opus-5:\n    input_prize: {value: 4}",
            "models.claude-opus-5.input_prize: unknown key; the nearest is input_price",
        ),
        (
            "models:\n  claude-opus-5:\n    input_price: {value: 4, sauce: x}",
            "models.claude-opus-5.input_price.sauce: unknown key; the nearest is source",
        ),
        (
            "models:\n  claude-opus-5:\n    input_price: {value: four}",
            "value must be a number (USD/MTok), not 'four'",
        ),
        (
            "models:\n  claude-opus-5:\n    input_price: {value: true}",
            "value must be a number (USD/MTok), not True",
        ),
        (
            "models:\n  claude-opus-5:\n    input_price: {value: 0.0001}",
            "with at most three decimals, not 0.0001",
        ),
        ("models:\n  claude-opus-5:\n    input_price: {value: .nan}", "with at most three decimals, not nan"),
        ("models:\n  claude-opus-5:\n    input_price: {value: -1}", "with at most three decimals, not -1"),
        (
            "models:\n  claude-opus-5:\n    cache_read_factor: {value: .inf}",
            "must be a positive factor, not inf",
        ),
        (
            "models:\n  claude-opus-5:\n    context_tokens: {value: null}",
            "value must not be empty, not nothing",
        ),
        (
            "models:\n  claude-opus-5:\n    retired: {value: soon}",
            "must be a date like 2026-09-28, or unknown",
        ),
        ("models:\n  claude-opus-5:\n    snapshots: {value: x}", "snapshots: value must be a list of names"),
        (
            "models:\n  claude-opus-5:\n    tier: {value: huge}",
            "models.claude-opus-5.tier: no tier 'huge' (known: standard",
        ),
        (
            "tiers:\n  low:\n    strategy: {value: tiled}",
            "tiers.low.strategy: no strategy 'tiled' (known: anyres, canvas_tiles",
        ),
        (
            "models:\n  claude-sonet-4-6:\n    input_price: {value: 2}",
            "sonet-4-6: needs tier, context_tokens (not a known name; the nearest is claude-sonnet-4-6)",
        ),
        ("models:\n  7: {}", "models: the key 7 must be text"),
        (
            "images:\n  max_edge: {value: 0}",
            "images.max_edge: value must be a whole number of px above 0, not 0",
        ),
        (
            "images:\n  max_edge: {value: 80.5}",
            "images.max_edge: value must be a whole number of px above 0, not 80.5",
        ),
        ("images:\n  patch: {value: 32}", "images.patch: the resize algorithm only supports 28 px"),
        (
            "images:\n  max_edge: {value: 1, date: may}",
            "images.max_edge: needs a date like 2026-09-28, not 'may'",
        ),
        (
            "images:\n  max_edge: {value: 1, date: 2026-13-01}",
            "needs a date like 2026-09-28, not '2026-13-01'",
        ),
        ("images:\n  max_edge: {value: 1, status: sure}", "status must be one of confirmed, single source, "),
        ("images:\n  max_edge: {value: 1, note: 5}", "images.max_edge: note must be text, not 5"),
        (
            "images:\n  max_edge: {value: 1, first_seen: 5}",
            "first_seen must be a date like 2026-09-28, not 5",
        ),
        (
            "platforms:\n  bedrok:\n    max_edge: {value: 1}",
            "platforms.bedrok: needs source_types (not a ",
        ),
        ("platforms:\n  bedrok:\n    max_edge: {value: 1}", "(not a known name; the nearest is bedrock)"),
        ("platforms:\n  bedrock: {inherits: azure}", "platforms.bedrock.inherits: no platform 'azure'"),
        (
            "platforms:\n  bedrock: {inherits: [a]}",
            "platforms.bedrock.inherits: must be the name of a platform",
        ),
        (
            "platforms:\n  bedrock: {inherited: {note: x}}",
            "platforms.bedrock.inherited: needs a note and a status of",
        ),
        ("tiers:\n  small:\n    tier_edge: {value: 1}", "tiers.small: needs tier_tokens"),
        ("- models", "must be a mapping, not a list"),
        ("models: {a: 1", "line 1:"),
        ("models: {}\nmodels: {}", "line 2: duplicate key models"),
        ("models: \x00", "not YAML:"),
    ],
)
def test_malformed_user_file_is_refused_by_name_and_key(tmp_path: Path, text: str, message: str) -> None:
    """Each mistake is reported with the file, the path of keys and the correct form."""
    with pytest.raises(LimitsError) as caught:
        overlaid(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'limits.yaml'}: ") or "line" in message
    assert message in str(caught.value)


def test_all_mistakes_are_reported_together(tmp_path: Path) -> None:
    """A file with two mistakes is refused with both, one per line."""
    with pytest.raises(LimitsError) as caught:
        overlaid(tmp_path, "images:\n  max_edge: {value: -1, status: x}\n  max_egde: {value: 5}\n")
    assert [line.rpartition("images.")[2].partition(":")[0] for line in str(caught.value).splitlines()] == [
        "max_egde",
        "max_edge",
        "max_edge",
    ]


def test_inheritance_in_a_ring_is_refused(tmp_path: Path) -> None:
    """Two platforms that inherit from each other end as an error and not as a recursion."""
    with pytest.raises(LimitsError, match=r"platforms\.a: needs source_types"):
        overlaid(tmp_path, "platforms:\n  a: {inherits: b}\n  b: {inherits: a}\n")


def test_missing_user_file_is_an_error_with_its_name(tmp_path: Path) -> None:
    """A path that cannot be read is reported with the reason."""
    with pytest.raises(LimitsError, match=r"gone\.yaml: no such file or folder"):
        load_limits([DATA], str(tmp_path / "gone.yaml"))


# --- rule packs ---


def test_no_pack_data_is_an_error() -> None:
    """Without any limits data nothing can be checked."""
    with pytest.raises(LimitsError, match="no rule pack has limits data"):
        load_limits([], None)


def test_later_pack_overrides_the_earlier() -> None:
    """A second pack may add a model, with its own source."""
    origin = {"source": "pack's page", "date": "2026-10", "status": "confirmed"}
    extra = {
        "models": {
            "other-vision-1": {
                "tier": {"value": "standard", **origin},
                "context_tokens": {"value": 128_000, **origin},
                "input_price": {"value": 1.5, **origin},
            }
        }
    }
    data = load_limits([DATA, extra], None)
    assert data.models == (*SHIPPED.models, "other-vision-1")
    assert stated(data.bind("other-vision-1", "anthropic").input_price).source == "pack's page"


def test_pack_value_without_source_is_refused() -> None:
    """What a pack ships must say where it comes from, unlike a user's own file."""
    extra = {"images": {"max_edge": {"value": 9000}}}
    with pytest.raises(LimitsError, match=r"limits data of rule pack 2: images\.max_edge: needs a source"):
        load_limits([DATA, extra], None)


@pytest.mark.parametrize("section", ["tiers", "images", "prices", "platforms", "models"])
def test_data_without_a_section_is_refused(section: str) -> None:
    """Whole data has every section."""
    partial = {key: value for key, value in DATA.whole.items() if key != section}
    with pytest.raises(LimitsError, match=section):
        LimitsData.from_mapping(partial, "pack")


def test_data_without_any_price_is_refused() -> None:
    """If no model has a price, none can be used for unknown models."""
    models = {"m": {key: DATA["models"]["claude-opus-5"][key] for key in ("tier", "context_tokens")}}
    with pytest.raises(LimitsError, match="pack: models: at least one needs an input_price"):
        LimitsData.from_mapping({**DATA.whole, "models": models}, "pack")
