"""Sharing bytes or tokens among the images of a request: the largest give first, the others stay."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from math import inf
from typing import NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.model.edits import ImageEdit
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.subjects import ImageUse, Origin
from imgbudget.planner.image import enough_bytes, least_bytes, raw_bytes, text_length, tightest
from imgbudget.planner.sizes import SizeStep, size_steps


def fair_level(needs: Sequence[int], room: int, least: Sequence[int] = ()) -> int:
    """The highest level at which all fit: the sum of min(need, level) is within `room`.

    Those that need no more than the level keep all of it, the others give down to the level and no further:
    no other sharing gives the smallest share more (max-min fairness). Nobody is asked to go under their
    `least`, 0 for all unless given. The largest need where all fit, -1 where not even the least fit.
    """
    least = least or [0] * len(needs)
    if sum(needs) <= room:
        return max(needs, default=0)
    levels = range(max(needs, default=0))
    return bisect_right(levels, room, key=lambda level: sum(shares(needs, level, least))) - 1


def shares(needs: Sequence[int], level: int, least: Sequence[int]) -> list[int]:
    """What each keeps at a level."""
    return [min(need, max(level, low)) for need, low in zip(needs, least, strict=True)]


Amounts = tuple[int, ...]
"""What one can take, ascending."""


def fairest(ladders: Sequence[Amounts], budget: int) -> tuple[int, ...] | None:
    """One amount of each ladder, together within the budget, so that those with least have the most.

    Optimal in the max-min sense: with the amounts sorted ascending, no other choice within the budget is
    lexicographically greater; the one with least could not have more, then the next, and so on. None where
    not even the smallest amounts fit. Whose amount is whose depends on the ladders alone: of equal ladders
    the earlier one takes the larger amount.

    Up to a level everybody can be served: whoever cannot take that much takes all that they can. From there
    on the amounts are visited in ascending order, and as few as possible stay behind at each. Who stays is
    left open as long as it can be (a matching of those who stay to the amounts that they stay at), because
    one who would need a large step next is worth more at a low amount than one with a small step.
    """
    if sum(amounts[-1] for amounts in ladders) <= budget:
        return tuple(amounts[-1] for amounts in ladders)
    if sum(amounts[0] for amounts in ladders) > budget:
        return None
    values = sorted(set(chain.from_iterable(ladders)))
    level = values[_last(values, lambda value: _cost_of_level(ladders, value) <= budget)]
    taken = {i: amounts[-1] for i, amounts in enumerate(ladders) if amounts[-1] < level}
    order = sorted((i for i in range(len(ladders)) if i not in taken), key=lambda i: (ladders[i], -i))
    rest = _Rest([ladders[i] for i in order], budget - sum(taken.values()), level)
    taken.update(zip(order, rest.shared(), strict=True))
    return _canonical(ladders, taken)


def _canonical(ladders: Sequence[Amounts], taken: dict[int, int]) -> tuple[int, ...]:
    """The amounts with those of equal ladders in descending order."""
    of_ladder: dict[Amounts, list[int]] = {}
    for i, amounts in enumerate(ladders):
        of_ladder.setdefault(amounts, []).append(taken[i])
    for mine in of_ladder.values():
        mine.sort()
    return tuple(of_ladder[amounts].pop() for amounts in ladders)


def _cost_of_level(ladders: Sequence[Amounts], level: int) -> int:
    """The sum when each takes at least the level, or all that they can."""
    return sum(_at_least(amounts, level) or amounts[-1] for amounts in ladders)


def _at_least(amounts: Amounts, least: int) -> int | None:
    """The smallest amount of at least `least`; None where all are smaller."""
    at = bisect_left(amounts, least)
    return amounts[at] if at < len(amounts) else None


def _last(values: Sequence[int], fits: Callable[[int], bool]) -> int:
    """The index of the last value that fits, where all before one that fits do too and the first does."""
    return bisect_left(values, 1, key=lambda value: not fits(value)) - 1


class _Rest(NamedTuple):
    """Those who can all be served at the level, and the budget that is left for them."""

    ladders: Sequence[Amounts]
    budget: int
    level: int

    def shared(self) -> list[int]:
        """The amount of each, from the level upwards as few as possible at each value."""
        counts: dict[int, int] = {}
        for value in sorted(
            {amount for amounts in self.ladders for amount in amounts if amount >= self.level}
        ):
            higher = [_at_least(amounts, value + 1) for amounts in self.ladders]
            counts[value] = self._fewest(counts, value, higher)
            stay = self._staying(counts, higher)
            if stay is not None and len(stay) == len(self.ladders):
                return [stay[i] for i in range(len(self.ladders))]
        raise AssertionError("at the highest amount everyone stays")

    def _fewest(self, counts: dict[int, int], value: int, higher: Sequence[int | None]) -> int:
        """The fewest who have to stay at a value; at most of them nobody has to."""
        if self._suffices(counts, higher):
            return 0
        candidates = sum(value in amounts for amounts in self.ladders)
        fewer = range(1, candidates + 1)
        return 1 + bisect_left(fewer, 1, key=lambda few: self._suffices({**counts, value: few}, higher))

    def _suffices(self, counts: dict[int, int], higher: Sequence[int | None]) -> bool:
        """Whether so many stay behind that the others can have more; more than can stay is enough too."""
        stay = self._staying(counts, higher)
        if stay is None:
            return True
        others = [amount for i, amount in enumerate(higher) if i not in stay]
        if None in others:
            return False
        return sum(stay.values()) + sum(amount for amount in others if amount) <= self.budget

    def _staying(self, counts: dict[int, int], higher: Sequence[int | None]) -> dict[int, int] | None:
        """Who stays at which value so that the others need the least; None where nobody fills a place.

        Places are taken in the order of the step that one is spared: sets of people that can be seated are
        independent in a matroid, so taking the dearest who still fits is best.
        """
        locations = sum(counts.values())
        seats = _Seats(self.ladders, counts)
        hopeless: set[Amounts] = set()
        for i in sorted(range(len(self.ladders)), key=lambda i: -(higher[i] or inf)):
            if len(seats.taken) == locations:
                break
            if self.ladders[i] not in hopeless and not seats.seat(i, set()):
                hopeless.add(self.ladders[i])
        return seats.taken if len(seats.taken) == locations else None


class _Seats:
    """A matching of people to the values that they stay at, as many at each as it has places."""

    def __init__(self, ladders: Sequence[Amounts], locations: dict[int, int]) -> None:
        self.taken: dict[int, int] = {}
        self._ladders = ladders
        self._places = {value: count for value, count in locations.items() if count}
        self._at: dict[int, list[int]] = {value: [] for value in self._places}

    def seat(self, i: int, tried: set[int]) -> bool:
        """Seat one more, moving others where that helps; whether it could be done."""
        for value in self._ladders[i]:
            if value not in self._places or value in tried:
                continue
            tried.add(value)
            sitting = self._at[value]
            if len(sitting) < self._places[value]:
                sitting.append(i)
                self.taken[i] = value
                return True
            for other in sitting:
                if self.seat(other, tried):
                    sitting.remove(other)
                    sitting.append(i)
                    self.taken[i] = value
                    return True
        return False


RESERVE = 256
"""Bytes kept free for each image: a longer media type, a label before it."""


class ImagePayload(NamedTuple):
    """An image whose bytes stand in the body and may become fewer, with its edit so far.

    `need` is the base64 text that it takes by that edit, in characters: exact without one, else an estimate
    on the generous side. It is never asked to go under `least`.
    """

    use: ImageUse
    now: int
    need: int
    least: int
    edit: ImageEdit | None

    @property
    def floor(self) -> int:
        """What it keeps when it may not grow."""
        return min(self.now, self.need)


def within_body(
    test: RequestUnderTest,
    edits: Mapping[Location, ImageEdit],
    *,
    most: int | None = None,
    unsafe: bool = False,
) -> dict[Location, ImageEdit]:
    """The edits of a request's images, with bounds that keep the body within `most` bytes.

    Without `most` no image gets an edit that has none, and the bounds only keep what is encoded anew from
    taking the body over the platform's limit. With it, images that take more than their fair share give
    down to one level: those that the model does not look at in full lose the pixels that it drops, then
    they are bounded as far as the level asks.
    """
    request, limits = test.request, test.limits
    shrinks = most is not None
    payloads = [
        payload
        for use in request.images
        if (edit := edits.get(use.location) or (untouched(use, unsafe=unsafe) if shrinks else None))
        and (payload := _payload(use, edit, test.limits_of(use), has_edit=use.location in edits))
    ]
    if not payloads:
        return dict(edits)
    fixed = request.byte_size - sum(payload.now for payload in payloads)
    reserve = RESERVE * len(request.images)
    limit = _body_limit(test, reserve) if most is None else most
    room = sum(payload.need for payload in payloads) if limit is None else limit - fixed - reserve
    if shrinks:
        payloads = _without_unseen_pixels(payloads, test, room)
    bounded = dict(edits)
    for payload, share in zip(payloads, _shares(payloads, room), strict=True):
        if payload.edit is None and share >= payload.now:
            continue
        edit = payload.edit or untouched(payload.use, unsafe=unsafe)
        if edit is not None:
            bound = tightest(raw_bytes(share), limits.image_raw_bytes, edit.max_bytes)
            bounded[payload.use.location] = edit._replace(max_bytes=bound)
    return bounded


def untouched(use: ImageUse, *, unsafe: bool) -> ImageEdit | None:
    """The edit to begin with for an image that has none; None for one that cannot become smaller."""
    facts = use.facts
    if use.visible_size is None or facts is None or (facts.animated and not unsafe):
        return None
    return ImageEdit(upright=True, first_frame=facts.animated)


def _payload(use: ImageUse, edit: ImageEdit, limits: Limits, *, has_edit: bool) -> ImagePayload | None:
    """The image as it takes part; None for one whose bytes are not in the body, or whose edit is refused."""
    facts, size, now = use.facts, use.visible_size, use.base64_size
    if facts is None or size is None or facts.format is None or now is None:
        return None
    if use.origin is not Origin.BASE64 or (facts.animated and not edit.first_frame):
        return None
    least = text_length(least_bytes(facts, limits.least_edge, edit.size or size))
    if not has_edit:
        return ImagePayload(use, now, now, least, None)
    enough = facts.byte_size
    if edit.size or edit.format:
        enough = enough_bytes(facts, edit.size or size, edit.format or facts.format)
    need = text_length(min(enough, edit.max_bytes or enough))
    return ImagePayload(use, now, need, min(least, need), edit)


def _body_limit(test: RequestUnderTest, reserve: int) -> int | None:
    """What the body may have when no budget asks for less: the limit that it keeps, or what it has.

    None where the platform has no limit.
    """
    limits, length = test.limits, test.request.byte_size
    stated = [limit.value for limit in (limits.request_bytes_doubt, limits.request_bytes) if limit]
    if not stated:
        return None
    kept = [most for most in stated if length <= most]
    return max(min(kept, default=0), length + reserve)


def _without_unseen_pixels(
    payloads: list[ImagePayload], test: RequestUnderTest, room: int
) -> list[ImagePayload]:
    """The payloads with those over the level resized to what the model looks at, as long as any is."""
    while True:
        floors = [payload.floor for payload in payloads]
        level = fair_level(floors, room, [payload.least for payload in payloads])
        if sum(floors) <= room:
            return payloads
        resized = [_resized(payload, test) if payload.floor > level else payload for payload in payloads]
        if resized == payloads:
            return payloads
        payloads = resized


def _resized(payload: ImagePayload, test: RequestUnderTest) -> ImagePayload:
    """The payload at the size that the model looks at; itself where it has no more pixels than that."""
    size, edit, limits = payload.use.visible_size, payload.edit, test.limits_of(payload.use)
    if size is None or (edit and edit.size):
        return payload
    if (planned := limits.planned_size(size, test.edge_limit)) == size:
        return payload
    edit = (edit or untouched(payload.use, unsafe=True) or ImageEdit())._replace(size=planned)
    return _payload(payload.use, edit, limits, has_edit=True) or payload


def _shares(payloads: Sequence[ImagePayload], room: int) -> list[int]:
    """The base64 text that each may take, in characters, all together within the room."""
    floors = [payload.floor for payload in payloads]
    if sum(floors) > room:
        needs, least = [payload.need for payload in payloads], [payload.least for payload in payloads]
        return shares(needs, fair_level(needs, room, least), least)
    extras = [payload.need - payload.floor for payload in payloads]
    grown = shares(extras, fair_level(extras, room - sum(floors)), [0] * len(extras))
    spare = (room - sum(floors) - sum(grown)) // len(floors)
    return [floor + extra + spare for floor, extra in zip(floors, grown, strict=True)]


class _Giving(NamedTuple):
    """An image that may give: its limits, its edit so far, its own size, and the largest one to send, px."""

    use: ImageUse
    limits: Limits
    edit: ImageEdit
    size: Size
    top: Size


def share_tokens(
    uses: Sequence[ImageUse], ladders: Sequence[tuple[SizeStep, ...]], most: int
) -> list[SizeStep] | None:
    """The step of each image by which all together take at most `most` tokens; None where no steps do.

    They are the fairest ones (see `fairest`): no other ones leave more tokens to the images that
    have fewest. Images take part by what they are and not by where they stand: which of two that could give
    the same gives does not depend on the order in the request.
    """
    order = sorted(range(len(uses)), key=lambda at: _looks(uses[at]))
    found = fairest([tuple(step.tokens for step in ladders[at]) for at in order], most)
    if found is None:
        return None
    amounts = dict(zip(order, found, strict=True))
    return [next(step for step in steps if step.tokens == amounts[at]) for at, steps in enumerate(ladders)]


def within_tokens(
    test: RequestUnderTest, edits: Mapping[Location, ImageEdit], *, most: int | None, unsafe: bool
) -> dict[Location, ImageEdit]:
    """The edits of a request's images, with sizes that take at most `most` visual tokens together.

    An image whose bytes are elsewhere, or an animation that may not lose its frames, keeps what it takes. No
    image goes under the short edge that a model reads well unless the budget leaves no other way. Where not
    even the smallest sizes are within `most`, or it is None, the edits stay as they are.
    """
    bounded = dict(edits)
    if most is None:
        return bounded
    giving = []
    for use, limits in test.images:
        size = use.visible_size
        if size is None:
            continue
        edit = edits.get(use.location) or untouched(use, unsafe=unsafe)
        if edit is not None and use.origin is Origin.BASE64:
            top = limits.planned_size(edit.size or size, test.edge_limit, from_table=False)
            giving.append(_Giving(use, limits, edit, size, top))
        else:
            most -= limits.tokens(size)
    for one, size in zip(giving, _shared(giving, most), strict=True):
        if size not in (one.edit.size, one.size) and one.limits.tokens(size) < one.limits.tokens(one.top):
            bounded[one.use.location] = one.edit._replace(size=size)
    return bounded


def _shared(giving: Sequence[_Giving], most: int) -> list[Size]:
    """The fairest sizes within the tokens; those that the images have anyway where there are none."""
    for legible in (True, False):
        ladders = [
            size_steps(one.size, one.top, one.limits.least_edge if legible else 1, one.limits.tier)
            for one in giving
        ]
        steps = share_tokens([one.use for one in giving], ladders, most)
        if steps is not None:
            return [step.size for step in steps]
    return [one.top for one in giving]


def _looks(use: ImageUse) -> tuple[int, Size, int, str]:
    """What an image is, to be sorted by: bytes, size, base64 text and format."""
    facts = use.facts
    form = facts.format if facts and facts.format else ""
    return facts.byte_size if facts else 0, use.visible_size or Size(0, 0), use.base64_size or 0, str(form)
