#!/usr/bin/env bash
# Guess: smolagents sends a photo that was opened from a JPEG file in about as many bytes as the file has.
# What happens: every image is encoded as PNG, so a photo takes four times the bytes of its JPEG file. The EXIF
#   orientation is neither applied nor kept, so a portrait photo from a phone arrives lying on its side.
# Why it matters: a 2.5 MB photo becomes over 10 MB, and the base64 exceeds the limit of the Messages API; agents send
#   their images again with each step. Resize, and bake the orientation in, before the image is handed over.
# Seen with: smolagents 1.26.0, Pillow 13.0.0, Python 3.11, 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet smolagents==1.26.0 Pillow==13.0.0
cd "$folder"
venv/bin/python - <<'PY'
import base64
import io
import os

from PIL import Image
from smolagents.models import ChatMessage, MessageRole, get_clean_message_list

exif = Image.Exif()
exif[0x0112] = 6  # shown after a quarter turn
Image.effect_noise((1200, 800), 60).convert("RGB").save("portrait.jpg", exif=exif, quality=85)
message = ChatMessage(role=MessageRole.USER, content=[{"type": "image", "image": Image.open("portrait.jpg")}])
(cleaned,) = get_clean_message_list([message], convert_images_to_image_urls=True)
url = cleaned["content"][0]["image_url"]["url"]
data = base64.b64decode(url.split(",")[1])
sent = Image.open(io.BytesIO(data))
ratio = len(data) / os.path.getsize("portrait.jpg")
print(f"sent as {sent.format} {sent.size}, orientation {sent.getexif().get(0x0112)}, {ratio:.1f} times the file's bytes")
assert (sent.format, sent.size, sent.getexif().get(0x0112)) == ("PNG", (1200, 800), None)
assert ratio > 2
print("as seen")
PY
