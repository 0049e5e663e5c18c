#!/usr/bin/env bash
# Guess: the orientation that probe-image-size gives for an AVIF or HEIC file means what it means in EXIF: the picture
#   that is turned by it is the one that a browser shows.
# What happens: the angle in the file counts against the clock and is taken for clockwise: what is shown as EXIF's
#   orientation 6 is given as 8, and 8 as 6. JPEG, the half turn, and width and height swapped by it are right, so that
#   only a picture that is turned by it shows the mistake.
# Why it matters: upright photos of phones have this property. Turned by it before they are sent they stand on their
#   head, and boxes that the model returns are mapped to the opposite corner.
# Seen with: probe-image-size 7.5.0, sharp 0.35.5, Pillow 13.0.0, Node 20.20.2, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet Pillow==13.0.0
cd "$folder"
npm install --silent --no-audit --no-fund probe-image-size@7.5.0 sharp@0.35.5
venv/bin/python - <<'PY'
from PIL import Image

picture = Image.new("RGB", (64, 32), "blue")
picture.paste("red", (0, 0, 16, 32))  # the left quarter: on top after a quarter turn clockwise
for orientation in (3, 6, 8):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture.save(f"{orientation}.jpg", exif=exif, quality=95)
    exif[0x0112] = orientation
    picture.save(f"{orientation}.avif", exif=exif, quality=95)
PY
cat > look.mjs <<'JS'
import assert from 'node:assert'
import {readFileSync} from 'node:fs'
import probe from 'probe-image-size'
import sharp from 'sharp'

const seen = {}
for (const name of ['3.jpg', '6.jpg', '8.jpg', '3.avif', '6.avif', '8.avif']) {
  const {data, info} = await sharp(name).autoOrient().raw().toBuffer({resolveWithObject: true})
  const at = (x, y) => data[(y * info.width + x) * info.channels] > 128
  const side = at(info.width - 4, 4) ? (at(4, 4) ? 'top' : 'right') : at(4, 4) ? 'left' : 'bottom'
  const {orientation} = probe.sync(readFileSync(name))
  seen[name] = [orientation, side]
  console.log(`${name}: red is shown at the ${side}; probe-image-size: orientation ${orientation}`)
}
const right = {3: 'right', 6: 'top', 8: 'bottom'}
for (const orientation of [3, 6, 8]) {
  assert.deepEqual(seen[`${orientation}.jpg`], [orientation, right[orientation]])
  assert.deepEqual(seen[`${orientation}.avif`], [{3: 3, 6: 8, 8: 6}[orientation], right[orientation]])
}
console.log('as seen')
JS
node look.mjs
