"""Paths and bytes of configuration files; paths are plain strings, absolute unless shown to people."""

import os

MAX_BYTES = 1 << 20
"""Largest configuration that is read, bytes; ten thousand ignore entries stay under it."""


def absolute(path: str) -> str:
    """The path from the root; symbolic links stay."""
    return os.path.abspath(path)


def folder_of(place: str) -> str:
    """The folder itself, or the one that a file stands in or would stand in."""
    path = os.path.abspath(place)
    return path if os.path.isdir(path) else os.path.dirname(path)


def name_of(path: str) -> str:
    """The last part of a path."""
    return os.path.basename(path)


def beside(path: str, name: str) -> str:
    """The file that `name` means in the file at `path`; `~` is the home folder."""
    return os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(path)), os.path.expanduser(name)))


def why_no_file(path: str) -> str | None:
    """A clause that says why a path cannot be opened as a file; None when it is one."""
    if os.path.isfile(path):
        return None
    return "is a folder, not a file" if os.path.isdir(path) else "does not exist"


def identity(path: str) -> str:
    """The path with symbolic links followed: the same for the same file."""
    return os.path.realpath(path)


def shown(path: str) -> str:
    """A path as people are shown it: relative where it lies in or under the current folder."""
    try:
        relative = os.path.relpath(path)
    except (ValueError, OSError):  # another drive, or a current folder that is gone
        return path
    return path if relative == os.pardir or relative.startswith(os.pardir + os.sep) else relative


def read_head(path: str, size: int) -> bytes:
    """At most the first `size` bytes of a file.

    Raises:
        OSError: it cannot be opened or read.
    """
    with open(path, "rb") as file:
        return file.read(size)
