"""Runs commands in turn, round after round, and shows what they cost as Markdown tables."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple


class Cost(NamedTuple):
    """CPU seconds (user and system, children included) and seconds on the clock."""

    cpu: float
    wall: float


class Run(NamedTuple):
    """What a command cost and printed."""

    cost: Cost
    code: int
    out: str


def run(
    command: Sequence[str], *, cwd: str | None = None, cache: str | None = None, accept: Sequence[int] = (0,)
) -> Run:
    """Run a command to its end; what it says on standard error is dropped. `cache` is its folder for caches.

    Raises:
        SystemExit: its exit code is none of those accepted.
    """
    environment = {**os.environ, "XDG_CACHE_HOME": cache} if cache else None
    start = time.perf_counter()
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        out = process.stdout.read() if process.stdout else b""
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in accept:
        sys.exit(f"{' '.join(command[:6])} exits {process.returncode}")
    cost = Cost(used.ru_utime + used.ru_stime, wall)
    return Run(cost, process.returncode, out.decode("utf-8", "replace"))


def interleave(candidates: Mapping[str, Callable[[], Cost]], rounds: int) -> dict[str, list[Cost]]:
    """The costs of each candidate, all measured in turn in each round; the order changes with the round."""
    costs: dict[str, list[Cost]] = {name: [] for name in candidates}
    names = list(candidates)
    for number in range(rounds):
        note(f"round {number + 1} of {rounds}")
        first = number % len(names)
        for name in names[first:] + names[:first]:
            costs[name].append(candidates[name]())
    return costs


def median(costs: Sequence[Cost]) -> Cost:
    """The median of each number."""
    return Cost(statistics.median(cost.cpu for cost in costs), statistics.median(cost.wall for cost in costs))


def ratio(costs: Sequence[Cost], base: Sequence[Cost]) -> Cost:
    """The median over the rounds of what each round says: a slow moment hits both sides of a quotient."""
    pairs = list(zip(costs, base, strict=True))
    return median([Cost(mine.cpu / its.cpu, mine.wall / its.wall) for mine, its in pairs])


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table, the first column to the left and the others to the right."""
    print(f"\n## {title}\n")
    for row in (header, ["---", *["--:"] * (len(header) - 1)], *rows):
        print(f"| {' | '.join(row)} |")
    sys.stdout.flush()


def note(text: str) -> None:
    """Say how far it is, on standard error."""
    print(text, file=sys.stderr, flush=True)


def program(name: str) -> str:
    """The path of a program that was installed beside this Python, else its bare name."""
    beside = os.path.join(os.path.dirname(sys.executable), name)
    return beside if os.path.exists(beside) else name
