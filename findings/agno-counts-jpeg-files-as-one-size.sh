#!/usr/bin/env bash
# Guess: Agno's token count of an image does not depend on whether the message names its file or has its bytes, and
#   differs between a thumbnail and a photo of 12 megapixels.
# What happens: of a file only the first 100 bytes are read, and the size of a JPEG is stored behind them. Each JPEG file
#   counts as 1024x1024 px, 765 tokens, without a warning; the same bytes as content count right. So do PNG, GIF and
#   WebP files, and, as content too, no JPEG whose format is given as "jpg".
# Why it matters: the count decides when results of tools are compressed to fit the context. Pages of a scan, 1105 tokens
#   each by the same formula, are counted a third too low, and small crops three times too high.
# Seen with: agno 3.1.10, Pillow 13.0.0, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet agno==3.1.10 Pillow==13.0.0
cd "$folder"
AGNO_TELEMETRY=false venv/bin/python - <<'PY'
from pathlib import Path

from agno.media import Image
from agno.utils.tokens import count_image_tokens
from PIL import Image as Picture

seen = {}
for size in ((200, 150), (1240, 1754), (4000, 3000)):
    for suffix in ("jpg", "png", "webp"):
        path = Path(f"picture.{suffix}")
        Picture.new("RGB", size).save(path)
        by_name = count_image_tokens(Image(filepath=path))
        by_bytes = count_image_tokens(Image(content=path.read_bytes()))
        by_format = count_image_tokens(Image(content=path.read_bytes(), format=suffix))
        seen[size, suffix] = by_name, by_bytes, by_format
        print(f"{size[0]}x{size[1]} {suffix}: file {by_name}, bytes {by_bytes}, bytes with format {by_format} tokens")
for (size, suffix), counts in seen.items():
    expected = {(200, 150): 255, (1240, 1754): 1105, (4000, 3000): 765}[size]
    assert counts == ((765, expected, 765) if suffix == "jpg" else (expected,) * 3), (size, suffix)
print("as seen")
PY
