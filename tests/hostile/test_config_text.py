"""Text from requests and names of files in configurations: what is written is read back, and adds nothing."""

import json
import os
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from imgbudget.cli.init import MOST, Proposal, starter
from imgbudget.config import load, load_unchecked
from imgbudget.config.edit import without_ignores
from imgbudget.config.write import MAX_TEXT, is_writable, remark, scalar
from imgbudget.model.budgets import Budget, Budgets
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command, posix

SPECIAL = [
    *("off", "no", "y", "~", "null", "1e3", "0x1F", "1_000", "12:30:45", "2024-01-01", ".inf", "=", "<<"),
    *("{a", "[a", "]", "}", ", ", "- x", "-", "--- ", "...", "? x", ": x", "x: y", "x:", "# c", "x # c"),
    *(
        "!!python/object:os.system",
        "!x",
        "%YAML 1.1",
        "@x",
        "`x",
        "&a",
        "*a",
        "|",
        ">",
        "| x",
        "'",
        '"',
        "\\",
    ),
    *("'a'", '"a"', '"; x', "\\x41", "\\", "a\\", " a", "a ", "\ta", "a\t", "a\nb: c", "\nx", "x\n", "a\rb"),
    *(
        "a\x85b: c",
        "a\u2028b: c",
        "a\u2029ignore: [ALL]",
        "\ufeffa",
        "\u202egnp",
        "\u2066a",
        "\u200b",
        "\xa0a",
    ),
    *(
        "\x00",
        "\x1b[31m",
        "\x7f",
        "\x9b31m",
        "\U0001f600",
        "\U000e0041",
        "\ufffe",
        "é",
        "日本",
        "$0.05",
        "5 MB",
    ),
    *("${CLAUDE_MODEL}", "{{model}}", "<model>", "a\nignore: [ALL]\n#", "\n\nmodel: x", "a #\n- b"),
]
TEXTS = (
    st.sampled_from(SPECIAL)
    | st.text(max_size=30)
    | st.lists(st.sampled_from(SPECIAL), max_size=3).map("".join)
)


def read_back(text: str, folder: Path) -> object:
    """The settings in a configuration, by its own reader, and the same tree by PyYAML's safe loader."""
    path = folder / "imgbudget.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    return load_unchecked(str(folder), explicit=str(path)).validate()


@given(TEXTS)
def test_a_value_is_read_back(text: str) -> None:
    """By both parsers of PyYAML, on one line, without characters that a terminal obeys."""
    if any("\ud800" <= char <= "\udfff" for char in text):
        with pytest.raises(ValueError, match="surrogates"):
            scalar(text)
        return
    written = scalar(text)
    assert written.isprintable()
    for loader in {yaml.SafeLoader, getattr(yaml, "CSafeLoader", yaml.SafeLoader)}:
        assert yaml.load(f"a: {written}  # {remark(text)}\nb: 1\n", loader) == {"a": text, "b": 1}  # noqa: S506


def is_folder_name(text: str) -> bool:
    """Whether a search can find a folder of this name."""
    return text not in {"", ".", ".."} and not {"/", "\0"}.intersection(text)


@given(TEXTS, TEXTS, st.lists(TEXTS.filter(is_folder_name), max_size=3, unique=True))
@example("a\nignore: [ALL]", "b", [])
def test_what_init_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, model: str, other: str, folders: list[str]
) -> None:
    """Model, models in comments, folders and budgets give these settings and no others."""
    if not is_writable(model):
        return
    budget = Budget(1000, 2000, 0.5)
    proposal = Proposal(
        model,
        "anthropic",
        models={model: 2, other: 1},
        platforms={"anthropic": 3},
        excluded=dict.fromkeys(folders, 1),
        measured=Budgets(budget, budget, budget),
    )
    settings = read_back(starter(proposal), tmp_path_factory.mktemp("c"))
    assert isinstance(settings, tuple)
    plain = load(".", isolated=True)
    assert settings.model == model  # type: ignore[attr-defined]
    assert len(settings.exclude) == len(folders)  # type: ignore[attr-defined]
    differing = {name for name in plain._fields if getattr(settings, name) != getattr(plain, name)}
    assert differing <= {"model", "exclude", "budgets", "root", "source", "references", "origins"}


@pytest.mark.parametrize("model", SPECIAL)
def test_init_on_a_request_with_such_a_model(imgbudget: Command, tmp_path: Path, model: str) -> None:
    """From the file to the settings: the model itself or, if it is blank, the default."""
    write_json(tmp_path / "r.json", body(image_block(), model=model))
    run = imgbudget("init")
    assert run.code == 0, run.err
    assert all(line.isprintable() for line in run.out.split("\n"))
    settings = load(str(tmp_path))
    default = load(".", isolated=True).model
    assert settings.model in (model, default)
    assert settings.ignore == ()
    assert imgbudget("check", "--show-settings", "r.json").code == 0


@pytest.mark.parametrize("model", ["\ud800", "a\udfff", "x" * (MAX_TEXT + 1), " ", "\n"])
def test_models_that_no_configuration_can_name_are_left_out(
    imgbudget: Command, tmp_path: Path, model: str
) -> None:
    """Half a character, blanks, or longer than any name: the default is proposed."""
    assert (is_writable(model), is_writable("x" * MAX_TEXT)) == (False, True)
    (tmp_path / "r.json").write_text(json.dumps(body(image_block(), model=model)))
    assert imgbudget("init").code == 0
    assert load(str(tmp_path)).model == load(".", isolated=True).model


@posix
@pytest.mark.parametrize(
    "name", ["a\nignore: [ALL]", " - x", "#c", "a\x85b", "!!x", "\u202ea", "*[?]", "\udcff\udc80"]
)
def test_folders_with_such_names_are_excluded(imgbudget: Command, tmp_path: Path, name: str) -> None:
    """Their files are left out, files beside them are not."""
    for folder in (Path(name) / "vendor", Path("other")):
        try:
            folder.mkdir(parents=True)
        except (OSError, UnicodeEncodeError):
            pytest.skip("the file system has no such names")
        (folder / "a.png").write_bytes(image_bytes())
    assert imgbudget("init").code == 0
    settings = load(str(tmp_path))
    assert (len(settings.exclude), settings.ignore) == (1, ())
    listed = imgbudget("check", "--show-files").out.splitlines()
    assert [line for line in listed if line.endswith("a.png")] == ["other/a.png"]


def test_many_folders_of_others_stay_a_readable_configuration(imgbudget: Command, tmp_path: Path) -> None:
    """Above fifty, one pattern for each name."""
    for number in range(60):
        folder = tmp_path / str(number) / ("vendor" if number % 2 else "Third_Party")
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(image_bytes())
    (tmp_path / "own.png").write_bytes(image_bytes())
    assert imgbudget("init").code == 0
    assert sorted(load(str(tmp_path)).exclude) == ["**/Third_Party/**", "**/vendor/**"]
    listed = imgbudget("check", "--show-files").out.splitlines()
    assert [line for line in listed if line.endswith(".png")] == ["own.png"]


@given(st.integers(1, 10**30), st.floats(min_value=1e-12, max_value=1e300))
def test_amounts_that_files_only_claim_are_no_budgets(
    tmp_path_factory: pytest.TempPathFactory, size: int, cost: float
) -> None:
    """Whatever is measured, the configuration can be read."""
    budget = Budget(size, size, cost)
    text = starter(Proposal("m", "anthropic", measured=Budgets(budget, budget, budget)))
    settings = read_back(text, tmp_path_factory.mktemp("c"))
    assert (settings.budgets.image.bytes is None) == (size > MOST)  # type: ignore[attr-defined]


@pytest.mark.parametrize("is_repository", [False, True])
def test_the_advice_to_inherit_can_be_followed(
    imgbudget: Command,
    tmp_path: Path,
    is_repository: bool,  # noqa: FBT001 - a parameter
) -> None:
    """The line that init gives is one that works, within a repository and elsewhere."""
    (tmp_path / "imgbudget.yaml").write_text("model: claude-opus-4-8\n")
    inner = tmp_path / "a # b"
    inner.mkdir()
    if is_repository:
        (tmp_path / ".git").mkdir()
    line = imgbudget("init", "a # b").err.partition("add `")[2].partition("`")[0]
    (inner / ".imgbudget.yaml").write_text(line)
    assert load(str(inner)).model == "claude-opus-4-8"


REASONS = TEXTS.filter(is_writable)


@given(st.lists(REASONS, min_size=1, max_size=3), st.integers(0, 2), st.booleans(), REASONS)
def test_an_entry_is_removed_from_yaml_and_nothing_else(
    reasons: list[str],
    number: int,
    flow: bool,  # noqa: FBT001 - drawn
    model: str,
) -> None:
    """Whatever stands in the entries beside it; if the text would lose anything, nothing is removed."""
    number %= len(reasons)
    entries = [f"{{rules: [IB301], reason: {scalar(reason)}}}" for reason in reasons]
    listed = f" [{', '.join(entries)}]" if flow else "".join(f"\n  - {entry}" for entry in entries)
    text = f"model: {scalar(model)}\nignores:{listed}\n# last\n"
    left = without_ignores(text, "imgbudget.yaml", [number])
    wanted = [reason for index, reason in enumerate(reasons) if index != number]
    assert left is not None
    read = yaml.safe_load(left)
    assert (read["model"], [one["reason"] for one in read.get("ignores", [])]) == (model, wanted)
    assert left.endswith("# last\n")


@pytest.mark.parametrize("end", ["\r", "\r\n", "\x85", "\u2028", "\u2029"])
def test_comments_after_other_line_breaks_are_kept(end: str) -> None:
    """YAML 1.1 has six line breaks; a comment behind the entry is not part of its line."""
    text = f"ignores:{end}- {{rules: [IB1], reason: a}}{end}# kept{end}- {{rules: [IB2], reason: b}}{end}"
    left = without_ignores(text, "imgbudget.yaml", [0])
    assert left == f"ignores:{end}# kept{end}- {{rules: [IB2], reason: b}}{end}"


TABLES = """\
[build-system]
requires = []  # {note}

[tool.other]
a = {text}

[tool.imgbudget]
model = {text}

[[tool.imgbudget.ignores]]
rules = ["IB301"]
reason = {text}
# {note}

[[tool.imgbudget.ignores]]
rules = ["IB2"]
reason = "second"
"""


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20).filter(str.strip)
    | st.sampled_from(SPECIAL),
    st.sampled_from(
        ["imgbudget removes this entry", "imgbudget-removes-this-0", "imgbudget-removes-this-1", ""]
    ),
    st.integers(0, 1),
)
def test_an_entry_is_removed_from_toml_and_nothing_else(text: str, note: str, number: int) -> None:
    """Other programs' tables stay, whatever words the file has."""
    pytest.importorskip("tomlkit", reason="an optional dependency")
    before = TABLES.format(text=json.dumps(text).replace("\x7f", "\\u007f"), note=note)
    if "\\ud" in before:
        before = TABLES.format(text='"' + "".join(f"\\U{ord(char):08x}" for char in text) + '"', note=note)
    after = without_ignores(before, "pyproject.toml", [number])
    assert after is not None
    old, new = tomllib.loads(before), tomllib.loads(after)
    del old["tool"]["imgbudget"]["ignores"][number]
    assert new == old
    assert after.count(f"# {note}\n") == 2


def test_the_home_of_the_project_is_the_only_word_of_the_snippet(imgbudget: Command, tmp_path: Path) -> None:
    """No name of a file or model gets into the lines for pre-commit."""
    expected = imgbudget("init", "--dry-run").code
    write_json(tmp_path / "r.json", body(image_block(), model="a\n  - repo: evil"))
    text = imgbudget("init").out.partition(".pre-commit-config.yaml:\n\n")[2]
    assert expected == 0
    (repo,) = yaml.safe_load(text.partition("\nNext")[0])["repos"]
    assert set(repo) == {"repo", "rev", "hooks"}
    assert "evil" not in text
    assert os.path.exists(".imgbudget.yaml")
