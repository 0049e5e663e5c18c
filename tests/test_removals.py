"""Images of sessions that give way to a text: in every shape, with the name of the file, and nothing else."""

import json
from pathlib import Path

import pytest

from tests.brokensessions import BROKEN, SESSIONS, SOUND, changes, read_session, write_session
from tests.conftest import Command

UNNAMED = ("gemini-cli", "continue", "openhands", "openhands-first")


@pytest.mark.parametrize("agent", SESSIONS)
def test_broken_image_of_a_session_gives_way_to_a_text(
    imgbudget: Command, tmp_path: Path, agent: str
) -> None:
    """It says why and names the file where the session does; every other value stays."""
    path = write_session(tmp_path, agent, SOUND, BROKEN["html"], SOUND)
    before = path.read_text()
    run = imgbudget("check", "--fix", "--select", "IB0,IB106", path.name, "--report", "r.json")
    assert (run.code, "1 image removed" in run.err) == (0, True)
    (block,) = json.loads((tmp_path / "r.json").read_text())["files"][0]["blocks"]
    name = "" if agent in UNNAMED else " /p/1.png"
    assert block["text"] == f"[image{name} removed, because it cannot be decoded: the bytes were HTML]"
    assert f'image replaced by "{block["text"]}": IB001' in run.out
    after = path.read_text()
    assert after.count(SOUND) == before.count(SOUND)
    assert after.count(BROKEN["html"]) == before.count(BROKEN["html"]) - 1
    differing = list(changes(read_session(before), read_session(after)))
    assert len(differing) == (2 if agent in ("openhands-first", "claude-code-attachment") else 1)
    assert any(block["text"] in json.dumps(new) for *_, new in differing)
    assert imgbudget("check", "--select", "IB0,IB106", path.name).code == 0


def test_all_addresses_of_a_block_give_way_at_once(imgbudget: Command, tmp_path: Path) -> None:
    """Nothing is left of a block of OpenHands without addresses; a text has a line for each."""
    path = write_session(tmp_path, "openhands", BROKEN["html"], BROKEN["cut off"])
    assert "2 images removed" in imgbudget("check", "--fix", "--select", "IB0", path.name).err
    first, text = json.loads(path.read_text())["llm_message"]["content"]
    assert (first["text"], text["type"], text["text"].count("[image removed")) == ("look", "text", 2)


def test_a_file_that_a_call_names_beside_others_is_not_named(imgbudget: Command, tmp_path: Path) -> None:
    """Which of them the image is, is not known."""
    path = write_session(tmp_path, "pi", BROKEN["html"])
    path.write_text(path.read_text().replace('{"path":"/p/0.png"}', '{"paths":["/p/0.png","/p/1.png"]}'))
    imgbudget("check", "--fix", "--select", "IB0", path.name)
    assert "[image removed, because" in path.read_text()


def test_name_of_a_file_stays_on_one_line(imgbudget: Command, tmp_path: Path) -> None:
    """Line feeds and escapes of terminals in it do no harm."""
    path = write_session(tmp_path, "claude-code-attachment", BROKEN["html"])
    path.write_text(path.read_text().replace("/p/0.png", "/p/a\\n\\u001b[31m\\u202eb.png"))
    run = imgbudget("check", "--fix", "--select", "IB0", path.name)
    (line,) = [line for line in run.out.splitlines() if "image replaced by" in line]
    assert line.isprintable()
    assert "1 image removed" in run.err


@pytest.mark.parametrize("case", ["diff", "json"])
def test_removals_are_counted_before_they_are_made(imgbudget: Command, tmp_path: Path, case: str) -> None:
    """With --diff, and in JSON; a finding on such an image says that it has a fix."""
    path = write_session(tmp_path, "codex", BROKEN["text"])
    if case == "diff":
        assert "1 image to remove" in imgbudget("check", "--diff", "--select", "IB0", path.name).err
        return
    found = imgbudget("check", "--select", "IB0", path.name, "--format", "json").json["findings"]
    assert [one["fix"]["safety"] for one in found] == ["safe"]
    run = imgbudget("check", "--fix", "--select", "IB0", path.name, "--format", "json")
    assert run.json["summary"]["fixes"]["removed_images"] == 1
