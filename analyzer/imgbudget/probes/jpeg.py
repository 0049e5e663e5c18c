"""JPEG (ITU-T T.81): the segments up to the frame header, or up to the scan where more facts are wanted."""

from struct import Struct

from imgbudget.geometry import Size
from imgbudget.model import Fact, ImageFacts
from imgbudget.probes.exif import names_position, orientation, read_exif
from imgbudget.probes.jpeg_details import APPS, NOTHING, Outline, detailed_facts, metadata_of, table_payload
from imgbudget.probes.reader import Read, Source, sound_facts

_READS = range(400)
"""Reads beside the first one: segments take one each as a rule, and a large ICC profile has 255."""

_REFILL = 960

_segment = Struct(">HH").unpack_from  # marker, length
_two_segments = Struct(">HH65xHH").unpack_from  # markers and lengths, the first one's 67
_five_segments = Struct(">HH29xHH179xHH29xHH179xH").unpack_from  # as _STANDARD has them
_frame = Struct(">BHHB").unpack_from  # bits a sample, height, width, components

_FRAMES = frozenset({*range(0xFFC0, 0xFFD0)} - {0xFFC4, 0xFFC8, 0xFFCC} | {0xFFDE})
_PLAIN = frozenset({0xFFC4, 0xFFCC, 0xFFDB, 0xFFDC, 0xFFDD, 0xFFDF, 0xFFE0, *range(0xFFE3, 0xFFF0), 0xFFFE})
"""Segments that say nothing of size, orientation or animation."""

_DQT, _DHT, _SCAN, _END, _FILL = 0xFFDB, 0xFFC4, 0xFFDA, 0xFFD9, 0xFFFF
_APP0, _APP1, _APP2 = 0xFFE0, 0xFFE1, 0xFFE2

_JFIF = b"\xff\xd8\xff\xe0\0\x10JFIF\0"
"""The start of a file whose first segment is a JFIF header of the usual 16 bytes, which says nothing."""

_TABLE = 67
"""Length of a segment with one quantisation table of 8 bits an entry."""

_STANDARD = (_DHT, 31, _DHT, 181, _DHT, 31, _DHT, 181, _SCAN)
"""Markers and lengths of the Huffman tables of T.81, Annex K, that most baseline files have, and the scan."""

_STANDARD_BYTES = 2 * (2 + 31) + 2 * (2 + 181)

_FRAMES_FACT, _LOCATION = int(Fact.FRAMES), int(Fact.LOCATION)


def probe_jpeg(  # noqa: C901, PLR0912, PLR0915 - one pass, a marker a branch
    head: bytes, read: Read, size: int, want: int
) -> ImageFacts:
    """The facts of a JPEG file; `head` holds its first bytes, `want` the bits of the facts asked for."""
    buffer, base, n = head, 0, len(head)
    i = 20 if head.startswith(_JFIF) else 2
    deep, turn = want > 1, 0
    # EXIF is asked for the orientation once, and for a position until one is found
    turning, looking, locating = True, want > 0, want & _LOCATION
    area: tuple[int, int] | None = None
    seen = Outline() if deep else NOTHING
    for _ in _READS:
        while i + 10 <= n:
            marker, length = _segment(buffer, i)
            if marker == _DQT:
                if length == _TABLE and i + 148 <= n:
                    second, same, behind, its_length = _two_segments(buffer, i + 69)
                    if second == _DQT and same == _TABLE:
                        # the IJG library writes two tables of this length: both are one step
                        if deep:
                            seen.tables += (buffer[i + 4 : i + 69], buffer[i + 73 : i + 138])
                        marker, length, i = behind, its_length, i + 138
            elif marker == _DHT and length == 31 and i + 442 <= n and _five_segments(buffer, i) == _STANDARD:
                # four tables in one step, which saves a microsecond
                marker, i = _SCAN, i + _STANDARD_BYTES
            if marker in _PLAIN:
                if deep:
                    if marker == _DQT:
                        seen.tables.append(table_payload(buffer, i, length, base, read))
                    elif marker >= _APP0:
                        seen.metadata += metadata_of(marker, length, buffer, i + 4)
            elif marker in _FRAMES:
                if area is None:
                    bits, height, width, components = _frame(buffer, i + 4)
                    if bits != 8 or not width or not height or components not in {1, 3, 4}:
                        return _refused(size, bits, Size(width, height), components)
                    area = width, height
                    if not deep:
                        return sound_facts(size, "jpeg", area, turn or 1, 1)
                    seen.components = buffer[i + 10 : i + 10 + 3 * components]
                    if i + 10 + 3 * components > n:  # few files cut the read there
                        seen.components = read(3 * components, base + i + 10)
            elif marker == _APP1:
                if deep:
                    seen.metadata += 2 + length
                    if len(seen.apps) < APPS:
                        seen.apps += ((base + i, length),)
                    else:
                        locating = 0
                if looking and buffer.startswith(b"Exif\0\0", i + 4):
                    end = i + 2 + length
                    end = end if end < n else n  # noqa: FURB136 - twice as fast
                    found, here = orientation(buffer, i + 10, end), False
                    if found is None or (locating and names_position(buffer, i + 10)):
                        found, here = read_exif(Source(head, read, size), base + i + 10, length - 8)
                    # the orientation counts before the frame header only (Exif 2.32, section 4.5.4)
                    if turning and area is None:
                        turn = found
                    turning = False
                    if here and locating:
                        seen.has_location, locating = True, 0
                    looking = turning or locating > 0
            elif marker == _APP2:
                if deep:
                    seen.metadata += 2 + length
                    if seen.index is None and area is None and buffer.startswith(b"MPF\0", i + 4):
                        seen.index = base + i, length
                elif buffer.startswith(b"MPF\0", i + 4):
                    # whether its pictures count as frames, the segments behind it may say
                    facts = probe_jpeg(head, read, size, want | _FRAMES_FACT)
                    return facts._replace(frames=min(facts.frames, 2))
            elif marker < 0xFF00:
                # decoders skip junk between segments
                i = buffer.find(b"\xff", i + 1)
                if i < 0:
                    i = n
                continue
            elif marker == _FILL:
                i = n - len(buffer[i:].lstrip(b"\xff")) - 1
                continue
            elif marker in {_SCAN, _END}:
                if area is None:
                    return _damaged(size, "has no frame header before its picture data")
                seen.scan = base + i if marker == _SCAN else 0
                return detailed_facts(seen, area, turn or 1, head, read, size, want)
            else:
                i += 2
                continue
            i += 2 + length
        base += i
        buffer = read(_REFILL, base)
        i, n = 0, len(buffer)
        if n < 10:
            break
    if area is not None:
        return detailed_facts(seen, area, turn or 1, head, read, size, want)
    if n < 10:
        return _damaged(size, f"ends inside its header ({size:,} bytes)")
    return _damaged(size, "has no frame header within reason")


def _damaged(size: int, damage: str) -> ImageFacts:
    return ImageFacts(byte_size=size, format="jpeg", damage=damage)


def _refused(size: int, bits: int, area: Size, components: int) -> ImageFacts:
    """The facts of a file whose frame header no 8-bit decoder takes."""
    if not all(area):
        return _damaged(size, f"has a frame header without a size ({area})")
    if bits != 8:
        damage = f"has {bits} bits a sample; decoders take 8"
    else:
        damage = f"has {components} colour components; decoders take 1, 3 or 4"
    return ImageFacts(byte_size=size, format="jpeg", size=area, damage=damage)
