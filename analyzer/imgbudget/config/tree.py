"""A configuration file as a tree of values with their lines, whether it was written in YAML or TOML."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from imgbudget.config.settings import ConfigOrigin
from imgbudget.errors import ConfigError, ConfigProblem

MAX_DEPTH = 32
"""Deepest nesting that is read; the deepest key of the schema is at level 4."""

TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"


class Kind(Enum):
    """The type that YAML or TOML gives to a scalar; the value is its name in messages."""

    TEXT = "text"
    WHOLE = "a number"
    NUMBER = "a number with a fraction"
    BOOLEAN = "a boolean"
    NOTHING = "nothing"
    DATE = "a date"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `text` is the value as written, without quotes.

    `moved_from` is what was written in the place of a file pattern of another folder.
    """

    kind: Kind
    text: str
    origin: ConfigOrigin
    moved_from: str | None = None


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: "tuple[Node, ...]"
    origin: ConfigOrigin


class Entry(NamedTuple):
    """A key of a table with its value; `origin` is the position of the key."""

    key: str
    value: "Node"
    origin: ConfigOrigin


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping in the order of the file; no key occurs twice."""

    entries: tuple[Entry, ...]
    origin: ConfigOrigin

    def get(self, key: str) -> "Node | None":
        """The value of a key, None if the key is missing."""
        return next((entry.value for entry in self.entries if entry.key == key), None)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)


Node = Scalar | Items | Table


def failure(path: str, line: int | None, message: str) -> ConfigError:
    """The error for a file of which no tree can be made."""
    return ConfigError((ConfigProblem(path, line, message),))
