"""The hooks as pre-commit runs them: installed from this checkout, in a repository of their own."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.builders import body, image_block, image_bytes, write_json

ROOT = Path(__file__).resolve().parents[1]
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder, with nobody's configuration."""
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True)


@pytest.mark.parametrize(
    "path", ["a.png", "b/c.JPEG", "x.webp", "req.json", "log.jsonl", "scan.tiff", "p.HEIC", "a.apng"]
)
def test_hook_takes_images_and_requests(path: str) -> None:
    """The pattern matches what imgbudget reads."""
    assert re.search(HOOKS["imgbudget"]["files"], path)


@pytest.mark.parametrize(
    "path", ["a.py", "logo.svg", "favicon.ico", "README.md", "png", "json.txt", "a.png.bak"]
)
def test_hook_leaves_other_files_alone(path: str) -> None:
    """The pattern matches nothing else; drawings of a web page are not sent to a model."""
    assert not re.search(HOOKS["imgbudget"]["files"], path)


def test_hooks_through_pre_commit(tmp_path: Path) -> None:
    """A bad image fails the hooks with its finding, a foreign broken JSON does not; then all pass.

    The hook that fixes comes last: it fails too, because it has changed a file, and the commit made again
    passes without another hand.
    """
    shutil.which("git") or pytest.fail("git is needed")
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "photo.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    (folder / "tsconfig.json").write_text("{\n  // a comment\n}\n")
    write_json(folder / "request.json", body(image_block(), "what is this?"))
    git(folder, "add", ".")

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "pre_commit", "try-repo", str(ROOT), "--all-files", "--color", "never"],
            cwd=folder,
            env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull},
            capture_output=True,
            text=True,
            check=False,
        )

    done = run()
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("warning[IB201] oversized-image") == 2, done.stdout
    assert "IB002" not in done.stdout
    assert done.stdout.count("files were modified by this hook") == 1
    assert "fixed photo.jpg: jpeg 4000x3000" in done.stdout
    git(folder, "add", ".")
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Passed") == 3
