"""What the comparison of predicted and measured text comes to: mean error, precision and recall.

The rows are in tests/legibility_pages.csv; tests/test_legibility_curves.py holds them to the goals. Importing
this module needs no recogniser and no fonts.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

PAGES = Path(__file__).resolve().parents[1] / "tests" / "legibility_pages.csv"


class PageRow(NamedTuple):
    """A page at one size: the shares of its characters that are predicted and measured to be kept.

    `reported` is whether IB306 reports it, `lost` how many of its lines are lost as measured, in both
    searches; `lost_once` in at least one of them.
    """

    kind: str
    name: str
    scale: float
    predicted: float
    measured: float
    reported: bool
    lost: int
    lost_once: int


class Accuracy(NamedTuple):
    """How good predictions are: the mean error in shares, and of IB306 precision and recall, from 0 to 1."""

    pages: int
    images: int
    error: float
    precision: float
    recall: float
    reported: int
    losing: int


def read_pages(path: Path = PAGES) -> list[PageRow]:
    """The rows of the file."""
    with path.open(encoding="utf-8", newline="") as rows:
        return [
            PageRow(
                row["kind"],
                row["name"],
                float(row["scale"]),
                float(row["predicted"]),
                float(row["measured"]),
                row["reported"] == "True",
                int(row["lost"]),
                int(row["lost_once"]),
            )
            for row in csv.DictReader(rows)
        ]


def write_pages(fields: Sequence[str], rows: Iterable[Sequence[object]], path: Path = PAGES) -> None:
    """Write the results of pages."""
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(fields)
        writer.writerows(rows)


def left_out(rows: Sequence[PageRow]) -> tuple[float, float]:
    """The least precision and recall when any one image is left out: that none of them decides."""
    names = dict.fromkeys(row.name for row in rows)
    found = [accuracy([row for row in rows if row.name != name]) for name in names]
    return min(one.precision for one in found), min(one.recall for one in found)


def accuracy(rows: Sequence[PageRow]) -> Accuracy:
    """What the rows come to; 1 for precision without reports and for recall without losses."""
    reported = [row for row in rows if row.reported]
    losing = [row for row in rows if row.lost]
    true = sum(row.reported and row.lost > 0 for row in rows)
    return Accuracy(
        pages=len(rows),
        images=len({row.name for row in rows}),
        error=sum(abs(row.predicted - row.measured) for row in rows) / max(len(rows), 1),
        precision=true / len(reported) if reported else 1.0,
        recall=true / len(losing) if losing else 1.0,
        reported=len(reported),
        losing=len(losing),
    )
