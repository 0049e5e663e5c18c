"""JPEG (ITU-T T.81): size, orientation, frames, quality, metadata, and whether the file is complete."""

from collections.abc import Sequence
from struct import Struct

from imgbudget.imageinfo.exif import directory, has_gps_entry, orientation, read_exif, xmp_orientation
from imgbudget.imageinfo.jpeg_tables import (
    CHROMINANCE_CODES,
    LUMINANCE_CODES,
    STANDARD_ALL,
    STANDARD_LUMINANCE,
    VARIANTS,
    JpegOutline,
    Segment,
    checked_tables,
    table_payload,
)
from imgbudget.imageinfo.jpeg_turning import MOVABLE, OF_STORED_PIXELS, off_grid, unturnable
from imgbudget.imageinfo.reader import Read, Source, facts_of, sound_facts
from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure
from imgbudget.model.subjects import ImageFacts, ProbeField

_QUALITY, _METADATA = int(ProbeField.QUALITY), int(ProbeField.METADATA)
_INTEGRITY, _FRAME_COUNT, _LOCATION = (
    int(ProbeField.INTEGRITY),
    int(ProbeField.FRAMES),
    int(ProbeField.LOCATION),
)

_DQT, _DHT, _DRI, _SCAN, _END, _FILL = 0xFFDB, 0xFFC4, 0xFFDD, 0xFFDA, 0xFFD9, 0xFFFF
_RESERVED, _FIRST_FRAME, _START = 0xFF02, 0xFFC0, 0xFFD8
_APP0, _APP1, _APP2, _APP3, _APP11, _APP14, _APP15 = (0xFFE0 + number for number in (0, 1, 2, 3, 11, 14, 15))
_COMMENT = 0xFFFE

_APP_LIMIT = 16
"""Maximum number of APP1 segments (EXIF or XMP) that are read; one or two are usual."""

_END_OF_IMAGE = b"\xff\xd9"
_TAIL = 256
"""Last bytes of a file, in which its end marker is, unless data was appended."""

_SEARCH_PIECE = 1 << 18
_SEARCH_LIMIT = 1 << 22
"""Bytes searched backwards for the end marker. Other data (the video after a motion photo) contains these two
bytes by chance every 64 KiB; scan data never does."""

_FORWARD_PIECE = 1 << 20
_FORWARD_LIMIT, _SAMPLE_BYTES = 1 << 27, 8
"""Bytes searched forward after that, from the scan on, for the end of a picture with padding, and the most
that a sample can take (31 bits of code, each byte with one that is stuffed)."""


_IMAGE_COUNT, _IMAGE_ENTRIES = 0xB001, 0xB002
"""Tags of the MP index (CIPA DC-007, section 5.2.3)."""

_DEPENDENT_CHILD, _MP_TYPE = 1 << 30, 0xFFFFFF
_UNDEFINED, _MULTI_FRAME = 0, 2
"""Of an MP entry's attributes (CIPA DC-007, section 5.2.3.3): the type, and the first byte of the types
panorama, disparity (the two pictures of a stereo camera) and multi-angle. That of large thumbnails is 1."""

_GAIN_MAP, _ISO_GAIN_MAP = b' hdrgm:Version="', b"urn:iso:std:iso:ts:21496:"

_STAYING = (
    *(b"ICC_PROFILE\0", b"MPF\0", _ISO_GAIN_MAP),
    *(b"FLIR\0", b"http://ns.adobe.com/xmp/extension/\0", b"HDR_RI"),
)
_METADATA_IN_APP3 = (b"Meta\0", b"META\0", b"Exif\0", b"Stim\0", b"_JPSJPS_")
"""Kodak and stereo cameras; see exiftool's table of JPEG segments for the others."""

_SIZE_READS = 400
"""Segments that are read to find the sizes of pictures of undefined type."""

_NO_OUTLINE = JpegOutline()
"""Used if no segment data is needed."""


def metadata_of(marker: int, length: int, buffer: bytes, start: int) -> int:
    """Bytes of a segment that can be removed: APP1 to APP15, comments, thumbnails; 0 for one that stays.

    The payload begins at `start` of the buffer.
    """
    if marker == _APP0:
        # the JFIF header has 16 bytes; a thumbnail follows
        return max(length - 16, 0) if buffer.startswith(b"JFIF\0", start) else 2 + length
    if marker == _COMMENT or (_APP1 <= marker <= _APP15):
        return 0 if stays(marker, buffer, start) else 2 + length
    return 0


def stays(marker: int, buffer: bytes, start: int) -> bool:
    """Whether a segment is for decoders, or another picture of the same: removing metadata keeps it.

    That is the colour profile, maps of gain and depth, thermal data (FLIR, and in APP3 that of DJI and
    InfiRay), JPEG-HDR and JPEG XT, but not a signature (JUMBF), which no changed file satisfies.
    """
    if marker == _APP3:
        return not buffer.startswith(_METADATA_IN_APP3, start)
    if marker == _APP11 and buffer.startswith(b"JP", start):
        return buffer[start + 12 : start + 16] != b"jumb"
    if marker == _APP14:
        return buffer.startswith(b"Adobe", start)
    return marker != _COMMENT and buffer.startswith(_STAYING, start)


def detailed_facts(  # noqa: PLR0913, PLR0917 - runs for each file: a named tuple would cost more than the rest
    outline: JpegOutline, area: tuple[int, int], turn: int, head: bytes, read: Read, size: int, fields: int
) -> ImageFacts:
    """The facts of a file whose segments up to the scan are known."""
    frames, quality, metadata, damage = 1, None, None, None
    if outline.index is not None:
        frames = _frames(outline.index, outline.apps, Source(head, read, size))
        if not fields & _FRAME_COUNT:
            frames = min(frames, 2)
    if fields & _METADATA:
        metadata = min(outline.metadata, size)
    if fields & (_QUALITY | _INTEGRITY):
        quality, damage = checked_tables(outline, area)
        quality = quality if fields & _QUALITY else None
    if fields & _INTEGRITY:
        tail = size - _TAIL
        if not (
            outline.scan
            and (outline.tables or outline.marker in VARIANTS)
            and _END_OF_IMAGE in read(_TAIL, tail if tail > outline.scan else outline.scan)  # noqa: FURB136 - twice as fast
        ):
            damage = _damage(outline, area, read, size) or damage
    else:
        damage = None
    facts = facts_of(size, "jpeg", area, turn, frames, outline.has_location, quality, metadata, damage)
    return facts._replace(variant=VARIANTS[outline.marker]) if outline.marker in VARIANTS else facts


def _frames(index: Segment, apps: Sequence[Segment], source: Source) -> int:
    """Number of pictures in the MP index that are frames; 1 if the index is broken, as in Pillow."""
    offset, length = index
    entries = _index_entries(source.bytes_at(offset + 8, length - 6))
    if len(entries) < 2:
        return 1
    gain_map, frames = _has_gain_map(apps, source), 1
    area, budget = _frame_size(source, 0, _SIZE_READS)
    for attributes, _, start, _ in entries[1:]:
        kind = attributes & _MP_TYPE
        if attributes & _DEPENDENT_CHILD:
            continue  # a preview, gain map or depth map of another picture
        if kind >> 16 == _MULTI_FRAME:
            frames += 1
        elif kind == _UNDEFINED and not gain_map:
            found, budget = _frame_size(source, offset + 8 + start, budget)
            frames += found is None or found == area
    return frames


def _index_entries(block: bytes) -> list[tuple[int, int, int, int]]:
    """The entries of an MP index: attributes, byte size, offset, dependent pictures; none if it is broken."""
    index = directory(block)
    if index is None:
        return []
    count = index.number(_IMAGE_COUNT) or 1
    data = index.data(_IMAGE_ENTRIES)
    if count <= 1 or len(data) < 16 * count:
        return []
    entries = list(Struct(index.order.sign + "IIII").iter_unpack(data[: 16 * count]))
    # bits 24 to 26 are the image format, 0 is JPEG
    return [] if any(entry[0] >> 24 & 7 for entry in entries) else entries


def _frame_size(source: Source, at: int, budget: int) -> tuple[bytes | None, int]:
    """Height and width as the frame header of the picture at an offset has them, and the reads left.

    Empty for a gain map: its own header declares it, in XMP (Adobe) or APP2 (ISO 21496-1). None if there is
    no picture, as from the fourth one on in files of Pillow 13, or if no reads are left.
    """
    at += 2
    while budget > 0:
        budget -= 1
        head = source.bytes_at(at, 64)
        if len(head) < 9 or head[0] != 0xFF:
            break
        marker, length = _segment(head, 0)
        if marker in _FRAME_MARKERS:
            return head[5:9], budget
        if marker == _APP2 and head.startswith(_ISO_GAIN_MAP, 4):
            return b"", budget
        if marker == _APP1 and _GAIN_MAP in source.bytes_at(at + 4, length - 2):
            return b"", budget
        if marker in {_SCAN, _END}:
            break
        at += 2 + length
    return None, budget


def _has_gain_map(apps: Sequence[Segment], source: Source) -> bool:
    """Whether the XMP declares an Ultra HDR gain map; then undefined pictures are no frames."""
    return any(_GAIN_MAP in source.bytes_at(offset + 4, length - 2) for offset, length in apps)


def _damage(outline: JpegOutline, area: tuple[int, int], read: Read, size: int) -> str | None:
    """A clause if the file has no scan, no quantisation table, or no end marker after the scan.

    The last bytes have no end marker, but it may be followed by other data, or by padding of any length.
    """
    if not outline.scan:
        return f"ends before its image data ({figure(size)} bytes)"
    if not outline.tables and outline.marker not in VARIANTS:
        return "has no quantisation table"
    stop = max(outline.scan, size - _SEARCH_LIMIT)
    at = size
    while at > stop:
        at = max(at - _SEARCH_PIECE, stop)
        # one byte more than the step: the marker may cross the boundary
        if _END_OF_IMAGE in read(_SEARCH_PIECE + 1, at):
            return None
    # the image ends farther forward, where its data does
    most = _FORWARD_PIECE + area[0] * area[1] * len(outline.components) // 3 * _SAMPLE_BYTES
    at, end = outline.scan, min(stop, outline.scan + min(most, _FORWARD_LIMIT))
    while at < end:
        if _END_OF_IMAGE in read(_FORWARD_PIECE + 1, at):
            return None
        at += _FORWARD_PIECE
    return f"is cut off inside its image data ({figure(size)} bytes, no end marker)"


_READS = range(400)
"""Maximum number of reads after the first one; a segment usually takes one, a large ICC profile 255."""

_REFILL = 960

_segment = Struct(">HH").unpack_from  # marker, length
_two_segments = Struct(">HH65xHH").unpack_from  # markers and lengths, the first length is 67
_frame = Struct(">BHHB").unpack_from  # bits per sample, height, width, components

_FRAME_MARKERS = frozenset({*range(0xFFC0, 0xFFD0)} - {0xFFC4, 0xFFC8, 0xFFCC} | {0xFFDE, 0xFFF7})
_SKIPPED_MARKERS = frozenset(
    {0xFFC4, 0xFFCC, 0xFFDB, 0xFFDC, 0xFFDD, 0xFFDF, 0xFFE0, *range(0xFFE3, 0xFFF0), 0xFFFE}
)
"""Segments without size, orientation or animation."""

_JFIF = b"\xff\xd8\xff\xe0\0\x10JFIF\0"
"""The start of a file whose first segment is a JFIF header of the usual 16 bytes, without a thumbnail."""

_TABLE = 67
"""Length of a segment with one quantisation table of 8 bits per entry."""

_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_CODES = len(LUMINANCE_CODES)
_SCAN_START = b"\xff\xda\0"
_APP3_AND_11 = frozenset({_APP3, _APP11})


def probe_jpeg(  # noqa: C901, PLR0912, PLR0915 - one pass, one branch per marker
    head: bytes, read: Read, size: int, fields: int
) -> ImageFacts:
    """The facts of a JPEG file; `head` are its first bytes, `fields` the bits of the needed `ProbeField`s."""
    buffer, base, n = head, 0, len(head)
    i = 20 if head.startswith(_JFIF) else 2
    deep, turn = fields > 1, 0
    # whether no segment is of the kinds that `unturnable` looks at
    plain = True
    # the orientation is read from the first EXIF, the position from the first EXIF that has one
    needs_turn, needs_exif, needs_location = True, fields > 0, fields & _LOCATION
    area: tuple[int, int] | None = None
    xmp: Segment | None = None
    outline = JpegOutline() if deep else _NO_OUTLINE
    for _ in _READS:
        while i + 10 <= n:
            marker, length = _segment(buffer, i)
            if marker == _DQT:
                if deep and i and buffer.find(_SCAN_START, i) < 0:
                    break  # one read of all that is left is cheaper than parts of it
                if length == _TABLE and i + 148 <= n:
                    second, same, behind, its_length = _two_segments(buffer, i + 69)
                    if second == _DQT and same == _TABLE:
                        # the IJG library writes two tables of this length; skip both at once
                        if deep:
                            outline.tables += (buffer[i + 4 : i + 69], buffer[i + 73 : i + 138])
                        marker, length, i = behind, its_length, i + 138
            elif marker == _DHT and buffer.startswith(LUMINANCE_CODES, i):
                # most baseline files have the tables of Annex K; skipping them at once saves microseconds
                both = buffer.startswith(CHROMINANCE_CODES, i + _CODES)
                i += 2 * _CODES if both else _CODES
                if deep:
                    outline.known = STANDARD_ALL if both else STANDARD_LUMINANCE
                if i + 10 > n:
                    break
                marker, length = _segment(buffer, i)
            while deep and marker == _DHT and 2 <= length <= n - i - 12:
                outline.huffman += (buffer[i + 4 : i + 2 + length],)
                i += 2 + length
                marker, length = _segment(buffer, i)
            if marker in _SKIPPED_MARKERS:
                if deep:
                    if marker == _DQT:
                        outline.tables.append(table_payload(buffer, i, length, base, read))
                    elif marker == _DHT:
                        if i and i + 2 + length > n:
                            break
                        codes = buffer[i + 4 : i + 2 + length]
                        if len(codes) < length - 2:
                            codes, outline.is_usual = read(length - 2, base + i + 4), False
                        outline.huffman += (codes,)
                    elif marker == _DRI:
                        if length != 4:
                            outline.flaw = "has a restart interval of the wrong length"
                    elif marker >= _APP0:
                        outline.metadata += metadata_of(marker, length, buffer, i + 4)
                        if marker in _APP3_AND_11 or buffer.startswith(OF_STORED_PIXELS, i + 4) or i + 32 > n:
                            plain = False
            elif marker in _FRAME_MARKERS:
                if area is None:
                    bits, height, width, components = _frame(buffer, i + 4)
                    if bits != 8 or not width or not height or components not in {1, 3, 4}:
                        return _refused(size, bits, Size(width, height), components)
                    area = width, height
                    if not deep:
                        if needs_exif and _may_have_exif(buffer, i, read, base):
                            i += 2 + length
                            continue
                        facts = sound_facts(size, "jpeg", area, turn or 1, 1)
                        if marker in VARIANTS:
                            facts = facts._replace(variant=VARIANTS[marker])
                        if turn < 2 and (turn or not xmp):
                            return facts
                        return _oriented(facts, Source(head, read, size), xmp)
                    outline.marker, outline.length = marker, length
                    outline.components = buffer[i + 10 : i + 10 + 3 * components]
                    if i + 10 + 3 * components > n:  # rarely cut off by the read
                        outline.components = read(3 * components, base + i + 10)
                elif deep:
                    plain = False
                    if outline.marker not in VARIANTS:
                        outline.flaw = "has two frame headers"
            elif marker == _APP1:
                if deep:
                    outline.metadata += 0 if buffer.startswith(_STAYING, i + 4) else 2 + length
                    if len(outline.apps) < _APP_LIMIT:
                        outline.apps += ((base + i, length),)
                    else:
                        needs_location = 0
                if needs_exif and buffer.startswith(b"Exif\0\0", i + 4):
                    end = i + 2 + length
                    end = end if end < n else n  # noqa: FURB136 - twice as fast
                    found, here = orientation(buffer, i + 10, end), False
                    if found is None or (needs_location and has_gps_entry(buffer, i + 10)):
                        found, here = read_exif(Source(head, read, size), base + i + 10, length - 8)
                    if needs_turn:
                        turn = found
                    needs_turn = False
                    if here and needs_location:
                        outline.has_location, needs_location = True, 0
                    needs_exif = needs_turn or needs_location > 0
                elif not buffer.startswith(b"Exif\0\0", i + 4):
                    plain = False
                    if fields and buffer.startswith(_XMP, i + 4):
                        xmp = base + i + 4, length - 2
            elif marker == _APP2:
                if deep:
                    outline.metadata += 0 if buffer.startswith(_STAYING, i + 4) else 2 + length
                    plain = plain and buffer.startswith(b"ICC_PROFILE\0", i + 4)
                    if outline.index is None and area is None and buffer.startswith(b"MPF\0", i + 4):
                        outline.index = base + i, length
                elif buffer.startswith(b"MPF\0", i + 4):
                    # later segments may determine whether its images count as frames
                    facts = probe_jpeg(head, read, size, fields | _FRAME_COUNT)
                    return facts._replace(frames=min(facts.frames, 2))
            elif marker < 0xFF00:
                # decoders skip junk between segments
                plain = False
                i = buffer.find(b"\xff", i + 1)
                if i < 0:
                    i = n
                continue
            elif marker == _FILL:
                plain = False
                i = n - len(buffer[i:].lstrip(b"\xff")) - 1
                continue
            elif marker in {_SCAN, _END}:
                if area is None:
                    return _damaged(size, "has no frame header before its image data")
                if deep and marker == _SCAN:
                    outline.scan, outline.header = base + i, buffer[i + 4 : i + 2 + length]
                    if len(outline.header) < length - 2:
                        outline.header = read(length - 2, base + i + 4)
                facts = detailed_facts(outline, area, turn or 1, head, read, size, fields)
                if turn < 2 and (turn or not xmp):
                    return facts
                if plain and outline.marker in MOVABLE and marker == _SCAN and base + i + 20 <= size:
                    return facts._replace(unturnable=off_grid(turn, area, outline.components))
                return _oriented(facts, Source(head, read, size), xmp)
            else:
                plain = False
                if deep and (_RESERVED <= marker < _FIRST_FRAME or marker == _START):
                    outline.flaw = f"has a marker ({marker:04X}) that no decoder takes in its header"
                i += 2
                continue
            if length < 2 and deep and marker < _APP0:
                outline.flaw = "has a segment without a length"
            i += 2 + length
        base += i
        buffer = read(_REFILL, base)
        i, n = 0, len(buffer)
        if n < 10:
            break
    if area is not None:
        facts = detailed_facts(outline, area, turn or 1, head, read, size, fields)
        return _oriented(facts, Source(head, read, size), xmp)
    if n < 10:
        return _damaged(size, f"ends inside its header ({figure(size)} bytes)")
    return _damaged(size, "has no frame header in its first segments")


def _may_have_exif(buffer: bytes, at: int, read: Read, base: int) -> bool:
    """Whether EXIF or XMP may follow a frame header, which hardly any file has."""
    scan = buffer.find(_SCAN_START, at)
    if scan < 0:
        buffer, at = read(_REFILL, base + at), 0
        scan = buffer.find(_SCAN_START)
    return scan < 0 or buffer.find(b"\xff\xe1", at, scan) >= 0


def _oriented(facts: ImageFacts, source: Source, xmp: Segment | None) -> ImageFacts:
    """The facts with the orientation of XMP, if that is the only one, and whether the blocks can be turned.

    `xmp` is the offset and length of the packet, None if EXIF has an orientation.
    """
    if facts.orientation < 2 and xmp is not None:
        turn = xmp_orientation(source.bytes_at(*xmp))
        if turn > 1:
            facts = facts._replace(orientation=turn, in_xmp=True)
    if facts.orientation < 2:
        return facts
    return facts._replace(unturnable=unturnable(facts.orientation, source))


def _damaged(size: int, damage: str) -> ImageFacts:
    return ImageFacts(byte_size=size, format="jpeg", damage=damage)


def _refused(size: int, bits: int, area: Size, components: int) -> ImageFacts:
    """The facts of a file whose frame header no 8-bit decoder accepts."""
    if not all(area):
        return _damaged(size, f"has a frame header without a size ({area})")
    if bits != 8:
        damage = f"has {bits} bits per sample; decoders accept 8"
    else:
        damage = f"has {components} colour components; decoders accept 1, 3 or 4"
    return ImageFacts(byte_size=size, format="jpeg", size=area, damage=damage)
