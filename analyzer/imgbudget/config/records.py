"""Lists and tables of a configuration, made of shapes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from imgbudget.config.nodes import Items, Kind, Node, Scalar, Table
from imgbudget.config.settings import NameKind, Origin, Written
from imgbudget.config.shapes import JsonSchema, Reading, Shape, kind_of
from imgbudget.config.wording import MOST_HINTS, nearest, plain, quoted

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ListOf(Generic[T]):
    """A list of values of one shape. `empty` is a clause that says why it may not be empty."""

    wanted: str
    item: Shape[T]
    empty: str = ""

    def read(self, node: Node, at: str, reading: Reading) -> tuple[T, ...] | None:
        """The values that are right, in order; None when it is no list or wrongly empty."""
        if not isinstance(node, Items):
            message = f"{at}: {self.wanted} is wanted, here stands {kind_of(node)}"
            if isinstance(node, Scalar):
                item = "" if node.kind is Kind.NOTHING else quoted(node.text)
                message += f"; write [{item}]"
            reading.refuse(node.origin, message)
            return None
        if not node.items and self.empty:
            reading.refuse(node.origin, f"{at}: the list is empty; {self.empty}")
            return None
        values = (self.item.read(item, f"{at}[{index}]", reading) for index, item in enumerate(node.items))
        return tuple(value for value in values if value is not None)

    def schema(self) -> JsonSchema:
        """An array."""
        schema: JsonSchema = {"type": "array", "items": self.item.schema()}
        return {**schema, "minItems": 1} if self.empty else schema


@dataclass(frozen=True, slots=True)
class MapOf(Generic[T]):
    """A table whose keys are the user's own. `kind` marks them as names that the caller will check."""

    wanted: str
    value: Shape[T]
    kind: NameKind

    def read(self, node: Node, at: str, reading: Reading) -> Mapping[str, T] | None:
        """The entries that are right, in order."""
        if not isinstance(node, Table):
            reading.refuse(node.origin, f"{at}: {self.wanted} is wanted, here stands {kind_of(node)}")
            return None
        values: dict[str, T] = {}
        for key, item, origin in node:
            route = f"{at}.{plain(key)}"
            reading.written.append(Written(self.kind, route, key, origin))
            value = self.value.read(item, route, reading)
            if value is not None:
                values[key] = value
        return values

    def schema(self) -> JsonSchema:
        """An object."""
        return {"type": "object", "additionalProperties": self.value.schema()}


@dataclass(frozen=True, slots=True)
class Key(Generic[T]):
    """A key of a record. `required` is a clause that says why it may not be missing."""

    name: str
    shape: Shape[T]
    about: str
    required: str = ""


@dataclass(frozen=True, slots=True)
class Values:
    """What stands under the keys of a record, as far as it is right; `origin` is the record's."""

    found: Mapping[str, object]
    origin: Origin

    def get(self, key: Key[T]) -> T | None:
        """The value of a key."""
        return cast("T | None", self.found.get(key.name))

    def either(self, key: Key[T], default: T) -> T:
        """The value of a key, the default where there is none."""
        value = self.get(key)
        return default if value is None else value


@dataclass(frozen=True, slots=True)
class Record(Generic[T]):
    """A table with known keys, made into a value by `make`."""

    wanted: str
    keys: tuple[Key[Any], ...]
    make: Callable[[Values], T]

    def read(self, node: Node, at: str, reading: Reading) -> T | None:
        """The value; None when it is no table, or a required key is missing or refused."""
        if not isinstance(node, Table):
            place = f"{at}: " if at else ""
            reading.refuse(node.origin, f"{place}{self.wanted} is wanted, here stands {kind_of(node)}")
            return None
        known = {key.name: key for key in self.keys}
        found: dict[str, object] = {}
        for name, item, origin in node:
            route = f"{at}.{name}" if at else name
            if name not in known:
                hint = len(reading.problems) < MOST_HINTS
                reading.refuse(origin, self._unknown(name, route, hint=hint))
                continue
            value = known[name].shape.read(item, route, reading)
            if value is not None:
                found[name] = value
        whole = True
        for key in self.keys:
            if key.required and node.get(key.name) is None:
                reading.refuse(node.origin, f"{at}: key {quoted(key.name)} is missing; {key.required}")
            whole = whole and not (key.required and key.name not in found)
        return self.make(Values(found, node.origin)) if whole else None

    def _unknown(self, name: str, route: str, *, hint: bool) -> str:
        names = [key.name for key in self.keys]
        near = nearest(name, names) if hint else None
        told = f"did you mean {quoted(near)}?" if near else f"the keys here are {', '.join(names)}"
        return f"unknown key {quoted(route)}; {told}"

    def schema(self) -> JsonSchema:
        """An object with these keys and no other."""
        schema: JsonSchema = {
            "type": "object",
            "properties": {key.name: {"description": key.about, **key.shape.schema()} for key in self.keys},
            "additionalProperties": False,
        }
        required = [key.name for key in self.keys if key.required]
        return {**schema, "required": required} if required else schema
