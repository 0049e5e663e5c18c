"""Token counts that others recorded, measured or ran, held against the limits data: `tests/vectors.csv`.

Each row names its source. Rows that others measured, with a constant for the text taken off, hold within one
token; all others hold exactly.
"""

import csv
from pathlib import Path
from typing import NamedTuple

import pytest

from imgbudget.limits.bound import Limits
from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import Size
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


def limits_of(vector: Vector) -> Limits:
    """The limits of a row's model, as its configuration sets them, at its level of detail."""
    return SHIPPED.bind(vector.model, "").at(vector.detail or None)


def models_of(vectors: list[Vector]) -> list[str]:
    """The models of the rows that the data has."""
    return sorted({vector.model for vector in vectors if SHIPPED.normalize(vector.model).known})


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
    known = [vector for vector in VECTORS if SHIPPED.normalize(vector.model).known]
    assert [vector for vector in known if limits_of(vector).tokens_range(vector.size) is not None] == []


@pytest.mark.parametrize("vector", VECTORS[:1] + VECTORS[-1:], ids=str)
def test_every_row_has_its_source(vector: Vector) -> None:
    """No row without how its number is known and where that is written."""
    assert all(row.how_known and row.source for row in VECTORS)
    assert vector.tokens > 0


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
