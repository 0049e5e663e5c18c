"""Fixes as intentions: what rules want changed; the planner merges all of one image into one edit."""

from typing import ClassVar

from imgbudget.limits.geometry import Size
from imgbudget.limits.values import figure
from imgbudget.namedtuples import NamedTuple


class Resize(NamedTuple):
    """Make the image no larger than `size` (px)."""

    size: Size

    @property
    def title(self) -> str:
        """The fix in words, for a menu."""
        return f"resize to {self.size}"


class Recode(NamedTuple):
    """Write the image in another format, or within a number of bytes."""

    format: str | None = None
    max_bytes: int | None = None

    @property
    def title(self) -> str:
        """The fix in words, for a menu."""
        if self.format:
            return f"convert to {self.format.upper()}"
        return f"encode within {figure(self.max_bytes or 0)} bytes"


class PlainFix:
    """A fix without parameters: equal to any other of its kind."""

    __slots__ = ()
    title: ClassVar[str]
    """The fix in words, for a menu."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class BakeOrientation(PlainFix):
    """Rotate the pixels by the EXIF orientation and drop the tag."""

    __slots__ = ()
    title = "turn the pixels and drop the EXIF orientation"


class StripMetadata(PlainFix):
    """Write the image without EXIF, XMP and text."""

    __slots__ = ()
    title = "strip the metadata"


class FirstFrame(PlainFix):
    """Keep only the first frame of an animation."""

    __slots__ = ()
    title = "keep only the first frame"


class DeclareType(NamedTuple):
    """Write the media type of the bytes into the block, or into the file's name."""

    media_type: str

    @property
    def title(self) -> str:
        """The fix in words, for a menu."""
        return f"declare {self.media_type}"


class RepairBase64(PlainFix):
    """Rewrite the base64 text in the form that the API accepts."""

    __slots__ = ()
    title = "rewrite the base64 text"


class ImagesFirst(PlainFix):
    """Move the images of a turn before its text."""

    __slots__ = ()
    title = "move the images before the text"


class LabelImages(PlainFix):
    """Insert a label before each image of a turn."""

    __slots__ = ()
    title = "label the images of the turn"


class DropBlock(PlainFix):
    """Remove the block from the request."""

    __slots__ = ()
    title = "remove the block"


_IMAGE = "[image"
"""How a text in the place of an image begins."""


class ReplaceByText(NamedTuple):
    """Replace an image that cannot be decoded by a text block, so that the rest can be sent."""

    text: str

    @property
    def title(self) -> str:
        """The fix in words, for a menu."""
        return "put a text that says what was removed in its place"

    def naming(self, file: str | None) -> "ReplaceByText":
        """The same with the name of the file of the image, if that is known."""
        if not file or not self.text.startswith(_IMAGE):
            return self
        return ReplaceByText(f"{_IMAGE} {file}{self.text[len(_IMAGE) :]}")


class RewriteText(NamedTuple):
    """Replace a part of a text: the note on the scale of an image."""

    before: str
    after: str

    @property
    def title(self) -> str:
        """The fix in words, for a menu."""
        return f"correct the note: {self.after}"


class TextToImages(PlainFix):
    """Send the images whose base64 is in a text as image blocks."""

    __slots__ = ()
    title = "send the base64 in the text as an image block"


class ShrinkRequest(NamedTuple):
    """Shrink the request's images until its body has at most `max_bytes` bytes."""

    max_bytes: int

    @property
    def title(self) -> str:
        """The fix in words, for a menu."""
        return f"shrink the images until the body is within {figure(self.max_bytes or 0)} bytes"


class ShrinkTokens(NamedTuple):
    """Shrink the request's images until they take at most `max_tokens` visual tokens together."""

    max_tokens: int

    @property
    def title(self) -> str:
        """The fix in words, for a menu."""
        return f"shrink the images until they take at most {figure(self.max_tokens)} tokens"


class DropEntry(PlainFix):
    """Remove an entry from the configuration."""

    __slots__ = ()
    title = "remove the entry from the configuration"


Fix = (
    Resize
    | Recode
    | BakeOrientation
    | StripMetadata
    | FirstFrame
    | DeclareType
    | RepairBase64
    | ImagesFirst
    | LabelImages
    | DropBlock
    | ReplaceByText
    | RewriteText
    | TextToImages
    | ShrinkRequest
    | ShrinkTokens
    | DropEntry
)
