"""Bounds that no server has, and tokens that no source has: work is limited, and no number is made up."""

from pathlib import Path

import pytest
from PIL import Image

from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

BOUNDS = (
    "max_dynamic_patch",
    "max_patches",
    "max_crops",
    "max_slice_nums",
    "dynamic_hd",
    "min_dynamic_patch",
)
MODELS = (
    *("internvl3.5", "llama-4-scout", "command-a-vision", "aya-vision", "molmo-2", "minicpm-v-4.6"),
    *("deepseek-ocr-2", "phi-4-multimodal", "llava-onevision"),
)


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_bound_in_a_request_costs_no_memory(imgbudget: Command, tmp_path: Path, bound: str) -> None:
    """All grids of tiles within the bound were listed, which took all memory."""
    picture = image_block(image_bytes((1920, 1080)))
    for model in MODELS:
        write_json(
            tmp_path / f"{model}.json",
            body(picture, model=model, mm_processor_kwargs={bound: 10**9}),
        )
    run = imgbudget("check", ".", "--format", "json", "--isolated")
    assert "IB003" not in run.codes
    assert run.json["summary"]["images"] == len(MODELS)


def test_a_bound_in_a_configuration_costs_no_memory(imgbudget: Command, tmp_path: Path) -> None:
    """So were those of a configuration."""
    (tmp_path / "imgbudget.yaml").write_text("processors:\n  internvl3.5: {max_tiles: 100000000}\n")
    run = imgbudget("size", "1920x1080", "--model", "internvl3.5", "--format", "json")
    assert (run.code, run.json["sizes"][0]["tokens"]) == (0, 2 + 256 * 145)


def test_an_image_is_planned_within_the_edge_of_a_gateway(imgbudget: Command, tmp_path: Path) -> None:
    """It was left as it is where the model uses a larger edge than the gateway takes."""
    (tmp_path / "imgbudget.yaml").write_text(
        "platform: mygateway\nplatforms:\n  mygateway: {like: anthropic, max_edge: 1500 px}\n"
    )
    (tmp_path / "wide.png").write_bytes(image_bytes((1920, 1080)))
    for model in ("claude-opus-5-5", "gpt-5.6-sol", "qwen3-vl", "nobody-knows"):
        plan = imgbudget("plan", "wide.png", "--model", model, "--format", "json").json["plans"][0]
        assert plan["to"] == [1500, 844], model
    checked = imgbudget("check", "wide.png", "--model", "claude-opus-5-5", "--format", "concise")
    assert "IB101" in checked.out
    assert imgbudget("check", "wide.png", "--model", "claude-opus-5-5", "--fix").code == 0
    with Image.open(tmp_path / "wide.png") as image:
        assert image.size == (1500, 844)


@pytest.mark.parametrize("model", ["grok-4.3", "grok-4"])
def test_an_audit_does_not_count_unknown_tokens_as_none(
    imgbudget: Command, tmp_path: Path, model: str
) -> None:
    """It said 0 tokens and $0.00 where the rule of a model, or that of large images, is not known."""
    (tmp_path / "wide.png").write_bytes(image_bytes((1920, 1080)))
    for names in (model, f"claude-sonnet-4-6,{model}"):
        run = imgbudget("audit", "wide.png", "--model", names)
        assert run.code == 2
        assert f"on {model}, which are not known" in run.err


def test_a_sum_of_costs_says_what_it_is_without(imgbudget: Command, tmp_path: Path) -> None:
    """A run on a model with a price and one without showed the cost of the first as that of both."""
    picture = image_block(image_bytes((1920, 1080)))
    for model in ("claude-opus-5-5", "qwen3-vl"):
        write_json(tmp_path / f"{model}.json", body(picture, model=model))
    for command, sums in (("check", "summary"), ("plan", "totals")):
        assert "; 1 image not counted in cost" in imgbudget(command, ".").out
        assert imgbudget(command, ".", "--format", "json").json[sums]["images_not_priced"] == 1
        assert "cost unknown" in imgbudget(command, "qwen3-vl.json").out


def test_a_price_of_nothing_is_known(imgbudget: Command, tmp_path: Path) -> None:
    """The cost on a gateway that is free was unknown."""
    (tmp_path / "imgbudget.yaml").write_text(
        "platform: mine\nplatforms:\n  mine: {like: self-hosted, input_price: 0}\nmodel: qwen3-vl\n"
    )
    (tmp_path / "wide.png").write_bytes(image_bytes((1920, 1080)))
    assert "2040 visual tokens, $0.000000" in imgbudget("check", "wide.png").out


def test_an_audit_says_that_a_price_is_not_known(imgbudget: Command, tmp_path: Path) -> None:
    """It said $0.00, and nothing else."""
    (tmp_path / "wide.png").write_bytes(image_bytes((1920, 1080)))
    warning = "price of qwen3-vl is not known"
    assert warning in imgbudget("audit", "wide.png", "--model", "qwen3-vl").err
    assert warning not in imgbudget("audit", "wide.png", "--model", "gpt-4o").err


def test_a_plan_counts_all_pages_that_it_makes(imgbudget: Command, tmp_path: Path) -> None:
    """A TIFF of three pages became three images, and the plan had the tokens of one."""
    pages = [Image.new("RGB", (3000, 2000), (shade, 9, 9)) for shade in (1, 2, 3)]
    pages[0].save(tmp_path / "a.tiff", save_all=True, append_images=pages[1:])
    run = imgbudget("plan", "a.tiff", "--unsafe-fixes", "--apply", "--output-dir", "out", "--format", "json")
    assert run.json["totals"]["after"]["tokens"] == 3 * 1536
    assert run.json["plans"][0]["after"]["tokens"] == 3 * 1536
