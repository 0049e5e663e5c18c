"""The steps of a release one by one, without what needs a registry: programs, contents, starts, recipes."""

import json
import os
import shutil
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tools.release import packages, starts
from tools.release.metadata import urls
from tools.release.packages import PLATFORMS, run, tags
from tools.release.recipes import conda_name, locked_sources, run_requirements, wheel_metadata
from tools.release.state import ROOT, ReleaseError, git

from imgbudget import version
from tests.conftest import posix
from tests.test_release import LOCK

COMMAND = Path(sys.executable).with_name("imgbudget")


def packed(folder: Path, names: list[str], wheel: list[str]) -> tuple[Path, Path]:
    """A source package and a wheel with these files."""
    sdist, built = folder / "imgbudget-1.tar.gz", folder / "imgbudget-1-py3-none-any.whl"
    with tarfile.open(sdist, "w") as archive:
        for name in names:
            archive.addfile(tarfile.TarInfo(f"imgbudget-1/{name}"))
    with zipfile.ZipFile(built, "w") as archive:
        for name in wheel:
            archive.writestr(name, "")
    return sdist, built


def test_what_a_program_says_is_in_the_error(tmp_path: Path) -> None:
    """Both of its outputs; its output is the answer if it does not fail, in a folder and with variables."""
    code = "import os, sys; print(os.getcwd(), os.environ['X']); sys.exit(int(sys.argv[1]))"
    assert run(sys.executable, "-c", code, "0", folder=tmp_path, X="y") == f"{tmp_path} y\n"
    with pytest.raises(ReleaseError, match=r"-c .* 3 failed:\n/\S+ z$"):
        run(sys.executable, "-c", code, "3", X="z")


@pytest.mark.skipif(not (ROOT / ".git").exists() or shutil.which("git") is None, reason="needs a clone")
def test_packages_hold_the_commit_and_the_two_packages_only(tmp_path: Path) -> None:
    """What is missing or too much is named."""
    committed = git("ls-tree", "-r", "--name-only", "HEAD").splitlines()
    both = ["imgbudget/__init__.py", "imgbudget_rules/__init__.py", "imgbudget-1.dist-info/METADATA"]
    packages._check_contents(*packed(tmp_path, [*committed, "PKG-INFO"], both))
    with pytest.raises(ReleaseError, match=r"the source package and the commit differ: PKG-INFO, key\.pem$"):
        packages._check_contents(*packed(tmp_path, [*committed, "key.pem"], both))
    with pytest.raises(ReleaseError, match=r"the wheel has imgbudget, imgbudget_rules, tests$"):
        packages._check_contents(*packed(tmp_path, [*committed, "PKG-INFO"], [*both, "tests/a.py"]))


def test_builds_that_differ_are_refused(tmp_path: Path) -> None:
    """Both are named, to be compared."""
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_bytes(b"a")
    other.write_bytes(b"a")
    packages._require_same(one, other, "two builds")
    other.write_bytes(b"b")
    with pytest.raises(ReleaseError, match=r"two builds differ: compare \S+/one with \S+/other$"):
        packages._require_same(one, other, "two builds")


def test_tools_of_each_list_have_their_own_folder(tmp_path: Path) -> None:
    """Other versions are other tools, so that a list that has changed is installed."""
    place = packages._place(tmp_path)
    digest = packages.digest(Path(packages.__file__).with_name("requirements.txt"))
    assert (place.parent, place.name) == (tmp_path, f"release-tools-{digest[:12]}")
    assert not packages.among_tools(tmp_path)
    (place / ("Scripts" if os.name == "nt" else "bin")).mkdir(parents=True)
    (place / "complete").touch()
    assert packages.tools(tmp_path).parent == place


@pytest.mark.skipif(not COMMAND.exists(), reason="imgbudget is not installed beside this Python")
def test_a_command_that_does_what_it_should_is_started(tmp_path: Path) -> None:
    """That of this environment; with another version it is refused."""
    starts.check_start(COMMAND, tmp_path / "good", version.__version__)
    with pytest.raises(
        ReleaseError, match=r"imgbudget --version prints something else than it should:\nimgbudget 0"
    ):
        starts.check_start(COMMAND, tmp_path / "other", "0.0.0")


VERSION = f"echo imgbudget {version.__version__}"
FOUND = "*) echo 'photo.jpg: IB201 warning: large'; exit 1"
BROKEN = {
    "no version": ("echo imgbudget", "--version prints something else"),
    "no finding": (f"[ $1 != --version ] || {VERSION}", "photo.jpg exits with 0, not 1"),
    "nothing decodes": (
        f"case $* in --version) {VERSION};; *--decode*) echo IB001; exit 1;; {FOUND};; esac",
        "--decode photo.jpg prints something else",
    ),
    "nothing is fixed": (
        f"case $* in --version) {VERSION};; *--fix*) echo fixed;; {FOUND};; esac",
        "has not fixed photo.jpg",
    ),
}


@posix
@pytest.mark.parametrize("name", BROKEN)
def test_a_command_that_does_not_is_refused(tmp_path: Path, name: str) -> None:
    """At the step that shows it; it has an empty home, and nothing of this environment but the path."""
    code, words = BROKEN[name]
    command = tmp_path / "imgbudget"
    command.write_text(
        f'#!/bin/sh\n[ "$HOME" = "$PWD/home" ] || exit 9\n[ -z "$VIRTUAL_ENV" ] || exit 9\n{code}\n'
    )
    command.chmod(0o755)
    with pytest.raises(ReleaseError, match=words):
        starts.check_start(command, tmp_path / "start", version.__version__)


def test_single_files_are_started_where_they_are_made_for() -> None:
    """One of the platforms at most is this one."""
    here = [name for name in PLATFORMS if starts.started_here(name)]
    assert len(here) <= 1
    if sys.platform == "linux" and os.uname().machine == "x86_64":
        assert here == ["linux-x86_64"]


def test_single_files_hold_wheels_for_older_systems_too() -> None:
    """Wheels are for the glibc of their makers: pybase64 has none for 2.28, Pillow none for 2.17."""
    first, last = (json.loads(one) for one in tags("manylinux_2_28_x86_64", ("3.11", "3.14")))
    wanted = {"cp311-cp311-manylinux_2_28_x86_64", "cp311-cp311-manylinux2014_x86_64", "py3-none-any"}
    assert wanted <= set(first["compatible_tags"])
    assert "cp311-cp311-manylinux_2_29_x86_64" not in first["compatible_tags"]
    assert last["marker_environment"]["python_version"] == "3.14"
    (apple,) = (json.loads(one) for one in tags("macosx_11_0_arm64", ("3.11",)))
    assert "cp311-cp311-macosx_11_0_arm64" in apple["compatible_tags"]


def test_what_recipes_cannot_say_is_refused(tmp_path: Path) -> None:
    """A wheel without one command, a requirement of one platform, a dependency without a source package."""
    wheel = tmp_path / "a-1-py3-none-any.whl"
    for points, command in (("[console_scripts]\na = b.c:d\n", "b.c:d"), ("[gui_scripts]\na = b\n", "")):
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr("a-1.dist-info/METADATA", "Metadata-Version: 2.4\nName: a\nRequires-Dist: b>1\n")
            archive.writestr("a-1.dist-info/entry_points.txt", points)
        if command:
            metadata, found = wheel_metadata(wheel)
            assert (found, [str(one) for one in run_requirements(metadata)]) == (command, ["b>1"])
            metadata["Requires-Dist"] = "c; extra == 'x'"
            assert len(run_requirements(metadata)) == 1
            metadata["Requires-Dist"] = "d; sys_platform == 'win32'"
            with pytest.raises(ReleaseError, match="depends on the platform"):
                run_requirements(metadata)
        else:
            with pytest.raises(ReleaseError, match="has no command, or several"):
                wheel_metadata(wheel)
    assert [one.name for one in locked_sources(LOCK)] == ["click", "pillow", "pybase64", "pyyaml"]
    with pytest.raises(ReleaseError, match="e has no source package, which Homebrew needs"):
        locked_sources(f'{LOCK}[[packages]]\nname = "e"\n')
    assert [conda_name(Requirement(text)) for text in ("PyYAML>=6", "a_b")] == ["pyyaml >=6", "a-b"]


@pytest.mark.skipif(shutil.which("ruby") is None, reason="needs Ruby")
def test_formula_that_is_no_ruby_is_refused(tmp_path: Path) -> None:
    """With what Ruby says of it."""
    (tmp_path / "a.rb").write_text("class A\n")
    with pytest.raises(ReleaseError, match=r"a\.rb is not Ruby:\n"):
        starts.check_ruby(tmp_path / "a.rb")
    (tmp_path / "a.rb").write_text("class A\nend\n")
    assert starts.check_ruby(tmp_path / "a.rb")


def test_links_of_an_index_lead_into_the_repository() -> None:
    """Each to its page."""
    assert urls("https://e.example/x") == {
        "Homepage": "https://e.example/x",
        "Source": "https://e.example/x",
        "Documentation": "https://e.example/x/tree/main/docs",
        "Changelog": "https://e.example/x/blob/main/CHANGELOG.md",
        "Issues": "https://e.example/x/issues",
    }
