"""JSON texts for tests: strategies that write them, and what the json module says of them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from hypothesis import strategies as st

from imgbudget.jsontext.document import BadDocument, Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.location import Keys

CORPUS = Path(__file__).resolve().parents[1].parent / "shared" / "corpus"
BOM = b"\xef\xbb\xbf"
LONG_TEXT = "iVBORw0KGgo" * 200

letters = st.text("AZaz09+/=", max_size=40)
texts = letters | st.text(max_size=12) | st.text('AB"\\/\n\x01 é😀\ud83d\ude00', max_size=40)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


class Sizing(NamedTuple):
    """From which length on a string is left in the file, and the window: small, to meet every edge."""

    long: int
    window: int


sizes = st.builds(Sizing, st.integers(1, 12), st.integers(1, 40))


@st.composite
def written(draw: st.DrawFn, value: Any) -> bytes:
    """The value as some writer of JSON would put it down."""
    indent = draw(st.sampled_from((None, 1, 2)))
    separators = draw(st.sampled_from((None, (",", ":"))))
    ascii_only = draw(st.booleans())
    text = json.dumps(value, indent=indent, separators=separators, ensure_ascii=ascii_only)
    raw = text.encode("utf-8", "surrogatepass")
    try:
        raw.decode()
    except UnicodeDecodeError:  # a lone surrogate can only be escaped
        raw = json.dumps(value, indent=indent, separators=separators).encode()
    if draw(st.booleans()):
        raw = raw.replace(b"/", b"\\/")
    if draw(st.booleans()):
        raw = raw.replace(b"\n", b"\r\n")
    blanks = st.sampled_from((b"", b" ", b"\n\t", b"\r\n"))
    return draw(st.sampled_from((b"", BOM))) + draw(blanks) + raw + draw(blanks)


def documents(data: bytes, *, lines: bool = False, **sizing: Any) -> list[Document | BadDocument]:
    """The documents of a text in hand."""
    return list(open_documents(JsonSource.from_bytes(data), lines=lines, **sizing))


def only(data: bytes, **sizing: Any) -> Document:
    """The only valid document of the text."""
    (document,) = documents(data, **sizing)
    assert isinstance(document, Document), document
    return document


def bad(data: bytes, **sizing: Any) -> BadDocument:
    """The one bad document of the text."""
    (document,) = documents(data, **sizing)
    assert isinstance(document, BadDocument), document
    return document


def filled(document: Document, value: Any) -> Any:
    """The value with the whole text in place of each placeholder."""
    if isinstance(value, str):
        return document.text(value)
    if isinstance(value, list):
        return [filled(document, item) for item in value]
    if isinstance(value, dict):
        return {document.text(key): filled(document, item) for key, item in value.items()}
    return value


def routes(value: Any, here: Keys = ()) -> Iterator[tuple[Keys, Any]]:
    """Every path of a value, with the value there."""
    yield here, value
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield from routes(item, (*here, key))


class Verdict(NamedTuple):
    """What the json module reads: a value, or an error and its position if it has one."""

    value: Any = None
    error: ValueError | None = None
    location: tuple[int, int] | None = None


def verdict(data: bytes) -> Verdict:
    """What json.loads says of the text, less the constants that JSON does not know."""
    try:
        return Verdict(value=json.loads(data.decode("utf-8-sig"), parse_constant=_refuse))
    except json.JSONDecodeError as error:
        # CPython calls a sound escape invalid when the text ends with it; here the string has no end
        misplaced = "uXXXX" in error.msg and error.pos + 5 >= len(error.doc)
        return Verdict(error=error, location=None if misplaced else (error.lineno, error.colno))
    except ValueError as error:
        return Verdict(error=error)


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def location(data: bytes, offset: int) -> tuple[int, int]:
    """Line and column of a byte offset, counted without the reader."""
    before = data[:offset].removeprefix(BOM)
    return before.count(b"\n") + 1, len(before[before.rfind(b"\n") + 1 :].decode()) + 1
