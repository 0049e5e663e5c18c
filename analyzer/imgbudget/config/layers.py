"""Reads a configuration file and all that it extends, and collects every mistake in them."""

from typing import NamedTuple

from imgbudget.config.discovery import PYPROJECT
from imgbudget.config.files import MAX_BYTES, identity, name_of, read_head, shown
from imgbudget.config.merge import lay_over
from imgbudget.config.nodes import Node, Table, refusal
from imgbudget.config.schema import CONFIGURATION, EXTEND
from imgbudget.config.settings import Origin, Settings, Written
from imgbudget.config.shapes import Reading
from imgbudget.errors import ConfigError, ConfigProblem, os_error_text


class Layers(NamedTuple):
    """Settings as far as they could be read, the mistakes, and the names that the caller checks."""

    settings: Settings
    problems: tuple[ConfigProblem, ...]
    written: tuple[Written, ...]


def read_layers(path: str) -> Layers:
    """The configuration at `path` over those that it extends."""
    reading = Reading()
    tables: list[Table] = []
    seen: list[str] = []
    following: str | None = path
    named_at = Origin(shown(path), None)
    while following is not None:
        file = identity(following)
        if file in seen:
            chain = " -> ".join(shown(name) for name in [*seen[seen.index(file) :], file])
            reading.refuse(named_at, f"{EXTEND.name}: goes round in a circle: {chain}")
            break
        seen.append(file)
        table = _read_table(following, reading)
        if table is None:
            break
        tables.append(table)
        CONFIGURATION.read(table, "", reading)
        below = table.get(EXTEND.name)
        following = None
        if below is not None:
            named_at = below.origin
            following = EXTEND.shape.read(below, EXTEND.name, Reading())
    merged = Table((), named_at)
    for table in reversed(tables):
        merged = lay_over(table, merged)
    settings = CONFIGURATION.read(merged, "", Reading()) or Settings()
    return Layers(settings, tuple(dict.fromkeys(reading.problems)), tuple(reading.written))


def _read_table(path: str, reading: Reading) -> Table | None:
    """The top of a file; None, with the mistake noted, where it is no table."""
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
    """The tree of a file, None when it is empty.

    Raises:
        ConfigError: it cannot be read, is too large, or is neither YAML nor TOML.
    """
    name = shown(path)
    text = _read_text(path, name)
    if path.endswith(".toml"):
        from imgbudget.config.tomlsource import read_toml  # noqa: PLC0415 - for TOML only

        node = read_toml(text, name, is_pyproject=name_of(path) == PYPROJECT)
        if node is None:
            raise refusal(name, None, "has no table [tool.imgbudget]")
        return node
    from imgbudget.config.yamlsource import read_yaml  # noqa: PLC0415 - for YAML only

    tree, problems = read_yaml(text, name)
    reading.problems.extend(problems)
    return tree


def _read_text(path: str, name: str) -> str:
    try:
        data = read_head(path, MAX_BYTES + 1)
    except OSError as error:
        raise refusal(name, None, f"cannot be read: {os_error_text(error)}") from None
    if len(data) > MAX_BYTES:
        raise refusal(name, None, f"is larger than {MAX_BYTES:,} bytes, too large for a configuration")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise refusal(name, line, f"is not UTF-8 text: byte {data[error.start]:#04x}") from None
