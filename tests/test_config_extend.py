"""One configuration extending another: what is replaced, what is merged, and whose mistakes are reported."""

from pathlib import Path

import pytest

from imgbudget.config import load
from imgbudget.config.load import load_unchecked
from imgbudget.config.suggest import check_selectors
from imgbudget.errors import ConfigError
from tests.configs import CODES, NAMES, mistakes_in, settings_of, write

BASE = """\
model: base-model
platform: bedrock
select: [IB1, IB2]
extend-select: [IB301]
exclude: [base/**]
severity: {IB201: info, IB301: error}
budgets:
  image: {tokens: 1600, bytes: 5 MB}
  run: {cost: $5}
overrides:
  - {files: [base.png], ignore: [IB1]}
ignores:
  - {rules: [IB501], reason: base}
"""


def test_unset_keys_are_inherited(tmp_path: Path) -> None:
    """A file that only extends has the settings of the other, with its own folder as the root."""
    base = settings_of(tmp_path / "shared", BASE, "base.yaml")
    upper = settings_of(tmp_path, "extend: shared/base.yaml")
    assert upper.root == str(tmp_path)
    assert upper.source == str(tmp_path / "imgbudget.yaml")
    for name in ("model", "platform", "select", "severity", "exclude", "budgets", "overrides", "ignores"):
        assert getattr(upper, name) == getattr(base, name)


def test_values_and_lists_replace_tables_join_and_entries_add_up(tmp_path: Path) -> None:
    """The three ways, as the documentation of merging says."""
    write(tmp_path, BASE, "base.yaml")
    settings = settings_of(
        tmp_path,
        """\
        extend: base.yaml
        model: own-model
        select: [ALL]
        extend-select: [IB501]
        exclude: []
        severity: {IB301: info}
        budgets: {image: {tokens: 800}}
        overrides: [{files: [own.png]}]
        ignores: [{rules: [IB203], reason: own}]
        """,
    )
    assert (settings.model, settings.platform) == ("own-model", "bedrock")
    assert (settings.select, settings.exclude) == (("ALL",), ())
    assert settings.extend_select == ("IB301", "IB501")
    assert settings.severity == {"IB201": "info", "IB301": "info"}
    assert (settings.budgets.image.tokens, settings.budgets.image.bytes) == (800, 5_242_880)
    assert settings.budgets.run.cost == 5.0
    assert [override.files for override in settings.overrides] == [("base.png",), ("own.png",)]
    assert [(ignore.reason, Path(ignore.path).name, ignore.line) for ignore in settings.ignores] == [
        ("base", "base.yaml", 13),
        ("own", "imgbudget.yaml", 9),
    ]


def test_formats_may_be_mixed_and_chains_may_be_long(tmp_path: Path) -> None:
    """YAML over TOML over a pyproject.toml; each name is relative to the file that has it."""
    write(tmp_path / "a" / "b", "[tool.imgbudget]\nmodel = 'lowest'\nplatform = 'foundry'", "pyproject.toml")
    write(tmp_path / "a", "extend = 'b/pyproject.toml'\nplatform = 'bedrock'", "middle.toml")
    settings = settings_of(tmp_path, "extend: a/middle.toml\nignore: [IB2]")
    assert (settings.model, settings.platform, settings.ignore) == ("lowest", "bedrock", ("IB2",))


def test_a_limits_file_is_looked_for_beside_the_file_that_names_it(tmp_path: Path) -> None:
    """Unlike patterns, which are relative to the upper configuration."""
    overlay = write(tmp_path / "shared", "", "limits.yaml")
    write(tmp_path / "shared", "limits: limits.yaml", "base.yaml")
    assert settings_of(tmp_path, "extend: shared/base.yaml").limits == str(overlay)


def test_extending_in_a_circle_is_refused(tmp_path: Path) -> None:
    """With the way round, at the line that closes it; a file that extends itself is the smallest circle."""
    write(tmp_path, "\nextend: imgbudget.yaml", "b.yaml")
    path = write(tmp_path, "extend: b.yaml")
    (problem,) = load_unchecked(str(tmp_path)).problems
    circle = f"{path} -> {tmp_path / 'b.yaml'} -> {path}"
    assert (problem.path, problem.line) == (str(tmp_path / "b.yaml"), 2)
    assert problem.message == f"extend: configurations extend each other in a circle: {circle}"
    assert "in a circle" in mistakes_in(tmp_path, "extend: self.yaml", "self.yaml")[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "model: x\nextend: nope.yaml",
            '2: extend: "nope.yaml" does not exist; paths are relative to ',
        ),
        ("extend: .", '1: extend: "." is a folder, not a file; paths are relative to '),
        ("extend: [a]", "1: extend: expected the name of a configuration file, found a list"),
        ('extend: "a\\0b"', '1: extend: "a\\x00b" does not exist'),
    ],
)
def test_extending_a_missing_file(tmp_path: Path, text: str, expected: str) -> None:
    """The line of `extend` is reported, and the path it resolved to."""
    (mistake,) = mistakes_in(tmp_path, text)
    assert mistake.startswith(expected)


def test_mistakes_of_both_files_are_reported_together(tmp_path: Path) -> None:
    """Also those in replaced values, and unknown rules in either; the extending file first."""
    write(tmp_path, "select: [IB999]\nplatfrom: x", "base.yaml")
    path = write(tmp_path, "extend: base.yaml\nselect: [IB998]\nmodle: x")
    with pytest.raises(ConfigError) as refusal:
        load_unchecked(".", explicit=str(path)).validate(CODES, NAMES)
    told = [(Path(one.path).name, one.line) for one in refusal.value.problems]
    assert told == [("imgbudget.yaml", 2), ("imgbudget.yaml", 3), ("base.yaml", 1), ("base.yaml", 2)]


def test_an_unreadable_file_below_keeps_the_rest(tmp_path: Path) -> None:
    """Its mistake comes beside those of the upper file."""
    write(tmp_path, "model: [", "base.yaml")
    path = write(tmp_path, "extend: base.yaml\nmodle: x")
    found = load_unchecked(".", explicit=str(path))
    assert [(Path(one.path).name, one.line) for one in found.problems] == [
        ("imgbudget.yaml", 2),
        ("base.yaml", 1),
    ]
    assert check_selectors(found.settings, CODES, NAMES) == ()
    with pytest.raises(ConfigError):
        load(".", explicit=str(path))
