"""A message that arrives in events: what it holds so far, whatever its events are."""

from collections.abc import Mapping
from typing import Any

from imgbudget.errors import UnreadableError
from imgbudget.live.client import Scrubber
from imgbudget.live.untrusted import read_json

MOST_EVENTS = 1_000_000
"""Events of one stream: the longest answer of a model has 128,000 tokens, about one to an event."""
_JOINED = {"text_delta": "text", "thinking_delta": "thinking", "signature_delta": "signature"}
"""Deltas whose text is added to a member of their block, by type (SDK 2.14)."""


class StreamedMessage:
    """Takes the events of a stream one by one, and puts the message together."""

    def __init__(self, scrubber: Scrubber) -> None:
        """Mask secrets with this scrubber."""
        self._scrubber = scrubber
        self._message: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[tuple[int, str], list[str]] = {}
        self._events = 0
        self.texts: list[str] = []
        self.error: Mapping[str, Any] | None = None
        """The error that ended the stream, as the API writes it."""
        self.is_over: bool = False

    def add(self, name: str, data: str | Mapping[str, Any]) -> str:
        """Take an event; the text in it.

        Raises:
            UnreadableError: it cannot be read, or there are too many; the text says why.
        """
        self._events += 1
        if self._events > MOST_EVENTS:
            raise UnreadableError(f"the stream has more than {MOST_EVENTS:,} events")
        if name == "ping" or not data:
            return ""
        event = data if isinstance(data, dict) else self._read(str(data))
        match event.get("type", name):
            case "error":
                self.error = event
            case "message_start":
                self._message = _mapping(event, "message")
                self._usage |= _given(self._message.get("usage"))
            case "content_block_start":
                self._blocks[_index(event)] = dict(_mapping(event, "content_block"))
            case "content_block_delta":
                return self._delta(_index(event), _mapping(event, "delta"))
            case "message_delta":
                self._message |= _given(_mapping(event, "delta"))
                self._usage |= _given(event.get("usage"))
            case "message_stop":
                self.is_over = True
        return ""

    def _read(self, data: str) -> dict[str, Any]:
        try:
            event = read_json(data, self._scrubber)
        except UnreadableError as error:
            raise UnreadableError(f"an event is not JSON: {error}") from None
        if not isinstance(event, dict):
            raise UnreadableError("an event is not a JSON object")
        return event

    def _delta(self, index: int, delta: Mapping[str, Any]) -> str:
        kind = delta.get("type")
        member = "partial_json" if kind == "input_json_delta" else _JOINED.get(str(kind))
        if member is None:
            return ""
        piece = delta.get(member)
        if not isinstance(piece, str):
            raise UnreadableError(f"an event without its {member}")
        self._blocks.setdefault(index, {"type": "text"} if member == "text" else {})
        self._pieces.setdefault((index, member), []).append(piece)
        if member != "text":
            return ""
        self.texts.append(piece)
        return piece

    def message(self) -> dict[str, Any]:
        """The message as far as it has arrived; its stop_reason is null before the end."""
        for (index, member), pieces in self._pieces.items():
            text = self._scrubber.clean("".join(pieces))
            block = self._blocks[index]
            if member == "partial_json":
                try:
                    block["input"] = read_json(text or "{}", self._scrubber)
                except UnreadableError:
                    block["partial_json"] = text
            else:
                block[member] = text
        content = [
            block for _, block in sorted(self._blocks.items()) if block != {"type": "text", "text": ""}
        ]
        return {"stop_reason": None, **self._message, "content": content, "usage": self._usage}


def _mapping(event: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = event.get(key)
    if not isinstance(value, dict):
        raise UnreadableError(f"an event without its {key}")
    return value


def _index(event: Mapping[str, Any]) -> int:
    index = event.get("index")
    if not isinstance(index, int):
        raise UnreadableError("an event without its index")
    return index


def _given(usage: object) -> dict[str, Any]:
    """The members that are not null."""
    return (
        {key: value for key, value in usage.items() if value is not None} if isinstance(usage, dict) else {}
    )
