"""A short request may hold thousands of images; what to leave out of it is found in a moment."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.model.location import Location
from imgbudget.planner.bounds import MediaSpan, Remaining, joined
from tests.builders import body
from tests.conftest import Command

FIELDS = ("long_edge", "largest", "tokens", "characters")


def span(number: int, images: int, weights: tuple[int, ...]) -> MediaSpan:
    """An image, or a document of three pages."""
    place = Location("r.json", ("messages", 0, "content", number))
    edge, largest, tokens, text = weights if images else (0, 0, 0, weights[3])
    pages = 0 if images else 3
    return MediaSpan(place, place, 0, images, 1 - images, pages, tokens, text, largest, edge)


SPANS = st.lists(st.tuples(st.integers(0, 1), st.tuples(*[st.integers(0, 4)] * 4)), min_size=1)


@given(kinds=SPANS, order=st.lists(st.sampled_from(FIELDS)))
def test_images_are_taken_out_in_the_order_of_a_search_from_the_start(
    kinds: list[tuple[int, tuple[int, ...]]], order: list[str]
) -> None:
    """The same images, and the same totals, as when all that is left is looked at each time."""
    spans = [span(number, images, weights) for number, (images, weights) in enumerate(kinds)]
    weights = {name: _weight(name) for name in FIELDS}
    left, kept = Remaining(spans), list(spans)
    for name in order:
        images = [one for one in kept if one.images]
        assert left.images == len(images)
        if len(images) < 2:
            return
        kept.remove(max(images, key=weights[name]))
        left.take(weights[name])
        assert left.total[3:] == joined(kept)[3:]
        assert [spans[number] for number in sorted(left.taken)] == [one for one in spans if one not in kept]


def _weight(name: str) -> Callable[[MediaSpan], int]:
    def weight(one: MediaSpan) -> int:
        return int(getattr(one, name))

    return weight


def test_a_plan_looks_at_each_image_a_few_times(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3000 images of which 2400 are too many; each was joined with all others for each of them."""
    block = {"type": "image", "source": {"type": "url", "url": "x"}}
    (tmp_path / "r.json").write_text(json.dumps(body(*[block] * 3000)))
    calls = 0
    plus = MediaSpan.plus

    def counted(self: MediaSpan, other: MediaSpan) -> MediaSpan:
        nonlocal calls
        calls += 1
        return plus(self, other)

    monkeypatch.setattr(MediaSpan, "plus", counted)
    run = imgbudget("plan", str(tmp_path / "r.json"))
    assert "leave out 2400 images" in run.out
    assert calls < 20 * 3000
