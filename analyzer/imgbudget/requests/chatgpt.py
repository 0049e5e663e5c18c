"""Conversations exported from ChatGPT, each as the path to its current message.

The shape is that of `conversations.json` in exports of 2026, as public readers of it describe it: `mapping`
is a tree by `parent`, `current_node` its live leaf. Images are references to files (`image_asset_pointer`),
whose bytes are beside it in the export, under other names.
"""

from collections.abc import Iterator
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Origin, ProbeField, Request
from imgbudget.requests.base import MOST_BLOCKS, RequestCollector
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import ABANDONED, Branches, Message, SessionEntry, assemble
from imgbudget.slotted import dataclass, field

_ROLES = {"user": "user", "assistant": "assistant", "tool": "user"}


@dataclass(slots=True)
class ChatGptReader:
    """Reads exports: each conversation is a request."""

    path: str
    fields: ProbeField
    forgotten: dict[int, str] = field(default_factory=dict)
    unsent: dict[Unsent, int] = field(default_factory=dict)
    started: bool = False
    _requests: list[Request] = field(default_factory=list)

    def take(self, document: Document) -> bool:
        """Read an export, or one conversation."""
        self.started = True
        value = document.value
        listed = isinstance(value, list)
        for i, conversation in enumerate(value if listed else [value]):
            if isinstance(conversation, dict) and isinstance(conversation.get("mapping"), dict):
                self._conversation(document, conversation, (i,) if listed else ())
        return True

    def requests(self) -> Iterator[Request]:
        """The request of each conversation."""
        yield from self._requests

    def _conversation(self, document: Document, conversation: dict[str, Any], path: Keys) -> None:
        mapping, branches = conversation["mapping"], Branches()
        for order, (identity, node) in enumerate(mapping.items()):
            parent = node.get("parent") if isinstance(node, dict) else None
            entry = SessionEntry(identity, parent if isinstance(parent, str) else None, order)
            branches.add(entry, is_leaf=True)
        leaf = conversation.get("current_node")
        nodes = branches.path(leaf if isinstance(leaf, str) and leaf in mapping else branches.last)
        if left := len(mapping) - len(nodes):
            what = Unsent("message", ABANDONED)
            self.unsent[what] = self.unsent.get(what, 0) + left
        collector = RequestCollector(document, self.fields, lengths=None)
        messages, model = [], None
        for node in nodes:
            message = mapping[node.id].get("message") if isinstance(mapping[node.id], dict) else None
            if isinstance(message, dict):
                here = (*path, "mapping", node.id, "message")
                messages += list(self._message(collector, document, message, here))
                metadata = message.get("metadata")
                slug = metadata.get("model_slug") if isinstance(metadata, dict) else None
                model = collector.reference(slug) or model
        if messages:
            collector = RequestCollector(document, self.fields, lengths=None)
            request = assemble(
                messages, document, collector, self.path, id=None, model=model, platform="openai"
            )
            self._requests.append(request)

    def _message(
        self, collector: RequestCollector, document: Document, message: dict[str, Any], path: Keys
    ) -> Iterator[Message]:
        """The message, if it is one of the user, of the model or of a tool."""
        author, content = message.get("author"), message.get("content")
        role = _ROLES.get(str(author.get("role"))) if isinstance(author, dict) else None
        parts = content.get("parts") if isinstance(content, dict) else None
        if role is None or not isinstance(parts, list):
            return
        path = (*path, "content", "parts")
        found = Message(document.number, document.line, role, path)
        location = Location(self.path, path, len(path), document.number)
        collector.role, collector.blocks_left = role, MOST_BLOCKS
        for i, part in enumerate(collector.within_blocks(parts, location, "parts")):
            here = location._replace(keys=(*path, i), root=len(path) + 1)
            if isinstance(part, str):
                found.blocks.append(collector.text(part, here))
            elif isinstance(part, dict) and part.get("content_type") == "image_asset_pointer":
                pointer = collector.reference(part.get("asset_pointer"))
                found.blocks.append(collector.image(here, Origin.FILE_ID, (), reference=pointer))
        found.flaws, collector.flaws = collector.flaws, []
        yield found
