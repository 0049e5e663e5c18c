"""Tools for a client that calls commands: their options as JSON schema, and what a call returns."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from imgbudget.errors import UsageError

Kind = Literal["text", "texts", "flag", "number", "path", "paths", "sizes", "box"]
"""What a property is; `sizes` are width x height or paths."""

_SCHEMAS: dict[Kind, dict[str, Any]] = {
    "text": {"type": "string"},
    "path": {"type": "string"},
    "flag": {"type": "boolean"},
    "number": {"type": "integer", "minimum": 0},
    "texts": {"type": "array", "items": {"type": "string"}},
    "paths": {"type": "array", "items": {"type": "string"}, "minItems": 1},
    "sizes": {"type": "array", "items": {"type": "string"}, "minItems": 1},
    "box": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
}

_WORDS: dict[Kind, str] = {
    "text": "a text",
    "path": "a path",
    "flag": "true or false",
    "number": "a whole number of at least 0",
    "texts": "a list of texts",
    "paths": "a list of paths",
    "sizes": "a list of sizes, such as 1920x1080, or paths",
    "box": "four numbers",
}


class Property(NamedTuple):
    """A property of a tool; `option` is the option of the command that it sets, if it is one.

    A `hidden` one is an old name, which clients are not offered.
    """

    kind: Kind
    help: str
    option: str = ""
    choices: tuple[str, ...] = ()
    hidden: bool = False


class ToolSpec(NamedTuple):
    """A tool: what it does, its properties by name, those that it needs, and whether it may write."""

    name: str
    description: str
    properties: Mapping[str, Property]
    required: tuple[str, ...] = ()
    writes: bool = False

    @property
    def schema(self) -> dict[str, Any]:
        """The properties as JSON schema."""
        return {
            "type": "object",
            "properties": {
                name: {
                    **_SCHEMAS[one.kind],
                    **({"enum": list(one.choices)} if one.choices else {}),
                    "description": one.help,
                }
                for name, one in self.properties.items()
                if not one.hidden
            },
            "required": list(self.required),
            "additionalProperties": False,
        }

    def checked(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """What a client gives, without what is null; a lone text is a list of one.

        Raises:
            UsageError: a property is unknown, missing or of another kind.
        """
        found: dict[str, Any] = {}
        for name, value in given.items():
            one = self.properties.get(name)
            if one is None:
                known = ", ".join(name for name, one in self.properties.items() if not one.hidden)
                raise UsageError(f"unknown option {name!r} of {self.name}; known are {known}")
            if value is not None:
                found[name] = _value(f"{name} of {self.name}", one, value)
        for name in self.required:
            if not found.get(name):
                raise UsageError(f"{self.name} needs {name}: {_WORDS[self.properties[name].kind]}")
        return found


def _value(name: str, one: Property, value: object) -> object:
    lists = {"texts", "paths", "sizes"}
    if one.kind in lists and isinstance(value, str):
        value = [value]
    match one.kind:
        case "text" | "path":
            right = isinstance(value, str)
        case "flag":
            right = isinstance(value, bool)
        case "number":
            right = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        case "box":
            right = isinstance(value, list) and [type(one) in {int, float} for one in value] == [True] * 4
        case _:
            right = isinstance(value, list) and all(isinstance(text, str) for text in value)
    if not right:
        raise UsageError(f"{name} is not {_WORDS[one.kind]}")
    if one.choices and value not in one.choices:
        raise UsageError(f"{name} is none of {', '.join(one.choices)}")
    return value


class ToolResult(NamedTuple):
    """What a call returns: texts, the JSON of the command, and the bytes of an image in a format."""

    texts: tuple[str, ...]
    document: dict[str, Any] | None = None
    image: bytes | None = None
    form: str = ""
    is_error: bool = False
