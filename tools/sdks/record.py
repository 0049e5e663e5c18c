"""Records the bodies that the official SDKs send, for the tests: tests/fixtures/sdks.

    python tools/sdks/install.py FOLDER
    FOLDER/python/bin/python tools/sdks/record.py FOLDER [SDK ...]

Each SDK is driven against a server on this machine, which keeps what arrives and answers in a few words. The
images are made on the spot. A fixture has the versions, and of each call the path of its URL, the body, and
where in the body the bytes of which image are. A fixture that would differ in its date only stays as it is.
By hand and in the workflow "Bodies of SDKs"; the SDKs for JavaScript need Node 22 or later, `NODE` is its
program. Exit code 1 if a call sent nothing.
"""

import argparse
import base64
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from PIL import Image

HERE = Path(__file__).resolve().parent
FIXTURES = HERE.parents[1] / "tests" / "fixtures" / "sdks"


def made_pdf() -> bytes:
    """A document of one empty page, with its table of objects."""
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>",
    )
    text, starts = b"%PDF-1.4\n", []
    for number, value in enumerate(objects, 1):
        starts.append(len(text))
        text += b"%d 0 obj\n%b\nendobj\n" % (number, value)
    table = b"xref\n0 4\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % start for start in starts)
    return text + table + b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(text)


def encoded(picture: Image.Image, form: str, **options: Any) -> bytes:
    """A picture as the bytes of a file."""
    out = BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


def made_files() -> dict[str, bytes]:
    """The images and the document that the calls send; the noise is more than 4,096 characters of base64."""
    noise = Image.frombytes("RGB", (37, 28), random.Random(1).randbytes(3108))  # noqa: S311 - no secret
    return {
        "small.png": encoded(Image.new("RGB", (32, 24), (64, 96, 128)), "PNG"),
        "photo.jpg": encoded(Image.new("RGB", (64, 40), (90, 60, 30)), "JPEG"),
        "wide.webp": encoded(Image.new("RGB", (300, 200), (200, 30, 30)), "WEBP"),
        "icon.gif": encoded(Image.new("P", (48, 16)), "GIF"),
        "icon.bmp": encoded(Image.new("1", (48, 16)), "BMP"),
        "noise.png": encoded(noise, "PNG"),
        "page.pdf": made_pdf(),
    }


TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "gif": "image/gif"}

USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
WORD = {"type": "output_text", "text": "seen", "annotations": []}
ANSWERS: dict[str, Any] = {
    "count_tokens": {"input_tokens": 5},
    "countTokens": {"totalTokens": 5},
    "count-tokens": {"inputTokens": 5},
    "/batches": {
        "id": "msgbatch_1",
        "type": "message_batch",
        "processing_status": "in_progress",
        "request_counts": {"processing": 1, "succeeded": 0, "errored": 0, "canceled": 0, "expired": 0},
        "created_at": "2026-11-29T00:00:00Z",
        "expires_at": "2026-11-30T00:00:00Z",
    },
    "chat/completions": {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "seen"}}
        ],
        "usage": USAGE,
    },
    "/responses": {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "m",
        "output": [
            {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed", "content": [WORD]}
        ],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
        | {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}},
    },
    "generateContent": {
        "candidates": [
            {"content": {"role": "model", "parts": [{"text": "seen"}]}, "finishReason": "STOP", "index": 0}
        ],
        "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 2, "totalTokenCount": 7},
    },
    "/converse": {
        "output": {"message": {"role": "assistant", "content": [{"text": "seen"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7},
        "metrics": {"latencyMs": 1},
    },
    "/conversations": {
        "object": "conversation.response",
        "conversation_id": "c",
        "outputs": [{"object": "entry", "type": "message.output", "content": "seen"}],
        "usage": USAGE,
    },
    "": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "seen"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "output_tokens": 2},
    },
}
"""The answer by a part of the path; the last one is for all others."""


class Sent(NamedTuple):
    """A body that arrived, in which call, and the path of its URL."""

    call: str
    path: str
    body: Any


@dataclass
class Lab:
    """What the drivers of SDKs use: the address of the server, the files, the name of the current call."""

    folder: Path
    url: str = ""
    current: str = ""
    sent: list[Sent] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=made_files)

    def base64(self, name: str) -> str:
        """The bytes of a file as base64."""
        return base64.b64encode(self.files[name]).decode()

    def uri(self, name: str) -> str:
        """The bytes of a file as a data URI."""
        return f"data:{self.media_type(name)};base64,{self.base64(name)}"

    def media_type(self, name: str) -> str:
        """The media type of a file by its name."""
        return TYPES.get(name.rpartition(".")[2], "application/pdf")

    @contextmanager
    def call(self, name: str) -> Iterator[None]:
        """Run a call; that the SDK does not like the answer is no failure, that nothing arrived is one."""
        self.current = name
        before = len(self.sent)
        error = ""
        try:
            yield
        except Exception:  # noqa: BLE001 - of any SDK
            error = traceback.format_exc()
        if len(self.sent) == before:
            self.failed.append(name)
            print(f"  {name}: nothing was sent\n{error}")
        elif error:
            print(f"  {name}: sent, then {error.strip().splitlines()[-1][:200]}")


class Server(BaseHTTPRequestHandler):
    """Keeps what arrives. `POST /call/NAME` states which call comes next."""

    lab: Lab
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """How many bodies the current call sent."""
        count = sum(one.call == self.lab.current for one in self.lab.sent)
        self._answer(json.dumps({"sent": count}).encode())

    def do_POST(self) -> None:
        """One body."""
        text = self._body()
        path = urlsplit(self.path).path
        if path.startswith("/call/"):
            self.lab.current = unquote(path.removeprefix("/call/"))
            self._answer(b"{}")
            return
        self.lab.sent.append(Sent(self.lab.current, path, json.loads(text)))
        answer = next(answer for part, answer in ANSWERS.items() if part in path)
        self._answer(json.dumps(answer).encode())

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Listener(ThreadingHTTPServer):
    """A server that does not report clients which close a connection."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report other errors."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def laboratory(folder: Path) -> Iterator[Lab]:
    """A server on this machine, and the files in a folder."""
    lab = Lab(folder)
    for name, data in lab.files.items():
        (folder / name).write_bytes(data)
    server = Listener(("127.0.0.1", 0), type("Kept", (Server,), {"lab": lab}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    lab.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield lab
    finally:
        server.shutdown()


def members_of(value: Any) -> Iterable[tuple[Any, Any]]:
    """The keys and values of an object or an array; nothing of other values."""
    if isinstance(value, dict):
        return value.items()
    return enumerate(value) if isinstance(value, list) else ()


def texts_in(value: Any, pointer: str = "") -> Iterator[tuple[str, str]]:
    """All texts of a body with their JSON pointers."""
    for key, one in members_of(value):
        yield from texts_in(one, f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}")
    if isinstance(value, str):
        yield pointer, value


def bytes_in(value: Any, pointer: str = "") -> Iterator[tuple[str, bytes]]:
    """The bytes that a body has as numbers, as JSON.stringify writes a Buffer or a Uint8Array."""
    if isinstance(value, dict):
        if value.get("type") == "Buffer":
            yield pointer, bytes(value["data"])
            return
        if "0" in value:
            yield pointer, bytes(value.values())
            return
    for key, one in members_of(value):
        yield from bytes_in(one, f"{pointer}/{key}")


def places(body: Any, files: dict[str, bytes]) -> dict[str, dict[str, list[str]]]:
    """Where in a body the files are: as the whole of a text, inside a longer one, or as numbers."""
    found: dict[str, dict[str, list[str]]] = {"whole": {}, "inside": {}, "numbers": {}}
    for pointer, text in texts_in(body):
        plain = re.sub(r"^data:[^,]*,", "", text).replace("-", "+").replace("_", "/").rstrip("=")
        for name, data in files.items():
            wanted = base64.b64encode(data).decode().rstrip("=")
            if plain == wanted:
                found["whole"].setdefault(pointer, []).append(name)
            elif wanted in text:
                found["inside"].setdefault(pointer, []).append(name)
    for pointer, data in bytes_in(body):
        found["numbers"] |= {pointer: [name for name, one in files.items() if one == data]}
    return {kind: some for kind, some in found.items() if some}


def fixture(sdk: str, versions: dict[str, str], lab: Lab) -> dict[str, Any]:
    """What is kept of the calls of one SDK; of the address of the server nothing."""
    calls = []
    for one in lab.sent:
        text = json.dumps(one.body).replace(lab.url, "http://localhost:8000")
        body = json.loads(text)
        calls.append({"call": one.call, "path": one.path, **places(body, lab.files), "body": body})
    return {"sdk": sdk, "versions": versions, "recorded": f"{datetime.now(UTC):%Y-%m-%d}", "calls": calls}


def write(path: Path, kept: dict[str, Any]) -> bool:
    """Write a fixture; whether it differs from what was there in more than its date."""
    before = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if before | {"recorded": ""} == kept | {"recorded": ""}:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return True


def drive_node(lab: Lab, sdk: str, folder: Path) -> dict[str, str]:
    """Drive an SDK for JavaScript; its versions."""
    script = folder / "javascript_sdks.mjs"
    script.write_bytes((HERE / script.name).read_bytes())  # modules are found from where a script is
    node = os.environ.get("NODE") or "node"
    done = subprocess.run(
        [node, script, sdk, lab.url, lab.folder],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    *printed, last = done.stdout.splitlines() or [""]
    print("\n".join(printed))
    if done.returncode:
        lab.failed.append(sdk)
        print(done.stdout, done.stderr)
        return {}
    found = json.loads(last)
    lab.failed += found["failed"]
    versions: dict[str, str] = found["versions"]
    return versions


def main() -> int:
    """Record the SDKs that are named, or all; 1 if a call sent nothing."""
    from javascript_names import JAVASCRIPT
    from python_sdks import PYTHON

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the SDKs for JavaScript are installed")
    parser.add_argument("sdks", nargs="*", help=", ".join([*PYTHON, *JAVASCRIPT]))
    parser.add_argument("--output", type=Path, default=FIXTURES, help="where the fixtures are written")
    arguments = parser.parse_args()
    failed = []
    for sdk in arguments.sdks or [*PYTHON, *JAVASCRIPT]:
        with tempfile.TemporaryDirectory() as scratch, laboratory(Path(scratch)) as lab:
            node = arguments.folder.resolve()
            versions = PYTHON[sdk](lab) if sdk in PYTHON else drive_node(lab, sdk, node)
        path = arguments.output / f"{sdk}.json"
        change = "changed" if write(path, fixture(sdk, versions, lab)) else "as before"
        print(f"{sdk}: {len(lab.sent)} bodies, {path.stat().st_size:,} bytes, {change}")
        failed += [f"{sdk}: {name}" for name in lab.failed]
    for one in failed:
        print(f"nothing was sent in {one}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
