"""Limits data from a YAML file: duplicate keys are an error, dates stay text."""

from typing import Any

import yaml

from imgbudget.errors import LimitsError, os_error_text
from imgbudget.positional import read_named

MAX_BYTES = 1 << 20
"""Most bytes of a file of limits; all that ship have 55 kB together."""

MAX_VALUES = 100_000
"""Most values of a file, where an alias counts as all the values that it repeats."""

_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    """A safe loader that reads dates as text and rejects duplicate keys."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML requires a class attribute
        first: [(tag, pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """Reject duplicate keys, before merge keys are resolved."""
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        keys = set()
        for key, _value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    raise yaml.MarkedYAMLError(
                        problem=f"duplicate key {key.value}", problem_mark=key.start_mark
                    )
                keys.add(key.value)
        return node

    def get_single_node(self) -> yaml.Node | None:
        """The node of the document, before any value of it is made: merge keys copy what aliases repeat."""
        node: yaml.Node | None = super().get_single_node()
        if node is not None:
            _count_values(node, {})
        return node


def _count_values(node: yaml.Node, counts: dict[int, int | None]) -> int:
    """The number of values in a node, counting aliases; `counts` has those of nodes, None of open ones.

    Raises:
        MarkedYAMLError: there are too many, or an alias is inside of what it refers to.
    """
    if id(node) in counts:
        known = counts[id(node)]
        if known is None:
            raise yaml.MarkedYAMLError(
                problem="the value contains itself through an alias", problem_mark=node.start_mark
            )
        return known
    counts[id(node)] = None
    total = 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            total += _count_values(key, counts) + _count_values(value, counts)
    elif isinstance(node, yaml.SequenceNode):
        total += sum(_count_values(item, counts) for item in node.value)
    if total > MAX_VALUES:
        problem = f"more than {MAX_VALUES:,} values, counting aliases"
        raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
    counts[id(node)] = total
    return total


def read_yaml(path: str) -> dict[str, Any]:
    """The mapping in a YAML file, empty for an empty file.

    Raises LimitsError with the path, and with the line if it is known.
    """
    try:
        data = read_named(path, MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            raise LimitsError(f"{path}: larger than the {MAX_BYTES >> 20} MB that a file of limits may have")
        content = yaml.load(data, _Loader)  # noqa: S506 - derived from SafeLoader
    except OSError as error:
        raise LimitsError(f"{path}: {os_error_text(error)}") from error
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}:" if error.problem_mark else ""
        raise LimitsError(f"{path}:{line} {error.problem or error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise LimitsError(f"{path}: not YAML: {str(error).partition(chr(10))[0]}") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        found = "a list" if isinstance(content, list) else "a single value"
        raise LimitsError(f"{path}: must be a mapping, not {found}")
    return content
