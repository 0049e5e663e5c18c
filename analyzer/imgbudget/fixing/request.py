"""A request with its edits applied: a stream of the JSON file in which only the edited spans differ."""

from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from imgbudget.errors import FixError
from imgbudget.fixing.blocks import Emptied, Rearrangement, rearrangements, replaced, route_of_block
from imgbudget.jsontext.base64text import Base64Text, inspect
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.edit import Layout, Region, Splice, as_json, spliced, value_at
from imgbudget.jsontext.source import BEGINNING, JsonSource, Start
from imgbudget.model.edits import BlockEdit, EditedImage, ImageEdit, RequestEdit
from imgbudget.model.fixes import DeclareType, RepairBase64, ReplaceByText
from imgbudget.model.location import Keys, Location


class Slot(NamedTuple):
    """The routes to the base64 text and to the object that declares its type under `type_key`.

    `anchor` is the key of that object before which a missing declaration goes. Without a `type_key` the text
    is a data URI, whose prefix declares the type.
    """

    data: Keys
    holder: Keys
    type_key: str | None
    anchor: str

    @property
    def is_uri(self) -> bool:
        """Whether the text is a data URI."""
        return self.type_key is None

    def spelled(self, media_type: str) -> str:
        """The media type as this block declares it."""
        return media_type.removeprefix("image/") if self.type_key == "format" else media_type

    def routes(self, document: Document) -> Iterator[Keys]:
        """The routes whose spans an edit needs."""
        yield self.data
        if not self.is_uri:
            yield from ((*self.holder, key) for key in value_at(document, self.holder))


def slot_of(document: Document, keys: Keys) -> Slot:
    """The slot of the image at a place.

    Raises:
        FixError: no base64 text stands there.
    """
    value = value_at(document, keys)
    if isinstance(value, str):
        return Slot(keys, keys, None, "")
    if isinstance(value, dict):
        source = value.get("source")
        if isinstance(value.get("data"), str):
            return Slot((*keys, "data"), keys, "media_type", "data")
        if isinstance(value.get("url"), str):
            return Slot((*keys, "url"), keys, None, "")
        if isinstance(source, dict) and isinstance(source.get("bytes"), str):
            return Slot((*keys, "source", "bytes"), keys, "format", "source")
    raise FixError("no base64 text stands there")


def text_region(layout: Layout, slot: Slot) -> Region:
    """The bytes of the base64 text, without its quotes."""
    start, end = layout.region(slot.data)
    return Region(start + 1, end - 1)


def is_declared(layout: Layout, slot: Slot, media_type: str) -> bool:
    """Whether the block declares that type."""
    holder = layout.value(slot.holder)
    return isinstance(holder, dict) and holder.get(slot.type_key) == slot.spelled(media_type)


def declaration(layout: Layout, slot: Slot, media_type: str) -> Splice:
    """The splice that declares the type in the block: in place of what is declared, or before the text."""
    holder = layout.value(slot.holder)
    wanted = as_json(slot.spelled(media_type))
    if slot.type_key is not None and slot.type_key in holder:
        return Splice(*layout.region((*slot.holder, slot.type_key)), (wanted,))
    anchor = (*slot.holder, slot.anchor)
    key = layout.keys[anchor]
    ends = [layout.region((*slot.holder, name)).end for name in holder]
    before = max((end for end in ends if end <= key.start), default=None)
    comma = b", " if before is None else layout.read(before, key.start)
    colon = layout.read(key.end, layout.region(anchor).start)
    return Splice(key.start, key.start, (as_json(slot.type_key) + colon + wanted + comma,))


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

    location: Location
    edited: EditedImage
    byte_size: int
    digest: str
    digest_before: str


class Refused(NamedTuple):
    """An edit that could not be made, and why, as a clause."""

    location: Location
    reason: str


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class Remake:
    """An image to be made anew.

    It is edited once, when the first of its splices is written, and let go when its bytes are. What became
    of it goes to `told`. Without an edit of its pixels the bytes stay, and only the text around them is
    mended.
    """

    layout: Layout
    location: Location
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
            self.told(Refused(self.location, str(error)))
            return None
        self._made = made
        digest, before = sha256(made.data).hexdigest(), sha256(data).hexdigest()
        self.told(Remade(self.location, made._replace(data=b""), len(made.data), digest, before))
        return made


def _prefix(media_type: str) -> bytes:
    return f"data:{media_type};base64,".encode("ascii", "replace")


@dataclass(slots=True)
class _Edits:
    """The edits of one document: of images, of single blocks, and of the order of blocks."""

    images: dict[Location, Mend] = field(default_factory=dict)
    texts: dict[Location, ReplaceByText] = field(default_factory=dict)
    moves: list[BlockEdit] = field(default_factory=list)


@dataclass(slots=True, eq=False, repr=False)
class RequestFixer:
    """Makes the edits of the requests of one file, document by document, an image in memory at a time.

    `remade` tells what became of each image whose pixels were edited, `refused` what could not be done; both
    are whole when the stream has ended.
    """

    edit_image: EditImage
    remade: list[Remade] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)

    def rewrite(
        self, source: JsonSource, edits: Iterable[RequestEdit], *, lines: bool, start: Start = BEGINNING
    ) -> Iterator[bytes]:
        """The file with the edits made, in pieces; all other bytes are copied. `lines`: a document each line.

        `start` is where to begin.

        Raises:
            UnreadableError: the file was changed meanwhile.
            OSError: it cannot be read.
        """
        by_document = _by_document(edits)
        at = start.offset
        documents = open_documents(source, lines=lines, check=False, start=start) if by_document else ()
        for document in documents:
            here = by_document.pop(document.number, None)
            if here and isinstance(document, Document):
                splices = list(self._splices(document, source, here))
                yield from spliced(source, Region(at, document.end), splices)
                at = document.end
            if not by_document:
                break
        yield from spliced(source, Region(at, source.size), ())

    def _splices(self, document: Document, source: JsonSource, edits: _Edits) -> Iterator[Splice]:
        texts, slots = self._texts(document, edits), self._slots(document, edits)
        moves = self._moves(document, edits)
        routes = [route for move in moves for route in move.routes(document)]
        routes += [route for slot in slots.values() for route in slot.routes(document)]
        layout = Layout.of(document, source, (*routes, *texts))
        yield from (replaced(layout, route, fix) for route, fix in texts.items())
        yield from (move.splice(layout) for move in moves)
        for location, slot in slots.items():
            try:
                remake = Remake(
                    layout=layout,
                    location=location,
                    slot=slot,
                    mend=edits.images[location],
                    edit_image=self.edit_image,
                    told=self._told,
                )
            except FixError as error:
                self._refuse(location, error)
            else:
                yield from remake.splices()

    def _texts(self, document: Document, edits: _Edits) -> dict[Keys, ReplaceByText]:
        """The blocks that give way to a text; what else was to be done to their images is not."""
        texts = {}
        for location, fix in edits.texts.items():
            try:
                texts[route_of_block(document, location.keys or ())] = fix
                edits.images.pop(location, None)
            except FixError as error:
                self._refuse(location, error)
        return texts

    def _slots(self, document: Document, edits: _Edits) -> dict[Location, Slot]:
        slots = {}
        for location in edits.images:
            try:
                slots[location] = slot_of(document, location.keys or ())
            except FixError as error:
                self._refuse(location, error)
        return slots

    def _moves(self, document: Document, edits: _Edits) -> list[Rearrangement | Emptied]:
        try:
            return list(rearrangements(document, edits.moves))
        except FixError as error:
            for edit in edits.moves:
                self._refuse(edit.location, error)
            return []

    def _refuse(self, location: Location, error: FixError) -> None:
        self.refused.append(Refused(location, str(error)))

    def _told(self, what: Remade | Refused) -> None:
        if isinstance(what, Remade):
            self.remade.append(what)
        else:
            self.refused.append(what)


def _by_document(edits: Iterable[RequestEdit]) -> dict[int, _Edits]:
    documents: dict[int, _Edits] = {}
    for request in edits:
        for use, edit in request.images:
            _mend(documents, use.location, edit=edit)
        for block in request.blocks:
            match block.fix:
                case ReplaceByText() as fix:
                    _edits(documents, block.location).texts[block.location] = fix
                case DeclareType(media_type):
                    _mend(documents, block.location, media_type=media_type)
                case RepairBase64():
                    _mend(documents, block.location, repair=True)
                case _:
                    _edits(documents, block.location).moves.append(block)
    return documents


def _edits(documents: dict[int, _Edits], location: Location) -> _Edits:
    return documents.setdefault(location.document, _Edits())


def _mend(documents: dict[int, _Edits], location: Location, **more: Any) -> None:
    images = _edits(documents, location).images
    images[location] = images.get(location, Mend())._replace(**more)
