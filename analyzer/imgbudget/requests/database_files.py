"""SQLite databases of agents: opened to read, never changed, and read row by row.

A database that a running agent has open is read with what it has written last: the log beside it (`-wal`) is
read too if the index beside it (`-shm`) is there. Without an index the log is not read, which is a note.
"""

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import ShapeFlaw
from imgbudget.slotted import dataclass

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
def open_database_file(path: str) -> Iterator["DatabaseFile | None"]:
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
            yield None if name is None else DatabaseFile(path, name, connection, left_out)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise UnreadableError(reason_of(error)) from None


@dataclass(slots=True)
class _Budget:
    """The steps that are left to a connection."""

    left: int

    def spend(self) -> int:
        """Count some steps; 1 if they were the last."""
        self.left -= _STEPS_AT_A_TIME
        return int(self.left < 0)


def reason_of(error: sqlite3.Error) -> str:
    """Why a database cannot be read, as a clause."""
    if "interrupted" in str(error):
        return "takes too long to read: its tables are without the indexes that the agent makes"
    return f"cannot be read as an SQLite database: {error}"


_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND rootpage > 0 LIMIT 10000"


def _has_tables(connection: sqlite3.Connection, wanted: Mapping[str, frozenset[str]]) -> bool:
    """Whether there are these tables; views are none, since they may make rows without end."""
    tables = {name_of(row[0]) for row in connection.execute(_TABLES)}
    return wanted.keys() <= tables and all(
        columns <= _columns(connection, table) for table, columns in wanted.items()
    )


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    """The names of the columns of a table of this module; empty if there is none."""
    return {name_of(column[1]) for column in connection.execute(f"PRAGMA table_info({table})")}


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


class DatabaseRow(NamedTuple):
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


def name_of(value: Any) -> str:
    """The text of a value of a column."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


class StoredMessage(NamedTuple):
    """A message of a session in a database; `role` is empty if it is in the document."""

    session: str
    role: str
    location: Location
    document: Document


@dataclass(slots=True)
class DatabaseFile:
    """A database of an agent; `log` has the bytes of the log beside it that are not read."""

    path: str
    name: str
    connection: sqlite3.Connection
    log: int

    def messages(self) -> Iterator["StoredMessage"]:
        """The JSON of each message of all sessions, in order; that of a message of opencode has no parts.

        Raises:
            UnreadableError: the database is damaged.
        """
        try:
            if self.name == "opencode":
                time = self.column("message", "time_created")
                table, column = "message", "data"
                query = f"SELECT id, session_id, '', data FROM message ORDER BY session_id, {time}, id"  # noqa: S608
            else:
                table, column = "messages", "content_json"
                query = "SELECT id, session_id, role, content_json FROM messages ORDER BY session_id, id"
            for identity, session, role, text in self.connection.execute(query):
                row = self.row((table, name_of(identity), column), text)
                if row.document is not None:
                    yield StoredMessage(name_of(session), name_of(role), row.location, row.document)
        except sqlite3.Error as error:
            raise UnreadableError(reason_of(error)) from None

    def column(self, table: str, name: str) -> str:
        """The name of a column, or NULL in its place if the table has none."""
        return name if name in _columns(self.connection, table) else "NULL"

    def row(self, keys: Keys, text: Any, id: str = "") -> "DatabaseRow":  # noqa: A002 - the name of the column
        """A JSON text of a row, at its place."""
        location = Location(self.path, keys, len(keys))
        if not isinstance(text, bytes):
            return DatabaseRow(location, id, None, (ShapeFlaw(location, "the row holds no text"),), 0)
        for found in open_documents(JsonSource.from_bytes(text), lines=False, check=False):
            if isinstance(found, Document):
                return DatabaseRow(location, id, found, (), len(text))
            flaw = ShapeFlaw(location, f"the row is not JSON: {found.message}")
            return DatabaseRow(location, id, None, (flaw,), len(text))
        return DatabaseRow(location, id, None, (ShapeFlaw(location, "the row is empty"),), 0)
