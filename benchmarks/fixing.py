"""Compares fixing a folder of large images with tools that scale images, in turn, as Markdown."""

import argparse
import io
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from shutil import which
from typing import Any, NamedTuple

from PIL import Image, ImageOps

from imgbudget.limits.geometry import Size
from measuring import Cost, interleave, median, note, program, ratio, run, table
from resize import array, photo, screen, ssim

_QUALITY = 92
_HEADER = ("tool", "CPU, s", "wall, s", "× sharp, CPU", "wall", "SSIM", "MB")

_SHARP = """
const { createRequire } = require("module");
const sharp = createRequire(process.argv[1] + "/")("sharp");
const { readdirSync, promises } = require("fs");
const [, , folder, width, height, quality] = process.argv;
sharp.cache(false);
Promise.all(readdirSync(folder).map(async (name) => {
  const path = folder + "/" + name;
  const scaled = sharp(path).resize(+width, +height, { fit: "fill" });
  const data = await (name.endsWith(".png") ? scaled.png() : scaled.jpeg({ quality: +quality })).toBuffer();
  await promises.writeFile(path + "~", data);
  await promises.rename(path + "~", path);
}));
"""

_PLAIN = """
from imgbudget.cli import main
from imgbudget.fixing import vips
vips.library = lambda: None
main()
"""


class Folder(NamedTuple):
    """Copies of a few files to scale to a size in px."""

    title: str
    files: Sequence[str]
    number: int
    size: Size

    def fill(self, folder: str) -> None:
        """Write the files, and wait for the disk."""
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
        for number in range(self.number):
            source = self.files[number % len(self.files)]
            shutil.copyfile(source, os.path.join(folder, f"{number:03}{os.path.splitext(source)[1]}"))
        os.sync()


def _commands(folder: str, subject: Folder, sharp: str | None) -> dict[str, list[str]]:
    """By tool: the command that scales all files of a folder."""
    width, height = map(str, subject.size)
    names = sorted(os.listdir(folder))
    paths = [os.path.join(folder, name) for name in names]
    options = f"[Q={_QUALITY}]" if names[0].endswith(".jpg") else ""
    ours = ["check", "--isolated", "--no-cache", "--quiet", "--fix", folder]
    commands = {
        "imgbudget": [program("imgbudget"), *ours],
        "imgbudget, Pillow only": [sys.executable, "-c", _PLAIN, *ours],
    }
    if sharp and which("node"):
        code = ["-e", _SHARP, "--", sharp, folder, width, height, str(_QUALITY)]
        commands["sharp"] = ["node", *code]
    if which("vipsthumbnail"):
        # it reads while it writes if both are one file
        made = f"{os.path.dirname(folder)}/made/%s{os.path.splitext(names[0])[1]}{options}"
        commands["vipsthumbnail"] = ["vipsthumbnail", *paths, "--size", f"{width}x{height}!", "-o", made]
    if which("mogrify"):
        size = f"{width}x{height}!"
        commands["mogrify"] = ["mogrify", "-resize", size, "-quality", str(_QUALITY), *paths]
        if not options:
            commands["mogrify"][3:5] = []
    return commands


def compare(subject: Folder, rounds: int, sharp: str | None, only: Sequence[str] | None) -> None:
    """All tools on one folder."""
    with tempfile.TemporaryDirectory() as place:
        folder, made = os.path.join(place, "files"), os.path.join(place, "made")
        subject.fill(folder)
        os.mkdir(made)
        commands = _commands(folder, subject, sharp)
        commands = {name: it for name, it in commands.items() if not only or name in only}
        results: dict[str, tuple[str, str]] = {}

        def measure(name: str) -> Cost:
            subject.fill(folder)
            cost = run(commands[name], accept=(0, 1)).cost
            if name not in results:
                results[name] = _result(made if name == "vipsthumbnail" else folder, subject)
            return cost

        work: dict[str, Callable[[], Cost]] = {name: partial(measure, name) for name in commands}
        note(subject.title)
        costs = interleave(work, rounds)
    rows = []
    for name, spent in costs.items():
        middle = median(spent)
        share = ratio(spent, costs["sharp"]) if "sharp" in costs else None
        shares = (f"{share.cpu:.2f}", f"{share.wall:.2f}") if share else ("–", "–")
        rows.append((name, f"{middle.cpu:.2f}", f"{middle.wall:.2f}", *shares, *results[name]))
    load = ", ".join(f"{number:.1f}" for number in os.getloadavg())
    table(f"{subject.title}, medians of {rounds} rounds (load {load})", _HEADER, rows)


def _result(folder: str, subject: Folder) -> tuple[str, str]:
    """SSIM of the first file to Pillow's Lanczos over all pixels, encoded alike; megabytes of all files."""
    names = sorted(name for name in os.listdir(folder))
    total = sum(os.path.getsize(os.path.join(folder, name)) for name in names)
    likeness = "–"
    if find_spec("skimage"):
        exact = io.BytesIO()
        with Image.open(subject.files[0]) as image:
            scaled = image.convert("RGB").resize(subject.size, Image.Resampling.LANCZOS)
            scaled.save(exact, image.format, quality=_QUALITY)
        likeness = f"{ssim(_samples(exact), _samples(os.path.join(folder, names[0]))):.4f}"
    return likeness, f"{total / 1e6:.1f}"


def _samples(file: io.BytesIO | str) -> Any:
    with Image.open(file) as image:
        return array(image.size, image.convert("RGB").tobytes())


def _photos(folder: str) -> list[str]:
    """Four photographs of 4000x3000."""
    first = photo((4000, 3000))
    paths = []
    for number, image in enumerate(
        (first, ImageOps.mirror(first), ImageOps.flip(first), ImageOps.invert(first))
    ):
        paths.append(os.path.join(folder, f"photo{number}.jpg"))
        image.save(paths[-1], quality=_QUALITY)
    return paths


def main() -> int:
    """Make the images, or take those that are named, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "photos", nargs="*", help="own JPEG files of 4000x3000 instead of those that are made"
    )
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each (default: %(default)s)")
    parser.add_argument("--sharp", help="folder with node_modules/sharp in it")
    parser.add_argument("--only", nargs="*", help="these tools instead of all")
    parser.add_argument("--numbers", type=int, nargs="*", default=[24, 200], help="photos in a folder")
    parser.add_argument(
        "--screens", type=int, default=24, help="screenshots in a folder (default: %(default)s)"
    )
    chosen = parser.parse_args()
    print(f"# Measured with CPython {platform.python_version()}, {platform.system()}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as folder:
        photos = chosen.photos or _photos(folder)
        for number in chosen.numbers:
            title = f"{number} JPEG photographs 4000x3000 to 1268x951"
            compare(Folder(title, photos, number, Size(1268, 951)), chosen.rounds, chosen.sharp, chosen.only)
        if chosen.screens:
            path = os.path.join(folder, "screen.png")
            screen((3840, 2160)).save(path)
            title = f"{chosen.screens} PNG screenshots 3840x2160 to 1456x819"
            compare(
                Folder(title, [path], chosen.screens, Size(1456, 819)),
                chosen.rounds,
                chosen.sharp,
                chosen.only,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
