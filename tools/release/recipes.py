"""The Homebrew formula and the conda recipe, of their templates and what the wheel and the sdist say."""

import re
import tomllib
import zipfile
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from tools.release.state import ROOT, ReleaseError

TEMPLATES = Path(__file__).resolve().parent / "templates"
BREWED = frozenset({"pillow"})
"""Dependencies that Homebrew builds itself: as a source package they need a compiler and six libraries."""


@dataclass(frozen=True, slots=True)
class SourcePackage:
    """A source package of a dependency, as an index serves it."""

    name: str
    url: str
    sha256: str


def wheel_metadata(wheel: Path) -> tuple[Message, str]:
    """The metadata of a wheel, and what its one command calls."""
    with zipfile.ZipFile(wheel) as archive:
        names = {name.rpartition("/")[2]: name for name in archive.namelist() if ".dist-info/" in name}
        metadata = message_from_string(archive.read(names["METADATA"]).decode("utf-8"))
        points = archive.read(names["entry_points.txt"]).decode("utf-8")
    command = re.search(r"^\[console_scripts\]\n\w+ = (\S+)$", points, re.MULTILINE)
    if command is None:
        raise ReleaseError(f"{wheel.name} has no command, or several: see [project.scripts]")
    return metadata, command[1]


def run_requirements(metadata: Message) -> list[Requirement]:
    """What the wheel needs without extras."""
    found = [Requirement(text) for text in metadata.get_all("Requires-Dist", [])]
    plain = [one for one in found if one.marker is None]
    for one in found:
        if one.marker is not None and "extra" not in str(one.marker):
            raise ReleaseError(f"{one} depends on the platform, which the recipes cannot say yet")
    return plain


def locked_sources(lock: str) -> list[SourcePackage]:
    """The source packages in a lock file (PEP 751). Raises ReleaseError for a package that has none."""
    packages = []
    for package in tomllib.loads(lock)["packages"]:
        if "sdist" not in package:
            raise ReleaseError(f"{package['name']} has no source package, which Homebrew needs")
        source = package["sdist"]
        packages.append(SourcePackage(package["name"], source["url"], source["hashes"]["sha256"]))
    return packages


def render(template: str, values: dict[str, str]) -> str:
    """A template with `@name@` replaced. Raises KeyError for a name without a value."""
    text = (TEMPLATES / template).read_text("utf-8")
    return re.sub(r"@(\w+)@", lambda found: values[found[1]], text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipes:
    """The text of both, for one source package."""

    formula: str
    conda: str


def recipes(wheel: Path, lock: str, *, home: str, source: SourcePackage, python: str) -> Recipes:
    """Both recipes for the wheel's release and its source package; the formula is for one Python."""
    metadata, entry_point = wheel_metadata(wheel)
    needed = run_requirements(metadata)
    sources = [one for one in locked_sources(lock) if canonicalize_name(one.name) not in BREWED]
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    values = {
        "name": metadata["Name"],
        "version": metadata["Version"],
        "license": metadata["License-Expression"],
        "command": metadata["Name"],
        "entry_point": entry_point,
        "home": home,
        "sdist_url": source.url,
        "sdist_sha256": source.sha256,
        "python": python,
        "python_min": metadata["Requires-Python"].removeprefix(">="),
        "backend": conda_name(Requirement(build[0])),
        "run_requirements": "\n".join(f"    - {conda_name(one)}" for one in needed),
        "resources": "\n\n".join(
            f'  resource "{one.name}" do\n    url "{one.url}"\n    sha256 "{one.sha256}"\n  end'
            for one in sources
        ),
    }
    return Recipes(formula=render("imgbudget.rb", values), conda=render("recipe.yaml", values))


def conda_name(requirement: Requirement) -> str:
    """A requirement as conda writes it: conda-forge has the names of PyPI in lower case."""
    return f"{canonicalize_name(requirement.name)} {requirement.specifier}".strip()
