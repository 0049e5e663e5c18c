"""Events of OpenHands: of its first version and of its SDK, one per file or line, or a trajectory.

Seen in the sources of openhands-ai 0.62.0 (events/serialization, memory/conversation_memory) and of
openhands-sdk 1.58.2 (event, llm/message, conversation/event_store): `events/ID.json` of the one,
`events/event-NUMBER-ID.json` of the other, and trajectories as arrays. A `Condensation` takes out the events
that it names. A file of one event is checked as a request by itself: earlier events are in other files.
"""

from collections.abc import Iterator
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Block, Nested, ProbeField, Request
from imgbudget.requests.base import MOST_BLOCKS, RequestCollector
from imgbudget.requests.openai import PartReader
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import COMPACTED, Message, assemble
from imgbudget.slotted import dataclass, field

_IMAGES_BY_AGENT = "browse_interactive"
"""The action whose page is sent as an image."""


@dataclass(slots=True)
class OpenHandsReader:
    """Collects the events of one file, line by line or from an array."""

    path: str
    fields: ProbeField
    forgotten: dict[int, str] = field(default_factory=dict)
    unsent: dict[Unsent, int] = field(default_factory=dict)
    started: bool = False
    _messages: list[tuple[Any, Message]] = field(default_factory=list)
    _condensed: set[str | int] = field(default_factory=set)
    _ranges: set[tuple[int, int]] = field(default_factory=set)
    _reader: PartReader | None = None

    def take(self, document: Document) -> bool:
        """Read the next event, or all events of a trajectory."""
        self.started = True
        value = document.value
        listed = isinstance(value, list)
        added: list[tuple[Keys, Message]] = []
        for i, event in enumerate(value if listed else [value]):
            if not isinstance(event, dict):
                continue
            self._condense(event)
            if message := self._message(document, event, (i,) if listed else ()):
                self._messages.append((event.get("id"), message))
                added.append(((i,) if listed else (), message))
        spans = document.spans(path for path, _ in added)
        for path, message in added:
            if span := spans.get(path):
                message.byte_size = span.end - span.start
        return True

    def requests(self) -> Iterator[Request]:
        """The request that these events make."""
        sent = [message for identity, message in self._messages if not self._is_condensed(identity)]
        live = {message.line for message in sent}
        for _, message in self._messages:
            if message.line not in live:
                self.forgotten[message.line] = COMPACTED
        if left := len(self._messages) - len(sent) - len(self.forgotten):
            self.unsent[Unsent("message", COMPACTED)] = left
        if sent and self._reader:
            document = self._reader.document
            collector = RequestCollector(document, self.fields, lengths=None)
            yield assemble(sent, document, collector, self.path, id=None, model=None)

    def _condense(self, event: dict[str, Any]) -> None:
        """Keep the ids of the events that a condensation takes out, or the first and the last one."""
        holder = event.get("args") if event.get("action") == "condensation" else event
        if not isinstance(holder, dict):
            return
        ids = holder.get("forgotten_event_ids")
        if isinstance(ids, list):
            self._condensed.update(identity for identity in ids if isinstance(identity, str | int))
        first, last = holder.get("forgotten_events_start_id"), holder.get("forgotten_events_end_id")
        if isinstance(first, int) and isinstance(last, int):
            self._ranges.add((first, last))

    def _is_condensed(self, identity: Any) -> bool:
        if not isinstance(identity, str | int):
            return False
        return identity in self._condensed or (
            isinstance(identity, int) and any(first <= identity <= last for first, last in self._ranges)
        )

    def _message(self, document: Document, event: dict[str, Any], path: Keys) -> Message | None:
        """The message of an event; None if it sends nothing."""
        if self._reader is None:
            # the lengths of later images are not known yet
            self._reader = PartReader(document, self.fields, lengths=None)
        reader = self._reader
        reader.document, reader.blocks_left = document, MOST_BLOCKS
        role = "assistant" if event.get("source") == "agent" and "observation" not in event else "user"
        reader.role = role
        found = _of_the_sdk(event) or _of_the_first_version(event)
        if found is None:
            return None
        keys, content, addresses = found
        root = len(path) + len(keys)
        location = Location(self.path, (*path, *keys), root, document.number)
        message = Message(document.number, document.line, role, location.keys or ())
        answers = "observation" in event
        inside = ("tool_result",) if answers else ()
        blocks: list[Block] = []
        if isinstance(content, str):
            blocks.append(reader.text(content, location))
        elif isinstance(content, list):
            blocks.extend(_blocks(reader, content, location, inside))
        for place, address in addresses:
            here = location._replace(keys=(*path, *place), root=len(path) + len(place))
            blocks.append(reader.address(address, here, inside))
        if answers:
            around = location._replace(keys=(*path, "observation"))
            blocks = [Nested(around, "tool_result", tuple(blocks), None)]
        message.blocks, message.flaws = blocks, reader.flaws
        reader.images, reader.documents, reader.flaws = [], [], []
        return message


_Found = tuple[Keys, Any, list[tuple[Keys, Any]]]
"""The path to a content, the content, and the addresses of images beside it with their paths."""


def _of_the_sdk(event: dict[str, Any]) -> _Found | None:
    """What an event of openhands-sdk sends."""
    message, observation = event.get("llm_message"), event.get("observation")
    if isinstance(message, dict):
        return ("llm_message", "content"), message.get("content"), []
    if isinstance(observation, dict):
        return ("observation", "content"), observation.get("content"), []
    return None


def _of_the_first_version(event: dict[str, Any]) -> _Found | None:
    """What an event of openhands-ai sends."""
    arguments, extras = event.get("args"), event.get("extras")
    if event.get("action") == "message" and isinstance(arguments, dict):
        return ("args", "content"), arguments.get("content"), _addresses(arguments, ("args",))
    if not isinstance(event.get("observation"), str):
        return None
    found: list[tuple[Keys, Any]] = []
    if isinstance(extras, dict):
        found = _addresses(extras, ("extras",))
        if extras.get("trigger_by_action") == _IMAGES_BY_AGENT:
            found += [
                (("extras", key), extras[key])
                for key in ("set_of_marks", "screenshot")
                if isinstance(extras.get(key), str) and extras[key]
            ][:1]
    return ("content",), event.get("content"), found


def _addresses(holder: dict[str, Any], path: Keys) -> list[tuple[Keys, Any]]:
    """The addresses in `image_urls`, which was `images_urls` once."""
    for key in ("image_urls", "images_urls"):
        if isinstance(addresses := holder.get(key), list):
            return [((*path, key, i), address) for i, address in enumerate(addresses)]
    return []


def _blocks(
    reader: PartReader, content: list[Any], location: Location, inside: tuple[str, ...]
) -> list[Block]:
    """The blocks of a content of openhands-sdk, whose images have several addresses each."""
    blocks: list[Block] = []
    for i, part in enumerate(reader.within_blocks(content, location, "content")):
        here = location.at(i)
        here = here._replace(root=len(here.keys or ()))
        if isinstance(part, dict) and part.get("type") == "image":
            # each address is a block of the request
            blocks += [
                reader.address(address, here.at(*keys)._replace(root=here.root + len(keys)), inside)
                for keys, address in _addresses(part, ())
            ]
        else:
            blocks.append(reader.part(part, here, inside))
    return blocks
