#!/usr/bin/env bash
# Guess: mistral-common shrinks an image for the model as every viewer does, so that a thin line of a form or a drawing
#   becomes a pale line.
# What happens: each pixel of the result is computed from 4x4 pixels of the original, however far the image is shrunk
#   (cubic interpolation of OpenCV, which does not average). From 6000 to 1024 px, 34 of 50 equal lines of 1 px are gone
#   without a trace, 8 are black, and the others are in between; from the height of A4 at 300 dpi 18 of 44 are gone.
#   Pillow's resize keeps them all.
# Why it matters: Mistral's open models get their images from it. Which line of a table, a staff or a plan is left
#   depends on its position, and a look at a copy that was shrunk otherwise does not show it. Shrink to the limit of
#   the model with Pillow before.
# Seen with: mistral-common 1.13.1, opencv-python-headless 5.0.0.93, numpy 2.3.5, Pillow 13.0.0, Python 3.11,
#   2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet mistral-common==1.13.1 opencv-python-headless==5.0.0.93 numpy==2.3.5 \
    Pillow==13.0.0
"$folder/venv/bin/python" - <<'PY'
import numpy
from mistral_common.protocol.instruct.chunk import ImageChunk
from mistral_common.tokens.tokenizers.image import (
    DATASET_MEAN,
    DATASET_STD,
    ImageEncoder,
    MultiModalVersion,
    SpecialImageIDs,
)
from PIL import Image, ImageDraw

encoder = ImageEncoder(MultiModalVersion.m1.config, SpecialImageIDs(10, 11, 12))


def lines(edge, distance):
    """How many lines there are, are gone and are black at the size of the model, and the palest one by Pillow."""
    page = Image.new("RGB", (edge, edge), "white")
    draw = ImageDraw.Draw(page)
    tops = range(7, edge, distance)
    for top in tops:
        draw.line((0, top, edge, top), fill="black")
    sent = encoder(ImageChunk(image=page)).image[0] * DATASET_STD[0] + DATASET_MEAN[0]
    rows = {"model": sent.mean(axis=1) * 255}
    size = len(rows["model"])
    rows["Pillow"] = numpy.asarray(page.convert("L").resize((size, size), Image.Resampling.BICUBIC)).mean(axis=1)

    def darkest(grey, top):
        at = top * size // edge
        return grey[max(0, at - 2) : at + 3].min()

    seen = {name: [darkest(grey, top) for top in tops] for name, grey in rows.items()}
    gone, black = sum(grey > 250 for grey in seen["model"]), sum(grey < 64 for grey in seen["model"])
    palest = max(seen["Pillow"])
    print(f"{edge} px: {len(tops)} lines, {gone} gone, {black} black; by Pillow the palest has {palest:.0f} of 255")
    assert palest < 240
    return len(tops), gone, black


assert lines(6000, 120) == (50, 34, 8)
assert lines(3508, 80) == (44, 18, 10)
assert lines(1024, 40)[1] == 0
print("as seen")
PY
