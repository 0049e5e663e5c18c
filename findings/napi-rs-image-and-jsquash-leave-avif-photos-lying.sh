#!/usr/bin/env bash
# Guess: rotate() of @napi-rs/image, which turns a photo upright by its orientation, does so for each format that the
#   package reads, and @jsquash/avif decodes an AVIF photo as a browser shows it, as no part of the result says otherwise.
# What happens: the orientation of an AVIF file is a property of the format, and both leave it out: the pixels lie on
#   their side, with the size before the turn. metadata() names no orientation, and rotate() changes nothing; of a WebP
#   file with an EXIF orientation it changes nothing either. A JPEG is turned. sharp and @napi-rs/canvas show all three
#   formats upright.
# Why it matters: AVIF is what a program converts before it asks a model, and the JPEG that comes out has no orientation
#   left that could tell. The model reads a page from the side, and its boxes fit another picture than the one in the
#   browser. A test with JPEG files passes. Decode with sharp.
# Seen with: @napi-rs/image 1.15.0, @jsquash/avif 2.1.1, @napi-rs/canvas 1.1.1, sharp 0.35.5, Node 20.20.2,
#   Pillow 13.0.0, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet Pillow==13.0.0
cd "$folder"
npm install --silent --no-audit --no-fund \
    @napi-rs/image@1.15.0 @jsquash/avif@2.1.1 @napi-rs/canvas@1.1.1 sharp@0.35.5
venv/bin/python - <<'PY'
from PIL import Image

picture = Image.new("RGB", (64, 32), "blue")
picture.paste("red", (0, 0, 16, 32))  # the left quarter: on top after a quarter turn clockwise
for suffix in ("jpg", "webp", "avif"):
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(f"photo.{suffix}", exif=exif, quality=95)
PY
cat > look.mjs <<'JS'
import assert from 'node:assert'
import {readFileSync} from 'node:fs'
import * as avif from '@jsquash/avif/decode.js'
import canvas from '@napi-rs/canvas'
import {Transformer} from '@napi-rs/image'
import sharp from 'sharp'

globalThis.ImageData ??= canvas.ImageData
await avif.init(await WebAssembly.compile(readFileSync('node_modules/@jsquash/avif/codec/dec/avif_dec.wasm')))

// The size, and the side that is red.
const looks = (data, width, height) => {
  const at = (x, y) => data[(y * width + x) * 4] > 128
  const side = at(width - 4, 4) ? (at(4, 4) ? 'top' : 'right') : at(4, 4) ? 'left' : 'bottom'
  return `${width}x${height} ${side}`
}
const bySharp = async input => {
  const {data, info} = await sharp(input).autoOrient().ensureAlpha().raw().toBuffer({resolveWithObject: true})
  return looks(data, info.width, info.height)
}
const byCanvas = async bytes => {
  const image = await canvas.loadImage(bytes)
  const context = canvas.createCanvas(image.width, image.height).getContext('2d')
  context.drawImage(image, 0, 0)
  return looks(context.getImageData(0, 0, image.width, image.height).data, image.width, image.height)
}
const upright = '32x64 top', lying = '64x32 left'
for (const [suffix, turned] of [['jpg', upright], ['webp', lying], ['avif', lying]]) {
  const bytes = readFileSync(`photo.${suffix}`)
  const seen = [await bySharp(bytes), await byCanvas(bytes)]
  seen.push(await bySharp(await new Transformer(bytes).rotate().png()))
  const {orientation} = await new Transformer(bytes).metadata(true)
  console.log(`${suffix}: sharp ${seen[0]}, @napi-rs/canvas ${seen[1]}, @napi-rs/image turned ${seen[2]}`)
  console.log(`  its metadata: orientation ${orientation}`)
  assert.deepEqual(seen, [upright, upright, turned])
  assert.equal(orientation, suffix === 'jpg' ? 6 : undefined)
}
const {data, width, height} = await avif.default(new Uint8Array(readFileSync('photo.avif')).buffer)
console.log(`avif: @jsquash/avif ${looks(data, width, height)}`)
assert.equal(looks(data, width, height), lying)
console.log('as seen')
JS
node look.mjs
