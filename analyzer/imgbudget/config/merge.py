"""Lays one configuration over another that it extends.

Single values and lists of the upper one replace those below; `severity` and `budgets` are joined key by key;
`extend-select`, `overrides` and `ignores` are added after those below, so that the upper one speaks last.
"""

from imgbudget.config.nodes import Entry, Items, Node, Table
from imgbudget.config.schema import BUDGETS, EXTEND_SELECT, IGNORES, OVERRIDES, SEVERITY

_JOINED = frozenset({BUDGETS.name, SEVERITY.name})
_ADDED = frozenset({EXTEND_SELECT.name, IGNORES.name, OVERRIDES.name})


def lay_over(upper: Table, lower: Table) -> Table:
    """The two as one; each value keeps the file and line that it comes from."""
    entries = {entry.key: entry for entry in lower}
    for entry in upper:
        below = entries.get(entry.key)
        value = entry.value if below is None else _combined(entry.key, entry.value, below.value)
        entries[entry.key] = Entry(entry.key, value, entry.origin)
    return Table(tuple(entries.values()), upper.origin)


def _combined(key: str, upper: Node, lower: Node) -> Node:
    if key in _JOINED and isinstance(upper, Table) and isinstance(lower, Table):
        return _joined(upper, lower)
    if key in _ADDED and isinstance(upper, Items) and isinstance(lower, Items):
        return Items(lower.items + upper.items, upper.origin)
    return upper


def _joined(upper: Table, lower: Table) -> Table:
    entries = {entry.key: entry for entry in lower}
    for entry in upper:
        below = entries.get(entry.key)
        value = entry.value
        if below is not None and isinstance(value, Table) and isinstance(below.value, Table):
            value = _joined(value, below.value)
        entries[entry.key] = Entry(entry.key, value, entry.origin)
    return Table(tuple(entries.values()), upper.origin)
