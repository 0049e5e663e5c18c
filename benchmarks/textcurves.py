"""How much of a line is read, by the height of its letters as seen: the measurement and what follows from it.

The points go into tests/legibility_curves.csv. The thresholds of the package follow from them by the criteria
below; tests/test_legibility_curves.py compares both. Importing this module needs no recogniser and no fonts.
"""

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

CURVES = Path(__file__).resolve().parents[1] / "tests" / "legibility_curves.csv"

STEP = 0.5
"""Px of height between two points."""

HEIGHTS = (*(STEP * number for number in range(5, 19)), 10.0, 11.0, 12.0, 13.0, 14.0, 16.0)
"""The heights as seen of the points, px."""


class CurvePoint(NamedTuple):
    """Lines of one kind whose letters have about one height as seen.

    `contrast` is that of the letters with their ground, of 255; `tier` is the tier of Claude whose size they
    are seen at, or `file` for letters that are as small in the file itself; `characters` are those of all
    lines, and `read` those of them that are read there.
    """

    font: str
    script: str
    contrast: int
    ground: str
    tier: str
    height: float
    lines: int
    characters: int
    read: float


def read_curves(path: Path = CURVES) -> list[CurvePoint]:
    """The points of the file."""
    with path.open(encoding="utf-8", newline="") as rows:
        return [
            CurvePoint(
                row["font"],
                row["script"],
                int(row["contrast"]),
                row["ground"],
                row["tier"],
                float(row["height"]),
                int(row["lines"]),
                int(row["characters"]),
                float(row["read"]),
            )
            for row in csv.DictReader(rows)
        ]


def write_curves(points: Iterable[CurvePoint], path: Path = CURVES) -> None:
    """Write the points."""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(CurvePoint._fields)
        writer.writerows(point._replace(read=round(point.read, 1)) for point in points)


def shares(
    points: Iterable[CurvePoint], chosen: Callable[[CurvePoint], bool] = lambda _point: True
) -> dict[float, float]:
    """The share of the characters that is read at each height, from 0 to 1."""
    characters: dict[float, int] = defaultdict(int)
    read: dict[float, float] = defaultdict(float)
    for point in points:
        if chosen(point):
            characters[point.height] += point.characters
            read[point.height] += point.read
    return {height: read[height] / characters[height] for height in sorted(characters)}


def rising(curve: dict[float, float]) -> dict[float, float]:
    """The curve without the dips of chance: no larger letters are read worse (isotonic regression)."""
    blocks: list[tuple[list[float], float]] = []
    for height, share in curve.items():
        blocks.append(([height], share))
        while len(blocks) > 1 and blocks[-2][1] > blocks[-1][1]:
            (first, one), (second, other) = blocks[-2], blocks[-1]
            mean = (one * len(first) + other * len(second)) / (len(first) + len(second))
            blocks[-2:] = [([*first, *second], mean)]
    return {height: share for heights, share in blocks for height in heights}


def height_for(curve: dict[float, float], share: float) -> float:
    """The least height from which on this share is read, at it and above. Raises ValueError if none is."""
    found = [height for height, read in rising(curve).items() if read >= share]
    if not found:
        raise ValueError(f"no height has a share of {share:g}")
    return min(found)


def height_up_to(curve: dict[float, float], share: float) -> float:
    """The greatest height up to which less than this share is read. Raises ValueError if none is."""
    found = [height for height, read in rising(curve).items() if read < share]
    if not found:
        raise ValueError(f"no height has a share under {share:g}")
    return max(found)


GOOD = 100
"""Contrast, of 255, that is good."""


def good_latin(point: CurvePoint, *, any_tier: bool = False) -> bool:
    """Whether these are Latin letters of good contrast on a plain ground, as models see them."""
    is_seen = any_tier or point.tier != "file"
    return is_seen and point.script == "Latin" and point.contrast >= GOOD and point.ground == "screenshot"


def small_latin(point: CurvePoint) -> bool:
    """Whether these are Latin letters of good contrast on a plain ground, downscaled or drawn so small."""
    return good_latin(point, any_tier=True)


def faint(point: CurvePoint) -> bool:
    """Whether these are letters of little contrast, on any ground, as models see them."""
    return point.tier != "file" and point.contrast < GOOD


class Criterion(NamedTuple):
    """How a number of the package follows from the points, in words and as a function."""

    meaning: str
    criterion: str
    value: Callable[[Sequence[CurvePoint]], float]


CRITERIA = {
    "LOST_HEIGHT": Criterion(
        "lost without reading, up to",
        "the greatest height up to which less than 20 % of the characters is read",
        lambda points: height_up_to(shares(points, good_latin), 0.2),
    ),
    "SMALL_HEIGHT": Criterion(
        "IB307: too small, under",
        "the least height from which on 95 % is read, the share from which on a line is kept; downscaled or "
        "drawn so small",
        lambda points: height_for(shares(points, small_latin), 0.95),
    ),
    "SAFE_HEIGHT": Criterion(
        "advice: kept, from",
        "the least height from which on 99 % is read",
        lambda points: height_for(shares(points, good_latin), 0.99),
    ),
    "CLEAR_HEIGHT": Criterion(
        "IB306: kept without reading, from",
        "the least height from which on 99.5 % is read",
        lambda points: height_for(shares(points, good_latin), 0.995),
    ),
    "FAINT_CLEAR_HEIGHT": Criterion(
        "IB306: faint letters kept without reading, from",
        "the least height from which on 99 % is read of letters of little contrast, on any ground",
        lambda points: height_for(shares(points, faint), 0.99),
    ),
}
"""The thresholds of `imgbudget.model.text`, by their names."""
