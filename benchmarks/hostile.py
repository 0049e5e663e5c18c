"""The guard's worst CPU time on request bodies with mutated PDFs, and on mutated bodies.

`python -m benchmarks.hostile` from the root of the repository; exit 1 if a body takes longer than the limit.
"""

import argparse
from itertools import islice
from statistics import median, quantiles
from time import thread_time

from imgbudget.linter.options import RunOptions
from imgbudget.live.inspection import InspectionTarget, Inspector
from imgbudget.model.subjects import Severity
from tests.hostile.pdfs import mutated_bodies

LIMIT = 0.1
"""CPU seconds that a body may take (issue 15)."""


def main() -> None:
    """Measure and print; exit 1 if a body takes too long."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=15)
    parser.add_argument("--size", type=int, default=100_000, help="bytes of the larger PDFs")
    options = parser.parse_args()
    inspector = Inspector(RunOptions(isolated=True), Severity.ERROR)
    times = []
    unread = 0
    for body in islice(mutated_bodies(options.seed, options.size), options.count):
        begun = thread_time()
        found = inspector.findings(body, InspectionTarget())
        times.append((thread_time() - begun, len(body)))
        unread += any("pages not counted" in finding.message for finding in found)
    seconds = [took for took, _ in times]
    worst, size = max(times)
    print(
        f"{options.count} bodies of {median(size for _, size in times):.0f} bytes in the median: median "
        f"{median(seconds) * 1e3:.2f} ms, 99 % below {quantiles(seconds, n=100)[-1] * 1e3:.1f} ms, "
        f"worst {worst * 1e3:.1f} ms ({size} bytes); {unread} with documents that were not counted"
    )
    if worst > LIMIT:
        raise SystemExit(f"over {LIMIT * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
