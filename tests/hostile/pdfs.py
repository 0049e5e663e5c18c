"""PDF files that ask for more work than their bytes justify, and seeded mutations of PDFs and requests."""

import base64
import json
import random
import zlib
from collections.abc import Iterator

from tests.pdffiles import CATALOGUE, OBJECTS, TREE, indirect, packed, stream, table

_TRILLION = b"1000000000000"


def _xref(entries: bytes, content: bytes, *, before: bytes = b"") -> bytes:
    """A file of one compressed cross-reference stream."""
    start = b"%PDF-1.5\n" + before
    head = b"/Type /XRef /Root 1 0 R /Filter /FlateDecode " + entries
    return start + indirect(9, stream(head, zlib.compress(content))) + b"startxref\n%d\n%%%%EOF" % len(start)


def _own_length() -> bytes:
    """An object stream whose length is an object inside of it."""
    packs = b"%PDF-1.5\n"
    content = zlib.compress(b"1 0 5 0 " + CATALOGUE)
    packs += indirect(
        8,
        b"<< /Type /ObjStm /N 2 /First 8 /Filter /FlateDecode /Length 5 0 R >>\nstream\n%s\nendstream"
        % content,
    )
    rows = b"".join(bytes(row) for row in ((2, 0, 8, 0), (1, 0, 9, 0), (2, 0, 8, 1)))
    entries = b"/W [1 2 1] /Index [1 1 8 1 5 1] /Size 10"
    return _xref(entries, rows, before=packs[9:])


def _chain(parts: int) -> bytes:
    """Tables that each point to the one before."""
    body, at = b"%PDF-1.4\n", 0
    made = [body]
    size = len(body)
    for number in range(parts):
        previous = b"/Prev %d" % at if number else b""
        part = b"xref\n0 0\ntrailer\n<< %s >>\n" % previous
        at, size = size, size + len(part)
        made.append(part)
    return b"".join(made) + b"startxref\n%d\n%%%%EOF" % at


def _overlapping(depth: int) -> bytes:
    """Cross-reference streams inside each other, each read from its start to the same end."""
    head = b"%PDF-1.5\n"
    piece = b"9 0 obj << /Prev %010d /A [ "
    length = len(piece % 0)
    text = b"".join(piece % (len(head) + length * (at + 1)) for at in range(depth))
    return head + text + b"true " * 20_000 + b"startxref\n%d\n%%%%EOF" % len(head)


def hostile_pdfs(size: int = 20_000) -> dict[str, bytes]:
    """PDF files of about a size by the name of what they do."""
    half, tenth = size // 2, size // 10
    predictor = b"/W [1 2 1] /Size 5 /DecodeParms << /Predictor 12 /Columns %s >>"
    rows = bytes(40)
    tree = b"<< /Type /Pages /Count 12 /A %s >>"
    return {
        "absurd columns": _xref(predictor % _TRILLION, rows),
        "absurd columns without rows": _xref(predictor % _TRILLION, b""),
        "columns of two bytes": _xref(predictor % b"1", b"\0\1\1\1\2\1" * (size // 4)),
        "running sums": _xref(predictor % b"4", b"\2" * (size << 7)),
        "absurd colours": packed(OBJECTS).replace(b"/Columns 7", b"/Colors 99999999 /Columns 7"),
        "absurd depth of colour": packed(OBJECTS).replace(
            b"/Columns 7", b"/BitsPerComponent 9999999 /Columns 7"
        ),
        "absurd size": _xref(b"/W [1 2 1] /Size 999999999999999", rows),
        "absurd widths": _xref(b"/W [%s %s 1] /Size 5" % (_TRILLION, _TRILLION), rows),
        "no widths": _xref(b"/W [0 0 0] /Size 99999", rows),
        "absurd ranges": _xref(b"/W [1 2 1] /Index [%s]" % (b"1 999999999999 " * 3000), rows),
        "absurd subsections": table(OBJECTS).replace(b"1 1\n", b"0 999999999\n"),
        "many subsections": b"%PDF-1.4\nxref\n" + b"0 0\n" * (size // 4) + b"startxref\n9\n%%EOF",
        "absurd first": packed(OBJECTS).replace(b"/First ", b"/First 99999999"),
        "absurd length": packed(OBJECTS).replace(b"/Length ", b"/Length 99999999"),
        "count below its kids": table({1: CATALOGUE, 2: TREE.replace(b"12", b"1")}),
        "absurd count": table({1: CATALOGUE, 2: TREE.replace(b"12", _TRILLION)}),
        "own length": _own_length(),
        "references in a ring": table({1: b"2 0 R", 2: b"1 0 R"}),
        "older parts in a ring": table(OBJECTS, b"", more="/Prev 9 /XRefStm 9"),
        "a chain of parts": _chain(tenth),
        "objects in each other": _overlapping(tenth),
        "filters in a chain": packed(OBJECTS).replace(
            b"[/FlateDecode]", b"[" + b"/FlateDecode " * 500 + b"]"
        ),
        "a stream without end": packed({1: CATALOGUE, 2: bytes(size << 8)}),
        "nested arrays": table({1: CATALOGUE, 2: tree % (b"[" * half + b"]" * half)}),
        "nested dictionaries": table({1: CATALOGUE, 2: tree % (b"<</A" * (half // 2))}),
        "nested brackets in a string": table({1: CATALOGUE, 2: tree % (b"(" * half)}),
        "brackets in a string": table({1: CATALOGUE, 2: tree % (b"(" + b"()" * half)}),
        "empty arrays": table({1: CATALOGUE, 2: tree % (b"[" + b"[]" * half)}),
        "empty strings": table({1: CATALOGUE, 2: tree % (b"[" + b"()" * half)}),
        "numbers": table({1: CATALOGUE, 2: tree % (b"[" + b"1 " * half)}),
        "one number": table({1: CATALOGUE, 2: tree % (b"9" * size)}),
        "a long name": table({1: CATALOGUE, 2: tree % (b"/" + b"a" * size)}),
        "a long string": table({1: CATALOGUE, 2: tree % (b"(" + b"a" * size)}),
        "backslashes": table({1: CATALOGUE, 2: tree % (b"(" + b"\\" * (size + 1))}),
        "comments": table({1: CATALOGUE, 2: tree % (b"%\n" * half)}),
        "comment signs": table({1: CATALOGUE, 2: tree % (b"%" * size)}),
        "digits and blanks": table({1: CATALOGUE, 2: tree % ((b"1 " + b" " * 1000) * (size // 1000))}),
        "starts without a number": b"%PDF-1.4\n" + b"startxref    " * tenth,
    }


_WORDS = (
    *(b"/Columns ", b"/Size ", b"/W [", b"/Index [", b"/First ", b"/N ", b"/Length ", b"/Count ", b"/Prev "),
    *(b"/Predictor ", b"startxref\n", b"obj", b"stream\n", b"xref\n", b"trailer\n", b" R", b"/Kids ["),
)
_PUT = (
    b"99999999999",
    b"0",
    b"-1",
    b"1 0 R",
    b"9 0 R",
    b"[",
    b"<<",
    b"(",
    b"]",
    b">>",
    b"[" * 5000,
    b"<" * 3000,
)


def mutated_pdfs(seed: int, size: int = 20_000) -> Iterator[bytes]:
    """PDF files without end, each with some bytes or declared numbers of another one changed."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    seeds = [table(OBJECTS), packed(OBJECTS), packed(OBJECTS, pack=False), packed(OBJECTS, predict=1)]
    seeds += hostile_pdfs(size).values()
    while True:
        data = chance.choice(seeds)
        for _ in range(chance.randint(0, 6)):
            put = chance.choice(_PUT) if chance.random() < 0.7 else chance.randbytes(chance.randint(0, 8))
            places = [data.find(word) + len(word) for word in _WORDS if word in data]
            at = chance.choice(places) if places and chance.random() < 0.7 else chance.randint(0, len(data))
            data = data[:at] + put + data[at + chance.randint(0, 12) :]
        yield data


def mutated_bodies(seed: int, size: int = 20_000) -> Iterator[bytes]:
    """Request bodies without end, with mutated PDFs and with changed bytes."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    for pdf in mutated_pdfs(seed, size):
        data = base64.b64encode(pdf).decode()
        source = {"type": "base64", "media_type": "application/pdf", "data": data}
        blocks = [{"type": "document", "source": source}] * chance.choice((1, 1, 1, 2, 5))
        text = {"type": "text", "text": "What do these say?"}
        messages = [{"role": "user", "content": [*blocks, text]}]
        body = json.dumps({"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": messages}).encode()
        for _ in range(chance.choice((0, 0, 0, 1, 3))):
            at = chance.randint(0, len(body))
            put = chance.choice(
                (b"[", b"{", b'"', b"\\", b"\\n", b"\xff", b"1e999", b"[" * 400, b'{"a":' * (size // 1000))
            )
            body = body[:at] + put + body[at + chance.randint(0, 3) :]
        yield body
