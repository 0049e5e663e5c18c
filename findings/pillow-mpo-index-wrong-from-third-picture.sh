#!/usr/bin/env bash
# Guess: an MPO file of five pictures that Pillow writes has five pictures when Pillow reads it.
# What happens: in the MP index (CIPA DC-007) every size from the third picture on is wrong, and every offset from the
#   fourth. Pillow counts five frames in its own file and raises SyntaxError or ValueError at the fourth.
# Why it matters: tools that count frames by the index, or cut the file at it (stereo and burst files, removal of
#   metadata), lose pictures although all are in the file. Whoever writes MPO must write the index itself, or search
#   for the starts of the pictures when reading.
# Seen with: Pillow 13.0.0, Python 3.11, 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet Pillow==13.0.0
cd "$folder"
venv/bin/python - <<'PY'
from PIL import Image

colours = ("red", "green", "blue", "white", "black")
first, *others = (Image.new("RGB", (64, 48), colour) for colour in colours)
first.save("five.mpo", save_all=True, append_images=others)
data = open("five.mpo", "rb").read()
image = Image.open("five.mpo")
starts = []  # of the index (relative to its own header) and of the pictures that are really there
header = data.index(b"MPF\0") + 4
listed = [entry["DataOffset"] + header for entry in image.mpinfo[0xB002][1:]]
at = 2
while (at := data.find(b"\xff\xd8\xff", at)) >= 0:
    starts.append(at)
    at += 2
read = []
for frame in range(image.n_frames):
    try:
        image.seek(frame)
        image.load()
        read.append("read")
    except (SyntaxError, ValueError) as error:
        read.append(type(error).__name__)
print(f"{image.n_frames} frames; pictures at {starts}, the index says {listed}; {read}")
assert image.n_frames == 5
assert listed[:2] == starts[:2]
assert listed[2:] != starts[2:] and max(listed) > len(data)
assert read == ["read", "read", "read", "SyntaxError", "ValueError"]
print("as seen")
PY
