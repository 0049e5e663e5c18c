"""Measures `imgbudget audit`: forms of a dataset, peers, Ray, statistics of ten million rows; Markdown."""

import argparse
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial

from datasetforms import FORMS, make_forms, many_files
from folders import AUDITORS
from measuring import Cost, interleave, median, note, program, ratio, run, table
from syntheticrows import make_rows

PARTS = ("forms", "peers", "ray", "rows")
_PEER_ROUNDS = 3
_HEADER = ("dataset", "CPU, s", "wall, s", "images a second")


def main() -> int:
    """Run the parts that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help="folder that corpus.py made")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each (default: %(default)s)")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; may be repeated")
    parser.add_argument("--images", type=int, default=200_000, help="for Ray (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=10_000_000, help="synthetic rows (default: %(default)s)")
    parser.add_argument("--cleanvision", metavar="PYTHON", help="the Python that has CleanVision")
    parser.add_argument("--imgclean", metavar="PYTHON", help="the Python that has imgclean")
    wish = parser.parse_args()
    parts = wish.part or PARTS
    pythons = {name: path for name in ("cleanvision", "imgclean") if (path := getattr(wish, name))}
    print(f"# Measured with CPython {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        if "forms" in parts:
            compare_forms(wish.corpus, folder, wish.rounds)
        if "peers" in parts:
            compare_peers(wish.corpus, pythons, min(wish.rounds, _PEER_ROUNDS))
        if "ray" in parts:
            compare_engines(wish.corpus, folder, wish.images, min(wish.rounds, _PEER_ROUNDS))
        if "rows" in parts:
            measure_statistics(folder, wish.rows)
    return 0


def _audit(dataset: str, *more: str) -> Callable[[], Cost]:
    """Measures a whole audit with its report as JSON."""
    command = [program("imgbudget"), "audit", "--isolated", dataset, "--format", "json", *more]

    def measure() -> Cost:
        return run(command).cost

    return measure


def compare_forms(corpus: str, folder: str, rounds: int) -> None:
    """One set of small images as a folder, tar shards, zip archives and Parquet; whole processes."""
    note("making the forms")
    forms, images = make_forms(corpus, folder)
    measured = {name: _audit(path) for name, path in forms.items()}
    for warm in measured.values():
        warm()
    costs = interleave(measured, rounds)
    rows = []
    for name, mine in costs.items():
        cost, times = median(mine), ratio(mine, costs[FORMS[0]])
        rate = f"{images / cost.wall:,.0f}"
        rows.append(
            (name, f"{cost.cpu:.2f}", f"{cost.wall:.2f}", rate, f"{times.cpu:.2f} / {times.wall:.2f}")
        )
    table(f"{images:,} small images in every form", (*_HEADER, "CPU / wall × folder"), rows)


def compare_peers(corpus: str, pythons: dict[str, str], rounds: int) -> None:
    """The audit against CleanVision's size check and imgclean's on the corpus's first folder."""
    first = os.path.join(corpus, min(name for name in os.listdir(corpus) if name.isdigit()))
    ours = "`imgbudget audit`"
    measured = {ours: _audit(first)}
    for title, (package, source) in AUDITORS.items():
        python = pythons.get(package, sys.executable)
        if run([python, "-c", f"import {package}"], accept=range(256)).code:
            print(f"\n{package} is not installed: left out. --{package} PYTHON names where it is.")
            continue
        measured[title] = partial(_whole, [python, "-c", source, first])
    costs = interleave(measured, rounds)
    files = len(os.listdir(first))
    rows = []
    for title, mine in costs.items():
        cost, times = median(mine), ratio(mine, costs[ours])
        rate = f"{files / cost.wall:,.0f}"
        rows.append(
            (title, f"{cost.cpu:.2f}", f"{cost.wall:.2f}", rate, f"{times.cpu:.0f} / {times.wall:.0f}")
        )
    table(f"Auditors on {files:,} files, whole processes", (*_HEADER, "CPU / wall × imgbudget"), rows)


def _whole(command: list[str]) -> Cost:
    return run(command).cost


def compare_engines(corpus: str, folder: str, images: int, rounds: int) -> None:
    """The local pool and a private Ray, two workers each, start-up included."""
    dataset = many_files(corpus, os.path.join(folder, "many"), images)
    measured = {
        "local": _audit(dataset, "-j", "2"),
        "Ray": _audit(dataset, "-j", "2", "--engine", "ray"),
    }
    costs = interleave(measured, rounds)
    rows = []
    for name, mine in costs.items():
        cost, times = median(mine), ratio(mine, costs["local"])
        rows.append(
            (name, f"{cost.cpu:.2f}", f"{cost.wall:.2f}", f"{images / cost.wall:,.0f}", f"{times.wall:.2f}")
        )
    table(f"{images:,} images on two workers", (*_HEADER, "wall × local"), rows)


def measure_statistics(folder: str, count: int) -> None:
    """Statistics and page of many rows: a fresh process over row files, its time and its peak memory."""
    place = os.path.join(folder, "rows")
    note(f"making {count:,} rows")
    make_rows(place, count)
    size = sum(os.path.getsize(os.path.join(place, name)) for name in os.listdir(place))
    files = len(os.listdir(place))
    done = run([sys.executable, os.path.join(os.path.dirname(__file__), "syntheticrows.py"), place])
    page, peak = map(int, done.out.split())
    row = (
        f"{count:,} in {files:,} files",
        f"{size / 1e6:,.0f}",
        f"{done.cost.cpu:.1f}",
        f"{done.cost.wall:.1f}",
        f"{peak / 1024:,.0f}",
        f"{page / 1000:,.0f}",
    )
    table("Statistics and report", ("rows", "MB", "CPU, s", "wall, s", "peak RSS, MiB", "page, kB"), [row])
    shutil.rmtree(place)


if __name__ == "__main__":
    sys.exit(main())
