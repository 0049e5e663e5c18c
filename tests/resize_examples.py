"""Worked examples of resizing and tokens for the models of other providers; every model needs at least one.

`seen` is the size that the model uses, None where it is not published. Rows marked "docs" are quoted from
the provider's guide, rows marked "derived" follow from its rule, and "estimate" marks what the guide itself
calls an estimate. The keys of EXAMPLES_OF are the YAML files of the limits data.
"""

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
    "gpt-4.1": 765,
    "gpt-4o": 765,
    "gpt-4o-mini": 25501,
    "gpt-5": 630,
    "gpt-5-chat-latest": 630,
    "gpt-5.1": 630,
    "o1": 675,
    "o1-pro": 675,
    "o3": 675,
}
_PATCHES = {
    "gpt-4.1-mini": 1659,  # 1024 x 1.62, rounded up
    "gpt-4.1-nano": 2520,
    "gpt-5-mini": 1659,
    "gpt-5-nano": 2520,
    "gpt-5.1-codex-mini": 1024,
    "gpt-5.2": 1024,
    "gpt-5.3-codex": 1024,
    "gpt-5.4": 1024,
    "gpt-5.4-mini": 1659,
    "gpt-5.4-nano": 2520,
    "gpt-5.5": 1024,
    "gpt-5.6-luna": 1229,
    "gpt-5.6-sol": 1229,
    "gpt-5.6-terra": 1229,
    "gpt-6-astra": 1229,
    "gpt-6-luna": 1229,
    "gpt-6-sol": 1229,
    "gpt-6.1-sol": 1229,
    "o4-mini": 1762,
}
_GEMINI_2 = ("gemini-2.0-flash", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-2.5-pro")
_GEMINI_3 = (
    *("gemini-3-flash-preview", "gemini-3-pro-preview", "gemini-3.1-flash-lite", "gemini-3.1-pro-preview"),
    *("gemini-3.5-flash", "gemini-3.5-flash-lite", "gemini-3.6-flash"),
)
_NOVA = ((900, 450, 800), (900, 900, 1300), (1400, 900, 1800), (1800, 900, 2400), (1300, 1300, 2600))
_LEVELS_3 = {"low": 280, "medium": 560, "high": 1120, "ultra_high": 2240, None: 1120}

EXAMPLES_OF: dict[str, tuple[ResizeExample, ...]] = {
    "openai": (
        *(_square(model, tokens, 768) for model, tokens in _TILES.items()),
        *(_square(model, tokens) for model, tokens in _PATCHES.items()),
        ResizeExample("gpt-4o", Size(1024, 1024), Size(768, 768), 765, "high", "docs"),
        ResizeExample("gpt-4o", Size(2048, 4096), Size(768, 1536), 1105, "high", "docs"),
        ResizeExample("gpt-4o", Size(4096, 8192), Size(4096, 8192), 85, "low", "docs"),
        ResizeExample("gpt-4o", Size(1920, 1080), Size(1365, 768), 1105),
        ResizeExample("gpt-4o", Size(512, 512), Size(512, 512), 255),
        ResizeExample("gpt-4o-mini", Size(2048, 768), Size(2048, 768), 48169),
        ResizeExample("gpt-5.2", Size(1800, 2400), Size(1056, 1408), 1452, None, "docs"),
        ResizeExample("gpt-5.2", Size(1920, 1080), Size(1649, 928), 1508),
        ResizeExample("gpt-5.2", Size(3840, 2160), Size(1649, 928), 1508),
        ResizeExample("gpt-5.2", Size(1024, 1024), Size(512, 512), 256, "low"),
        ResizeExample("gpt-5.6-sol", Size(2496, 1664), Size(2496, 1664), 4868, "original"),
    ),
    "gemini": (
        *(_square(model, 4 * 258, None) for model in _GEMINI_2),
        *(_square(model, 1120, None) for model in _GEMINI_3),
        ResizeExample("gemini-2.0-flash", Size(960, 540), None, 1548, None, "docs"),
        ResizeExample("gemini-2.0-flash", Size(384, 384), None, 258, None, "docs"),
        ResizeExample("gemini-2.0-flash", Size(4000, 4000), None, 1032),
        ResizeExample("gemini-2.5-flash", Size(4000, 3000), None, 64, "low", "docs"),
        ResizeExample("gemini-2.5-flash", Size(4000, 3000), None, 256, "medium", "docs"),
        *(
            ResizeExample("gemini-3-pro-preview", Size(960, 540), None, tokens, level, "docs")
            for level, tokens in _LEVELS_3.items()
        ),
    ),
    "nova": tuple(
        ResizeExample(model, Size(width, height), None, tokens, None, "estimate")
        for model in ("nova-lite", "nova-pro", "nova-premier")
        for width, height, tokens in _NOVA
    ),
    "qwen": (
        _square("qwen2.5-vl-72b-instruct", 1225, 980),
        _square("qwen2.5-vl-7b-instruct", 1225, 980),
        ResizeExample("qwen2.5-vl-7b-instruct", Size(1920, 1080), Size(1316, 728), 1222),
        ResizeExample("qwen2.5-vl-7b-instruct", Size(1000, 1000), Size(980, 980), 1225),
        ResizeExample("qwen2.5-vl-7b-instruct", Size(200, 200), Size(196, 196), 49),
        ResizeExample("qwen2.5-vl-7b-instruct", Size(20, 20), Size(56, 56), 4),
    ),
}

EXAMPLES = tuple(example for rows in EXAMPLES_OF.values() for example in rows)
