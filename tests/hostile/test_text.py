"""No text from outside acts on a terminal, a log or a spreadsheet: every command, format and field.

The commands and their formats are taken from the table of commands. `CALLS` has calls of each whose input or
arguments hold the texts; a command without a call fails a test.
"""

import ast
import csv
import io
import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import imgbudget as package
from imgbudget.auditing.csvtable import csv_line
from imgbudget.cli.main import COMMANDS, load
from imgbudget.live.watch import refusal
from imgbudget.model.location import Location
from imgbudget.output.records import dump, indented
from imgbudget.printable import SeveralLines, joined, markdown, one_line, painted, several_lines
from tests.builders import body, image_block
from tests.conftest import Command, Run
from tests.findings import finding_of
from tests.hostile.hostile_text import FORGED, TEXTS, as_name, at_work, fill, fill_datasets
from tests.liveapi import Api, answer, envelope, events, listed, message

ENGINE = Path(package.__file__).parent
ALL = " ".join(TEXTS)
MARKUP = re.compile(r"(?<!\\)[\[\]<>`]|[@#]\w|:(?=//)|www\.")
"""What makes links, images, HTML or code in Markdown, and what GitHub links even if it is escaped."""

LINES = tuple(text for text in TEXTS if FORGED in text)
TEXT_FORMATS = {"full", "concise", "text", "txt", "github", "markdown"}


BEGIN = painted("", "")[:20]
"""The beginning of the mark of a colour, which must not be left in finished text."""


class Call(NamedTuple):
    """Arguments of a command in the folder of hostile texts.

    `formats` are those of the command that it is called with, None for all of them; `alone` for a call that
    takes no --format.
    """

    arguments: tuple[str, ...]
    formats: tuple[str, ...] | None = None
    alone: bool = False


def _call(*arguments: str, formats: tuple[str, ...] | None = None, alone: bool = False) -> Call:
    return Call(arguments, formats, alone)


PATHS = ("names", "rows.jsonl", "raw.jsonl", "broken.json", "request.json")
FEW = ("--budget", "request.tokens=900")
CALLS: dict[str, tuple[Call, ...]] = {
    "check": (
        _call(*PATHS, "--statistics", "--verbose", "--pedantic"),
        _call(*PATHS, "--color", "always", formats=("full", "concise")),
        _call("names", "rows.jsonl", "--compare", "old.json", formats=("full", "json", "github", "markdown")),
        _call("request.json", "names", "--diff", "--color", "always", alone=True),
        _call("names", "--show-files", alone=True),
        *(_call(f"names/{os.fsdecode(as_name(text))}", "--show-settings", alone=True) for text in LINES[:3]),
        _call("request.json", "--config", "hostile.yaml", formats=("full",)),
        *(_call(text, text, formats=("full",)) for text in LINES),
    ),
    "plan": (
        _call(*PATHS, "--all"),
        _call(*PATHS, "--all", "--color", "always", formats=("full",)),
        _call("rows.jsonl", "--all", "--model", "claude-sonnet-4-6,gpt-4o"),
        _call("rows.jsonl", "request.json", "--resend"),
        _call("rows.jsonl", *FEW),
        _call("request.json", "names", "--apply", "--output-dir", f"out{LINES[0][:3]}", formats=("full",)),
        _call("request.json", "--model", ALL),
    ),
    "split": (_call("rows.jsonl", "broken.json", "--all"), _call("rows.jsonl", *FEW)),
    "tiles": (_call("names"), _call("800x600", "--model", ALL), _call(LINES[0])),
    "audit": (
        _call("names", "images.zip", "images.parquet", "metadata.jsonl", "request.json", "--jobs", "1"),
        _call(LINES[0], formats=("full",)),
    ),
    "size": (
        _call("800x600", "--model", ALL.replace(",", "")),
        _call("800x600", "--model", "gpt-4o", "--detail", ALL),
        _call(ALL),
    ),
    "legible": (_call("names", "--model", "claude-sonnet-4-6,gpt-4o"), _call(LINES[0])),
    "view": (
        _call(f"names/{os.fsdecode(as_name(LINES[0]))}.jpg", "-o", "-", alone=True),
        _call(LINES[0], "-o", f"o{LINES[0][:3]}.html", alone=True),
        _call("request.json", "-o", "-", "--model", ALL, alone=True),
    ),
    "coords": (_call("--original", ALL, "1,2"), _call("--original", "8x6", LINES[0])),
    "crop": (
        *(_call(f"names/{os.fsdecode(as_name(text))}.jpg", "1,1,300,30") for text in LINES[:3]),
        _call(ALL, LINES[0]),
    ),
    "rule": (_call(ALL, formats=("text",)), _call("--all")),
    "limits": (_call("--model", ALL), _call("--platform", ALL, formats=("full",))),
    "explain": (
        *(_call(f"Error code: 400 - {text} image exceeds 5 MB maximum", formats=("full",)) for text in TEXTS),
        _call(f"messages.0.content.{ALL}: image exceeds 5 MB maximum: 6000000 bytes > 5242880 bytes"),
        _call(f"unknown {ALL}"),
        _call("Could not process image", "--request", "request.json", "--color", "always"),
        _call("session.jsonl"),
    ),
    "send": (
        _call("request.json", "--dry-run", "--color", "always"),
        _call("rows.jsonl", "--dry-run", "--force"),
        _call(LINES[0]),
    ),
    "verify": (_call("--model", ALL, "--platform", "bedrock"), _call("--platform", ALL)),
    "hook": (_call(ALL, alone=True), _call("claude-code", "--config", LINES[0], alone=True)),
    "mcp": (_call("--root", ALL, alone=True),),
    "lsp": (_call(ALL, alone=True),),
    "init": (_call("--dry-run", alone=True), _call(alone=True), _call(LINES[0], alone=True)),
    "baseline": (
        _call("request.json", "--write", "--baseline", f"b{LINES[0][:2]}.json", alone=True),
        _call("request.json", "--prune", "--baseline", f"b{LINES[0][:2]}.json", alone=True),
        _call("request.json", "--prune", "--baseline", LINES[1], alone=True),
    ),
    "rescue": (
        _call("session.jsonl"),
        _call("session.jsonl", "--omit-images", "all", "--everywhere", formats=("full",)),
        _call("--agent", ALL, formats=("full",)),
        _call(LINES[0], formats=("full",)),
    ),
    "status": (_call("session.jsonl"), _call("request.json", "--model", ALL), _call(LINES[0])),
    "clean": (_call(alone=True),),
}
MATRIX = [(name, number) for name, calls in CALLS.items() for number, _ in enumerate(calls)]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder, made once."""
    folder = tmp_path_factory.mktemp("hostile")
    fill(folder)
    fill_datasets(folder)
    lines = [line for text in TEXTS for line in broken_session(text)]
    (folder / "session.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    values: dict[str, Any] = {text: text for text in TEXTS}
    values |= {"ignore": [{"path": TEXTS[0], "rules": [TEXTS[1]], "reason": TEXTS[2]}], "model": TEXTS[0]}
    (folder / "hostile.yaml").write_text(json.dumps(values), encoding="utf-8")
    finding = {
        "code": TEXTS[0],
        "path": TEXTS[0],
        "message": TEXTS[1],
        "severity": "error",
        "location": TEXTS[2],
    }
    (folder / "old.json").write_text(json.dumps({"version": 1, "findings": [finding]}), encoding="utf-8")
    return folder


@pytest.fixture
def folder(hostile: Path, tmp_path: Path) -> Path:
    """A copy of it, to be written to."""
    shutil.copytree(hostile, tmp_path, dirs_exist_ok=True)
    return tmp_path


def broken_session(text: str) -> Iterator[dict[str, Any]]:
    """Lines of a session with a text as ids, as the name of a file whose image is none, and as an error."""
    call = {"type": "tool_use", "id": text, "name": "Read", "input": {"file_path": f"{text}.png"}}
    source = {"type": "base64", "media_type": text, "data": "bm90IGFuIGltYWdl"}
    result = {"type": "tool_result", "tool_use_id": text, "content": [{"type": "image", "source": source}]}
    error = {"type": "text", "text": f"API Error: 400 {text}: Could not process image"}
    for kind, block, more in (
        ("assistant", call, {}),
        ("user", result, {}),
        ("assistant", error, {"isApiErrorMessage": True}),
    ):
        message = {"role": kind, "content": [block], "model": "<synthetic>" if more else text}
        yield {"type": kind, "uuid": f"{text}{kind}{more}", "sessionId": text, "message": message, **more}


def test_every_command_is_in_the_matrix() -> None:
    """A new command needs calls with hostile texts; its formats are taken from it."""
    assert set(CALLS) == set(COMMANDS)


@pytest.mark.parametrize("case", MATRIX, ids=[f"{name}-{number}" for name, number in MATRIX])
def test_no_output_obeys_its_input(
    request: pytest.FixtureRequest,
    imgbudget: Command,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    case: tuple[str, int],
) -> None:
    """Nothing that a terminal or a CI server obeys is printed, and what is for programs can be parsed."""
    name, number = case
    call = CALLS[name][number]
    writes = name in ("init", "baseline", "crop") or "--apply" in call.arguments
    folder: Path = request.getfixturevalue("folder" if writes else "hostile")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / f"cache{LINES[0][:3]}"))
    isolated = () if name in ("init", "clean", "rescue") or "--config" in call.arguments else ("--isolated",)
    for forms in forms_at_once(name, call):
        files = [tmp_path_factory.mktemp("out") / form for form in forms[1:]]
        options = [f"--format={form}" for form in forms[:1]]
        options += [f"--format={form}:{file}" for form, file in zip(forms[1:], files, strict=True)]
        run = imgbudget(name, *call.arguments, *isolated, *options)
        harmless(run, forms[0] if forms else "")
        for form, file in zip(forms[1:], files, strict=True):
            if run.code != 2 or file.exists():
                harmless(run._replace(out=file.read_text("utf-8"), err=""), form)


def forms_at_once(name: str, call: Call) -> Iterator[tuple[str, ...]]:
    """The formats of a call, those of one run together: the first is printed, the others go to files.

    Each format with colours is printed: files have none.
    """
    if call.alone:
        yield ()
        return
    forms = call.formats or load(name).formats
    if "--color" in call.arguments:
        yield from ((form,) for form in forms)
    else:
        yield tuple(forms)


def harmless(run: Run, form: str) -> None:
    """Check what a call printed."""
    assert BEGIN not in run.out + run.err
    assert at_work(run.err) == []
    out = run.out
    if form == "github":
        commands = [line for line in out.splitlines() if line.startswith("::")]
        assert all(
            re.match(r"::(error|warning|notice) file=[^:]*,title=IB[^:]*::", line) for line in commands
        )
        out = "".join(f"{line[1:]}\n" for line in out.split("\n"))
    assert at_work(out) == []
    if run.code != 2 and run.out:
        check_form(run.out, form)


def check_form(out: str, form: str) -> None:
    """What is for programs is valid."""
    match form:
        case "json" | "sarif" | "gitlab" | "rdjson":
            assert json.loads(out) is not None
            assert out.isascii()
        case "jsonl":
            assert all(json.loads(line)["type"] for line in out.splitlines())
            assert out.isascii()
        case "junit":
            assert len(ET.fromstring(out)) > 0  # noqa: S314 - ours
        case "csv":
            rows = list(csv.reader(io.StringIO(out, newline="")))
            assert {len(row) for row in rows} == {len(rows[0])}
            assert not [cell for row in rows for cell in row if re.match(r"[\s'\"]*[=+\-@＝＋－＠]", cell)  # noqa: RUF001
                        and not cell.startswith("'") and not re.fullmatch(r"-?[\d.]+", cell)]  # fmt: skip
        case "markdown" if not out.startswith("# IB"):  # pages of rules are Markdown of their authors
            text = re.sub(r"(?s)```.*?```|</?details>|</?summary>|\[IB\d+\]\([^)]*\)", " ", out)
            assert not MARKUP.search(text.replace("&#8203;", " "))


def test_json_keeps_the_values(imgbudget: Command, folder: Path) -> None:
    """File names and ids come back exactly."""
    run = imgbudget("check", "names", "rows.jsonl", "--isolated", "--format", "json")
    names = {os.fsdecode(as_name(text)) for text in TEXTS}
    assert {
        image["path"].split("/")[1] for image in run.json["images"] if image["path"].startswith("names")
    } >= names
    assert {request["id"] for request in run.json["requests"]} == set(TEXTS)
    assert folder.exists()


def test_a_first_configuration_is_yaml_whatever_the_files_hold(imgbudget: Command, folder: Path) -> None:
    """What `init` prints and writes is what it means."""
    run = imgbudget("init", "--dry-run")
    read = yaml.safe_load(run.out)
    assert set(read) <= {"model", "platform", "exclude", "budgets"}
    assert imgbudget("init").code == 0
    assert (folder / ".imgbudget.yaml").read_text(encoding="utf-8") == run.out


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_mistakes_on_the_command_line(imgbudget: Command, name: str) -> None:
    """Messages of usage repeat arguments as text."""
    for arguments in (
        (f"--{ALL}",),
        ("--format", ALL),
        ("--config", ALL, "--verbose"),
        (ALL, "--nothing"),
        (LINES[0],),
    ):
        assert at_work((run := imgbudget(name, *arguments)).out) == []
        assert at_work(run.err) == []
    for word in (ALL, *LINES):
        assert at_work(imgbudget(word).err) == []


def test_the_page_of_an_audit(imgbudget: Command, hostile: Path, tmp_path: Path) -> None:
    """The HTML holds no character that hides or reorders text, and no markup of the names."""
    imgbudget("audit", str(hostile), "--jobs", "1", "--html", str(tmp_path / "a.html"), "--isolated")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    names = re.sub(r"(?s)<style.*?</style>", "", page)
    assert {hit for hit in at_work(names) if hit.startswith("'")} == set()
    assert "onerror=alert" not in re.sub(r"(?s)&lt;.*?&gt;|\\\\u003c.*?\\\\u003e|\\u003c.*?\\u003e", "", page)


def test_errors_inside(
    imgbudget: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The message of an unexpected exception is text, in the traceback too."""

    def fail(_options: object) -> int:
        raise RuntimeError(ALL)

    monkeypatch.setattr(load("clean"), "run", fail)
    assert at_work(imgbudget("clean").err) == []
    error = RuntimeError(ALL)
    sys.excepthook(RuntimeError, error, None)
    shown = capsys.readouterr().err.replace("\t", " ")
    assert [hit for hit in at_work(shown) if FORGED not in hit] == []


def test_refusals_of_the_guard() -> None:
    """A finding is one line, with hostile keys too."""
    location = Location("r.json", ("messages", 0, ALL, LINES[0], 1))
    found = [finding_of(location=location, message=LINES[1], help=LINES[2])] * 2
    text = str(refusal(found))
    assert text.count("\n") == 2
    assert at_work(text) == []


SENT = body("hello", image_block())


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", [*LINES[:3], LINES[-1], ALL])
def test_answers_of_a_model(imgbudget: Command, api: Api, tmp_path: Path, text: str, *, stream: bool) -> None:
    """An answer keeps its lines, also if it comes letter by letter, and nothing in it is obeyed."""
    (tmp_path / "r.json").write_text(json.dumps(SENT), encoding="utf-8")
    if stream:
        api.always(lambda: answer_of(events("claude-sonnet-4-6", 10, *text)))
    else:
        api.always(lambda: answer(message("claude-sonnet-4-6", 10, text)))
    run = imgbudget("send", "r.json", "--yes", *(("--stream",) if stream else ()))
    assert run.code == 0
    shown = run.out.replace("\t", " ")
    assert [hit for hit in at_work(shown) if FORGED not in hit] == []


def answer_of(data: bytes) -> Any:
    """A stream of events."""
    made = answer({})
    made.set_data(data)
    made.content_type = "text/event-stream"
    return made


@pytest.mark.parametrize("stream", [False, True])
def test_errors_of_the_api(imgbudget: Command, api: Api, tmp_path: Path, *, stream: bool) -> None:
    """Messages, types, ids and pages of proxies are text."""
    (tmp_path / "r.json").write_text(json.dumps(SENT), encoding="utf-8")
    for text in (*LINES[:2], ALL):
        api.server.clear()
        api.always(lambda text=text: answer(envelope(text, text) | {"request_id": text}, 400))  # type: ignore[misc]
        harmless(imgbudget("send", "r.json", "--yes", *(("--stream",) if stream else ())), "full")
        harmless(imgbudget("send", "r.json", "--yes", "--format", "json"), "json")
    api.server.clear()
    api.always(lambda: page(ALL))
    harmless(imgbudget("send", "r.json", "--yes"), "full")


def page(text: str) -> Any:
    """An error page of a proxy."""
    made = answer({}, 502)
    made.set_data(text.encode("utf-8", "replace"))
    made.content_type = "text/html"
    return made


@pytest.mark.parametrize("form", load("verify").formats)
def test_names_of_models_from_the_api(imgbudget: Command, api: Api, form: str) -> None:
    """The list of models is what a server says."""
    api.models(*(listed(text) | {"lifecycle": text} for text in TEXTS))
    run = imgbudget("verify", "--list-models", "--format", form)
    assert run.code == 0
    harmless(run, form)
    if form == "json":
        assert {model["id"] for model in run.json["models"]} == set(TEXTS)


@pytest.mark.parametrize("text", TEXTS)
def test_one_text_in_every_kind_of_output(text: str) -> None:
    """The functions that all output is made with."""
    assert at_work(joined([text, f" {text}", f"x: {text}"])) == []
    assert joined([text, text]).count("\n") == 2
    assert at_work(one_line(text).lstrip(" \u3000:")) == []
    assert one_line(one_line(text)) == one_line(text)
    for made in (dump({text: text}), indented({text: text})):
        assert at_work(made) == []
        assert json.loads(made) == {text: text}
    line = csv_line([text, 1, None, -2])
    assert at_work(line) == []
    assert [row[1:] for row in csv.reader([line])] == [["1", "", "-2"]]
    assert not MARKUP.search(markdown(text).replace("&#8203;", " "))
    assert not re.search(r"(?<!\\)[|*_~$]", markdown(text))


def test_printable_names_stay_readable() -> None:
    """Letters of any script, signs and emoji are no danger."""
    for text in (
        "für",
        "日本語.png",
        "写真/été 100%.jpg",
        "😀❤️.gif",
        "a:b#c",
        "## Heading",
        "C:\\x",
        "mañana",
        "العربية",
    ):
        assert one_line(text) == text
        assert joined([text]) == f"{text}\n"
        assert several_lines(text) == text


def test_only_own_colours_are_colours() -> None:
    """What is painted is coloured, what a text holds is not."""
    assert joined([f"{painted('a', '1')} \x1b[1mb\x1b[0m"]) == "\x1b[1ma\x1b[0m \\x1b[1mb\\x1b[0m\n"


@given(st.lists(st.text(st.sampled_from("#:v[\n\r\t \u3000ab\x1b\u202e"), max_size=4), max_size=8))
def test_pieces_are_as_safe_as_the_whole(pieces: list[str]) -> None:
    """Wherever a stream is cut, the same is shown."""
    stream = SeveralLines()
    shown = "".join(map(stream.add, pieces))
    whole = "".join(pieces)
    assert at_work(shown.replace("\t", " ")) == []
    if "\r\n" not in whole:
        assert shown == several_lines(whole)


@given(
    st.lists(st.one_of(st.text(), st.integers(), st.none(), st.sampled_from(TEXTS)), min_size=2, max_size=5)
)
def test_csv_is_read_back(cells: list[str | int | None]) -> None:
    """Python's reader finds the same cells: text as it is printed, perhaps behind an apostrophe."""
    line = csv_line(cells)
    assert line.count("\n") == 1
    (row,) = csv.reader(io.StringIO(line, newline=""), strict=True)
    expected = [
        "" if cell is None else one_line(cell) if isinstance(cell, str) else str(cell) for cell in cells
    ]
    assert [cell.removeprefix("'") for cell in row] == [cell.removeprefix("'") for cell in expected]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a.png", "a.png"),
        ("=1+1", '"\'=1+1"'),
        ("\r=1+1", '"\'\\r=1+1"'),
        ("\n\t =1", '"\'\\n\\t =1"'),
        ("\uff1d1", '"\'\uff1d1"'),
        ("\u22121", '"\'\u22121"'),
        ("'=1", "\"''=1\""),
        ("a;=1", '"a;=1"'),
        ("a\rb", "a\\rb"),
        ("-1", '"\'-1"'),
        (-1, "-1"),
        (0.5, "0.5"),
        ('say "x"', '"say ""x"""'),
    ],
)
def test_cells_of_csv(text: object, written: str) -> None:
    """Formulas are texts, numbers are numbers, separators are quoted, and a record is a line."""
    assert csv_line([text, "x"]) == f"{written},x\n"


@cache
def statements(path: Path) -> tuple[ast.AST, ...]:
    """The syntax of a module."""
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


PRINTING = re.compile(
    r"(print|input|(click\.)?(s?echo|prompt|confirm)|os\.write|.*sys\.std(out|err)\)?(\.buffer)?\.write(lines)?)"
)


PRINTERS = ("print", "input", "echo", "secho", "prompt", "confirm", "write", "writelines")


def may_print(function: ast.expr) -> bool:
    """Whether the last name of what is called is one that prints."""
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in PRINTERS


def test_printing_is_in_one_place() -> None:
    """All that prints is `cli.output.show`: another place would skip the escapes."""
    names = re.compile(rf"\b({'|'.join(PRINTERS)})\(")
    found = {
        (path.relative_to(ENGINE).as_posix(), name)
        for path in ENGINE.rglob("*.py")
        if names.search(path.read_text(encoding="utf-8"))
        for node in statements(path)
        if isinstance(node, ast.Call)
        and may_print(node.func)
        and PRINTING.fullmatch(name := ast.unparse(node.func))
    }
    assert found == {
        ("cli/output.py", "(sys.stderr if aside else sys.stdout).write"),
        ("cli/output.py", "sys.stderr.write"),
        ("cli/checking.py", "sys.stdout.buffer.write"),  # the bytes of a fixed file
        ("cli/consent.py", "confirm"),  # a fixed question
        ("imageinfo/cachefiles.py", "os.write"),  # a file
        ("live/records.py", "os.write"),  # a file
    }


PROGRAMS = {"json_formats", "gitlab", "rdjson", "sarif", "records", "fixes", "junit", "worst_first", "github"}
PROGRAMS |= {"view", "editors"}
"""Modules of formats for programs; their line breaks are between values that JSON, XML or HTML encodes."""


def breaks_lines(node: ast.AST) -> bool:
    """Whether a line break stands beside a value in an f-string, or between values."""
    if isinstance(node, ast.JoinedStr):
        return any(isinstance(part, ast.Constant) and "\n" in str(part.value) for part in node.values)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "join":
        return isinstance(node.func.value, ast.Constant) and "\n" in str(node.func.value.value)
    return False


def test_lines_are_made_in_one_place() -> None:
    """Lines of text are made by `joined` alone: a value beside a line break could hold another one."""
    paths = (*(ENGINE / "cli").glob("*.py"), *(ENGINE / "output").glob("*.py"), ENGINE / "fixing" / "diff.py")
    found = [
        f"{path.name}:{node.lineno}"
        for path in (*paths, ENGINE / "auditing" / "formats.py")
        for node in statements(path)
        if path.stem not in PROGRAMS and isinstance(node, ast.expr) and breaks_lines(node)
    ]
    assert found == []
