"""Names of files whose format has changed: the extension goes with it, and no other file is in the way."""

import os

from imgbudget.sources.filetypes import FileKind, kind_of
from imgbudget.sources.images import EXTENSION_TYPES

EXTENSIONS = {"jpeg": ".jpg", "png": ".png", "gif": ".gif", "webp": ".webp"}
"""The extension that each format is written under."""


def fitting_name(path: str, form: str, data: bytes) -> str:
    """The path under which an image of that format should stand: its own where the name promises no other.

    The extension is replaced (`scan.tiff` becomes `scan.png`); where another image has that stem already,
    it is put behind the whole name (`scan.tiff.png`), so that the name does not depend on what was fixed
    before. A file that holds the very same `data` is no other image: a killed run has left it.
    """
    folder, name = os.path.split(path)
    stem, extension = os.path.splitext(name)
    if kind_of(name) is not FileKind.IMAGE or EXTENSION_TYPES.get(extension[1:].lower()) == f"image/{form}":
        return path
    wanted = EXTENSIONS[form].upper() if extension.isupper() else EXTENSIONS[form]
    if _stands_alone(folder, stem, name, stem + wanted) and is_free(
        os.path.join(folder, stem + wanted), data
    ):
        return os.path.join(folder, stem + wanted)
    return path + wanted


def is_free(path: str, data: bytes) -> bool:
    """Whether nothing stands at the path but what is to be written there."""
    try:
        with open(path, "rb") as file:
            return file.read(len(data) + 1) == data
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _stands_alone(folder: str, stem: str, *names: str) -> bool:
    """Whether no image in the folder has the stem but those of these names."""
    with os.scandir(folder or ".") as entries:
        return not any(
            os.path.splitext(entry.name)[0].lower() == stem.lower()
            and entry.name not in names
            and kind_of(entry.name) is FileKind.IMAGE
            for entry in entries
        )
