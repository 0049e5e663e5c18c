"""A configuration file as a tree of values that know their line, whatever it was written in."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from imgbudget.config.settings import Origin
from imgbudget.errors import ConfigError, ConfigProblem

MAX_DEPTH = 32
"""Deepest nesting that is read; the deepest key of the schema stands at 4."""

TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"

MAX_VALUES = 100_000
"""Most values that are read, each alias counted as often as it stands for its target."""


class Kind(Enum):
    """What a file's format reads a scalar as; the value is the word for it in messages."""

    TEXT = "text"
    WHOLE = "a number"
    NUMBER = "a number with a fraction"
    BOOLEAN = "a boolean"
    NOTHING = "nothing"
    DATE = "a date"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `text` is how it was written, without quotes."""

    kind: Kind
    text: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: "tuple[Node, ...]"
    origin: Origin


class Entry(NamedTuple):
    """A key of a table with its value; `origin` is the key's."""

    key: str
    value: "Node"
    origin: Origin


@dataclass(frozen=True, slots=True)
class Table:
    """Keys and values, each key once."""

    entries: tuple[Entry, ...]
    origin: Origin

    def get(self, key: str) -> "Node | None":
        """The value of a key, None where it is not there."""
        return next((entry.value for entry in self.entries if entry.key == key), None)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)


Node = Scalar | Items | Table


def refusal(path: str, line: int | None, message: str) -> ConfigError:
    """The error for a file that cannot be taken as a tree at all."""
    return ConfigError((ConfigProblem(path, line, message),))
