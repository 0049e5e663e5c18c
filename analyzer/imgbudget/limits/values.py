"""One limit, and one fact that is not a number, each with where it comes from.

Named tuples and not dataclasses: a frozen dataclass costs a millisecond at every start.
"""

from typing import NamedTuple

from imgbudget.errors import LimitsError
from imgbudget.limits.fields import ENDLESS

_BINARY = ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"))


class Limit(NamedTuple):
    """A number that somebody sets: a limit, a price, a factor.

    `unit` is px, pixels, bytes, images, tokens, patches, requests, messages, times or USD/MTok (US dollars
    a million tokens). `date` is ISO 8601, a month or a year where the source tells no day, "undated" for a
    user's own value without one. `status` is confirmed, single source, conflicting, derived or unknown.
    `owner` is whose limit it is: a platform, a model id, "standard tier". `first_seen` is when the value
    came into force, as far as that is known. A limit that a provider does not have is one that nothing
    reaches: `exists` is False.
    """

    name: str
    value: int | float
    unit: str
    source: str
    date: str
    status: str
    note: str | None
    owner: str
    first_seen: str | None = None

    @property
    def exists(self) -> bool:
        """Whether there is such a limit at all."""
        return self.unit == "USD/MTok" or 0 < self.value < ENDLESS

    @property
    def doubtful(self) -> bool:
        """Whether the source, or what sources there are, leave a doubt."""
        return self.status != "confirmed"

    @property
    def text(self) -> str:
        """The value with its unit, for messages; MB, GB and TB are powers of two."""
        if not self.exists:
            return "unknown" if self.status == "unknown" else "none"
        if self.unit == "bytes":
            for size, name in _BINARY:
                if self.value % size == 0:
                    return f"{self.value // size} {name}"
            return f"{self.value:,} bytes"
        if self.unit == "pixels":
            return f"{self.value / 1_000_000:g} megapixels"
        if self.unit in {"px", "USD/MTok", "times"}:
            return f"{self.value} {self.unit}"
        return f"{self.value:,} {self.unit}"


class Term(NamedTuple):
    """A fact that is a list, a date or the absence of a number; the fields are those of a Limit.

    `values` is empty where the source says that there is none (a platform without batches) or where the
    value is not known; `status` tells the two apart.
    """

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
        """Whether the source, or what sources there are, leave a doubt."""
        return self.status != "confirmed"

    @property
    def text(self) -> str:
        """The values, for tables."""
        if self.values:
            return ", ".join(self.values)
        return "unknown" if self.status == "unknown" else "none"


Value = Limit | Term
Values = dict[str, Value]
"""Values by their names in the data files, which are also the names that a user's file overrides."""


def limit(values: Values, name: str) -> Limit:
    """The number of this name, which the data is known to have."""
    value = values[name]
    if isinstance(value, Limit):
        return value
    raise LimitsError(f"{value.owner}: {name} has no value")


def limit_or_none(values: Values, name: str) -> Limit | None:
    """The number of this name, None where there is none or none is known."""
    value = values.get(name)
    return value if isinstance(value, Limit) else None


def term(values: Values, name: str) -> Term:
    """The list or date of this name, which the data is known to have."""
    value = values[name]
    if isinstance(value, Term):
        return value
    raise LimitsError(f"{value.owner}: {name} is a number")
