#!/usr/bin/env bash
# Guess: imagesize gives the size of a HEIC or AVIF photo as it is shown, as it does for JPEG and TIFF: it lists both
#   formats and reads their rotation.
# What happens: of every file with a rotation property it gives (-1, -1): it looks for the angle in the fifth byte of a
#   property that has one. get() gives no reason, get_info() raises ValueError; exif_rotation=False changes nothing.
# Why it matters: phones write this property for each photo that is taken upright, so it is no rare variant: half of a
#   folder is taken for damaged or not counted, while the photos in landscape are read.
# Seen with: imagesize 2.0.1, Pillow 13.0.0, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet imagesize==2.0.1 Pillow==13.0.0
cd "$folder"
venv/bin/python - <<'PY'
import imagesize
from PIL import Image, ImageOps

picture = Image.effect_noise((600, 400), 50).convert("RGB")
seen = {}
for suffix in ("jpg", "tif", "avif"):
    for orientation in (1, 3, 6, 8):
        exif = Image.Exif()
        exif[0x0112] = orientation
        name = f"{orientation}.{suffix}"
        picture.save(name, exif=exif)
        shown = ImageOps.exif_transpose(Image.open(name)).size
        seen[name] = imagesize.get(name) == shown, imagesize.get(name), imagesize.get(name, exif_rotation=False)
        print(f"{name}: shown as {shown}, imagesize {seen[name][1]}, without rotation {seen[name][2]}")
wrong = {name: sizes for name, (right, *sizes) in seen.items() if not right}
assert list(wrong) == ["3.avif", "6.avif", "8.avif"], wrong
assert all(sizes == [(-1, -1), (-1, -1)] for sizes in wrong.values())
try:
    imagesize.get_info("6.avif")
    raise AssertionError("get_info() read the rotated file")
except ValueError as error:
    print("as seen; get_info():", error)
PY
