"""Mutation testing: changes the product in one place at a time and lists the mutants that no test kills.

Run it from the repository: `python benchmarks/mutants.py --number 100`. It works in copies of the tree, runs
for each mutant the tests that execute its line, and keeps coverage and results in `mutants/`, so that a
stopped run continues where it was. Not part of CI: the first run measures the coverage of the whole suite.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
import xml.etree.ElementTree as ET  # our own test runner wrote it
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

from coverage import CoverageData

from mutations import Mutant, mutants_of

ROOT = Path(__file__).resolve().parents[1]
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".coverage*", ".hypothesis", ".*_cache", "__pycache__", "mutants", "build", "dist"
)
_OPTIONS = ("-q", "-n", "0", "-p", "no:cacheprovider", "--no-header", "--hypothesis-profile=few")
_PATIENCE, _LEAST_SECONDS = 5, 30
"""A fault may make tests this many times slower, and this many seconds are always given."""

_FILES = 6
"""Files of tests that are run for a fault."""


def main() -> int:
    """Test the faults that the command line asks for, and print a table of those that survive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", nargs="*", help="default: [tool.mutants] packages of pyproject.toml")
    parser.add_argument("--number", type=int, default=100, help="faults to draw (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="of the draw (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=1, help="at the same time (default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=60, help="of tests a fault (default: %(default)s)")
    parser.add_argument("--tests", nargs="+", default=["tests"], help="files or folders (default: all)")
    parser.add_argument("--nice", type=int, default=10, help="how far to give way (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=ROOT / "mutants", help="for coverage and results")
    parser.add_argument("--again", action="store_true", help="test again what has survived before")
    wish = parser.parse_args()
    os.nice(wish.nice)
    packages = wish.packages or _configured()
    wish.folder.mkdir(parents=True, exist_ok=True)
    suite = _suite(packages, wish.tests, wish.folder, wish.processes)
    drawn = _draw(packages, wish.number, wish.seed)
    store = Store(wish.folder / "results.jsonl", again=wish.again)
    left = [mutant for mutant in drawn if store.get(mutant) is None]
    print(f"{len(drawn)} faults, {len(drawn) - len(left)} of them tested before", file=sys.stderr)
    _test_all(left, suite, store, processes=wish.processes, seconds=wish.seconds)
    return _report(drawn, store)


def _configured() -> list[str]:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [str(name) for name in settings["tool"]["mutants"]["packages"]]


def _sources(packages: Iterable[str]) -> list[Path]:
    """The modules of packages, given by their dotted names."""
    found: list[Path] = []
    for package in packages:
        parts = package.split(".")
        places = [folder.joinpath(*parts) for folder in (ROOT / "analyzer", ROOT / "rules")]
        files = [path for place in places for path in (place.with_suffix(".py"), *place.rglob("*.py"))]
        known = [path for path in files if path.is_file() and not path.name.startswith("_generated")]
        if not known:
            sys.exit(f"no package {package}")
        found += known
    return sorted(set(found))


def _draw(packages: Iterable[str], number: int, seed: int) -> list[Mutant]:
    """So many of all faults in a random order, the same ones for the same seed and sources."""
    every = [
        mutant
        for path in _sources(packages)
        for mutant in mutants_of(path.relative_to(ROOT).as_posix(), path.read_bytes())
    ]
    return random.Random(seed).sample(every, min(number, len(every)))  # noqa: S311 - not for secrets


class Test(NamedTuple):
    """A test function: its node id, and the seconds that all of its cases take."""

    name: str
    seconds: float

    @property
    def file(self) -> str:
        """The file that it is in."""
        return self.name.partition("::")[0]


@dataclass
class Suite:
    """Which tests run which lines. Lines that run at import only count for all tests of their file."""

    databases: list[Path]
    tests: dict[str, Test]
    _files: dict[str, dict[int, set[str]]] = field(default_factory=dict)

    def tests_of(self, mutant: Mutant) -> list[Test]:
        """The tests that run a fault: those of the most specific files first, in each file the fastest.

        A file is as specific as the share of its tests that run the fault. Few files are taken, because each
        has to be imported first.
        """
        lines = self._lines(mutant.path)
        touched = range(mutant.first_line, mutant.last_line + 1)
        names = {name for line in touched for name in lines.get(line, ())}
        names &= self.tests.keys()
        if not names and any(line in lines for line in touched):
            names = {name for known in lines.values() for name in known} & self.tests.keys()
        tests = [self.tests[name] for name in names]
        every, hits = Counter(test.file for test in self.tests.values()), Counter(test.file for test in tests)
        files = sorted(hits, key=lambda file: (-hits[file] / every[file], file))[:_FILES]
        tests = [test for test in tests if test.file in files]
        return sorted(tests, key=lambda test: (files.index(test.file), test.seconds, test.name))

    def _lines(self, path: str) -> dict[int, set[str]]:
        if path not in self._files:
            lines: dict[int, set[str]] = {}
            for database in self.databases:
                data = CoverageData(str(database))
                data.read()
                measured = next((name for name in data.measured_files() if name.endswith("/" + path)), None)
                for line, names in (data.contexts_by_lineno(measured) if measured else {}).items():
                    lines.setdefault(line, set()).update(names)
            self._files[path] = lines
        return self._files[path]


def _suite(packages: Sequence[str], tests: Sequence[str], folder: Path, processes: int) -> Suite:
    """The coverage of each test file by a separate run, cached until the file changes."""
    files = _test_files(tests)
    common = _fingerprint(packages)
    kept = [folder / f"{file.stem}-{_digest(common, file.read_bytes())}.db" for file in files]
    missing = [(file, database) for file, database in zip(files, kept, strict=True) if not _is_done(database)]
    if missing:
        print(f"measuring the coverage of {len(missing)} files of tests", file=sys.stderr)
        with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(processes) as pool:
            tree = _copy(Path(scratch) / "tree")
            list(pool.map(lambda job: _measure(tree, packages, *job), missing))
    known: dict[str, Test] = {}
    for database in filter(_is_done, kept):
        known |= _tests(_times(database))
    return Suite([database for database in kept if _is_done(database)], known)


def _test_files(tests: Sequence[str]) -> list[Path]:
    places = [ROOT / test for test in tests]
    return sorted(
        {file for place in places for file in (place.rglob("test_*.py") if place.is_dir() else [place])}
    )


def _measure(tree: Path, packages: Sequence[str], file: Path, database: Path) -> None:
    """Run a file of tests under coverage; what has failed or was stopped is run again the next time."""
    part = database.with_suffix(".part")
    settings = tree.parent / f"{database.stem}.coveragerc"
    names = ",".join(packages)
    settings.write_text(
        f"[run]\ndynamic_context = test_function\ndata_file = {database}\nsource_pkgs = {names}\n"
        "disable_warnings = no-data-collected, module-not-imported\n"
    )
    database.unlink(missing_ok=True)
    coverage = [sys.executable, "-m", "coverage", "run", f"--rcfile={settings}", "-m", "pytest"]
    command = [*coverage, *_OPTIONS, f"--junit-xml={part}", file.relative_to(ROOT).as_posix()]
    began = time.monotonic()
    subprocess.run(command, cwd=tree, env=_environment(tree), check=False, stdout=subprocess.DEVNULL)
    if part.exists() and database.exists():
        part.rename(_times(database))
    print(f"{file.name} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)


def _times(database: Path) -> Path:
    return database.with_suffix(".xml")


def _is_done(database: Path) -> bool:
    return _times(database).exists()


def _fingerprint(packages: Sequence[str]) -> str:
    """Of all that the coverage of every file of tests depends on."""
    sources = [path for folder in ("analyzer", "rules") for path in sorted((ROOT / folder).rglob("*.py"))]
    helpers = [path for path in sorted((ROOT / "tests").rglob("*.py")) if not path.name.startswith("test_")]
    return _digest(" ".join(packages), *(path.read_bytes() for path in (*sources, *helpers)))


def _digest(start: str, *contents: bytes) -> str:
    digest = hashlib.sha256(start.encode())
    for content in contents:
        digest.update(content)
    return digest.hexdigest()[:20]


def _tests(times: Path) -> dict[str, Test]:
    """The test functions that pass without a fault, by the name that coverage has for them."""
    seconds: dict[str, float] = {}
    broken: set[str] = set()
    for case in ET.parse(times).getroot().iter("testcase"):  # noqa: S314 - see the import
        name = f"{case.get('classname')}.{(case.get('name') or '').partition('[')[0]}"
        seconds[name] = seconds.get(name, 0.0) + float(case.get("time") or 0)
        if any(case.find(outcome) is not None for outcome in ("failure", "error")):
            broken.add(name)
    found = {}
    for name, time_taken in seconds.items():
        module, _, function = name.rpartition(".")
        node = f"{module.replace('.', '/')}.py::{function}"
        if name not in broken and (ROOT / node.partition("::")[0]).exists():
            found[name] = Test(node, time_taken)
    return found


def _copy(tree: Path) -> Path:
    shutil.copytree(ROOT, tree, ignore=_LEFT_OUT, symlinks=True)
    (tree / "analyzer" / "copy.pth").write_text("../rules\n")  # rule packs must be installed
    return tree


def _environment(tree: Path) -> dict[str, str]:
    """In which the product of a copied tree is imported, and not the one that is installed."""
    return os.environ | {
        "PYTHONPATH": os.pathsep.join((str(tree / "analyzer"), str(tree / "rules"))),
        "PYTHONPYCACHEPREFIX": str(tree.parent / "pycache"),
    }


class Store:
    """Results by fault, a JSON object a line; a fault in a source that has changed since is another one."""

    def __init__(self, path: Path, *, again: bool) -> None:
        """Read what is known; with `again` what has survived is not."""
        self._path = path
        self._known: dict[str, str] = {}
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            record = json.loads(line)
            self._known[record["key"]] = record["result"]
        if again:
            self._known = {
                key: result for key, result in self._known.items() if result not in {"survived", "untested"}
            }

    def get(self, mutant: Mutant) -> str | None:
        """killed, survived, timeout, untested, or None for what is not known."""
        return self._known.get(_key(mutant))

    def add(self, mutant: Mutant, result: str, seconds: float, tests: int) -> None:
        """Keep a result."""
        self._known[_key(mutant)] = result
        record = {
            "key": _key(mutant),
            "place": f"{mutant.path}:{mutant.first_line}",
            "kind": mutant.kind,
            "result": result,
            "tests": tests,
            "seconds": round(seconds, 1),
            "diff": _diff(mutant),
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


def _key(mutant: Mutant) -> str:
    source = (ROOT / mutant.path).read_bytes()
    return hashlib.sha256(repr(mutant).encode() + source).hexdigest()[:20]


def _test_all(
    mutants: Sequence[Mutant], suite: Suite, store: Store, *, processes: int, seconds: float
) -> None:
    """Test faults, in one copy of the tree for each process."""
    if not mutants:
        return
    with tempfile.TemporaryDirectory() as scratch:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(processes):
            trees.put(_copy(Path(scratch) / str(number) / "tree"))

        def test(job: tuple[Mutant, list[Test]]) -> tuple[str, float]:
            tree = trees.get()
            try:
                return _test(job[0], job[1], tree)
            finally:
                trees.put(tree)

        jobs = [(mutant, _within(suite.tests_of(mutant), seconds)) for mutant in mutants]
        with ThreadPoolExecutor(processes) as pool:
            for (mutant, tests), (result, taken) in zip(jobs, pool.map(test, jobs), strict=True):
                store.add(mutant, result, taken, len(tests))
                place = f"{mutant.path}:{mutant.first_line}"
                print(f"{result:9} {place}  {mutant.kind}  ({taken:.0f} s)", file=sys.stderr, flush=True)


def _within(tests: Sequence[Test], seconds: float) -> list[Test]:
    """The first of the tests, as many as take so long together; one at least."""
    total = 0.0
    taken: list[Test] = []
    for test in tests:
        total += test.seconds
        if taken and total > seconds:
            break
        taken.append(test)
    return taken


def _test(mutant: Mutant, tests: Sequence[Test], tree: Path) -> tuple[str, float]:
    """Whether the tests notice the fault, and the seconds that it took."""
    if not tests:
        return "untested", 0.0
    path, began = tree / mutant.path, time.monotonic()
    source = path.read_bytes()
    _write(path, mutant.applied(source))
    try:
        limit = _LEAST_SECONDS + _PATIENCE * sum(test.seconds for test in tests)
        command = [sys.executable, "-m", "pytest", "-x", *_OPTIONS, *(test.name for test in tests)]
        code = _run(command, tree, limit)
    finally:
        _write(path, source)
    result = "timeout" if code is None else "survived" if code == 0 else "killed"
    return result, time.monotonic() - began


_ages = iter(range(1_000_000_000, 2_000_000_000))


def _write(path: Path, source: bytes) -> None:
    """Write a source with a distinct time, so that Python does not use the bytecode of another version."""
    path.write_bytes(source)
    age = next(_ages)
    os.utime(path, (age, age))


def _run(command: Sequence[str], tree: Path, limit: float) -> int | None:
    """The exit code; None where the time was up, and then no child is left."""
    with subprocess.Popen(
        command,
        cwd=tree,
        env=_environment(tree),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            return process.wait(limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return None


def _diff(mutant: Mutant) -> str:
    """The lines of the fault, before and after."""
    source = (ROOT / mutant.path).read_bytes()
    changed = mutant.applied(source)
    before = source.decode().splitlines()[mutant.first_line - 1 : mutant.last_line]
    more = changed.count(b"\n") - source.count(b"\n")
    after = changed.decode().splitlines()[mutant.first_line - 1 : mutant.last_line + more]
    return "\n".join([*(f"- {line}" for line in before), *(f"+ {line}" for line in after)])


def _report(drawn: Sequence[Mutant], store: Store) -> int:
    """Print the sums and what survives."""
    results = {mutant: store.get(mutant) or "?" for mutant in sorted(drawn)}
    sums = Counter(results.values())
    noticed = sums["killed"] + sums["timeout"]
    for mutant, result in results.items():
        if result in {"survived", "untested"}:
            print(f"\n{result}: {mutant.path}:{mutant.first_line}  {mutant.kind}\n{_diff(mutant)}")
    parts = ", ".join(f"{count} {result}" for result, count in sums.most_common())
    print(f"\n{noticed} of {len(drawn)} faults noticed ({noticed / max(len(drawn), 1):.0%}): {parts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
