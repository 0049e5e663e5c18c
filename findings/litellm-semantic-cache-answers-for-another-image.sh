#!/usr/bin/env bash
# Guess: LiteLLM's semantic cache answers from the cache only if the picture of the request is the same too; what it
#   cannot compare, it sends to the model.
# What happens: what is embedded and compared are the texts of the messages alone, and the key that keeps models and
#   parameters apart leaves the messages out. The same question about another picture is a hit with a similarity of 1:
#   the caller gets the answer about the first picture, and nothing is sent, whether the part has a data URL or the
#   address of a picture. The plain cache ("local") tells the pictures apart.
# Why it matters: batches of scans and screenshots are one fixed question about many pictures. Each of them gets the
#   first answer, at once and free of charge, which looks like a cache that works well. Keep the semantic cache off for
#   requests with images ("no-cache" and "no-store"), or put a hash of the image into the text.
# Seen with: litellm 1.110.2, type "qdrant-semantic" (the ones for Redis and Valkey take their text from the same
#   function), a server on this machine in place of Qdrant and of the APIs, Pillow 13.0.0, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet litellm==1.110.2 Pillow==13.0.0 \
    fastapi==0.165.0 orjson==3.13.0 soundfile==0.14.0  # which litellm imports at a hit
cd "$folder"
LITELLM_LOCAL_MODEL_COST_MAP=True venv/bin/python - <<'PY'
import base64
import hashlib
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import litellm
from PIL import Image

points, asked = [], []


def vector(text):
    """A text's numbers: the same for the same text only."""
    return [byte / 255 - 0.5 for byte in hashlib.sha512(text.encode()).digest()]


def likeness(one, other):
    def product(left, right):
        return sum(a * b for a, b in zip(left, right, strict=True))

    return product(one, other) / (product(one, one) * product(other, other)) ** 0.5


def answer(path, body):
    if path.endswith("/exists"):
        return {"result": {"exists": True}}
    if path.endswith("/points/search"):
        (wanted,) = body["filter"]["must"]
        found = [
            {"score": likeness(point["vector"], body["vector"]), "payload": point["payload"]}
            for point in points
            if point["payload"][wanted["key"]] == wanted["match"]["value"]
        ]
        return {"result": sorted(found, key=lambda one: -one["score"])[: body["limit"]]}
    if path.endswith("/points"):
        points.extend(body["points"])
    if path.endswith("/embeddings"):
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        rows = [{"object": "embedding", "index": at, "embedding": vector(one)} for at, one in enumerate(texts)]
        return {"object": "list", "model": "e", "data": rows, "usage": {"prompt_tokens": 1, "total_tokens": 1}}
    if path.endswith("/chat/completions"):
        asked.append(body)
        message = {"role": "assistant", "content": f"about picture {len(asked)}"}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        return {"id": f"r{len(asked)}", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
    return {"result": True}


class Answers(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        data = json.dumps(answer(self.path.partition("?")[0], json.loads(body or b"{}"))).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_PUT = do_POST

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
litellm.api_base, litellm.api_key = url, "x"


def picture(colour):
    out = io.BytesIO()
    Image.new("RGB", (64, 64), colour).save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def ask(text, image):
    content = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": image}}]
    reply = litellm.completion("openai/gpt-4o", [{"role": "user", "content": content}], caching=True)
    return reply.choices[0].message.content


def answers():
    asked.clear()
    total = "What is the total of this invoice?"
    seen = [ask(total, picture("red")), ask(total, picture("blue")), ask(total, "https://example.com/3.png")]
    seen.append(ask("Who sent this invoice?", picture("blue")))
    return seen


first, second, third, fourth = (f"about picture {number}" for number in (1, 2, 3, 4))
for name, options, expected in (
    ("local", {}, [first, second, third, fourth]),
    (
        "qdrant-semantic",
        {
            "qdrant_api_base": url,
            "qdrant_collection_name": "answers",
            "similarity_threshold": 0.99,
            "qdrant_semantic_cache_embedding_model": "openai/text-embedding-3-small",
        },
        [first, first, first, second],
    ),
):
    litellm.cache = litellm.Cache(type=name, **options)
    seen = answers()
    print(f"{name}: {', '.join(seen)}; {len(asked)} requests sent")
    assert seen == expected
print("as seen")
PY
