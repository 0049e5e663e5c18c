"""Pillow as the last resort: it names formats without a clear signature, and tells the size of rare ones."""

import io
from typing import TYPE_CHECKING, NamedTuple

from imgbudget.geometry import Size

if TYPE_CHECKING:
    from imgbudget.probes.reader import Read

RARE_FORMATS = (
    *("Blp", "Dcx", "Fli", "Ftex", "Gbr", "Im", "McIdas", "Msp", "Pcd", "Pcx", "Pixar", "Sgi", "Sun"),
    *("Wmf", "XVThumb", "Tga"),
)
"""Pillow's readers of what is only found with its help; TGA has no signature and comes last."""

_BYTE_LIMIT = 1 << 19
"""Bytes that Pillow may read in all: headers take some thousands, endless ones keep it busy."""

_BUFFER = 512


class Picture(NamedTuple):
    """What Pillow says of a file it opens."""

    format: str
    size: Size
    frames: int


class _PositionalFile(io.RawIOBase):
    """A file object over a positional reader that gives out a bounded number of bytes."""

    def __init__(self, read: "Read", size: int) -> None:
        self._read, self._size, self._position, self._left = read, size, 0, _BYTE_LIMIT
        self.failure: OSError | None = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(base + offset, 0)
        return self._position

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        try:
            data = self._read(min(len(buffer), self._left), self._position)
        except OSError as error:
            self.failure = error
            raise
        buffer[: len(data)] = data
        self._position += len(data)
        self._left -= len(data)
        return len(data)


def ask_pillow(read: "Read", size: int, readers: tuple[str, ...]) -> Picture | str | None:
    """What Pillow says of a file, asked with these of its readers only.

    A clause when it refuses to open so large a picture; None when it does not know the file.

    Raises:
        OSError: as the reader raises it.
    """
    import warnings  # noqa: PLC0415 - few files get here

    from PIL import Image  # noqa: PLC0415 - Pillow takes 17 ms to import

    # else Pillow imports all that it has; one that is gone in a later Pillow is not asked
    formats = [reader.upper() for reader in readers if _imported(f"PIL.{reader}ImagePlugin")]
    file = _PositionalFile(read, size)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BufferedReader(file, _BUFFER), formats=formats) as image:
                return Picture((image.format or "").lower(), Size(*image.size), getattr(image, "n_frames", 1))
    except Image.DecompressionBombError:
        return "claims more pixels than Pillow agrees to open"
    except Exception:  # noqa: BLE001 - Pillow's readers raise whatever broken bytes make of them
        if file.failure is not None:
            raise file.failure from None
        return None


def _imported(module: str) -> bool:
    from importlib import import_module  # noqa: PLC0415 - few files get here

    try:
        import_module(module)
    except ImportError:
        return False
    return True
