"""What YAML itself makes hard: words that are booleans, doubled keys, tabs, aliases, depth and size."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.config.files import read_layers
from imgbudget.config.load import load_unchecked
from imgbudget.config.yaml import read_yaml
from imgbudget.errors import ConfigError
from tests.configs import mistakes_in, settings_of, write
from tests.test_config import CONTRACT


@pytest.fixture(params=["with libyaml", "without libyaml"])
def either_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs on PyYAML's C parser, and on its Python one for installations that lack it."""
    if request.param == "without libyaml":
        monkeypatch.delattr(yaml, "CSafeLoader", raising=False)


pytestmark = pytest.mark.usefixtures("either_parser")


def test_quoted_words_are_words(tmp_path: Path) -> None:
    """In quotes, or with a tag that says so, off, no and 5 are text."""
    settings = settings_of(tmp_path, "select: ['no', \"off\", !!str on]\nmodel: !!str 4.6")
    assert settings.select == ("no", "off", "on")
    assert settings.model == "4.6"


@pytest.mark.parametrize("word", ["off", "no", "on", "yes", "Off", "NO", "True"])
def test_words_that_yaml_takes_for_booleans_are_to_be_quoted(tmp_path: Path, word: str) -> None:
    """Neither taken as true or false nor silently as text, in any place for text."""
    for text, route in (
        (
            f"select: [{word}]",
            "select[0]: expected a rule (a code, a prefix such as IB2, a name or ALL), but ",
        ),
        (f"model: {word}", "model: expected a model id, but "),
        (f"platform: {word}", "platform: expected a platform, but "),
    ):
        expected = f'1: {route}{word} without quotes is a boolean; quote it: "{word}"'
        assert mistakes_in(tmp_path, text) == [expected]


def test_a_severity_of_off_is_not_misread(tmp_path: Path) -> None:
    """It says that quotes are missing, that off is no severity even so, and where silencing is done."""
    (mistake,) = mistakes_in(tmp_path, "severity: {IB301: off}")
    assert mistake == (
        "1: severity.IB301: off without quotes is a boolean, not a severity; "
        "use error, warning or info; to turn a rule off, list it under ignore"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("on: x", '1: a key must be text, but on without quotes is a boolean in YAML; quote it: "on"'),
        (
            "severity:\n  no: info",
            '2: a key must be text, but no without quotes is a boolean in YAML; quote it: "no"',
        ),
        ("1: x", '1: a key must be text, but 1 without quotes is a number in YAML; quote it: "1"'),
        ("? [a]\n: b", "1: a key must be text, not a list or a mapping"),
    ],
)
def test_keys_that_are_no_words(tmp_path: Path, text: str, expected: str) -> None:
    """A key is misread as easily as a value."""
    assert mistakes_in(tmp_path, text) == [expected]


@pytest.mark.parametrize(
    ("word", "kind"), [("2026-01-01", "a date"), ("1_000", "a number"), ("1.5", "a number with")]
)
def test_other_misread_words_are_to_be_quoted_too(tmp_path: Path, word: str, kind: str) -> None:
    """A reason that is a date, a pattern that is a number."""
    (mistake,) = mistakes_in(tmp_path, f"exclude: [{word}]")
    assert mistake.startswith(f"1: exclude[0]: expected a file pattern, but {word} without quotes is {kind}")
    assert mistake.endswith(f'; quote it: "{word}"')


def test_duplicate_keys_are_refused_with_both_lines(tmp_path: Path) -> None:
    """Each duplicate key at any level is reported; the rest of the file is still checked."""
    assert mistakes_in(
        tmp_path,
        """\
        model: a
        severity:
          IB301: error
          IB301: info
        model: b
        modle: c
        """,
    ) == [
        '4: duplicate key "IB301" (first on line 3); keep one',
        '5: duplicate key "model" (first on line 1); keep one',
        '6: unknown key "modle"; did you mean "model"?',
    ]


def test_anchors_aliases_and_merge_keys_are_fine(tmp_path: Path) -> None:
    """They are resolved as YAML does: a key of one's own beats a merged one, an earlier merge a later one."""
    settings = settings_of(
        tmp_path,
        """\
        exclude: &patterns [a, b]
        budgets:
          image: &image {tokens: 1600, bytes: 5 MB}
          request: &request {tokens: 9, cost: 2}
          run:
            <<: [*request, *image]
            cost: 1
        overrides:
          - files: *patterns
        """,
    )
    assert settings.overrides[0].files == ("a", "b")
    run = settings.budgets.run
    assert (run.tokens, run.bytes, run.cost) == (9, 5_242_880, 1.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: *nothing", "1: undefined alias *nothing"),
        ("a: &a\n  - *a", "1: the value contains itself through an alias"),
        ("budgets:\n  image:\n    <<: 5", "3: << merges a mapping or a list of mappings, nothing else"),
        ("a: &a\n  <<: *a", "1: the value contains itself through an alias"),
        ("a: &a {b: [{<<: *a}]}", "1: the value contains itself through an alias"),
        ("model: &a x\nselect: &a [ALL]", "2: duplicate anchor &a"),
        ("model: a\n---\nmodel: b", "2: a second YAML document starts here; only one is allowed"),
        ("budgets:\n\timage: {}", "2: the line is indented with a tab; YAML allows only spaces"),
        ("select:\n  - a\n\t- b", "3: the line is indented with a tab; YAML allows only spaces"),
        ("model: a\n\nplatform: \x07", "3: contains the control character 0x07"),
        ("model: !!python/name:os.system x", "1: tag !!python/name:os.system is not supported"),
        ("model: !secret x", "1: tag !secret is not supported; write the plain value"),
        ("severity: !!set {a}", "1: tag !!set is not supported; write the plain value"),
        ("?\n: x", "1: a key must be text, but this one is empty"),
        ("model: a: b", "1: not YAML: mapping values are not allowed"),
        (
            "model: 'a\n",
            "1: not YAML: found unexpected end of stream",
        ),
    ],
)
def test_what_is_no_configuration_names_the_line(tmp_path: Path, text: str, expected: str) -> None:
    """The first thing that hinders reading, in plain words where that is possible."""
    assert mistakes_in(tmp_path, text)[0].startswith(expected)


def test_an_impossible_escape_is_a_mistake_like_any_other(tmp_path: Path) -> None:
    """PyYAML's own parser raises something else than its own errors for it."""
    (mistake,) = mistakes_in(tmp_path, 'model: "\\UFFFFFFFF"')
    assert ": not YAML: " in mistake


def test_depth_size_and_aliases_are_bounded(tmp_path: Path) -> None:
    """A file made to exhaust its reader is refused at once."""
    assert mistakes_in(tmp_path, "a: " + "[" * 100_000) == ["1: nested more than 32 levels deep"]
    block = "".join(" " * level + "a:\n" for level in range(100))
    assert mistakes_in(tmp_path, block) == ["33: nested more than 32 levels deep"]
    bomb = "".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 9)}]\n" for n in range(1, 12))
    expected = ["5: more than 100,000 values, counting aliases"]
    assert mistakes_in(tmp_path, "k0: &k0 [x, x, x, x, x, x, x, x, x]\n" + bomb) == expected
    merged = "".join(f"k{n}: &k{n}\n  <<: [{', '.join([f'*k{n - 1}'] * 9)}]\n" for n in range(1, 12))
    expected = ["8: more than 100,000 values, counting aliases"]
    assert mistakes_in(tmp_path, "k0: &k0 {a: 1, b: 2}\n" + merged) == expected
    chain = "k0: &k0 [x]\n" + "".join(f"k{n}: &k{n} [*k{n - 1}]\n" for n in range(1, 2_000))
    (mistake,) = mistakes_in(tmp_path, chain)
    assert mistake.endswith("more than 100,000 values, counting aliases")
    large = mistakes_in(tmp_path, "# nothing but comments\n" * 50_000)
    assert large == ["None: larger than the 1,048,576 bytes that a configuration may have"]


def test_text_that_is_not_utf8_names_the_byte(tmp_path: Path) -> None:
    """With its line, as any other mistake."""
    path = tmp_path / "imgbudget.yaml"
    path.write_bytes("model: a\nplatform: caf\u00e9".encode("latin-1"))
    (problem,) = load_unchecked(str(tmp_path)).problems
    assert (problem.line, problem.message) == (2, "not UTF-8: byte 0xe9")


def test_messages_stay_on_one_line(tmp_path: Path) -> None:
    """Names with line feeds and terminal codes are shown escaped."""
    path = write(tmp_path, '"a\\nb": 1\nseverity: {"c\\nd": x}\nplatform: "e\\nf"\npacks: ["g\\e[1mh"]')
    with pytest.raises(ConfigError) as refusal:
        load_unchecked(".", explicit=str(path)).validate(["IB101"], [], ["anthropic"])
    assert len(refusal.value.problems) == 5
    assert all(problem.message.isprintable() for problem in refusal.value.problems)


@given(st.integers(0, len(CONTRACT)), st.integers(0, 12), st.text(max_size=6))
def test_a_damaged_file_gives_mistakes_and_nothing_else(start: int, cut: int, put_in: str) -> None:
    """Whatever a slip of the keyboard makes of a good file, it is read or refused, with a real line."""
    text = CONTRACT[:start] + put_in + CONTRACT[start + cut :]
    try:
        _, problems = read_yaml(text, "imgbudget.yaml")
    except ConfigError as error:
        problems = error.problems
    lines = len(text.splitlines())
    assert all(problem.line is not None and 1 <= problem.line <= max(lines, 1) for problem in problems)


@given(
    st.dictionaries(
        st.sampled_from(["model", "select", "budgets", "overrides", "ignores", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["files", "rules", "reason", "image", "tokens", "IB201"]),
                    inner,
                    max_size=3,
                )
            ),
            max_leaves=8,
        ),
    )
)
def test_any_values_give_settings_or_mistakes_with_lines(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]
) -> None:
    """No value in any place makes the reader fall over."""
    path = tmp_path_factory.mktemp("any") / "imgbudget.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    assert all(problem.line is not None for problem in read_layers(str(path)).problems)
