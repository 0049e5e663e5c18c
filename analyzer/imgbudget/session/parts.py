"""A file as it is checked: whole or in parts, by one process or with the help of others."""

from collections.abc import Callable, Generator
from enum import Enum, auto
from typing import NamedTuple

from imgbudget.report import FileResult
from imgbudget.session.batchrows import BatchRows
from imgbudget.session.rows import RowCount
from imgbudget.sources.jsonspans import Start
from imgbudget.sources.stretches import Stretch

PART = 500
"""Requests of a file that are handed on together."""

LONG = 32 << 20
"""Bytes of rows that are worth several processes: those of text are from 8 MB on, of images from 60 MB."""

HandOn = Callable[[FileResult], None]
"""Takes what was found in a part of a file."""


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


Crew = Callable[[str, Start], Generator[PartCount | None, None, None] | None]
"""Other processes, which check the rows of a file from some place on, if there are any: they show what they
find and hand out what they count, part by part in order; None for one that cannot be checked, shown too."""
