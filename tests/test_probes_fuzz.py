"""No bytes make a probe raise, run on, or hold much memory: cut files, changed files, endless files."""

import io
import struct
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from imgbudget.imageinfo.dispatch import probe_bytes, probe_reader
from imgbudget.model.subjects import ImageFacts, ProbeField
from tests.imagebytes import (
    IDAT,
    SIGNATURE,
    actl,
    anmf,
    bmff,
    chunk,
    exif_segment,
    fctl,
    frame_header,
    gif,
    gif_frame,
    ihdr,
    jpeg,
    png,
    riff,
    segment,
    tiff,
    vp8,
    vp8l,
    vp8x,
    webp_chunk,
)


def saved(form: str, **options: Any) -> bytes:
    """A small file of Pillow's."""
    out = io.BytesIO()
    Image.new("RGB", (12, 9), (200, 30, 90)).save(out, form, **options)
    return out.getvalue()


SEEDS = {
    "jpeg": jpeg(exif_segment(tiff(6, gps=[(2, 3)])), segment(0xE2, b"MPF\0" + tiff())),
    "pillow jpeg": saved("JPEG", quality=20),
    "png": png(chunk(b"eXIf", tiff(6, order=">")), chunk(b"tEXt", b"a\0b"), after=chunk(b"tIME", bytes(7))),
    "xmp": png(after=chunk(b"iTXt", b'XML:com.adobe.xmp\0\0\0\0\0 tiff:Orientation="3"')),
    "apng": png(actl(2), fctl(), after=fctl(1) + chunk(b"fdAT", bytes(40))),
    "gif": gif(b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0", gif_frame(), b"!\xfe\2hi\0", gif_frame()),
    "webp": riff(vp8x(flags=10), webp_chunk(b"ANIM", bytes(6)), anmf(), anmf(), webp_chunk(b"EXIF", tiff(6))),
    "vp8": riff(vp8()),
    "vp8l": riff(vp8l()),
    "bmp": saved("BMP")[:80],
    "tiff": saved("TIFF"),
    "ico": saved("ICO"),
    "jp2": saved("JPEG2000"),
    "psd": b"8BPS" + bytes(40),
    "dds": saved("DDS")[:150],
    "pnm": saved("PPM"),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 5 7\n",
    "pcx": saved("PCX")[:140],
    "tga": saved("TGA")[:60],
    "heic": bmff(b"ftyp", b"heic", bytes(4)) + bmff(b"meta", bytes(4), bmff(b"iprp", bmff(b"ipco"))),
    "jxl": b"\0\0\0\x0cJXL \r\n\x87\n" + bmff(b"jxlc", b"\xff\x0a" + bytes(14)),
    "svg": b"<?xml version='1.0'?><svg width='5'/>",
    "json": b'{"a": [1, 2, {"b": null}]}',
    "pdf": b"%PDF-1.5\n1 0 obj",
}


def check(data: bytes) -> ImageFacts:
    """Whatever the bytes, facts that a rule can work with."""

    def read(size: int, offset: int) -> bytes:
        # what os.pread refuses
        assert size >= 0
        assert offset >= 0
        return data[offset : offset + size]

    facts = probe_reader(read, len(data), ProbeField.ALL)
    assert facts.byte_size == len(data)
    assert facts.format or facts.content or facts.damage
    assert facts.size is None or min(facts.size) > 0
    assert 1 <= facts.orientation <= 8
    assert facts.frames >= 1
    assert 0 <= (facts.metadata_bytes or 0) <= len(data)
    assert facts.quality is None or 1 <= facts.quality <= 100
    quick = probe_bytes(data, ProbeField.ORIENTATION)
    assert (quick.format, quick.content, quick.size, quick.orientation, quick.animated) == (
        facts.format,
        facts.content,
        facts.size,
        facts.orientation,
        facts.animated,
    )
    return facts


@pytest.mark.parametrize("length", range(12))
def test_an_exif_segment_shorter_than_its_name(length: int) -> None:
    """Nothing is read of a length below zero."""
    short = b"\xff\xe1" + struct.pack(">H", length) + b"Exif\0\0" + bytes(30)
    check(b"\xff\xd8" + short)
    check(b"\xff\xd8" + segment(0xFE, bytes(9000)) + short)
    check(b"\xff\xd8" + frame_header() + b"\xff\xe1" + struct.pack(">H", length) + b"Exif\0\0" + jpeg())


@pytest.mark.parametrize("name", SEEDS)
def test_cut_at_every_byte(name: str) -> None:
    """Each length of each kind of file gives facts."""
    data = SEEDS[name]
    assert check(data).damage is None
    for length in range(len(data)):
        check(data[:length])


@st.composite
def changed(draw: st.DrawFn) -> bytes:
    """A file with some bytes set, taken out, put in or doubled, near its start as a rule."""
    data = bytearray(draw(st.sampled_from(list(SEEDS.values()))))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(data)))
        kind = draw(st.integers(0, 3))
        if kind == 0:
            data[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
        elif kind == 1:
            data[at : at + 4] = draw(
                st.sampled_from([bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff", b"\0\0\0\1"])
            )
        elif kind == 2:
            del data[at : at + draw(st.integers(1, 30))]
        else:
            data[at:at] = draw(st.binary(max_size=30)) + data[: draw(st.integers(0, 60))]
    return bytes(data)


@settings(max_examples=1500)
@given(data=changed())
def test_changed_files(data: bytes) -> None:
    """Facts, whatever was changed."""
    check(data)


@settings(max_examples=500)
@given(
    start=st.sampled_from([seed[:length] for seed in SEEDS.values() for length in (2, 4, 8, 12, 20)]),
    rest=st.binary(),
)
def test_any_bytes_behind_any_signature(start: bytes, rest: bytes) -> None:
    """Facts, whatever follows."""
    check(start + rest)


GIF = gif(end=b"")
FRAME = gif_frame(data=b"")
EXIF = segment(0xE1, (b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\0\x12\1\0\x12\1" * 11_000)[:65_533])
INDEX = segment(
    0xE2,
    b"MPF\0II*\0\x08\0\0\0\2\0"
    + struct.pack("<HHII", 0xB001, 4, 1, 2)
    + struct.pack("<HHII", 0xB002, 7, 32, 38)
    + bytes(36),
)
ENDLESS = {
    "jpeg segments": (b"\xff\xd8", segment(0xE0)),
    "jpeg exif": (b"\xff\xd8", EXIF),
    "jpeg locations": (b"\xff\xd8" + frame_header(), exif_segment(tiff(gps=[(29, 3)]) + bytes(60_000))),
    "jpeg gain maps": (b"\xff\xd8" + INDEX + frame_header(), segment(0xE1, bytes(65_000))),
    "jpeg tables": (b"\xff\xd8" + frame_header(), segment(0xDB, bytes(65_533))),
    "jpeg fill": (b"\xff\xd8\xff\xe0\0\2", b"\xff"),
    "jpeg junk": (b"\xff\xd8\xff\xe0\0\2", b"\0\xff"),
    "jpeg restarts": (b"\xff\xd8", b"\xff\xd0"),
    "jpeg scan": (jpeg(end=b""), b"\1"),
    "png chunks": (SIGNATURE + ihdr(), chunk(b"prVt")),
    "png texts": (SIGNATURE + ihdr(), chunk(b"tEXt", b"Raw profile type exif\0" + b"\n" * 5000)),
    "png data": (SIGNATURE + ihdr() + IDAT, chunk(b"IDAT", b"a")),
    "png no data": (SIGNATURE + ihdr(), chunk(b"IDAT")),
    "png behind": (png(end=b""), chunk(b"iTXt", b"XML:com.adobe.xmp\0" * 9)),
    "png frames": (png(actl(9), end=b""), fctl()),
    "gif bytes": (GIF + FRAME, b"\1a"),
    "gif short lengths": (GIF + FRAME, b"\1a\2bb"),
    "gif two lengths": (GIF + FRAME, b"\x40" + bytes(64) + b"\x41" + bytes(65)),
    "gif blocks": (GIF + FRAME, b"\xff" + bytes(255)),
    "gif frames": (GIF, FRAME + b"\0"),
    "gif comments": (GIF, b"!\xfe\0"),
    "gif junk": (GIF, b"x"),
    "webp frames": (riff(vp8x(flags=10), length=0xFFFFFFFF), webp_chunk(b"ANMF")),
    "tiff pages": (b"II*\0\x08\0\0\0", struct.pack("<HHHII", 1, 256, 3, 1, 5) + struct.pack("<I", 26)),
    "tiff entries": (b"II*\0\x08\0\0\0\xff\xff", struct.pack("<HHII", 0x8825, 4, 1, 8)),
    "boxes": (bmff(b"ftyp", b"heic", bytes(4)), bmff(b"free")),
    "properties": (
        bmff(b"ftyp", b"heic", bytes(4)) + b"\x3f\xff\xff\xffmeta" + bytes(4),
        bmff(b"iprp", bmff(b"ipco")),
    ),
    "tracks": (
        bmff(b"ftyp", b"avis", bytes(4)) + b"\x3f\xff\xff\xffmoov",
        bmff(b"trak", bmff(b"mdia", bmff(b"minf"))),
    ),
    "icons": (b"icns\x3f\xff\xff\xff", b"abcd\0\0\0\x08"),
    "big tiff": (b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0", b"\xff"),
    "eps": (b"%!PS-Adobe-3.0 EPSF-3.0\n", b"%%x\n"),
    "xbm": (b"#define x_width 5\n", b"#define y 5\n"),
    "xpm": (b"/* XPM */", b'"'),
    "fits": (b"SIMPLE  =", b" "),
    "pcx": (b"\x0a\5\1\x08\0\0\0\0\xff\xff\xff\xff", b"\1"),
    "zeros": (b"", b"\0"),
    "text": (b"", b"<svg "),
}


def endless(start: bytes, pattern: bytes, size: int) -> Callable[[int, int], bytes]:
    """A reader of `size` bytes: a start, and a pattern that never ends."""

    def read(length: int, offset: int) -> bytes:
        length = max(min(length, size - offset), 0)
        here = start[offset : offset + length]
        phase = max(offset - len(start), 0) % len(pattern)
        need = length - len(here)
        return here + (pattern * (need // len(pattern) + 2))[phase : phase + need] if need else here

    return read


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_files_end(name: str) -> None:
    """A terabyte of anything takes seconds at most, a part of its bytes, and little memory."""
    given_out, facts = 0, ImageFacts(byte_size=0)
    content = endless(*ENDLESS[name], 1 << 40)

    def read(size: int, offset: int) -> bytes:
        nonlocal given_out
        data = content(size, offset)
        given_out += len(data)
        return data

    # at most two: others may run on the same machine, and the first one imports
    seconds: list[float] = []
    while not seconds or (len(seconds) < 2 and seconds[0] >= 3):
        given_out = 0
        tracer = sys.gettrace()
        sys.settrace(None)  # measuring coverage takes longer than the probe
        start = time.process_time()
        facts = probe_reader(read, 1 << 40, ProbeField.ALL)
        seconds.append(time.process_time() - start)
        sys.settrace(tracer)
    assert min(seconds) < 3
    assert facts.byte_size == 1 << 40
    assert given_out < 160 << 20
    tracemalloc.start()
    try:
        probe_reader(content, 1 << 40, ProbeField.ALL)
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()
