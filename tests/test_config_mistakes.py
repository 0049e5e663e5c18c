"""Each mistake that a configuration can hold, with its line, its route and the near name."""

from pathlib import Path

import pytest

from tests.configs import mistakes_in


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("selct: [ALL]", '1: unknown key "selct"; did you mean "select"?'),
        ("extend_select: [IB2]", '1: unknown key "extend_select"; did you mean "extend-select"?'),
        ("\nbudgets: {imag: {}}", '2: unknown key "budgets.imag"; did you mean "image"?'),
        (
            "budgets:\n  image:\n    tokns: 5",
            '3: unknown key "budgets.image.tokns"; did you mean "tokens"?',
        ),
        (
            "budgets: {image: {width: 5}}",
            '1: unknown key "budgets.image.width"; the keys here are tokens, bytes, cost',
        ),
        (
            "overrides:\n  - files: [a]\n    sevrity: {}",
            '3: unknown key "overrides[0].sevrity"; did you mean "severity"?',
        ),
        (
            "ignores:\n  - rules: [IB501]\n    reason: x\n    point: /a",
            '4: unknown key "ignores[0].point"; did you mean "pointer"?',
        ),
    ],
)
def test_unknown_keys_name_the_nearest(tmp_path: Path, text: str, expected: str) -> None:
    """At every level, with the route to the key; without a near one the keys are listed."""
    assert mistakes_in(tmp_path, text) == [expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "model: 4.6",
            "1: model: a model id is wanted, but 4.6 without quotes is read as a number with a fraction",
        ),
        ("model: [a]", "1: model: a model id is wanted, here stands a list"),
        ("model: {a: b}", "1: model: a model id is wanted, here stands a table of keys"),
        ("model: ''", '1: model: a model id is wanted, and "" is blank'),
        ("ignore:", "1: ignore: a list of rules is wanted, here stands nothing; write []"),
        ("ignore: IB203", '1: ignore: a list of rules is wanted, here stands text; write ["IB203"]'),
        ("exclude: {a: b}", "1: exclude: a list of patterns is wanted, here stands a table of keys"),
        (
            "severity: [IB301]",
            "1: severity: a table of severities, rule: severity, is wanted, here stands a list",
        ),
        (
            "budgets: 5",
            "1: budgets: a table with the keys image, request and run is wanted, here stands a number",
        ),
        (
            "budgets: {run: $5}",
            "1: budgets.run: a budget with the keys tokens, bytes and cost is wanted, here stands",
        ),
        ("budgets: {run: {cost: [5]}}", "1: budgets.run.cost: a cost is wanted, here stands a list"),
        (
            "budgets: {run: {bytes: on}}",
            "1: budgets.run.bytes: a number of bytes is wanted, here stands a boolean",
        ),
        ("overrides: [a]", "1: overrides[0]: an override is wanted, here stands text"),
        (
            "ignores: {rules: [a]}",
            "1: ignores: a list of ignore entries is wanted, here stands a table of keys",
        ),
        ("- model: x", "1: a table of settings, key: value, is wanted, here stands a list"),
        ("hello", "1: a table of settings, key: value, is wanted, here stands text"),
    ],
)
def test_wrong_types_name_the_expected_type(tmp_path: Path, text: str, expected: str) -> None:
    """The message has the path, the expected and the actual type, and the correct spelling if it is clear."""
    (mistake,) = mistakes_in(tmp_path, text)
    assert mistake.startswith(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "budgets: {image: {tokens: 20 MB}}",
            '"20 MB" is not a number of tokens; write 1600, 1600 tokens, 20k or 1.5M',
        ),
        (
            "budgets: {image: {bytes: 5 EB}}",
            '"5 EB" is not a number of bytes; write 5 MB, 500 KB, 512 KiB, 4096 B',
        ),
        ("budgets: {image: {bytes: 1:30}}", '"1:30" is not a number of bytes'),
        ("budgets: {image: {tokens: 010}}", '"010" is not a number of tokens'),
        ("budgets: {image: {cost: 5 EUR}}", '"5 EUR" is not a cost; write $0.05, 0.05 USD or a plain number'),
        ("budgets: {image: {cost: .inf}}", '".inf" is not a cost'),
        ("budgets: {image: {tokens: 0}}", '"0" leaves no room at all'),
    ],
)
def test_bad_units_show_the_spellings(tmp_path: Path, text: str, expected: str) -> None:
    """No value is guessed, in particular YAML 1.1's reading of 1:30 (90) and 010 (8)."""
    (mistake,) = mistakes_in(tmp_path, text)
    assert mistake.startswith("1: budgets.image.")
    assert expected in mistake


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("severity: {IB301: eror}", '"eror" is not a severity; did you mean "error"?'),
        ("severity: {IB301: Error}", '"Error" is not a severity; did you mean "error"?'),
        (
            "severity: {IB301: hide}",
            "a severity is error, warning or info; to silence a rule list it under ignore",
        ),
        ("severity: {IB301: 3}", "here stands a number; a severity is error, warning or info"),
        ("severity: {IB301: }", "here stands nothing; a severity is error, warning or info"),
    ],
)
def test_unknown_severities(tmp_path: Path, text: str, expected: str) -> None:
    """The nearest one, or all three and where silencing is done."""
    (mistake,) = mistakes_in(tmp_path, text)
    assert mistake.startswith("1: severity.IB301: ")
    assert expected in mistake


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "ignores:\n  - rules: [IB501]",
            '2: ignores[0]: key "reason" is missing; say why these findings are',
        ),
        (
            "ignores:\n  - rules: [IB501]\n    reason: ' '",
            '3: ignores[0].reason: a reason is wanted, and " " is blank',
        ),
        ("ignores:\n  - reason: x", '2: ignores[0]: key "rules" is missing; say which rules are silenced'),
        (
            "ignores: [{rules: [], reason: x}]",
            "1: ignores[0].rules: the list is empty; name at least one rule",
        ),
        (
            "ignores: [{rules: [IB501], files: [], reason: x}]",
            "1: ignores[0].files: the list is empty; name at least",
        ),
        (
            "ignores: [{rules: [A], reason: x, pointer: a/b}]",
            '1: ignores[0].pointer: a JSON pointer is wanted, and "a/b" is none; it begins with a slash',
        ),
        (
            "ignores: [{rules: [A], reason: x, pointer: /a~2}]",
            '1: ignores[0].pointer: a JSON pointer is wanted, and "/a~2" is none; it begins',
        ),
        (
            "overrides:\n  - ignore: [IB3]",
            '2: overrides[0]: key "files" is missing; say for which files this holds',
        ),
        (
            "overrides: [{files: []}]",
            "1: overrides[0].files: the list is empty; name at least one pattern of files",
        ),
        (
            "overrides: [{files: ['']}]",
            '1: overrides[0].files[0]: a pattern of files is wanted, and "" is blank',
        ),
        ("packs: []", "1: packs: the list is empty; without a pack nothing is checked"),
        (
            "packs: [my-rules]",
            '1: packs[0]: a rule pack is wanted, and "my-rules" is no name',
        ),
        ("limits: nope.yaml", '1: limits: "nope.yaml" does not exist; it is looked for beside '),
    ],
)
def test_entries_that_lack_something(tmp_path: Path, text: str, expected: str) -> None:
    """An ignore without a reason, no files, a pointer that is none, a file that is not there."""
    (mistake,) = mistakes_in(tmp_path, text)
    assert mistake.startswith(expected)
