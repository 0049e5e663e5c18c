"""The content of whole files: its hash, and which of them have the same."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence

from imgbudget.positional import OPEN_FLAGS, pread

_STEP = 1 << 20
_SAMPLE = 2048


def content_hash(path: str) -> str | None:
    """The SHA-256 of a file's bytes in hexadecimal digits, in bounded memory; None when it cannot be read."""
    import hashlib  # noqa: PLC0415 - a clean run needs none

    digest = hashlib.sha256()
    try:
        with open(path, "rb", buffering=0) as file:
            while part := file.read(_STEP):
                digest.update(part)
    except OSError:
        return None
    return digest.hexdigest()


def same_files(candidates: Iterable[Sequence[str]]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The groups of files with the same bytes among candidates that look alike, each with its length.

    A few kilobytes of beginning, middle and end rule out most; only what agrees in them is read whole. A file
    that cannot be read is left out.
    """
    for paths in candidates:
        for alike in _parted(paths, _sample):
            for same in _parted(alike, content_hash):
                yield os.path.getsize(same[0]), tuple(same)


def _sample(path: str) -> bytes | None:
    import hashlib  # noqa: PLC0415 - a clean run needs none

    try:
        fd = os.open(path, OPEN_FLAGS)
    except OSError:
        return None
    try:
        size = os.fstat(fd).st_size
        places = (0, size // 2, max(size - _SAMPLE, 0))
        digest = hashlib.sha256(b"%d " % size)  # pictures of one length may be very many
        for place in places:
            digest.update(pread(fd, _SAMPLE, place))
        return digest.digest()
    except OSError:
        return None
    finally:
        os.close(fd)


def _parted(paths: Sequence[str], key: Callable[[str], object]) -> Iterator[list[str]]:
    """The paths by what `key` makes of them, None left out; only groups of two and more."""
    groups: dict[object, list[str]] = {}
    for path in paths:
        found = key(path)
        if found is not None:
            groups.setdefault(found, []).append(path)
    return (group for group in groups.values() if len(group) > 1)
