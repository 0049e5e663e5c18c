"""Drives agents against a server on this machine, and compares what they send with what is read of them.

    npm install --prefix FOLDER @openai/codex@0.171.0 opencode-ai@1.18.33 cline@3.0.65
    npm install --prefix FOLDER @anthropic-ai/claude-code@2.1.332 @google/gemini-cli@0.61.0
    npm install --prefix FOLDER @qwen-code/qwen-code@0.24.4 @mariozechner/pi-coding-agent@0.73.1
    python tools/agents/drive.py FOLDER [codex opencode cline claude gemini qwen pi]

Each agent gets an empty home, images where it takes them with a prompt, the call of its tool that reads an
image, and where possible a second prompt in the same session. The images of its last body are compared with
those of the request that its session makes here, in order. By hand: it takes minutes, and the agents try to
reach their own servers. Exit code 1 if any differ. Gemini CLI sends the result of a tool twice once a session
is resumed, and to models named `gemini-3-…` the images inside it not at all with a key of the API: it is
driven with 2.5.
"""

import argparse
import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from imgbudget.jsontext.document import Document, open_documents
from imgbudget.jsontext.source import JsonSource
from imgbudget.model.subjects import ProbeField, Request
from imgbudget.requests.databases import open_database
from imgbudget.requests.reader import RequestReader

MODEL = "claude-sonnet-4-6"

TOOLS: dict[str, Callable[[str], Any]] = {
    "view_image": lambda path: {"path": path},
    "read": lambda path: {"filePath": path, "path": path},
    "read_file": lambda path: {"file_path": path},
    "Read": lambda path: {"file_path": path},
    "read_files": lambda path: {"files": [{"path": path}]},
}
"""The tools that read an image, with their arguments."""

_USAGE = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
_TEXT = {"type": "output_text", "text": "seen", "annotations": []}
_ITEM = {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed", "content": [_TEXT]}


def responses(call: tuple[str, Any] | None) -> list[Any]:
    """The events of the Responses API: a call of a tool, or one word."""
    item: Any = _ITEM
    if call:
        name, wanted = call
        item = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": name, "status": "completed"}
        item["arguments"] = json.dumps(wanted)
    return [
        {"type": "response.created", "response": {"id": "resp_1"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"id": "resp_1", "output": [item], "usage": _USAGE}},
    ]


def messages(call: tuple[str, Any] | None) -> list[Any]:
    """The events of the Messages API: a call of a tool, or one word."""
    about = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": []}
    block: Any = {"type": "text", "text": ""}
    delta: Any = {"type": "text_delta", "text": "seen"}
    if call:
        name, wanted = call
        block = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(wanted)}
    reason = {"stop_reason": "tool_use" if call else "end_turn", "stop_sequence": None}
    return [
        {"type": "message_start", "message": about | {"usage": {"input_tokens": 5, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": reason, "usage": {"output_tokens": 2}},
        {"type": "message_stop"},
    ]


def chat(call: tuple[str, Any] | None) -> list[Any]:
    """The chunks of the chat completions API: a call of a tool, or one word."""
    delta: Any = {"role": "assistant", "content": "seen"}
    if call:
        name, wanted = call
        function = {"name": name, "arguments": json.dumps(wanted)}
        delta = {
            "role": "assistant",
            "tool_calls": [{"index": 0, "id": "c1", "type": "function", "function": function}],
        }
    about = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    end = {"index": 0, "delta": {}, "finish_reason": "tool_calls" if call else "stop"}
    usage = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    return [
        about | {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        about | {"choices": [end], "usage": usage},
    ]


def contents(call: tuple[str, Any] | None) -> list[Any]:
    """The events of Gemini's API: a call of a tool, or one word."""
    part: Any = {"text": "seen"}
    if call:
        name, wanted = call
        part = {"functionCall": {"id": "c1", "name": name, "args": wanted}}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7}
    return [{"candidates": [candidate], "usageMetadata": usage}]


def stream(events: list[Any]) -> str:
    """Events as text."""
    named = (f"event: {one['type']}\n" if "type" in one else "" for one in events)
    return "".join(f"{name}data: {json.dumps(one)}\n\n" for name, one in zip(named, events, strict=True))


class Answers(BaseHTTPRequestHandler):
    """Answers with a call of the tool that reads an image, afterwards with one word; keeps the bodies."""

    bodies: list[Any]
    image: Path

    def do_GET(self) -> None:
        """An empty list of models."""
        self._send("application/json", b'{"data": [], "models": []}')

    def do_POST(self) -> None:
        """One answer."""
        text = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = json.loads(text)
        self.bodies.append(body)
        call = self._call(body)
        if "generateContent" in self.path or "countTokens" in self.path:  # which model to use, how long it is
            answer = contents(None)[0] | {"totalTokens": 5}
            self._send("application/json", json.dumps(answer).encode())
            return
        if "streamGenerateContent" in self.path:
            text_of = stream(contents(call))
        elif "chat/completions" in self.path:
            text_of = stream(chat(call)) + "data: [DONE]\n\n"
        else:
            text_of = stream(responses(call) if "responses" in self.path else messages(call))
        self._send("text/event-stream", text_of.encode())

    def _call(self, body: Any) -> tuple[str, Any] | None:
        """The call to answer with: of the tool that reads images, until it was called."""
        tools = [tool for tool in body.get("tools") or () if isinstance(tool, dict)]
        tools += [one for tool in tools for one in tool.get("functionDeclarations") or ()]
        names = {tool.get("name") or (tool.get("function") or {}).get("name") for tool in tools}
        name = next((name for name in TOOLS if name in names), None)
        was_called = f'"{name}"' in json.dumps(
            body.get("messages") or body.get("input") or body.get("contents")
        )
        return None if name is None or was_called else (name, TOOLS[name](str(self.image)))

    def _send(self, kind: str, data: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Place(NamedTuple):
    """Where an agent runs: its program, its home, the folder with the images, and the server."""

    programs: Path
    home: Path
    work: Path
    server: str

    def run(self, program: str, *arguments: str, **more: str) -> None:
        """Run an agent once, with a small environment."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SSL_CERT_FILE") if name in os.environ}
        done = subprocess.run(  # noqa: S603 - what the user installed
            [self.programs / "node_modules/.bin" / program, *arguments],
            cwd=self.work,
            env=kept | {"HOME": str(self.home)} | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        if done.returncode:
            print(f"  {program} {arguments[0]}: exit {done.returncode}")
            print(done.stdout[-2000:], done.stderr[-2000:])


def codex(place: Place) -> Iterator[Path]:
    """Codex CLI: images with a prompt, then another prompt in the same session."""
    folder = place.home / ".codex"
    folder.mkdir()
    (folder / "config.toml").write_text(
        f'model = "gpt-5.2"\nmodel_provider = "here"\n[model_providers.here]\nname = "here"\n'
        f'base_url = "{place.server}/v1"\nwire_api = "responses"\nenv_key = "KEY"\n'
    )
    own = ("exec", "--skip-git-repo-check")
    place.run("codex", *own, "look", "-i", "small.png,large.jpg", KEY="x")
    place.run("codex", *own, "resume", "--last", "again", KEY="x")
    yield from (folder / "sessions").rglob("rollout-*.jsonl")


def opencode(place: Place) -> Iterator[Path]:
    """opencode: attached files, then another prompt in the same session; its database and its export."""
    config = place.home / "opencode.json"
    model = {
        "name": MODEL,
        "attachment": True,
        "modalities": {"input": ["text", "image"], "output": ["text"]},
    }
    options = {"baseURL": f"{place.server}/v1", "apiKey": "x"}
    provider = {"npm": "@ai-sdk/anthropic", "name": "here", "options": options, "models": {MODEL: model}}
    config.write_text(json.dumps({"provider": {"here": provider}, "autoupdate": False, "share": "disabled"}))
    data = place.home / ".local/share"
    own = {"OPENCODE_CONFIG": str(config), "XDG_DATA_HOME": str(data), "OPENCODE_DISABLE_AUTOUPDATE": "1"}
    place.run("opencode", "run", "-m", f"here/{MODEL}", "look", "-f", "small.png", "-f", "large.jpg", **own)
    place.run("opencode", "run", "-c", "-m", f"here/{MODEL}", "again", **own)
    yield from data.rglob("opencode.db")


def cline(place: Place) -> Iterator[Path]:
    """Cline: one prompt, on which an image is read; its other providers take no address."""
    server = f"{place.server}/v1"
    place.run("cline", "auth", "openai-compatible", "-k", "x", "-m", MODEL, "-b", server)
    place.run("cline", "-P", "openai-compatible", "-m", MODEL, "--json", "look at it")
    yield from place.home.rglob("*.messages.json")


def claude(place: Place) -> Iterator[Path]:
    """Claude Code: a prompt after which it reads a file, then another prompt in the same session."""
    own = {"ANTHROPIC_BASE_URL": place.server, "ANTHROPIC_API_KEY": "x", "DISABLE_AUTOUPDATER": "1"}
    own["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] = "1"
    place.run("claude", "-p", "look at @small.png", "--model", MODEL, "--allowedTools", "Read", **own)
    place.run("claude", "-p", "again", "--continue", "--model", MODEL, **own)
    yield from (place.home / ".claude/projects").rglob("*.jsonl")


def gemini(place: Place) -> Iterator[Path]:
    """Gemini CLI: files that are named with @, then another prompt in the same session."""
    own = {"GOOGLE_GEMINI_BASE_URL": place.server, "GEMINI_API_KEY": "x"}
    settings = place.home / ".gemini/settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"security": {"auth": {"selectedType": "gemini-api-key"}}}))
    more = ("--yolo", "--skip-trust", "--model", "gemini-2.5-flash")
    place.run("gemini", *more, "--prompt", "look at @small.png and @large.jpg", **own)
    place.run("gemini", *more, "--resume", "latest", "--prompt", "again", **own)
    yield from (place.home / ".gemini/tmp").rglob("session-*.jsonl")


def qwen(place: Place) -> Iterator[Path]:
    """Qwen Code: files that are named with @, then another prompt in the same session."""
    own = {"OPENAI_BASE_URL": f"{place.server}/v1", "OPENAI_API_KEY": "x", "OPENAI_MODEL": "qwen3-vl-plus"}
    more = ("--auth-type", "openai", "--yolo")
    place.run("qwen", *more, "--prompt", "look at @small.png and @large.jpg", **own)
    place.run("qwen", *more, "--continue", "--prompt", "again", **own)
    yield from (place.home / ".qwen/projects").rglob("chats/*.jsonl")


def pi(place: Place) -> Iterator[Path]:
    """pi: attached files, then another prompt in the same session."""
    folder = place.home / ".pi/agent"
    folder.mkdir(parents=True)
    cost = {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0}
    about = {"id": MODEL, "name": MODEL, "reasoning": False, "input": ["text", "image"], "cost": cost}
    model = about | {"contextWindow": 200000, "maxTokens": 8000}
    api = {"baseUrl": place.server, "apiKey": "x", "api": "anthropic-messages", "models": [model]}
    (folder / "models.json").write_text(json.dumps({"providers": {"here": api}}))
    own = ("--provider", "here", "--model", MODEL, "--print")
    place.run("pi", *own, "@small.png", "@large.jpg", "look", PI_OFFLINE="1")
    place.run("pi", *own, "--continue", "again", PI_OFFLINE="1")
    yield from (folder / "sessions").rglob("*.jsonl")


AGENTS: dict[str, Callable[[Place], Iterator[Path]]] = {
    "codex": codex,
    "opencode": opencode,
    "cline": cline,
    "claude": claude,
    "gemini": gemini,
    "qwen": qwen,
    "pi": pi,
}

_DATA = re.compile(r"^(?:data:[^,]*,)?([A-Za-z0-9+/]{64,}={0,2})$")


class Sent(NamedTuple):
    """An image by its size and its bytes, which noise makes different in each."""

    width: int
    height: int
    byte_size: int


def images_in(value: Any) -> Iterator[Sent]:
    """All images in a body, at any depth and in order."""
    if isinstance(value, dict):
        for one in value.values():
            yield from images_in(one)
    elif isinstance(value, list):
        for one in value:
            yield from images_in(one)
    elif isinstance(value, str) and (found := _DATA.match(value)):
        data = base64.b64decode(found[1] + "==")
        try:
            with Image.open(BytesIO(data)) as picture:
                yield Sent(*picture.size, len(data))
        except OSError:
            return


def requests_of(path: Path) -> Iterator[Request]:
    """The requests that a session here makes."""
    with open_database(str(path)) as database:
        if database is not None:
            yield from database.requests(ProbeField.ALL)
            return
    reader = RequestReader(str(path), ProbeField.ALL)
    with JsonSource.open(str(path)) as source:
        for document in open_documents(source, lines=path.suffix == ".jsonl"):
            if isinstance(document, Document):
                list(reader.read(document))
        yield from reader.end()


def compared(name: str, folder: Path) -> bool:
    """Drive one agent; whether its last body has the images that its session has here."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        home, work = Path(scratch) / "home", Path(scratch) / "work"
        home.mkdir()
        work.mkdir()
        Image.effect_noise((300, 200), 50).convert("RGB").save(work / "small.png")
        Image.effect_noise((2600, 1800), 50).convert("RGB").save(work / "large.jpg", quality=50)
        Image.effect_noise((500, 400), 50).convert("RGB").save(work / "read.png")
        bodies: list[Any] = []
        handler = type("Kept", (Answers,), {"bodies": bodies, "image": work / "read.png"})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            stores = list(AGENTS[name](Place(folder, home, work, f"http://127.0.0.1:{server.server_port}")))
            requests = [request for store in stores for request in requests_of(store)]
        finally:
            server.shutdown()
    sent = list(images_in(bodies[-1])) if bodies else []
    print(
        f"{name}: {len(bodies)} bodies; the last one has {len(sent)} images: {[tuple(one) for one in sent]}"
    )
    for request in requests:
        uses = [use for use in request.images if use.facts and use.facts.size]
        here = [Sent(*use.facts.size, use.facts.byte_size) for use in uses if use.facts and use.facts.size]
        print(f"  session {request.id} for {request.model}: {[tuple(one) for one in here]}")
        for flaw in request.flaws:
            print(f"  flaw: {flaw.message}")
        if here == sent:
            return bool(sent)
    return False


def main() -> int:
    """Drive the agents that are named, or all; 1 if any session is read otherwise than it is sent."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the agents are installed")
    parser.add_argument("agents", nargs="*", help=", ".join(AGENTS))
    arguments = parser.parse_args()
    names = arguments.agents or list(AGENTS)
    results = {name: compared(name, arguments.folder.resolve()) for name in names}
    print(", ".join(f"{name}: {'equal' if equal else 'DIFFERENT'}" for name, equal in results.items()))
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
