#!/usr/bin/env bash
# Guess: LiteLLM raises, or says that it does not know, when it cannot read the size of an image that is to be counted.
# What happens: AVIF, BMP, TIFF and JPEG 2000 are counted as 300x300 px, 255 tokens, whatever their size, without an
#   error or a warning.
# Why it matters: a 4000x3000 AVIF from a phone or a scan as TIFF is predicted three times too low where a gateway
#   converts it, and the same number hides that the API refuses the format at all.
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


def tokens(width, height, kind):
    out = io.BytesIO()
    Image.new("RGB", (width, height)).save(out, kind)
    uri = f"data:image/{kind.lower()};base64," + base64.b64encode(out.getvalue()).decode()
    return calculate_img_tokens(uri, "high")


for kind in ("PNG", "AVIF", "BMP", "TIFF", "JPEG2000"):
    counts = [tokens(64, 64, kind), tokens(2000, 1500, kind)]
    print(f"{kind:8} 64x64: {counts[0]} tokens, 2000x1500: {counts[1]} tokens")
    assert (counts == [255, 255]) == (kind != "PNG"), kind
print("as seen")
PY
