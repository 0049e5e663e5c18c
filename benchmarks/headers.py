"""Compares readers of single files: cost, ratio to the C floor, and number of wrong results."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import NamedTuple

import manifest
import tools
from candidates import CANDIDATES, Told
from cfloor import run_floor
from measuring import Cost, interleave, median, note, ratio, run, table
from verdicts import FACTS, differing, explained, meant

_HEADER = ("candidate", "files", "CPU, µs a file", "wall", "× floor", "unlike the manifest", "unlike Pillow")
_FLOOR = "C floor"
_SHOWN = 30


class Entrant(NamedTuple):
    """A candidate in a comparison: how it is measured, and how often it is wrong."""

    title: str
    files: int
    measure: Callable[[], Cost]
    against_manifest: str
    against_pillow: str


def compare_probes(corpus: str, floor: str | None, rounds: int, sample: int) -> None:
    """The candidates inside Python against the floor, each in a fresh process and in turn."""
    truths = manifest.read(corpus)
    right, pillow = meant(truths), _told("pillow", corpus, 1)
    ours: list[Told] = []
    entrants = _floor_entrant(corpus, floor)
    for name, candidate in CANDIDATES.items():
        if candidate.package and not find_spec(candidate.package):
            print(f"\n{candidate.title}: {candidate.package} is not installed, left out.")
            continue
        told = pillow if name == "pillow" else _told(name, corpus, 1)
        if name == "ours-counted":
            ours = told
        step = 1 if candidate.all_files else _step(len(truths), sample)
        files = len(truths[::step])
        measure = _timer(_command(name, corpus, step, "time"), files)
        entrants.append(_entrant(candidate.title, files, measure, told, (right, pillow)))
    _compete("Header probes, warm files", entrants, rounds)
    lines = list(explained(truths, ours, pillow))
    print(f"\nimgbudget and Pillow see {len(lines)} files otherwise.")
    print("\n".join(lines[:_SHOWN]))


def compare_peers(corpus: str, floor: str | None, rounds: int, sample: int) -> None:
    """Command-line tools on a sample: whole processes, their start included."""
    truths = manifest.read(corpus)
    step = _step(len(truths), sample)
    truths = truths[::step]
    right, pillow = meant(truths), _told("pillow", corpus, step)
    paths = [os.path.join(corpus, truth.path) for truth in truths]
    present, absent = tools.installed()
    entrants = _floor_entrant(corpus, floor)
    ours = "ours-counted"
    measure = _whole(_command(ours, corpus, step, "time"), len(truths))
    told = _told(ours, corpus, step)
    entrants.append(_entrant(CANDIDATES[ours].title, len(truths), measure, told, (right, pillow)))
    for tool in present:
        command = [*tool.command, *paths]
        note(f"{tool.title} tells")
        said = tool.read(run(command, accept=range(256)).out)
        told = [said.get(path, Told()) for path in paths]
        measure = _whole(command, len(truths))
        entrants.append(_entrant(tool.title, len(truths), measure, told, (right, pillow)))
    _compete("Other tools, whole processes", entrants, rounds)
    for title in absent:
        print(f"\n{title} is not installed: left out.")


def _entrant(
    title: str,
    files: int,
    measure: Callable[[], Cost],
    told: Sequence[Told],
    others: tuple[Sequence[Told], Sequence[Told]],
) -> Entrant:
    """A candidate with its results compared with the manifest and Pillow."""
    return Entrant(title, files, measure, *(differing(told, other) for other in others))


def _compete(title: str, entrants: Sequence[Entrant], rounds: int) -> None:
    """Measure the entrants in turn and print their table; ratios are to the first one if it is the floor."""
    costs = interleave({entrant.title: entrant.measure for entrant in entrants}, rounds)
    rows = []
    for entrant in entrants:
        mine = median(costs[entrant.title])
        times = f"{ratio(costs[entrant.title], costs[_FLOOR]).cpu:.2f}" if _FLOOR in costs else "–"
        numbers = (f"{entrant.files:,}", f"{mine.cpu * 1e6:.2f}", f"{mine.wall * 1e6:.2f}", times)
        rows.append((entrant.title, *numbers, entrant.against_manifest, entrant.against_pillow))
    table(title, _HEADER, rows)
    print(f"\nUnlike: the number of files, by {FACTS}. A dash: not reported.")


def _floor_entrant(corpus: str, floor: str | None) -> list[Entrant]:
    """The floor without its walk; none where it cannot be compiled.

    Raises:
        SystemExit: the floor and the manifest say different things of the corpus.
    """
    if floor is None:
        print("\nNo C compiler: the floor is left out, and with it all ratios.")
        return []
    truths = manifest.read(corpus)
    said = run_floor(floor, corpus)
    if (said.files, said.checksum) != (len(truths), manifest.checksum(truths)):
        sys.exit(f"{said.files:,} files and checksum {said.checksum}: the floor and the manifest differ")
    # equal checksums: none is unlike; it counts no frames
    none = "0 / 0 / 0 / 0 / – / 0"
    return [Entrant(_FLOOR, said.files, lambda: run_floor(floor, corpus).a_file, none, "")]


def _step(files: int, sample: int) -> int:
    return max(1, files // sample)


def _command(name: str, corpus: str, step: int, what: str) -> list[str]:
    program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "candidates.py")
    return [sys.executable, program, name, corpus, str(step), what]


def _told(name: str, corpus: str, step: int) -> list[Told]:
    """What a candidate says of every `step`-th file."""
    note(f"{name} tells")
    told = []
    for line in run(_command(name, corpus, step, "tell")).out.splitlines():
        form, size, *more = json.loads(line)
        told.append(Told(form, tuple(size) if size else None, *more))
    return told


def _timer(command: Sequence[str], files: int) -> Callable[[], Cost]:
    """Measures by the command's own word, which leaves its start out."""

    def measure() -> Cost:
        cpu, wall = map(float, run(command).out.split())
        return Cost(cpu / files, wall / files)

    return measure


def _whole(command: Sequence[str], files: int) -> Callable[[], Cost]:
    """Measures whole processes."""

    def measure() -> Cost:
        cost = run(command, accept=range(256)).cost
        return Cost(cost.cpu / files, cost.wall / files)

    return measure
