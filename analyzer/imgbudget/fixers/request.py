"""Requests with their edits made: the stream of a JSON file in which only what was edited has other bytes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from imgbudget.edit import BlockEdit, RequestEdit
from imgbudget.errors import FixError
from imgbudget.fixers.blocks import Emptied, Rearrangement, rearrangements, replaced, route_of_block
from imgbudget.fixers.layout import Layout
from imgbudget.fixers.remake import EditImage, Mend, Refused, Remade, Remake
from imgbudget.fixers.slots import Slot, slot_of
from imgbudget.fixers.splices import Region, Splice, spliced
from imgbudget.intent import DeclareType, RepairBase64, ReplaceByText
from imgbudget.model import Keys, Place
from imgbudget.sources.jsonspans import BEGINNING, Document, JsonSource, Start, open_documents


@dataclass(slots=True)
class _Edits:
    """The edits of one document: of images, of single blocks, and of the order of blocks."""

    images: dict[Place, Mend] = field(default_factory=dict)
    texts: dict[Place, ReplaceByText] = field(default_factory=dict)
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
        for place, slot in slots.items():
            try:
                remake = Remake(
                    layout=layout,
                    place=place,
                    slot=slot,
                    mend=edits.images[place],
                    edit_image=self.edit_image,
                    told=self._told,
                )
            except FixError as error:
                self._refuse(place, error)
            else:
                yield from remake.splices()

    def _texts(self, document: Document, edits: _Edits) -> dict[Keys, ReplaceByText]:
        """The blocks that give way to a text; what else was to be done to their images is not."""
        texts = {}
        for place, fix in edits.texts.items():
            try:
                texts[route_of_block(document, place.keys or ())] = fix
                edits.images.pop(place, None)
            except FixError as error:
                self._refuse(place, error)
        return texts

    def _slots(self, document: Document, edits: _Edits) -> dict[Place, Slot]:
        slots = {}
        for place in edits.images:
            try:
                slots[place] = slot_of(document, place.keys or ())
            except FixError as error:
                self._refuse(place, error)
        return slots

    def _moves(self, document: Document, edits: _Edits) -> list[Rearrangement | Emptied]:
        try:
            return list(rearrangements(document, edits.moves))
        except FixError as error:
            for edit in edits.moves:
                self._refuse(edit.place, error)
            return []

    def _refuse(self, place: Place, error: FixError) -> None:
        self.refused.append(Refused(place, str(error)))

    def _told(self, what: Remade | Refused) -> None:
        if isinstance(what, Remade):
            self.remade.append(what)
        else:
            self.refused.append(what)


def _by_document(edits: Iterable[RequestEdit]) -> dict[int, _Edits]:
    documents: dict[int, _Edits] = {}
    for request in edits:
        for use, edit in request.images:
            _mend(documents, use.place, edit=edit)
        for block in request.blocks:
            match block.fix:
                case ReplaceByText() as fix:
                    _edits(documents, block.place).texts[block.place] = fix
                case DeclareType(media_type):
                    _mend(documents, block.place, media_type=media_type)
                case RepairBase64():
                    _mend(documents, block.place, repair=True)
                case _:
                    _edits(documents, block.place).moves.append(block)
    return documents


def _edits(documents: dict[int, _Edits], place: Place) -> _Edits:
    return documents.setdefault(place.document, _Edits())


def _mend(documents: dict[int, _Edits], place: Place, **more: Any) -> None:
    images = _edits(documents, place).images
    images[place] = images.get(place, Mend())._replace(**more)
