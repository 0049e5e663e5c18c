"""Model ids in the spellings of platforms and gateways."""

import pytest

from imgbudget.limits.data import LimitsData
from imgbudget_rules.limits._generated import DATA

SHIPPED = LimitsData.from_mapping(DATA)

SPELLINGS = [
    # documented tables
    ("anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5", "bedrock"),
    ("anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5", "bedrock"),
    ("anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5", "bedrock"),
    ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6", "bedrock"),
    ("anthropic.claude-sonnet-4-6", "claude-sonnet-4-6", "bedrock"),
    ("anthropic.claude-opus-5-5", "claude-opus-5-5", "bedrock"),
    ("anthropic.claude-haiku-5-5", "claude-haiku-5-5", "bedrock"),
    ("anthropic.claude-opus-5-5-v1:0", "claude-opus-5-5", "bedrock"),
    ("global.anthropic.claude-opus-4-5-20251101-v1:0", "claude-opus-4-5", "bedrock"),
    ("us.anthropic.claude-sonnet-4-6", "claude-sonnet-4-6", "bedrock"),
    ("eu.anthropic.claude-sonnet-5", "claude-sonnet-5", "bedrock"),
    ("jp.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5", "bedrock"),
    ("apac.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4", "bedrock"),
    ("au.anthropic.claude-opus-4-8", "claude-opus-4-8", "bedrock"),
    ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5", "bedrock"),
    ("anthropic.claude-3-haiku-20240307-v1:0:200k", "claude-3-haiku", "bedrock"),
    (
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-6",
        "claude-sonnet-4-6",
        "bedrock",
    ),
    (
        "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/anthropic.claude-haiku-4-5-20251001-v1:0",
        "claude-haiku-4-5",
        "bedrock",
    ),
    (
        "arn%3Aaws%3Abedrock%3Aeu-west-1%3A%3Afoundation-model%2Fanthropic.claude-opus-4-6-v1",
        "claude-opus-4-6",
        "bedrock",
    ),
    ("claude-haiku-4-5@20251001", "claude-haiku-4-5", "google-cloud"),
    ("claude-sonnet-4-5@20250929", "claude-sonnet-4-5", "google-cloud"),
    ("claude-opus-4-5@20251101", "claude-opus-4-5", "google-cloud"),
    ("claude-opus-4-5%4020251101", "claude-opus-4-5", "google-cloud"),
    ("claude-sonnet-4-6@latest", "claude-sonnet-4-6", "google-cloud"),
    ("claude-sonnet-4-6@default", "claude-sonnet-4-6", "google-cloud"),
    ("claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet", "google-cloud"),
    (
        "projects/p/locations/global/publishers/anthropic/models/claude-opus-5",
        "claude-opus-5",
        "google-cloud",
    ),
    # gateways
    ("anthropic/claude-opus-5.5", "claude-opus-5-5", None),
    ("openrouter/anthropic/claude-opus-4.8", "claude-opus-4-8", "openrouter"),
    ("anthropic/claude-sonnet-4.5:beta", "claude-sonnet-4-5", None),
    ("anthropic/claude-3.7-sonnet:thinking", "claude-3-7-sonnet", None),
    ("vertex_ai/claude-sonnet-4-5@20250929", "claude-sonnet-4-5", "google-cloud"),
    ("vertex_ai/claude-opus-4-6", "claude-opus-4-6", "google-cloud"),
    ("bedrock/us-east-1/anthropic.claude-opus-4-6-v1", "claude-opus-4-6", "bedrock"),
    ("bedrock/claude-opus-4-6", "claude-opus-4-6", "bedrock"),
    ("claude-sonnet-4-5[1m]", "claude-sonnet-4-5", None),
    ("claude-opus-4-8[1M]", "claude-opus-4-8", None),
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0[1m]", "claude-sonnet-4-5", "bedrock"),
    # dates, tags, case, older order of words
    ("claude-opus-4-5-20251101", "claude-opus-4-5", None),
    ("claude-haiku-4-5-latest", "claude-haiku-4-5", None),
    ("claude-opus-4-20250514", "claude-opus-4", None),
    ("claude-opus-4-0", "claude-opus-4", None),
    ("claude-4-opus", "claude-opus-4", None),
    ("claude-4.5-sonnet", "claude-sonnet-4-5", None),
    ("claude-sonnet-3.7", "claude-3-7-sonnet", None),
    ("Claude-Sonnet-4-6", "claude-sonnet-4-6", None),
    ("Claude Opus 5.5", "claude-opus-5-5", None),
    (" claude-sonnet-5\n", "claude-sonnet-5", None),
    # recorded requests
    ("anthropic.claude-3-5-sonnet-20240620-v1:0", "claude-3-5-sonnet", "bedrock"),
    ("anthropic.claude-3-5-sonnet-20240620-v1%3A0", "claude-3-5-sonnet", "bedrock"),
    ("anthropic.claude-3-5-sonnet-20241022-v2:0", "claude-3-5-sonnet", "bedrock"),
    ("anthropic.claude-3-haiku-20240307-v1%3A0", "claude-3-haiku", "bedrock"),
    ("anthropic/claude-3.5-haiku", "claude-3-5-haiku", None),
    ("anthropic/claude-4.5-haiku-20251001", "claude-haiku-4-5", None),
    ("anthropic/claude-haiku-4.5", "claude-haiku-4-5", None),
    ("claude-3-5-haiku-20241022", "claude-3-5-haiku", None),
    ("claude-3-5-haiku-latest", "claude-3-5-haiku", None),
    ("claude-3-5-sonnet-20240620", "claude-3-5-sonnet", None),
    ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet", None),
    ("claude-3-5-sonnet-latest", "claude-3-5-sonnet", None),
    ("claude-3-haiku-20240307", "claude-3-haiku", None),
    ("claude-3-opus-20240229", "claude-3-opus", None),
    ("claude-haiku-4-5", "claude-haiku-4-5", None),
    ("claude-haiku-4-5-20251001", "claude-haiku-4-5", None),
    ("claude-sonnet-4-20250514", "claude-sonnet-4", None),
    ("claude-sonnet-4-5-20250929", "claude-sonnet-4-5", None),
    ("claude-sonnet-4-6", "claude-sonnet-4-6", None),
    ("claude-sonnet-5", "claude-sonnet-5", None),
    ("databricks-claude-3-7-sonnet", "claude-3-7-sonnet", None),
    ("us.anthropic.claude-3-7-sonnet-20250219-v1:0", "claude-3-7-sonnet", "bedrock"),
    ("us.anthropic.claude-sonnet-4-5-20250929-v1%3A0", "claude-sonnet-4-5", "bedrock"),
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5", "bedrock"),
]

OTHER_SPELLINGS = [
    ("gpt-4o", "gpt-4o", None),
    ("openai/gpt-4o", "gpt-4o", None),
    ("gpt-4o-2024-08-06", "gpt-4o", None),
    ("gpt-4o-mini-2024-07-18", "gpt-4o-mini", None),
    ("gpt-4.1-mini-2025-04-14", "gpt-4.1-mini", None),
    ("google/gemini-2.5-flash", "gemini-2.5-flash", None),
    ("Qwen/Qwen2.5-VL-7B-Instruct", "qwen2.5-vl-7b-instruct", None),
    ("us.amazon.nova-pro-v1%3A0", "nova-pro", "bedrock"),
    ("amazon.nova-lite-v1:0", "nova-lite", "bedrock"),
]
"""Ids of other providers as gateways and recordings spell them."""

STRANGERS = [
    "gpt-4-vision-preview",
    "gpt-99",
    "grok-2-vision",
    "Qwen/Qwen3-8B",
    "8b-" * 100_000,
    "us.amazon.titan-image-v1%3A0",
    "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3d4",
    "claude",
    "claude-opus",
    "claude-opus-9",
    "not-anthropic.claude-sonnet-4-6",
    "",
    "/",
]


@pytest.mark.parametrize(("spelling", "model", "platform"), [*SPELLINGS, *OTHER_SPELLINGS])
def test_spelling_names_its_model_and_platform(spelling: str, model: str, platform: str | None) -> None:
    """An id of Bedrock, Google Cloud or a gateway maps to the API's id and implies its platform."""
    normal = SHIPPED.normalize(spelling)
    assert (normal.id, normal.known, normal.nearest, normal.platform) == (model, True, (), platform)


@pytest.mark.parametrize(
    "pattern", ["{}", "us.anthropic.{}-v1:0", "{}@20260101", "x/anthropic/{}[1m]", "{}-latest"]
)
def test_every_model_is_found_in_every_kind_of_spelling(pattern: str) -> None:
    """No shipped id is misread when a platform writes its prefix and suffix around it."""
    assert [SHIPPED.normalize(pattern.format(model)).id for model in SHIPPED.models] == list(SHIPPED.models)


@pytest.mark.parametrize("spelling", STRANGERS)
def test_unknown_model_id_is_kept(spelling: str) -> None:
    """An id that names no known model is returned unchanged."""
    normal = SHIPPED.normalize(spelling)
    assert (normal.id, normal.known) == (spelling, False)


def test_unknown_id_has_the_nearest_known_ones() -> None:
    """A misspelt id comes with what was probably meant; a stranger with nothing."""
    assert SHIPPED.normalize("claude-sonet-4-6").nearest[0] == "claude-sonnet-4-6"
    assert SHIPPED.normalize("anthropic/claude-opus-5.6").nearest[0].startswith("claude-opus-5")
    assert SHIPPED.normalize("zzz").nearest == ()
    assert SHIPPED.normalize("claude-" * 100_000).nearest == ()


def test_a_flood_of_unknown_ids_is_answered_and_not_kept() -> None:
    """Thousands of distinct ids neither fail nor fill the memory, and known ones still bind."""
    data = LimitsData.from_mapping(DATA)
    for number in range(3000):
        assert not data.bind(f"{number:05}" * 50, "anthropic").known
    assert len(data._bound) <= 1024
    assert len(data._normalized) <= 1024
    assert data.bind("claude-sonnet-5", "anthropic").known


@pytest.mark.parametrize(
    ("spelling", "model"),
    [
        ("Qwen3-VL-2B-Instruct-Q8_0", "qwen3-vl"),
        ("/models/Qwen3-VL-8B-Instruct-Q4_K_M.gguf", "qwen3-vl"),
        ("Qwen2.5-VL-7B-Instruct-UD-Q4_K_XL", "qwen2.5-vl-7b-instruct"),
        ("Qwen2.5-VL-7B-Instruct-IQ2_XXS.gguf", "qwen2.5-vl-7b-instruct"),
        ("gemma-3-4b-it-qat-q4_0-gguf", "gemma-3"),
        ("gemma-3-27b-it-f16.gguf", "gemma-3"),
        ("Llama-4-Scout-17B-16E-Instruct-Q2_K_L.gguf", "llama-4-scout"),
        ("command-a-vision-07-2025", "command-a-vision"),
        ("grok-4-1-fast-non-reasoning", "grok-4-1-fast"),
        ("grok-4-1-fast-reasoning", "grok-4-1-fast"),
    ],
)
def test_files_of_llama_cpp_and_dated_models_are_of_their_family(spelling: str, model: str) -> None:
    """A quantization, a month or the way to reason follows the name; tokens are those of the weights."""
    found = SHIPPED.normalize(spelling)
    assert (found.id, found.known) == (model, True)


@pytest.mark.parametrize("spelling", ["Qwen3-1.7B-Q4_K_M", "qwen3-vl-q", "q8_0", "07-2025"])
def test_a_quantization_makes_no_model(spelling: str) -> None:
    """What is left without it has to be the name of a known model."""
    assert not SHIPPED.normalize(spelling).known
