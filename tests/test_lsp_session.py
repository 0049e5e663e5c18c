"""The language server as a process, with the client of another project: skipped where that is missing."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

pytest_lsp = pytest.importorskip("pytest_lsp", reason="needs pytest-lsp: the extra dev-lsp")
types = pytest.importorskip("lsprotocol.types")

from tests.builders import body, image_block, image_bytes, write_json  # noqa: E402 - after the skips

PUBLISHED = types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS
START, END = types.Position(0, 0), types.Position(999, 0)
TEXT = json.dumps(
    body("😋", image_block(image_bytes((3000, 2000))), image_block(image_bytes((300, 300)), "image/jpeg")),
    ensure_ascii=False,
)


async def _client(lsp_client: Any, tmp_path: Path) -> AsyncIterator[None]:
    """A session in an empty folder, of a client that can do what an editor can; each message is checked."""

    def register(params: Any) -> None:
        lsp_client.registered = params.registrations

    lsp_client.feature(types.CLIENT_REGISTER_CAPABILITY)(register)
    lsp_client.feature(types.WORKSPACE_CODE_LENS_REFRESH)(lambda _params: None)

    await lsp_client.initialize_session(
        types.InitializeParams(
            capabilities=pytest_lsp.client_capabilities("visual-studio-code"),
            workspace_folders=[types.WorkspaceFolder(tmp_path.as_uri(), "test")],
        )
    )
    yield
    await lsp_client.shutdown_session()


_client.__annotations__["lsp_client"] = pytest_lsp.LanguageClient
client = pytest_lsp.fixture(
    _client,
    config=pytest_lsp.ClientServerConfig(
        server_command=[sys.executable, "-m", "imgbudget", "lsp"], server_env=dict(os.environ)
    ),
)


async def opened(client: Any, path: Path, text: str) -> list[Any]:
    """The diagnostics of a text that the client opens."""
    item = types.TextDocumentItem(uri=path.as_uri(), language_id="json", version=1, text=text)
    client.text_document_did_open(types.DidOpenTextDocumentParams(item))
    await client.wait_for_notification(PUBLISHED)
    return list(client.diagnostics[path.as_uri()])


@pytest.mark.asyncio
async def test_session_from_the_first_finding_to_the_fixed_file(client: Any, tmp_path: Path) -> None:
    """Diagnostics, lens, hover, a fix that is applied, and a configuration that is noticed."""
    path = write_json(tmp_path / "request.json", {})
    uri = path.as_uri()
    document = types.TextDocumentIdentifier(uri)
    found = await opened(client, path, TEXT)
    assert sorted(one.code for one in found) == ["IB105", "IB201"]
    assert [one.method for one in client.registered] == [types.WORKSPACE_DID_CHANGE_WATCHED_FILES]
    (lens,) = await client.text_document_code_lens_async(types.CodeLensParams(document))
    assert lens.command.title == "2 images, 1657 tokens, $0.004971"
    place = next(one.range.start for one in found if one.code == "IB201")
    hover = await client.text_document_hover_async(types.HoverParams(document, place))
    assert "3000x2000" in hover.contents.value
    assert "](data:image/webp;base64," in hover.contents.value
    span, context = types.Range(START, END), types.CodeActionContext([])
    actions = await client.text_document_code_action_async(types.CodeActionParams(document, span, context))
    action = next(one for one in actions if "IB105" in one.title)
    fixed = await client.code_action_resolve_async(action)
    (change,) = fixed.edit.document_changes
    (edit,) = change.edits
    changed = types.VersionedTextDocumentIdentifier(version=2, uri=uri)
    content = types.TextDocumentContentChangePartial(text=edit.new_text, range=edit.range)
    client.text_document_did_change(types.DidChangeTextDocumentParams(changed, [content]))
    await client.wait_for_notification(PUBLISHED)
    assert [one.code for one in client.diagnostics[uri]] == ["IB201"]
    (tmp_path / "imgbudget.yaml").write_text("ignore: [IB2]\n")
    event = types.FileEvent(uri=(tmp_path / "imgbudget.yaml").as_uri(), type=types.FileChangeType.Created)
    client.workspace_did_change_watched_files(types.DidChangeWatchedFilesParams([event]))
    await client.wait_for_notification(PUBLISHED)
    assert client.diagnostics[uri] == ()
    assert client.messages == []
    assert client.log_messages == []


@pytest.mark.asyncio
async def test_request_that_is_cancelled_is_answered_and_the_server_goes_on(
    client: Any, tmp_path: Path
) -> None:
    """Also while texts change; nothing but the protocol is on standard output."""
    path = tmp_path / "request.json"
    await opened(client, path, TEXT)
    document = types.TextDocumentIdentifier(path.as_uri())
    action = types.CodeAction("x", data={"uri": path.as_uri(), "version": 1, "check": 1, "finding": 0})
    ask = client.protocol.send_request_async
    asked = asyncio.ensure_future(ask(types.CODE_ACTION_RESOLVE, action, msg_id="fix"))
    await asyncio.sleep(0)  # until it is sent
    client.cancel_request(types.CancelParams("fix"))
    with pytest.raises(Exception, match="cancel"):
        await asyncio.wait_for(asked, 60)
    (lens,) = await client.text_document_code_lens_async(types.CodeLensParams(document))
    assert lens.command.title.startswith("2 images")
