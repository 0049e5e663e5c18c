"""A coverage-guided session over the probes: any bytes, any wanted facts, no exception, hang or hoard.

Needs `pip install atheris Pillow`. Run

    python fuzz/probes.py FOLDER... -max_len=65536 -max_total_time=3600 -rss_limit_mb=400

with folders of seeds, a file each: one byte that chooses the wanted facts, then the bytes of an image. What
it finds becomes a file of tests/regressions.
"""

import subprocess
import sys
import time

import atheris

with atheris.instrument_imports(include=["imgbudget"]):
    # the first file of a format loads its probe, which would be too late for its branches to count
    from imgbudget.imageinfo import gif, heif, jpeg, other_formats, png, webp  # noqa: F401
    from imgbudget.imageinfo.dispatch import probe_bytes
    from imgbudget.imageinfo.pdf import count_pages
    from imgbudget.model.subjects import ImageFacts, ProbeField

SLOWEST = 0.1
"""Seconds that one file may take (measured beside others, so three tries)."""

_PLAINLY = """
import sys, time
from imgbudget.imageinfo.dispatch import probe_bytes
want, body = int(sys.argv[1]), sys.stdin.buffer.read()
times = []
for _ in range(3):
    begun = time.process_time()
    probe_bytes(body, want)
    times.append(time.process_time() - begun)
print(min(times))
"""


def seconds(data: bytes, fields: ProbeField) -> float:
    """Processor time of one probe."""
    begun = time.process_time()
    facts = probe_bytes(data, fields)
    took = time.process_time() - begun
    if not isinstance(facts, ImageFacts) or facts.byte_size != len(data):
        raise AssertionError(f"no facts of {len(data)} bytes: {facts!r}")
    if facts.format is None and facts.content is None and facts.damage is None:
        raise AssertionError(f"neither image nor content nor damage: {facts!r}")
    return took


def plain_seconds(data: bytes, fields: ProbeField) -> float:
    """The same in an interpreter that counts no branches, which takes most of the time here."""
    command = [sys.executable, "-c", _PLAINLY, str(int(fields))]
    return float(subprocess.run(command, input=data, capture_output=True, check=True).stdout)  # noqa: S603


def one(data: bytes) -> None:
    """One input: its first byte chooses the wanted facts."""
    fields = ProbeField(data[0] & ProbeField.ALL) if data else ProbeField.ALL
    body = data[1:]
    slow = min(seconds(body, fields) for _ in range(3)) > SLOWEST
    if slow and plain_seconds(body, fields) > SLOWEST:
        raise AssertionError(f"slower than {SLOWEST} s")
    if body.startswith(b"%PDF"):
        count_pages(lambda size, offset: body[offset : offset + size], len(body))


def main() -> None:
    """Fuzz until the time given to libFuzzer is over."""
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
