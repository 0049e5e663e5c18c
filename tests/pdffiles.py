"""PDF files made of their objects: with plain and compressed cross-references."""

import zlib
from collections.abc import Iterable

CATALOGUE = b"<< /Type /Catalog /Pages 2 0 R >>"
TREE = b"<< /Type /Pages /Kids [3 0 R 4 0 R] /Count 12 >>"


def indirect(number: int, value: bytes) -> bytes:
    """An object."""
    return b"%d 0 obj\n%s\nendobj\n" % (number, value)


def stream(entries: bytes, content: bytes) -> bytes:
    """A stream with its dictionary."""
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(content), content)


def table(
    objects: dict[int, bytes],
    trailer: bytes = b"/Root 1 0 R",
    *,
    start: bytes = b"%PDF-1.4\n",
    more: str = "",
) -> bytes:
    """A file with a plain cross-reference table, or one appended to the file `start`."""
    body, offsets = bytearray(start), {}
    for number, value in objects.items():
        offsets[number] = len(body)
        body += indirect(number, value)
    at = len(body)
    body += b"xref\n"
    for number, offset in offsets.items():
        body += b"%d 1\n%010d 00000 n \n" % (number, offset)
    body += b"trailer\n<< /Size 9 %s %s >>\nstartxref\n%d\n%%%%EOF\n" % (trailer, more.encode(), at)
    return bytes(body)


def packed(
    objects: dict[int, bytes],
    *,
    predict: int | None = 2,
    pack: bool = True,
    widths: tuple[int, int, int] = (1, 4, 2),
    between: bytes = b" ",
) -> bytes:
    """A file with a cross-reference stream, its objects in an object stream, as PDF 1.5 has them."""
    body = bytearray(b"%PDF-1.5\n")
    rows = {}
    if pack:
        heads, text = [], b""
        for number, value in objects.items():
            heads.append(b"%d%b%d" % (number, between, len(text)))
            text += value + b" "
        first = between.join(heads) + between
        entries = b"/Type /ObjStm /N %d /First %d /Filter /FlateDecode" % (len(objects), len(first))
        rows[8] = (1, len(body), 0)
        body += indirect(8, stream(entries, zlib.compress(first + text)))
        rows |= {number: (2, 8, location) for location, number in enumerate(objects)}
    else:
        for number, value in objects.items():
            rows[number] = (1, len(body), 0)
            body += indirect(number, value)
    at = len(body)
    rows[9] = (1, at, 0)
    numbers = sorted(rows)
    data = [
        b"".join(
            value.to_bytes(width, "big") if width else b""
            for value, width in zip(rows[n], widths, strict=True)
        )
        for n in numbers
    ]
    settings_, content = b"", b"".join(data)
    if predict is not None:
        settings_ = b"/DecodeParms << /Predictor 12 /Columns %d >>" % sum(widths)
        content = b"".join(predicted(data, predict))
    index = b" ".join(b"%d 1" % number for number in numbers)
    entries = b"/Type /XRef /Root 1 0 R /W [%d %d %d] /Index [%s] /Size 10 " % (*widths, index)
    body += indirect(9, stream(entries + b"/Filter [/FlateDecode] " + settings_, zlib.compress(content)))
    return bytes(body) + b"startxref\n%d\n%%%%EOF" % at


def predicted(rows: Iterable[bytes], kind: int) -> Iterable[bytes]:
    """Rows behind a PNG filter: 0 none, 1 sub, 2 up."""
    above: bytes | None = None
    for row in rows:
        left = {0: bytes(len(row)), 1: b"\0" + row[:-1], 2: above or bytes(len(row))}[kind]
        yield bytes((kind,)) + bytes((a - b) & 0xFF for a, b in zip(row, left, strict=True))
        above = row


OBJECTS = {1: CATALOGUE, 2: TREE}


def paged(pages: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A file of pages, each given by the entries of its dictionary and the text of its content stream."""
    objects = [CATALOGUE, b"", b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for about, text in pages:
        kids.append(len(objects) + 1)
        more = b"/Resources << /Font << /F 3 0 R >> >> /Contents %d 0 R" % (len(objects) + 2)
        objects.append(b"<< /Type /Page /Parent 2 0 R %s %s >>" % (about, more))
        objects.append(stream(b"", b"BT /F 12 Tf 72 700 Td (%s) Tj ET" % text if text else b""))
    listed = b" ".join(b"%d 0 R" % number for number in kids)
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (listed, len(kids))
    body, entries = bytearray(b"%PDF-1.4\n"), [b"0000000000 65535 f \n"]
    for number, value in enumerate(objects, 1):
        entries.append(b"%010d 00000 n \n" % len(body))
        body += indirect(number, value)
    at = len(body)
    body += b"xref\n0 %d\n%s" % (len(entries), b"".join(entries))
    body += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(entries), at)
    return bytes(body)
