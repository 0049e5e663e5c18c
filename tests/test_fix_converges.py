"""Real files, fixed: no safe finding remains unreported, and a second run changes nothing."""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import imgbudget
from imgbudget.model.subjects import FixSafety, Severity
from tests.builders import CORPUS, image_block, image_bytes, text_block, write_json
from tests.conftest import Command

FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file() and path.suffix not in (".csv", ".md"))
SLICES = 4
LEVELS: tuple[Literal["error", "warning", "info"], ...] = ("error", "warning", "info")


def digests(folder: Path) -> dict[str, str]:
    """Every file below a folder, by the hash of its bytes."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def keys(records: list[dict[str, Any]]) -> set[tuple[str, ...]]:
    """The fields that identify a record."""
    return {(record["code"], record["path"], record["pointer"]) for record in records}


@pytest.mark.skipif(not FILES, reason="the corpus is not there")
@pytest.mark.parametrize(
    ("part", "options"),
    [(0, ("--pedantic",)), (1, ("--model", "claude-opus-4-8")), (2, ("--platform", "bedrock")), (3, ())],
)
def test_fixed_files_have_nothing_safe_left(
    tmp_path: Path, imgbudget: Command, part: int, options: tuple[str, ...]
) -> None:
    """Every tenth file of the corpus; what could not be fixed is named with its reason."""
    for path in FILES[part :: SLICES * 10 // SLICES * SLICES]:
        target = tmp_path / path.relative_to(CORPUS)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    first = imgbudget("check", "--fix", ".", "--format", "json", "-j", "1", *options).json
    assert "IB003" not in {finding["code"] for finding in first["findings"]}
    safe = [it for it in first["findings"] if it["fix"] and it["fix"]["safety"] == "safe"]
    assert keys(safe) <= keys(first["not_fixed"])
    files = digests(tmp_path)
    second = imgbudget("check", "--fix", ".", "--format", "json", "-j", "1", *options).json
    assert (second["fixed"], digests(tmp_path)) == ([], files)
    assert keys(second["findings"]) == keys(first["findings"])
    assert os.listdir(tmp_path)


@settings(max_examples=25)
@given(
    size=st.tuples(st.integers(1, 2400), st.integers(1, 2400)),
    form=st.sampled_from(("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")),
    orientation=st.integers(1, 8),
    pedantic=st.booleans(),
)
def test_fix_after_fix_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    size: tuple[int, int],
    form: str,
    orientation: int,
    *,
    pedantic: bool,
) -> None:
    """For any size, format and orientation."""
    folder = tmp_path_factory.mktemp("fix")
    turned = orientation if form in ("PNG", "JPEG", "WEBP") else 1
    (folder / f"a.{form.lower()}").write_bytes(image_bytes(size, form, orientation=turned))
    options = imgbudget.RunOptions(isolated=True, pedantic=pedantic)
    report = imgbudget.fix([str(folder)], options)
    left = [it for it in report.findings if it.fix and it.fix_safety and it.fix_safety.name == "SAFE"]
    if left:  # only what would make the file larger
        assert all("would grow from" in failed.reason for failed in report.summary.failed)
        assert {it.code for it in left} == {failed.code for failed in report.summary.failed} <= {"IB201"}
    files = digests(folder)
    again = imgbudget.fix([str(folder)], options)
    assert again.summary.changed == 0
    assert digests(folder) == files


@pytest.mark.skipif(not FILES, reason="the corpus is not there")
def test_corpus_of_requests_is_valid_json_afterwards(tmp_path: Path, imgbudget: Command) -> None:
    """Bodies, batches and recordings that could be read before can be read after, by the standard parser."""
    folder = tmp_path / "messages"
    shutil.copytree(CORPUS / "requests" / "messages", folder, copy_function=shutil.copyfile)
    before = {path.name: json.loads(path.read_bytes()) for path in folder.iterdir()}
    run = imgbudget("check", "--fix", "--unsafe-fixes", ".", "--format", "json", "-j", "1")
    assert run.json["fixed"]
    for path in folder.iterdir():
        value = json.loads(path.read_bytes())
        assert list(value) == list(before[path.name])
        assert len(value["messages"]) == len(before[path.name]["messages"])


IMAGES = [
    image_bytes(size, form)
    for size, form in (((400, 300), "PNG"), ((1700, 300), "JPEG"), ((281, 281), "PNG"))
]
TEXTS = ("", "Image 1:", "What is in this image?", "Compare the two.")


@st.composite
def blocks(draw: st.DrawFn) -> Any:
    """A text, or an image with a type and a prefix that may be wrong; or a tool result of such."""
    kind = draw(st.sampled_from(("text", "image", "image", "tool_result")))
    if kind == "text":
        return text_block(draw(st.sampled_from(TEXTS)))
    if kind == "tool_result":
        return {"type": "tool_result", "tool_use_id": "t", "content": draw(st.lists(blocks(), max_size=2))}
    block = image_block(draw(st.sampled_from(IMAGES)), draw(st.sampled_from(("image/png", "image/jpeg"))))
    if draw(st.booleans()):
        block["source"]["data"] = "data:image/png;base64," + block["source"]["data"]
    return block


@settings(max_examples=25)
@given(
    turns=st.lists(st.lists(blocks(), min_size=1, max_size=5), min_size=1, max_size=2),
    unsafe=st.booleans(),
    level=st.sampled_from(LEVELS),
    indent=st.sampled_from((None, 2)),
)
def test_fix_after_fix_of_a_request_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory,
    turns: list[Any],
    *,
    unsafe: bool,
    level: Literal["error", "warning", "info"],
    indent: int | None,
) -> None:
    """For any blocks in any order, every remaining finding is reported."""
    folder = tmp_path_factory.mktemp("fix")
    value = {"model": "claude-sonnet-4-6", "max_tokens": 9}
    value |= {"messages": [{"role": "user", "content": turn} for turn in turns]}
    write_json(folder / "r.json", value, indent=indent)
    options = imgbudget.RunOptions(isolated=True, pedantic=True)
    report = imgbudget.fix([str(folder)], options, unsafe=unsafe, level=level)
    told = {(failed.code, failed.location) for failed in report.summary.failed}
    for finding in report.findings:
        is_allowed = finding.fix_safety is FixSafety.SAFE or (finding.fix and unsafe)
        if is_allowed and finding.severity >= Severity[level.upper()]:
            assert (finding.code, finding.location) in told, finding
    files = digests(folder)
    assert imgbudget.fix([str(folder)], options, unsafe=unsafe, level=level).summary.changed == 0
    assert digests(folder) == files


@pytest.mark.parametrize("before", [[], [{"type": "text", "text": ""}]])
@pytest.mark.parametrize("level", ["error", "warning"])
def test_base64_is_repaired_though_its_image_is_a_duplicate(
    tmp_path: Path, before: list[Any], level: Literal["error", "warning"]
) -> None:
    """The same image as another one is no fault of the fix: it was the same before."""
    malformed, whole = image_block(), image_block()
    malformed["source"]["data"] = "data:image/png;base64," + malformed["source"]["data"]
    value = {"model": "claude-sonnet-4-6", "max_tokens": 9}
    write_json(
        tmp_path / "r.json", value | {"messages": [{"role": "user", "content": [*before, malformed, whole]}]}
    )
    options = imgbudget.RunOptions(isolated=True)
    report = imgbudget.fix([str(tmp_path)], options, level=level)
    assert [finding.code for finding in report.findings] == ["IB504"]
    assert report.summary.failed == []
    assert imgbudget.fix([str(tmp_path)], options, level=level).summary.changed == 0
