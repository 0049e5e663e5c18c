"""Statistics as one JSON document, version 1; the fields are those of the values in `audit.statistics`."""

import json
from typing import Any, NamedTuple

from imgbudget.audit.statistics import Statistics
from imgbudget.reporters.records import TOOL, VERSION


class RunFacts(NamedTuple):
    """How a run went: partitions, how many of them an earlier run had finished, items that were lost."""

    partitions: int
    resumed: int
    lost: tuple[str, ...]


def document(statistics: Statistics, run: RunFacts) -> str:
    """The whole document."""
    parts = {"version": VERSION, "tool": TOOL, "run": plain(run), "statistics": plain(statistics)}
    return json.dumps(parts, indent=1) + "\n"


def plain(value: Any) -> Any:
    """A value of named tuples as dictionaries and lists; amounts lose the noise of binary fractions."""
    if hasattr(value, "_asdict"):
        if type(value).__name__ == "Size":
            return list(value)
        return {name: plain(part) for name, part in value._asdict().items()}
    if isinstance(value, tuple | list):
        return [plain(part) for part in value]
    return round(value, 9) if isinstance(value, float) else value
