"""The plan for one image: its size before and after, the reason, and the cost of both."""

from enum import Enum
from typing import TYPE_CHECKING

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import CoordinateMap, Size, area_tokens, table_row
from imgbudget.limits.levers import lever_advice
from imgbudget.limits.values import figure
from imgbudget.model.edits import ImageEdit
from imgbudget.model.request_under_test import bind_image
from imgbudget.model.safety import CONVERSIONS, LOSSY, PLAN_LOSS, Loss
from imgbudget.model.subjects import ImageFacts, ImageUse
from imgbudget.namedtuples import NamedTuple
from imgbudget.planner.sizes import binding, size_for_all, size_steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from imgbudget.model.clients import ClientImage
    from imgbudget.model.contents import ContentSize, ContentTarget
    from imgbudget.model.location import Location


class SizePreset(Enum):
    """Which of the sizes that the API does not change a plan takes."""

    TABLE = "table"
    """A row of the aspect-ratio table if one keeps the ratio, else the native size."""
    NATIVE = "native"
    """The largest size that the API does not downscale."""
    LATENCY = "latency"
    """Within the size that the guide advises for a quick first token: 1.15 megapixels, 1568 px."""


class SizeGoal(NamedTuple):
    """A preset, and the most that one image may have: px per edge, visual tokens, bytes of its file, USD.

    With `models` the size has to suit all of these, whatever the preset; `cheapest` takes the one near the
    largest for which they cost least together. With `content` it is the smallest that keeps what the image
    shows, from `contents`, where it was measured.
    """

    target: SizePreset = SizePreset.TABLE
    dimension: int | None = None
    tokens: int | None = None
    byte_size: int | None = None
    cost: float | None = None
    models: tuple[Limits, ...] = ()
    cheapest: bool = False
    content: "ContentTarget | None" = None
    contents: "Mapping[Location, ContentSize] | None" = None

    def most_tokens(self, limits: Limits) -> int | None:
        """The visual tokens that its tokens and its cost permit for an image; None without a limit."""
        bounds = (self.tokens, None if self.cost is None else limits.tokens_within_cost(self.cost))
        return min((bound for bound in bounds if bound is not None), default=None)


_LOSSY = ("jpeg", "webp")
_GROWTH = 3
"""Factor by which the bytes per pixel may grow when a picture is scaled down: details are closer together."""

_LEAST_RATE = 0.25
"""Bytes per pixel that a picture may take even if it took fewer before: resampling softens flat edges."""

_GROWTH_POSSIBLE = 8
"""The same factor at most, of flat pictures: scaling makes new colours along each edge."""

_LEAST_RATE_POSSIBLE = 0.01
"""Bytes per pixel of a flat picture."""

_MOST_RATE_LOSSY = 1.5
_MOST_RATE = 4.0
"""Bytes per pixel that are enough for any picture: lossy at quality 95, and incompressible RGBA."""

_HEAD = 4096
"""Bytes for headers, tables and a colour profile."""

_LEAST_LEGIBLE_RATE = 0.25
"""Bytes per pixel of a small photograph as JPEG of quality 80, the lowest that a fix uses."""

_LEAST_HEAD = 1024
"""Bytes of the headers and tables of a small JPEG."""


def written_format(form: str, media_types: tuple[str, ...]) -> str | None:
    """The format to convert an image of format `form` to; None if its own is accepted."""
    if f"image/{form}" in media_types:
        return None
    return CONVERSIONS.get(form, "png")


def takes_webp(limits: Limits) -> bool:
    """Whether the API takes WebP, into which images are encoded to save bytes."""
    return "image/webp" in limits.media_types


def enough_bytes(facts: ImageFacts, size: Size, form: str) -> int:
    """An upper estimate of the bytes of the image encoded as `form` at `size` px, from its bytes now.

    Deliberately generous, an estimate of this project: only an encoder knows.
    """
    pixels = size.width * size.height
    now = facts.size or size
    rate = facts.byte_size / (now.width * now.height)
    if form in _LOSSY and facts.format not in _LOSSY:
        rate = _MOST_RATE_LOSSY
    most = _MOST_RATE_LOSSY if form in _LOSSY else _MOST_RATE
    enough = int(pixels * min(max(rate * _GROWTH, _LEAST_RATE), most)) + _HEAD
    return max(enough, facts.byte_size) if size == facts.size and form == facts.format else enough


def least_bytes(facts: ImageFacts, least_edge: int, planned: Size) -> int:
    """Bytes that an image can be reduced to and still be legible: with a short edge of `least_edge` px.

    At most the estimate for its size as planned, so that no bound is above what a plan shows. An estimate of
    this project.
    """
    size = facts.size
    if size is None:
        return facts.byte_size
    scale = min(1.0, least_edge / size.short_edge)
    pixels = size.width * size.height * scale * scale
    legible = int(pixels * _LEAST_LEGIBLE_RATE) + _LEAST_HEAD
    return min(bytes_by_area(facts.byte_size, size, planned), legible)


def possible_bytes(facts: ImageFacts, size: Size, form: str) -> tuple[int, int]:
    """The range that holds the bytes of the image encoded as `form` at `size` px, from its headers alone.

    Wide, because only an encoder knows: a flat picture takes next to nothing, and details of a picture that
    is scaled down are closer together. Rates are those of the corpus with a margin.
    """
    now = facts.size or size
    pixels, least = size.width * size.height, bytes_by_area(facts.byte_size, now, size)
    kept = form == facts.format or {form, facts.format} <= LOSSY
    low = least // 4 if kept else min(least // 4, int(pixels * _LEAST_RATE_POSSIBLE))
    most = _MOST_RATE_LOSSY if form in LOSSY else _MOST_RATE
    rate = facts.byte_size / (now.width * now.height)
    high = min(max(rate * _GROWTH_POSSIBLE, 1.0), most) if kept else most
    return low, int(pixels * high) + _HEAD


def bytes_by_area(byte_size: int, size: Size, planned: Size) -> int:
    """An estimate of the bytes of an image of `size` px once it is scaled to `planned`."""
    return -(-byte_size * planned.width * planned.height // (size.width * size.height))


def text_length(byte_size: int) -> int:
    """Characters of the base64 text of that many bytes, with padding and without line breaks."""
    return (byte_size + 2) // 3 * 4


def raw_bytes(characters: int) -> int:
    """The most bytes whose base64 text has at most that many characters."""
    return characters // 4 * 3


class ImageOutcome(NamedTuple):
    """What a fixer makes of an image: its bytes, its size in px, and the coordinate map.

    `refusal` is why it does not change the image, as a clause; bytes and size are then those that it has.
    `pages` are the images that it makes of one file of several, each of that size; bytes are those of all.
    """

    byte_size: int
    size: Size
    coordinates: CoordinateMap | None = None
    refusal: str = ""
    pages: int = 1

    @property
    def changed(self) -> bool:
        """Whether the image has new bytes."""
        return self.coordinates is not None


class ImagePlan(NamedTuple):
    """How to change one image. `size` and `planned` in px, bytes as sent; costs in USD.

    `max_bytes` bounds the new image file, None without a bound. `may_grow` is whether it may take more bytes
    than now: the API refuses the image, or the user asks for a size below the one that the API makes itself.
    `outcome` is what a fixer makes of the plan, None if that was not tried: bytes are then known exactly only
    if the image stays as it is. `client` is what a client makes of the file before it sends it, None if none
    is named: tokens are then those of what arrives. `content` is what was measured of the size that keeps
    what the image shows, None if nobody asked. `models` are those that the size has to suit, if several.
    """

    use: ImageUse
    limits: Limits
    size: Size
    planned: Size
    reason: str
    row: str | None
    max_bytes: int | None = None
    may_grow: bool = False
    outcome: ImageOutcome | None = None
    client: "ClientImage | None" = None
    content: "ContentSize | None" = None
    models: tuple[Limits, ...] = ()

    @property
    def arrives(self) -> Size:
        """The size that the API receives now, px."""
        return (self.client.use.visible_size if self.client else None) or self.size

    @property
    def will_arrive(self) -> Size:
        """The size that the API receives after the plan, px."""
        return self.planned if self.resizes else self.arrives

    @property
    def resizes(self) -> bool:
        """Whether the image gets another size."""
        return self.planned != self.size

    @property
    def changes(self) -> bool:
        """Whether the image is re-encoded, for its size or for its bytes."""
        if self.outcome is not None:
            return self.outcome.changed
        return self.resizes or (self.max_bytes is not None and self.byte_size_before > self.max_bytes)

    @property
    def is_refused(self) -> bool:
        """Whether the image was to be changed, and a fixer refuses that."""
        return self.outcome is not None and bool(self.outcome.refusal)

    @property
    def edit(self) -> ImageEdit | None:
        """The plan as an edit that keeps all frames; None if the image is not changed."""
        facts = self.use.facts
        if not self.changes or facts is None or facts.format is None:
            return None
        return ImageEdit(
            size=self.planned if self.resizes else None,
            format=written_format(facts.format, self.limits.media_types),
            max_bytes=tightest(self.limits.image_raw_bytes, self.max_bytes or None),
            upright=True,
            permits=PLAN_LOSS | Loss.ORIENTATION,
            may_grow=self.may_grow,
            webp=takes_webp(self.limits),
        )

    @property
    def tokens_before(self) -> int | None:
        """Visual tokens now, at most; None for an unknown model."""
        return self.limits.tokens(self.arrives)

    @property
    def tokens_after(self) -> int | None:
        """Visual tokens of the planned size, at most; None for an unknown model."""
        after = self.ends_after
        return None if after is None else after[1]

    @property
    def ends_after(self) -> tuple[int, int] | None:
        """The fewest and the most visual tokens of all images that the plan makes; None if not known."""
        ends, pages = self.limits.tokens_ends(self.will_arrive), self.outcome.pages if self.outcome else 1
        return ends if ends is None else (ends[0] * pages, ends[1] * pages)

    @property
    def tokens_area_before(self) -> int | None:
        """The older published estimate before the plan; None for other providers."""
        if not self.limits.uses_claude_patches:
            return None
        return area_tokens(self.limits.native_size(self.arrives))

    @property
    def tokens_area_after(self) -> int | None:
        """The older published estimate for the planned size; None for other providers."""
        if not self.limits.uses_claude_patches:
            return None
        return area_tokens(self.limits.native_size(self.will_arrive))

    @property
    def byte_size_before(self) -> int:
        """Bytes of the image file or of the decoded payload."""
        return self.use.facts.byte_size if self.use.facts else 0

    @property
    def byte_size_after(self) -> int:
        """Bytes after the plan: what a fixer makes, or else an estimate by area within `bytes_range`."""
        if self.outcome is not None:
            return self.outcome.byte_size
        if not self.changes:
            return self.byte_size_before
        estimate = self._bytes_by_area
        return estimate if self.max_bytes is None else min(estimate, self.max_bytes)

    @property
    def bytes_range(self) -> tuple[int, int]:
        """The fewest and the most bytes after the plan; both are the same if they are known."""
        after, facts = self.byte_size_after, self.use.facts
        if self.outcome is not None or not self.changes or facts is None or facts.format is None:
            return after, after
        form = written_format(facts.format, self.limits.media_types) or facts.format
        low, high = possible_bytes(facts, self.planned, form)
        if not self.may_grow:
            high = min(high, self.byte_size_before)
        if self.max_bytes is not None and high > self.max_bytes:
            low, high = min(low, self.max_bytes // 2), self.max_bytes
        return min(low, after), max(high, after)

    @property
    def why(self) -> str:
        """The reason, and what is not known of the result."""
        reason = self.reason
        if self.outcome is None and self.max_bytes is not None and self.bytes_range[1] == self.max_bytes:
            reason = f"{reason}; perhaps smaller, to fit {figure(self.max_bytes)} bytes"
        return "; ".join(filter(None, (self.client.summary if self.client else "", reason)))

    @property
    def is_bounded(self) -> bool:
        """Whether the bound on bytes decides the bytes, and not the size alone."""
        return self.max_bytes is not None and self._bytes_by_area > self.max_bytes

    @property
    def _bytes_by_area(self) -> int:
        return bytes_by_area(self.byte_size_before, self.size, self.planned)

    @property
    def is_notable(self) -> bool:
        """Whether it is listed: the image changes or should, or no size keeps what it shows."""
        return self.changes or self.is_refused or (self.content is not None and self.content.is_lost)

    @property
    def is_below_content(self) -> bool:
        """Whether other limits make the image smaller than the size that keeps what it shows."""
        return self.content is not None and self.content.is_above(self.planned)

    @property
    def coordinates(self) -> CoordinateMap:
        """The map between the original and the planned image."""
        made = self.outcome.coordinates if self.outcome else None
        return made or CoordinateMap(self.size, self.planned)

    def made(self, outcome: ImageOutcome) -> "ImagePlan":
        """The plan as a fixer carries it out."""
        reasons = [self.reason]
        if outcome.refusal:
            reasons.append(f"not changed: {outcome.refusal}")
        elif outcome.changed and outcome.size not in {self.planned, self.planned.transposed}:
            reasons += [f"smaller, to fit {figure(self.max_bytes)} bytes"] if self.max_bytes else []
        return self._replace(
            planned=outcome.size,
            reason="; ".join(dict.fromkeys(filter(None, reasons))),
            row=self.row if outcome.size in {self.planned, self.planned.transposed} else None,
            outcome=outcome,
        )


_SHOWN = 40
"""Characters of an unknown model that a reason shows."""


def tightest(*bounds: int | None) -> int | None:
    """The smallest of the bounds that are set; None if none is."""
    return min((bound for bound in bounds if bound is not None), default=None)


def plan_image(
    use: ImageUse,
    limits: Limits,
    *,
    edge_limit: int | None = None,
    target: SizeGoal | SizePreset = SizePreset.TABLE,
) -> ImagePlan | None:
    """The plan for one image, None if its size is not known or it cannot be decoded.

    `edge_limit` is the edge in px that the request imposes. An image that fits is not changed; none is
    enlarged.
    """
    size = use.visible_size
    if size is None:
        return None
    goal = target if isinstance(target, SizeGoal) else SizeGoal(target)
    edge = tightest(edge_limit, goal.dimension)
    planned, row = size, None
    models = tuple(bind_image(use, one) for one in goal.models)
    if models:
        planned = size_for_all(size, models, edge, cheapest=goal.cheapest)
    elif goal.target is SizePreset.LATENCY:
        planned = limits.latency_size(size, edge)
    else:
        from_table = goal.target is SizePreset.TABLE
        planned = limits.planned_size(size, edge, from_table=from_table)
        found = table_row(size, limits.tier, edge) if from_table and planned != size else None
        row = found.label if found and found.size == planned else None
    reason = _reason(size, planned, limits, edge_limit, goal)
    content = (goal.contents or {}).get(use.location)
    if goal.content is not None:
        refused = _is_refused(use, limits, edge_limit)
        planned, why = goal.content.size_of(content, size, planned, refused=refused)
        reason = why or reason
    if models and planned != size and (edge is None or planned.long_edge < edge):
        reason = _reason_of_several(size, models, cheapest=goal.cheapest)
    most = goal.most_tokens(limits)
    if most is not None and (limits.tokens(planned) or 0) > most:
        smaller = limits.size_within_tokens(size, most, planned.long_edge)
        reason = f"limit of {figure(most)} tokens per image"
        if advice := lever_advice(limits, size):
            reason += f", but {advice}"
        else:
            planned, row = smaller or size_steps(size, planned, 1, limits.tier)[0].size, None
    plan = ImagePlan(use, limits, size, planned, reason, row, content=content, models=models)
    grows = _is_refused(use, limits, edge_limit) or goal.cheapest or _asks_for_less(plan, goal, most)
    return _within_bytes(plan._replace(may_grow=grows), goal)


def _is_refused(use: ImageUse, limits: Limits, edge_limit: int | None) -> bool:
    """Whether the API refuses the image as it is."""
    facts, size = use.facts, use.visible_size
    if facts is None or facts.format is None or size is None:
        return False
    edges = (edge_limit, limits.max_edge.value if limits.max_edge else None)
    return written_format(facts.format, limits.media_types) is not None or any(
        edge is not None and size.long_edge > edge for edge in edges
    )


def _asks_for_less(plan: ImagePlan, goal: SizeGoal, most_tokens: int | None) -> bool:
    """Whether the user asks for a size below the one that the API would make of the image."""
    native = plan.limits.native_size(plan.size)
    return plan.planned.long_edge < native.long_edge and (
        goal.target is SizePreset.LATENCY
        or goal.content is not None
        or (goal.dimension is not None and native.long_edge > goal.dimension)
        or (most_tokens is not None and (plan.limits.tokens(native) or 0) > most_tokens)
    )


def _within_bytes(plan: ImagePlan, goal: SizeGoal) -> ImagePlan:
    """The plan with the bound on bytes that the goal and the platform set, if it applies."""
    own, limit = plan.limits.image_raw_bytes, plan.limits.least_image_bytes
    most = tightest(goal.byte_size or None, own)
    if most is None or (plan.byte_size_before <= most and (goal.byte_size is None or not plan.resizes)):
        return plan
    if plan.resizes:
        return plan._replace(max_bytes=most)
    reason = (
        f"{plan.limits.platform} takes at most {limit.text} of base64, {figure(most)} bytes"
        if limit is not None and most == own and goal.byte_size != own
        else f"limit of {figure(most)} bytes per image"
    )
    return plan._replace(max_bytes=most, reason=reason)


def _reason(size: Size, planned: Size, limits: Limits, edge_limit: int | None, goal: SizeGoal) -> str:
    """The limit that decides, and whose it is."""
    if planned == size:
        return "fits" if limits.counts_tokens else f"{limits.model[:_SHOWN]} is not known"
    native = limits.native_size(size)
    edges = [edge for edge in (edge_limit, goal.dimension) if edge is not None]
    if edges and native.long_edge > min(edges):
        if min(edges) == edge_limit:
            return reason_of_many_images(limits, edge_limit)
        return f"limit of {goal.dimension} px per edge"
    if goal.target is SizePreset.LATENCY and planned != native:
        return "over the size advised for a quick first token"
    if limits.max_edge and size.long_edge > limits.max_edge.value:
        return f"{limits.platform} takes at most {limits.max_edge.text} per edge"
    return f"{limits.model} uses {native}"


def _reason_of_several(size: Size, models: tuple[Limits, ...], *, cheapest: bool) -> str:
    """Which of the models decides."""
    first = binding(size, models)
    if cheapest:
        return "the cheapest size that no model downscales"
    return f"{first.model} downscales anything larger"


def reason_of_many_images(limits: Limits, edge_limit: int) -> str:
    """Why an image of a request of many images is made smaller."""
    few = limits.many_image_count
    many = f" in a request of more than {few.text}" if few else ""
    return f"{limits.platform} takes at most {edge_limit} px per edge{many}"
