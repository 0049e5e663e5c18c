"""GIF (GIF89a specification): canvas and frames, read by skipping sub-blocks, without decoding."""

from struct import Struct

from imgbudget.imageinfo.reader import Each, Read
from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure
from imgbudget.model.subjects import ImageFacts, ProbeField

_FRAMES, _METADATA, _INTEGRITY = int(ProbeField.FRAMES), int(ProbeField.METADATA), int(ProbeField.INTEGRITY)

_STEP_LIMIT = 60_000
"""Maximum number of blocks and runs of sub-blocks of the same length."""

_FIRST_WINDOW, _WINDOW = 1 << 13, 1 << 16
_BYTE_LIMIT = 1 << 27

_VERSIONS = frozenset({b"7a", b"9a"})

_screen = Struct("<HHB").unpack_from  # width, height, flags
_descriptor = Struct("<HHHHB").unpack_from  # left, top, width, height, flags

_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B
_COMMENT, _APPLICATION = 0xFE, 0xFF
_CODE_SIZE_LIMIT = b"\x0c"
"""Maximum bits of an LZW code (GIF89a, appendix F)."""

_STRING_LIMIT = 4096

_LONG_BLOCK = 64
"""Length from which a run of sub-blocks is skipped at once."""

_STRIDES = 256
"""Sub-blocks skipped at once; with more, allocation of the base64 text becomes slower."""

_LOOPING = (b"\x0bNETSCAPE2.0", b"\x0bANIMEXTS1.0")

_LENGTHS = [bytes((length,)) for length in range(256)]


def probe_gif(head: bytes, read: Read, size: int, fields: int) -> ImageFacts:  # noqa: C901, PLR0912, PLR0915 - one pass
    """The facts of a GIF file; `head` are its first bytes, `fields` the bits of the needed `ProbeField`s.

    As in Pillow, the canvas grows to the first frame if that is larger than the screen.
    """
    n = len(head)
    if n < 13 or head[4:6] not in _VERSIONS:
        what = f"ends inside its header ({figure(size)} bytes)" if n < 13 else "has an unknown GIF version"
        return ImageFacts(byte_size=size, format="gif", damage=what)
    width, height, flags = _screen(head, 6)
    window = _FIRST_WINDOW
    buffer, base, i = head, 0, 13 + (6 << (flags & 7) if flags & 0x80 else 0)
    enough = 0x7FFFFFFF if fields & _FRAMES else 2
    frames, metadata = 0, 0
    damage: str | None = None
    block = data = pixels = 0
    each: Each | None = getattr(read, "each", None)
    # shared by both loops, to bound the total number of steps
    steps = iter(range(_STEP_LIMIT))
    for _ in steps:
        if i + 11 > n:
            base += i
            buffer = read(window, base) if base < _BYTE_LIMIT else b""
            window = _WINDOW
            i, n = 0, len(buffer)
            if not n:
                break
        start, is_metadata = base + i, False
        block = buffer[i]
        if block == _IMAGE:
            if n < i + 11:
                break
            left, top, across, down, flags = _descriptor(buffer, i + 1)
            i += 11 + (6 << (flags & 7) if flags & 0x80 else 0)
            data = base + i
            if data > size:
                break
            frames += 1
            if frames == 1:
                width, height = max(width, left + across), max(height, top + down)
                pixels = across * down
                if not pixels:
                    damage = f"has a first frame without a size ({across}x{down})"
            elif frames >= enough:
                break
        elif block == _EXTENSION:
            if fields & _METADATA and frames < 2 and n > i + 1:
                label = buffer[i + 1]
                looping = label == _APPLICATION and buffer.startswith(_LOOPING, i + 2)
                is_metadata = label in {_COMMENT, _APPLICATION} and not looping
            i += 2
        elif block == _TRAILER:
            break
        else:
            # decoders continue to the next block
            i += 1
            continue
        length = 0
        for _ in steps:
            if i >= n:
                base += i
                if each and length >= _LONG_BLOCK and base < size:
                    base = _end_of_run(each, base, length, min(size, _BYTE_LIMIT))
                buffer = read(window, base) if base < _BYTE_LIMIT else b""
                window = _WINDOW
                i, n = 0, len(buffer)
                if not n:
                    break
            length = buffer[i]
            if length < _LONG_BLOCK:
                i += 1 + length
                if not length:
                    break
            else:
                # encoders write blocks of the same length, usually 255: skip the whole run
                lengths = buffer[i :: length + 1]
                i += (length + 1) * (len(lengths) - len(lengths.lstrip(_LENGTHS[length])))
        if is_metadata:
            metadata += min(base + i, size) - start
        if frames == 1 and block == _IMAGE and fields & _INTEGRITY and damage is None:
            missing = base + i - size if not n else None
            damage = _first_frame_damage(base + i - data, missing, read(1, data - 1), pixels)
    if not frames:
        what = "has no image" if block == _TRAILER else "ends before its image"
        damage = f"{what} ({figure(size)} bytes)"
    return ImageFacts(
        byte_size=size,
        format="gif",
        size=Size(width, height) if width and height else None,
        frames=frames or 1,
        metadata_bytes=metadata if fields & _METADATA else None,
        damage=damage,
    )


def _end_of_run(each: Each, offset: int, length: int, end: int) -> int:
    """The end of a run of sub-blocks of the same length, or the first one beyond `end`."""
    while offset < end:
        lengths = each(offset, length + 1, _STRIDES)
        same = len(lengths) - len(lengths.lstrip(_LENGTHS[length]))
        offset += same * (length + 1)
        if same < _STRIDES:
            break
    return offset


def _first_frame_damage(length: int, missing: int | None, code_size: bytes, pixels: int) -> str | None:
    """A clause if `length` bytes of sub-blocks cannot contain the pixels of the frame.

    `missing` is the number of bytes that a truncated file lacks of its last sub-block; None if not truncated.
    """
    if missing is not None and (missing > 0 or length < 2):
        return "is cut off inside its first frame"
    if code_size > _CODE_SIZE_LIMIT:
        return f"has a first frame with codes of {code_size[0]} bits"
    # a code encodes at most one pixel more than the code before it, and at most 4,096; one byte of the
    # sub-blocks is the length of the first one, and one the terminator, if any
    codes = 8 * max(length - (2 if missing is None else 1), 0) // (ord(code_size or b"\1") + 1)
    if pixels > (codes * (codes + 1) // 2 if codes < _STRING_LIMIT else codes * _STRING_LIMIT):
        return "has too little data for its first frame"
    return None
