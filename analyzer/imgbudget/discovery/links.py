"""Where a link that a search found may lead: the named folders, their repositories, stores of contents."""

import os
import re
from collections.abc import Collection

HASHES = {32: "md5", 40: "sha1", 56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
"""The hash with so many hexadecimal digits."""

_DIGITS = "|".join(f"[0-9a-f]{{{size}}}" for size in HASHES)
_HASH = rf"(?:.*[-_.])?({_DIGITS})(?:\.\w+)?"
"""The name of a file in a store of contents: a new content would need another name."""


def hash_in_name(path: str) -> str | None:
    """The hash that the name of a file may be; a store may use its first two digits as a folder."""
    folder, name = os.path.split(path)
    for text in (name, os.path.basename(folder) + name):
        if (found := re.fullmatch(_HASH, text.lower())) is not None:
            return found[1]
    return None


_CONFINED: list[str] = []


def confine(folder: str | None) -> None:
    """Let no link that a search finds lead out of a folder, in this process; None lifts that.

    For servers, whose client is not the user: not even to a repository around the folder, or to contents that
    are named by a hash. The folder has no links in its path.
    """
    _CONFINED[:] = [] if folder is None else [os.path.join(folder, "")]


class Reach:
    """What the links in named folders may lead to, for a run.

    That is what the folders hold, and the repositories around them: whoever wrote the link could have written
    that too. It is also what is named by a hash, as in the store of a model hub, DVC or git-annex: whoever
    wrote the link knew the content. What git keeps in `.git` is not within reach.
    """

    def __init__(self, folders: Collection[str]) -> None:
        self._roots = {f"{folder}/" for folder in folders} | {f"{_repository(one)}/" for one in folders}

    def holds(self, link: str) -> bool:
        """Whether a link leads to a file within reach."""
        try:
            target = os.path.realpath(link)
        except (OSError, ValueError):  # a folder deleted meanwhile
            return False
        if _CONFINED and not target.startswith(_CONFINED[0]):
            return False
        if hash_in_name(target) is not None:
            return True
        target = target.replace(os.sep, "/")
        return any(
            target.startswith(root) and ".git" not in target[len(root) :].lower().split("/")
            for root in self._roots
        )


def _repository(folder: str) -> str:
    """The repository around a folder, or the folder itself; without links and a slash at the end."""
    at = folder
    while not os.path.lexists(f"{at}/.git"):
        if not at:
            return folder
        at = at.rpartition("/")[0]
    return at
