"""What new images lack beside pixels, for the manifest: metadata by kind, and data after the picture."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from struct import unpack_from

from imgbudget.errors import FixError
from imgbudget.fixing.metadata import next_marker, scan_end
from imgbudget.fixing.request import slot_of
from imgbudget.fixing.revisions import ImageRevision, RequestRevision, Revision, digest_of
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.jsontext.base64text import inspect
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.edit import value_at
from imgbudget.model.edits import POSITION, FileFix, ImageChange, RemovedPart
from imgbudget.model.location import Keys
from imgbudget.model.subjects import ProbeField

_TRAILER = "data after the picture"
_PROFILE = "colour profile"


def with_removed_parts(fix: FileFix, before: Revision, after: Revision) -> FileFix:
    """The record of a fix with what each new image lacks."""
    old = _parts_by_digest(before, {change.before.digest for change in fix.images})
    new = _parts_by_digest(after, {change.after.digest for change in fix.images})
    return fix._replace(images=tuple(_with_parts(change, old, new) for change in fix.images))


def _with_parts(
    change: ImageChange, old: Mapping[str, Counter[str]], new: Mapping[str, Counter[str]]
) -> ImageChange:
    gone = old.get(change.before.digest, Counter()) - new.get(change.after.digest, Counter())
    return change._replace(removed=tuple(RemovedPart(name, size) for name, size in sorted(gone.items())))


def _parts_by_digest(revision: Revision, wanted: Iterable[str]) -> dict[str, Counter[str]]:
    """The parts of those images of a file that have one of the digests."""
    found: dict[str, Counter[str]] = {}
    if isinstance(revision, ImageRevision):
        found[digest_of(revision.data)] = parts_of(revision.data)
    elif isinstance(revision, RequestRevision):
        wanted = set(wanted)
        places = [image.use.location for image in revision.result.images]
        for document in open_documents(revision.source, lines=revision.lines) if wanted else ():
            if not isinstance(document, Document):
                continue
            for place in places:
                data = image_at(document, place.keys or ()) if place.document == document.number else None
                if data is not None and (digest := digest_of(data)) in wanted:
                    found[digest] = parts_of(data)
    return found


def image_at(document: Document, keys: Keys) -> bytes | None:
    """The bytes of the image at a path of a document; None if there is none."""
    try:
        slot = slot_of(document, keys)
        text = inspect(document.payload(value_at(document, slot.data)), prefixed=slot.is_uri)
    except (FixError, LookupError, TypeError):
        return None
    return text.read(text.byte_size, 0) if text.repairable else None


def parts_of(data: bytes) -> Counter[str]:
    """The bytes of each kind of metadata in an image; 1 for a position, which is a part of one of them."""
    facts = probe_bytes(data, ProbeField.ALL)
    reader = _READERS.get(facts.format or "")
    parts = reader(data) if reader else Counter({"metadata": facts.metadata_bytes or 0})
    if facts.has_location:
        parts[POSITION] = 1
    return parts


_JPEG_HEADS = (
    (0xE1, b"Exif\0", "EXIF"),
    (0xE1, b"http://ns.adobe.com/x", "XMP"),
    (0xE2, b"ICC_PROFILE\0", _PROFILE),
    (0xE2, b"MPF\0", "index of pictures"),
    (0xED, b"Photoshop", "IPTC and Photoshop data"),
    (0xFE, b"", "comment"),
)


def _jpeg_parts(data: bytes) -> Counter[str]:
    parts: Counter[str] = Counter()
    at = 2
    while (at := next_marker(data, at)) >= 0:
        kind = data[at + 1]
        if kind == 0xD9:
            parts[_TRAILER] = len(data) - at - 2
            break
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        parts[_segment_name(kind, data[at + 4 : at + 40])] += end - at
        at = scan_end(data, end) if kind == 0xDA else end
    del parts[""]
    return parts


def _segment_name(kind: int, head: bytes) -> str:
    """The kind of metadata in a segment; empty for a part of the picture."""
    for number, start, name in _JPEG_HEADS:
        if kind == number and head.startswith(start):
            return name
    # JFIF and Adobe segments say how to decode
    return f"segment APP{kind - 0xE0}" if 0xE1 <= kind <= 0xEF and kind != 0xEE else ""


_PNG_NAMES = {
    **dict.fromkeys((b"tEXt", b"zTXt", b"iTXt"), "text"),
    **dict.fromkeys((b"gAMA", b"cHRM", b"sRGB", b"cICP"), "colour space"),
    b"eXIf": "EXIF",
    b"iCCP": _PROFILE,
    b"tIME": "time",
    b"pHYs": "resolution",
}
_PNG_PICTURE = frozenset(b"IHDR PLTE IDAT IEND tRNS bKGD sBIT hIST sPLT acTL fcTL fdAT".split())


def _png_parts(data: bytes) -> Counter[str]:
    parts: Counter[str] = Counter()
    at = 8
    while at + 12 <= len(data):
        length, kind = unpack_from(">I4s", data, at)
        if kind not in _PNG_PICTURE:
            name = _PNG_NAMES.get(kind) or f"chunk {kind.decode('latin-1')}"
            if kind == b"iTXt" and data.startswith(b"XML:com.adobe.xmp", at + 8):
                name = "XMP"
            parts[name] += 12 + length
        at += 12 + length
        if kind == b"IEND":
            parts[_TRAILER] = len(data) - at
            break
    return parts


_WEBP_NAMES = {b"EXIF": "EXIF", b"XMP ": "XMP", b"ICCP": _PROFILE}
_WEBP_PICTURE = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"})


def _webp_parts(data: bytes) -> Counter[str]:
    parts: Counter[str] = Counter()
    at, end = 12, min(len(data), 8 + unpack_from("<I", data, 4)[0])
    while at + 8 <= end:
        kind, length = unpack_from("<4sI", data, at)
        if kind not in _WEBP_PICTURE:
            parts[_WEBP_NAMES.get(kind) or f"chunk {kind.decode('latin-1')}"] += 8 + length
        at += 8 + length + (length & 1)
    parts[_TRAILER] = len(data) - end
    return parts


_READERS: dict[str, Callable[[bytes], Counter[str]]] = {
    "jpeg": _jpeg_parts,
    "png": _png_parts,
    "webp": _webp_parts,
}
