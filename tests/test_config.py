"""Reading a configuration, and reporting all its mistakes and unknown names together."""

from pathlib import Path

import pytest

from imgbudget.config import load
from imgbudget.config.load import load_unchecked
from imgbudget.config.settings import Ignore, Override
from imgbudget.config.suggest import check_platform, check_selectors
from imgbudget.errors import ConfigError
from imgbudget.model.budgets import Budget, Budgets
from tests.configs import CODES, NAMES, PLATFORMS, settings_of, write

CONTRACT = """\
model: claude-sonnet-4-6
platform: anthropic
packs: [imgbudget_rules]
select: [ALL]
ignore: [IB203]
severity: {IB301: error}
exclude: ["third_party/**"]
budgets:
  image:   {tokens: 1600, bytes: 5 MB}
  request: {tokens: 20000, cost: $0.05, bytes: 20 MB}
  run:     {cost: $5}
overrides:
  - files: ["tests/fixtures/**"]
    ignore: [IB3]
ignores:
  - rules: [IB501]
    files: ["requests/legacy.json"]
    pointer: /messages/0
    reason: recorded traffic
"""

CONTRACT_TOML = """\
[tool.imgbudget]
model = "claude-sonnet-4-6"
platform = "anthropic"
packs = ["imgbudget_rules"]
select = ["ALL"]
ignore = ["IB203"]
severity = { IB301 = "error" }
exclude = ["third_party/**"]

[tool.imgbudget.budgets]
image = { tokens = 1600, bytes = "5 MB" }
request = { tokens = 20_000, cost = "$0.05", bytes = "20 MB" }
run.cost = 5

[[tool.imgbudget.overrides]]
files = ["tests/fixtures/**"]
ignore = ["IB3"]

[[tool.imgbudget.ignores]]
rules = ["IB501"]
files = ["requests/legacy.json"]
pointer = "/messages/0"
reason = "recorded traffic"
"""


@pytest.mark.parametrize(
    ("text", "name", "lines"),
    [(CONTRACT, "imgbudget.yaml", (13, 16)), (CONTRACT_TOML, "pyproject.toml", (15, 19))],
)
def test_the_same_keys_in_both_formats(tmp_path: Path, text: str, name: str, lines: tuple[int, int]) -> None:
    """The example of the contract, written as YAML and as TOML, gives the same settings."""
    settings = settings_of(tmp_path, text, name)
    assert settings.ignore == ("IB203",)
    assert settings.severity == {"IB301": "error"}
    assert settings.exclude == ("third_party/**",)
    assert settings.budgets == Budgets(
        image=Budget(tokens=1600, bytes=5_242_880),
        request=Budget(tokens=20_000, cost=0.05, bytes=20_971_520),
        run=Budget(cost=5.0),
    )
    path = settings.overrides[0].path
    assert settings.overrides == (
        Override(files=("tests/fixtures/**",), ignore=("IB3",), path=path, line=lines[0]),
    )
    assert path.endswith(name)
    assert settings.ignores == (
        Ignore(
            rules=("IB501",),
            files=("requests/legacy.json",),
            pointer="/messages/0",
            reason="recorded traffic",
            path=settings.ignores[0].path,
            line=lines[1],
        ),
    )
    assert settings.ignores[0].path.endswith(name)


def test_an_empty_configuration_means_the_defaults(tmp_path: Path) -> None:
    """Nothing, comments only and a bare document marker are no mistakes."""
    defaults = settings_of(tmp_path, "")
    assert defaults.select == ("ALL",)
    for text in ("# nothing yet\n", "---\n", "{}\n", "\ufeff"):
        assert settings_of(tmp_path, text) == defaults


def test_five_mistakes_give_five_messages(tmp_path: Path) -> None:
    """All of them at once, each with its line, in the order of the file; unknown rules among them."""
    path = write(
        tmp_path,
        """\
        modle: claude-sonnet-4-6
        select: ALL
        ignore: [IB999]
        budgets: {image: {bytes: 5 parsecs}}
        ignores: [{rules: [IB501]}]
        """,
    )
    with pytest.raises(ConfigError) as refusal:
        load_unchecked(".", explicit=str(path)).validate(CODES, NAMES, PLATFORMS)
    assert [problem.line for problem in refusal.value.problems] == [1, 2, 3, 4, 5]
    assert {problem.path for problem in refusal.value.problems} == {str(path)}
    assert str(refusal.value).splitlines()[0] == f'{path}:1: unknown key "modle"; did you mean "model"?'


def test_an_ignore_without_files_means_all_files(tmp_path: Path) -> None:
    """And without a pointer the whole of each; the empty pointer is the whole document."""
    ignores = settings_of(
        tmp_path, "ignores: [{rules: [IB501], reason: x}, {rules: [A], reason: x, pointer: ''}]"
    ).ignores
    assert [(ignore.files, ignore.pointer) for ignore in ignores] == [(("**",), None), (("**",), "")]


def test_known_selectors_in_every_place_are_silent(tmp_path: Path) -> None:
    """Codes in any case, prefixes, names and ALL."""
    settings = settings_of(
        tmp_path,
        """\
        select: [ALL, IB2, ib201]
        extend-select: [oversized-image]
        ignore: [IB]
        severity: {IB3: info, tiny-edge: error}
        overrides: [{files: [a], select: [all], ignore: [IB50], severity: {IB501: info}}]
        ignores: [{rules: [IB501], reason: x}]
        """,
    )
    assert check_selectors(settings, CODES, NAMES) == ()
    assert settings.extend_select == ("oversized-image",)


def test_unknown_selectors_are_reported_with_the_closest(tmp_path: Path) -> None:
    """The caller passes the known rules; file and line are reported."""
    settings = settings_of(
        tmp_path,
        """\
        select: [ALL, IB210]
        extend-select:
          - oversize-image
        ignore: [zebra]
        severity: {IB302: info}
        overrides:
          - files: [a]
            select: [IB9]
            extend-select: [Tiny-Edge]
            ignore: [IB2010]
            severity:
              ib-501: info
        ignores: [{rules: [image_after_text], reason: x}]
        """,
    )
    problems = check_selectors(settings, CODES, NAMES)
    assert {problem.path for problem in problems} == {settings.source}
    assert [(problem.line, problem.message) for problem in problems] == [
        (1, 'select[1]: unknown rule "IB210"; did you mean "IB201"?'),
        (3, 'extend-select[0]: unknown rule "oversize-image"; did you mean "oversized-image"?'),
        (4, 'ignore[0]: unknown rule "zebra"; imgbudget rule --all lists the rules'),
        (5, 'severity.IB302: unknown rule "IB302"; did you mean "IB301"?'),
        (8, 'overrides[0].select[0]: unknown rule "IB9"; did you mean "IB1"?'),
        (9, 'overrides[0].extend-select[0]: unknown rule "Tiny-Edge"; did you mean "tiny-edge"?'),
        (10, 'overrides[0].ignore[0]: unknown rule "IB2010"; did you mean "IB201"?'),
        (12, 'overrides[0].severity.ib-501: unknown rule "ib-501"; did you mean "IB501"?'),
        (13, 'ignores[0].rules[0]: unknown rule "image_after_text"; did you mean "image-after-text"?'),
    ]


def test_platforms_are_checked_against_those_that_the_caller_knows(tmp_path: Path) -> None:
    """The message names the closest platform, or all; any model id is accepted."""
    assert check_platform(settings_of(tmp_path, "platform: bedrock\nmodel: whatever-9"), PLATFORMS) == ()
    (near,) = check_platform(settings_of(tmp_path, "\nplatform: bedrok"), PLATFORMS)
    assert (near.line, near.message) == (2, 'platform: unknown platform "bedrok"; did you mean "bedrock"?')
    (far,) = check_platform(settings_of(tmp_path, "platform: zzz"), PLATFORMS)
    assert far.message.endswith("known: anthropic, bedrock, claude-ai, foundry, google-cloud")


def test_settle_checks_only_what_it_is_given(tmp_path: Path) -> None:
    """Without the known rules only the file itself is checked, as by `load`."""
    path = str(write(tmp_path, "select: [IB999]\nplatform: nowhere"))
    assert load(".", explicit=path).select == ("IB999",)
    with pytest.raises(ConfigError) as refusal:
        load_unchecked(".", explicit=path).validate(CODES, NAMES, PLATFORMS)
    assert len(refusal.value.problems) == 2
