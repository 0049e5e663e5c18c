"""Limits that a provider does not have: stated once by name, and a number in no output."""

import json
import re
from pathlib import Path

import pytest

from imgbudget.errors import LimitsError
from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import Size
from imgbudget.limits.values import Absent
from imgbudget.output.registry import FORMATS
from imgbudget_rules.limits._generated import DATA
from tests.builders import image_block, image_bytes, text_block
from tests.conftest import Command

SHIPPED = LimitsData.from_mapping(DATA)
MODELS = {
    "anthropic": "claude-opus-5-5",
    "bedrock": "nova-pro",
    "google-cloud": "claude-sonnet-4-6",
    "foundry": "claude-sonnet-4-6",
    "claude-ai": "claude-haiku-4-5",
    "openai": "gpt-4o",
    "gemini": "gemini-2.5-flash",
    "qwen": "qwen2.5-vl-7b-instruct",
    "mistral": "mistral-medium",
    "self-hosted": "internvl3.5",
    "xai": "grok-4",
    "claude-google-cloud": "claude-opus-5-5",
    "claude-aws": "claude-opus-5-5",
    "openrouter": "gpt-4o",
    "azure-openai": "gpt-4o",
    "openai-fine-tuning": "gpt-4o",
    "azure-openai-fine-tuning": "gpt-4.1",
    "vertex": "gemini-2.5-flash",
    "nova": "nova-2-lite",
}
OTHERS = ("openai", "gemini", "qwen", "mistral", "self-hosted", "xai")
AUDIT_FORMATS = ("full", "json", "markdown", "csv")
_NUMBER = re.compile(r"(?<![\w.])(?:\d{1,3}(?:[,_]\d{3})+|\d+)(?![\w.]\d)")
ORIGIN = {"source": "a page", "date": "2026-10", "status": "confirmed"}


def sentinels(text: str) -> list[str]:
    """The whole numbers in a text that no image, request or price comes to."""
    return [found for found in _NUMBER.findall(text) if int(re.sub("[,_]", "", found)) > 1 << 60]


def test_every_platform_is_among_the_calls_below() -> None:
    """A new provider is tested as well."""
    assert tuple(MODELS)[: 5 + len(OTHERS)] == (*SHIPPED.platforms[:5], *OTHERS)
    assert set(MODELS) == set(SHIPPED.platforms)


CALLS = [
    f"check . --pedantic {' '.join(f'--format {name}:out.{name}' for name in FORMATS)}",
    "check . --pedantic --statistics",
    "check photo.jpg --pedantic --fix --diff",
    "plan . --all --format full:out.full --format json:out.json",
    *(f"plan . --target {goal} --format json" for goal in ("bytes:20000", "latency", "tokens:300")),
    "plan . --model claude-opus-5-5,{model} --format json",
    "split request.json --budget request.tokens=500 --format full:out.full --format json:out.json",
    f"audit . --html out.html {' '.join(f'--format {name}:out.{name}' for name in AUDIT_FORMATS)}",
    "size 9000x9000 640x480 --table --format full:out.full --format json:out.json",
    "limits --format full:out.full --format json:out.json",
    "coords 10,10 --original 4000x3000 --format json",
    "tiles photo.jpg --modelmat json",
]


@pytest.fixture
def inputs(tmp_path: Path) -> None:
    """A large photo, a strip, and a request with both and a long image."""
    photo, strip = image_bytes((1700, 210), "JPEG"), image_bytes((30, 8100), "PNG")
    (tmp_path / "photo.jpg").write_bytes(photo)
    (tmp_path / "strip.png").write_bytes(strip)
    blocks = [text_block("Look."), image_block(photo, "image/jpeg"), image_block(strip, "image/png")]
    body = {"max_tokens": 10, "messages": [{"role": "user", "content": blocks}]}
    (tmp_path / "request.json").write_text(json.dumps(body))


@pytest.mark.parametrize("platform", MODELS)
def test_no_output_shows_a_number_for_a_limit_that_does_not_exist(
    imgbudget: Command, inputs: None, platform: str
) -> None:
    """No command prints a whole number over 2**60, in any format, for any provider."""
    model = MODELS[platform]
    for call in CALLS:
        arguments = call.format(model=model).split()
        if "--model" not in arguments:
            arguments += ["--model", model, "--platform", platform]
        run = imgbudget(*arguments)
        if call.startswith("audit") and platform == "xai":  # grok-4 has no rule for large images
            assert (run.code, "an audit needs the tokens" in run.err) == (2, True)
            continue
        written = list(Path().glob("out.*"))
        assert len(written) == call.count("out."), (call, run.err)
        for text in (run.out, run.err, *(path.read_text("utf-8") for path in written)):
            assert sentinels(text) == [], call
        for path in written:
            path.unlink()


def test_tables_of_all_models_and_rules_show_none_either(imgbudget: Command) -> None:
    """The same for the commands that are about no single provider."""
    for call in ("size 640x480 --model all", "rule --all"):
        run = imgbudget(*call.split())
        assert (run.code, sentinels(run.out)) == (0, []), call


def test_plan_leaves_out_the_limits_that_do_not_exist(imgbudget: Command, inputs: None) -> None:
    """Gemini limits neither the edge nor the base64 text of an image: neither is a row of the plan."""
    call = ("plan", "request.json", "--all", "--model", "gemini-2.5-flash", "--platform", "gemini")
    (request,) = imgbudget(*call, "--format", "json").json["requests"]
    assert [row["name"] for row in request["limits"]] == ["images and pages", "context", "body"]
    assert all(isinstance(row["limit"], int) for row in request["limits"])
    assert "edge of an image" not in imgbudget(*call).out


# --- in the data ---


def test_absent_lists_the_limits_that_do_not_exist() -> None:
    """Each entry has one source for several names; one without names is about all that is not stated."""
    platform = {
        "source_types": {"value": ["base64"], **ORIGIN},
        "request_media": {"value": 9, **ORIGIN},
        "absent": [
            {"names": ["max_edge"], **ORIGIN, "note": "no such limit"},
            {**ORIGIN, "status": "unknown"},
        ],
    }
    data = LimitsData.from_mapping({**DATA.whole, "platforms": {**DATA.whole["platforms"], "new": platform}})
    limits = data.bind("claude-opus-5-5", "new")
    assert (limits.max_edge, limits.many_image_count, limits.batch_factor) == (None, None, None)
    assert limits.request_media is not None
    absent = limits.values["max_edge"]
    assert isinstance(absent, Absent)
    assert (absent.source, absent.note, absent.owner, absent.text) == (
        "a page",
        "no such limit",
        "new",
        "none",
    )
    assert limits.missing(("max_edge",)) == "new has no max_edge"
    assert limits.missing(("min_edge",)) == "no min_edge of new is known"
    assert limits.missing(("request_media",)) is None
    assert (limits.image_raw_bytes, limits.least_edge, limits.many_images(1000)) == (None, 0, False)


def test_limit_that_a_platform_does_not_mention_does_not_exist() -> None:
    """A platform may be stated by its sources alone; what holds everywhere holds for it too."""
    platform = {"source_types": {"value": ["base64"], **ORIGIN}}
    data = LimitsData.from_mapping({**DATA.whole, "platforms": {**DATA.whole["platforms"], "new": platform}})
    limits = data.bind("claude-opus-5-5", "new")
    assert (limits.image_base64_bytes, limits.request_bytes, limits.batch_requests) == (None, None, None)
    assert limits.max_edge is not None
    assert limits.missing(("request_bytes",)) == "no request_bytes of new is known"


def test_value_of_null_is_still_read_as_absent() -> None:
    """Files of other packs that write `value: null` keep their meaning."""
    data = SHIPPED.overlay({"platforms": {"anthropic": {"max_edge": {"value": None}}}}, "mine.yaml")
    limits = data.bind("claude-opus-5-5", "anthropic")
    assert limits.max_edge is None
    assert limits.values["max_edge"].source == "user file mine.yaml"
    assert limits.refusal(Size(9000, 9000)) is None


@pytest.mark.parametrize(
    ("absent", "message"),
    [
        ({"names": ["max_edge"]}, "platforms.bedrock.absent: must be a list, not a dict"),
        (["max_edge"], "platforms.bedrock.absent[0]: must be a mapping, not 'max_edge'"),
        (
            [{"names": ["max_egde"]}],
            "max_egde is not a limit that may be absent; the nearest is max_edge",
        ),
        ([{"names": ["patch"]}], "absent[0]: patch is not a limit that may be absent"),
        ([{"names": "max_edge"}], "absent[0]: names must be a list of limits, not 'max_edge'"),
        ([{"name": ["max_edge"]}], "absent[0].name: unknown key; the nearest is names"),
        ([{"status": "sure"}], "absent[0]: status must be one of confirmed, "),
    ],
)
def test_mistake_in_absent_is_reported_with_its_place(absent: object, message: str) -> None:
    """The path of keys and what would be right, as for any other value."""
    with pytest.raises(LimitsError) as caught:
        SHIPPED.overlay({"platforms": {"bedrock": {"absent": absent}}}, "mine.yaml")
    assert str(caught.value).startswith("mine.yaml: platforms.bedrock.absent")
    assert message in str(caught.value)


def test_model_must_name_what_it_lacks() -> None:
    """An entry without names would hide every limit of the model's platform."""
    with pytest.raises(LimitsError, match=r"models\.gpt-4o\.absent\[0\]: names must be a list of limits"):
        SHIPPED.overlay({"models": {"gpt-4o": {"absent": [{}]}}}, "mine.yaml")


def test_tier_of_claude_needs_both_bounds() -> None:
    """Claude's resize rule works with an edge and a number of tokens; a strategy needs neither."""
    tiers = {"small": {"tier_edge": {"value": 700}, "tier_tokens": {"value": None}}}
    with pytest.raises(LimitsError, match=r"tiers\.small: needs tier_tokens"):
        SHIPPED.overlay({"tiers": tiers}, "mine.yaml")
    flat = {"flat": {"strategy": {"value": "flat"}, "base_tokens": {"value": 9}}}
    assert SHIPPED.overlay({"tiers": flat}, "mine.yaml").tiers == SHIPPED.tiers
