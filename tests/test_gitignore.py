"""Patterns of .gitignore files: the manual's examples, hostile ones, and thousands compared with git."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from imgbudget.discovery.gitignore import Patterns
from imgbudget.discovery.walk import find_files

GIT = shutil.which("git")
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes any bytes as a name")
needs_git = pytest.mark.skipif(GIT is None, reason="git is not installed")

NAMES = (
    *("a", "b", "ab", "abc", "a.b", "foo", "bar", "foobar", ".x", "a b", "b ", "#a", "!a", "[a]", "a-", "]"),
    *("A", "é", "a\n") + ("a\\b", "a*") * (os.name != "nt"),
)
FOLDERS = ("a", "b", "foo", "a/a", "a/foo", "foo/a", "foo/bar", "foo/bar/a", "b/foo", "b/foo/b", "b/A")
IGNORE_FILES = (".gitignore", "a/.gitignore", "foo/.gitignore", "foo/bar/.gitignore", ".git/info/exclude")
FRAGMENTS = (
    *(
        "a",
        "b",
        "c",
        "foo",
        "bar",
        ".b",
        "A",
        "é",
        "!",
        "#",
        "-",
        "]",
        " ",
        "*",
        "**",
        "***",
        "?",
        "/",
        "**/",
    ),
    *(
        "/**",
        "\\",
        "\\a",
        "\\*",
        "\\ ",
        "[ab]",
        "[!a]",
        "[^b]",
        "[a-c]",
        "[]]",
        "[]a-]",
        "[a",
        "[a-",
        "[--b]",
    ),
    *("[[:alpha:]]", "[[:alpha:]-z]", "[[:x:]]", "[[:]", "[[a]", "[\\]]", "[a/b]"),
)

lines = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(("", "", "", "!", "/", "!/")),
        st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=5).map("".join),
        st.sampled_from(("", "", "", "/", "  ", "\r")),
    ),
)
rules = st.dictionaries(
    st.sampled_from(IGNORE_FILES),
    st.lists(lines, min_size=1, max_size=5).map("\n".join),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A repository that is the working folder; the user's and the system's configuration are out of sight."""
    root = tmp_path_factory.mktemp("repository")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("GIT_")]:
            patch.delenv(name)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("HOME", str(root / "nobody"))
        patch.delenv("XDG_CONFIG_HOME", raising=False)
        patch.chdir(root)
        subprocess.run(["git", "init", "-q", "."], check=True)
        yield root


@pytest.fixture(scope="module")
def tree(repository: Path) -> Path:
    """A fixed tree of a few hundred files in it."""
    for folder in ("", *FOLDERS):
        (repository / folder).mkdir(exist_ok=True)
    for folder in ("", *FOLDERS):
        for name in NAMES:
            path = repository / folder / name
            if not path.is_dir():
                path.touch()
    return repository


def listed_by_git() -> set[str]:
    """The untracked files of the working folder that git does not ignore."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    done = subprocess.run(command, check=True, capture_output=True)
    return {os.fsdecode(path) for path in done.stdout.split(b"\0") if path}


def found() -> set[str]:
    """The files that a search of the working folder finds."""
    return {item.path for item in find_files(["."], exclude_root=".")}


@pytest.mark.parametrize(
    ("pattern", "ignored", "kept"),
    [
        # the examples of gitignore(5)
        ("hello.*", ["hello.txt", "a/hello.java"], ["say-hello.txt"]),
        ("/hello.*", ["hello.txt"], ["a/hello.java"]),
        ("foo/", ["foo/x", "a/foo/x"], ["foo", "a/foo"]),
        ("doc/frotz", ["doc/frotz"], ["a/doc/frotz"]),
        ("/doc/frotz", ["doc/frotz"], ["a/doc/frotz"]),
        ("foo/*", ["foo/test.json", "foo/bar/hello.c"], ["a/foo/x"]),
        ("**/foo/bar", ["foo/bar", "a/b/foo/bar"], ["foo/a/bar"]),
        ("abc/**", ["abc/x", "abc/x/y"], ["abc", "x/abc/y"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["x/a/b", "ab"]),
        ("\\#x", ["#x"], ["x"]),
        ("\\!x", ["!x"], ["x"]),
        ("x\\ ", ["x "], ["x", "x\\ "]),
        ("x  ", ["x"], ["x  "]),
        ("*.[ch]", ["a.c", "x/a.h"], ["a.x", "a.cc"]),
        ("a?c", ["abc"], ["ac", "a/c", "aéc"]),
    ],
)
def test_patterns_follow_the_manual(pattern: str, ignored: list[str], kept: list[str]) -> None:
    """Anchors, folders, asterisks that cross slashes and those that do not, escapes and trailing blanks."""
    patterns = Patterns.parse([pattern])
    assert [path for path in kept if patterns.match_within(path)] == []
    assert [path for path in ignored if not patterns.match_within(path)] == []


@pytest.mark.parametrize("lines", [[], [""], ["# a"], ["   "], ["/"], ["!"], ["a\\"], ["[a"], ["x" * 5000]])
def test_lines_that_match_nothing_ignore_nothing(lines: list[str]) -> None:
    """Comments, blank lines and broken patterns are no error and no rule."""
    patterns = Patterns.parse(lines)
    assert not any(patterns.match_within(path) for path in ("a", "a\\", "[a", "# a", "x" * 5000))


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 60 + "b", "a" * 250),
        ("*a" * 60 + "*b?", "a" * 250),
        ("**/a*a/" * 60 + "**b", "aaa/" * 900 + "a"),
        ("a" + "**/a" * 30 + "c", "a/" * 1500 + "a"),
        ("**\\/a" * 30 + "c", "a/" * 1500 + "a"),
    ],
)
def test_no_pattern_takes_forever(pattern: str, path: str) -> None:
    """A pattern that makes a backtracking matcher try everything is decided at once."""
    folder, slash, name = path.rpartition("/")
    assert Patterns.parse([pattern]).decide([name], folder + slash, folders=False) == ([name], [])


@needs_git
@settings(max_examples=400)
@given(rules=rules)
@example(
    rules={".gitignore": "\ufeffa\nfoo/b**\n!foo/bar"}
)  # a byte order mark; asterisks behind a literal beginning
@example(rules={".gitignore": "foo**/*\na**//"})
@example(rules={".gitignore": "*\n!*/\n!*b*", "a/.gitignore": "!a\n/foo"})
def test_any_ignore_files_are_read_as_git_reads_them(tree: Path, rules: dict[str, str]) -> None:
    """A few hundred files under random rules in several places: what git lists is what the search meets."""
    for path, text in rules.items():
        (tree / path).write_bytes(text.encode())
    try:
        assert found() == listed_by_git()
    finally:
        for path in rules:
            (tree / path).unlink()


@needs_git
@linux
def test_sets_hold_the_bytes_that_they_hold_for_git(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each class and odd range against each byte that a name may have, UTF-8 or not."""
    folder = repository / "bytes"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for byte in {*range(1, 256)} - {ord("/")}:
        Path(os.fsdecode(b"x" + bytes([byte]))).touch()
    classes = [
        "alnum",
        "alpha",
        "blank",
        "cntrl",
        "digit",
        "graph",
        "lower",
        "print",
        "punct",
        "space",
        "upper",
        "xdigit",
    ]
    odd = [
        "?",
        "[!a-z]",
        "[--/]",
        "[\\]-a]",
        "[a-\\]]",
        "[^[:alnum:]_]",
        "[a-[:digit:]]",
        "[a-c-e]",
        "[a[:digit:]-c]",
        "[\udc80-\udcff]",
    ]
    for pattern in [*(f"[[:{name}:]]" for name in classes), *odd]:
        for form in (f"x{pattern}", f"/x{pattern}", f"/*{pattern}"):
            Path(".gitignore").write_bytes(os.fsencode(form))
            assert found() == listed_by_git(), form
    shutil.rmtree(folder)
