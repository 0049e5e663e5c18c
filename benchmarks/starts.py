"""Compares what a start costs: the shipped hook's line on files of each kind, and bare commands.

`python benchmarks/starts.py [--rounds 15]`, or `probe.py --part start`. Each is compared with bare Python and
with the hook check-added-large-files of pre-commit-hooks on the same files.
"""

import argparse
import base64
import json
import os
import shutil
import sys
import tempfile
from functools import partial
from pathlib import Path

from PIL import Image

from measuring import Cost, interleave, median, note, program, ratio, run, table

_HOOKS = Path(__file__).parent.parent / ".pre-commit-hooks.yaml"
_ENTRY = "  entry: imgbudget "
_NUMBERS = (1, 20, 200)


def compare_starts(rounds: int) -> None:
    """Whole processes on small clean files, in a git repository as a hook is called in one."""
    imgbudget, other = program("imgbudget"), program("check-added-large-files")
    starts = {
        "`python -c pass`": [sys.executable, "-c", "pass"],
        "`python -I -S -c pass`": [sys.executable, "-I", "-S", "-c", "pass"],
        "`imgbudget --version`": [imgbudget, "--version"],
        "`imgbudget check one.png`": [imgbudget, "check", "one.png"],
    }
    with tempfile.TemporaryDirectory() as folder:
        names = _fill(folder)
        if not (shutil.which(other) and shutil.which("git")):
            print("\npre-commit-hooks or git is not installed: left out.")
            other = ""
        else:
            run(["git", "init", "--quiet", folder])
            run(["git", "-C", folder, "add", "."])
            starts["`check-added-large-files one.png`"] = [other, "one.png"]
        note("starts")
        _show(f"Start to end, medians of {rounds} rounds", starts, folder, rounds)
        hook = [imgbudget, *_arguments()]
        kinds = {"a PNG file": ["one.png"], "a JPEG file": ["one.jpg"], "a request": ["one.json"]}
        kinds |= {f"{number} PNG files": names[:number] for number in _NUMBERS[1:]}
        for kind, files in kinds.items():
            note(f"the hook on {kind}")
            both = {"`python -c pass`": starts["`python -c pass`"]}
            if other:
                both["check-added-large-files"] = [other, *files]
            _show(f"The line of the hook on {kind}", {**both, "imgbudget": [*hook, *files]}, folder, rounds)


def _arguments() -> list[str]:
    """The arguments of the first hook that ships."""
    lines = _HOOKS.read_text(encoding="utf-8").splitlines()
    return next(line.removeprefix(_ENTRY).split() for line in lines if line.startswith(_ENTRY))


def _fill(folder: str) -> list[str]:
    """Write one file of each kind, and many of one kind, whose names are returned."""
    picture = Image.radial_gradient("L").resize((1120, 840))
    picture.save(os.path.join(folder, "one.png"))
    picture.save(os.path.join(folder, "one.jpg"), quality=90)
    data = base64.b64encode(Path(folder, "one.png").read_bytes()).decode("ascii")
    source = {"type": "base64", "media_type": "image/png", "data": data}
    content = [{"type": "image", "source": source}, {"type": "text", "text": "What does this show?"}]
    request = {
        "model": "claude-sonnet-4-6",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": content}],
    }
    Path(folder, "one.json").write_text(json.dumps(request), encoding="utf-8")
    names = [f"{number}.png" for number in range(max(_NUMBERS))]
    for number, name in enumerate(names):
        picture.crop((0, 0, 28 * (10 + number % 20), 28 * (10 + number // 20))).save(
            os.path.join(folder, name)
        )
    return names


def _show(title: str, commands: dict[str, list[str]], folder: str, rounds: int) -> None:
    """Run commands in turn, once before the clock starts, and print a table, also relative to the bases."""
    measured = {name: partial(_measure, command, folder) for name, command in commands.items()}
    for warm in measured.values():
        warm()
    costs = interleave(measured, rounds)
    bases = [name for name in costs if name == "`python -c pass`" or "check-added" in name]
    rows = []
    for name, mine in costs.items():
        cost = median(mine)
        ratios = [ratio(mine, costs[base]) for base in bases]
        times = [f"{one.cpu:.2f} / {one.wall:.2f}" for one in ratios]
        rows.append((name, f"{cost.cpu * 1e3:.1f}", f"{cost.wall * 1e3:.1f}", *times))
    header = ("command", "CPU, ms", "wall, ms", *(f"CPU / wall × {base}" for base in bases))
    table(title, header, rows)


def _measure(command: list[str], folder: str) -> Cost:
    return run(command, cwd=folder).cost


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    compare_starts(parser.parse_args().rounds)
