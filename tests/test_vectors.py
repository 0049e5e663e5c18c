"""Token counts that others recorded, measured or ran, compared with the limits data: `tests/vectors.csv`.

Each row names its source. Rows that others measured, with a constant for the text taken off, hold within one
token; all others hold exactly.
"""

import csv
from pathlib import Path
from typing import NamedTuple

import pytest
from tools.compare_processors import EXTREMES, FAMILIES, sizes

from imgbudget.limits.bound import Limits
from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import Size
from imgbudget.limits.processors import PROCESSORS
from imgbudget_rules.limits._generated import DATA

FILE = Path(__file__).parent / "vectors.csv"
SHIPPED = LimitsData.from_mapping(DATA)


class Vector(NamedTuple):
    """A row of the file; `config` is what the server sets, empty for what it ships with."""

    model: str
    config: str
    detail: str
    size: Size
    tokens: int
    how_known: str
    source: str

    @property
    def tolerance(self) -> int:
        """One token where the image was measured together with a text."""
        return 1 if self.how_known.startswith("measured by others") else 0


def _vectors() -> list[Vector]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return [
            Vector(
                row["model"],
                row["config"],
                row["detail"],
                Size(int(row["width"]), int(row["height"])),
                int(row["expected_tokens"]),
                row["how_known"],
                row["source"],
            )
            for row in csv.DictReader(file)
        ]


VECTORS = _vectors()


SERVED = {"served since 2026-08": "mistral"}
"""Rows of what a service makes of an id, which means the weights elsewhere; by its platform."""


def limits_of(vector: Vector) -> Limits:
    """The limits of a row's model, as its configuration sets them, at its level of detail."""
    limits = SHIPPED.bind(vector.model, SERVED.get(vector.config, ""))
    name, _, value = vector.config.partition("=")
    if value:
        number = int(value)
        if name == "max_tokens":  # of cells, where the processor itself counts px
            name, number = "max_pixels", number * int(limits.tier.number("patch_edge")) ** 2
        data = SHIPPED.overlay({"tiers": {limits.tier.name: {name: {"value": number}}}}, "mine.yaml")
        limits = data.bind(vector.model, "")
    return limits.at(vector.detail or None)


def models_of(vectors: list[Vector]) -> list[str]:
    """The models of the rows."""
    return sorted({vector.model for vector in vectors})


@pytest.mark.parametrize("model", models_of(VECTORS))
def test_tokens_are_what_others_counted(model: str) -> None:
    """Every row of a model: exact, or within a token where it was measured beside a text."""
    differ = [
        (str(vector.size), vector.config, vector.detail, vector.tokens, found)
        for vector in VECTORS
        if vector.model == model
        for found in [limits_of(vector).tokens(vector.size)]
        if found is None or abs(found - vector.tokens) > vector.tolerance
    ]
    assert differ == []


def test_numbers_that_others_confirm_are_no_range() -> None:
    """Where sources contradict each other there is no vector: a counted image has one number."""
    assert [vector for vector in VECTORS if limits_of(vector).tokens_range(vector.size) is not None] == []


@pytest.mark.parametrize("vector", VECTORS[:1] + VECTORS[-1:], ids=str)
def test_every_row_has_its_source(vector: Vector) -> None:
    """No row without how its number is known and where that is written."""
    assert all(row.how_known and row.source for row in VECTORS)
    assert vector.tokens > 0


@pytest.mark.parametrize(
    ("spelling", "model"),
    [
        ("Qwen/Qwen2.5-VL-7B-Instruct-AWQ", "qwen2.5-vl-7b-instruct"),
        ("Qwen/Qwen2.5-VL-32B-Instruct", "qwen2.5-vl"),
        ("qwen2.5vl:7b", "qwen2.5-vl"),
        ("qwen/qwen3-vl-30b-a3b-instruct", "qwen3-vl"),
        ("qwen3-vl:8b", "qwen3-vl"),
        ("qwen.qwen3-vl-235b-a22b", "qwen3-vl-235b"),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "llama-4-scout"),
        ("meta-llama/llama-4-maverick-17b-128e-instruct-fp8", "llama-4-maverick"),
        ("us.meta.llama4-scout-17b-instruct-v1:0", "llama-4-scout"),
        ("llama4:scout", "llama-4-scout"),
        ("gemma3:27b", "gemma-3"),
        ("google/gemma-3-27b-it", "gemma-3"),
        ("google/gemma-4-31B-it", "gemma-4"),
        ("mistralai/Mistral-Small-3.1-24B-Instruct-2503", "mistral-small-3.1"),
        ("mistral-medium-latest", "mistral-medium"),
        ("mistral-medium-2508", "mistral-medium"),
        ("us.mistral.pixtral-large-2502-v1:0", "pixtral-large"),
        ("mistralai/Pixtral-12B-2409", "pixtral-12b"),
        ("moonshotai/kimi-k2.5", "kimi-k2.5"),
        ("zai-org/GLM-4.6V", "glm-4.6v"),
        ("OpenGVLab/InternVL3_5-8B", "internvl3.5"),
        ("HuggingFaceTB/SmolVLM2-2.2B-Instruct", "smolvlm2-2.2b"),
        ("llava-hf/llava-onevision-7b-hf", "llava-onevision"),
        ("microsoft/Phi-4-multimodal-instruct", "phi-4-multimodal"),
        ("x-ai/grok-4-0709", "grok-4"),
        ("us.amazon.nova-2-lite-v1:0", "nova-2-lite"),
    ],
)
def test_served_ids_are_of_their_family(spelling: str, model: str) -> None:
    """The spellings of vLLM, Ollama, OpenRouter, Bedrock and hubs."""
    found = SHIPPED.normalize(spelling)
    assert (found.id, found.known) == (model, True)


@pytest.mark.parametrize(
    "name", ["gpt-oss-120b", "llama-3.3-70b-instruct", "qwen3-8b", "claude-9b", "gemma-7b"]
)
def test_other_models_of_a_vendor_are_not_of_a_family(name: str) -> None:
    """A size or a tuning after a name that nobody knows makes no known name."""
    assert not SHIPPED.normalize(name).known


def test_service_may_count_otherwise_than_the_weights() -> None:
    """A bare id means the weights; the platform is the service."""
    weights = SHIPPED.bind("pixtral-12b", "")
    service = SHIPPED.bind("pixtral-12b", "mistral")
    assert (weights.platform, weights.tokens(Size(128, 128))) == ("self-hosted", 72)
    assert (service.platform, service.tokens(Size(128, 128))) == ("mistral", 30)
    assert SHIPPED.bind("qwen2.5-vl", "qwen").tokens_range(Size(1920, 1080)) == (1222, 2691)
    assert weights.cost_usd(1000) is None


@pytest.mark.parametrize(
    ("model", "size", "refused"),
    [
        ("phi-4-multimodal", Size(1, 100), True),
        ("phi-4-multimodal", Size(45, 1), True),
        ("phi-4-multimodal", Size(1, 44), False),
        ("phi-4-multimodal", Size(10, 1990), False),
        ("qwen3-vl", Size(2010, 10), True),
        ("qwen3-vl", Size(2000, 10), False),
        ("llama-4-scout", Size(2010, 10), False),
    ],
)
def test_strips_that_a_processor_refuses(model: str, size: Size, *, refused: bool) -> None:
    """As tools/compare_processors.py found them: the error of the processor is a refusal here."""
    refusal = SHIPPED.bind(model, "").refusal(size)
    assert (refusal is not None) == refused
    if refusal is not None:
        assert refusal.measured > refusal.limit
        assert not refusal.resizable


def test_every_rule_of_a_processor_is_run_against_it() -> None:
    """A new function in limits/processors.py needs a family in the tool that runs the released processors."""
    run = {SHIPPED.bind(family.model, "").tier.strategy for family in FAMILIES}
    assert set(PROCESSORS) <= run
    assert len({family.model for family in FAMILIES}) == len(FAMILIES) >= 25
    tried = list(sizes(50, seed=7))
    assert tried == list(sizes(50, seed=7))
    assert {Size(1, 1), Size(2010, 10)} < set(tried)
    assert len(tried) == 50 + len(EXTREMES)


# --- where sources contradict each other ---


@pytest.mark.parametrize(
    ("model", "detail", "size", "expected"),
    [
        ("gpt-5.4-nano", None, Size(512, 512), (308, 384)),
        ("gpt-5.4-mini", "low", Size(512, 512), (308, 384)),
        ("gpt-5.4-mini", "original", Size(3200, 3200), (1826, 15000)),
        ("gpt-4.1-mini", "high", Size(2048, 2048), (2465, 6636)),
        ("gpt-5.2", None, Size(2048, 2048), (1826, 4916)),
        ("gemini-2.5-flash", "high", Size(640, 480), (256, 2048)),
        ("nova-pro", None, Size(1000, 1000), (800, 2600)),
    ],
)
def test_a_contradiction_is_a_range(
    model: str, detail: str | None, size: Size, expected: tuple[int, int]
) -> None:
    """The number of tokens is none, and budgets judge by the high end."""
    limits = SHIPPED.bind(model, "").at(detail)
    assert limits.tokens_range(size) == expected
    assert limits.tokens(size) == expected[1]
    assert limits.tokens_state(size) == "conflicting"
    assert limits.doubt


@pytest.mark.parametrize(
    ("model", "size", "state"),
    [
        ("gpt-5.5", Size(1920, 1080), "exact"),
        ("gpt-4.1-mini", Size(640, 480), "exact"),
        ("gpt-6-sol", Size(640, 480), "derived"),
        ("claude-opus-5-5", Size(1920, 1080), "exact"),
        ("claude-haiku-5-5", Size(1920, 1080), "derived"),
        ("nova-2-lite", Size(597, 566), "derived"),
        ("acme-vision-1", Size(597, 566), "unknown"),
    ],
)
def test_state_of_a_number(model: str, size: Size, state: str) -> None:
    """A number is exact, or says how it is known."""
    limits = SHIPPED.bind(model, "")
    assert limits.tokens_range(size) is None
    assert limits.tokens_state(size) == state
