"""Row files of no audit; as a program, makes their statistics and report, prints its size and peak memory."""

import os
import random
import resource
import sys
from collections.abc import Iterator
from time import perf_counter

from imgbudget.auditing.aggregate import AuditContext, aggregate
from imgbudget.auditing.html.page import page
from imgbudget.auditing.html.thumbnails import thumbnails
from imgbudget.auditing.rowfiles import write_rows
from imgbudget.auditing.rows import FactsRecord
from imgbudget.auditing.store import open_rows, row_files
from imgbudget.limits.geometry import Size
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.location import Location
from imgbudget.model.subjects import Finding, Severity

PER_FILE = 1000
_MADE = 100
"""Different files; they are repeated with other names and hashes, since making each row takes 15 us."""


def make_rows(folder: str, count: int, *, seed: int = 1) -> None:
    """So many rows in files of a thousand, as a run leaves them: sizes, findings and hashes of their own."""
    import pyarrow as pa  # noqa: PLC0415 - this function only
    import pyarrow.parquet as pq  # noqa: PLC0415

    os.makedirs(folder)
    chance = random.Random(seed)  # noqa: S311 - a benchmark
    tiers = Session(RunOptions(isolated=True)).limits.tiers
    made = [
        pq.read_table(pa.BufferReader(write_rows(list(_records(chance, number)), tiers, dict)))
        for number in range(min(_MADE, count // PER_FILE))
    ]
    for number in range(count // PER_FILE):
        table = made[number % len(made)]
        members = [f"{number // 100:04}/{number:06}_{i:03}.jpg" for i in range(PER_FILE)]
        hashes = [chance.randbytes(16).hex() for _ in range(PER_FILE - 5)]
        hashes += [f"{i:032x}" for i in range(5)]  # five images are in every file
        for name, values in (
            ("member", pa.array(members)),
            ("hash", pa.array(hashes)),
        ):
            table = table.set_column(table.schema.get_field_index(name), name, values)
        pq.write_table(table, os.path.join(folder, f"rows-{number:08}.parquet"), compression="zstd")


def _records(chance: random.Random, number: int) -> Iterator[FactsRecord]:
    place = Location("x")
    for i in range(PER_FILE):
        size = Size(int(chance.lognormvariate(7, 0.7)) + 1, int(chance.lognormvariate(7, 0.7)) + 1)
        findings = []
        if size.long_edge > 1568:
            findings.append(_finding("IB201", Severity.WARNING, place, size.long_edge, 1568))
        if size.long_edge > 8000:
            findings.append(_finding("IB101", Severity.ERROR, place, size.long_edge, 8000))
        byte_size = int(chance.lognormvariate(11, 1.5))
        yield FactsRecord(
            "dataset",
            f"{number}/{i}.jpg",
            format=chance.choice(("jpeg", "jpeg", "png", "webp", "gif")),
            size=size,
            visible=size,
            orientation=1,
            frames=1,
            quality=chance.randrange(1, 101),
            byte_size=byte_size,
            base64_bytes=byte_size * 4 // 3,
            digest=chance.randbytes(16),
            findings=findings,
        )


def _finding(code: str, severity: Severity, place: Location, measured: float, limit: float) -> Finding:
    return Finding(
        code,
        "name",
        severity,
        place,
        "",
        None,
        "",
        measured,
        limit,
        "px",
        "model",
        "platform",
        None,
        None,
        "",
    )


def main() -> int:
    """Statistics and page of a folder of row files; print the page's bytes and the peak in KiB."""
    session = Session(RunOptions(isolated=True))
    with open_rows(row_files(sys.argv[1]), session.context.limits()) as store:
        begun = perf_counter()
        statistics = aggregate(store, AuditContext(session.limits, session.registry.rules, ("dataset",)))
        gathered = perf_counter()
        text = page(statistics, store, thumbnails)
    print(f"statistics {gathered - begun:.1f} s, page {perf_counter() - gathered:.1f} s", file=sys.stderr)
    print(len(text.encode()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return 0


if __name__ == "__main__":
    sys.exit(main())
