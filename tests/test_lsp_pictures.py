"""Rules on pixels and text in an editor: asked for as on the command line, shown after all others."""

import io
import json
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw, ImageFont

from imgbudget.editors import pictures
from imgbudget.editors.checks import EditorSessions, EditorStart, check_text
from imgbudget.editors.pictures import PictureProcess, PictureTask, picture_findings
from imgbudget.editors.text import EditorText
from imgbudget.errors import UsageError
from imgbudget.imageinfo import remembered
from imgbudget.legibility import task as reading
from imgbudget.linter import selection
from imgbudget.linter.options import RunOptions
from imgbudget.pixels import measure
from tests import inkreader
from tests.builders import body, image_block, image_bytes
from tests.conftest import Command
from tests.lspclient import LspClient, session

BLANK = image_block(image_bytes((300, 300)))
MISNAMED = image_block(image_bytes((308, 308)), "image/jpeg")
TEXT = json.dumps(body(BLANK, MISNAMED))
START, END = {"line": 0, "character": 0}, {"line": 9999, "character": 0}


def codes(diagnostics: list[Any]) -> list[str]:
    """The codes of diagnostics, sorted."""
    return sorted(one.get("code", one["message"]) for one in diagnostics)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are decoded without a wait."""
    monkeypatch.setattr(pictures, "QUIET", 0.0)


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process remembers pictures until the end of the test."""
    monkeypatch.setattr(remembered, "_REMEMBERED", [])
    remembered.remember_pictures()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[None]:
    """A recogniser."""
    with inkreader.installed(tmp_path / "reader"):
        yield


def small_letters() -> bytes:
    """A picture with three lines of letters, about 5 px high."""
    picture, font = Image.new("RGB", (400, 200), "white"), ImageFont.load_default(5)
    for top in (40, 60, 80):
        ImageDraw.Draw(picture).text((20, top), "the total amount due is 4821", fill="black", font=font)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return out.getvalue()


def test_findings_on_pixels_come_after_the_others(tmp_path: Path, imgbudget: Command) -> None:
    """Those of `check` with the same configuration; fixes that were offered before still are those fixes."""
    (tmp_path / "imgbudget.yaml").write_text("pixels: true\nignore: [IB9]\nextend-select: [blank]\n")
    path = tmp_path / "a.json"
    path.write_text(TEXT)

    async def scenario(client: LspClient) -> None:
        assert codes(await client.open(path.as_uri(), TEXT)) == ["IB105"]
        early = await client.actions(path.as_uri(), START, END, ["quickfix"])
        published = await client.next("textDocument/publishDiagnostics")
        assert published["version"] == 1
        expected = imgbudget("check", "--format", "json", str(path)).json["findings"]
        assert codes(published["diagnostics"]) == sorted(one["code"] for one in expected)
        assert codes(published["diagnostics"]) == ["IB105", "IB905", "IB905"]
        fixed = await client.ask("codeAction/resolve", early[0])
        assert fixed["title"] == "Declare image/png (IB105)"
        (change,) = fixed["edit"]["documentChanges"]
        assert [edit["newText"] for edit in change["edits"]] == ["image/png"]
        client.change(path.as_uri(), 2, {"text": "{}"})
        assert await client.diagnostics() == []
        assert client.server.opened[path.as_uri()].looking is None
        assert client.received["textDocument/publishDiagnostics"] == []

    session(scenario, tmp_path)


@pytest.mark.parametrize(
    ("settings", "options", "asks"),
    [
        ("{}", RunOptions(), False),
        ("{}", RunOptions(pixels=True), True),
        ("{}", RunOptions(extend_select=("IB905",)), True),
        ("pixels: true", RunOptions(), True),
        ("pixels: true", RunOptions(pixels=False), False),
        ("pixels: true\nignore: [IB9]", RunOptions(), False),
        ("text: true", RunOptions(), True),
        ("extend-select: [small-text]", RunOptions(), True),
        ("extend-select: [IB9]", RunOptions(), False),
        ("overrides: [{files: [a.json], extend-select: [IB905]}]", RunOptions(), True),
        ("overrides: [{files: [b.json], extend-select: [IB905]}]", RunOptions(), False),
    ],
)
def test_they_are_asked_for_as_on_the_command_line(
    tmp_path: Path, settings: str, options: RunOptions, *, asks: bool
) -> None:
    """By the switches, or by whole code or name; with images in the text only. Nothing is decoded before."""
    (tmp_path / "imgbudget.yaml").write_text(settings)
    checked = check_text(EditorSessions(options), str(tmp_path / "a.json"), EditorText.of(TEXT))
    assert checked.asks_for_pictures is asks
    assert {one.code for one in checked.findings} == {"IB105"}
    assert all(image.use.facts is None or image.use.facts.pixels is None for image in checked.result.images)  # type: ignore[union-attr]
    without = check_text(EditorSessions(options), str(tmp_path / "a.json"), EditorText.of('{"a": 1}'))
    assert not without.asks_for_pictures


def task(tmp_path: Path, *blocks: Any) -> PictureTask:
    """A text in a folder."""
    return PictureTask(
        str(tmp_path / "a.json"), json.dumps(body(*blocks)).encode(), EditorStart(str(tmp_path))
    )


@pytest.mark.usefixtures("memory", "reader")
def test_a_picture_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is changed around it; a new one is looked at too."""
    options = RunOptions(pixels=True, text=True)
    small = image_block(small_letters())
    first = picture_findings(options, task(tmp_path, small, BLANK, "one"))
    assert {"IB307", "IB905"} <= {one.code for one in first.findings}

    def fails(*_given: Any, **_options: Any) -> Any:
        raise AssertionError("it is looked at again")

    with monkeypatch.context() as patch:
        patch.setattr(reading, "read_image", fails)
        patch.setattr(measure, "measured", fails)
        again = picture_findings(options, task(tmp_path, "two", small, BLANK))
        assert [one.code for one in again.findings] == [one.code for one in first.findings]
        other = image_block(image_bytes((301, 300)))
        assert "IB003" not in {one.code for one in again.findings}
        with pytest.raises(AssertionError):
            remembered.RememberedPictures().measured(
                check_text(EditorSessions(options), "a.json", EditorText.of(TEXT)).result.images[0].use.facts,  # type: ignore[union-attr, arg-type]
                b"new",
                fails,
            )
    assert len(picture_findings(options, task(tmp_path, other)).findings) == 1


def test_the_oldest_pictures_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory has a bound."""
    monkeypatch.setattr(remembered, "MOST", 2)
    texts: dict[Any, Any] = {}
    for number in range(3):
        remembered.RememberedTexts(texts, bytes([number])).keep((1, 1), number)  # type: ignore[arg-type]
    assert [digest for digest, _ in texts] == [b"\1", b"\2"]


def test_why_images_are_not_looked_at_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what decodes them, with a broken configuration, or after too long: never as a clean text."""
    monkeypatch.setattr(selection, "is_installed", lambda _name: False)
    with pytest.raises(UsageError, match=r"imgbudget\[text\]"):
        picture_findings(RunOptions(text=True), task(tmp_path, BLANK))
    process = PictureProcess(RunOptions(pixels=True))
    (tmp_path / "imgbudget.yaml").write_text("model: 7\nselect: {}\n")
    (unchecked,) = process.check(task(tmp_path, BLANK)).unchecked
    assert [line.partition("imgbudget.yaml:")[2][:4] for line in unchecked.splitlines()] == ["1: m", "2: s"]
    (tmp_path / "imgbudget.yaml").unlink()
    with ThreadPoolExecutor(1) as threads:
        checking = threads.submit(process.check, task(tmp_path, BLANK))
        while not process._pool._processes[-1:] or process._pool._processes[-1].current is None:
            pass
        process.stop()
        assert checking.result().unchecked == ("decoding its images took more than 120 s or too much memory",)


def test_what_could_not_be_measured_is_said(tmp_path: Path, imgbudget: Command) -> None:
    """As `check` says it of an image of a request: too many pixels to be decoded."""
    small = image_bytes((8, 8))
    head = small[12:16] + struct.pack(">II", 9000, 8000) + small[24:29]
    large = small[:12] + head + struct.pack(">I", zlib.crc32(head)) + small[33:]
    text = json.dumps(body(image_block(large)))
    path = tmp_path / "a.json"
    path.write_text(text)
    why = "pixels not checked: has 72,000,000 pixels; at most 64,000,000 are measured"
    run = imgbudget("check", "--pixels", "--fail-on-unread", "--exit-zero", str(path))
    assert run.code == 2
    assert f"messages.0.content.0: {why}" in run.err

    async def scenario(client: LspClient) -> None:
        assert codes(await client.open(path.as_uri(), text)) == ["IB101"]
        found = codes(await client.diagnostics())
        assert found == ["IB101", f"checked in part: messages.0.content.0: {why}"]

    session(scenario, tmp_path, options=RunOptions(pixels=True))


def test_mistake_while_images_are_decoded_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other findings stay, with a note; the log has the error."""
    uri = (tmp_path / "a.json").as_uri()

    async def scenario(client: LspClient) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(client.server.pictures, "_process", None)
            assert codes(await client.open(uri, TEXT)) == ["IB105"]
            note = "checked in part: an internal error, which is in the log of the editor"
            assert codes(await client.diagnostics()) == ["IB105", note]
            assert "AttributeError" in (await client.next("window/logMessage"))["message"]

    session(scenario, tmp_path, options=RunOptions(pixels=True))
