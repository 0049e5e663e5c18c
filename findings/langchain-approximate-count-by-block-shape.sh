#!/usr/bin/env bash
# Guess: LangChain's approximate token counter charges an image the same small amount in every block shape that
#   its own integrations accept.
# What happens: OpenAI chat, Anthropic and LangChain's standard blocks count about 85 tokens whatever the size. The
#   same JPEG in an OpenAI Responses block, a Google media block, a Bedrock Converse block, or as a file block is
#   counted as text: a quarter of its base64 characters, for Converse a quarter of the printed bytes.
# Why it matters: trim_messages and summarization count with it. One 470 kB photo is 157,000 to 336,000 "tokens" in
#   these shapes, so a whole conversation is trimmed for an image that costs about 800; and in the other shapes a
#   4000x3000 image is taken for 85 tokens, too low by up to 55 times.
# Seen with: langchain-core 1.8.3, Pillow 13.0.0, Python 3.11, 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet langchain-core==1.8.3 Pillow==13.0.0
"$folder/venv/bin/python" - <<'PY'
import base64
import io

from langchain_core.messages import HumanMessage
from langchain_core.messages.utils import count_tokens_approximately
from PIL import Image


def photo(width, height):
    out = io.BytesIO()
    Image.effect_noise((width, height), 80).convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


def blocks(raw):
    data = base64.b64encode(raw).decode()
    uri = "data:image/jpeg;base64," + data
    return {
        "openai chat": {"type": "image_url", "image_url": {"url": uri}},
        "standard": {"type": "image", "base64": data, "mime_type": "image/jpeg"},
        "anthropic": {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": data}},
        "openai responses": {"type": "input_image", "image_url": uri},
        "google media": {"type": "media", "mime_type": "image/jpeg", "data": data},
        "bedrock converse": {"image": {"format": "jpeg", "source": {"bytes": raw}}},
    }


small, large = photo(200, 200), photo(1000, 600)
base64_length = -(-len(large) // 3) * 4
counts = {}
for name in blocks(large):
    counts[name] = [count_tokens_approximately([HumanMessage([blocks(raw)[name]])]) for raw in (small, large)]
    print(f"{name:18} 200x200: {counts[name][0]:>8,}   1000x600: {counts[name][1]:>8,}")
for name in ("openai chat", "standard", "anthropic"):
    assert counts[name][0] == counts[name][1] < 100, name
for name in ("openai responses", "google media"):
    assert 0 <= counts[name][1] - base64_length / 4 < 100, name
assert counts["bedrock converse"][1] > base64_length / 4
print("as seen: three shapes count a fixed amount, three count the data as text")
PY
