"""The index of MDS shards, `index.json`: which shards there should be, and which are there."""

import json
import os
from functools import lru_cache

from imgbudget.auditing.inputs.opening import open_stream
from imgbudget.auditing.partition import Naming
from imgbudget.auditing.references import LocalFile, RowReferences, Target, folder_of
from imgbudget.auditing.urls import is_plain_path
from imgbudget.errors import UnreadableError
from imgbudget.namedtuples import NamedTuple
from imgbudget.output.base import figure

MOST_INDEX = 32 << 20
"""Bytes of an index above which it is not read."""


class Index(NamedTuple):
    """What an index lists: the files of its MDS shards that are there, and what is wrong with the others.

    A shard is there unpacked or packed; `flaws` are the names with their reasons.
    """

    shards: tuple[str, ...]
    flaws: tuple[tuple[str, str], ...]


@lru_cache(maxsize=2)
def index_of(where: str, _fingerprint: str, naming: Naming) -> Index:
    """The shards that the index at a path or URL lists; none of them lies outside its folder.

    Raises:
        UnreadableError: it is too large, or not an index.
    """
    with open_stream(where) as stream:
        data = stream.read(MOST_INDEX + 1)
    if len(data) > MOST_INDEX:
        raise UnreadableError(f"an index of over {figure(MOST_INDEX)} bytes")
    found: list[str] = []
    flaws: list[tuple[str, str]] = []
    folder, references = folder_of(where), RowReferences(naming.access)
    for shard in json.loads(data)["shards"]:
        names = [str(shard[key]["basename"]) for key in ("raw_data", "zip_data") if shard.get(key)]
        if shard.get("format") != "mds":
            flaws.append((names[0] if names else "", "a shard of another format, which is not read"))
            continue
        if not names or not all(map(_is_inside, names)):
            flaws.append((names[0] if names else "", "outside the folder of the index, so not opened"))
            continue
        there = next((path for name in names if (path := _existing(references.resolve(name, folder)))), None)
        if there is None:
            flaws.append((names[0], "the index lists it, but it is not there"))
        else:
            found.append(there)
    return Index(tuple(found), tuple(flaws))


def _is_inside(name: str) -> bool:
    return is_plain_path(name) and not os.path.isabs(name) and "\\" not in name and ":" not in name


def _existing(target: Target) -> str | None:
    return target.path if isinstance(target, LocalFile) and os.path.isfile(target.path) else None
