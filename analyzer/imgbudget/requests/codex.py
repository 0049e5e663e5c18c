"""Sessions of Codex CLI, one item of the Responses API per line, as the input that the next turn sends.

The format is that of codex-rs/history, `RolloutItem`: lines `{timestamp, ordinal, type, payload}`. What a
session sends after compactions and rollbacks is decided by `reconstruct_history_from_rollout`, which items it
sends by `is_api_message` of `ContextManager` (codex-rs/core/src/session/rollout_reconstruction.rs and
context_manager/history.rs, read 2026-11 at 0cf8861 and 023fad2). Seen in sessions of Codex CLI 0.150 to
0.171.0. Before 0.32 each line was an item. The images in lines of events are copies for its screen, and are
not sent.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import Block, ProbeField, Request, ShapeFlaw, Turn
from imgbudget.requests.base import RequestBody, RequestCollector
from imgbudget.requests.openai import PartReader, read_item
from imgbudget.requests.session_formats import Unsent
from imgbudget.requests.sessions import COMPACTED, ROLLED_BACK, moved, session_request
from imgbudget.slotted import dataclass, field

_SENT = frozenset(
    (
        *("message", "agent_message", "reasoning", "additional_tools", "compaction", "compaction_summary"),
        *("function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"),
        *("tool_search_call", "tool_search_output", "local_shell_call", "web_search_call"),
        *("image_generation_call", "context_compaction"),
    )
)
"""Types of items that are sent; others are only kept in the file."""

_CONTEXT = (
    *("<environment_context>", "<user_instructions>", "# AGENTS.md instructions", "<skill>"),
    *("<user_shell_command>", "<turn_aborted>", "<subagent_notification>"),
)
"""Beginnings of texts that the program adds as the user; they begin no turn."""

_BEGINNING = 64


class _Item(NamedTuple):
    """An item of the input. Locations of `blocks` and `flaws` have no prefix yet; `root` is where it is."""

    document: int
    line: int
    root: Keys
    role: str
    byte_size: int
    blocks: tuple[Block, ...] = ()
    flaws: tuple[ShapeFlaw, ...] = ()


class _TurnStart(NamedTuple):
    """How much of which history there was before a turn of the user."""

    history: int
    length: int


@dataclass(slots=True)
class CodexReader:
    """Collects the items of one session.

    A compaction begins a new history; a rollback goes back to before a turn, maybe in an earlier history.
    """

    path: str
    fields: ProbeField
    forgotten: dict[int, str] = field(default_factory=dict)
    unsent: dict[Unsent, int] = field(default_factory=dict)
    started: bool = False
    _histories: list[list[_Item]] = field(default_factory=lambda: [[]])
    _turns: list[_TurnStart] = field(default_factory=list)
    _reader: PartReader | None = None
    _id: str | None = None
    _model: str | None = None

    def take(self, document: Document) -> bool:
        """Read the next line; whether it adds items to the input."""
        value = document.value
        reader = self._reader_of(document)
        if "payload" not in value:
            return self._old(document, value)
        kind, payload = value["type"], value["payload"]
        if kind == "session_meta":
            self._id = self._id or reader.reference(payload.get("id"))
        elif kind == "turn_context":
            self._model = reader.reference(payload.get("model")) or self._model
        elif kind == "event_msg" and payload.get("type") == "thread_rolled_back":
            self._roll_back(payload.get("num_turns"))
        elif kind == "inter_agent_communication":
            self._begin_turn()
        elif kind == "compacted":
            return self._compact(document, payload.get("replacement_history"))
        elif kind == "response_item":
            return self._add(document, payload, ("payload",))
        return False

    def _old(self, document: Document, value: dict[str, Any]) -> bool:
        """Read a line as before version 0.32, which is an item, a header or a state."""
        if "type" in value:
            return self._add(document, value, ())
        self._id = self._id or self._reader_of(document).reference(value.get("id"))
        return False

    def requests(self) -> Iterator[Request]:
        """The request of the next turn, if there was any item."""
        items = self._histories[-1]
        for history in self._histories[:-1]:
            self._forget(history, COMPACTED)
        for item in items:
            self.forgotten.pop(item.line, None)
        if not items or self._reader is None:
            return
        collector = RequestCollector(self._reader.document, self.fields, lengths=None)
        turns: list[Turn] = []
        for number, item in enumerate(items):
            prefix = ("input", number)
            location = Location(self.path, item.root, len(item.root), item.document, prefix)
            if item.blocks:
                blocks = tuple([moved(block, prefix, number) for block in item.blocks])
                turns.append(Turn(location, item.role, blocks))
            for flaw in item.flaws:
                collector.flaw(flaw.location._replace(prefix=prefix), flaw.message, flaw.help)
        where = RequestBody(
            Location(self.path, (), 0, items[0].document),
            items[0].line,
            sum(item.byte_size for item in items),
        )
        yield session_request(
            tuple(turns), collector, where, id=self._id, model=self._model, platform="openai"
        )

    def _compact(self, document: Document, replacement: Any) -> bool:
        """Begin the history that replaces the one so far; without one, only its texts are sent again."""
        self._histories.append([])
        items = replacement if isinstance(replacement, list) else []
        added = [
            self._add(document, item, ("payload", "replacement_history", number), begins_turn=False)
            for number, item in enumerate(items)
            if isinstance(item, dict)
        ]
        return any(added)

    def _roll_back(self, count: Any) -> None:
        """Go back to before the last turns of the user; `count` is how many."""
        turns = count if isinstance(count, int) else 0
        if turns <= 0 or not self._turns:
            return
        start = self._turns[max(len(self._turns) - turns, 0)]
        del self._turns[-turns:]
        for history in self._histories[start.history + 1 :]:
            self._forget(history, ROLLED_BACK)
        del self._histories[start.history + 1 :]
        self._forget(self._histories[-1][start.length :], ROLLED_BACK)
        del self._histories[-1][start.length :]

    def _forget(self, items: list[_Item], reason: str) -> None:
        self.forgotten.update((item.line, reason) for item in items)

    def _begin_turn(self) -> None:
        self._turns.append(_TurnStart(len(self._histories) - 1, len(self._histories[-1])))

    def _add(self, document: Document, item: dict[str, Any], root: Keys, *, begins_turn: bool = True) -> bool:
        """Add an item to the history; whether it is sent."""
        kind, role = item.get("type"), item.get("role")
        if not isinstance(kind, str) or kind not in _SENT or role == "system":
            return False
        self.started = True
        reader = self._reader_of(document)
        if begins_turn and (kind == "agent_message" or self._is_prompt(document, item)):
            self._begin_turn()
        turn = read_item(reader, item, Location(self.path, root, len(root), document.number))
        span = document.spans([root]).get(root)
        self._histories[-1].append(
            _Item(
                document=document.number,
                line=document.line,
                root=root,
                role=turn.role if turn else "assistant",
                byte_size=span.end - span.start if span else 0,
                blocks=turn.blocks if turn else (),
                flaws=tuple(reader.flaws),
            )
        )
        reader.images, reader.documents, reader.flaws = [], [], []
        return True

    def _is_prompt(self, document: Document, item: dict[str, Any]) -> bool:
        """Whether an item is a message of the user, not one that the program adds as the user."""
        if item.get("type") != "message" or item.get("role") != "user":
            return False
        content = item.get("content")
        for part in content if isinstance(content, list) else ():
            text = part.get("text") if isinstance(part, dict) else None
            if isinstance(text, str) and document.text(text, _BEGINNING).lstrip().startswith(_CONTEXT):
                return False
        return True

    def _reader_of(self, document: Document) -> PartReader:
        if self._reader is None:
            # the lengths of later images are not known yet
            self._reader = PartReader(document, self.fields, lengths=None)
        self._reader.document = document
        return self._reader
