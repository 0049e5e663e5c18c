#!/usr/bin/env bash
# Guess: LiteLLM's count for OpenAI's tile models only ever shrinks an image, as its limits are upper bounds.
# What happens: while both edges are at most 768 px the size is kept. Once the long edge is longer, the short edge is
#   scaled to 768 px even where that enlarges the image: 1000x600 is counted as 1280x768 (6 tiles, 1105 tokens; the
#   image itself has 4 tiles, 765 tokens), 1200x400 as 2000x666 (8 tiles, 1445 tokens, instead of 3 and 595).
# Why it matters: banners, strips and small screenshots are predicted up to 2.4 times too high, so budgets refuse
#   requests that fit, and a comparison of providers by these counts comes out wrong. Compare with what is billed.
# Seen with: litellm 1.110.2, Pillow 13.0.0, Python 3.11, 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet litellm==1.110.2 Pillow==13.0.0
LITELLM_LOCAL_MODEL_COST_MAP=True "$folder/venv/bin/python" - <<'PY'
import base64
import io

from litellm.litellm_core_utils.token_counter import calculate_img_tokens
from PIL import Image


def tokens(width, height):
    out = io.BytesIO()
    Image.new("RGB", (width, height)).save(out, "PNG")
    uri = "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()
    return calculate_img_tokens(uri, "high")


seen = {size: tokens(*size) for size in ((768, 600), (800, 100), (1000, 600), (1200, 400))}
for (width, height), count in seen.items():
    tiles = -(-width // 512) * -(-height // 512)
    print(f"{width}x{height}: {count} tokens; the tiles of the size itself: {tiles}, {85 + 170 * tiles} tokens")
assert seen == {(768, 600): 765, (800, 100): 765, (1000, 600): 1105, (1200, 400): 1445}, seen
print("as seen")
PY
