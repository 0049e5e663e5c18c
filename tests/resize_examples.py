"""Worked examples of resizing and tokens for the models of other providers; every model needs at least one.

`seen` is the size that the model uses, None where it is not published. Rows marked "docs" are quoted from
the provider's guide, rows marked "derived" follow from its rule, and "estimate" marks what the guide itself
calls an estimate. The keys of EXAMPLES_OF are the YAML files of the limits data.
"""

from math import ceil
from typing import NamedTuple

from imgbudget.limits.geometry import Size


class ResizeExample(NamedTuple):
    """The expected result for one image size on one model, at a level of detail."""

    model: str
    size: Size
    seen: Size | None
    tokens: int
    detail: str | None = None
    origin: str = "derived"


def _square(model: str, tokens: int, seen: int | None = 1024) -> ResizeExample:
    """1024x1024, the size that every model has a row for."""
    return ResizeExample(model, Size(1024, 1024), None if seen is None else Size(seen, seen), tokens)


_TILES = {
    "computer-use-preview": 65 + 4 * 129,
    "gpt-4-turbo": 765,
    "gpt-4.1": 765,
    "gpt-4o": 765,
    "gpt-4o-mini": 25501,
    "gpt-5": 630,
    "gpt-5-chat-latest": 630,
    "gpt-5.1": 630,
    "o1": 675,
    "o1-pro": 675,
    "o3": 675,
    "o3-pro": 675,
}
_PATCHES = {  # 1024 patches times the multiplier, rounded up
    1.2: (
        *("gpt-5-mini", "gpt-5.1-codex-mini", "gpt-5.2", "gpt-5.2-codex", "gpt-5.2-pro", "gpt-5.3-codex"),
        *("gpt-5.4", "gpt-5.4-pro", "gpt-5.5", "gpt-5.5-pro", "gpt-5.6", "gpt-5.6-luna", "gpt-5.6-sol"),
        *("gpt-5.6-terra", "gpt-6-astra", "gpt-6-luna", "gpt-6-sol", "gpt-6.1-sol", "gpt-6.1-terra"),
        *("gpt-6.2-astra", "gpt-6.2-sol"),
    ),
    1.5: ("gpt-5-nano", "gpt-5.4-mini", "gpt-5.4-nano"),  # the last two are the high end of 1.2 to 1.5
    1.62: ("gpt-4.1-mini",),
    1.72: ("o4-mini",),
    2.46: ("gpt-4.1-nano",),
}
_GEMINI_25 = ("gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro")
_GEMINI_3 = (
    *("gemini-3-flash-preview", "gemini-3-pro-preview", "gemini-3.1-flash-lite", "gemini-3.1-pro-preview"),
    *("gemini-3.5-flash", "gemini-3.5-flash-lite", "gemini-3.6-flash", "gemini-3.7-flash"),
    *("gemini-3.8-flash", "gemini-4-argon", "gemini-4-hydrogen"),
)
_LEVELS_3 = {"low": 264, "medium": 527, "high": 1100, "ultra_high": 2205, None: 1100}
"""Cells of a grid of 16:9: 22 x 12, 31 x 17, 44 x 25, 63 x 35."""

_QWEN_25 = ("qwen2.5-vl", "qwen2.5-vl-72b-instruct", "qwen2.5-vl-7b-instruct")
_QWEN_3 = ("qwen3-vl", "qwen3-vl-235b", "qwen3.5", "qwen3.6", "qwen3.8-27b", "qwen3.8-flash", "qwen3.8-max")
_GLM = ("glm-4.5v", "glm-4.6v", "glm-5.3-flash", "glm-5v", "glm-5v-turbo")
_KIMI = ("kimi-k2.5", "kimi-k2.6", "kimi-k2.7-code", "kimi-k3", "kimi-k3.1-pro")
_MISTRAL = (
    *("mistral-large", "mistral-large-3", "mistral-large-4", "mistral-medium", "mistral-medium-3.5"),
    *("mistral-small", "mistral-small-3.1"),
)
_OPEN: dict[str, tuple[tuple[int, int] | None, int]] = {
    "deepseek-ocr-2": (None, 545),
    "ernie-4.5-vl": ((1932, 1092), 2691),
    "hunyuan-vl": ((1920, 1088), 2040),
    "idefics3-8b": (None, 2227),
    "internvl3.5": (None, 2306),
    "llava-onevision": (None, 7269),
    "minicpm-v-4.6": (None, 578),
    "minimax-m3-vl": ((896, 504), 576),
    "molmo-2": (None, 1162),
    "muse-glimmer": (None, 2691),
    "phi-4-multimodal": (None, 3918),
    "smolvlm2-2.2b": (None, 1083),
}

EXAMPLES_OF: dict[str, tuple[ResizeExample, ...]] = {
    "openai": (
        *(_square(model, tokens, 768) for model, tokens in _TILES.items()),
        *(
            _square(model, ceil(1024 * multiplier))
            for multiplier, models in _PATCHES.items()
            for model in models
        ),
        ResizeExample("gpt-4o", Size(1024, 1024), Size(768, 768), 765, "high", "docs"),
        ResizeExample("gpt-4o", Size(2048, 4096), Size(768, 1536), 1105, "high", "docs"),
        ResizeExample("gpt-4o", Size(4096, 8192), Size(4096, 8192), 85, "low", "docs"),
        ResizeExample("gpt-4o", Size(1920, 1080), Size(1365, 768), 1105),
        ResizeExample("gpt-4o", Size(512, 512), Size(512, 512), 255),
        ResizeExample("gpt-4o-mini", Size(2048, 768), Size(2048, 768), 48169),
        ResizeExample("gpt-5-mini", Size(1800, 2400), Size(1056, 1408), 1743, None, "docs"),  # 1452 x 1.2
        ResizeExample("gpt-5-mini", Size(1920, 1080), Size(1649, 928), 1810),  # 52 x 29 x 1.2
        ResizeExample("gpt-5-mini", Size(3840, 2160), Size(1649, 928), 1810),
        ResizeExample("gpt-5-mini", Size(1024, 1024), Size(512, 512), 308, "low"),
        ResizeExample("gpt-5.6-sol", Size(2496, 1664), Size(2496, 1664), 4868, "original"),
    ),
    "gemini": (
        *(_square(model, 258, None) for model in _GEMINI_25),
        *(_square(model, 33 * 33, None) for model in _GEMINI_3),
        _square("gemini-2.0-flash", 5 * 258, None),
        ResizeExample("gemini-2.0-flash", Size(960, 540), None, 7 * 258),
        ResizeExample("gemini-2.0-flash", Size(384, 384), None, 258, None, "docs"),
        ResizeExample("gemini-2.0-flash", Size(4000, 4000), None, 37 * 258),
        ResizeExample("gemini-2.5-flash", Size(4000, 3000), None, 64, "low", "docs"),
        ResizeExample("gemini-2.5-flash", Size(4000, 3000), None, 256, "medium", "docs"),
        *(
            ResizeExample("gemini-3-pro-preview", Size(960, 540), None, tokens, level)
            for level, tokens in _LEVELS_3.items()
        ),
    ),
    "nova": (
        *(
            ResizeExample(model, Size(width, 900), None, tokens, None, "estimate")
            for model in ("nova-lite", "nova-pro", "nova-premier")
            for width, tokens in ((1350, 1825), (900, 2600))
        ),
        ResizeExample("nova-2-lite", Size(280, 140), None, 55),
    ),
    "qwen": (
        *(_square(model, 37 * 37, 1036) for model in _QWEN_25),
        *(_square(model, 32 * 32, 1024) for model in _QWEN_3),
        ResizeExample("qwen2.5-vl-7b-instruct", Size(1920, 1080), Size(1932, 1092), 2691),
        ResizeExample("qwen2.5-vl-7b-instruct", Size(1000, 1000), Size(1008, 1008), 1296),
        ResizeExample("qwen2.5-vl-7b-instruct", Size(200, 200), Size(196, 196), 49),
        ResizeExample("qwen2.5-vl-7b-instruct", Size(20, 20), Size(56, 56), 4),
        ResizeExample("qwen2.5-vl-7b-instruct", Size(2000, 10), Size(812, 28), 29),
        ResizeExample("qwen3-vl", Size(1920, 1080), Size(1920, 1088), 2040),
    ),
    "cohere": (
        ResizeExample("command-a-vision", Size(1920, 1080), None, 3343),
        ResizeExample("command-a-plus-05-2026", Size(1920, 1080), None, 3343),
        ResizeExample("aya-vision", Size(1920, 1080), None, 1532),
    ),
    "gemma": (_square("gemma-3", 256, None), ResizeExample("gemma-4", Size(1920, 1080), None, 264)),
    "glm": (
        *(_square(model, 37 * 37, 1036) for model in _GLM),
        ResizeExample("glm-5-next", Size(1920, 1080), None, 2691),
    ),
    "kimi": tuple(ResizeExample(model, Size(1920, 1080), None, 2691) for model in _KIMI),
    "meta": tuple(
        ResizeExample(model, Size(1920, 1080), None, 2322) for model in ("llama-4-maverick", "llama-4-scout")
    ),
    "mistral": (
        *(_square(model, 38 * 37, 1036) for model in _MISTRAL),
        *(_square(model, 65 * 64) for model in ("pixtral-12b", "pixtral-large")),
        ResizeExample("mistral-small-3.1", Size(1920, 1080), Size(1540, 868), 56 * 31),
    ),
    "open": tuple(
        ResizeExample(model, Size(1920, 1080), None if seen is None else Size(*seen), count)
        for model, (seen, count) in _OPEN.items()
    ),
    "xai": tuple(ResizeExample(model, Size(400, 400), None, 256) for model in ("grok-4", "grok-4-1-fast")),
}

UNKNOWN = {
    "xai": ("grok-4.20", "grok-4.3", "grok-4.5", "grok-4.6", "grok-4.7"),
    "open": ("deepseek-flash", "deepseek-v4.1-flash", "dola-seed", "muse-spark", "step3"),
}
"""Models whose rule is not known, by file: their images have no number of tokens."""

EXAMPLES = tuple(example for rows in EXAMPLES_OF.values() for example in rows)
