"""The table `platforms` of a configuration: gateways, and other limits for known platforms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from imgbudget.config.settings import ConfigOrigin, Gateway, NameKind
from imgbudget.config.shapes import (
    Amount,
    ChoiceShape,
    JsonSchema,
    Key,
    ListOf,
    Reading,
    Record,
    Shape,
    TextShape,
    kind_of,
)
from imgbudget.config.shapes import (
    Values as Found,
)
from imgbudget.config.tree import Kind, Node, Scalar, Table
from imgbudget.config.units import (
    BYTES_PATTERN,
    PRICE_PATTERN,
    TOKENS_PATTERN,
    count_pattern,
    parse_bytes,
    parse_count,
    parse_factor,
    parse_price,
    parse_tokens,
)
from imgbudget.limits.fields import SPECS, LimitSpec, rows_of
from imgbudget.limits.values import Absent, Limit, Term, Value, Values

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_NONE = "none"
_FIXED = ("patch", "still_types")
"""Limits that cannot be set: the arithmetic supports one patch, and `media_types` says the rest."""


@dataclass(frozen=True, slots=True)
class OrNone:
    """A value, or the word none for a limit that does not exist; the word is kept as it is."""

    shape: Shape[Any]

    def read(self, node: Node, at: str, reading: Reading) -> object | None:
        """The value, or the word."""
        if isinstance(node, Scalar) and node.kind is Kind.TEXT and node.text == _NONE:
            return _NONE
        return self.shape.read(node, at, reading)

    def schema(self) -> JsonSchema:
        """The value, or the word."""
        return {"anyOf": [self.shape.schema(), {"const": _NONE}]}


_LISTS: dict[str, Shape[Any]] = {
    "media_types": ListOf(
        "a list of media types",
        TextShape("a media type", pattern=r"^image/[a-z0-9.+-]+$", flaw="is not one, such as image/png"),
        empty="give at least one media type, e.g. image/png",
    ),
    "source_types": ListOf(
        "a list of source types",
        ChoiceShape("a source type", ("base64", "url", "file", "s3"), "these are the sources of images"),
        empty="give at least one source type, e.g. base64",
    ),
    "many_image_blocks": ListOf(
        "a list of blocks",
        ChoiceShape("a block that counts", ("image", "document"), "these count toward many_image_count"),
        empty="give at least image",
    ),
}
_NAMES: dict[str, Shape[Any]] = {
    "block_order": ChoiceShape(
        "an order", ("images-first", "text-first"), "it is what comes first in a turn"
    ),
    "caching": ChoiceShape(
        "a way of caching",
        ("automatic",),
        "without it, only what a cache_control in the body marks is cached",
    ),
    "default_model": TextShape("a model id"),
}


def _shape(row: LimitSpec[Any]) -> Shape[Any]:
    """The shape of the value of a limit."""
    shape = (_LISTS | _NAMES).get(row.name)
    if shape is None:
        shape = _amount(row.unit)
    return OrNone(shape) if row.absent in ("unlimited", "unavailable") else shape


def _amount(unit: str) -> Shape[Any]:
    wanted, number = f"a number of {unit}", "integer"
    parse: Callable[[str], Any]
    if unit == "bytes":
        parse, pattern = parse_bytes, BYTES_PATTERN
    elif unit == "tokens":
        parse, pattern = parse_tokens, TOKENS_PATTERN
    elif unit == "USD/MTok":
        return Amount("US dollars per million tokens", parse_price, PRICE_PATTERN, "number", zero=True)
    elif unit == "times":
        return Amount("a factor", parse_factor, count_pattern(unit, fraction=True), "number")
    else:
        parse, pattern = (lambda text: parse_count(text, unit)), count_pattern(unit)
    return Amount(wanted, parse, pattern, number)


def _is_price_or_context(row: LimitSpec[Any]) -> bool:
    """Whether it is a limit or price of a model that a gateway may change."""
    return row.scope == "models" and row.unit in ("tokens", "USD/MTok") and not row.name.startswith("next_")


SETTABLE: Mapping[str, LimitSpec[Any]] = {
    name: row
    for name, row in SPECS.items()
    if (name in rows_of("platforms") and name not in _FIXED) or _is_price_or_context(row)
}
"""The limits that a configuration may set, by name."""

LIKE = Key(
    "like",
    TextShape("a platform", kind=NameKind.PLATFORM),
    "The platform whose limits apply where this one states none: a known one, or one of this table.",
)
_KEYS = (LIKE, *(Key(name, _shape(row), f"Limit in {row.unit}.") for name, row in SETTABLE.items()))
_RECORD: Record[Found] = Record("a table with like and limits", _KEYS, lambda values: values)


_NAME_SHAPE = TextShape(
    "the name of a platform",
    pattern=_NAME,
    flaw="is not one: write letters and digits, after them also . _ -",
)


@dataclass(frozen=True, slots=True)
class GatewaysShape:
    """A table of platforms by name."""

    def read(self, node: Node, at: str, reading: Reading) -> tuple[Gateway, ...] | None:
        """The valid ones, in order, each limit with its position."""
        if not isinstance(node, Table):
            where = f"{at}: expected a table of platforms (name: limits), found {kind_of(node)}"
            reading.report(node.origin, where)
            return None
        found: list[Gateway] = []
        for name, item, origin in node:
            named = _NAME_SHAPE.read(Scalar(Kind.TEXT, name, origin), at, reading)
            values = _RECORD.read(item, f"{at}.{name}", reading)
            if named is not None and values is not None and isinstance(item, Table):
                found.append(_gateway(name, values, item, origin))
        return tuple(found)

    def schema(self) -> JsonSchema:
        """An object of such tables."""
        return {
            "type": "object",
            "propertyNames": {"pattern": _NAME},
            "additionalProperties": _RECORD.schema(),
        }


_IMPLIED = {
    "image_base64_bytes": ("image_base64_bytes_doubt",),
    "request_bytes": ("request_bytes_doubt",),
    "request_media": ("request_media_doubt", "request_media_short_context"),
    "batch_bytes": ("batch_bytes_doubt",),
}
"""The limits that a limit sets as well, unless they are set too: a number of the user's has one reading."""


def _gateway(name: str, found: Found, table: Table, origin: ConfigOrigin) -> Gateway:
    limits: Values = {}
    for key, _, (path, line) in table:
        if key in SETTABLE and key in found.found:
            source = path if line is None else f"{path} line {line}"
            for each in (key, *(other for other in _IMPLIED.get(key, ()) if table.get(other) is None)):
                limits[each] = _value(each, found.found[key], source, name)
    return Gateway(name, found.get(LIKE), limits, origin)


def _value(name: str, value: Any, source: str, owner: str) -> Value:
    """The value of a limit as limits data has it."""
    unit, origin = SPECS[name].unit, (source, "undated", "single source", None, owner)
    if value == _NONE:
        return Absent(name, unit, *origin)
    if unit in ("names", "name"):
        return Term(name, value if unit == "names" else (value,), *origin)
    return Limit(name, value, unit, *origin)
