"""Requests of many images: how many media blocks count toward the limit, and which images are too large."""

from collections.abc import Iterator

from imgbudget.namedtuples import NamedTuple
from imgbudget.rule import Context, ImageUse, Limit, Limits, Request, Size


class MediaCount(NamedTuple):
    """How many blocks of a request count toward the many-image limit, and the noun for them."""

    number: int
    noun: str


class LargeImage(NamedTuple):
    """An image over the edge limit of many-image requests, its size, and the size to send instead."""

    use: ImageUse
    size: Size
    planned: Size

    def message(self, media: MediaCount, platform: str, few: Limit[int], edge: Limit[int]) -> str:
        """The finding's message: the edge, the number of blocks, and the limits of the platform."""
        return (
            f"long edge is {self.size.long_edge} px in a request of {media.number} {media.noun}; "
            f"{platform} rejects edges over {edge.text} in requests of more than {few.value}"
        )


def count_media(request: Request, limits: Limits) -> MediaCount:
    """The blocks that count: images, and on some platforms documents."""
    number = limits.counted_images(len(request.images), len(request.documents))
    return MediaCount(number, "images" if number == len(request.images) else "images and documents")


def large_images(request: Request, ctx: Context, edge: int) -> Iterator[LargeImage]:
    """The images with an edge over `edge` px."""
    for use in request.images:
        size = use.visible_size
        if size is not None and size.long_edge > edge:
            yield LargeImage(use, size, ctx.limits_of(use).planned_size(size, edge))
