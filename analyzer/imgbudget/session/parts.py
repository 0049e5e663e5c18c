"""A file as it is checked: whole or in parts, by one process or with the help of others."""

from collections.abc import Generator
from enum import Enum, auto
from typing import NamedTuple, Protocol

from imgbudget.report import FileResult
from imgbudget.session.batchrows import BatchRows
from imgbudget.session.rows import RowCount
from imgbudget.sources.jsonspans import Start
from imgbudget.sources.stretches import Stretch

PART = 500
"""Requests of a file that are handed on together."""

LONG = 32 << 20
"""Bytes of rows that are worth several processes: those of text are from 8 MB on, of images from 60 MB."""


class Scope(Enum):
    """What the result of a check is about: a file, some lines out of it, or all that no line alone shows."""

    FILE = auto()
    PART = auto()
    REST = auto()


class PartCount(NamedTuple):
    """What a part of a file counts for the whole; `end` is the byte behind the text of its last row.

    `alone` says whether its rows stand for themselves: only then is the rest true of them in the file.
    """

    stretch: Stretch
    alone: bool
    end: int
    rows: RowCount
    batch: BatchRows


class PartReceiver(Protocol):
    """Takes what is found in a long file part by part, so that memory does not grow with the file."""

    def on_partial_result(self, result: FileResult, /) -> None:
        """Take what was found in the next part."""

    def row_workers(self, _path: str, _start: Start, /) -> Generator[PartCount | None, None, None] | None:
        """Have other processes check the rows of a file from some place on; None where there are none.

        They take what they find to where the parts go, and hand out what it counts, part by part in order:
        None for a part that cannot be checked.
        """
        return None
