#!/usr/bin/env bash
# Guess: Pillow opens an AVIF file that has a clean aperture ("clap", the crop of the format) cropped: it takes care of
#   the rotation of the format too, and pillow-heif applies both.
# What happens: the picture is opened whole, with the size before the crop and no sign of it in `info`, so that no code
#   can apply it. A file that sharp (libheif) opens as 200x200 is 400x200 in Pillow, with the half that was cut off.
# Why it matters: avifenc --crop writes such files. Code that opens them with Pillow sends the model what was cut off,
#   pays for it, and gets boxes that fit another picture than the one that others see.
# Seen with: Pillow 13.0.0 (its own AVIF reader), sharp 0.35.5, Node 20.20.2, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet Pillow==13.0.0
cd "$folder"
npm install --silent --no-audit --no-fund sharp@0.35.5
venv/bin/python - <<'PY'
import io
import struct
from pathlib import Path

from PIL import Image

picture = Image.new("RGB", (400, 200), "blue")
picture.paste("red", (0, 0, 200, 200))
out = io.BytesIO()
picture.save(out, "AVIF", quality=90)
data = bytearray(out.getvalue())


def start(name):
    return data.index(name) - 4


def longer(name, count):
    """The box says that it has so many bytes more."""
    struct.pack_into(">I", data, start(name), struct.unpack_from(">I", data, start(name))[0] + count)


# A clean aperture of 200x200 whose centre is 100 px left of the middle, as the fifth property of the picture.
aperture = struct.pack(">I4s4I2i2i", 40, b"clap", 200, 1, 200, 1, -100, 1, 0, 1)
of_picture = start(b"ipma") + 18  # the number of its properties
assert data[of_picture : of_picture + 5] == b"\4\1\2\x83\4"
data[of_picture : of_picture + 5] = b"\5\1\2\x83\4\x85"
data[start(b"ipma") : start(b"ipma")] = aperture
longer(b"ipma", 1)
longer(b"ipco", len(aperture))
longer(b"iprp", len(aperture) + 1)
longer(b"meta", len(aperture) + 1)
pixels = struct.pack(">I", out.getvalue().index(b"mdat") + 4)
at = data.index(pixels, start(b"iloc"))
struct.pack_into(">I", data, at, data.index(b"mdat") + 4)
Path("cropped.avif").write_bytes(data)

with Image.open("cropped.avif") as image:
    corners = [image.convert("RGB").getpixel((x, 100)) for x in (10, image.width - 10)]
    print(f"Pillow: {image.width}x{image.height}, left {corners[0]}, right {corners[1]}, info {sorted(image.info)}")
    assert image.size == (400, 200)
    assert corners[0][0] > 200 and corners[1][2] > 200
    assert not any("crop" in key or "clap" in key for key in image.info)
PY
cat > look.mjs <<'JS'
import assert from 'node:assert'
import sharp from 'sharp'

const {data, info} = await sharp('cropped.avif').raw().toBuffer({resolveWithObject: true})
const right = [...data.subarray((info.width - 10) * info.channels, (info.width - 9) * info.channels)]
console.log(`sharp: ${info.width}x${info.height}, right (${right})`)
assert.deepEqual([info.width, info.height], [200, 200])
assert.ok(right[0] > 200)
console.log('as seen')
JS
node look.mjs
