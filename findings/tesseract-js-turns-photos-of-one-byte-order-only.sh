#!/usr/bin/env bash
# Guess: tesseract.js turns a photo upright by its EXIF orientation, as it does with photos of an iPhone, whichever of the
#   two byte orders the EXIF block has.
# What happens: it looks for the orientation as a sequence of big-endian bytes ("MM"). In a little-endian block ("II") it
#   finds none, and reads the picture as it is stored: of the same page, lying on its side, the one file is read without
#   a mistake, and of the other one single letters come back, without an error or a warning.
# Why it matters: the byte order is the choice of the camera, and sharp writes "II" where it sets the orientation. A test
#   with photos of one phone passes, and the text of others, which is added to a prompt or indexed, is noise. Write the
#   photo upright before it is read, as sharp's autoOrient() does.
# Seen with: tesseract.js 7.0.0 with @tesseract.js-data/eng 1.0.0, sharp 0.35.5, Node 20.20.2, Pillow 13.0.0,
#   Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet Pillow==13.0.0
cd "$folder"
npm install --silent --no-audit --no-fund tesseract.js@7.0.0 @tesseract.js-data/eng@1.0.0 sharp@0.35.5
venv/bin/python - <<'PY'
import struct

from PIL import Image, ImageDraw, ImageFont, ImageOps

page = Image.new("RGB", (900, 300), "white")
for top, line in ((40, "Invoice number 20418"), (150, "Total amount 913 Euro")):
    ImageDraw.Draw(page).text((40, top), line, font=ImageFont.load_default(60), fill="black")
page.save("upright.jpg", quality=92)
for name, order in (("II", "<"), ("MM", ">")):
    # one entry: the orientation 6, shown after a quarter turn clockwise
    block = struct.pack(order + "2sHIHHHIHHI", name.encode(), 42, 8, 1, 0x0112, 3, 1, 6, 0, 0)
    page.rotate(90, expand=True).save(f"{name}.jpg", exif=b"Exif\0\0" + block, quality=92)
    assert ImageOps.exif_transpose(Image.open(f"{name}.jpg")).size == page.size
PY
cat > look.mjs <<'JS'
import assert from 'node:assert'
import {resolve} from 'node:path'
import sharp from 'sharp'
import {createWorker} from 'tesseract.js'

const langPath = resolve('node_modules/@tesseract.js-data/eng/4.0.0')
const worker = await createWorker('eng', 1, {langPath, cacheMethod: 'none'})
const read = async image => (await worker.recognize(image)).data.text
const text = 'Invoice number 20418\nTotal amount 913 Euro\n'
const seen = {}
for (const name of ['upright', 'MM', 'II']) seen[name] = await read(`${name}.jpg`)
seen['II, written upright by sharp'] = await read(await sharp('II.jpg').autoOrient().png().toBuffer())
await worker.terminate()
const tagged = await sharp('upright.jpg').withMetadata({orientation: 6}).jpeg().toBuffer()
assert.equal(tagged.toString('latin1', tagged.indexOf('Exif') + 6).slice(0, 2), 'II')
for (const [name, found] of Object.entries(seen)) {
  console.log(`${name}: ${JSON.stringify(found)}`)
  if (name === 'II') assert.ok(!/Invoice|Total|20418|913/.test(found))
  else assert.equal(found, text)
}
console.log('as seen')
JS
node look.mjs
