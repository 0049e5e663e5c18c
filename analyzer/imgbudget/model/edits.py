"""Edits: what a plan has decided for an image or a request, and what applying it did to a file."""

from typing import NamedTuple

from imgbudget.limits.geometry import CoordinateMap, Size
from imgbudget.limits.values import figure
from imgbudget.model.fixes import Fix
from imgbudget.model.location import Location
from imgbudget.model.subjects import Finding, ImageUse


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

    `location` is that of the finding: for an image the value that holds its bytes, which stands inside the
    block. DeclareType and RepairBase64 of an image that has an edit of its own hold only where that one
    fails: a new encoding writes both anew.
    """

    location: Location
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


class ImageSnapshot(NamedTuple):
    """An image at one moment: its stored size in px, its bytes, their SHA-256, the tokens that it costs."""

    format: str | None
    size: Size | None
    orientation: int
    frames: int
    byte_size: int
    digest: str
    tokens: int | None

    def __str__(self) -> str:
        words = [f"{self.format or 'unknown'} {self.size}" if self.size else self.format or "unknown"]
        words.append(f"{figure(self.byte_size)} bytes")
        if self.orientation != 1:
            words.append(f"orientation {self.orientation}")
        if self.frames > 1:
            words.append(f"{figure(self.frames)} frames")
        if self.tokens is not None:
            words.append(f"{figure(self.tokens)} tokens")
        return ", ".join(words)


class ImageChange(NamedTuple):
    """An image whose bytes are new.

    `location` is its location in the written file. `quality` is that of a lossy encoding, `degraded`
    says in clauses what was lost beyond the pixels that the resize drops. `coordinates` maps between the
    original as it is to be seen and what is sent.
    """

    location: Location
    before: ImageSnapshot
    after: ImageSnapshot
    quality: int | None
    degraded: tuple[str, ...]
    coordinates: CoordinateMap

    @property
    def how(self) -> str:
        """How the new bytes were made, in brackets: quality and what was lost. May be empty."""
        quality = f"quality {self.quality}"
        is_mentioned = self.quality is None or any(quality in clause for clause in self.degraded)
        words = self.degraded if is_mentioned else (quality, *self.degraded)
        return f" ({'; '.join(words)})" if words else ""

    def following(self, earlier: "ImageChange | None") -> "ImageChange":
        """This change and the one that made what it began with, as one."""
        if earlier is None:
            return self
        return self._replace(
            before=earlier.before,
            degraded=tuple(dict.fromkeys((*earlier.degraded, *self.degraded))),
            coordinates=self.coordinates._replace(original=earlier.coordinates.original),
        )


class BodyChange(NamedTuple):
    """A request whose body is new: where it stands, its bytes and visual tokens before and after."""

    location: Location
    line: int
    id: str | None
    bytes_before: int
    bytes_after: int
    tokens_before: int
    tokens_after: int


class FailedFix(NamedTuple):
    """A fix that was not made, and why, as a clause. `code` is its rule's, None for a resize of a plan."""

    location: Location
    code: str | None
    reason: str


class FileFix(NamedTuple):
    """What became of the fixes of one file.

    `path` is the file as it was, `written` where the new one stands, None where nothing was written: the
    file stays as it is, or only a difference was asked for. `error` says why it could not be written. Bytes
    and SHA-256 are those of the whole file, None where the file stays. `changed` says whether anything is
    different at all.
    """

    path: str
    written: str | None = None
    changed: bool = False
    fixed: tuple[Finding, ...] = ()
    failed: tuple[FailedFix, ...] = ()
    images: tuple[ImageChange, ...] = ()
    bodies: tuple[BodyChange, ...] = ()
    bytes_before: int | None = None
    bytes_after: int | None = None
    digest_before: str | None = None
    digest_after: str | None = None
    error: str | None = None
    difference: str = ""
