"""Fixtures that all tests share: the command as a function, in an empty folder."""

import gc
import io
import json
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.strategies import text
from pytest_httpserver import HTTPServer

from imgbudget import programs
from imgbudget.cli import main
from imgbudget.linter import pool
from tests.liveapi import KEY, Api

os.environ["IMGBUDGET_DATE"] = "2026-09-30"  # or findings would change with the calendar
settings.register_profile(
    "default", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=30
)
# by hand: pytest --hypothesis-profile thorough
settings.register_profile("thorough", settings.get_profile("default"), max_examples=1000)
# for benchmarks/mutants.py, which runs the same tests many times
settings.register_profile("few", settings.get_profile("default"), max_examples=10, derandomize=True)
settings.load_profile("default")


if hasattr(os, "register_at_fork"):
    # coverage keeps nothing of worker processes, which end without it: what they run is not traced
    os.register_at_fork(after_in_child=partial(sys.settrace, None))

MEASURED = 8
"""With how many sets of parameters a test is measured for coverage: more of them rarely reach other lines."""
_measured: Counter[str] = Counter()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Run a test of hostile input unmeasured if it was measured often enough with other parameters.

    Measuring doubles the time of a test. The coverage that is reported is so a lower bound.
    """
    test = item.nodeid.partition("[")[0]
    _measured[test] += 1
    tracer = sys.gettrace()
    if tracer is None or _measured[test] <= MEASURED or not test.startswith("tests/hostile/"):
        return (yield)
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)


gc.disable()  # while tests are collected, which makes objects by the hundred thousand and no garbage


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name binary data by its length: gzip has the time in it, and tests have one name in all processes."""
    return f"{len(val)} bytes" if isinstance(val, bytes) and not val.isascii() else None


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, Any, Any]:
    """Import all modules of tests before the whole suite is collected, which is not measured.

    Each process begins with others of them, and so compiles only those that no other one has compiled. To
    make twelve thousand items of them, and what Hypothesis gathers of all characters and constants, takes
    three times as long while it is measured, and runs nothing of the product.
    """
    config = session.config
    if config.args != config.getini("testpaths") or config.getoption("numprocesses", None):
        return (yield)
    paths = sorted(path.relative_to(config.rootpath) for path in Path(__file__).parent.rglob("test_*.py"))
    worker = getattr(config, "workerinput", {"workerid": "gw0", "workercount": 1})
    first = len(paths) * int(worker["workerid"][2:]) // worker["workercount"]
    for path in (*paths[first:], *paths[:first]):
        with suppress(Exception, pytest.skip.Exception):  # reported when it is collected
            import_module(".".join(path.with_suffix("").parts))
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        text().validate()
        return (yield)
    finally:
        sys.settrace(tracer)


def pytest_collection_finish() -> None:
    """Search for garbage again, but not among the tests."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True, scope="session")
def unmeasured_subprocesses() -> None:
    """Coverage measures the tests' own processes only: a traced command is slow and imports more."""
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        os.environ.pop(name, None)


@pytest.fixture(autouse=True, scope="session")
def no_other_programs() -> Iterator[None]:
    """What is installed does not change results; tests of such a program say where it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(programs, "get_exec_path", list)
        yield


@pytest.fixture(autouse=True)
def as_in_a_new_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle servers and libvips, which earlier tests have left, do not decide how workers are started.

    What a test starts itself does, and so does a server that it uses. A worker that is forked after libvips
    was loaded encodes with Pillow: a test that compares its bytes uses `real_workers`.
    """
    threads, vips = threading.active_count(), "pyvips" in sys.modules
    if {"make_httpserver", "real_workers"}.isdisjoint(request.fixturenames) and (threads > 1 or vips):
        monkeypatch.setattr(
            pool,
            "has_threads",
            lambda: threading.active_count() > threads or (not vips and "pyvips" in sys.modules),
        )


@pytest.fixture
def real_workers() -> None:
    """Workers are started as the product does it in this process, see `as_in_a_new_process`."""


class Run(NamedTuple):
    """What a call of the command gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output as JSON."""
        return json.loads(self.out)

    @property
    def codes(self) -> list[str]:
        """The codes of the findings, in order."""
        return [finding["code"] for finding in self.json["findings"]]


Command = Callable[..., Run]

posix = pytest.mark.skipif(os.name != "posix", reason="ends processes by signals")


@pytest.fixture
def imgbudget(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """The command, called in the empty folder `tmp_path`, with a scrubbed environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)

    def run(*arguments: str, stdin: bytes = b"") -> Run:
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        said = capsys.readouterr()
        assert isinstance(stop.value.code, int)
        return Run(stop.value.code, said.out, said.err)

    return run


@pytest.fixture
def api(make_httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A Messages API on loopback, which the environment names to the SDK with a marked key."""
    for name in list(os.environ):
        if name.startswith(("ANTHROPIC_", "AWS_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    make_httpserver.clear()
    made = Api(make_httpserver)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", made.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    yield made
    make_httpserver.clear()
