"""Images that go to a model which takes none."""

import json
from pathlib import Path
from typing import Any

import pytest

from imgbudget.limits.data import LimitsData
from imgbudget_rules.limits import DATA
from tests.builders import image_block, image_bytes, text_block, write_json
from tests.conftest import Command

SHIPPED = LimitsData.from_mapping(DATA)


def body(model: str, *, images: int = 1) -> dict[str, Any]:
    """A request for a model."""
    content = [*[image_block()] * images, text_block("What is it?")]
    return {"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": content}]}


def findings(imgbudget: Command, *arguments: str) -> list[tuple[str, str, str]]:
    """Code, severity and message of the findings on a model."""
    report = json.loads(imgbudget("check", *arguments, "--format", "json").out)
    return [
        (one["code"], one["severity"], one["message"])
        for one in report["findings"]
        if one["code"] in ("IB411", "IB413")
    ]


@pytest.mark.parametrize(
    ("spelling", "model"),
    [
        ("deepseek-chat", "deepseek-chat"),
        ("deepseek/deepseek-chat", "deepseek-chat"),
        ("openrouter/deepseek/deepseek-r1:free", "deepseek-r1"),
        ("us.deepseek.r1-v1:0", "deepseek-r1"),
        ("deepseek.v3.2", "deepseek-v3.2"),
        ("deepseek-ai/DeepSeek-V3-0324", "deepseek-v3"),
        ("us.amazon.nova-micro-v1:0", "nova-micro"),
        ("openai.gpt-oss-120b-1:0", "gpt-oss-120b-1"),
        ("gpt-oss:20b", "gpt-oss"),
        ("azure/o3-mini", "o3-mini"),
        ("o3-mini-2025-01-31", "o3-mini"),
        ("zai-org/GLM-4.6-FP8", "glm-4.6"),
        ("google/gemma-3-1b-it", "gemma-3-1b"),
        ("Qwen/Qwen3-30B-A3B-Instruct-2507", "qwen3"),
        ("minimax.minimax-m2", "minimax-m2"),
        ("mistral.mistral-7b-instruct-v0:2", "mistral-7b"),
    ],
)
def test_model_is_known_to_take_none_in_any_spelling(spelling: str, model: str) -> None:
    """Of gateways, Bedrock, Ollama and Hugging Face, with sizes, tunings and dates."""
    limits = SHIPPED.bind(spelling, "")
    assert limits.text_only is not None
    assert limits.text_only.values == (model,)
    assert limits.takes_no_images
    assert limits.text_only.source


@pytest.mark.parametrize(
    "spelling",
    [
        *("gpt-4o", "gpt-4.1", "o3", "google/gemma-3-4b-it", "zai-org/GLM-4.6V", "Qwen/Qwen3-VL-8B-Instruct"),
        *("kimi-k2.5", "phi-4-multimodal", "deepseek-ocr-2", "MiniMax-M3", "meta.llama3-2-90b-instruct-v1:0"),
        *(
            "meta-llama/Llama-3.2-11B-Vision-Instruct",
            "qwen3.5",
            "nova-pro",
            "claude-opus-5-5",
            "gpt-4-turbo",
        ),
        *("qwen3-omni-30b", "deepseek-r1-distill-llama-70b", "deepseek-v4-flash", "acme-1"),
    ],
)
def test_no_other_model_is_taken_for_one(spelling: str) -> None:
    """Neither models that take images nor those of which nothing is known."""
    assert SHIPPED.bind(spelling, "").text_only is None


def test_every_entry_has_a_source() -> None:
    """With its date; a price list alone is marked as no proof."""
    tree = LimitsData.from_mapping(DATA.whole)
    for model in DATA["text_only"]:
        found = tree.bind(model, "").text_only
        assert found is not None
        assert found.date >= "2026"
        assert (found.note is not None) == (found.status in ("derived", "conflicting"))


def test_proven_model_is_an_error(imgbudget: Command, tmp_path: Path) -> None:
    """One finding for the request, and none that the model is unknown; the exit code is 1."""
    write_json(tmp_path / "r.json", body("deepseek-chat", images=3))
    assert findings(imgbudget, "r.json") == [
        (
            "IB413",
            "error",
            "deepseek-chat takes no images; the API rejects this request with 3 images, or drops them",
        )
    ]
    assert imgbudget("check", "r.json").code == 1


def test_message_names_the_platform(imgbudget: Command, tmp_path: Path) -> None:
    """That of the spelling, or the user's."""
    write_json(tmp_path / "r.json", body("us.amazon.nova-micro-v1:0"))
    [(_, _, message)] = findings(imgbudget, "r.json")
    assert message == "nova-micro takes no images; bedrock rejects this request with 1 image, or drops it"
    write_json(tmp_path / "r.json", body("deepseek-r1"))
    [(_, _, message)] = findings(imgbudget, "r.json", "--platform", "openrouter")
    assert "openrouter rejects" in message


def test_a_price_list_is_no_proof(imgbudget: Command, tmp_path: Path) -> None:
    """Its lack of image input is a note, and the model stays unknown."""
    write_json(tmp_path / "r.json", body("gpt-3.5-turbo-0125"))
    found = findings(imgbudget, "r.json")
    assert [(code, severity) for code, severity, _ in found] == [("IB411", "warning"), ("IB413", "info")]
    assert "which is no proof" in found[1][2]


def test_without_images_nothing_is_reported(imgbudget: Command, tmp_path: Path) -> None:
    """Such a model is right for text."""
    write_json(tmp_path / "r.json", body("deepseek-chat", images=0))
    assert findings(imgbudget, "r.json") == []


def test_model_of_the_command_line_has_a_warning(imgbudget: Command, tmp_path: Path) -> None:
    """For image files, which nobody has sent yet."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    run = imgbudget("check", "a.png", "--model", "deepseek-chat")
    assert "warning: deepseek-chat takes no images" in run.err
    assert "unknown model" not in run.err


def test_users_limits_may_name_others(imgbudget: Command, tmp_path: Path) -> None:
    """In the file for --limits, with or without a source; a mistake has its path."""
    (tmp_path / "l.yaml").write_text("text_only: {acme-1: {source: a page}}")
    write_json(tmp_path / "r.json", body("acme-1"))
    assert [code for code, _, _ in findings(imgbudget, "r.json", "--limits", "l.yaml")] == ["IB413"]
    (tmp_path / "l.yaml").write_text("text_only: {acme-1: {sauce: a page}}")
    run = imgbudget("check", "r.json", "--limits", "l.yaml")
    assert (run.code, "text_only.acme-1.sauce: unknown key; the nearest is source" in run.err) == (2, True)


def line(kind: str, content: Any, number: int, **keys: Any) -> str:
    """A line of a session."""
    message = {"role": kind, "content": content, **keys}
    return json.dumps({"type": kind, "sessionId": "s", "uuid": f"u{number}", "message": message})


def session(*more: str) -> str:
    """A session with an image that a model which takes images has answered."""
    lines = [
        line("user", [image_block()], 1),
        line("assistant", [{"type": "text", "text": "A cat."}], 2, model="claude-opus-5-5"),
        *more,
    ]
    return "\n".join(lines) + "\n"


REQUEST = {"type": "api-request", "sessionId": "s", "uuid": "q1", "params": {"model": "deepseek-v4-pro"}}
ANSWER = line("assistant", [{"type": "text", "text": "Yes."}], 4, model="deepseek-v4-pro")
BACK = line("assistant", [{"type": "text", "text": "Yes."}], 6, model="claude-opus-5-5")


@pytest.mark.parametrize(
    ("more", "dead"),
    [
        ((), False),
        ((line("user", "And now?", 3), ANSWER), True),
        ((line("user", "And now?", 3), json.dumps(REQUEST)), True),
        ((line("user", "And now?", 3), json.dumps(REQUEST), line("user", "Hm.", 5), BACK), False),
    ],
    ids=["none", "answered", "asked", "switched-back"],
)
def test_session_is_checked_for_the_model_of_the_next_turn(
    imgbudget: Command,
    tmp_path: Path,
    more: tuple[str, ...],
    dead: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """After a switch of model, even if the new one has not answered, every later turn fails."""
    (tmp_path / "s.jsonl").write_text(session(*more))
    report = json.loads(imgbudget("check", "s.jsonl", "--format", "json").out)
    found = [one for one in report["findings"] if one["code"] == "IB413"]
    assert bool(found) == dead
    assert all(one["severity"] == "error" and "every later one fails" in one["help"] for one in found)
