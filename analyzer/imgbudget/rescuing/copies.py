"""Copies of removed images elsewhere in a session: not sent, but the file still holds what they show.

Claude Code keeps a copy for its screen (`toolUseResult`) and one of each request (`api-request-blob`). Gemini
CLI keeps one in the call (`toolCalls`), and sends it once it resumes the session (0.61.0).
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import sha256
from typing import Any, NamedTuple

from imgbudget.errors import FixError
from imgbudget.fixing.removal import Removal, joined_removals, removal_of
from imgbudget.fixing.request import slot_of
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.edit import Layout, Region, Splice, copied, spliced, value_at
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.fixes import ReplaceByText
from imgbudget.model.location import Keys, Location

_LEAST = 32
"""Bytes of the shortest text that is taken for an image: a shorter one may be anything."""

_CALLS = "toolCalls"
_FIELDS = ("data", "base64", "bytes", "url", "image_url")
"""Keys under which a block, or its source, has the text of an image."""

_TEXT = ReplaceByText("[copy of an image that was removed]")


class ImageCopy(NamedTuple):
    """A copy of a removed image: its place, its line from 1, and the bytes of its text."""

    location: Location
    line: int
    length: int

    @property
    def may_be_sent(self) -> bool:
        """Whether the agent sends it too: Gemini CLI the images of calls, once the session is resumed."""
        return _CALLS in (self.location.keys or ())


Fingerprint = tuple[int, bytes]
"""The bytes of a text as it is in the file, and their SHA-256."""


def fingerprints(source: JsonSource, locations: Iterable[Location], *, lines: bool) -> set[Fingerprint]:
    """Those of the texts of images at some locations of a session."""
    wanted = _by_document(locations)
    found: set[Fingerprint] = set()
    for document in open_documents(source, lines=lines, check=False) if wanted else ():
        here = wanted.pop(document.number, [])
        if not isinstance(document, Document):
            continue
        for keys in here:
            try:
                text = value_at(document, slot_of(document, keys).data)
            except FixError:
                continue
            length = _length(document, text)
            if length >= _LEAST:
                found.add((length, _digest(document, source, text)))
        if not wanted:
            break
    return found


def copies_of(
    source: JsonSource, path: str, wanted: set[Fingerprint], sent: Iterable[Location], *, lines: bool
) -> Iterator[ImageCopy]:
    """The copies of these texts in a session.

    The images that it sends, at `sent`, are no copies. While an equal image is sent, copies that are not sent
    are its own.
    """
    lengths = {length for length, _ in wanted}
    places = _by_document(sent) if wanted else {}
    still_sent: set[Fingerprint] = set()
    found: list[tuple[Fingerprint, ImageCopy]] = []
    for document in open_documents(source, lines=lines, check=False) if wanted else ():
        if not isinstance(document, Document):
            continue
        images = _slots(document, places.get(document.number, ()))
        for keys, text in _strings(document.value):
            length = _length(document, text)
            if length not in lengths or (mark := (length, _digest(document, source, text))) not in wanted:
                continue
            if keys in images:
                still_sent.add(mark)
            else:
                copy = ImageCopy(Location(path, keys, 0, document.number), document.line, length)
                found.append((mark, copy))
    yield from (copy for mark, copy in found if copy.may_be_sent or mark not in still_sent)


def _slots(document: Document, images: Iterable[Keys]) -> set[Keys]:
    """The paths to the texts of images in a document."""
    found = set()
    for keys in images:
        with suppress(FixError):
            found.add(tuple(slot_of(document, keys).data))
    return found


def _by_document(locations: Iterable[Location]) -> dict[int, list[Keys]]:
    """Paths in each document."""
    found: dict[int, list[Keys]] = {}
    for location in locations:
        found.setdefault(location.document, []).append(location.keys or ())
    return found


def without_copies(source: JsonSource, copies: Iterable[ImageCopy], *, lines: bool) -> Iterator[bytes]:
    """The session with each copy taken out, in pieces: its block gives way to a text, else it is empty."""
    wanted = _by_document(copy.location for copy in copies)
    at = 0
    for document in open_documents(source, lines=lines, check=False):
        here = wanted.pop(document.number, None)
        if here and isinstance(document, Document):
            yield from spliced(source, Region(at, document.end), list(_splices(document, source, here)))
            at = document.end
    yield from spliced(source, Region(at, source.size), ())


def _splices(document: Document, source: JsonSource, texts: list[Keys]) -> Iterator[Splice]:
    removals: list[Removal] = []
    emptied: list[Keys] = []
    for keys in texts:
        try:
            removals.append(removal_of(document, _image_of(document, keys), _TEXT))
        except FixError:
            emptied.append(keys)
    removals = joined_removals(removals)
    paths = [path for removal in removals for path in removal.paths(document)]
    layout = Layout.of(document, source, (*paths, *emptied))
    for removal in removals:
        yield from removal.splices(layout)
    yield from (Splice(*layout.region(keys), (b'""',)) for keys in emptied)


def _image_of(document: Document, keys: Keys) -> Keys:
    """The path to an image, as a reader of requests gives it, from the path to its text."""
    if keys[-1:] and keys[-1] in _FIELDS and isinstance(value_at(document, keys[:-1]), dict):
        inner = value_at(document, keys[:-1])
        return keys if keys[-1] == "image_url" and inner.get("type") == "input_image" else keys[:-1]
    return keys


def _length(document: Document, text: str) -> int:
    """The bytes of a string in the file, without reading it; those of a short one as far as it is ASCII."""
    region = document.raw(text)
    return len(text) if region is None else region[1] - region[0]


def _digest(document: Document, source: JsonSource, text: str) -> bytes:
    region = document.raw(text)
    if region is None:
        return sha256(text.encode("utf-8", "surrogatepass")).digest()
    digest = sha256()
    for piece in copied(source, Region(*region)):
        digest.update(piece)
    return digest.digest()


def _strings(value: Any) -> Iterator[tuple[Keys, str]]:
    """The strings in a value that may be images, each with its path."""
    stack: list[tuple[Keys, Any]] = [((), value)]
    while stack:
        keys, item = stack.pop()
        if isinstance(item, dict):
            stack.extend(((*keys, key), inner) for key, inner in item.items())
        elif isinstance(item, list):
            stack.extend(((*keys, i), inner) for i, inner in enumerate(item))
        elif isinstance(item, str):
            yield keys, item
