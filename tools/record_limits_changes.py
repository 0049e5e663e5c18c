"""Records what values of the limits data were before they changed, for `imgbudget limits --diff`.

    python tools/record_limits_changes.py dump > before.json      # before the data are edited
    python tools/record_limits_changes.py record before.json --day 2026-11-28

The second command adds to `changes.yaml` what differs now, in the block of the day.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from imgbudget.limits.data import LimitsData
from imgbudget.limits.files import read_yaml
from imgbudget.limits.history import NEXT, SAMPLES, amount, sample_tokens
from imgbudget.limits.values import Limit, Term, Values
from imgbudget_rules.limits import DATA
from imgbudget_rules.limits.__main__ import render

ROOT = Path(__file__).resolve().parents[1]
FILE = ROOT / "rules" / "imgbudget_rules" / "limits" / "changes.yaml"
HEAD = f"""\
# What changed in these data, for `imgbudget limits --diff`: each value as it was before. What it is now is in
# the other files, with its source. `tokens` are those of {", ".join(map(str, SAMPLES))}.
# Written by tools/record_limits_changes.py.
"""
_DATES = ("retired",)
"""What is recorded beside numbers."""


def snapshot() -> dict[str, Any]:
    """Every number and date of models and platforms, and the tokens of the sample sizes."""
    data = LimitsData.from_mapping(DATA, day="2026-01-01")
    models = {
        model: _plain(data.stated(model)) | {"tokens": sample_tokens(data, model)} for model in data.models
    }
    return {"models": models, "platforms": {name: _plain(data.stated_on(name)) for name in data.platforms}}


def _plain(values: Values) -> dict[str, Any]:
    return {
        name: amount(value)
        for name, value in values.items()
        if (isinstance(value, Limit) and not name.startswith(NEXT))
        or (isinstance(value, Term) and name in _DATES)
    }


def changed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """The block of a day: models that were added, and the former values of what differs."""
    block: dict[str, Any] = {"added": [model for model in after["models"] if model not in before["models"]]}
    for section in ("models", "platforms"):
        block[section] = {}
        for key, values in before[section].items():
            now = after[section].get(key, {})
            differing = {name: values.get(name) for name, value in now.items() if values.get(name) != value}
            if differing:
                block[section][key] = differing
    return {name: content for name, content in block.items() if content}


def record(before: dict[str, Any], day: str) -> None:
    """Put the block of a day into the file, and compile the data."""
    blocks = [block for block in read_yaml(str(FILE)).get("changes", []) if block["day"] != day]
    blocks.append({"day": day, **changed(before, snapshot())})
    blocks.sort(key=lambda block: str(block["day"]))
    text = yaml.safe_dump({"changes": blocks}, sort_keys=False, default_flow_style=None, width=110)
    FILE.write_text(f"{HEAD}{text}", encoding="utf-8")
    for path, module in render().items():
        path.write_text(module, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("dump", "record"))
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--day")
    given = parser.parse_args()
    if given.action == "dump":
        json.dump(snapshot(), sys.stdout, indent=1)
    elif given.file is None or given.day is None:
        parser.error("record needs a file and --day")
    else:
        record(json.loads(given.file.read_text(encoding="utf-8")), given.day)
