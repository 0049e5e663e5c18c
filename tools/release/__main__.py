"""Builds everything that a release publishes, checks it, and starts each package in an empty place.

    python3 -m tools.release            # for the commit that is tagged with the version
    python3 -m tools.release --trial    # for any commit: leaves out what only a release must have

It writes a source package, a wheel, single files, a Homebrew formula, a conda recipe, the section of the
changelog and SHA256SUMS into dist/. Nothing is uploaded: .github/workflows/release.yml does that for a tag.
See docs/releasing.md. Needs Python 3.11 or later, pip and git.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tools.release import packages
from tools.release.state import ROOT, TRIAL_HOME, Project, ReleaseError, faults, notes, project

_TOOLS = ROOT / "build"


def main() -> int:
    """Build; 1 if the tree cannot be released or a check fails, with the reason."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tools.release", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--trial", action="store_true", help="build a commit that is no release")
    parser.add_argument("--no-single-file", action="store_true", help="no single files, which take longest")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "dist", help="a folder that is empty or new (default: dist)"
    )
    arguments = parser.parse_args()
    output: Path = arguments.output.resolve()
    if output.exists() and not output.is_dir():
        parser.error(f"{output} is a file: name a folder with --output")
    if output.exists() and any(output.iterdir()):
        parser.error(f"{output} is not empty: remove what is in it, or name another folder with --output")
    try:
        release = project()
        if not packages.among_tools(_TOOLS):
            _check(release, trial=arguments.trial)
            words = (str(packages.tools(_TOOLS) / "python"), "-m", "tools.release", *sys.argv[1:])
            return subprocess.run(words, cwd=ROOT, check=False).returncode
        programs = Path(sys.executable).parent
        output.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            _build(programs, release, output, Path(folder), single=not arguments.no_single_file)
    except (ReleaseError, OSError) as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    return 0


def _check(release: Project, *, trial: bool) -> None:
    """Raise ReleaseError for a tree that is none to release, or in a trial say why."""
    found = list(faults(release))
    if found and not trial:
        raise ReleaseError("this commit cannot be released:\n" + "\n".join(f"- {fault}" for fault in found))
    for fault in found:
        print(f"trial: a release would be refused: {fault}", file=sys.stderr)


def _build(programs: Path, release: Project, output: Path, folder: Path, *, single: bool) -> None:
    from tools.release import recipes, starts
    from tools.release.metadata import with_addresses

    made, wheel = (Path(shutil.copy(path, output)) for path in packages.built(programs, release, folder))
    print(f"built twice with the same bytes, twine check --strict passed: {made.name}, {wheel.name}")
    for package in (wheel, made):
        kind = "wheel" if package is wheel else "sdist"
        command = starts.installed(package, folder / f"venv-{kind}")
        starts.check_start(command, folder / f"start-{kind}", release.version)
        print(f"installed and started in an empty place: {package.name}")

    lock = packages.lock_of(programs, wheel, folder, release.pythons)
    if single:
        constraints = folder / "constraints.txt"
        pinned = re.findall(r'^name = "(.*)"\nversion = "(.*)"$', lock, re.MULTILINE)
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in pinned), "utf-8")
        for name, platform in packages.PLATFORMS.items():
            file = output / f"imgbudget-{release.version}-{name}.pex"
            packages.single_file(programs, wheel, constraints, file, packages.tags(platform, release.pythons))
            here = starts.started_here(name)
            if here:
                starts.check_start(file, folder / f"start-{name}", release.version)
            print(f"{'started in an empty place' if here else 'built, not started here'}: {file.name}")

    home = release.home or TRIAL_HOME
    address = f"{home}/releases/download/v{release.version}/{made.name}" if release.home else made.as_uri()
    source = recipes.SourcePackage("imgbudget", address, packages.digest(made))
    texts = recipes.recipes(wheel, lock, home=home, source=source, python=release.pythons[-1])
    (output / "imgbudget.rb").write_text(texts.formula, "utf-8")
    (output / "recipe.yaml").write_text(texts.conda, "utf-8")
    syntax = "syntax checked" if starts.check_ruby(output / "imgbudget.rb") else "not checked: no Ruby here"
    print(f"rendered: imgbudget.rb ({syntax}), recipe.yaml")
    text = with_addresses(notes(release.version), home, release.version)
    (output / "NOTES.md").write_text(text, "utf-8")
    files = sorted(path for path in output.iterdir() if path.is_file())
    sums = "".join(f"{packages.digest(path)}  {path.name}\n" for path in files)
    (output / "SHA256SUMS").write_text(sums, "utf-8")
    for path in files:
        print(f"{path.stat().st_size:>12,}  {path.name}")


if __name__ == "__main__":
    sys.exit(main())
