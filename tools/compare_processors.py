"""Runs the released image processors on random sizes, and prints where their tokens are not ours.

    python -m pip install --editable . --requirement tools/requirements-processors.txt
    python tools/compare_processors.py --sizes 200

The processors of transformers and mistral-common run on the CPU, without weights, on blank images, with the
configuration of the released checkpoints, or the defaults of the class where that was not seen. Tokens are
what the processor returns and the model's text around it. By hand: it takes minutes. Exit code 1 if any
differ.
"""

import argparse
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from math import prod
from typing import Any, NamedTuple

from PIL import Image

from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import Size
from imgbudget_rules.limits import DATA

EXTREMES = (
    *(Size(1, 1), Size(1, 2), Size(2, 1), Size(3, 3), Size(13, 7), Size(27, 28), Size(28, 29), Size(32, 31)),
    *(
        Size(1, 100),
        Size(100, 1),
        Size(10, 1990),
        Size(2000, 10),
        Size(2010, 10),
        Size(3000, 40),
        Size(60, 4000),
    ),
    *(Size(336, 336), Size(337, 336), Size(448, 448), Size(449, 447), Size(768, 768), Size(769, 300)),
    *(Size(1024, 1024), Size(1540, 1540), Size(1541, 1540), Size(2048, 1365), Size(4032, 3024)),
)
"""Tiny images, strips, and sizes beside the edges of tiles and bounds."""

Count = Callable[[Any, Image.Image], int]
"""Tokens of an image, from the processor."""


class Family(NamedTuple):
    """A processor with the settings of the checkpoints, and the model here that has its rule."""

    model: str
    module: str
    name: str
    settings: Mapping[str, Any]
    tokens: Count

    @property
    def processor(self) -> Any:
        """The processor, made with the settings."""
        return getattr(import_module(self.module), self.name)(**self.settings)


def _run(processor: Any, image: Image.Image) -> Any:
    return processor(image, return_tensors="pt")


def _cells(processor: Any, image: Image.Image) -> int:
    grid = _run(processor, image)["image_grid_thw"][0]
    return int(prod(int(side) for side in grid)) // int(processor.merge_size) ** 2


def _tiles(before: int, each: int, mark: int = 0) -> Count:
    """Text around the whole, tokens of a tile, and a mark for each tile (but one, if it is an overview)."""

    def count(processor: Any, image: Image.Image) -> int:
        tiles = len(_run(processor, image)["pixel_values"])
        return before + each + (tiles - 1) * (each + mark)

    return count


def _split(each: int) -> Count:
    """Tiles in rows with their marks, and an overview, as Idefics3Processor writes them."""

    def count(processor: Any, image: Image.Image) -> int:
        tiles, rows, columns = processor.get_number_of_image_patches(image.height, image.width, {})
        if len(_run(processor, image)["pixel_values"][0]) != tiles:
            raise ValueError("the processor makes another number of tiles than it says")
        return each + 3 + (rows * ((each + 2) * columns + 1) if tiles > 1 else 0)

    return count


def _anyres(processor: Any, image: Image.Image) -> int:
    found: int = processor._get_number_of_features(image.height, image.width, 384, 384)  # noqa: SLF001
    return found


def _row_breaks(encoder: Any, image: Image.Image) -> int:
    columns, rows = encoder._image_to_num_tokens(image)  # noqa: SLF001
    return int((columns + 1) * rows)


def _onevision(**settings: Any) -> Any:
    """The processor's arithmetic alone: the whole needs a tokenizer, which comes with the weights."""
    module = import_module("transformers.models.llava_onevision.processing_llava_onevision")
    images = import_module("transformers.models.llava_onevision.image_processing_pil_llava_onevision")
    processor = object.__new__(module.LlavaOnevisionProcessor)
    processor.image_processor = images.LlavaOnevisionImageProcessorPil()
    for name, value in settings.items():
        setattr(processor, name, value)
    return processor


def _mistral(patch: int, longest: int, merge: int) -> Any:
    module = import_module("mistral_common.tokens.tokenizers.image")
    config = module.ImageConfig(image_patch_size=patch, max_image_size=longest, spatial_merge_size=merge)
    return module.ImageEncoder(config, module.SpecialImageIDs(img=10, img_break=12, img_end=13))


def _of(model: str, package: str, name: str, count: Count, **settings: Any) -> Family:
    return Family(model, f"transformers.models.{package}.image_processing_{package}", name, settings, count)


def _bounds(least: int, most: int) -> dict[str, int]:
    return {"shortest_edge": least, "longest_edge": most}


def _square(edge: int) -> dict[str, int]:
    return {"height": edge, "width": edge}


def _soft(processor: Any, image: Image.Image) -> int:
    return int(_run(processor, image)["num_soft_tokens_per_image"][0])


def _crops(processor: Any, image: Image.Image) -> int:
    return 257 + 144 * int(_run(processor, image)["num_local_patches"][0])


def _pooled(processor: Any, image: Image.Image) -> int:
    return len(_run(processor, image)["image_token_pooling"])


def _merged_by_16(processor: Any, image: Image.Image) -> int:
    return sum(int(prod(int(side) for side in size)) // 16 for size in _run(processor, image)["target_sizes"])


def _masked(processor: Any, image: Image.Image) -> int:
    return int(_run(processor, image)["num_img_tokens"][0])


HERE = __name__
FAMILIES = (
    _of("qwen2.5-vl", "qwen2_vl", "Qwen2VLImageProcessor", _cells, size=_bounds(3136, 12_845_056)),
    _of(
        "qwen3-vl",
        "qwen2_vl",
        "Qwen2VLImageProcessor",
        _cells,
        patch_size=16,
        merge_size=2,
        size=_bounds(65_536, 16_777_216),
    ),
    _of("glm-4.5v", "glm46v", "Glm46VImageProcessor", _cells, size=_bounds(12_544, 9_633_792)),
    _of("glm-4.6v", "glm46v", "Glm46VImageProcessor", _cells),
    _of("glm-5-next", "glm5_next", "Glm5NextImageProcessor", _cells),
    _of("kimi-k2.5", "kimi_k25", "Kimi_K25ImageProcessor", _cells),
    _of("ernie-4.5-vl", "ernie4_5_vl_moe", "Ernie4_5_VLMoeImageProcessor", _cells),
    _of("muse-glimmer", "muse_glimmer", "MuseGlimmerImageProcessor", _cells),
    _of("minimax-m3-vl", "minimax_m3_vl", "MiniMaxM3VLImageProcessor", _cells),
    _of("hunyuan-vl", "hunyuan_vl", "HunYuanVLImageProcessor", _cells),
    _of("gemma-4", "gemma4", "Gemma4ImageProcessor", _soft),
    _of("gemini-3-flash-preview", "gemma4", "Gemma4ImageProcessor", _soft, max_soft_tokens=1120),
    _of(
        "llama-4-scout",
        "llama4",
        "Llama4ImageProcessor",
        _tiles(3, 144, 1),
        size=_square(336),
        max_patches=16,
        resize_to_max_canvas=False,
    ),
    _of("command-a-vision", "cohere2_vision", "Cohere2VisionImageProcessor", _tiles(2, 257)),
    _of(
        "internvl3.5",
        "got_ocr2",
        "GotOcr2ImageProcessor",
        _tiles(2, 256),
        size=_square(448),
        crop_to_patches=True,
        max_patches=12,
    ),
    _of(
        "aya-vision",
        "got_ocr2",
        "GotOcr2ImageProcessor",
        _tiles(3, 169, 1),
        size=_square(364),
        crop_to_patches=True,
        max_patches=12,
    ),
    _of("phi-4-multimodal", "phi4_multimodal", "Phi4MultimodalImageProcessor", _masked),
    _of(
        "idefics3-8b",
        "idefics3",
        "Idefics3ImageProcessor",
        _split(169),
        size={"longest_edge": 1456},
        max_image_size={"longest_edge": 364},
    ),
    _of(
        "smolvlm2-2.2b",
        "smolvlm",
        "SmolVLMImageProcessor",
        _split(81),
        size={"longest_edge": 1536},
        max_image_size={"longest_edge": 384},
    ),
    Family(
        "llava-onevision",
        HERE,
        "_onevision",
        {"num_image_tokens": 729, "vision_aspect_ratio": "anyres_max_9"},
        _anyres,
    ),
    _of("deepseek-ocr-2", "deepseek_ocr2", "DeepseekOcr2ImageProcessor", _crops),
    _of("molmo-2", "molmo2", "Molmo2ImageProcessor", _pooled),
    _of("minicpm-v-4.6", "minicpmv4_6", "MiniCPMV4_6ImageProcessor", _merged_by_16),
    Family("mistral-small-3.1", HERE, "_mistral", {"patch": 14, "longest": 1540, "merge": 2}, _row_breaks),
    Family("pixtral-12b", HERE, "_mistral", {"patch": 16, "longest": 1024, "merge": 1}, _row_breaks),
)


class Difference(NamedTuple):
    """A size whose tokens differ; None where the processor or the rule refuses it."""

    size: Size
    theirs: int | None
    ours: int | None


def sizes(count: int, seed: int) -> Iterator[Size]:
    """Random sizes of up to 4 megapixels, small ones as often as large ones, and the extremes."""
    generator = random.Random(seed)  # noqa: S311 - the same sizes in every run
    yield from EXTREMES
    for _ in range(count):
        area, ratio = 10 ** generator.uniform(2, 6.6), 10 ** generator.uniform(-0.6, 0.6)
        yield Size(max(round((area * ratio) ** 0.5), 1), max(round((area / ratio) ** 0.5), 1))


def differences(family: Family, data: LimitsData, tried: list[Size]) -> Iterator[Difference]:
    """The sizes on which the processor and the rule differ."""
    limits, processor = data.bind(family.model, ""), family.processor
    for size in tried:
        refused = limits.refusal(size) is not None
        ours = None if refused else limits.tokens(size)
        try:
            theirs = family.tokens(processor, Image.new("RGB", size))
        except (ValueError, ZeroDivisionError, RuntimeError):
            theirs = None
        if theirs != ours:
            yield Difference(size, theirs, ours)


def main() -> int:
    """Print a line for each family, and one for each size that differs."""
    parser = argparse.ArgumentParser(description="Run released image processors and compare their tokens.")
    parser.add_argument("--sizes", type=int, default=200, help="random sizes of each family")
    parser.add_argument("--seed", type=int, default=1, help="start of the random sizes")
    parser.add_argument("--family", action="append", help="only the family of this model; repeatable")
    given = parser.parse_args()
    data = LimitsData.from_mapping(DATA)
    tried = list(sizes(given.sizes, given.seed))
    failed = False
    for family in FAMILIES:
        if given.family and family.model not in given.family:
            continue
        found = list(differences(family, data, tried))
        failed = failed or bool(found)
        print(f"{family.model}: {family.name}, {len(tried)} sizes, {len(found)} differ", flush=True)
        for size, theirs, ours in found:
            print(f"  {size}: {_text(theirs)}, here {_text(ours)}")
    return 1 if failed else 0


def _text(tokens: int | None) -> str:
    return "refused" if tokens is None else str(tokens)


if __name__ == "__main__":
    sys.exit(main())
