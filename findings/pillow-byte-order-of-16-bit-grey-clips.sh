#!/usr/bin/env bash
# Guess: convert("I;16B") of a picture of mode "I;16" changes the byte order of its samples, and nothing else: both are
#   16-bit grey, and Pillow documents the letter as the byte order.
# What happens: every sample over 255 becomes 255, in both directions, without an error or a warning. Through mode "I"
#   the samples stay as they are. getextrema() of the big-endian mode raises ValueError; resize() and rotate() keep
#   all 16 bits.
# Why it matters: big-endian TIFF files (scanners, microscopes, astronomy) open as "I;16B". Code that first converts
#   them to the mode it supports has two levels left of a 12-bit picture: a white page. Convert to "I" first.
# Seen with: Pillow 13.0.0, Python 3.11, 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet Pillow==13.0.0
cd "$folder"
venv/bin/python - <<'PY'
import struct

from PIL import Image

levels = [0, 200, 256, 4095]


def read(image):
    return [image.getpixel((x, 0)) for x in range(len(levels))]


def expect(what, found, wanted):
    print(f"{what}: {found}")
    assert found == wanted, f"changed: was {wanted}"


little = Image.frombytes("I;16", (4, 1), struct.pack("<4H", *levels))
big = Image.frombytes("I;16B", (4, 1), struct.pack(">4H", *levels))
expect("both hold", [read(little), read(big)], [levels, levels])
expect("little to big", read(little.convert("I;16B")), [0, 200, 255, 255])
expect("big to little", read(big.convert("I;16")), [0, 200, 255, 255])
expect("big to little through I", read(big.convert("I").convert("I;16")), levels)
expect("resized and turned", read(big.resize((4, 1)).rotate(180)), levels[::-1])
try:
    extrema = big.getextrema()
except ValueError as error:
    extrema = type(error).__name__
expect("extrema of both", [little.getextrema(), extrema], [(0, 4095), "ValueError"])
PY
