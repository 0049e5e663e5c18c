#!/usr/bin/env bash
# Guess: Dataset.to_parquet() writes the images into the file, whatever they were made from, as save_to_disk() does.
# What happens: images that came from files (a folder, a column of paths, Image.open()) are written as their path on this
#   machine, with no bytes, and nothing is said. Images that have no file are written whole. On the machine where it was
#   written the Parquet file loads and shows everything, as the paths are followed.
# Why it matters: a file of some kB is handed over or archived in place of the dataset, with the names of local folders
#   in it, and the loss shows when the images are opened elsewhere or after the folder is gone. save_to_disk() has the
#   bytes; of a Parquet file look at the size.
# Seen with: datasets 5.2.0, pyarrow 26.0.1, Pillow 13.0.0, Python 3.11, 2026-11-30.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datasets==5.2.0 pyarrow==26.0.1 Pillow==13.0.0
cd "$folder"
HF_HOME="$folder/home" HF_HUB_OFFLINE=1 HF_DATASETS_DISABLE_PROGRESS_BARS=1 venv/bin/python - <<'PY'
import warnings
from pathlib import Path

from datasets import Dataset, load_dataset, load_from_disk
from datasets import Image as ImageColumn
from PIL import Image
from pyarrow import parquet

Path("photos").mkdir()
noise = Image.effect_noise((120, 80), 60).convert("RGB")
noise.save("photos/one.jpg")
sources = {
    "folder": load_dataset("imagefolder", data_dir="photos", split="train"),
    "paths": Dataset.from_dict({"image": ["photos/one.jpg"]}).cast_column("image", ImageColumn()),
    "opened": Dataset.from_dict({"image": [Image.open("photos/one.jpg")]}),
    "pixels": Dataset.from_dict({"image": [noise]}),
}
for name, dataset in sources.items():
    with warnings.catch_warnings(action="error"):
        dataset.to_parquet(f"{name}.parquet")
        dataset.save_to_disk(name)
    written = parquet.read_table(f"{name}.parquet").to_pylist()[0]["image"]
    saved = load_from_disk(name).data.to_pylist()[0]["image"]
    size = Path(f"{name}.parquet").stat().st_size
    print(f"{name}: to_parquet() {'bytes' if written['bytes'] else 'a path'} ({size:,} bytes in all)", end=", ")
    print(f"save_to_disk() {'bytes' if saved['bytes'] else 'a path'}")
    assert saved["bytes"]
    assert bool(written["bytes"]) == (name == "pixels")
    assert name == "pixels" or written["path"].endswith("one.jpg")
loaded = Dataset.from_parquet("folder.parquet")
assert loaded[0]["image"].size == (120, 80)
Path("photos/one.jpg").unlink()
try:
    loaded[0]["image"].load()
    raise AssertionError("the image was there without its file")
except FileNotFoundError:
    print("as seen; without the folder the Parquet file opens, and its image raises FileNotFoundError")
PY
