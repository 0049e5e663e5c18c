"""The plan for one image: from which size to which, why, and what it costs before and after."""

from typing import NamedTuple

from imgbudget.edit import ImageEdit
from imgbudget.geometry import (
    CoordinateMap,
    Size,
    area_tokens,
    table_row,
)
from imgbudget.limits import Limits
from imgbudget.model import ImageUse
from imgbudget.planner.encodings import written_format
from imgbudget.planner.goal import Goal, Target
from imgbudget.planner.ladder import step_within
from imgbudget.planner.several import binding, size_for_all
from imgbudget.undertest import bind_image


class ImagePlan(NamedTuple):
    """What to do with one image. `size` and `planned` in px, bytes as sent; costs in USD.

    `max_bytes` is the most that the image file may have then, None where nothing bounds it. `byte_size_after`
    is exact for an image that stays as it is and an estimate by area, or the bound where that is less, for
    one that is encoded anew: only an encoder knows better.
    """

    use: ImageUse
    limits: Limits
    size: Size
    planned: Size
    reason: str
    row: str | None
    max_bytes: int | None = None

    @property
    def resizes(self) -> bool:
        """Whether the image gets another size."""
        return self.planned != self.size

    @property
    def changes(self) -> bool:
        """Whether the image is encoded anew at all, for its size or for its bytes."""
        return self.resizes or (self.max_bytes is not None and self.byte_size_before > self.max_bytes)

    @property
    def edit(self) -> ImageEdit | None:
        """The plan as an edit that keeps all frames; None where the image stays byte for byte."""
        facts = self.use.facts
        if not self.changes or facts is None or facts.format is None:
            return None
        return ImageEdit(
            size=self.planned if self.resizes else None,
            format=written_format(facts.format, self.limits.media_types),
            max_bytes=tightest(self.limits.image_raw_bytes, self.max_bytes or None),
            upright=True,
        )

    @property
    def tokens_before(self) -> int:
        """Visual tokens as the image is."""
        return self.limits.tokens(self.size)

    @property
    def tokens_after(self) -> int:
        """Visual tokens of the planned size."""
        return self.limits.tokens(self.planned)

    @property
    def tokens_area_before(self) -> int | None:
        """The older published estimate for the image as it is; None for a model of another provider."""
        if not self.limits.uses_claude_patches:
            return None
        return area_tokens(self.limits.native_size(self.size))

    @property
    def tokens_area_after(self) -> int | None:
        """The older published estimate for the planned size; None for a model of another provider."""
        return area_tokens(self.planned) if self.limits.uses_claude_patches else None

    @property
    def byte_size_before(self) -> int:
        """Bytes of the image file or of the decoded payload."""
        return self.use.facts.byte_size if self.use.facts else 0

    @property
    def byte_size_after(self) -> int:
        """Bytes after the plan; an estimate where the image is encoded anew."""
        if not self.changes:
            return self.byte_size_before
        estimate = self._bytes_by_area
        return estimate if self.max_bytes is None else min(estimate, self.max_bytes)

    @property
    def is_bounded(self) -> bool:
        """Whether it is the bound on bytes, and not the size alone, that decides what the image takes."""
        return self.max_bytes is not None and self._bytes_by_area > self.max_bytes

    @property
    def _bytes_by_area(self) -> int:
        area = self.planned.width * self.planned.height
        return -(-self.byte_size_before * area // (self.size.width * self.size.height))

    @property
    def coordinates(self) -> CoordinateMap:
        """The map between the original and the planned image."""
        return CoordinateMap(self.size, self.planned)


def tightest(*bounds: int | None) -> int | None:
    """The smallest of the bounds that exist; None where none does."""
    return min((bound for bound in bounds if bound is not None), default=None)


def plan_image(
    use: ImageUse, limits: Limits, *, edge_limit: int | None = None, target: Goal | Target = Target.TABLE
) -> ImagePlan | None:
    """The plan for one image, None when its size is not known or it cannot be decoded.

    `edge_limit` is what the request imposes. What fits already stays as it is; nothing is enlarged.
    """
    size = use.visible_size
    if size is None:
        return None
    goal = target if isinstance(target, Goal) else Goal(target)
    edge = tightest(edge_limit, goal.dimension)
    planned, row = size, None
    models = tuple(bind_image(use, limits) for limits in goal.models)
    if models:
        planned = size_for_all(size, models, edge, cheapest=goal.cheapest)
    elif goal.target is Target.LATENCY:
        planned = limits.latency_size(size, edge)
    else:
        from_table = goal.target is Target.TABLE
        planned = limits.planned_size(size, edge, from_table=from_table)
        found = table_row(size, limits.tier, edge) if from_table and planned != size else None
        row = found.label if found and found.size == planned else None
    reason = _reason(size, planned, limits, edge_limit, goal)
    if models and planned != size and (edge is None or planned.long_edge < edge):
        reason = _reason_of_several(size, models, cheapest=goal.cheapest)
    most = goal.most_tokens(limits)
    if most is not None and limits.tokens(planned) > most:
        planned, row = step_within(size, planned, most, tier=limits.tier), None
        reason = f"at most {most:,} tokens an image are asked for"
    plan = ImagePlan(use, limits, size, planned, reason, row)
    return _within_bytes(plan, goal)


def _within_bytes(plan: ImagePlan, goal: Goal) -> ImagePlan:
    """The plan with the bound on bytes that the goal and the platform set, where it has a say."""
    own, limit = plan.limits.image_raw_bytes, plan.limits.image_base64_bytes
    most = tightest(goal.byte_size or None, own)
    if most is None or (plan.byte_size_before <= most and (goal.byte_size is None or not plan.resizes)):
        return plan
    if plan.resizes:
        return plan._replace(max_bytes=most)
    reason = (
        f"{plan.limits.platform} takes at most {limit.text} of base64, {most:,} bytes"
        if limit is not None and most == own and goal.byte_size != own
        else f"at most {most:,} bytes an image are asked for"
    )
    return plan._replace(max_bytes=most, reason=reason)


def _reason(size: Size, planned: Size, limits: Limits, edge_limit: int | None, goal: Goal) -> str:
    """The limit that decides, and whose it is."""
    if planned == size:
        return "fits"
    native = limits.native_size(size)
    edges = [edge for edge in (edge_limit, goal.dimension) if edge is not None]
    if edges and native.long_edge > min(edges):
        if min(edges) == edge_limit:
            return reason_of_crowd(limits, edge_limit)
        return f"at most {goal.dimension} px an edge are asked for"
    if goal.target is Target.LATENCY and planned != native:
        return "over the size advised for a quick first token"
    if limits.max_edge and size.long_edge > limits.max_edge.value:
        return f"{limits.platform} takes at most {limits.max_edge.text} an edge"
    return f"{limits.model} looks at {native}"


def _reason_of_several(size: Size, models: tuple[Limits, ...], *, cheapest: bool) -> str:
    """Which of the models decides."""
    first = binding(size, models)
    if cheapest:
        return "the cheapest that none of the models scales down"
    return f"{first.model} scales down anything larger"


def reason_of_crowd(limits: Limits, edge_limit: int) -> str:
    """Why an image of a request of many is made smaller."""
    few = limits.many_image_count
    more = f"more than {few.text}: " if few else ""
    return f"{more}{limits.platform} takes at most {edge_limit} px an edge"
