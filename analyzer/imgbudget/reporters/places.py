"""Paths as other programs read them: relative to the folder of the run, as URI where a URI is wanted."""

import os

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")


def relative(path: str, root: str) -> str:
    """The path without `root` where it lies under it, and without a leading `./`; slashes throughout."""
    path, root = path.replace(os.sep, "/"), root.replace(os.sep, "/").rstrip("/")
    if root and path.startswith(root + "/"):
        path = path[len(root) + 1 :]
    while path.startswith("./"):
        path = path[2:].lstrip("/")
    return path


def uri(path: str) -> str:
    """A path with slashes as a URI reference (RFC 3986): an absolute one begins with `file://`.

    Bytes that are no UTF-8 are written as they are in the file system.
    """
    raw = path.encode("utf-8", "surrogateescape" if _escaped(path) else "replace")
    text = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in raw)
    if text.startswith("/"):
        return f"file://{text}"
    return f"file:///{text.replace('%3A', ':', 1)}" if path[1:3] == ":/" else text


def _escaped(path: str) -> bool:
    """Whether all lone surrogates of a name stand for bytes, as Python reads file names."""
    return all(not "\ud800" <= char <= "\udfff" or "\udc80" <= char <= "\udcff" for char in path)
