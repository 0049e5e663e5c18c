"""JPEG (ITU-T T.81): the segments up to the frame header, or up to the scan where more facts are wanted."""

from struct import Struct

from imgbudget.geometry import Size
from imgbudget.model import Fact, ImageFacts
from imgbudget.probes.exif import orientation, read_exif
from imgbudget.probes.jpeg_details import Frame, Segment, detailed_facts
from imgbudget.probes.reader import Read, Source, sound_facts

_READS = range(400)
"""Reads beside the first one: segments take one each as a rule, and a large ICC profile has 255."""

_REFILL = 960

_segment = Struct(">HH").unpack_from  # marker, length
_two_segments = Struct(">HH65xHH").unpack_from  # markers and lengths, the first one's 67
_frame = Struct(">BHHB").unpack_from  # bits a sample, height, width, components

_FRAMES = frozenset({*range(0xFFC0, 0xFFD0)} - {0xFFC4, 0xFFC8, 0xFFCC} | {0xFFDE})
_PLAIN = frozenset({0xFFC4, 0xFFCC, 0xFFDB, 0xFFDC, 0xFFDD, 0xFFDF, 0xFFE0, *range(0xFFE3, 0xFFF0), 0xFFFE})
"""Segments that say nothing of size, orientation or animation."""

_TABLE = 67
"""Length of a segment with one quantisation table of 8 bits an entry."""

_START = 10
"""Bytes from a marker on that say what its segment holds."""

_FRAMES_FACT = int(Fact.FRAMES)
_DQT, _APP1, _APP2, _SCAN, _END, _FILL = 0xFFDB, 0xFFE1, 0xFFE2, 0xFFDA, 0xFFD9, 0xFFFF


def probe_jpeg(  # noqa: C901, PLR0912, PLR0915 - one pass, a marker a branch
    head: bytes, read: Read, size: int, want: int
) -> ImageFacts:
    """The facts of a JPEG file; `head` holds its first bytes, `want` the bits of the facts asked for."""
    buffer, base, i, n = head, 0, 2, len(head)
    turn, looking, deep = 0, want > 0, want > 1
    segments: list[Segment] = []
    frame: Frame | None = None
    for _ in _READS:
        while i + 10 <= n:
            marker, length = _segment(buffer, i)
            if marker == _DQT and length == _TABLE and not deep and i + 148 <= n:
                second, same, behind, its_length = _two_segments(buffer, i + 69)
                if second == _DQT and same == _TABLE:
                    # the IJG library writes two tables of this length: both are one step
                    marker, length, i = behind, its_length, i + 138
            if marker in _PLAIN:
                if deep:
                    known = i + (2 + length if marker == _DQT else _START)
                    segments.append((marker, base + i, length, buffer[i + 4 : known]))
            elif marker in _FRAMES:
                if frame is None:
                    bits, height, width, components = _frame(buffer, i + 4)
                    if bits != 8 or not width or not height or components not in {1, 3, 4}:
                        return _refused(size, bits, Size(width, height), components)
                    if not deep:
                        return sound_facts(size, "jpeg", (width, height), turn or 1, 1)
                    parts = buffer[i + 10 : i + 10 + 3 * components]
                    frame = Frame(Size(width, height), parts, base + i + 10)
            elif marker == _APP1:
                if deep:
                    segments.append((marker, base + i, length, buffer[i + 4 : i + _START]))
                # EXIF stands before the frame header (Exif 2.32, section 4.5.4), and counts only there
                if looking and frame is None and buffer[i + 4 : i + 10] == b"Exif\0\0":
                    looking = False
                    end = i + 2 + length
                    found = orientation(buffer, i + 10, end if end < n else n)  # noqa: FURB136 - twice as fast
                    if found is None:
                        found, _ = read_exif(Source(head, read, size), base + i + 10, length - 8)
                    turn = found
            elif marker == _APP2:
                if deep:
                    segments.append((marker, base + i, length, buffer[i + 4 : i + _START]))
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
                if frame is None:
                    return _damaged(size, "has no frame header before its picture data")
                segments.append((marker, base + i, length, b""))
                return detailed_facts(frame, turn or 1, segments, Source(head, read, size), want)
            else:
                i += 2
                continue
            i += 2 + length
        base += i
        buffer = read(_REFILL, base)
        i, n = 0, len(buffer)
        if n < 10:
            break
    if frame is not None:
        return detailed_facts(frame, turn or 1, segments, Source(head, read, size), want)
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
