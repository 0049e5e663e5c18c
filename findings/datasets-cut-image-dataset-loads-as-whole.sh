#!/usr/bin/env bash
# Guess: a dataset of images that was saved with save_to_disk() and lost its end (full disk, interrupted copy) is
#   refused by load_from_disk(), as a cut Parquet file is.
# What happens: if the cut falls between two batches of 100 rows, the rest is loaded without an error or a warning. The
#   shards are Arrow streams, whose end marker is optional and all that is missing; neither state.json nor
#   dataset_info.json holds the number of rows that were saved. A cut inside a batch raises OSError.
# Why it matters: an estimate, an evaluation or a batch of requests that is made from it covers part of the images and
#   looks complete. Keep the number of rows elsewhere and compare, or save as Parquet.
# Seen with: datasets 5.2.0, pyarrow 26.0.1, Pillow 13.0.0, Python 3.11, 2026-11-29.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1 Pillow==13.0.0
cd "$folder"
HF_HOME="$folder/home" HF_HUB_OFFLINE=1 HF_DATASETS_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PY'
import warnings
from pathlib import Path

import pyarrow
from datasets import Dataset, load_from_disk
from PIL import Image
from pyarrow import ipc, parquet

pictures = Dataset.from_dict({"image": [Image.effect_noise((40, 30), 50) for _ in range(350)]})
pictures.save_to_disk("saved")
pictures.to_parquet("pictures.parquet", batch_size=100)
shard = Path("saved/data-00000-of-00001.arrow")
whole = shard.read_bytes()
source = pyarrow.BufferReader(whole)
messages = ipc.MessageReader.open_stream(source)
ends = [source.tell() for message in messages if message.type == "record batch"]


def rows(end):
    shard.write_bytes(whole[:end])
    try:
        with warnings.catch_warnings(action="error"):
            loaded = load_from_disk("saved")
        found = loaded.num_rows, sum(1 for row in loaded if row["image"].size == (40, 30))
    except (pyarrow.ArrowInvalid, OSError) as error:
        found = type(error).__name__
    print(f"{end:,} of {len(whole):,} bytes: {found}")
    return found


assert rows(len(whole)) == (350, 350)
assert [rows(end) for end in ends] == [(100, 100), (200, 200), (300, 300), (350, 350)]
assert rows(ends[1] - 1000) == "OSError"
for about in Path("saved").glob("*.json"):
    assert ": 350" not in about.read_text()
cut = Path("cut.parquet")
cut.write_bytes(Path("pictures.parquet").read_bytes()[: ends[1]])
try:
    parquet.read_table(cut)
    raise AssertionError("cut Parquet file was read")
except pyarrow.ArrowInvalid:
    print("as seen; the cut Parquet file is refused")
PY
