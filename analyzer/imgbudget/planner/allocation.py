"""Sharing bytes or tokens among the images of a request: the largest shrink first, the others stay."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from math import inf

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.model.edits import ImageEdit
from imgbudget.model.location import Location
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.model.safety import ANY_LOSS, PLAN_LOSS
from imgbudget.model.subjects import ImageUse, Origin
from imgbudget.namedtuples import NamedTuple
from imgbudget.planner.image import enough_bytes, least_bytes, raw_bytes, takes_webp, text_length, tightest
from imgbudget.planner.sizes import SizeStep, size_steps


def fair_level(needs: Sequence[int], available: int, least: Sequence[int] = ()) -> int:
    """The highest level at which all fit: the sum of min(need, level) is at most `available`.

    Needs up to the level are met in full, larger ones are cut to the level: no other sharing makes the
    smallest share larger (max-min fairness). No share falls below its `least`, 0 by default. The result is
    the largest need if all fit, -1 if not even the least shares do.
    """
    least = least or [0] * len(needs)
    if sum(needs) <= available:
        return max(needs, default=0)
    levels = range(max(needs, default=0))
    return bisect_right(levels, available, key=lambda level: sum(shares(needs, level, least))) - 1


def shares(needs: Sequence[int], level: int, least: Sequence[int]) -> list[int]:
    """The share of each at a level."""
    return [min(need, max(level, low)) for need, low in zip(needs, least, strict=True)]


Amounts = tuple[int, ...]
"""The amounts that are possible for one image, ascending."""


def fairest(choices: Sequence[Amounts], budget: int) -> tuple[int, ...] | None:
    """One amount from each choice, together within the budget, so that the smallest are largest.

    Optimal in the max-min sense: with the amounts sorted ascending, no other selection within the budget is
    lexicographically greater. None if not even the smallest amounts fit. Which choice gets which amount
    depends on the choices alone: among equal ones the earlier gets the larger amount.

    Up to some level everyone can be served; a choice whose largest amount is below it gets that amount. From
    there on the amounts are visited in ascending order, and as few as possible stay at each. Who stays is
    decided as late as possible (a matching of those who stay to the amounts they stay at), because keeping
    one back saves more, the larger its next step is.
    """
    if sum(amounts[-1] for amounts in choices) <= budget:
        return tuple(amounts[-1] for amounts in choices)
    if sum(amounts[0] for amounts in choices) > budget:
        return None
    values = sorted(set(chain.from_iterable(choices)))
    level = values[_last(values, lambda value: _cost_of_level(choices, value) <= budget)]
    taken = {i: amounts[-1] for i, amounts in enumerate(choices) if amounts[-1] < level}
    order = sorted((i for i in range(len(choices)) if i not in taken), key=lambda i: (choices[i], -i))
    rest = _Rest([choices[i] for i in order], budget - sum(taken.values()), level)
    taken.update(zip(order, rest.shared(), strict=True))
    return _canonical(choices, taken)


def _canonical(choices: Sequence[Amounts], taken: dict[int, int]) -> tuple[int, ...]:
    """The amounts, with those of equal choices in descending order."""
    by_choice: dict[Amounts, list[int]] = {}
    for i, amounts in enumerate(choices):
        by_choice.setdefault(amounts, []).append(taken[i])
    for mine in by_choice.values():
        mine.sort()
    return tuple(by_choice[amounts].pop() for amounts in choices)


def _cost_of_level(choices: Sequence[Amounts], level: int) -> int:
    """The sum if each gets at least the level, or its largest amount."""
    return sum(_at_least(amounts, level) or amounts[-1] for amounts in choices)


def _at_least(amounts: Amounts, least: int) -> int | None:
    """The smallest amount of at least `least`; None where all are smaller."""
    at = bisect_left(amounts, least)
    return amounts[at] if at < len(amounts) else None


def _last(values: Sequence[int], fits: Callable[[int], bool]) -> int:
    """The index of the last value that fits, if all values before one that fits do and the first does."""
    return bisect_left(values, 1, key=lambda value: not fits(value)) - 1


class _Rest(NamedTuple):
    """The choices that can all be served at the level, and the remaining budget."""

    choices: Sequence[Amounts]
    budget: int
    level: int

    def shared(self) -> list[int]:
        """The amount of each: from the level upwards, as few as possible stay at each value."""
        counts: dict[int, int] = {}
        for value in sorted(
            {amount for amounts in self.choices for amount in amounts if amount >= self.level}
        ):
            higher = [_at_least(amounts, value + 1) for amounts in self.choices]
            counts[value] = self._fewest(counts, value, higher)
            stay = self._staying(counts, higher)
            if stay is not None and len(stay) == len(self.choices):
                return [stay[i] for i in range(len(self.choices))]
        raise AssertionError("at the highest amount all choices stay")

    def _fewest(self, counts: dict[int, int], value: int, higher: Sequence[int | None]) -> int:
        """The fewest that have to stay at a value, given how many stay at the lower ones."""
        if self._suffices(counts, higher):
            return 0
        candidates = sum(value in amounts for amounts in self.choices)
        fewer = range(1, candidates + 1)
        return 1 + bisect_left(fewer, 1, key=lambda few: self._suffices({**counts, value: few}, higher))

    def _suffices(self, counts: dict[int, int], higher: Sequence[int | None]) -> bool:
        """Whether the others can have more if that many stay; more than can stay suffices too."""
        stay = self._staying(counts, higher)
        if stay is None:
            return True
        others = [amount for i, amount in enumerate(higher) if i not in stay]
        if None in others:
            return False
        return sum(stay.values()) + sum(amount for amount in others if amount) <= self.budget

    def _staying(self, counts: dict[int, int], higher: Sequence[int | None]) -> dict[int, int] | None:
        """Who stays at which value so that the others need the least; None if a place stays empty.

        Places are filled in the order of what the next step would cost: the sets that can be matched form a
        matroid, so greedily taking the most expensive that still fits is optimal.
        """
        places = sum(counts.values())
        seats = _Seats(self.choices, counts)
        hopeless: set[Amounts] = set()
        for i in sorted(range(len(self.choices)), key=lambda i: -(higher[i] or inf)):
            if len(seats.taken) == places:
                break
            if self.choices[i] not in hopeless and not seats.seat(i, set()):
                hopeless.add(self.choices[i])
        return seats.taken if len(seats.taken) == places else None


class _Seats:
    """A matching of choices to the values that they stay at, with a number of places at each value."""

    def __init__(self, choices: Sequence[Amounts], places: dict[int, int]) -> None:
        self.taken: dict[int, int] = {}
        self._ladders = choices
        self._places = {value: count for value, count in places.items() if count}
        self._at: dict[int, list[int]] = {value: [] for value in self._places}

    def seat(self, i: int, tried: set[int]) -> bool:
        """Match one more, moving others if needed; whether that succeeded."""
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
    """An image whose bytes are in the body and can be reduced, with its edit so far.

    `need` is the length of its base64 text under that edit, in characters: exact without an edit, else a
    generous estimate. It is never reduced below `least`.
    """

    use: ImageUse
    now: int
    need: int
    least: int
    edit: ImageEdit | None

    @property
    def floor(self) -> int:
        """What it keeps if it must not grow."""
        return min(self.now, self.need)


def within_body(
    test: RequestUnderTest,
    edits: Mapping[Location, ImageEdit],
    *,
    most: int | None = None,
    unsafe: bool = False,
) -> dict[Location, ImageEdit]:
    """The edits of a request's images, with bounds that keep the body within `most` bytes.

    Without `most`, images without an edit stay without one, and the bounds only keep re-encoded images from
    taking the body over the platform's limit. With it, images that take more than their fair share are
    reduced to one level: first those that the model would downscale lose the pixels it drops, then all are
    bounded as far as the level requires.
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
    available = sum(payload.need for payload in payloads) if limit is None else limit - fixed - reserve
    if shrinks:
        payloads = _without_unseen_pixels(payloads, test, available)
    bounded = dict(edits)
    for payload, share in zip(payloads, _shares(payloads, available), strict=True):
        if payload.edit is None and share >= payload.now:
            continue
        edit = payload.edit or untouched(payload.use, unsafe=unsafe)
        if edit is not None:
            bound = tightest(raw_bytes(share), limits.image_raw_bytes, edit.max_bytes)
            bounded[payload.use.location] = edit._replace(max_bytes=bound, webp=takes_webp(limits))
    return bounded


def untouched(use: ImageUse, *, unsafe: bool) -> ImageEdit | None:
    """The edit to begin with for an image that has none; None for one that cannot become smaller."""
    facts = use.facts
    if use.visible_size is None or facts is None or (facts.animated and not unsafe):
        return None
    return ImageEdit(
        upright=True, first_frame=facts.animated, permits=ANY_LOSS if unsafe else PLAN_LOSS, may_grow=False
    )


def _payload(use: ImageUse, edit: ImageEdit, limits: Limits, *, has_edit: bool) -> ImagePayload | None:
    """The image as it takes part; None if its bytes are not in the body or its edit would be refused."""
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
    """The greatest length of the body if no budget applies: the limit that it is within, or its length now.

    None if the platform has no limit.
    """
    limits, length = test.limits, test.request.byte_size
    stated = [limit.value for limit in (limits.request_bytes_doubt, limits.request_bytes) if limit]
    if not stated:
        return None
    kept = [most for most in stated if length <= most]
    return max(min(kept, default=0), length + reserve)


def _without_unseen_pixels(
    payloads: list[ImagePayload], test: RequestUnderTest, available: int
) -> list[ImagePayload]:
    """The payloads over the level resized to the size that the model uses, until none is left."""
    while True:
        floors = [payload.floor for payload in payloads]
        level = fair_level(floors, available, [payload.least for payload in payloads])
        if sum(floors) <= available:
            return payloads
        resized = [_resized(payload, test) if payload.floor > level else payload for payload in payloads]
        if resized == payloads:
            return payloads
        payloads = resized


def _resized(payload: ImagePayload, test: RequestUnderTest) -> ImagePayload:
    """The payload at the size that the model uses; unchanged if it has no more pixels than that."""
    size, edit, limits = payload.use.visible_size, payload.edit, test.limits_of(payload.use)
    if size is None or (edit and edit.size):
        return payload
    if (planned := limits.planned_size(size, test.edge_limit)) == size:
        return payload
    edit = (edit or untouched(payload.use, unsafe=True) or ImageEdit())._replace(size=planned)
    return _payload(payload.use, edit, limits, has_edit=True) or payload


def _shares(payloads: Sequence[ImagePayload], available: int) -> list[int]:
    """The characters of base64 text that each may take, within what is available in total."""
    floors = [payload.floor for payload in payloads]
    if sum(floors) > available:
        needs, least = [payload.need for payload in payloads], [payload.least for payload in payloads]
        return shares(needs, fair_level(needs, available, least), least)
    extras = [payload.need - payload.floor for payload in payloads]
    grown = shares(extras, fair_level(extras, available - sum(floors)), [0] * len(extras))
    spare = (available - sum(floors) - sum(grown)) // len(floors)
    return [floor + extra + spare for floor, extra in zip(floors, grown, strict=True)]


class _ShrinkableImage(NamedTuple):
    """An image that can be made smaller: its edit so far, its size and its largest size, px."""

    use: ImageUse
    limits: Limits
    edit: ImageEdit
    size: Size
    top: Size


def share_tokens(
    uses: Sequence[ImageUse], choices: Sequence[tuple[SizeStep, ...]], most: int
) -> list[SizeStep] | None:
    """The step of each image so that all together take at most `most` tokens; None if no steps do.

    They are the fairest ones (see `fairest`): no others leave more tokens to the images that have the fewest.
    The result depends on the images, not on their order in the request.
    """
    order = sorted(range(len(uses)), key=lambda at: _content_key(uses[at]))
    found = fairest([tuple(step.tokens for step in choices[at]) for at in order], most)
    if found is None:
        return None
    amounts = dict(zip(order, found, strict=True))
    return [next(step for step in steps if step.tokens == amounts[at]) for at, steps in enumerate(choices)]


def within_tokens(
    test: RequestUnderTest, edits: Mapping[Location, ImageEdit], *, most: int | None, unsafe: bool
) -> dict[Location, ImageEdit]:
    """The edits of a request's images, with sizes that take at most `most` visual tokens together.

    An image whose bytes are elsewhere, or an animation that must keep its frames, keeps its tokens. No image
    goes below the short edge that a model reads well unless the budget leaves no other way. If not even the
    smallest sizes are within `most`, or it is None, the edits are unchanged.
    """
    bounded = dict(edits)
    if most is None:
        return bounded
    shrinkable = []
    for use, limits in test.images:
        size = use.visible_size
        if size is None:
            continue
        edit = edits.get(use.location) or untouched(use, unsafe=unsafe)
        if edit is not None and use.origin is Origin.BASE64:
            top = limits.planned_size(edit.size or size, test.edge_limit, from_table=False)
            shrinkable.append(_ShrinkableImage(use, limits, edit, size, top))
        else:
            most -= limits.tokens(size) or 0
    for one, size in zip(shrinkable, _shared(shrinkable, most), strict=True):
        fewer = (one.limits.tokens(size) or 0) < (one.limits.tokens(one.top) or 0)
        if size not in (one.edit.size, one.size) and fewer:
            bounded[one.use.location] = one.edit._replace(size=size)
    return bounded


def _shared(shrinkable: Sequence[_ShrinkableImage], most: int) -> list[Size]:
    """The fairest sizes within the tokens; the sizes that the images have anyway if there are none."""
    for legible in (True, False):
        choices = [
            size_steps(one.size, one.top, one.limits.least_edge if legible else 1, one.limits.tier)
            for one in shrinkable
        ]
        steps = share_tokens([one.use for one in shrinkable], choices, most)
        if steps is not None:
            return [step.size for step in steps]
    return [one.top for one in shrinkable]


def _content_key(use: ImageUse) -> tuple[int, Size, int, str]:
    """The sort key of an image by its content: bytes, size, base64 text and format."""
    facts = use.facts
    form = facts.format if facts and facts.format else ""
    return facts.byte_size if facts else 0, use.visible_size or Size(0, 0), use.base64_size or 0, str(form)
