"""Limits data from a YAML file: duplicate keys are an error, dates stay text."""

from pathlib import Path
from typing import Any

import yaml

from imgbudget.errors import LimitsError, os_error_text

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


def read_yaml(path: str) -> dict[str, Any]:
    """The mapping in a YAML file, empty for an empty file.

    Raises LimitsError with the path, and with the line if it is known.
    """
    try:
        content = yaml.load(Path(path).read_bytes(), _Loader)  # noqa: S506 - derived from SafeLoader
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
        raise LimitsError(f"{path}: must be a mapping, not a {type(content).__name__}")
    return content
