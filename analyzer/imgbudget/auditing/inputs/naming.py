"""Which file or URL a name in a row means: tools write paths in several ways, from several folders."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from stat import S_ISREG
from typing import NamedTuple
from urllib.parse import unquote

from imgbudget.auditing.references import LocalFile, RemoteFile, RowReferences, Target
from imgbudget.auditing.urls import is_url

_LOCAL_FILES = "/data/local-files/?d="
"""How Label Studio names a file below the folder that it serves."""

_UPLOAD = "/data/upload/"
"""How it names a file that was uploaded; it puts eight digits before the name."""

_DIGITS = re.compile(r"^[0-9a-f]{8}-")
_COCO = re.compile(r"^https?://(?:images|farm\d+)\.(?:cocodataset\.org|mscoco\.org)/(.+)$", re.IGNORECASE)


def spellings(name: str) -> Iterable[str]:
    """The names of the file that a row may mean by `name`, the most literal first."""
    if "\\" not in name and name[:4] not in ("/dat", "http", "HTTP"):
        return (name,)
    return _spellings(name)


def _spellings(name: str) -> Iterator[str]:
    if name.startswith(_LOCAL_FILES):
        yield unquote(name[len(_LOCAL_FILES) :])
        return
    if name.startswith(_UPLOAD):
        rest = unquote(name[len(_UPLOAD) :])
        base = rest.rpartition("/")[2]
        yield from (f"upload/{rest}", base, _DIGITS.sub("", base))
        return
    yield name
    if name[:4].lower() == "http" and (match := _COCO.match(name)):
        path = unquote(match[1])
        yield from (path, path.rpartition("/")[2])
    if "\\" in name and not is_url(name):
        yield name.replace("\\", "/")


class Meaning(NamedTuple):
    """What a name means, and the state of its file; None if there is none."""

    target: Target
    state: os.stat_result | None = None


def meaning_of(
    names: Sequence[str], folders: Sequence[str], references: RowReferences, allowed: Sequence[str]
) -> Meaning:
    """What the names of an image mean, relative ones in one of the folders: the first that is a file.

    Rows may also name what lies below the `allowed` folders. If nothing is a file, it is a URL
    that may be opened, or the most literal meaning.
    """
    first: Target | None = None
    for name in names:
        for spelling in spellings(name):
            for folder in folders:
                target = references.resolve(spelling, folder, *allowed)
                if isinstance(target, LocalFile) and (state := _state(target.path)):
                    return Meaning(target, state)
                if first is None or (isinstance(target, RemoteFile) and not isinstance(first, RemoteFile)):
                    first = target
                if is_url(spelling) or os.path.isabs(spelling):
                    break
    if first is None:
        raise AssertionError  # unreachable: an image has a name, and a list has a folder
    return Meaning(first)


def _state(path: str) -> os.stat_result | None:
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return None
    return state if S_ISREG(state.st_mode) else None
