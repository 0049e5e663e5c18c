"""The steps of the GitHub Action as a runner takes them: bash, files for outputs, the context of an event."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}
BIN = Path(sys.executable).parent

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="the scripts are bash")

GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$HOME/calls"
for word in "$@"; do case "$word" in body=@*) cat "${word#body=@}" > "$HOME/body" ;; esac; done
case "$*" in
*--paginate*) cat "$HOME/comments" 2>/dev/null || true ;;
*--method*) if [ -f "$HOME/refuses" ]; then cat "$HOME/refuses" >&2; exit 1; fi ;;
esac
"""
"""Stands for GitHub's command: it keeps its arguments and the comment, and refuses if a file says so."""


def script(
    folder: Path, text: str, *, interpreter: str = "bash", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a script as GitHub's `shell: bash` does, or as GitLab's runner in an image without bash."""
    options = ["--noprofile", "--norc", "-eo", "pipefail"] if interpreter == "bash" else ["-e"]
    return subprocess.run(
        [interpreter, *options, "-c", text],
        cwd=folder,
        env={"PATH": f"{BIN}:{os.defpath}", "HOME": str(folder), "LC_ALL": "C.UTF-8"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder."""
    name = ("-c", "user.name=A", "-c", "user.email=a@example.invalid", "-c", "init.defaultBranch=main")
    done = subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Job:
    """A job on a runner where the action has installed imgbudget: a checkout, and the runner's own files."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "checkout"
        self.temp = folder / "temp"
        self.checkout.mkdir()
        (self.temp / "imgbudget").mkdir(parents=True)
        (self.temp / "imgbudget" / "bin").symlink_to(BIN)
        self.output, self.summary = folder / "output", folder / "summary"
        self.tools = folder / "tools"
        self.github: dict[str, Any] = {
            "event_name": "push",
            "event": {},
            "repository": "o/r",
            "server_url": "https://example.invalid",
            "token": "the-token",
        }
        self.environment: dict[str, str] = {}
        self.done: dict[str, dict[str, str]] = {}

    def git(self, *arguments: str) -> str:
        """Run git in the checkout."""
        return git(self.checkout, *arguments)

    def commit(self) -> str:
        """Commit all of the checkout."""
        if not (self.checkout / ".git").exists():
            self.git("init", "--quiet")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a state")
        return self.git("rev-parse", "HEAD")

    def is_pull_request(self, base: str, *, fork: bool = False) -> None:
        """From here on the event is a pull request against a commit."""
        source = {"sha": self.git("rev-parse", "HEAD"), "repo": {"full_name": "fork/r" if fork else "o/r"}}
        request = {"number": 7, "base": {"sha": base}, "head": source}
        self.github |= {"event_name": "pull_request", "event": {"pull_request": request}}

    def check(self, **inputs: str) -> subprocess.CompletedProcess[str]:
        """The step Check with some inputs, the others at their defaults."""
        return self.step("Check", **inputs)

    def run(self, **inputs: str) -> tuple[int, str]:
        """All steps that are scripts but the installation: the exit code of the job, and its log."""
        log = ""
        for name in ("Base", "Check", "Comment", "Verdict"):
            done = self.step(name, **inputs)
            log += done.stdout + done.stderr
            if done.returncode:
                return done.returncode, log
        return 0, log

    def step(self, name: str, **given: str) -> subprocess.CompletedProcess[str]:
        """A step with some inputs (with `_` for `-`), others at their defaults, after those done before."""
        inputs = {name: str(spec["default"]) for name, spec in ACTION["inputs"].items()}
        inputs |= {name.replace("_", "-"): value for name, value in given.items()}
        assert inputs.keys() == ACTION["inputs"].keys()
        steps = {name: {"outputs": outputs} for name, outputs in self.done.items()}
        context = {"inputs": inputs, "github": self.github, "steps": steps}
        variables = {
            name: re.sub(r"\$\{\{ ([^}]+) \}\}", lambda found: _value(context, found[1]), text)
            for name, text in STEPS[name]["env"].items()
        }
        self.output.write_text("")
        self.summary.touch()
        self.tools.mkdir(exist_ok=True)
        (self.tools / "gh").write_text(GH)
        (self.tools / "gh").chmod(0o755)
        variables |= {
            "GITHUB_OUTPUT": str(self.output),
            "GITHUB_STEP_SUMMARY": str(self.summary),
            "RUNNER_TEMP": str(self.temp),
            "PATH": f"{self.tools}:{BIN}:{os.defpath}",
            "HOME": str(self.checkout.parent),
            **self.environment,
        }
        done = script(self.checkout, STEPS[name]["run"], **variables)
        if "id" in STEPS[name]:
            self.done[STEPS[name]["id"]] = self.outputs
        return done

    @property
    def outputs(self) -> dict[str, str]:
        """What the last step has set."""
        return dict(line.split("=", 1) for line in self.output.read_text("utf-8").splitlines())

    @property
    def report(self) -> Any:
        """The JSON report of the check."""
        return json.loads((self.temp / "imgbudget-report" / "imgbudget.json").read_text("utf-8"))

    def home(self, name: str) -> Path:
        """A file that GitHub's command reads or writes."""
        return self.checkout.parent / name


def _value(context: Mapping[str, Any], expression: str) -> str:
    """The value of an expression of names and `||`, as a text."""
    for name in expression.split(" || "):
        value: Any = context
        for part in name.split("."):
            value = value.get(part, "") if isinstance(value, Mapping) else ""
        if value != "":
            return str(value)
    return ""
