"""Files that are neither JPEG, PNG, GIF nor WebP: the API takes none of them, so the name is what matters."""

from imgbudget.model import Fact, ImageFacts
from imgbudget.probes.headers import SIZES
from imgbudget.probes.heif import read_heif
from imgbudget.probes.pillow import RARE_FORMATS, ask_pillow
from imgbudget.probes.reader import Read, Source
from imgbudget.probes.signatures import identify
from imgbudget.probes.text import identify_text
from imgbudget.probes.tiff import read_tiff

_STARTS = (("jpeg", b"\xff\xd8\xff"), ("png", b"\x89PNG"), ("gif", b"GIF8"), ("webp", b"RIFF"))

_FRAMES = int(Fact.FRAMES)

_HEAD = 4096
"""Bytes that tell one text from another; the first read of other files is shorter."""

_LYING = 5
"""The EXIF orientation from which on width and height change places."""

_HEIF = frozenset({"avif", "heic", "heif"})
_TIFF = frozenset({"tiff", "cr2"})
_PILLOW_READERS = {"tiff": "Tiff", "psd": "Psd", "icns": "Icns", "fits": "Fits", "xpm": "Xpm"}
"""Formats with a signature of which Pillow tells the size, and its readers."""


def probe_other(head: bytes, read: Read, size: int, want: int) -> ImageFacts:
    """The facts of a file of any other kind; `head` holds its first bytes, `want` the bits asked for."""
    if not head:
        return ImageFacts(byte_size=size, damage="is empty (0 bytes)")
    for name, start in _STARTS:
        if 1 < len(head) < 4 and start.startswith(head):
            damage = f"ends inside its header ({size:,} bytes)"
            return ImageFacts(byte_size=size, format=name, damage=damage)
    if len(head) < min(_HEAD, size):
        head = read(_HEAD, 0)
    kind = identify(head)
    if kind == (None, None):
        kind = identify_text(head, whole=len(head) >= size)
    if kind.content is not None:
        return ImageFacts(byte_size=size, content=kind.content)
    source = Source(head, read, size)
    facts = _unknown(source) if kind.format is None else _known(kind.format, source, want)
    if facts.size is not None and min(facts.size) < 1:
        facts = facts._replace(size=None)
    if facts.frames > 2 and not want & _FRAMES:
        facts = facts._replace(frames=2)
    return facts


def _known(name: str, source: Source, want: int) -> ImageFacts:
    """The facts of a file whose format is known by its signature."""
    facts = ImageFacts(byte_size=source.size, format=name)
    if name in SIZES:
        facts = facts._replace(size=SIZES[name](source))
        if name != "psd":  # Pillow counts the layers of a PSD as frames
            return facts
    if name in _HEIF:
        picture = read_heif(source)
        return facts._replace(size=picture.size, orientation=picture.orientation, frames=picture.frames)
    if name in _TIFF:
        pages = read_tiff(source, want)
        if pages is not None:
            # Pillow tells a TIFF's size as it is shown, the only format where it does; so it is told here
            size = pages.size
            if size is not None and pages.orientation >= _LYING:
                size = size.transposed
            return facts._replace(
                format=pages.format or name,
                size=size,
                orientation=pages.orientation,
                frames=pages.frames,
                has_location=pages.has_location,
            )
    if name in _PILLOW_READERS:
        told = ask_pillow(source.read, source.size, (_PILLOW_READERS[name],))
        if isinstance(told, str):
            return facts._replace(damage=told)
        if told is not None:
            return facts._replace(size=told.size, frames=told.frames)
    return facts


def _unknown(source: Source) -> ImageFacts:
    """The facts of a file without a known signature: Pillow may know it still."""
    told = ask_pillow(source.read, source.size, RARE_FORMATS)
    if isinstance(told, str):
        return ImageFacts(byte_size=source.size, content="unknown bytes", damage=told)
    if told is None:
        return ImageFacts(byte_size=source.size, content="unknown bytes")
    return ImageFacts(byte_size=source.size, format=told.format, size=told.size, frames=told.frames)
