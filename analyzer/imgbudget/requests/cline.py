"""Sessions of Cline, Roo Code and Kilo Code: one JSON file, as the request that its next turn sends.

- Cline 3 (CLI): `ID.messages.json` and `ID.compaction.json` (cline/cline at 21cb8d2:
  sdk/packages/core/docs/messages-contract-v1.md, `ContentBlock` in sdk/packages/shared/src/llms/messages.ts,
  `projectSessionCompactionState` in sdk/packages/core/src/session/models/session-compaction.ts; seen in
  3.0.65). The hash of what was compacted is not computed: a compaction is taken to be that of its session.
- Cline before that: `api_conversation_history.json`, an array of messages; `conversationHistoryDeletedRange`
  in `ui_messages.json` beside it (`applyLegacyDeletedRange` in apps/vscode/src/sdk/legacy-task-handling.ts).
- Roo Code, and Kilo Code before its version 7: the same array, with summaries and truncation markers
  (RooCodeInc/Roo-Code at cb83656: `getEffectiveApiHistory` in src/core/condense/index.ts).
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Block, ImageUse, Nested, Origin, Other, ProbeField, Request
from imgbudget.requests.base import RequestCollector, kind_of
from imgbudget.requests.messages import BlockReader, answered_toolsets
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import COMPACTED, Message, assemble, value_of_file
from imgbudget.slotted import dataclass, field

OMITTED = "replaced by a text when Cline sends it, because it is empty, too large or not base64"
TRUNCATED = "truncated from the session, not sent again"

_MAX_IMAGE, _MAX_MEDIA = 5 << 20, 8 << 20
"""Bytes of base64 of an image and of all images that Cline sends (sdk/packages/shared/src/llms/media.ts)."""

_FIRST_TO_OMIT = (3, 0, 25)
"""The first version that omits images (cline/cline#11520, in cli-v3.0.25)."""

_IMAGE_TYPES = frozenset(("image/png", "image/jpeg", "image/gif", "image/webp"))

_MOST_DETAILS = 1 << 15
"""Characters of the details of the environment in which a model is searched."""


class ClineBlockReader(BlockReader):
    """Reads blocks of the Messages API, and those that only Cline has."""

    __slots__ = ()

    def block(self, value: Any, location: Location, inside: tuple[str, ...]) -> Block:
        """One block; `inside` are the types of its parent blocks, outermost first."""
        if not isinstance(value, dict):
            return BlockReader.block(self, value, location, inside)
        kind = value.get("type")
        if kind == "image" and "source" not in value:
            data, declared = value.get("data"), value.get("mediaType")
            if not isinstance(data, str):
                self.flaw(location, f"data of an image is {kind_of(data)}, not base64 text")
                return self.image(location, Origin.UNKNOWN, inside)
            declared = declared if isinstance(declared, str) else None
            return self.base64_image(data, location, (), declared=declared)
        if kind == "file" and isinstance(value.get("content"), str):
            return self.text(value["content"], location)
        if kind is None and "result" in value:
            return self._operation(value["result"], location, inside)
        if kind is None and inside:
            return Other(location, "")  # the results of a search, ...
        return BlockReader.block(self, value, location, inside)

    def _operation(self, result: Any, location: Location, inside: tuple[str, ...]) -> Block:
        """One of several results of a tool, as `{query, result, success}`."""
        here = location.at("result")
        if isinstance(result, str | list):
            return Nested(location, "tool_result", self.content(result, here, (*inside, "tool_result")))
        return Other(location, "")


@dataclass(slots=True)
class ClineReader:
    """Collects the sessions of one file, one in each document. `unsent` counts what they do not send."""

    path: str
    fields: ProbeField
    forgotten: dict[int, str] = field(default_factory=dict)
    unsent: dict[Unsent, int] = field(default_factory=dict)
    started: bool = False
    _made: list[Request] = field(default_factory=list)

    def take(self, document: Document) -> bool:
        """Read the next session; whether it has messages."""
        value = document.value
        array, keys = (value, ()) if isinstance(value, list) else (value["messages"], ("messages",))
        reader = ClineBlockReader(document, self.fields, lengths=None, toolsets={})
        gone, orphans = self._not_sent(document, value, array)
        self._count("message", gone.values())
        messages = [
            self._message(reader, message, (*keys, number), orphans.get(number))
            for number, message in enumerate(array)
            if number not in gone and isinstance(message, dict) and "content" in message
        ]
        if not isinstance(value, list) and _omits_images(value):
            self._omit(messages)
        named = value if isinstance(value, dict) else {}
        session = named.get("sessionId") or named.get("session_id") or named.get("conversation_id")
        self.started |= bool(messages)
        if not messages:
            return False
        self._made.append(
            assemble(
                messages,
                document,
                RequestCollector(document, self.fields, lengths=None),
                self.path,
                id=reader.reference(session),
                model=_model(reader, array),
            )
        )
        return True

    def requests(self) -> Iterator[Request]:
        """The requests that the next turns of all sessions send."""
        yield from self._made

    def _count(self, noun: str, reasons: Any) -> None:
        for reason in reasons:
            what = Unsent(noun, reason)
            self.unsent[what] = self.unsent.get(what, 0) + 1

    def _message(
        self, reader: ClineBlockReader, value: dict[str, Any], root: Keys, is_orphan: "_IsOrphan | None"
    ) -> Message:
        document, content = reader.document, value["content"]
        reader.role = value["role"] if value.get("role") in ("user", "assistant") else "user"
        keys = (*root, "content")
        message = Message(document.number, document.line, reader.role, keys)
        location = Location(self.path, keys, len(keys), document.number)
        if isinstance(content, str):
            message.blocks.append(reader.text(content, location))
        elif isinstance(content, list):
            if found := answered_toolsets({"messages": [value]}):
                reader.toolsets = {**(reader.toolsets or {}), **found}
            for i, item in enumerate(content):
                if is_orphan is None or not is_orphan(item):
                    here = location._replace(keys=(*keys, i), root=len(keys) + 1)
                    message.blocks.append(reader.block(item, here, ()))
        else:
            flawed = location._replace(keys=root, root=len(root))
            reader.flaw(flawed, f"content is {kind_of(content)}, not a string or an array of blocks")
        message.flaws = reader.flaws
        reader.images, reader.documents, reader.flaws = [], [], []
        if span := document.spans([keys]).get(keys):
            message.byte_size = span.end - span.start
        return message

    def _not_sent(
        self, document: Document, value: Any, array: list[Any]
    ) -> tuple[dict[int, str], dict[int, "_IsOrphan"]]:
        """Which messages are not sent, with the reason, and which results of the others are not."""
        if isinstance(value, dict):
            count, kept = (0, set()) if "source_message_count" in value else self._compacted(document)
            named = enumerate(array[:count] if count <= len(array) else ())
            return {number: COMPACTED for number, entry in named if _id_of(entry) not in kept}, {}
        end = self._deleted(document)
        if end is not None and 2 <= end < len(array) - 1:
            return dict.fromkeys(range(2, end + 1), TRUNCATED), {end + 1: _is_result}
        return _condensed(array)

    def _compacted(self, document: Document) -> tuple[int, set[str]]:
        """How many messages were compacted, and the ids of those kept, from the file beside the session."""
        beside = self._beside(document, ".messages.json", ".compaction.json")
        count = beside.get("source_message_count") if isinstance(beside, dict) else None
        messages = beside.get("messages") if isinstance(beside, dict) else None
        if not isinstance(count, int) or isinstance(count, bool) or not isinstance(messages, list):
            return 0, set()
        return max(count, 0), {identity for message in messages if (identity := _id_of(message))}

    def _deleted(self, document: Document) -> int | None:
        """The number of the last message that was deleted, from the file beside the session."""
        beside = self._beside(document, "api_conversation_history.json", "ui_messages.json")
        for entry in reversed(beside if isinstance(beside, list) else []):
            deleted = entry.get("conversationHistoryDeletedRange") if isinstance(entry, dict) else None
            if isinstance(deleted, list) and len(deleted) == 2:
                return deleted[1] if isinstance(deleted[1], int) else None
        return None

    def _beside(self, document: Document, ending: str, other: str) -> Any:
        """The value of the file whose name has another ending; None if there is none."""
        if document.number or not self.path.endswith(ending):
            return None
        return value_of_file(self.path.removesuffix(ending) + other)

    def _omit(self, messages: list[Message]) -> None:
        """Leave out the images that Cline replaces by a text, in the order in which it reserves bytes."""
        left = _MAX_MEDIA

        def kept(block: Block) -> Block:
            nonlocal left
            if isinstance(block, Nested):
                return block._replace(blocks=tuple([kept(inner) for inner in block.blocks]))
            if not isinstance(block, ImageUse) or block.source_type != "base64" or not _is_clines(block):
                return block
            size = block.base64_size or 0
            if not size or block.flaws or size > min(_MAX_IMAGE, left) or block.declared not in _IMAGE_TYPES:
                self._count("image", (OMITTED,))
                return Other(block.location, "image")
            left -= size
            return block

        for message in messages:
            message.blocks = [kept(block) for block in message.blocks]


_IsOrphan = Callable[[Any], bool]
"""Whether a block is the result of a call that is not sent."""


def _id_of(message: Any) -> str:
    identity = message.get("id") if isinstance(message, dict) else None
    return identity if isinstance(identity, str) else ""


def _is_result(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "tool_result"


def _is_clines(use: ImageUse) -> bool:
    """Whether an image is one of Cline's own blocks, not of the Messages API."""
    return (use.location.keys or ("source",))[-1] != "source"


def _omits_images(value: dict[str, Any]) -> bool:
    """Whether the version of Cline that wrote a session leaves out images that it takes for unusable."""
    origin = value.get("origin")
    if not isinstance(origin, dict) or origin.get("source") != "cli":
        return False
    version = origin.get("version")
    found = re.match(r"(\d{1,6})\.(\d{1,6})\.(\d{1,6})", version) if isinstance(version, str) else None
    return found is not None and tuple(map(int, found.groups())) >= _FIRST_TO_OMIT


def _condensed(array: list[Any]) -> tuple[dict[int, str], dict[int, _IsOrphan]]:
    """What is not sent after the last summary, and the results in it whose calls were before it."""
    entries = [entry if isinstance(entry, dict) else {} for entry in array]
    summaries = [number for number, entry in enumerate(entries) if entry.get("isSummary") is True]
    first = summaries[-1] if summaries else 0
    gone = dict.fromkeys(range(first), COMPACTED)
    markers = _names("truncationId", [one for one in entries[first:] if one.get("isTruncationMarker")])
    for number, entry in enumerate(entries[first:], first):
        if (parent := entry.get("truncationParent")) and isinstance(parent, str) and parent in markers:
            gone[number] = TRUNCATED
    if not summaries:
        return gone, {}
    calls = {
        identity
        for entry in entries[first:]
        if entry.get("role") == "assistant" and isinstance(entry.get("content"), list)
        for block in entry["content"]
        if isinstance(block, dict) and block.get("type") == "tool_use"
        if isinstance(identity := block.get("id"), str)
    }

    def is_orphan(block: Any) -> bool:
        return _is_result(block) and not (
            isinstance(identity := block.get("tool_use_id"), str) and identity in calls
        )

    users = (number for number, entry in enumerate(entries) if entry.get("role") == "user")
    return gone, dict.fromkeys(users, is_orphan)


def _names(key: str, entries: list[dict[str, Any]]) -> set[str]:
    return {name for entry in entries if isinstance(name := entry.get(key), str)}


_model_tag = re.compile(r"<model>\s*([^<>\s]{1,200})\s*</model>").search


def _model(reader: ClineBlockReader, array: list[Any]) -> str | None:
    """The model of the last answer, or, in Roo Code, the one in the details of the environment."""
    for message in reversed(array):
        if not isinstance(message, dict):
            continue
        named = message.get("modelInfo")
        if isinstance(named, dict) and (found := reader.reference(named.get("id") or named.get("modelId"))):
            return found
        content = message.get("content") if message.get("role") == "user" else None
        for block in reversed(content if isinstance(content, list) else []):
            text = block.get("text") if isinstance(block, dict) else None
            if not isinstance(text, str):
                continue
            details = reader.document.text(text, _MOST_DETAILS)
            if details.lstrip().startswith("<environment_details>") and (tag := _model_tag(details)):
                return tag[1]
    return None
