#!/usr/bin/env bash
# Guess: difPy's mean squared error is 65025 between black and white, the largest that there is, and 0 only for pictures
#   that are the same at 50x50 px.
# What happens: differences and squares are computed in bytes and wrap around. Black and white are 1 apart, and up to 5
#   is "similar": a dark slide with one word and a light one with another are a pair. A multiple of 16 is no difference
#   at all: a black picture and a grey one of 16 or 128 are "duplicates", the strictest choice, with an error of 0.
# Why it matters: what difPy reports is what people delete (-d does it for them), and the pairs with an error of 0 look
#   safest. Compare what it names by another measure before, copies by their bytes.
# Seen with: difPy 4.2.1, Pillow 13.0.0, numpy 2.4.6, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet difPy==4.2.1 Pillow==13.0.0 numpy==2.4.6
cd "$folder"
cat > look.py <<'PY'
from pathlib import Path

import difPy
from PIL import Image, ImageDraw, ImageFont


def groups(similarity, **pictures):
    """Which of the pictures difPy puts together, with the errors."""
    folder = Path("pictures")
    folder.mkdir()
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.png")
    built = difPy.build(str(folder), show_progress=False, processes=1)
    found = difPy.search(built, similarity=similarity, show_progress=False, processes=1).result
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    return [
        {Path(first).stem, *(Path(path).stem for path, _ in others)} | {round(float(error), 1) for _, error in others}
        for first, others in found.items()
    ]


def plain(grey):
    return Image.new("RGB", (200, 200), (grey,) * 3)


def slide(text, ink, paper):
    picture = Image.new("RGB", (960, 720), paper)
    ImageDraw.Draw(picture).text((60, 60), text, fill=ink, font=ImageFont.load_default(30))
    return picture


if __name__ == "__main__":
    for similarity, expected, pictures in (
        ("similar", [{"black", "white", 1.0}], {"black": plain(0), "white": plain(255), "grey": plain(100)}),
        ("duplicates", [{"black", "dark", "grey", 0.0}], {"black": plain(0), "dark": plain(16), "grey": plain(128)}),
        ("similar", [], {"black": plain(0), "nearly": plain(3)}),
    ):
        seen = groups(similarity, **pictures)
        print(f"{similarity} among {', '.join(pictures)}: {seen}")
        assert seen == expected
    pair = {"results": slide("Results", "white", "black"), "thanks": slide("Thank you", "black", "white")}
    seen = groups("similar", **pair)
    print(f"similar among two slides: {seen}")
    assert [group & set(pair) for group in seen] == [set(pair)]
    print("as seen")
PY
venv/bin/python look.py
