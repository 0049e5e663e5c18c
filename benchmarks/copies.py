"""Checks a folder of which a part are copies, with and without IB801 and a cache of facts."""

# ruff: noqa: S311 - the folder is to be the same for the same corpus, not secret

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from random import Random

import manifest
from cfloor import compile_floor, run_floor
from measuring import Cost, interleave, note, program, ratio, run, table

_IN_FOLDER = 1000


def main() -> int:
    """Make the folder where it is missing, and check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help="made by corpus.py; its first files are used")
    parser.add_argument("folder", help="where the files are or go; as large as the corpus")
    parser.add_argument("--share", type=float, default=0.4, help="part of copies (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="(default: %(default)s)")
    parser.add_argument("--than", metavar="COMMAND", help="the imgbudget of another environment, to compare")
    given = parser.parse_args()
    if not os.path.exists(given.folder):
        note(f"makes {given.folder}")
        _make(given.corpus, given.folder, given.share)
    commands = {"": program("imgbudget")} | ({" of --than": given.than} if given.than else {})
    with tempfile.TemporaryDirectory() as kept:
        measured: dict[str, Callable[[], Cost]] = {}
        for name, command in commands.items():
            cache = os.path.join(kept, name or "this")
            for more in (("--no-cache",), ("--no-cache", "--ignore", "IB801"), ("--cache",)):
                measured[f"`check {' '.join(more)}`{name}"] = _check(command, given.folder, cache, *more)
        for check in measured.values():
            check()  # fills the caches, and that of the system
        if floor := compile_floor(kept):
            measured["C floor, 1 process"] = lambda: run_floor(floor, given.folder).whole
        costs = interleave(measured, given.rounds)
    base = next(iter(costs.values()))
    rows = []
    for name, mine in costs.items():
        times = ratio(mine, base)
        least = Cost(min(cost.cpu for cost in mine), min(cost.wall for cost in mine))
        rows.append((name, f"{least.cpu:.2f}", f"{least.wall:.2f}", f"{times.cpu:.2f}", f"{times.wall:.2f}"))
    header = ("command", "least CPU, s", "least wall, s", "× the first, CPU", "wall")
    table(f"A folder with {given.share:.0%} copies, JSON", header, rows)
    return 0


def _make(corpus: str, folder: str, share: float) -> None:
    """As many files as in the corpus, in random order, under a temporary name until all are written."""
    paths = [truth.path for truth in manifest.read(corpus)]
    rng, made = Random(1), f"{folder}.part"
    originals = paths[: round(len(paths) * (1 - share))]
    chosen = [*originals, *rng.choices(originals, k=len(paths) - len(originals))]
    rng.shuffle(chosen)
    for number, path in enumerate(chosen):
        below = os.path.join(made, f"{number // _IN_FOLDER:04}")
        if not number % _IN_FOLDER:
            os.makedirs(below)
        target = os.path.join(below, f"{number:06}{os.path.splitext(path)[1]}")
        shutil.copyfile(os.path.join(corpus, path), target)
    os.rename(made, folder)


def _check(command: str, folder: str, cache: str, *more: str) -> Callable[[], Cost]:
    os.makedirs(cache, exist_ok=True)
    out = f"json:{os.path.join(cache, 'report.json')}"
    line = [command, "check", "--isolated", folder, "--format", out, *more]

    def measure() -> Cost:
        return run(line, cache=cache, accept=(0, 1)).cost

    return measure


if __name__ == "__main__":
    sys.exit(main())
