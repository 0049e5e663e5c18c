"""Sessions in SQLite databases of agents, which are opened to read and never changed."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Block, ProbeField, Request, Turn
from imgbudget.requests.base import RequestBody, RequestCollector
from imgbudget.requests.database_files import (
    DatabaseFile,
    DatabaseRow,
    name_of,
    open_database_file,
    reason_of,
)
from imgbudget.requests.goose import GooseBlocks, is_visible
from imgbudget.requests.opencode import HistoryEntry, OpencodeParts, entry_of, model_of, not_sent
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import COMPACTED, Message, moved, session_request
from imgbudget.slotted import dataclass, field

_OPENCODE_MESSAGES = """SELECT count(*) FROM message WHERE session_id IS NULL
 OR session_id NOT IN (SELECT id FROM session WHERE id IS NOT NULL)"""
_OPENCODE_PARTS = """SELECT count(*) FROM part WHERE message_id IS NULL OR message_id NOT IN
 (SELECT id FROM message WHERE id IS NOT NULL AND session_id IN (SELECT id FROM session))"""
_GOOSE_MESSAGES = """SELECT count(*) FROM messages WHERE session_id IS NULL
 OR session_id NOT IN (SELECT id FROM sessions WHERE id IS NOT NULL)"""
_WITHOUT_SESSION = {"opencode": (_OPENCODE_MESSAGES, _OPENCODE_PARTS), "goose": (_GOOSE_MESSAGES,)}
"""Counts of the rows that belong to no session."""


@contextmanager
def open_database(path: str) -> Iterator["AgentDatabase | None"]:
    """The sessions in the database of an agent; None if a file is none, or not of an agent that is known.

    Raises:
        UnreadableError: it is damaged, or in use and cannot be read.
        OSError: the file cannot be read.
    """
    with open_database_file(path) as file:
        yield None if file is None else AgentDatabase(file.path, file.name, file.connection, file.log)


def is_agents_database(path: str) -> bool:
    """Whether a file is the database of an agent, or a damaged one."""
    try:
        with open_database(path) as database:
            return database is not None
    except UnreadableError:
        return True
    except OSError:
        return False


def _row_of(keys: Keys) -> Keys:
    """The row of a place, as the beginning of its name: `part prt_1`."""
    return (" ".join(map(str, keys[:2])),)


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
class AgentDatabase(DatabaseFile):
    """A database of an agent. `unsent` counts what its sessions do not send, complete after `requests`."""

    unsent: dict[Unsent, int] = field(default_factory=dict)

    def requests(self, fields: ProbeField) -> Iterator[Request]:
        """The requests that the next turns of all sessions send, one session at a time.

        Raises:
            UnreadableError: the database is damaged.
        """
        try:
            yield from (self._opencode if self.name == "opencode" else self._goose)(fields)
        except sqlite3.Error as error:
            raise UnreadableError(reason_of(error)) from None

    def rows_without_session(self) -> int:
        """The number of rows that no session has, which are not read: what they are part of is unknown.

        Raises:
            UnreadableError: the database is damaged.
        """
        try:
            counts = [self.connection.execute(query).fetchone() for query in _WITHOUT_SESSION[self.name]]
        except sqlite3.Error as error:
            raise UnreadableError(reason_of(error)) from None
        return sum(int(count) for (count,) in counts)

    def _opencode(self, fields: ProbeField) -> Iterator[Request]:
        model = self.column("session", "model")
        revert = self.column("session", "revert")
        sessions = self.connection.execute(f"SELECT id, {model}, {revert} FROM session ORDER BY id")  # noqa: S608
        for identity, named, reverted in sessions:
            messages, infos = self._messages(identity, _value(reverted), fields)
            named = _value(named)  # noqa: PLW2901 - as JSON
            own = named.get("id") if isinstance(named, dict) else None
            yield from self._request(identity, model_of(infos) or own, messages, fields)

    def _messages(self, session: Any, revert: Any, fields: ProbeField) -> tuple[list[Message], list[Any]]:
        """What a session of opencode sends, and the model that each of its messages names."""
        until = revert.get("partID") if isinstance(revert, dict) else None
        time = self.column("message", "time_created")
        query = f"SELECT id, data FROM message WHERE session_id = CAST(? AS TEXT) ORDER BY {time}, id"  # noqa: S608
        made: list[list[Message]] = []
        entries: list[HistoryEntry] = []
        infos: list[Any] = []
        for identity, text in self.connection.execute(query, (session,)):
            message = self.row(("message", name_of(identity), "data"), text)
            info = message.value if isinstance(message.value, dict) else {}
            info = {**info, "id": name_of(identity)}
            parts = self.connection.execute(
                "SELECT id, data FROM part WHERE message_id = CAST(? AS TEXT) ORDER BY id", (identity,)
            )
            rows = (self.row(("part", name_of(part), "data"), data, id=name_of(part)) for part, data in parts)
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
        message: DatabaseRow,
        info: dict[str, Any],
        rows: Iterator[DatabaseRow],
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
            self.column("sessions", "model_config_json"),
            self.column("messages", "metadata_json"),
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
                row = self.row(("messages", name_of(identity), "content_json"), text)
                reader = GooseBlocks(row.document or _EMPTY, fields, lengths=None)
                if row.document is not None:
                    whole = {"role": name_of(role), "content": row.value}
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
                id=name_of(session),
                model=model if isinstance(model, str) and model else None,
            )

    def _count(self, reason: str) -> None:
        what = Unsent("message", reason)
        self.unsent[what] = self.unsent.get(what, 0) + 1
