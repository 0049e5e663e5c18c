"""The JSON Schema of the configuration: in step with the code, and of one mind with it."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from imgbudget.config.layers import CONFIGURATION, json_schema
from tests.configs import mistakes_in
from tests.test_config import CONTRACT, CONTRACT_TOML

PUBLISHED = Path(__file__).resolve().parents[1] / "docs" / "imgbudget.schema.json"


def validator_of(schema: dict[str, Any]) -> Any:
    """A validator with `is_valid`; the test is skipped where none is installed."""
    jsonschema_rs = pytest.importorskip("jsonschema_rs", reason="needs jsonschema-rs to judge by the schema")
    return jsonschema_rs.Draft202012Validator(schema)


def test_the_published_schema_is_current() -> None:
    """The file under docs is `json_schema()` with an indent of 2, byte for byte."""
    assert PUBLISHED.read_text(encoding="utf-8") == json.dumps(json_schema(), indent=2) + "\n"


def test_every_key_is_described_and_nothing_else_is_allowed() -> None:
    """An editor shows the descriptions and marks unknown keys."""
    schema = json_schema()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert list(schema["properties"]) == [key.name for key in CONFIGURATION.keys]
    pending = [schema]
    records = 0
    while pending:
        part = pending.pop()
        if "properties" in part:
            records += 1
            assert part["additionalProperties"] is False
            assert all(inner["description"].endswith(".") for inner in part["properties"].values())
        pending += [inner for inner in (*part.get("properties", {}).values(), part.get("items")) if inner]
        pending += (
            [part["additionalProperties"]] if isinstance(part.get("additionalProperties"), dict) else []
        )
    assert records == 13


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (CONTRACT, True),
        ("{}", True),
        ("budgets: {image: {tokens: 20k, bytes: 1.5 MB, cost: 0.05}}", True),
        ("ignores: [{rules: [IB501], reason: x, pointer: ''}]", True),
        ("ignores: [{rules: [IB501], reason: x, pointer: /a~1b/0}]", True),
        ("platforms: {a: {like: anthropic, request_bytes: 1 MB, max_edge: none, input_price: 0}}", True),
        ("platforms: {a: {like: anthropic, media_types: [image/png], batch_factor: 0.5}}", True),
        ("platforms: {a b: {like: anthropic}}", False),
        ("platforms: {a: {like: anthropic, max_edge: 2 MB}}", False),
        ("platforms: {a: {like: anthropic, max_edge: 0}}", False),
        ("platforms: {a: {like: anthropic, request_byte: 1 MB}}", False),
        ("platforms: {a: {like: anthropic, source_types: []}}", False),
        ("platforms: {a: {like: anthropic, media_types: [png]}}", False),
        ("modle: x", False),
        ("model: ''", False),
        ("model: 5", False),
        ("select: ALL", False),
        ("packs: []", False),
        ("packs: [my-rules]", False),
        ("severity: {IB301: off}", False),
        ("severity: {IB301: fatal}", False),
        ("budgets: {image: {tokens: 20 MB}}", False),
        ("budgets: {image: {bytes: 5 parsecs}}", False),
        ("budgets: {image: {cost: 5 EUR}}", False),
        ("budgets: {image: {tokens: -1}}", False),
        ("budgets: {disk: {}}", False),
        ("overrides: [{ignore: [IB2]}]", False),
        ("overrides: [{files: []}]", False),
        ("ignores: [{rules: [IB501]}]", False),
        ("ignores: [{rules: [IB501], reason: ' '}]", False),
        ("ignores: [{rules: [IB501], reason: x, pointer: a}]", False),
        ("ignores: [{rules: [IB501], reason: x, pointer: /a~2}]", False),
    ],
)
def test_schema_and_reader_agree(tmp_path: Path, text: str, good: bool) -> None:  # noqa: FBT001 - a case
    """An editor marks exactly what a run refuses."""
    validator = validator_of(json_schema())
    assert (mistakes_in(tmp_path, text) == []) is good
    assert validator.is_valid(yaml.safe_load(text)) is good


def test_the_schema_accepts_toml() -> None:
    """The example of the contract, read by tomllib."""
    validator = validator_of(json_schema())
    assert validator.is_valid(tomllib.loads(CONTRACT_TOML)["tool"]["imgbudget"])
