"""The headers of a tar archive, as Python's tarfile, GNU tar and POSIX write them: member after member.

What is read is bounded by the bytes that are there; what lies behind an end marker is looked at too.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from imgbudget.auditing.inputs.tape import RECORD, DamagedArchiveError, Tape, is_header, number_in
from imgbudget.output.base import figure

_HARD_LINK, _LINK, _SPARSE = b"1", b"2", b"S"
_DEVICES = (b"3", b"4", b"6")
_FOLDERS = (b"5", b"D")
_NO_FILES = (b"V", b"N")
"""A label of the archive, and a table of long names of a GNU tar of before 1990."""
_PART = b"M"
_NAME, _LINK_NAME, _PAX, _PAX_SOLARIS, _PAX_GLOBAL = b"L", b"K", b"x", b"X", b"g"
_MOST_EXTRA = 1 << 20
"""Bytes of a long name, of pax records or of a map of holes above which the archive counts as damaged."""

MOST_MAP = 1 << 20
"""Numbers that a map of holes in records may have."""

_KEYS = {
    *("path", "linkpath", "size"),
    *(f"GNU.sparse.{key}" for key in ("major", "minor", "name", "size", "realsize", "map", "numblocks")),
}
"""Records of pax headers that are used; all of them could be of any number."""

MOST_SIZE = (1 << 63) - 1
"""Bytes that a member may claim to have: no file can be longer."""

_MOST_PADDING = 2 * 10_240
"""Zeros at the end that are no surprise: archives are padded to multiples of 10,240 bytes."""


class Holes(NamedTuple):
    """The content of a sparse member: its length, and the offset and length of each stored part."""

    length: int
    parts: tuple[tuple[int, int], ...]


class Head(NamedTuple):
    """A member. `size` is the number of its bytes in the archive.

    `regular` members have content. `link` is the target of a link, `hard` whether that is another member.
    `reason` is why something is not read; without a name it is about the archive.
    """

    name: str
    size: int
    regular: bool
    holes: Holes | None = None
    link: str | None = None
    hard: bool = False
    reason: str | None = None
    is_folder: bool = False

    @property
    def length(self) -> int:
        """The bytes of the content, holes included."""
        return self.size if self.holes is None else self.holes.length


def padded(size: int) -> int:
    """Bytes that a member of this size takes, its padding included."""
    return -(-size // RECORD) * RECORD


@dataclass(slots=True)
class _Extras:
    """What headers before that of a member say of it; the first header counts, as in tarfile."""

    name: str | None = None
    link: str | None = None
    records: dict[str, str] = field(default_factory=dict)
    map: list[str] = field(default_factory=list)
    """The map of holes of sparse format 0.0, in records of the same names."""


class _Ended(NamedTuple):
    """The end of the content of the last member: its name, and whether its last record is all zeros."""

    name: str
    in_zeros: Callable[[], bool]


def heads(tape: Tape) -> Iterator[Head]:
    """The members in order; what the caller did not read of a member is skipped.

    Raises:
        DamagedArchiveError: a header is invalid, or the archive ends without an end mark.
    """
    extras, common = _Extras(), dict[str, str]()
    last: _Ended | None = None
    told = False
    while True:
        begin = tape.position
        block = tape.read(RECORD)
        if not block and begin:
            raise DamagedArchiveError("it ends without an end mark, so members may be missing")
        if len(block) < RECORD:
            raise DamagedArchiveError(f"the archive ends inside a header at byte {figure(begin)}")
        if block.count(0) == RECORD:
            reason, goes_on = _behind_end(tape, begin, last, told=told)
            yield from (_about(text) for text in (_orphan(extras, begin), reason) if text)
            if not goes_on:
                return
            told, extras = True, _Extras()
            continue
        size, kind = _size(block, begin), block[156:157]
        if kind in (_NAME, _LINK_NAME, _PAX, _PAX_SOLARIS, _PAX_GLOBAL):
            _add(extras, common, kind, _extra(tape, size), tape.position)
            continue
        head = _head(block, size, kind, extras, common, tape)
        extras = _Extras()
        end = tape.position + head.size
        if not head.is_folder:
            yield head
        tape.skip(end - tape.position)
        if head.size:
            last = _Ended(head.name, _in_zeros(tape, min(head.size, RECORD)))
        tape.skip(padded(head.size) - head.size)


def _about(reason: str) -> Head:
    """A reason that is about the archive."""
    return Head("", 0, regular=False, reason=reason)


def _orphan(extras: _Extras, position: int) -> str | None:
    if extras == _Extras():
        return None
    return f"a header before byte {figure(position)} is about a member that is not there"


def _in_zeros(tape: Tape, size: int) -> Callable[[], bool]:
    at, end = tape.at, tape.position
    if at is not None:
        return lambda: not any(at(size, end - size))
    recent = tape.recent(size)
    return lambda: not any(recent)


def _behind_end(tape: Tape, end: int, last: _Ended | None, *, told: bool) -> tuple[str | None, bool]:
    """What follows the end marker at byte `end`: a reason why it matters, and whether members go on."""
    first = tape.data_behind()
    if first is None:
        return _zeros_at_end(tape.position - end, last), False
    found = tape.header_behind()
    behind = f"behind the end marker at byte {figure(end)}"
    if found is None:
        left = f"{figure(tape.position - first)} bytes from byte {figure(first)} on"
        return f"{left}, {behind}, hold no member and were not read", False
    if found > first:
        left = f"bytes {figure(first)} to {figure(found)}, behind zeros at byte {figure(end)}"
        return f"{left}, are no member and were not read; the members behind them were", True
    goes_on = f"members go on at byte {figure(found)}, {behind}"
    advice = "they are counted here, but most readers stop at the marker; pack the archives again as one"
    return None if told else f"{goes_on}: {advice}", True


def _zeros_at_end(zeros: int, last: _Ended | None) -> str | None:
    """Why so many zeros at the end are more than padding, and than room that was reserved."""
    if zeros <= _MOST_PADDING:
        return None
    if last is None:
        return f"it holds no member, only {figure(zeros)} bytes of zeros; copy or download it again"
    if last.in_zeros():
        return (
            f"the end of {last.name} and the {figure(zeros)} bytes behind it are zeros, as after an"
            " interrupted copy or download: members may be missing"
        )
    return None


def _head(  # noqa: PLR0913, PLR0917 - what a header is made of
    block: bytes, size: int, kind: bytes, extras: _Extras, common: dict[str, str], tape: Tape
) -> Head:
    """The member of a header, with what earlier headers say of it; without a name it is no file."""
    own = extras.records
    at = tape.position
    name = own.get("path") or extras.name or common.get("path") or _name(block, kind)
    is_file = kind not in (_HARD_LINK, _LINK, *_DEVICES, *_FOLDERS)
    if kind == b"\0" and _name(block, kind).endswith("/"):  # a folder of the oldest format
        kind, is_file = _FOLDERS[0], False
    if not (is_file or kind == b"D"):
        size = 0  # what other programs write there is no content
    elif "size" in own:
        size = _claimed_size(own["size"], at)
    if kind in _FOLDERS or kind in _NO_FILES:
        return Head(name, size, regular=False, is_folder=True)
    if kind == _PART:
        reason = "the rest of a member that begins in another volume; join the volumes first"
        return Head(name, size, regular=False, reason=reason)
    if kind in (_HARD_LINK, _LINK):
        target = own.get("linkpath") or extras.link or _text(block[157:257].split(b"\0", 1)[0])
        return Head(name, 0, regular=False, link=target, hard=kind == _HARD_LINK)
    if kind in _DEVICES:
        return Head(name, 0, regular=False)
    if kind == _SPARSE:
        return _sparse(name, size, _old_holes(block, tape))
    if any(key.startswith("GNU.sparse.") for key in own):
        name = own.get("GNU.sparse.name") or name
        holes, length = _pax_holes(extras, size, tape)
        return _sparse(name, length, holes)
    return Head(name, size, regular=True)


def _sparse(name: str, size: int, holes: Holes | None) -> Head:
    """A sparse member; a map that cannot be right makes it unreadable, but not what is behind it."""
    if holes is None:
        return Head(name, size, regular=False, reason="a sparse file of a format that is not known")
    end = 0
    for offset, length in holes.parts:
        if offset < end or length < 0:
            end = holes.length + 1
            break
        end = offset + length
    if end > holes.length or sum(length for _, length in holes.parts) > size:
        return Head(name, size, regular=False, reason="a sparse file whose map of holes is invalid")
    return Head(name, size, regular=True, holes=holes)


def _old_holes(block: bytes, tape: Tape) -> Holes:
    """The map of GNU tar's own format: four parts in the header, 21 in each record behind it."""
    try:
        length = number_in(block[483:495])
        parts = _parts(block, 386, 4)
        more = block[482]
        read = 0
        while more:
            block = tape.read(RECORD)
            read += RECORD
            if len(block) < RECORD or read > _MOST_EXTRA:
                raise DamagedArchiveError(f"a map of holes is invalid before byte {figure(tape.position)}")
            parts += _parts(block, 0, 21)
            more = block[504]
    except ValueError:
        raise DamagedArchiveError(f"a map of holes is invalid before byte {figure(tape.position)}") from None
    return Holes(length, tuple(parts))


def _parts(block: bytes, at: int, most: int) -> list[tuple[int, int]]:
    found = [
        (number_in(block[i : i + 12]), number_in(block[i + 12 : i + 24]))
        for i in range(at, at + 24 * most, 24)
        if block[i]
    ]
    return [(offset, length) for offset, length in found if length]


_INVALID = Holes(0, ((1, 1),))


def _pax_holes(extras: _Extras, size: int, tape: Tape) -> tuple[Holes | None, int]:
    """The map of a pax archive, sparse format 0.0, 0.1 or 1.0, and the bytes of content behind it."""
    own = extras.records
    version = own.get("GNU.sparse.major"), own.get("GNU.sparse.minor")
    if version == ("1", "0"):
        begin = tape.position
        numbers = _map_in_data(tape, size)
        real = own.get("GNU.sparse.realsize", "")
        size -= tape.position - begin
    elif version in ((None, None), ("0", "0"), ("0", "1")):
        listed = own.get("GNU.sparse.map")
        numbers = [_whole(text) for text in (listed.split(",") if listed else extras.map)]
        real = own.get("GNU.sparse.size") or own.get("GNU.sparse.realsize", "")
    else:
        return None, size
    if _whole(real) < 0 or size < 0 or len(numbers) % 2 or -1 in numbers:
        return _INVALID, max(size, 0)
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return Holes(_whole(real), tuple(pair for pair in pairs if pair[1])), size


def _whole(text: str | bytes) -> int:
    """A size or an offset, -1 if it is none."""
    is_number = text.isdigit() and text.isascii() and len(text) <= len(str(MOST_SIZE))
    return min(int(text), MOST_SIZE) if is_number else -1


def _map_in_data(tape: Tape, size: int) -> list[int]:
    """The numbers at the beginning of a member of sparse format 1.0, one a line, the first their count."""
    data = bytearray()
    lines, most = 0, -1
    while len(data) < min(size, _MOST_EXTRA):
        block = tape.read(RECORD)
        if len(block) < RECORD:
            raise DamagedArchiveError("the archive ends inside a map of holes")
        if not data:
            most = 2 * _whole(block.partition(b"\n")[0])
        data += block
        lines += block.count(b"\n")
        if most < 0:
            break
        if lines > most:
            return [_whole(line) for line in bytes(data).split(b"\n", most + 1)[1:-1]]
    return [-1]


def _add(extras: _Extras, common: dict[str, str], kind: bytes, data: bytes, position: int) -> None:
    """Note a header that is about the next member, or in `common` about all that follow."""
    if kind in (_NAME, _LINK_NAME):
        text = _text(data.partition(b"\0")[0])
        if kind == _NAME:
            extras.name = extras.name or text
        else:
            extras.link = extras.link or text
        return
    records: dict[str, str] = {}
    for key, value in _pax(data, position):
        if key in _KEYS:
            records[key] = value
        if key == "size" and kind != _PAX_GLOBAL:
            _claimed_size(value, position)
        if key in ("GNU.sparse.offset", "GNU.sparse.numbytes") and kind != _PAX_GLOBAL:
            extras.map.append(value)
            if len(extras.map) > MOST_MAP:
                raise DamagedArchiveError(f"a map of holes is too long before byte {figure(position)}")
    if kind == _PAX_GLOBAL:
        common.update(records)
    else:
        extras.records = records | extras.records


def _extra(tape: Tape, size: int) -> bytes:
    if size > _MOST_EXTRA:
        raise DamagedArchiveError(f"a name of {figure(size)} bytes before byte {figure(tape.position)}")
    extra = tape.read(padded(size))
    if len(extra) < size:
        raise DamagedArchiveError("the archive ends inside a long name")
    return extra[:size]


def _claimed_size(text: str, position: int) -> int:
    """The size of a member in a pax record."""
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MOST_SIZE)):
        raise DamagedArchiveError(f"an invalid size before byte {figure(position)}")
    return _sane(int(text), position)


def _sane(size: int, position: int) -> int:
    if size > MOST_SIZE:
        raise DamagedArchiveError(f"a member that claims {figure(size)} bytes before byte {figure(position)}")
    return size


def _size(block: bytes, position: int) -> int:
    """The size field, after the checksum was verified."""
    try:
        size = number_in(block[124:136])
        is_sound = is_header(block)
    except ValueError:
        raise DamagedArchiveError(f"no tar header at byte {figure(position)}") from None
    if not is_sound or size < 0:
        raise DamagedArchiveError(f"invalid tar header at byte {figure(position)}")
    return _sane(size, position + RECORD)


def _name(block: bytes, kind: bytes) -> str:
    name = block[:100].split(b"\0", 1)[0]
    has_prefix = block[257:263] == b"ustar\0" and kind != _SPARSE
    prefix = block[345:500].split(b"\0", 1)[0] if has_prefix else b""
    return _text(prefix + b"/" + name if prefix else name)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _pax(data: bytes, position: int) -> Iterator[tuple[str, str]]:
    """The records of a pax header: `LENGTH KEY=VALUE` and a line feed each.

    Raises:
        DamagedArchiveError: a record is invalid; it or one behind it may state the name or the size.
    """
    at = 0
    while at < len(data) and data[at]:
        length, blank, _ = data[at : at + 20].partition(b" ")
        end = at + int(length) if blank and length.isdigit() else 0  # at most 20 digits
        key, equals, value = data[at + len(length) + 1 : end - 1].partition(b"=")
        if not equals or end > len(data) or data[end - 1 : end] != b"\n":
            raise DamagedArchiveError(f"an invalid pax record before byte {figure(position)}")
        yield _text(key), _text(value)
        at = end
