"""Writes a seeded corpus of image files for the benchmarks, with the truth about each file."""

# ruff: noqa: S311 - a corpus is to be the same for the same seed, not secret

import argparse
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from random import Random

import manifest
from metadata import dress
from pictures import SHARES, Picture, make_picture

FOLDER = 1000
"""Files a folder."""

_SUFFIXES = {
    "jpeg": (".jpg", ".jpg", ".jpeg", ".JPG"),
    "png": (".png",),
    "gif": (".gif",),
    "webp": (".webp",),
}


def make_pool(seed: int, count: int) -> list[Picture]:
    """The pictures that the files are made of, encoded on all cores."""
    with ProcessPoolExecutor() as executor:
        return list(executor.map(partial(make_picture, seed), range(count), chunksize=4))


def write_files(corpus: str, pool: list[Picture], count: int, seed: int) -> Iterator[manifest.Truth]:
    """Write `count` files in folders of 1,000 and tell what each one is."""
    by_format = {form: [picture for picture in pool if picture.format == form] for form in SHARES}
    rng = Random(f"{seed}/files")
    for number in range(count):
        form = rng.choices(list(SHARES), list(SHARES.values()))[0]
        picture = rng.choice(by_format[form])
        dressed = dress(picture, rng)
        folder = f"{number // FOLDER:04}"
        if number % FOLDER == 0:
            os.makedirs(os.path.join(corpus, folder))
        path = f"{folder}/{number:07}{rng.choice(_SUFFIXES[picture.format])}"
        with open(os.path.join(corpus, path), "wb") as file:
            file.write(dressed.data)
        yield manifest.Truth(
            path=path,
            format=picture.format,
            width=picture.width,
            height=picture.height,
            orientation=dressed.orientation,
            frames=picture.frames,
            byte_size=len(dressed.data),
            note=dressed.note,
        )


def main() -> int:
    """Make the corpus that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help="folder to make; must be new or empty")
    parser.add_argument("--n", type=int, default=20_000, help="files (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same corpus (default: %(default)s)")
    parser.add_argument("--pool", type=int, default=400, help="encoded pictures (default: %(default)s)")
    wish = parser.parse_args()
    if wish.pool < sum(SHARES.values()):
        parser.error(f"a pool of fewer than {sum(SHARES.values())} pictures lacks a format")
    os.makedirs(wish.corpus, exist_ok=True)
    if os.listdir(wish.corpus):
        parser.error(f"{wish.corpus} is not empty")
    start = time.perf_counter()
    pool = make_pool(wish.seed, wish.pool)
    truths = list(write_files(wish.corpus, pool, wish.n, wish.seed))
    manifest.write(wish.corpus, truths)
    total = sum(truth.byte_size for truth in truths)
    seconds = time.perf_counter() - start
    print(
        f"{len(truths):,} files, {total / 1e9:.2f} GB, {seconds:.0f} s, checksum {manifest.checksum(truths)}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
