"""What `imgbudget legible` costs: CPU seconds and memory of whole runs, and of the detector by megapixel.

    python benchmarks/legible.py [IMAGES...] --rounds 3 [--other PYTHON]

Pages of text are rendered in Pillow's own font, as screenshots of usual sizes have them; IMAGES are read
too. PYTHON is an interpreter with another version of imgbudget, which is measured in turn.
"""

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from measuring import note, table

MODEL = "claude-sonnet-4-6"
WORDS = "the quick brown fox jumps over a lazy dog account total invoice page 2048 17.5% model".split()  # noqa: SIM905

DETECTION = """
import resource, sys
import numpy as np
from PIL import Image
from imgbudget.legibility.engine import rapid_engine
engine = rapid_engine()
piece = np.asarray(Image.open(sys.argv[1]).convert("RGB"))[:512, :1024]
engine.detect(piece)
costs = []
for _ in range(7):
    before = resource.getrusage(resource.RUSAGE_SELF)
    engine.detect(piece)
    after = resource.getrusage(resource.RUSAGE_SELF)
    costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
print(sorted(costs)[3] / (piece.shape[0] * piece.shape[1] / 1e6))
"""


class Page(NamedTuple):
    """A page of text: its size, the heights of its fonts in px, and its columns."""

    name: str
    size: tuple[int, int]
    fonts: tuple[int, ...]
    columns: int = 1


PAGES = (
    Page("page of 12 px", (3840, 2160), (12,), 2),
    Page("page of 28 px", (3840, 2160), (28,), 2),
    Page("page of 10 to 36 px", (3840, 2160), (10, 12, 14, 18, 24, 36), 3),
    Page("page of 13 px", (1920, 1080), (13,)),
)


def rendered(page: Page, folder: Path) -> Path:
    """The page as a PNG file."""
    chosen = random.Random(page.name)  # noqa: S311 - the same pages each time
    image = Image.new("RGB", page.size, "white")
    draw = ImageDraw.Draw(image)
    width = page.size[0] // page.columns
    for column in range(page.columns):
        top, number = 20, 0
        while True:
            height = page.fonts[number % len(page.fonts)]
            if top + height * 1.3 > page.size[1] - 10:
                break
            font = ImageFont.load_default(height)
            text = ""
            while draw.textlength(text, font=font) < width - 80 - height * 6:
                text += chosen.choice(WORDS) + " "
            draw.text((column * width + 30, top), text, fill="black", font=font)
            top, number = top + int(height * 1.6), number + 1
    path = folder / f"{page.name}.png"
    image.save(path)
    return path


class Use(NamedTuple):
    """What a run used: CPU seconds and the largest resident size, MB."""

    cpu: float
    megabytes: float


def used(python: str, path: Path) -> Use:
    """What one run of the command uses, with its start, in one process."""
    command = [python, "-m", "imgbudget", "legible", "-j", "1", "--model", MODEL, "--isolated", str(path)]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, stderr=quiet) as process:
        _, status, found = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} exits {process.returncode}")
    return Use(found.ru_utime + found.ru_stime, found.ru_maxrss / 1024)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("images", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--other", help="an interpreter with another version")
    options = parser.parse_args(arguments)
    pythons = {"CPU, s": sys.executable, **({"other, s": options.other} if options.other else {})}
    with tempfile.TemporaryDirectory() as folder:
        paths = [rendered(page, Path(folder)) for page in PAGES] + options.images
        uses: dict[tuple[Path, str], list[Use]] = {(path, name): [] for path in paths for name in pythons}
        for number in range(options.rounds):
            note(f"round {number + 1} of {options.rounds}")
            for path in paths:
                for name, python in pythons.items():
                    uses[path, name].append(used(python, path))
        rows = []
        for path in paths:
            with Image.open(path) as image:
                size = f"{image.width}x{image.height}"
            medians = [statistics.median(use.cpu for use in uses[path, name]) for name in pythons]
            most = max(use.megabytes for use in uses[path, "CPU, s"])
            rows.append([path.stem, size, *(f"{cpu:.2f}" for cpu in medians), f"{most:.0f}"])
        table("imgbudget legible", ["image", "px", *pythons, "MB"], rows)
        detection = [
            float(subprocess.check_output([python, "-c", DETECTION, str(paths[0])]))
            for python in pythons.values()
        ]
    table("Detection", ["", *pythons], [["a megapixel", *(f"{cpu:.2f}" for cpu in detection)]])


if __name__ == "__main__":
    main()
