"""Each package is installed and started in an empty place: no checkout, no other package, an empty home."""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

from tools.release.state import ROOT, ReleaseError, project

_PHOTO = ROOT / "examples" / "photo.jpg"


def installed(package: Path, folder: Path) -> Path:
    """The command that a wheel or source package brings into a new environment at `folder`."""
    venv.create(folder, with_pip=True)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    pip = (programs / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package)
    done = subprocess.run(pip, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"pip cannot install {package.name}:\n{done.stdout}{done.stderr}")
    return programs / "imgbudget"


def check_start(command: Path, folder: Path, version: str) -> None:
    """Start a command on a photo in an empty folder: its header, its pixels in a second process, a fix.

    Raises ReleaseError if it prints or makes something else than it should.
    """
    folder.mkdir()
    home = folder / "home"
    home.mkdir()
    shutil.copy(_PHOTO, folder / "photo.jpg")
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "TEMP", "TMP") if name in os.environ}
    environment = kept | {"HOME": str(home), "USERPROFILE": str(home)}

    def expect(code: int, *words: str, holds: Callable[[str], bool]) -> None:
        done = subprocess.run(
            (str(command), *words),
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        if done.returncode != code or not holds(done.stdout):
            said = f"{done.stdout}{done.stderr}".strip()
            what = f"exits with {done.returncode}, not {code}"
            if done.returncode == code:
                what = "prints something else than it should"
            raise ReleaseError(f"{command} {' '.join(words)} {what}:\n{said}")

    concise = ("check", "--isolated", "--format", "concise")
    expect(0, "--version", holds=lambda text: text.strip() == f"imgbudget {version}")
    expect(1, *concise, "photo.jpg", holds=lambda text: text.startswith("photo.jpg: IB201 warning: "))
    expect(1, *concise, "--decode", "photo.jpg", holds=lambda text: "IB001" not in text)
    before = (folder / "photo.jpg").stat().st_size
    expect(0, "check", "--isolated", "--fix", "photo.jpg", holds=bool)
    if (folder / "photo.jpg").stat().st_size >= before:
        raise ReleaseError(f"{command} has not fixed photo.jpg")


def started_here(name: str) -> bool:
    """Whether a single file for the platform of that name starts on this one."""
    system = {"linux": "linux", "darwin": "macos"}.get(sys.platform, sys.platform)
    return name == f"{system}-{os.uname().machine}" if hasattr(os, "uname") else False


def check_ruby(formula: Path) -> bool:
    """Check the syntax of a formula; False if there is no Ruby. Raises ReleaseError for an error."""
    ruby = shutil.which("ruby")
    if ruby is None:
        return False
    done = subprocess.run((ruby, "-c", str(formula)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"{formula} is not Ruby:\n{done.stderr}")
    return True


def main() -> int:
    """Start the commands that are named, by their paths."""
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                check_start(Path(name).resolve(), Path(folder) / "start", project().version)
            except ReleaseError as error:
                print(error, file=sys.stderr)
                return 1
        print(f"started in an empty place: {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
