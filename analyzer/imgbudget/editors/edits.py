"""A fixed text as edits of the one that an editor shows: only what differs, string by string."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

from imgbudget.namedtuples import NamedTuple

MOST_PARTS = 2000
"""Strings between the first and the last difference up to which the edits in between are looked for."""

_BOUNDARY = b'"'


class RangeEdit(NamedTuple):
    """Replaces the bytes from `start` to `end`, which is exclusive."""

    start: int
    end: int
    data: bytes


def range_edits(before: bytes, after: bytes) -> list[RangeEdit]:
    """The edits that make `after` of `before`, in order, none of which overlap.

    They begin and end at quotes, so that no string is edited in part, and no character cut in two.
    """
    if before == after:
        return []
    old, new = before.split(_BOUNDARY), after.split(_BOUNDARY)
    most = min(len(old), len(new))
    head = next((at for at in range(most) if old[at] != new[at]), most)
    tail = next((at for at in range(most - head) if old[-1 - at] != new[-1 - at]), most - head)
    if head == most:  # one is the beginning of the other: the last part of both is edited
        head -= 1
    tail = min(tail, most - head - 1)
    old_mid, new_mid = old[head : len(old) - tail], new[head : len(new) - tail]
    start = sum(map(len, old[:head])) + head
    return list(_edits(old_mid, new_mid, start))


def _edits(old: Sequence[bytes], new: Sequence[bytes], start: int) -> Iterator[RangeEdit]:
    """The edits of parts between quotes, of which the first begins at `start`."""
    if max(len(old), len(new)) > MOST_PARTS:
        yield RangeEdit(start, start + _length(old), _BOUNDARY.join(new))
        return
    offsets = [start]
    for part in old:
        offsets.append(offsets[-1] + len(part) + 1)
    for kind, first, last, to_first, to_last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        text = _BOUNDARY.join(new[to_first:to_last])
        match kind:
            case "replace":
                yield RangeEdit(offsets[first], offsets[last] - 1, text)
            case "delete" if last < len(old):
                yield RangeEdit(offsets[first], offsets[last], b"")
            case "delete":  # with the quote before them
                yield RangeEdit(offsets[first] - 1, offsets[last] - 1, b"")
            case "insert" if first < len(old):
                yield RangeEdit(offsets[first], offsets[first], text + _BOUNDARY)
            case "insert":
                yield RangeEdit(offsets[first] - 1, offsets[first] - 1, _BOUNDARY + text)
            case _:
                continue


def _length(parts: Sequence[bytes]) -> int:
    return sum(map(len, parts)) + len(parts) - 1


def edited(text: bytes, edits: Sequence[RangeEdit]) -> bytes:
    """The text with edits in order."""
    pieces: list[bytes] = []
    at = 0
    for start, end, data in edits:
        pieces += (text[at:start], data)
        at = end
    return b"".join((*pieces, text[at:]))
