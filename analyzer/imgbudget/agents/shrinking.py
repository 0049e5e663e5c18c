"""An image that an agent is about to send, in the size and bytes that its model uses."""

from typing import NamedTuple

from imgbudget.errors import FixError
from imgbudget.fixing.decode import decode
from imgbudget.fixing.image import edit_image
from imgbudget.imageinfo.files import image_from_bytes
from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import Size
from imgbudget.model.edits import ImageEdit
from imgbudget.model.safety import PLAN_LOSS, Loss, pictures_in
from imgbudget.model.subjects import ProbeField
from imgbudget.model.views import upright_size
from imgbudget.planner.image import SizeGoal, SizePreset, plan_image, takes_webp, written_format


class ShrunkImage(NamedTuple):
    """New bytes of an image in `format`; `original` and `seen` are its sizes as displayed, px."""

    data: bytes
    format: str
    original: Size
    seen: Size


def shrunk(data: bytes, name: str, limits: Limits) -> ShrunkImage | None:
    """The image in the size that the API would make of it; None if it is best sent as it is.

    The model sees the same px as without that, so coordinates in its answers stay right. Animations stay.

    Raises:
        FixError: the image has to change, and cannot be decoded.
    """
    use = image_from_bytes(data, name, ProbeField.ALL)
    facts = use.facts
    if facts is None or facts.format is None or facts.size is None or facts.damage is not None:
        return None
    if pictures_in(facts) > 1:
        return None
    plan = plan_image(use, limits, target=SizeGoal(SizePreset.NATIVE))
    edit = None if plan is None else plan.edit
    if edit is None:
        form = written_format(facts.format, limits.media_types)
        if form is None:
            return None
        edit = ImageEdit(
            format=form, upright=True, permits=PLAN_LOSS | Loss.ORIENTATION, webp=takes_webp(limits)
        )
    made = edit_image(data, edit)
    return ShrunkImage(made.data, made.format, upright_size(facts, facts.size), made.size)


def broken(data: bytes, name: str) -> str | None:
    """Why an image cannot be decoded, as a clause; None if it can be decoded, or nothing is wrong with it.

    An image of which only the last bytes are missing may be decoded, and then the API takes it too.
    """
    facts = image_from_bytes(data, name, ProbeField.INTEGRITY).facts
    if facts is None or facts.format is None:
        return f"is not an image but {facts.content}" if facts and facts.content else "is not an image"
    if facts.damage is None:
        return None
    try:
        decode(data, facts._replace(damage=None), None)
    except FixError:
        return facts.damage
    return None
