"""Names and numbers as the page shows them: names come from anyone, so nothing in them may act or mislead."""

import math
import re

from imgbudget.audit.formats import amount
from imgbudget.audit.statistics import AuditStatistics, Row
from imgbudget.output.base import figure


class Base:
    """What places of a dataset begin with and need not repeat; nothing, where there are several sources."""

    def __init__(self, sources: tuple[str, ...]) -> None:
        self._source = sources[0] if len(sources) == 1 else None
        self._start = f"{self._source.rstrip('/')}/" if self._source else ""

    def text(self, place: str) -> str:
        """A place, without the beginning."""
        return place[len(self._start) :] or place if place.startswith(self._start) else place

    def row(self, row: Row) -> Row:
        """A row whose place is told without the beginning."""
        return row._replace(source=".") if row.source == self._source and row.member is not None else row

    def statistics(self, whole: AuditStatistics) -> AuditStatistics:
        """AuditStatistics whose places are told without the beginning."""
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


_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_MOST = 300
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def shown(name: str) -> str:
    """A name on one line, the middle of a very long one left out.

    Control characters, marks that turn the direction of text and broken UTF-8 are written out.
    """
    if len(name) > _MOST:
        name = f"{name[: _MOST // 2]}…{name[-_MOST // 2 :]}"
    return _UNSEEN.sub(_written, name)


def parted(place: str) -> tuple[str, str]:
    """A place as the folder that it is in, with its slash, and its name."""
    cut = place.rfind("/", 0, place.find("#") if "#" in place else len(place)) + 1
    return place[:cut], place[cut:]


def _written(match: re.Match[str]) -> str:
    mark = match[0]
    return _ESCAPES.get(mark) or (f"\\x{ord(mark):02x}" if ord(mark) < 256 else f"\\u{ord(mark):04x}")


def dollars(amount_usd: float | None) -> str:
    """An amount for a headline: cents, and below ten of them two digits that count."""
    if amount_usd is None:
        return ""
    if amount_usd >= 0.1 or not amount_usd:
        return f"${amount_usd:,.2f}"
    return "$" + f"{amount_usd:.{1 - math.floor(math.log10(amount_usd))}f}"


def percent(some: float, whole: float) -> str:
    """A share in percent that says neither none nor all where it is not."""
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
    """A number on an axis: bytes in powers of a thousand, all others from 10,000 on."""
    value = int(value) if unit in {"px", "bytes", "tokens", "images"} else value
    least = 1e3 if unit == "bytes" else 1e4
    for scale, letter in _SCALES:
        if value >= max(scale, least):
            return f"{value / scale:.3g} {letter}B" if unit == "bytes" else f"{value / scale:.3g}{letter}"
    return amount(value)


def plain(value: float) -> str:
    """A measured number in three digits, the smallest ones as such: none in powers of ten."""
    return "under 0.001" if 0 < value < 0.001 else amount(value)


def measured(value: float | None, limit: float | None, unit: str | None) -> str:
    """What a finding measured against what: `9312 px, limit 8000 px`."""
    if value is None:
        return ""
    text = _with_unit(value, unit)
    return text if limit is None else f"{text}, limit {_with_unit(limit, unit)}"


def _with_unit(value: float, unit: str | None) -> str:
    number = figure(int(value)) if float(value).is_integer() else f"{value:,.2f}"
    return f"{number} {unit}" if unit else number
