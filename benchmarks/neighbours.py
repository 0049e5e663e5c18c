"""Measures the search for near duplicates among hashes of several kinds: CPU, time, memory; Markdown."""

import argparse
import multiprocessing
import os
import platform
import resource
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from imgbudget.pixels.neighbours import groups
from measuring import table

Hashes = NDArray[np.uint64]
_ONE = np.uint64(1)


def unrelated(number: int) -> Hashes:
    """Hashes of which no two have anything in common."""
    return np.random.default_rng(0).integers(0, (1 << 64) - 1, number, dtype=np.uint64)


def doubled(number: int) -> Hashes:
    """Each hash and one in which up to four of its bits differ."""
    once = unrelated(number // 2)
    return np.concatenate((once, _changed(once, 4)))


def biased(number: int, share: float) -> Hashes:
    """Hashes of which each bit is set with this probability, as of pages of text."""
    random = np.random.default_rng(1)
    hashes = np.zeros(number, np.uint64)
    for bit in range(64):
        hashes |= (random.random(number) < share).astype(np.uint64) << np.uint64(bit)
    return hashes


def mixed(number: int) -> Hashes:
    """A tenth is zero, a third has few bits set, a fifth is around 200 centres, the rest is unrelated."""
    hashes, few, zero = unrelated(number), number // 3, number // 10
    hashes[:few] = biased(few, 0.15)
    hashes[few : few + zero] = 0
    around = np.random.default_rng(2).choice(unrelated(200), number // 5)
    hashes[-len(around) :] = _changed(around, 8)
    return hashes


def _changed(hashes: Hashes, bits: int) -> Hashes:
    random, changed = np.random.default_rng(3), hashes.copy()
    for _ in range(bits):
        changed ^= _ONE << random.integers(0, 64, len(hashes)).astype(np.uint64)
    return changed


KINDS: dict[str, Callable[[int], Hashes]] = {
    "unrelated": unrelated,
    "each twice, up to 4 bits changed": doubled,
    "each bit set in 5 %": lambda number: biased(number, 0.05),
    "zeros, low entropy, clusters": mixed,
}


def measured(kind: str, number: int, distance: int) -> tuple[str, ...]:
    """One row of the table; for a process that does nothing else, because its memory is measured."""
    hashes = KINDS[kind](number)
    start, cpu = time.perf_counter(), time.process_time()
    found = groups(hashes, distance)
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    largest = max((len(group.members) for group in found), default=0)
    return kind, f"{len(found)}", f"{largest}", f"{cpu:.1f}", f"{wall:.1f}", f"{peak}"


def main() -> int:
    """Measure each kind in a separate process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hashes", type=int, default=1_000_000, help="default: %(default)s")
    parser.add_argument("--distance", type=int, default=6, help="bits that may differ (default: %(default)s)")
    wish = parser.parse_args()
    print(
        f"# Measured with CPython {platform.python_version()}, numpy {np.__version__}, {os.cpu_count()} cores"
    )
    rows = []
    for kind in KINDS:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            rows.append(pool.apply(measured, (kind, wish.hashes, wish.distance)))
    table("near duplicates", ("hashes", "groups", "largest", "CPU, s", "wall, s", "peak, MB"), rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
