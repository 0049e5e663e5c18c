"""Which part of a split an image belongs to: by a column of its row, a folder, or the name of a shard."""

import re
from collections.abc import Sequence

PARTS = ("train", "validation", "test")
"""The parts of a split, those that a model learns from before those that test it."""

_NAMES = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "valid", "val", "dev", "eval", "evaluation"),
    "test": ("test", "testing", "tst", "holdout"),
}
_PART_OF = {name: part for part, names in _NAMES.items() for name in names}
_WORD = re.compile(rf"(?<![a-z])({'|'.join(sorted(_PART_OF, key=len, reverse=True))})(?![a-z])")


def part_of(value: str | None, folders: Sequence[str], shard: str | None = None) -> str | None:
    """The part by the value of a column, else by the innermost folder that names one, else by a shard's name.

    A folder whose whole name is that of a part goes before one that only contains it as a word, as
    `val2017` and `test-images` do.
    """
    if value is not None and (part := _PART_OF.get(value.strip().lower()) or _word(value)):
        return part
    for folder in reversed(folders):
        if (part := _PART_OF.get(folder.lower())) is not None:
            return part
    found = (_word(folder) for folder in (shard or "", *reversed(folders)))
    return next((part for part in found if part is not None), None)


def _word(text: str) -> str | None:
    found = _WORD.search(text.lower())
    return _PART_OF[found[1]] if found else None
