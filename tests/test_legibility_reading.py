"""Which lines are read again before one counts as lost, and which before a size counts as proved."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from imgbudget.api import legibility
from imgbudget.api.legibility import ReadTask
from imgbudget.api.measuring import MEASURES
from imgbudget.legibility.comparison import letters_kept, share_kept
from imgbudget.legibility.crops import widened
from imgbudget.legibility.engine import Pixels, Recognised
from imgbudget.legibility.ink import letters_of
from imgbudget.legibility.reading import ReadingOptions, read_text
from imgbudget.legibility.smallest import smallest_legible
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.contents import ContentSize, ContentTarget, ContentTargetKind
from imgbudget.model.text import LineState, SeenText, state_of
from imgbudget.planner.sizes import size_steps
from tests.builders import body, image_block, image_bytes, text_block, write_json
from tests.inkreader import BLURRED, CLEAR, InkReader

FAR = (0, 0, 140)
"""The colour of the line that is misread where others are read."""


def page(size: tuple[int, int], lines: Sequence[tuple[str, str | tuple[int, int, int]]]) -> Image.Image:
    """A white page with lines of the same height, each with its colour."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for row, (text, colour) in enumerate(lines):
        draw.text((40, 20 + 50 * row), text, fill=colour, font=ImageFont.load_default(16))
    return image


def seen(image: Image.Image, engine: InkReader, scale: float) -> SeenText:
    """What is left of a page at a smaller size."""
    size = Size(round(image.width * scale), round(image.height * scale))
    return read_text(image, [size], engine, ReadingOptions(appearing=False)).at(size)


class Faint(InkReader):
    """Misreads a line of that colour until its letters have 7 rows, and reads all others at any size."""

    def recognise(self, line: Pixels) -> Recognised:
        """By the colour and the rows of the ink."""
        self.read += 1
        ink = line.min(axis=2) < 150
        blue = ink & (line[:, :, 2].astype(int) > line[:, :, 0].astype(int) + 40)
        return Recognised(BLURRED if blue.any() and ink.any(axis=1).sum() < 7 else CLEAR, 0.95)


def smallest(image: Image.Image, engine: InkReader) -> ContentSize:
    """The smallest size that keeps all text of a page."""
    size = Size(*image.size)
    limits = Session(RunOptions(model="claude-sonnet-4-6", isolated=True)).context.limits()
    steps = size_steps(size, limits.native_size(size), limits.least_edge, limits.tier)
    target = ContentTarget(ContentTargetKind.LEGIBLE)
    return smallest_legible(image, [step.size for step in steps], engine, target)


def test_every_line_in_doubt_proves_the_chosen_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loss that the sample did not hold is found before a size is chosen, and named one step below it."""
    monkeypatch.setattr("imgbudget.legibility.smallest._MOST_READ", 4)
    lines: list[tuple[str, str | tuple[int, int, int]]] = [("total 48 of it", "black")] * 18
    free = smallest(page((900, 950), lines), Faint())
    lines[8] = ("total 48 of it", FAR)
    held = smallest(page((900, 950), lines), Faint())
    assert free.kept is not None
    assert held.kept is not None
    assert held.lost is not None
    assert held.kept.size.width > free.kept.size.width
    assert held.kept.lines_read == held.kept.lines_doubtful == 18
    assert [(one.seen_text, state_of(one.kept)) for one in held.lost.lost] == [(BLURRED, LineState.LOST)]


def test_an_image_that_is_sent_again_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Under each of its places there is what was read; another image is read too."""
    first, other = image_bytes((40, 30)), image_bytes((50, 30))
    blocks = [image_block(first), image_block(other), image_block(first)]
    write_json(tmp_path / "a.json", body(*blocks, text_block("x")))
    read: list[int] = []

    def reader() -> Callable[[ReadTask], str]:
        def work(task: ReadTask) -> str:
            read.append(len(task.data))
            return f"seen {len(task.data)}"

        return work

    monkeypatch.setattr(legibility, "text_worker", reader)
    session = Session(RunOptions(isolated=True, fields=MEASURES))
    steps: list[tuple[int, int]] = []
    found = legibility.read_images(
        session, tmp_path, legibility.ReadOptions(), 1, progress=lambda *at: steps.append(at)
    )
    assert read == [len(first), len(other)]
    assert [image.unread for image in found.images] == [f"seen {len(data)}" for data in (first, other, first)]
    assert steps[-1] == (3, 3)


class Tight(InkReader):
    """Misreads small letters, unless there is more around them than the last time."""

    last = 0

    def recognise(self, line: Pixels) -> Recognised:
        """By the height of the crop and that of the one before."""
        first, self.last = line.shape[0] <= self.last or not self.last, line.shape[0]
        if line.shape[0] > 18:
            self.last = 0
            return Recognised(CLEAR, 0.95)
        return Recognised("smudge" if first else CLEAR, 0.95)


def test_a_lost_line_is_read_once_more_with_more_around_it() -> None:
    """One reading may differ by chance; of many lost lines there is no doubt, and they are not read again."""
    few, many = ([("total 48 of it", "black")] * count for count in (1, 9))
    assert [line.kept for line in seen(page((900, 950), few), Tight(), 0.4).lines] == [1.0]
    assert len(seen(page((900, 950), many), Tight(), 0.4).lost) > 3


def test_a_widened_box_has_so_much_more_on_each_side() -> None:
    """Also where the line is slanted."""
    box = np.array([(10, 10), (50, 10), (50, 20), (10, 20)], np.float64)
    assert widened(box, 2).tolist() == [[8, 8], [52, 8], [52, 22], [8, 22]]
    slanted = np.array([(0, 0), (30, 40), (22, 46), (-8, 6)], np.float64)
    moved = widened(slanted, 5)
    assert np.linalg.norm(moved[1] - moved[0]) == pytest.approx(60)
    assert np.linalg.norm(moved[3] - moved[0]) == pytest.approx(20)


def test_of_letters_too_small_further_lines_are_read_the_longest_first() -> None:
    """Of a column of short numbers some are read, and the only line of words is not passed over."""
    lines: list[tuple[str, str | tuple[int, int, int]]] = [("48.25", "black")] * 18
    lines[7] = ("total of the account in words", FAR)
    found = seen(page((900, 950), lines), Faint(), 0.3)
    assert max(line.height for line in found.lines) < 5.5
    assert [line.text for line in found.lost] == [BLURRED]


def test_signs_alone_do_not_lose_a_line() -> None:
    """Of three quotation marks before a word some are read as others; without a word there are only signs."""
    assert share_kept('"""The', "…·The") < 0.8
    assert letters_kept('"""The', "…·The") == 1.0
    assert letters_kept('"""The', "…·Tba") == pytest.approx(1 / 3)
    assert letters_kept('a = "";', "a = x") == 0.0
    assert letters_kept("total: 48,213", "total 48.213", is_part=True) == 1.0


@pytest.mark.parametrize("shadow", [0, 90])
def test_letters_have_their_height_across_a_shadow(shadow: int) -> None:
    """The darker half of the ground of a photographed page is no ink."""
    image = Image.new("L", (400, 40), 220)
    ImageDraw.Draw(image).text((10, 12), "total 48 of it " * 3, fill=20, font=ImageFont.load_default(16))
    ground = np.linspace(0, shadow, 400)[np.newaxis]
    found = letters_of(np.clip(np.asarray(image) - ground, 0, 255).astype(np.uint8))
    assert found is not None
    assert 11 <= found.height <= 16
