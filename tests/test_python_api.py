"""The Python API: the same results as the commands, one path or many, options by name, typed reports."""

import inspect
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

import imgbudget as package
from imgbudget.api.settings import CheckSettings, Detail, Platform
from imgbudget.legibility import task
from imgbudget.limits.fields import DETAILS
from imgbudget.limits.geometry import Size
from imgbudget.linter import pool, selection
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.model.text import ImageText, SeenLine, SeenText, TextLine
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command
from tests.pdffiles import paged


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with images, of which one is too large, and a request."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "large.jpg").write_bytes(image_bytes((9000, 300), "JPEG"))
    (tmp_path / "photos" / "small.png").write_bytes(image_bytes((150, 400), "PNG"))
    write_json(tmp_path / "photos" / "request.json", body(sized((1800, 1300)), sized((100, 90))))
    return tmp_path


def sized(size: tuple[int, int]) -> dict[str, Any]:
    """An image block of a size, px."""
    return image_block(image_bytes(size, "PNG"))


def documents(command: Command, *arguments: str, stdin: bytes = b"") -> Any:
    """What a command prints as JSON."""
    return command(*arguments, "--format", "json", stdin=stdin).json


MATRIX: list[tuple[list[str], Callable[[], Any]]] = [
    (["check", "photos"], lambda: package.check("photos").to_dict()),
    (
        ["check", "photos", "--select", "IB2,IB301", "--model", "gpt-5.6"],
        lambda: package.check(["photos"], select=["IB2", "IB301"], model="gpt-5.6").to_dict(),
    ),
    (
        ["check", "photos", "--platform", "bedrock", "--pedantic", "--ignore", "IB401"],
        lambda: package.check(Path("photos"), platform="bedrock", pedantic=True, ignore="IB401").to_dict(),
    ),
    (["plan", "photos"], lambda: package.plan("photos").to_dict()),
    (
        ["plan", "photos", "--target", "latency", "--budget", "request.tokens=900"],
        lambda: package.plan("photos", target="latency", budget="request.tokens=900").to_dict(),
    ),
    (["plan", "photos", "--estimate"], lambda: package.plan("photos", measure=False).to_dict()),
    (
        ["split", "photos/request.json", "--budget", "request.tokens=1800"],
        lambda: package.split("photos/request.json", budget={"request.tokens": 1800}).to_dict(),
    ),
]


@pytest.mark.parametrize(("arguments", "call"), MATRIX, ids=[" ".join(row[0]) for row in MATRIX])
@pytest.mark.usefixtures("folder")
def test_same_document_as_the_command(
    imgbudget: Command, arguments: list[str], call: Callable[[], Any]
) -> None:
    """A function and its command give the same document."""
    assert call() == documents(imgbudget, *arguments)


@pytest.mark.parametrize("given", [["1920x1080"], ["4000x3000", "--model", "gpt-5.6", "--detail", "low"]])
def test_sizes_are_those_of_the_command(imgbudget: Command, given: list[str]) -> None:
    """`size` has the records of the command, and names that are those of the JSON format."""
    width, height = map(int, given[0].split("x"))
    options: Any = dict(zip((name.removeprefix("--") for name in given[1::2]), given[2::2], strict=True))
    for image in (given[0], (width, height)):
        found = package.size(image, **options)
        (record,) = documents(imgbudget, "size", *given)["sizes"]
        assert found.records() == [record]
        assert set(found[0]._fields) - {"client"} == set(record)
        assert package.tokens(image, **options) == record["tokens"]


@pytest.mark.usefixtures("folder")
def test_sizes_of_images(imgbudget: Command) -> None:
    """A folder has a result for each of its images; their tokens together are those of the folder."""
    found = package.size("photos")
    assert found.records() == documents(imgbudget, "size", "photos")["sizes"]
    assert package.tokens("photos") == sum(one.tokens or 0 for one in found) > 0
    Path("photos/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    assert len(package.size("photos")) == len(found)
    assert "photos/broken.png" in package.size("photos").unread[0]
    with pytest.raises(package.UsageError, match=r"photos/broken\.png"):
        package.tokens("photos")


def test_sizes_with_two_ends() -> None:
    """Where sources contradict each other the result has a range, and `tokens` the most."""
    data = Session(RunOptions(isolated=True)).limits
    names = (name for name in data.models if data.bind(name, "anthropic").tokens_range(Size(3000, 2000)))
    (found,) = package.size((3000, 2000), model=next(names))
    assert found.tokens is None
    assert found.tokens_range is not None
    assert package.tokens((3000, 2000), model=found.model) == found.tokens_range[1] > found.tokens_range[0]


def test_tiles_are_those_of_the_command(imgbudget: Command, folder: Path) -> None:
    """`tiles` has the records of the command."""
    for image in ("1000x8000", "photos"):
        wanted = documents(imgbudget, "tiles", image, "--overlap", "50")["tilings"]
        assert [json.loads(json.dumps(one.to_dict())) for one in package.tiles(image, overlap=50)] == wanted
    with pytest.raises(ValueError, match="not -1"):
        package.tiles((10, 10), overlap=-1)
    with pytest.raises(package.UsageError, match="Claude's patches"):
        package.tiles((1000, 8000), model="gpt-5.6")
    assert folder.is_dir()


def test_requests_in_memory(imgbudget: Command) -> None:
    """A body as a dictionary, as bytes and as text has the findings of the command for it."""
    request = body(*[sized((2100, 80))] * 21, model="claude-opus-4-8")
    text = json.dumps(request, ensure_ascii=False)
    wanted = documents(imgbudget, "check", "-", stdin=text.encode())
    assert wanted["findings"]
    for given in (request, text, text.encode()):
        assert package.check_request(given).to_dict() == wanted
    with pytest.raises(package.UsageError, match="bytes is not JSON"):
        package.check_request({"messages": [b"\x89PNG"]})


@pytest.mark.usefixtures("folder")
def test_options_by_name() -> None:
    """They count more than those of `options`; one that does not exist is an error with the nearest name."""
    options = RunOptions(select="IB1", model="claude-opus-4-8")
    assert {one.code[:3] for one in package.check("photos", options).findings} == {"IB1"}
    assert not package.check("photos", options, ignore="IB1").findings
    with pytest.raises(TypeError, match="'modle'; did you mean model"):
        package.check("photos", modle="x")  # type: ignore[call-arg]
    with pytest.raises(package.UsageError, match="nowhere"):
        package.check("photos", platform="nowhere")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("function", "wrong", "nearest"),
    [
        (package.fix, {"unsfe": True}, "unsafe"),
        (package.fix, {"outputdir": "x"}, "output_dir"),
        (package.coords, {"orignal": (9, 9)}, "original"),
        (package.crop, {"modle": "x"}, "model"),
        (package.plan, {"mesure": False}, "measure"),
        (package.plan, {"budget_token": 9}, "budget"),
        (package.size, {"detial": "low"}, "detail"),
        (package.audit, {"againts": "x", "sel": "IB2"}, "against"),
        (package.prune_conversation, {"kepe": 3}, "keep"),
        (package.guard, {"levle": "error"}, "level"),
        (package.check, {"xyzzyxyzzy": 1}, None),
        (package.size, {"baseline": "x"}, None),
    ],
)
def test_misspelt_arguments(function: Callable[..., object], wrong: Any, nearest: str | None) -> None:
    """The nearest one is named, of the function's own too; nothing runs with one that has no effect."""
    name = function.__name__
    with pytest.raises(TypeError, match=rf"^{name}\(\) got an unexpected keyword argument '") as error:
        function("photos", **wrong)
    assert str(error.value).partition("; ")[2] == (f"did you mean {nearest}?" if nearest else "")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: package.coords((1, 2), (9, 9)), "points: expected pairs of numbers, such as .*, found 1$"),  # type: ignore[arg-type]
        (lambda: package.coords([(1, 2, 3)], (9, 9)), r"points: .*found \(1, 2, 3\)"),  # type: ignore[list-item]
        (lambda: package.coords(5, (9, 9)), "points: .*found 5"),  # type: ignore[arg-type]
        (lambda: package.coords([(1, 2)], 9), "original: expected a width and a height"),  # type: ignore[arg-type]
        (lambda: package.coords([(1, 2)], "photos"), "original: photos holds more than one image"),
        (lambda: package.coords([(1, 2)], (9, 9), display_scale="2"), "display_scale: expected a number"),  # type: ignore[arg-type]
        (lambda: package.plan("photos", output_dir="x"), r"output_dir goes with apply=True$"),
        (lambda: package.plan("photos", apply=True, measure=False), "does not go with apply"),
        (lambda: package.plan("photos", apply=True, backup=True, output_dir="x"), "backup keeps what is"),
        (lambda: package.plan("photos", keep=-1), "keep: expected 0 or more, found -1"),
        (lambda: package.plan("photos", jobs=0), "jobs: expected 1 or more, found 0"),
        (lambda: package.plan("photos", select="IB9999"), "IB9999"),
        (lambda: package.check("photos", compare="nowhere"), "^compare nowhere: "),
        (lambda: package.check("photos", decode="no"), "decode: expected True or False"),  # type: ignore[arg-type]
        (lambda: package.coordinate_map((9, 9), sent=5), "sent: expected a width and a height"),  # type: ignore[arg-type]
        (lambda: package.coordinate_map((9.5, 9)), "original: expected a whole number, found float"),  # type: ignore[arg-type]
        (lambda: package.crop("a.png", (1, 2, 3)), "box: expected left, top, right and bottom"),  # type: ignore[arg-type]
        (lambda: package.crop("a.png", (1, 2, 3, "4")), "box: expected left"),  # type: ignore[arg-type]
        (lambda: package.crop("a.png", (1, 2, 3, 4), sent=(5,)), "sent: expected a width"),  # type: ignore[arg-type]
        (lambda: package.check_request("photos/request.json"), "is the path of a file, not JSON"),
        (lambda: package.check(""), "'': no such file or folder"),
        (lambda: package.size(""), "'': no such file or folder; a size"),
    ],
)
def test_arguments_of_another_shape(call: Callable[[], object], message: str) -> None:
    """They are errors of ours that name the argument, not words of Python about a line of ours."""
    with pytest.raises(package.UsageError, match=message):
        call()


@pytest.mark.parametrize("name", [name for name in package.__all__ if name[0].islower()])
def test_every_function_names_its_arguments(name: str) -> None:
    """Whatever function is added."""
    function: Any = getattr(package, name)
    with pytest.raises(
        TypeError, match=rf"^{name}\(\) got an unexpected keyword argument 'platfrom'"
    ) as error:
        function(platfrom="bedrock")
    takes = "platform" in str(inspect.signature(function)) or "settings" in str(inspect.signature(function))
    assert ("did you mean platform" in str(error.value)) == takes


@pytest.mark.usefixtures("folder")
def test_what_cannot_be_read_is_said() -> None:
    """Nothing read is an error, as for `size`; what is lost among others is in `unread`, as in JSON."""
    Path("photos/cut.json").write_text('{"model": "claude-opus-4-8", "messages": [')
    calls: list[Callable[[Any], Any]] = [package.split, lambda paths: package.plan(paths, measure=False)]
    for call in calls:
        with pytest.raises(
            package.UsageError, match=r"photos/cut\.json: not JSON: expecting value at line 1"
        ):
            call("photos/cut.json")
        report = call(["photos/cut.json", "photos/request.json"])
        assert [one.partition(":")[0] for one in report.unread] == ["photos/cut.json"]
        assert [one["place"] for one in report.to_dict()["summary"]["unread"]] == ["photos/cut.json"]
        assert call("photos/request.json").unread == ()
    assert repr(package.split("photos/request.json")) == "<SplitReport: 1 request, 0 to split>"


@pytest.mark.parametrize(
    "call", [package.check, package.plan, package.fix, package.split, package.size, package.tiles]
)
def test_a_text_is_one_path(
    call: Callable[..., object], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path is never taken letter by letter, so no folder is read that was not named."""
    inner = folder / "photos"
    monkeypatch.chdir(inner)
    (folder / "outside.png").write_bytes(image_bytes((50, 50), "PNG"))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = call("./", isolated=True)
    assert "outside" not in repr(found)
    assert (folder / "outside.png").read_bytes() == before[folder / "outside.png"]
    for wrong in (b"./", None, 7):
        with pytest.raises(package.UsageError, match="expected a path as text"):
            call(wrong)


def test_literals_are_the_names_of_the_data() -> None:
    """Platforms and levels of detail that a type checker accepts are those that there are."""
    assert set(get_args(Platform)) == set(Session(RunOptions(isolated=True)).limits.platforms)
    assert get_args(Detail) == DETAILS
    assert set(CheckSettings.__annotations__) - {"budget", "decode"} <= set(RunOptions._fields)


@pytest.mark.usefixtures("folder")
def test_reports_in_notebooks() -> None:
    """They are short as text, and tables as HTML, in which names of files are no tags."""
    Path("photos", "<b>.png").write_bytes(image_bytes((150, 100), "PNG"))
    report = package.check("photos")
    assert repr(report).startswith("<CheckReport: 4 files, 5 images, ")
    assert repr(package.plan("photos", measure=False)) == "<PlanReport: 5 images, 2 to change>"
    shown = report._repr_html_()
    assert "photos/&lt;b&gt;.png" in shown
    assert "<b>" not in shown
    many = package.check(["photos"] + ["photos/small.png"] * 30)
    assert many._repr_html_().count("<tr>") <= 22


@pytest.mark.usefixtures("folder")
def test_reports_as_tables() -> None:
    """The lists of a report are tables with a column for each name."""
    pa = pytest.importorskip("pyarrow")
    report = package.check("photos")
    table = report.to_arrow("images")
    assert isinstance(table, pa.Table)
    assert table.column("width").to_pylist() == [image["width"] for image in report.records("images")]
    assert report.to_arrow().column_names == list(report.records()[0])
    assert package.plan("photos", measure=False).to_arrow().num_rows == 4
    assert package.size("photos").to_arrow().num_rows == 4


def test_reports_as_data_frames() -> None:
    """The same for pandas."""
    frames = pytest.importorskip("pandas")
    assert isinstance(package.size((1920, 1080)).to_pandas(), frames.DataFrame)


def test_public_names() -> None:
    """Each has a docstring; a name that does not exist is an AttributeError, for type checkers too."""
    for name in package.__all__:
        value = getattr(package, name)
        assert isinstance(value, str) or inspect.getdoc(value)
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        package.chekc  # type: ignore[attr-defined]  # noqa: B018


def test_errors_are_explained_as_by_the_command(imgbudget: Command, folder: Path) -> None:
    """With the request in a file, as a dictionary, and as bytes; without it no block is named."""
    place = "messages.0.content.0.image.source.base64.data"
    text = f"{place}: image exceeds 5 MB maximum: 6291456 bytes > 5242880 bytes"
    path = "photos/request.json"
    wanted = documents(imgbudget, "explain", text, "--request", path)
    report = package.explain(text, path)
    assert report.to_dict() == wanted
    assert report[0].code == "IB103"
    assert repr(report) == "<ExplainReport: 1 error, 0 not recognised>"
    data = (folder / path).read_bytes()
    for request in (data, json.loads(data)):
        blocks = package.explain(text, request)[0].blocks
        assert [block["location"] for block in blocks or ()] == ["messages.0.content.0"]
    assert package.explain(text)[0].blocks is None
    with pytest.raises(package.UsageError, match="empty"):
        package.explain("  ")


@pytest.mark.usefixtures("folder")
def test_audits_are_those_of_the_command(imgbudget: Command) -> None:
    """The document is the same, what was not read is counted, and rows are kept."""
    wanted = documents(imgbudget, "audit", "photos", "--model", "claude-sonnet-4-6,gpt-5.6", "-j", "1")
    report = package.audit("photos", model=["claude-sonnet-4-6", "gpt-5.6"])
    assert json.loads(json.dumps(report.to_dict())) == wanted
    assert report.statistics is not None
    assert report.statistics.totals.images == 4
    assert repr(report) == "<AuditReport: 4 images, 0 items not read>"
    Path("empty").mkdir()
    nothing = package.audit("empty")
    assert (nothing.statistics, nothing.without_images) == (None, ("empty",))
    with pytest.raises(package.UsageError, match="nowhere"):
        package.audit("nowhere")


@pytest.mark.usefixtures("folder")
def test_an_audit_by_one_job_starts_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A script without a guard must not be imported again, as where processes are spawned."""

    def started() -> Any:
        raise AssertionError("a process is started")

    monkeypatch.setattr(pool, "process_context", started)
    Path("photos/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    report = package.audit("photos")
    assert report.statistics is not None
    assert report.statistics.totals.images == 5
    with pytest.raises(AssertionError, match="is started"):
        package.audit("photos", jobs=2)


def test_sessions_are_rescued_as_by_the_command(imgbudget: Command, tmp_path: Path) -> None:
    """Nothing is written unasked; then the session is mended and its old bytes are kept."""
    entry = {
        "type": "user",
        "message": {"role": "user", "content": [sized((9000, 40))]},
        "uuid": "a",
        "parentUuid": None,
        "sessionId": "s",
        "version": "2.1.0",
        "timestamp": "2026-09-01T00:00:00Z",
    }
    session = tmp_path / "s.jsonl"
    session.write_text(json.dumps(entry) + "\n")
    os.utime(session, (1e9, 1e9))  # no agent is at work
    before = session.read_bytes()
    wanted = documents(imgbudget, "rescue", "s.jsonl", "--dry-run")
    report = package.rescue("s.jsonl")
    assert json.loads(json.dumps(report.to_dict())) == wanted
    assert (report[0].state, session.read_bytes()) == ("pending", before)
    mended = package.rescue("s.jsonl", write=True)
    assert mended[0].state == "mended"
    assert Path(mended[0].backup or "").exists()
    assert session.read_bytes() != before
    os.utime(session, (1e9, 1e9))
    assert repr(package.rescue("s.jsonl")) == "<RescueReport: 1 file, clean>"
    with pytest.raises(ValueError, match="not -1"):
        package.rescue("s.jsonl", omit_images=-1)


def read_of(_data: bytes, facts: Any, sizes: Any, *, every_line: bool = False) -> ImageText | str:
    """A line of text, half of which is kept at any smaller size."""
    if facts.damage is not None:
        return f"cannot be decoded: {facts.damage}"
    line = TextLine(((20, 20), (90, 20), (90, 40), (20, 40)), 9.0, 255.0, 20, "total 48" * (every_line + 1))
    seen = [
        SeenText(size, (SeenLine(line, 9.0 * size.width / facts.size.width, 0.5, "tota"),)) for size in sizes
    ]
    return ImageText(facts.size, (line,), tuple(seen), 5.0)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ([], {}),
        (
            ["--model", "claude-sonnet-4-6,gpt-5.6,grok-4"],
            {"model": ["claude-sonnet-4-6", "gpt-5.6", "grok-4"]},
        ),
        (["--model", "gpt-5.6", "--detail", "low"], {"model": "gpt-5.6", "detail": "low"}),
        (["--every-line", "--platform", "bedrock"], {"every_line": True, "platform": "bedrock", "jobs": 2}),
    ],
)
def test_texts_are_those_of_the_command(
    imgbudget: Command, monkeypatch: pytest.MonkeyPatch, arguments: list[str], options: dict[str, Any]
) -> None:
    """The document is the same, in this process and in others; tables have a row for each image and model."""
    monkeypatch.setattr(selection, "is_installed", lambda _name: True)
    monkeypatch.setattr(task, "read_image", read_of)
    Path("photos/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n cut")
    wanted = documents(imgbudget, "legible", "photos", *arguments)
    report = package.legible("photos", **options)
    assert json.loads(json.dumps(report.to_dict())) == wanted
    assert set(report[0]._fields) == set(wanted["images"][0])
    models = wanted["images"][-1]["models"]
    assert set(report[-1].models[0]._fields) == set(models[0])
    assert len(report.records()) == 4 * len(models)
    assert [one.path for one in report if one.unread] == ["photos/broken.png"]
    assert repr(report).startswith("<LegibleReport: 5 images, ")
    assert "photos/large.jpg" in report._repr_html_()


@pytest.mark.usefixtures("folder")
def test_texts_need_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the error has the line that installs it; wrong arguments are errors too."""
    with pytest.raises(package.UsageError, match="jobs: expected 1 or more"):
        package.legible("photos", jobs=0)
    if all(selection.is_installed(name) for name in ("rapidocr", "onnxruntime")):
        with pytest.raises(package.UsageError, match="nowhere"):
            package.legible("nowhere")
    monkeypatch.setattr(selection, "is_installed", lambda name: name != "rapidocr")
    with pytest.raises(package.UsageError, match=r"pip install 'imgbudget\[text\]'"):
        package.legible("photos")


@pytest.mark.usefixtures("folder")
def test_plans_have_documents(imgbudget: Command) -> None:
    """PDF files that are named and those in a folder, alone and beside images, as the command has them."""
    Path("photos/paper.pdf").write_bytes(paged([(b"/MediaBox [0 0 612 792]", b"Hello world " * 20)]))
    Path("photos/cut.pdf").write_bytes(b"%PDF-1.7\n")
    for paths in (["photos"], ["photos/paper.pdf"], ["photos/paper.pdf", "photos/small.png"]):
        report = package.plan(paths)
        assert report.to_dict() == documents(imgbudget, "plan", *paths)
        assert "photos/paper.pdf" in [one.path for one in report.documents]
    assert package.plan("photos/small.png").documents == ()
