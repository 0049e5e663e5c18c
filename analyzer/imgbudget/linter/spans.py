"""Where locations are in a file that was checked before."""

from collections.abc import Iterable, Sequence

from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.linter.requests import Located
from imgbudget.model.location import Location, Span
from imgbudget.requests.cassettes import looks_like_cassette, read_cassette


def spans_of(locations: Iterable[Location], path: str, text: bytes | None = None) -> dict[Location, Span]:
    """The spans of locations in one file, or in `text` if it came from standard input.

    Locations that do not exist are left out.

    Raises:
        OSError: the file cannot be read.
    """
    wanted: dict[int, list[Location]] = {}
    for location in locations:
        wanted.setdefault(location.document, []).append(location)
    spans: dict[Location, Span] = {}
    if not wanted:
        return spans
    last = max(wanted)
    lines = kind_of(path) is FileKind.JSONL
    with JsonSource.open(path) if text is None else JsonSource.from_bytes(text) as source:
        if kind_of(path) is FileKind.YAML:
            is_recording = 0 in wanted and looks_like_cassette(source)
            return _placed(read_cassette(source), wanted[0]) if is_recording else {}
        for document in open_documents(source, lines=lines, check=False, wanted=wanted):
            here = wanted.get(document.number)
            if here and isinstance(document, Document):
                spans |= _placed(document, here)
            if document.number >= last:
                break
    return spans


def _placed(document: Located, locations: Sequence[Location]) -> dict[Location, Span]:
    found = document.spans(location.outer_path for location in locations)
    return {location: found[location.outer_path] for location in locations if location.outer_path in found}
