"""What an argument of a command or function means that is a size or the path of images: its upright sizes."""

import os
import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.errors import NO_FILE, UsageError
from imgbudget.limits.bound import Limits
from imgbudget.limits.fields import DETAILS
from imgbudget.limits.geometry import Size
from imgbudget.limits.model_ids import nearest_names
from imgbudget.linter.models import LimitsByPlace
from imgbudget.linter.options import require_str
from imgbudget.linter.run import Session, run
from imgbudget.model.clients import size_as_sent
from imgbudget.model.subjects import ProbeField
from imgbudget.model.unread import UnreadPart, unread_parts, why_unmeasured
from imgbudget.output.size import Measured
from imgbudget.planner.division import Tiling, tiling

if TYPE_CHECKING:
    from imgbudget.model.clients import ClientImage
    from imgbudget.model.results import FileResult

_SIZE = re.compile(r"([1-9]\d{0,8})[xX×]([1-9]\d{0,8})")
_ON_THEIR_SIDE = (5, 6, 7, 8)
"""EXIF orientations that turn width into height (EXIF 2.32, tag 0x0112)."""

MEASURES = ProbeField.ORIENTATION | ProbeField.INTEGRITY
"""What is read of an image to give its size."""

_NO_SIZE = Size(0, 0)


def is_size(text: str) -> bool:
    """Whether a text is a size, whatever files there are."""
    return _SIZE.fullmatch(text.strip()) is not None


MOST_EDGE = 1 << 32
"""No format has longer edges."""


def parse_size(text: str) -> Size:
    """`WxH` in px as a size.

    Raises:
        UsageError: the text is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is no size; write width x height in px, such as 1920x1080")
    return Size(int(match[1]), int(match[2]))


def sized(session: Session, given: Size) -> Measured:
    """A size alone, as a client sends an image of it if the session has one."""
    profile, row = session.context.client_profile, Measured(given, session.context.limits())
    return row if profile is None else _sent(row, size_as_sent(given, profile))


class MeasuredFiles(NamedTuple):
    """The sizes of the images in a file, folder or request, and why others cannot be measured.

    `nothing` is why there is no image at all, empty if there is one.
    """

    rows: list[Measured]
    unread: list[UnreadPart]
    nothing: list[UnreadPart]


def measured_files(session: Session, path: str) -> MeasuredFiles:
    """The sizes of the images in a file, folder or request. Raises UsageError: nothing has that name."""
    if path == "-":
        raise UsageError("-: images are not read from standard input here; name a file")
    if not os.path.exists(path):
        raise UsageError(f"{path or repr(path)}: {NO_FILE}; a size is written 1920x1080")
    found: list[FileResult] = []
    run(session, [path], on_result=found.append, whole_run=False)
    unread: list[UnreadPart] = []
    for result in found:
        if result.missed:
            unread.append(UnreadPart(result.path, result.path, result.skipped or "; ".join(result.caveats)))
        elif not result.images:
            unread += unread_parts(result)
    rows = []
    for image in (image for result in found for image in result.images):
        visible, facts = image.use.visible_size, image.use.facts
        row = Measured(_NO_SIZE, image.limits, image.use.location, image.use.detail)
        if visible is None or facts is None:
            unread.append(UnreadPart(image.use.location.path, row.name, why_unmeasured(image.use)))
        else:
            upright = visible.transposed if facts.orientation in _ON_THEIR_SIDE else visible
            row = row._replace(size=upright)
            rows.append(_sent(row, image.client) if image.client else row)
    nothing: list[UnreadPart] = []
    if not rows and not unread:
        one = found[0] if len(found) == 1 else None
        nothing.append(UnreadPart(path, path, (one and one.skipped) or "holds no image"))
    return MeasuredFiles(rows, unread, nothing)


def _sent(row: Measured, client: "ClientImage") -> Measured:
    """The image as a client sends it."""
    return row._replace(size=client.upright_size or row.size, original=row.size, client=client)


def known_detail(text: str | None) -> str | None:
    """The level of detail, as the limits data names it.

    Raises:
        UsageError: no provider knows it.
    """
    require_str(text, "detail")
    if text is None:
        return None
    name = text.strip().lower().replace("-", "_").removeprefix("media_resolution_")
    if name not in DETAILS:
        nearest = nearest_names(name, DETAILS)
        hint = f"; did you mean {nearest[0]}?" if nearest else ""
        raise UsageError(f"unknown detail {text!r}{hint} (known: {', '.join(DETAILS)})")
    return name


def at_detail(row: Measured, limits: Limits, detail: str | None, notes: dict[str, None]) -> Measured:
    """The image on a model, at a level of detail; without one, at the level that the image asks for."""
    if detail is None:
        return row._replace(limits=limits.at(row.detail))
    return row._replace(limits=limits_at(limits, detail, notes), detail=detail)


def on_models(
    rows: Sequence[Measured],
    models: LimitsByPlace | None,
    detail: str | None,
    notes: dict[str, None],
) -> list[Measured]:
    """The images on each of the models, one model after another; without `models` each on its own."""
    if models is None:
        return [at_detail(row, row.limits, detail, notes) for row in rows]
    every = [models(*row.place) for row in rows]
    return [
        at_detail(row, limits, detail, notes)
        for together in zip_longest(*every)
        for row, limits in zip(rows, together, strict=True)
        if limits is not None
    ]


def limits_at(limits: Limits, detail: str | None, notes: dict[str, None]) -> Limits:
    """The limits at a level of detail; a model that has no such level leaves a note."""
    if detail is not None and detail != "auto" and detail not in dict(limits.details):
        levels = ", ".join(name for name, _ in limits.details) or "none"
        notes[f"{limits.model} has no detail {detail} (it has {levels}): counted without"] = None
    return limits.at(detail)


def cut(rows: Iterable[Measured], overlap: int) -> tuple[list[tuple[Measured, Tiling]], list[UnreadPart]]:
    """The images that can be cut, each with its tiles, and why others cannot be."""
    cuts: list[tuple[Measured, Tiling]] = []
    others: list[UnreadPart] = []
    for row in rows:
        try:
            cuts.append((row, tiling(row.size, row.limits, overlap=overlap)))
        except ValueError as error:
            path = row.location.path if row.location else str(row.size)
            others.append(UnreadPart(path, row.name or path, str(error)))
    return cuts, others
