"""What reads request files inside Python, each a function; run as a program, one of them on a file.

Each measurement runs in a separate process: no candidate profits from what another one has loaded, nor from
memory that another one has asked for.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

_BUFFER = 1 << 18


class Reader(NamedTuple):
    """A function that takes a path and whether each line is a document; `load` imports and returns it."""

    title: str
    load: Callable[[], Callable[[str, bool], None]]
    package: str | None = None
    """What must be installed for it beside imgbudget."""


def _buffer() -> Callable[[str, bool], None]:
    def read(path: str, lines: bool) -> None:  # noqa: ARG001, FBT001 - all readers are called alike
        buffer = bytearray(_BUFFER)
        with open(path, "rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    return read


def _library(name: str) -> Callable[[str, bool], None]:
    """`loads` of a module on the bytes of a file, or on each of its lines in turn."""
    loads: Callable[[bytes], Any] = import_module(name).loads

    def read(path: str, lines: bool) -> None:  # noqa: FBT001
        with open(path, "rb") as file:
            if lines:
                for line in file:
                    loads(line)
            else:
                loads(file.read())

    return read


def _spans(*, check: bool) -> Callable[[str, bool], None]:
    """The span reader, each document dropped when the next one is asked for."""
    from imgbudget.jsontext.document import Document, open_documents  # noqa: PLC0415
    from imgbudget.jsontext.source import JsonSource  # noqa: PLC0415

    def read(path: str, lines: bool) -> None:  # noqa: FBT001
        with JsonSource.open(path) as source:
            for document in open_documents(source, lines=lines, check=check):
                if not isinstance(document, Document):
                    sys.exit(f"{path}: {document.message}")

    return read


def _lint() -> Callable[[str, bool], None]:
    """All that `check --format json:FILE` does once its rules are loaded."""
    from imgbudget.cli.checking import Output, check_paths  # noqa: PLC0415
    from imgbudget.cli.output import Progress, Sink  # noqa: PLC0415
    from imgbudget.linter.options import RunOptions  # noqa: PLC0415
    from imgbudget.linter.run import Session  # noqa: PLC0415
    from imgbudget.model.subjects import ProbeField  # noqa: PLC0415
    from imgbudget.output.base import TextStyle  # noqa: PLC0415
    from imgbudget.output.registry import make_reporter  # noqa: PLC0415

    session = Session(RunOptions(isolated=True, fields=ProbeField.ORIENTATION | ProbeField.FRAMES))

    def check(path: str, lines: bool) -> None:  # noqa: ARG001, FBT001 - decided by the name
        output = Output(make_reporter("json", TextStyle()), Sink(os.devnull))
        check_paths(session, [path], [output], Progress(wanted=False))

    return check


READERS = {
    "buffer": Reader("reading alone, into one buffer of 256 KiB", _buffer),
    "parse": Reader("**imgbudget**, parsing", lambda: _spans(check=False)),
    "checked": Reader("**imgbudget**, parsing with the base64 check", lambda: _spans(check=True)),
    "lint": Reader("**imgbudget**, whole lint", _lint),
    "orjson": Reader("orjson", lambda: _library("orjson"), package="orjson"),
    "json": Reader("json", lambda: _library("json")),
}


def peak_memory() -> int:
    """The most memory, in bytes, that this process had at once."""
    try:
        # on Linux getrusage() also counts what the process had before it became this program
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak << 10


def _cpu() -> float:
    """CPU seconds of this process and of those that it has started, once they have ended."""
    others = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + others.ru_utime + others.ru_stime


def main(name: str, path: str, small: str) -> None:
    """Run a reader on a file, after a small one of the same kind: prints CPU and wall seconds and bytes."""
    lines = path.endswith(".jsonl")
    read = READERS[name].load()
    read(small, lines)
    before = peak_memory()
    cpu, wall = _cpu(), time.perf_counter()
    read(path, lines)
    spent = _cpu() - cpu, time.perf_counter() - wall
    print(json.dumps([*spent, peak_memory() - before]))


if __name__ == "__main__":
    main(*sys.argv[1:])
