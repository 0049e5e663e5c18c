"""The files that SchemaStore takes: the schema of the configuration in draft 07, and its catalog entry."""

import json
from pathlib import Path
from typing import Any

from imgbudget.config.layers import json_schema
from imgbudget.config.load import YAML_NAMES

FOLDER = Path(__file__).resolve().parent / "schemastore"
"""A part of the tree of SchemaStore; its tests, positive and negative, are written by hand."""

ADDRESS = "https://json.schemastore.org/imgbudget.json"


def schemastore_files() -> dict[Path, str]:
    """The generated files and their content, with keys in alphabetical order, as SchemaStore wants them."""
    entry = {
        "description": "Configuration of imgbudget, a linter for images and requests to vision models",
        "fileMatch": sorted(YAML_NAMES),
        "name": "imgbudget",
        "url": ADDRESS,
    }
    return {
        FOLDER / "src" / "schemas" / "json" / "imgbudget.json": _text(schema()),
        FOLDER / "src" / "api" / "json" / "catalog.entry.json": _text(entry),
    }


def schema() -> dict[str, Any]:
    """The schema in draft 07, which has all keywords that it uses.

    Names of keys are text in any case, which strict validators want to be said.
    """
    made = _typed(json_schema())
    head = {"$schema": "http://json-schema.org/draft-07/schema#", "$id": ADDRESS}
    return head | {key: value for key, value in made.items() if key != "$schema"}


def _typed(part: Any) -> Any:
    if isinstance(part, list):
        return [_typed(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    found = {key: _typed(inner) for key, inner in part.items()}
    if isinstance(names := found.get("propertyNames"), dict):
        found["propertyNames"] = {"type": "string"} | names
    return found


def _text(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"
