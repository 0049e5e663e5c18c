"""Drives Claude Code with its hook of imgbudget against a server on this machine: what does it send?

    npm install --prefix FOLDER @anthropic-ai/claude-code@2.1.332
    python tools/agents/hooks.py FOLDER

Each case gets an empty home with the settings that `imgbudget hook claude-code --settings` prints, or none,
and an answer that calls a tool. By hand, as `drive.py`, on a machine that is not busy, as a hook that takes
2 s does nothing. Exit code 1 if a case goes another way than it says.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from drive import MODEL, Answers, images_in
from PIL import Image

SHOT = "mcp__playwright__browser_take_screenshot"
IMGBUDGET = str(Path(sys.executable).with_name("imgbudget"))
SILENT = {"type": "command", "command": "cat > /dev/null"}
LARGE, SMALL = (3000, 2000), (1344, 896)
SCALED = (2000, 1333)
"""What the agent itself makes of a large image."""

AFTER = (1345, 896)
"""The same, shrunk once more."""


class Case(NamedTuple):
    """A call of a tool, and what is sent then: the sizes of images, and a text that has to be in the body."""

    name: str
    tool: str
    sent: list[tuple[int, int]]
    text: str = ""
    without: str = ""
    permissions: dict[str, list[str]] | None = None
    by_option: bool = False
    options: str = ""
    beside: bool = False
    is_installed: bool = True
    file: str = "large.jpg"


CASES = (
    Case("no hook", "Read", [SCALED], "Multiply coordinates by 1.50", is_installed=False),
    Case("a file", "Read", [SMALL], "Multiply coordinates by 2.232", "Multiply coordinates by 1.50"),
    Case("beside another hook", "Read", [SMALL], "Multiply coordinates by 2.232", beside=True),
    Case("settings on the command line", "Read", [AFTER], "Multiply coordinates by 2.230", by_option=True),
    Case("a screenshot", SHOT, [AFTER], "displayed at 1345x896. Multiply coordinates by 2.23"),
    Case("a screenshot beside another hook", SHOT, [AFTER], "displayed at 1345x896", beside=True),
    Case("a broken file, no hook", "Read", [(300, 200)], is_installed=False, file="cut.png"),
    Case("a broken file", "Read", [], "every later turn", file="cut.png"),
    Case("a rule that asks", "Read", [], "requested permissions", permissions={"ask": ["Read(./large.jpg)"]}),
    Case("a rule that denies", "Read", [], "denied", permissions={"deny": ["Read(./large.jpg)"]}),
    Case("a mistake in the options", "Read", [SCALED], options=" --nonsense"),
    Case("a configuration that is broken", "Read", [SCALED], options=" --config none.yaml"),
)


def settings_of(case: Case) -> dict[str, Any]:
    """The settings of a case."""
    if not case.is_installed:
        return {}
    printed = subprocess.run(  # noqa: S603 - imgbudget beside this interpreter
        [IMGBUDGET, "hook", "claude-code", "--settings"], capture_output=True, text=True, check=True
    )
    settings: dict[str, Any] = json.loads(printed.stdout)
    settings["permissions"] |= case.permissions or {}
    for entries in settings["hooks"].values():
        for entry in entries:
            for hook in entry["hooks"]:
                hook["command"] = f"{IMGBUDGET} hook claude-code{case.options}"
            if case.beside:
                entry["hooks"] = [SILENT, *entry["hooks"], SILENT]
    return settings


def body_of(case: Case, program: Path, scratch: Path) -> str:
    """The last body that the agent sends with tools, as text."""
    home, work = scratch / "home", scratch / "work"
    (home / ".claude").mkdir(parents=True)
    work.mkdir()
    Image.effect_noise((300, 200), 50).convert("RGB").resize(LARGE).save(work / "large.jpg", quality=90)
    Image.effect_noise((300, 200), 50).save(work / "cut.png")
    os.truncate(work / "cut.png", 9000)
    bodies: list[Any] = []

    class Calls(Answers):
        """Answers with the tool of the case once."""

        def _call(self, body: Any) -> tuple[str, Any] | None:
            called = f'"{case.tool}"' in json.dumps(body.get("messages"))
            wanted = {"file_path": str(work / case.file)} if case.tool == "Read" else {}
            return (case.tool, wanted) if body.get("tools") and not called else None

    Calls.bodies, Calls.image = bodies, work / "large.jpg"
    server = ThreadingHTTPServer(("127.0.0.1", 0), Calls)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    arguments = [str(program), "-p", "look", "--model", MODEL]
    settings = json.dumps(settings_of(case))
    if case.by_option:
        arguments += ["--settings", settings]
    else:
        (home / ".claude/settings.json").write_text(settings)
    if case.tool == SHOT:
        own_server = {"command": sys.executable, "args": [__file__, "--serve", str(work / "large.jpg")]}
        (work / "mcp.json").write_text(json.dumps({"mcpServers": {"playwright": own_server}}))
        arguments += ["--mcp-config", "mcp.json", "--strict-mcp-config", "--allowedTools", SHOT]
    own = {
        "HOME": str(home),
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{server.server_port}",
        "ANTHROPIC_API_KEY": "x",
        "DISABLE_AUTOUPDATER": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    }
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    try:
        subprocess.run(  # noqa: S603 - what the user installed
            arguments,
            cwd=work,
            env=kept | own,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=180,
            check=False,
        )
    finally:
        server.shutdown()
    return json.dumps([body["messages"] for body in bodies if body.get("tools")][-1])


def serve(path: Path) -> None:
    """An MCP server with one tool, which returns the image."""
    block = {"type": "image", "data": base64.b64encode(path.read_bytes()).decode(), "mimeType": "image/jpeg"}
    tool = {"name": "browser_take_screenshot", "description": "shot", "inputSchema": {"type": "object"}}
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        match message["method"]:
            case "initialize":
                result: dict[str, Any] = {
                    "protocolVersion": message["params"]["protocolVersion"],
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "playwright", "version": "1"},
                }
            case "tools/list":
                result = {"tools": [tool]}
            case "tools/call":
                result = {"content": [block]}
            case _:
                result = {}
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)


def main() -> int:
    """Drive all cases; 1 if one goes another way than it says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the agent is installed")
    parser.add_argument("--serve", action="store_true", help="be an MCP server that returns the image FOLDER")
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.folder)
        return 0
    program = arguments.folder.resolve() / "node_modules/.bin/claude"
    wrong = 0
    for case in CASES:
        with tempfile.TemporaryDirectory(dir=arguments.folder) as scratch:
            body = body_of(case, program, Path(scratch).resolve())
        sent = [(image.width, image.height) for image in images_in(json.loads(body))]
        right = sent == case.sent and case.text in body and not (case.without and case.without in body)
        wrong += not right
        print(f"{'ok' if right else 'WRONG'}: {case.name}: {sent}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
