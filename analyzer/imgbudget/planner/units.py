"""What a request is divided into: its images and documents, what each takes, and how much a request holds."""

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import NamedTuple

from imgbudget.budgets import Budget
from imgbudget.limits import Limits
from imgbudget.model import DocumentUse, ImageUse, Origin, Place, walk_blocks
from imgbudget.planner.bounds import body_limit, pages_of, token_bounds
from imgbudget.planner.encodings import text_length
from imgbudget.undertest import RequestUnderTest


class Unit(NamedTuple):
    """One image or document, or several that follow each other.

    `turn` is the index of its turn in the request; of several that of the first. `characters` is its base64
    text in the body, `tokens` its visual tokens, 0 where they cannot be told, `largest` the base64 text of
    its largest image, `long_edge` the longest edge of its images, px.
    """

    first: Place
    last: Place
    turn: int
    images: int
    documents: int
    pages: int
    tokens: int
    characters: int
    largest: int
    long_edge: int

    def plus(self, other: "Unit") -> "Unit":
        """Both together, `other` being the later one."""
        return Unit(
            self.first,
            other.last,
            self.turn,
            self.images + other.images,
            self.documents + other.documents,
            self.pages + other.pages,
            self.tokens + other.tokens,
            self.characters + other.characters,
            max(self.largest, other.largest),
            max(self.long_edge, other.long_edge),
        )


class Lack(NamedTuple):
    """Why units do not fit into one request, and what of a unit makes it more or less to blame."""

    reason: str
    weight: Callable[[Unit], int]


class Room(NamedTuple):
    """What one request may hold of images and documents: visual tokens and bytes of its body.

    `body` is None where nothing limits it. `fixed` are the bytes of texts and tools, which are in every
    request.
    """

    limits: Limits
    tokens: int
    body: int | None
    fixed: int

    def holds(self, unit: Unit) -> bool:
        """Whether the API takes a request of this as it stands."""
        return not self.lacks(unit)

    def lacks(self, unit: Unit) -> list[Lack]:
        """Why a request of this would be refused or over a budget; empty where it would not."""
        limits, found = self.limits, []
        most, edge, few = limits.max_edge, limits.many_image_edge, limits.many_image_count
        accepted = most is None or unit.long_edge <= most.value
        if most is not None and not accepted:
            text = f"an edge of {unit.long_edge} px; {limits.platform} takes at most {most.text}"
            found.append(Lack(text, lambda it: it.long_edge))
        if (base64 := limits.image_base64_bytes) and unit.largest > base64.value:
            text = (
                f"an image of {unit.largest:,} bytes of base64; {limits.platform} takes at most {base64.text}"
            )
            found.append(Lack(text, lambda it: it.largest))
        crowd = limits.counted_images(unit.images, unit.documents)
        if few and edge and crowd > few.value and edge.value < unit.long_edge and accepted:
            text = (
                f"an edge of {unit.long_edge} px; where there are more than {few.text}, at most {edge.text}"
            )
            found.append(Lack(text, lambda it: it.long_edge))
        if (media := limits.request_media) and unit.images + unit.pages > media.value:
            text = f"{unit.images} images" + (f" and {unit.pages} pages" if unit.pages else "")
            text += f"; {limits.platform} takes at most {media.value:,} for {limits.model}"
            found.append(Lack(text, lambda it: it.images + it.pages))
        if unit.tokens > self.tokens:
            text = f"{unit.tokens:,} visual tokens; there is room for {self.tokens:,}"
            found.append(Lack(text, lambda it: it.tokens))
        if self.body is not None and unit.characters > self.body - self.fixed:
            text = f"{unit.characters + self.fixed:,} bytes with texts and tools; at most {self.body:,}"
            found.append(Lack(text, lambda it: it.characters))
        return found


def units_of(test: RequestUnderTest) -> list[Unit]:
    """The images and documents of a request as they stand, in order, those inside documents too."""
    return list(_units(test))


def room_of(test: RequestUnderTest, budget: Budget, units: Sequence[Unit]) -> Room:
    """What a request has room for when it repeats the texts and tools of this one, whose units these are."""
    limits = test.limits
    fixed = max(test.request.byte_size - sum(unit.characters for unit in units), 0)
    tokens = min(bound.tokens for bound in token_bounds(limits, budget))
    return Room(limits, tokens, body_limit(limits, budget), fixed)


def together(units: Sequence[Unit]) -> Unit:
    """Several units that follow each other as one."""
    return reduce(Unit.plus, units)


def groups(units: Sequence[Unit], holds: Callable[[Unit], bool]) -> list[list[Unit]]:
    """The units in as few groups as can be, in their order, each of which holds as one.

    One that does not hold alone stands in a group of its own.
    """
    found: list[list[Unit]] = []
    whole: Unit | None = None
    for unit in units:
        joined = whole.plus(unit) if whole else unit
        if whole and holds(joined):
            found[-1].append(unit)
            whole = joined
        else:
            found.append([unit])
            whole = unit
    return found


def _units(test: RequestUnderTest) -> Iterator[Unit]:
    for number, turn in enumerate(test.request.turns):
        for block in walk_blocks(turn.blocks):
            if isinstance(block, ImageUse):
                size, place = block.visible_size, block.place
                text = block.base64_size or 0 if block.origin is Origin.BASE64 else 0
                edge = size.long_edge if size else 0
                yield Unit(place, place, number, 1, 0, 0, test.tokens(block), text, text, edge)
            elif isinstance(block, DocumentUse):
                inside = block.origin is Origin.BASE64 and block.byte_size is not None
                text = text_length(block.byte_size or 0) if inside else 0
                yield Unit(block.place, block.place, number, 0, 1, pages_of((block,)), 0, text, 0, 0)
