"""What pictures have shown, by their bytes, in a process that is given the same ones again with each change.

Texts and measurements are kept, never pixels or bytes.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, TypeVar

from imgbudget.model.subjects import ImageFacts

if TYPE_CHECKING:
    from imgbudget.limits.geometry import Size
    from imgbudget.model.pixels import PixelFacts
    from imgbudget.model.text import ImageText

Key = TypeVar("Key")
Value = TypeVar("Value")

MOST = 4096
"""Pictures of which measurements are remembered, and texts; the oldest are forgotten."""


class RememberedPictures:
    """The measurements and texts of the last pictures."""

    def __init__(self) -> None:
        """Remember nothing yet."""
        self._measured: dict[bytes, tuple[PixelFacts | None, str | None]] = {}
        self._texts: dict[tuple[bytes, Size], ImageText] = {}

    def measured(self, facts: ImageFacts, data: bytes, measure: Callable[[], ImageFacts]) -> ImageFacts:
        """The facts of a picture as `measure` returns them, which is called for a new one."""
        key = sha256(data).digest()
        if key not in self._measured:
            found = measure()
            _keep(self._measured, key, (found.pixels, found.damage))
        pixels, damage = self._measured[key]
        return facts._replace(pixels=pixels, damage=damage)

    def texts(self, data: bytes) -> "RememberedTexts":
        """The texts of a picture."""
        return RememberedTexts(self._texts, sha256(data).digest())


class RememberedTexts:
    """The texts of one picture, as a `TextStore`."""

    def __init__(self, texts: "dict[tuple[bytes, Size], ImageText]", digest: bytes) -> None:
        self._texts, self._digest = texts, digest

    def find(self, seen: "Size") -> "ImageText | None":
        """The text at full size and at this one in px; None if it is not kept."""
        return self._texts.get((self._digest, seen))

    def keep(self, seen: "Size", text: "ImageText") -> None:
        """Keep a text."""
        _keep(self._texts, (self._digest, seen), text)


def _keep(known: dict[Key, Value], key: Key, value: Value) -> None:
    if len(known) >= MOST:
        del known[next(iter(known))]
    known[key] = value


_REMEMBERED: list[RememberedPictures] = []


def remember_pictures() -> None:
    """Let this process remember pictures from now on."""
    _REMEMBERED[:] = [RememberedPictures()]


def remembered() -> RememberedPictures | None:
    """What this process remembers of pictures; None if it does not."""
    return _REMEMBERED[0] if _REMEMBERED else None
