"""Sessions of Continue, one JSON file each, as the request that the next turn sends.

Seen in the sources of @continuedev/cli 1.5.47 (session, compaction) and of its core (index.d.ts):
`~/.continue/sessions/ID.json`. `history` has the messages; what is before the last item with a
`conversationSummary` is not sent again.
"""

from collections.abc import Iterator
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Location
from imgbudget.model.subjects import Block, ProbeField, Request
from imgbudget.requests.base import MOST_BLOCKS, RequestCollector
from imgbudget.requests.openai import PartReader
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import COMPACTED, Message, assemble
from imgbudget.slotted import dataclass, field

_ROLES = {"tool": "user", "assistant": "assistant", "thinking": "assistant", "user": "user"}


@dataclass(slots=True)
class ContinueReader:
    """Reads sessions: each document is one."""

    path: str
    fields: ProbeField
    forgotten: dict[int, str] = field(default_factory=dict)
    unsent: dict[Unsent, int] = field(default_factory=dict)
    started: bool = False
    _requests: list[Request] = field(default_factory=list)

    def take(self, document: Document) -> bool:
        """Read a session."""
        self.started = True
        reader = PartReader(document, self.fields, lengths=None)
        history = document.value["history"]
        compacted = [i for i, item in enumerate(history) if item.get("conversationSummary") is not None]
        first = compacted[-1] if compacted else 0
        if first:
            what = Unsent("message", COMPACTED)
            self.unsent[what] = self.unsent.get(what, 0) + first
        messages = list(self._messages(reader, document, history, first))
        if messages:
            self._requests.append(
                assemble(
                    messages,
                    document,
                    RequestCollector(document, self.fields, lengths=None),
                    self.path,
                    id=reader.reference(document.value.get("sessionId")),
                    model=None,
                )
            )
        return True

    def requests(self) -> Iterator[Request]:
        """The request of each session."""
        yield from self._requests

    def _messages(
        self, reader: PartReader, document: Document, history: list[dict[str, Any]], first: int
    ) -> Iterator[Message]:
        paths = [("history", i, "message", "content") for i in range(first, len(history))]
        spans = document.spans(paths)
        for path, item in zip(paths, history[first:], strict=True):
            role = _ROLES.get(str(item["message"].get("role")))
            if role is None:  # the system's message is written for each request
                continue
            reader.role, reader.blocks_left = role, MOST_BLOCKS
            message = Message(document.number, document.line, role, path)
            location = Location(self.path, path, len(path), document.number)
            content = item["message"].get("content")
            if isinstance(content, list):
                for i, part in enumerate(reader.within_blocks(content, location, "content")):
                    here = location._replace(keys=(*path, i), root=len(path) + 1)
                    message.blocks.append(_block(reader, part, here))
            else:
                message.blocks.extend(reader.content(content, location, ()))
            message.flaws = reader.flaws
            reader.images, reader.documents, reader.flaws = [], [], []
            if span := spans.get(path):
                message.byte_size = span.end - span.start
            yield message


def _block(reader: PartReader, part: Any, location: Location) -> Block:
    """The block of a part; an image has its address under `imageUrl`."""
    if isinstance(part, dict) and part.get("type") == "imageUrl":
        image = part.get("imageUrl")
        address = image.get("url") if isinstance(image, dict) else image
        return reader.address(address, location.at("imageUrl"), ())
    return reader.part(part, location, ())
