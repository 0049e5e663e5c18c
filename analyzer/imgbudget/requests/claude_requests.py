"""What Claude Code sent and what it leaves out, from the requests that a session records.

Seen in sessions that Claude Code 2.1.332 wrote, beside the bodies that it sent. `api-request` has the request
as the hashes of its messages: the first `keep` of those of the request `base`, then `tail`;
`api-request-blob` has a message of the user by its hash. The program does not read them when it goes on with
a session: what is sent next follows from the tree of messages. But an image of the tree that was not in the
request whose answer the tree has was left out, and is left out again.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from imgbudget.jsontext.document import Document
from imgbudget.model.location import Keys, Location
from imgbudget.model.prompts import RecordedEdit
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
from imgbudget.namedtuples import NamedTuple
from imgbudget.requests.sessions import Message, SessionEntry
from imgbudget.slotted import dataclass, field, replace

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


_MOST_HISTORIES = 4
_MOST_EDITS = 1000


class _Blob(NamedTuple):
    """A message of the user: where it is, its characters without images, and the lengths of those."""

    document: int
    characters: int
    images: tuple[int, ...]


class _History(NamedTuple):
    """The hashes of the messages of a request, and the line of the request."""

    hashes: list[str]
    line: int


@dataclass(slots=True)
class _CachedRequests:
    """Compares each request of a session with the last ones, of which only hashes are kept."""

    blobs: dict[str, _Blob] = field(default_factory=dict)
    edits: list[RecordedEdit] = field(default_factory=list)
    _recent: dict[str, _History] = field(default_factory=dict)

    def take(self, document: Document, request: "_Sent", name: str, path: str) -> None:
        """Compare the next request; `name` is its id."""
        before = self._recent.get(request.base or "")
        if before is None and request.keep:
            return  # of another session, or too long ago
        if before is not None and request.keep == len(before.hashes):
            del self._recent[request.base or ""]
            before.hashes.extend(request.tail)
            self._add(name, _History(before.hashes, document.line))
            return
        hashes = [*before.hashes[: request.keep], *request.tail] if before else list(request.tail)
        for other in [before] if before else reversed(self._recent.values()):
            if self._compare(document, other, hashes, path):
                break
        self._add(name, _History(hashes, document.line))

    def _add(self, name: str, history: _History) -> None:
        self._recent[name] = history
        if len(self._recent) > _MOST_HISTORIES:
            del self._recent[next(iter(self._recent))]

    def _compare(self, document: Document, before: _History, after: list[str], path: str) -> bool:
        """Whether a request goes on from an earlier one; keeps what it changes of it.

        It does if an answer, which has no blob, and most of the messages follow the first change in both.
        """
        first = 0
        for old, new in zip(before.hashes, after, strict=False):
            if old != new:
                break
            first += 1
        if first == len(before.hashes):
            return True
        behind, last, again = before.hashes[first:], -1, list[str]()
        places = {name: at for at, name in enumerate(after[first:])}
        for name in behind:
            if places.get(name, -1) > last:
                last = places[name]
                again.append(name)
        if 2 * len(again) < len(behind) or all(name in self.blobs for name in again):
            return False
        control = document.value.get("cacheControl")
        if control and len(self.edits) < _MOST_EDITS:
            changed = self.blobs.get(after[first]) if first < len(after) else None
            number = changed.document if changed else document.number
            key = "message" if changed else "tail"
            characters, images = self._weight(again)
            beginning, first_images = self._weight(after[:first])
            self.edits.append(
                RecordedEdit(
                    Location(path, (key,), 1, number),
                    characters,
                    images,
                    beginning,
                    first_images,
                    hour=isinstance(control, dict) and control.get("ttl") == "1h",
                    earlier=f"line {before.line}",
                )
            )
        return True

    def _weight(self, names: Iterable[str]) -> tuple[int, tuple[int, ...]]:
        blobs = [self.blobs[name] for name in names if name in self.blobs]
        return sum(blob.characters for blob in blobs), tuple(size for blob in blobs for size in blob.images)


@dataclass(slots=True)
class SentRequests:
    """The requests of one conversation, as far as its session records them."""

    _blobs: dict[str, list[Identity]] = field(default_factory=dict)
    _requests: dict[str, _Sent] = field(default_factory=dict)
    _open: str | None = None
    _answered: dict[str, str] = field(default_factory=dict)
    _images: dict[str, Images] = field(default_factory=dict)
    _cached: _CachedRequests = field(default_factory=_CachedRequests)

    @property
    def edits(self) -> tuple[RecordedEdit, ...]:
        """What each request changed of what an earlier one had cached."""
        return tuple(self._cached.edits)

    def take(self, document: Document, path: str) -> None:
        """Read a line of a request in the file at a path."""
        value = document.value
        if value["type"] == "api-request-blob":
            message, name = value.get("message"), value.get("hash")
            if isinstance(name, str) and isinstance(message, dict):
                found = [image for _, image in identities(document, message.get("content"), ())]
                self._blobs[name] = found
                sizes = tuple(length for length, _ in found)
                characters = max(document.end - document.start - sum(sizes), 0)
                self._cached.blobs[name] = _Blob(document.number, characters, sizes)
            return
        name, keep, tail, base = (value.get(key) for key in ("id", "keep", "tail", "base"))
        if isinstance(name, str) and isinstance(keep, int) and isinstance(tail, list):
            hashes = tuple(item for item in tail if isinstance(item, str))
            self._requests[name] = _Sent(base if isinstance(base, str) else None, keep, hashes)
            self._open = name
            self._cached.take(document, self._requests[name], name, path)

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
