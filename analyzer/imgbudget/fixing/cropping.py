"""A part of an image file, cut from the original by the coordinates in which the model saw the whole."""

import os
from typing import NamedTuple

from imgbudget.errors import FixError, UsageError, os_error_text
from imgbudget.fixing.image import WRITTEN, edit_image
from imgbudget.fixing.output_files import EXTENSIONS, is_free
from imgbudget.fixing.strategy import PlanTargets
from imgbudget.fixing.writer import add_new, read_file
from imgbudget.imageinfo.files import EXTENSION_TYPES, image_from_bytes
from imgbudget.limits.bound import Limits
from imgbudget.limits.clients import ClientProfile
from imgbudget.limits.geometry import CoordinateMap, Size, padded_size
from imgbudget.limits.values import figure
from imgbudget.linter.run import Session
from imgbudget.model.edits import EditedImage, ImageEdit
from imgbudget.model.safety import ANY_LOSS, CONVERSIONS, Loss
from imgbudget.model.subjects import ImageUse, ProbeField
from imgbudget.model.views import ImageView, PixelBox, SeenBox, upright_size, view_of
from imgbudget.output.base import count
from imgbudget.output.records import TOOL, VERSION
from imgbudget.planner.image import SizeGoal, SizePreset, plan_image, takes_webp, tightest


class Crop(NamedTuple):
    """A part of an image as a new image file.

    `view` is how the model saw the whole image, `given` the box in px of that, and `area` the same in px of
    the original as displayed: left, top, right and bottom. `clamped` is whether the given box reached beyond
    the image. `data` are the bytes of the new file in `format`, `quality` that of a lossy encoding; the model
    sees it in this `size`, px. `degraded` lists in clauses what it lacks beside metadata.
    """

    path: str
    view: ImageView
    given: SeenBox
    area: PixelBox
    clamped: bool
    data: bytes
    format: str
    size: Size
    quality: int | None
    degraded: tuple[str, ...]
    limits: Limits
    written: str | None = None

    @property
    def area_size(self) -> Size:
        """Width and height of the part in px of the original."""
        left, top, right, bottom = self.area
        return Size(right - left, bottom - top)

    @property
    def scale(self) -> tuple[float, float]:
        """Px of the original per px of the new file, along x and y."""
        return CoordinateMap(self.area_size, self.size).scale

    def to_original(self, x: float, y: float) -> tuple[float, float]:
        """A point of the new file in px of the original as displayed; it is first moved into the file."""
        across, down = CoordinateMap(self.area_size, self.size).to_original(x, y)
        return self.area[0] + across, self.area[1] + down

    @property
    def tokens(self) -> int | None:
        """Visual tokens of the new file; None for an unknown model."""
        return self.limits.tokens(self.size)

    def to_dict(self) -> dict[str, object]:
        """The document of `imgbudget crop --format json`.

        `scale` and `offset` map px of the part to px of the original as displayed.
        """
        limits = self.limits
        return {
            "version": VERSION,
            "tool": TOOL,
            "model": limits.model,
            "platform": limits.platform,
            "path": self.path,
            "original": list(self.view.size),
            "sent": list(self.view.sent),
            "seen": list(self.view.seen.resized),
            "box": list(self.given),
            "clamped": self.clamped,
            "area": list(self.area),
            "written": self.written,
            "format": self.format,
            "size": list(self.size),
            "padded": list(padded_size(self.size)) if limits.uses_claude_patches else None,
            "bytes": len(self.data),
            "quality": self.quality,
            "tokens": self.tokens,
            "cost_usd": limits.cost_usd(self.tokens),
            "degraded": list(self.degraded),
            "scale": list(self.scale),
            "offset": list(self.area[:2]),
        }

    def __repr__(self) -> str:
        return f"<Crop: {self.format} {self.size} px, {count(len(self.data), 'byte')}>"

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user has to know beside the result."""
        found = []
        if self.clamped:
            found.append(
                f"{self.path}: box {self.given} was cut off at the border of the "
                f"{self.view.seen.resized} px that the model saw"
            )
        if self.size != self.area_size:
            found.append(
                f"{self.path}: the box has {self.area_size} px in the original, more than "
                f"{self.limits.model} uses; scaled to {self.size}"
            )
        if self.size.short_edge < self.limits.least_edge:
            found.append(
                f"{self.path}: the part is {self.size} px; {self.limits.model} may misread edges under "
                f"{self.limits.least_edge} px, so take a larger box"
            )
        found += [f"{self.path}: {clause}" for clause in self.degraded]
        return tuple(found)


class CropTarget(NamedTuple):
    """What limits a part: the limits of the model, the goal of the plan, and the client that will send it."""

    limits: Limits
    goal: SizeGoal = SizeGoal()
    client: ClientProfile | None = None


def target_of(session: Session, path: str) -> CropTarget:
    """What limits a part of an image: model, budgets and client, as the session has them for it."""
    context = session.context.at(path)
    goal, _ = PlanTargets.of(session, SizeGoal(SizePreset.NATIVE)).at(path)
    return CropTarget(context.limits(), goal, context.client.profile if context.client else None)


def crop_image(  # noqa: PLR0913 - keyword options
    path: str,
    box: SeenBox,
    target: CropTarget,
    *,
    sent: Size | None = None,
    form: str | None = None,
    data: bytes | None = None,
) -> Crop:
    """Cut a box in px of what the model saw out of an image file, in the most px that the model keeps.

    `sent` is the size in which the whole image was sent; without it, the client's or the file's own. `form`
    is the format to write; without it, that of the file or a lossless one. `data` are the bytes of the file,
    if they have been read.

    Raises:
        UsageError: the file is no image that can be cut, or the box is outside it.
    """
    data = _read(path) if data is None else data
    use = image_from_bytes(data, path, ProbeField.ALL)
    facts = use.facts
    if facts is None or facts.size is None or facts.format is None or facts.damage is not None:
        why = facts and (facts.damage or facts.not_image)
        raise UsageError(f"{path}: {why or 'is not an image'}")
    view = view_of(facts, target.limits, sent=sent, client=target.client)
    area = view.original_box(box)
    part = Size(area[2] - area[0], area[3] - area[1])
    planned = _planned(use, part, target)
    edit = ImageEdit(
        size=upright_size(facts, planned),
        format=form or _format_of_part(facts.format),
        max_bytes=tightest(target.goal.byte_size, target.limits.image_raw_bytes),
        upright=True,
        first_frame=True,
        permits=ANY_LOSS if form else ANY_LOSS & ~Loss.ALPHA,
        webp=takes_webp(target.limits),
        box=area,
    )
    made = _made(path, data, edit)
    if form is not None and made.format != form:
        raise UsageError(
            f"{path}: the part has more than {figure(edit.max_bytes or 0)} bytes as {form}; give the output "
            f"the extension {EXTENSIONS[made.format]} for {figure(len(made.data))} bytes"
        )
    return Crop(
        path,
        view,
        box,
        area,
        clamped=not view.contains(box),
        data=made.data,
        format=made.format,
        size=made.size,
        quality=made.quality,
        degraded=made.degraded,
        limits=target.limits,
    )


def _read(path: str) -> bytes:
    try:
        return read_file(path)[0]
    except OSError as error:
        raise UsageError(f"{path or repr(path)}: {os_error_text(error)}") from error


def _format_of_part(form: str) -> str | None:
    """The format to write for a part of an image of this format; None for that of the file.

    Pixels that are exact stay exact; a palette of a GIF file is too small for what scaling makes.
    """
    return CONVERSIONS.get(form, "png") if form not in WRITTEN or form == "gif" else None


def _planned(use: ImageUse, part: Size, target: CropTarget) -> Size:
    """The size of the part in the most px that the model and the client keep."""
    facts = use.facts
    if facts is None:
        return part
    upright = use._replace(facts=facts._replace(size=part, orientation=1, frames=1, format="png"))
    plan = plan_image(upright, target.limits, target=target.goal)
    planned = part if plan is None else plan.planned
    return planned if target.client is None else target.client.size_of(planned)


def _made(path: str, data: bytes, edit: ImageEdit) -> EditedImage:
    try:
        try:
            return edit_image(data, edit)
        except FixError:
            if edit.permits == ANY_LOSS:
                raise
            # within the bytes, transparency may have to go
            return edit_image(data, edit._replace(permits=ANY_LOSS))
    except FixError as error:
        raise UsageError(f"{path}: {error}") from error


def beside(crop: Crop) -> str:
    """The name for a part beside its image: that of the image with the corner and size of the part."""
    stem, extension = os.path.splitext(crop.path)
    left, top, *_ = crop.area
    wanted = extension if EXTENSION_TYPES.get(extension[1:].lower()) == f"image/{crop.format}" else None
    return f"{stem}.{left}-{top}-{crop.area_size}{wanted or EXTENSIONS[crop.format]}"


def format_named(path: str) -> str:
    """The format that the name of an output file asks for.

    Raises:
        UsageError: the name has no extension of a format that is written.
    """
    declared = EXTENSION_TYPES.get(os.path.splitext(path)[1][1:].lower(), "").removeprefix("image/")
    if declared not in WRITTEN:
        named = path or repr(path)
        raise UsageError(f"{named}: has no extension of a format that is written: {', '.join(WRITTEN)}")
    return declared


def write_crop(crop: Crop, path: str | None = None, *, within: str | None = None) -> Crop:
    """Write a part to a new file, by default beside the image; a file with other bytes is never replaced.

    With `within` the file stays in this folder, and no link is followed.

    Raises:
        WriteError: the name is taken, or it cannot be written.
    """
    target = path or beside(crop)
    if within is None and os.path.lexists(target) and is_free(target, crop.data):
        return crop._replace(written=target)  # by an earlier call
    add_new(target, crop.data, output_dir=within)
    return crop._replace(written=target)
