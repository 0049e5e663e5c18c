"""Edits of images that were made before: a screenshot that is sent again is decoded and encoded once."""

from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from threading import Lock
from typing import NamedTuple

from imgbudget.model.edits import EditedImage, ImageEdit

EditImage = Callable[[bytes, ImageEdit], EditedImage]

_REMEMBERED = 64 << 20
"""Bytes of edited images that are cached: an agent sends its images again with each turn."""


class _Made(NamedTuple):
    """An edited image and the byte limit it was made for."""

    image: EditedImage
    max_bytes: int | None

    def serves(self, edit: ImageEdit) -> bool:
        """Whether the same edit with another byte limit would give this image."""
        if edit.max_bytes == self.max_bytes:
            return True
        fits = edit.max_bytes is None or len(self.image.data) <= edit.max_bytes
        return fits and not self.image.degraded


class EditMemory:
    """Edits images and caches the latest results, so that a resent image is edited once.

    The byte limit of an image changes with each turn of a conversation, and seldom matters.
    """

    def __init__(self, edit_image: EditImage, most: int = _REMEMBERED) -> None:
        """Keep at most `most` bytes of what `edit_image` makes."""
        self._edit_image = edit_image
        self._most = most
        self._size = 0
        self._made: OrderedDict[tuple[bytes, ImageEdit], _Made] = OrderedDict()
        self._lock = Lock()

    def __call__(self, data: bytes, edit: ImageEdit) -> EditedImage:
        """The edited image. Raises FixError as `edit_image` does."""
        digest = sha256(data).digest()
        key = digest, edit._replace(max_bytes=None)
        with self._lock:
            known = self._made.get(key)
            if known is not None and known.serves(edit):
                self._made.move_to_end(key)
                return known.image
        made = self._edit_image(data, edit)
        self.add(digest, edit, made)
        return made

    def add(self, digest: bytes, edit: ImageEdit, made: EditedImage) -> None:
        """Cache the result for an image with this SHA-256."""
        key = digest, edit._replace(max_bytes=None)
        with self._lock:
            if old := self._made.pop(key, None):
                self._size -= len(old.image.data)
            self._made[key] = _Made(made, edit.max_bytes)
            self._size += len(made.data)
            while self._size > self._most and len(self._made) > 1:
                self._size -= len(self._made.popitem(last=False)[1].image.data)
