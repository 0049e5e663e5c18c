"""The hooks as pre-commit runs them: installed from this checkout, in a separate repository."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from identify.extensions import EXTENSIONS

from imgbudget.discovery.filetypes import HOOK_KINDS, KINDS, FileKind, is_hook_file
from tests.builders import body, image_block, image_bytes, write_json

ROOT = Path(__file__).resolve().parents[1]
HOOKS = {hook["id"]: hook for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder, without any user configuration."""
    environment = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True)


HOLDING_FILES = [hook for hook in HOOKS.values() if "files" in hook]

every_hook = pytest.mark.parametrize("hook", HOLDING_FILES, ids=lambda hook: hook["id"])


@every_hook
def test_hook_takes_what_a_check_reads(hook: dict[str, Any]) -> None:
    """Every suffix of its kinds in both cases, and no other suffix that is known."""
    kinds = HOOK_KINDS[hook["id"]]
    for suffix, kind in KINDS.items():
        for name in (f"folder/a{suffix}", f"folder/A B{suffix.upper()}"):
            assert bool(re.search(hook["files"], name)) == (kind in kinds), name


def test_hooks_take_together_what_a_check_reads() -> None:
    """No kind is without a hook, and what may be a file for the command line is what hooks pass."""
    assert {kind for kinds in HOOK_KINDS.values() for kind in kinds} | {FileKind.UNKNOWN} == set(FileKind)
    for name in ("a.png", "b.json", "c.yaml", "d.sqlite", "e.log", "f.ico"):
        assert is_hook_file(name)
    for name in ("a.py", "b.txt", "c", "d.parquet", "e.unknown"):
        assert not is_hook_file(name)


def test_hook_takes_every_image_that_identify_knows() -> None:
    """By regular expression, because `svg` has the tag image too and `jsonl` has no tag at all."""
    images = {extension for extension, tags in EXTENSIONS.items() if "image" in tags}
    assert images >= {"png", "jpg", "jpeg", "gif", "webp", "svg", "avif"}
    for extension in images:
        assert re.search(HOOKS["imgbudget"]["files"], f"folder/a.{extension}"), extension


@pytest.mark.parametrize(
    "path",
    ["req.json", "log.jsonl", "rows.ndjson", "p.HEIC", "a.apng", "x.jfif", "ünï/ a.jpe", ".json", "b.jxl"],
)
def test_hook_takes_requests_and_what_identify_does_not_know(path: str) -> None:
    """Requests, and images for which identify has no tag."""
    assert re.search(HOOKS["imgbudget"]["files"], path)


def test_hook_leaves_all_other_known_extensions_alone() -> None:
    """Of everything else that identify knows by extension the hook takes JSON, notebooks and few more."""
    others = {extension for extension, tags in EXTENSIONS.items() if "image" not in tags}
    taken = {extension for extension in others if re.search(HOOKS["imgbudget"]["files"], f"a.{extension}")}
    assert taken == {"json", "ipynb", "eps", "icns", "ico"}


@every_hook
@pytest.mark.parametrize("path", ["png", "json", "json.txt", "a.png.bak", "apng/x", "a.jsonx", "a.yaml.j2"])
def test_hook_leaves_look_alikes_alone(hook: dict[str, Any], path: str) -> None:
    """The dot and the end of the name count."""
    assert not re.search(hook["files"], path)


@pytest.mark.parametrize("hook", HOOKS.values(), ids=HOOKS)
def test_hook_runs_alone_offline_and_quietly(hook: dict[str, Any]) -> None:
    """One process at a time, no network, no progress; excludes apply to named files."""
    assert hook["require_serial"] is True
    words = hook["entry"].split()
    assert {"--offline", "--no-progress"} <= set(words)
    assert words[-1] == "--hook", "what comes behind it may be the name of a file"
    assert ("--force-exclude" in words) == hook.get("pass_filenames", True)


def checkout(folder: Path) -> None:
    """A repository at `folder` with the files of this checkout as they are, committed or not."""
    git(folder.parent, "clone", "--quiet", str(ROOT), str(folder))
    changed = subprocess.run(["git", "diff", "--binary", "HEAD"], cwd=ROOT, check=True, capture_output=True)
    if changed.stdout:
        subprocess.run(["git", "apply", "--index"], cwd=folder, input=changed.stdout, check=True)
    name = ("-c", "user.name=A", "-c", "user.email=a@example.invalid")
    git(folder, *name, "commit", "--quiet", "--allow-empty", "--no-verify", "--message", "as it is")


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="pre-commit clones this checkout, which is none")
def test_hooks_through_pre_commit(tmp_path: Path) -> None:
    """A bad image fails the hooks with its finding, a foreign broken JSON does not; then all pass.

    The hook that fixes fails too, because it has changed a file, and the commit made again passes without
    another hand. A bad request in a log fails the hook for recordings, until the log is gone.
    """
    shutil.which("git") or pytest.fail("git is needed")
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "photo.jpg").write_bytes(image_bytes((4000, 3000), "JPEG"))
    (folder / "tsconfig.json").write_text("{\n  // a comment\n}\n")
    write_json(folder / "request.json", body(image_block(), "what is this?"))
    (folder / "run.log").write_text(f"sent {json.dumps(body(image_block(image_bytes((9000, 300)))))}\n")
    git(folder, "add", ".")
    checkout(tmp_path / "hooks")
    head = ["git", "rev-parse", "HEAD"]
    commit = subprocess.run(head, cwd=tmp_path / "hooks", check=True, capture_output=True, text=True).stdout
    hooks = [{"id": name} for name in HOOKS]
    repository = {"repo": str(tmp_path / "hooks"), "rev": commit.strip(), "hooks": hooks}
    (tmp_path / "config.yaml").write_text(yaml.safe_dump({"repos": [repository]}))

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *(sys.executable, "-m", "pre_commit", "run", "--all-files", "--color", "never"),
                *("--config", str(tmp_path / "config.yaml")),
            ],
            cwd=folder,
            env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "PRE_COMMIT_HOME": str(tmp_path / "store")},
            capture_output=True,
            text=True,
            check=False,
        )

    done = run()
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("warning[IB201] oversized-image") == 2, done.stdout
    assert done.stdout.count("error[IB101]") == 2, "by the hooks for the whole tree and for recordings"
    assert "IB002" not in done.stdout
    assert done.stdout.count("files were modified by this hook") == 1
    assert done.stdout.count("Failed") == len(HOOKS), done.stdout
    assert "fixed photo.jpg: jpeg 4000x3000" in done.stdout
    (folder / "run.log").write_text("sent nothing\n")
    git(folder, "add", ".")
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Passed") == len(HOOKS)
