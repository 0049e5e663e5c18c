"""A request with its edits applied: a stream of the JSON file in which only the edited spans differ."""

from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

from imgbudget.errors import FixError
from imgbudget.fixing.ahead import Ahead, EditOutcome, pays
from imgbudget.fixing.blocks import (
    Emptied,
    Rearrangement,
    path_of_text,
    rearrangements,
    reworded,
)
from imgbudget.fixing.edit_memory import EditImage, EditMemory
from imgbudget.fixing.removal import Removal, joined_removals, removal_of
from imgbudget.fixing.textimages import splices, text_images
from imgbudget.jsontext.base64text import Base64Text, inspect
from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.edit import Layout, Region, Splice, as_json, spliced, value_at
from imgbudget.jsontext.source import BEGINNING, JsonSource, Start
from imgbudget.model.edits import BlockChange, BlockEdit, EditedImage, ImageEdit, RequestEdit
from imgbudget.model.fixes import DeclareType, RepairBase64, ReplaceByText, RewriteText, TextToImages
from imgbudget.model.location import Keys, Location
from imgbudget.requests.filenames import FileNames

_TYPE_KEYS = ("media_type", "mimeType", "mime_type", "mediaType")
"""Keys that declare a media type beside `data`: of Claude, of Gemini in REST and in Python, of Cline."""


class Slot(NamedTuple):
    """The paths to the base64 text and to the object that declares its type under `type_key`.

    `anchor` is the key of that object before which a missing declaration is inserted. If the
    text `is_uri`, the prefix of its data URI declares the type, and only that one without a `type_key`.
    """

    data: Keys
    holder: Keys
    type_key: str | None
    anchor: str
    is_uri: bool = False

    def spelled(self, media_type: str) -> str:
        """The media type as this block declares it."""
        return media_type.removeprefix("image/") if self.type_key == "format" else media_type

    def paths(self, document: Document) -> Iterator[Keys]:
        """The paths whose spans an edit needs."""
        yield self.data
        if self.type_key is not None:
            yield from ((*self.holder, key) for key in value_at(document, self.holder))


def slot_of(document: Document, keys: Keys) -> Slot:
    """The slot of the image at a path.

    Raises:
        FixError: there is no base64 text.
    """
    value = value_at(document, keys)
    if isinstance(value, str):
        if document.text(value, 64).lstrip()[:5].lower() != "data:":
            if keys[-2:-1] == ("images",):  # Ollama's, which declares no type
                return Slot(keys, keys, None, "")
            raise FixError("the text of the image is not a data URI, and nothing beside it declares its type")
        return Slot(keys, keys, None, "", is_uri=True)
    if isinstance(value, dict):
        source = value.get("source")
        if isinstance(value.get("data"), str):
            type_key = next((key for key in _TYPE_KEYS if key in value), _TYPE_KEYS[0])
            return Slot((*keys, "data"), keys, type_key, "data")
        if isinstance(value.get("base64"), str):  # a file attached to a session
            return Slot((*keys, "base64"), keys, "type", "base64")
        if isinstance(value.get("url"), str):
            # a part of opencode has its type beside the address
            return Slot((*keys, "url"), keys, "mime" if "mime" in value else None, "url", is_uri=True)
        if isinstance(source, dict) and isinstance(source.get("bytes"), str):
            return Slot((*keys, "source", "bytes"), keys, "format", "source")
    raise FixError("the source declares no base64 text")


def text_region(layout: Layout, slot: Slot) -> Region:
    """The bytes of the base64 text, without its quotes."""
    start, end = layout.region(slot.data)
    return Region(start + 1, end - 1)


def is_declared(layout: Layout, slot: Slot, media_type: str) -> bool:
    """Whether the block declares that type."""
    holder = layout.value(slot.holder)
    return isinstance(holder, dict) and holder.get(slot.type_key) == slot.spelled(media_type)


def declaration(layout: Layout, slot: Slot, media_type: str) -> Splice:
    """The splice that declares the type in the block: replacing a declaration, or before the text."""
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
"""Bytes that are encoded at a time; a multiple of three, so that only the end has padding."""


class ImageTask(NamedTuple):
    """All changes to one image: its pixels, its declared type, its base64 text."""

    edit: ImageEdit | None = None
    media_type: str | None = None
    repair: bool = False


class RewrittenImage(NamedTuple):
    """The result for an image of a request. `edited` has no bytes; digests are SHA-256 of image bytes."""

    location: Location
    edited: EditedImage
    byte_size: int
    digest: str
    digest_before: str


class FailedEdit(NamedTuple):
    """An edit that failed, with the reason as a clause."""

    location: Location
    reason: str


@dataclass(slots=True, eq=False, repr=False, kw_only=True)
class ImageRewrite:
    """The rewriting of one image in a request.

    The image is edited once, when the first of its splices is written, and its bytes are released once they
    are written. The outcome is passed to `report`. Without an edit of its pixels the bytes stay, and only the
    text around them is repaired.
    """

    layout: Layout
    location: Location
    slot: Slot
    task: ImageTask
    edit_image: EditImage
    report: Callable[[RewrittenImage | FailedEdit], None]
    ahead: Callable[[], EditOutcome] | None = None
    """Where the outcome of the edit comes from, if it is made by another process."""
    _text: Base64Text = field(init=False)
    _result: EditedImage | None = None
    _failed: bool = False

    def __post_init__(self) -> None:
        """Find the text.

        Raises:
            FixError: the bytes of the image cannot be decoded from it.
        """
        payload = self.layout.document.payload(self.layout.value(self.slot.data))
        self._text = inspect(payload, prefixed=self.slot.is_uri)
        if not self._text.repairable:
            raise FixError("its base64 text cannot be read")

    def splices(self) -> Iterator[Splice]:
        """The changes of the file."""
        region = text_region(self.layout, self.slot)
        edit, media_type = self.task.edit, self.task.media_type
        if edit is not None:
            yield Splice(*region, (lambda: self._payload(region),))
            if self.slot.type_key is not None:
                # the type is known only after the edit, its place in the file before
                declared = declaration(self.layout, self.slot, "")
                yield declared._replace(parts=(lambda: self._type(declared),))
            return
        if self.task.repair or (self.slot.is_uri and media_type):
            yield Splice(*region, (self._repaired,))
        if media_type and self.slot.type_key is not None:
            yield declaration(self.layout, self.slot, media_type)

    def _type(self, declared: Splice) -> Iterator[bytes | Region]:
        edited = self._edited(self.task.edit)
        media_type = self.task.media_type if edited is None else f"image/{edited.format}"
        if media_type and not is_declared(self.layout, self.slot, media_type):
            parts = declaration(self.layout, self.slot, media_type).parts
            yield from (part for part in parts if isinstance(part, bytes))
        elif declared.start < declared.end:
            yield Region(declared.start, declared.end)

    def _payload(self, region: Region) -> Iterator[bytes | Region]:
        edited = self._edited(self.task.edit)
        if edited is None:
            if self.task.repair or (self.slot.is_uri and self.task.media_type):
                yield from self._repaired()
            else:
                yield region
            return
        if self.slot.is_uri:
            yield _prefix(f"image/{edited.format}")
        data = memoryview(edited.data)
        for at in range(0, len(data), _STEP):
            yield b2a_base64(data[at : at + _STEP], newline=False)
        self._result = edited._replace(data=b"")

    def _repaired(self) -> Iterator[bytes]:
        text = self._text
        if self.slot.is_uri:
            yield _prefix(self.task.media_type or text.prefix_media_type or "")
        for at in range(0, text.byte_size, _STEP):
            yield b2a_base64(text.read(_STEP, at), newline=False)

    @property
    def byte_size(self) -> int:
        """The size of the image in bytes."""
        return self._text.byte_size

    def digest(self) -> bytes:
        """The SHA-256 of the image. Raises UnreadableError and OSError as the file's reader does."""
        return sha256(self._text.read(self._text.byte_size, 0)).digest()

    def outcome(self) -> EditOutcome:
        """Edit the image. Raises UnreadableError and OSError as the file's reader does."""
        data = self._text.read(self._text.byte_size, 0)
        try:
            edited = self.edit_image(data, self.task.edit or ImageEdit())
        except FixError as error:
            return EditOutcome(None, reason=str(error))
        return EditOutcome(edited, sha256(data).hexdigest())

    def _edited(self, edit: ImageEdit | None) -> EditedImage | None:
        """The edited image, computed at the first call; None if the edit failed."""
        if self._result is not None or self._failed or edit is None:
            return self._result
        edited, before, reason = (self.ahead or self.outcome)()
        if edited is None:
            self._failed = True
            self.report(FailedEdit(self.location, reason))
            return None
        self._result = edited
        digest = sha256(edited.data).hexdigest()
        self.report(
            RewrittenImage(self.location, edited._replace(data=b""), len(edited.data), digest, before)
        )
        return edited


def _prefix(media_type: str) -> bytes:
    return f"data:{media_type};base64,".encode("ascii", "replace")


@dataclass(slots=True)
class _Edits:
    """The edits of one document: of images, of single blocks, and of the order of blocks."""

    images: dict[Location, ImageTask] = field(default_factory=dict)
    texts: dict[Location, ReplaceByText] = field(default_factory=dict)
    notes: dict[Location, list[RewriteText]] = field(default_factory=dict)
    moves: list[BlockEdit] = field(default_factory=list)
    shown: list[BlockEdit] = field(default_factory=list)


@dataclass(slots=True, eq=False, repr=False)
class RequestFixer:
    """Applies the edits of the requests of one file, one document and one image at a time.

    `rewritten` are the results of images whose pixels were edited, `failed` the edits that failed; both are
    complete at the end of the stream. Images of one document are edited by up to `jobs` processes.
    """

    edit_image: EditImage
    jobs: int = 1
    rewritten: list[RewrittenImage] = field(default_factory=list)
    failed: list[FailedEdit] = field(default_factory=list)
    _blocks: list[BlockChange] = field(default_factory=list)
    _repaired: list[BlockChange] = field(default_factory=list)
    _names: FileNames = field(default_factory=FileNames)

    @property
    def blocks(self) -> list[BlockChange]:
        """The changes of blocks other than of pixels; complete at the end of the stream."""
        # an image with new pixels has a new type and text anyway
        images = {image.location for image in self.rewritten}
        return [*self._blocks, *(one for one in self._repaired if one.location not in images)]

    def rewrite(
        self, source: JsonSource, edits: Iterable[RequestEdit], *, lines: bool, start: Start = BEGINNING
    ) -> Iterator[bytes]:
        """The edited file, in pieces; all other bytes are copied. With `lines` each line is a document.

        `start` is where to begin.

        Raises:
            UnreadableError: the file was changed in the meantime.
            OSError: it cannot be read.
        """
        by_document = _by_document(edits)
        at = start.offset
        documents = open_documents(source, lines=lines, check=False, start=start) if by_document else ()
        named = any(here.texts for here in by_document.values())
        for document in documents:
            if named and isinstance(document, Document):
                self._names.take(document)
            here = by_document.pop(document.number, None)
            if here and isinstance(document, Document):
                rewrites: list[ImageRewrite] = []
                splices = list(self._splices(document, source, here, rewrites))
                with self._ahead(rewrites):
                    yield from spliced(source, Region(at, document.end), splices)
                at = document.end
            if not by_document:
                break
        yield from spliced(source, Region(at, source.size), ())

    @contextmanager
    def _ahead(self, rewrites: Iterable[ImageRewrite]) -> Iterator[None]:
        """Have the images edited on several processes while they are written, if that is faster."""
        edits = sorted(
            (it for it in rewrites if it.task.edit is not None),
            key=lambda it: text_region(it.layout, it.slot),
        )
        memory = self.edit_image
        if isinstance(memory, EditMemory):
            edits = _first_of_equal(edits)
        if not pays([it.byte_size for it in edits], self.jobs):
            yield
            return
        ahead = Ahead([it.outcome for it in edits], min(self.jobs, len(edits)))
        for number, rewrite in enumerate(edits):
            rewrite.ahead = partial(ahead.outcome, number)
            if isinstance(memory, EditMemory):
                rewrite.ahead = partial(_cached, memory, rewrite.task.edit or ImageEdit(), rewrite.ahead)
        try:
            yield
        finally:
            ahead.close()

    def _splices(
        self, document: Document, source: JsonSource, edits: _Edits, rewrites: list[ImageRewrite]
    ) -> Iterator[Splice]:
        """The changes of a document; its images are added to `rewrites`."""
        removals, slots = self._removals(document, edits), self._slots(document, edits)
        moves = self._moves(document, edits)
        shown = text_images(document, edits.shown, self._refuse)
        paths = [path for move in (*moves, *shown) for path in move.paths(document)]
        paths += [path for slot in slots.values() for path in slot.paths(document)]
        notes = {path_of_text(document, location): fixes for location, fixes in edits.notes.items()}
        paths += [path for removal in removals for path in removal.paths(document)]
        layout = Layout.of(document, source, (*paths, *notes))
        for removal in removals:
            yield from removal.splices(layout)
        yield from (reworded(document, layout, path, fixes) for path, fixes in notes.items())
        self._blocks += [
            BlockChange(location, fix.title) for location, fixes in edits.notes.items() for fix in fixes
        ]
        yield from (move.splice(layout) for move in moves)
        for edit, splice in splices(layout, shown, self._refuse):
            self._blocks.append(BlockChange(edit.location, edit.fix.title))
            yield splice
        for location, slot in slots.items():
            try:
                rewrite = ImageRewrite(
                    layout=layout,
                    location=location,
                    slot=slot,
                    task=edits.images[location],
                    edit_image=self.edit_image,
                    report=self._report,
                )
            except FixError as error:
                self._refuse(location, error)
            else:
                task = edits.images[location]
                if task.media_type:
                    title = DeclareType(task.media_type).title
                    self._repaired.append(BlockChange(location, title))
                if task.repair:
                    self._repaired.append(BlockChange(location, RepairBase64.title))
                rewrites.append(rewrite)
                yield from rewrite.splices()

    def _removals(self, document: Document, edits: _Edits) -> list[Removal]:
        """The images to replace by a text that names their file; other edits of them are dropped."""
        found = []
        for location, fix in edits.texts.items():
            keys = location.keys or ()
            try:
                named = fix.naming(self._names.of(document, keys))
                found.append(removal_of(document, keys, named))
                self._blocks.append(_replaced_image(document, location, named))
                edits.images.pop(location, None)
            except FixError as error:
                self._refuse(location, error)
        return joined_removals(found)

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
            found = list(rearrangements(document, edits.moves))
        except FixError as error:
            for edit in edits.moves:
                self._refuse(edit.location, error)
            return []
        self._blocks += [BlockChange(edit.location, edit.fix.title) for edit in edits.moves]
        return found

    def _refuse(self, location: Location, error: FixError) -> None:
        self.failed.append(FailedEdit(location, str(error)))

    def _report(self, what: RewrittenImage | FailedEdit) -> None:
        if isinstance(what, RewrittenImage):
            self.rewritten.append(what)
        else:
            self.failed.append(what)


def _first_of_equal(rewrites: Iterable[ImageRewrite]) -> list[ImageRewrite]:
    """The rewrites without those of an image that an earlier one edits alike; only equal sizes are read."""
    alike: dict[tuple[int, ImageEdit | None], list[ImageRewrite]] = {}
    for rewrite in rewrites:
        alike.setdefault((rewrite.byte_size, rewrite.task.edit), []).append(rewrite)
    first: list[ImageRewrite] = []
    for group in alike.values():
        first += {it.digest(): it for it in reversed(group)}.values() if len(group) > 1 else group
    return sorted(first, key=lambda it: text_region(it.layout, it.slot))


def _cached(memory: EditMemory, edit: ImageEdit, outcome: Callable[[], EditOutcome]) -> EditOutcome:
    """The outcome of an edit in another process, which serves equal images here."""
    found = outcome()
    if found.edited is not None:
        memory.add(bytes.fromhex(found.digest_before), edit, found.edited)
    return found


def _replaced_image(document: Document, location: Location, fix: ReplaceByText) -> BlockChange:
    """The record of an image that gives way to a text."""
    change = BlockChange(location, fix.title, fix.text)
    try:
        slot = slot_of(document, location.keys or ())
    except FixError:
        return change
    text = inspect(document.payload(value_at(document, slot.data)), prefixed=slot.is_uri)
    if not text.repairable:
        return change
    data = text.read(text.byte_size, 0)
    return change._replace(byte_size=len(data), digest=sha256(data).hexdigest())


def _by_document(edits: Iterable[RequestEdit]) -> dict[int, _Edits]:
    documents: dict[int, _Edits] = {}
    for request in edits:
        for use, edit in request.images:
            _add_task(documents, use.location, edit=edit)
        for block in request.blocks:
            match block.fix:
                case ReplaceByText() as fix:
                    _edits(documents, block.location).texts[block.location] = fix
                case RewriteText() as note:
                    _edits(documents, block.location).notes.setdefault(block.location, []).append(note)
                case DeclareType(media_type):
                    _add_task(documents, block.location, media_type=media_type)
                case TextToImages():
                    _edits(documents, block.location).shown.append(block)
                case RepairBase64():
                    _add_task(documents, block.location, repair=True)
                case _:
                    _edits(documents, block.location).moves.append(block)
    return documents


def _edits(documents: dict[int, _Edits], location: Location) -> _Edits:
    return documents.setdefault(location.document, _Edits())


def _add_task(documents: dict[int, _Edits], location: Location, **more: Any) -> None:
    images = _edits(documents, location).images
    images[location] = images.get(location, ImageTask())._replace(**more)
