"""What fixes have made of a file: which findings are gone, what each image was and is, what was refused."""

from typing import NamedTuple

from imgbudget.geometry import CoordinateMap, Size
from imgbudget.model import Finding, Place


class Picture(NamedTuple):
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
        words.append(f"{self.byte_size:,} bytes")
        if self.orientation != 1:
            words.append(f"orientation {self.orientation}")
        if self.frames > 1:
            words.append(f"{self.frames:,} frames")
        if self.tokens is not None:
            words.append(f"{self.tokens:,} tokens")
        return ", ".join(words)


class ImageChange(NamedTuple):
    """An image whose bytes are new.

    `place` is where it stands in the file that was written. `quality` is that of a lossy encoding, `degraded`
    says in clauses what was lost beyond the pixels that the resize drops. `coordinates` maps between the
    original as it is to be seen and what is sent.
    """

    place: Place
    before: Picture
    after: Picture
    quality: int | None
    degraded: tuple[str, ...]
    coordinates: CoordinateMap

    @property
    def how(self) -> str:
        """How the new bytes were made, in brackets: quality and what was lost. May be empty."""
        quality = f"quality {self.quality}"
        is_told = self.quality is None or any(quality in clause for clause in self.degraded)
        words = self.degraded if is_told else (quality, *self.degraded)
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

    place: Place
    line: int
    id: str | None
    bytes_before: int
    bytes_after: int
    tokens_before: int
    tokens_after: int


class FailedFix(NamedTuple):
    """A fix that was not made, and why, as a clause. `code` is its rule's, None for a resize of a plan."""

    place: Place
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
