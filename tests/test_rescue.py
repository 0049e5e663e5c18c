"""`imgbudget rescue`: sessions that an image broke, mended with a backup, and what it refuses."""

import base64
import errno
import json
import os
import signal
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from imgbudget.errors import ImgbudgetError
from imgbudget.newfiles import Folder
from imgbudget.rescuing import backup, in_use
from imgbudget.rescuing.run import Rescue, RescueOptions, rescue
from tests.agentsessions import coded
from tests.brokensessions import (
    BROKEN,
    SESSIONS,
    SOUND,
    changes,
    gemini_calls,
    read_session,
    text_of,
    write_session,
)
from tests.builders import image_bytes
from tests.conftest import Command

fcntl = pytest.importorskip("fcntl", reason="modes, pipes and locks are those of POSIX")

RESUMED = {
    "claude-code": "claude --resume s1",
    "codex": "codex resume s1",
    "gemini-cli": "gemini --resume s1",
    "qwen-code": "qwen --resume s1",
    "pi": "pi --session ",
    "continue": "cn --resume",
}


@pytest.fixture(autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of backups."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder / "imgbudget" / "rescue"


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A session of Claude Code whose second image is a web page."""
    return old(write_session(tmp_path, "claude-code", SOUND, BROKEN["html"], SOUND))


def old(path: Path) -> Path:
    """The file as one that was not written for long."""
    os.utime(path, (1e9, 1e9))
    return path


@pytest.mark.parametrize("agent", SESSIONS)
def test_session_of_each_agent_is_mended_and_set_back(
    imgbudget: Command, tmp_path: Path, state: Path, agent: str
) -> None:
    """Only the image that is refused changes; the old bytes are kept for the user only, and come back."""
    path = old(write_session(tmp_path, agent, SOUND, BROKEN["html"], SOUND))
    before = path.read_bytes()
    run = imgbudget("rescue", path.name, "--yes", "--report", "r.json")
    assert run.code == 0
    assert "mended: nothing that is sent next would be refused" in run.out
    (record,) = json.loads((tmp_path / "r.json").read_text())["sessions"]
    (block,) = record["changes"]["blocks"]
    differing = list(changes(read_session(before.decode()), read_session(path.read_text())))
    assert len(differing) == (2 if agent in ("openhands-first", "claude-code-attachment") else 1)
    assert any(block["text"] in json.dumps(new) for *_, new in differing)
    assert path.read_text().count(SOUND) == before.decode().count(SOUND)
    (folder,) = state.iterdir()
    assert Path(record["backup"]) == folder / "session"
    assert (folder / "session").read_bytes() == before
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (state, folder, *sorted(folder.iterdir()))]
    assert modes == [0o700, 0o700, 0o600, 0o600]
    assert (RESUMED.get(agent, "\0") in run.out) is (agent in RESUMED)
    assert imgbudget("rescue", path.name).code == 0
    assert imgbudget("rescue", "--undo", path.name).code == 0
    assert path.read_bytes() == before
    assert imgbudget("rescue", "--undo", path.name).code == 2


@pytest.mark.parametrize("kind", BROKEN)
def test_each_kind_of_broken_image_is_mended(imgbudget: Command, tmp_path: Path, kind: str) -> None:
    """Cut off, empty, a web page, a text, no base64."""
    path = old(write_session(tmp_path, "claude-code", SOUND, BROKEN[kind]))
    assert imgbudget("rescue", path.name, "--yes", "--everywhere").code == 0
    assert "[image /p/1.png removed, because it cannot be decoded" in path.read_text()
    assert len(BROKEN[kind]) < 32 or BROKEN[kind] not in path.read_text()


def test_only_what_is_over_a_limit_is_made_smaller(imgbudget: Command, tmp_path: Path) -> None:
    """Of more than 20 images those over 2000 px, and no others."""
    path = old(write_session(tmp_path, "pi", *[SOUND] * 20, coded(2400)))
    before = read_session(path.read_text())
    run = imgbudget("rescue", path.name, "--yes")
    assert (run.code, "IB102" in run.out) == (0, True)
    differing = list(changes(before, read_session(path.read_text())))
    assert [place for place, *_ in differing] == ["/43/message/content/0/data"]
    assert imgbudget("check", path.name, "--select", "IB1").code == 0


def test_an_image_that_no_safe_fix_brings_within_the_limit_is_mended_with_losses(
    imgbudget: Command, tmp_path: Path
) -> None:
    """An animation loses its other frames, which the API does not use."""
    frames = image_bytes((2400, 30), "GIF", frames=3)
    path = old(write_session(tmp_path, "pi", *[SOUND] * 20, base64.b64encode(frames).decode()))
    assert imgbudget("rescue", path.name, "--yes").code == 0
    assert "removed" not in path.read_text()


def test_nothing_is_written_where_nobody_can_be_asked(imgbudget: Command, session: Path, state: Path) -> None:
    """What would change is shown, and the exit code says that it is not done."""
    before = session.read_bytes()
    for options in ((), ("--dry-run",)):
        run = imgbudget("rescue", session.name, *options)
        assert (run.code, session.read_bytes(), state.exists()) == (1, before, False)
        assert "would change s1.jsonl:5 messages.4.content.0.content.0: image replaced by" in run.out
        assert "recorded on line 8: API Error: 400 Could not process image (IB001" in run.out
        assert "--everywhere takes them out" in run.out
    assert imgbudget("rescue", session.name, "--format", "json").json["sessions"][0]["state"] == "pending"


def test_copies_are_counted_and_taken_out_on_request(imgbudget: Command, session: Path) -> None:
    """That for the screen of Claude Code becomes the result of reading a text, and the line stays valid."""
    broken = BROKEN["html"]
    assert "kept, because they are not sent: 1 copy" in imgbudget("rescue", session.name, "--yes").out
    assert session.read_text().count(broken) == 1
    imgbudget("rescue", "--undo")
    old(session)
    run = imgbudget("rescue", session.name, "--yes", "--everywhere")
    assert "took out 1 copy of removed images" in run.out
    assert broken not in session.read_text()
    shown = read_session(session.read_text())[4]["toolUseResult"]
    assert (shown["type"], shown["file"]["content"]) == ("text", "[copy of an image that was removed]")


def test_a_copy_that_is_sent_is_always_taken_out(imgbudget: Command, tmp_path: Path) -> None:
    """Gemini CLI sends the images of calls once it resumes a session."""
    path = tmp_path / "session-1.jsonl"
    path.write_text(text_of(gemini_calls(SOUND, BROKEN["html"])))
    run = imgbudget("rescue", old(path).name, "--yes", "--report", "r.json")
    assert (run.code, "took out 1 copy of removed images" in run.out) == (0, True)
    assert "kept, because" not in run.out
    assert BROKEN["html"] not in path.read_text()
    assert path.read_text().count(SOUND) == 2
    (record,) = json.loads((tmp_path / "r.json").read_text())["sessions"]
    (copy,) = record["copies_removed"]
    assert (copy["pointer"], record["copies_kept"]) == ("/toolCalls/0/result/1/inlineData/data", [])


def test_a_sound_session_is_not_changed(imgbudget: Command, tmp_path: Path) -> None:
    """Advice is no reason: a session is sent again and cached as it is."""
    path = old(write_session(tmp_path, "claude-code", SOUND, SOUND))
    before = path.read_bytes()
    run = imgbudget("rescue", path.name, "--yes")
    assert (run.code, path.read_bytes()) == (0, before)
    assert "nothing that is sent next would be refused" in run.out


def test_oldest_images_are_omitted_on_request(imgbudget: Command, tmp_path: Path) -> None:
    """As many as it takes are offered, and the session is mended with them."""
    path = old(write_session(tmp_path, "pi", *[SOUND] * 23))
    where = ("--platform", "claude-ai")
    run = imgbudget("rescue", path.name, *where)
    assert (run.code, "omit the 3 oldest images: imgbudget rescue --omit-images 3" in run.out) == (1, True)
    assert imgbudget("rescue", path.name, "--omit-images", "2", "--yes", *where).code == 1
    assert imgbudget("rescue", old(path).name, "--omit-images", "1", "--yes", *where).code == 0
    assert path.read_text().count("omitted to make room: png 60x40]") == 3
    assert imgbudget("rescue", old(path).name, "--omit-images", "all", "--yes", *where).code == 0
    assert SOUND not in path.read_text()


def refused(path: str | Path, **options: Any) -> str:
    """Why a session cannot be rescued."""
    with pytest.raises(ImgbudgetError) as error:
        rescue(str(path), RescueOptions(agree=lambda _: True, writes=True, **options))
    return str(error.value)


def test_a_session_that_was_just_written_is_refused(session: Path) -> None:
    """Its agent may be at work."""
    os.utime(session)
    assert "s ago, so that its agent may be at work; end the agent" in refused(session)


def test_a_session_that_is_open_elsewhere_is_refused(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process is named."""
    monkeypatch.setattr(in_use, "_PROCESSES", str(tmp_path / "proc"))
    for number in ("self", "77"):
        (tmp_path / "proc" / number / "fd").mkdir(parents=True)
    (tmp_path / "proc" / "77" / "comm").write_text("cla\x1bude\n")
    (tmp_path / "proc" / "77" / "fd" / "3").symlink_to(session)
    assert "is open in cla\\x1bude (process 77); end the agent" in refused(session)


@contextmanager
def lock(path: Path) -> Iterator[None]:
    """Another process with a lock on the file."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_of_two_rescues_at_once_one_is_refused(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And whoever locks a session is not disturbed."""
    monkeypatch.setattr(in_use, "processes_with", lambda *_: [])
    with lock(session):
        assert "is locked by another process" in refused(session)


def grown(path: Path) -> Callable[[Rescue], bool]:
    """An agent that writes to the session while the user is asked."""

    def agree(_: Rescue) -> bool:
        with path.open("a") as file:
            file.write("{}\n")
        old(path)
        return True

    return agree


@pytest.mark.parametrize("late", [0, 1])
def test_an_interrupt_loses_no_bytes(
    session: Path, state: Path, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    """Before the session is replaced nothing remains, just after it the backup does."""
    before = session.read_bytes()
    replace = Folder.replace

    def interrupted(folder: Folder, old_name: str, new_name: str) -> None:
        if new_name != session.name or late:
            replace(folder, old_name, new_name)
        if new_name == session.name:
            raise KeyboardInterrupt

    monkeypatch.setattr(Folder, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rescue(str(session), RescueOptions(agree=lambda _: True, writes=True))
    assert (session.read_bytes() == before) is not bool(late)
    assert [path.read_bytes() for path in state.glob("*/session")] == ([before] if late else [])


def test_a_session_that_changes_meanwhile_is_not_overwritten(session: Path, state: Path) -> None:
    """What was added stays, and no backup remains."""
    with pytest.raises(ImgbudgetError, match="was changed during the run and was not overwritten"):
        rescue(str(session), RescueOptions(agree=grown(session), writes=True))
    assert session.read_text().endswith("{}\n")
    assert list(state.iterdir()) == []
    assert sorted(path.name for path in session.parent.iterdir()) == ["s1.jsonl"]


@pytest.mark.parametrize("name", ["folder", "pipe", "database", "missing", "request", "read-only"])
def test_what_is_no_session_is_refused(tmp_path: Path, session: Path, name: str) -> None:
    """A folder, a pipe, a database, a file that is not there, or of something else; each with a remedy."""
    path = tmp_path / name
    expected = {
        "folder": "is a folder; name the file",
        "pipe": "is a pipe or a device",
        "database": "is the database of goose, which is checked and never changed",
        "missing": "missing: no such file or folder",
        "request": "is no session of an agent that is known here; imgbudget check --fix",
        "read-only": "is read-only and was not changed",
    }
    if name == "folder":
        path.mkdir()
    elif name == "pipe":
        os.mkfifo(path)
    elif name == "database":
        with sqlite3.connect(path) as made:
            made.execute("CREATE TABLE sessions (id TEXT)")
            made.execute("CREATE TABLE messages (id, session_id, role, content_json)")
        made.close()
    elif name == "request":
        path.write_text('{"model": "claude-opus-4-7", "messages": [{"role": "user", "content": "x"}]}')
    elif name == "read-only":
        session.rename(path)
        path.chmod(0o400)
    if path.exists():
        old(path)
    assert expected[name] in refused(path)


def test_a_link_to_a_session_stays_a_link(tmp_path: Path, session: Path, imgbudget: Command) -> None:
    """The file that it leads to is mended, and set back by either name."""
    link = tmp_path / "link\nwith a line feed.jsonl"
    link.symlink_to(session)
    before = session.read_bytes()
    run = imgbudget("rescue", link.name, "--yes")
    assert (run.code, link.is_symlink(), session.read_bytes() == before) == (0, True, False)
    assert "link\\nwith a line feed.jsonl" in run.out
    assert imgbudget("rescue", "--undo", link.name).code == 0
    assert session.read_bytes() == before


def test_nothing_is_changed_without_a_backup(
    session: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full, the state folder is a file or a link, or there is no home folder."""
    before = session.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(backup, "_written", full)
        assert "the backup cannot be written: no space left on device; nothing was changed" in refused(
            session
        )
    assert list(state.iterdir()) == []
    state.rmdir()
    state.symlink_to(session.parent)
    assert "is a link or no folder" in refused(session)
    state.unlink()
    state.write_text("")
    assert "the backup cannot be written" in refused(session)
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert "set XDG_STATE_HOME to a folder of your own" in refused(session)
    assert session.read_bytes() == before
    assert [path.name for path in session.parent.iterdir()] == ["s1.jsonl"]


def test_a_session_that_went_on_is_not_set_back(imgbudget: Command, session: Path, state: Path) -> None:
    """What was added would be lost; with --force it is kept as a backup."""
    before = session.read_bytes()
    assert imgbudget("rescue", session.name, "--yes").code == 0
    grown(session)(None)  # type: ignore[arg-type]
    run = imgbudget("rescue", "--undo")
    assert (run.code, "was changed since the rescue and was not set back" in run.err) == (2, True)
    after = session.read_bytes()
    assert imgbudget("rescue", "--undo", "--force").code == 0
    assert session.read_bytes() == before
    assert after in [path.read_bytes() for path in state.glob("*/session")]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("s1.jsonl", "--last"), "only one of them"),
        (("s1.jsonl", "--yes", "--dry-run"), "only one of them"),
        (("s1.jsonl", "--force"), "goes with --undo"),
        (("s1.jsonl", "--omit-images", "0"), "is no number of images"),
        (("--undo",), "no rescue is on record"),
        (("--agent", "claude"), "unknown agent 'claude'; did you mean 'claude-code'?"),
        (("--agent", "pi"), "no session of pi is on this machine"),
    ],
)
def test_contradictions_are_usage_errors(
    imgbudget: Command, session: Path, arguments: tuple[str, ...], reason: str
) -> None:
    """Each with what to do instead."""
    run = imgbudget("rescue", *arguments)
    assert (run.code, reason in run.err, session.exists()) == (2, True, True)


def events_of_conversation(folder: Path) -> list[Path]:
    """A conversation of OpenHands: a broken image, a sound one, and an event without a message."""
    (folder / "events").mkdir(parents=True)
    made = []
    for number, image in enumerate((BROKEN["html"], SOUND)):
        path = write_session(folder, "openhands", image)
        made.append(old(path.rename(folder / "events" / f"event-0000{number}-ab.json")))
    other = folder / "events" / "event-00002-ab.json"
    other.write_text('{"kind": "PauseEvent", "id": "e", "timestamp": "t", "source": "user"}')
    old(other)
    return made


def test_conversation_with_a_file_for_each_event(imgbudget: Command, tmp_path: Path) -> None:
    """Each event that sends something is mended by itself, and all are set back together."""
    first, second = events_of_conversation(tmp_path / "c1")
    before = [first.read_bytes(), second.read_bytes()]
    run = imgbudget("rescue", "c1", "--yes")
    assert (run.code, "c1: 2 of 3 events send something; limits on the" in run.err) == (0, True)
    assert run.out.startswith("1 event with nothing to mend\nc1/events/event-00000")
    assert [first.read_bytes() == before[0], second.read_bytes() == before[1]] == [False, True]
    assert imgbudget("rescue", "--undo", "c1").code == 0
    assert [first.read_bytes(), second.read_bytes()] == before
    os.utime(second)  # the agent is at work: no event is changed
    assert (imgbudget("rescue", "c1", "--yes").code, first.read_bytes()) == (2, before[0])


def test_session_is_resumed_in_its_folder(imgbudget: Command, tmp_path: Path) -> None:
    """Claude Code finds a session only from there."""
    path = old(write_session(tmp_path, "claude-code", SOUND))
    place = tmp_path / "my project"
    place.mkdir()
    path.write_text(path.read_text().replace('"sessionId"', f'"cwd":{json.dumps(str(place))},"sessionId"'))
    assert f"resume: cd '{place}' && claude --resume s1\n" in imgbudget("rescue", path.name).out


def ended_by(moment: int, session: Path) -> int:
    """Rescue a session in a process that is killed at a moment of its writing; how many there were."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        moments = 0

        def count(event: str, _: object) -> None:
            nonlocal moments
            if event in ("open", "os.rename", "os.mkdir", "os.chmod", "os.remove", "os.listdir"):
                moments += 1
                if moments == moment:
                    os.kill(os.getpid(), signal.SIGKILL)

        def agree(_: Rescue) -> bool:
            sys.addaudithook(count)
            return True

        rescue(str(session), RescueOptions(agree=agree, writes=True))
        os.write(write, bytes([moments]))
        os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with open(read, "rb") as pipe:
        return int.from_bytes(pipe.read(), "big")


def test_killed_at_any_moment_the_session_is_old_or_new(
    imgbudget: Command, session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never anything between; a new one has a backup, and the next rescue leaves nothing beside it."""
    monkeypatch.setattr(in_use, "processes_with", lambda *_: [])
    before = session.read_bytes()
    total = ended_by(-1, session)
    after = session.read_bytes()
    assert total > 10
    assert after != before
    seen = set()
    for moment in (*range(2, total, 4), total):
        session.write_bytes(before)
        old(session)
        assert ended_by(moment, session) == 0
        seen.add(session.read_bytes())
        if session.read_bytes() == after:
            assert imgbudget("rescue", "--undo", session.name).code == 0
            assert session.read_bytes() == before
    assert before in seen <= {before, after}
    old(session)
    assert imgbudget("rescue", session.name, "--yes").code == 0
    assert [path.name for path in session.parent.iterdir()] == ["s1.jsonl"]


def refusing(path: Path, message: str) -> Path:
    """The session with another error at its end."""
    old_text = "API Error: 400 Could not process image"
    path.write_text(path.read_text().replace(old_text, f"API Error: 400 {message}"))
    return old(path)


def test_image_that_the_api_named_is_removed_although_no_fault_is_found(
    imgbudget: Command, tmp_path: Path
) -> None:
    """Its decoder may refuse more; an error that names no block removes nothing."""
    path = write_session(tmp_path, "claude-code", SOUND, SOUND)
    run = imgbudget("rescue", refusing(path, "Could not process image").name, "--yes")
    assert (run.code, "image replaced" in run.out) == (0, False)
    assert "should the recorded error come back: --omit-images all" in run.out
    place = "messages.4.content.0.tool_result.content.0.image.source.base64.data"
    refusing(path, f"{place}: Could not process image")
    run = imgbudget("rescue", path.name, "--yes", "--report", "r.json")
    assert "(IB001, IB104, IB106: messages.4.content.0.content.0)" in run.out
    (record,) = json.loads((tmp_path / "r.json").read_text())["sessions"]
    assert record["recorded"]["blocks"] == ["messages.4.content.0.content.0"]
    (block,) = record["changes"]["blocks"]
    assert block["location"] == "messages.4.content.0.content.0"
    assert block["text"].startswith("[image /p/1.png removed, because the API refused it: ")
    assert path.read_text().count(f'"data":"{SOUND}"') == 1
    run = imgbudget("rescue", old(path).name, "--yes")
    assert (run.code, "image replaced" in run.out) == (0, False)


def test_a_model_that_takes_no_images_is_no_reason_to_remove_them(imgbudget: Command, tmp_path: Path) -> None:
    """Another model is the remedy; the number of images is offered for those who want none."""
    path = write_session(tmp_path, "pi", SOUND, SOUND)
    path.write_text(path.read_text().replace("claude-opus-4-8", "deepseek-chat"))
    run = imgbudget("rescue", old(path).name, "--yes")
    assert (run.code, path.read_text().count(SOUND)) == (1, 2)
    assert "IB413" in run.out
    assert "omit the 2 oldest images" in run.out


def test_report_that_cannot_be_written_is_refused_before_anything_changes(
    imgbudget: Command, session: Path
) -> None:
    """The changes are not made without it."""
    before = session.read_bytes()
    run = imgbudget("rescue", session.name, "--yes", "--report", "missing/r.json")
    assert (run.code, session.read_bytes()) == (2, before)
    assert "--report missing/r.json: cannot be written" in run.err
    imgbudget("rescue", session.name, "--yes")
    (record,) = imgbudget("rescue", "--undo", "--format", "json").json["sessions"]
    assert (record["changed"], session.read_bytes()) == (True, before)
