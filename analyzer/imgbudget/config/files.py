"""Configuration files read, validated and merged.

A single value or list replaces that of the extended file; `severity`, `budgets`, `platforms`, `processors`
and `thresholds` are combined key by key; `extend-select`, `overrides` and `ignores` are appended, so that the
extending file has the last word. So it is with the configuration in a folder above, if one inherits it; file
patterns remain relative to the folder of the configuration that has them.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

from imgbudget.config.layers import (
    APPENDED,
    COMBINED,
    CONFIGURATION,
    EXCLUDE,
    EXTEND,
    FILES,
    IGNORES,
    INCLUDE,
    INHERIT,
    OVERRIDES,
)
from imgbudget.config.load import (
    MAX_BYTES,
    PYPROJECT,
    boundary,
    discover,
    folder_of,
    identity,
    link_out,
    read_head,
    shown,
)
from imgbudget.config.settings import ALL_FILES, ConfigOrigin, Settings
from imgbudget.config.shapes import Reading
from imgbudget.config.tree import Entry, Items, Kind, Node, Scalar, Table, failure
from imgbudget.errors import ConfigError, ConfigProblem, os_error_text
from imgbudget.limits.values import figure


class Layers(NamedTuple):
    """Settings as far as they could be read, and the mistakes."""

    settings: Settings
    problems: tuple[ConfigProblem, ...]


class _Level(NamedTuple):
    """A configuration with those that it extends, as one table."""

    path: str
    table: Table

    @property
    def inherits(self) -> bool:
        """Whether it takes settings from the configuration in a folder above."""
        value = self.table.get(INHERIT.name)
        return isinstance(value, Scalar) and value.kind is Kind.BOOLEAN and value.text.lower() == "true"


def read_layers(path: str) -> Layers:
    """The configuration at `path`, combined with those that it extends and those above that it inherits."""
    boundaries: dict[str, str] = {}
    reading = Reading(boundaries)
    levels, notes = [_read_level(path, reading, boundaries)], list[str]()
    while levels[-1].inherits:
        found = discover(os.path.dirname(folder_of(levels[-1].path)))
        if found.path is None or folder_of(found.path) == folder_of(levels[-1].path):
            notes.append(f"{shown(levels[-1].path)}: {INHERIT.name}: no folder above has a configuration")
            break
        notes += found.notes
        if problem := link_out(found.path):
            reading.problems.append(problem)
            break
        levels.append(_read_level(found.path, reading, boundaries))
    root = folder_of(levels[-1].path)
    combined = Table((), ConfigOrigin(shown(path), None))
    for level in reversed(levels):
        combined = lay_over(_rooted(level, root), combined)
    whole = Reading(boundaries)
    settings = CONFIGURATION.read(combined, "", whole) or Settings()
    settings = settings._replace(
        root=root,
        inherited=tuple(level.path for level in levels[1:]),
        origins=dict(_origins(combined)),
        notes=tuple(notes),
        references=tuple(reading.references),
        patterns=tuple(use for use in whole.patterns if not use.at.startswith(f"{EXCLUDE.name}[")),
    )
    return Layers(settings, tuple(dict.fromkeys(reading.problems)))


def _read_level(path: str, reading: Reading, boundaries: dict[str, str]) -> _Level:
    """The configuration at `path`, combined with those that it extends; the mistakes of each are reported."""
    within = boundary(path)
    tables: list[Table] = []
    visited: list[str] = []
    following: str | None = path
    named_at = ConfigOrigin(shown(path), None)
    while following is not None:
        file = identity(following)
        if file in visited:
            chain = " -> ".join(shown(name) for name in [*visited[visited.index(file) :], file])
            reading.report(named_at, f"{EXTEND.name}: configurations extend each other in a circle: {chain}")
            break
        visited.append(file)
        boundaries[shown(following)] = within
        table = _read_table(following, reading)
        if table is None:
            break
        tables.append(table)
        CONFIGURATION.read(table, "", reading)
        extended = table.get(EXTEND.name)
        following = None
        if extended is not None:
            named_at = extended.origin
            following = EXTEND.shape.read(extended, EXTEND.name, Reading(boundaries))
    combined = Table((), named_at)
    for table in reversed(tables):
        combined = lay_over(table, combined)
    return _Level(path, combined)


def _origins(table: Table, above: str = "") -> Iterator[tuple[str, ConfigOrigin]]:
    """The position of each value by its key; of tables that are combined key by key, that of each key."""
    for entry in table:
        name = f"{above}{entry.key}"
        if isinstance(entry.value, Table) and (above or entry.key in COMBINED):
            yield from _origins(entry.value, f"{name}.")
        else:
            yield name, entry.origin


def _rooted(level: _Level, root: str) -> Table:
    """The table of a configuration with file patterns that are relative to a folder above it, or its own."""
    own = folder_of(level.path)
    return level.table if own == root else _patterns_below(level.table, _literal(os.path.relpath(own, root)))


def _literal(folder: str) -> str:
    """The pattern that matches a relative folder only."""
    text = folder.replace(os.sep, "/")
    return "".join(f"\\{char}" if char in "*?[\\" else char for char in text)


def _patterns_below(table: Table, folder: str) -> Table:
    """The table with its file patterns, also those of its overrides and ignores, moved below a folder."""
    return Table(tuple(_entry_below(entry, folder) for entry in table), table.origin)


def _entry_below(entry: Entry, folder: str) -> Entry:
    value = entry.value
    if not isinstance(value, Items):
        return entry
    if entry.key in (EXCLUDE.name, INCLUDE.name, FILES.name):
        items: tuple[Node, ...] = tuple(
            Scalar(item.kind, pattern_below(item.text, folder), item.origin, item.text)
            if isinstance(item, Scalar)
            else item
            for item in value.items
        )
    elif entry.key in (IGNORES.name, OVERRIDES.name):
        items = tuple(
            _patterns_below(_with_files(item), folder) if isinstance(item, Table) else item
            for item in value.items
        )
    else:
        return entry
    return Entry(entry.key, Items(items, value.origin), entry.origin)


def _with_files(entry: Table) -> Table:
    """An entry that names no files with the pattern of all of them; an override without them is a mistake."""
    if entry.get(FILES.name) is not None:
        return entry
    files = tuple(Scalar(Kind.TEXT, pattern, entry.origin) for pattern in ALL_FILES)
    return Table((*entry, Entry(FILES.name, Items(files, entry.origin), entry.origin)), entry.origin)


def pattern_below(pattern: str, folder: str) -> str:
    """A gitignore pattern of a folder as one of a folder above it, in which `folder` matches the first."""
    if pattern.startswith("#"):
        return pattern  # a comment
    no = "!" if pattern.startswith("!") else ""
    bare = pattern.removeprefix("!")
    anywhere = "/" not in bare.removesuffix("/")
    return f"{no}/{folder}/{'**/' if anywhere else ''}{bare.removeprefix('/')}"


def lay_over(upper: Table, lower: Table) -> Table:
    """The two configurations as one, `upper` over `lower`; each value keeps its own file and line."""
    entries = {entry.key: entry for entry in lower}
    for entry in upper:
        below = entries.get(entry.key)
        value = entry.value if below is None else _combined(entry.key, entry.value, below.value)
        entries[entry.key] = Entry(entry.key, value, entry.origin)
    return Table(tuple(entries.values()), upper.origin)


def _combined(key: str, upper: Node, lower: Node) -> Node:
    if key in COMBINED and isinstance(upper, Table) and isinstance(lower, Table):
        return _key_by_key(upper, lower)
    if key in APPENDED and isinstance(upper, Items) and isinstance(lower, Items):
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
        return Table((), ConfigOrigin(shown(path), 1))
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
        from imgbudget.config.toml import read_toml  # noqa: PLC0415 - format

        node = read_toml(text, name, is_pyproject=os.path.basename(path) == PYPROJECT)
        if node is None:
            raise failure(name, None, "no table [tool.imgbudget]")
        return node
    from imgbudget.config.yaml import read_yaml  # noqa: PLC0415 - format

    tree, problems = read_yaml(text, name)
    reading.problems.extend(problems)
    return tree


def _read_text(path: str, name: str) -> str:
    try:
        data = read_head(path, MAX_BYTES + 1)
    except OSError as error:
        raise failure(name, None, f"cannot be read: {os_error_text(error)}") from None
    if len(data) > MAX_BYTES:
        raise failure(name, None, f"larger than the {figure(MAX_BYTES)} bytes that a configuration may have")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise failure(name, line, f"not UTF-8: byte {data[error.start]:#04x}") from None
