"""action.yml and the GitLab template: their scripts run as they stand, with inputs that are never code."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from junitparser import JUnitXml

from imgbudget.version import __version__
from tests.builders import image_bytes
from tests.hostile_names import validator

ROOT = Path(__file__).resolve().parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
GITLAB = yaml.safe_load((ROOT / "ci" / "gitlab.yml").read_text("utf-8"))["imgbudget"]
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
BIN = Path(sys.executable).parent

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="the scripts are bash")


def bash(folder: Path, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a script as GitHub's `shell: bash` does, with nobody's environment."""
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
        """The step Check with some inputs, the others as they are by default."""
        given = {name: str(told["default"]) for name, told in ACTION["inputs"].items()} | inputs
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
    """A job whose checkout holds an image over the native size and a clean one."""
    job = Job(tmp_path)
    (job.checkout / "big one.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    (job.checkout / "good.png").write_bytes(image_bytes())
    return job


def test_no_expression_stands_in_a_script() -> None:
    """Inputs reach the shell through the environment only: pasted in, they would be code."""
    for step in STEPS.values():
        assert "${{" not in step.get("run", "")
    assert {"name", "shell", "run"} <= STEPS["Check"].keys()


def test_actions_of_others_are_pinned_by_hash() -> None:
    """A tag can be moved, a commit cannot."""
    foreign = [step["uses"] for step in STEPS.values() if "uses" in step]
    assert len(foreign) == 1
    assert re.fullmatch(r"github/codeql-action/upload-sarif@[0-9a-f]{40}", foreign[0])


def test_every_output_is_one_that_the_step_sets(job: Job) -> None:
    """The outputs that the action declares are those of the step, no more and no less."""
    job.check()
    wired = {told["value"] for told in ACTION["outputs"].values()}
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
    """The line of the template as it stands: both artifacts are there and valid, and the job fails."""
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


def test_versions_in_snippets_are_this_one() -> None:
    """README, the template and the hook snippet name the version that they stand beside."""
    for name in ("README.md", "ci/gitlab.yml"):
        named = re.findall(
            r"(?:imgbudget/imgbudget[/@]|rev: )v([0-9][\w.]*?)(?=[/\s]|$)",
            (ROOT / name).read_text("utf-8"),
            re.MULTILINE,
        )
        assert named
        assert set(named) == {__version__}, name
