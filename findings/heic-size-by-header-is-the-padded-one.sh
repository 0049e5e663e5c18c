#!/usr/bin/env bash
# Guess: npm packages that read the size of a HEIC file from its header give the one that decoders give, as they do for
#   JPEG; if they differ from it, then by the rotation.
# What happens: the encoder pads a picture to even edges, and to 64 px at least, and notes the real size as a crop
#   ("clap"). probe-image-size and image-dimensions leave it out: 602x402 for 601x401, 64x64 for 60x40. image-size
#   subtracts the wrong field of it, which is always 1, from the width, so that 63x64 is neither of the two. Pillow with
#   pillow-heif, and image-meta, are right.
# Why it matters: icons and thumbnails get the size of their padding, an estimate that compares sizes before and after
#   never agrees, and a check that all pages have one size fails for those of odd width.
# Seen with: image-size 2.1.0, probe-image-size 7.5.0, image-dimensions 2.6.0, image-meta 0.3.0, pillow-heif 1.8.1,
#   Pillow 13.0.0, Node 20.20.2, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet Pillow==13.0.0 pillow-heif==1.8.1
cd "$folder"
npm install --silent --no-audit --no-fund \
    image-size@2.1.0 probe-image-size@7.5.0 image-dimensions@2.6.0 image-meta@0.3.0
venv/bin/python - <<'PY'
import pillow_heif
from PIL import Image

pillow_heif.register_heif_opener()
for size in ((60, 40), (601, 401), (640, 480)):
    name = "{}x{}.heic".format(*size)
    Image.effect_noise(size, 50).convert("RGB").save(name)
    with Image.open(name) as image:
        image.load()
        assert image.size == size
PY
cat > look.mjs <<'JS'
import assert from 'node:assert'
import {readFileSync} from 'node:fs'
import {imageDimensionsFromData} from 'image-dimensions'
import {imageMeta} from 'image-meta'
import {imageSize} from 'image-size'
import probe from 'probe-image-size'

const readers = [imageSize, probe.sync, imageDimensionsFromData, imageMeta]
const expected = {
  '60x40': ['63x64', '64x64', '64x64', '60x40'],
  '601x401': ['601x402', '602x402', '602x402', '601x401'],
  '640x480': ['640x480', '640x480', '640x480', '640x480'],
}
for (const [real, sizes] of Object.entries(expected)) {
  const bytes = new Uint8Array(readFileSync(`${real}.heic`))
  const seen = readers.map(read => read(read === probe.sync ? Buffer.from(bytes) : bytes))
    .map(({width, height}) => `${width}x${height}`)
  console.log(`${real}: image-size ${seen[0]}, probe-image-size ${seen[1]}, image-dimensions ${seen[2]}`)
  console.log(`  image-meta ${seen[3]}`)
  assert.deepEqual(seen, sizes)
}
console.log('as seen')
JS
node look.mjs
