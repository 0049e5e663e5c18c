"""Pages whose text is known, for a comparison of what is predicted and what is read.

48 are drawn in free fonts: forms, tables, code, receipts, charts and letters.
"""

import inspect
from collections.abc import Callable
from random import Random
from types import ModuleType
from typing import NamedTuple

from PIL import Image, ImageDraw

from imgbudget.limits import bound, geometry
from imgbudget.planner import division, image, targets
from lettering import FACES, LATIN, Face, Lettering, draw_line, photo_ground, widths, words

EACH_KIND = 8
"""Pages of each kind that are drawn."""

CHINESE = tuple(face for face in FACES if face.script == "Chinese")


class KnownPage(NamedTuple):
    """A page: its kind, its number, and the lines drawn on it; None if they have to be read first."""

    kind: str
    number: int
    image: Image.Image
    lines: tuple[Lettering, ...] | None


class _Sheet:
    """A page that is being drawn, in one font, with the lines that are on it."""

    def __init__(self, size: tuple[int, int], face: Face, ground: Image.Image | int = 255) -> None:
        self.image = (
            Image.new("RGB", size, (ground, ground, ground)) if isinstance(ground, int) else ground.copy()
        )
        self.face = face
        self.draw = ImageDraw.Draw(self.image)
        self.lines: list[Lettering] = []

    def write(
        self, place: tuple[int, int], text: str, size: int, ink: int | tuple[int, int, int] = 20
    ) -> tuple[int, int, int, int]:
        """Write a line; the box of its letters."""
        line = draw_line(self.image, place, text, self.face, size, ink)
        self.lines.append(line)
        return line.box

    def write_to(self, right: int, top: int, text: str, size: int, ink: int = 20) -> None:
        """Write a line that ends at a column."""
        self.write((right - widths(self.face, text, size), top), text, size, ink)


def _face(random: Random, number: int) -> Face:
    """The font of a page: every fourth one is Chinese."""
    return CHINESE[number // 4 % 2] if number % 4 == 3 else random.choice(LATIN)


def _form(random: Random, number: int) -> _Sheet:
    """Labels and values in boxes, a heading, and small print below."""
    face, size = _face(random, number), random.randint(11, 17)
    sheet = _Sheet((820, 420), face)
    sheet.write((30, 16), words(random, face.script, 12), 2 * size)
    top = 76
    while top < 320:
        for left in (30, 420):
            sheet.write((left, top), words(random, face.script, 9), size - 2, 90)
            sheet.draw.rectangle((left, top + size + 4, left + 370, top + 2 * size + 16), outline=(150,) * 3)
            sheet.write((left + 10, top + size + 8), words(random, face.script, 16), size)
        top += 3 * size + 24
    sheet.write((30, 395), words(random, face.script, 30), size - 4, 60)
    return sheet


def _table(random: Random, number: int) -> _Sheet:
    """Rows of cells between rules, numbers at the right of their columns."""
    face, size = _face(random, number), random.randint(10, 18)
    sheet = _Sheet((840, 260), face, random.choice((255, 244)))
    columns, row = (20, 300, 480, 650, 820), size + 18
    for at, left in enumerate(columns[:-1]):
        sheet.write((left + 10, 16), words(random, face.script, 8)[:16], size, 0)
        sheet.draw.line((left, 8, left, 255), fill=(170,) * 3)
        for number_of_row in range(1, 240 // row):
            top = 16 + number_of_row * row
            if at == 0:
                sheet.draw.line((20, top - 7, 820, top - 7), fill=(200,) * 3)
                sheet.write((left + 10, top), words(random, face.script, 14), size, 40)
            elif (number_of_row + at) % 2:
                amount = f"{random.randint(10, 99_999):,}.{random.randint(0, 99):02d}"
                sheet.write_to(columns[at + 1] - 12, top, amount, size, 40)
    return sheet


SOURCES: tuple[ModuleType, ...] = (bound, geometry, division, image, targets)
COLOURS = (212, 212, 212), (156, 220, 254), (206, 145, 120), (106, 153, 85)
"""Of the words of a dark editor."""


def _code(random: Random, number: int) -> _Sheet:
    """Code on dark ground: real lines of this package."""
    size = random.randint(11, 17)
    face = next(face for face in FACES if face.name == "DejaVu Sans Mono")
    sheet = _Sheet((760, 380), face, 30)
    source = inspect.getsource(SOURCES[number % len(SOURCES)]).splitlines()
    start = random.randint(20, max(len(source) - 80, 21))
    top = 12
    for line in source[start:]:
        text = line.strip()
        if len(text) > 3 and top < 350:
            left = 40 + (len(line) - len(line.lstrip())) * size // 2
            room = int((750 - left) / widths(face, "x" * 100, size) * 100)
            sheet.write((left, top), text[:room].rstrip(), size, random.choice(COLOURS))
        top += size + 10
    return sheet


def _receipt(random: Random, number: int) -> _Sheet:
    """A narrow strip of paper with names and prices, printed in grey."""
    face, size = _face(random, number), random.randint(12, 20)
    ground = photo_ground((420, 560), 232, 900 + number) if number % 2 else 250
    sheet = _Sheet((420, 560), face, ground)
    ink = random.choice((20, 60, 110))
    sheet.write((100, 20), words(random, face.script, 10), size + 8, ink)
    for top in range(84, 480, size + 34):
        sheet.write((24, top), words(random, face.script, 12), size, ink)
        sheet.write_to(400, top, f"{random.randint(1, 999)}.{random.randint(0, 99):02d}", size, ink)
    sheet.write((24, 520), words(random, face.script, 20), size - 4, ink)
    return sheet


def _chart(random: Random, number: int) -> _Sheet:
    """Bars with a title, labels below, numbers at the side and a legend."""
    face, size = _face(random, number), random.randint(10, 15)
    sheet = _Sheet((760, 420), face)
    sheet.write((60, 12), words(random, face.script, 24), size + 8, 30)
    for at in range(6):
        top = 350 - at * 56
        sheet.draw.line((60, top, 750, top), fill=(220,) * 3)
        sheet.write_to(52, top - size // 2, f"{at * 20 + 10}", size, 80)
    for at in range(6):
        left, high = 76 + at * 112, random.randint(40, 260)
        sheet.draw.rectangle((left, 350 - high, left + 70, 350), fill=(70, 120, 190 - at * 10))
        sheet.write((left, 360), words(random, face.script, 6)[:12], size, 60)
        sheet.write((left + 14, 350 - high - size - 8), f"{high / 2.8:.1f}", size, 40)
    for at in range(3):
        sheet.write((320 + at * 140, 394), words(random, face.script, 7)[:10], size - 1, 60)
    return sheet


def _letter(random: Random, number: int) -> _Sheet:
    """A paragraph, as a scan of a page."""
    face, size = _face(random, number), random.randint(12, 20)
    grey = number % 3 == 0
    sheet = _Sheet((520, 440), face, photo_ground((520, 440), 225, 300 + number) if grey else 255)
    sheet.write((30, 20), words(random, face.script, 20), size + 8)
    for top in range(80, 420, round(size * 1.7)):
        text = words(random, face.script, 60)
        while widths(face, text, size) > 460:
            text = text[:-1]
        sheet.write((30, top), text.strip(), size, 40)
    return sheet


KINDS: dict[str, Callable[[Random, int], _Sheet]] = {
    "form": _form,
    "table": _table,
    "code": _code,
    "receipt": _receipt,
    "chart": _chart,
    "letter": _letter,
}


def drawn_page(kind: str, number: int) -> KnownPage:
    """A page of one of the kinds."""
    sheet = KINDS[kind](Random(f"{kind} {number}"), number)  # noqa: S311 - the same pages each time
    return KnownPage(kind, number, sheet.image, tuple(sheet.lines))
