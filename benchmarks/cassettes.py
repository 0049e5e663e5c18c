"""Measures the check of YAML cassettes by how many requests they have, against parsing them, as Markdown."""

# ruff: noqa: S311 - the files are to be the same for the same seed, not secret

import argparse
import base64
import gzip
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Any

from measuring import Cost, interleave, median, note, ratio, table
from payloads import MODEL, Payload, make_payload, make_question

_COUNTS = (2_000, 5_000, 20_000)
_FORMS = ("text", "base64", "gzip")
"""How bodies are recorded: as text, as base64 where they are bytes, in gzip."""

_IMAGES = 8
_IMAGE_BYTES = 700
_TURNS = ("what is this?", "a label", "and this one?")
_HEADERS = {
    "accept": ["application/json"],
    "anthropic-version": ["2023-06-01"],
    "content-type": ["application/json"],
}


def _bodies(count: int) -> Iterator[dict[str, Any]]:
    """Small bodies: each tenth has an image, the others texts."""
    rng = Random(1)
    images: list[Payload] = [make_payload(rng, "png", _IMAGE_BYTES) for _ in range(_IMAGES)]
    for number in range(count):
        if number % 10 == 0:
            yield make_question(rng, [images[number // 10 % _IMAGES]])
        else:
            turns = [{"role": "user", "content": f"{rng.choice(_TURNS)} ({number})"}]
            yield {"model": MODEL, "max_tokens": 1024, "messages": turns}


def _lines(body: bytes, form: str) -> str:
    """The body of a request as VCR for Python writes it."""
    if form == "text":
        return f"    body: {json.dumps(body.decode(), ensure_ascii=False)}\n"
    packed = gzip.compress(body, mtime=0) if form == "gzip" else body
    encoded = base64.b64encode(packed).decode()
    lines = "".join(f"      {encoded[at : at + 76]}\n" for at in range(0, len(encoded), 76))
    return f"    body: !!binary |\n{lines}"


def write_cassette(path: str, count: int, form: str) -> None:
    """Write a cassette of as many interactions."""
    headers = "".join(f"      {name}:\n      - {value}\n" for name, (value,) in _HEADERS.items())
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("interactions:\n")
        for body in _bodies(count):
            data = json.dumps(body, ensure_ascii=False).encode()
            file.write(
                f"- request:\n{_lines(data, form)}    headers:\n{headers}    method: POST\n"
                "    uri: https://api.anthropic.com/v1/messages\n"
                '  response:\n    body:\n      string: \'{"id":"msg_01","content":[]}\'\n'
                "    headers:\n      content-type:\n      - application/json\n"
                "    status:\n      code: 200\n      message: OK\n"
            )
        file.write("version: 1\n")


def _measured(work: Callable[[], object]) -> Cost:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Cost(time.process_time() - cpu, time.perf_counter() - wall)


def _parse(path: str) -> None:
    """All events of PyYAML's parser, of libyaml if it has that."""
    import yaml  # noqa: PLC0415 - what is measured

    with open(path, encoding="utf-8") as file:
        for _ in yaml.parse(file.read(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            pass


def _check(path: str) -> None:
    import imgbudget  # noqa: PLC0415 - what is measured

    imgbudget.check(path)


def main() -> int:
    """Write the cassettes and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each (default: %(default)s)")
    parser.add_argument(
        "--counts", type=int, nargs="+", default=_COUNTS, help="requests (default: %(default)s)"
    )
    wish = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for form in _FORMS:
            for count in wish.counts:
                path = os.path.join(folder, f"{form}-{count}.yaml")
                write_cassette(path, count, form)
                note(f"{form}, {count} requests")
                work = {"parse": partial(_parse, path), "check": partial(_check, path)}
                costs = interleave({name: partial(_measured, one) for name, one in work.items()}, wish.rounds)
                size, parsed, checked = (
                    os.path.getsize(path) / 1e6,
                    median(costs["parse"]),
                    median(costs["check"]),
                )
                share = ratio(costs["check"], costs["parse"]).cpu
                rows.append(
                    (
                        *(f"{count:,} bodies as {form}", f"{size:.1f}", f"{parsed.cpu:.2f}"),
                        *(f"{checked.cpu:.2f}", f"{share:.2f}", f"{checked.cpu / count * 1e6:.0f}"),
                    )
                )
    print(f"# Measured with CPython {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores")
    header = ("cassette", "MB", "events of PyYAML, s", "check, s", "× events", "µs a request")
    table(f"YAML cassettes, CPU, medians of {wish.rounds} rounds", header, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
