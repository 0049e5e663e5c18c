"""Measures imgbudget against a C floor and its peers on a corpus, all in one run and in turn, as Markdown."""

import argparse
import os
import platform
import sys
import tempfile

import manifest
from cfloor import compile_floor
from folders import compare_auditors, compare_folder
from headers import compare_peers, compare_probes
from starts import compare_starts

PARTS = ("probe", "check", "start", "peers")
_START_ROUNDS = 15
_AUDITOR_ROUNDS = 3


def main() -> int:
    """Run the parts that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", help="folder that corpus.py made")
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each (default: %(default)s)")
    parser.add_argument("--part", action="append", choices=PARTS, help="only this part; may be repeated")
    parser.add_argument("--sample", type=int, default=1000, help="files for the slow (default: %(default)s)")
    parser.add_argument("--cleanvision", metavar="PYTHON", help="the Python that has CleanVision")
    parser.add_argument("--imgclean", metavar="PYTHON", help="the Python that has imgclean")
    wish = parser.parse_args()
    if not os.path.exists(os.path.join(wish.corpus, manifest.NAME)):
        parser.error(f"{wish.corpus} has no {manifest.NAME}: make it with corpus.py")
    parts = wish.part or PARTS
    pythons = {name: path for name in ("cleanvision", "imgclean") if (path := getattr(wish, name))}
    print(f"# Measured with CPython {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        floor = compile_floor(folder)
        if "probe" in parts:
            compare_probes(wish.corpus, floor, wish.rounds, wish.sample)
        if "check" in parts:
            compare_folder(wish.corpus, floor, wish.rounds)
            compare_auditors(wish.corpus, pythons, min(wish.rounds, _AUDITOR_ROUNDS))
        if "start" in parts:
            compare_starts(max(wish.rounds, _START_ROUNDS))
        if "peers" in parts:
            compare_peers(wish.corpus, floor, min(wish.rounds, _AUDITOR_ROUNDS), wish.sample)
    return 0


if __name__ == "__main__":
    sys.exit(main())
