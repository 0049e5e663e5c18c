"""The language server, driven by messages in the same process."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pygls.exceptions import JsonRpcException

from imgbudget import check
from imgbudget.editors import checks
from imgbudget.linter.options import RunOptions
from imgbudget.model.subjects import Severity
from tests.builders import body, image_block, image_bytes, write_json
from tests.conftest import Command, posix
from tests.lspclient import ALL, LspClient, edited, session

LARGE = image_block(image_bytes((3000, 2000)))
MISNAMED = image_block(image_bytes((300, 300)), "image/jpeg")
BOTH = json.dumps(body("😋\u2028😋", LARGE, MISNAMED), ensure_ascii=False)
"""A warning and an error, behind characters that are two code units and a line break of Python only."""

START, END = {"line": 0, "character": 0}, {"line": 9999, "character": 0}


def codes(diagnostics: list[Any]) -> list[str | None]:
    """The codes of diagnostics."""
    return [one.get("code") for one in diagnostics]


def test_diagnostics_are_the_findings_of_a_check(tmp_path: Path) -> None:
    """The same codes, severities and messages, at the blocks, counted in UTF-16."""
    path = write_json(tmp_path / "both.json", json.loads(BOTH), ensure_ascii=False)

    async def scenario(client: LspClient) -> None:
        found = await client.open(path.as_uri(), BOTH)
        (expected,) = check([path]).files
        severities = {Severity.ERROR: 1, Severity.WARNING: 2, Severity.INFO: 3}
        assert [(one["code"], one["severity"]) for one in found] == [
            (one.code, severities[one.severity]) for one in expected.findings
        ]
        assert sorted(filter(None, codes(found))) == ["IB105", "IB201", "IB501"]
        for one, finding in zip(found, expected.findings, strict=True):
            assert one["message"].splitlines()[0] == finding.message
            assert one["source"] == "imgbudget"
        wide = BOTH.encode("utf-16-le")
        for one in found:
            first, last = (one["range"][end] for end in ("start", "end"))
            assert first["line"] == last["line"] == 0
            block = json.loads(wide[2 * first["character"] : 2 * last["character"]].decode("utf-16-le"))
            assert block["type"] in {"base64", "image", "text"}

    session(scenario, tmp_path)


def test_change_is_checked_and_a_closed_text_has_no_findings(tmp_path: Path) -> None:
    """What is in the editor counts, not what is on disk; changes behind U+2028 hit the right place."""
    path = tmp_path / "never-saved.json"
    at = BOTH.encode("utf-16-le").index("image/jpeg".encode("utf-16-le")) // 2
    place = {"start": {"line": 0, "character": at}, "end": {"line": 0, "character": at + len("image/jpeg")}}

    async def scenario(client: LspClient) -> None:
        assert "IB105" in codes(await client.open(path.as_uri(), BOTH))
        client.change(path.as_uri(), 2, {"range": place, "text": "image/png"})
        found = codes(await client.diagnostics())
        assert "IB105" not in found
        assert "IB201" in found
        client.change(path.as_uri(), 3, {"text": "[1, 2]"}, {"text": '{"messages": [{"role": "user", '})
        assert codes(await client.diagnostics()) == ["IB002"]
        client.notify("textDocument/didClose", {"textDocument": {"uri": path.as_uri()}})
        assert await client.diagnostics() == []
        client.change(path.as_uri(), 4, {"text": ""})
        assert "which is not open" in (await client.next("window/logMessage"))["message"]
        assert await client.ask("textDocument/codeLens", {"textDocument": {"uri": path.as_uri()}}) == []
        assert await client.actions(path.as_uri(), START, END) == []
        params = {"textDocument": {"uri": path.as_uri()}, "position": START}
        assert await client.ask("textDocument/hover", params) is None

    session(scenario, tmp_path)


def test_only_the_last_of_many_changes_is_checked(tmp_path: Path) -> None:
    """A check waits until there are no changes for a while; an answer waits for the check."""
    uri = (tmp_path / "a.json").as_uri()

    async def scenario(client: LspClient) -> None:
        await client.open(uri, "{}")
        for version in range(2, 9):
            client.change(uri, version, {"text": json.dumps(body(*[MISNAMED] * version))})
        (lens,) = await client.ask("textDocument/codeLens", {"textDocument": {"uri": uri}})
        assert lens["command"]["title"].startswith("8 images, ")
        published = client.received["textDocument/publishDiagnostics"]
        assert [one["version"] for one in published] == [8]

    session(scenario, tmp_path)


def test_hover_shows_size_tokens_cost_and_a_small_copy(tmp_path: Path) -> None:
    """Anywhere in the block of an image; nothing beside one, and no picture for a client without Markdown."""
    uri = (tmp_path / "a.jsonl").as_uri()
    text = "\n".join(json.dumps(body(text, LARGE)) for text in ("one", "two"))
    place = {"line": 1, "character": text.index('"type": "image"') + 200}
    plain = ALL | {"textDocument": {"hover": {"contentFormat": ["plaintext"]}}}

    async def scenario(client: LspClient) -> None:
        await client.open(uri, text)
        params = {"textDocument": {"uri": uri}, "position": place}
        hover = await client.ask("textDocument/hover", params)
        shown = hover["contents"]["value"]
        assert "3000x2000" in shown
        assert "1536 tokens" in shown
        assert "claude-sonnet-4-6 on anthropic sees it at 1344x896." in shown
        if client.server.server.client_capabilities.text_document.code_action:
            assert hover["contents"]["kind"] == "markdown"
            assert "](data:image/webp;base64," in shown
        else:
            assert hover["contents"]["kind"] == "plaintext"
            assert "data:" not in shown
        assert hover["range"]["start"]["line"] == 1
        assert await client.ask("textDocument/hover", params | {"position": START}) is None

    session(scenario, tmp_path)
    session(scenario, tmp_path, capabilities=plain)


def test_fixes_are_those_of_check_fix(tmp_path: Path, imgbudget: Command) -> None:
    """One for each finding, the safe ones preferred, and one for all; edits come when an action is chosen."""
    path = write_json(tmp_path / "both.json", json.loads(BOTH), ensure_ascii=False)
    uri = path.as_uri()

    async def scenario(client: LspClient) -> None:
        await client.open(uri, BOTH)
        actions = await client.actions(uri, START, END)
        assert all("edit" not in action for action in actions)
        titles = [action["title"] for action in actions]
        assert "Resize to 1344x896 (IB201)" in titles
        one = actions[titles.index("Declare image/png (IB105)")]
        assert one["isPreferred"] is True
        assert codes(one["diagnostics"]) == ["IB105"]
        fixed = await client.ask("codeAction/resolve", one)
        (change,) = fixed["edit"]["documentChanges"]
        assert change["textDocument"] == {"uri": uri, "version": 1}
        assert [edit["newText"] for edit in change["edits"]] == ["image/png"]
        (every,) = await client.actions(uri, START, START, ["source.fixAll"])
        assert every["kind"] == "source.fixAll.imgbudget"
        fixed = await client.ask("codeAction/resolve", every)
        text = edited(BOTH, fixed["edit"]["documentChanges"][0]["edits"])
        imgbudget("check", "--fix", "--fix-level", "warning", str(path))
        assert text == path.read_text(encoding="utf-8")
        client.change(uri, 2, {"text": text})
        assert codes(await client.diagnostics()) == ["IB501"]
        assert "edit" not in await client.ask("codeAction/resolve", one)
        assert "has changed" in (await client.next("window/showMessage"))["message"]
        action = (await client.actions(uri, START, END))[0]
        assert action["title"] == (
            "Move the images before the text (IB501, unsafe: it changes what the model sees)"
        )
        assert action["isPreferred"] is False

    session(scenario, tmp_path, level=Severity.WARNING)


@pytest.mark.parametrize("capabilities", [ALL, {}])
def test_text_that_changes_while_it_is_fixed_gets_no_edit(tmp_path: Path, capabilities: Any) -> None:
    """Places of the old text are others in the new one, also for clients that know no versions."""
    uri = (tmp_path / "a.json").as_uri()

    async def scenario(client: LspClient) -> None:
        await client.open(uri, BOTH)
        data = {"uri": uri, "version": 1, "check": client.server.opened[uri].checks, "finding": None}
        asked = asyncio.ensure_future(client.ask("codeAction/resolve", {"title": "x", "data": data}))
        while not client.server.actions._fixes._pool._processes:
            assert not asked.done()
            await asyncio.sleep(0)
        client.change(uri, 2, {"range": {"start": START, "end": START}, "text": "\n"})
        assert "edit" not in await asked
        assert "has changed" in (await client.next("window/showMessage"))["message"]

    session(scenario, tmp_path, capabilities=capabilities)


def test_numbers_of_findings_are_those_of_one_check(tmp_path: Path) -> None:
    """A configuration that changes gives other findings the same numbers: an earlier action is not taken."""
    uri = (tmp_path / "a.json").as_uri()

    async def scenario(client: LspClient) -> None:
        await client.open(uri, BOTH)
        action = (await client.actions(uri, START, END, ["quickfix"]))[0]
        (tmp_path / "imgbudget.yaml").write_text("ignore: [IB105]\n")
        client.notify("workspace/didChangeWatchedFiles", {"changes": []})
        await client.diagnostics()
        assert "edit" not in await client.ask("codeAction/resolve", action)
        assert "has changed" in (await client.next("window/showMessage"))["message"]

    session(scenario, tmp_path)


def test_clients_without_versions_and_later_edits_get_both_at_once(tmp_path: Path) -> None:
    """An unsafe fix says so and is not preferred; a fix that cannot be made is no action without a word."""
    uri = (tmp_path / "a.json").as_uri()
    text = json.dumps(body("look", image_block(image_bytes((300, 300), "GIF", save_all=True))))
    animated = json.dumps(body(MISNAMED, "Hello", model="claude-sonnet-4-6"))

    async def scenario(client: LspClient) -> None:
        await client.open(uri, animated)
        (action,) = await client.actions(uri, START, END, ["quickfix"])
        assert [edit["newText"] for edit in action["edit"]["changes"][uri]] == ["image/png"]
        client.change(uri, 2, {"text": text})
        await client.diagnostics()
        for action in await client.actions(uri, START, END):
            assert ("unsafe" in action["title"]) is not action.get("isPreferred", True)

    session(scenario, tmp_path, capabilities={})


def test_configuration_nearest_to_the_file_counts_until_it_changes(tmp_path: Path) -> None:
    """Without a restart, also for clients that watch no files; mistakes are shown in the configuration."""
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "imgbudget.yaml").write_text("ignore: [IB105]\n")
    text = json.dumps(body(MISNAMED))
    outside, inside = (tmp_path / "a.json").as_uri(), (inner / "a.json").as_uri()

    async def scenario(client: LspClient) -> None:
        watched = await client.next("client/registerCapability")
        assert watched["registrations"][0]["method"] == "workspace/didChangeWatchedFiles"
        assert codes(await client.open(outside, text)) == []
        assert codes(await client.open(inside, text)) == []
        (inner / "imgbudget.yaml").write_text("{}\n")
        client.change(inside, 2, {"text": text})
        assert codes(await client.diagnostics()) == ["IB105"]
        (inner / "imgbudget.yaml").write_text("ignores: nothing\n")
        client.notify("workspace/didChangeWatchedFiles", {"changes": []})
        assert await client.next("workspace/codeLens/refresh") is None
        found = {
            one["uri"]: one["diagnostics"]
            for one in [await client.next("textDocument/publishDiagnostics") for _ in range(3)]
        }
        assert codes(found[outside]) == []
        assert found[inside][0]["message"].startswith("not checked: the configuration has mistakes: ")
        (mistake,) = found[(inner / "imgbudget.yaml").as_uri()]
        assert mistake["range"]["start"] == {"line": 0, "character": 0}
        assert "ignores" in mistake["message"]
        (inner / "imgbudget.yaml").unlink()
        client.notify("textDocument/didSave", {"textDocument": {"uri": (inner / "imgbudget.yaml").as_uri()}})
        found = {
            one["uri"]: one["diagnostics"]
            for one in [await client.next("textDocument/publishDiagnostics") for _ in range(3)]
        }
        assert set(map(len, found.values())) == {0}
        (tmp_path / "imgbudget.yml").write_text("{}")
        client.notify("workspace/didChangeConfiguration", {"settings": None})
        assert "rename it" in (await client.next("window/logMessage"))["message"]

    session(scenario, tmp_path)


def test_server_answers_as_check_in_the_open_folder(
    tmp_path: Path, imgbudget: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same findings at both levels of a tree, the same warning about code that a nested file names."""
    root, inner = tmp_path / "root", tmp_path / "root" / "inner"
    inner.mkdir(parents=True)
    text = json.dumps(body("x", LARGE, MISNAMED, model=None))
    for folder in (root, inner):
        (folder / "r.json").write_text(text)
    (root / "imgbudget.yaml").write_text("ignore: [IB501]\nbaseline: known.json\n")
    monkeypatch.chdir(root)
    assert imgbudget("baseline", "--write", "r.json").code == 0
    pack = "packs: [imgbudget_rules, no_such_pack]\n"
    (inner / "imgbudget.yaml").write_text(f"model: claude-opus-4-8\nignore: [IB201]\n{pack}")
    run = imgbudget("check", "--format", "json")
    expected: dict[str, list[str]] = {"r.json": [], "inner/r.json": []}
    for finding in run.json["findings"]:
        expected[finding["path"]].append(finding["code"])
    assert (expected["r.json"], expected["inner/r.json"]) == ([], ["IB105"])

    async def scenario(client: LspClient) -> None:
        for name, found in expected.items():
            assert sorted(filter(None, codes(await client.open((root / name).as_uri(), text)))) == sorted(
                found
            )
        logged = await client.next("window/logMessage")
        assert logged["type"] == 2
        assert "inner/imgbudget.yaml:3: packs: no_such_pack not loaded: only " in logged["message"]
        assert f"imgbudget: warning: {logged['message']}\n" in run.err

    session(scenario, root)
    session(scenario, [tmp_path / "elsewhere", root])

    async def opened_itself(client: LspClient) -> None:
        (note,) = await client.open((inner / "r.json").as_uri(), text)
        assert "no_such_pack" in note["message"]
        gone = {"added": [], "removed": [{"uri": inner.as_uri(), "name": "inner"}]}
        client.notify("workspace/didChangeWorkspaceFolders", {"event": gone})
        assert sorted(filter(None, codes(await client.diagnostics()))) == sorted(expected["inner/r.json"])

    session(opened_itself, [root, inner])


def test_what_is_not_checked_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text that is too large, a configuration that is unusable; other JSON and excluded files are not."""
    uri = (tmp_path / "a.json").as_uri()

    async def scenario(client: LspClient) -> None:
        for text, language in (('{"name": tru', "json"), ("a: [", "yaml"), ("", "json"), ("[1]", "json")):
            assert await client.open("untitled:Untitled-1", text, language) == []
        monkeypatch.setattr(checks, "MOST_BYTES", 10)
        (note,) = await client.open(uri, BOTH)
        assert note["severity"] == 3
        assert note["message"].startswith("not checked: the text has 0 MB, and at most 0 MB are checked")
        monkeypatch.undo()
        excluded = write_json(tmp_path / "excluded.json", json.loads(BOTH))
        (tmp_path / "imgbudget.yaml").write_text("exclude: [excluded.json]\n")
        assert await client.open(excluded.as_uri(), BOTH) == []
        (tmp_path / "imgbudget.yaml").write_text("baseline: none-such.json\n")
        (note,) = await client.open(uri, BOTH)
        assert note["severity"] == 1

    session(scenario, tmp_path)


def test_hostile_messages_end_nothing(tmp_path: Path) -> None:
    """Errors are reported to the log of the editor, and the next message is answered."""
    uri = (tmp_path / "a.json").as_uri()

    async def scenario(client: LspClient) -> None:
        await client.open(uri, BOTH)
        far = {"line": 2**31 - 1, "character": 2**31 - 1}
        client.change(uri, 2, {"range": {"start": far, "end": START}, "text": "\ud800"})
        assert "IB002" in codes(await client.diagnostics())
        numbers: list[Any] = [-1, 99, "x", [], True]
        for number in numbers:
            action = {"title": "x", "data": {"uri": uri, "version": 2, "check": 2, "finding": number}}
            assert "edit" not in await client.ask("codeAction/resolve", action)
        assert "edit" not in await client.ask("codeAction/resolve", {"title": "x"})
        answer = await client.ask("workspace/executeCommand", {"command": "none"})
        assert "error" in answer
        client.notify(
            "textDocument/didChange", {"textDocument": {"uri": uri, "version": 3}, "contentChanges": []}
        )
        await client.diagnostics()
        logged = await client.next("window/logMessage")
        assert logged["message"].startswith("the editor sent what cannot be answered: JsonRpcInvalidParams: ")
        client.server.server.report_server_error(ValueError("no JSON"), JsonRpcException)
        logged = await client.next("window/logMessage")
        assert logged["message"] == "the editor sent what cannot be answered: ValueError: no JSON"
        client.server.log_error(ValueError("a mistake"))
        logged = await client.next("window/logMessage")
        assert logged["type"] == 1
        assert "ValueError: a mistake" in logged["message"]
        assert await client.open(uri, "[" * 100_000) == []
        assert "IB105" in codes(await client.open(uri, BOTH))

    session(scenario, tmp_path)


def test_finding_can_be_ignored_in_the_configuration(tmp_path: Path) -> None:
    """With its place, and a reason to be given; as the text of the configuration is in the editor."""
    folder = tmp_path / "a [b]"
    folder.mkdir()
    uri, config = (folder / "a.json").as_uri(), tmp_path / "imgbudget.yaml"
    creates = ALL | {
        "workspace": {"workspaceEdit": {"documentChanges": True, "resourceOperations": ["create"]}}
    }

    async def scenario(client: LspClient) -> None:
        await client.open(uri, json.dumps(body(MISNAMED)))
        *_, action = await client.actions(uri, START, END)
        assert action["title"] == "Ignore IB105 here, in a new imgbudget.yaml"
        assert action["isPreferred"] is False
        made, change = (await client.ask("codeAction/resolve", action))["edit"]["documentChanges"]
        assert made == {"kind": "create", "uri": config.as_uri()}
        (edit,) = change["edits"]
        assert edit["range"] == {"start": START, "end": START}
        config.write_text(edit["newText"])
        client.notify("textDocument/didSave", {"textDocument": {"uri": config.as_uri()}})
        assert await client.diagnostics() == []
        config.write_text("model: claude-sonnet-4-6\n")
        edited_text = "# 😋\nmodel: claude-sonnet-4-6 # 😋"
        await client.open(config.as_uri(), edited_text, "yaml")
        client.change(uri, 2)
        await client.diagnostics()
        *_, action = await client.actions(uri, START, END)
        assert action["title"] == "Ignore IB105 here, in imgbudget.yaml"
        (change,) = (await client.ask("codeAction/resolve", action))["edit"]["documentChanges"]
        assert change["textDocument"] == {"uri": config.as_uri(), "version": 1}
        assert edited(edited_text, change["edits"]) == (
            f'{edited_text}\nignores:\n  - rules: ["IB105"]\n    files: ["/a \\\\[b\\\\]/a.json"]\n'
            '    reason: "say here why this is expected"\n    pointer: "/messages/0/content/0/source"\n'
        )
        client.change(config.as_uri(), 2, {"text": "ignores: []\n"})
        await client.diagnostics()
        assert "edit" not in await client.ask("codeAction/resolve", action)
        assert "write it by hand" in (await client.next("window/showMessage"))["message"]

    session(scenario, tmp_path, capabilities=creates)


def test_positions_are_in_the_units_that_the_client_asks_for(tmp_path: Path) -> None:
    """Bytes, if it prefers them."""
    uri = (tmp_path / "a.json").as_uri()

    async def scenario(client: LspClient) -> None:
        found = await client.open(uri, BOTH)
        for one in found:
            first, last = (one["range"][end]["character"] for end in ("start", "end"))
            assert json.loads(BOTH.encode()[first:last])

    session(scenario, tmp_path, capabilities=ALL | {"general": {"positionEncodings": ["utf-8"]}})


def test_mistake_in_the_server_is_no_clean_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text has a note, the log the error, and the next change is checked."""
    uri = (tmp_path / "a.json").as_uri()

    async def scenario(client: LspClient) -> None:
        monkeypatch.setattr(client.server.sessions, "at", None)
        (note,) = await client.open(uri, BOTH)
        assert note["message"] == "not checked: an internal error, which is in the log of the editor"
        assert "TypeError" in (await client.next("window/logMessage"))["message"]
        monkeypatch.undo()
        client.change(uri, 2)
        assert "IB105" in codes(await client.diagnostics())

    session(scenario, tmp_path)


def test_options_of_the_command_reach_the_checks(tmp_path: Path) -> None:
    """A model of the command line counts where the request names none."""
    uri = (tmp_path / "a.json").as_uri()

    async def scenario(client: LspClient) -> None:
        assert codes(await client.open(uri, json.dumps(body(MISNAMED)))) == []
        (lens,) = await client.ask("textDocument/codeLens", {"textDocument": {"uri": uri}})
        assert lens["range"] == {"start": START, "end": START}

    session(scenario, tmp_path, options=RunOptions(ignore=("IB1",)))


def test_lsp_without_its_extra_names_the_line_that_installs_it(
    imgbudget: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and no traceback; mistakes in options come first."""
    monkeypatch.delitem(sys.modules, "imgbudget.editors.server", raising=False)
    monkeypatch.setitem(sys.modules, "pygls", None)
    monkeypatch.setitem(sys.modules, "pygls.lsp.server", None)
    ran = imgbudget("lsp")
    assert ran.code == 2
    assert "imgbudget lsp needs the extra lsp: pip install 'imgbudget[lsp]'" in ran.err
    assert "unknown rule" in imgbudget("lsp", "--select", "IB999").err


@pytest.mark.parametrize(("last", "code"), [(["shutdown", "exit"], 0), (["exit"], 1), ([], -2)])
@posix
def test_process_ends_as_the_protocol_says(last: list[str], code: int) -> None:
    """0 after a shutdown, 1 without one; Ctrl-C ends it at once, also while it waits for a message."""
    begin: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}
    messages: list[Any] = [{"id": 0, "method": "initialize", "params": begin}]
    messages += [{"method": method} | ({} if method == "exit" else {"id": 1}) for method in last]
    words = (sys.executable, "-m", "imgbudget", "lsp")
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        for message in messages:
            text = json.dumps({"jsonrpc": "2.0"} | message).encode()
            server.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(text), text))
            server.stdin.flush()
        if not last:
            assert server.stdout.readline().startswith(b"Content-Length: ")
            server.send_signal(signal.SIGINT)
        assert server.wait(60) == code


@pytest.mark.parametrize(
    "uri", ["file:///", "file:///tmp/%00.json", "", "http://x/y.json", "git:/a/b.json?x"]
)
def test_text_of_any_name_is_checked(tmp_path: Path, uri: str) -> None:
    """A name that is a folder is searched for nothing, whatever the configuration leaves out."""
    (tmp_path / "imgbudget.yaml").write_text("exclude: [nothing]\n")

    async def scenario(client: LspClient) -> None:
        assert "IB105" in codes(await client.open(uri or "a.json", BOTH))
        assert client.received.get("window/logMessage", []) == []

    session(scenario, tmp_path)
