"""How inputs are opened: local paths by the system, URLs through fsspec in blocks that suit streams."""

import os
from typing import IO, Any, cast

from imgbudget.auditing.urls import LISTED, PROTOCOLS, is_url, without_secrets
from imgbudget.errors import UsageError

BLOCK = 8 << 20
"""Bytes of one request to a remote store when an archive is read from its beginning to its end."""


STEP = 1 << 20
"""Bytes of a stream that are in memory at a time."""


def file_system(url: str, *, named: bool = True) -> tuple[Any, str]:
    """The fsspec file system of a URL, and the path in it. Chains are not read: `::` is part of a name.

    Args:
        url: a URL of one of the listed protocols.
        named: whether the command line names its store; then an https host may be a private one.

    Raises:
        UsageError: fsspec or what it needs for the protocol is not installed, or the protocol is not listed.
    """
    protocol = url.partition("://")[0]
    if protocol not in PROTOCOLS:
        raise UsageError(f"{url}: unsupported protocol; expected {LISTED}")
    try:
        from fsspec.registry import get_filesystem_class  # noqa: PLC0415 - rare
    except ImportError:
        raise UsageError(f"{url}: URLs need fsspec: pip install 'imgbudget[datasets]'") from None
    try:
        kind: Any = get_filesystem_class(protocol)
        options: dict[str, Any] = kind._get_kwargs_from_urls(url)  # noqa: SLF001 - fsspec has no other name
        if protocol == "https":
            from imgbudget.auditing.inputs.https import Sessions  # noqa: PLC0415 - extra

            options["get_client"] = Sessions(url.partition("://")[2].partition("/")[0], named)
        return kind(**options), kind._strip_protocol(url)  # noqa: SLF001
    except (ImportError, ValueError) as error:
        raise UsageError(f"{url}: {error}") from None


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
    if isinstance(error, FileNotFoundError) and error.strerror is None:
        if not isinstance(error.__cause__, OSError):
            return "there is no such object"
        error = error.__cause__  # fsspec hides what an https server did
    text = without_secrets(error.strerror or str(error) or type(error).__name__)
    return f"cannot be read: {text[:1].lower()}{text[1:]}"
