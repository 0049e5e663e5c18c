"""A recogniser of known behaviour, in place of RapidOCR: it finds rows of ink, and misreads small letters.

Tests of what is done with a recogniser need none that was trained. `installed` puts packages of the names of
the real ones before them, so that the product loads this one by the same way.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from imgbudget.legibility.engine import Pixels, Quad, Recognised, rapid_engine

CLEAR = "total 48"
BLURRED = "tofal 43"

LEAST = 6
"""Rows of ink under which letters are misread."""

_MODULES = {
    "rapidocr": "from tests.inkreader import InkOCR as RapidOCR\n",
    "onnxruntime": "def disable_telemetry_events() -> None: ...\n",
    "cv2": "def setNumThreads(count: int) -> None: ...\n",
}


def _ink(pixels: Pixels) -> Any:
    return pixels.min(axis=2) < 150


class InkReader:
    """An `Engine`: `CLEAR` is in every line whose ink is high enough, else `BLURRED`."""

    def __init__(self) -> None:
        self.detected = self.read = 0

    def detect(self, pixels: Pixels) -> Sequence[Quad]:
        """A box around each run of rows with ink."""
        self.detected += 1
        ink = _ink(pixels)
        rows = np.flatnonzero(ink.any(axis=1))
        boxes = []
        for run in np.split(rows, np.flatnonzero(np.diff(rows) > 2) + 1):
            if run.size > 1:
                top, bottom = int(run[0]), int(run[-1]) + 1
                columns = np.flatnonzero(ink[top:bottom].any(axis=0))
                left, right = int(columns[0]) - 2, int(columns[-1]) + 3
                corners = ((left, top - 2), (right, top - 2), (right, bottom + 2), (left, bottom + 2))
                boxes.append(np.array(corners, np.float64))
        return boxes

    def recognise(self, line: Pixels) -> Recognised:
        """What is in a line, by the rows of its ink."""
        self.read += 1
        rows = int(_ink(line).any(axis=1).sum())
        return Recognised(CLEAR if rows >= LEAST else BLURRED, 0.95)


class _Answer(NamedTuple):
    boxes: Sequence[Quad] | None = None
    txts: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()


class InkOCR:
    """The same by the interface of RapidOCR, of which only what the product calls is here."""

    def __init__(self, params: dict[str, object]) -> None:
        self._reader = InkReader()
        assert params["Global.use_preprocess_img"] is False

    def __call__(self, image: Pixels, *, use_det: bool, use_cls: bool, use_rec: bool) -> _Answer:
        """The boxes of lines, or the text of one."""
        assert use_det is not use_rec
        assert not use_cls
        if use_det:
            return _Answer(boxes=self._reader.detect(image))
        found = self._reader.recognise(image)
        return _Answer(txts=(found.text,), scores=(found.score,))


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """With this recogniser in the place of the real one, whether that is installed or not."""
    folder.mkdir()
    for name, code in _MODULES.items():
        (folder / f"{name}.py").write_text(code)
    with pytest.MonkeyPatch.context() as patch:
        for name in list(sys.modules):
            if name.partition(".")[0] in _MODULES:
                patch.delitem(sys.modules, name)
        patch.syspath_prepend(folder)
        rapid_engine.cache_clear()
        try:
            yield
        finally:
            for name in _MODULES:
                sys.modules.pop(name, None)
            rapid_engine.cache_clear()
