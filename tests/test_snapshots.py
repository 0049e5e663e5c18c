"""Whole outputs of every command in every format, compared with the files under tests/snapshots.

To accept new outputs: IMGBUDGET_UPDATE_SNAPSHOTS=1 pytest tests/test_snapshots.py, then read the difference
that version control shows. Standard error, if there is any, is kept in a file beside it.
"""

import os
from difflib import unified_diff
from pathlib import Path

import pytest

from imgbudget.version import __version__
from tests.conftest import Command
from tests.snapshotcases import CASES, Case

FOLDER = Path(__file__).parent / "snapshots"
UPDATE = os.environ.get("IMGBUDGET_UPDATE_SNAPSHOTS") == "1"
CALLS = [(case, form) for case in CASES for form in case.formats]


def _files(case: Case, form: str) -> tuple[Path, Path]:
    """The files of standard output and standard error."""
    path = FOLDER / case.command / f"{case.name}.{form}"
    return path, path.with_name(path.name + ".stderr")


def _compare(path: Path, output: str) -> list[str]:
    """The lines that differ from the file, which is absent for an empty output; none after an update."""
    if UPDATE:
        path.unlink(missing_ok=True)
        if output:
            path.parent.mkdir(exist_ok=True)
            path.write_text(output, encoding="utf-8", newline="")
    kept = path.read_bytes().decode() if path.exists() else ""
    if kept == output:
        return []
    name = path.relative_to(FOLDER).as_posix()
    return list(
        unified_diff(kept.splitlines(), output.splitlines(), f"kept/{name}", f"now/{name}", n=1, lineterm="")
    ) or [f"line ends differ in {name}"]


@pytest.mark.parametrize(
    ("case", "form"), CALLS, ids=[f"{case.command}-{case.name}-{form}" for case, form in CALLS]
)
def test_output_is_as_kept(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, case: Case, form: str
) -> None:
    """Standard output, standard error and exit code of a call; only the version and the folder may vary."""
    monkeypatch.setenv("COLUMNS", "100")
    for name in [*os.environ]:
        if name.startswith(("ANTHROPIC_", "AWS_")):
            monkeypatch.delenv(name)
    case.files(tmp_path)
    if case.before:
        imgbudget(*case.before)
    run = imgbudget(*case.call(form), stdin=case.stdin)
    different = [
        line
        for path, output in zip(_files(case, form), (run.out, run.err), strict=True)
        for line in _compare(path, output.replace(str(tmp_path), "FOLDER").replace(__version__, "VERSION"))
    ]
    if different:
        pytest.fail(
            "\n".join([*different, "to accept: IMGBUDGET_UPDATE_SNAPSHOTS=1 pytest tests/test_snapshots.py"]),
            pytrace=False,
        )
    assert run.code == case.code


def test_every_snapshot_belongs_to_a_call() -> None:
    """A case that is renamed or removed leaves no file behind; an update removes such files."""
    expected = {path for case, form in CALLS for path in _files(case, form)}
    stray = {path for path in FOLDER.rglob("*") if path.is_file()} - expected
    if UPDATE:
        for path in stray:
            path.unlink()
    else:
        assert not stray
