"""Measures how long each way to install takes to its first finding, for a new user: empty home, empty caches.

    python -m venv venv && venv/bin/pip install build uv pipx
    venv/bin/python benchmarks/firstfinding.py [--dist DIST] [--rounds 3] [--way WORD]...

It installs the last commit of this checkout, in a temporary folder, and prints a Markdown table. Downloads
are part of the time; programs that do the installing (pip, uv, pipx, git) are there before. DIST is a folder
that `python3 -m tools.release --trial` has made: without it, source package and wheel are built, and there is
no single file. Only Python, git and what is beside the Python that runs this are on the path.
"""

import argparse
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from measuring import Cost, median, note, program, table

ROOT = Path(__file__).resolve().parent.parent
GIT = f"git+file://{ROOT}"
_KEPT = re.compile(r"(?i)(pip|uv|ssl|git_ssl)_|.*(proxy|ca_?bundle|certs?)$|path$|lang$|tmpdir$")
"""Variables that say where packages come from."""


class Way(NamedTuple):
    """A way to install: its name, its line, the program that it needs, and the file that it installs."""

    name: str
    line: str
    needs: str = "python3"
    file: str = ""
    in_clone: bool = False


_VENV = "python3 -m venv venv && venv/bin/pip install --quiet"
WAYS = (
    Way(
        "README's line in a clone",
        "python3 -m venv .venv && .venv/bin/pip install --quiet . && .venv/bin/imgbudget check examples",
        in_clone=True,
    ),
    Way("uvx, from git", f"uvx --quiet --from {GIT} imgbudget check .", "uvx"),
    Way(
        "uv tool install, from git",
        f"uv tool install --quiet {GIT} && ~/.local/bin/imgbudget check .",
        "uv",
    ),
    Way("pipx install, from git", f"pipx install --quiet {GIT} && ~/.local/bin/imgbudget check .", "pipx"),
    Way("pip, from git", f"{_VENV} {GIT} && venv/bin/imgbudget check ."),
    Way("pip, the wheel", f"{_VENV} FILE && venv/bin/imgbudget check .", file="*.whl"),
    Way("pip, the source package", f"{_VENV} FILE && venv/bin/imgbudget check .", file="*.tar.gz"),
    Way("uvx, the wheel", "uvx --quiet --from FILE imgbudget check .", "uvx", file="*.whl"),
    Way(
        "pipx install, the wheel",
        "pipx install --quiet FILE && ~/.local/bin/imgbudget check .",
        "pipx",
        "*.whl",
    ),
    Way(
        "single file",
        "FILE check .",
        file=f"*-{'macos' if sys.platform == 'darwin' else sys.platform}-{platform.machine()}.pex",
    ),
    Way(
        "image, with its build",
        f"docker build --quiet --tag imgbudget-first {ROOT} >/dev/null && docker run --rm --network none "
        '--volume "$PWD:/work:ro" imgbudget-first check .',
        "docker",
    ),
)


class MissingError(Exception):
    """What a way needs is not here."""


def packages(dist: Path | None, folder: Path) -> Path:
    """The folder with the packages; source package and wheel are built if none is given."""
    if dist is not None:
        return dist.resolve()
    note("building source package and wheel")
    tree = folder / "tree"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(tree)], check=True)
    words = (sys.executable, "-m", "build", "--outdir", str(folder / "dist"), str(tree))
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the packages cannot be built:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return folder / "dist"


def programs(folder: Path) -> Path:
    """A folder with the programs that users of these ways have, and no others."""
    folder.mkdir()
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    found = {"python3": str(python)} | {name: program(name) for name in ("uv", "uvx", "pipx")}
    found |= {name: shutil.which(name) or "" for name in ("git", "docker")}
    for name, path in found.items():
        if os.path.isabs(path):
            (folder / name).symlink_to(path)
    return folder


def environment(home: Path, path: Path) -> dict[str, str]:
    """The variables of a new user, with those of this one that say where packages come from."""
    kept = {name: value for name, value in os.environ.items() if _KEPT.match(name) and name != "UV_CACHE_DIR"}
    settings = {
        "PIP_CONFIG_FILE": Path("~/.config/pip/pip.conf"),
        "UV_CONFIG_FILE": Path("~/.config/uv/uv.toml"),
    }
    for name, file in settings.items():
        if name not in kept and file.expanduser().exists():
            kept[name] = str(file.expanduser())
    return kept | {"HOME": str(home), "PATH": f"{path}:/usr/bin:/bin"}


def measured(way: Way, dist: Path, folder: Path, path: Path) -> tuple[Cost, int]:
    """What a way costs from its first command to its first finding, and the bytes that it leaves.

    Raises:
        MissingError: it needs what is not here.
    """
    if not (path / way.needs).exists():
        raise MissingError(f"{way.needs} is not installed")
    file = ""
    if way.file:
        files = sorted(dist.glob(way.file))
        if not files:
            raise MissingError(f"no {way.file} in {dist}")
        file = str(files[0])
    home, project = folder / "home", folder / "project"
    home.mkdir(parents=True)
    variables = environment(home, path)
    if way.in_clone:
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(project)], check=True)
    else:
        project.mkdir()
        shutil.copy(ROOT / "examples" / "photo.jpg", project)
    before = _size(folder)
    start, used = time.perf_counter(), _cpu()
    done = subprocess.run(
        ["sh", "-c", way.line.replace("FILE", file)],
        cwd=project,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    cost = Cost(_cpu() - used, time.perf_counter() - start)
    if done.returncode != 1 or "IB201" not in done.stdout:
        raise MissingError(
            f"it failed with {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]!r}"
        )
    return cost, _size(folder) - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _size(folder: Path) -> int:
    """The bytes in a folder; of a file with several names once."""
    seen: dict[int, int] = {}
    for path in _files(folder):
        status = path.lstat()
        seen[status.st_ino] = status.st_size
    return sum(seen.values())


def _files(folder: Path) -> Iterator[Path]:
    for root, _, names in os.walk(folder):
        yield from (Path(root, name) for name in names)


def show(costs: Mapping[str, Sequence[Cost]], sizes: Mapping[str, int], rounds: int) -> None:
    """Print the table."""
    rows = []
    for name, found in costs.items():
        cost = median(found)
        rows.append((name, f"{cost.wall:.1f} s", f"{cost.cpu:.1f} s", f"{sizes[name] / 1e6:.0f} MB"))
    header = ("way", "first finding after", "CPU", "takes")
    load = ", ".join(f"{it:.1f}" for it in os.getloadavg())
    table(f"To the first finding, medians of {rounds} rounds, load {load}", header, rows)


def main() -> None:
    """Measure all ways, or those whose names have one of the words."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--dist", type=Path, help="a folder of `python3 -m tools.release --trial`")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(
        "--way", action="append", default=[], metavar="WORD", help="only ways with it in the name"
    )
    options = parser.parse_args()
    ways = [way for way in WAYS if not options.way or any(word in way.name for word in options.way)]
    costs: dict[str, list[Cost]] = {}
    sizes: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dist, path = packages(options.dist, folder), programs(folder / "bin")
        for number in range(options.rounds):
            for way in ways:
                note(f"round {number + 1} of {options.rounds}: {way.name}")
                place = folder / f"{number}-{ways.index(way)}"
                try:
                    cost, sizes[way.name] = measured(way, dist, place, path)
                    costs.setdefault(way.name, []).append(cost)
                except MissingError as error:
                    note(f"left out: {way.name}: {error}")
                shutil.rmtree(place, ignore_errors=True)
    if costs:
        show(costs, sizes, options.rounds)


if __name__ == "__main__":
    main()
