"""Where values of a JSON file stand, asked for after its check: the spans of places that carry no finding."""

from collections.abc import Iterable, Sequence

from imgbudget.model import Place, Span
from imgbudget.sources.cassettes import Cassette, read_cassette
from imgbudget.sources.filetypes import FileKind, kind_of
from imgbudget.sources.jsonspans import Document, JsonSource, open_documents


def spans_of(places: Iterable[Place], path: str, text: bytes | None = None) -> dict[Place, Span]:
    """The spans of places of one file, or of `text` that stood for it; a place that is not there is left out.

    Raises:
        OSError: the file cannot be read.
    """
    wanted: dict[int, list[Place]] = {}
    for place in places:
        wanted.setdefault(place.document, []).append(place)
    spans: dict[Place, Span] = {}
    if not wanted:
        return spans
    last = max(wanted)
    lines = kind_of(path) is FileKind.JSONL
    with JsonSource.open(path) if text is None else JsonSource.from_bytes(text) as source:
        if kind_of(path) is FileKind.YAML:
            return _placed(read_cassette(source), wanted[0])
        for document in open_documents(source, lines=lines, check=False):
            here = wanted.get(document.number)
            if here and isinstance(document, Document):
                spans |= _placed(document, here)
            if document.number >= last:
                break
    return spans


def _placed(document: Document | Cassette, places: Sequence[Place]) -> dict[Place, Span]:
    found = document.spans(place.route for place in places)
    return {place: found[place.route] for place in places if place.route in found}
