"""What a rescue says of its changes is what it did: of each image, where it was, and on which line."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.agentsessions import coded, pi_header, pi_image, pi_message, write_lines
from tests.brokensessions import BROKEN, SOUND, claude_code, text_of, write_session
from tests.conftest import Command


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of backups."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder / "imgbudget" / "rescue"


def old(path: Path) -> Path:
    """The file as one that was not written for long."""
    os.utime(path, (1e9, 1e9))
    return path


def changes(folder: Path) -> Any:
    """The record of the changes of the one session of a report."""
    (record,) = json.loads((folder / "r.json").read_text())["sessions"]
    return record["changes"]


@pytest.mark.parametrize("agent", ["claude-code-attachment", "continue", "openhands", "openhands-first"])
def test_images_behind_a_removed_one_are_reported_as_themselves(
    imgbudget: Command, tmp_path: Path, agent: str
) -> None:
    """A text in place of an image may move those behind it: each is in the report, with its own sizes."""
    path = write_session(tmp_path, agent, SOUND, BROKEN["html"], coded(9000), SOUND, coded(8001))
    run = imgbudget("rescue", old(path).name, "--yes", "--report", "r.json")
    assert (run.code, " resize to " in run.out) == (0, False)
    made = changes(tmp_path)
    sizes = [(image["original"]["width"], image["sent"]["width"]) for image in made["images"]]
    assert sizes == [(9000, 1568), (8001, 1568)]
    assert (len(made["blocks"]), len(made["fixed"])) == (1, 3)
    lines = run.out.splitlines()
    refused = [line.split()[1] for line in lines if line.startswith("  refused: ")]
    changed = [line.split()[2].rstrip(":") for line in lines if ": IB" in line and "  changed " in line]
    assert sorted(refused) == sorted(changed)
    assert len(set(changed)) == 3


def test_images_behind_a_block_that_is_dropped_are_reported_as_themselves(
    imgbudget: Command, tmp_path: Path
) -> None:
    """The dropped block stands where the image is afterwards; the codes of both stay apart."""
    user = pi_message("user", "q", None, {"type": "text", "text": ""}, pi_image(coded(9000)))
    end = pi_message("assistant", "a", "q", {"type": "text", "text": "ok"})
    path = write_lines(tmp_path / "s1.jsonl", pi_header(), user, end)
    run = imgbudget("rescue", old(path).name, "--yes", "--report", "r.json")
    assert run.code == 0
    assert "s1.jsonl:2 messages.0.content.1: png 9000x10" in run.out
    assert "s1.jsonl:2 messages.0.content.0: remove the block: IB407\n" in run.out
    (image,) = changes(tmp_path)["images"]
    assert (image["location"], image["original"]["width"]) == ("messages.0.content.0", 9000)


def test_only_copies_of_removed_images_are_taken_out(imgbudget: Command, tmp_path: Path) -> None:
    """Images were omitted first, so that those that could not be mended have other places by then."""
    broken = BROKEN["html"]
    path = write_session(tmp_path, "openhands-first", SOUND, broken, coded(70))
    content = json.loads(path.read_text())
    copies = [f"data:image/png;base64,{data}" for data in (SOUND, broken, coded(70))]
    content["copies"] = copies
    path.write_text(json.dumps(content))
    assert imgbudget("rescue", old(path).name, "--yes", "--omit-images", "1", "--everywhere").code == 0
    assert json.loads(path.read_text())["copies"] == ["", "", copies[2]]


def test_lines_of_changes_are_those_of_the_file(imgbudget: Command, tmp_path: Path) -> None:
    """Empty lines count, as they do in an editor."""
    path = tmp_path / "s1.jsonl"
    lines = text_of(claude_code(SOUND, BROKEN["html"], coded(9000))).splitlines()
    path.write_text("\n\n".join(lines) + "\n")
    run = imgbudget("rescue", old(path).name, "--yes")
    assert run.code == 0
    for place in ("messages.4.content.0.content.0", "messages.6.content.0.content.0"):
        (line,) = [it.split("(line ")[1].split(")")[0] for it in run.out.splitlines() if f": {place} (" in it]
        assert f"changed s1.jsonl:{line} {place}: " in run.out


def test_what_cannot_be_changed_is_not_counted_as_changed(
    imgbudget: Command, tmp_path: Path, state: Path
) -> None:
    """Two entries on one line are no JSON, and nothing there is edited: no change, and no backup."""
    path = write_session(tmp_path, "gemini-cli", coded(9000), BROKEN["html"])
    path.write_text(path.read_text().replace("}\n{", "}{", 1))
    before = path.read_bytes()
    run = imgbudget("rescue", old(path).name, "--yes", "--report", "r.json")
    assert (run.code, path.read_bytes(), state.exists()) == (1, before, False)
    assert "changed" not in run.out
    assert "IB002 not JSON: extra data" in run.out
    assert (changes(tmp_path)["changed"], changes(tmp_path)["fixed"]) == (False, [])


@pytest.mark.skipif(os.name != "posix", reason="modes and links are those of POSIX")
@pytest.mark.parametrize("kind", ["read-only", "hard links"])
def test_remedies_are_those_of_the_command(imgbudget: Command, tmp_path: Path, kind: str) -> None:
    """`rescue` writes nowhere else: it has no --output-dir."""
    path = write_session(tmp_path, "claude-code", BROKEN["html"])
    if kind == "read-only":
        path.chmod(0o400)
    else:
        os.link(path, tmp_path / "other")
    run = imgbudget("rescue", old(path).name, "--yes")
    assert (run.code, kind in run.err, "--output-dir" in run.err) == (2, True, False)


@pytest.mark.parametrize("options", [("--report",), ("--dry-run", "--report"), ("--format", "json:")])
@pytest.mark.parametrize("name", ["s1.jsonl", "link.jsonl"])
def test_output_never_replaces_a_session(
    imgbudget: Command, tmp_path: Path, options: tuple[str, ...], name: str
) -> None:
    """A session has no other copy; a link to it is the session too."""
    path = old(write_session(tmp_path, "claude-code", SOUND, BROKEN["html"]))
    before = path.read_bytes()
    (tmp_path / "link.jsonl").symlink_to(path)
    given = [f"json:{name}"] if options == ("--format", "json:") else [name]
    run = imgbudget("rescue", path.name, *(it for it in options if it != "json:"), *given)
    assert (run.code, path.read_bytes() == before) == (2, True)
    assert f"{name}: is read by this command, and its output would replace it" in run.err


@pytest.mark.parametrize("command", ["check", "status", "explain", "plan", "size", "audit"])
def test_output_never_replaces_what_is_read(imgbudget: Command, tmp_path: Path, command: str) -> None:
    """Nor is any other file replaced that the command line names to be read."""
    path = write_session(tmp_path, "claude-code", SOUND)
    before = path.read_bytes()
    run = imgbudget(command, path.name, "--format", f"json:./{path.name}")
    assert (run.code, path.read_bytes() == before) == (2, True)


def test_output_never_replaces_the_newest_session(imgbudget: Command, tmp_path: Path) -> None:
    """Also where the command chooses the session."""
    folder = Path(os.environ["HOME"], ".claude/projects/-p")
    folder.mkdir(parents=True)
    path = old(write_session(folder, "claude-code", SOUND, BROKEN["html"]))
    before = path.read_bytes()
    run = imgbudget("rescue", "--last", "--dry-run", "--report", str(path))
    assert (run.code, path.read_bytes() == before) == (2, True)


@pytest.mark.parametrize("agent", ["claude-code", "codex", "pi", "openhands", "openhands-first", "continue"])
def test_an_equal_image_that_is_sent_is_no_copy_of_a_removed_one(
    imgbudget: Command, tmp_path: Path, agent: str
) -> None:
    """An image is sent three times: where one is omitted, the other two stay, with their copies."""
    path = write_session(tmp_path, agent, SOUND, SOUND, SOUND)
    there = path.read_text().count(SOUND)
    run = imgbudget("rescue", old(path).name, "--yes", "--omit-images", "1", "--everywhere")
    assert (run.code, "cop" in run.out) == (0, False)
    assert path.read_text().count(SOUND) == there - 1


@pytest.mark.parametrize("text", ['{"kind":', "", '{"unknown": 1}'])
def test_event_that_cannot_be_read_is_named(imgbudget: Command, tmp_path: Path, text: str) -> None:
    """The others of the conversation are mended, and the exit code says that one was not read."""
    folder = tmp_path / "c1" / "events"
    folder.mkdir(parents=True)
    path = write_session(folder, "openhands", BROKEN["html"]).rename(folder / "event-00000-ab.json")
    bad = folder / "event-00001-ab.json"
    bad.write_text(text)
    old(bad)
    old(path)
    run = imgbudget("rescue", "c1", "--yes")
    assert (run.code, "mended: nothing" in run.out) == (2, True)
    assert f"warning: c1/events/{bad.name}: is no session of an agent that is known here" in run.err
