"""The prompts of requests as a prompt cache sees them: blocks in order, each as a hash and a length.

A cache holds the beginnings of prompts. Where a later request of the same conversation has another block, all
that follows is processed and written again. Only hashes are kept of earlier requests, never their bodies.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from imgbudget.errors import UnreadableError
from imgbudget.jsontext.document import Document
from imgbudget.jsontext.scanner import LONG
from imgbudget.model.location import Keys
from imgbudget.model.prompts import Prompt, PromptBlock
from imgbudget.model.subjects import Request

MARKS = ("cache_control", "cachePoint")
"""Keys that mark what is cached: of Claude's API and of those that pass it on, of Bedrock Converse."""

_AUTOMATIC = frozenset(("openai-chat", "openai-responses", "gemini"))
"""Dialects of APIs that cache without a mark."""

_FIRST = ("tools", "toolConfig", "functions")
_SYSTEM = ("system", "systemInstruction", "system_instruction", "instructions")
_LISTS = ("content", "parts", "tool_calls", "images", "output")
_UNSEEN = frozenset(("role", "id", "status", "type", *MARKS))
"""Keys of a message beside its blocks that are not looked at."""

_PLAIN = {"role", "content"}
_MODEL = frozenset(("assistant", "model"))
_THINKING = frozenset(("thinking", "redacted_thinking", "reasoning"))
"""Types of blocks that the server leaves out of earlier turns by itself."""

_MOST_TURNS = 20_000
_BLANKS = frozenset(" \n\t")

_TEXT_KEYS = {"type", "text", "cache_control"}
_new = tuple.__new__

_DEEPEST = 50
"""Levels of values inside a block that are compared."""

_LONGEST = 1 << 20
"""Characters of a text that are hashed; of longer ones the ends and the length."""

_INSIDE = ("content", "output", "toolResult", "parts")

_HEAD, _TAIL = 1024, 256
"""Characters of a base64 text that tell it from others, with its length: checksums are at its end."""


wanted: ContextVar[bool] = ContextVar("wanted", default=True)
"""Whether prompts are read: requests are compared only where a file may have several."""


def prompt_of(document: Document, body: Any, turns_key: str, request: Request) -> Prompt | None:
    """The prompt of a request of a document; None if it is certain that nothing of it is cached."""
    if not wanted.get() or not isinstance(body, dict) or not isinstance(turns := body.get(turns_key), list):
        return None
    if not _may_cache_itself(request) and not any(document.mentions(mark) for mark in MARKS):
        return None
    if len(turns) > _MOST_TURNS:
        return None
    try:
        return _Reader(document, request).prompt(body, turns_key, turns)
    except UnreadableError:  # a text that no rule has read
        return None


def _may_cache_itself(request: Request) -> bool:
    """Whether the API of a request may cache without a mark.

    A body of texts alone, as it is once its images are removed, has the same shape in several APIs.
    """
    if request.dialect == "messages":
        return request.model is not None and "claude" not in request.model.lower()
    return request.dialect in _AUTOMATIC


class _Reader:
    """Reads the prompt of one request."""

    def __init__(self, document: Document, request: Request) -> None:
        self.document, self.request = document, request
        self.long_strings = document.long_strings
        self.is_marked = any(document.mentions(mark) for mark in MARKS)
        self.blocks: list[PromptBlock] = []
        self.marked, self.hour = 0, False
        self.characters = 0
        self.root = len(request.location.keys or ())
        self.images: dict[Keys, list[int]] = {}
        for number, use in enumerate(request.images):
            keys = (use.location.keys or ())[self.root :]
            for length in (2, 3, 4, 6, 7):
                if length == 2 or len(keys) >= length:
                    self.images.setdefault(keys[:length], []).append(number)

    def prompt(self, body: dict[str, Any], turns_key: str, turns: list[Any]) -> Prompt:
        """The whole prompt."""
        for key in (*_FIRST, *_SYSTEM):
            if key in body:
                self.add_all(body[key], (key,))
        for at, turn in enumerate(turns):
            self.add_turn(turn, (turns_key, at))
        if isinstance(body.get("cache_control"), dict):
            self.mark(body["cache_control"])
        return Prompt(tuple(self.blocks), self.marked, self.hour)

    def add_turn(self, turn: Any, keys: Keys) -> None:
        """Add the blocks of one message."""
        if not isinstance(turn, dict):
            self.add(turn, keys)
            return
        answer = _is_one_of(turn.get("role"), _MODEL) or turn.get("type") == "function_call"
        if turn.keys() == _PLAIN:  # most messages
            self.add_all(turn["content"], (*keys, "content"), answer=answer)
            return
        if _is_one_of(turn.get("type"), _THINKING):
            return
        if not any(key in turn for key in _LISTS):
            self.add(turn, keys, answer=answer)
            return
        rest = {key: value for key, value in turn.items() if key not in _LISTS and key not in _UNSEEN}
        for key in _LISTS:
            if turn.get(key) not in (None, "", []):
                self.add_all(turn[key], (*keys, key), answer=answer, beside=rest)
        if isinstance(mark := turn.get("cache_control"), dict):
            self.mark(mark)

    def add_all(self, value: Any, keys: Keys, *, answer: bool = False, beside: Any = None) -> None:
        """Add the blocks of a content, or a content that is one text."""
        if not isinstance(value, list):
            self.add(value, keys, answer=answer, beside=beside)
            return
        for at, item in enumerate(value):
            self.add(item, (*keys, at), answer=answer, beside=beside if at == 0 else None)

    def add(self, value: Any, keys: Keys, *, answer: bool = False, beside: Any = None) -> None:
        """Add one block; a mark of Bedrock Converse is none."""
        self.characters = 0
        if isinstance(value, str):
            content = self.hash_of(value)
        elif isinstance(value, dict):
            if isinstance(mark := value.get("cachePoint"), dict):
                self.mark(mark)
                return
            kind = value.get("type")
            if _is_one_of(kind, _THINKING):
                return
            if inside := _inside(value):
                self.add_result(value, inside, keys)
                return
            # a text may as well be given as a plain string
            is_text = kind == "text" and value.keys() <= _TEXT_KEYS
            content = self.hash_of(value.get("text") if is_text else value)
        else:
            content = self.hash_of(value)
        if beside:
            content = hash((content, self.hash_of(beside)))
        images: tuple[int, ...] = ()
        if self.images and keys in self.images:
            images = tuple(self.images[keys])
            self.characters = self.characters_beside(images) if _holds_blocks(value) else 0
        self.blocks.append(_new(PromptBlock, (content, self.characters, keys, images, answer)))
        if self.is_marked and isinstance(value, dict):
            for mark in _marks(value):
                self.mark(mark)

    def add_result(self, value: dict[str, Any], inside: Keys, keys: Keys) -> None:
        """Add a result of a tool: what it is, then each of the blocks in it."""
        holder = value
        for key in inside[:-1]:
            holder = holder[str(key)]
        around = {key: item for key, item in holder.items() if key != inside[-1]}
        self.characters = 0
        content = self.hash_of(around)
        self.blocks.append(PromptBlock(content, self.characters, keys))
        self.add_all(holder[str(inside[-1])], (*keys, *inside))
        if isinstance(mark := value.get("cache_control"), dict):
            self.mark(mark)

    def characters_beside(self, images: Iterable[int]) -> int:
        """The characters of a block without short base64 texts of its images, which were counted as text."""
        sizes = (self.request.images[at].base64_size or 0 for at in images)
        return max(self.characters - sum(size for size in sizes if size < LONG), 0)

    def mark(self, mark: Mapping[str, Any]) -> None:
        """All so far is cached."""
        self.marked = len(self.blocks)
        self.hour = self.hour or mark.get("ttl") == "1h"

    def hash_of(self, value: Any, depth: int = 0) -> int:
        """The hash of a JSON value without marks; counts the characters of its texts."""
        if isinstance(value, str):
            if value in self.long_strings:
                return self.hash_of_long_text(value)
            self.characters += len(value)
            return hash(value)
        if depth > _DEEPEST:
            return 0
        if isinstance(value, dict):
            items: list[Any] = []
            for key, item in value.items():  # a plain loop: there are many small blocks
                if key in MARKS:
                    continue
                if isinstance(item, str) and item not in self.long_strings:
                    self.characters += len(item)
                    items += (key, item)
                else:
                    items += (key, self.hash_of(item, depth + 1))
            return hash(tuple(items))
        if isinstance(value, list):
            return hash(("list", *[self.hash_of(item, depth + 1) for item in value]))
        self.characters += 4
        return hash((type(value).__name__, value))

    def hash_of_long_text(self, text: str) -> int:
        """The hash of a text; of base64, which has no blanks, and of very long ones that of both ends."""
        payload = self.document.payload(text)
        is_text = not _BLANKS.isdisjoint(payload.foreign())
        self.characters += payload.length if is_text else 0
        if is_text and payload.length <= _LONGEST:
            return hash(self.document.text(text))
        head, tail = payload.read(_HEAD, 0), payload.read(_TAIL, max(payload.length - _TAIL, 0))
        return hash((payload.length, head, tail))


def _is_one_of(value: Any, names: frozenset[str]) -> bool:
    """Whether a value, which may be of any type, is one of some names."""
    return isinstance(value, str) and value in names


def _inside(value: dict[str, Any]) -> Keys:
    """The path to the blocks in the result of a tool; empty if it holds none."""
    if value.get("type") == "tool_result" and isinstance(value.get("content"), list):
        return ("content",)
    result = value.get("toolResult")
    is_result = isinstance(result, dict) and isinstance(result.get("content"), list)
    return ("toolResult", "content") if is_result else ()


def _holds_blocks(value: Any) -> bool:
    """Whether a block is a result of a tool or a document, which may hold texts beside images."""
    return isinstance(value, dict) and any(isinstance(value.get(key), list) for key in _INSIDE)


def _marks(value: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The marks of a block, and of blocks inside it."""
    if isinstance(mark := value.get("cache_control"), dict):
        yield mark
    inner = value.get("content")
    for item in inner if isinstance(inner, list) else ():
        if isinstance(item, dict) and isinstance(mark := item.get("cache_control"), dict):
            yield mark
