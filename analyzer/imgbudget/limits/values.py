"""Values of limits data: numbers, other values and absent limits, each with its source.

Named tuples instead of dataclasses: a frozen dataclass costs a millisecond at every start.
"""

import typing
from typing import Any, Generic, TypeVar

from imgbudget.errors import LimitsError
from imgbudget.namedtuples import NamedTuple

N_co = TypeVar("N_co", int, float, covariant=True)
_BINARY = ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"))


def figure(number: float) -> str:
    """A number as text, with thousands separators from five digits on: 1564, 206,694."""
    return str(number) if abs(number) < 10_000 else f"{number:,}"


def between(low: float, high: float) -> str:
    """A number that is not certain, by its two ends, or a certain one: 1204 to 2467."""
    return figure(high) if low == high else f"{figure(low)} to {figure(high)}"


class Limit(typing.NamedTuple, Generic[N_co]):
    """A number: a limit, a price or a factor.

    `unit` is px, pixels, bytes, images, tokens, patches, requests, messages, times or USD/MTok (US dollars
    per million tokens). `date` is ISO 8601, a month or a year if the source gives no day, "undated" for a
    user's value without a date. `status` is confirmed, single source, conflicting, derived or unknown.
    `owner` is whose limit it is: a platform, a model id, "standard tier". `first_seen` is when the value
    came into force, if known.
    """

    name: str
    value: N_co
    unit: str
    source: str
    date: str
    status: str
    note: str | None
    owner: str
    first_seen: str | None = None

    @property
    def doubtful(self) -> bool:
        """Whether the status is anything but confirmed."""
        return self.status != "confirmed"

    @property
    def text(self) -> str:
        """The value with its unit, for messages; MB, GB and TB are binary."""
        if self.unit == "bytes":
            for size, name in _BINARY:
                if self.value % size == 0:
                    return f"{self.value // size} {name}"
            return f"{figure(self.value)} bytes"
        if self.unit == "pixels":
            return f"{self.value / 1_000_000:g} megapixels"
        if self.unit in {"px", "USD/MTok", "times"}:
            return f"{self.value} {self.unit}"
        return f"{figure(self.value)} {self.unit}"


def precise(limit: Limit[Any]) -> str:
    """A number of bytes with its unit, and in bytes where that is another number, for messages."""
    return limit.text if limit.text.endswith(" bytes") else f"{limit.text} ({figure(limit.value)} bytes)"


def readings(most: Limit[Any], least: Limit[Any]) -> str:
    """The readings of a limit in bytes between which a value is, for messages: of one source or two."""
    if least.status == "conflicting":
        return f"{most.text} by one source and {least.text} by another"
    named = next((one.text for one in (most, least) if not one.text.endswith(" bytes")), least.text)
    return f"{named}, which may mean {figure(least.value)} bytes or {figure(most.value)}"


class Term(NamedTuple):
    """A list of names, a name or a date; the other fields are those of `Limit`."""

    name: str
    values: tuple[str, ...]
    source: str
    date: str
    status: str
    note: str | None
    owner: str
    first_seen: str | None = None

    @property
    def doubtful(self) -> bool:
        """Whether the status is anything but confirmed."""
        return self.status != "confirmed"

    @property
    def text(self) -> str:
        """The values, for tables."""
        return ", ".join(self.values)


class Absent(NamedTuple):
    """A limit that does not exist according to `source`, or was not found (`status` is unknown)."""

    name: str
    unit: str
    source: str
    date: str
    status: str
    note: str | None
    owner: str
    first_seen: str | None = None

    @property
    def doubtful(self) -> bool:
        """Whether the status is anything but confirmed."""
        return self.status != "confirmed"

    @property
    def text(self) -> str:
        """The word "none", or "unknown" if no source was found, for tables."""
        return "unknown" if self.status == "unknown" else "none"


Value = Limit[float] | Term | Absent
Values = dict[str, Value]
"""Values by their names in the data files."""


def limit(values: Values, name: str) -> Limit[float]:
    """The number of this name. Raises LimitsError if the value is not a number."""
    value = values[name]
    if isinstance(value, Limit):
        return value
    raise LimitsError(f"{value.owner}: {name} has no value")


def term(values: Values, name: str) -> Term:
    """The list, name or date of this name. Raises LimitsError if the value is a number."""
    value = values[name]
    if isinstance(value, Term):
        return value
    raise LimitsError(f"{value.owner}: {name} is a number")
