#!/usr/bin/env bash
# Guess: CleanVision's blurry check finds a page whose print nobody can read any more, at the latest at a blur of 8 px.
# What happens: it shrinks each picture to 64 px before it looks for edges, and the blur is gone there. A page of print of
#   22 px blurred by 8 px gets nearly the score of the page itself, and a picture of 1600 px blurred by 16 is not reported
#   either. What it reports is the sharp page, for little information, and none of the unreadable ones, which have more
#   grey levels.
# Why it matters: scans and screenshots are filtered with it before a model is trained on them, and the unreadable ones
#   stay. Look for blur at the size that the model gets, with imgbudget's IB901 or the variance of a Laplacian.
# Seen with: cleanvision 0.3.7, Pillow 13.0.0, numpy 2.4.6, Python 3.11, 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet cleanvision==0.3.7 Pillow==13.0.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PY'
import os
import random

from cleanvision import Imagelab
from PIL import Image, ImageDraw, ImageFilter, ImageFont

chance = random.Random(1)
os.mkdir("pictures")


def page():
    image = Image.new("RGB", (1240, 1754), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(22)
    for y in range(100, 1650, 34):
        words = ("".join(chance.choices("abcdefghijklmnop", k=chance.randint(2, 9))) for _ in range(14))
        draw.text((100, y), " ".join(words), font=font, fill="black")
    return image


def objects():
    small = Image.frombytes("RGB", (24, 18), chance.randbytes(24 * 18 * 3))
    image = small.resize((1600, 1200), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(400):
        x, y, radius = chance.randrange(1600), chance.randrange(1200), chance.randrange(4, 60)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=tuple(chance.randbytes(3)))
    return image


for name, image in (("objects", objects()), ("page", page())):
    for blur in (0, 2, 4, 8, 16):
        image.filter(ImageFilter.GaussianBlur(blur)).save(f"pictures/{name}-{blur:02}.png")
lab = Imagelab(data_path="pictures")
lab.find_issues({"blurry": {}, "low_information": {}}, n_jobs=1, verbose=False)
table = lab.issues
table.index = [os.path.basename(path)[:-4] for path in table.index]
print(table.to_string())
assert not table["is_blurry_issue"].any()
score = table["blurry_score"]
assert score["page-00"] - score["page-08"] < 0.05
assert score["objects-00"] - score["objects-04"] < 0.05
assert list(table.index[table["is_low_information_issue"]]) == ["page-00"]
print("as seen")
PY
