"""How inputs are opened: local paths by the system, URLs through fsspec in blocks that suit streams."""

import os
from typing import IO, Any, cast

from imgbudget.errors import UsageError

BLOCK = 8 << 20
"""Bytes of one request to a remote store when an archive is read from its beginning to its end."""


def is_url(text: str) -> bool:
    """Whether a dataset is named by a URL; `file://` counts as one before `local_path`."""
    return "://" in text


def local_path(text: str) -> str:
    """The path that a `file://` URL means; any other text unchanged."""
    return text.removeprefix("file://") if text.startswith("file://") else text


def file_system(url: str) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path in it.

    Raises:
        UsageError: fsspec or what it needs for the protocol is not installed, or the protocol is unknown.
    """
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - rare
    except ImportError:
        raise UsageError(f"{url}: URLs need fsspec: pip install 'imgbudget[datasets]'") from None
    try:
        found: tuple[Any, str] = url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UsageError(f"{url}: {error}") from None
    return found


def open_stream(where: str) -> IO[bytes]:
    """A file opened to be read forwards, with short jumps.

    Raises:
        OSError: it cannot be opened.
    """
    if not is_url(where):
        return open(where, "rb", buffering=1 << 18)
    files, path = file_system(where)
    return cast("IO[bytes]", files.open(path, "rb", block_size=BLOCK, cache_type="readahead"))


def fingerprint(where: str) -> str:
    """A text that changes with the file: size and time of a local one, size and tag of a remote one.

    Raises:
        OSError: it cannot be read.
    """
    if not is_url(where):
        stat = os.stat(where)
        return f"{stat.st_size} {stat.st_mtime_ns}"
    files, path = file_system(where)
    return remote_fingerprint(files.info(path))


def remote_fingerprint(info: dict[str, Any]) -> str:
    """The same for an object of a remote store, from its metadata."""
    tag = next(
        (info[key] for key in ("ETag", "etag", "sha256", "LastModified", "mtime") if info.get(key)), ""
    )
    return f"{info.get('size')} {tag}"


def why(error: OSError) -> str:
    """The message of an error of the system or of a remote store, as a clause."""
    text = error.strerror or str(error) or type(error).__name__
    return f"cannot be read: {text[:1].lower()}{text[1:]}"
