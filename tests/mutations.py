"""Documents with one value replaced by each odd one, for tests that nothing makes a reader raise."""

import json
from collections.abc import Iterator
from typing import Any

ODD: tuple[Any, ...] = (None, 1.5, "x", [], [[]], {}, {"type": []})
"""Values of every type, and those that no key of a dictionary can be."""


def mutated(documents: list[Any]) -> Iterator[list[Any]]:
    """The documents with one value replaced, or with one key left out, each once."""
    text = json.dumps(documents)
    for path in _paths(documents):
        for odd in ODD:
            changed = json.loads(text)
            _holder(changed, path)[path[-1]] = odd
            yield changed
        if isinstance(path[-1], str):
            changed = json.loads(text)
            del _holder(changed, path)[path[-1]]
            yield changed


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield from _paths(inner, (*path, key))
    for number, inner in enumerate(value if isinstance(value, list) else ()):
        yield from _paths(inner, (*path, number))


def _holder(value: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value
