"""Compares what is predicted of known text with what is read of it in another way; needs imgbudget[text].

The other way knows nothing of lines at full size: the whole image is resized, and RapidOCR finds and reads
what is there, in two searches.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib import import_module
from multiprocessing import Pool
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.legibility.comparison import fewest_within, significant
from imgbudget.legibility.engine import rapid_engine
from imgbudget.legibility.picture import RESAMPLING, picture_of
from imgbudget.legibility.reading import ReadingOptions, read_text
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ProbeField
from imgbudget.model.text import LineState, state_of
from lettering import LATIN, Lettering, draw_line, widths, words
from textpages import EACH_KIND, KINDS, KnownPage, drawn_page

SCALES = (0.75, 0.5, 0.36)
"""The sizes at which text is read, by that of the file."""

READABLE = 0.9
"""The share of a line that has to be read at full size, or it says nothing of smaller sizes."""

LEAST_EDGES = (400, 736)
"""Px of the short edge up to which RapidOCR enlarges what it searches for lines, else it finds none under 5
px; 736 is its default. What it reads is not enlarged. A picture is searched with both, as a single search
misses lines that can be read, and reads some otherwise by chance: a line counts with the better reading.
"""

CERTAIN = 0.9
"""How certain the recogniser has to be of a line of a picture whose text nobody wrote down."""


class PageTruth(NamedTuple):
    """What was read of a page at one size: the share of what full size gives, and lost lines.

    `lost` are lines that no search reads, `lost_once` those that one of them does not read.
    """

    kind: str
    name: str
    scale: float
    lines: int
    characters: int
    measured: float
    lost: int
    lost_once: int


class PagePrediction(NamedTuple):
    """What is predicted of a page at one size: the share kept, lost lines, and whether IB306 reports it."""

    kind: str
    name: str
    scale: float
    predicted: float
    lost: int
    reported: bool


class PageTask(NamedTuple):
    """A page to read: one of those that are drawn, or a picture."""

    kind: str
    number: int
    path: Path | None = None

    @property
    def name(self) -> str:
        """The name of the page."""
        return self.path.name if self.path else f"{self.kind} {self.number}"

    def page(self) -> KnownPage:
        """The page itself."""
        if self.path is None:
            return drawn_page(self.kind, self.number)
        data = self.path.read_bytes()
        return KnownPage(self.kind, 0, picture_of(data, probe_bytes(data, ProbeField.ALL)), None)


class WholeLine(NamedTuple):
    """A line that was found and read in a whole image."""

    box: tuple[float, float, float, float]
    text: str
    score: float


@cache
def _whole_engine(least_edge: int) -> Any:
    """RapidOCR with its own settings but for some: no image is made smaller, and unsure lines count too."""
    rapid_engine()  # without its connections
    settings = {
        "Global.log_level": "critical",
        "Global.text_score": 0.0,
        "Global.max_side_len": 10_000,
        "Det.limit_side_len": least_edge,
        "EngineConfig.onnxruntime.intra_op_num_threads": 1,
        "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    }
    return import_module("rapidocr").RapidOCR(params=settings)


def read_whole(image: Image.Image, least_edge: int = LEAST_EDGES[0]) -> list[WholeLine]:
    """The lines of an image, read as a whole, with one of the edges."""
    pixels = np.ascontiguousarray(np.asarray(image.convert("RGB"))[:, :, ::-1])
    # its classifier turns some long lines upside down, which are upright (RapidOCR 3.10)
    found = _whole_engine(least_edge)(pixels, use_cls=False)
    if found.boxes is None or found.txts is None:
        return []
    return [
        WholeLine(
            (float(box[:, 0].min()), float(box[:, 1].min()), float(box[:, 0].max()), float(box[:, 1].max())),
            str(text),
            float(score),
        )
        for box, text, score in zip(np.asarray(found.boxes), found.txts, found.scores, strict=True)
    ]


def share_found(line: Lettering, scale: float, read: Sequence[WholeLine]) -> float:
    """The share of the characters of a known line that is read where it is, from 0 to 1.

    What is read beside it in the same box does not count against it.
    """
    left, top, right, bottom = (edge * scale for edge in line.box)
    here = sorted(
        (
            one
            for one in read
            if min(bottom, one.box[3]) - max(top, one.box[1]) > (bottom - top) / 2
            and min(right, one.box[2]) > max(left, one.box[0])
        ),
        key=lambda one: one.box[0],
    )
    known, fewest = significant(line.text), len(significant(line.text))
    for first in here:  # boxes are higher than letters, so that those of other rows reach into this one
        row = (one.text for one in here if abs(_middle(one) - _middle(first)) < (bottom - top) / 2)
        fewest = min(
            fewest,
            fewest_within(known, significant("".join(row))),
            fewest_within(known, significant(first.text)),
        )
    return 1 - fewest / len(known) if known else 1.0


def _middle(line: WholeLine) -> float:
    return (line.box[1] + line.box[3]) / 2


def truth_of(task: PageTask) -> list[PageTruth]:
    """What is read of the known lines of a page at each size, of those that are read at full size."""
    page = task.page()
    full = read_whole(page.image)
    drawn = page.lines
    if drawn is None:
        drawn = tuple(
            Lettering(one.text, _whole_px(one.box))
            for one in full
            if one.score >= CERTAIN and len(significant(one.text)) >= 2
        )
    lines = [line for line in drawn if share_found(line, 1.0, full) >= READABLE]
    found = []
    for scale in SCALES:
        size = _scaled(page.image, scale)
        smaller = page.image.resize(size, RESAMPLING)
        # neither edge enlarges a picture whose short edge is longer, and both searches are the same
        edges = LEAST_EDGES[:1] if min(size) >= max(LEAST_EDGES) else LEAST_EDGES
        searches = [read_whole(smaller, edge) for edge in edges]
        characters, kept, lost, lost_once = 0, 0.0, 0, 0
        for line in lines:
            many = len(significant(line.text))
            parts = [share_found(line, size.width / page.image.width, read) for read in searches]
            characters += many
            kept += many * max(parts)
            lost += state_of(max(parts)) is LineState.LOST
            lost_once += state_of(min(parts)) is LineState.LOST
        measured = kept / characters if characters else 1.0
        counts = len(lines), characters, measured, lost, lost_once
        found.append(PageTruth(task.kind, task.name, scale, *counts))
    return found


def _whole_px(box: tuple[float, float, float, float]) -> tuple[int, int, int, int]:
    left, top, right, bottom = box
    return int(left), int(top), int(right), int(bottom)


def _scaled(image: Image.Image, scale: float) -> Size:
    return Size(max(round(image.width * scale), 1), max(round(image.height * scale), 1))


def prediction_of(task: PageTask) -> list[PagePrediction]:
    """What `imgbudget legible` and IB306 predict of a page at each size."""
    image = task.page().image
    sizes = {scale: _scaled(image, scale) for scale in SCALES}
    text = read_text(image, sizes.values(), rapid_engine(), ReadingOptions(appearing=False))
    found = []
    for scale, size in sizes.items():
        seen = text.at(size)
        lost = seen.lost
        reported = any(line.line.text for line in lost)
        found.append(PagePrediction(task.kind, task.name, scale, seen.share_kept, len(lost), reported))
    return found


class PageResult(NamedTuple):
    """A page at one size: what is predicted of it and what was measured, as in `PageTruth` and its like."""

    kind: str
    name: str
    scale: float
    lines: int
    characters: int
    predicted: float
    measured: float
    predicted_lost: int
    lost: int
    lost_once: int
    reported: bool


def compared(task: PageTask) -> list[PageResult]:
    """What is predicted and measured of a page at each size; nothing if it has too few known lines."""
    truth = truth_of(task)
    if not truth or truth[0].lines < LEAST_LINES:
        return []
    return [
        PageResult(
            one.kind,
            one.name,
            one.scale,
            one.lines,
            one.characters,
            round(other.predicted, 4),
            round(one.measured, 4),
            other.lost,
            one.lost,
            one.lost_once,
            other.reported,
        )
        for one, other in zip(truth, prediction_of(task), strict=True)
    ]


LEAST_LINES = 3
"""Known lines of a page that counts."""


def page_tasks(pictures: Iterable[Path]) -> list[PageTask]:
    """The pages that are drawn, and pictures."""
    drawn = [PageTask(kind, number) for number in range(EACH_KIND) for kind in KINDS]
    return [*drawn, *(PageTask("picture", 0, path) for path in pictures)]


def compared_pages(tasks: Iterable[PageTask], jobs: int) -> Iterator[PageResult]:
    """The results of all pages, in order."""
    with Pool(jobs) as pool:
        for found in pool.imap(compared, tasks):
            yield from found


def read_on_edges(edges: Iterable[int]) -> Iterator[tuple[int, float]]:
    """The share that is read of lines with letters of 12 px in whole pictures with such short edges, px."""
    for edge in edges:
        random, shares = Random(2), []  # noqa: S311 - the same words each time
        for face in LATIN:
            text = words(random, face.script, 22)
            image = Image.new("RGB", (max(widths(face, text, 13) + 40, edge), edge), "white")
            line = draw_line(image, (20, (edge - 16) // 2), text, face, 13, 0)
            shares.append(share_found(line, 1.0, read_whole(image)))
        yield edge, sum(shares) / len(shares)
