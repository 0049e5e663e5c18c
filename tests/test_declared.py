"""`check` with paths only: the same as with click, and without loading it."""

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import click

from imgbudget.cli.declared import Declared
from imgbudget.cli.group import cli
from tests.builders import image_bytes
from tests.conftest import Command

_DEFAULTS = """
import json, sys
from imgbudget.cli.check import command
given = command.defaults()
assert "click" not in sys.modules, "click was loaded"
made = command.command
context = made.make_context("check", [])
print(json.dumps([sorted(map(repr, given.items())), sorted(map(repr, context.params.items()))]))
print(json.dumps([[p.name, p.opts, p.secondary_opts, getattr(p, "multiple", None)] for p in made.params]))
"""


def _python(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_options_that_are_not_given_are_the_same_with_click_and_without() -> None:
    """Each option of `check` has one default, and no option is missing."""
    given, by_click = json.loads(_python(_DEFAULTS)[0])
    assert len(given) > 20
    assert given == by_click


def test_a_command_declared_without_click_is_the_command_that_click_makes() -> None:
    """The same parameters in the same order, made late or at once."""
    late = json.loads(_python(_DEFAULTS)[1])
    at_once = import_module("imgbudget.cli.check").command
    made: click.Command = at_once.command if isinstance(at_once, Declared) else at_once
    assert [[p.name, p.opts, p.secondary_opts, getattr(p, "multiple", None)] for p in made.params] == late


def test_paths_alone_give_what_click_gives(imgbudget: Command, tmp_path: Path) -> None:
    """Text, messages and exit codes are the same with and without click."""
    (tmp_path / "good.png").write_bytes(image_bytes((560, 560)))
    (tmp_path / "bad.png").write_bytes(image_bytes((9000, 100)))
    (tmp_path / "note.txt").write_text("x")
    (tmp_path / "broken.yaml").write_text("[")
    for paths in ([], ["good.png"], ["bad.png", "good.png"], ["note.txt"], ["."], ["gone.png"], ["-"]):
        plain = imgbudget("check", *paths, stdin=image_bytes((4000, 10)))
        # two dashes end the options, and are click's to read
        by_click = imgbudget("check", "--", *paths, stdin=image_bytes((4000, 10)))
        assert plain == by_click
    (tmp_path / ".imgbudget.yaml").write_text("modle: x\n")
    assert imgbudget("check", "good.png") == imgbudget("check", "--", "good.png")


def test_a_call_with_an_option_or_a_mistake_goes_to_click(imgbudget: Command) -> None:
    """Help, unknown options and bad values are answered as ever."""
    assert "Usage: imgbudget check" in imgbudget("check", "--help").out
    assert "No such option" in imgbudget("check", "--nonsense").err
    assert "is not in the range" in imgbudget("check", "-j", "0").err
    assert cli.get_command(click.Context(cli), "check") is not None


def test_click_is_not_loaded_for_paths_alone(tmp_path: Path) -> None:
    """It is a quarter of the start of a hook."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    code = (
        "import sys\n"
        "from imgbudget.cli import main\n"
        f"sys.argv = ['imgbudget', 'check', {str(tmp_path / 'a.png')!r}]\n"
        "try:\n    main()\n"
        "except SystemExit:\n    print('click' in sys.modules)\n"
    )
    assert _python(code)[-1] == "False"
