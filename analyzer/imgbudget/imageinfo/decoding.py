"""Whether images decode, and small copies of them, by a separate process, which is bounded and may die."""

import atexit
import os
import subprocess
import sys
import threading
from contextlib import suppress
from struct import Struct

from imgbudget.imageinfo.reader import Read
from imgbudget.limits.values import figure
from imgbudget.model.subjects import MOST_DECODED, UNDECODABLE, ImageFacts

SECONDS = 60.0
"""Time to decode one image; 100 megapixels take a few seconds."""

HEADER, ANSWER = Struct(">BQ"), Struct(">H")
"""Before an image the question and its bytes, before an answer those of its text."""

IS_DECODABLE, THUMBNAIL = 0, 1
"""The questions: why an image does not decode, and a small copy of it as a data URI."""

_SECONDS_TO_SHOW = 5.0

_WORKER = "imgbudget.fixing.decoder"


def with_decoding(facts: ImageFacts, read: Read, size: int) -> ImageFacts:
    """The facts, with the damage that only decoding shows; `read` returns `size` bytes.

    Raises:
        OSError: raised by the reader.
    """
    if facts.format is None or facts.damage is not None:
        return facts
    if size > MOST_DECODED:
        flaw = f"{UNDECODABLE}: it has {figure(size)} bytes, and at most {figure(MOST_DECODED)} are decoded"
    else:
        flaw = _WORKERS.flaw(read(size, 0))
    return facts._replace(damage=flaw) if flaw else facts


def thumbnail_of(data: bytes) -> str:
    """A small copy of an image as a data URI; empty if none can be made, or not soon."""
    return "" if len(data) > MOST_DECODED else _WORKERS.thumbnail(data)


class DecodingWorker:
    """A worker process, started with the first image and again after one that it did not survive."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def flaw(self, data: bytes) -> str:
        """Why an image cannot be decoded, in a clause; empty if it can."""
        try:
            return self._answer(IS_DECODABLE, data, SECONDS)
        except TimeoutError:
            return f"{UNDECODABLE} within {SECONDS:.0f} s"
        except (OSError, EOFError):
            return f"{UNDECODABLE}: the decoder crashed or took too much memory"

    def thumbnail(self, data: bytes) -> str:
        """A small copy of an image as a data URI; empty if none can be made."""
        try:
            return self._answer(THUMBNAIL, data, _SECONDS_TO_SHOW)
        except (OSError, EOFError):
            return ""

    def _answer(self, question: int, data: bytes, seconds: float) -> str:
        """The answer of the process. Raises TimeoutError, and OSError or EOFError if the process died."""
        with self._lock:
            process = self._running()
            late = threading.Event()

            def stop() -> None:
                late.set()
                process.kill()

            timer = threading.Timer(seconds, stop)
            timer.start()
            try:
                return self._asked(process, question, data)
            except (OSError, EOFError) as error:
                _end(process)
                if late.is_set():
                    raise TimeoutError from error
                raise
            finally:
                timer.cancel()

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._owner == os.getpid():
            _end(self._process)
            self._process = None

    def _running(self) -> "subprocess.Popen[bytes]":
        process = self._process
        # after a fork the process is that of the parent
        if process is None or self._owner != os.getpid() or process.poll() is not None:
            process = subprocess.Popen(  # noqa: S603 - this interpreter, without a shell
                (sys.executable, "-I", "-m", _WORKER), stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            self._process, self._owner = process, os.getpid()
        return process

    @staticmethod
    def _asked(process: "subprocess.Popen[bytes]", question: int, data: bytes) -> str:
        """The worker's answer. Raises OSError or EOFError if it died."""
        sent, received = process.stdin, process.stdout
        if sent is None or received is None:
            raise EOFError
        sent.write(HEADER.pack(question, len(data)))
        sent.write(data)
        sent.flush()
        head = received.read(ANSWER.size)
        if len(head) < ANSWER.size:
            raise EOFError
        (length,) = ANSWER.unpack(head)
        return received.read(length).decode("utf-8", "replace")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End a process, and close what leads to it."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        with suppress(OSError):
            if pipe is not None:
                pipe.close()


_WORKERS = DecodingWorker()
atexit.register(_WORKERS.close)
