"""Building: source package, wheel and single files, from a commit and the same bytes each time."""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from tools.release.state import ROOT, Project, ReleaseError, git

_REQUIREMENTS = Path(__file__).with_name("requirements.txt")
PLATFORMS = {
    "linux-x86_64": "manylinux_2_28_x86_64",
    "linux-aarch64": "manylinux_2_28_aarch64",
    "macos-arm64": "macosx_11_0_arm64",
}
"""Single files by the name in theirs, and the platform whose wheels they hold."""


def run(*words: str | Path, folder: Path = ROOT, **environment: str) -> str:
    """What a program prints. Raises ReleaseError with all that it printed if it fails."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ReleaseError(f"{' '.join(map(str, words))} failed:\n{done.stdout.strip()}")
    return done.stdout


def tools(folder: Path) -> Path:
    """The folder of the programs of requirements.txt, installed into `folder` unless they are there."""
    place = _place(folder)
    programs = place / ("Scripts" if os.name == "nt" else "bin")
    if not (place / "complete").exists():
        run(sys.executable, "-m", "venv", "--clear", place)
        words = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement")
        run(programs / "python", *words, _REQUIREMENTS)
        (place / "complete").touch()
    return programs


def among_tools(folder: Path) -> bool:
    """Whether this process runs in the environment that `tools` makes."""
    return Path(sys.prefix) == _place(folder)


def _place(folder: Path) -> Path:
    return folder / f"release-tools-{digest(_REQUIREMENTS)[:12]}"


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def built(programs: Path, release: Project, folder: Path) -> tuple[Path, Path]:
    """The source package and the wheel of HEAD: built twice, and the wheel from the source package too.

    The tree is the commit's, exported, so that no file beside it can come in.

    Raises:
        ReleaseError: if two builds differ, or the packages hold something else than they should.
    """
    made = [_built_once(programs, release, folder / name) for name in ("first", "second")]
    (sdist, wheel), (again_sdist, again_wheel) = made
    unpacked = folder / "unpacked"
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
    (tree,) = unpacked.iterdir()
    from_sdist = _pack(programs, release, tree, folder / "from-sdist", "--wheel")
    _require_same(sdist, again_sdist, "two builds of the source package")
    _require_same(wheel, again_wheel, "two builds of the wheel")
    _require_same(wheel, from_sdist, "the wheel of the tree and that of the source package")
    _check_contents(sdist, wheel)
    run(programs / "twine", "check", "--strict", sdist, wheel)
    return sdist, wheel


def _require_same(one: Path, other: Path, what: str) -> None:
    if one.read_bytes() != other.read_bytes():
        raise ReleaseError(f"{what} differ: compare {one} with {other}")


def _built_once(programs: Path, release: Project, folder: Path) -> tuple[Path, Path]:
    tree = folder / "tree"
    tree.mkdir(parents=True)
    exported = folder / "tree.tar"
    git("archive", "--format=tar", f"--output={exported}", "HEAD")
    with tarfile.open(exported) as archive:
        archive.extractall(tree, filter="data")
    return tuple(_pack(programs, release, tree, folder / "dist", kind) for kind in ("--sdist", "--wheel"))  # type: ignore[return-value]


def _pack(programs: Path, release: Project, tree: Path, output: Path, kind: str) -> Path:
    words = ("-m", "build", kind, "--no-isolation", "--outdir", str(output), str(tree))
    run(programs / "python", *words, SOURCE_DATE_EPOCH=release.commit_time)
    (made,) = output.glob("*.whl" if kind == "--wheel" else "*.tar.gz")
    return made


def _check_contents(sdist: Path, wheel: Path) -> None:
    """The source package is the commit and its metadata; the wheel has the two packages and nothing else."""
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    committed = set(git("ls-tree", "-r", "--name-only", "HEAD").splitlines()) | {"PKG-INFO"}
    if packed != committed:
        names = ", ".join(sorted(packed ^ committed)[:5])
        raise ReleaseError(f"the source package and the commit differ: {names}")
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0].partition("-")[0] for name in archive.namelist()}
    if tops != {"imgbudget", "imgbudget_rules"}:
        raise ReleaseError(f"the wheel has {', '.join(sorted(tops))}")


def lock_of(programs: Path, wheel: Path, folder: Path, pythons: Sequence[str]) -> str:
    """A lock file (PEP 751) of what the wheel needs, for every platform and from the oldest Python on."""
    wanted = folder / "wanted.txt"
    wanted.write_text(f"imgbudget @ {wheel.as_uri()}\n", "utf-8")
    output = folder / "pylock.toml"
    words = (
        "--quiet",
        "--universal",
        "--no-header",
        "--format",
        "pylock.toml",
        "--no-emit-package",
        "imgbudget",
    )
    run(
        programs / "uv",
        "pip",
        "compile",
        wanted,
        *words,
        "--python-version",
        pythons[0],
        "--output-file",
        output,
    )
    return output.read_text("utf-8")


def single_file(programs: Path, wheel: Path, constraints: Path, output: Path, tags: Sequence[str]) -> None:
    """A file that any of the Pythons in `tags` starts, with all that it needs inside."""
    platforms = [word for tag in tags for word in ("--complete-platform", tag)]
    words = ("--console-script", "imgbudget", "--venv", "--sh-boot", "--no-build", "--no-emit-warnings")
    run(programs / "pex", wheel, "--constraints", constraints, *words, *platforms, "--output-file", output)


def tags(platform: str, pythons: Sequence[str]) -> list[str]:
    """What each Python on a platform can load, as the JSON that pex takes.

    From a platform's name alone pip would take wheels for exactly this glibc, and none for an older one.
    """
    from packaging.tags import compatible_tags, cpython_tags

    platforms = _loadable(platform)
    found = []
    for python in pythons:
        major, minor = (int(part) for part in python.split("."))
        name = f"cp{major}{minor}"
        given = (
            *cpython_tags((major, minor), [name], platforms),
            *compatible_tags((major, minor), name, platforms),
        )
        system = {"sys_platform": "darwin"} if platform.startswith("macosx") else {"sys_platform": "linux"}
        markers = system | {"implementation_name": "cpython", "python_version": python}
        markers |= {"platform_machine": platform.split("_", 3)[3]}
        markers |= {"python_full_version": f"{python}.0", "platform_python_implementation": "CPython"}
        found.append(
            json.dumps({"marker_environment": markers, "compatible_tags": [str(tag) for tag in given]})
        )
    return found


def _loadable(platform: str) -> list[str]:
    """The platforms whose wheels one loads: those of older systems too."""
    from packaging.tags import mac_platforms

    system, major, minor, machine = platform.split("_", 3)
    if system == "macosx":
        return list(mac_platforms((int(major), int(minor)), machine))
    older = [f"manylinux_{major}_{glibc}_{machine}" for glibc in range(int(minor), 16, -1)]
    return [*older, f"manylinux2014_{machine}"]
