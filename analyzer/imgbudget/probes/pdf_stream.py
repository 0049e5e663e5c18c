"""The content of a PDF stream: inflated, and with the PNG predictor of cross-reference streams undone."""

import zlib
from itertools import accumulate

from imgbudget.probes.pdf_syntax import Value

_PREDICTED_LIMIT = 4 << 20
"""Bytes behind a predictor that are worked through: 700,000 objects of a cross-reference stream."""


def decode(data: bytes, filters: Value, settings: Value, limit: int) -> bytes | None:
    """A stream's content by its /Filter and /DecodeParms; None when it is written in a way not read here.

    At most `limit` bytes are inflated: what is longer comes back cut.
    """
    name = _only(filters)
    if name is None:
        return data
    if name != b"/FlateDecode" or limit <= 0:
        return None
    try:
        inflated = zlib.decompressobj().decompress(data, limit)
    except zlib.error:
        return None
    chosen = _only(settings)
    predictor = chosen.get(b"/Predictor", 1) if isinstance(chosen, dict) else 1
    if predictor == 1:
        return inflated
    columns = chosen.get(b"/Columns", 1) if isinstance(chosen, dict) else 1
    if not isinstance(predictor, int) or predictor < 10 or not isinstance(columns, int) or columns < 1:
        return None
    return undo_predictor(inflated, columns)


def _only(value: Value) -> Value:
    """The member of a list of one, None for an empty list, any other value itself."""
    if not isinstance(value, list):
        return value
    if len(value) > 1:
        return b"several"
    return value[0] if value else None


def undo_predictor(data: bytes, columns: int) -> bytes | None:
    """Rows of `columns` bytes out of rows with a PNG filter byte; None for filters but none, sub and up."""
    if len(data) > _PREDICTED_LIMIT:
        return None
    width = columns + 1
    data = data[: len(data) // width * width]
    kinds = set(data[::width])
    if kinds <= {2}:
        # the filter that all writers use: each column is a running sum
        rows = bytearray(len(data) // width * columns)
        for column in range(columns):
            rows[column::columns] = bytes(total & 0xFF for total in accumulate(data[column + 1 :: width]))
        return bytes(rows)
    if not kinds <= {0, 1, 2}:
        return None
    above, out = bytes(columns), bytearray()
    for at in range(0, len(data), width):
        row = data[at + 1 : at + width]
        if data[at] == 1:
            row = bytes(total & 0xFF for total in accumulate(row))
        elif data[at] == 2:
            row = bytes((a + b) & 0xFF for a, b in zip(row, above, strict=True))
        out += row
        above = row
    return bytes(out)
