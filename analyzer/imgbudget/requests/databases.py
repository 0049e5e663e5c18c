"""Sessions in SQLite databases of agents, which are opened to read and never changed.

A database that a running agent has open is read with what it has written last: the log beside it (`-wal`) is
read too if the index beside it (`-shm`) is there. Without an index the log is not read, which is a note.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Block, ProbeField, Request, ShapeFlaw, Turn
from imgbudget.requests.base import RequestBody, RequestCollector
from imgbudget.requests.goose import GooseBlocks, is_visible
from imgbudget.requests.opencode import HistoryEntry, OpencodeParts, entry_of, model_of, not_sent
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import COMPACTED, Message, moved, session_request

MAGIC = b"SQLite format 3\x00"

_LARGEST_ROW = 64 << 20
"""Bytes of the largest row that is read: more than an API takes as one body."""

_STEPS, _STEPS_A_BYTE, _STEPS_AT_A_TIME = 50_000_000, 10, 100_000
"""Steps of SQLite in which a database has to be read: hundreds of times what one with its indexes takes."""

_FORMATS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "opencode": {
        "session": frozenset(("id",)),
        "message": frozenset(("id", "session_id", "data")),
        "part": frozenset(("id", "message_id", "data")),
    },
    "goose": {
        "sessions": frozenset(("id",)),
        "messages": frozenset(("id", "session_id", "role", "content_json")),
    },
}
"""The tables and columns by which the database of an agent is recognized."""


@contextmanager
def open_database(path: str) -> Iterator["AgentDatabase | None"]:
    """The database of an agent; None if a file is none, or not of an agent that is known.

    Raises:
        UnreadableError: it is damaged, or in use and cannot be read.
        OSError: the file cannot be read.
    """
    with JsonSource.open(path) as source:
        if source.pread(len(MAGIC), 0) != MAGIC:
            yield None
            return
    try:
        connection, left_out = _connect(path)
        try:
            name = next((name for name, own in _FORMATS.items() if _has_tables(connection, own)), None)
            yield None if name is None else AgentDatabase(path, name, connection, left_out)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise UnreadableError(_why(error)) from None


@dataclass(slots=True)
class _Budget:
    """The steps that are left to a connection."""

    left: int

    def spend(self) -> int:
        """Count some steps; 1 if they were the last."""
        self.left -= _STEPS_AT_A_TIME
        return int(self.left < 0)


def is_agents_database(path: str) -> bool:
    """Whether a file is the database of an agent, or a damaged one."""
    try:
        with open_database(path) as database:
            return database is not None
    except UnreadableError:
        return True
    except OSError:
        return False


def _why(error: sqlite3.Error) -> str:
    if "interrupted" in str(error):
        return "takes too long to read: its tables are without the indexes that the agent makes"
    return f"cannot be read as an SQLite database: {error}"


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 LIMIT 10000"


def _has_tables(connection: sqlite3.Connection, wanted: Mapping[str, frozenset[str]]) -> bool:
    """Whether there are these tables; views are none, since they may make rows without end."""
    tables = {_name(row[0]) for row in connection.execute(_TABLES)}
    return wanted.keys() <= tables and all(
        columns <= _columns(connection, table) for table, columns in wanted.items()
    )


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """The names of the columns of a table of this module; empty if there is none."""
    return {_name(column[1]) for column in connection.execute(f"PRAGMA table_info({table})")}


def _connect(path: str) -> tuple[sqlite3.Connection, int]:
    """A connection that writes nothing, and the bytes of the log that it does not read."""
    log = _size(f"{path}-wal")
    address = Path(path).absolute().as_uri()
    steps = _STEPS + _size(path) * _STEPS_A_BYTE
    # without a log, only `immutable` creates no files beside the database
    if log and _size(f"{path}-shm"):
        try:
            return _opened(f"{address}?mode=ro&readonly_shm=1", steps), 0
        except sqlite3.OperationalError:
            pass
    return _opened(f"{address}?mode=ro&immutable=1", steps), log


def _opened(address: str, steps: int) -> sqlite3.Connection:
    """A connection that is interrupted after so many steps of SQLite's machine."""
    connection = sqlite3.connect(address, uri=True, timeout=2)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST_ROW)
        connection.text_factory = bytes
        connection.set_progress_handler(_Budget(steps).spend, _STEPS_AT_A_TIME)
        connection.execute("PRAGMA query_only = 1")
        connection.execute("PRAGMA trusted_schema = 0")
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


class _DatabaseRow(NamedTuple):
    """A JSON text of a row, and where it is. `document` is None, and there is a flaw, if it is not JSON."""

    location: Location
    id: str
    document: Document | None
    flaws: tuple[ShapeFlaw, ...]
    byte_size: int

    @property
    def value(self) -> Any:
        """The value, with placeholders for long strings."""
        return self.document.value if self.document else None


def _row_of(keys: Keys) -> Keys:
    """The row of a place, as the beginning of its name: `part prt_1`."""
    return (" ".join(map(str, keys[:2])),)


def _name(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _value(text: Any) -> Any:
    """The value of a short JSON text; None if it is not JSON."""
    if not isinstance(text, bytes):
        return None
    for found in open_documents(JsonSource.from_bytes(text), lines=False, check=False):
        return found.value if isinstance(found, Document) else None
    return None


_EMPTY = next(
    one for one in open_documents(JsonSource.from_bytes(b"{}"), lines=False) if isinstance(one, Document)
)
"""Stands for the document of what is in no document."""


@dataclass(slots=True)
class AgentDatabase:
    """A database of an agent. `unsent` counts what its sessions do not send, complete after `requests`."""

    path: str
    name: str
    connection: sqlite3.Connection
    log: int
    unsent: dict[Unsent, int] = field(default_factory=dict)

    def requests(self, fields: ProbeField) -> Iterator[Request]:
        """The requests that the next turns of all sessions send, one session at a time.

        Raises:
            UnreadableError: the database is damaged.
        """
        try:
            yield from (self._opencode if self.name == "opencode" else self._goose)(fields)
        except sqlite3.Error as error:
            raise UnreadableError(_why(error)) from None

    def _opencode(self, fields: ProbeField) -> Iterator[Request]:
        model = self._column("session", "model")
        revert = self._column("session", "revert")
        sessions = self.connection.execute(f"SELECT id, {model}, {revert} FROM session ORDER BY id")  # noqa: S608
        for identity, named, reverted in sessions:
            messages, infos = self._messages(identity, _value(reverted), fields)
            named = _value(named)  # noqa: PLW2901 - as JSON
            own = named.get("id") if isinstance(named, dict) else None
            yield from self._request(identity, model_of(infos) or own, messages, fields)

    def _messages(self, session: Any, revert: Any, fields: ProbeField) -> tuple[list[Message], list[Any]]:
        """What a session of opencode sends, and the model that each of its messages names."""
        until = revert.get("partID") if isinstance(revert, dict) else None
        time = self._column("message", "time_created")
        query = f"SELECT id, data FROM message WHERE session_id = CAST(? AS TEXT) ORDER BY {time}, id"  # noqa: S608
        made: list[list[Message]] = []
        entries: list[HistoryEntry] = []
        infos: list[Any] = []
        for identity, text in self.connection.execute(query, (session,)):
            message = self._row(("message", _name(identity), "data"), text)
            info = message.value if isinstance(message.value, dict) else {}
            info = {**info, "id": _name(identity)}
            parts = self.connection.execute(
                "SELECT id, data FROM part WHERE message_id = CAST(? AS TEXT) ORDER BY id", (identity,)
            )
            rows = (self._row(("part", _name(part), "data"), data, id=_name(part)) for part, data in parts)
            found, kinds = self._parts(message, info, rows, until, fields)
            made.append(found)
            entries.append(entry_of(info, kinds))
            infos.append({key: info.get(key) for key in ("model", "modelID")})
        gone = not_sent(entries, revert)
        for reason in gone.values():
            self._count(reason)
        return [one for number, some in enumerate(made) if number not in gone for one in some], infos

    def _parts(
        self,
        message: "_DatabaseRow",
        info: dict[str, Any],
        rows: Iterator["_DatabaseRow"],
        until: Any,
        fields: ProbeField,
    ) -> tuple[list[Message], list[Any]]:
        """What a message of opencode sends, and those of its parts that are compactions."""
        kinds: list[Any] = []
        size = message.byte_size
        flaws = list(message.flaws)
        reader = OpencodeParts(message.document or _EMPTY, fields, lengths=None)

        def each() -> Iterator[tuple[Any, Location]]:
            nonlocal size
            for row in rows:
                size += row.byte_size
                flaws.extend(row.flaws)
                if row.document is None:
                    continue
                reader.document = row.document
                part = row.value
                if isinstance(part, dict) and part.get("type") == "compaction":
                    kinds.append(part)
                yield ({**part, "id": row.id} if isinstance(part, dict) else part), row.location

        made = []
        for role, blocks in reader.turns(info, each(), until):
            one = Message(0, 1, role, (*(message.location.keys or ()),), blocks=blocks)
            made.append(one)
        flaws += reader.flaws
        if made or flaws:
            made = made or [Message(0, 1, "user", message.location.keys or ())]
            made[0].byte_size, made[0].flaws = size, flaws
        return made, kinds

    def _goose(self, fields: ProbeField) -> Iterator[Request]:
        config, metadata = (
            self._column("sessions", "model_config_json"),
            self._column("messages", "metadata_json"),
        )
        sessions = self.connection.execute(f"SELECT id, {config} FROM sessions ORDER BY id")  # noqa: S608
        columns = f"SELECT id, role, content_json, {metadata}"
        query = f"{columns} FROM messages WHERE session_id = CAST(? AS TEXT) ORDER BY id"
        for session, named in sessions:
            messages: list[Message] = []
            for identity, role, text, about in self.connection.execute(query, (session,)):
                if not is_visible(_value(about)):
                    self._count(COMPACTED)
                    continue
                row = self._row(("messages", _name(identity), "content_json"), text)
                reader = GooseBlocks(row.document or _EMPTY, fields, lengths=None)
                if row.document is not None:
                    whole = {"role": _name(role), "content": row.value}
                    messages.append(reader.message(whole, row.location.keys or (), self.path))
                else:
                    messages.append(Message(0, 1, "user", row.location.keys or (), flaws=list(row.flaws)))
                messages[-1].byte_size = row.byte_size
            named = _value(named)  # noqa: PLW2901 - as JSON
            model = named.get("model_name") if isinstance(named, dict) else None
            yield from self._request(session, model, messages, fields)

    def _request(
        self, session: Any, model: Any, messages: list[Message], fields: ProbeField
    ) -> Iterator[Request]:
        """The request of a session, if it sends anything; its places are those of the rows."""
        collector = RequestCollector(_EMPTY, fields, lengths=None)
        turns: list[tuple[Location, str, list[Block]]] = []
        for message in messages:
            if not turns or turns[-1][1] != message.role:
                keys = message.content
                turns.append((Location(self.path, keys, len(keys), 0, _row_of(keys)), message.role, []))
            for block in message.blocks:
                keys, root = block.location.keys or (), block.location.root
                turns[-1][2].append(moved(block, (*_row_of(keys), *keys[3:root]), len(turns) - 1))
            for flaw in message.flaws:
                keys, root = flaw.location.keys or (), flaw.location.root
                place = flaw.location._replace(prefix=(*_row_of(keys), *keys[3:root]))
                collector.flaw(place, flaw.message, flaw.help)
        if messages:
            yield session_request(
                tuple([Turn(location, role, tuple(blocks)) for location, role, blocks in turns]),
                collector,
                RequestBody(Location(self.path, ()), 1, sum(message.byte_size for message in messages)),
                id=_name(session),
                model=model if isinstance(model, str) and model else None,
            )

    def _column(self, table: str, name: str) -> str:
        """The name of a column, or NULL in its place if the table has none."""
        return name if name in _columns(self.connection, table) else "NULL"

    def _row(self, keys: Keys, text: Any, id: str = "") -> "_DatabaseRow":  # noqa: A002 - the name of the column
        """A JSON text of a row, at its place."""
        location = Location(self.path, keys, len(keys))
        if not isinstance(text, bytes):
            return _DatabaseRow(location, id, None, (ShapeFlaw(location, "the row holds no text"),), 0)
        for found in open_documents(JsonSource.from_bytes(text), lines=False, check=False):
            if isinstance(found, Document):
                return _DatabaseRow(location, id, found, (), len(text))
            flaw = ShapeFlaw(location, f"the row is not JSON: {found.message}")
            return _DatabaseRow(location, id, None, (flaw,), len(text))
        return _DatabaseRow(location, id, None, (ShapeFlaw(location, "the row is empty"),), 0)

    def _count(self, reason: str) -> None:
        what = Unsent("message", reason)
        self.unsent[what] = self.unsent.get(what, 0) + 1
