"""Numbers of an audit as text, and tables of text."""

from imgbudget.namedtuples import NamedTuple
from imgbudget.output.base import figure

_LEAST_USD = 0.00005
"""Amounts below this would be shown as zero."""


class Section(NamedTuple):
    """A table with a title; the columns in `right` are right-aligned. `note` is the text below."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[int] = frozenset()
    note: str = ""


def size(byte_size: int) -> str:
    """Bytes in a suitable unit, powers of ten."""
    value = float(byte_size)
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            return f"{value:,.0f} {unit}" if unit == "bytes" else f"{value:,.1f} {unit}"
        value /= 1000
    raise AssertionError


def usd(amount_usd: float | None) -> str:
    """An amount in USD, rounded to cents, or below a dollar to four decimals."""
    if amount_usd is None:
        return ""
    if 0 < amount_usd < _LEAST_USD:
        return "< $0.0001"
    return f"${amount_usd:,.4f}" if 0 < amount_usd < 1 else f"${amount_usd:,.2f}"


def part(some: int, whole: int) -> str:
    """A share in percent."""
    return f"{some / whole:.1%}" if whole else "0%"


def amount(value: float | None) -> str:
    """A measured number: whole numbers in full, others with three digits."""
    if value is None:
        return ""
    if float(value).is_integer():
        return figure(int(value))
    return f"{value:,.3g}" if abs(value) < 1000 else f"{value:,.0f}"
