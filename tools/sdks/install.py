"""Installs the SDKs that record.py drives into a folder: those for Python in a virtual environment there.

    python tools/sdks/install.py FOLDER [--newest]

The versions are those of the recordings. With `--newest` they are the latest ones, but for the AI SDK 6, an
older major version that is in use. No scripts of packages run.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent


def without_versions(requirements: str, package: str) -> tuple[str, str]:
    """The list for pip and the package.json, with the latest versions in place of the recorded ones."""
    wanted = json.loads(package)
    for name, version in wanted["dependencies"].items():
        if not name.endswith("-6"):
            wanted["dependencies"][name] = re.sub(r"[\d.]+$", "latest", version)
    return re.sub(r"==.*", "", requirements), json.dumps(wanted)


def main() -> int:
    """Install."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--newest", action="store_true", help="the latest versions")
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    npm = shutil.which("npm")
    if npm is None:
        print("npm is not installed", file=sys.stderr)
        return 2
    requirements = (HERE / "requirements.txt").read_text("utf-8")
    package = (HERE / "package.json").read_text("utf-8")
    if arguments.newest:
        requirements, package = without_versions(requirements, package)
    venv.create(folder / "python", with_pip=True)
    (folder / "requirements.txt").write_text(requirements, "utf-8")
    (folder / "package.json").write_text(package, "utf-8")
    python = folder / "python" / ("Scripts" if os.name == "nt" else "bin") / "python"
    pip = [python, "-m", "pip", "install", "--quiet", "--requirement", folder / "requirements.txt"]
    subprocess.run(pip, check=True)
    subprocess.run(
        [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder], check=True
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
