"""Numbers of an audit that are not certain, because sources contradict each other: as text and in JSON."""

from collections.abc import Callable
from typing import Any, Protocol

from imgbudget.auditing.statistics import CopyCost, CostRow, FolderRow, FormatRow, SizeRow, Totals
from imgbudget.output.base import between
from imgbudget.output.records import ranged


class _Counted(Protocol):
    """Anything with a number of tokens."""

    @property
    def tokens(self) -> int: ...

    @property
    def tokens_doubt(self) -> int: ...


def tokens_text(row: _Counted, times: int = 1) -> str:
    """Tokens, or the fewest and the most of them."""
    return between((row.tokens - row.tokens_doubt) * times, row.tokens * times)


def tokens_after_text(row: Totals | FolderRow | FormatRow | SizeRow | CostRow) -> str:
    """Tokens after the plan, or the fewest and the most of them."""
    return between(row.tokens_after - row.after_doubt, row.tokens_after)


def usd_text(
    row: Totals | FolderRow | CostRow | CopyCost, name: str, text: Callable[[float | None], str]
) -> str:
    """A cost as text, or the least and the most of it, in proportion to its tokens."""
    low, high = (text(end) for end in _usd_ends(row, name))
    return high if low == high else f"{low} to {high}"


def _usd_ends(row: Any, name: str) -> tuple[float | None, float | None]:
    """The least and the most of a cost, which is in proportion to the tokens."""
    cost = getattr(row, name)
    whole, doubt = (row.tokens_after, row.after_doubt) if "after" in name else (row.tokens, row.tokens_doubt)
    return (cost if cost is None or not whole else cost * (whole - doubt) / whole), cost


_DOUBTS = ("tokens_doubt", "after_doubt")
_MEASURED = frozenset({"edge_width", "phash", "pixel_hash"})
"""Fields of rows that the columns of row files and CSV have; the examples in JSON do not."""

_SUMS = {"tokens": _DOUBTS[0], "tokens_after": _DOUBTS[1], "extra_tokens": _DOUBTS[0]}


def ranged_record(value: Any, plain: Callable[[Any], Any]) -> dict[str, Any]:
    """A named tuple as a dictionary; amounts that are not certain are null, with their ranges beside them."""
    record: dict[str, Any] = {}
    for name, part in value._asdict().items():
        if name in _DOUBTS or name in _MEASURED:
            continue
        doubt = getattr(value, _SUMS[name], 0) if name in _SUMS else 0
        if doubt and part is not None:
            record |= ranged(name, part - doubt, part) | {"state": "conflicting"}
        elif name.endswith("_usd") and hasattr(value, "after_doubt"):
            record |= ranged(name, *(plain(end) for end in _usd_ends(value, name)))
        else:
            record[name] = plain(part)
    return record
