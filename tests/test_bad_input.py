"""Bad input of every kind: a message that names it, the right exit code, and never a traceback."""

import os
from pathlib import Path

import pytest

from imgbudget.cli import group
from imgbudget.cli.main import COMMANDS
from imgbudget.imageinfo.files import read_image
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command


def test_missing_path(imgbudget: Command, tmp_path: Path) -> None:
    """A path that does not exist is a mistake of use, and nothing is printed as a result."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    run = imgbudget("check", "a.png", "nowhere.png", "gone/", "--format", "json")
    assert (run.code, run.out) == (2, "")
    assert "nowhere.png: no such file or folder" in run.err
    assert "gone/: no such file or folder" in run.err


def test_empty_file(imgbudget: Command, tmp_path: Path) -> None:
    """An image file of no bytes is unreadable."""
    (tmp_path / "a.png").write_bytes(b"")
    run = imgbudget("check", "a.png", "--format", "json")
    assert (run.code, run.codes) == (1, ["IB001"])
    assert "empty" in run.json["findings"][0]["message"]
    image = run.json["images"][0]
    assert (image["width"], image["tokens"], image["resized"]) == (None, None, None)


def test_html_named_png(imgbudget: Command, tmp_path: Path) -> None:
    """An error page saved as an image is called what it is."""
    (tmp_path / "a.png").write_text("<!DOCTYPE html><html><body>404</body></html>")
    run = imgbudget("check", "a.png", "--format", "json")
    assert (run.code, run.codes) == (1, ["IB001"])
    assert "HTML" in run.json["findings"][0]["message"]


def test_unreadable_file(imgbudget: Command, tmp_path: Path) -> None:
    """A dangling link is skipped with a reason, whether named or found, and never a traceback."""
    (tmp_path / "a.png").symlink_to("nowhere.png")
    run = imgbudget("check", "--format", "json")
    assert run.code == 0
    assert run.json["summary"]["skipped"] == [{"path": "a.png", "reason": "broken symbolic link"}]
    assert "warning: not checked: a.png: broken symbolic link" in run.err


def test_request_that_cannot_be_read(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A JSON file without permission is a finding if named, and a reported skip if found."""
    write_json(tmp_path / "r.json", body(image_block()))
    opened = os.open

    def refuse(path: str, *more: int, **named: int) -> int:
        if str(path).endswith("r.json"):
            raise PermissionError(13, "Permission denied", path)
        return opened(path, *more, **named)

    monkeypatch.setattr(os, "open", refuse)
    run = imgbudget("check", "r.json", "--format", "json")
    assert (run.code, run.codes) == (1, ["IB002"])
    assert run.json["findings"][0]["message"] == "cannot be read: permission denied"
    run = imgbudget("check", "--format", "json")
    assert (run.code, run.codes) == (0, [])
    assert "warning: not checked: r.json: cannot be read: permission denied" in run.err


def test_folder_without_images(imgbudget: Command, tmp_path: Path) -> None:
    """An empty folder is reported and is not a failure."""
    run = imgbudget("check")
    assert run.code == 0
    assert "no files found" in run.err
    (tmp_path / "a.txt").write_text("x")
    run = imgbudget("check")
    assert run.code == 0
    assert "skipped a.txt: not an image or a request" in run.err


def test_invalid_json_that_is_named(imgbudget: Command, tmp_path: Path) -> None:
    """A named file that is no JSON is IB002 at its line and column."""
    (tmp_path / "r.json").write_text('{"model": "x",\n "a" 1}')
    run = imgbudget("check", "r.json", "--format", "json")
    assert (run.code, run.codes) == (1, ["IB002"])
    assert (run.json["findings"][0]["line"], run.json["findings"][0]["column"]) == (2, 6)


def test_invalid_json_found_in_a_folder(imgbudget: Command, tmp_path: Path) -> None:
    """A broken file that looks like a request is IB002; any other is skipped with its reason."""
    (tmp_path / "tsconfig.json").write_text('{\n // comment\n "a": 1}')
    run = imgbudget("check", "--format", "json")
    assert run.code == 0
    assert "line 2" in run.json["summary"]["skipped"][0]["reason"]
    (tmp_path / "tsconfig.json").write_text('{"messages": [{"role": "user", "content": "x"}')
    assert imgbudget("check", "--format", "json").codes == ["IB002"]
    assert imgbudget("check", "tsconfig.json", "--force-exclude", "--format", "json").codes == ["IB002"]


@pytest.mark.parametrize("text", ["42", '"x"', "null", "[]", "{}", "true", '[1, {"a": 2}]'])
def test_json_that_is_no_request(imgbudget: Command, tmp_path: Path, text: str) -> None:
    """Sound JSON of another kind is passed over and counted as skipped."""
    (tmp_path / "r.json").write_text(text)
    run = imgbudget("check", "r.json", "--format", "json")
    assert (run.code, run.codes) == (0, [])
    assert run.json["summary"]["skipped"][0]["reason"].startswith("no request: a JSON") or (
        run.json["summary"]["skipped"][0]["reason"].startswith("no request: the JSON value")
    )
    assert "skipped r.json" in run.err


def test_deeply_nested_json(imgbudget: Command, tmp_path: Path) -> None:
    """A hundred thousand brackets: a finding, no crash."""
    (tmp_path / "r.json").write_text("[" * 100_000)
    run = imgbudget("check", "r.json", "--format", "json")
    assert (run.code, run.codes) == (1, ["IB002"])
    (tmp_path / "r.json").write_text("[" * 100_000 + "]" * 100_000)
    assert imgbudget("check", "r.json", "--format", "json").codes == ["IB002"]


def test_deep_content_of_a_request(imgbudget: Command, tmp_path: Path) -> None:
    """Tool results in tool results are read as far as any API goes, and reported beyond; no crash."""

    def codes(depth: int) -> list[str]:
        block = image_block(image_bytes((100, 300)))
        for _ in range(depth):
            block = {"type": "tool_result", "tool_use_id": "t", "content": [block]}
        write_json(tmp_path / "r.json", body(block))
        return imgbudget("check", "r.json", "--format", "json").codes

    assert codes(16) == ["IB301"]
    assert codes(17) == ["IB002"]
    assert codes(240) == ["IB002"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"model": "m", "messages": "hi"}, "messages is a string, not an array"),
        ({"model": "m", "messages": []}, "messages is empty"),
        ({"model": 5, "messages": [{"role": "user", "content": "hi"}]}, "model is a number, not a string"),
        ({"model": "m", "messages": [5]}, "a message is a number, not an object"),
        ({"model": "m", "messages": [{"role": "robot", "content": "hi"}]}, "role is 'robot'"),
        ({"model": "m", "messages": [{"role": "user"}]}, "a message has no content"),
        ({"model": "m", "messages": [{"role": "user", "content": 5}]}, "content is a number"),
        ({"model": "m", "messages": [{"role": "user", "content": [{}]}]}, "a content block has no type"),
        ({"model": "m", "messages": [{"role": "user", "content": [7]}]}, "a content block is a number"),
        (body({"type": "image"}), "source of an image is missing"),
        (body({"type": "image", "source": {"type": "base64", "data": "aGk="}}), "has no media_type"),
        (body({"type": "image", "source": {"type": "url"}}), "has no url"),
        (body({"type": "text"}), "text of a text block is missing"),
    ],
)
def test_shapes_that_the_api_refuses(imgbudget: Command, tmp_path: Path, value: object, words: str) -> None:
    """Each malformed request is IB002 with what is wrong, at its place."""
    write_json(tmp_path / "r.json", value)
    run = imgbudget("check", "r.json", "--format", "json", "--select", "IB002")
    assert (run.code, set(run.codes)) == (1, {"IB002"})
    assert any(words in finding["message"] for finding in run.json["findings"])
    assert all(finding["line"] == 1 for finding in run.json["findings"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("check", "--select", "IB999"), "unknown rule 'IB999'"),
        (("check", "--ignore", "tiny-edg"), "did you mean 'tiny-edge'"),
        (("check", "--platform", "bedrok"), "did you mean 'bedrock'"),
        (("check", "--format", "xml"), "unknown format 'xml'"),
        (("check", "--format", "json:"), "a file name is missing"),
        (("check", "--format", "json", "--format", "full"), "cannot both go to standard output"),
        (("check", "--config", "gone.yaml"), "gone.yaml"),
        (("check", "--limits", "gone.yaml"), "gone.yaml"),
        (("chek",), "Did you mean 'imgbudget check'"),
        (("lint", "."), "Did you mean 'imgbudget check'"),
        (("scan",), "Did you mean 'imgbudget check'"),
        (("FIX",), "Did you mean 'imgbudget check --fix'"),
        (("tokens",), "Did you mean 'imgbudget size'"),
        (("config",), "Did you mean 'imgbudget check --show-settings'"),
        (("rule", "IB2011"), "unknown rule 'IB2011'; did you mean 'IB201'?"),
        (("rule", "ib299"), "unknown rule 'ib299'; did you mean 'IB206'?"),
        (("size", "20x"), "20x: no such file or folder; a size is written 1920x1080"),
        (("size", "0x5"), "0x5: no such file or folder; a size is written 1920x1080"),
        (("size",), "give at least one size"),
        (("check", "--nonsense"), "No such option"),
    ],
)
def test_mistakes_of_use(imgbudget: Command, arguments: tuple[str, ...], words: str) -> None:
    """Each says what is wrong and what is near, on standard error, exit 2."""
    run = imgbudget(*arguments)
    assert (run.code, run.out) == (2, "")
    assert words in run.err
    assert "Traceback" not in run.err


def test_broken_configuration(imgbudget: Command, tmp_path: Path) -> None:
    """Every mistake at once, with file, line and the nearest good key."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    (tmp_path / ".imgbudget.yaml").write_text(
        "modell: claude-sonnet-4-6\nselect: [IB999]\nseverity: {IB301: loud}\nignores:\n  - rules: [IB501]\n"
    )
    run = imgbudget("check", "a.png")
    assert (run.code, run.out) == (2, "")
    assert ".imgbudget.yaml:1:" in run.err
    assert '"model"' in run.err
    assert "loud" in run.err
    assert "reason" in run.err
    assert imgbudget("check", "a.png", "--isolated").code == 0


def test_unknown_rule_in_the_configuration(imgbudget: Command, tmp_path: Path) -> None:
    """A selector that names no rule is refused with its line."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    (tmp_path / ".imgbudget.yaml").write_text("model: claude-sonnet-4-6\nignore: [IB302, IB99]\n")
    run = imgbudget("check", "a.png")
    assert run.code == 2
    assert ".imgbudget.yaml:2:" in run.err
    assert "IB99" in run.err


def test_rule_that_raises_is_a_finding_and_exit_2(imgbudget: Command, tmp_path: Path) -> None:
    """A third-party rule's exception does not end the run."""
    (tmp_path / "bad_pack.py").write_text(
        "from imgbudget.rule import Level, Severity, rule\n"
        "@rule('XX101', 'always-raises', level=Level.IMAGE, severity=Severity.INFO, since='1')\n"
        "def judge(use, ctx):\n"
        '    """It raises."""\n'
        "    raise ValueError('boom')\n"
        "    yield\n"
        "RULES = (judge,)\n"
    )
    (tmp_path / "a.png").write_bytes(image_bytes((100, 300)))
    (tmp_path / ".imgbudget.yaml").write_text("packs: [imgbudget_rules, bad_pack]\n")
    import sys  # noqa: PLC0415 - this test only

    sys.path.insert(0, str(tmp_path))
    try:
        run = imgbudget("check", "a.png", "--allow-local-packs", "--format", "json")
    finally:
        sys.path.remove(str(tmp_path))
        sys.modules.pop("bad_pack", None)
    assert run.code == 2
    assert run.codes == ["IB301", "IB003"]
    assert "XX101" in run.json["findings"][1]["message"]
    assert "boom" in run.json["findings"][1]["message"]


def test_unknown_pack(imgbudget: Command, tmp_path: Path) -> None:
    """A pack that cannot be imported is a configuration error."""
    (tmp_path / "a.png").write_bytes(image_bytes())
    (tmp_path / ".imgbudget.yaml").write_text("packs: [no_such_pack]\n")
    run = imgbudget("check", "a.png")
    assert run.code == 2
    assert "no_such_pack" in run.err


def test_internal_error_on_a_file_is_a_finding_and_the_run_goes_on(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error is a finding on its file, the others are checked, exit 2; --verbose shows where."""
    from imgbudget.linter import files  # noqa: PLC0415 - this test only

    read = read_image

    def burst(path: str, *more: object, **named: object) -> object:
        if path == "a.png":
            raise ZeroDivisionError("by zero")
        return read(path, *more, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "read_image", burst)
    (tmp_path / "a.png").write_bytes(image_bytes())
    (tmp_path / "b.png").write_bytes(image_bytes((100, 300)))
    run = imgbudget("check", "a.png", "b.png", "--format", "json")
    assert (run.code, run.codes) == (2, ["IB003", "IB301"])
    assert "ZeroDivisionError: by zero" in run.json["findings"][0]["message"]
    assert run.json["findings"][0]["path"] == "a.png"


def test_internal_error_elsewhere_has_no_traceback(
    imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of any file: one sentence and exit 2; --verbose shows where."""
    import imgbudget.linter.run as run_module  # noqa: PLC0415 - this test only

    def burst(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(run_module, "find_files", burst)
    (tmp_path / "a.png").write_bytes(image_bytes())
    run = imgbudget("check", "a.png")
    assert run.code == 2
    assert "internal error: ZeroDivisionError: by zero" in run.err
    assert "Traceback" not in run.err
    with pytest.raises(ZeroDivisionError):
        imgbudget("check", "a.png", "--verbose")


def test_names_with_line_feeds_stay_on_one_line(imgbudget: Command, tmp_path: Path) -> None:
    """A file's name cannot forge a line of output."""
    (tmp_path / "a\nIB000 b.png").write_bytes(image_bytes((100, 300)))
    out = imgbudget("check", "--format", "concise").out
    assert out.splitlines()[0].startswith("a\\nIB000 b.png: IB301")


def test_no_command_has_the_name_of_another_tools_word() -> None:
    """The words that lead to a command are no commands; each leads to one that there is, or to an option."""
    options = {name for parameter in group.cli.params for name in parameter.opts} | {"--help"}
    for word, command in group._SYNONYMS.items():
        assert word not in COMMANDS
        assert command.split()[0] in {*COMMANDS, *options}
