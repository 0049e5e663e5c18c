#!/usr/bin/env bash
# Guess: a session of Gemini CLI that is resumed sends what it sent before, and the new prompt.
# What happens: each tool result is sent twice, with its image. The session file has it with the tool call and once more
#   as a message; --resume takes both, and writes the doubled history back. Further resumes keep two copies.
# Why it matters: images that the model opened itself (screenshots, scans, photos) are input twice in every later
#   request, and count twice against its limits on images and bytes; nothing is printed. Files that the prompt names
#   with @ stay single.
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


model = "gemini-2.5-flash"
first = ask(model, "--prompt", "look at @named.png")
assert first == {"named": 1, "read": 1, "results": 1}
for prompt in ("again", "once more"):
    later = ask(model, "--resume", "latest", "--prompt", prompt)
    assert later == {"named": 1, "read": 2, "results": 2}
(session,) = Path("home/.gemini/tmp").rglob("session-*.jsonl")
rows = [row for row in session.read_text().splitlines() if data_of["read"] in row]
written = [row.count(data_of["read"]) for row in rows]
print(f"copies in the rows of the session file: {written}")
assert written == [1, 1, 2, 2]
print("as seen")
PY
