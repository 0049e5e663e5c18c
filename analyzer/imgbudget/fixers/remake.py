"""One image of a request made anew when its turn in the stream comes: decoded, edited, written as base64."""

from binascii import b2a_base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from imgbudget.edit import EditedImage, ImageEdit
from imgbudget.errors import FixError
from imgbudget.fixers.layout import Layout
from imgbudget.fixers.slots import Slot, declaration, is_declared, text_region
from imgbudget.fixers.splices import Region, Splice
from imgbudget.model import Place
from imgbudget.sources.base64text import Base64Text, inspect

_STEP = 3 << 16
"""Bytes that are encoded at a time; a multiple of three, so that padding comes at the end only."""

EditImage = Callable[[bytes, ImageEdit], EditedImage]


class Mend(NamedTuple):
    """All that is to be done to one image: its pixels, its declared type, its base64 text."""

    edit: ImageEdit | None = None
    media_type: str | None = None
    repair: bool = False


class Remade(NamedTuple):
    """What an image of a request became. `edited` has lost its bytes; digests are SHA-256 of image bytes."""

    place: Place
    edited: EditedImage
    byte_size: int
    digest: str
    digest_before: str


class Refused(NamedTuple):
    """An edit that could not be made, and why, as a clause."""

    place: Place
    reason: str


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Remake:
    """An image to be made anew.

    It is edited once, when the first of its splices is written, and let go when its bytes are. What became
    of it goes to `told`. Without an edit of its pixels the bytes stay, and only the text around them is
    mended.
    """

    layout: Layout
    place: Place
    slot: Slot
    mend: Mend
    edit_image: EditImage
    told: Callable[[Remade | Refused], None]
    _text: Base64Text = field(init=False)
    _made: EditedImage | None = None
    _failed: bool = False

    def __post_init__(self) -> None:
        """Find the text.

        Raises:
            FixError: the bytes of the image cannot be had from it.
        """
        payload = self.layout.document.payload(self.layout.value(self.slot.data))
        self._text = inspect(payload, prefixed=self.slot.is_uri)
        if not self._text.repairable:
            raise FixError("its base64 text cannot be read")

    def splices(self) -> Iterator[Splice]:
        """What is written anew in the file."""
        region = text_region(self.layout, self.slot)
        edit, media_type = self.mend.edit, self.mend.media_type
        if edit is not None:
            yield Splice(*region, (lambda: self._payload(region),))
            if not self.slot.is_uri:
                # only the edit shows which type the image has then; where that stands is known before
                there = declaration(self.layout, self.slot, "")
                yield there._replace(parts=(lambda: self._type(there),))
            return
        if self.mend.repair or (self.slot.is_uri and media_type):
            yield Splice(*region, (self._mended,))
        if media_type and not self.slot.is_uri:
            yield declaration(self.layout, self.slot, media_type)

    def _type(self, there: Splice) -> Iterator[bytes | Region]:
        made = self._edited(self.mend.edit)
        media_type = self.mend.media_type if made is None else f"image/{made.format}"
        if media_type and not is_declared(self.layout, self.slot, media_type):
            parts = declaration(self.layout, self.slot, media_type).parts
            yield from (part for part in parts if isinstance(part, bytes))
        elif there.start < there.end:
            yield Region(there.start, there.end)

    def _payload(self, region: Region) -> Iterator[bytes | Region]:
        made = self._edited(self.mend.edit)
        if made is None:
            if self.mend.repair or (self.slot.is_uri and self.mend.media_type):
                yield from self._mended()
            else:
                yield region
            return
        if self.slot.is_uri:
            yield _prefix(f"image/{made.format}")
        data = memoryview(made.data)
        for at in range(0, len(data), _STEP):
            yield b2a_base64(data[at : at + _STEP], newline=False)
        self._made = made._replace(data=b"")

    def _mended(self) -> Iterator[bytes]:
        text = self._text
        if self.slot.is_uri:
            yield _prefix(self.mend.media_type or text.prefix_media_type or "")
        for at in range(0, text.byte_size, _STEP):
            yield b2a_base64(text.read(_STEP, at), newline=False)

    def _edited(self, edit: ImageEdit | None) -> EditedImage | None:
        """The image with its edit, made at the first call; None when that failed."""
        if self._made is not None or self._failed or edit is None:
            return self._made
        from hashlib import sha256  # noqa: PLC0415 - fixes only

        data = self._text.read(self._text.byte_size, 0)
        try:
            made = self.edit_image(data, edit)
        except FixError as error:
            self._failed = True
            self.told(Refused(self.place, str(error)))
            return None
        self._made = made
        digest, before = sha256(made.data).hexdigest(), sha256(data).hexdigest()
        self.told(Remade(self.place, made._replace(data=b""), len(made.data), digest, before))
        return made


def _prefix(media_type: str) -> bytes:
    return f"data:{media_type};base64,".encode("ascii", "replace")
