#!/usr/bin/env bash
# Guess: MarkItDown has the pictures of a presentation described as its slides show them.
# What happens: the model gets the file that was inserted. What PowerPoint's crop took away is in the request, and a
#   picture that is turned on the slide arrives as it was before. With keep_data_uris=True the whole picture is in the
#   Markdown too.
# Why it matters: crop is how people take the rest of a screenshot off a slide. What nobody sees there is sent to a
#   provider and billed, and what the caption says of it ends in a search index. Render the slides, or delete the
#   cropped areas with Compress Pictures before.
# Seen with: markitdown 0.1.9, python-pptx 1.0.2, Pillow 13.0.0, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet 'markitdown[pptx]==0.1.9' python-pptx==1.0.2 Pillow==13.0.0
cd "$folder"
venv/bin/python - <<'PY'
import base64
import io
from types import SimpleNamespace

from markitdown import MarkItDown
from PIL import Image
from pptx import Presentation
from pptx.util import Inches

picture = Image.new("RGB", (400, 200), "white")
picture.paste("red", (0, 0, 200, 200))
picture.save("picture.png")
talk = Presentation()
slide = talk.slides.add_slide(talk.slide_layouts[6])
slide.shapes.add_picture("picture.png", 0, 0, Inches(4)).crop_left = 0.5  # the white half stays
slide.shapes.add_picture("picture.png", 0, Inches(3), Inches(4)).rotation = 90
talk.save("talk.pptx")
sent = []


def create(model, messages):
    """Keeps the picture, and answers."""
    url = next(part["image_url"]["url"] for part in messages[0]["content"] if part["type"] == "image_url")
    image = Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")
    sent.append((image.size, image.getpixel((5, 5))))
    return SimpleNamespace(choices=[SimpleNamespace(message=SimpleNamespace(content="a caption"))])


client = SimpleNamespace(chat=SimpleNamespace(completions=SimpleNamespace(create=create)))
text = MarkItDown(llm_client=client, llm_model="any").convert("talk.pptx").markdown
for what, (size, corner) in zip(("cropped", "turned"), sent, strict=True):
    print(f"{what} picture: sent {size[0]}x{size[1]}, the pixel at the top left is {corner}")
assert text.count("a caption") == 2
assert sent == [((400, 200), (255, 0, 0))] * 2
assert open("picture.png", "rb").read() in [
    base64.b64decode(part.partition(")")[0])
    for part in MarkItDown().convert("talk.pptx", keep_data_uris=True).markdown.split("base64,")[1:]
]
print("as seen")
PY
