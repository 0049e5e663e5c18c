"""Image files of a run that show the same, for the rules IB911 and IB912."""

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypedDict

from imgbudget.imageinfo.files import identical_files
from imgbudget.model.subjects import AlikeImage, LeakedImage, RunData
from imgbudget.pixels.likeness import ImageHashes, alike, leaks
from imgbudget.pixels.splits import PARTS, part_of

if TYPE_CHECKING:
    from imgbudget.linter.end_of_run import HashedFile


class Similar(TypedDict):
    """The fields of `Run` on images that show the same."""

    alike: Iterable[AlikeImage]
    leaks: Iterable[LeakedImage]


def similar_files(files: "Iterable[HashedFile]", distance: int, wanted: RunData) -> Similar:
    """The files that show the same as another one, in the order of their paths."""
    ordered = sorted(set(files))
    paths = [path for path, _, _ in ordered]
    hashes = ImageHashes()
    for _, phash, pixel_hash in ordered:
        hashes.add(phash, pixel_hash)
    return {
        "alike": tuple(_alike(paths, hashes, distance)) if wanted & RunData.LIKENESS else (),
        "leaks": tuple(_leaks(paths, hashes, distance)) if wanted & RunData.LEAKS else (),
    }


def _alike(paths: Sequence[str], hashes: ImageHashes, distance: int) -> Iterator[AlikeImage]:
    """The near duplicates without files of the same bytes, which are those of IB801."""
    for found in alike(hashes, distance):
        path, other = paths[found.image], paths[found.other]
        if not (found.same and any(identical_files([(path, other)]))):
            yield AlikeImage(path, other, found.bits, found.same)


def _leaks(paths: Sequence[str], hashes: ImageHashes, distance: int) -> Iterator[LeakedImage]:
    parts = parts_of([(None, os.path.dirname(path), None) for path in paths])
    numbers = [PARTS.index(part) if part else -1 for part in parts]
    for found in leaks(hashes, numbers, distance):
        part, other_part = parts[found.image], parts[found.other]
        path, other = paths[found.image], paths[found.other]
        yield LeakedImage(path, part or "", other, other_part or "", found.bits, found.same)


def parts_of(places: Sequence[tuple[str | None, str, str | None]]) -> list[str | None]:
    """The parts of a split by column, folder and shard; folders that hold all of them do not count."""
    split = [folder.replace(os.sep, "/").split("/") for _, folder, _ in places]
    least, most = (min(split), max(split)) if split else ([], [])
    same = next((at for at, pair in enumerate(zip(least, most, strict=False)) if pair[0] != pair[1]), None)
    shared = min(len(least), len(most)) if same is None else same
    return [
        part_of(value, folders[shared:], shard)
        for (value, _, shard), folders in zip(places, split, strict=True)
    ]
