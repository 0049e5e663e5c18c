"""Where `rescue` finds the sessions of agents, and how one is chosen."""

import os
import sys
from pathlib import Path

import pytest

from imgbudget.rescuing.stores import (
    STORES,
    SessionStore,
    folders_of,
    newest_sessions,
    resume_command,
    store_of,
)
from tests.brokensessions import BROKEN, SOUND, write_session
from tests.conftest import Command


def placed(home: Path, name: str, modified: float, agent: str = "claude-code", image: str = SOUND) -> Path:
    """A session below the home folder."""
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    os.replace(write_session(path.parent, agent, image), path)
    os.utime(path, (modified, modified))
    return path


def test_newest_session_is_rescued(imgbudget: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all agents, or of one; without a choice the newest are listed."""
    home = Path(os.environ["HOME"])
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    placed(home, ".claude/projects/-p/old.jsonl", 1e9)
    broken = placed(home, ".claude/projects/-p/new.jsonl", 1.1e9, image=BROKEN["html"])
    newest = placed(home, ".codex/sessions/2026/11/29/rollout-1.jsonl", 1.2e9, "codex")
    (broken.parent / "link.jsonl").symlink_to(newest)
    run = imgbudget("rescue", "--format", "json")
    assert run.code == 0
    assert [Path(one["path"]).name for one in run.json["found"]] == [
        "rollout-1.jsonl",
        "new.jsonl",
        "old.jsonl",
    ]
    assert imgbudget("rescue").out.count("\n") == 3
    database = home / ".local/share/opencode/opencode.db"
    database.parent.mkdir(parents=True)
    database.write_bytes(b"SQLite format 3\0")
    run = imgbudget("rescue", "--last")
    assert run.out.startswith(f"{newest}: codex s1")
    assert f"passed over {database}: is the database of opencode, which is never changed" in run.err
    run = imgbudget("rescue", "--agent", "claude-code", "--yes")
    assert (run.code, "mended" in run.out) == (0, True)
    assert BROKEN["html"] not in broken.read_text().replace(f'"base64":"{BROKEN["html"]}"', "")


def test_no_agent_here(imgbudget: Command) -> None:
    """Nothing is listed, and a note says so."""
    run = imgbudget("rescue")
    assert (run.code, run.out) == (0, "")
    assert "no sessions of agents found here" in run.err


@pytest.mark.parametrize(
    ("platform", "agent", "expected"),
    [
        ("linux", "roo-code", "/h/.config/Code/User/globalStorage/rooveterinaryinc.roo-cline"),
        (
            "darwin",
            "cline",
            "/h/Library/Application Support/Cursor/User/globalStorage/saoudrizwan.claude-dev",
        ),
        ("linux", "cline", "/h/.vscode-server/data/User/globalStorage/saoudrizwan.claude-dev"),
        ("win32", "kilo-code", "/roaming/VSCodium/User/globalStorage/kilocode.kilo-code"),
        ("win32", "goose", "/roaming/Block/goose"),
        ("linux", "opencode", "/h/.local/share/opencode"),
        ("linux", "codex", "/h/.codex"),
    ],
)
def test_folders_are_those_of_the_platform(
    monkeypatch: pytest.MonkeyPatch, platform: str, agent: str, expected: str
) -> None:
    """Extensions of VS Code are looked for in each editor."""
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("HOME", "/h")
    assert expected in folders_of(store_of(agent), {"APPDATA": "/roaming"})


@pytest.mark.parametrize("store", [store for store in STORES if store.variables], ids=lambda it: it.agent)
def test_variables_of_agents_move_their_folders(tmp_path: Path, store: SessionStore) -> None:
    """As the agents take them."""
    (name,) = store.variables
    assert folders_of(store, {name: str(tmp_path)}) == [str(tmp_path)]
    pattern = store.patterns[0].replace("*", "a-b")
    made = tmp_path / pattern
    made.parent.mkdir(parents=True)
    made.write_text("")
    assert [found.path for found in newest_sessions([store], 5, {name: str(tmp_path)})] == [str(made)]


def test_every_store_has_a_source_and_a_name() -> None:
    """Where its paths and its command come from."""
    assert all(store.source for store in STORES)
    assert len({store.agent for store in STORES}) == len(STORES)


def test_words_of_the_resuming_command_are_quoted() -> None:
    """The id comes from a file: nothing in it is a second command or an option."""
    assert resume_command("claude-code", "a-1", "s.jsonl") == "claude --resume a-1"
    assert resume_command("codex", "a; rm -rf 'x'", "s") == "codex resume 'a; rm -rf '\"'\"'x'\"'\"''"
    assert resume_command("codex", "-c", "s") is None
    assert resume_command("pi", None, "/p/a b.jsonl") == "pi --session '/p/a b.jsonl'"
    assert resume_command("claude-code", None, "s") is None
    assert resume_command("cline", "s1", "s") is None
    assert resume_command(None, "s1", "s") is None
