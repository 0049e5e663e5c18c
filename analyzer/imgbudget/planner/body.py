"""Bytes of a body, shared out among its images: the largest give first, the others stay byte for byte."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from imgbudget.edit import ImageEdit
from imgbudget.limits import Limits
from imgbudget.model import ImageUse, Origin, Place
from imgbudget.planner.encodings import enough_bytes, least_bytes, raw_bytes, text_length
from imgbudget.planner.image import tightest
from imgbudget.planner.levels import fair_level, shares
from imgbudget.undertest import RequestUnderTest

RESERVE = 256
"""Bytes kept free for each image: a longer media type, a label before it."""


class Payload(NamedTuple):
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
    edits: Mapping[Place, ImageEdit],
    *,
    most: int | None = None,
    unsafe: bool = False,
) -> dict[Place, ImageEdit]:
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
        if (edit := edits.get(use.place) or (untouched(use, unsafe=unsafe) if shrinks else None))
        and (payload := _payload(use, edit, test.limits_of(use), has_edit=use.place in edits))
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
            bounded[payload.use.place] = edit._replace(max_bytes=bound)
    return bounded


def untouched(use: ImageUse, *, unsafe: bool) -> ImageEdit | None:
    """The edit to begin with for an image that has none; None for one that cannot become smaller."""
    facts = use.facts
    if use.visible_size is None or facts is None or (facts.animated and not unsafe):
        return None
    return ImageEdit(upright=True, first_frame=facts.animated)


def _payload(use: ImageUse, edit: ImageEdit, limits: Limits, *, has_edit: bool) -> Payload | None:
    """The image as it takes part; None for one whose bytes are not in the body, or whose edit is refused."""
    facts, size, now = use.facts, use.visible_size, use.base64_size
    if facts is None or size is None or facts.format is None or now is None:
        return None
    if use.origin is not Origin.BASE64 or (facts.animated and not edit.first_frame):
        return None
    least = text_length(least_bytes(facts, limits.least_edge))
    if not has_edit:
        return Payload(use, now, now, least, None)
    enough = facts.byte_size
    if edit.size or edit.format:
        enough = enough_bytes(facts, edit.size or size, edit.format or facts.format)
    need = text_length(min(enough, edit.max_bytes or enough))
    return Payload(use, now, need, min(least, need), edit)


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


def _without_unseen_pixels(payloads: list[Payload], test: RequestUnderTest, room: int) -> list[Payload]:
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


def _resized(payload: Payload, test: RequestUnderTest) -> Payload:
    """The payload at the size that the model looks at; itself where it has no more pixels than that."""
    size, edit, limits = payload.use.visible_size, payload.edit, test.limits_of(payload.use)
    if size is None or (edit and edit.size):
        return payload
    if (planned := limits.planned_size(size, test.edge_limit)) == size:
        return payload
    edit = (edit or untouched(payload.use, unsafe=True) or ImageEdit())._replace(size=planned)
    return _payload(payload.use, edit, limits, has_edit=True) or payload


def _shares(payloads: Sequence[Payload], room: int) -> list[int]:
    """The base64 text that each may take, in characters, all together within the room."""
    floors = [payload.floor for payload in payloads]
    if sum(floors) > room:
        needs, least = [payload.need for payload in payloads], [payload.least for payload in payloads]
        return shares(needs, fair_level(needs, room, least), least)
    extras = [payload.need - payload.floor for payload in payloads]
    grown = shares(extras, fair_level(extras, room - sum(floors)), [0] * len(extras))
    spare = (room - sum(floors) - sum(grown)) // len(floors)
    return [floor + extra + spare for floor, extra in zip(floors, grown, strict=True)]
