"""Compares whole runs over a folder: `imgbudget check` against the C floor and against dataset auditors."""

import os
import sys
import tempfile
from collections.abc import Callable

import manifest
from cfloor import run_floor
from measuring import Cost, Run, interleave, median, note, program, ratio, run, table

_HEADER = ("command", "CPU, s", "wall, s", "µs a file, wall")

_CLEANVISION = """
import sys
from cleanvision import Imagelab
lab = Imagelab(data_path=sys.argv[1])
lab.find_issues({"odd_size": {}}, verbose=False)
print(len(lab.issues))
"""

_IMGCLEAN = """
import sys
from imgclean import scan_dataset
print(scan_dataset(sys.argv[1], checks=["resolution"], cache=False))
"""

AUDITORS = {
    "CleanVision, odd_size": ("cleanvision", _CLEANVISION),
    "imgclean, resolution": ("imgclean", _IMGCLEAN),
}
"""Package and program of each, as its documentation has it."""


def compare_folder(corpus: str, floor: str | None, rounds: int) -> None:
    """`imgbudget check` of the whole corpus, rules and JSON included, against the floor's whole process."""
    files = len(manifest.read(corpus))
    with tempfile.TemporaryDirectory() as folder:
        measured = {
            "`imgbudget check -j 1 --no-cache`": _check(corpus, folder, "-j", "1", "--no-cache"),
            "`imgbudget check --no-cache`": _check(corpus, folder, "--no-cache"),
            "`imgbudget check -j 1`, cache filled": _check(corpus, folder, "-j", "1", "--cache"),
            "`imgbudget check`, cache filled": _check(corpus, folder, "--cache"),
        }
        note("filling the cache")
        measured["`imgbudget check`, cache filled"]()
        bases: list[str] = []
        if floor:
            bases = ["C floor, 1 process", "C floor, 2 processes"]
            measured = {
                bases[0]: lambda: run_floor(floor, corpus).whole,
                bases[1]: lambda: run_floor(floor, corpus, 2).whole,
                **measured,
            }
        costs = interleave(measured, rounds)
    rows = []
    for name, mine in costs.items():
        cost = median(mine)
        ratios = [ratio(mine, costs[base]) for base in bases]
        times = [f"{one.cpu:.2f} / {one.wall:.2f}" for one in ratios]
        rows.append((name, f"{cost.cpu:.3f}", f"{cost.wall:.3f}", f"{cost.wall / files * 1e6:.1f}", *times))
    header = (*_HEADER, *(f"CPU / wall × {base}" for base in bases))
    table(f"A folder of {files:,} files, whole processes", header, rows)


def compare_auditors(corpus: str, pythons: dict[str, str], rounds: int) -> None:
    """`imgbudget check` against dataset auditors on the corpus's first folder.

    `pythons` are interpreters by package, for auditors that are installed elsewhere than beside this one.
    """
    name = min(truth.path.split("/")[0] for truth in manifest.read(corpus))
    first = os.path.join(corpus, name)
    files = len(os.listdir(first))
    ours = "`imgbudget check --no-cache`"
    with tempfile.TemporaryDirectory() as folder:
        measured = {ours: _check(first, folder, "--no-cache")}
        for title, (package, source) in AUDITORS.items():
            python = pythons.get(package, sys.executable)
            if run([python, "-c", f"import {package}"], accept=range(256)).code:
                print(f"\n{package} is not installed: left out. --{package} PYTHON names where it is.")
                continue
            measured[title] = _whole([python, "-c", source, first])
        costs = interleave(measured, rounds)
    rows = []
    for title, mine in costs.items():
        cost, times = median(mine), ratio(mine, costs[ours])
        numbers = (f"{cost.cpu:.3f}", f"{cost.wall:.3f}", f"{cost.wall / files * 1e6:.1f}")
        rows.append((title, *numbers, f"{times.cpu:.0f} / {times.wall:.0f}"))
    table(f"Dataset auditors on {files:,} files, whole processes", (*_HEADER, "CPU / wall × imgbudget"), rows)


def _check(corpus: str, folder: str, *more: str) -> Callable[[], Cost]:
    """Measures a check that writes JSON into `folder` and keeps its cache there; findings make it exit 1."""
    out = os.path.join(folder, "report.json")
    command = [program("imgbudget"), "check", "--isolated", corpus, "--format", f"json:{out}", *more]

    def measure() -> Cost:
        return run(command, cache=folder, accept=(0, 1)).cost

    return measure


def _whole(command: list[str]) -> Callable[[], Cost]:
    note(f"warming up {command[0]}")
    first: Run = run(command)
    if not first.out:
        sys.exit(f"{command[0]} prints nothing")

    def measure() -> Cost:
        return run(command).cost

    return measure
