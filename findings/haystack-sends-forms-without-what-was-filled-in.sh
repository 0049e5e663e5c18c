#!/usr/bin/env bash
# Guess: the pages of a PDF that Haystack prepares for a vision model, and page images of pdfplumber, show what a viewer
#   shows, the values in the fields of a form among them.
# What happens: the form is empty. Both render with pypdfium2 and leave out init_forms(), without which it draws all but
#   the fields: labels, lines and comments are there, the typed text, the chosen entry and the tick are not. There is no
#   error and no warning. With init_forms() pypdfium2 draws them, and so does PyMuPDF.
# Why it matters: a filled-in form is a usual thing to ask a model about. The page looks complete, and the answer is that
#   nothing was filled in; the text layer has no values either. Flatten such files first, or render them with PyMuPDF.
# Seen with: haystack-ai 3.4.1, pdfplumber 0.11.10, pypdfium2 5.15.2, PyMuPDF 2.0, Pillow 13.0.0, Python 3.11,
#   2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet haystack-ai==3.4.1 pdfplumber==0.11.10 pypdfium2==5.15.2 PyMuPDF==2.0 \
    Pillow==13.0.0
cd "$folder"
HAYSTACK_TELEMETRY_ENABLED=False venv/bin/python - <<'PY'
import base64
import io

import pdfplumber
import pymupdf
import pypdfium2
from haystack.components.converters.image import PDFToImageContent
from PIL import Image

AREAS = {"label": (10, 20, 75, 60), "text": (85, 25, 375, 55), "choice": (85, 75, 375, 105), "tick": (82, 122, 108, 148)}
document = pymupdf.open()
page = document.new_page(width=400, height=200)
page.insert_text((20, 45), "Name:", fontsize=16)
for name, kind, value, box in (
    ("text", pymupdf.PDF_WIDGET_TYPE_TEXT, "MAXIMILIAN", (80, 20, 380, 60)),
    ("choice", pymupdf.PDF_WIDGET_TYPE_COMBOBOX, "MARRIED", (80, 70, 380, 110)),
    ("tick", pymupdf.PDF_WIDGET_TYPE_CHECKBOX, True, (80, 120, 110, 150)),
):
    field = pymupdf.Widget()
    field.field_name, field.field_type, field.rect, field.text_fontsize = name, kind, pymupdf.Rect(box), 20
    if name == "choice":
        field.choice_values = ["MARRIED", "SINGLE"]
    field.field_value = value
    page.add_widget(field)
document.save("form.pdf")


def by_haystack():
    (content,) = PDFToImageContent().run(sources=["form.pdf"])["image_contents"]
    return Image.open(io.BytesIO(base64.b64decode(content.base64_image)))


def by_pdfplumber():
    with pdfplumber.open("form.pdf") as file:
        return file.pages[0].to_image(resolution=144).original


def by_pypdfium2(*, forms):
    file = pypdfium2.PdfDocument("form.pdf")
    if forms:
        file.init_forms()
    return file[0].render(scale=2).to_pil()


def by_pymupdf():
    drawn = pymupdf.open("form.pdf")[0].get_pixmap(dpi=144)
    return Image.frombytes("RGB", (drawn.width, drawn.height), drawn.samples)


for renderer, image, expected in (
    ("Haystack", by_haystack(), ["label"]),
    ("pdfplumber", by_pdfplumber(), ["label"]),
    ("pypdfium2", by_pypdfium2(forms=False), ["label"]),
    ("pypdfium2 with init_forms()", by_pypdfium2(forms=True), list(AREAS)),
    ("PyMuPDF", by_pymupdf(), list(AREAS)),
):
    grey, scale = image.convert("L"), image.width / 400
    seen = [name for name, box in AREAS.items() if grey.crop([edge * scale for edge in box]).getextrema()[0] < 128]
    print(f"{renderer}: {image.width}x{image.height}, drawn: {', '.join(seen)}")
    assert seen == expected
with pdfplumber.open("form.pdf") as file:
    assert file.pages[0].extract_text() == "Name:"
print("as seen")
PY
