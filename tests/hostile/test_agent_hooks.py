"""The hooks of Claude Code: inputs as its documentation and release 2.1.332 have them."""

import base64
import json
import os
import re
import time
from collections.abc import Callable
from fnmatch import fnmatchcase
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from imgbudget.agents import claude_code, copies
from imgbudget.agents.shrinking import ShrunkImage
from imgbudget.cli import hook
from imgbudget.limits.geometry import Size
from imgbudget.model.scale_notes import restated
from tests.builders import image_bytes
from tests.conftest import Command, Run, posix
from tests.imagebytes import ihdr, png
from tests.rule_runner import limits_of

MODEL = "claude-sonnet-4-6"
NOTE = (
    "[Image: source: /tmp/1.png, original 3000x600, displayed at 2000x400. "
    "Multiply coordinates by 1.50 to map to original image.]"
)

pytestmark = posix

Hook = Callable[..., Run]


@pytest.fixture
def call(imgbudget: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hook:
    """The hook in a session of the model, called for a tool with `tool_input` and `tool_response`."""
    monkeypatch.setattr(copies, "gettempdir", lambda: str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    home = tmp_path / "home"
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(home))
    monkeypatch.delenv("CLAUDE_PROJECT_DIR", raising=False)
    work = tmp_path / "work"
    for folder in (home, work):
        folder.mkdir()
    transcript = tmp_path / "session.jsonl"
    transcript.write_text(f'{{"message":{{"model":"{MODEL}","role":"assistant"}}}}\n')

    def run(event: str, tool: str, *options: str, **more: Any) -> Run:
        given = {
            "session_id": "abc123",
            "transcript_path": str(transcript),
            "cwd": str(work),
            "permission_mode": "default",
            "hook_event_name": event,
            "tool_name": tool,
            "tool_input": {},
            "tool_use_id": "toolu_01ABC123",
            **more,
        }
        return imgbudget("hook", "claude-code", *options, stdin=json.dumps(given).encode())

    return run


def install(tmp_path: Path, **permissions: list[str]) -> None:
    """The user's settings, as installing the hook makes them."""
    settings = json.loads(claude_code.settings("imgbudget"))
    settings["permissions"] |= permissions
    (tmp_path / "home" / "settings.json").write_text(json.dumps(settings))


def output(run: Run) -> dict[str, Any]:
    """What the hook answers."""
    assert run.code == 0
    found: dict[str, Any] = run.json["hookSpecificOutput"]
    return found


def read(tmp_path: Path, call: Hook, name: str = "a.png", data: bytes | None = None, **more: Any) -> Run:
    """The hook before an image of the working folder is read."""
    path = tmp_path / "work" / name
    if data is not None:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
    given: dict[str, Any] = {"tool_input": {"file_path": str(path), "limit": 5}}
    return call("PreToolUse", "Read", **(given | more))


def text_of(data: bytes) -> str:
    """Base64 text."""
    return base64.b64encode(data).decode()


def result_of_read(data: bytes, form: str = "jpeg", **more: Any) -> dict[str, Any]:
    """The result of Read for an image, as release 2.1.332 gives it to hooks."""
    file = {"base64": text_of(data), "type": f"image/{form}", "originalSize": len(data), **more}
    return {"type": "image", "file": file}


def shot(data: bytes, *texts: str) -> list[dict[str, Any]]:
    """The result of a screenshot tool, as release 2.1.332 gives it to hooks."""
    source = {"type": "base64", "media_type": "image/png", "data": text_of(data)}
    return [
        {"type": "text", "text": "here"},
        {"type": "image", "source": source},
        *({"type": "text", "text": text} for text in texts),
    ]


def size_in(text: str) -> tuple[int, int]:
    """The size of the image in a base64 text."""
    with Image.open(BytesIO(base64.b64decode(text))) as image:
        return image.size


def test_a_large_file_is_read_as_a_shrunk_copy(tmp_path: Path, call: Hook) -> None:
    """In a folder of the user's own; the original stays, and the model learns the scale."""
    install(tmp_path)
    before = image_bytes((3000, 500))
    found = output(read(tmp_path, call, data=before))
    copy = found["updatedInput"]["file_path"]
    assert found["updatedInput"] == {"file_path": copy, "limit": 5}
    assert "permissionDecision" not in found
    assert os.path.dirname(copy) == copies.copies_folder()
    with Image.open(copy) as image:
        assert image.size == (1568, 261)
    assert "Multiply coordinates by 1.913 (x) and 1.916 (y)" in found["additionalContext"]
    assert (tmp_path / "work" / "a.png").read_bytes() == before
    assert os.stat(copies.copies_folder()).st_mode & 0o777 == 0o700


@pytest.mark.parametrize("form", ["TIFF", "BMP"])
def test_a_file_of_another_format_is_read_as_one_that_the_api_takes(
    tmp_path: Path, call: Hook, form: str
) -> None:
    """Which the agent refuses to read itself."""
    install(tmp_path)
    found = output(read(tmp_path, call, "a.tif", image_bytes((300, 200), form)))
    assert found["updatedInput"]["file_path"].endswith(".png")
    assert "shown in full size, 300x200 px, converted to png" in found["additionalContext"]


@pytest.mark.parametrize("kept", [60, 200, -300])
def test_an_image_that_would_break_the_session_is_not_read(tmp_path: Path, call: Hook, kept: int) -> None:
    """The agent sends a small one as it is, whatever its rules; the API refuses it with every later turn."""
    run = read(tmp_path, call, data=image_bytes((400, 300), "JPEG")[:kept])
    found = output(run)
    assert found["permissionDecision"] == "deny"
    assert "The API would refuse it, and every later turn with it" in found["permissionDecisionReason"]


def test_an_image_that_lacks_only_its_end_is_read(tmp_path: Path, call: Hook) -> None:
    """Decoders do not miss it."""
    run = read(tmp_path, call, data=image_bytes((400, 300))[:-12])
    assert (run.code, run.out, run.err) == (0, "", "")


def test_a_broken_screenshot_gives_way_to_a_text(call: Hook) -> None:
    """Also where the model is not known; the sound ones stay."""
    images = [shot(data)[1] for data in (image_bytes((300, 200))[:80], image_bytes((300, 200)), b"<html>")]
    run = call("PostToolUse", "mcp__x__screenshots", tool_response=images, transcript_path=None)
    first, second, third = output(run)["updatedToolOutput"]
    assert first["text"].startswith("[image removed: it ")
    assert second == shot(image_bytes((300, 200)))[1]
    assert "is not an image" in third["text"]
    assert "image 1 of mcp__x__screenshots" in run.err


@pytest.mark.parametrize("change", ["prefix", "lines", "url-safe", "none"])
def test_a_text_that_is_no_valid_base64_is_mended_or_gives_way(call: Hook, change: str) -> None:
    """The API refuses it with every later turn, whatever image it has."""
    response = shot(image_bytes((300, 200), "JPEG"))
    source = response[1]["source"]
    valid = source["data"]
    source["data"] = {
        "prefix": "data:image/jpeg;base64," + valid,
        "lines": valid[:76] + "\n" + valid[76:],
        "url-safe": valid.replace("+", "-").replace("/", "_").rstrip("="),
        "none": "\ud800!",
    }[change]
    run = call("PostToolUse", "mcp__x__screenshots", tool_response=response)
    block = output(run)["updatedToolOutput"][1]
    if change == "none":
        assert block["text"].startswith("[image removed: it is not an image")
    else:
        assert block["source"]["data"] == valid
        assert "image 1 of mcp__x__screenshots was not valid base64, and is now" in run.err


def test_what_fits_is_left_alone(tmp_path: Path, call: Hook) -> None:
    """So are animations, files that are no images, damaged ones, and files that are not there."""
    install(tmp_path)
    gif = BytesIO()
    frames = [Image.new("P", (3000, 500), number) for number in range(2)]
    frames[0].save(gif, "GIF", save_all=True, append_images=frames[1:])
    cases = {
        "small.png": image_bytes((300, 200)),
        "moving.gif": gif.getvalue(),
        "notes.txt": b"x" * 5000,
        "page.png": b"<html></html>",
        "cut.png": image_bytes((3000, 500))[:300],  # the agent encodes it again
        "none.png": None,
    }
    for name, data in cases.items():
        run = read(tmp_path, call, name, data)
        assert (run.code, run.out, run.err) == (0, "", "")
    assert not os.path.exists(copies.copies_folder())


@pytest.mark.parametrize(
    "case", ["not installed", "asks", "project asks", "broken settings", "outside", "link out", "no lists"]
)
def test_no_question_of_the_agent_is_passed_over(tmp_path: Path, call: Hook, case: str) -> None:
    """A copy is named only where the agent reads the original and the copy without a question."""
    install(tmp_path)
    data, name = image_bytes((3000, 500)), "a.png"
    project = tmp_path / "work" / ".claude"
    project.mkdir()
    match case:
        case "not installed":
            (tmp_path / "home" / "settings.json").unlink()
        case "asks":
            install(tmp_path, ask=["Read(./private/**)"])
        case "project asks":
            (project / "settings.local.json").write_text('{"permissions": {"ask": ["Read"]}}')
        case "broken settings":
            (project / "settings.json").write_text("{")
        case "no lists":
            (project / "settings.json").write_text('{"permissions": {"ask": "Read"}}')
        case "outside":
            name = "../a.png"
        case "link out":
            (tmp_path / "a.png").write_bytes(data)
            (tmp_path / "work" / "a.png").symlink_to("../a.png")
            assert read(tmp_path, call).out == ""
            return
    assert read(tmp_path, call, name, data).out == ""


def test_a_session_that_asks_nothing_needs_no_rule(tmp_path: Path, call: Hook) -> None:
    """Whatever the settings of the user allow."""
    run = read(tmp_path, call, data=image_bytes((3000, 500)), permission_mode="bypassPermissions")
    assert "updatedInput" in output(run)


def test_old_copies_are_removed_and_nothing_else(tmp_path: Path, call: Hook) -> None:
    """By their age since the last use; foreign names stay."""
    install(tmp_path)
    first = output(read(tmp_path, call, data=image_bytes((3000, 500))))["updatedInput"]["file_path"]
    folder = Path(copies.copies_folder())
    (folder / "notes.txt").write_text("mine")
    (folder / f"{'0' * 32}.png").write_bytes(b"new")
    old = time.time() - copies.MOST_AGE - 60
    for path in (first, folder / "notes.txt"):
        os.utime(path, (old, old))
    read(tmp_path, call, "b.png", image_bytes((3000, 500), colour=7))
    names = {path.name for path in folder.iterdir()}
    assert Path(first).name not in names
    assert {"notes.txt", f"{'0' * 32}.png"} < names
    assert len(names) == 3


@pytest.mark.parametrize("kind", ["link", "open", "file"])
def test_a_folder_that_somebody_else_prepared_is_not_used(tmp_path: Path, call: Hook, kind: str) -> None:
    """The agent goes on, and the reason is on standard error."""
    install(tmp_path)
    folder = Path(copies.copies_folder())
    match kind:
        case "link":
            (tmp_path / "else").mkdir(mode=0o700)
            folder.symlink_to(tmp_path / "else")
        case "open":
            folder.mkdir()
            folder.chmod(0o777)
        case "file":
            folder.write_text("")
    run = read(tmp_path, call, data=image_bytes((3000, 500)))
    assert (run.code, run.out) == (0, "")
    assert str(folder) in run.err


def test_an_image_that_was_read_is_replaced_in_the_result(call: Hook) -> None:
    """With its dimensions; the scale is that to the original file, which the agent had scaled itself."""
    sizes = {"originalWidth": 3000, "originalHeight": 600, "displayWidth": 2000, "displayHeight": 400}
    response = result_of_read(image_bytes((2000, 400), "JPEG", quality=95), dimensions=sizes)
    found = output(call("PostToolUse", "Read", tool_response=response))
    file = found["updatedToolOutput"]["file"]
    assert size_in(file["base64"]) == (1568, 314)
    assert file["dimensions"] == sizes | {"displayWidth": 1568, "displayHeight": 314}
    assert file["type"] == "image/jpeg"
    assert "Multiply coordinates by 1.913 (x) and 1.911 (y)" in found["additionalContext"]
    assert "updatedMCPToolOutput" not in found


@pytest.mark.parametrize("shape", ["blocks", "content", "mcp"])
def test_a_screenshot_is_replaced_in_the_result_of_its_tool(call: Hook, shape: str) -> None:
    """In the shape of each release, and the agent's own note on its scale is corrected."""
    response: Any = shot(image_bytes((2000, 400)), NOTE)
    if shape == "mcp":
        response[1] = {"type": "image", "data": response[1]["source"]["data"], "mimeType": "image/png"}
    if shape == "content":
        response = {"content": response, "isError": False}
    tool = "mcp__playwright__browser_take_screenshot"
    found = output(call("PostToolUse", tool, tool_response=response))
    assert found["updatedToolOutput"] == found["updatedMCPToolOutput"]
    replaced = found["updatedToolOutput"]
    text, image, note = replaced["content"] if shape == "content" else replaced
    assert text == {"type": "text", "text": "here"}
    assert size_in(image["data"] if shape == "mcp" else image["source"]["data"]) == (1568, 314)
    assert "original 3000x600, displayed at 1568x314. Multiply coordinates by 1.91 to map" in note["text"]
    assert "of 3000x600. Multiply coordinates by 1.913 (x) and 1.911 (y)" in found["additionalContext"]


def test_each_image_of_a_result_is_replaced_for_itself(call: Hook) -> None:
    """And a damaged one is named, and stays."""
    images = [shot(image_bytes(size))[1] for size in ((2000, 400), (300, 200), (1920, 300))]
    run = call("PostToolUse", "mcp__x__screenshots", tool_response=images)
    found = output(run)
    sizes = [size_in(image["source"]["data"]) for image in found["updatedToolOutput"]]
    assert sizes == [(1568, 314), (300, 200), (1568, 245)]
    assert [line[:8] for line in found["additionalContext"].split("\n")] == ["Image 1:", "Image 3:"]


@pytest.mark.parametrize(
    "response",
    [
        None,
        "text",
        {"type": "text", "file": {"content": "x"}},
        {"type": "image", "file": None},
        {"type": "image"},
        [{"type": "image", "source": {"type": "url", "url": "https://x"}}],
        result_of_read(b"no image"),
        result_of_read(image_bytes((300, 200))),
        [[[[{}]]]],
        {"type": "image", "file": {"base64": "%%%"}},
    ],
)
def test_results_without_a_large_image_are_left_alone(call: Hook, response: Any) -> None:
    """Whatever their shape; nothing of it ends the hook."""
    run = call("PostToolUse", "Read", tool_response=response)
    assert (run.code, run.out) == (0, "")


def test_an_image_whose_result_would_be_longer_stays(call: Hook) -> None:
    """A scaled screenshot of few colours can take more bytes than the original."""
    image = Image.new("1", (1800, 400))
    image.paste(Image.effect_noise((4, 4), 99).convert("1"), (0, 0))
    for edge in (4, 8, 16, 32, 64, 128, 256, 512, 1024):
        tile = image.crop((0, 0, edge, edge))
        for corner in ((edge, 0), (0, edge), (edge, edge)):
            image.paste(tile, corner)
    out = BytesIO()
    image.save(out, "PNG")
    run = call("PostToolUse", "Read", tool_response=result_of_read(out.getvalue(), "png"))
    assert (run.code, run.out) == (0, "")


def test_the_model_is_that_of_the_session_unless_one_is_named(tmp_path: Path, call: Hook) -> None:
    """Without either, and for one that nobody knows, nothing is shrunk."""
    response = result_of_read(image_bytes((2000, 400)), "png")

    def shrinks(*options: str, **more: Any) -> bool:
        run = call("PostToolUse", "Read", *options, tool_response=response, **more)
        assert run.code == 0
        return bool(run.out)

    assert shrinks()
    assert not shrinks("--model", "claude-opus-4-8")
    assert not shrinks("--model", "nobody-knows-5")
    assert not shrinks(transcript_path=None)
    assert not shrinks(transcript_path=str(tmp_path / "none"))
    assert shrinks("--model", MODEL, transcript_path=None)
    transcript = tmp_path / "opus.jsonl"
    lines = [f'{{"message":{{"model":"{model}"}}}}' for model in (MODEL, "claude-opus-4-8", "<synthetic>")]
    transcript.write_text("x" * 400_000 + "\n".join([*lines, '{"text":"\\"model\\":\\"gpt-4o\\""}']))
    assert not shrinks(transcript_path=str(transcript))


def test_the_configuration_of_the_working_folder_is_not_read(
    tmp_path: Path, call: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who wrote the repository does not decide what the agent sees of it; the user's own file is named."""
    response = result_of_read(image_bytes((300, 200)), "png")
    (tmp_path / "imgbudget.yaml").write_text("nonsense: [")
    assert call("PostToolUse", "Read", tool_response=response).err == ""
    run = call("PostToolUse", "Read", "--config", "imgbudget.yaml", tool_response=response)
    assert (run.code, run.out) == (1, "")
    assert "imgbudget.yaml" in run.err


@pytest.mark.parametrize(
    "stdin", [b"", b"{", b"[]", b"null", b"{}", b'{"hook_event_name": 1}', b"[" * 100_000, b"\xff\xfe"]
)
def test_an_input_that_is_none_lets_the_agent_go_on(imgbudget: Command, stdin: bytes) -> None:
    """With exit code 0 and the reason on standard error."""
    run = imgbudget("hook", "claude-code", stdin=stdin)
    assert (run.code, run.out) == (0, "")
    assert "standard input is not the JSON of a hook" in run.err


def test_other_events_are_named(call: Hook) -> None:
    """For whoever installs the hook for them."""
    run = call("Stop", "none")
    assert (run.code, run.out) == (0, "")
    assert "nothing is done on Stop; only on PreToolUse and PostToolUse" in run.err


def test_a_hook_that_fails_lets_the_agent_go_on(call: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the failure."""

    def fail(*_: object) -> None:
        raise ZeroDivisionError("of a test")

    monkeypatch.setattr(hook, "answer_to", fail)
    run = call("PostToolUse", "Read")
    assert (run.code, run.out) == (0, "")
    assert "failed: ZeroDivisionError: of a test; the agent goes on" in run.err


def test_a_hook_that_takes_long_lets_the_agent_go_on(call: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """After less than two seconds, of which the start of the command takes a part."""
    assert 1 <= hook.PATIENCE < 2
    monkeypatch.setattr(hook, "PATIENCE", 0.01)
    monkeypatch.setattr(hook, "answer_to", lambda *_: time.sleep(0.5))
    run = call("PostToolUse", "Read")
    assert (run.code, run.out) == (0, "")
    assert "took too long" in run.err


@pytest.mark.parametrize("options", [("--nonsense",), ("--date", "never"), ()])
def test_a_mistake_in_the_options_does_not_block_the_agent(
    imgbudget: Command, options: tuple[str, ...]
) -> None:
    """Exit code 2 of a hook would keep the agent from each image."""
    run = imgbudget("hook", *(("claude-code", *options) if options else ("nobody",)))
    assert run.code < 2
    assert run.err


@pytest.mark.parametrize(
    "options", [("--platform", "nobody"), ("--config", "nothing.yaml"), ("--limits", "nothing.yaml")]
)
def test_a_mistake_in_the_options_is_reported_by_the_agent(call: Hook, options: tuple[str, ...]) -> None:
    """Of a hook that exits with 0 it shows nothing, and the user would not learn why no image is shrunk."""
    run = call(
        "PostToolUse", "Read", *options, tool_response=result_of_read(image_bytes((3000, 500), "JPEG"))
    )
    assert (run.code, run.out) == (1, "")
    assert options[1] in run.err


def test_an_image_that_is_too_large_to_decode_is_named(tmp_path: Path, call: Hook) -> None:
    """In the reason why no copy is made."""
    install(tmp_path)
    run = read(tmp_path, call, data=png(header=ihdr(60_000, 60_000)))
    assert (run.code, run.out) == (0, "")
    assert "a.png is read as it is: it has 3,600,000,000 pixels" in run.err


def test_the_settings_are_one_line_of_json(imgbudget: Command, tmp_path: Path) -> None:
    """With both events, a timeout, and the rule for the folder of the copies."""
    run = imgbudget("hook", "claude-code", "--settings")
    assert run.out.count("\n") == 1
    assert set(run.json) == {"permissions", "hooks"}
    assert run.json["permissions"]["allow"] == [f"Read(/{copies.copies_folder()}/**)"]
    events = run.json["hooks"]
    assert [entry["matcher"] for entry in events["PreToolUse"]] == ["Read"]
    assert [entry["matcher"] for entry in events["PostToolUse"]] == ["Read", "mcp__.*[sS]creenshot.*"]
    for hook_ in (one for entries in events.values() for entry in entries for one in entry["hooks"]):
        assert hook_["command"].endswith("hook claude-code")
        assert hook_["timeout"] > 2


def test_the_hook_is_installed_for_images_alone() -> None:
    """One condition for each name of an image, whatever its case, and none for a text."""
    settings = json.loads(claude_code.settings("imgbudget"))
    for event in claude_code.EVENTS:
        conditions = [one["if"] for one in settings["hooks"][event][0]["hooks"]]
        patterns = [re.fullmatch(r"Read\(//\*\*/(.*)\)", one) for one in conditions]
        names = [pattern[1] for pattern in patterns if pattern]
        for name in (
            "a.png",
            "a.JPG",
            "a.jpeg",
            "a.gif",
            "a.webp",
            "a.tif",
            "a.TIFF",
            "a.bmp",
            "a.heic",
            "a.heif",
        ):
            assert [fnmatchcase(name, pattern) for pattern in names].count(True) == 1
        for name in ("a.py", "a.md", "png", "a.png.txt"):
            assert not any(fnmatchcase(name, pattern) for pattern in names)


def test_a_text_of_many_notes_is_restated_in_time() -> None:
    """In proportion to its length; copying it for each note would take half a minute of CPU time."""
    notes = " original 9x9, displayed at 3x3." * 50_000
    start = time.process_time()
    assert restated(notes, Size(2, 2)) == " original 9x9, displayed at 2x2." * 50_000
    assert time.process_time() - start < 5


def test_the_scale_names_both_axes() -> None:
    """They differ by the rounding of the size."""
    text = claude_code.scale_text(ShrunkImage(b"", "png", Size(4000, 3000), Size(1270, 952)), limits_of())
    assert "by 3.150 (x) and 3.151 (y)" in text
