"""GIF: the canvas that grows to the first frame, frames counted over sub-blocks of any length, damage."""

import struct

import pytest

from imgbudget.imageinfo.dispatch import probe_bytes, probe_reader
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ProbeField
from tests.imagebytes import gif, gif_frame, sub_blocks

COMMENT = b"!\xfe" + sub_blocks(b"made for a test " * 100)
LOOP = b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0"
CONTROL = b"!\xf9\4\0\0\0\0\0"


def test_size_is_the_screens() -> None:
    """A first frame inside the screen leaves its size alone."""
    facts = probe_bytes(gif(gif_frame()))
    assert (facts.format, facts.size, facts.frames, facts.damage) == ("gif", Size(40, 30), 1, None)


@pytest.mark.parametrize(
    ("frame", "size"),
    [
        (gif_frame((50, 3)), Size(50, 30)),
        (gif_frame((4, 3), (38, 29)), Size(42, 32)),
        (gif_frame((0xFFFF, 0xFFFF), (0xFFFF, 0xFFFF)), Size(0x1FFFE, 0x1FFFE)),
    ],
)
def test_canvas_grows_to_the_first_frame(frame: bytes, size: Size) -> None:
    """Pillow makes it so; later frames change nothing."""
    assert probe_bytes(gif(frame)).size == size
    assert probe_bytes(gif(gif_frame(), frame)).size == Size(40, 30)


@pytest.mark.parametrize("length", [1, 2, 63, 64, 200, 254, 255])
@pytest.mark.parametrize("total", [0, 1, 254, 255, 256, 4096, 65_536, 200_000])
def test_frames_are_counted_over_sub_blocks_of_any_length(length: int, total: int) -> None:
    """Whatever the encoder's cut of the data, and wherever the borders of the reads fall."""
    # single bytes by the hundred thousand are beyond what is stepped over
    frame = gif_frame(data=sub_blocks(bytes(min(total, 15_000 * length)), length))
    still, three = gif(CONTROL, frame), gif(LOOP, CONTROL, frame, COMMENT, frame, CONTROL, frame)
    assert probe_bytes(still, ProbeField.FRAMES).frames == 1
    assert probe_bytes(three).frames == 2
    assert probe_bytes(three, ProbeField.FRAMES).frames == 3


def test_sub_blocks_of_mixed_lengths() -> None:
    """A run of one length may end in any other."""
    data = (
        b"".join(bytes((length,)) + bytes(length) for length in (255, 255, 64, 64, 64, 3, 255, 1, 200))
        + b"\0"
    )
    assert probe_bytes(gif(gif_frame(data=data), gif_frame(data=data)), ProbeField.FRAMES).frames == 2


def test_local_palettes_and_junk_between_blocks_are_stepped_over() -> None:
    """A frame may have a palette; decoders search for the next block."""
    frame = b"," + struct.pack("<HHHHB", 0, 0, 4, 3, 0x87) + bytes(768) + b"\2" + sub_blocks(b"abcd")
    assert probe_bytes(gif(frame, b"\0\0junk", frame, b"\0"), ProbeField.FRAMES).frames == 2


@pytest.mark.parametrize(
    "tail",
    [gif_frame()[:5], gif_frame()[:10], b"," + struct.pack("<HHHHB", 0, 0, 4, 3, 0x87) + bytes(700), b"!"],
)
def test_a_cut_second_frame_is_none(tail: bytes) -> None:
    """A frame counts from its code size on."""
    data = gif(gif_frame(), tail, end=b"")
    assert probe_bytes(data, ProbeField.ALL).frames == probe_bytes(data).frames == 1


def test_metadata_is_comments_and_application_data_but_not_the_loop() -> None:
    """Metadata before the second frame is counted."""
    xmp = b"!\xff\x0bXMP DataXMP" + sub_blocks(b"<x/>" * 50)
    data = gif(LOOP, COMMENT, CONTROL, gif_frame(), xmp)
    assert probe_bytes(data, ProbeField.METADATA).metadata_bytes == len(COMMENT) + len(xmp)
    assert probe_bytes(data).metadata_bytes is None
    assert probe_bytes(gif(gif_frame()), ProbeField.METADATA).metadata_bytes == 0


@pytest.mark.parametrize(
    ("data", "clause", "size"),
    [
        (gif()[:12], "ends inside its header (12 bytes)", None),
        (b"GIF88a" + gif(gif_frame())[6:], "an unknown GIF version", None),
        (gif(), "has no image", Size(40, 30)),
        (gif(COMMENT, end=b""), "ends before its image", Size(40, 30)),
        (gif(gif_frame()[:9], end=b""), "ends before its image", Size(40, 30)),
        (gif(gif_frame((0, 3))), "a first frame without a size (0x3)", Size(40, 30)),
        (gif(size=(0, 0)), "has no image", None),
    ],
)
def test_a_header_without_a_picture_is_damage(data: bytes, clause: str, size: Size | None) -> None:
    """The first frame is looked for in any case."""
    facts = probe_bytes(data)
    assert (facts.format, facts.frames) == ("gif", 1)
    assert clause in str(facts.damage)
    assert facts.size == size


@pytest.mark.parametrize(
    "data",
    [
        gif(gif_frame()),
        gif(gif_frame(), end=b""),
        gif(gif_frame(), gif_frame()[:14], end=b""),
        gif(gif_frame(), b"junk"),
    ],
)
def test_a_whole_first_frame_is_enough(data: bytes) -> None:
    """What is missing behind it changes nothing that the model sees."""
    assert probe_bytes(data, ProbeField.INTEGRITY).damage is None


@pytest.mark.parametrize(
    ("data", "clause"),
    [
        (gif(gif_frame(), end=b"")[:-3], "is cut off inside its first frame"),
        (gif(gif_frame(data=b""), end=b""), "is cut off inside its first frame"),
        (gif(gif_frame(data=sub_blocks(bytes(9000))), end=b"")[:-100], "is cut off inside its first frame"),
        (gif(gif_frame(data=b"\0")), "has too little data"),
        (gif(gif_frame(data=b"\1\5\0")), "has too little data"),
        (gif(gif_frame((60_000, 60_000), data=sub_blocks(bytes(60_000)))), "has too little data"),
        (gif(gif_frame(code=13)), "codes of 13 bits"),
    ],
)
def test_a_first_frame_that_cannot_be_decoded_is_damage_when_asked(data: bytes, clause: str) -> None:
    """Found from the lengths alone."""
    assert probe_bytes(data, ProbeField.ORIENTATION).damage is None
    assert clause in str(probe_bytes(data, ProbeField.INTEGRITY).damage)


class Strided:
    """A reader that also gives single bytes at equal distances, and counts what it is asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.read = 0

    def __call__(self, size: int, offset: int) -> bytes:
        """The bytes at an offset."""
        self.read += size
        return self.data[offset : offset + size]

    def each(self, offset: int, step: int, count: int) -> bytes:
        """The bytes at offset, offset + step and so on."""
        self.read += count
        return self.data[offset::step][:count]


@pytest.mark.parametrize("length", [1, 63, 64, 254, 255])
@pytest.mark.parametrize("total", [0, 255, 65_536, 200_000, 1_300_000])
def test_strides_give_the_same_facts_as_reading(length: int, total: int) -> None:
    """The facts are the same, whole or truncated anywhere, with runs of varying length."""
    frame = gif_frame(data=sub_blocks(bytes(min(total, 15_000 * length)), length))
    for whole in (gif(CONTROL, frame), gif(LOOP, frame, COMMENT, frame), gif(COMMENT, frame + b"\1")):
        for end in (len(whole), len(whole) - 1, len(whole) - 5, len(whole) // 2, len(whole) * 7 // 8):
            data = whole[:end]
            for fields in (ProbeField.NONE, ProbeField.ALL):
                assert probe_reader(Strided(data), len(data), fields) == probe_bytes(data, fields)


def test_long_runs_are_not_read() -> None:
    """Of a large still one the lengths of its sub-blocks are asked for, and not what is between them."""
    data = gif(gif_frame(data=sub_blocks(bytes(3_000_000), 255)))
    reader = Strided(data)
    assert probe_reader(reader, len(data), ProbeField.ALL).damage is None
    assert reader.read < len(data) / 10
