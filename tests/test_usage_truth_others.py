"""Recorded token counts of OpenAI's models: what is left for the text must be what such a text takes."""

import csv
from typing import NamedTuple

import pytest

from imgbudget.api.measuring import parse_size
from tests.builders import CORPUS
from tests.rule_runner import limits_of
from tests.stated import stated

TRUTH = CORPUS / "usage_truth_other_vendors.csv"

pytestmark = pytest.mark.skipif(not TRUTH.is_file(), reason="the corpus is not beside this checkout")

DOUBTED = {"gpt-5-mini": 1.2, "gpt-5-nano": 1.5}
"""Models whose recorded traffic does not fit the guide's multiplier, and the one that it fits."""

CHARACTERS = (3.5, 8)
"""The fewest and the most characters a token in these texts, which are English."""

WRAPPER = (5, 17)
"""The fewest and the most tokens that a message costs beside its text and image."""


class Recorded(NamedTuple):
    """A recorded request of images and text alone; `overhead` is what is not predicted for the images."""

    model: str
    images: str
    text: int
    total: int
    predicted: int

    @property
    def overhead(self) -> int:
        """Tokens of the text and the envelope, if the prediction is correct."""
        return self.total - self.predicted


def recorded() -> list[Recorded]:
    """Rows of known OpenAI models without tools, documents or schemas, their levels of detail respected."""
    found = []
    with TRUTH.open(newline="") as file:
        for row in csv.DictReader(file):
            limits = limits_of(row["model_reported"] or row["model_requested"])
            sizes = row["images"].split(";")
            if not limits.known or limits.platform != "openai" or int(row["tools_json_chars"] or 0):
                continue
            if (
                row["n_documents"] != "0"
                or len(sizes) != int(row["n_images"])
                or "data_extraction" in str(row)
            ):
                continue
            detail = row["declared"].partition("detail=")[2].split(";")[0].strip() or None
            tokens = sum(stated(limits.at(detail).tokens(parse_size(size))) for size in sizes)
            total = int(row["input_tokens_total"])
            found.append(Recorded(limits.model, row["images"], int(row["text_chars"]), total, tokens))
    return found


def test_what_is_left_is_the_text() -> None:
    """On eight models, tiles and patches, the rest of the bill is a text of that length and its wrapper."""
    rows = [row for row in recorded() if row.model not in DOUBTED]
    assert len(rows) >= 25
    assert {row.model for row in rows} >= {"gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"}
    most, least = CHARACTERS
    off = [
        row
        for row in rows
        if not row.text / least + WRAPPER[0] <= row.overhead <= row.text / most + WRAPPER[1]
    ]
    assert off == []


def test_same_text_costs_the_same_on_every_model() -> None:
    """If several models got the same request, the overheads agree, and so do the predictions."""
    alike: dict[tuple[str, int], dict[str, int]] = {}
    for row in recorded():
        if row.model not in DOUBTED:
            alike.setdefault((row.images, row.text), {})[row.model] = row.overhead
    pairs = {key: found for key, found in alike.items() if len(found) > 1}
    assert len(pairs) >= 5
    assert max(max(found.values()) - min(found.values()) for found in pairs.values()) <= 5


@pytest.mark.parametrize(("model", "multiplier"), DOUBTED.items())
def test_multiplier_is_that_of_recordings(model: str, multiplier: float) -> None:
    """Older guides have 1.62 and 2.46; recordings with the same text as gpt-4o-mini fit 1.2 and 1.5."""
    rows = {row.model: row for row in recorded() if (row.images, row.text) == ("640x480", 46)}
    patches = 20 * 15
    billed = rows[model].total - rows["gpt-4o-mini"].overhead
    assert billed == pytest.approx(patches * multiplier, abs=3)
    (value,) = (value for value in limits_of(model).tier_values if value.name == "multiplier")
    assert (value.text, value.status) == (f"{multiplier:g} times", "confirmed")
