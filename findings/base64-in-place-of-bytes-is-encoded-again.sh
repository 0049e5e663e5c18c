#!/usr/bin/env bash
# Guess: an SDK whose parameter is typed as bytes refuses a text, so that base64 given to it by mistake is an error; and
#   the same base64 as a text or as bytes is treated alike.
# What happens: boto3 takes a text for a blob without a word and encodes it once more. google-genai takes base64 as it is
#   if it is a text, and encodes it once more if the same characters are bytes, as b64encode returns them.
# Why it matters: every other API takes base64 in its body, so code that moves to Bedrock or Gemini gives it to them too.
#   What is sent is well-formed base64 of a third more bytes and no image; the API answers that it cannot process the
#   image, which looks like a damaged file.
# Seen with: boto3 1.44.8, google-genai 3.6.1, a server on this machine in place of the APIs, Python 3.11, 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet boto3==1.44.8 google-genai==3.6.1
"$folder/venv/bin/python" - <<'PY'
import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from google import genai
from google.genai import types

bodies = []


class Answers(BaseHTTPRequestHandler):
    """Keeps each body and answers with an empty object."""

    def do_POST(self):
        bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}"
keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-east-1"}
bedrock = boto3.client("bedrock-runtime", endpoint_url=url, **keys)
gemini = genai.Client(api_key="x", http_options=types.HttpOptions(base_url=url))
image = b"\x89PNG\r\n\x1a\n" + bytes(40)


def sent_by_boto3(data):
    content = [{"image": {"format": "png", "source": {"bytes": data}}}, {"text": "What is it?"}]
    bedrock.converse(modelId="us.amazon.nova-2-lite-v1:0", messages=[{"role": "user", "content": content}])
    return bodies[-1]["messages"][0]["content"][0]["image"]["source"]["bytes"]


def sent_by_google(data):
    part = types.Part(inline_data=types.Blob(data=data, mime_type="image/png"))
    gemini.models.generate_content(model="gemini-3.5-flash", contents=[part])
    return bodies[-1]["contents"][0]["parts"][0]["inlineData"]["data"]


def levels(text):
    """How many times the image was encoded."""
    count, data = 0, text.encode()
    while data != image:
        count, data = count + 1, base64.urlsafe_b64decode(data.replace(b"+", b"-").replace(b"/", b"_"))
    return count


expected = {"boto3": (1, 2, 2), "google-genai": (1, 1, 2)}
for name, sent in {"boto3": sent_by_boto3, "google-genai": sent_by_google}.items():
    encoded = base64.b64encode(image)
    found = tuple(levels(sent(data)) for data in (image, encoded.decode(), encoded))
    print(f"{name}: bytes {found[0]}, base64 as a text {found[1]}, base64 as bytes {found[2]} times encoded")
    assert found == expected[name]
print("as seen")
PY
