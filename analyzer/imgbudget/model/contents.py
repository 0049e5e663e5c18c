"""How far an image can shrink and still show the same: the target, and what was measured at each size."""

from enum import Enum

from imgbudget.limits.geometry import Size
from imgbudget.namedtuples import NamedTuple


class ContentTargetKind(Enum):
    """What has to stay as it is at the size that the model sees."""

    LEGIBLE = "legible"
    """The characters that a recogniser reads."""
    SAME = "same"
    """The picture: its structural similarity (SSIM)."""


class ContentTarget(NamedTuple):
    """The smallest size at which the share of characters, or the SSIM, is at least `bound`, from 0 to 1."""

    kind: ContentTargetKind
    bound: float = 1.0

    def __str__(self) -> str:
        """As it is written on a command line."""
        return self.kind.value if self.bound == 1 and self.is_text else f"{self.kind.value}:{self.bound:g}"

    @property
    def is_text(self) -> bool:
        """Whether it is about text."""
        return self.kind is ContentTargetKind.LEGIBLE

    def size_of(
        self, found: "ContentSize | None", size: Size, native: Size, *, refused: bool
    ) -> tuple[Size, str]:
        """The size of an image of `size` px that keeps what it shows, and why; no reason if limits decide.

        `native` is the largest size that limits permit. Where nothing keeps the content, or it is not known
        what does, the image stays as it is unless the API has `refused` it.
        """
        if found is None:
            return (native if refused else size), f"{self}: not measured"
        if found.kept is None:
            return (native if refused else size), f"{self}: {found.why_it_stays}"
        kept = oriented(found.kept.size, size)
        if kept.width * kept.height < native.width * native.height:
            return kept, f"{self}: {found.why_kept}"
        if found.lost is not None and kept == native:
            what = "characters are" if self.is_text else "similarity is"
            return native, f"{self}: {what} lost at any smaller size"
        return native, ""


class LostText(NamedTuple):
    """A line that is read differently at a smaller size, or not at all.

    `text` is what was read of it at full size, `seen_text` at the smaller one; long lines are read in part.
    `height` is that of its letters there, px. `box` is left, top, right and bottom in px of the upright
    image. `kept` is the share of its characters that is kept, by which it is kept, doubtful or lost as
    `imgbudget legible` has it.
    """

    text: str
    seen_text: str
    height: float
    box: tuple[float, float, float, float]
    kept: float = 0.0


class ContentAt(NamedTuple):
    """What an image shows at a size in px of the upright image.

    `kept` is the share of characters that are read, or the SSIM; None if reading stopped at the first line
    that lost some. `lines_read` is how many lines were read there, of the `lines_doubtful` whose letters are
    not clear by their height. `lines_found` is how many of
    `lines_sought` the detector found in the smaller picture alone, None if it did not search. `smallest` is
    the height of the smallest letters there, px; None without text.
    """

    size: Size
    kept: float | None
    lost: tuple[LostText, ...] = ()
    lines_read: int = 0
    lines_doubtful: int = 0
    lines_found: int | None = None
    lines_sought: int = 0
    smallest: float | None = None


class ContentSize(NamedTuple):
    """The smallest size that keeps what an image shows, as measured.

    `kept` is that size, None if there is none: the largest size that the model sees loses some already
    (`lost`), or nothing could be measured (`flaw`, a clause). `lost` is the next smaller size on the model's
    grid, None if `kept` is the smallest there is. `seen` is the largest size that the model sees. All sizes
    are of the upright image. `tried` is how many were measured.
    """

    target: ContentTarget
    seen: Size | None
    kept: ContentAt | None = None
    lost: ContentAt | None = None
    lines: int = 0
    characters: int = 0
    tried: int = 0
    flaw: str = ""

    @property
    def has_no_text(self) -> bool:
        """Whether text was looked for and none was found."""
        return self.target.is_text and not self.flaw and not self.lines

    @property
    def why_it_stays(self) -> str:
        """Why no size was found that keeps the content, as a clause."""
        if self.flaw:
            return f"not measured: {self.flaw}"
        if self.has_no_text:
            return "no text found"
        return f"characters are lost at {self.seen} already, the largest size that the model sees"

    @property
    def why_kept(self) -> str:
        """What is kept, as a clause."""
        share = None if self.kept is None else self.kept.kept
        if not self.target.is_text:
            return f"SSIM {share_text(share)}"
        if self.target.bound == 1:
            return "text is read as at full size"
        return f"{percent(share)} of characters are read"

    def is_above(self, planned: Size) -> bool:
        """Whether the size that keeps what the image shows is larger than the planned one."""
        return self.kept is not None and planned.long_edge < self.kept.size.long_edge

    @property
    def is_lost(self) -> bool:
        """Whether no single size keeps what the image shows."""
        return self.kept is None and not self.flaw and not self.has_no_text


def oriented(size: Size, like: Size) -> Size:
    """A size of the upright image as one of the stored pixels, which have the size `like`."""
    is_wide, was_wide = size.width >= size.height, like.width >= like.height
    return size if is_wide == was_wide else size.transposed


def share_text(share: float | None) -> str:
    """A share with four digits, rounded down: it is never more than was measured."""
    return "?" if share is None else f"{int(share * 10_000 + _ROUNDING) / 10_000:.4f}"


def percent(share: float | None) -> str:
    """A share in percent with one digit, rounded down."""
    return "?" if share is None else f"{int(share * 1000 + _ROUNDING) / 10:g} %"


_ROUNDING = 1e-6
