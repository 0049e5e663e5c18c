"""The public function `coords`: coordinates that a model returned, in pixels of the original image."""

from collections.abc import Sequence

from imgbudget.errors import UsageError
from imgbudget.geometry import CoordinateMap, Size
from imgbudget.limits import Limits
from imgbudget.session.run import RunOptions, Session

Point = tuple[float, float]


def coordinate_map(
    original: tuple[int, int],
    *,
    sent: tuple[int, int] | None = None,
    model: str | None = None,
    platform: str | None = None,
) -> CoordinateMap:
    """The map between an original image and what the model saw of it, sizes as width and height in px.

    `sent` is the size that was sent where it is not the original's; the API makes of it what the model looks
    at. The configuration says which model and platform are meant where these do not.

    Raises:
        UsageError: an unknown platform, or a provider that does not publish what it scales images down to.
        ConfigError: a configuration that cannot be taken.
        ValueError: a size with an edge under 1 px.
    """
    if min((*original, *(sent or original))) < 1:
        raise ValueError(f"a size has edges of at least 1 px: {original} {sent or ''}")
    limits = Session(RunOptions(model=model, platform=platform)).bench.limits()
    return coordinates(limits, Size(*original), Size(*(sent or original)))


def coordinates(limits: Limits, original: Size, sent: Size) -> CoordinateMap:
    """The map for an image that was sent at a size.

    Raises:
        UsageError: the provider does not publish what it scales images down to.
    """
    if (missing := limits.missing(("native_size",))) is not None:
        raise UsageError(f"{missing}: its coordinates cannot be mapped")
    return CoordinateMap(original, limits.native_size(sent))


def coords(
    points: Sequence[Point],
    original: tuple[int, int],
    *,
    sent: tuple[int, int] | None = None,
    model: str | None = None,
    platform: str | None = None,
) -> tuple[Point, ...]:
    """Points that the model returned, px of the image as it saw it, as px of the original image.

    Points outside of what it saw are taken to its border (vision-coordinates guide, 2026-09). A box is its
    two corners. Arguments and errors are those of `coordinate_map`, whose `to_resized` goes the other way.
    """
    found = coordinate_map(original, sent=sent, model=model, platform=platform)
    return tuple(found.to_original(x, y) for x, y in points)
