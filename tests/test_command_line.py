"""Command lines: read without click where they are well-formed, with the same result as click's."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbudget.cli.command import Choice, Command, Field, Number
from imgbudget.cli.group import click_command
from imgbudget.cli.main import COMMANDS, load
from tests.builders import image_bytes
from tests.conftest import Command as Call

WORDS = (
    "- a a,b IB2,IB301 1 0 7 2.5 -3 1_0 nan image.tokens=5 ä $0.05 always error json:out.json -1,2 "
    "-- --fix -q -j4 --jobs=2 -qv -jq -vj --quiet=1 --nonsense -x --format --help -h --no-cache --cache"
)
TEXTS = st.sampled_from(["", " x ", *WORDS.split()])


def by_click(command: Command[Any], arguments: list[str]) -> object:
    """The options as click reads them; None where it has to answer itself."""
    found: list[object] = []

    def run(options: object) -> int:
        found.append(options)
        return 0

    class Watched(Command[Any]):
        """Shows the options as they are read, before lists of paths are."""

        def done(self, options: object) -> int:
            """Note the options."""
            return self.run(options)

    watched = Watched(
        command.name,
        command.options,
        run,
        formats=command.formats,
        negative_numbers=command.negative_numbers,
        is_hook_file=command.is_hook_file,
    )
    try:
        click_command(watched).main(arguments, "imgbudget", standalone_mode=False)
    except (click.ClickException, click.exceptions.Exit):
        return None
    return found[0] if found else None


def well_formed(field: Field) -> st.SearchStrategy[list[str]]:
    """Ways to give an option, or an argument."""
    parameter = field.parameter
    if not parameter.names:
        words = st.sampled_from(["a.png", "-", "1,2", "x y"])
        return st.lists(words, min_size=int(field.required), max_size=2 if parameter.many else 1)
    if parameter.is_flag:
        return st.sampled_from([[name] for name in (*parameter.names, parameter.off) if name])
    values: st.SearchStrategy[str]
    match parameter.type:
        case Choice(names):
            values = st.sampled_from(list(names))
        case Number(minimum):
            values = st.integers(int(minimum) + 1, 99).map(str)
        case _:
            values = st.text(st.characters(codec="utf-8"), max_size=5)
            if "--budget" in parameter.names:
                values = st.just("image.tokens=5")
            elif "--max-cost" in parameter.names:
                values = st.sampled_from(["$1", "0.5"])
    name = st.sampled_from(parameter.names)
    return st.builds(_spelled, name, values, st.booleans())


def _spelled(name: str, value: str, joined: bool) -> list[str]:  # noqa: FBT001 - drawn
    if joined:
        return [f"{name}={value}" if name.startswith("--") else f"{name}{value}"]
    return [name, value]


@pytest.mark.parametrize("name", COMMANDS)
def test_well_formed_lines_need_no_click(name: str) -> None:
    """Every option of every command, in any order and spelling, is read as click reads it."""
    command = load(name)
    fields = list(command.fields())
    required = [well_formed(field) for field in fields if field.required]

    options = st.lists(st.one_of([well_formed(field) for field in fields]), max_size=6 if fields else 0)

    @settings(max_examples=40, deadline=None)
    @given(options, st.tuples(*required), st.randoms())
    def same(given: list[list[str]], needed: tuple[list[str], ...], random: Any) -> None:
        words = [*given, *needed]
        random.shuffle(words)
        line = [word for group in words for word in group]
        expected = by_click(command, line)
        if expected is not None:
            assert command.parse(line) == expected

    same()


@pytest.mark.parametrize("name", COMMANDS)
@settings(max_examples=40, deadline=None)
@given(line=st.lists(TEXTS, max_size=6))
def test_any_line_is_read_as_click_reads_it_or_left_to_click(name: str, line: list[str]) -> None:
    """What click refuses or answers itself is never read, and what it reads is read alike."""
    command = load(name)
    assert command.parse(line) == by_click(command, line)


def test_a_value_that_click_takes_for_an_option_is_a_usage_error(imgbudget: Call) -> None:
    """Instead of an error inside the command, which is sure of its required options."""
    run = imgbudget("coords", "--original=-0")
    assert (run.code, run.err.splitlines()[-1]) == (2, "Error: Option '--original' requires an argument.")


def test_an_unknown_letter_behind_known_ones_is_no_number() -> None:
    """Where numbers may begin with a dash: -vj is -v and an option that there is not."""
    assert load("crop").unknown_option(["a.png", "-vj"]) == "-vj"
    assert load("crop").unknown_option(["a.png", "-1,2,3,4"]) is None
    assert load("crop").unknown_option(["a.png", "1,2,3,4", "-v"]) is None


def test_every_field_has_a_name_of_its_own() -> None:
    """A group and a command never declare the same field or option twice."""
    for name in COMMANDS:
        fields = list(load(name).fields())
        names = [field.name for field in fields]
        spelled = [spelling for field in fields for spelling in field.parameter.names]
        assert len(set(names)) == len(names)
        assert len(set(spelled)) == len(spelled)


def test_both_ways_give_the_same_output(
    imgbudget: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Text, messages and exit codes of a run do not depend on which way its command line was read."""
    (tmp_path / "good.png").write_bytes(image_bytes((560, 560)))
    (tmp_path / "bad.png").write_bytes(image_bytes((9000, 100)))
    (tmp_path / "note.txt").write_text("x")
    (tmp_path / "broken.yaml").write_text("[")
    lines: tuple[list[str], ...] = (
        [],
        ["good.png"],
        ["bad.png", "-q"],
        ["note.txt"],
        ["."],
        ["gone.png"],
        ["-"],
        ["--format", "xml"],
    )
    directly = [imgbudget("check", *line, stdin=image_bytes((4000, 10))) for line in lines]
    monkeypatch.setattr(Command, "parse", lambda _command, _line: None)
    assert directly == [imgbudget("check", *line, stdin=image_bytes((4000, 10))) for line in lines]


def test_help_and_mistakes_are_answered_by_click(imgbudget: Call) -> None:
    """Help, unknown options and bad values have click's words."""
    assert "Usage: imgbudget check" in imgbudget("check", "--help").out
    assert "No such option" in imgbudget("check", "--nonsense").err
    assert "is not in the range" in imgbudget("check", "-j", "0").err
    assert "Missing option '--original'" in imgbudget("coords", "1,2").err
    assert "Invalid value for '--budget'" in imgbudget("check", "--budget", "nonsense").err


@pytest.mark.parametrize(
    "options", [(), ("--force-exclude", "--offline", "--no-progress", "--no-cache"), ("-q", "--color=never")]
)
def test_click_is_not_loaded_for_a_well_formed_line(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Nor `dataclasses`, which takes as long: both would double the start of a hook."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    code = (
        "import sys\n"
        "from imgbudget.cli import main\n"
        "try:\n"
        f"    main({['check', *options, str(tmp_path / 'a.png')]!r})\n"
        "except SystemExit:\n"
        "    print([name for name in ('click', 'dataclasses') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("name", ["check", "plan", "audit", "send"])
def test_the_main_commands_share_their_options(name: str) -> None:
    """What a script passes to one of them, it can pass to all."""
    shared = "--model --platform --config --isolated --select --ignore --extend-select --format --quiet"
    shared += " --verbose --color --no-progress --jobs"
    known = {given for field in load(name).fields() for given in field.parameter.names}
    assert set(shared.split()) - known == set()
