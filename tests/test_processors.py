"""Bounds that a server sets for image processors: in the configuration, and in requests that carry them."""

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from imgbudget.limits.options import Processors
from tests.builders import write_json
from tests.conftest import Command
from tests.test_detail import screen
from tests.test_vectors import SHIPPED, VECTORS, Vector

Json = dict[str, Any]
SET = [vector for vector in VECTORS if "=" in vector.config]
"""The rows of servers that set something."""


def body(model: str, part: Mapping[str, Any] | None = None, **more: Any) -> Json:
    """A Chat Completions body of a screenshot; `part` is added to its part, the rest to the body."""
    url = f"data:image/png;base64,{base64.b64encode(screen()).decode()}"
    image = {"type": "image_url", "image_url": {"url": url}} | dict(part or {})
    text = {"type": "text", "text": "What is this?"}
    return {"model": model, "messages": [{"role": "user", "content": [image, text]}]} | more


def tokens(imgbudget: Command, folder: Path, whole: Json, *arguments: str) -> Any:
    """The tokens of the only image of a body, or the two ends of their range."""
    write_json(folder / "r.json", whole)
    (image,) = imgbudget("check", "r.json", "--format", "json", *arguments).json["images"]
    return image["tokens"] if image["tokens"] is not None else image.get("tokens_range")


@pytest.mark.parametrize("vector", SET, ids=lambda vector: f"{vector.model}-{vector.config}-{vector.size}")
def test_a_configuration_sets_what_vectors_state(vector: Vector) -> None:
    """The rows of the vectors whose servers set a bound."""
    name, _, value = vector.config.partition("=")
    options = {"max_tokens" if name == "max_soft_tokens" else name: int(value)}
    data = SHIPPED.with_processors(Processors([(vector.model, options, "imgbudget.yaml line 2")]))
    limits = data.bind(vector.model, "")
    assert limits.tokens(vector.size) == vector.tokens
    assert any(value.source == "imgbudget.yaml line 2" for value in limits.tier_values)


CONFIGURED = [
    ("qwen2.5-vl", "max_pixels: 1003520", 1222),
    ("Qwen/Qwen2.5-VL-7B-Instruct", "max_pixels: 1003520", 1222),
    ("qwen3-vl", "max_tokens: 500", 464),
    ("gemini-3-flash-preview", "media_resolution: low", 264),
    ("gpt-5.4", "detail: low", 173),
    ("internvl3.5", "max_tiles: 2", 770),
    ("pixtral-12b", "longest_edge: 512", 594),
    ("kimi-k2.5", "max_patches: 4000", 1032),
    ("gemma-3", "pan_and_scan: true", None),
    ("gemma-3", "pan_and_scan: false", 256),
]


@pytest.mark.parametrize(("model", "option", "expected"), CONFIGURED)
def test_every_bound_can_be_set(
    model: str, option: str, expected: int | None, imgbudget: Command, tmp_path: Path
) -> None:
    """By the id or another spelling of it; `size`, `check` and `plan` count alike."""
    (tmp_path / "imgbudget.yaml").write_text(f"processors:\n  {model}: {{{option}}}\n")
    (size,) = imgbudget("size", "1920x1080", "--model", model, "--format", "json").json["sizes"]
    assert size["tokens"] == expected
    (tmp_path / "a.png").write_bytes(screen())
    (image,) = imgbudget("check", "a.png", "--model", model, "--format", "json").json["images"]
    (plan,) = imgbudget("plan", "a.png", "--model", model, "--format", "json").json["plans"]
    assert image["tokens"] == plan["before"]["tokens"] == expected


def test_a_pattern_is_for_several_models_and_later_ones_win(imgbudget: Command, tmp_path: Path) -> None:
    """Other models are counted as before."""
    rows = ("qwen2.5-vl*: {max_pixels: 1003520}", "qwen2.5-vl-7b-instruct: {max_pixels: 500000}")
    (tmp_path / "imgbudget.yaml").write_text("".join(("processors:\n", *(f"  {row}\n" for row in rows))))
    models = "qwen2.5-vl,qwen2.5-vl-7b-instruct,qwen3-vl"
    sizes = imgbudget("size", "1920x1080", "--model", models, "--format", "json").json["sizes"]
    assert [size["tokens"] for size in sizes] == [1222, 594, 2040]
    assert "imgbudget.yaml line 2" in imgbudget("limits", "--model", "qwen2.5-vl").out
    assert "qwen2.5-vl*: max_pixels 1003520" in imgbudget("check", "--show-settings", ".").out


REFUSED = [
    ("qwen2.5-vl: {max_pixel: 3}", 'key "processors.qwen2.5-vl.max_pixel"; did you mean "max_pixels"?'),
    ("qwen2.5-vl: {max_pixels: true}", "expected a number of pixels, found a boolean"),
    ("qwen2.6-vl: {max_pixels: 300}", 'qwen2.6-vl: matches no known model; did you mean "qwen2.5-vl"?'),
    ("gpt-4o: {max_pixels: 300}", "max_pixels has no effect on gpt-4o; it has media_resolution, detail"),
    ("claude-*: {max_pixels: 300}", "max_pixels has no effect on any of"),
    ("gpt-5.4: {detail: lo}", '"lo" is not a level of detail; did you mean "low"?'),
    ("gemma-4: {max_tokens: 0}", "is not more than 0"),
    ("gemma-4: 3", "expected a table of bounds"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_cannot_be_set_is_refused(text: str, message: str, imgbudget: Command, tmp_path: Path) -> None:
    """With file, line and the nearest name."""
    (tmp_path / "imgbudget.yaml").write_text(f"processors:\n  {text}\n")
    run = imgbudget("check", ".")
    assert (run.code, "imgbudget.yaml:2: " in run.err, message in run.err) == (2, True, True), run.err


IN_REQUESTS: list[tuple[Json, Json, int]] = [
    ({"mm_processor_kwargs": {"max_pixels": 1003520}}, {}, 1222),
    ({"mm_processor_kwargs": {"size": {"shortest_edge": 3136, "longest_edge": 1003520}}}, {}, 1222),
    ({"mm_processor_kwargs": {"images_kwargs": {"max_pixels": 1003520}}}, {}, 1222),
    ({}, {"max_pixels": 1003520}, 1222),
    ({}, {"min_pixels": 4000, "max_pixels": 1003520, "total_pixels": 5}, 1222),
    ({"mm_processor_kwargs": {"max_pixels": 3136}}, {"max_pixels": 1003520}, 1222),
    ({"mm_processor_kwargs": {"max_pixel": 1003520, "fps": 2}}, {}, 2691),
    ({"mm_processor_kwargs": {"max_pixels": True}}, {}, 2691),
    ({"mm_processor_kwargs": {"max_pixels": -1}}, {"max_pixels": "many"}, 2691),
    ({"mm_processor_kwargs": [1]}, {"min_pixels": 1 << 70}, 2691),
]


@pytest.mark.parametrize(("more", "part", "expected"), IN_REQUESTS)
def test_requests_carry_bounds(
    more: Json, part: Json, expected: int, imgbudget: Command, tmp_path: Path
) -> None:
    """VLLM's arguments of the body, DashScope's of a part, which win; names not known here change nothing."""
    whole = body("Qwen/Qwen2.5-VL-7B-Instruct", part, **more)
    assert tokens(imgbudget, tmp_path, whole) == expected
    (split,) = imgbudget("split", "r.json", "--format", "json").json["splits"]
    assert split["parts"][0]["visual_tokens"] == expected


def test_a_service_may_be_asked_for_the_bounds_of_the_weights(imgbudget: Command, tmp_path: Path) -> None:
    """DashScope's default is not known for certain; with the switch it is that of the weights."""
    on = ("--platform", "qwen")
    assert tokens(imgbudget, tmp_path, body("qwen2.5-vl"), *on) == [1222, 2691]
    assert tokens(imgbudget, tmp_path, body("qwen2.5-vl", vl_high_resolution_images=True), *on) == 2691
    assert tokens(imgbudget, tmp_path, body("qwen2.5-vl", {"max_pixels": 1003520}), *on) == 1222


def test_bounds_of_requests_leave_other_models_alone(imgbudget: Command, tmp_path: Path) -> None:
    """A bound that a model does not have changes nothing, nor does one in a request to Claude."""
    assert tokens(imgbudget, tmp_path, body("gpt-4o", {"max_pixels": 3136})) == 1105
    assert tokens(imgbudget, tmp_path, body("claude-sonnet-4-6", {"max_pixels": 3136})) == 1560


def test_a_most_below_the_least_moves_the_least(imgbudget: Command, tmp_path: Path) -> None:
    """The processor cannot keep both; the one that is set counts."""
    whole = body("qwen2.5-vl", mm_processor_kwargs={"max_pixels": 784})
    assert tokens(imgbudget, tmp_path, whole) == 1
