"""The model of an agent's session: lines that form a tree, and the request that its next turn sends.

Each agent has an adapter, which reads its lines as entries. An entry names the one before it, so that a
session may have branches: a conversation that was rewound goes on from an earlier entry, and what followed
there is not sent again. What is common to all agents is here.
"""

import os
from collections.abc import Iterable, Iterator
from typing import Any

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import (
    Block,
    DocumentUse,
    ImageUse,
    Nested,
    Request,
    ShapeFlaw,
    Text,
    Turn,
    walk_blocks,
)
from imgbudget.requests.base import RequestBody, RequestCollector
from imgbudget.slotted import dataclass, field

COMPACTED = "sent before the session was compacted, not sent again"
ROLLED_BACK = "rolled back in the session, not sent again"
ABANDONED = "on a branch of the session that was abandoned, not sent again"
CLEARED = "cleared from the session, not sent again"
REPEATED = "a copy of an earlier line of the session, not sent again"
REPLACED = "replaced by a later line of the session, not sent again"


@dataclass(slots=True)
class Message:
    """What one line of a session adds to the conversation.

    Locations of `blocks` and `flaws` have no prefix yet: which turn of the request they are in is known at
    the end. `content` is the path to the array of blocks in the line.
    """

    document: int
    line: int
    role: str
    content: Keys
    byte_size: int = 0
    model: str | None = None
    blocks: list[Block] = field(default_factory=list)
    flaws: list[ShapeFlaw] = field(default_factory=list)


@dataclass(slots=True)
class SessionEntry:
    """A line of a session: its place in the tree, and the message that it adds, if any.

    `calls` and `answers` are the ids of the tool calls that it makes or answers, `group` that of the answer
    of the model of which it is a part. `ends_history`: nothing before it is sent again.
    """

    id: str
    parent: str | None
    order: int
    message: Message | None = None
    group: str | None = None
    calls: frozenset[str] = frozenset()
    answers: frozenset[str] = frozenset()
    ends_history: bool = False


@dataclass(slots=True)
class Branches:
    """The entries of one conversation by their ids."""

    entries: dict[str, SessionEntry] = field(default_factory=dict)
    last: str | None = None

    def add(self, entry: SessionEntry, *, is_leaf: bool) -> bool:
        """Add an entry; False if there is one of that id. `is_leaf`: the conversation may end with it."""
        if entry.id in self.entries:
            return False
        self.entries[entry.id] = entry
        if is_leaf:
            self.last = entry.id
        return True

    def path(self, leaf: str | None) -> list[SessionEntry]:
        """The entries from the beginning of the conversation to that leaf, with calls made in parallel."""
        found: list[SessionEntry] = []
        visited: set[str] = set()
        while leaf is not None and leaf not in visited and (entry := self.entries.get(leaf)):
            visited.add(leaf)
            found.append(entry)
            leaf = entry.parent
        found.reverse()
        return list(self._with_parallel_calls(found))

    def _with_parallel_calls(self, path: list[SessionEntry]) -> Iterator[SessionEntry]:
        """The path, with other parts of each answer on it and the results of their calls.

        An answer with several tool calls has a line for each. Each result follows the line of its call, so
        that only one of them is on the path.
        """
        on_path = {entry.id for entry in path}
        groups: dict[str, list[SessionEntry]] = {}
        answering: dict[str, list[SessionEntry]] = {}
        wanted = {entry.group for entry in path if entry.group}
        for entry in self.entries.values():
            if entry.group in wanted:
                groups.setdefault(entry.group or "", []).append(entry)
            elif entry.answers and entry.id not in on_path and entry.parent is not None:
                answering.setdefault(entry.parent, []).append(entry)
        for entry in path:
            if entry.group is None:
                yield entry
                continue
            parts = groups.pop(entry.group, ())
            yield from parts
            calls = frozenset[str]().union(*(part.calls for part in parts))
            for part in parts:
                yield from (late for late in answering.get(part.id, ()) if late.answers <= calls)


def assemble(  # noqa: PLR0913 - the properties of a request
    messages: Iterable[Message],
    document: Document,
    collector: RequestCollector,
    path: str,
    *,
    id: str | None,  # noqa: A002 - the name of the field of a request
    model: str | None,
    platform: str | None = None,
    names: tuple[str, str] = ("messages", "content"),
) -> Request:
    """The request that these messages make: consecutive messages of one role are sent as one turn.

    `names` are the keys of turns and of their blocks in the request.
    """
    turns: list[tuple[Location, str, list[Block]]] = []
    first: Message | None = None
    size = 0
    for message in messages:
        first = first or message
        size += message.byte_size
        if not turns or turns[-1][1] != message.role:
            location = Location(path, message.content[:-1], len(message.content[:-1]), message.document)
            turns.append((location._replace(prefix=(names[0], len(turns))), message.role, []))
        number, blocks = len(turns) - 1, turns[-1][2]
        base = (names[0], number, names[1])
        depth = len(message.content)
        for flaw in message.flaws:
            keys = flaw.location.keys or ()
            index = keys[depth] if len(keys) > depth else 0
            position = len(blocks) + (index if isinstance(index, int) else 0)
            where = flaw.location._replace(prefix=(*base, position), root=min(len(keys), depth + 1))
            collector.flaw(where, flaw.message, flaw.help)
        for block in message.blocks:
            blocks.append(moved(block, (*base, len(blocks)), number))
    made = tuple(Turn(location, role, tuple(blocks)) for location, role, blocks in turns)
    start = Location(path, (), 0, first.document if first else document.number)
    body = RequestBody(start, first.line if first else document.line, size)
    return session_request(made, collector, body, id=id, model=model, platform=platform)


def session_request(  # noqa: PLR0913 - the properties of a request
    turns: tuple[Turn, ...],
    collector: RequestCollector,
    where: RequestBody,
    *,
    id: str | None,  # noqa: A002 - the name of the field of a request
    model: str | None,
    platform: str | None = None,
) -> Request:
    """The request of these turns; their images and documents are added to those of the collector."""
    for turn in turns:
        for block in walk_blocks(turn.blocks):
            if isinstance(block, ImageUse):
                collector.images.append(block)
            elif isinstance(block, DocumentUse):
                collector.documents.append(block)
    return collector.request(where, "transcript", turns, model=model, platform=platform)._replace(id=id)


_LARGEST_BESIDE = 64 << 20
"""Bytes of the largest file beside a session that is read for what the session sends."""


def value_of_file(path: str) -> Any:
    """The value of a JSON file beside a session, its long strings replaced; None if it cannot be read."""
    try:
        if not os.path.isfile(path) or os.path.getsize(path) > _LARGEST_BESIDE:
            return None
        with JsonSource.open(path) as source:
            for found in open_documents(source, lines=False):
                return found.value if isinstance(found, Document) else None
    except (OSError, ValueError, UnreadableError):
        return None
    return None


def moved(block: Block, prefix: Keys, turn: int) -> Block:
    """The block at its place in the request."""
    path, keys, root, document, _, outer_depth = block.location
    location = tuple.__new__(Location, (path, keys, root, document, prefix, outer_depth))
    match block:
        case Text():
            return tuple.__new__(Text, (location, *block[1:]))
        case ImageUse():
            return block._replace(location=location, turn=turn)
        case Nested() | DocumentUse():
            inner = tuple([moved(inside, prefix, turn) for inside in block.blocks])
            return block._replace(location=location, blocks=inner)
        case _:
            return block._replace(location=location)
