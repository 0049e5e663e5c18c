"""Lines of TOML values, which tomllib does not report, and mistakes in a TOML configuration."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.config.toml import KeyPath, key_lines, read_toml
from imgbudget.errors import ConfigError
from tests.configs import mistakes_in, settings_of
from tests.test_config import CONTRACT_TOML

# every number in it is the line that it stands on
NUMBERED = '''\
top = 1
dotted.key = 2
"quoted key" = 3
'single' = 4   # a comment with [brackets] = 5
"\\u0065scaped" = 5
list = [6, 6,
  7,  # a comment
  [8, 8], { a = 8, b.c = 8 },
]
text = """
x = 1
[not.a.table]
"""
after = 14
raw = \'\'\'
" [[no]] \'\'
\'\'\'
after_raw = 18
empty = ""
after_empty = 20
quotes = """a "quoted" word"""""
after_quotes = 22
url = "http://example.org/#fragment"
date = 1979-05-27 07:32:00
when = 25

[table]
key = 28
[table.inner]
key = 30
inline = { key = 31, list = [31, { deep = 31 }] }

[[tables]]
key = 34
[tables.sub]
key = 36
[[tables.nested]]
key = 38
[[tables.nested]]
key = 40
[[tables]]
key = 42
[[tables.nested]]
key = 44
[ spaced . "out" ]
key = 46
'''


def numbers(value: object, route: KeyPath = ()) -> dict[KeyPath, int]:
    """Every whole number in parsed TOML, by its route."""
    if isinstance(value, dict):
        return {key: n for name, item in value.items() for key, n in numbers(item, (*route, name)).items()}
    if isinstance(value, list):
        return {
            key: n for index, item in enumerate(value) for key, n in numbers(item, (*route, index)).items()
        }
    return {route: value} if isinstance(value, int) else {}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_every_value_is_found_on_its_line(ending: str) -> None:
    """Through comments, strings of every kind, nested lists, inline tables and arrays of tables."""
    text = NUMBERED.replace("\n", ending)
    expected = numbers(tomllib.loads(text))
    lines = key_lines(text)
    assert len(expected) == 29
    assert {route: lines.get(route) for route in expected} == expected


def test_a_list_of_lists_is_no_header() -> None:
    """Neither on the line of its key nor at the beginning of a line."""
    lines = key_lines('a = [["x"]]\nb = [\n["y"],\n  ["z"]\n]\n[c]\nd = 1\n')
    assert (lines["b", 0], lines["b", 1], lines["c",], lines["c", "d"]) == (3, 4, 6, 7)


def test_tables_are_found_on_their_headers() -> None:
    """The first mention of a table, and each element of an array of tables."""
    lines = key_lines(NUMBERED)
    assert lines["table",] == 27
    assert [lines["tables", index] for index in (0, 1)] == [33, 41]
    assert [lines["tables", 0, "nested", index] for index in (0, 1)] == [37, 39]


def test_mistakes_in_a_pyproject_have_the_lines_of_the_file(tmp_path: Path) -> None:
    """Not those of the table: an editor must be able to jump there."""
    mistakes = mistakes_in(
        tmp_path,
        """\
        [project]
        name = "x"

        [tool.imgbudget]
        modle = "x"
        select = [
          "ALL",
          true,
        ]
        platform = 2026-01-01
        budgets.image.bytes = '''5 EB'''
        budgets.request = { cost = 0.00001, tokns = 4 }
        [[tool.imgbudget.overrides]]
        files = []
        [[tool.imgbudget.overrides]]
        files = ["a"]
        [tool.imgbudget.overrides.severity]
        IB301 = "eror"
        [[tool.imgbudget.ignores]]
        rules = ["IB501"]
        """,
        "pyproject.toml",
    )
    expected = [
        '5: unknown key "modle"; did you mean "model"?',
        "8: select[1]: expected a rule (a code, a prefix such as IB2, a name or ALL), but true without ",
        "10: platform: expected a platform, but 2026-01-01 without quotes is a date; quote it: ",
        '11: budgets.image.bytes: "5 EB" is not a number of bytes; write 5 MB, 500 KB, 512 KiB, 4096 B',
        '12: unknown key "budgets.request.tokns"; did you mean "tokens"?',
        "14: overrides[0].files: the list is empty; give at least one file pattern, e.g. tests/**",
        '18: overrides[1].severity.IB301: "eror" is not a severity; did you mean "error"?',
        '19: ignores[0]: missing key "reason"; say why these findings are expected',
    ]
    assert len(mistakes) == len(expected)
    assert [mistake[: len(text)] for mistake, text in zip(mistakes, expected, strict=True)] == expected


def test_fractions_keep_what_was_written(tmp_path: Path) -> None:
    """0.00001 dollars are not turned into 1e-05 on the way; an infinite budget is none."""
    settings = settings_of(tmp_path, "budgets.image = { cost = 0.000_01, tokens = 1_600 }", "b.toml")
    assert (settings.budgets.image.cost, settings.budgets.image.tokens) == (0.00001, 1600)
    (mistake,) = mistakes_in(tmp_path, "budgets.image.cost = inf", "b.toml")
    assert mistake.startswith('1: budgets.image.cost: "inf" is not a cost')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "model = 'a'\n\nmodel = 'b'\nselect = []\n",
            "3: duplicate key (first defined further up); keep one",
        ),
        ("[budgets]\n[severity]\n[budgets]\n", "3: duplicate table (first defined further up); keep one"),
        ("select = [\nmodel", "2: not TOML: invalid value"),
        ("model = 'a", '1: not TOML: expected "\'"'),
        ("x = " + "[" * 10_000, "None: nested more than 32 levels deep"),
        ("x = " + "[" * 50 + "]" * 50, "1: nested more than 32 levels deep"),
        ("x = 1\n" + ".".join(["a"] * 50_000) + " = 1", "2: nested more than 32 levels deep"),
        ("x = " + "9" * 5_000, "None: contains a number with thousands of digits"),
    ],
)
def test_what_is_no_configuration_names_the_line(tmp_path: Path, text: str, expected: str) -> None:
    """Broken, doubled, endless: refused at once, without a traceback."""
    assert mistakes_in(tmp_path, text, "b.toml") == [expected]


def test_a_deep_table_of_another_tool_is_not_ours_to_refuse(tmp_path: Path) -> None:
    """What tomllib can read is read, however deep it goes beside our own table."""
    deep = "[tool.other]\nx = " + "[" * 100 + "]" * 100
    text = f'{deep}\n[tool.imgbudget]\nmodel = "m"\n'
    assert settings_of(tmp_path, text, "pyproject.toml").model == "m"


def test_the_table_must_be_a_table(tmp_path: Path) -> None:
    """`imgbudget = 3` under [tool] is no configuration."""
    (mistake,) = mistakes_in(tmp_path, "tool.imgbudget = 3", "pyproject.toml")
    assert mistake == "1: expected a table of settings (key: value), found a number"


@given(st.integers(0, len(CONTRACT_TOML)), st.integers(0, 12), st.text(max_size=6))
def test_a_damaged_file_is_read_or_refused(start: int, cut: int, put_in: str) -> None:
    """And what is read has a line for every value."""
    text = CONTRACT_TOML[:start] + put_in + CONTRACT_TOML[start + cut :]
    try:
        read_toml(text, "pyproject.toml", is_pyproject=True)
    except ConfigError:
        return
    lines = key_lines(text)
    assert all(route in lines for route in numbers(tomllib.loads(text)))
