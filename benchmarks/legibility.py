"""Measures which letters are read at which height, and writes the evidence into docs/legibility.md.

    python benchmarks/legibility.py [--part curves|pages|text]... [--pictures FILE...] [--jobs N]

Needs imgbudget[text] and fonts from packages of Debian, which it names if they are missing. `curves` reads
drawn lines of known text and writes tests/legibility_curves.csv (about 5 minutes of CPU); `pages` compares
what is predicted and what is read of pages with known text, and of pictures, and writes
tests/legibility_pages.csv (about 10 minutes); `text` writes the page from both files. Without --part it does
all three.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from importlib.metadata import version
from math import ceil
from pathlib import Path

from imgbudget.limits.geometry import Size, Tier, native_size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model import text as model_text
from imgbudget.model.text import SAFE_HEIGHT
from lettering import FACES, require_fonts
from textcurves import (
    CRITERIA,
    CurvePoint,
    read_curves,
    shares,
    small_latin,
    write_curves,
)
from textgoals import PageRow, accuracy, left_out, read_pages, write_pages
from textreading import CONTRASTS, GROUNDS, known_letters, measured_curves, read_words
from texttruth import LEAST_EDGES, SCALES, PageResult, compared_pages, page_tasks, read_on_edges

PAGE = Path(__file__).resolve().parents[1] / "docs" / "legibility.md"
BEGIN, END = "<!-- evidence: python benchmarks/legibility.py -->", "<!-- end of evidence -->"

SHOWN = (3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 8.0, 9.0, 10.0, 12.0, 14.0)
"""Heights of the tables, px."""

SPACING = 1.5
"""The distance of lines by the height of their letters, for a table of sizes."""

PICTURES = (
    ("screenshot, 1920x1080", Size(1920, 1080), None),
    ("screenshot, 2560x1440", Size(2560, 1440), None),
    ("screenshot, 3840x2160", Size(3840, 2160), None),
    ("A4 at 150 DPI, 1240x1754", Size(1240, 1754), 150),
    ("A4 at 300 DPI, 2480x3508", Size(2480, 3508), 300),
)
"""Pictures that people send, with the dots per inch of scans."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def curve_table(
    name: str, points: Sequence[CurvePoint], rows: Sequence[tuple[str, Callable[[CurvePoint], bool]]]
) -> str:
    """The characters that are read in percent, by height."""
    found = []
    for title, chosen in rows:
        curve = shares(points, chosen)
        found.append([title, *(_percent(curve.get(height)) for height in SHOWN)])
    return table([name, *(f"{height:g}" for height in SHOWN)], found)


def _percent(share: float | None) -> str:
    if share is None:
        return ""
    return f"{100 * share:.1f}" if 0.985 <= share < 0.9995 else f"{100 * share:.0f}"


def evidence(points: Sequence[CurvePoint], pages: Sequence[PageRow], session: Session) -> Iterator[str]:
    """The paragraphs of the page."""
    lines = sum(point.lines for point in points)
    yield "## Evidence"
    yield (
        f"Measured with `python benchmarks/legibility.py` (RapidOCR {version('rapidocr')}, onnxruntime "
        f"{version('onnxruntime')}, Pillow {version('pillow')}): {lines:,} lines of random words and amounts "
        f"in {len(FACES)} fonts, drawn in large pictures, downscaled to what the tiers of Claude see, and "
        "read there. Columns: heights of letters as seen, px; cells: the characters that are read, percent. "
        "**A recogniser stands in for the model**: no model was asked. [verify --text]"
        "(#compare-it-with-a-model) compares both."
    )
    yield from _curves(points, session.limits.tiers)
    yield from _thresholds()
    yield from _scripts()
    yield from _sizes(session)
    yield from _goals(pages)


def where(**values: object) -> Callable[[CurvePoint], bool]:
    """Which points have these values."""
    return lambda point: all(getattr(point, name) == value for name, value in values.items())


def _curves(points: Sequence[CurvePoint], tiers: Sequence[Tier]) -> Iterator[str]:
    seen = [point for point in points if point.tier != "file"]
    screens = [point for point in seen if point.ground == "screenshot"]
    clear = [point for point in screens if point.contrast > min(CONTRASTS)]
    yield f"**Fonts**, on plain ground, contrast {CONTRASTS[1]} and {CONTRASTS[0]} of 255, both tiers:"
    yield curve_table("font", clear, [(face.name, where(font=face.name)) for face in FACES])
    yield "**Contrast and ground**, Latin fonts, light and dark:"
    latin = [point for point in seen if point.script == "Latin"]
    kinds = [(contrast, ground) for ground in GROUNDS for contrast in CONTRASTS]
    yield curve_table(
        "contrast, ground",
        latin,
        [(f"{contrast}, {ground}", where(contrast=contrast, ground=ground)) for contrast, ground in kinds],
    )
    yield "**Chinese**, the same:"
    chinese = [point for point in seen if point.script == "Chinese"]
    yield curve_table(
        "contrast, ground",
        chinese,
        [(f"{contrast}, {ground}", where(contrast=contrast, ground=ground)) for contrast, ground in kinds],
    )
    yield "**Tiers**, Latin fonts with good contrast; the last row is text that small in the file itself:"
    yield curve_table(
        "seen by",
        [point for point in points if small_latin(point)],
        [
            *((f"{tier.name} tier", where(tier=tier.name)) for tier in tiers),
            ("not downscaled", where(tier="file")),
        ],
    )


def _thresholds() -> Iterator[str]:
    yield (
        "**Thresholds** follow from these curves (a test compares them with "
        "`tests/legibility_curves.csv`). Without a remark, of Latin letters of good contrast on plain ground:"
    )
    rows = [
        [one.meaning, f"{getattr(model_text, name):g} px", one.criterion] for name, one in CRITERIA.items()
    ]
    lines = [["threshold", "value", "criterion"], ["---", "---", "---"], *rows]
    yield "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _scripts() -> Iterator[str]:
    known = ", ".join(f"{name} ({count:,})" for name, count in known_letters().items() if count)
    missing = ", ".join(name for name, count in known_letters().items() if not count)
    share, example = read_words("Cyrillic", 24)
    yield (
        f"**Scripts.** The recogniser knows letters of these: {known}. Of {missing} it knows none: it reads "
        f"{100 * share:.0f} % of Russian words of 24 px ({example}). Text in such scripts is found and has "
        "heights, and nothing is said of whether it is kept."
    )


def _sizes(session: Session) -> Iterator[str]:
    limits = session.context.limits()
    area = limits.latency_pixels.value if limits.latency_pixels else None
    edge = limits.least_edge
    tiers = session.limits.tiers
    yield (
        f"**What sizes mean for text.** The smallest letters in the file, px, that are {SAFE_HEIGHT:g} px "
        "high as seen; of scans also in points:"
    )
    rows = []
    for name, size, dpi in PICTURES:
        cells = [_smallest(size, native_size(size, tier), dpi) for tier in tiers]
        if area:
            factor = min((area / (size.width * size.height)) ** 0.5, 1.0)
            cells.append(_smallest(size, size.scaled(round(size.long_edge * factor), size.long_edge), dpi))
        rows.append([name, *cells])
    heads = [f"{tier.name} tier" for tier in tiers]
    if area:
        heads.append(f"{area / 1e6:g} megapixels")
    yield table(["picture", *heads], rows)
    many = int(edge / (SAFE_HEIGHT * SPACING))
    old = f"{area / 1e6:g} megapixels" if area else ""
    read = ", ".join(f"{100 * share:.0f} % at {short} px" for short, share in read_on_edges((30, 60, edge)))
    yield (
        f"The guide warns of edges under {edge} px. For text that is no bound: {edge} px are {many} lines "
        f"with letters of {SAFE_HEIGHT:g} px, and lines with letters of 12 px are read whatever the edge "
        f"({read}). What counts is the height of the letters."
    )
    if area:
        yield (
            f"Its older advice of {old} is about speed, and no promise that text is kept: letters need the "
            "heights in the last column."
        )


def _smallest(size: Size, seen: Size, dpi: int | None) -> str:
    factor = min(seen.width / size.width, seen.height / size.height, 1.0)
    height = SAFE_HEIGHT / factor
    points = "" if dpi is None else f" ({height * 72 / dpi:.1f} pt)"
    return f"{ceil(10 * height) / 10:.1f}{points}"


def _goals(pages: Sequence[PageRow]) -> Iterator[str]:
    whole = accuracy(pages)
    drawn = sum(row.kind != "picture" for row in pages) // len(SCALES)
    yield (
        f"**Predicted and measured.** {whole.images} images with known text, each at "
        f"{', '.join(f'{100 * scale:.0f} %' for scale in SCALES)} of its size: {drawn} pages drawn in these "
        f"fonts, and {whole.images - drawn} charts, forms and screenshots whose text was read at full size. "
        "What `imgbudget legible` predicts from a sample of lines is compared with what is read when the "
        "whole image is resized and searched without knowing where its lines are."
    )
    kinds = list(dict.fromkeys(row.kind for row in pages))
    rows = []
    for kind in (*kinds, None):
        part = accuracy([row for row in pages if kind in (None, row.kind)])
        rows.append(
            [
                kind or "all",
                str(part.images),
                f"{100 * part.error:.1f}",
                f"{part.losing} of {part.pages}",
                f"{part.reported}",
                f"{part.precision:.2f}",
                f"{part.recall:.2f}",
            ]
        )
    yield table(
        ["images", "", "mean error, points", "lose a line", "IB306 reports", "precision", "recall"], rows
    )
    once = accuracy([row._replace(lost=row.lost_once) for row in pages])
    precision, recall = left_out(pages)
    small, usual = LEAST_EDGES
    yield (
        f"The whole image is searched twice, once enlarged to a short edge of {small} px and once to {usual} "
        "px, RapidOCR's default; a line is lost if neither search reads it. Were it lost as soon as one does "
        f"not, {once.losing} of {once.pages} would lose a line, with precision {once.precision:.2f} and "
        f"recall {once.recall:.2f}: a single search finds no box for some lines, or for half of one, though "
        "they can be read once their place is known. Whichever image is left out, precision is at least "
        f"{precision:.2f} and recall {recall:.2f}."
    )


def write_page(text: str) -> None:
    """Put the evidence between its markers. Raises SystemExit if they are gone."""
    page = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
    if not pattern.search(page):
        sys.exit(f"{PAGE}: has no line {BEGIN}")
    PAGE.write_text(pattern.sub(lambda _found: f"{BEGIN}\n{text}\n{END}", page), encoding="utf-8")


def main() -> None:
    """Measure, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--part", action="append", choices=("curves", "pages", "text"))
    parser.add_argument("--pictures", nargs="*", type=Path, default=[], metavar="FILE")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    parts = options.part or ["curves", "pages", "text"]
    if gone := [path for path in options.pictures if not path.is_file()]:
        sys.exit(f"{gone[0]}: is no file")
    require_fonts()
    session = Session(RunOptions(isolated=True))
    if "curves" in parts:
        write_curves(measured_curves(session.limits.tiers, options.jobs))
    if "pages" in parts:
        write_pages(PageResult._fields, compared_pages(page_tasks(options.pictures), options.jobs))
    if "text" in parts:
        write_page("\n\n".join(evidence(read_curves(), read_pages(), session)))


if __name__ == "__main__":
    main()
