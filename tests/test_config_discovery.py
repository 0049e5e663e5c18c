"""Which configuration applies: names, nearness, precedence, and what is not imported without one."""

import subprocess
import sys
from pathlib import Path

import pytest

from imgbudget.config import load
from imgbudget.config.load import load_unchecked
from imgbudget.config.settings import Settings
from imgbudget.errors import ConfigError, UsageError
from tests.configs import write

TABLE = '[tool.imgbudget]\nmodel = "from-pyproject"\n'


def test_without_a_configuration_the_defaults_hold(tmp_path: Path) -> None:
    """The defaults of the contract; patterns are then relative to the start."""
    settings = load(str(tmp_path), isolated=True)
    assert settings == Settings(root=str(tmp_path))
    assert (settings.model, settings.platform) == ("claude-sonnet-4-6", "anthropic")
    assert (settings.packs, settings.select, settings.source) == (("imgbudget_rules",), ("ALL",), None)


def test_the_nearest_folder_wins_and_nothing_is_merged(tmp_path: Path) -> None:
    """A file further up is not looked at, not even for what the nearer one leaves out."""
    write(tmp_path, "model: outer\nignore: [IB203]")
    write(tmp_path / "inner", "platform: bedrock")
    settings = load(str(tmp_path / "inner" / "deep" / "deeper"))
    assert (settings.model, settings.platform, settings.ignore) == ("claude-sonnet-4-6", "bedrock", ())
    assert settings.root == str(tmp_path / "inner")
    assert settings.source == str(tmp_path / "inner" / "imgbudget.yaml")


def test_a_start_that_is_a_file_means_its_folder(tmp_path: Path) -> None:
    """So that one image finds the configuration beside it."""
    write(tmp_path, "model: beside")
    image = write(tmp_path, "", "a.png")
    assert load(str(image)).model == "beside"


def test_precedence_within_a_folder(tmp_path: Path) -> None:
    """The dotted name, then the plain one, then pyproject.toml; the others are reported."""
    write(tmp_path, TABLE, "pyproject.toml")
    assert (load(str(tmp_path)).model, load(str(tmp_path)).notes) == ("from-pyproject", ())
    write(tmp_path, "model: plain")
    assert load(str(tmp_path)).model == "plain"
    write(tmp_path, "model: dotted", ".imgbudget.yaml")
    settings = load(str(tmp_path))
    assert settings.model == "dotted"
    assert [Path(note.split()[0]).name for note in settings.notes] == ["imgbudget.yaml", "pyproject.toml"]
    assert all("is not read; " in note and ".imgbudget.yaml takes" in note for note in settings.notes)


@pytest.mark.parametrize(
    "text",
    [
        "[project]\nname = 'x'\n",
        "# [tool.imgbudget] comes later\n",
        "[tool.imgbudget-extra]\nmodel = 'x'\n",
        "x = [",
    ],
)
def test_a_pyproject_without_the_table_is_passed_over(tmp_path: Path, text: str) -> None:
    """Another tool's table, a comment and somebody else's broken file do not stop the search."""
    write(tmp_path, "model: outer")
    write(tmp_path / "inner", text, "pyproject.toml")
    assert load(str(tmp_path / "inner")).model == "outer"


def test_a_broken_pyproject_that_names_the_table_is_reported(tmp_path: Path) -> None:
    """Settings that were meant to hold are not dropped in silence."""
    write(tmp_path, TABLE + "select = [\n", "pyproject.toml")
    with pytest.raises(ConfigError, match=r"pyproject\.toml:\d: not TOML"):
        load(str(tmp_path))


def test_a_folder_with_the_name_is_no_configuration(tmp_path: Path) -> None:
    """Only files count."""
    (tmp_path / "imgbudget.yaml").mkdir()
    (tmp_path / "pyproject.toml").mkdir()
    assert load(str(tmp_path)).source is None


def test_a_misspelt_file_name_is_reported(tmp_path: Path) -> None:
    """imgbudget.yml is not read, and a note says so."""
    write(tmp_path, "model: x", "imgbudget.yml")
    settings = load(str(tmp_path))
    assert settings.source is None
    assert len(settings.notes) == 1
    assert "imgbudget.yml is not read; rename it to imgbudget.yaml" in settings.notes[0]


def test_explicit_and_isolated(tmp_path: Path) -> None:
    """A named file beats what would be found, under any name; isolated finds nothing."""
    write(tmp_path, "model: found")
    named = write(tmp_path / "ci", "model: named", "strict.yml")
    settings = load(str(tmp_path), explicit=str(named))
    assert (settings.model, settings.root) == ("named", str(tmp_path / "ci"))
    assert load(str(tmp_path), isolated=True).model == "claude-sonnet-4-6"


def test_explicit_must_be_a_file(tmp_path: Path) -> None:
    """A path that is not there is the caller's mistake, and so is naming one for an isolated run."""
    with pytest.raises(UsageError, match=r"nope\.yaml: no such file or folder"):
        load(".", explicit=str(tmp_path / "nope.yaml"))
    with pytest.raises(UsageError, match="is a folder, not a file"):
        load(".", explicit=str(tmp_path))
    with pytest.raises(UsageError, match="an isolated run uses no configuration"):
        load(".", explicit=str(write(tmp_path, "")), isolated=True)


def test_an_explicit_pyproject_needs_the_table(tmp_path: Path) -> None:
    """Who names it means its settings; another TOML file is read from its top."""
    bare = write(tmp_path, "[project]\nname = 'x'\n", "pyproject.toml")
    assert [one.message for one in load_unchecked(".", explicit=str(bare)).problems] == [
        "no table [tool.imgbudget]"
    ]
    top = write(tmp_path, 'model = "top"\n', "budget.toml")
    assert load(".", explicit=str(top)).model == "top"
    table = write(tmp_path, TABLE, "other.toml")
    assert load(".", explicit=str(table)).model == "from-pyproject"


def test_paths_in_messages_are_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they would be typed; one outside of it stays whole."""
    write(tmp_path / "a", "modle: x")
    monkeypatch.chdir(tmp_path)
    assert load_unchecked("a").problems[0].path == str(Path("a", "imgbudget.yaml"))
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path / "b")
    assert load_unchecked("../a").problems[0].path == str(tmp_path / "a" / "imgbudget.yaml")


def imported(folder: Path) -> set[str]:
    """Which of the slow modules loading the settings of a folder imports, in a fresh interpreter."""
    code = (
        "import sys\n"
        "from imgbudget.config import load\n"
        "load('.')\n"
        "slow = ('yaml', 'msgspec', 'tomllib', 'difflib', 'pathlib', 'imgbudget.config.layers')\n"
        "print(*[name for name in slow if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_without_a_configuration_no_parser_is_imported(tmp_path: Path) -> None:
    """Nor with a pyproject.toml of others: its bytes are searched, and that is all."""
    assert imported(tmp_path) == set()
    write(tmp_path, "[project]\nname = 'x'\ndependencies = ['imgbudget']\n", "pyproject.toml")
    assert imported(tmp_path) == set()


def test_each_format_imports_its_own_parser_only(tmp_path: Path) -> None:
    """YAML costs yaml, TOML costs tomllib; neither looks for near names without a mistake."""
    write(tmp_path, TABLE, "pyproject.toml")
    assert {"tomllib", "yaml", "difflib"} & imported(tmp_path) == {"tomllib"}
    write(tmp_path, "model: x")
    assert {"tomllib", "yaml", "difflib"} & imported(tmp_path) == {"yaml"}
