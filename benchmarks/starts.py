"""Compares what a start costs: `imgbudget check one.png` against bare Python and a pre-commit hook."""

import os
import shutil
import sys
import tempfile
from functools import partial

from measuring import Cost, interleave, median, note, program, ratio, run, table

_PYTHON = "`python -c pass`"
_HOOK = "`check-added-large-files one.png`"


def compare_starts(rounds: int) -> None:
    """Whole processes on one small clean file, in a git repository as a hook is called in one."""
    from PIL import Image  # noqa: PLC0415 - only this part makes a picture

    commands = {
        _PYTHON: [sys.executable, "-c", "pass"],
        "`python -I -S -c pass`": [sys.executable, "-I", "-S", "-c", "pass"],
        "`imgbudget --version`": [program("imgbudget"), "--version"],
        "`imgbudget check one.png`": [program("imgbudget"), "check", "one.png"],
    }
    hook = program("check-added-large-files")
    if shutil.which(hook) and shutil.which("git"):
        commands[_HOOK] = [hook, "one.png"]
    else:
        print("\npre-commit-hooks or git is not installed: left out.")
    with tempfile.TemporaryDirectory() as folder:
        Image.radial_gradient("L").resize((1120, 840)).save(os.path.join(folder, "one.png"))
        if _HOOK in commands:
            run(["git", "init", "--quiet", folder])
            run(["git", "-C", folder, "add", "one.png"])
        note("starts")
        measured = {name: partial(_measure, command, folder) for name, command in commands.items()}
        for warm in measured.values():
            warm()
        costs = interleave(measured, rounds)
    bases = [name for name in (_PYTHON, _HOOK) if name in costs]
    rows = []
    for name, mine in costs.items():
        cost = median(mine)
        ratios = [ratio(mine, costs[base]) for base in bases]
        times = [f"{one.cpu:.2f} / {one.wall:.2f}" for one in ratios]
        rows.append((name, f"{cost.cpu * 1e3:.1f}", f"{cost.wall * 1e3:.1f}", *times))
    header = ("command", "CPU, ms", "wall, ms", *(f"CPU / wall × {base}" for base in bases))
    table(f"Start to end, medians of {rounds} rounds", header, rows)


def _measure(command: list[str], folder: str) -> Cost:
    return run(command, cwd=folder).cost
