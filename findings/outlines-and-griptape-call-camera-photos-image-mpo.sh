#!/usr/bin/env bash
# Guess: a photo in a file named .jpg that every viewer opens goes to a model as image/jpeg, or as image/png.
# What happens: a JPEG file that has a second picture behind the first, by the index of CIPA DC-007 (a preview, a depth
#   map, the other eye), is a file of the format "MPO" for Pillow. Outlines and Griptape make the media type of that name
#   and send image/mpo. DSPy raises ValueError for the same photo, opened or as bytes. The first bytes are those of a
#   JPEG, and the same photo saved once more is image/jpeg by all three.
# Why it matters: image/mpo is in no list of accepted media types, and the error that says so does not fit the name of the
#   file. Whether a photo has a second picture is the choice of the camera, so that one of a folder fails and the next
#   does not. Open such a file and save it as JPEG, or write the media type yourself.
# Seen with: outlines 1.3.3, griptape 1.13.0, dspy 3.4.1, Pillow 13.0.0, a server on this machine in place of the API,
#   Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet outlines==1.3.3 griptape==1.13.0 dspy==3.4.1 Pillow==13.0.0
cd "$folder"
HOME="$folder" venv/bin/python - <<'PY'
import json
import logging
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dspy
import openai
import outlines
from griptape.configs import Defaults
from griptape.configs.logging import TruncateLoggingFilter
from griptape.drivers.prompt.openai import OpenAiChatPromptDriver
from griptape.loaders import ImageLoader
from griptape.structures import Agent
from PIL import Image

logging.getLogger(Defaults.logging_config.logger_name).setLevel(logging.CRITICAL)
photo = Image.effect_noise((400, 300), 60).convert("RGB")
photo.save("plain.jpg", "JPEG")
photo.save("camera.jpg", "MPO", save_all=True, append_images=[photo.resize((160, 120))])
bodies = []


class Answers(BaseHTTPRequestHandler):
    def do_POST(self):
        bodies.append(self.rfile.read(int(self.headers["content-length"])).decode())
        message = {"role": "assistant", "content": "a photo"}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        reply = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        data = json.dumps({**reply, "usage": usage}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/v1"


def by_outlines(name):
    model = outlines.from_openai(openai.OpenAI(api_key="x", base_url=url), "gpt-4o")
    model(["What is it?", outlines.inputs.Image(Image.open(name))])
    return sent()


def by_griptape(name):
    driver = OpenAiChatPromptDriver(model="gpt-4o", api_key="x", base_url=url, max_attempts=1)
    Agent(prompt_driver=driver).run(["What is it?", ImageLoader().load(name)])
    return sent()


def by_dspy(name):
    try:
        found = [dspy.Image(Image.open(name)), dspy.Image(Path(name).read_bytes())]
    except ValueError as error:
        return str(error)
    return media_type(*{image.url for image in found})


def media_type(text):
    kind, data = re.search("data:([a-z/]+);base64,(.{4})", text).groups()
    assert data == "/9j/"  # the first bytes of a JPEG
    return kind


def sent():
    return media_type(bodies.pop())


for name, expected in (
    ("plain.jpg", ["image/jpeg"] * 3),
    ("camera.jpg", ["image/mpo", "image/mpo", "Could not determine MIME type for image format: MPO"]),
):
    seen = [by_outlines(name), by_griptape(name), by_dspy(name)]
    print(f"{name}: Outlines {seen[0]}, Griptape {seen[1]}, DSPy {seen[2]}")
    assert seen == expected
print("as seen")
PY
