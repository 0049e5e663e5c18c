"""The files for SchemaStore: schema in draft 07, entry of the catalog, positive and negative tests."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalog import ADDRESS, FOLDER, schema, schemastore_files
from imgbudget.config.load import YAML_NAMES
from tests.configs import mistakes_in

GOOD = sorted((FOLDER / "src" / "test" / "imgbudget").iterdir())
BAD = sorted((FOLDER / "src" / "negative_test" / "imgbudget").iterdir())
LATER = frozenset(
    {"$anchor", "$defs", "dependentRequired", "dependentSchemas", "minContains", "prefixItems"}
    | {"unevaluatedItems", "unevaluatedProperties", "$dynamicRef", "$recursiveRef", "maxContains"}
)
"""Keywords of later drafts, which a validator of draft 07 passes over."""


def validators() -> Any:
    """The library that validates; the test is skipped where it is not installed."""
    return pytest.importorskip("jsonschema_rs", reason="needs jsonschema-rs to judge by the schema")


def keywords(part: Any) -> set[str]:
    """The keywords of a schema, without the names of properties."""
    found: set[str] = set()
    if isinstance(part, dict):
        for key, value in part.items():
            found.add(key)
            inner = value.values() if key == "properties" else (value,)
            found |= set().union(*map(keywords, inner))
    elif isinstance(part, list):
        found |= set().union(*map(keywords, part))
    return found


def test_schema_is_one_of_draft_07() -> None:
    """By the schema of schemas, and without what that draft does not know."""
    made = schema()
    assert made["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert made["$id"] == ADDRESS
    validators().meta.validate(made)
    assert keywords(made) & LATER == set()


def test_entry_names_the_files_that_are_read() -> None:
    """A file of another name would get help from an editor, and be read by no run."""
    entry = next(json.loads(text) for path, text in schemastore_files().items() if "catalog" in path.name)
    assert sorted(entry) == ["description", "fileMatch", "name", "url"]
    assert entry["fileMatch"] == sorted(YAML_NAMES)
    assert entry["url"] == ADDRESS


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_positive_tests_pass(path: Path, tmp_path: Path) -> None:
    """By the schema, and by the reader, where the file that it names exists."""
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci" / "limits.yaml").write_text("{}\n")
    text = path.read_text(encoding="utf-8")
    assert validators().Draft7Validator(schema()).is_valid(yaml.safe_load(text))
    assert mistakes_in(tmp_path, text) == []


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.name)
def test_negative_tests_fail(path: Path, tmp_path: Path) -> None:
    """Each for one mistake, which a run refuses too."""
    text = path.read_text(encoding="utf-8")
    (error,) = validators().Draft7Validator(schema()).iter_errors(yaml.safe_load(text))
    assert error.message
    assert len(mistakes_in(tmp_path, text)) == 1
