"""Metadata removed from unusual files: broken picture indexes, local palettes, padding, large profiles."""

import struct
from random import Random

import pytest
from PIL import ImageCms

from imgbudget.errors import FixError
from imgbudget.fixing.image import edit_image
from imgbudget.fixing.metadata import PROFILE_LIMIT
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.model.edits import ImageEdit
from imgbudget.model.subjects import ProbeField
from tests.drawings import animated, distance, encoded, opened, seen, soft
from tests.imagebytes import SIGNATURE, chunk, gif, gif_frame, ihdr, png, segment, sub_blocks, webp_chunk

STRIP = ImageEdit(strip=True)
FIRST = ImageEdit(first_frame=True)
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
COMMENT = segment(0xFE, b"a comment" * 90)


def index_entry(data: bytes) -> tuple[int, str]:
    """Where the entry of the picture index starts in a multi-picture JPEG file, and the byte order."""
    at = data.index(b"MPF\0") + 4
    order = "<" if data[at : at + 2] == b"II" else ">"
    return data.index(struct.pack(order + "H", 0xB002), at), order


@pytest.mark.parametrize("length", [16 * 3 + 1, 16 * 3 + 8, 16 * 3 + 15, 16 * 4])
def test_a_picture_index_of_a_wrong_length_is_not_followed(length: int) -> None:
    """16 bytes for each picture: a longer index lists what is not there, and the file is left alone."""
    data = bytearray(animated("MPO", comment=b"a" * 500))
    entry, order = index_entry(bytes(data))
    assert struct.unpack_from(order + "I", data, entry + 4) == (16 * 3,)
    assert len(edit_image(bytes(data), STRIP).data) < len(data)
    struct.pack_into(order + "I", data, entry + 4, length)
    with pytest.raises(FixError):
        edit_image(bytes(data), STRIP)


def test_a_damaged_picture_behind_the_first_is_not_dropped() -> None:
    """Of three pictures the last is cut: what is left of it stays."""
    data = animated("MPO", comment=b"a" * 500)[:-200]
    made = edit_image(data, STRIP).data
    assert made[-1500:] == data[-1500:]


def test_the_index_of_a_stripped_file_leads_to_each_picture() -> None:
    """Sizes and offsets are those of the new file, counted from the index; the first has offset 0."""
    data = edit_image(animated("MPO", comment=b"a" * 500), STRIP).data
    entry, order = index_entry(data)
    start = data.index(b"MPF\0") + 4
    first = start + struct.unpack_from(order + "I", data, entry + 8)[0]
    places = [struct.unpack_from(order + "II", data, first + 16 * number + 4) for number in range(3)]
    assert places[0][1] == 0
    assert sum(size for size, _ in places) == len(data)
    at = places[0][0]
    for size, offset in places[1:]:
        assert start + offset == at
        assert data[at : at + 3] == b"\xff\xd8\xff"
        assert data[at + size - 2 : at + size] == b"\xff\xd9"
        at += size


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_profile_of_just_the_limit_is_kept(form: str) -> None:
    """One byte more and its colours are converted instead."""
    # what the container adds to the profile before the limit applies
    overhead = {"JPEG": 18, "PNG": len(b"ICC Profile\0\0"), "WEBP": 0}[form]
    for more, kept in ((0, True), (1, False)):
        length = PROFILE_LIMIT - overhead + more
        profile = PROFILE + Random(1).randbytes(length - len(PROFILE))  # noqa: S311 - bytes for a test
        clean = encoded(soft(), form, lossless=True)
        if form == "JPEG":
            content = segment(0xE2, b"ICC_PROFILE\0\1\1" + profile)
            data = clean[:2] + content + COMMENT + clean[2:]
        elif form == "PNG":
            content = chunk(b"iCCP", b"ICC Profile\0\0" + profile)
            data = clean[:33] + content + chunk(b"tEXt", b"Comment\0a") + clean[33:]
        else:
            content = b"ICCP" + struct.pack("<I", length) + profile
            data = encoded(soft(), form, lossless=True, icc_profile=profile, xmp=b"<x/>")
        made = edit_image(data, STRIP)
        assert (content in made.data) is kept, (form, more)


def test_a_first_frame_of_webp_keeps_its_profile_and_its_alpha() -> None:
    """Both belong to what is shown; EXIF and XMP do not."""
    for mode, flags in (("RGBA", 0x30), ("RGB", 0x20)):
        pictures = [soft(mode=mode), soft(mode=mode).rotate(180)]
        data = encoded(
            pictures[0],
            "WEBP",
            save_all=True,
            append_images=pictures[1:],
            lossless=True,
            icc_profile=PROFILE,
            xmp=b"<x/>",
            exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0",
        )
        made = edit_image(data, ImageEdit(first_frame=True, strip=True))
        assert made.data[20] == flags
        assert [kind for kind, _ in webp_chunks(made.data)] == [b"VP8X", b"ICCP", b"VP8L"]
        assert opened(made.data).info["icc_profile"] == PROFILE
        assert distance(seen(made.data), seen(data)) == 0


def webp_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """The chunks of a WebP file; its stated length must be that of the file."""
    assert struct.unpack_from("<I", data, 4)[0] == len(data) - 8
    found, at = [], 12
    while at < len(data):
        kind, length = struct.unpack_from("<4sI", data, at)
        found.append((kind, data[at + 8 : at + 8 + length]))
        at += 8 + length + length % 2
    assert at == len(data)
    return found


@pytest.mark.parametrize("length", range(4))
def test_webp_chunks_of_odd_lengths_are_padded(length: int) -> None:
    """The filler byte is not counted: the chunk behind it is found, before the picture and after it."""
    picture = encoded(soft(), "WEBP", lossless=True, icc_profile=PROFILE)
    junk = webp_chunk(b"JUNK", b"a" * length)
    for at in (30, len(picture)):
        data = picture[:at] + junk + picture[at:]
        data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
        made = edit_image(data, STRIP)
        assert webp_chunks(made.data) == webp_chunks(picture)
        # and a file without loss stays one when it is resized
        resized = edit_image(data, ImageEdit(size=made.size._replace(width=60, height=45)))
        assert resized.quality is None


def local(frame: bytes, colours: bytes = b"\0\0\0\xff\xff\xff") -> bytes:
    """A frame with a palette of two colours."""
    return frame[:9] + b"\x80" + colours + frame[10:]


def extension(label: int, *blocks: bytes) -> bytes:
    """A GIF extension."""
    return b"!" + bytes((label,)) + b"".join(bytes((len(block),)) + block for block in blocks) + b"\0"


CONTROL = extension(0xF9, b"\4\x0a\0\0")
LOOPS = extension(0xFF, b"NETSCAPE2.0", b"\1\2\0")
OLD_LOOPS = extension(0xFF, b"ANIMEXTS1.0", b"\1\2\0")
DROPPED = (
    extension(0xFE, b"a comment", b"of two blocks"),
    extension(0xFF, b"XMP DataXMP", b"<x/>"),
    extension(0x01, bytes(12), b"a text"),
)


def test_a_gif_keeps_frames_times_and_loops_only() -> None:
    """Comments, XMP and texts go, wherever they lie; local palettes stay with their frames."""
    frames = (gif_frame(), local(gif_frame()), gif_frame(data=sub_blocks(b"\x84\x8f\xa9\x50" + bytes(300))))
    kept = (LOOPS, CONTROL, frames[0], OLD_LOOPS, CONTROL, frames[1], CONTROL, frames[2])
    noisy = [part for block in kept for part in (*DROPPED, block)]
    made = edit_image(gif(*noisy, *DROPPED) + b"a trailer", STRIP)
    assert made.data == gif(*kept)
    assert made.degraded == ()


def test_the_first_frame_of_a_gif_does_not_loop() -> None:
    """The control block before it stays: it names the transparent colour."""
    made = edit_image(gif(LOOPS, CONTROL, local(gif_frame()), CONTROL, gif_frame()), FIRST)
    assert made.data == gif(CONTROL, local(gif_frame()))
    assert edit_image(gif(CONTROL, gif_frame()), STRIP).data == gif(CONTROL, gif_frame())


@pytest.mark.parametrize("colours", [1, 2, 7])
def test_palettes_of_a_gif_are_skipped_by_their_length(colours: int) -> None:
    """Three bytes for each of 4 to 256 colours, also when they look like blocks."""
    palette = b"!\xfe;" * (1 << colours + 1)
    whole = b"GIF89a" + struct.pack("<HHBBB", 4, 3, 0x80 | colours, 0, 0) + palette
    frame = gif_frame()
    frame = frame[:9] + bytes((0x80 | colours,)) + palette + frame[10:]
    made = edit_image(whole + DROPPED[0] + frame + DROPPED[0] + b";", STRIP)
    assert made.data == whole + frame + b";"
    # without a palette the blocks follow the header
    plain = b"GIF89a" + struct.pack("<HHBBB", 4, 3, colours, 0, 0)
    assert edit_image(plain + DROPPED[0] + frame + b";", STRIP).data == plain + frame + b";"


def test_the_first_frame_of_an_apng_keeps_no_control_chunk() -> None:
    """Ancillary chunks that change how it is shown stay; critical ones stay whatever they are called."""
    clean = encoded(soft(mode="RGBA"))
    gamma, own = chunk(b"gAMA", b"\0\0\xb1\x8f"), chunk(b"QQqQ", b"a")
    control = chunk(b"fcTL", struct.pack(">IIIIIHHBB", 0, 120, 90, 0, 0, 1, 10, 0, 0))
    data = clean[:33] + gamma + chunk(b"acTL", struct.pack(">II", 1, 0)) + own + control + clean[33:]
    assert edit_image(data, STRIP).data == data
    made = edit_image(data[:-12] + chunk(b"tEXt", b"a\0b") + data[-12:], STRIP)
    assert made.data == data


def test_segments_of_a_jpeg_may_have_fill_bytes_and_lie_between_scans() -> None:
    """FF may be repeated before a marker; a comment between two scans goes, the scans stay."""
    clean = encoded(soft(), "JPEG", progressive=True)
    scan = clean.index(b"\xff\xda", clean.index(b"\xff\xda") + 2)
    data = clean[:scan] + COMMENT + clean[scan:]
    assert edit_image(data, STRIP).data == clean
    filled = clean[:2] + b"\xff\xff" + COMMENT + clean[2:]
    assert edit_image(filled, STRIP).data == clean


@pytest.mark.parametrize("orientation", [1, 3])
def test_an_orientation_follows_the_jfif_header(orientation: int) -> None:
    """Readers expect EXIF before all else but JFIF; without JFIF it comes first."""
    clean = encoded(soft(), "JPEG")
    exif = segment(0xE1, b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, 3, 0, 0))
    turn = exif if orientation != 1 else b""
    head = 4 + int.from_bytes(clean[4:6], "big")
    rest = clean[head:]
    for start in (clean[:head], b"\xff\xd8"):
        made = edit_image(start + COMMENT + turn + rest, STRIP)
        assert made.data == start + turn + rest


def test_a_png_chunk_behind_the_end_or_without_one_is_left() -> None:
    """What has no end is damaged and refused by its decoder, not shortened."""
    data = png(chunk(b"tEXt", b"a\0b"))
    assert edit_image(data + b"behind", STRIP).data == png()
    assert png().startswith(SIGNATURE + ihdr())
    facts = probe_bytes(png(), ProbeField.ALL)
    assert (facts.damage, facts.metadata_bytes) == (None, 0)
