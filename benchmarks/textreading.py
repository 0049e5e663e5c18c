"""Measures how much of drawn lines is read at the sizes that tiers of Claude see; needs imgbudget[text]."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache, partial
from importlib import import_module
from multiprocessing import Pool
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from PIL import Image

from imgbudget.legibility.comparison import share_kept, significant
from imgbudget.legibility.crops import crop, pixels_of, quad_of
from imgbudget.legibility.engine import rapid_engine
from imgbudget.legibility.ink import Letters, letters_of
from imgbudget.legibility.picture import seen_picture
from imgbudget.limits.geometry import Size, Tier, native_size
from lettering import FACES, Face, Lettering, draw_line, photo_ground, widths, words
from textcurves import HEIGHTS, STEP, CurvePoint

CONTRASTS = (200, 110, 55)
"""Of the letters with their ground, of 255."""

GROUNDS = ("screenshot", "photo")

LEVELS = (245, 25), (215, 40)
"""The brightness of light and dark ground: of a screenshot, and the mean of a photograph."""

FACTORS = (0.7, 0.5, 0.35)
"""By how much a picture is downscaled, about."""

STORED = 7.5, 26.0
"""Px of height of the letters as stored: smaller ones are not clear in the file itself."""

EACH = 2
"""Lines of each height in a picture: half on light ground, half on dark."""

LENGTH = 22
"""Characters of a line."""


class CurveTask(NamedTuple):
    """One picture: its font, the contrast, the ground, and the tier that sees it; None for no downscaling."""

    face: Face
    contrast: int
    ground: str
    tier: Tier | None
    factor: float
    seed: int


def curve_tasks(tiers: Iterable[Tier]) -> Iterator[CurveTask]:
    """All pictures."""
    seed = 0
    for face in FACES:
        for contrast in CONTRASTS:
            for ground in GROUNDS:
                for tier in (*tiers, None):
                    for factor in FACTORS if tier else (1.0,):
                        seed += 1
                        yield CurveTask(face, contrast, ground, tier, factor, seed)


class _Kind(NamedTuple):
    """What the lines of a point have in common, as in `CurvePoint`."""

    font: str
    script: str
    contrast: int
    ground: str
    tier: str
    height: float


def measured_curves(tiers: Iterable[Tier], jobs: int) -> list[CurvePoint]:
    """The points of all pictures, those of one kind together."""
    sums: dict[_Kind, list[tuple[int, float]]] = defaultdict(list)
    with Pool(jobs) as pool:
        for task, found in pool.imap_unordered(read_picture, curve_tasks(tiers)):
            name = task.tier.name if task.tier else "file"
            for height, characters, read in found:
                place = min(HEIGHTS, key=partial(_apart, height))
                if abs(place - height) <= STEP:
                    kind = _Kind(task.face.name, task.face.script, task.contrast, task.ground, name, place)
                    sums[kind].append((characters, read))
    order = {face.name: at for at, face in enumerate(FACES)}
    points = [
        CurvePoint(
            *kind, len(lines), sum(characters for characters, _ in lines), sum(read for _, read in lines)
        )
        for kind, lines in sums.items()
    ]
    return sorted(points, key=lambda one: (order[one.font], -one.contrast, one.ground, one.tier, one.height))


def read_picture(task: CurveTask) -> tuple[CurveTask, list[tuple[float, int, float]]]:
    """Draw a picture, downscale it as the tier does, and read its lines: heights, characters, those read."""
    image, drawn = _picture(task)
    size = Size(*image.size)
    seen = seen_picture(image, native_size(size, task.tier)) if task.tier else image
    factor = seen.width / size.width
    engine, found = rapid_engine(), []
    for line in drawn:
        left, top, right, bottom = line.box
        room = max((bottom - top) // 4, 2)
        box = (left - room, top - room, right + room, bottom + room)
        corners = quad_of(((box[0], box[1]), (box[2], box[1]), (box[2], box[3]), (box[0], box[3])))
        letters = _letters(line, task.face)
        if letters is None:
            continue
        read = engine.recognise(pixels_of(crop(seen, corners * factor))).text
        characters = len(significant(line.text))
        found.append((letters.height * factor, characters, characters * share_kept(line.text, read)))
    return task, found


def _letters(line: Lettering, face: Face) -> Letters | None:
    """The letters of a line as the package measures them, on plain ground whatever their own is."""
    left, _, right, _ = line.box
    plain = Image.new("RGB", (right - left + 2 * line.size, 3 * line.size), "white")
    draw_line(plain, (line.size, line.size), line.text, face, line.size, 0)
    return letters_of(np.asarray(plain.convert("L")))


def _picture(task: CurveTask) -> tuple[Image.Image, list[Lettering]]:
    """Lines of letters whose heights as seen are those of the points, on light and on dark ground."""
    random = Random(task.seed)  # noqa: S311 - the same lines each time
    factor, face = task.factor, task.face
    lines: list[tuple[str, int]] = []
    for height in HEIGHTS:
        stored = height / factor
        if task.tier is None or STORED[0] <= stored <= STORED[1]:
            for at in range(EACH):
                # the letters of a line with ascenders and descenders are about as high as the font is large
                spread = (at / EACH - 0.25) * STEP
                size = max(round((stored + spread / factor) / _HEIGHT[face.script]), 2)
                lines.append((words(random, face.script, LENGTH if face.script == "Latin" else 14), size))
    edge = task.tier.max_edge if task.tier else None
    width = round(edge / factor) if edge else _PLAIN
    return _drawn(lines, task, width)


_PLAIN = 1600
"""The width in px of a picture that is not downscaled."""

_HEIGHT = {"Latin": 0.95, "Chinese": 0.93}
"""The height of the letters of a line with ascenders, by the size of the font."""

_MARGIN = 12


def _drawn(lines: list[tuple[str, int]], task: CurveTask, width: int) -> tuple[Image.Image, list[Lettering]]:
    """The lines in rows, half of them on light ground and half on dark."""
    half, places, bottom = width // 2, [], 0
    for side in (0, 1):
        x, y, row = _MARGIN, _MARGIN, 0
        for text, size in lines[side::2]:
            wide = widths(task.face, text, size)
            if x + wide > half - _MARGIN:
                x, y, row = _MARGIN, y + row + 8, 0
            places.append((side, side * half + x, y, text, size))
            x, row = x + wide + 2 * size, max(row, round(size * 1.4))
        bottom = max(bottom, y + row + _MARGIN)
    image, drawn = Image.new("RGB", (width, bottom)), []
    levels = LEVELS[GROUNDS.index(task.ground)]
    for side, level in enumerate(levels):
        part = (half, bottom)
        plain = task.ground == "screenshot"
        ground = Image.new("L", part, level) if plain else photo_ground(part, level, 2 * task.seed + side)
        image.paste(ground.convert("RGB"), (side * half, 0))
    inks = levels[0] - task.contrast, levels[1] + task.contrast
    for side, x, y, text, size in places:
        drawn.append(draw_line(image, (x, y), text, task.face, size, inks[side]))
    return image, drawn


def _apart(height: float, other: float) -> float:
    return abs(height - other)


SCRIPTS = {
    "Latin": "LATIN",
    "Greek": "GREEK",
    "Cyrillic": "CYRILLIC",
    "Chinese": "CJK",
    "Japanese kana": "HIRAGANA KATAKANA",
    "Hangul": "HANGUL",
    "Arabic": "ARABIC",
    "Hebrew": "HEBREW",
    "Devanagari": "DEVANAGARI",
    "Thai": "THAI",
}
"""Scripts, with the first words of the Unicode names of their letters."""


@cache
def known_letters() -> dict[str, int]:
    """How many letters of each script the recogniser has in its list of characters."""
    rapid_engine()  # without its connections
    models = Path(str(import_module("rapidocr").__file__)).with_name("models")
    (path,) = models.glob("*_rec_*.onnx")
    session = import_module("onnxruntime").InferenceSession(str(path))
    characters = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    first = [unicodedata.name(one[0], "").partition(" ")[0] for one in characters if one]
    return {name: sum(word in words.split() for word in first) for name, words in SCRIPTS.items()}


def read_words(script: str, height: int) -> tuple[float, str]:
    """The share that is read of large words of a script, in the first font, and an example."""
    random, face = Random(1), FACES[0]  # noqa: S311 - the same words each time
    shares, example = [], ""
    for _ in range(10):
        text = words(random, script, LENGTH)
        image = Image.new("RGB", (widths(face, text, height) + 2 * height, 2 * height), "white")
        draw_line(image, (height, height // 2), text, face, height, 0)
        read = rapid_engine().recognise(np.asarray(image)).text
        shares.append(share_kept(text, read))
        example = example or f"{text!r} as {read!r}"
    return sum(shares) / len(shares), example
