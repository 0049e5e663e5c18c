"""Each mistake that a configuration can hold, with its line, its route and the near name."""

import json
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
            '1: unknown key "budgets.image.width"; valid keys: tokens, bytes, cost',
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


OPEN = "never matches: a [ is not closed, or a backslash is at the end; write \\[ for a name with a bracket"
FOLDER = "never matches: patterns are relative to the folder of the configuration and have no . or .. as"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("include: ['../**']", f'1: include[0]: "../**" {FOLDER} a folder'),
        ("exclude: [ok, ./a/*.png]", f'1: exclude[1]: "./a/*.png" {FOLDER} a folder'),
        ("exclude: [a/../b]", f'1: exclude[0]: "a/../b" {FOLDER} a folder'),
        (
            "include: ['a/[b']",
            f'1: include[0]: "a/[b" {OPEN}',
        ),
        (
            "exclude: ['a\\']",
            f'1: exclude[0]: "a\\" {OPEN}',
        ),
        ("exclude: [a//b]", '1: exclude[0]: "a//b" never matches: it has two slashes in a row'),
        ("exclude: ['!']", '1: exclude[0]: "!" never matches: it is empty'),
        (
            "exclude: ['#a']",
            '1: exclude[0]: "#a" never matches: # begins a comment; write \\# for a name that begins with it',
        ),
        (
            "overrides:\n  - {files: [../x], ignore: [IB1]}",
            f'2: overrides[0].files[0]: "../x" {FOLDER} a folder',
        ),
        (
            "ignores:\n  - {rules: [IB1], files: [./x], reason: a}",
            f'2: ignores[0].files[0]: "./x" {FOLDER} a folder',
        ),
    ],
)
def test_patterns_that_never_match(tmp_path: Path, text: str, expected: str) -> None:
    """Git would ignore them in silence."""
    assert mistakes_in(tmp_path, text) == [expected]


def test_patterns_that_may_match(tmp_path: Path) -> None:
    """With sets, classes, escapes, dots in names, leading and trailing slashes."""
    patterns = [
        "**",
        "/a/",
        "*.png",
        "a/**/b",
        "[a-c]*",
        "[!x]",
        "[[:digit:]]",
        r"\#a",
        r"\[b",
        ".git",
        "...",
        "!a",
    ]
    assert mistakes_in(tmp_path, f"exclude: {json.dumps(patterns)}\ninclude: ['..a', 'a..b/']") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "model: 4.6",
            "1: model: expected a model id, but 4.6 without quotes is a number with a fraction",
        ),
        ("model: [a]", "1: model: expected a model id, found a list"),
        ("model: {a: b}", "1: model: expected a model id, found a table"),
        ("model: ''", '1: model: expected a model id, but "" is blank'),
        ("ignore:", "1: ignore: expected a list of rules, found nothing; write []"),
        ("ignore: IB203", '1: ignore: expected a list of rules, found text; write ["IB203"]'),
        ("exclude: {a: b}", "1: exclude: expected a list of file patterns, found a table"),
        (
            "severity: [IB301]",
            "1: severity: expected a table of severities (rule: severity), found a list",
        ),
        (
            "budgets: 5",
            "1: budgets: expected a table with the keys image, request and run, found a number",
        ),
        (
            "budgets: {run: $5}",
            "1: budgets.run: expected a budget with the keys tokens, bytes and cost, found",
        ),
        ("budgets: {run: {cost: [5]}}", "1: budgets.run.cost: expected a cost, found a list"),
        (
            "budgets: {run: {bytes: on}}",
            "1: budgets.run.bytes: expected a number of bytes, found a boolean",
        ),
        ("overrides: [a]", "1: overrides[0]: expected an override, found text"),
        (
            "ignores: {rules: [a]}",
            "1: ignores: expected a list of ignore entries, found a table",
        ),
        ("- model: x", "1: expected a table of settings (key: value), found a list"),
        ("hello", "1: expected a table of settings (key: value), found text"),
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
        ("budgets: {image: {tokens: 0}}", '"0" is not more than 0'),
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
            "use error, warning or info; to turn a rule off, list it under ignore",
        ),
        ("severity: {IB301: 3}", "found a number; use error, warning or info"),
        ("severity: {IB301: }", "found nothing; use error, warning or info"),
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
            '2: ignores[0]: missing key "reason"; say why these findings are',
        ),
        (
            "ignores:\n  - rules: [IB501]\n    reason: ' '",
            '3: ignores[0].reason: expected a reason, but " " is blank',
        ),
        ("ignores:\n  - reason: x", '2: ignores[0]: missing key "rules"; say which rules to ignore'),
        (
            "ignores: [{rules: [], reason: x}]",
            "1: ignores[0].rules: the list is empty; give at least one rule",
        ),
        (
            "ignores: [{rules: [IB501], files: [], reason: x}]",
            "1: ignores[0].files: the list is empty; give at least",
        ),
        (
            "ignores: [{rules: [A], reason: x, pointer: a/b}]",
            '1: ignores[0].pointer: expected a JSON pointer, but "a/b" is not one; it starts with a slash',
        ),
        (
            "ignores: [{rules: [A], reason: x, pointer: /a~2}]",
            '1: ignores[0].pointer: expected a JSON pointer, but "/a~2" is not one; it starts',
        ),
        (
            "overrides:\n  - ignore: [IB3]",
            '2: overrides[0]: missing key "files"; say which files this applies to',
        ),
        (
            "overrides: [{files: []}]",
            "1: overrides[0].files: the list is empty; give at least one file pattern",
        ),
        (
            "overrides: [{files: ['']}]",
            '1: overrides[0].files[0]: expected a file pattern, but "" is blank',
        ),
        ("packs: []", "1: packs: the list is empty; without a rule pack nothing is checked"),
        (
            "packs: [my-rules]",
            '1: packs[0]: expected a rule pack, but "my-rules" is not the name',
        ),
        ("limits: nope.yaml", '1: limits: "nope.yaml" does not exist; paths are relative to the folder of '),
    ],
)
def test_entries_that_lack_something(tmp_path: Path, text: str, expected: str) -> None:
    """An ignore without a reason, no files, a pointer that is none, a file that is not there."""
    (mistake,) = mistakes_in(tmp_path, text)
    assert mistake.startswith(expected)
