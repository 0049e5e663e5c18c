"""Gateways in the configuration: platforms of the user, like known ones but for their own limits."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import image_block, image_bytes, text_block, write_json
from tests.configs import mistakes_in, write
from tests.conftest import Command

IMAGE = image_bytes((644, 476), "JPEG")


def message(*, images: int = 1, model: str = "claude-opus-5-5") -> dict[str, Any]:
    """A body of the Messages API."""
    content = [*[image_block(IMAGE, "image/jpeg")] * images, text_block("What is it?")]
    return {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": content}]}


def chat(model: str) -> dict[str, Any]:
    """A body of chat completions."""
    url = f"data:image/jpeg;base64,{image_block(IMAGE, 'image/jpeg')['source']['data']}"
    content = [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": "What is it?"}]
    return {"model": model, "messages": [{"role": "user", "content": content}]}


def limits_of(imgbudget: Command, *options: str) -> dict[str, dict[str, Any]]:
    """The limits that the command shows, by name."""
    shown = json.loads(imgbudget("limits", *options, "--format", "json").out)
    return {one["name"]: one for one in [*shown["limits"], *shown.get("terms", [])]}


def findings(imgbudget: Command, name: str, *options: str) -> list[tuple[str, str]]:
    """The codes and messages of the findings on a file."""
    report = json.loads(imgbudget("check", name, *options, "--format", "json").out)
    return [(one["code"], one["message"]) for one in report["findings"]]


YAML = """\
platforms:
  mygateway:
    like: anthropic
    request_bytes: 2 KB
    max_edge: 600 px
"""
TOML = """\
[tool.imgbudget.platforms.mygateway]
like = "anthropic"
request_bytes = "2 KB"
max_edge = 600
"""


@pytest.mark.parametrize(("name", "text", "line"), [("imgbudget.yaml", YAML, 4), ("pyproject.toml", TOML, 3)])
def test_gateway_is_a_platform(imgbudget: Command, tmp_path: Path, name: str, text: str, line: int) -> None:
    """Messages name it, and `limits` shows which values are its own and from which file and line."""
    write(tmp_path, text, name)
    write_json(tmp_path / "r.json", message())
    assert findings(imgbudget, "r.json") == []
    found = dict(findings(imgbudget, "r.json", "--platform", "mygateway"))
    assert "mygateway takes at most 2048 bytes" in found["IB401"]
    assert "mygateway takes at most 600 px" in found["IB101"]
    limits = limits_of(imgbudget, "--platform", "mygateway")
    assert (limits["request_bytes"]["owner"], limits["request_bytes"]["source"]) == (
        "mygateway",
        f"{name} line {line}",
    )
    assert limits["request_bytes_doubt"]["value"] == 2048
    assert limits["image_base64_bytes"]["owner"] == "anthropic"


def test_plan_aims_at_the_limits_of_the_gateway(imgbudget: Command, tmp_path: Path) -> None:
    """The largest images shrink until the body fits."""
    write(tmp_path, "platform: g\nplatforms: {g: {like: anthropic, request_bytes: 40 KB}}")
    body = message()
    body["messages"][0]["content"][0] = image_block(image_bytes((2400, 1800), "BMP"), "image/bmp")
    write_json(tmp_path / "r.json", body)
    run = imgbudget("check", "r.json", "--fix", "--select", "IB401")
    assert run.code == 0
    assert (tmp_path / "r.json").stat().st_size <= 40 << 10


def test_gateway_may_be_like_another(imgbudget: Command, tmp_path: Path) -> None:
    """It inherits what that states, and states the rest itself; their order does not matter."""
    text = "platforms: {a: {like: b, max_edge: 500}, b: {like: bedrock, max_edge: 900, request_media: 7}}"
    write(tmp_path, text)
    limits = limits_of(imgbudget, "--platform", "a", "--model", "claude-opus-5-5")
    assert (limits["max_edge"]["value"], limits["request_media"]["value"]) == (500, 7)
    assert limits["source_types"]["value"] == ["base64"]


def test_gateway_takes_every_model(imgbudget: Command, tmp_path: Path) -> None:
    """A model that `like` lacks keeps the limits of the platform that serves it, and gets the gateway's."""
    write(tmp_path, "platforms: {g: {like: anthropic, request_media: 1, many_image_edge: 300 px}}")
    limits = limits_of(imgbudget, "--platform", "g", "--model", "gpt-5.5")
    assert (limits["request_bytes"]["owner"], limits["request_media"]["owner"]) == ("openai", "g")
    write_json(tmp_path / "r.json", chat("azure/gpt-4o"))
    report = json.loads(imgbudget("check", "r.json", "--platform", "g", "--format", "json").out)
    assert report["requests"][0]["platform"] == "g"
    write_json(tmp_path / "r.json", chat("acme-vision-9"))
    report = json.loads(imgbudget("check", "r.json", "--platform", "g", "--format", "json").out)
    assert report["requests"][0]["platform"] == "g"


def test_limit_of_a_gateway_beats_that_of_a_model(imgbudget: Command, tmp_path: Path) -> None:
    """Context, prices and what a model states itself, as the edge of Nova."""
    text = "platforms: {g: {like: bedrock, max_edge: 500, context_tokens: 9k, input_price: $0.5}}"
    write(tmp_path, text)
    limits = limits_of(imgbudget, "--platform", "g", "--model", "nova-pro")
    assert {limits[name]["owner"] for name in ("max_edge", "context_tokens", "input_price")} == {"g"}
    assert limits["context_tokens"]["value"] == 9000
    assert limits["input_price"]["value"] == 0.5


def test_gateway_may_lack_a_limit(imgbudget: Command, tmp_path: Path) -> None:
    """The word none: 21 images over 2000 px are no error where the gateway scales them itself."""
    write(tmp_path, "platforms: {g: {like: anthropic, many_image_count: none}}")
    body = message()
    large = image_block(image_bytes((2100, 40), "PNG"))
    body["messages"][0]["content"] = [large] * 21
    write_json(tmp_path / "r.json", body)
    assert "IB102" in dict(findings(imgbudget, "r.json"))
    assert "IB102" not in dict(findings(imgbudget, "r.json", "--platform", "g"))


def test_known_platform_may_have_other_limits(imgbudget: Command, tmp_path: Path) -> None:
    """As behind a company's proxy; platforms that inherit from it keep theirs, and so does what it serves."""
    write(tmp_path, "platforms: {anthropic: {request_media: 3}}")
    for platform, most in ("anthropic", 3), ("foundry", 600):
        limits = limits_of(imgbudget, "--platform", platform, "--model", "claude-opus-5-5")
        assert limits["request_media"]["value"] == most
    run = imgbudget("limits", "--platform", "anthropic", "--model", "gpt-4o")
    assert "gpt-4o is not available on anthropic: using its limits on openai" in run.err


def test_body_in_the_form_of_another_platform_goes_there(imgbudget: Command, tmp_path: Path) -> None:
    """Unless the gateway is like that platform; a warning says which limits do not apply."""
    write(tmp_path, "platforms: {a: {like: anthropic, max_edge: 9}, b: {like: bedrock, max_edge: 9}}")
    block = {"image": {"format": "jpeg", "source": {"bytes": image_block(IMAGE)["source"]["data"]}}}
    write_json(tmp_path / "r.json", {"messages": [{"role": "user", "content": [block]}]})
    run = imgbudget("check", "r.json", "--platform", "a")
    assert "requests that go to bedrock by their form or URL are not checked for a" in run.err
    assert "IB101" not in run.out
    assert "b takes at most 9 px" in imgbudget("check", "r.json", "--platform", "b").out


def test_extending_configuration_changes_single_limits(imgbudget: Command, tmp_path: Path) -> None:
    """Tables of platforms are combined key by key."""
    write(tmp_path, "platforms: {g: {like: anthropic, max_edge: 700, request_media: 5}}", "base.yaml")
    write(tmp_path, "extend: base.yaml\nplatforms: {g: {max_edge: 800}}")
    limits = limits_of(imgbudget, "--platform", "g", "--model", "claude-opus-5-5")
    assert (limits["max_edge"]["value"], limits["request_media"]["value"]) == (800, 5)
    assert limits["max_edge"]["source"] == "imgbudget.yaml line 2"


def test_settings_show_gateways(imgbudget: Command, tmp_path: Path) -> None:
    """With what they are like and what they state."""
    write(tmp_path, YAML)
    write_json(tmp_path / "r.json", message())
    run = imgbudget("check", "r.json", "--show-settings")
    assert "mygateway: like anthropic, request bytes 2048 bytes" in run.out


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("platforms: [a]", "1: platforms: expected a table of platforms"),
        ("platforms: {a: }", "1: platforms.a: expected a table with like and limits, found nothing"),
        (
            "platforms: {a b: {like: anthropic}}",
            '1: platforms: expected the name of a platform, but "a b" is not',
        ),
        (
            "platforms: {a: {like: anthropic, request_byte: 1}}",
            '1: unknown key "platforms.a.request_byte"; did you mean "request_bytes"?',
        ),
        (
            "platforms: {a: {like: anthropic, patch: 1}}",
            '1: unknown key "platforms.a.patch"; valid keys: like, ',
        ),
        (
            "platforms: {a: {like: anthropic, max_edge: 2 MB}}",
            '1: platforms.a.max_edge: "2 MB" is not a number of px',
        ),
        ("platforms: {a: {like: anthropic, max_edge: 0}}", '1: platforms.a.max_edge: "0" is not more than 0'),
        (
            "platforms: {a: {like: anthropic, batch_factor: 0}}",
            '1: platforms.a.batch_factor: "0" is not a factor',
        ),
        (
            "platforms: {a: {like: anthropic, input_price: 0.0001}}",
            '1: platforms.a.input_price: "0.0001" is not a price in US dollars per million tokens',
        ),
        (
            "platforms: {a: {like: anthropic, source_types: [s4]}}",
            '1: platforms.a.source_types[0]: "s4" is not',
        ),
    ],
)
def test_mistakes_have_line_and_remedy(tmp_path: Path, text: str, expected: str) -> None:
    """What the file alone shows."""
    (mistake,) = mistakes_in(tmp_path, text)
    assert mistake.startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "platforms: {g: {like: antropic}}",
            '1: platforms.g.like: unknown platform "antropic"; did you mean "anthropic"?',
        ),
        ("platforms: {g: {max_edge: 5}}", '1: platforms.g: missing key "like"'),
        ("platforms: {bedrok: {max_edge: 5}}", 'or did you mean "bedrock"?'),
        ("platforms: {bedrock: {like: anthropic}}", '1: platforms.bedrock: "bedrock" is a known platform'),
        ("platforms:\n  a: {like: b}\n  b: {like: a}", "2: platforms.a: is like itself: a -> b -> a"),
        ("platforms: {a: {like: a}}", "1: platforms.a: is like itself: a -> a"),
        ("platform: gg\nplatforms: {g: {like: anthropic}}", '1: platform: unknown platform "gg"'),
    ],
)
def test_mistakes_in_names_have_line_and_remedy(
    imgbudget: Command, tmp_path: Path, text: str, expected: str
) -> None:
    """What only the limits data shows."""
    write(tmp_path, text)
    run = imgbudget("check", ".")
    assert run.code == 2
    assert expected in run.err


def test_long_chain_of_gateways_is_refused(imgbudget: Command, tmp_path: Path) -> None:
    """Eight in a row are taken, thousands would take all day."""
    chain = "".join(f"  g{i}: {{like: {f'g{i - 1}' if i else 'anthropic'}}}\n" for i in range(8))
    write(tmp_path, f"platforms:\n{chain}")
    assert imgbudget("limits", "--platform", "g7").code == 0
    chain += "".join(f"  g{i}: {{like: g{i - 1}}}\n" for i in range(8, 2000))
    write(tmp_path, f"platforms:\n{chain}")
    run = imgbudget("limits", "--platform", "g7")
    assert run.code == 2
    assert "10: platforms.g8: is like more than 7 gateways in a row; name the platform behind them" in run.err


def test_unknown_gateway_names_the_nearest(imgbudget: Command, tmp_path: Path) -> None:
    """Also one of the configuration."""
    write(tmp_path, YAML)
    run = imgbudget("limits", "--platform", "mygatway")
    assert (run.code, "did you mean 'mygateway'?" in run.err) == (2, True)
