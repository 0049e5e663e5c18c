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
from tests.hostile_names import validator

ROOT = Path(__file__).resolve().parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
GITLAB = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text("utf-8"))["imgbudget"]
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
BIN = Path(sys.executable).parent

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the scripts are bash")


def bash(folder: Path, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script as GitHub's `shell: bash` does, with an empty environment."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": f"{BIN}:{os.defpath}", "HOME": str(folder)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


class Job:
    """A job on a runner where the action has installed imgbudget: a checkout, and the runner's own files."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "checkout"
        self.temp = folder / "temp"
        self.checkout.mkdir()
        (self.temp / "imgbudget").mkdir(parents=True)
        (self.temp / "imgbudget" / "bin").symlink_to(BIN)
        self.output, self.summary = folder / "output", folder / "summary"

    def check(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        """The step Check with some inputs, the others at their defaults."""
        return self.step("Check", **inputs)

    def step(self, name: str, **given: str) -> subprocess.CompletedProcess[str]:
        """A step with some inputs, others at their defaults, and other values by the ends of their names."""
        values = {name: str(spec["default"]) for name, spec in ACTION["inputs"].items()} | given

        def value(found: re.Match[str]) -> str:
            return values.get(found[1].removeprefix("inputs.").rpartition(".")[2], "")

        variables = {
            name: re.sub(r"\$\{\{ ([\w.-]+) \}\}", value, text) for name, text in STEPS[name]["env"].items()
        }
        for file in (self.output, self.summary):
            file.write_text("")
        files = {"GITHUB_OUTPUT": str(self.output), "GITHUB_STEP_SUMMARY": str(self.summary)}
        return bash(self.checkout, STEPS[name]["run"], RUNNER_TEMP=str(self.temp), **files, **variables)

    def git(self, *arguments: str) -> str:
        """Run git in the checkout."""
        name = ("-c", "user.name=A", "-c", "user.email=a@example.invalid")
        done = subprocess.run(
            ["git", *name, *arguments], cwd=self.checkout, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    @property
    def outputs(self) -> dict[str, str]:
        """What the step has set."""
        return dict(line.split("=", 1) for line in self.output.read_text("utf-8").splitlines())


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job whose checkout contains one image over the native size and one clean image."""
    job = Job(tmp_path)
    (job.checkout / "big one.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    (job.checkout / "good.png").write_bytes(image_bytes())
    return job


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


def test_every_output_is_one_that_the_step_sets(job: Job) -> None:
    """The outputs that the action declares are those of the step, no more and no less."""
    job.check()
    wired = {spec["value"] for spec in ACTION["outputs"].values()}
    assert wired == {f"${{{{ steps.check.outputs.{name} }}}}" for name in job.outputs}
    assert set(ACTION["outputs"]) == set(job.outputs)


def test_clean_checkout(job: Job) -> None:
    """Only the good image: exit code 0, no annotation, the sum in the summary."""
    done = job.check(paths="good.png")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("no findings in 1 checked file")
    assert job.outputs["exit-code"] == job.outputs["errors"] == job.outputs["warnings"] == "0"
    assert "**no findings in 1 checked file" in job.summary.read_text("utf-8")


def test_findings_are_annotations_summary_and_reports(job: Job) -> None:
    """The step passes so that the upload can run; the verdict then fails with the code of the check."""
    done = job.check()
    assert done.returncode == 0
    assert "::warning file=big one.jpg,title=IB201 oversized-image::" in done.stdout
    outputs = job.outputs
    assert (outputs["exit-code"], outputs["errors"], outputs["warnings"]) == ("1", "0", "1")
    assert "| big one.jpg | 4000 px | 1568 px |" in job.summary.read_text("utf-8")
    validator("sarif-2.1.0.json").validate(json.loads(Path(outputs["sarif"]).read_text("utf-8")))
    assert json.loads(Path(outputs["json"]).read_text("utf-8"))["summary"]["files"] == 2
    assert bash(job.checkout, STEPS["Verdict"]["run"], CODE=outputs["exit-code"]).returncode == 1


def test_inputs_are_words_and_never_code(job: Job) -> None:
    """Paths with blanks stay whole, options are a word a line, and what looks like shell is a name."""
    done = job.check(paths="big one.jpg\n", args="--ignore\nIB201\n", summary="false")
    assert (job.outputs["exit-code"], job.summary.read_text()) == ("0", "")
    assert "in 1 checked file " in done.stdout
    for evil in ("$(touch pwned)", "`touch pwned`", "; touch pwned", '" && touch pwned #', "--exit-zero"):
        job.check(paths=evil)
        assert job.outputs["exit-code"] == "2", evil
        assert not (job.checkout / "pwned").exists()


def test_mistake_of_use_fails_with_two_and_no_report(job: Job) -> None:
    """A wrong option: nothing to upload, and the verdict is 2."""
    done = job.check(args="--selekt\nIB2")
    assert "No such option" in done.stderr
    assert job.outputs == {"exit-code": "2"}


def test_fail_on_is_respected(job: Job) -> None:
    """With `error` a warning does not fail the job."""
    job.check(**{"fail-on": "error"})
    assert (job.outputs["exit-code"], job.outputs["warnings"]) == ("0", "1")


@pytest.fixture
def pull_request(job: Job) -> tuple[Job, str]:
    """A pull request that adds three images and removes one, and the commit that it is based on."""
    job.git("init", "--quiet")
    job.git("add", ".")
    job.git("commit", "--quiet", "--message", "base")
    base = job.git("rev-parse", "HEAD")
    for number in range(3):
        (job.checkout / f"new{number}.png").write_bytes(image_bytes((560 + number, 420)))
    (job.checkout / "good.png").unlink()
    job.git("add", ".")
    job.git("commit", "--quiet", "--message", "head")
    return job, base


GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$HOME/calls"
for word in "$@"; do case "$word" in body=@*) cat "${word#body=@}" > "$HOME/body" ;; esac; done
case "$*" in *--paginate*) cat "$HOME/comments" 2>/dev/null || true ;; esac
"""


def test_pull_request_shows_what_it_changes(
    pull_request: tuple[Job, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Base against head: the summary, the gate, and one comment that is written again in place."""
    job, base = pull_request
    done = job.step("Base", sha=base)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    report = job.outputs["report"]
    assert len(json.loads(Path(report).read_text("utf-8"))["images"]) == 2
    assert job.git("worktree", "list").count("\n") == 0
    done = job.step("Check", report=report, **{"fail-over": "1%"})
    assert "more than the allowed 1% (--fail-over)" in done.stderr
    assert job.outputs["exit-code"] == "1"
    summary = job.summary.read_text("utf-8")
    for line in ("| new0.png | added | +1 | +300 |", "| good.png | removed | -1 | -165 |"):
        assert line in summary
    (job.checkout / "big one.jpg").unlink()  # a warning would fail the job too
    assert job.step("Check", report=report, **{"fail-over": "900"}).returncode == 0
    assert job.outputs["exit-code"] == "0"

    tools = job.checkout.parent / "tools"
    tools.mkdir()
    (tools / "gh").write_text(GH)
    (tools / "gh").chmod(0o755)
    monkeypatch.setattr(os, "defpath", f"{tools}:{os.defpath}")
    wanted = {"repository": "o/r", "number": "7", "server_url": "https://example.invalid"}
    assert job.step("Comment", **wanted).returncode == 0
    (job.checkout / "comments").write_text("41\n99\n")
    assert job.step("Comment", **wanted).returncode == 0
    calls = (job.checkout / "calls").read_text("utf-8").splitlines()
    assert "--method POST repos/o/r/issues/7/comments" in calls[1]
    assert "--method PATCH repos/o/r/issues/comments/41" in calls[3]
    comment = (job.checkout / "body").read_text("utf-8")
    assert comment.startswith("<!-- imgbudget: what this pull request changes -->\n## imgbudget")
    assert "| new2.png | added | +1 |" in comment


def test_pull_request_without_its_base_is_checked_with_a_warning(pull_request: tuple[Job, str]) -> None:
    """A base that cannot be fetched: a warning, and nothing is compared."""
    job, _ = pull_request
    done = job.step("Base", sha="1" * 40)
    assert done.returncode == 0
    assert done.stdout.startswith("::warning title=imgbudget::the base of the pull request cannot be read")
    assert job.outputs == {}
    gated = job.step("Base", sha="1" * 40, **{"fail-over": "5%"})
    assert gated.returncode == 2, "a gate that cannot be checked is not passed"
    assert gated.stdout.startswith("::error title=imgbudget::the base of the pull request cannot be read")
    wrong = job.step("Base", sha=job.git("rev-parse", "HEAD"), args="--selekt", **{"fail-over": "5%"})
    assert (wrong.returncode, "there is no report of the base" in wrong.stdout) == (2, True)


def test_new_folder_is_compared_with_nothing(pull_request: tuple[Job, str]) -> None:
    """Paths that the base lacks: all their images are new."""
    job, base = pull_request
    assert job.step("Base", sha=base, paths="new1.png").returncode == 0
    report = job.outputs["report"]
    job.step("Check", report=report, paths="new1.png")
    assert "**+1 image, +315 tokens, +\\$0.000945 per run** compared with base-" in job.summary.read_text(
        "utf-8"
    )


def test_merge_request_shows_what_it_changes(pull_request: tuple[Job, str]) -> None:
    """The same for GitLab: a gate, a summary, and metrics."""
    job, base = pull_request
    variables = {key: str(value) for key, value in GITLAB["variables"].items()}
    variables |= {"CI_MERGE_REQUEST_DIFF_BASE_SHA": base, "IMGBUDGET_FAIL_OVER": "1%"}
    done = bash(job.checkout, GITLAB["script"][1], **variables)
    assert done.returncode == 1
    assert "more than the allowed 1% (--fail-over)" in done.stderr
    assert "new0.png: added, +1 image, +300 tokens" in done.stdout
    assert "| new0.png | added |" in (job.checkout / "imgbudget.md").read_text("utf-8")
    metrics = (job.checkout / GITLAB["artifacts"]["reports"]["metrics"]).read_text("utf-8")
    assert re.match(r"imgbudget_images 4\nimgbudget_requests 0\nimgbudget_visual_tokens \d+\n", metrics)
    gone = bash(job.checkout, GITLAB["script"][1], **variables | {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "1" * 40})
    assert "cannot be read, so nothing is compared with it" in gone.stdout
    assert (gone.returncode, "IMGBUDGET_FAIL_OVER cannot be checked" in gone.stdout) == (2, True)


def test_gitlab_script_writes_both_reports(tmp_path: Path) -> None:
    """The script of the template writes two valid reports, and the job fails."""
    (tmp_path / "a.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    done = bash(
        tmp_path, GITLAB["script"][1], **{key: str(value) for key, value in GITLAB["variables"].items()}
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("a.jpg: IB201 warning")
    reports = GITLAB["artifacts"]["reports"]
    quality = json.loads((tmp_path / reports["codequality"]).read_text("utf-8"))
    validator("gitlab-code-quality.json").validate(quality)
    assert len(quality) == 1
    assert sum(suite.failures for suite in JUnitXml.fromfile(str(tmp_path / reports["junit"]))) == 1


def test_gitlab_install_needs_an_address(tmp_path: Path) -> None:
    """Without IMGBUDGET_SOURCE the job fails with a message that names the variable, and installs nothing."""
    done = bash(tmp_path, f"pip() {{ echo installed; }}; {GITLAB['script'][0]}")
    assert (done.returncode, done.stdout) == (1, "")
    assert "IMGBUDGET_SOURCE" in done.stderr


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
