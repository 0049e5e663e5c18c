"""The public functions over sizes and images: `size`, `tokens`, `tiles`, `coords` and `coordinate_map`."""

import os
from collections.abc import Sequence
from typing import NamedTuple, Self, TypeAlias, Unpack

from imgbudget.api.measuring import (
    MEASURES,
    MOST_EDGE,
    cut,
    is_size,
    known_detail,
    measured_files,
    on_models,
    parse_size,
    sized,
)
from imgbudget.api.reports import Json, NarrowedBy, TableReport, narrowed_by, records_in
from imgbudget.api.settings import (
    Detail,
    FileSettings,
    Models,
    ModelSettings,
    ModelsFileSettings,
    model_names,
    require_number,
    run_options,
)
from imgbudget.discovery.walk import StrPath, one_path
from imgbudget.errors import UsageError
from imgbudget.limits.geometry import CoordinateMap, Size
from imgbudget.linter.arguments import names_arguments, points_of, require_count, size_of
from imgbudget.linter.models import models_at, several_of
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.unread import UnreadPart
from imgbudget.model.views import coordinates
from imgbudget.output.base import count
from imgbudget.output.size import Measured, size_document, size_record
from imgbudget.output.split import tiling_record, tilings_document
from imgbudget.planner.division import OVERLAP, Tiling

Point: TypeAlias = tuple[float, float]

ImageLike: TypeAlias = StrPath | tuple[int, int]
"""A size as width and height in px or as text such as "1920x1080", or the path of images or requests."""


class SizeResult(NamedTuple):
    """What a model makes of an image size; the names are those of `imgbudget size --format json`.

    Sizes are width and height in px, upright. `path` and `pointer` are None for a size without an image.
    `resized` is the size that the model sees, None if its provider publishes none; `padded` that size filled
    up to whole patches; `planned` the size that `plan` proposes. `tokens` and `cost_usd` are None where they
    are not known, and where sources contradict each other: `tokens_range` and `cost_range_usd` then have the
    least and the most, and `doubt` says why. `state` is exact, derived, conflicting or unknown.
    """

    path: str | None
    pointer: str | None
    model: str
    platform: str
    known: bool
    tier: str
    detail: str | None
    size: Size
    fits: bool
    accepted: bool
    resized: Size | None
    padded: Size | None
    planned: Size
    tokens: int | None
    tokens_range: tuple[int, int] | None
    state: str
    doubt: str | None
    cost_usd: float | None
    cost_range_usd: tuple[float, float] | None
    price_known: bool
    tokens_area: int | None
    cost_area_usd: float | None
    scale: tuple[float, float] | None
    client: Json | None = None
    """What the client sends of an image file, if one is named."""


class SizeReport(TableReport, tuple[SizeResult, ...]):  # noqa: SLOT001 - it has attributes
    """A result for each size and image, in the order given; `unread` says what could not be measured.

    `document` is that of the JSON format; `narrowed_by` says what configurations of folders leave out.
    """

    unread: tuple[str, ...]
    narrowed_by: tuple[NarrowedBy, ...]
    document: Json

    @classmethod
    def of(cls, rows: Sequence[Measured], found: "_MeasuredSizes", *, several: bool) -> Self:
        """The report of measured sizes, for several models or one."""
        report = cls(map(_result, rows))
        report.unread, report.narrowed_by = tuple(map(str, found.unread)), narrowed_by(found.narrowed)
        report.document = size_document(rows, found.unread, found.narrowed, several=several)
        return report

    def __repr__(self) -> str:
        return f"<SizeReport: {count(len(self), 'size')}>"

    def to_dict(self) -> Json:
        """The document of `imgbudget size --format json`."""
        return self.document

    def records(self) -> list[Json]:
        """The list `sizes` of the document: a dictionary for each size and model."""
        return records_in(self.document, "sizes")

    def _columns(self) -> tuple[str, ...]:
        return "path", "model", "size", "resized", "tokens", "cost_usd", "state"


@names_arguments
def size(
    image: ImageLike,
    options: RunOptions | None = None,
    *,
    detail: Detail | None = None,
    model: Models = None,
    **settings: Unpack[ModelsFileSettings],
) -> SizeReport:
    """How a model resizes, pads and prices a size, or each image of a file, folder or request.

    Of several models, or "all", there is a result for each model and image.

    The EXIF orientation of a file is applied first. `detail` is the level of detail that the image asks for;
    without it, an image of a request has its own. What a folder or request holds that cannot be measured is
    in `unread`.

    Raises:
        UsageError: neither a size nor a path, an unknown platform or level, or nothing can be measured.
        ConfigError: an invalid configuration.
    """
    several = several_of(model_names(model))
    session = _session(options, settings, None if several else model)
    level = known_detail(detail)
    found = _measured(session, image)
    rows = on_models(found.rows, models_at(session, several) if several else None, level, {})
    return SizeReport.of(rows, found, several=bool(several))


@names_arguments
def tokens(
    image: ImageLike,
    options: RunOptions | None = None,
    *,
    detail: Detail | None = None,
    **settings: Unpack[FileSettings],
) -> int | None:
    """The visual tokens of a size, or of all images of a file, folder or request together.

    The most, where sources contradict each other; None if those of one image are not known for the model.

    Raises:
        UsageError: as `size` raises it, and for an image that cannot be measured.
        ConfigError: an invalid configuration.
    """
    found = size(image, options, detail=detail, **settings)
    if found.unread:
        raise UsageError(*found.unread)
    total = 0
    for one in found:
        most = one.tokens_range[1] if one.tokens_range else one.tokens
        if most is None:
            return None
        total += most
    return total


def _result(row: Measured) -> SizeResult:
    record = size_record(row)
    pairs = ("size", "resized", "padded", "planned")
    found = {name: Size(*record[name]) if record[name] else None for name in pairs}
    spans = {
        name: tuple(record[name]) if record[name] else None
        for name in ("tokens_range", "cost_range_usd", "scale")
    }
    return SizeResult(**{**record, **found, **spans})


class TileResult(NamedTuple):
    """One tile: its upper left corner in the image and its size, px, and its visual tokens."""

    x: int
    y: int
    width: int
    height: int
    tokens: int | None


class WholeResult(NamedTuple):
    """The image that is not cut: the size that the model sees, px, its visual tokens, and their price."""

    resized: Size
    tokens: int | None
    cost_usd: float | None


class TilingResult(NamedTuple):
    """How to cut an image; the names are those of `imgbudget tiles --format json`. Tiles go row by row."""

    path: str | None
    model: str
    platform: str
    size: Size
    overlap: int
    columns: int
    rows: int
    whole: WholeResult
    tokens: int
    cost_usd: float | None
    tiles: tuple[TileResult, ...]

    def to_dict(self) -> Json:
        """The record of the JSON format."""
        whole = self.whole._asdict() | {"resized": list(self.whole.resized)}
        tiles = [tile._asdict() for tile in self.tiles]
        return self._asdict() | {"size": list(self.size), "whole": whole, "tiles": tiles}


class TilesReport(TableReport, tuple[TilingResult, ...]):  # noqa: SLOT001 - it has attributes
    """A result for each size and image, in the order given; `unread` says what could not be measured or cut.

    `document` is that of the JSON format; `narrowed_by` says what configurations of folders leave out.
    """

    unread: tuple[str, ...]
    narrowed_by: tuple[NarrowedBy, ...]
    document: Json

    def __repr__(self) -> str:
        found = sum(len(one.tiles) for one in self)
        return f"<TilesReport: {count(len(self), 'image')}, {count(found, 'tile')}>"

    def to_dict(self) -> Json:
        """The document of `imgbudget tiles --format json`."""
        return self.document

    def records(self) -> list[Json]:
        """The list `tilings` of the document: a dictionary for each image."""
        return records_in(self.document, "tilings")

    def _columns(self) -> tuple[str, ...]:
        return "path", "model", "size", "columns", "rows", "tokens", "cost_usd"


@names_arguments
def tiles(
    image: ImageLike,
    options: RunOptions | None = None,
    *,
    overlap: int = OVERLAP,
    **settings: Unpack[FileSettings],
) -> TilesReport:
    """How to cut an image into the fewest overlapping tiles that the model sees at full resolution.

    `overlap` is what neighbouring tiles share at least, px. There is a result for a size, and one for each
    image of a file, folder or request; one tile means that the image fits as it is. What cannot be measured,
    or not be cut for its model, is in `unread`.

    Raises:
        UsageError: as `size` raises it, or nothing can be cut.
        ConfigError: an invalid configuration.
        ValueError: a negative overlap.
    """
    require_count(overlap, "overlap")
    if overlap < 0:
        raise ValueError(f"an overlap is 0 px or more, not {overlap}")
    session = _session(options, settings)
    found = _measured(session, image)
    cut_rows, others = cut(found.rows, overlap)
    unread = (*found.unread, *others)
    if not cut_rows:
        raise UsageError(*map(str, unread))
    cuts = [(row.location.path if row.location else None, tiling) for row, tiling in cut_rows]
    report = TilesReport(_tiling(path, tiling) for path, tiling in cuts)
    report.unread = tuple(map(str, unread))
    report.narrowed_by = narrowed_by(found.narrowed)
    report.document = tilings_document(cuts, unread, found.narrowed)
    return report


def _tiling(path: str | None, tiling: Tiling) -> TilingResult:
    record = tiling_record(tiling, path)
    whole = WholeResult(**record["whole"] | {"resized": Size(*record["whole"]["resized"])})
    parts = tuple(TileResult(**tile) for tile in record["tiles"])
    return TilingResult(**record | {"size": Size(*record["size"]), "whole": whole, "tiles": parts})


def _session(
    options: RunOptions | None,
    settings: ModelSettings | FileSettings | ModelsFileSettings,
    model: Models = None,
) -> Session:
    """The session that measures images: as they are stored, unless a client is named."""
    asked = run_options(options, settings, model)._replace(pixels=False, text=False, nested=True)
    return Session(asked._replace(client=asked.client or "", fields=asked.fields | MEASURES))


class _MeasuredSizes(NamedTuple):
    """The sizes that an argument is, what could not be measured, and what was left out."""

    rows: list[Measured]
    unread: Sequence[UnreadPart] = ()
    narrowed: tuple[tuple[str, str], ...] = ()


def _measured(session: Session, image: ImageLike) -> _MeasuredSizes:
    """The sizes that an argument is; raises UsageError as `size` does."""
    if isinstance(image, tuple):
        if len(image) != 2:
            raise UsageError(f"a size is a width and a height, not {len(image)} values")
        width, height = image
        for edge in image:
            require_count(edge, "image")
        if max(width, height) >= MOST_EDGE:
            raise UsageError(f"an edge of a size is under {MOST_EDGE:,} px")
        if min(width, height) < 1:
            raise UsageError(f"a size needs edges of at least 1 px, not {width} x {height}")
        return _MeasuredSizes([sized(session, Size(width, height))])
    path = one_path(image, "image")
    if isinstance(image, str) and is_size(path) and not os.path.exists(path):
        return _MeasuredSizes([sized(session, parse_size(path))])
    rows, unread, nothing = measured_files(session, path)
    if not rows:
        raise UsageError(*map(str, (*unread, *nothing)))
    return _MeasuredSizes(rows, unread, session.narrowed(rules=False))


@names_arguments
def coordinate_map(
    original: ImageLike,
    options: RunOptions | None = None,
    *,
    sent: tuple[int, int] | None = None,
    **settings: Unpack[ModelSettings],
) -> CoordinateMap:
    """The map between an original image and the image that the model sees.

    `original` is its width and height in px, upright, or its file. `sent` is the size that was sent, by
    default the original's; the API may downscale it.

    Raises:
        UsageError: no size or image, an unknown platform, or a provider that does not publish how it
            downscales images.
        ConfigError: an invalid configuration.
        ValueError: a size with an edge under 1 px.
    """
    if not isinstance(original, str | os.PathLike):
        original = size_of(original, "original")
    arrived = None if sent is None else size_of(sent, "sent")
    rows, unread, _ = _measured(_session(options, settings), original)
    if unread:
        raise UsageError(*map(str, unread))
    if len(rows) > 1:
        raise UsageError(f"original: {original} holds more than one image")
    return coordinates(rows[0].limits, rows[0].size, arrived or rows[0].size)


@names_arguments
def coords(
    points: Sequence[Point],
    original: ImageLike,
    options: RunOptions | None = None,
    *,
    sent: tuple[int, int] | None = None,
    display_scale: float = 1.0,
    **settings: Unpack[ModelSettings],
) -> tuple[Point, ...]:
    """Convert points that the model returned, in px of the image it saw, to px of the original image.

    Points outside the image are moved to its border (vision-coordinates guide, 2026-09). Convert a box by its
    two corners. `display_scale` is how many px of the original are a point of the screen, for clicks on HiDPI
    screens. Other arguments and errors are those of `coordinate_map`, whose `to_resized` is the inverse.
    """
    pairs = points_of(points, "points")
    require_number(display_scale, "display_scale")
    if not display_scale > 0:
        raise ValueError(f"display_scale is more than 0, not {display_scale}")
    found = coordinate_map(original, options, sent=sent, **settings)
    mapped = (found.to_original(x, y) for x, y in pairs)
    return tuple((x / display_scale, y / display_scale) for x, y in mapped)
