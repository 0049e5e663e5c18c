"""Names and numbers as the page shows them; names in datasets are not trusted, so they are escaped."""

import math

from imgbudget.auditing.figures import amount, size
from imgbudget.auditing.statistics import AuditStatistics, Row
from imgbudget.output.base import between, figure
from imgbudget.printable import one_line


class CommonPrefix:
    """The common beginning of all locations, which the page leaves out; empty for several sources."""

    def __init__(self, sources: tuple[str, ...]) -> None:
        self._source = sources[0] if len(sources) == 1 else None
        self._start = f"{self._source.rstrip('/')}/" if self._source else ""

    def text(self, place: str) -> str:
        """A location without the common beginning."""
        return place[len(self._start) :] or place if place.startswith(self._start) else place

    def row(self, row: Row) -> Row:
        """A row whose location is without the common beginning."""
        return row._replace(source=".") if row.source == self._source and row.member is not None else row

    def statistics(self, whole: AuditStatistics) -> AuditStatistics:
        """The statistics with locations without the common beginning."""
        copies = whole.duplicates
        return whole._replace(
            folders=tuple(row._replace(folder=self.text(row.folder)) for row in whole.folders),
            rules=tuple(row._replace(examples=self._texts(row.examples)) for row in whole.rules),
            duplicates=copies._replace(
                largest=tuple(group._replace(places=self._texts(group.places)) for group in copies.largest)
            ),
            skips=tuple(row._replace(examples=self._texts(row.examples)) for row in whole.skips),
        )

    def _texts(self, places: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(self.text, places))


_MAX_LENGTH = 300


def display_name(name: str) -> str:
    """A name on one line, as everywhere; of a very long one the middle is left out."""
    if len(name) > _MAX_LENGTH:
        name = f"{name[: _MAX_LENGTH // 2]}…{name[-_MAX_LENGTH // 2 :]}"
    return one_line(name)


def split_name(place: str) -> tuple[str, str]:
    """A location as its folder, with a slash, and its name."""
    end = place.rfind("/", 0, place.find("#") if "#" in place else len(place)) + 1
    return place[:end], place[end:]


def dollars(amount_usd: float | None) -> str:
    """An amount for a headline: in cents, or below ten cents with two significant digits."""
    if amount_usd is None:
        return ""
    if amount_usd >= 0.1 or not amount_usd:
        return f"${amount_usd:,.2f}"
    return "$" + f"{amount_usd:.{1 - math.floor(math.log10(amount_usd))}f}"


def percent(some: float, whole: float) -> str:
    """A share in percent; 0% and 100% appear only if they are exact."""
    if not whole or not some:
        return "0%"
    share = 100 * some / whole
    if share < 0.1:
        return "under 0.1%"
    if 99.9 < share < 100:
        return "over 99.9%"
    return f"{share:.1f}%" if share < 10 else f"{share:.0f}%"


_SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(value: float, unit: str) -> str:
    """A number on an axis, abbreviated: bytes from 1000 on, all others from 10,000 on."""
    value = int(value) if unit in {"px", "bytes", "tokens", "images"} else value
    least = 1e3 if unit == "bytes" else 1e4
    for scale, letter in _SCALES:
        if value >= max(scale, least):
            return f"{value / scale:.3g} {letter}B" if unit == "bytes" else f"{value / scale:.3g}{letter}"
    return amount(value)


def plain(value: float) -> str:
    """A measured number in three digits, without exponents."""
    return "under 0.001" if 0 < value < 0.001 else amount(value)


def measured(value: float | None, limit: float | None, unit: str | None) -> str:
    """The measured value of a finding and its limit: `9312 px, limit 8000 px`.

    An orientation is a code and not an amount: it has no limit.
    """
    if value is None:
        return ""
    if unit == "orientation":
        return f"orientation {value:.0f}"
    text = _with_unit(value, unit)
    return text if limit is None else f"{text}, limit {_with_unit(limit, unit)}"


def _with_unit(value: float, unit: str | None) -> str:
    number = figure(int(value)) if float(value).is_integer() else f"{value:,.2f}"
    return f"{number} {unit}" if unit else number


def facts_text(row: Row) -> str:
    """The format, size, bytes and tokens of an image, as far as they are known."""
    facts = [row.format.upper()] if row.format else []
    if row.size is not None:
        facts.append(f"{row.size.width} × {row.size.height} px")
    if row.byte_size is not None:
        facts.append(size(row.byte_size))
    if row.tokens is not None:
        facts.append(f"{between(row.tokens - row.tokens_doubt, row.tokens)} tokens")
    return ", ".join(facts)
