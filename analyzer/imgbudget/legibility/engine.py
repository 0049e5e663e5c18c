"""The recogniser: RapidOCR, whose models are inside its package and run on the processor.

It is loaded when the first image needs it, and in one thread: images are shared out among processes.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from imgbudget.errors import UsageError
from imgbudget.legibility.floats import FloatEnvironment

Pixels = NDArray[np.uint8]
"""Rows, columns and the channels red, green and blue."""

Quad = NDArray[np.float64]
"""The corners of a line, x and y: top left, top right, bottom right, bottom left, as the text is read."""

LEAST_DETECTED = 5.0
"""Px of height of the smallest letters that the detector finds (docs/legibility.md)."""

INSTALL = "pip install 'imgbudget[text]'"


class Recognised(NamedTuple):
    """What was read of a line, and how certain the recogniser is, from 0 to 1."""

    text: str
    score: float


class Engine(Protocol):
    """Finds lines of text and reads them."""

    def detect(self, pixels: Pixels) -> Sequence[Quad]:
        """The lines in an image, in px of it; large boxes around the letters."""

    def recognise(self, line: Pixels) -> Recognised:
        """The text of the crop of a line that reads from left to right."""


_SETTINGS: dict[str, object] = {
    "Global.log_level": "critical",
    # sizes are chosen here: the detector sees every image at the size that it is given
    "Global.use_preprocess_img": False,
    "Global.use_vertical_padding": False,
    "Global.text_score": 0.0,
    "Det.limit_side_len": 32,
    "EngineConfig.onnxruntime.intra_op_num_threads": 1,
    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
    # without it the memory of every layer is mapped again for every piece: a sixth of the time
    "EngineConfig.onnxruntime.enable_cpu_mem_arena": True,
}

STEP = 32
"""The edges of what the detector gets are multiples of this."""


class RapidEngine:
    """RapidOCR as an `Engine`."""

    def __init__(self) -> None:
        """Load its package; the models are loaded with the first image.

        Raises:
            UsageError: imgbudget[text] is not installed.
        """
        self._floats = FloatEnvironment()
        with self._floats.entered():
            try:
                rapid = _offline_class(tiny_as_zero=self._floats.is_separate)
            except ImportError as error:
                raise UsageError(f"reading the text of images needs an extra: {INSTALL} ({error})") from error
            self._engine: Any = rapid(params=_SETTINGS)
            import_module("cv2").setNumThreads(1)

    def detect(self, pixels: Pixels) -> Sequence[Quad]:
        """See Engine."""
        with self._floats.entered():
            return self._detected(pixels)

    def recognise(self, line: Pixels) -> Recognised:
        """See Engine."""
        with self._floats.entered():
            found = self._engine(_blue_first(line), use_det=False, use_cls=False, use_rec=True)
        texts, scores = getattr(found, "txts", None), getattr(found, "scores", None)
        if not texts or not scores:
            return Recognised("", 0.0)
        return Recognised(str(texts[0]), float(scores[0]))

    def _detected(self, pixels: Pixels) -> Sequence[Quad]:
        """The lines in an image. The edges of `pixels` are multiples of 32, or it is stretched to them.

        RapidOCR's own call, by which the model is loaded, normalises in double precision and cuts every line
        out of the image, which nobody here asks for: a sixth of the time. So later ones call its parts.
        """
        detector: Any = getattr(self._engine, "text_det", None)
        if not (hasattr(detector, "session") and hasattr(detector, "postprocess_op")):
            found = self._engine(_blue_first(pixels), use_det=True, use_cls=False, use_rec=False)
            boxes = getattr(found, "boxes", None)
            return () if boxes is None else [np.asarray(box, np.float64) for box in boxes]
        size = pixels.shape[:2]
        if any(edge % STEP for edge in size):
            height, width = (max(round(edge / STEP), 1) * STEP for edge in size)
            pixels = import_module("cv2").resize(pixels, (width, height))
        planes = pixels[:, :, ::-1].transpose(2, 0, 1)[np.newaxis].astype(np.float32)
        planes *= np.float32(2 / 255)
        planes -= np.float32(1)
        boxes, _ = detector.postprocess_op(detector.session(planes), size)
        return [np.asarray(box, np.float64) for box in boxes]


def _offline_class(*, tiny_as_zero: bool) -> Callable[..., Callable[..., object]]:
    """The class of RapidOCR, without what would open a connection; see `_count_tiny_weights_as_zero`.

    Raises ImportError if it is not installed.

    onnxruntime, from 1.29 on, sends telemetry to Microsoft unless this variable is set before it is loaded.
    RapidOCR downloads models that it does not have, and reads images from URLs, by way of requests, whose
    import opens a socket: it gets a module without functions instead. It also reads its list of models, 85 kB
    of YAML, twice while it is imported, which takes half of its start: here it is read once.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import_module("onnxruntime").disable_telemetry_events()
    offline = ModuleType("requests")
    offline.__dict__.update(Response=object, RequestException=OSError)
    absent = "requests" not in sys.modules
    if absent:
        sys.modules["requests"] = offline
    try:
        with _lists_read_once():
            # the package imports its modules when the class is asked for
            found: Callable[..., Callable[..., object]] = import_module("rapidocr").RapidOCR
        if tiny_as_zero:
            with suppress(
                ImportError, AttributeError
            ):  # another version may be built otherwise, and take longer
                _count_tiny_weights_as_zero()
        return found
    finally:
        if absent:
            del sys.modules["requests"]


@contextmanager
def _lists_read_once() -> Iterator[None]:
    """Let OmegaConf, with which RapidOCR reads its lists, read each file once."""
    try:
        omega = import_module("omegaconf").OmegaConf
    except ImportError:  # another version may do without it
        yield
        return
    load = omega.__dict__["load"]
    omega.load = staticmethod(cache(omega.load))
    try:
        yield
    finally:
        omega.load = load


def _count_tiny_weights_as_zero() -> None:
    """Let onnxruntime take denormal numbers for zero, which changes no result and takes a third of the time.

    255,000 weights of two layers of the detector (PP-OCRv6 small) are denormal: processors calculate with
    such numbers a hundred times slower. The option takes effect with the first session of a process only, and
    then for all that its thread calculates: see FloatEnvironment.
    """
    sessions = import_module("rapidocr.inference_engine.onnxruntime.main").OrtInferSession
    usual: Callable[[object], Any] = sessions._init_sess_opts  # noqa: SLF001 - RapidOCR has no setting for it

    def with_zeros(settings: object) -> object:
        options = usual(settings)
        options.add_session_config_entry("session.set_denormal_as_zero", "1")
        return options

    sessions._init_sess_opts = staticmethod(with_zeros)  # noqa: SLF001


def _blue_first(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, :, ::-1])


@cache
def rapid_engine() -> Engine:
    """The engine of this process.

    Raises:
        UsageError: imgbudget[text] is not installed.
    """
    return RapidEngine()
