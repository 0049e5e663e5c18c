"""Requests of many images: how many count toward the many-image limit, and which of them are too large."""

from collections.abc import Iterator
from typing import NamedTuple

from imgbudget.rule import Context, ImageUse, Limit, Limits, Request, Size


class Crowd(NamedTuple):
    """How many blocks count, and what they are called."""

    size: int
    counted: str


class Large(NamedTuple):
    """An image over the edge of a many-image request, its size, and the size to send instead."""

    use: ImageUse
    size: Size
    planned: Size

    def message(self, crowd: Crowd, few: Limit[int], edge: Limit[int]) -> str:
        """What is too large, in a request of how many, and whose limit that is."""
        return (
            f"long edge is {self.size.long_edge} px in a request of {crowd.size} {crowd.counted}; "
            f"{edge.owner} takes at most {edge.text} once there are more than {few.value}"
        )


def crowd_of(request: Request, limits: Limits) -> Crowd:
    """The blocks that count: images, and documents where the platform counts them."""
    count = limits.counted_images(len(request.images), len(request.documents))
    return Crowd(count, "images" if count == len(request.images) else "images and documents")


def large_images(request: Request, ctx: Context, edge: int) -> Iterator[Large]:
    """The images with an edge over that of a many-image request, px."""
    for use in request.images:
        size = use.visible_size
        if size is not None and size.long_edge > edge:
            yield Large(use, size, ctx.limits_of(use).planned_size(size, edge))
