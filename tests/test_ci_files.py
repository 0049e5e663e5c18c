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
        given = {name: str(spec["default"]) for name, spec in ACTION["inputs"].items()} | inputs
        variables = {
            name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: given[found[1]], value)
            for name, value in STEPS["Check"]["env"].items()
        }
        for file in (self.output, self.summary):
            file.write_text("")
        files = {"GITHUB_OUTPUT": str(self.output), "GITHUB_STEP_SUMMARY": str(self.summary)}
        return bash(self.checkout, STEPS["Check"]["run"], RUNNER_TEMP=str(self.temp), **files, **variables)

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
    assert len(used) == 7
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
