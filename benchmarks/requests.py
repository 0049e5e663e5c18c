"""Compares reading and checking request files with orjson and json, in one run and in turn, as Markdown."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import NamedTuple

import payloads
from jsonreaders import READERS
from measuring import Cost, interleave, median, note, program, ratio, run, table

_COMMAND = "**`imgbudget check FILE --format json:OUT`**, whole process"
_START = "`imgbudget check SMALL --format json:OUT`, whole process"
_PEERS = ("orjson", "json")
_HEADER = (
    *("candidate", "CPU, ms", "wall, ms", "× orjson", "× json", "wall × orjson"),
    "peak memory of the first process over start, MB",
)


class Subject(NamedTuple):
    """A file to be read, and what it is."""

    name: str
    title: str

    @property
    def small(self) -> str:
        """The file that loads what the candidate needs for this one."""
        return payloads.SMALL_LINES if self.name.endswith(".jsonl") else payloads.SMALL


_SUBJECTS = (
    Subject(payloads.BODY, "A Messages body of 20 images"),
    Subject(payloads.EQUAL, "A Messages body with one image 20 times"),
    Subject(payloads.BATCH, "JSONL, a request a line; orjson and json line by line"),
    Subject(payloads.PROSE, "A body of prose without images"),
)


class Entrant:
    """A candidate on one file: measures itself and keeps its peaks of memory, in bytes."""

    def __init__(self, title: str, measure: Callable[[], tuple[Cost, int]]) -> None:
        self.title = title
        self.peaks: list[int] = []
        self._measure = measure

    def __call__(self) -> Cost:
        """Measure once."""
        cost, peak = self._measure()
        self.peaks.append(peak)
        return cost


def compare(folder: str, subject: Subject, rounds: int) -> None:
    """All candidates on one file, each in a fresh process and in turn; the table of what they cost."""
    path, small = os.path.join(folder, subject.name), os.path.join(folder, subject.small)
    entrants = {
        name: Entrant(reader.title, partial(_measure_reader, name, path, small))
        for name, reader in READERS.items()
        if reader.package is None or find_spec(reader.package)
    }
    entrants["command"] = Entrant(_COMMAND, partial(_measure_command, path))
    entrants["start"] = Entrant(_START, partial(_measure_command, small))
    note(subject.name)
    costs = interleave(dict(entrants), rounds)
    start = statistics.median(entrants["start"].peaks)
    rows = []
    for name, entrant in entrants.items():
        mine = median(costs[name])
        ratios = [f"{ratio(costs[name], costs[peer]).cpu:.2f}" if peer in costs else "–" for peer in _PEERS]
        peak = statistics.median(entrant.peaks) - (start if name in ("command", "start") else 0)
        times = (f"{mine.cpu * 1e3:.1f}", f"{mine.wall * 1e3:.1f}")
        wall = f"{ratio(costs[name], costs['orjson']).wall:.2f}" if "orjson" in costs else "–"
        rows.append((entrant.title, *times, *ratios, wall, f"{peak / 1e6:.1f}"))
    table(f"{subject.title}: {os.path.getsize(path) / 1e6:.1f} MB, medians of {rounds} rounds", _HEADER, rows)


def _measure_reader(name: str, path: str, small: str) -> tuple[Cost, int]:
    """By the process's own word, which leaves its start out."""
    beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "jsonreaders.py")
    cpu, wall, peak = json.loads(run([sys.executable, beside, name, path, small]).out)
    return Cost(cpu, wall), peak


def _measure_command(path: str) -> tuple[Cost, int]:
    """The command as a user starts it, and the most memory that it had.

    The system counts this process's own memory to what it starts: it must stay the smaller one.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out.json")
        command = [program("imgbudget"), "check", path, "--isolated", "--format", f"json:{out}"]
        start = time.perf_counter()
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - start
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            sys.exit(f"{' '.join(command)} exits {process.returncode}")
    peak = used.ru_maxrss if sys.platform == "darwin" else used.ru_maxrss << 10
    return Cost(used.ru_utime + used.ru_stime, wall), peak


def main() -> int:
    """Make the files where they are missing, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="measurements of each (default: %(default)s)")
    parser.add_argument("--folder", help="where the files are or go (default: one that is removed)")
    wish = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = wish.folder or temporary
        if not os.path.exists(os.path.join(folder, payloads.SMALL_LINES)):
            note("makes the files")
            here = os.path.dirname(os.path.abspath(__file__))
            run([sys.executable, os.path.join(here, "payloads.py"), folder])
        python = f"CPython {platform.python_version()}"
        print(f"# Measured with {python}, {platform.system()}, {os.cpu_count()} cores")
        for reader in READERS.values():
            if reader.package and not find_spec(reader.package):
                print(f"\n{reader.title}: {reader.package} is not installed, left out.")
        for subject in _SUBJECTS:
            compare(folder, subject, wish.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
