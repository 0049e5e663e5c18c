"""The reference of the Python API, from signatures and docstrings."""

import inspect
import re
import types
from collections.abc import Iterator

import imgbudget
from imgbudget.api.settings import (
    AuditSettings,
    CheckSettings,
    FileSettings,
    LimitSettings,
    ModelSettings,
    ModelsFileSettings,
    ReadSettings,
    RuleSettings,
)
from keywords import keyword_table

HEAD = """\
## Reference

Options by name are those of a group of settings. There a model is one name; as an argument it may be several.

Arguments have the names of the command's options, with underscores, but for these:

{table}
"""

_SETTINGS = (
    *(LimitSettings, ModelSettings, ReadSettings, RuleSettings),
    *(ModelsFileSettings, FileSettings, AuditSettings, CheckSettings),
)


def with_reference(page: str) -> str:
    """The page with the current reference at its end."""
    head = HEAD.format(table=keyword_table())
    return page.partition(HEAD.splitlines()[0] + "\n")[0] + head + "\n" + "\n".join(_parts())


def _parts() -> Iterator[str]:
    names = [name for name in imgbudget.__all__ if not name.startswith("__")]
    values = {name: getattr(imgbudget, name) for name in names}
    for name, value in values.items():
        if not isinstance(value, type):
            yield f"### `imgbudget.{name}`\n\n```text\n{name}{_signature(value)}\n```\n\n{_text(value)}\n"
    known: set[str] = set()
    for settings in _SETTINGS:
        own = [name for name in settings.__annotations__ if name not in known]
        known.update(own)
        options = f"Options: {_list(own)}.\n\n" if own else ""
        yield f"### `{settings.__name__}`\n\n{options}{_text(settings)}\n"
    for name, value in values.items():
        if isinstance(value, type):
            yield f"### `imgbudget.{name}`\n\n{_text(value)}\n{_members(value)}"


def _signature(function: object) -> str:
    signature = inspect.signature(function)  # type: ignore[arg-type]
    parts = []
    star = False
    for one in signature.parameters.values():
        if one.kind is one.KEYWORD_ONLY and not star:
            parts.append("*")
            star = True
        if one.kind is one.VAR_KEYWORD:
            found = re.search(r"(\w+)\W*$", str(getattr(one.annotation, "__args__", ("",))[0]))
            parts.append(f"**{found[1] if found else one.name}")
        else:
            parts.append(one.name if one.default is one.empty else f"{one.name}={one.default!r}")
    whole = f"({', '.join(parts)})"
    return whole if len(whole) < 90 else "(\n    " + ",\n    ".join(parts) + ",\n)"


def _text(value: object) -> str:
    """The docstring as Markdown: its errors as a list."""
    text, _, errors = (inspect.getdoc(value) or "").partition("\nRaises:\n")
    if not errors:
        return text.strip() + "\n"
    found = re.findall(r"^ +(\w+): (.+(?:\n {8}.+)*)", errors, re.MULTILINE)
    items = "\n".join(f"- `{name}`: {' '.join(rest.split())}" for name, rest in found)
    return f"{text.strip()}\n\nRaises:\n\n{items}\n"


def _members(value: type) -> str:
    fields = list(getattr(value, "_fields", ()))
    properties = [
        name for name, one in inspect.getmembers(value) if isinstance(one, property) and name[0] != "_"
    ]
    own = vars(value).values()
    methods = [
        f"- `{one.__name__}{_signature(one).replace('(self, ', '(').replace('(self)', '()')}`: {_first(one)}"
        for one in own
        if isinstance(one, types.FunctionType) and not one.__name__.startswith("_")
    ]
    lines = [f"Fields: {_list(fields)}.\n"] if fields else []
    lines += [f"Properties: {_list(properties)}.\n"] if properties else []
    lines += ["\n".join(methods) + "\n"] if methods else []
    return "\n".join(lines)


def _first(value: object) -> str:
    return (inspect.getdoc(value) or "").partition("\n")[0]


def _list(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
