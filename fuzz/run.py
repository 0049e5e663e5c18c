"""Coverage-guided fuzzing of everything that reads what strangers wrote; run by hand, needs atheris.

`python fuzz/run.py TARGET [--seconds 900] [--corpus FOLDER]`. A run ends at the first input that
raises, takes longer than 20 s or needs more than 2 GB; the input is written to FOLDER.
What a target may raise is what its callers expect; everything else is a fault of imgbudget.
"""

import argparse
import contextlib
import os
import pkgutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from importlib import import_module

import atheris

with atheris.instrument_imports(include=["imgbudget", "imgbudget_rules"]):
    import imgbudget
    from imgbudget.auditing.partition import Naming
    from imgbudget.auditing.run import plan
    from imgbudget.auditing.work import Work, configuration_key
    from imgbudget.errors import ConfigError, ImgbudgetError
    from imgbudget.explaining import explain
    from imgbudget.imageinfo.dispatch import probe_reader
    from imgbudget.imageinfo.pdf import count_pages
    from imgbudget.imageinfo.reader import bytes_reader
    from imgbudget.linter.options import RunOptions
    from imgbudget.linter.run import Session
    from imgbudget.model.subjects import ProbeField

    for _module in pkgutil.walk_packages(imgbudget.__path__, "imgbudget."):
        # also what is imported late; no input reaches the commands and the network from here
        if not _module.name.startswith(("imgbudget.cli", "imgbudget.live", "imgbudget.__main__")):
            with contextlib.suppress(ImportError):  # an extra
                import_module(_module.name)

from seeds import SEEDS, name_of

Target = Callable[[bytes], None]

SECONDS_AN_INPUT = 20
MEGABYTES = 2048

NATIVE = (".parquet", ".arrow")
"""Files whose readers are not Python, and can end the process on damaged ones."""


class _Folder:
    """An empty folder in memory, in which inputs lie as files."""

    def __init__(self) -> None:
        base = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108 - only the parent of a new folder
        self.path = tempfile.mkdtemp(prefix="fuzz", dir=base)

    def write(self, name: str, data: bytes) -> str:
        path = os.path.join(self.path, name)
        with open(path, "wb") as file:
            file.write(data)
        return path


def requests() -> Target:
    """A body, a batch, a transcript: checked by every rule, and its fixes planned."""
    session = Session(RunOptions(isolated=True, pedantic=True, preview=True, raise_errors=True, edits=True))

    def target(data: bytes) -> None:
        session.process_stdin(data, name_of("requests", data))

    return target


def cassettes() -> Target:
    """Recordings in YAML."""
    session = Session(RunOptions(isolated=True, pedantic=True, raise_errors=True))

    def target(data: bytes) -> None:
        session.process_stdin(data, "cassette.yaml")

    return target


def images() -> Target:
    """The facts of an image of any format; the first byte of an input chooses which are wanted."""

    def target(data: bytes) -> None:
        fields = ProbeField(data[0] & ProbeField.ALL) if data else ProbeField.ALL
        facts = probe_reader(bytes_reader(data[1:]), len(data[1:]), fields)
        if facts.format is None and facts.content is None and facts.damage is None:
            raise AssertionError(f"neither image nor content nor damage: {facts!r}")

    return target


def pdf() -> Target:
    """The number of pages."""

    def target(data: bytes) -> None:
        pages, reason = count_pages(bytes_reader(data), len(data))
        if (pages is None) == (reason is None) or (pages or 0) < 0:
            raise AssertionError(pages, reason)

    return target


def _dataset(target_name: str) -> Target:
    session = Session(RunOptions(isolated=True))
    naming, work, folder = Naming(configuration_key(session)), Work.of(session), _Folder()

    def target(data: bytes) -> None:
        path = folder.write(name_of(target_name, data), data[1:])
        try:
            if path.endswith(NATIVE):
                _in_child(lambda: read(path))
            else:
                read(path)
        finally:
            os.unlink(path)

    def read(path: str) -> None:
        for partition in plan([path], session, naming):
            done = work(partition)
            if done.summary.rules_failed:
                raise AssertionError(done)

    return target


def _in_child(work: Callable[[], None]) -> None:
    """Do it in a process, as audits do; that it ends by a signal is no fault of imgbudget.

    The coverage of that process does not count.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except Exception:  # noqa: BLE001 - shown here, since the process ends
            traceback.print_exc()
        finally:
            os._exit(code)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) > 0:
        raise AssertionError("a fault in the child process, shown above")


def archives() -> Target:
    """Zip and tar files in all compressions; the first byte of an input chooses the suffix."""
    return _dataset("archives")


def tables() -> Target:
    """Parquet, Arrow, manifests in JSON Lines, JSON, CSV; the first byte of an input chooses the suffix."""
    return _dataset("tables")


def configuration() -> Target:
    """A configuration in YAML or TOML; the first byte of an input chooses which."""
    folder = _Folder()

    def target(data: bytes) -> None:
        path = folder.write(name_of("configuration", data), data[1:])
        try:
            with contextlib.suppress(ConfigError, ImgbudgetError):
                Session(RunOptions(config=path))
        finally:
            os.unlink(path)

    return target


def explanations() -> Target:
    """An error text of an API, or a log with some."""

    def target(data: bytes) -> None:
        explain(data.decode("utf-8", "replace"))

    return target


TARGETS: dict[str, Callable[[], Target]] = {
    "requests": requests,
    "cassettes": cassettes,
    "images": images,
    "pdf": pdf,
    "archives": archives,
    "tables": tables,
    "configuration": configuration,
    "explain": explanations,
}


def main() -> None:
    """Fuzz one target for a time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=900)
    parser.add_argument("--corpus", default=None, help="keeps inputs from run to run")
    given = parser.parse_args()
    corpus = given.corpus or tempfile.mkdtemp(prefix=f"fuzz-{given.target}-")
    os.makedirs(corpus, exist_ok=True)
    for number, seed in enumerate(SEEDS[given.target]()):
        with open(os.path.join(corpus, f"seed{number:03}"), "wb") as file:
            file.write(seed)
    work, begun, tried = TARGETS[given.target](), time.monotonic(), 0

    def counted(data: bytes) -> None:
        nonlocal tried
        tried += 1
        work(data)

    options = [
        f"-max_total_time={given.seconds}",
        f"-timeout={SECONDS_AN_INPUT}",
        f"-rss_limit_mb={MEGABYTES}",
        "-max_len=65536",
        f"-artifact_prefix={corpus}/fault-",
    ]
    print(f"{given.target}: inputs in {corpus}", flush=True)
    atheris.Setup([sys.argv[0], *options, corpus], counted)
    try:
        atheris.Fuzz()
    finally:
        print(f"{given.target}: {tried} inputs in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
