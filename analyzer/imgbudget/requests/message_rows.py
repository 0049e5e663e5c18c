"""Conversations with one message a line and no body around them, in the shape of any API or framework.

Rows of several roles are one conversation. Rows of one role are prompts, each of which is sent by itself.
"""

from collections.abc import Iterator

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Location
from imgbudget.model.subjects import ProbeField, Request, Turn
from imgbudget.requests.base import MOST_BLOCKS, RequestBody, RequestCollector
from imgbudget.requests.envelopes import unwrapped
from imgbudget.requests.reader import dialect_of
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import moved, session_request
from imgbudget.slotted import dataclass, field


@dataclass(slots=True)
class MessageRowsReader:
    """Collects the messages of one file, row by row."""

    path: str
    fields: ProbeField
    forgotten: dict[int, str] = field(default_factory=dict)
    unsent: dict[Unsent, int] = field(default_factory=dict)
    started: bool = False
    _rows: list[Request] = field(default_factory=list)
    _document: Document | None = None

    def take(self, document: Document) -> bool:
        """Read the next message; False if no API has messages of its shape."""
        body = {"messages": [document.value]}
        dialect = dialect_of(body)
        if dialect is None or len(self._rows) >= MOST_BLOCKS:
            return False
        location = Location(self.path, (), 0, document.number)
        where = RequestBody(location, document.line, document.end - document.start)
        read = unwrapped(dialect.read(document, body, where, self.fields), ("messages", 0))
        if read.flaws or len(read.turns) != 1:
            return False
        self.started, self._document = True, document
        self._rows.append(read)
        return True

    def requests(self) -> Iterator[Request]:
        """One request of all messages, or one of each with an image."""
        roles = {row.turns[0].role for row in self._rows}
        with_images = [row for row in self._rows if row.images or row.documents]
        if len(roles) > 1 or not with_images:
            yield from self._request(self._rows)
        else:
            for row in with_images:
                yield from self._request([row])

    def _request(self, rows: list[Request]) -> Iterator[Request]:
        if not rows or self._document is None:
            return
        turns = []
        for number, row in enumerate(rows):
            turn, prefix = row.turns[0], ("messages", number)
            blocks = tuple(moved(block, prefix, number) for block in turn.blocks)
            turns.append(Turn(turn.location._replace(prefix=prefix), turn.role, blocks))
        collector = RequestCollector(self._document, self.fields, lengths=None)
        where = RequestBody(rows[0].location, rows[0].line, sum(row.byte_size for row in rows))
        yield session_request(tuple(turns), collector, where, id=None, model=None)
