#!/usr/bin/env bash
# Guess: datasets stores the pixels of a Pillow image that it is given, whatever was done to it before.
# What happens: an image that was opened from a file still has the file's name; then the file is stored and the pixels
#   are not looked at. What was changed in place is lost, in from_dict() and in a function for map(): the box drawn over
#   a name, thumbnail(). What has no file name is stored as it is: a copy, an image of a column of bytes, and in map()
#   also a photo with an EXIF orientation, as applying it made a new image.
# Why it matters: the published dataset shows what was covered, and has the size and the tokens that the images were
#   reduced from; a test with upright photos of a phone passes. Edit a copy, and look at what was written.
# Seen with: datasets 5.2.0, pyarrow 26.0.1, Pillow 13.0.0, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1 Pillow==13.0.0
cd "$folder"
HF_HOME="$folder/home" HF_HUB_OFFLINE=1 HF_DATASETS_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PY'
import io

from datasets import Dataset, load_from_disk
from datasets import Image as ImageColumn
from PIL import Image, ImageDraw

exif = Image.Exif()
exif[0x0112] = 6  # shown after a quarter turn
Image.new("RGB", (600, 400), "white").save("page.jpg")
Image.new("RGB", (600, 400), "white").save("photo.jpg", exif=exif)


def covered(image):
    ImageDraw.Draw(image).rectangle((0, 0, 100, 40), fill="black")
    return image


def reduced(image):
    image.thumbnail((60, 60))
    return image


def given(image):
    return Dataset.from_dict({"image": [image]})


def mapped(name, edit):
    """The edit as a function for map(), on a column of files, or of bytes."""
    with open("page.jpg", "rb") as file:
        rows = {"bytes": [{"bytes": file.read(), "path": None}]}.get(name, [name])
    column = Dataset.from_dict({"image": rows}).cast_column("image", ImageColumn())
    return column.map(lambda row: {"image": edit(row["image"])}, load_from_cache_file=False)


def stored(dataset):
    """The size of the image that is saved, and whether its corner is covered."""
    dataset.save_to_disk("saved")
    image = Image.open(io.BytesIO(load_from_disk("saved").data.to_pylist()[0]["image"]["bytes"]))
    return max(image.size), image.convert("L").getpixel((5, 5)) < 9


def opened():
    return Image.open("page.jpg")


seen = {}
for what, dataset, expected in (
    ("given, covered in place", given(covered(opened())), (600, False)),
    ("given, reduced in place", given(reduced(opened())), (600, False)),
    ("given, copy covered", given(covered(opened().copy())), (600, True)),
    ("given, copy reduced", given(reduced(opened().copy())), (60, False)),
    ("map(), covered in place", mapped("page.jpg", covered), (600, False)),
    ("map(), reduced in place", mapped("page.jpg", reduced), (600, False)),
    ("map(), photo with orientation covered", mapped("photo.jpg", covered), (600, True)),
    ("map(), image from bytes covered", mapped("bytes", covered), (600, True)),
):
    edge, is_covered = stored(dataset)
    print(f"{what}: stored with {edge} px, {'covered' if is_covered else 'not covered'}")
    assert (edge, is_covered) == expected, expected
print("as seen")
PY
