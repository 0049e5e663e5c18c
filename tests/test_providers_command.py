"""Several providers from the command line: sizes, limits, plans and requests side by side."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from tests.builders import image_block, image_bytes, text_block
from tests.conftest import Command

ROOT = Path(__file__).resolve().parents[1]
SHAPES = [
    str(ROOT / "examples" / "requests" / f"screenshot.{name}.json") for name in ("claude", "openai", "gemini")
]


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo that every model which scales at all scales down."""
    path = tmp_path / "photo.jpg"
    path.write_bytes(image_bytes((4000, 3000), "JPEG"))
    return path


# --- size ---


@pytest.mark.parametrize(
    ("arguments", "resized", "tokens"),
    [
        ("1024x1024 --model gpt-4o", [768, 768], 765),
        ("1024x1024 --model gpt-4o-mini", [768, 768], 25501),
        ("1024x1024 --model gpt-5", [768, 768], 630),
        ("1024x1024 --model o1", [768, 768], 675),
        ("2048x4096 --model gpt-4o --detail high", [768, 1536], 1105),
        ("4096x8192 --model gpt-4o --detail low", None, 85),
        ("1920x1080 --model gpt-4o", [1365, 768], 1105),
        ("512x512 --model gpt-4o", [512, 512], 255),
        ("1800x2400 --model gpt-5-mini", [1056, 1408], 1743),
        ("3840x2160 --model gpt-5-mini", [1649, 928], 1810),
        ("960x540 --model gemini-2.0-flash", None, 1806),
        ("960x540 --model gemini-3-pro-preview --detail low", None, 264),
        ("960x540 --model gemini-3-pro-preview --detail MEDIA_RESOLUTION_ULTRA_HIGH", None, 2205),
        ("960x540 --model gemini-2.5-pro --detail medium", None, 256),
        ("1350x900 --model nova-pro", None, 1825),
        ("1920x1080 --model Qwen/Qwen2.5-VL-72B-Instruct", [1932, 1092], 2691),
    ],
)
def test_size_of_every_strategy(
    imgbudget: Command, arguments: str, resized: list[int] | None, tokens: int
) -> None:
    """The worked examples; what means nothing for a provider is null in JSON and no column in text."""
    day = "2026-01-01"  # all of them are in service
    run = imgbudget("size", *arguments.split(), "--date", day, "--format", "json")
    (record,) = run.json["sizes"]
    assert (run.code, run.err) == (0, "")
    assert (record["resized"], record["tokens"]) == (resized, tokens)
    assert (record["padded"], record["tokens_area"], record["cost_area_usd"]) == (None, None, None)
    assert record["cost_usd"] > 0
    text = imgbudget("size", *arguments.split()).out
    assert "older estimate" not in text
    assert "padded" not in text
    assert ("resized to" in text) == (resized is not None)


def test_every_model_in_service(imgbudget: Command) -> None:
    """One record per model, sorted by provider and id, without retired ones; uncertainty is marked."""
    run = imgbudget("size", "3840x2160", "--model", "all", "--format", "json")
    rows = [(row["platform"], row["model"]) for row in run.json["sizes"]]
    assert len(rows) >= 110
    assert "claude-3-opus" not in {model for _, model in rows}
    platforms = list(dict.fromkeys(platform for platform, _ in rows))
    assert platforms == ["anthropic", "bedrock", "gemini", "mistral", "self-hosted", "openai", "xai"]
    for platform in platforms:
        models = [model for found, model in rows if found == platform]
        assert models == sorted(models)
    out = imgbudget("size", "3840x2160", "--model", "all").out.splitlines()
    (doubt,) = (line for line in out if line.startswith("gpt-5.4-mini, gpt-5.4-nano: "))
    assert doubt.endswith("budgets count the most")
    assert any(line.startswith("nova-2-lite: tokens are derived") for line in out)


def test_there_is_no_table_of_ratios_for_others(imgbudget: Command) -> None:
    """`--table` says so, in words and as an empty list."""
    run = imgbudget("size", "--table", "--model", "gpt-4o")
    assert (run.code, run.out.splitlines()[1:]) == (
        0,
        ["no table of sizes that are not resized exists for gpt-4o: its provider publishes none"],
    )
    assert imgbudget("size", "--table", "--model", "gpt-4o", "--format", "json").json["table"] == []


def test_detail_that_a_model_does_not_have(imgbudget: Command) -> None:
    """The image is counted without it, with a note; an unknown level is a usage error."""
    run = imgbudget("size", "640x480", "--model", "gpt-4o", "--detail", "ultra_high")
    assert (run.code, "425" in run.out) == (0, True)
    assert "gpt-4o has no detail ultra_high (it has low, high): counted without" in run.err
    run = imgbudget("size", "640x480", "--model", "gpt-4o", "--detail", "hihg")
    assert run.code == 2
    assert "unknown detail 'hihg'; did you mean high?" in run.err


def test_limits_file_changes_a_strategys_number(imgbudget: Command, tmp_path: Path) -> None:
    """Qwen's area is a matter of the checkpoint: a limits file says which."""
    (tmp_path / "mine.yaml").write_text("tiers: {qwen2.5-vl: {max_pixels: {value: 1003520}}}\n")
    arguments = ("size", "1920x1080", "1000x1000", "--model", "qwen2.5-vl", "--limits", "mine.yaml")
    run = imgbudget(*arguments, "--format", "json")
    assert [(item["resized"], item["tokens"]) for item in run.json["sizes"]] == [
        ([1316, 728], 1222),
        ([980, 980], 1225),
    ]


# --- limits ---


def test_limits_show_the_numbers_of_a_strategy_and_their_status(imgbudget: Command) -> None:
    """The multiplier of gpt-5.4-mini has status and note, for each level of detail."""
    lines = imgbudget("limits", "--model", "gpt-5.4-mini").out.splitlines()
    (row,) = (line for line in lines if line.startswith("multiplier "))
    assert "1.5 times" in row
    assert "conflicting" in row
    assert "fit a multiplier of 1.2 or 1.5" in row
    assert any(line.startswith("detail low: patch_budget") and "1536 patches" in line for line in lines)
    assert not any(line.startswith(("patch ", "page_text_tokens", "many_image_blocks")) for line in lines)
    document = imgbudget("limits", "--model", "gemini-2.5-flash", "--format", "json").json
    levels = {
        item["detail"]: {value["name"]: value for value in item["values"]} for item in document["details"]
    }
    assert set(levels) == {None, "low", "medium", "high"}
    assert levels["low"]["base_tokens"]["value"] == 64
    assert levels[None]["base_tokens"]["value"] == 258
    assert levels["high"]["alternatives"]["value"] == ["gemini-2.5-medium"]
    high = levels["high"]["base_tokens"]
    assert (high["status"], "pan and scan" in high["note"]) == ("conflicting", True)


def test_limit_that_a_provider_does_not_have_is_null(imgbudget: Command) -> None:
    """`none` and `unknown` differ in text, and neither is a number in JSON."""
    document = imgbudget("limits", "--platform", "openai", "--format", "json").json
    by_name = {item["name"]: item for item in document["limits"]}
    assert (by_name["max_edge"]["value"], by_name["max_edge"]["status"]) == (None, "confirmed")
    assert (by_name["min_edge"]["value"], by_name["min_edge"]["status"]) == (None, "unknown")
    text = imgbudget("limits", "--platform", "openai").out
    assert "max_edge                     none" in " ".join(text.split("  ")) or "none" in text
    assert str(1 << 62) not in text + json.dumps(document)


# --- models and platforms ---


@pytest.mark.parametrize(
    ("platform", "model"),
    [("openai", "gpt-5"), ("gemini", "gemini-3-flash-preview"), ("qwen", "qwen2.5-vl-72b-instruct")],
)
def test_platform_without_a_model(imgbudget: Command, photo: Path, platform: str, model: str) -> None:
    """The default model of the platform is used, with a note."""
    run = imgbudget("check", str(photo), "--platform", platform, "--format", "json")
    assert f"no model is named: {model} is assumed on {platform}; choose with --model" in run.err
    (record,) = run.json["images"]
    assert (record["tokens"] or record["tokens_range"][0]) > 0
    assert imgbudget("check", str(photo), "--platform", platform, "--model", model).err == ""


def test_a_platform_of_the_configuration_without_a_model(imgbudget: Command, photo: Path) -> None:
    """The note says where a model can be named; an override has its own line."""
    folder = photo.parent
    note = "no model is named: gpt-5 is assumed on openai; choose with model in imgbudget.yaml:"
    (folder / "imgbudget.yaml").write_text("# ours\nplatform: openai\n")
    assert f"{note}2 or --model\n" in imgbudget("check", photo.name).err
    (folder / "imgbudget.yaml").write_text("overrides:\n  - {files: ['*.*'], platform: openai}\n")
    assert f"{note}2 or --model\n" in imgbudget("check", photo.name).err
    assert "openai; choose with --model\n" in imgbudget("check", photo.name, "--platform", "openai").err


def test_model_on_a_platform_that_does_not_serve_it(imgbudget: Command, photo: Path) -> None:
    """The model's own platform is used, with a note only if another platform was requested."""
    run = imgbudget("plan", str(photo), "--platform", "bedrock", "--model", "gpt-4o", "--format", "json")
    assert "gpt-4o is not available on bedrock: using its limits on openai" in run.err
    assert run.json["plans"][0]["platform"] == "openai"
    assert imgbudget("plan", str(photo), "--model", "gpt-4o").err == ""


@pytest.mark.parametrize(
    "arguments", [("--model", "gpt-4o-mni"), ("--model", "gpt-4o-mni", "--platform", "openai")]
)
@pytest.mark.parametrize("command", ["check", "plan", "size", "limits"])
def test_model_that_is_not_in_the_data(
    imgbudget: Command, photo: Path, command: str, arguments: tuple[str, ...]
) -> None:
    """A message with the nearest ids, no assumption, a result in text and JSON: no crash."""
    subject = {"check": [str(photo)], "plan": [str(photo)], "size": ["640x480"], "limits": []}[command]
    for form in ("full", "json"):
        run = imgbudget(command, *subject, *arguments, "--format", form)
        assert run.code in (0, 1)
        assert "unknown model 'gpt-4o-mni': tokens and cost are not counted; did you mean" in run.err
        assert "gpt-4o-mini" in run.err
        assert run.out
    if command in ("size", "limits"):
        document = imgbudget(command, *subject, *arguments, "--format", "json").json
        assert (document["sizes"][0] if command == "size" else document)["known"] is False


def test_request_to_an_unknown_model_names_the_closest(imgbudget: Command, tmp_path: Path) -> None:
    """It is checked, and a finding names its model and the nearest ones."""
    url = f"data:image/png;base64,{base64.b64encode(image_bytes()).decode()}"
    content = [{"type": "image_url", "image_url": {"url": url}}]
    asked = {"model": "gpt-4o-minii", "messages": [{"role": "user", "content": content}]}
    (tmp_path / "r.json").write_text(json.dumps(asked))
    run = imgbudget("check", "r.json", "--format", "json")
    assert (run.code, run.codes, run.json["summary"]["skipped"]) == (1, ["IB411"], [])
    (finding,) = run.json["findings"]
    assert finding["message"] == "model 'gpt-4o-minii' is not known; its tokens and cost are not counted"
    assert finding["help"].startswith("did you mean gpt-4o-mini or ")


# --- one request in three shapes ---


def facts(record: dict[str, Any]) -> tuple[Any, ...]:
    """What is true of an image whoever gets it."""
    names = ("format", "width", "height", "orientation", "frames", "bytes", "base64_bytes")
    return tuple(record[name] for name in names)


def test_one_request_in_three_shapes(imgbudget: Command) -> None:
    """The same facts of the image, and each provider's own size, tokens and cost."""
    document = imgbudget("check", *SHAPES, "--format", "json").json
    assert len({facts(image) for image in document["images"]}) == 1
    by_model = {item["model"]: item for item in document["requests"]}
    assert {model: (item["platform"], item["visual_tokens"]) for model, item in by_model.items()} == {
        "claude-sonnet-4-6": ("anthropic", 1560),
        "gpt-5.5": ("openai", 2448),
        "gemini-3.5-flash": ("gemini", 1100),
    }
    assert [
        by_model[model]["cost_usd"] for model in ("claude-sonnet-4-6", "gpt-5.5", "gemini-3.5-flash")
    ] == [
        pytest.approx(1560 * 3 / 1e6),
        pytest.approx(2448 * 5 / 1e6),
        pytest.approx(1100 * 1.5 / 1e6),
    ]
    told = {item["model"]: item["message"] for item in document["findings"]}
    assert "the API downscales it to 1456x819" in told["claude-sonnet-4-6"]
    assert told.keys() == {"claude-sonnet-4-6"}


@pytest.mark.parametrize("name", ["claude", "gemini"])
def test_rules_on_claudes_api_are_silent_for_others(imgbudget: Command, tmp_path: Path, name: str) -> None:
    """Text first, an empty text, an image in an assistant turn: findings for Claude, none for Gemini."""
    data = image_bytes((400, 300))
    encoded = base64.b64encode(data).decode()
    if name == "claude":
        picture: dict[str, Any] = image_block(data)
        long, empty = text_block("What is in this picture, in two sentences?"), text_block("")
        turns = [("user", [long, empty, picture]), ("assistant", [picture]), ("user", [long])]
        messages = [{"role": role, "content": blocks} for role, blocks in turns]
        whole: dict[str, Any] = {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": messages}
    else:
        picture = {"inlineData": {"mimeType": "image/png", "data": encoded}}
        long, empty = {"text": "What is in this picture, in two sentences?"}, {"text": ""}
        turns = [("user", [long, empty, picture]), ("model", [picture]), ("user", [long])]
        contents = [{"role": role, "parts": parts} for role, parts in turns]
        whole = {"model": "gemini-2.5-flash", "contents": contents}
    (tmp_path / "r.json").write_text(json.dumps(whole))
    run = imgbudget("check", "r.json", "--format", "json", "--select", "IB404,IB407,IB501")
    assert set(run.codes) == ({"IB404", "IB407", "IB501"} if name == "claude" else set())


def test_detail_of_the_block_counts(imgbudget: Command, tmp_path: Path) -> None:
    """`detail: low` in the request costs what low costs, and says nothing of size."""
    whole = json.loads(Path(SHAPES[1]).read_text(encoding="utf-8"))
    whole["model"] = "gpt-4o"
    whole["messages"][0]["content"][0]["image_url"]["detail"] = "low"
    (tmp_path / "r.json").write_text(json.dumps(whole))
    document = imgbudget("check", "r.json", "--format", "json").json
    assert (document["summary"]["visual_tokens"], document["findings"]) == (85, [])


# --- settings ---


def test_settings_show_rules_that_do_not_apply(imgbudget: Command, photo: Path) -> None:
    """A rule that lacks a limit is off, with the reason; for Claude all rules apply."""

    def reasons(*arguments: str) -> dict[str, str]:
        run = imgbudget("check", str(photo), "--show-settings", "--format", "json", *arguments)
        found = run.json["settings"][0]["rules"]
        return {
            rule["code"]: rule["reason"] for rule in found if rule["reason"].startswith("not applicable: ")
        }

    assert reasons() == {}
    openai = reasons("--platform", "openai")
    assert openai["IB102"] == "not applicable: openai has no many_image_count"
    assert openai["IB301"] == "not applicable: no min_edge of openai is known"
    for code in ("IB107", "IB108", "IB202"):
        assert openai[code] == "not applicable: gpt-5 does not count patches of 28 px as Claude does"
    assert "IB201" not in openai
    assert "IB201" in reasons("--model", "gemini-2.5-flash")
    assert "IB101" in reasons("--model", "gpt-4o")
    assert "IB101" not in reasons("--model", "gpt-5.6-sol")


def test_a_mistyped_model_is_named_without_an_image(imgbudget: Command, tmp_path: Path) -> None:
    """Whoever tries a setting on an empty folder learns of it there."""
    (tmp_path / "empty").mkdir()
    assert "unknown model 'gpt-4o-mni'" in imgbudget("check", "empty", "--model", "gpt-4o-mni").err
