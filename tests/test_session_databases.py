"""Sessions in the SQLite databases of opencode and Goose: read as they are, and never changed.

The tables are those of opencode 1.18.33 (packages/opencode/src/session/session.sql.ts) and of Goose since
1.10 (crates/goose/src/session/session_manager.rs).
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from imgbudget.errors import UnreadableError
from imgbudget.model.subjects import ProbeField, Request
from imgbudget.requests import database_files
from imgbudget.requests.databases import open_database
from tests.builders import image_bytes
from tests.conftest import Command
from tests.mutations import ODD
from tests.test_session_goose import HIDDEN, response
from tests.test_session_goose import image as goose_image
from tests.test_session_goose import picture as goose_picture
from tests.test_session_opencode import CUT, STEP, answer, compaction, image, picture, text, tool, user

Json = dict[str, Any]

OPENCODE = """
CREATE TABLE session (id TEXT PRIMARY KEY, version TEXT, revert TEXT, model TEXT);
CREATE TABLE message (id TEXT PRIMARY KEY, session_id TEXT, time_created INTEGER, data TEXT);
CREATE TABLE part (id TEXT PRIMARY KEY, message_id TEXT, session_id TEXT, data TEXT);
CREATE INDEX part_message_id_id_idx ON part (message_id, id);
"""
GOOSE = """
CREATE TABLE schema_version (version INTEGER PRIMARY KEY);
CREATE TABLE sessions (id TEXT PRIMARY KEY, provider_name TEXT, model_config_json TEXT);
CREATE TABLE messages (id INTEGER PRIMARY KEY AUTOINCREMENT, session_id TEXT, role TEXT, content_json TEXT,
  created_timestamp INTEGER, metadata_json TEXT);
"""


def opencode(path: Path, *messages: Json, session: str = "ses_1", revert: Any = None) -> Path:
    """A database of opencode with one more session."""
    with closing(sqlite3.connect(path)) as base:
        base.executescript(
            OPENCODE.replace("CREATE TABLE", "CREATE TABLE IF NOT EXISTS").replace(
                "INDEX", "INDEX IF NOT EXISTS"
            )
        )
        model = json.dumps({"id": "claude-haiku-4-5", "providerID": "anthropic"})
        base.execute(
            "INSERT INTO session VALUES (?, '1.18.33', ?, ?)", (session, revert and json.dumps(revert), model)
        )
        for number, whole in enumerate(messages):
            info = {key: value for key, value in whole["info"].items() if key != "id"}
            identity = f"{session}_{whole['info']['id']}"
            if "parentID" in info:
                info["parentID"] = f"{session}_{info['parentID']}"
            base.execute(
                "INSERT INTO message VALUES (?, ?, ?, ?)", (identity, session, number, json.dumps(info))
            )
            for place, part in enumerate(whole["parts"]):
                name = f"prt_{identity}_{place}"
                base.execute(
                    "INSERT INTO part VALUES (?, ?, ?, ?)", (name, identity, session, json.dumps(part))
                )
        base.commit()
    return path


def goose(path: Path, *messages: tuple[str, list[Json], Any]) -> Path:
    """A database of Goose with a session."""
    with closing(sqlite3.connect(path)) as base:
        base.executescript(GOOSE)
        base.execute(
            "INSERT INTO sessions VALUES ('s-1', 'anthropic', '{\"model_name\": \"claude-opus-4-8\"}')"
        )
        for role, content, metadata in messages:
            row = (role, json.dumps(content), json.dumps(metadata))
            columns = "session_id, role, content_json, metadata_json"
            base.execute(f"INSERT INTO messages ({columns}) VALUES ('s-1', ?, ?, ?)", row)  # noqa: S608
        base.commit()
    return path


def requests_in(path: Path) -> list[Request]:
    """The requests of all sessions of a database."""
    with open_database(str(path)) as base:
        assert base is not None
        return list(base.requests(ProbeField.ALL))


def places(request: Request) -> list[str]:
    """The images of a request: place in it, in the database, and size."""
    return [f"{use.location.dotted} {use.location.pointer} {use.size}" for use in request.images]


MESSAGES = (
    user("m1", text("look"), image(20)),
    answer("m2", STEP, tool(image(30))),
    user("m3", image(40), model="claude-opus-4-8"),
)


def test_sessions_of_opencode(tmp_path: Path) -> None:
    """Each session is a request; an image has the place of its row."""
    path = opencode(opencode(tmp_path / "opencode.db", *MESSAGES), user("m1", image(50)), session="ses_2")
    first, second = requests_in(path)
    assert places(first) == [
        "part prt_ses_1_m1_1 /part/prt_ses_1_m1_1/data 20x10",
        "part prt_ses_1_m2_1.state.attachments.0 /part/prt_ses_1_m2_1/data/state/attachments/0 30x10",
        "part prt_ses_1_m3_0 /part/prt_ses_1_m3_0/data 40x10",
    ]
    assert [(one.id, one.model) for one in (first, second)] == [
        ("ses_1", "claude-opus-4-8"),
        ("ses_2", "claude-sonnet-4-6"),
    ]


def test_compactions_and_reverts_of_opencode(tmp_path: Path) -> None:
    """What is not sent again is counted."""
    summary = answer("m5", text("summary"), summary=True, parentID="m4")
    compacted = opencode(tmp_path / "a.db", *MESSAGES, compaction("m4"), summary, user("m6", image(50)))
    (request,) = requests_in(compacted)
    assert [use.size for use in request.images] == [(50, 10)]
    reverted = opencode(tmp_path / "b.db", *MESSAGES, revert={"messageID": "ses_1_m3"})
    assert len(requests_in(reverted)[0].images) == 2


def test_sessions_of_goose(tmp_path: Path) -> None:
    """Messages that the model no longer sees are left out."""
    path = goose(
        tmp_path / "sessions.db",
        ("user", [goose_picture(CUT)], HIDDEN),
        ("user", [goose_image(20)], {"agentVisible": True}),
        ("user", [response({"content": [goose_image(30)]})], None),
    )
    (request,) = requests_in(path)
    assert [(turn.role, len(turn.blocks)) for turn in request.turns] == [("user", 2)]
    result = "toolResult.value.content.0"
    assert (request.id, request.model) == ("s-1", "claude-opus-4-8")
    assert places(request) == [
        "messages 2.0 /messages/2/content_json/0 20x10",
        f"messages 3.0.{result} /messages/3/content_json/0/{result.replace('.', '/')} 30x10",
    ]


LARGE = picture(image_bytes((8100, 30), "jpeg"), "image/jpeg")


def test_findings_and_notes(imgbudget: Command, tmp_path: Path) -> None:
    """A database is found in a search; its findings name the rows, and no fix is made."""
    path = opencode(
        tmp_path / "opencode.db",
        user("m1", picture(CUT), LARGE),
        user("m2"),
        revert={"messageID": "ses_1_m2"},
    )
    before = path.read_bytes()
    run = imgbudget("check", ".", "--format", "json", "--select", "IB0,IB101", "--fix")
    assert [(one["code"], one["path"], one["pointer"], one["line"]) for one in run.json["findings"]] == [
        ("IB001", "opencode.db", "/part/prt_ses_1_m1_0/data", None),
        ("IB101", "opencode.db", "/part/prt_ses_1_m1_1/data", None),
    ]
    assert [one["reason"] for one in run.json["not_fixed"]] == ["databases are never changed"]
    assert path.read_bytes() == before
    assert [name.name for name in tmp_path.iterdir()] == ["opencode.db"]
    text = imgbudget("check", "opencode.db", "--select", "IB0")
    assert "--> opencode.db  part prt_ses_1_m1_0" in text.out
    assert "opencode.db: 1 message not checked: rolled back in the session" in text.err
    assert imgbudget("check", ".", "--show-files").out.split() == ["opencode.db"]


@pytest.mark.parametrize("lost", ["session", "message"])
def test_rows_without_a_session_are_unread(imgbudget: Command, tmp_path: Path, lost: str) -> None:
    """Beside a session the database is checked in part; alone it is not read. Neither is clean."""
    path = opencode(tmp_path / "opencode.db", *MESSAGES)
    with closing(sqlite3.connect(path)) as base:
        base.execute(f"DELETE FROM {lost}")  # noqa: S608
        base.commit()
    rows = {"session": 8, "message": 5}[lost]
    for arguments in ((str(path),), (".",)):
        run = imgbudget("check", *arguments, "--no-cache", "--fail-on-unread")
        assert run.code == 2
        assert f"not checked: {arguments[0] if len(arguments[0]) > 1 else 'opencode.db'}: " in run.err
        assert f"{rows} rows of messages without a session" in run.err
    opencode(path, MESSAGES[0], session="ses_2")
    run = imgbudget("check", str(path), "--format", "json", "--no-cache", "--fail-on-unread")
    assert (run.code, run.json["summary"]["requests"]) == (2, 1)
    assert f"{rows} rows" in run.json["summary"]["partly_checked"][0]["reason"]
    kept = goose(tmp_path / "sessions.db", ("user", [{"type": "text", "text": "x"}], None))
    assert imgbudget("check", str(kept), "--no-cache", "--fail-on-unread").code == 0
    with closing(sqlite3.connect(kept)) as base:
        base.execute("DELETE FROM sessions")
        base.commit()
    assert imgbudget("check", str(kept), "--no-cache", "--fail-on-unread").code == 2


def test_other_databases_are_skipped(imgbudget: Command, tmp_path: Path) -> None:
    """A database of another program, or a file that only has the name of one, is passed over."""
    with closing(sqlite3.connect(tmp_path / "a.db")) as base:
        base.execute("CREATE TABLE message (id TEXT)")
    (tmp_path / "b.db").write_bytes(b"text")
    (tmp_path / "c.sqlite").write_bytes(b"")
    run = imgbudget("check", ".", "--format", "json")
    skipped = [(one["path"], one["reason"]) for one in run.json["summary"]["skipped"]]
    assert (run.code, run.json["requests"]) == (0, [])
    assert skipped == [(name, "not an image or a request") for name in ("a.db", "b.db", "c.sqlite")]
    (tmp_path / "picture.db").write_bytes(image_bytes())
    assert imgbudget("check", "picture.db", "--format", "json").json["images"][0]["format"] == "png"


@pytest.mark.parametrize("keeps_index", [True, False])
def test_a_database_in_use(imgbudget: Command, tmp_path: Path, *, keeps_index: bool) -> None:
    """The log beside it is read with its index, else reported; no file beside it is made or changed."""
    path = opencode(tmp_path / "opencode.db", user("m1", image(20)))
    with closing(sqlite3.connect(path)) as writer:
        writer.execute("PRAGMA journal_mode = wal")
        broken = json.dumps(picture(CUT))
        writer.execute("INSERT INTO part VALUES ('prt_z', 'ses_1_m1', 'ses_1', ?)", (broken,))
        writer.commit()
        copy = tmp_path / "copy"
        copy.mkdir()
        for name in ("opencode.db", "opencode.db-wal", "opencode.db-shm")[: 3 if keeps_index else 2]:
            (copy / name).write_bytes((tmp_path / name).read_bytes())
    before = {file.name: file.read_bytes() for file in copy.iterdir()}
    run = imgbudget("check", "copy/opencode.db", "--select", "IB0")
    assert run.code == (1 if keeps_index else 0)
    assert ("bytes in copy/opencode.db-wal are not checked" in run.err) is not keeps_index
    assert {file.name: file.read_bytes() for file in copy.iterdir()} == before


def test_damaged_databases(imgbudget: Command, tmp_path: Path) -> None:
    """A damaged one is an error if it was named, and a skip with its reason in a search."""
    path = opencode(tmp_path / "opencode.db", *MESSAGES)
    data = path.read_bytes()
    path.write_bytes(data[:100] + b"\xff" * 2000 + data[2100:])
    run = imgbudget("check", "opencode.db")
    assert (run.code, "cannot be read as an SQLite database" in run.out) == (1, True)
    found = imgbudget("check", ".", "--format", "json").json["summary"]["skipped"]
    assert ["cannot be read as an SQLite database" in one["reason"] for one in found] == [True]


def test_views_are_no_tables(tmp_path: Path) -> None:
    """A view could make rows without end, or of any size, out of a small file."""
    path = opencode(tmp_path / "a.db", *MESSAGES)
    with closing(sqlite3.connect(path)) as base:
        base.execute("DROP TABLE part")
        base.execute("CREATE VIEW part AS SELECT 'p' AS id, 'm' AS message_id, zeroblob(9) AS data")
    with open_database(str(path)) as other:
        assert other is None


def test_missing_columns_and_rows_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is too large is an error; other columns are read if they are there."""
    path = opencode(tmp_path / "a.db", *MESSAGES)
    monkeypatch.setattr(database_files, "_LARGEST_ROW", 100)
    with pytest.raises(UnreadableError, match="too big"):
        requests_in(path)
    monkeypatch.undo()
    with closing(sqlite3.connect(path)) as base:
        base.execute("ALTER TABLE message DROP COLUMN time_created")
        base.execute("ALTER TABLE session DROP COLUMN revert")
    assert len(requests_in(path)[0].images) == 3
    with closing(sqlite3.connect(path)) as base:
        base.execute("ALTER TABLE part RENAME COLUMN data TO content")
    with open_database(str(path)) as other:
        assert other is None


def test_tables_without_indexes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read if they are small; many rows that would be compared with many are an error."""
    path = opencode(tmp_path / "a.db", *MESSAGES)
    with closing(sqlite3.connect(path)) as base:
        base.execute("DROP INDEX part_message_id_id_idx")
    assert len(requests_in(path)) == 1
    monkeypatch.setattr(database_files, "_STEPS_AT_A_TIME", 10)
    monkeypatch.setattr(database_files, "_STEPS", 100)
    monkeypatch.setattr(database_files, "_STEPS_A_BYTE", 0)
    with pytest.raises(UnreadableError, match="without the indexes"):
        requests_in(path)


def _odd_texts() -> Iterator[Any]:
    yield from (None, 5, b"\xff\x00", "", "{", "[1", *map(json.dumps, ODD))


def test_odd_rows_never_raise(tmp_path: Path) -> None:
    """Rows of other types and texts that are no JSON are flaws at their place."""
    path = tmp_path / "a.db"
    opencode(path, *MESSAGES, compaction("m4", tail_start_id="ses_1_m3"), revert={"messageID": "x"})
    base = goose(tmp_path / "g.db", ("user", [goose_image(20)], None))
    for odd in _odd_texts():
        for table, column in (
            ("session", "revert"),
            ("session", "model"),
            ("message", "data"),
            ("part", "data"),
        ):
            changed = tmp_path / "b.db"
            changed.write_bytes(path.read_bytes())
            with closing(sqlite3.connect(changed)) as connection:
                connection.execute(f"UPDATE {table} SET {column} = ?", (odd,))  # noqa: S608 - names of this test
                connection.commit()
            for request in requests_in(changed):
                assert all(use.location.dotted for use in request.images)
        changed = tmp_path / "h.db"
        changed.write_bytes(base.read_bytes())
        with closing(sqlite3.connect(changed)) as connection:
            connection.execute("UPDATE messages SET content_json = ?", (odd,))
            connection.commit()
        (request,) = requests_in(changed)
        assert request.flaws or odd == "[]"
