#!/usr/bin/env bash
# Guess: base64.b64decode() of an image in a history that Pydantic AI wrote gives the image, or an error.
# What happens: the history has base64 of the alphabet for URLs, with - and _ in place of + and /. b64decode() leaves out
#   characters that it does not know, and each one shifts all that follow: half of 200 images are decoded to wrong
#   bytes without an error, for the others it raises, none is right. What Pydantic AI sends has the usual alphabet.
# Why it matters: viewers, evaluations and exports of sessions read the JSON themselves, and the images that they get
#   look as if they had been damaged before. Decode with urlsafe_b64decode(), or let ModelMessagesTypeAdapter read the
#   file.
# Seen with: pydantic-ai-slim 2.38.0, Pillow 13.0.0, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pydantic-ai-slim==2.38.0 Pillow==13.0.0
"$folder/venv/bin/python" - <<'PY'
import base64
import binascii
import io
import json
import random

from PIL import Image
from pydantic_ai.messages import BinaryContent, ModelMessagesTypeAdapter, ModelRequest, UserPromptPart

random.seed(5)
found = {"right": 0, "wrong bytes": 0, "error": 0}
for _ in range(200):
    picture = Image.frombytes("L", (40, 30), random.randbytes(1200)).resize((80, 60))
    out = io.BytesIO()
    picture.save(out, "JPEG")
    image = BinaryContent(out.getvalue(), media_type="image/jpeg")
    messages = [ModelRequest(parts=[UserPromptPart(content=["What is it?", image])])]
    history = ModelMessagesTypeAdapter.dump_json(messages)
    text = json.loads(history)[0]["parts"][0]["content"][1]["data"]
    assert base64.urlsafe_b64decode(text) == image.data
    assert image.data_uri == "data:image/jpeg;base64," + base64.b64encode(image.data).decode()
    try:
        found["right" if base64.b64decode(text) == image.data else "wrong bytes"] += 1
    except binascii.Error:
        found["error"] += 1
print(f"b64decode() of {sum(found.values())} images in histories: {found}")
assert found["right"] == 0 and found["wrong bytes"] > 50 and found["error"] > 50
print("as seen")
PY
