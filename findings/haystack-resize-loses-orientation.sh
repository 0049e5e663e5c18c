#!/usr/bin/env bash
# Guess: Haystack's ImageContent gives the model the same picture with `size=` as without it, only smaller.
# What happens: without `size` the file's bytes go out unchanged, with their EXIF orientation. With `size` the stored
#   pixels are scaled and written without EXIF, and the orientation is not applied: a portrait photo from a phone
#   arrives lying on its side, 600x400 instead of 400x600, and nothing is left that says so.
# Why it matters: `size` is what one sets to save tokens. Text and faces of rotated photos are then misread, and
#   coordinates come back for the turned picture. Bake the orientation in before the image is handed over.
# Seen with: haystack-ai 3.4.1, Pillow 13.0.0, Python 3.11, 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet haystack-ai==3.4.1 Pillow==13.0.0
cd "$folder"
HAYSTACK_TELEMETRY_ENABLED=False venv/bin/python - <<'PY'
import base64
import io

from haystack.dataclasses import ImageContent
from PIL import Image, ImageOps

exif = Image.Exif()
exif[0x0112] = 6  # shown after a quarter turn
Image.effect_noise((1200, 800), 60).convert("RGB").save("portrait.jpg", exif=exif)


def outgoing(**options):
    content = ImageContent.from_file_path("portrait.jpg", **options)
    image = Image.open(io.BytesIO(base64.b64decode(content.base64_image)))
    return image.size, image.getexif().get(0x0112), ImageOps.exif_transpose(image).size


plain, resized = outgoing(), outgoing(size=(600, 600))
for name, (size, orientation, shown) in (("unchanged", plain), ("size=(600, 600)", resized)):
    print(f"{name:16} stored {size}, orientation {orientation}, shown as {shown}")
assert plain == ((1200, 800), 6, (800, 1200))
assert resized == ((600, 400), None, (600, 400))
print("as seen")
PY
