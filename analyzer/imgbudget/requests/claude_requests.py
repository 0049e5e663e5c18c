"""What Claude Code sent and what it leaves out, from the requests that a session records.

Seen in sessions that Claude Code 2.1.332 wrote, beside the bodies that it sent. `api-request` has the request
as the hashes of its messages: the first `keep` of those of the request `base`, then `tail`;
`api-request-blob` has a message of the user by its hash. The program does not read them when it goes on with
a session: what is sent next follows from the tree of messages. But an image of the tree that was not in the
request whose answer the tree has was left out, and is left out again.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, NamedTuple

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.subjects import (
    Block,
    DocumentUse,
    ImageUse,
    Nested,
    Request,
    Text,
    Turn,
    walk_blocks,
)
from imgbudget.requests.sessions import Message, SessionEntry

LEFT_OUT = "left out of the last request of the session by Claude Code"
REMOVED = "[media removed: request limit]"
"""The beginning of the text that Claude Code sends in the place of an image."""

MOST_MEDIA, MOST_MEDIA_LONG = 100, 600
LONG_CONTEXT = 1_000_000
"""Claude Code sends at most so many images and documents, more to models with the long context."""

BATCH = 20
MOST_BASE64, FEWER_BASE64 = 25_165_824, 10_485_760
"""Characters of base64 that it sends to the API itself, and by how many fewer after it left some out."""

MOST_BASE64_ELSEWHERE = 78_643_200

_SINCE = (2, 1, 238)
_END = 64
_DEEPEST = 16

Identity = tuple[int, str]
"""The length of a base64 text and its end, where checksums are."""

Images = list[tuple[Keys, Identity]]
"""Images with the paths to their sources."""


def leaves_oldest_out(version: str | None) -> bool:
    """Whether that version leaves out the oldest images near the limits.

    2.1.332 was seen to: of 110 images it sent 89. 2.1.238 does by public readings of it; 2.1.14 failed.
    """
    try:
        return tuple(int(part) for part in (version or "").split(".")) >= _SINCE
    except ValueError:
        return False


def identities(document: Document, content: Any, path: Keys) -> Images:
    """The images in base64 in a content, with the paths to their sources, in order."""
    found: Images = []
    for i, item in enumerate(content) if isinstance(content, list) else ():
        if not isinstance(item, dict):
            continue
        source, inner = item.get("source"), item.get("content")
        if isinstance(source, dict) and item.get("type") == "image":
            if isinstance(data := source.get("data"), str):
                found.append(((*path, i, "source"), identity(document, data)))
        elif isinstance(inner, list) and len(path) < _DEEPEST:
            found += identities(document, inner, (*path, i, "content"))
    return found


def identity(document: Document, data: str) -> Identity:
    """What tells one base64 text from others, without reading all of it."""
    text = document.payload(data)
    return text.length, text.text(_END, max(text.length - _END, 0))


class _Sent(NamedTuple):
    """A request: the first `keep` messages of `base`, then those of `tail`, by their hashes."""

    base: str | None
    keep: int
    tail: tuple[str, ...]


@dataclass(slots=True)
class SentRequests:
    """The requests of one conversation, as far as its session records them."""

    _blobs: dict[str, list[Identity]] = field(default_factory=dict)
    _requests: dict[str, _Sent] = field(default_factory=dict)
    _open: str | None = None
    _answered: dict[str, str] = field(default_factory=dict)
    _images: dict[str, Images] = field(default_factory=dict)

    def take(self, document: Document) -> None:
        """Read a line of a request."""
        value = document.value
        if value["type"] == "api-request-blob":
            message, name = value.get("message"), value.get("hash")
            if isinstance(name, str) and isinstance(message, dict):
                self._blobs[name] = [image for _, image in identities(document, message.get("content"), ())]
            return
        name, keep, tail, base = (value.get(key) for key in ("id", "keep", "tail", "base"))
        if isinstance(name, str) and isinstance(keep, int) and isinstance(tail, list):
            hashes = tuple(item for item in tail if isinstance(item, str))
            self._requests[name] = _Sent(base if isinstance(base, str) else None, keep, hashes)
            self._open = name

    def add(self, entry: str, images: Images) -> None:
        """Keep the images of a line."""
        if images:
            self._images[entry] = images

    def answer(self, entry: str) -> None:
        """Keep that a line is the answer to the request before it."""
        if self._open is not None:
            self._answered[entry] = self._open
            self._open = None

    def left_out(self, path: list[SessionEntry]) -> dict[str, set[Keys]]:
        """The images on a path that were not in the last request that it answers, by line.

        None if that request is not known whole, has other turns, or has an image that is not on the path:
        then it was for another purpose, lines were changed since, or the program changed images before it
        sent them.
        """
        last = max((i for i, entry in enumerate(path) if entry.id in self._answered), default=0)
        history = self._history(self._answered[path[last].id]) if last else None
        roles = [entry.message.role for entry in path[:last] if entry.message]
        if history is None or len(history) != len(list(groupby(roles))):
            return {}
        in_request = Counter(image for name in history for image in self._blobs.get(name, ()))
        missing: dict[str, set[Keys]] = {}
        for entry in reversed(path[:last]):
            for place, image in reversed(self._images.get(entry.id, ())):
                if in_request[image]:
                    in_request[image] -= 1
                else:
                    missing.setdefault(entry.id, set()).add(place)
        return missing if not in_request.total() else {}

    def _history(self, name: str) -> list[str] | None:
        """The hashes of the messages of a request; None unless those of the user are all known."""
        chain: list[_Sent] = []
        seen: set[str] = set()
        following: str | None = name
        while following is not None:
            if following in seen or following not in self._requests:
                return None
            seen.add(following)
            chain.append(self._requests[following])
            following = chain[-1].base if chain[-1].keep else None
        hashes: list[str] = []
        for sent in reversed(chain):
            if not 0 <= sent.keep <= len(hashes):
                return None
            del hashes[sent.keep :]
            hashes += sent.tail
        # answers have no blob, and never stand first or one after the other
        known = [name in self._blobs for name in hashes]
        gaps = any(not one and not other for one, other in zip([False, *known], known, strict=False))
        return None if gaps else hashes


def without(message: Message, gone: set[Keys]) -> Message:
    """The message with a text in the place of some of its images."""
    return replace(message, blocks=list(_replaced(message.blocks, lambda use: use.location.keys in gone)))


def newest_media(request: Request, most: int, most_base64: int) -> tuple[Request, int]:
    """The request as Claude Code sends it, without its oldest images and documents, and how many those are.

    Where there would be more than `most`, it leaves out a batch of the oldest ones, and so on.
    """
    media = [
        block
        for turn in request.turns
        for block in walk_blocks(turn.blocks)
        if isinstance(block, ImageUse | DocumentUse)
    ]
    gone: set[Location] = set()
    kept: deque[ImageUse | DocumentUse] = deque()
    size = 0
    for one in media:
        kept.append(one)
        size += _base64_size(one)
        fewest = most - BATCH if len(kept) > most else len(kept)
        smallest = most_base64 - FEWER_BASE64 if size > most_base64 else size
        while len(kept) > fewest or (kept and size > smallest):
            oldest = kept.popleft()
            size -= _base64_size(oldest)
            gone.add(oldest.location)
    if not gone:
        return request, 0
    turns = tuple(
        Turn(turn.location, turn.role, tuple(_replaced(turn.blocks, lambda use: use.location in gone)))
        for turn in request.turns
    )
    request = request._replace(
        turns=turns,
        images=tuple(use for use in request.images if use.location not in gone),
        documents=tuple(use for use in request.documents if use.location not in gone),
        flaws=tuple(flaw for flaw in request.flaws if flaw.location not in gone),
        byte_size=request.byte_size - sum(_base64_size(one) for one in media if one.location in gone),
    )
    return request, len(gone)


def _base64_size(use: ImageUse | DocumentUse) -> int:
    if isinstance(use, ImageUse):
        return use.base64_size or 0
    return -(-(use.byte_size or 0) // 3) * 4


def _replaced(blocks: Iterable[Block], is_gone: Callable[[ImageUse | DocumentUse], bool]) -> Iterator[Block]:
    for block in blocks:
        if isinstance(block, ImageUse | DocumentUse) and is_gone(block):
            yield Text(block.location, REMOVED)
        elif isinstance(block, Nested):
            yield block._replace(blocks=tuple(_replaced(block.blocks, is_gone)))
        else:
            yield block
