"""Edits: what a plan decides for an image or a request, and the changes that applying it made to a file."""

from typing import TYPE_CHECKING

from imgbudget.limits.geometry import CoordinateMap, Size
from imgbudget.limits.values import between, figure
from imgbudget.model.fixes import Fix
from imgbudget.model.location import Location
from imgbudget.model.safety import ANY_LOSS, Loss
from imgbudget.model.subjects import Finding, ImageUse
from imgbudget.namedtuples import NamedTuple

if TYPE_CHECKING:
    from imgbudget.model.results import Amounts


class ImageEdit(NamedTuple):
    """All changes to one image.

    `size` is the new size, px, in the orientation of the stored pixels (swapped with them if `upright`
    rotates them); None keeps it. `format` is the format to write (`jpeg`, `png`, `gif`, `webp`), None the
    image's own. `max_bytes` is the most bytes that the encoded file may have; a lossless format gives way to
    another of these if needed for it. `upright` bakes in the EXIF orientation, if any: plans set it in every
    edit but those that only remove metadata, which keep the orientation. `strip` removes metadata
    (re-encoding always does), `first_frame` permits an animation to lose its other frames: without it an
    animated image is refused. `permits` is what else the edit may lose, and `may_grow` whether the file may
    become larger; an edit that would do more is refused. With `keeps_format` no other format is written only
    to save bytes; without `webp` that format is none of them, because the API does not take it. `box` is the
    part of the picture that is kept, in px of the picture as displayed: left, top, right and bottom; `size`
    is then that of this part.
    """

    size: Size | None = None
    format: str | None = None
    max_bytes: int | None = None
    upright: bool = False
    strip: bool = False
    first_frame: bool = False
    permits: Loss = ANY_LOSS
    may_grow: bool = True
    keeps_format: bool = False
    webp: bool = True
    box: tuple[int, int, int, int] | None = None

    @property
    def for_file(self) -> "ImageEdit":
        """The edit of an image file, which keeps its format and so its name: others refer to it."""
        return self._replace(keeps_format=True) if not self.may_grow and self.permits != ANY_LOSS else self


class EditedImage(NamedTuple):
    """The result of editing an image.

    `size` is the size of the new pixels as stored, `quality` that of a lossy encoding, None otherwise.
    `degraded` lists in clauses the losses beyond the pixels that the resize drops: quality, format, frames,
    depth. `coordinates` maps between the original as displayed and the new image.
    """

    data: bytes
    format: str
    size: Size
    quality: int | None
    degraded: tuple[str, ...]
    coordinates: CoordinateMap


class BlockEdit(NamedTuple):
    """A change of a block other than of pixels: `fix` is its kind (declared type, order, removal).

    `location` is that of the finding: for an image the value with its bytes, inside the block. DeclareType
    and RepairBase64 of an image that also has an edit apply only if the edit fails: re-encoding rewrites
    both.
    """

    location: Location
    fix: Fix


class RequestEdit(NamedTuple):
    """All changes to one request: to its images, each with its own edit, and to its blocks.

    Images are in the order of the request. Once every image is within its `max_bytes`, the body is within the
    planned bytes.
    """

    images: tuple[tuple[ImageUse, ImageEdit], ...] = ()
    blocks: tuple[BlockEdit, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to change."""
        return not self.images and not self.blocks


class ImageSnapshot(NamedTuple):
    """The state of an image: its stored size in px, its bytes, their SHA-256, its visual tokens."""

    format: str | None
    size: Size | None
    orientation: int
    frames: int
    byte_size: int
    digest: str
    tokens: int | None
    tokens_range: tuple[int, int] | None = None
    """The fewest and the most, if sources contradict each other; `tokens` is then the most."""

    def __str__(self) -> str:
        words = [f"{self.format or 'unknown'} {self.size}" if self.size else self.format or "unknown"]
        words.append(f"{figure(self.byte_size)} bytes")
        if self.orientation != 1:
            words.append(f"orientation {self.orientation}")
        if self.frames > 1:
            words.append(f"{figure(self.frames)} frames")
        if self.tokens_range is not None:
            words.append(f"{between(*self.tokens_range)} tokens")
        elif self.tokens is not None:
            words.append(f"{figure(self.tokens)} tokens")
        return ", ".join(words)


POSITION = "GPS position"
"""The name of a part whose bytes are those of another one."""


class RemovedPart(NamedTuple):
    """What a new image lacks beside pixels: the kind of metadata, and its bytes."""

    name: str
    byte_size: int


class ImageChange(NamedTuple):
    """An image whose bytes are new.

    `location` is its location in the written file, `origin` that in the original one, None if no block has
    moved. `quality` is that of a lossy encoding, `degraded` lists in clauses the losses beyond the pixels
    that the resize drops. `coordinates` maps between the original as displayed and the image as sent.
    `removed` lists the metadata that is gone, if a manifest asks for it.
    """

    location: Location
    before: ImageSnapshot
    after: ImageSnapshot
    quality: int | None
    degraded: tuple[str, ...]
    coordinates: CoordinateMap
    removed: tuple[RemovedPart, ...] = ()
    origin: Location | None = None

    @property
    def how(self) -> str:
        """Quality and losses of the new bytes, in brackets. May be empty."""
        quality = f"quality {self.quality}"
        is_mentioned = self.quality is None or any(quality in clause for clause in self.degraded)
        words = self.degraded if is_mentioned else (quality, *self.degraded)
        return f" ({'; '.join(words)})" if words else ""

    def following(self, earlier: "ImageChange | None") -> "ImageChange":
        """This change and an earlier one of the same image, as one."""
        if earlier is None:
            return self
        return self._replace(
            before=earlier.before,
            degraded=tuple(dict.fromkeys((*earlier.degraded, *self.degraded))),
            coordinates=self.coordinates._replace(original=earlier.coordinates.original),
        )


class BlockChange(NamedTuple):
    """A change of a block other than of pixels: where it was before, and what was done.

    An image that gives way to a `text` had `byte_size` bytes with the SHA-256 `digest`; both are None if they
    are not known.
    """

    location: Location
    title: str
    text: str | None = None
    byte_size: int | None = None
    digest: str | None = None


class BodyChange(NamedTuple):
    """A request whose body is new: its location, its bytes and visual tokens before and after.

    Tokens are None if the model is not known; `ranges` has the fewest and the most, before and after.
    """

    location: Location
    line: int
    id: str | None
    bytes_before: int
    bytes_after: int
    tokens_before: int | None
    tokens_after: int | None
    ranges: tuple[tuple[int | None, int | None], tuple[int | None, int | None]] = ((None, None), (None, None))


class FailedFix(NamedTuple):
    """A fix that was not made, and why, as a clause. `code` is its rule's, None for a resize of a plan."""

    location: Location
    code: str | None
    reason: str


class FileFix(NamedTuple):
    """The outcome of the fixes of one file.

    `path` is the original file, `written` the new one; None if nothing was written, because nothing changes
    or only a difference was requested. `error` says why it could not be written. Bytes and SHA-256 are those
    of the whole file, None if it is unchanged; so are `before` and `after`, with the tokens of its images.
    `pages` are the new files of a file that is replaced by its pages, in the order of `images`; `written` is
    the first of them. `removed` are the files that are no longer there: the original if the new one has
    another name, and what an interrupted run has left; `backup` says whether a copy of the original was kept.
    `changed` says whether anything changes. `elsewhere` says that another program has changed the file during
    the run, so that nothing was left to fix.
    """

    path: str
    written: str | None = None
    changed: bool = False
    fixed: tuple[Finding, ...] = ()
    failed: tuple[FailedFix, ...] = ()
    images: tuple[ImageChange, ...] = ()
    blocks: tuple[BlockChange, ...] = ()
    bodies: tuple[BodyChange, ...] = ()
    removed: tuple[str, ...] = ()
    backup: bool = False
    bytes_before: int | None = None
    bytes_after: int | None = None
    digest_before: str | None = None
    digest_after: str | None = None
    error: str | None = None
    difference: str = ""
    before: "Amounts | None" = None
    after: "Amounts | None" = None
    elsewhere: str | None = None
    pages: tuple[str, ...] = ()
