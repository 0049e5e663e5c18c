"""Checks very many small files in one run: seconds, files a second, and the most memory of a process."""

import argparse
import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from zlib import compress, crc32

from measuring import note, program, table

_EDGES = range(200, 1200)
"""Widths, and heights, of the pictures in px: a million pictures of different sizes."""

_KINDS = ("different", "copies")
_COPIED = 500
"""Different pictures among those that are copies."""


def main() -> int:
    """Make the folders where they are missing, and check each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="where the pictures are or go: 4 kB of disk for each")
    parser.add_argument("--files", type=int, default=1_000_000, help="pictures (default: %(default)s)")
    wish = parser.parse_args()
    if not 0 < wish.files <= len(_EDGES) ** 2:
        parser.error(f"--files is 1 to {len(_EDGES) ** 2:,}")
    rows = []
    for kind in _KINDS:
        folder = os.path.join(wish.folder, f"{kind}-{wish.files}")
        if not os.path.exists(folder):
            note(f"makes {folder}")
            _make(folder, wish.files, copies=kind == "copies")
        for more in ((), ("--ignore", "IB801")):
            note(f"checks {folder} {' '.join(more)}")
            _check(folder, *more)  # the first one finds the files on the disk
            wall, peak = _check(folder, *more)
            name = f"{kind}{', without IB801' if more else ''}"
            numbers = (f"{wall:.1f}", f"{wish.files / wall:,.0f}", f"{peak >> 20:,}")
            rows.append((name, f"{wish.files:,}", *numbers))
    header = ("pictures", "files", "wall, s", "files a second", "peak of the largest process, MiB")
    table("`imgbudget check FOLDER --format jsonl`", header, rows)
    return 0


def _make(folder: str, files: int, *, copies: bool) -> None:
    """Pictures of 200 to 1,199 px, a folder for each width, under a temporary name until all are written."""
    made = f"{folder}.part"
    for number, (width, height) in enumerate(_sizes(files)):
        below = os.path.join(made, f"{width:04}")
        if not number % len(_EDGES):
            os.makedirs(below, exist_ok=True)
        same = number % _COPIED
        size = (_EDGES[0], _EDGES[same]) if copies else (width, height)
        with open(os.path.join(below, f"{height:04}.png"), "wb", buffering=0) as file:
            file.write(_picture(*size))
    os.rename(made, folder)


def _sizes(files: int) -> Iterator[tuple[int, int]]:
    for number in range(files):
        yield _EDGES[number // len(_EDGES)], _EDGES[number % len(_EDGES)]


_PIXELS = compress(bytes(4000))
"""Enough for no more than the header's word to be taken: nothing is decoded."""


def _picture(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", _PIXELS), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _check(folder: str, *more: str) -> tuple[float, int]:
    """Seconds of a check, and the most memory in bytes that one of its processes had."""
    command = [program("imgbudget"), "check", "--isolated", "--no-cache", "--no-progress", folder]
    start = time.perf_counter()
    with subprocess.Popen(
        [*command, "--format", "jsonl", *more], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)} exits {process.returncode}")
    # the system counts in the workers, which have ended before
    return wall, used.ru_maxrss if sys.platform == "darwin" else used.ru_maxrss << 10


if __name__ == "__main__":
    sys.exit(main())
