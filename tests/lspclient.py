"""A client of the language server in the same process: messages of the protocol, as bytes both ways."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from imgbudget.editors.server import EditorServer
from imgbudget.linter.options import RunOptions
from imgbudget.model.subjects import Severity

Json = dict[str, Any]

ALL = {
    "general": {"positionEncodings": ["utf-16"]},
    "textDocument": {
        "codeAction": {"resolveSupport": {"properties": ["edit"]}},
        "hover": {"contentFormat": ["markdown", "plaintext"]},
    },
    "workspace": {
        "workspaceEdit": {"documentChanges": True},
        "didChangeWatchedFiles": {"dynamicRegistration": True},
        "codeLens": {"refreshSupport": True},
    },
}
"""What a client with all abilities that the server uses says of itself."""

SECONDS = 60.0


class LspClient:
    """A client; what the server sends is kept by method, and answers end their requests."""

    def __init__(self, server: EditorServer) -> None:
        self.server = server
        self.received: dict[str, list[Any]] = {}
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._arrived = asyncio.Event()
        server.server.protocol.set_writer(self)

    def write(self, data: bytes) -> None:
        """Take a message of the server, with its header; a request is answered with null."""
        head, _, text = data.partition(b"\r\n\r\n")
        assert head.startswith(b"Content-Length: ")
        message = json.loads(text)
        if "method" in message:
            self.received.setdefault(message["method"], []).append(message.get("params"))
            self._arrived.set()
            if "id" in message:
                asyncio.get_running_loop().call_soon(self.send, {"id": message["id"], "result": None})
        else:
            self._answers.pop(message["id"]).set_result(message)

    def send(self, message: Json) -> None:
        """Send a message."""
        protocol = self.server.server.protocol
        text = json.dumps({"jsonrpc": "2.0"} | message)
        protocol.handle_message(json.loads(text, object_hook=protocol.structure_message))

    def notify(self, method: str, params: Any) -> None:
        """Send a notification."""
        self.send({"method": method, "params": params})

    async def ask(self, method: str, params: Any) -> Any:
        """The result of a request; its whole answer if that is an error."""
        number = len(self._answers) + 1
        self._answers[number] = answer = asyncio.get_running_loop().create_future()
        self.send({"id": number, "method": method, "params": params})
        message = await asyncio.wait_for(answer, SECONDS)
        return message.get("result", message)

    async def next(self, method: str) -> Any:
        """The next message of a method that was not taken yet."""
        while not self.received.get(method):
            self._arrived.clear()
            await asyncio.wait_for(self._arrived.wait(), SECONDS)
        return self.received[method].pop(0)

    async def diagnostics(self) -> list[Any]:
        """The next diagnostics of any text."""
        published = await self.next("textDocument/publishDiagnostics")
        found: list[Any] = published["diagnostics"]
        return found

    async def open(self, uri: str, text: str, language: str = "json") -> list[Any]:
        """Open a text; returns its diagnostics."""
        item = {"uri": uri, "languageId": language, "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": item})
        return await self.diagnostics()

    def change(self, uri: str, version: int, *changes: Json) -> None:
        """Change a text."""
        document = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": document, "contentChanges": list(changes)})

    async def actions(self, uri: str, start: Json, end: Json, only: list[str] | None = None) -> list[Any]:
        """The code actions for a range."""
        context: Json = {"diagnostics": []} | ({"only": only} if only else {})
        params = {"textDocument": {"uri": uri}, "range": {"start": start, "end": end}, "context": context}
        found: list[Any] = await self.ask("textDocument/codeAction", params)
        return found


def session(
    scenario: Callable[[LspClient], Awaitable[None]],
    folder: Path | Sequence[Path],
    *,
    capabilities: Json = ALL,
    options: RunOptions = RunOptions(),  # noqa: B008 - immutable
    level: Severity = Severity.ERROR,
) -> EditorServer:
    """Run a session from its beginning to its end; of several folders all are open in the editor."""
    server = EditorServer(options, level)

    async def run() -> None:
        client = LspClient(server)
        opened: Json = (
            {"rootUri": folder.as_uri()}
            if isinstance(folder, Path)
            else {"workspaceFolders": [{"uri": it.as_uri(), "name": it.name} for it in folder]}
        )
        params = {"processId": None, "rootUri": None, "capabilities": capabilities} | opened
        await client.ask("initialize", params)
        client.notify("initialized", {})
        try:
            await scenario(client)
        finally:
            await client.ask("shutdown", None)
            server.close()

    asyncio.run(run())
    return server


def edited(text: str, edits: list[Any]) -> str:
    """A text with edits of the protocol, in UTF-16, of which none overlap; lines end with LF."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(_wide(line)) + 2)
    raw = _wide(text)
    for edit in sorted(edits, key=lambda it: _offset(starts, it["range"]["start"]), reverse=True):
        first, last = (_offset(starts, edit["range"][end]) for end in ("start", "end"))
        raw = raw[:first] + _wide(edit["newText"]) + raw[last:]
    return raw.decode("utf-16-le", "surrogatepass")


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _offset(starts: list[int], position: Json) -> int:
    return int(starts[position["line"]] + 2 * position["character"])
