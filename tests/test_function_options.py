"""Every option of a command is a keyword of its function, every keyword an option; exceptions are listed."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import imgbudget as package
from imgbudget.cli.main import COMMANDS, load
from imgbudget.errors import UsageError
from imgbudget.linter.arguments import _arguments_of
from tests.builders import body, image_block, image_bytes, write_json
from tests.configs import write
from tests.conftest import Command
from tests.test_python_api import documents


@pytest.fixture(scope="module")
def listed() -> Iterator[ModuleType]:
    """The exceptions, which the page on Python lists."""
    docs = str(Path(__file__).parents[1] / "docs")
    sys.path.insert(0, docs)
    import keywords  # noqa: PLC0415 - the documentation is no package

    yield keywords
    sys.path.remove(docs)


def keywords_of(listed: ModuleType, command: str, *, needed: bool) -> set[str]:
    """The arguments of the functions that give what a command gives; with `needed` all of them."""
    found: set[str] = set()
    for name in listed.FUNCTIONS[command]:
        function = getattr(package, name)
        while hasattr(function, "__wrapped__"):
            function = function.__wrapped__
        own = function.__code__.co_varnames[: function.__code__.co_argcount]
        first = set(own[: len(own) - len(function.__defaults__ or ())])
        found |= set(_arguments_of(function)) - (set() if needed else first)
    return found


def options_of(command: str) -> set[str]:
    """The options of a command that help shows."""
    fields = [field.parameter for field in load(command).fields() if not field.parameter.hidden]
    return {max(one.names, key=len) for one in fields if one.names}


def plain(option: str) -> str:
    """The keyword for an option."""
    return option.lstrip("-").replace("-", "_")


def test_the_functions_of_commands_are_listed(listed: ModuleType) -> None:
    """Each public function that shares its name with a command."""
    both = {name for name in package.__all__ if name in COMMANDS}
    assert both == set(listed.FUNCTIONS)


@pytest.mark.parametrize(
    "command",
    ["audit", "check", "coords", "crop", "explain", "legible", "plan", "rescue", "size", "split", "tiles"],
)
def test_options_and_keywords_are_the_same(listed: ModuleType, command: str) -> None:
    """But for what is listed; and nothing is listed that is not so."""
    keywords, options = keywords_of(listed, command, needed=True), options_of(command)
    other = {
        option: one.keyword
        for one in listed.DIFFERENCES
        if command in one.commands or not one.commands
        for option in one.options
        if option in options
    }
    named = {option: option[2:].replace("-", "_") for option in options - set(other)}
    assert {option for option, keyword in named.items() if keyword not in keywords} == set()
    assert {keyword for keyword in other.values() if keyword} <= keywords
    assert {option for option in other if plain(option) in keywords and option != "--keep"} == set()
    given = {*named.values(), *other.values(), *map(plain, other)}
    assert keywords_of(listed, command, needed=False) - given - set(listed.ONLY_KEYWORDS) == set()


def test_nothing_is_listed_in_vain(listed: ModuleType) -> None:
    """Each exception is of a command that has the option; each has a keyword or a reason."""
    for one in listed.DIFFERENCES:
        assert bool(one.keyword) != bool(one.note), one
        for command in one.commands or listed.FUNCTIONS:
            found = set(one.options) & options_of(command)
            assert found or not one.commands, (one, command)
    every = {name for command in listed.FUNCTIONS for name in keywords_of(listed, command, needed=False)}
    assert set(listed.ONLY_KEYWORDS) <= every


@pytest.fixture
def images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with images of which one is too large, a broken one, and a conversation."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in/large.jpg").write_bytes(image_bytes((3000, 300), "JPEG"))
    (tmp_path / "in/small.png").write_bytes(image_bytes((150, 400), "PNG"))
    blocks = [image_block(image_bytes((900, 10 * edge))) for edge in (60, 70)]
    request = body(blocks[0])
    request["messages"] += [
        {"role": "assistant", "content": "seen"},
        {"role": "user", "content": [blocks[1]]},
    ]
    write_json(tmp_path / "in/talk.json", request)
    return tmp_path


SAME: list[tuple[list[str], Callable[[], Any]]] = [
    (
        ["plan", "in", "--select", "IB2", "--estimate"],
        lambda: package.plan("in", select="IB2", measure=False).to_dict(),
    ),
    (["plan", "in", "--select", "IB2,IB601"], lambda: package.plan("in", select=["IB2", "IB601"]).to_dict()),
    (
        ["plan", "in", "--select", "ALL", "--ignore", "IB201"],
        lambda: package.plan("in", select="ALL", ignore="IB201").to_dict(),
    ),
    (
        ["plan", "in", "--select", "IB2"],
        lambda: package.plan("in", package.RunOptions(select="IB6"), select="IB2", jobs=2).to_dict(),
    ),
    (["plan", "in"], lambda: package.plan("in", package.RunOptions(select="IB6")).to_dict()),
    (
        ["plan", "in", "--select", "IB6", "--extend-select", "IB2", "--estimate"],
        lambda: package.plan("in", select="IB6", extend_select="IB2", measure=False).to_dict(),
    ),
    (
        ["plan", "in/talk.json", "--resend", "--keep", "0"],
        lambda: package.plan("in/talk.json", resend=True, keep=0).to_dict(),
    ),
    (
        ["plan", "in", "--client", "codex"],
        lambda: package.plan("in", package.RunOptions(client="codex")).to_dict(),
    ),
    (["check", "in", "--decode"], lambda: package.check("in", decode=True).to_dict()),
    (["check", "in", "--statistics"], lambda: package.check("in", statistics=True).to_dict()),
    (["check", "in", "--compare", "old.json"], lambda: package.check("in", compare="old.json").to_dict()),
]


@pytest.mark.parametrize(("arguments", "call"), SAME, ids=[" ".join(row[0]) for row in SAME])
def test_the_keyword_does_what_the_option_does(
    imgbudget: Command, images: Path, arguments: list[str], call: Callable[[], Any]
) -> None:
    """The document is the same."""
    imgbudget("check", "in/small.png", "--format", "json:old.json")
    assert call() == documents(imgbudget, *arguments)
    assert images.is_dir()


def test_a_plan_is_made_as_by_the_command(imgbudget: Command, images: Path) -> None:
    """In another folder, or in place with a copy; nothing without `apply`."""
    before = {path: path.read_bytes() for path in images.rglob("*.*")}
    package.plan("in")
    wanted = documents(imgbudget, "plan", "in", "--target", "latency", "--apply", "--output-dir", "one")
    report = package.plan("in", target="latency", apply=True, output_dir="two")
    assert report.to_dict() == wanted
    assert {path: path.read_bytes() for path in images.glob("in/*")} == before
    made = {path.name: path.read_bytes() for path in images.glob("two/*")}
    assert made == {path.name: path.read_bytes() for path in images.glob("one/*")}
    assert made["large.jpg"] != (images / "in/large.jpg").read_bytes()
    package.plan("in", target="latency", select="IB2", apply=True, backup=True)
    assert (images / "in/large.jpg").read_bytes() == made["large.jpg"]
    assert (images / "in/large.jpg.bak").read_bytes() == before[images / "in/large.jpg"]
    assert report.unwritten == ()
    (images / "taken").write_text("a file")
    (images / "in/large.jpg").write_bytes(before[images / "in/large.jpg"])
    lost = package.plan("in/large.jpg", target="latency", apply=True, output_dir="taken")
    assert [one.partition(":")[0] for one in lost.unwritten] == ["taken/large.jpg"]
    assert "cannot be written" in lost[0].reason
    with pytest.raises(UsageError, match="goes with apply"):
        package.plan("in", backup=True)


def test_files_in_the_output_folder_are_refused(imgbudget: Command, images: Path) -> None:
    """Results are not read again: that nothing is written is said, of a folder, of `.` and without a name."""
    before = (images / "in/large.jpg").read_bytes()
    for folder in ("in", ".", ""):
        with pytest.raises(UsageError, match=r"in: is inside the output folder .*, where nothing is fixed"):
            package.plan("in", target="latency", apply=True, output_dir=folder)
    with pytest.raises(UsageError, match="inside the output folder in"):
        package.fix("in/large.jpg", unsafe=True, output_dir="in")
    result = imgbudget("plan", "in", "--target", "latency", "--apply", "--output-dir", "in")
    assert result.code == 2
    assert "in: is inside the output folder in, where nothing is fixed; name another" in result.err
    assert (images / "in/large.jpg").read_bytes() == before
    package.plan("in", target="latency", apply=True, output_dir="in/out")
    assert (images / "in/out/large.jpg").is_file()


@pytest.mark.parametrize("function", [package.plan, package.fix])
def test_standard_input_is_refused_where_it_is_not_read(function: Any) -> None:
    """A plan said that it was deleted, and a fix that there was nothing to report."""
    with pytest.raises(UsageError, match="-: is standard input, which is not read here; name a file"):
        function("-")


def test_standard_input_has_a_name(imgbudget: Command, images: Path) -> None:
    """The configuration nearest to it counts."""
    write(images / "in", "select: [IB001]\n")
    data = image_bytes((3000, 300))
    wanted = documents(imgbudget, "check", "-", "--stdin-filename", "in/a.png", stdin=data)
    assert package.check("-", stdin=data, stdin_filename="in/a.png").to_dict() == wanted
    assert package.check("-", stdin=data).findings


def test_coordinates_and_parts_take_all_settings(imgbudget: Command, images: Path) -> None:
    """A file as the original, a configuration, a limits file, and the scale of the screen."""
    (images / "limits.yaml").write_text("tiers: {standard: {tier_edge: {value: 560}}}\n")
    write(images / "in", "platform: bedrock\nmodel: claude-sonnet-4-6\n")
    options = ("--limits", "limits.yaml")
    point = documents(imgbudget, "coords", "10,10", "--original", "in/large.jpg", *options)
    (found,) = package.coords([(10, 10)], "in/large.jpg", limits="limits.yaml", display_scale=2)
    assert [2 * part for part in found] == pytest.approx(point["points"][0]["mapped"], abs=0.01)
    assert package.coordinate_map(Path("in/large.jpg"), limits="limits.yaml").resized.width == 560
    part = package.crop("in/large.jpg", (0, 0, 300, 50), limits="limits.yaml", isolated=True)
    assert (part.limits.platform, part.size.width) == ("anthropic", 560)
    assert package.crop("in/large.jpg", (0, 0, 300, 50)).limits.platform == "bedrock"


def test_an_agent_of_the_configuration_counts_where_it_does_for_the_command(
    imgbudget: Command, images: Path
) -> None:
    """An audit is of the files as they are, unless the caller names the agent."""
    write(images, "client: claude-code\n")
    assert package.audit("in").to_dict() == documents(imgbudget, "audit", "in", "-j", "1")
