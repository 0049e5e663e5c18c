"""Entries of `ignores` taken out of a configuration or added to it: that entry, and no other byte."""

import sys
import tomllib
from textwrap import dedent

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.config.edit import Insertion, obstacle, with_ignore, without_ignores
from imgbudget.config.settings import Ignore

BLOCK = """\
# what we expect
model: claude-sonnet-4-6   # the default
ignores:
  # strips are meant
  - rules: [IB301]
    files: ["a/*.png"]
    reason: strips   # see the wiki

  - rules:
      - IB501
      - IB502
    reason: |
      recorded traffic:
      - with a dash
  # last
  -
    rules: [IB2]
    reason: "old"
platform: anthropic
"""
FLOW = """\
ignores: [{rules: [IB301], reason: "a, b"}, {rules: [IB501], reason: "c]"},
          {rules: [IB2], reason: d}]  # three
model: claude-sonnet-4-6
"""
TABLES = """\
[project]
name = "x"

[tool.imgbudget]
model = "claude-sonnet-4-6"

# strips
[[tool.imgbudget.ignores]]
rules = ["IB301"]
files = [
    "a/*.png",
]
reason = "strips"

[[tool.imgbudget.ignores]]
rules = ["IB501"]
reason = '''
[[not a header]]
# no comment
'''
# last
[[tool.imgbudget.ignores]]
rules = ["IB2"]
reason = "old"

[tool.other]
key = 1
"""
INLINE = """\
model = "claude-sonnet-4-6"
ignores = [
    {rules = ["IB301"], reason = "a, ] b"},  # one
    {rules = ["IB501"], reason = "c"},
    {rules = ["IB2"], reason = "d"},
]
"""


@pytest.fixture
def tomlkit() -> None:
    """TOML is edited with tomlkit, an optional dependency."""
    pytest.importorskip("tomlkit")


@pytest.fixture(params=["with libyaml", "without libyaml"])
def either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The marks of PyYAML's C parser, and those of its Python one."""
    if request.param == "without libyaml":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)


def test_nothing_asked_for_is_nothing_changed() -> None:
    """No number, no cut."""
    assert without_ignores(BLOCK, "imgbudget.yaml", []) == BLOCK


@pytest.mark.usefixtures("either_parser")
@pytest.mark.parametrize(
    ("number", "gone"),
    [
        (0, '  - rules: [IB301]\n    files: ["a/*.png"]\n    reason: strips   # see the wiki\n'),
        (
            1,
            (
                "  - rules:\n      - IB501\n      - IB502\n    reason: |\n      recorded traffic:\n"
                "      - with a dash\n"
            ),
        ),
        (2, '  -\n    rules: [IB2]\n    reason: "old"\n'),
    ],
)
def test_an_item_of_a_yaml_list_goes_with_its_lines(number: int, gone: str) -> None:
    """Comments above it and all else stay."""
    assert BLOCK.count(gone) == 1
    assert without_ignores(BLOCK, "imgbudget.yaml", [number]) == BLOCK.replace(gone, "")


@pytest.mark.usefixtures("either_parser")
def test_the_key_goes_with_its_last_entry() -> None:
    """An empty `ignores:` would be a mistake."""
    left = without_ignores(BLOCK, "imgbudget.yaml", [0, 1, 2])
    assert left is not None
    assert left.splitlines() == [
        "# what we expect",
        "model: claude-sonnet-4-6   # the default",
        "  # strips are meant",
        "",
        "  # last",
        "platform: anthropic",
    ]


@pytest.mark.usefixtures("either_parser")
@pytest.mark.parametrize(
    ("number", "gone"),
    [
        (0, '{rules: [IB301], reason: "a, b"}, '),
        (1, '{rules: [IB501], reason: "c]"},\n          '),
        (2, ",\n          {rules: [IB2], reason: d}"),
    ],
)
def test_an_item_in_brackets_goes_with_one_comma(number: int, gone: str) -> None:
    """YAML's flow style, brackets and commas inside texts left alone."""
    assert without_ignores(FLOW, "imgbudget.yaml", [number]) == FLOW.replace(gone, "")


@pytest.mark.usefixtures("either_parser")
def test_a_list_in_brackets_goes_whole() -> None:
    """With its last entry the key and its lines go."""
    assert without_ignores(FLOW, "imgbudget.yaml", [0, 1, 2]) == "model: claude-sonnet-4-6\n"


@pytest.mark.usefixtures("tomlkit")
@pytest.mark.parametrize(
    ("number", "begin", "end"),
    [
        (0, '[[tool.imgbudget.ignores]]\nrules = ["IB301"]', 'reason = "strips"\n'),
        (1, '[[tool.imgbudget.ignores]]\nrules = ["IB501"]', "# no comment\n'''\n"),
        (2, '[[tool.imgbudget.ignores]]\nrules = ["IB2"]', 'reason = "old"\n'),
    ],
)
def test_a_table_of_toml_goes_with_its_lines(number: int, begin: str, end: str) -> None:
    """From its header to its last value; comments and blank lines behind it stay."""
    start, stop = TABLES.index(begin), TABLES.index(end, TABLES.index(begin)) + len(end)
    assert without_ignores(TABLES, "pyproject.toml", [number]) == TABLES[:start] + TABLES[stop:]


@pytest.mark.usefixtures("tomlkit")
def test_an_inline_table_of_toml_goes_with_one_comma() -> None:
    """Brackets in texts are no items; with the only item the key goes."""
    assert without_ignores(INLINE, "imgbudget.toml", [1]) == INLINE.replace(
        '    {rules = ["IB501"], reason = "c"},\n', ""
    )
    assert without_ignores(INLINE, "imgbudget.toml", [0, 1, 2]) == 'model = "claude-sonnet-4-6"\n'


@pytest.mark.usefixtures("tomlkit")
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_comments_after_a_table_of_toml_stay(ending: str) -> None:
    """They are most often about the next table; a text that looks like a comment is none."""
    entry = "[[ignores]]  # gone\nrules = ['IB1']  # gone too\nreason = '''\n# text'''\n"
    head, tail = "model = 'm'\n# first\n", "# next\n\n[[ignores]]\nrules = ['IB2']\nreason = 'y'\n"
    text = (head + entry + tail).replace("\n", ending)
    assert without_ignores(text, "b.toml", [0]) == (head + tail).replace("\n", ending)


@pytest.mark.usefixtures("tomlkit")
def test_the_last_line_of_a_toml_file_may_lack_its_line_feed() -> None:
    """The last entry still goes."""
    assert (
        without_ignores(TABLES[: TABLES.index("\n\n[tool.other]")], "pyproject.toml", [2])
        == TABLES[: TABLES.index('[[tool.imgbudget.ignores]]\nrules = ["IB2"]')]
    )


def test_toml_is_left_alone_without_tomlkit(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the reason says what to install; YAML needs nothing."""
    monkeypatch.setitem(sys.modules, "tomlkit", None)
    assert without_ignores(TABLES, "pyproject.toml", [0]) is None
    assert "pip install 'imgbudget[toml]'" in obstacle("pyproject.toml")
    assert obstacle("imgbudget.yaml") == ""


def test_an_anchor_that_is_used_elsewhere_is_left_alone() -> None:
    """What would change the meaning of the rest is not done at all."""
    text = dedent("""\
        ignores:
          - rules: &these [IB301]
            reason: a
          - rules: *these
            reason: b
        """)
    assert without_ignores(text, "imgbudget.yaml", [0]) is None
    assert without_ignores(text, "imgbudget.yaml", [1]) == text[: text.index("  - rules: *")]


def test_an_entry_that_is_not_there_is_not_taken_out() -> None:
    """Nor one of a file without ignores."""
    assert without_ignores(BLOCK, "imgbudget.yaml", [3]) is None
    assert without_ignores("model: x\n", "imgbudget.yaml", [0]) is None
    assert without_ignores(TABLES, "pyproject.toml", [3]) is None


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20)


@given(reasons=st.lists(texts, min_size=1, max_size=5), data=st.data(), crlf=st.booleans())
def test_the_entries_that_are_left_are_the_others(
    reasons: list[str], data: st.DataObject, *, crlf: bool
) -> None:
    """Any entries of any reasons, with either line end: what goes is what was named, byte for byte."""
    newline = "\r\n" if crlf else "\n"
    quoted = ["'" + reason.replace("'", "''") + "'" for reason in reasons]
    items = [f"- rules: [IB301]{newline}  reason: {text} # {i}{newline}" for i, text in enumerate(quoted)]
    gone = data.draw(st.sets(st.integers(0, len(items) - 1), max_size=len(items) - 1))
    head, tail = f"ignores:{newline}", f"model: x{newline}"
    left = [item for i, item in enumerate(items) if i not in gone]
    assert (
        without_ignores(head + "".join(items) + tail, "imgbudget.yaml", gone) == head + "".join(left) + tail
    )


ADDED = Ignore(("IB501",), 'é: "why"', ("/a b.json",), "/messages/0")
"""An entry whose text needs quotes."""


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (BLOCK, "imgbudget.yaml"),
        (TABLES, "pyproject.toml"),
        ("", "imgbudget.yaml"),
        ("# only a remark", "imgbudget.yaml"),
        ("model: x", "imgbudget.yaml"),
        ("ignores:\n- rules: [IB1]\n  reason: |\n    two\n    lines\n", "imgbudget.yaml"),
        ('model = "x"\n', "settings.toml"),
        ("", "pyproject.toml"),
    ],
)
def test_entry_is_added_behind_the_others(text: str, path: str) -> None:
    """What was there stays, and taking the entry out again gives the same settings."""
    added = with_ignore(text, path, ADDED)
    assert isinstance(added, Insertion)
    longer = text[: added.offset] + added.text + text[added.offset :]
    read = tomllib.loads(longer) if path.endswith(".toml") else yaml.safe_load(longer)
    table = read["tool"]["imgbudget"] if path == "pyproject.toml" else read
    *others, entry = table["ignores"]
    assert entry == {
        "rules": ["IB501"],
        "files": ["/a b.json"],
        "reason": 'é: "why"',
        "pointer": "/messages/0",
    }
    assert with_ignore(longer, path, ADDED)
    assert without_ignores(longer, path, [len(others)]) is not None


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (FLOW, "imgbudget.yaml"),
        ("ignores: []\n", "imgbudget.yaml"),
        ("ignores:\n- rules: [IB1]\n  reason: |\n    no end of the line", "imgbudget.yaml"),
        ("{model: x}\n", "imgbudget.yaml"),
        ("model: x\n---\n", "imgbudget.yaml"),
        ("model: [\n", "imgbudget.yaml"),
        ("[tool.imgbudget]\nignores = []\n", "pyproject.toml"),
        ("[tool.imgbudget\n", "pyproject.toml"),
    ],
)
def test_entry_is_not_added_where_that_would_change_the_rest(text: str, path: str) -> None:
    """Lists in brackets, and what is no configuration, are left to the person."""
    assert with_ignore(text, path, ADDED) is None
