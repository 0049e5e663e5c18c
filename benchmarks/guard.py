"""Time that the guard adds to a request, against what the SDK takes to serialise the same body.

`python benchmarks/guard.py`: a body of 31 MB by default, CPU seconds, interleaved, the best of several runs.
"""

import argparse
import base64
import json
import os
from collections.abc import Callable
from io import BytesIO
from time import process_time
from typing import Any

from PIL import Image

from imgbudget.linter.options import RunOptions
from imgbudget.live.inspection import InspectionTarget, Inspector
from imgbudget.model.subjects import Severity

LIMIT = 0.10
"""Share of the serialising that the guard may add (issue 8)."""


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


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    begun = process_time()
    work()
    return process_time() - begun


def main() -> None:
    """Measure and print; exit 1 where the guard takes more than its share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=31)
    parser.add_argument("--images", type=int, default=6)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    edge = int((options.megabytes * 1e6 / options.images * 3 / 4 / 3) ** 0.5)
    value = request(picture(edge, options.images))
    dumps = serialiser()
    body = dumps(value)
    inspector = Inspector(RunOptions(isolated=True), Severity.ERROR)
    if found := inspector.findings(body, InspectionTarget()):
        raise SystemExit(f"the body is not clean: {found[0].message}")
    writing, looking = [], []
    for _ in range(options.runs):
        writing.append(seconds(lambda: dumps(value)))
        looking.append(seconds(lambda: inspector.findings(body, InspectionTarget())))
    share = min(looking) / min(writing)
    print(
        f"{len(body) / 1e6:.1f} MB, {options.images} images of {edge} px: serialising "
        f"{min(writing) * 1e3:.1f} ms, guard {min(looking) * 1e3:.1f} ms, {share:.1%} of it"
    )
    if share > LIMIT:
        raise SystemExit(f"over {LIMIT:.0%}")


if __name__ == "__main__":
    main()
