"""The plan for one image: from which size to which, why, and what it costs before and after."""

from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple

from imgbudget.fix import Resize
from imgbudget.geometry import (
    CoordinateMap,
    Size,
    area_tokens,
    native_size,
    planned_size,
    size_within,
    table_row,
)
from imgbudget.limits import Limits
from imgbudget.model import Finding, FixSafety, ImageUse, Request


class Target(Enum):
    """What a plan aims for."""

    TABLE = "table"
    """A row of the aspect-ratio table where one keeps the ratio, else the native size."""
    NATIVE = "native"
    """The largest size that the API leaves alone."""
    LATENCY = "latency"
    """Within the size that the guide advised for a quick first token: 1.15 megapixels and 1568 px."""


class ImagePlan(NamedTuple):
    """What to do with one image. `size` and `planned` in px, bytes as sent; costs in USD.

    `byte_size_after` is exact for an image that stays as it is and an estimate by area for one that is
    resized: only an encoder knows better.
    """

    use: ImageUse
    limits: Limits
    size: Size
    planned: Size
    reason: str
    row: str | None

    @property
    def changes(self) -> bool:
        """Whether the image is resized at all."""
        return self.planned != self.size

    @property
    def tokens_before(self) -> int:
        """Visual tokens as the image is."""
        return self.limits.tokens(self.size)

    @property
    def tokens_after(self) -> int:
        """Visual tokens of the planned size."""
        return self.limits.tokens(self.planned)

    @property
    def tokens_area_before(self) -> int:
        """The older published estimate for the image as it is."""
        return area_tokens(self.limits.native_size(self.size))

    @property
    def tokens_area_after(self) -> int:
        """The older published estimate for the planned size."""
        return area_tokens(self.planned)

    @property
    def byte_size_before(self) -> int:
        """Bytes of the image file or of the decoded payload."""
        return self.use.facts.byte_size if self.use.facts else 0

    @property
    def byte_size_after(self) -> int:
        """Bytes after the plan; an estimate where the image is resized."""
        if not self.changes:
            return self.byte_size_before
        area = self.planned.width * self.planned.height
        return -(-self.byte_size_before * area // (self.size.width * self.size.height))

    @property
    def coordinates(self) -> CoordinateMap:
        """The map between the original and the planned image."""
        return CoordinateMap(self.size, self.planned)


def request_edge_limit(request: Request, limits: Limits) -> int | None:
    """The edge in px that a request's number of images imposes on each of them, None when none."""
    count = limits.counted_images(len(request.images), len(request.documents))
    return int(limits.many_image_edge.value) if count > limits.many_image_count.value else None


def plan_image(
    use: ImageUse, limits: Limits, *, edge_limit: int | None = None, target: Target = Target.TABLE
) -> ImagePlan | None:
    """The plan for one image, None when its size is not known or it cannot be decoded.

    `edge_limit` is what the request imposes. What fits already stays as it is; nothing is enlarged.
    """
    size = use.visible_size
    if size is None:
        return None
    planned, row = size, None
    if target is Target.LATENCY:
        planned = _latency_size(size, limits, edge_limit)
    elif target is Target.NATIVE:
        planned = native_size(size, limits.tier, edge_limit)
    else:
        planned = planned_size(size, limits.tier, edge_limit)
        if planned != size and (found := table_row(size, limits.tier, edge_limit)) and found.size == planned:
            row = found.label
    return ImagePlan(
        use=use,
        limits=limits,
        size=size,
        planned=planned,
        reason=_reason(size, planned, limits, edge_limit, target),
        row=row,
    )


def _latency_size(size: Size, limits: Limits, edge_limit: int | None) -> Size:
    """The largest size of the same ratio within the advice on pixels and edge, and within the native size."""
    native = native_size(size, limits.tier, edge_limit)
    pixels, edge = int(limits.latency_pixels.value), int(limits.latency_edge.value)
    if native.width * native.height <= pixels and native.long_edge <= edge:
        return native
    return size_within(size, pixels, min(edge, native.long_edge))


def _reason(size: Size, planned: Size, limits: Limits, edge_limit: int | None, target: Target) -> str:
    """The limit that binds, and whose it is."""
    if planned == size:
        return "fits"
    if size.long_edge > limits.max_edge.value:
        return f"{limits.platform} takes at most {limits.max_edge.text} an edge"
    if edge_limit is not None and size.long_edge > edge_limit and limits.fits(size):
        count = limits.many_image_count.text
        return f"more than {count}: {limits.platform} takes at most {edge_limit} px an edge"
    if target is Target.LATENCY and limits.fits(size):
        return "over the size advised for a quick first token"
    return f"{limits.model} looks at {limits.native_size(size)}"


def size_after_fixes(size: Size, findings: Iterable[Finding]) -> Size:
    """The size of an image once the safe resizes of its findings are done: the smallest that one asks for."""
    wished = [
        finding.fix.size
        for finding in findings
        if isinstance(finding.fix, Resize) and finding.fix_safety is FixSafety.SAFE
    ]
    return min(wished, key=lambda wish: wish.width * wish.height, default=size)
