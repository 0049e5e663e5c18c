"""A limit, a fact that is not a number, and a limit that does not exist, each with its source.

Named tuples and not dataclasses: a frozen dataclass costs a millisecond at every start.
"""

from typing import Generic, NamedTuple, TypeVar

from imgbudget.errors import LimitsError

N_co = TypeVar("N_co", int, float, covariant=True)
_BINARY = ((1 << 40, "TB"), (1 << 30, "GB"), (1 << 20, "MB"))


class Limit(NamedTuple, Generic[N_co]):
    """A number that somebody sets: a limit, a price, a factor.

    `unit` is px, pixels, bytes, images, tokens, patches, requests, messages, times or USD/MTok (US dollars
    a million tokens). `date` is ISO 8601, a month or a year where the source gives no day, "undated" for a
    user's own value without one. `status` is confirmed, single source, conflicting, derived or unknown.
    `owner` is whose limit it is: a platform, a model id, "standard tier". `first_seen` is when the value
    came into force, as far as that is known.
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
        """Whether the source, or what sources there are, leave a doubt."""
        return self.status != "confirmed"

    @property
    def text(self) -> str:
        """The value with its unit, for messages; MB, GB and TB are powers of two."""
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
    """A fact that is a list, a name or a date; the other fields are those of a Limit."""

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
        return ", ".join(self.values)


class Absent(NamedTuple):
    """A number that does not exist; `source` says so, or nothing was found and `status` is unknown."""

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
        """Whether the source, or what sources there are, leave a doubt."""
        return self.status != "confirmed"

    @property
    def text(self) -> str:
        """Whether it does not exist or is not known, for tables."""
        return "unknown" if self.status == "unknown" else "none"


Value = Limit[float] | Term | Absent
Values = dict[str, Value]
"""Values by their names in the data files, which are also the names that a user's file overrides."""


def limit(values: Values, name: str) -> Limit[float]:
    """The number of this name, which the data is known to have."""
    value = values[name]
    if isinstance(value, Limit):
        return value
    raise LimitsError(f"{value.owner}: {name} has no value")


def term(values: Values, name: str) -> Term:
    """The list, name or date of this name, which the data is known to have."""
    value = values[name]
    if isinstance(value, Term):
        return value
    raise LimitsError(f"{value.owner}: {name} is a number")
