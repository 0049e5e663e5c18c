"""How much `imgbudget plan --target legible` saves on ten screenshots, and whether their text is kept.

    python benchmarks/plan_legible.py [SCREENSHOT...]

Six screenshots are drawn in free fonts (fonts-dejavu-core, fonts-liberation); files that are named are added.
Each is planned by the command, which reads every line in doubt as a whole at the chosen size. One step below,
where the plan stops at the first loss, all of them are read here. Prints the table of docs/legibility.md.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from resource import RUSAGE_CHILDREN, getrusage
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.legibility.engine import rapid_engine
from imgbudget.legibility.picture import picture_of
from imgbudget.legibility.smallest import text_at
from imgbudget.limits.geometry import Size
from imgbudget.model.contents import ContentAt
from imgbudget.model.subjects import ProbeField
from imgbudget.output.contents import around_difference

MODEL = "claude-sonnet-4-6"

WORDS = (
    "invoice", "total", "account", "balance", "amount", "order", "number", "subject", "quarter",
    "payment", "shipping", "terms", "delivery", "refund", "policy", "export", "report", "query",
    "status", "pending", "monthly", "region", "budget", "margin", "profit", "growth", "deposit",
    "receipt", "warranty", "support", "page", "journal", "Typing", "Germany", "Equity", "Liability",
    "Supply", "Singapore", "Madrid", "August", "February",
)  # fmt: skip

Draw = Callable[[ImageDraw.ImageDraw, Size, Random], None]


@cache
def font(name: str, size: int) -> ImageFont.FreeTypeFont:
    """A font of the system by the stem of its file."""
    return ImageFont.truetype(f"{name}.ttf", size)


def _words(rng: Random, count: int) -> str:
    return " ".join(rng.choice(WORDS) for _ in range(count))


def _editor(draw: ImageDraw.ImageDraw, size: Size, rng: Random) -> None:
    """Source text in a dark editor, with files on the left."""
    draw.rectangle((0, 0, *size), fill="#1e1e1e")
    draw.rectangle((0, 0, 220, size.height), fill="#252526")
    for row, top in enumerate(range(12, size.height - 20, 22)):
        draw.text((14, top), f"{rng.choice(WORDS)}_{row}.py", fill="#cccccc", font=font("DejaVuSans", 13))
        draw.text((240, top), f"{row + 1:3}", fill="#858585", font=font("DejaVuSansMono", 13))
        code = f"{rng.choice(WORDS)}_{row} = {rng.choice(WORDS)}({rng.randrange(100, 9999)})"
        draw.text((290 + 32 * (row % 3), top), code, fill="#d4d4d4", font=font("DejaVuSansMono", 13))


def _settings(draw: ImageDraw.ImageDraw, size: Size, rng: Random) -> None:
    """A form with labels, fields and hints in small print."""
    draw.text((40, 24), "Account settings", fill="#202124", font=font("LiberationSans-Bold", 28))
    for top in range(90, size.height - 90, 96):
        draw.text(
            (40, top), _words(rng, 2).capitalize(), fill="#202124", font=font("LiberationSans-Regular", 16)
        )
        draw.rectangle((40, top + 24, 560, top + 56), outline="#9aa0a6")
        draw.text((52, top + 31), _words(rng, 4), fill="#3c4043", font=font("LiberationSans-Regular", 15))
        hint = _words(rng, 7).capitalize()
        draw.text((40, top + 62), hint, fill="#5f6368", font=font("LiberationSans-Regular", 13))


def _table(draw: ImageDraw.ImageDraw, size: Size, rng: Random) -> None:
    """A spreadsheet: words and numbers between rules."""
    face = font("LiberationSans-Regular", 14)
    for row, top in enumerate(range(0, size.height - 24, 24)):
        draw.line((0, top, size.width, top), fill="#d0d0d0")
        for column, left in enumerate(range(0, size.width - 120, 160)):
            number = f"{rng.randrange(100, 99_999):,}.{rng.randrange(100):02}"
            text = _words(rng, 1).title() if column == 0 or row == 0 else number
            draw.text((left + 8, top + 4), text, fill="black", font=face)


def _chat(draw: ImageDraw.ImageDraw, size: Size, rng: Random) -> None:
    """Messages of a phone: large letters and small times of day."""
    for row, top in enumerate(range(40, size.height - 150, 170)):
        left = 30 if row % 2 else 200
        draw.rounded_rectangle(
            (left, top, left + 640, top + 120), 20, fill="#e8f0fe" if row % 2 else "#d2f4d3"
        )
        for line in range(2):
            place = left + 24, top + 16 + 38 * line
            draw.text(place, _words(rng, 5), fill="#111111", font=font("DejaVuSans", 26))
        clock = f"{rng.randrange(10, 24)}:{rng.randrange(10, 60)}"
        draw.text((left + 540, top + 92), clock, fill="#666666", font=font("DejaVuSans", 18))


def _article(draw: ImageDraw.ImageDraw, size: Size, rng: Random) -> None:
    """A page of prose with serifs."""
    draw.text((80, 30), _words(rng, 4).title(), fill="black", font=font("LiberationSerif-Bold", 34))
    for top in range(100, size.height - 40, 27):
        draw.text((80, top), _words(rng, 13), fill="#111111", font=font("LiberationSerif-Regular", 19))


def _chart(draw: ImageDraw.ImageDraw, size: Size, rng: Random) -> None:
    """Bars with the numbers of their axis, a title and a legend."""
    draw.text((60, 20), _words(rng, 5).title(), fill="black", font=font("DejaVuSans-Bold", 24))
    for step in range(9):
        top = 100 + step * (size.height - 200) // 8
        draw.line((90, top, size.width - 40, top), fill="#e0e0e0")
        draw.text((34, top - 8), f"{(8 - step) * 250}", fill="#444444", font=font("DejaVuSans", 14))
    for bar, left in enumerate(range(120, size.width - 140, 110)):
        top = rng.randrange(120, size.height - 140)
        draw.rectangle((left, top, left + 60, size.height - 100), fill=("#4285f4", "#ea4335")[bar % 2])
        draw.text(
            (left - 4, size.height - 92), rng.choice(WORDS), fill="#444444", font=font("DejaVuSans", 14)
        )


DRAWN: tuple[tuple[str, Size, Draw], ...] = (
    ("editor", Size(1280, 800), _editor),
    ("settings", Size(1280, 800), _settings),
    ("table", Size(1440, 900), _table),
    ("chat", Size(1080, 1920), _chat),
    ("article", Size(1200, 900), _article),
    ("chart", Size(1600, 1000), _chart),
)


class Row(NamedTuple):
    """One screenshot in the table; `seconds` are of CPU, and `lost` is what is left one step below."""

    name: str
    plan: dict[str, Any]
    seconds: float
    lost: ContentAt | None


def draw_all(folder: Path) -> list[Path]:
    """The drawn screenshots as PNG files."""
    paths = []
    for number, (name, size, draw) in enumerate(DRAWN):
        image = Image.new("RGB", size, "white")
        draw(ImageDraw.Draw(image), size, Random(number))  # noqa: S311 - the same for everyone
        paths.append(folder / f"{name}.png")
        image.save(paths[-1])
    return paths


def planned(path: Path) -> tuple[dict[str, Any], float]:
    """The plan of the command, and the seconds of CPU that it took, encoding included."""
    command = [sys.executable, "-m", "imgbudget", "plan", str(path), "--target", "legible"]
    command += ["--model", MODEL, "--isolated", "--format", "json"]
    before = getrusage(RUSAGE_CHILDREN)
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    after = getrusage(RUSAGE_CHILDREN)
    if run.returncode not in {0, 1}:
        raise SystemExit(run.stderr)
    seconds = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    (plan,) = json.loads(run.stdout)["plans"]
    return plan, seconds


def measured(path: Path) -> Row:
    """A screenshot with its plan, and with its text one step below the chosen size."""
    plan, seconds = planned(path)
    data = path.read_bytes()
    picture = picture_of(data, probe_bytes(data, ProbeField.ALL))
    below = plan["content"]["lost"]
    found = text_at(picture, [Size(*below["size"])] if below else [], rapid_engine())
    return Row(path.stem, plan, seconds, next(iter(found), None))


def _proof(content: dict[str, Any]) -> str:
    """How many lines are kept, of all, and how many of them were read there as a whole, of those in doubt."""
    kept = content["kept"]
    if not kept:
        return ""
    lines, many = content["lines"], len(kept["lines_lost"])
    return f"{lines - many} of {lines} ({kept['lines_read']} of {kept['lines_doubtful']} in doubt read)"


def _loss(row: Row) -> str:
    """How many lines lose characters one step below, and the first of them; or that they are not found."""
    below = row.plan["content"]["lost"]
    if below is None or row.lost is None:
        return "nothing smaller"
    if not row.lost.lost:
        return f"{below['lines_sought'] - below['lines_found']} of {below['lines_sought']} lines not detected"
    first = row.lost.lost[0]
    texts = " → ".join(f"`{one}`" for one in around_difference(first.text, first.seen_text))
    return f"{len(row.lost.lost)} of {row.lost.lines_read}: {texts}"


_HEAD = (
    "| screenshot | size | native tokens | size that keeps its text | tokens | saved | lines kept | "
    "one step below | lines that lose characters there, of those in doubt | CPU, s |"
)


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        _HEAD,
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        content, before = row.plan["content"], row.plan["before"]["tokens"]
        kept, lost = content["kept"], content["lost"]
        cells = [
            row.name,
            "x".join(map(str, row.plan["from"])),
            str(before),
            "x".join(map(str, kept["size"])) if kept else "none",
            str(kept["tokens"]) if kept else "",
            f"{(1 - kept['tokens'] / before) * 100:.0f} %" if kept else "",
            _proof(content),
            "x".join(map(str, lost["size"])) if lost else "",
            _loss(row),
            f"{row.seconds:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        paths = [*draw_all(Path(folder)), *map(Path, sys.argv[1:])]
        rows = []
        for path in paths:
            rows.append(measured(path))
            print(table(rows[-1:]).splitlines()[-1], file=sys.stderr, flush=True)
    print(table(rows))
    total = sum(row.seconds for row in rows)
    print(f"\nplans: {total:.0f} s of CPU; reading every line again: {time.process_time() - begin:.0f} s")


if __name__ == "__main__":
    main()
