"""Bytes to pixels: one decoding with Pillow, bounded in memory, by the reader for the signature."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from PIL.Image import Image, frombytes
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from imgbudget.errors import FixError
from imgbudget.fixing import vips
from imgbudget.fixing.metadata import jpeg_end
from imgbudget.imageinfo.heif import read_heif
from imgbudget.imageinfo.other_formats import RARE_FORMATS
from imgbudget.imageinfo.reader import HEAD, Source, bytes_reader
from imgbudget.limits.geometry import Size
from imgbudget.model.subjects import ImageFacts
from imgbudget.model.views import FIRST_TRANSPOSED, PixelBox, box_as_stored, upright_size
from imgbudget.pixels.opening import (
    HEIF,
    READERS,
    TURNING,
    as_fix_error,
    heif_reader,
    open_picture,
    refuse_bomb,
    refuse_scans,
)

_CHUNK = 1 << 20
"""Bytes that Pillow reads at a time: after its default of 64 KiB a decoder repeats a part of each row."""

SHRINK_FROM = 2.0
"""The least factor over the target size that a JPEG decoder shrinks to; Lanczos does the rest. SSIM against
Lanczos alone is then 0.992 to 0.999 (benchmarks/resize.py)."""

LARGE, LARGE_SHRINK_FROM = 6_000_000, 1.5
"""Pixels from which on a smaller factor is enough: large photographs are not sharp to the pixel. SSIM is
0.996 to 0.999, at 0.4 of the time of Lanczos alone."""

_READERS = {**READERS, **{name.lower(): name for name in RARE_FORMATS}}
"""The readers of Pillow for images that are fixed: also for formats that are recognised by Pillow alone."""

_BITS_PER_SAMPLE = 258
"""The tag of TIFF 6.0."""

_JP2_SIZE = b"\xff\x4f\xff\x51"
"""The markers that a JPEG 2000 codestream begins with (ITU-T T.800, annex A)."""

_CROPPING = HEIF | {"avif"}


class RasterImage(NamedTuple):
    """Decoded pixels of the first frame.

    `size` is the full size in px, oriented as in the facts; a shrinking decoder may have made `image`
    smaller. `turn` is the EXIF orientation still to be baked in. `sampling` is the chroma subsampling of a
    JPEG file (0 4:4:4, 1 4:2:2, 2 4:2:0), None for other formats. `profile` is its colour profile, `bits` the
    bits of a sample in the file, which may be more than Pillow decodes.
    """

    image: Image
    size: Size
    turn: int
    sampling: int | None
    profile: bytes | None
    bits: int = 8


def decode(data: bytes, facts: ImageFacts, wanted: Size | None, *, exact: bool = False) -> RasterImage:
    """Decode the first frame; `wanted` is the target size in px, oriented as in `facts`, for early shrinking.

    With `exact` no other size will be needed, and the picture may have this one already.

    Raises:
        FixError: the image cannot be decoded completely.
    """
    form = facts.format or ""
    if facts.size is not None:
        refuse_bomb(facts.size)
    with as_fix_error(f"cannot be decoded as {form.upper()}"):
        image = open_picture(data, form, _READERS)
        size = Size(*image.size)
        refuse_bomb(size)
        sampling = None
        if form == "jpeg":
            refuse_scans(data, size, image)
            sampling = _sampling(image)
        bits = _sample_bits(data, image, form)
        # size and profile are known from the file's header, only the pixels are missing
        small = _small(data, image, facts, wanted) if exact and bits == _BITS else None
        if small is None:
            # libjpeg cannot stop between blocks of arithmetic-coded data
            image = _loaded(image, wanted, max(len(data), _CHUNK) if facts.variant else _CHUNK)
            bits = _sample_bits(data, image, form)
            if sampling is not None and _ends_early(data, image, size):
                raise FixError("is cut off inside its image data; the rest would be grey")
    # the size of a TIFF file is that of the upright picture if its own tag has the orientation
    if form in TURNING and facts.orientation >= FIRST_TRANSPOSED and not facts.in_xmp:
        size = size.transposed
    # a HEIF file may crop a few px of its last blocks
    if form == "avif" and small is None:
        image = _clean(image, data)
        size = Size(*image.size)
    if facts.size not in {None, size} and form not in _CROPPING:
        raise FixError(f"decodes to {size} px, its header says {facts.size}")
    turn = 1 if form in TURNING else facts.orientation
    profile = image.info.get("icc_profile") or None
    return RasterImage(small or image, size, turn, sampling, profile, bits)


def _clean(image: Image, data: bytes) -> Image:
    """The clean aperture of an AVIF picture, which Pillow decodes with what lies outside."""
    found = read_heif(Source(data[:HEAD], bytes_reader(data), len(data)))
    if found.aperture is None or found.coded != image.size:
        return image
    part = image.crop(found.aperture)
    part.info = dict(image.info)
    return part


def cut(picture: RasterImage, facts: ImageFacts, box: PixelBox) -> RasterImage:
    """A part of decoded pixels of full size; `box` is in px of the picture as displayed.

    Raises:
        FixError: the box is empty or reaches beyond the picture.
    """
    left, top, right, bottom = box
    shown = upright_size(facts, picture.size)
    if not (0 <= left < right <= shown.width and 0 <= top < bottom <= shown.height):
        raise FixError(f"has {shown} px, which do not contain the box {left},{top},{right},{bottom}")
    part = picture.image.crop(box_as_stored(box, shown, picture.turn))
    # the copy of a part has not everything that is known of the picture
    part.info = dict(picture.image.info)
    return picture._replace(image=part, size=upright_size(facts, Size(right - left, bottom - top)))


def _gap(size: Size) -> float:
    return SHRINK_FROM if size.width * size.height < LARGE else LARGE_SHRINK_FROM


_COMMON = {"jpeg": frozenset({"L", "RGB"}), "png": frozenset({"L", "RGB", "RGBA"})}
"""By format: the modes in which libvips decodes the same pixels as Pillow."""


def _small(data: bytes, image: Image, facts: ImageFacts, wanted: Size | None) -> Image | None:
    """The pixels of a file that Pillow has opened, at a smaller size in px, if libvips can decode it."""
    form, size = facts.format or "", Size(*image.size)
    rare = facts.animated or "transparency" in image.info or image.info.get("interlace")
    if wanted is None or rare or image.mode not in _COMMON.get(form, ()):
        return None
    if wanted.width >= size.width or wanted.height >= size.height:
        return None
    return vips.decoded(data, form, size, wanted, _gap(size))


def _loaded(image: Image, wanted: Size | None, chunk: int = _CHUNK) -> Image:
    """The picture of a file that Pillow has opened; a JPEG decoder shrinks it if it is larger than wanted."""
    if isinstance(image, JpegImageFile) and wanted is not None:
        gap = _gap(Size(*image.size))
        image.draft(image.mode, (round(wanted.width * gap), round(wanted.height * gap)))
    if isinstance(image, ImageFile):
        image.decodermaxblock = chunk
    image.load()
    if image.mode == "P" and image.palette is None:
        # of a picture inside another format (ICNS): its transparency is missing too
        raise FixError("has a palette that Pillow does not decode")
    if image.mode in _BYTE_ORDERS:
        image = frombytes("I;16", image.size, image.tobytes(), "raw", image.mode)
    return image


_BYTE_ORDERS = frozenset({"I;16B", "I;16L", "I;16N"})
"""Modes that differ from I;16 in the order of bytes only; Pillow can do little else with them."""

_NETPBM_HEADER = re.compile(rb"P[2356](?:\s*#[^\n]*\n|\s+)*(?:\d+(?:\s*#[^\n]*\n|\s+)+){2}(\d{1,5})\s")
_BITS, _MOST_BITS = 8, 16


def _sample_bits(data: bytes, image: Image, form: str) -> int:
    """Bits of a sample, as the header of the file says, at most 16; 8 where it does not."""
    bits = _BITS
    if form == "png":
        bits = data[24]
    elif form == "tiff":
        found = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, 8)
        bits = max(found) if isinstance(found, tuple) else found
    elif form == "psd":
        bits = int.from_bytes(data[22:24], "big")
    elif form == "sgi":
        bits = 8 * data[3]
    elif form == "jp2":
        at = data.find(_JP2_SIZE)
        bits = (data[at + 40] & 0x7F) + 1 if 0 <= at < len(data) - 40 else 8
    elif form in {"pgm", "ppm"} and (header := _NETPBM_HEADER.match(data)):
        bits = int(header[1]).bit_length()
    elif image.mode in {"I", "F"}:
        bits = _MOST_BITS
    return min(bits, _MOST_BITS)


def frames(data: bytes, form: str) -> Iterator[Image]:
    """All pages, frames or pictures of a file, decoded one after the other.

    Raises:
        FixError: one cannot be decoded completely.
    """
    with as_fix_error(f"cannot be decoded as {form.upper()}"):
        if form in HEIF:
            for picture in heif_reader(form).open_heif(data, convert_hdr_to_8bit=True):
                refuse_bomb(Size(*picture.size))
                yield picture.to_pillow()
            return
        image = open_picture(data, form, _READERS)
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            refuse_bomb(Size(*image.size))
            yield _clean(image.copy(), data) if form == "avif" else image.copy()


def _sampling(image: Image) -> int:
    if image.mode == "L":
        return 0
    found: int = get_sampling(image)
    # Pillow has no name for 4:4:0 and 4:1:1
    return found if found in {0, 1, 2} else 2


# the zero keeps an FF before it from becoming a marker
_NOISE = b"\0" + bytes(range(1, 255)) * 4
_BLOCK = 8


def _ends_early(data: bytes, image: Image, size: Size) -> bool:
    """Whether the picture data of a JPEG file ends early although an end marker follows.

    Decoders fill the rest with flat blocks and report nothing. So if the last block is flat, noise is
    inserted before the end marker: if all data was there, that changes nothing. This holds for baseline
    files; a progressive file without its last scans is a picture with less detail.
    """
    width, height = image.size
    block = max(_BLOCK * width // size.width, 1)
    corner = image.crop(((width - 1) // block * block, (height - 1) // block * block, width, height))
    extremes = corner.getextrema()
    pairs = extremes if isinstance(extremes[0], tuple) else (extremes,)
    if any(low != high for low, high in pairs):
        return False
    end = jpeg_end(data)
    if end < 0:
        return True
    return _thumbnail(data[:end] + b"\xff\xd9") != _thumbnail(data[:end] + _NOISE + b"\xff\xd9")


def _thumbnail(data: bytes) -> bytes:
    """The pixels of a JPEG file at an eighth of its size."""
    image = open_picture(data, "jpeg")
    image.draft(image.mode, (1, 1))
    return image.tobytes()


def block_means(data: bytes) -> Image:
    """The means of the blocks of a JPEG file, of their brightness if it has one: an eighth of its size."""
    image = open_picture(data, "jpeg")
    image.draft("L" if image.mode == "RGB" else image.mode, (1, 1))
    image.load()
    return image
