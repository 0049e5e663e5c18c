"""The GitHub Action, the GitLab template, the workflow, and the pre-commit configuration."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from junitparser import JUnitXml

from tests.builders import image_bytes
from tests.ciscripts import BIN, ROOT, STEPS, git, needs_bash, script
from tests.hostile_names import validator

WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
GITLAB = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text("utf-8"))["imgbudget"]
SHELLCHECK = shutil.which("shellcheck", path=f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}")

pytestmark = needs_bash


def test_scripts_contain_no_expressions() -> None:
    """Inputs reach the shell through the environment only; inserted into the script they would be code."""
    for step in STEPS.values():
        assert "${{" not in step.get("run", "")
    assert {"name", "shell", "run"} <= STEPS["Check"].keys()


def test_third_party_actions_are_pinned_by_commit() -> None:
    """Every action is named with a full commit hash: a tag can be moved, a commit cannot."""
    steps = [*STEPS.values(), *(step for job in WORKFLOW["jobs"].values() for step in job["steps"])]
    used = [step["uses"] for step in steps if "uses" in step]
    assert len(used) == 9
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w/-]+@[0-9a-f]{40}", action)


def gitlab(folder: Path, *, interpreter: str = "bash", **variables: str) -> tuple[int, str]:
    """The script of the template with some variables, others at their defaults: the exit code and the log."""
    given = {key: str(value) for key, value in GITLAB["variables"].items()} | variables
    done = script(folder, GITLAB["script"][1], interpreter=interpreter, **given)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def merge_request(tmp_path: Path) -> tuple[Path, str]:
    """A clone with a merge request that adds a large image and a small one, and the commit of its target."""
    (tmp_path / "old one.png").write_bytes(image_bytes())
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "target")
    (tmp_path / "new.png").write_bytes(image_bytes((560, 420)))
    (tmp_path / "big one.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    return tmp_path, git(tmp_path, "rev-parse", "HEAD")


def test_merge_request_shows_what_it_changes(merge_request: tuple[Path, str]) -> None:
    """A gate, a summary, and metrics; the shell of an image may be bash or sh."""
    folder, base = merge_request
    code, log = gitlab(
        folder, interpreter="sh", CI_MERGE_REQUEST_DIFF_BASE_SHA=base, IMGBUDGET_FAIL_OVER="+1 %"
    )
    assert code == 1
    assert "more than the allowed +1 % (--fail-over)" in log
    assert f"\ncompared with base-{base[:7]}.json: +2 images, " in log
    assert "new.png: added, +1 image, +300 tokens" in log
    assert "| new.png | added |" in (folder / "imgbudget.md").read_text("utf-8")
    metrics = (folder / GITLAB["artifacts"]["reports"]["metrics"]).read_text("utf-8")
    assert re.match(r"imgbudget_images 3\nimgbudget_requests 0\nimgbudget_visual_tokens \d+\n", metrics)
    assert git(folder, "worktree", "list").count("\n") == 0


def test_merge_request_without_its_target(merge_request: tuple[Path, str]) -> None:
    """The findings are shown and decide, or the gate that cannot be checked does; git's lines are one."""
    folder, _ = merge_request
    missing = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "1" * 40}
    code, log = gitlab(folder, **missing)
    assert (code, "IB201" in log) == (1, True)
    (line,) = (line for line in log.splitlines() if "1111111" in line or "fatal" in line)
    assert line.startswith(
        "imgbudget: warning: nothing is compared with the target: commit 1111111 is not in "
    )
    assert line.endswith("; set GIT_DEPTH to 0")
    assert f"\n`{line.removeprefix('imgbudget: ')}`\n" in (folder / "imgbudget.md").read_text("utf-8")
    code, log = gitlab(folder, IMGBUDGET_FAIL_OVER="5%", **missing)
    assert (code, "IB201" in log) == (2, True)
    assert "imgbudget: error: IMGBUDGET_FAIL_OVER (5%) cannot be checked: commit 1111111 is not in" in log


def test_merge_request_whose_target_has_a_broken_configuration(merge_request: tuple[Path, str]) -> None:
    """The findings of the merge request are shown, and why nothing is compared."""
    folder, _ = merge_request
    (folder / "imgbudget.yaml").write_text("model: [broken")
    git(folder, "add", "imgbudget.yaml")
    git(folder, "commit", "--quiet", "--message", "broken")
    (folder / "imgbudget.yaml").unlink()
    code, log = gitlab(folder, CI_MERGE_REQUEST_DIFF_BASE_SHA=git(folder, "rev-parse", "HEAD"))
    assert (code, "IB201" in log) == (1, True)
    assert "nothing is compared with the target: the check of commit " in log
    assert "exits with 2 (imgbudget.yaml" in log


def test_merge_request_with_a_new_configuration(merge_request: tuple[Path, str]) -> None:
    """Options that name a configuration of the merge request: the target is checked with it too."""
    folder, base = merge_request
    (folder / "ci").mkdir()
    (folder / "ci" / "images.yaml").write_text("select: [IB0]\nexclude: ['*big*']\n")
    (folder / "imgbudget.json").write_text("of the project")
    variables = {"IMGBUDGET_ARGS": "--config ci/images.yaml", "IMGBUDGET_FAIL_OVER": "400"}
    code, log = gitlab(folder, interpreter="sh", CI_MERGE_REQUEST_DIFF_BASE_SHA=base, **variables)
    assert (code, "imgbudget: warning" in log) == (0, False)
    assert ": +1 image, +300 tokens" in log
    assert (folder / "imgbudget.json").read_text() == "of the project"


def test_gate_of_a_branch_is_not_silent(merge_request: tuple[Path, str]) -> None:
    """Where there is no merge request, the log says that the growth is not checked."""
    folder, _ = merge_request
    code, log = gitlab(folder, IMGBUDGET_FAIL_OVER="5%", IMGBUDGET_PATHS="new.png")
    assert code == 0
    assert "IMGBUDGET_FAIL_OVER (5%) is not checked: this is no pipeline of a merge request" in log


def test_gate_of_nonsense_shows_findings_and_fails(merge_request: tuple[Path, str]) -> None:
    """What can be written is named."""
    folder, base = merge_request
    code, log = gitlab(
        folder,
        CI_MERGE_REQUEST_DIFF_BASE_SHA=base,
        IMGBUDGET_FAIL_OVER="-5 $(id)",
        IMGBUDGET_ARGS="--ignore\nIB2\n",
        IMGBUDGET_PATHS="old one.png\nbig one.jpg\n",
    )
    assert (code, "no findings in 2 checked files" in log) == (2, True)
    assert "cannot be checked: --fail-over: '-5 $(id)' is no growth; write 5%, 20k (tokens) or $0.10" in log


def test_gitlab_script_writes_both_reports(tmp_path: Path) -> None:
    """The script of the template writes two valid reports, and the job fails."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    code, log = gitlab(tmp_path)
    assert (code, log.startswith("a.jpg: IB201 warning")) == (1, True)
    reports = GITLAB["artifacts"]["reports"]
    quality = json.loads((tmp_path / reports["codequality"]).read_text("utf-8"))
    validator("gitlab-code-quality.json").validate(quality)
    assert len(quality) == 1
    assert sum(suite.failures for suite in JUnitXml.fromfile(str(tmp_path / reports["junit"]))) == 1


def test_gitlab_install_needs_an_address(tmp_path: Path) -> None:
    """Without IMGBUDGET_SOURCE the job fails with a message that names the variable, and installs nothing."""
    done = script(tmp_path, f"pip() {{ echo installed; }}; {GITLAB['script'][0]}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "IMGBUDGET_SOURCE" in done.stderr


@pytest.mark.skipif(SHELLCHECK is None, reason="shellcheck has a wheel for some systems only")
def test_scripts_are_sound(tmp_path: Path) -> None:
    """ShellCheck finds nothing in the scripts of the Action, the template and ci/try.sh."""
    scripts = {name.replace(" ", "-"): step["run"] for name, step in STEPS.items() if "run" in step}
    files = [ROOT / "ci" / "try.sh"]
    for name, text in scripts.items():
        files.append(tmp_path / name)
        files[-1].write_text(f"#!/bin/bash\nset -eo pipefail\n{text}", "utf-8")
    files.append(tmp_path / "gitlab")  # whose variables are split into words
    files[-1].write_text(f"#!/bin/sh\n# shellcheck disable=SC2086\nset -e\n{GITLAB['script'][1]}", "utf-8")
    done = subprocess.run([str(SHELLCHECK), *files], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(sys.platform == "win32", reason="it makes links")
def test_trial_without_a_server() -> None:
    """ci/try.sh runs the steps of the Action as they are in several situations."""
    names = ("pull-request", "gate-no-base")
    done = script(ROOT, "ci/try.sh " + " ".join(names))
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.split("=== ")[1:]
    assert "--- comment\n<!-- imgbudget: what this pull request changes -->" in first
    assert "| page.png | added | +1 | +1521 |" in first
    assert "% of the visual tokens: more than the allowed 5%" in done.stderr
    assert first.endswith("exit code 1\n")
    assert "::error title=imgbudget::fail-over (5%25) cannot be checked: commit 1111111 is not in" in second
    assert second.endswith("exit code 2\n")
    assert script(ROOT, "ci/try.sh nonesuch").returncode == 2


def test_workflow_covers_every_supported_python() -> None:
    """The matrix has the versions of the classifiers, on three systems."""
    matrix = WORKFLOW["jobs"]["tests"]["strategy"]["matrix"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    versions = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert matrix["python"] == versions
    assert matrix["os"] == ["ubuntu-latest", "macos-latest", "windows-latest"]


def test_the_lowest_versions_are_those_of_the_project() -> None:
    """A job installs the oldest versions that pyproject.toml allows, on the oldest Python."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    steps = WORKFLOW["jobs"]["lowest"]["steps"]
    assert f">={steps[1]['with']['python-version']}" == project["requires-python"]
    (install,) = (step["run"] for step in steps if "lowest-direct" in step.get("run", ""))
    installed = re.search(r"\.\[([\w,-]+)\]", install)
    assert installed is not None
    wanted = set(installed[1].split(","))
    for name in [*wanted, "datasets", "live", "toml"]:
        for dependency in [*project["dependencies"], *extras[name]]:
            assert re.match(r"imgbudget\[|[\w-]+(\[\w+\])?[>=]=\d", dependency), dependency


def test_workflow_has_least_permissions() -> None:
    """Jobs may read the contents and nothing else, and keep no credentials after the checkout."""
    assert WORKFLOW["permissions"] == {}
    for job in WORKFLOW["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
        checkout = next(step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@"))
        assert checkout["with"]["persist-credentials"] is False


def test_pre_commit_runs_the_published_hook() -> None:
    """The repository's own pre-commit configuration runs the published hook's command on the same files."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    (own,) = (hook for hook in config["repos"][0]["hooks"] if hook["id"] == "imgbudget")
    published = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))[0]
    assert own["entry"] == f".venv/bin/{published['entry']}"
    assert own["files"] == published["files"]
