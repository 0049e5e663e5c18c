"""Python libraries that read facts of image files, one function each; as a program, runs one on a corpus.

Each measurement runs in a separate process, so that no candidate profits from what another one has loaded.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from typing import Any, NamedTuple

import manifest


class Told(NamedTuple):
    """What a candidate says of a file; None where it does not tell, or refuses the file."""

    format: str | None = None
    size: tuple[int, int] | None = None
    orientation: int | None = None
    animated: bool | None = None
    frames: int | None = None
    byte_size: int | None = None


class Candidate(NamedTuple):
    """A function that is measured, `load` imports and returns it; `tell` converts its result."""

    title: str
    load: Callable[[], Callable[[str], Any]]
    tell: Callable[[Any], Told]
    all_files: bool = False
    """Fast enough to be run on every file of the corpus and not on a sample."""
    package: str | None = None
    """What must be installed for it beside imgbudget."""


def _bare() -> Callable[[str], Any]:
    def touch(path: str) -> None:
        fd = os.open(path, os.O_RDONLY)
        os.read(fd, 4096)
        os.close(fd)

    return touch


def _ours(*names: str) -> Callable[[str], Any]:
    from imgbudget.imageinfo.dispatch import probe_file  # noqa: PLC0415
    from imgbudget.model.subjects import ProbeField  # noqa: PLC0415 - only the candidate that runs is loaded

    want = ProbeField.NONE
    for name in names:
        want |= ProbeField[name]

    def probe(path: str) -> Any:
        return probe_file(path, want)

    return probe


def _ours_header() -> Callable[[str], Any]:
    return _ours("ORIENTATION")


def _ours_checked() -> Callable[[str], Any]:
    return _ours("ORIENTATION", "INTEGRITY")


def _ours_counted() -> Callable[[str], Any]:
    return _ours("ORIENTATION", "INTEGRITY", "FRAMES")


def _ours_all() -> Callable[[str], Any]:
    return _ours("ALL")


def _tell_ours(facts: Any) -> Told:
    if facts.damage or facts.size is None:
        return Told()
    size = (facts.size.width, facts.size.height)
    return Told(facts.format, size, facts.orientation, facts.animated, None, facts.byte_size)


def _tell_ours_counted(facts: Any) -> Told:
    return _tell_ours(facts)._replace(frames=facts.frames)


def _imagesize() -> Callable[[str], Any]:
    get_info: Callable[[str], Any] = import_module("imagesize").get_info
    return get_info


def _imagesize_least() -> Callable[[str], Any]:
    get_info = import_module("imagesize").get_info

    def facts(path: str) -> Any:
        return get_info(path, dpi=False, colors=False, channels=False)

    return facts


def _tell_imagesize(info: Any) -> Told:
    turn = info.rotation if 1 <= info.rotation <= 8 else 1
    # returns the size after rotation
    size = (info.height, info.width) if turn > 4 else (info.width, info.height)
    return Told(None, size, turn)


def _pillow_size() -> Callable[[str], Any]:
    from PIL import Image  # noqa: PLC0415 - see _ours

    def size(path: str) -> Any:
        with Image.open(path) as image:
            return image.format, image.size

    return size


def _pillow_facts() -> Callable[[str], Any]:
    from PIL import Image  # noqa: PLC0415 - see _ours

    def facts(path: str) -> Any:
        with Image.open(path) as image:
            turn = image.getexif().get(0x0112, 1)
            return image.format, image.size, turn, getattr(image, "n_frames", 1), os.path.getsize(path)

    return facts


def _tell_pillow(given: Any) -> Told:
    form, size, *more = given
    told = Told(form.lower(), size)
    if not more:
        return told
    turn, frames, byte_size = more
    return told._replace(orientation=turn, animated=frames > 1, frames=frames, byte_size=byte_size)


def _pyvips() -> Callable[[str], Any]:
    new_from_file = import_module("pyvips").Image.new_from_file

    def facts(path: str) -> Any:
        image = new_from_file(path)
        fields = image.get_fields()
        turn = image.get("orientation") if "orientation" in fields else 1
        frames = image.get("n-pages") if "n-pages" in fields else 1
        return image.get("vips-loader"), (image.width, image.height), turn, frames, os.path.getsize(path)

    return facts


def _tell_pyvips(given: Any) -> Told:
    loader, *more = given
    return _tell_pillow((loader.removesuffix("load"), *more))


CANDIDATES = {
    "bare": Candidate(
        title="Python: open, read 4 KiB, close", load=_bare, tell=lambda _: Told(), all_files=True
    ),
    "ours": Candidate(title="**imgbudget**", load=_ours_header, tell=_tell_ours, all_files=True),
    "ours-checked": Candidate(
        title="**imgbudget**, all error checks", load=_ours_checked, tell=_tell_ours, all_files=True
    ),
    "ours-counted": Candidate(
        title="**imgbudget**, all error checks, frames counted",
        load=_ours_counted,
        tell=_tell_ours_counted,
        all_files=True,
    ),
    "ours-all": Candidate(
        title="**imgbudget**, all that `check` asks for: quality, metadata and position too",
        load=_ours_all,
        tell=_tell_ours_counted,
        all_files=True,
    ),
    "imagesize": Candidate(
        title="imagesize `get_info`",
        load=_imagesize,
        tell=_tell_imagesize,
        all_files=True,
        package="imagesize",
    ),
    "imagesize-least": Candidate(
        title="imagesize, size and orientation only",
        load=_imagesize_least,
        tell=_tell_imagesize,
        all_files=True,
        package="imagesize",
    ),
    "pillow-size": Candidate(title="Pillow, format and size", load=_pillow_size, tell=_tell_pillow),
    "pillow": Candidate(title="Pillow, the same facts", load=_pillow_facts, tell=_tell_pillow),
    "pyvips": Candidate(title="pyvips", load=_pyvips, tell=_tell_pyvips, package="pyvips"),
}


_WARM_UP = 20
"""Files before the clock starts: candidates load their readers on the first ones."""


def tell(candidate: Candidate, paths: Iterable[str]) -> Iterator[Told]:
    """What a candidate says of each file."""
    probe = candidate.load()
    for path in paths:
        try:
            yield candidate.tell(probe(path))
        except Exception:  # noqa: BLE001 - a candidate that refuses a file does not tell
            yield Told()


def run_over(probe: Callable[[str], Any], paths: Iterable[str]) -> None:
    """Call a probe on each file and drop what it says."""
    for path in paths:
        try:  # noqa: SIM105 - suppress() costs half a microsecond a file
            probe(path)
        except Exception:  # noqa: BLE001, S110 - `tell` shows who refuses a file
            pass


def main(name: str, corpus: str, step: str, what: str) -> None:
    """Run a candidate on every `step`-th file: `time` prints CPU and wall seconds, `tell` what it says."""
    candidate = CANDIDATES[name]
    paths = [os.path.join(corpus, truth.path) for truth in manifest.read(corpus)[:: int(step)]]
    if what == "tell":
        for told in tell(candidate, paths):
            print(json.dumps(told))
        return
    probe = candidate.load()
    run_over(probe, paths[:_WARM_UP])
    cpu, wall = time.process_time(), time.perf_counter()
    run_over(probe, paths)
    print(time.process_time() - cpu, time.perf_counter() - wall)


if __name__ == "__main__":
    main(*sys.argv[1:])
