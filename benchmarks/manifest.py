"""The truth about a corpus: one line a file in manifest.tsv, and the checksum that the C floor prints."""

import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

NAME = "manifest.tsv"

FORMATS = ("jpeg", "png", "gif", "webp")
"""In the order of the C floor's numbers."""

_PRIME, _START, _MASK = 0x100000001B3, 0xCBF29CE484222325, (1 << 64) - 1
"""FNV-1a, 64 bits, over whole numbers instead of bytes."""


class Truth(NamedTuple):
    """What a file is, as its maker knows it; `path` is relative to the corpus, `note` names an oddity."""

    path: str
    format: str
    width: int
    height: int
    orientation: int
    frames: int
    byte_size: int
    note: str

    @property
    def animated(self) -> bool:
        """More than one frame."""
        return self.frames > 1


def write(corpus: str, truths: Iterable[Truth]) -> None:
    """Write the manifest of a corpus."""
    with open(os.path.join(corpus, NAME), "w", encoding="utf-8") as file:
        file.write("\t".join(Truth._fields) + "\n")
        file.writelines("\t".join(map(str, truth)) + "\n" for truth in truths)


def read(corpus: str) -> list[Truth]:
    """The manifest of a corpus.

    Raises:
        OSError: there is none.
    """
    return list(_lines(os.path.join(corpus, NAME)))


def _lines(path: str) -> Iterator[Truth]:
    with open(path, encoding="utf-8") as file:
        next(file)
        for line in file:
            name, form, width, height, orientation, frames, byte_size, note = line.rstrip("\n").split("\t")
            yield Truth(
                name, form, int(width), int(height), int(orientation), int(frames), int(byte_size), note
            )


def checksum(truths: Iterable[Truth]) -> str:
    """The sum of all files' hashes in hexadecimal, whatever their order."""
    total = 0
    for truth in truths:
        value = _START
        form = FORMATS.index(truth.format) + 1
        for number in (
            form,
            truth.width,
            truth.height,
            truth.orientation,
            int(truth.animated),
            truth.byte_size,
        ):
            value = (value ^ number) * _PRIME & _MASK
        total = total + value & _MASK
    return f"{total:016x}"
