"""What a single value of a configuration may be.

A shape reads a node, says what is wrong with it, and describes itself as JSON Schema: one source for all
three. Lists and tables are made of shapes in `records.py`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from imgbudget.config.files import beside, why_no_file
from imgbudget.config.nodes import Items, Kind, Node, Scalar, Table
from imgbudget.config.settings import NameKind, Origin, Written
from imgbudget.config.wording import MOST_HINTS, nearest, quoted
from imgbudget.errors import ConfigProblem

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
JsonSchema = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reading:
    """What comes up while one file is read: its mistakes, and the names that only the caller can check."""

    problems: list[ConfigProblem] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)

    def refuse(self, origin: Origin, message: str) -> None:
        """Note a mistake."""
        self.problems.append(ConfigProblem(origin.path, origin.line, message))


class Shape(Protocol[T_co]):
    """One kind of value."""

    def read(self, node: Node, at: str, reading: Reading) -> T_co | None:
        """The value of a node that stands at the route `at`; None when it is refused."""

    def schema(self) -> JsonSchema:
        """The shape as JSON Schema."""


def kind_of(node: Node) -> str:
    """What a node is, in the words of a message."""
    if isinstance(node, Items):
        return "a list"
    return "a table of keys" if isinstance(node, Table) else node.kind.value


def _refuse_kind(node: Node, at: str, wanted: str, reading: Reading) -> None:
    """Say that another kind of value is wanted, and how to write it where only quotes are missing."""
    if not isinstance(node, Scalar) or node.kind in (Kind.TEXT, Kind.NOTHING):
        reading.refuse(node.origin, f"{at}: {wanted} is wanted, here stands {kind_of(node)}")
        return
    message = f"{at}: {wanted} is wanted, but {node.text} without quotes is read as {node.kind.value}"
    reading.refuse(node.origin, f"{message}; quote it: {quoted(node.text)}")


@dataclass(frozen=True, slots=True)
class Text:
    """Text that a regular expression finds something in, any but blank text unless one is given.

    `flaw` is a clause that says what is wrong with text that does not match. `kind` marks a name that the
    caller will check.
    """

    wanted: str
    kind: NameKind | None = None
    pattern: str = r"\S"
    flaw: str = "is blank"

    def read(self, node: Node, at: str, reading: Reading) -> str | None:
        """The text as it stands."""
        if not isinstance(node, Scalar) or node.kind is not Kind.TEXT:
            _refuse_kind(node, at, self.wanted, reading)
            return None
        if re.search(self.pattern, node.text) is None:
            reading.refuse(node.origin, f"{at}: {self.wanted} is wanted, and {quoted(node.text)} {self.flaw}")
            return None
        if self.kind:
            reading.written.append(Written(self.kind, at, node.text, node.origin))
        return node.text

    def schema(self) -> JsonSchema:
        """A string."""
        return {"type": "string", "pattern": self.pattern}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words. `hint` says where to look where none of them is meant."""

    wanted: str
    words: tuple[str, ...]
    hint: str

    def read(self, node: Node, at: str, reading: Reading) -> str | None:
        """The word."""
        if isinstance(node, Scalar) and node.kind is Kind.TEXT and node.text in self.words:
            return node.text
        listed = ", ".join(self.words[:-1]) + " or " + self.words[-1]
        near = None
        if not isinstance(node, Scalar) or node.kind not in (Kind.TEXT, Kind.BOOLEAN):
            what = f"here stands {kind_of(node)}"
        elif node.kind is Kind.BOOLEAN:
            what = f"{node.text} without quotes is read as a boolean; quote such a word: {quoted(node.text)}"
        else:
            near = nearest(node.text, self.words) if len(reading.problems) < MOST_HINTS else None
            what = f"{quoted(node.text)} is not {self.wanted}"
        told = f"did you mean {quoted(near)}?" if near else f"{self.wanted} is {listed}; {self.hint}"
        reading.refuse(node.origin, f"{at}: {what}; {told}")
        return None

    def schema(self) -> JsonSchema:
        """An enumeration."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Amount(Generic[T]):
    """A number with its unit. `parse` raises ValueError with a clause that tells the spellings."""

    wanted: str
    parse: Callable[[str], T]
    pattern: str
    number: str

    def read(self, node: Node, at: str, reading: Reading) -> T | None:
        """The amount in its base unit."""
        if not isinstance(node, Scalar) or node.kind not in (Kind.TEXT, Kind.WHOLE, Kind.NUMBER):
            reading.refuse(node.origin, f"{at}: {self.wanted} is wanted, here stands {kind_of(node)}")
            return None
        try:
            return self.parse(node.text)
        except ValueError as error:
            reading.refuse(node.origin, f"{at}: {error}")
            return None

    def schema(self) -> JsonSchema:
        """A plain number, or text with a unit."""
        return {
            "anyOf": [
                {"type": self.number, "exclusiveMinimum": 0},
                {"type": "string", "pattern": self.pattern},
            ]
        }


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    wanted: str

    def read(self, node: Node, at: str, reading: Reading) -> bool | None:
        """The boolean."""
        if isinstance(node, Scalar) and node.kind is Kind.BOOLEAN and node.text.lower() in ("true", "false"):
            return node.text.lower() == "true"
        here = quoted(node.text) if isinstance(node, Scalar) and node.text else kind_of(node)
        reading.refuse(node.origin, f"{at}: {self.wanted} is wanted, here stands {here}; write true or false")
        return None

    def schema(self) -> JsonSchema:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class FileName:
    """A file, its name relative to the folder of the file that names it; one that exists unless `exists`."""

    wanted: str
    exists: bool = True

    def read(self, node: Node, at: str, reading: Reading) -> str | None:
        """The absolute path."""
        name = Text(self.wanted).read(node, at, reading)
        if name is None:
            return None
        path = beside(node.origin.path, name)
        flaw = why_no_file(path) if self.exists else None
        if flaw is None:
            return path
        reading.refuse(
            node.origin, f"{at}: {quoted(name)} {flaw}; it is looked for beside {node.origin.path}"
        )
        return None

    def schema(self) -> JsonSchema:
        """A string."""
        return Text(self.wanted).schema()
