#!/usr/bin/env bash
# Guess: saving a photo as AVIF with exif=photo.getexif() leaves the photo as it is, as saving it in other formats does.
# What happens: the AVIF file gets the orientation as a property of the format, and the entry is removed from the Exif
#   object that was given, which is the one of the open photo. A file that is saved after it has no orientation, and
#   ImageOps.exif_transpose() of the photo does nothing any more. The bytes of photo.info["exif"] have no such effect.
# Why it matters: a program that writes AVIF and then WebP or JPEG of each photo, or makes the thumbnail afterwards, has
#   upright AVIF files, and all others lie on their side; in another order all are right. Save AVIF last, or transpose
#   first.
# Seen with: Pillow 13.0.0, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet Pillow==13.0.0
cd "$folder"
venv/bin/python - <<'PY'
from PIL import Image, ImageOps

exif = Image.Exif()
exif[0x0112] = 6  # shown after a quarter turn
Image.effect_noise((120, 80), 50).convert("RGB").save("photo.jpg", exif=exif)


def shown(name):
    return ImageOps.exif_transpose(Image.open(name)).size


def written(*formats, as_bytes=False):
    """The shown sizes of the files written in this order, and of the photo itself afterwards."""
    photo = Image.open("photo.jpg")
    for suffix in formats:
        photo.save(f"out.{suffix}", exif=photo.info["exif"] if as_bytes else photo.getexif())
    return [shown(f"out.{suffix}") for suffix in formats], ImageOps.exif_transpose(photo).size


last, first, by_bytes = written("webp", "avif"), written("avif", "webp"), written("avif", "webp", as_bytes=True)
print("the photo is shown as", shown("photo.jpg"))
print("webp, avif:", *last, "\navif, webp:", *first, "\navif, webp, exif as bytes:", *by_bytes)
upright, lying = (80, 120), (120, 80)
assert shown("photo.jpg") == upright
assert last == ([upright, upright], lying)
assert first == ([upright, lying], lying)
assert by_bytes == ([upright, upright], upright)
for suffix in ("webp", "jpg", "png", "tif"):
    exif = Image.open("photo.jpg").getexif()
    Image.new("RGB", (8, 8)).save(f"other.{suffix}", exif=exif)
    assert exif[0x0112] == 6, suffix
print("as seen; WebP, JPEG, PNG and TIFF leave the orientation in place")
PY
