"""Names of files are data: through the hooks, no file of a repository can become an option of the command."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from imgbudget.cli.check import CheckOptions, command
from imgbudget.cli.command import Command
from imgbudget.cli.group import click_command
from tests.builders import image_bytes
from tests.conftest import Command as Call

ROOT = Path(__file__).resolve().parents[2]
ENTRIES = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
ENTRY = ENTRIES["imgbudget"]["entry"].split()[2:]
OVERSIZED = image_bytes((4000, 3000), "JPEG")
SUPPRESSING = "--config=c.json"
"""A JSON file is a configuration in YAML: this one turns all rules off."""

NAMES = [
    SUPPRESSING,
    "--fail-on=never,.png",
    "--exit-zero.json",
    "--format=json:out.json",
    "--output-dir=x.json",
    "--select=IB105,.png",
    "-q.png",
    "-j4.json",
    "-.png",
    "--.json",
    "-qvj.json",
    "--help.json",
    "@file.json",
    "--config=a\nb.json",
]


def options_of(arguments: list[str]) -> CheckOptions:
    """What a command line gives, which must be the same by the reader without click and by click."""
    found: list[CheckOptions] = []

    def run(options: CheckOptions) -> int:
        found.append(options)
        return 0

    watched = Command("check", CheckOptions, run, formats=command.formats, is_hook_file=command.is_hook_file)
    click_command(watched).main(arguments, "imgbudget", standalone_mode=False)
    assert watched.parse(arguments) == found[0]
    return found[0]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a picture that the hook reports and a configuration that would suppress it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "big.jpg").write_bytes(OVERSIZED)
    (tmp_path / "c.json").write_text('{"ignore": ["ALL"]}')
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_path_behind_the_options_of_the_hook(repository: Path, name: str) -> None:
    """All of its options stay at their defaults, and both paths are checked, in the order given."""
    (repository / name).write_bytes(b"{}")
    options = options_of([*ENTRY, name, "big.jpg"])
    assert options == options_of([*ENTRY, "big.jpg"])._replace(paths=(name, "big.jpg"))


@pytest.mark.parametrize(
    ("arguments", "changed"),
    [
        (["--fail-on", "info"], {"fail_on": "info"}),
        (["--fail-on=info", "--pedantic"], {"fail_on": "info", "pedantic": True}),
        (["-j", "4"], {"jobs": 4}),
        (["-j4"], {"jobs": 4}),
        (["--statistics", "-j", "4"], {"jobs": 4, "statistics": True}),
        (["--compare", "c.json"], {"compare": "c.json"}),
        (["--compare=c.json"], {"compare": "c.json"}),
        (["--fail-on", "info", "--"], {"fail_on": "info"}),
    ],
)
@pytest.mark.parametrize("name", [SUPPRESSING, "-q.png", "plain.png"])
def test_options_of_users_keep_working(
    repository: Path, arguments: list[str], changed: dict[str, object], name: str
) -> None:
    """`args:` of a user stands between the entry and the files; values may be the names of files."""
    (repository / name).write_bytes(b"{}")
    options = options_of([*ENTRY, *arguments, name, "c.json"])
    wanted = options_of([*ENTRY, "big.jpg"])._replace(paths=(name, "c.json"), **changed)  # type: ignore[arg-type]
    assert options == wanted


@pytest.mark.parametrize("arguments", [["--fail-on", "info"], ["--fail-on=info"], ["-j4"], ["--pedantic"]])
def test_a_file_named_as_an_option_that_a_user_gives_ends_the_hook(
    imgbudget: Call, repository: Path, arguments: list[str]
) -> None:
    """It could otherwise switch that option off; the message says which file to rename."""
    (repository / arguments[0]).write_bytes(b"")
    run = imgbudget("check", *ENTRY, *arguments, "big.jpg")
    assert (run.code, run.out) == (2, "")
    assert run.err == f"imgbudget: {arguments[0]}: both an option and the name of a file; rename the file\n"


def test_a_file_named_as_an_option_of_the_entry_changes_nothing(imgbudget: Call, repository: Path) -> None:
    """What stands before --hook comes from the hook."""
    for word in ENTRY:
        (repository / word).write_bytes(b"")
    run = imgbudget("check", *ENTRY, "big.jpg", "--format", "json")
    assert (run.code, run.codes) == (1, ["IB201"])


def test_a_dash_is_standard_input_unless_a_file_has_that_name(imgbudget: Call, repository: Path) -> None:
    """As a file it is read from the folder."""
    run = imgbudget("check", *ENTRY, "-", "--format", "json", stdin=image_bytes())
    assert run.json["images"][0]["path"] == "<stdin>"
    (repository / "-").write_bytes(OVERSIZED)
    run = imgbudget("check", *ENTRY, "-", "--format", "json", stdin=b"")
    assert run.json["summary"]["files"] == 1
    assert "<stdin>" not in run.out


@pytest.mark.skipif(not hasattr(os, "symlink") or os.name == "nt", reason="needs symbolic links")
def test_folders_and_dangling_links_count_too(repository: Path) -> None:
    """Whatever exists under the name makes it a path."""
    (repository / "--config=d.json").mkdir()
    (repository / SUPPRESSING).symlink_to("nowhere")
    assert options_of([*ENTRY, "--config=d.json", SUPPRESSING]).paths == ("--config=d.json", SUPPRESSING)


@given(st.lists(st.sampled_from([*NAMES, "big.jpg", "c.json", "-", "é.png"]), min_size=1, unique=True))
def test_any_files_in_any_order_are_paths(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    """Whatever files a commit has, the options are those of the entry."""
    folder = tmp_path_factory.mktemp("names")
    for name in names:
        (folder / name).touch()
    before = os.getcwd()
    os.chdir(folder)
    try:
        options = options_of([*ENTRY, *names])
    finally:
        os.chdir(before)
    wanted = tuple(os.path.join(".", name) if name == "-" else name for name in names)
    assert options == options_of([*ENTRY, "x"])._replace(paths=wanted)


def test_without_hook_a_word_with_a_dash_is_an_option(imgbudget: Call, repository: Path) -> None:
    """People who type it mean the option, whatever files there are."""
    (repository / SUPPRESSING).write_bytes(b"{}")
    assert imgbudget("check", SUPPRESSING, "big.jpg").code == 0


def test_hook_is_hidden(imgbudget: Call) -> None:
    """It is for entries of hooks, not for people."""
    assert "--hook" not in imgbudget("check", "--help").out


def git(folder: Path, *arguments: str) -> None:
    """Run git without any configuration of the user."""
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True)


RUNNERS = {"pre-commit": [sys.executable, "-m", "pre_commit"], "prek": [shutil.which("prek") or "prek"]}


@pytest.mark.parametrize(
    "arguments", [[], ["--fail-on", "error", "--format", "concise"]], ids=["alone", "args"]
)
@pytest.mark.parametrize("runner", RUNNERS)
def test_real_hooks_check_files_with_names_of_options(
    repository: Path, runner: str, arguments: list[str]
) -> None:
    """The entries of both hooks, run by the real programs on such a repository, with and without `args:`."""
    if runner == "prek" and shutil.which("prek") is None:
        pytest.skip("prek is not installed")
    shutil.which("git") or pytest.fail("git is needed")
    git(repository, "init", "--quiet")
    (repository / SUPPRESSING).write_text('{"ignore": ["ALL"]}')
    (repository / "--exit-zero.png").write_bytes(image_bytes())
    (repository / "-q.png").write_bytes(b"no image")
    hooks = [
        hook
        | {
            "entry": f'"{sys.executable}" -m {hook["entry"]}',
            "language": "system",
            "args": arguments,
        }
        for hook in (ENTRIES["imgbudget"], ENTRIES["imgbudget-fix"])
    ]
    config = {"repos": [{"repo": "local", "hooks": hooks}]}
    (repository / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    git(repository, "add", ".")
    done = subprocess.run(
        [*RUNNERS[runner], "run", "--all-files", "--color", "never"],
        cwd=repository,
        env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("-q.png: IB001") + done.stdout.count("--> -q.png") >= 1, done.stdout
    assert done.stdout.count("IB201") >= 1, done.stdout
    assert (repository / "big.jpg").read_bytes() != OVERSIZED
    assert ("big.jpg: IB201 warning" in done.stdout) == bool(arguments)
    assert "Usage:" not in done.stdout
