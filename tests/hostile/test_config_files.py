"""Files that a configuration names: only regular ones of the same repository, and of bounded size."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from imgbudget.config import load as load_settings
from imgbudget.config import load_unchecked
from imgbudget.errors import ConfigError, LimitsError, UsageError
from imgbudget.limits import files as limits_files
from imgbudget.linter import baseline as baselines
from imgbudget.positional import read_named
from tests.builders import image_bytes
from tests.conftest import Command, posix

MARK = "-----BEGIN-KEY----- c2VjcmV0"
KEYS = ["limits", "extend", "baseline"]
OPTIONS = {"limits": "--limits", "extend": "--config", "baseline": "--baseline"}


@pytest.fixture
def repository(imgbudget: Command, tmp_path: Path) -> Path:
    """A repository in the folder of the command, with a picture; the home folder has a secret."""
    folder = tmp_path / "repository"
    (folder / ".git").mkdir(parents=True)
    (folder / "a.png").write_bytes(image_bytes((400, 400)))
    for name in ("id_rsa", "id.yaml", "id.json"):
        (Path(os.environ["HOME"]) / name).write_text(f"{MARK}\n{MARK}: [\n")
        (tmp_path / name).write_text(f"model: {MARK}\n{MARK}: 1\n")
    return folder


def refusal(imgbudget: Command, folder: Path, text: str, name: str = "imgbudget.yaml") -> str:
    """What the command says of a configuration that it must refuse, without a word of any foreign file."""
    (folder / name).write_text(text)
    run = imgbudget("check", str(folder), "--config", str(folder / name))
    assert (run.code, run.out) == (2, "")
    assert "BEGIN-KEY" not in run.err
    assert "c2VjcmV0" not in run.err
    assert "internal error" not in run.err
    return run.err


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "name",
    [
        "~/id_rsa",
        "~/id.yaml",
        "../id.json",
        "../id_rsa",
        "inner/../../id.yaml",
        "/etc/passwd",
        "/dev/zero",
        "~/.",
    ],
)
def test_files_of_the_user_are_not_read(imgbudget: Command, repository: Path, key: str, name: str) -> None:
    """Home, absolute and parent paths end at the repository; the option that allows them is named."""
    text = refusal(imgbudget, repository, f"model: x\n{key}: {name}\n")
    assert f'imgbudget.yaml:2: {key}: "{name}" is outside of the repository, or without one of' in text
    assert f"only if the command line names it: {OPTIONS[key]} FILE" in text


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("name", [".git/config", "inner/../.git/hooks/pre-commit", ".GIT/config"])
def test_files_of_git_itself_are_not_read(imgbudget: Command, repository: Path, key: str, name: str) -> None:
    """The configuration of a checkout may hold its key, and a hook is a program."""
    (repository / ".git" / "config").write_text(f"extraheader: {MARK}\n")
    assert "is outside of the repository" in refusal(imgbudget, repository, f"{key}: {name}\n")


@pytest.mark.parametrize("key", KEYS)
def test_a_file_that_is_not_there_is_refused_alike(imgbudget: Command, repository: Path, key: str) -> None:
    """Whether a file exists outside cannot be asked either."""
    text = refusal(imgbudget, repository, f"{key}: ~/no-such-file\n")
    assert "is outside of the repository" in text
    assert "does not exist" not in text


@posix
@pytest.mark.parametrize("key", KEYS)
def test_links_are_followed_before_the_question(imgbudget: Command, repository: Path, key: str) -> None:
    """A link in the repository, or a linked folder on the way, leads where it leads."""
    (repository / "link.yaml").symlink_to(Path(os.environ["HOME"]) / "id.yaml")
    (repository / "up").symlink_to("..")
    for name in ("link.yaml", "up/id.yaml", "up/none.yaml"):
        assert "is outside of the repository" in refusal(imgbudget, repository, f"{key}: {name}\n")


@posix
@pytest.mark.parametrize("name", [".imgbudget.yaml", "pyproject.toml"])
def test_a_configuration_that_is_a_link_out_of_the_repository_is_not_read(
    imgbudget: Command, repository: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is found, not named: a repository can contain such a link; named with --config it is read."""
    target = Path(os.environ["HOME"]) / "settings.toml"
    target.write_text(f"[tool.imgbudget]\nmodel = '{MARK}'\nmodle = '{MARK}'\n")
    (repository / name).symlink_to(target)
    monkeypatch.chdir(repository)
    run = imgbudget("check", "a.png")
    assert (run.code, run.out) == (2, "")
    assert run.err == (
        f"imgbudget: {name}: is a link out of its repository, or without one out of its folder; "
        "name it with --config FILE\n"
    )
    target.write_text("[tool.imgbudget]\nignore = ['ALL']\n")
    assert imgbudget("check", "a.png", "--config", str(target)).code == 0


@posix
def test_a_link_inside_of_the_repository_is_read(repository: Path) -> None:
    """A separate folder may share the configuration of another."""
    (repository / "shared.yaml").write_text("model: claude-opus-4-8\n")
    (repository / "inner").mkdir()
    (repository / "inner" / "imgbudget.yaml").symlink_to("../shared.yaml")
    assert load_settings(str(repository / "inner")).model == "claude-opus-4-8"


@pytest.mark.parametrize("mark", ["folder", "file"])
def test_files_of_the_repository_are_read(tmp_path: Path, mark: str) -> None:
    """From the folders above and beside too, up to the one with .git, which is a file in worktrees."""
    if mark == "file":
        (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    else:
        (tmp_path / ".git").mkdir()
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "base.yaml").write_text("model: claude-opus-4-8\nlimits: a/limits.yaml\n")
    (tmp_path / "a" / "limits.yaml").write_text("")
    (inner / "imgbudget.yaml").write_text("extend: ../../base.yaml\nbaseline: ../known.json\n")
    settings = load_settings(str(inner))
    assert settings.model == "claude-opus-4-8"
    assert settings.limits == str(tmp_path / "a" / "limits.yaml")
    assert settings.baseline == str(tmp_path / "a" / "known.json")


def test_without_a_repository_the_folder_of_the_configuration_is_the_end(tmp_path: Path) -> None:
    """What is above is not the configuration's to name, whichever file of a chain asks."""
    (tmp_path / "base.yaml").write_text("model: x\n")
    inner = tmp_path / "inner"
    (inner / "deep").mkdir(parents=True)
    (inner / "imgbudget.yaml").write_text("extend: deep/middle.yaml\n")
    (inner / "deep" / "middle.yaml").write_text("extend: ../side.yaml\n")
    (inner / "side.yaml").write_text("model: claude-opus-4-8\n")
    assert load_settings(str(inner)).model == "claude-opus-4-8"
    (inner / "deep" / "middle.yaml").write_text("extend: ../../base.yaml\n")
    (problem,) = load_unchecked(str(inner)).problems
    assert problem.message.startswith('extend: "../../base.yaml" is outside of the repository')
    assert Path(problem.path).name == "middle.yaml"


def test_what_the_command_line_names_is_read(imgbudget: Command, repository: Path) -> None:
    """Limits, baseline and configuration may be anywhere if a person names them."""
    outside = repository.parent
    (outside / "limits.yaml").write_text("")
    (outside / "known.json").write_text('{"version": 1, "findings": []}')
    (outside / "base.yaml").write_text("select: [IB105]\n")
    options = ("--limits", "limits.yaml", "--baseline", "known.json", "--config", "base.yaml")
    assert imgbudget("check", str(repository), *options).code == 0


@posix
@pytest.mark.parametrize("key", KEYS)
def test_pipes_and_devices_are_refused_unopened(imgbudget: Command, repository: Path, key: str) -> None:
    """A named pipe would wait for a writer for ever."""
    os.mkfifo(repository / "pipe.yaml")
    assert f'{key}: "pipe.yaml" is not a regular file' in refusal(
        imgbudget, repository, f"{key}: pipe.yaml\n"
    )


@posix
def test_a_pipe_called_pyproject_is_not_waited_for(imgbudget: Command, repository: Path) -> None:
    """It is a note, and the run goes on."""
    os.mkfifo(repository / "pyproject.toml")
    found = load_unchecked(str(repository))
    assert (found.settings.source, found.problems) == (None, ())
    assert "pyproject.toml is not searched for settings: not a regular file" in found.settings.notes[0]


@posix
def test_a_baseline_is_not_written_through_a_link(imgbudget: Command, repository: Path) -> None:
    """Neither the one of the configuration nor the one with the default name."""
    target = Path(os.environ["HOME"]) / "id_rsa"
    before = target.read_bytes()
    os.chdir(repository)
    Path(".imgbudget-baseline.json").symlink_to(target)
    run = imgbudget("baseline", "--write", "--force", ".")
    assert (run.code, "is a link out of its repository" in run.err) == (2, True)
    Path("imgbudget.yaml").write_text("baseline: ~/id_rsa\n")
    run = imgbudget("baseline", "--write", "--force", ".")
    assert (run.code, "is outside of the repository" in run.err) == (2, True)
    assert target.read_bytes() == before


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A baseline and a file of limits that are too large are refused unparsed."""
    path = tmp_path / "large"
    path.write_bytes(b" " * 100)
    monkeypatch.setattr(baselines, "MAX_BYTES", 99)
    monkeypatch.setattr(limits_files, "MAX_BYTES", 99)
    with pytest.raises(UsageError, match="larger than the"):
        baselines.read_file(str(path), None)  # type: ignore[arg-type]  # not needed for a refusal
    with pytest.raises(LimitsError, match="larger than the"):
        limits_files.read_yaml(str(path))


BOMB = "\n".join(["a0: &a0 {k: v}", *(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, 40))])
LAUGHS = "\n".join(["a0: &a0 [x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40))])


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (BOMB, "more than 100,000 values, counting aliases"),
        (LAUGHS, "more than 100,000 values, counting aliases"),
        ("a: &a [*a]", "the value contains itself through an alias"),
        ("a: &a {b: *a}", "the value contains itself through an alias"),
        ("a: " + "[\n" * 6000, "not YAML"),
        ("a: !!python/object/apply:os.system [x]", "could not determine a constructor"),
    ],
)
def test_limits_that_repeat_themselves_without_end_are_refused(tmp_path: Path, text: str, flaw: str) -> None:
    """Aliases, merge keys and nesting cost no more than their text."""
    path = tmp_path / "limits.yaml"
    path.write_text(text)
    with pytest.raises(LimitsError, match=flaw):
        limits_files.read_yaml(str(path))


@pytest.mark.parametrize("version", [MARK, 10**400, [MARK], 1.5])
def test_a_baseline_is_not_repeated_in_messages(tmp_path: Path, version: object) -> None:
    """The version is shown only if it is a small number."""
    data = f'{{"version": {version!r}, "findings": []}}'.replace("'", '"')
    if version == 10**400 and hasattr(sys, "set_int_max_str_digits"):
        data = data.replace(str(version), "9" * 400)
    with pytest.raises(UsageError) as error:
        baselines.read_baseline(data.encode(), "b.json")
    assert "unknown baseline version (known: 1)" in str(error.value)
    assert "BEGIN-KEY" not in str(error.value)


def test_a_mistake_in_the_command_is_still_all_mistakes_at_once(tmp_path: Path) -> None:
    """A refused file is one of the mistakes, not the end of reading."""
    (tmp_path / "imgbudget.yaml").write_text("limits: ../x\nmodle: x\nbaseline: ../y\n")
    with pytest.raises(ConfigError) as error:
        load_settings(str(tmp_path))
    assert [problem.line for problem in error.value.problems] == [1, 2, 3]


@posix
@pytest.mark.parametrize("name", [".imgbudget.yaml", "imgbudget.yaml", "pyproject.toml"])
@pytest.mark.parametrize(
    ("make", "flaw"),
    [
        (os.mkfifo, "not a regular file"),
        (os.mkdir, "is a folder, not a file"),
        (lambda path: os.symlink("gone", path), "no such file or folder"),
        (lambda path: os.symlink(os.path.basename(path), path), "too many levels of symbolic links"),
    ],
    ids=["pipe", "folder", "broken link", "link to itself"],
)
def test_a_configuration_that_cannot_be_read_is_named(
    imgbudget: Command, tmp_path: Path, name: str, make: Callable[[Path], None], flaw: str
) -> None:
    """Settings that somebody meant do not fail to apply in silence; a pyproject.toml may hold none."""
    (tmp_path / "a.png").write_bytes(image_bytes((400, 400)))
    make(tmp_path / name)
    os.chdir(tmp_path)
    run = imgbudget("check", "a.png")
    assert (f"{name}" in run.err, flaw in run.err) == (True, True)
    assert run.code == (0 if name == "pyproject.toml" or flaw == "is a folder, not a file" else 2)


@posix
@pytest.mark.parametrize("option", ["--limits", "--baseline", "--compare"])
def test_a_named_pipe_without_a_writer_is_not_waited_for(
    imgbudget: Command, tmp_path: Path, option: str
) -> None:
    """It is refused by name, as `--config` refuses it."""
    (tmp_path / "a.png").write_bytes(image_bytes((400, 400)))
    os.mkfifo(tmp_path / "pipe")
    run = imgbudget("check", str(tmp_path / "a.png"), option, str(tmp_path / "pipe"))
    assert run.code == 2
    assert "pipe" in run.err
    assert "not a regular file, but a pipe that nothing is written to" in run.err


@posix
def test_the_output_of_a_command_is_read_to_its_end(tmp_path: Path) -> None:
    """Shells pass `<(command)` as a pipe, which may be slow."""
    reading, writing = os.pipe()

    def write() -> None:
        os.write(writing, b"{}")
        os.close(writing)

    writer = threading.Timer(0.2, write)
    writer.start()
    assert read_named(f"/dev/fd/{reading}", 100) == b"{}"
    writer.join()
    os.close(reading)


@posix
def test_a_request_to_send_is_a_file(imgbudget: Command, tmp_path: Path) -> None:
    """A pipe cannot be read by position, and is named."""
    os.mkfifo(tmp_path / "pipe")
    run = imgbudget("send", str(tmp_path / "pipe"), "--dry-run")
    assert (run.code, "pipe: is not a regular file" in run.err) == (2, True)
