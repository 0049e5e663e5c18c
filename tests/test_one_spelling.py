"""The same thing is spelled the same in all commands and in Python; old spellings work, and name the new."""

import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

import imgbudget as package
from imgbudget.cli.main import COMMANDS, load
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command

TABLE = Path(__file__).parents[1] / "docs" / "cli.md"
OLD = {"--for", "--models", "--budget-tokens", "--budget-cost", "--budget-bytes"}

DIFFERENT = {"--compare", "--diff", "--keep", "--text"}
"""Options whose value depends on the command: an earlier run is a report in `check` and rows in `audit`."""


def rows() -> list[tuple[str, str, list[str]]]:
    """The generated table of options and commands."""
    text = TABLE.read_text("utf-8").partition("## Options by command")[2]
    found = re.findall(r"^\| `(-[^`]+)` \| (?:`([^`]*)`)? ?\| ([^|]+) \|$", text, re.MULTILINE)
    return [(option, value, commands.split(", ")) for option, value, commands in found]


def test_the_table_has_one_spelling_for_the_same_thing() -> None:
    """No old spelling, several models and budgets under one name, and one value for each option."""
    table = rows()
    assert len(table) > 80
    assert not OLD & {option for option, _, _ in table}
    values = defaultdict(set)
    for option, value, _ in table:
        values[option].add("ID" if option == "--model" and value == "IDS" else value)
    assert {option for option, found in values.items() if len(found) > 1} <= DIFFERENT
    commands = {(option, value): names for option, value, names in table}
    assert set(commands["--model", "IDS"]) == {"plan", "audit", "size", "legible", "view"}
    assert set(commands["--budget", "NAME=AMOUNT"]) == {"check", "plan", "split", "send", "baseline"}


def test_no_two_options_mean_the_same() -> None:
    """Two names with one help would be two spellings."""
    names = defaultdict(set)
    for command in COMMANDS:
        for field in load(command).fields():
            parameter = field.parameter
            if parameter.names and not parameter.hidden and "--format" not in parameter.names:
                names[parameter.help].add(parameter.names[-1])
    assert [found for found in names.values() if len(found) > 1] == []


def test_old_spellings_name_an_option_of_their_command() -> None:
    """The note never sends anyone to an option that is not there."""
    old: set[str] = set()
    for name in COMMANDS:
        fields = [field.parameter for field in load(name).fields()]
        shown = {spelling for one in fields if not one.hidden for spelling in one.names}
        for one in fields:
            if one.instead is not None:
                old.update(one.names)
                assert one.instead.split()[0] in shown
    assert old == OLD


@pytest.fixture
def request_file(tmp_path: Path) -> str:
    """A request with one image."""
    write_json(tmp_path / "r.json", body(image_block(image_bytes((1000, 800)))))
    (tmp_path / "a.png").write_bytes(image_bytes((3000, 2000)))
    return "r.json"


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        (
            ("plan", "a.png", "--for", "gpt-4o,claude-sonnet-4-6"),
            ("plan", "a.png", "--model", "gpt-4o", "--model", "claude-sonnet-4-6"),
            "--for is deprecated; write --model IDS",
        ),
        (
            ("plan", "r.json", "--budget-tokens", "100"),
            ("plan", "r.json", "--budget", "request.tokens=100"),
            "--budget-tokens is deprecated; write --budget request.tokens=N",
        ),
        (
            ("split", "r.json", "--budget-bytes", "1KB"),
            ("split", "r.json", "--budget=request.bytes=1KB"),
            "--budget-bytes is deprecated; write --budget request.bytes=SIZE",
        ),
        (
            ("audit", "a.png", "--models", "claude-sonnet-4-6,gpt-4o"),
            ("audit", "a.png", "--model", "claude-sonnet-4-6,gpt-4o"),
            "--models is deprecated; write --model IDS",
        ),
    ],
)
@pytest.mark.usefixtures("request_file")
def test_old_spellings_still_work(
    imgbudget: Command, old: tuple[str, ...], new: tuple[str, ...], note: str
) -> None:
    """With the same result, and a note on standard error."""
    before, after = imgbudget(*old), imgbudget(*new)
    assert (before.code, before.out) == (after.code, after.out)
    assert f"note: {note}" in before.err
    assert "deprecated" not in after.err


@pytest.mark.usefixtures("request_file")
def test_commands_that_take_one_model_say_so(imgbudget: Command) -> None:
    """Two ids were one unknown model."""
    run = imgbudget("check", "a.png", "--model", "gpt-4o,claude-sonnet-4-6")
    assert (run.code, "takes one model at a time" in run.err) == (2, True)


@pytest.mark.usefixtures("request_file")
def test_python_has_the_same_words(imgbudget: Command) -> None:
    """`model` takes several where the command does, `budget` the same names; old arguments warn."""
    both = ["gpt-4o", "claude-sonnet-4-6"]
    assert [one.model for one in package.size("a.png", model=both)] == both
    shown = imgbudget(
        "plan", "a.png", "--model", "gpt-4o,claude-sonnet-4-6", "--estimate", "--format", "json"
    )
    assert json.loads(json.dumps(package.plan("a.png", model=both, measure=False).to_dict())) == shown.json
    assert package.plan("a.png", model=both, cheapest=True, measure=False)[0].changes
    with pytest.raises(package.UsageError, match="needs the models"):
        package.plan("a.png", cheapest=True)
    with pytest.raises(package.UsageError, match=r"model: expected a text"):
        package.check("a.png", model=both)  # type: ignore[arg-type]
    for budget in ({"image.tokens": 100}, "image.tokens=100", ["image.tokens=100"]):
        assert [one.code for one in package.check("a.png", select="IB601", budget=budget).findings] == [
            "IB601"
        ]
    for wrong in ({"image.tokens": "much"}, "tokens=5", ["x"], {"request.cost": -1.0}, {"run.cost": True}):
        with pytest.raises(package.UsageError, match="budget"):
            package.check("a.png", budget=wrong)
    with pytest.warns(DeprecationWarning, match=r'budget_tokens is now budget=\{"request.tokens": …\}'):
        old = package.split("r.json", budget_tokens=100)  # type: ignore[call-arg]
    assert old.to_dict() == package.split("r.json", budget={"request.tokens": 100}).to_dict()
    with pytest.warns(DeprecationWarning, match="models is now model"):
        assert package.audit("a.png", models="gpt-4o").missed == 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("check --json .", "Did you mean --format json?"),
        ("check --output x.json .", "Did you mean --format FORMAT:FILE?"),
        ("check -f json .", "Did you mean --format?"),
        ("check --models gpt-4o .", "Did you mean --model a,b?"),
        ("check --budget-tokens 5 .", "Did you mean --budget request.tokens=N?"),
        ("check --exclude x .", "Did you mean exclude in the configuration?"),
        ("rescue --json", "Did you mean --format json?"),
        ("check -text .", "No such option '-text'. Did you mean --text?"),
        ("check -q -pixels .", "'-pixels'. Did you mean --pixels?"),
        ("check -select IB2 .", "'-select'. Did you mean --select?"),
        ("check -formt=json .", "'-formt'. Did you mean --format?"),
        ("check -no-cache .", "'-no-cache'. Did you mean --no-cache?"),
        ("check -x .", "No such option '-x'.\n"),
        ("clean --jobbs 3", "No such option"),
        ("size --files-from nothing", "--files-from nothing: names no file; give at least one size such as"),
        ("check --format josn .", "did you mean json?"),
        ("check --platform aws .", "unknown platform 'aws'; "),
        ("plan --budget tokens=5 .", "did you mean request.tokens, image.tokens or run.tokens?"),
    ],
)
def test_words_of_other_tools_lead_here(imgbudget: Command, line: str, said: str) -> None:
    """Options that others have, names that are almost right, and those with one dash."""
    Path("nothing").write_text("")
    run = imgbudget(*line.split())
    assert (run.code, run.out) == (2, "")
    assert said in run.err
