"""The C floor: compiled on the spot, run, and read."""

import os
import re
import shutil
import sys
from typing import NamedTuple

from measuring import Cost, run

_SAYS = re.compile(
    r"(\d+) files, (\d+) unreadable, checksum (\w+), walk (\d+) us, probe (\d+) us, clock (\d+) us\n"
)


class Floor(NamedTuple):
    """What the floor says of a corpus; what the probing of a file cost, and the whole process."""

    files: int
    unreadable: int
    checksum: str
    a_file: Cost
    whole: Cost


def compile_floor(folder: str) -> str | None:
    """The path of the program, made in a folder; None where there is no C compiler."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return None
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "floor.c")
    made = os.path.join(folder, "floor")
    run([compiler, "-std=c11", "-O2", "-o", made, source])
    return made


def run_floor(floor: str, corpus: str, jobs: int = 1) -> Floor:
    """One run over a corpus.

    Raises:
        SystemExit: the program says what cannot be read, or that there are no files.
    """
    done = run([floor, corpus, str(jobs)])
    said = _SAYS.fullmatch(done.out)
    if said is None or said[1] == "0":
        sys.exit(f"the floor says {done.out!r}")
    files, unreadable, checksum, _, probe, clock = said.groups()
    a_file = Cost(int(probe) / 1e6 / int(files), int(clock) / 1e6 / int(files))
    return Floor(int(files), int(unreadable), checksum, a_file, done.cost)
