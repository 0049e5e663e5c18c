"""The process that decodes images: bytes come in, the reason why they do not decode or a thumbnail goes out.

It decodes for --decode, and for what editors show.
"""

import os
import sys
from contextlib import suppress
from typing import BinaryIO

from PIL import __version__ as pillow_version

from imgbudget.errors import FixError
from imgbudget.fixing.decode import decode, frames
from imgbudget.fixing.thumbnail import thumbnail
from imgbudget.imageinfo.decoding import ANSWER, HEADER, READY, THUMBNAIL
from imgbudget.imageinfo.dispatch import probe_bytes
from imgbudget.model.subjects import UNDECODABLE, ImageFacts, ProbeField
from imgbudget.pixels.opening import HEIF, MAX_PIXELS, READERS, as_fix_error, open_picture

with suppress(ImportError):  # Windows has no such limits
    import resource

MOST_MEMORY = 4 << 30
"""Bytes of address space: an image of the most pixels in two copies takes two thirds of it."""

MOST_FRAME_PIXELS = 10 * MAX_PIXELS
"""Pixels of all frames that are decoded of an animation."""

DECODER = f"Pillow {pillow_version}"


def flaw_of(data: bytes) -> str:
    """Why the image cannot be decoded, in a clause with the version of the decoder; empty if it can.

    Formats that are never decoded here, such as SVG and raw photos, have none: the rules name them.
    """
    facts = probe_bytes(data, ProbeField.ORIENTATION | ProbeField.FRAMES)
    form = facts.format
    if form is None or (form not in READERS and form not in HEIF):
        return ""
    try:
        _decode_all(data, form, facts)
    except FixError as error:
        prefix = f"cannot be decoded as {form.upper()}: "
        text = str(error)
        reason = text.removeprefix(prefix) if text.startswith(prefix) else f"it {text}"
        what = f"{facts.variant}, which it does not know: {reason}" if facts.variant else reason
        return f"{UNDECODABLE} by {DECODER}: {what}"
    return ""


def _decode_all(data: bytes, form: str, facts: ImageFacts) -> None:
    """Decode every frame, and compare the checksums of a PNG file. Raises FixError."""
    decode(data, facts, None)
    if form == "png":
        with as_fix_error("cannot be decoded as PNG"):
            open_picture(data, form).verify()
    if facts.frames > 1 and form != "jpeg":
        left = MOST_FRAME_PIXELS
        for frame in frames(data, form):
            left -= frame.width * frame.height
            if left < 0:
                break


def serve(received: BinaryIO, sent: BinaryIO) -> None:
    """Answer until there are no more images."""
    while len(head := received.read(HEADER.size)) == HEADER.size:
        question, size = HEADER.unpack(head)
        data = received.read(size)
        answer = ((thumbnail(data) or "") if question == THUMBNAIL else flaw_of(data)[:1000]).encode()
        sent.write(ANSWER.pack(len(answer)) + answer)
        sent.flush()


def _bound_memory() -> None:
    """Bound the address space, where the system can."""
    with suppress(NameError, OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))


def serve_parent() -> None:
    """Answer the process that started this one."""
    _bound_memory()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    answers.write(READY)
    answers.flush()
    serve(sys.stdin.buffer, answers)
