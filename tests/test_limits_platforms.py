"""What each platform takes, and what of it is merely assumed."""

from typing import NamedTuple

import pytest
from click.testing import CliRunner

from imgbudget.cli.group import cli
from imgbudget.errors import LimitsError
from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import PATCH
from imgbudget_rules.limits._generated import DATA
from tests.stated import stated

SHIPPED = LimitsData.from_mapping(DATA)


class Platform(NamedTuple):
    """What a platform takes; media for a context of 200k and of 1M, blocks that count toward 20."""

    id: str
    base64: int
    request_bytes: int
    doubt: int
    media_short: int
    media_long: int
    sources: tuple[str, ...]
    counted: tuple[str, ...]


PLATFORMS = [
    Platform(
        "anthropic", 10_485_760, 33_554_432, 32_000_000, 100, 600, ("base64", "url", "file"), ("image",)
    ),
    Platform("bedrock", 5_242_880, 20_971_520, 20_000_000, 100, 600, ("base64",), ("image", "document")),
    Platform("google-cloud", 5_242_880, 31_457_280, 30_000_000, 100, 600, ("base64",), ("image", "document")),
    Platform("foundry", 10_485_760, 33_554_432, 32_000_000, 100, 600, ("base64", "url", "file"), ("image",)),
    Platform("claude-ai", 10_485_760, 33_554_432, 32_000_000, 20, 20, ("base64", "url", "file"), ("image",)),
]


@pytest.mark.parametrize("row", PLATFORMS, ids=lambda row: row.id)
def test_platform_has_its_limits(row: Platform) -> None:
    """Bytes, counts and source types are those of the platform, the count also that of the context."""
    limits = SHIPPED.bind("claude-sonnet-4-6", row.id)
    assert (limits.platform, stated(limits.image_base64_bytes).value) == (row.id, row.base64)
    assert (stated(limits.request_bytes).value, stated(limits.request_bytes_doubt).value) == (
        row.request_bytes,
        row.doubt,
    )
    assert stated(SHIPPED.bind("claude-haiku-4-5", row.id).request_media).value == row.media_short
    assert stated(limits.request_media).value == row.media_long
    assert (limits.source_types, limits.documents_count_as_images) == (row.sources, "document" in row.counted)


@pytest.mark.parametrize("platform", [row.id for row in PLATFORMS])
def test_what_the_model_sees_is_the_same_on_every_platform(platform: str) -> None:
    """Edges, the many-image rule, advice and media types do not depend on the platform."""
    limits = SHIPPED.bind("claude-opus-5-5", platform)
    assert (stated(limits.max_edge).text, stated(limits.many_image_count).text) == ("8000 px", "20 images")
    assert (stated(limits.many_image_edge).text, stated(limits.min_edge).text) == ("2000 px", "200 px")
    assert (stated(limits.latency_pixels).text, stated(limits.latency_edge).text) == (
        "1.15 megapixels",
        "1568 px",
    )
    assert limits.media_types == ("image/jpeg", "image/png", "image/gif", "image/webp")
    assert limits.patch.value == PATCH
    assert (limits.page_text_tokens_low.value, limits.page_text_tokens_high.value) == (1500, 3000)


def test_platforms_are_those_of_the_command() -> None:
    """The data knows the five platforms of Claude, and those of others; the help names them all."""
    assert SHIPPED.platforms == (
        *(row.id for row in PLATFORMS),
        "claude-google-cloud",
        "claude-aws",
        "openrouter",
        "gemini",
        "vertex",
        "mistral",
        "nova",
        "self-hosted",
        "openai",
        "azure-openai",
        "openai-fine-tuning",
        "azure-openai-fine-tuning",
        "qwen",
        "xai",
    )
    text = CliRunner().invoke(cli, ["limits", "--help"]).output
    assert all(platform in text for platform in SHIPPED.platforms)


def test_batches_and_files_exist_on_the_claude_api_only() -> None:
    """Batch and file limits have values on the Claude API and are None where there are no batches."""
    api = SHIPPED.bind("claude-sonnet-4-6", "anthropic")
    assert api.batch_bytes is not None
    assert api.batch_bytes_doubt is not None
    assert api.batch_requests is not None
    assert api.file_bytes is not None
    assert (api.batch_bytes.text, api.batch_bytes_doubt.text) == ("256 MB", "256,000,000 bytes")
    assert (api.batch_requests.text, api.file_bytes.text) == ("100,000 requests", "500 MB")
    for platform in ("bedrock", "google-cloud", "foundry", "claude-ai"):
        other = SHIPPED.bind("claude-sonnet-4-6", platform)
        assert (other.batch_bytes, other.batch_requests, other.batch_factor) == (None, None, None)
        assert other.batch_cost_usd(1000) is None
        assert "batch_requests" in {term.name for term in other.terms}


def test_limit_names_its_owner_and_marks_assumptions() -> None:
    """The owner is the platform that states a limit; an inherited limit is marked."""
    bedrock = SHIPPED.bind("claude-sonnet-4-6", "bedrock")
    assert (stated(bedrock.image_base64_bytes).owner, stated(bedrock.max_edge).owner) == (
        "bedrock",
        "anthropic",
    )
    assert (stated(bedrock.tier_edge).owner, stated(bedrock.input_price).owner) == (
        "standard tier",
        "claude-sonnet-4-6",
    )
    foundry = stated(SHIPPED.bind("claude-sonnet-4-6", "foundry").request_bytes)
    assert (foundry.owner, foundry.status) == ("anthropic", "unknown")
    assert "Microsoft Foundry" in (foundry.note or "")


def test_raw_bytes_that_fit_are_three_quarters() -> None:
    """The longest file within 10 MB of base64 has 7,864,320 bytes, within 5 MB 3,932,160."""
    assert SHIPPED.bind("claude-sonnet-4-6", "anthropic").image_raw_bytes == 7_864_320
    assert SHIPPED.bind("claude-sonnet-4-6", "bedrock").image_raw_bytes == 3_932_160


def test_unknown_platform_is_refused_with_the_nearest() -> None:
    """A platform that the data does not have is an error that names the likely one."""
    with pytest.raises(
        LimitsError, match=r"unknown platform 'bedrok'; did you mean bedrock\? \(known: anthropic, "
    ):
        SHIPPED.bind("claude-sonnet-4-6", "bedrok")


def test_binding_twice_gives_the_same_object() -> None:
    """Bound limits are made once for a model and a platform, and cannot be changed."""
    limits = SHIPPED.bind("claude-sonnet-4-6", "anthropic")
    assert SHIPPED.bind("claude-sonnet-4-6", "anthropic") is limits
    with pytest.raises(AttributeError):
        limits.max_edge = limits.min_edge
