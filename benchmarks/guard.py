"""Time that the guard adds to a request, against what the SDK takes to serialise the same body.

`python benchmarks/guard.py [PART...]`, CPU seconds, interleaved, the best of several runs. Each body is
checked right after it is serialised, as in a call. The parts are `small` (2 MB, 20 images), `large` (31 MB,
100 images) and `conversation` (1,000 calls, each with one image more). `first` is a request whose images the
guard checks for the first time, `again` one whose images were in an earlier request, as in a conversation.
"""

import argparse
import base64
import json
import os
from collections.abc import Callable
from io import BytesIO
from time import process_time
from typing import Any, NamedTuple

from PIL import Image

from imgbudget.linter.options import RunOptions
from imgbudget.live.inspection import InspectionTarget, Inspector
from imgbudget.model.subjects import Severity


class Part(NamedTuple):
    """A body, and the share of its serialising that the guard may add (issue 21)."""

    megabytes: float
    images: int
    runs: int
    limit: float


PARTS = {"small": Part(2, 20, 300, 0.10), "large": Part(31, 100, 15, 0.07)}
CALLS = 1000
_EDGE = 40


def picture(edge: int, count: int) -> list[str]:
    """Noise in PNG as base64, as dense as photographs: each another one."""
    made = []
    for _ in range(count):
        out = BytesIO()
        Image.frombytes("RGB", (edge, edge), os.urandom(3 * edge * edge)).save(out, "PNG", compress_level=1)
        made.append(base64.b64encode(out.getvalue()).decode("ascii"))
    return made


def request(images: list[str]) -> dict[str, Any]:
    """A Messages API body of one turn."""
    sources = [{"type": "base64", "media_type": "image/png", "data": data} for data in images]
    blocks: list[dict[str, Any]] = [{"type": "image", "source": source} for source in sources]
    text = {"type": "text", "text": "What do these show?"}
    messages = [{"role": "user", "content": [*blocks, text]}]
    return {"model": "claude-sonnet-4-6", "max_tokens": 1024, "messages": messages}


def serialiser() -> Callable[[Any], bytes]:
    """The SDK's own; the standard library's where the SDK is not installed."""
    try:
        from anthropic._utils._json import openapi_dumps  # noqa: PLC0415 - may be missing
    except ImportError:
        return lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return openapi_dumps


def inspector() -> Inspector:
    """A guard's, which remembers nothing yet."""
    return Inspector(RunOptions(isolated=True), Severity.ERROR)


def measure(name: str, part: Part) -> bool:
    """Measure and print a part; whether the guard takes at most its share."""
    edge = int((part.megabytes * 1e6 / part.images * 3 / 4 / 3) ** 0.5)
    value = request(picture(edge, part.images))
    dumps = serialiser()
    body = dumps(value)
    if found := inspector().findings(body, InspectionTarget()):
        raise SystemExit(f"the body is not clean: {found[0].message}")
    writing: list[float] = []
    first: list[float] = []
    again: list[float] = []
    for _ in range(part.runs):
        checked = inspector()
        checked.findings(dumps(request([])), InspectionTarget())  # what any first call loads
        for taken in (first, again):
            begun = process_time()
            body = dumps(value)
            writing.append(process_time() - begun)
            begun = process_time()
            checked.findings(body, InspectionTarget())
            taken.append(process_time() - begun)
    least = min(writing)
    print(f"{name}: {len(body) / 1e6:.1f} MB, {part.images} images, serialising {least * 1e3:.2f} ms")
    for called, taken in (("first", first), ("again", again)):
        share = min(taken) / least
        print(f"  {called}: {min(taken) * 1e3:.2f} ms, {share:.1%} of it (at most {part.limit:.0%})")
    return bool(min(again) / least <= part.limit)


def converse() -> None:
    """Print how the time of a call and the memory grow with a conversation."""
    dumps, checked, images = serialiser(), inspector(), picture(_EDGE, CALLS)
    writing, looking, size = 0.0, 0.0, 0
    for number in range(1, CALLS + 1):
        if number == CALLS - CALLS // 10:
            writing, looking, size = 0.0, 0.0, 0
        begun = process_time()
        body = dumps(request(images[:number]))
        written = process_time()
        checked.findings(body, InspectionTarget())
        looking += process_time() - written
        writing, size = writing + written - begun, size + len(body)
        if number in (CALLS // 10, CALLS):
            print(
                f"conversation, to call {number}: {looking / size * 1e9:.2f} ns a byte, "
                f"{looking / writing:.1%} of serialising; "
                f"{len(checked.known)} images known in {checked.known.size / 1e6:.1f} MB"
            )


def main() -> None:
    """Measure and print; exit 1 where the guard takes more than its share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=[*PARTS, "conversation"])
    chosen = parser.parse_args().parts
    within = [measure(name, part) for name, part in PARTS.items() if name in chosen]
    if "conversation" in chosen:
        converse()
    if not all(within):
        raise SystemExit("over the share")


if __name__ == "__main__":
    main()
