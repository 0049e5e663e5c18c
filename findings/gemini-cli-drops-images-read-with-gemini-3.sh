#!/usr/bin/env bash
# Guess: when the model reads an image file with a tool of Gemini CLI, it gets the image, whichever model it is.
# What happens: for models whose name starts with "gemini-3-" the image is put into functionResponse.parts, and the
#   history is then copied without that field. The request says "Binary content provided (1 item(s))." and has no
#   image. gemini-2.5-flash and gemini-3.8-flash get it next to the result.
# Why it matters: the model answers about a picture that it never saw, without an error or a warning, and the session
#   file holds the image, so that what is counted from sessions was not sent. Name files with @ in the prompt, which
#   works, or take another model.
# Seen with: @google/gemini-cli 0.61.0 with a key of the API and a server on this machine in place of it, Node 20.20.2,
#   Pillow 13.0.0, Python 3.11, 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet Pillow==13.0.0
npm install --silent --no-audit --no-fund --prefix "$folder" @google/gemini-cli@0.61.0
mkdir -p "$folder/home/.gemini" "$folder/work"
cat >"$folder/home/.gemini/settings.json" <<'JSON'
{
  "security": {"auth": {"selectedType": "gemini-api-key"}},
  "privacy": {"usageStatisticsEnabled": false},
  "general": {"enableAutoUpdate": false}
}
JSON
cd "$folder"
venv/bin/python - <<'PY'
import base64
import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from PIL import Image

data_of = {}
for name in ("named", "read"):
    Image.effect_noise((200, 100), 50).save(f"work/{name}.png")
    data_of[name] = base64.b64encode(Path(f"work/{name}.png").read_bytes()).decode()
call = {"id": "c1", "name": "read_file", "args": {"file_path": os.path.abspath("work/read.png")}}
bodies = []


class Answers(BaseHTTPRequestHandler):
    """Answers the first request with a call of read_file, and each other one with a word."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        part, streams = {"text": "seen"}, "stream" in self.path
        if streams:  # else a count of tokens
            bodies.append(json.dumps(body))
            if "functionCall" not in bodies[-1]:
                part = {"functionCall": call}
        candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
        answer = json.dumps({"candidates": [candidate], "totalTokens": 5})
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if streams else "application/json")
        self.end_headers()
        self.wfile.write((f"data: {answer}\n\n" if streams else answer).encode())

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
threading.Thread(target=server.serve_forever, daemon=True).start()
own = {"PATH": os.environ["PATH"], "HOME": os.path.abspath("home"), "GEMINI_API_KEY": "x"}
own["GOOGLE_GEMINI_BASE_URL"] = f"http://127.0.0.1:{server.server_port}"


def ask(model, *arguments):
    """The images of the last request, and how many results of tools it has."""
    command = ["../node_modules/.bin/gemini", "--skip-trust", "--model", model, *arguments]
    subprocess.run(command, cwd="work", env=own, check=True, timeout=300, stdin=subprocess.DEVNULL, capture_output=True)
    counts = {name: bodies[-1].count(data) for name, data in data_of.items()}
    counts["results"] = bodies[-1].count('"functionResponse"')
    print(f"{model} {' '.join(arguments)}: {counts}")
    return counts


for model in ("gemini-2.5-flash", "gemini-3.8-flash"):
    assert ask(model, "--prompt", "look") == {"named": 0, "read": 1, "results": 1}
assert "Binary content provided" in bodies[-1]
before = set(Path("home").rglob("session-*.jsonl"))
lost = ask("gemini-3-flash-preview", "--prompt", "look at @named.png")
assert lost == {"named": 1, "read": 0, "results": 1}
assert "Binary content provided" in bodies[-1]
(session,) = set(Path("home").rglob("session-*.jsonl")) - before
assert data_of["read"] in session.read_text()
print("as seen: not in the request, although the session has it")
PY
