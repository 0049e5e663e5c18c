"""Edits as decisions: what a plan has settled for one image or one request, and what a fixer made of it.

A fix (imgbudget.intent) is what one rule wants; an edit is what all of them together come to, so that an
image is decoded once and encoded once.
"""

from typing import NamedTuple

from imgbudget.geometry import CoordinateMap, Size
from imgbudget.intent import Fix
from imgbudget.model import ImageUse, Place


class ImageEdit(NamedTuple):
    """All that is to be done to one image.

    `size` is the size to make, px, in the orientation of the stored pixels (turned with them when `upright`
    turns them); None keeps it. `format` is the format to write (`jpeg`, `png`, `gif`, `webp`), None the
    image's own. `max_bytes` is the most bytes that the encoded file may have; another of these formats takes
    the place of a lossless one where that is needed for it. `upright` bakes the EXIF orientation in where
    there is one: plans set it in every edit, because the tag goes with the metadata.
    `strip` drops metadata (any new encoding drops it), `first_frame` allows an animation to lose its other
    frames: without it an animated image is refused.
    """

    size: Size | None = None
    format: str | None = None
    max_bytes: int | None = None
    upright: bool = False
    strip: bool = False
    first_frame: bool = False


class EditedImage(NamedTuple):
    """What a fixer really made of an image.

    `size` is the size of the new pixels as stored, `quality` that of a lossy encoding, None otherwise.
    `degraded` names in clauses what was lost beyond the pixels that the resize drops: quality, format,
    frames, depth. `coordinates` maps between the original as it is to be seen and the new image.
    """

    data: bytes
    format: str
    size: Size
    quality: int | None
    degraded: tuple[str, ...]
    coordinates: CoordinateMap


class BlockEdit(NamedTuple):
    """A change of a block that is no change of pixels: `fix` says which (declared type, order, removal).

    `place` is that of the finding: for an image the value that holds its bytes, which stands inside the
    block. DeclareType and RepairBase64 of an image that has an edit of its own hold only where that one
    fails: a new encoding writes both anew.
    """

    place: Place
    fix: Fix


class RequestEdit(NamedTuple):
    """All that is to be done to one request: its images, each in its own edit, and its blocks.

    Images stand in the order of the request. Once every image is within its `max_bytes`, the body is within
    the bytes that the plan was made for.
    """

    images: tuple[tuple[ImageUse, ImageEdit], ...] = ()
    blocks: tuple[BlockEdit, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.images and not self.blocks
