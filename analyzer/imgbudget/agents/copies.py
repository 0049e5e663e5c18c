"""Shrunk copies of images in a temporary folder of the user's own, which are removed by their age."""

import hashlib
import os
import re
import stat
import time
from contextlib import suppress
from tempfile import gettempdir

from imgbudget.errors import WriteError, os_error_text
from imgbudget.newfiles import Folder, is_folder, open_folder, remove_leftovers, sync, temporary

_NAME = re.compile(r"[0-9a-f]{32}\.(?:jpg|png|gif|webp)")

MOST_AGE = 24 * 3600
"""Seconds after its last use from which on a copy is removed."""

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def copies_folder() -> str:
    """The path of the folder, which need not exist."""
    user = f"-{os.geteuid()}" if hasattr(os, "geteuid") else ""
    return os.path.join(os.path.realpath(gettempdir()), f"imgbudget-copies{user}")


def kept_copy(data: bytes, extension: str) -> str:
    """The path of a copy with these bytes; copies that were not used for a day are removed.

    Raises:
        WriteError: the folder belongs to somebody else, or the copy cannot be written.
    """
    path = copies_folder()
    name = f"{hashlib.sha256(data).hexdigest()[:32]}{extension}"
    try:
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)
        with open_folder(path) as folder:
            _refuse_others(path, folder)
            _remove_old(folder)
            with temporary(folder) as (out, new):
                out.write(data)
                sync(out, durable=False)
                folder.replace(new, name)
    except OSError as error:
        raise WriteError(f"{path}: no copy can be written: {os_error_text(error)}") from error
    return os.path.join(path, name)


def _refuse_others(path: str, folder: Folder) -> None:
    """Refuse a folder that somebody else has prepared, or could write to."""
    there = os.lstat(path)
    opened = there if folder.fd is None else os.fstat(folder.fd)
    ours = there.st_uid == os.geteuid() and not there.st_mode & _OTHERS if hasattr(os, "geteuid") else True
    if not (is_folder(there) and os.path.samestat(there, opened) and ours):
        raise WriteError(f"{path}: is not a folder that only you can write to; remove it")


def _remove_old(folder: Folder) -> None:
    """Remove the copies that were not used for a day, and what killed runs have left."""
    oldest = time.time() - MOST_AGE
    for name in folder.names():
        if _NAME.fullmatch(name) and folder.status(name).st_mtime < oldest:
            with suppress(OSError):
                folder.unlink(name)
    remove_leftovers(folder)
