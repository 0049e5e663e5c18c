"""Sessions of opencode: an export, a part in a file of its storage, and the rows of its database.

The format is that of packages/opencode/src/session (anomalyco/opencode at 007a940, read 2026-11): parts and
`toModelMessages`, which decides what is sent, in message-v2.ts, compactions in `filterCompacted` there,
`revert` in revert.ts, tables in session.sql.ts. Seen in exports and the database of opencode 1.18.33. Before
1.2 each part was a file, `storage/part/MESSAGE/PART.json`; it is checked alone. Kilo Code 7 has the same.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Location
from imgbudget.model.subjects import (
    Block,
    DocumentUse,
    ImageUse,
    Nested,
    Origin,
    Other,
    ProbeField,
    Request,
)
from imgbudget.requests.base import PDF, RequestCollector, kind_of
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import COMPACTED, ROLLED_BACK, Message, assemble, value_of_file
from imgbudget.slotted import dataclass, field

_SCHEME = 16
_READ_AS_TEXT = ("text/plain", "application/x-directory")
_ABORTED = "MessageAbortedError"


class HistoryEntry(NamedTuple):
    """A message by what decides whether it is sent again.

    `tail` is the id of the first message that its compaction keeps, empty if it keeps none, None if it is no
    compaction. `completes` is the id of the message whose compaction it is the summary of.
    """

    id: str | None
    tail: str | None = None
    completes: str | None = None
    is_summary: bool = False


def entry_of(info: Any, parts: Iterable[Any]) -> HistoryEntry:
    """The entry of a message."""
    info = info if isinstance(info, dict) else {}
    identity, tail, completes = info.get("id"), None, None
    for part in parts:
        if isinstance(part, dict) and part.get("type") == "compaction" and info.get("role") == "user":
            start = part.get("tail_start_id")
            tail = start if isinstance(start, str) else ""
    is_summary = info.get("role") == "assistant" and info.get("summary") is True and not info.get("error")
    if is_summary and info.get("finish") and isinstance(info.get("parentID"), str):
        completes = info["parentID"]
    return HistoryEntry(identity if isinstance(identity, str) else None, tail, completes, is_summary)


def not_sent(entries: Sequence[HistoryEntry], revert: Any) -> dict[int, str]:
    """The numbers of messages that are not sent again, with the reason."""
    end = len(entries)
    back = revert.get("messageID") if isinstance(revert, dict) else None
    if isinstance(back, str):
        named = (number for number, entry in enumerate(entries) if entry.id == back)
        end = next((number + (1 if revert.get("partID") else 0) for number in named), end)
    gone = dict.fromkeys(range(end, len(entries)), ROLLED_BACK)
    first = _first_sent(entries[:end])
    return gone | dict.fromkeys(range(first), COMPACTED)


def _first_sent(entries: Sequence[HistoryEntry]) -> int:
    """The number of the first message that is sent: the last complete compaction, or what it keeps."""
    completed: set[str] = set()
    for number in range(len(entries) - 1, -1, -1):
        entry = entries[number]
        if entry.tail is not None and entry.id in completed:
            kept = (before for before in range(number) if entries[before].id == entry.tail)
            return next(kept, number)
        if entry.completes:
            completed.add(entry.completes)
    if any(entry.tail is not None for entry in entries):
        return 0
    # before there were compaction parts, a summary began the history
    summaries = [number for number, entry in enumerate(entries) if entry.is_summary]
    return summaries[-1] if summaries else 0


class OpencodeParts(RequestCollector):
    """Reads the parts of messages."""

    __slots__ = ()

    def turns(
        self, info: Any, parts: Iterable[tuple[Any, Location]], until: Any = None
    ) -> Iterator[tuple[str, list[Block]]]:
        """The turns that a message makes: results of tools follow each step of an answer, as the user.

        `until` is the id of the part from which on they were reverted.
        """
        info = info if isinstance(info, dict) else {}
        answers = info.get("role") == "assistant"
        if answers and _failed(info):
            return
        own: list[Block] = []
        results: list[Block] = []
        for part, location in parts:
            if not isinstance(part, dict):
                self.flaw(location, f"a part is {kind_of(part)}, not an object")
                continue
            if until is not None and part.get("id") == until:
                break
            if answers and part.get("type") == "step-start":
                yield from _sent(own, results)
                own, results = [], []
            self.role = "assistant" if answers else "user"
            self._part(part, location, own, results, answers=answers)
        if answers:
            yield from _sent(own, results)
        elif own:
            yield "user", own

    def _part(
        self,
        part: dict[str, Any],
        location: Location,
        own: list[Block],
        results: list[Block],
        *,
        answers: bool,
    ) -> None:
        kind, text = part.get("type"), part.get("text")
        if kind == "text" and isinstance(text, str):
            if not part.get("ignored"):
                own.append(self.text(text, location))
        elif kind == "file" and not answers:
            if part.get("mime") not in _READ_AS_TEXT:
                own.append(self.file(part, location))
        elif kind == "tool" and answers:
            own.append(Other(location, "tool_use"))
            self.role = "user"
            results.append(self._result(part, location))

    def _result(self, part: dict[str, Any], location: Location) -> Nested:
        """The result of a tool, without what was cleared or failed."""
        state = part.get("state")
        call = self.reference(part.get("callID"))
        if not isinstance(state, dict) or state.get("status") != "completed":
            return Nested(location, "tool_result", (), call)
        time = state.get("time")
        if isinstance(time, dict) and time.get("compacted"):
            return Nested(location, "tool_result", (), call)
        blocks: list[Block] = []
        if isinstance(state.get("output"), str):
            blocks.append(self.text(state["output"], location.at("state", "output")))
        attached = state.get("attachments")
        for number, item in enumerate(attached if isinstance(attached, list) else ()):
            here = location.at("state", "attachments", number)
            if isinstance(item, dict):
                blocks.append(self.file(item, here, ("tool_result",)))
            else:
                self.flaw(here, f"an attachment is {kind_of(item)}, not an object")
        return Nested(location, "tool_result", tuple(blocks), call)

    def file(self, value: dict[str, Any], location: Location, inside: tuple[str, ...] = ()) -> Block:
        """An attached file: an image, a document, or something else."""
        mime, url = value.get("mime"), value.get("url")
        mime = mime if isinstance(mime, str) else None
        if mime is not None and not mime.startswith("image/"):
            return self._document(url, location) if mime == PDF else Other(location, mime)
        if not isinstance(url, str):
            self.flaw(location, f"url of a file is {kind_of(url)}, not a string")
            return self.image(location, Origin.UNKNOWN, inside)
        if self._is_data(url):
            use: ImageUse = self.base64_image(url, location, inside, prefixed=True)
            return use._replace(declared=mime or use.declared)
        return self.image(location, Origin.URL, inside, reference=self.reference(url))

    def _document(self, url: Any, location: Location) -> DocumentUse:
        is_data = isinstance(url, str) and self._is_data(url)
        pdf = self.pdf(url, prefixed=True) if is_data else None
        return DocumentUse(
            location=location,
            origin=Origin.BASE64 if is_data else Origin.URL,
            media_type=PDF,
            pages=pdf and pdf.pages,
            byte_size=pdf and pdf.byte_size,
            uncounted=pdf and pdf.uncounted,
        )

    def _is_data(self, url: str) -> bool:
        return self.document.payload(url).text(_SCHEME)[:5].lower() == "data:"


def _failed(info: dict[str, Any]) -> bool:
    """Whether an answer failed otherwise than by being aborted; it is not sent."""
    error = info.get("error")
    return bool(error) and not (isinstance(error, dict) and error.get("name") == _ABORTED)


def _sent(own: list[Block], results: list[Block]) -> Iterator[tuple[str, list[Block]]]:
    if own:
        yield "assistant", own
    if results:
        yield "user", results


def model_of(infos: Iterable[Any]) -> Any:
    """The model of the last message that names one: of a message of the user, or of an answer."""
    found = None
    for info in infos:
        if isinstance(info, dict):
            named = info.get("model")
            own = named.get("modelID") if isinstance(named, dict) else None
            found = own or info.get("modelID") or found
    return found


@dataclass(slots=True)
class OpencodeReader:
    """Collects the sessions of one file, one in each document. `unsent` counts what they do not send."""

    path: str
    fields: ProbeField
    forgotten: dict[int, str] = field(default_factory=dict)
    unsent: dict[Unsent, int] = field(default_factory=dict)
    started: bool = False
    _made: list[Request] = field(default_factory=list)

    def take(self, document: Document) -> bool:
        """Read the next session, or the next part of one; whether it has messages."""
        value = document.value
        reader = OpencodeParts(document, self.fields, lengths=None)
        if "messages" in value:
            session, messages = self._session(document, reader, value)
            infos = [one.get("info") for one in value["messages"] if isinstance(one, dict)]
            model = reader.reference(model_of(infos)) or _sessions_model(reader, value)
        else:
            session, messages = reader.reference(value.get("sessionID")), self._alone(document, reader, value)
            model = reader.reference(_model_beside(self.path, value))
        self.started |= bool(messages)
        if not messages:
            return False
        collector = RequestCollector(document, self.fields, lengths=None)
        self._made.append(assemble(messages, document, collector, self.path, id=session, model=model))
        return True

    def requests(self) -> Iterator[Request]:
        """The requests that the next turns of all sessions send."""
        yield from self._made

    def _alone(self, document: Document, reader: OpencodeParts, part: dict[str, Any]) -> list[Message]:
        """The messages of a part that is a whole file."""
        info = {"role": "assistant" if part.get("type") == "tool" else "user"}
        message = Message(document.number, document.line, "user", ("parts",))
        for role, blocks in reader.turns(info, [(part, Location(self.path, (), 0, document.number))]):
            message.role, message.blocks = role, blocks  # of a tool, the last turn has its result
        message.byte_size = document.end - document.start
        message.flaws, reader.flaws = reader.flaws, []
        return [message] if message.blocks or message.flaws else []

    def _session(
        self, document: Document, reader: OpencodeParts, value: dict[str, Any]
    ) -> tuple[str | None, list[Message]]:
        """The id of an exported session, and the messages that it sends."""
        info = value["info"] if isinstance(value.get("info"), dict) else {}
        revert = info.get("revert")
        entries, parts = [], []
        for message in value["messages"]:
            message = message if isinstance(message, dict) else {}  # noqa: PLW2901 - an odd one has nothing
            here = message.get("parts")
            parts.append(here if isinstance(here, list) else [])
            entries.append(entry_of(message.get("info"), parts[-1]))
        gone = not_sent(entries, revert)
        for reason in gone.values():
            what = Unsent("message", reason)
            self.unsent[what] = self.unsent.get(what, 0) + 1
        until = revert.get("partID") if isinstance(revert, dict) else None
        messages: list[Message] = []
        for number, message in enumerate(value["messages"]):
            if number in gone or not isinstance(message, dict):
                continue
            keys = ("messages", number, "parts")
            place = Location(self.path, keys, len(keys), document.number)
            located = [
                (part, place._replace(keys=(*keys, i), root=len(keys) + 1))
                for i, part in enumerate(parts[number])
            ]
            size = document.spans([keys]).get(keys)
            for role, blocks in reader.turns(message.get("info"), located, until):
                made = Message(document.number, document.line, role, keys, blocks=blocks)
                made.byte_size, size = (size.end - size.start if size else 0), None
                made.flaws, reader.flaws = reader.flaws, []
                messages.append(made)
        return reader.reference(info.get("id")), messages


def _model_beside(path: str, part: dict[str, Any]) -> Any:
    """The model of the message of a part, from its file in the storage."""
    message, session = part.get("messageID"), part.get("sessionID")
    folders = os.path.dirname(os.path.dirname(os.path.dirname(path)))
    if not (isinstance(message, str) and isinstance(session, str)) or {"/", os.sep} & {*message, *session}:
        return None
    if os.path.basename(os.path.dirname(path)) != message:
        return None
    info = value_of_file(os.path.join(folders, "message", session, f"{message}.json"))
    return model_of([info])


def _sessions_model(reader: OpencodeParts, value: dict[str, Any]) -> str | None:
    info = value.get("info")
    model = info.get("model") if isinstance(info, dict) else None
    return reader.reference(model.get("id")) if isinstance(model, dict) else None
