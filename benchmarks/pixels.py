"""What the rules on pixels find in degraded pictures, beside CleanVision and imgclean at their own bounds.

    python benchmarks/pixels.py IMAGES --cleanvision PYTHON --imgclean PYTHON

IMAGES is a folder with pictures of any kind. Each is taken as it is and degraded in known ways: about 1,000
files at most 1400 px large in a temporary folder. A table of precision and recall is printed: against what
was done to the pictures, and ours against theirs.
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageFilter, ImageOps

from imgbudget.imageinfo.dispatch import probe_file
from imgbudget.imageinfo.files import read_image
from imgbudget.model.subjects import ProbeField
from imgbudget.testing import run_rule
from imgbudget_rules import RULES

LONGEST, LEAST, MOST_PICTURES = 1400, 250, 55

CLEANVISION = """
import json, sys
from cleanvision import Imagelab
lab = Imagelab(data_path=sys.argv[1])
lab.find_issues({name: {} for name in ("dark", "light", "blurry", "low_information", "grayscale")}, n_jobs=1)
found = lab.issues
names = [name for name in found.columns if name.startswith("is_")]
out = {name: [str(path) for path in found.index[found[name]]] for name in names}
print("FOUND" + json.dumps(out))
"""

IMGCLEAN = """
import json, pathlib, sys
from imgclean.config.schema import ThresholdsConfig
from imgclean.features.quality import laplacian_variance, mean_brightness
from imgclean.io.image_loader import load_image
bounds, out = ThresholdsConfig(), {"blurry": [], "underexposed": [], "overexposed": []}
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    image = load_image(path).image
    mean = mean_brightness(image)
    if laplacian_variance(image) < bounds.blur_laplacian_min:
        out["blurry"].append(str(path))
    if mean < bounds.exposure_dark_max:
        out["underexposed"].append(str(path))
    if mean > bounds.exposure_bright_min:
        out["overexposed"].append(str(path))
print("FOUND" + json.dumps(out))
"""


class Kind(NamedTuple):
    """One kind of issue: our rule, what was done to the pictures that have it, and their names for it."""

    code: str
    made: tuple[str, ...]
    cleanvision: str | None = None
    imgclean: str | None = None


KINDS = (
    Kind("IB901", ("blur2", "blur4", "blur8"), "is_blurry_issue", "blurry"),
    Kind("IB902", ("times0.25", "times0.1"), "is_dark_issue", "underexposed"),
    Kind("IB903", ("burnt",), "is_light_issue", "overexposed"),
    Kind("IB904", ("faint",)),
    Kind("IB906", (), "is_low_information_issue"),
    Kind("IB909", ("grey",), "is_grayscale_issue"),
    Kind("IB910", ("bicubic2", "bilinear2", "nearest2", "lanczos3", "bicubic4", "blur1")),
)


def degraded(picture: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """A picture as it is and in known ways worse, each with the name of what was done."""
    yield "whole", picture
    for sigma in (1, 2, 4, 8):
        yield f"blur{sigma}", picture.filter(ImageFilter.GaussianBlur(sigma))
    changes: dict[str, Callable[[int], float]] = {
        "gamma3": lambda level: 255 * (level / 255) ** 3,
        "times0.25": lambda level: level * 0.25,
        "times0.1": lambda level: level * 0.1,
        "bright": lambda level: level * 2 + 40,
        "burnt": lambda level: level * 4 + 150,
        "faint": lambda level: 120 + (level - 128) * 0.04,
        "tinted": lambda level: min(level * 1.3, 255),
    }
    for name, change in changes.items():
        yield name, picture.point([min(max(round(change(level)), 0), 255) for level in range(256)] * 3)
    yield "grey", picture.convert("L").convert("RGB")
    for by, filter_name in ((2, "bicubic"), (2, "bilinear"), (2, "nearest"), (3, "lanczos"), (4, "bicubic")):
        small = picture.resize((picture.width // by, picture.height // by), Image.Resampling.LANCZOS)
        yield f"{filter_name}{by}", small.resize(picture.size, Image.Resampling[filter_name.upper()])


def fill(folder: Path, images: Path) -> None:
    """Write the degraded pictures of a folder of images."""
    number = 0
    for path in sorted(images.rglob("*")):
        try:
            picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            continue
        if min(picture.size) < LEAST:
            continue
        picture.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
        for name, made in degraded(picture):
            made.save(folder / f"{number:03d}-{name}.jpg", quality=88)
        number += 1
        if number == MOST_PICTURES:
            return


def ours(folder: Path) -> dict[str, set[str]]:
    """The names of the files that each of our rules reports."""
    rules = [rule for rule in RULES if rule.code in {kind.code for kind in KINDS}]
    found: dict[str, set[str]] = {rule.code: set() for rule in rules}
    for path in sorted(folder.iterdir()):
        use = read_image(str(path), ProbeField.PIXELS, probe=probe_file)
        for rule in rules:
            if run_rule(rule, use):
                found[rule.code].add(path.name)
    return found


def theirs(python: str | None, code: str, folder: Path) -> dict[str, set[str]]:
    """The names of the files that another tool reports, by its names of issues; empty without its Python."""
    if python is None:
        return {}
    done = subprocess.run([python, "-c", code, str(folder)], capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout.partition("FOUND")[2])
    return {name: {Path(path).name for path in paths} for name, paths in found.items()}


def score(found: set[str] | None, truth: set[str] | None) -> str:
    """Precision and recall."""
    if found is None or truth is None:
        return "–"
    common = len(found & truth)
    return f"{common / (len(found) or 1):.2f} / {common / (len(truth) or 1):.2f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("images", type=Path)
    parser.add_argument("--cleanvision", help="a Python in which CleanVision is installed")
    parser.add_argument("--imgclean", help="a Python in which imgclean is installed")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder, options.images)
        files = {path.name for path in folder.iterdir()}
        mine = ours(folder)
        vision = theirs(options.cleanvision, CLEANVISION, folder)
        clean = theirs(options.imgclean, IMGCLEAN, folder)
    print(f"{len(files)} files; precision / recall\n")
    print(
        "| rule | of what was done | CleanVision of that | imgclean of that | to CleanVision | to imgclean |"
    )
    print("|---|---|---|---|---|---|")
    for kind in KINDS:
        made = {name for name in files if Path(name).stem.partition("-")[2] in kind.made} or None
        one = vision.get(kind.cleanvision or "")
        two = clean.get(kind.imgclean or "")
        found = mine[kind.code]
        cells = (found, made), (one, made), (two, made), (found, one), (found, two)
        print(f"| {kind.code} | {' | '.join(score(*cell) for cell in cells)} |")


if __name__ == "__main__":
    main()
