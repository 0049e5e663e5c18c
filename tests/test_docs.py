"""The documentation is current, and its commands are the ones that CI runs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_generated_pages_are_current() -> None:
    """README's rule table, the rules' pages, the help page and the schema are what the code says."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), "run python docs/generate.py"


def test_readme_has_the_commands_that_ci_runs() -> None:
    """The second command of README stands in .ci/run word for word."""
    blocks = (ROOT / "README.md").read_text(encoding="utf-8").split("```sh\n")[1:]
    commands = [block.partition("\n```")[0] for block in blocks]
    assert len(commands) == 2
    assert commands[0].endswith("imgbudget check examples")
    assert commands[1] in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
