"""A look at a request body in memory that costs a fraction of its serialising: headers, sizes, counts.

What a look cannot tell is left to the whole check: damage inside a file, equal images, metadata. Of a base64
text the beginning, the end and escapes are looked at; a flaw in its middle that needs no escape is not seen.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from imgbudget.model import Fact, Request
from imgbudget.sources.hollow import Cut, tally_of
from imgbudget.sources.jsonspans import BadDocument, Document, JsonSource, open_documents
from imgbudget.sources.requests import Knows, knows_none, read_requests
from imgbudget.sources.tally import ALPHABET, KEPT, Tally

_TAIL = 512
_ESCAPE = b"\\"
_PADDED = ALPHABET + b"="


class Seen:
    """A body as far as one look goes: the text that was looked at, and the requests in it."""

    __slots__ = ("requests", "source")

    def __init__(self, body: bytes, path: str, knows: Knows = knows_none) -> None:
        """Look at a body; one that is no JSON, or holds no request, has none."""
        self.source = JsonSource.from_bytes(body)
        self.requests = tuple(_requests(self.source, body, path, knows))


def _requests(source: JsonSource, body: bytes, path: str, knows: Knows) -> Iterator[Request]:
    for document in open_documents(source, lines=False, check=False, tell=partial(_look, body)):
        if isinstance(document, BadDocument):
            return
        for item in read_requests(_unlike(document), path, Fact.NONE, knows):
            if isinstance(item, Request):
                yield item


def _unlike(document: Document) -> Document:
    """The document with no two of its strings taken for equal, so that none is hashed."""
    return replace(document, alike=False)


def _look(body: bytes, cut: Cut, source: JsonSource) -> Tally:
    """The tally of a long string as its ends tell it; of the whole string where they are no plain base64."""
    head, tail = (
        body[cut.start : min(cut.start + KEPT, cut.end)],
        body[max(cut.end - _TAIL, cut.start) : cut.end],
    )
    padding = len(tail) - len(tail.rstrip(b"="))
    odd = head.translate(None, _PADDED) or tail.translate(None, _PADDED) or padding > 2
    if odd or body.find(_ESCAPE, cut.start, cut.end) >= 0:
        return tally_of(cut, source)
    tally = Tally(cut.start)
    tally.head = head
    tally.length = tally.width = cut.end - cut.start
    if padding:
        tally.foreign["="] = padding
    return tally
