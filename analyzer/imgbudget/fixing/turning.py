"""JPEG files turned upright block by block, by jpegtran: nothing is encoded once more, metadata stays."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from struct import pack_into
from tempfile import TemporaryDirectory
from typing import NamedTuple

from PIL import ImageChops

from imgbudget.errors import FixError
from imgbudget.fixing.decode import block_means
from imgbudget.fixing.encode import turned
from imgbudget.fixing.metadata import segments
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.imageinfo.exif import ORDERS, ORIENTATION, Directory, directory
from imgbudget.model.safety import NO_TURNER
from imgbudget.model.subjects import ImageFacts, ProbeField
from imgbudget.model.views import FIRST_TRANSPOSED
from imgbudget.pixels.opening import refuse_bomb
from imgbudget.programs import jpegtran

_TURNS = {
    2: ("-flip", "horizontal"),
    3: ("-rotate", "180"),
    4: ("-flip", "vertical"),
    5: ("-transpose",),
    6: ("-rotate", "90"),
    7: ("-transverse",),
    8: ("-rotate", "270"),
}
"""What makes the pixels upright, by EXIF orientation."""

_SECONDS = 120
"""Time for one file; 12 megapixels take 0.3 s."""

_MOST_SHOWN = 200

_JFIF, _EXIF, _XMP = b"JFIF\0", b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
_COLOURS = (_JFIF, b"Adobe")
"""The beginnings of the segments by which decoders know which colours the components are."""

_APP0, _APP15, _COMMENT, _PROGRESSIVE, _END = 0xE0, 0xEF, 0xFE, 0xC2, 0xD9
_FRAMES = (0xC0, 0xC1, _PROGRESSIVE)

_OF_COLOURS = 3
_SCANS = """0: 0-0, 0, 0; 1 2: 0-0, 0, 0; 0: 1-8, 0, 2; 1: 1-8, 0, 0; 2: 1-8, 0, 0; 0: 9-63, 0, 2;
0: 1-63, 2, 1; 0: 1-63, 1, 0; 1: 9-63, 0, 0; 2: 9-63, 0, 0;
"""
"""Scans of three components, mostly 1 % smaller than those that progressive files usually have."""

_XMP_ORIENTATION = re.compile(
    rb"""(<tiff:Orientation[^>]{0,200}>\s{0,9}|\stiff:Orientation\s{0,9}=\s{0,9}["'])[2-8]"""
)
_EXIF_DIRECTORY = 0x8769
_ACROSS_AND_DOWN = ((0x0100, 0x0101), (0x011A, 0x011B), (0xA002, 0xA003), (0xA20E, 0xA20F))
"""Tags of EXIF for width and height: of the picture, its resolution, its valid part, and the sensor's."""

_SAME, _SIMILAR = 2, 64
"""Levels by which the means of blocks may differ. Those of brightness are the same; where there is none, as
in CMYK, decoders scale chroma one way or the other."""


_PICTURE = re.compile(rb"\xff\xd8\xff[\xc0-\xef]|\x89PNG\r\n")
"""A picture for the pixels as they are stored; a video has its own orientation."""


class _Parts(NamedTuple):
    """A file in parts: its metadata, the segments of the encoded picture, and what follows its end.

    `components` is the number of its colours as encoded.
    """

    metadata: tuple[bytes, ...]
    picture: tuple[bytes, ...]
    rest: bytes
    progressive: bool
    components: int


def turned_upright(data: bytes, facts: ImageFacts) -> Iterator[bytes]:
    """A JPEG file with its blocks turned as its orientation says, which becomes 1, in several orders of data.

    Its metadata stays, and so does what follows the picture. The first result is baseline or progressive as
    the original; others follow for when it is too large.

    Raises:
        FixError: it cannot be turned without a loss, or not on this computer, or the result is not the same.
    """
    if facts.unturnable:
        raise FixError(f"cannot be turned without loss: {facts.unturnable}")
    program = jpegtran()
    if program is None:
        raise FixError(f"is not turned: {NO_TURNER}")
    if facts.size is not None:
        refuse_bomb(facts.size)
    parts = _parts(data)
    if _PICTURE.search(parts.rest):
        raise FixError("cannot be turned without loss: another picture follows in the file")
    colours = (segment for segment in parts.metadata if segment.startswith(_COLOURS, 4))
    picture = b"".join((b"\xff\xd8", *colours, *parts.picture))
    transposed = facts.orientation >= FIRST_TRANSPOSED
    metadata = [_upright(segment, transposed=transposed) for segment in parts.metadata]
    for order in _orders(parts):
        made = _parts(
            _output((program, "-copy", "none", "-perfect", *order, *_TURNS[facts.orientation]), picture)
        )
        whole = b"".join((b"\xff\xd8", *metadata, *made.picture, parts.rest))
        _refuse_other(data, whole, facts)
        yield whole


def _orders(parts: _Parts) -> Iterator[tuple[str, ...]]:
    """Orders in which a picture can be written, each as options; first the one that it has."""
    orders = [("-optimize",), ("-progressive",)]
    yield from orders[:: -1 if parts.progressive else 1]
    if parts.components == _OF_COLOURS:
        with suppress(OSError), TemporaryDirectory() as folder:
            path = os.path.join(folder, "scans")
            with open(path, "w", encoding="ascii") as file:
                file.write(_SCANS)
            yield "-scans", path


def _parts(data: bytes) -> _Parts:
    """The parts of a file. Raises FixError if it does not end."""
    metadata, picture, progressive, components = [], [], False, 0
    for kind, start, end in segments(data):
        if kind in _FRAMES:
            progressive, components = kind == _PROGRESSIVE, data[start + 9]
        if _APP0 <= kind <= _APP15 or kind == _COMMENT:
            metadata.append(data[start:end])
        else:
            picture.append(data[start:end])
        if kind == _END:
            return _Parts(tuple(metadata), tuple(picture), data[end:], progressive, components)
    raise FixError("cannot be turned without loss: it has no end marker")


def _output(command: tuple[str, ...], data: bytes) -> bytes:
    """What a program writes for these bytes.

    Raises:
        FixError: it cannot be run, takes too long, or reports anything, such as missing data.
    """
    try:
        done = subprocess.run(  # noqa: S603 - an absolute path, without a shell
            command, input=data, capture_output=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise FixError(f"is not turned: jpegtran took more than {_SECONDS} s") from error
    except OSError as error:
        raise FixError(f"is not turned: jpegtran cannot be run: {error.strerror}") from error
    if done.returncode or not done.stdout:
        why = (
            done.stderr.decode("ascii", "replace")
            .strip()
            .partition("\n")[0]
            .removeprefix(f"{command[0]}: ")[:_MOST_SHOWN]
        )
        raise FixError(f"is not turned: jpegtran failed: {why or f'exit code {done.returncode}'}")
    return done.stdout


def _upright(segment: bytes, *, transposed: bool) -> bytes:
    """A segment of metadata for the turned picture; its length stays, so that all offsets do."""
    kept = bytearray(segment)
    if segment.startswith(_JFIF, 4) and len(segment) >= 16:
        if transposed:
            kept[12:14], kept[14:16] = segment[14:16], segment[12:14]
    elif segment.startswith(_EXIF, 4):
        start = 16 if segment.startswith(_EXIF, 10) else 10  # some writers repeat the prefix
        kept[start:] = _upright_exif(segment[start:], transposed=transposed)
    elif segment.startswith(_XMP, 4):
        return _XMP_ORIENTATION.sub(rb"\g<1>1", segment)
    return bytes(kept)


def _upright_exif(block: bytes, *, transposed: bool) -> bytes:
    kept, root = bytearray(block), directory(block)
    if root is None:
        return block
    for tag, at in _entries(root):
        if tag == ORIENTATION:
            _write_one(kept, at)
    offset = root.number(_EXIF_DIRECTORY)
    details = None if offset is None else directory(block, offset)
    for found in (root, details) if transposed else ():
        places = dict(_entries(found)) if found else {}
        for across, down in _ACROSS_AND_DOWN:
            if across in places and down in places:
                one, other = places[across] + 2, places[down] + 2
                kept[one : one + 10], kept[other : other + 10] = (
                    block[other : other + 10],
                    block[one : one + 10],
                )
    return bytes(kept)


def _entries(found: Directory) -> Iterator[tuple[int, int]]:
    """The tags of a directory, and where their entries begin."""
    for at in range(found.first, found.last, 12):
        yield found.order.short(found.block, at)[0], at


def _write_one(block: bytearray, at: int) -> None:
    """Set the value of an entry to 1, in its type: LONG, SHORT, or one byte."""
    sign = ORDERS[bytes(block[:4])].sign
    kind = ORDERS[bytes(block[:4])].short(block, at + 2)[0]
    pack_into({4: sign + "I", 3: sign + "H"}.get(kind, "B"), block, at + 8, 1)


def _refuse_other(data: bytes, made: bytes, facts: ImageFacts) -> None:
    """Raise FixError if a turned file is not the same picture: by its facts and the means of its blocks."""
    found = probe_bytes(made, ProbeField.ALL)
    size = facts.size
    if size is not None and facts.orientation >= FIRST_TRANSPOSED:
        size = size.transposed
    if (found.damage, found.size, found.orientation, found.quality) != (None, size, 1, facts.quality):
        raise FixError("verification failed: jpegtran wrote another picture")
    before, after = turned(block_means(data), facts.orientation), block_means(made)
    if before.size != after.size or before.mode != after.mode:
        raise FixError("verification failed: jpegtran wrote another picture")
    extremes = ImageChops.difference(before, after).getextrema()
    high = max(high for _, high in (extremes if isinstance(extremes[0], tuple) else (extremes,)))
    if high > (_SAME if before.mode == "L" else _SIMILAR):
        raise FixError("verification failed: jpegtran wrote another picture")
