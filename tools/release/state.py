"""Whether the tree is one that can be released, and what every step needs to know of it."""

import re
import runpy
import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_EXAMPLE = "https://github.com/OWNER/imgbudget"
TRIAL_HOME = "https://imgbudget.invalid"
"""Stands for the address of the project in a trial: a name that can never be resolved."""


class ReleaseError(Exception):
    """What keeps a release from being built, in a sentence with the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What is released, as the tree says."""

    version: str
    home: str | None
    pythons: tuple[str, ...]
    """The versions of Python that are supported, from the oldest."""
    commit_time: str
    """Seconds since 1970: the time that all files of the packages have."""


def git(*arguments: str, root: Path = ROOT) -> str:
    """What a git command prints. Raises ReleaseError where there is no repository."""
    try:
        done = subprocess.run(("git", *arguments), cwd=root, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise ReleaseError("git is not installed; a release is built from a commit") from error
    except subprocess.CalledProcessError as error:
        raise ReleaseError(
            f"git {' '.join(arguments)} failed in {root}, and a release is built from a commit: "
            f"{error.stderr.strip()}"
        ) from error
    return done.stdout.strip()


def project(root: Path = ROOT) -> Project:
    """The project at `root`. Raises ReleaseError unless that is a repository itself."""
    top = git("rev-parse", "--show-toplevel", root=root)
    if Path(top).resolve() != root.resolve():
        raise ReleaseError(f"{root} is a folder of the repository {top}: a release is built in a clone")
    values = runpy.run_path(str(root / "analyzer" / "imgbudget" / "version.py"))
    table = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return Project(
        version=values["__version__"],
        home=values["HOME"],
        pythons=tuple(re.findall(r"Python :: (3\.\d+)", "\n".join(table["classifiers"]))),
        commit_time=git("log", "-1", "--format=%ct", root=root),
    )


def faults(release: Project, root: Path = ROOT) -> Iterator[str]:
    """What must be mended before this tree can be released, each with its remedy."""
    if changed := git("status", "--porcelain", root=root):
        files = ", ".join(line.split(maxsplit=1)[-1] for line in changed.splitlines()[:3])
        yield f"the tree has changes that are not committed ({files}): commit or remove them"
    tag = f"v{release.version}"
    tags = git("tag", "--points-at", "HEAD", root=root).split()
    if tag not in tags:
        there = f"it has {', '.join(tags)}" if tags else "it has no tag"
        yield f"the commit is not tagged {tag}, the version in version.py ({there}): git tag {tag}"
    text = (root / "CHANGELOG.md").read_text("utf-8")
    heading = re.search(rf"^## \[{re.escape(release.version)}\] - (.*)$", text, re.MULTILINE)
    if heading is None:
        yield f"CHANGELOG.md has no section ## [{release.version}] - DATE: write it"
    elif not re.fullmatch(r"\d{4}-\d{2}-\d{2}", heading[1]):
        yield f"CHANGELOG.md says {heading[1]!r} where {release.version} has its date: write YYYY-MM-DD"
    where = "analyzer/imgbudget/version.py"
    if release.home is None:
        yield (
            f"HOME in {where} is None: set it to the public address of the repository, such as {_EXAMPLE}; "
            "all packages name it"
        )
    elif not re.fullmatch(r"https://[\w.:-]+(/[\w.~-]+)+", release.home):
        yield f"HOME in {where} is {release.home!r}: write it as in {_EXAMPLE}, with no slash behind it"


def notes(version: str, root: Path = ROOT) -> str:
    """The section of CHANGELOG.md on a version, without its heading."""
    text = (root / "CHANGELOG.md").read_text("utf-8")
    section = re.search(
        rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## \[|\Z)", text, re.MULTILINE | re.DOTALL
    )
    return section[1].strip() + "\n" if section else ""
