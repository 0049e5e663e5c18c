#!/usr/bin/env bash
# Guess: which pictures difPy calls duplicates does not depend on how many others are in the folder.
# What happens: up to 5000 images it compares the pixels. Above that, each two whose shrunken pixels have the same sum are
#   duplicates with an error of 0, a picture and its mirror image among them, in spite of rotate=False. Alone in a folder
#   the same two are not reported.
# Why it matters: large folders are the reason to deduplicate at all, and those for training hold mirrored copies on
#   purpose. They are deleted as exact duplicates, and a trial with a sample shows nothing. Work in parts of at most
#   5000, or compare bytes.
# Seen with: difPy 4.2.1, Pillow 13.0.0, numpy 2.4.6, Python 3.11, 2026-11-30; it takes a minute or two.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet difPy==4.2.1 Pillow==13.0.0 numpy==2.4.6
cd "$folder"
cat > look.py <<'PY'
import random
from pathlib import Path

import difPy
from PIL import Image, ImageOps


def pairs(folder):
    """What is reported of the picture and its mirror image, without rotation."""
    built = difPy.build(folder, show_progress=False, processes=1, px_size=10)
    found = difPy.search(built, rotate=False, show_progress=False, processes=1).result
    return sorted(
        (Path(first).stem, Path(second).stem, float(error))
        for first, others in found.items()
        for second, error in others
        if {Path(first).stem, Path(second).stem} & {"picture", "mirrored"}
    )


if __name__ == "__main__":
    random.seed(1)
    picture = Image.frombytes("RGB", (40, 30), random.randbytes(3600))
    seen = {}
    for folder, others in (("few", 1), ("many", 4999)):
        Path(folder).mkdir()
        picture.save(f"{folder}/picture.png")
        ImageOps.mirror(picture).save(f"{folder}/mirrored.png")
        for at in range(others):
            Image.new("RGB", (10, 10), (at % 256, at // 256, 7)).save(f"{folder}/{at}.png")
        seen[folder] = pairs(folder)
        print(f"{others + 2} images: {seen[folder]}")
    assert seen["few"] == []
    assert [(sorted(names), error) for *names, error in seen["many"]] == [(["mirrored", "picture"], 0.0)]
    print("as seen")
PY
venv/bin/python look.py
