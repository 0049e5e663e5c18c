"""Reads a configuration file and those that it extends, and combines them.

A single value or list replaces that of the extended file; `severity` and `budgets` are combined key by key;
`extend-select`, `overrides` and `ignores` are appended, so that the extending file has the last word.
"""

import os
from typing import NamedTuple

from imgbudget.config.load import MAX_BYTES, PYPROJECT, identity, read_head, shown
from imgbudget.config.schema import (
    BUDGETS,
    CONFIGURATION,
    EXTEND,
    EXTEND_SELECT,
    IGNORES,
    OVERRIDES,
    SEVERITY,
)
from imgbudget.config.settings import NameReference, Origin, Settings
from imgbudget.config.shapes import Reading
from imgbudget.config.tree import Entry, Items, Node, Table, failure
from imgbudget.errors import ConfigError, ConfigProblem, os_error_text

_COMBINED = frozenset({BUDGETS.name, SEVERITY.name})
_APPENDED = frozenset({EXTEND_SELECT.name, IGNORES.name, OVERRIDES.name})


class Layers(NamedTuple):
    """Settings as far as they could be read, the mistakes, and the names that the caller must check."""

    settings: Settings
    problems: tuple[ConfigProblem, ...]
    references: tuple[NameReference, ...]


def read_layers(path: str) -> Layers:
    """The configuration at `path`, combined with those that it extends."""
    reading = Reading()
    tables: list[Table] = []
    visited: list[str] = []
    following: str | None = path
    named_at = Origin(shown(path), None)
    while following is not None:
        file = identity(following)
        if file in visited:
            chain = " -> ".join(shown(name) for name in [*visited[visited.index(file) :], file])
            reading.report(named_at, f"{EXTEND.name}: configurations extend each other in a circle: {chain}")
            break
        visited.append(file)
        table = _read_table(following, reading)
        if table is None:
            break
        tables.append(table)
        CONFIGURATION.read(table, "", reading)
        extended = table.get(EXTEND.name)
        following = None
        if extended is not None:
            named_at = extended.origin
            following = EXTEND.shape.read(extended, EXTEND.name, Reading())
    combined = Table((), named_at)
    for table in reversed(tables):
        combined = lay_over(table, combined)
    settings = CONFIGURATION.read(combined, "", Reading()) or Settings()
    return Layers(settings, tuple(dict.fromkeys(reading.problems)), tuple(reading.references))


def lay_over(upper: Table, lower: Table) -> Table:
    """The two configurations as one, `upper` over `lower`; each value keeps its own file and line."""
    entries = {entry.key: entry for entry in lower}
    for entry in upper:
        below = entries.get(entry.key)
        value = entry.value if below is None else _combined(entry.key, entry.value, below.value)
        entries[entry.key] = Entry(entry.key, value, entry.origin)
    return Table(tuple(entries.values()), upper.origin)


def _combined(key: str, upper: Node, lower: Node) -> Node:
    if key in _COMBINED and isinstance(upper, Table) and isinstance(lower, Table):
        return _key_by_key(upper, lower)
    if key in _APPENDED and isinstance(upper, Items) and isinstance(lower, Items):
        return Items(lower.items + upper.items, upper.origin)
    return upper


def _key_by_key(upper: Table, lower: Table) -> Table:
    entries = {entry.key: entry for entry in lower}
    for entry in upper:
        below = entries.get(entry.key)
        value = entry.value
        if below is not None and isinstance(value, Table) and isinstance(below.value, Table):
            value = _key_by_key(value, below.value)
        entries[entry.key] = Entry(entry.key, value, entry.origin)
    return Table(tuple(entries.values()), upper.origin)


def _read_table(path: str, reading: Reading) -> Table | None:
    """The top level of a file; None, with the mistake reported, if it is no table."""
    try:
        node = _read_tree(path, reading)
    except ConfigError as error:
        reading.problems.extend(error.problems)
        return None
    if node is None:
        return Table((), Origin(shown(path), 1))
    if isinstance(node, Table):
        return node
    CONFIGURATION.read(node, "", reading)
    return None


def _read_tree(path: str, reading: Reading) -> Node | None:
    """The tree of a file, None if it is empty.

    Raises:
        ConfigError: it cannot be read, is too large, or is neither YAML nor TOML.
    """
    name = shown(path)
    text = _read_text(path, name)
    if path.endswith(".toml"):
        from imgbudget.config.toml import read_toml  # noqa: PLC0415 - a run reads one of the two formats

        node = read_toml(text, name, is_pyproject=os.path.basename(path) == PYPROJECT)
        if node is None:
            raise failure(name, None, "no table [tool.imgbudget]")
        return node
    from imgbudget.config.yaml import read_yaml  # noqa: PLC0415 - as above

    tree, problems = read_yaml(text, name)
    reading.problems.extend(problems)
    return tree


def _read_text(path: str, name: str) -> str:
    try:
        data = read_head(path, MAX_BYTES + 1)
    except OSError as error:
        raise failure(name, None, f"cannot be read: {os_error_text(error)}") from None
    if len(data) > MAX_BYTES:
        raise failure(name, None, f"larger than the {MAX_BYTES:,} bytes that a configuration may have")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise failure(name, line, f"not UTF-8: byte {data[error.start]:#04x}") from None
