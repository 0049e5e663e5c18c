"""Whether images decode, and small copies of them, by a separate process, which is bounded and may die."""

import atexit
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from struct import Struct

import imgbudget
from imgbudget.errors import UsageError, os_error_text
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
_MOST_SAID = 500
"""Characters of its reason that a message quotes."""

READY = b"ready\n"
"""The first line of the process, unless it cannot start: then its last line is the reason."""

_START = """\
import sys
sys.path[:] = sys.argv[1:]
try:
    from imgbudget.fixing.decoder import serve_parent
except BaseException as error:
    print(type(error).__name__ + ":", *str(error).split(), flush=True)
    sys.exit(1)
serve_parent()
"""
"""The program of the process. It looks for modules where this one does: in archives, folders of users and
what PYTHONPATH names too, which an interpreter that is isolated (`-I`) does not do by itself."""


def with_decoding(facts: ImageFacts, read: Read, size: int) -> ImageFacts:
    """The facts, with the damage that only decoding shows; `read` returns `size` bytes.

    Raises:
        OSError: raised by the reader.
        UsageError: no image can be decoded here.
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
        """Why an image cannot be decoded, in a clause; empty if it can.

        Raises:
            UsageError: the process does not start, which says nothing about the image.
        """
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
        except (OSError, EOFError, UsageError):
            return ""

    def _answer(self, question: int, data: bytes, seconds: float) -> str:
        """The answer of the process.

        Raises:
            TimeoutError: it took longer.
            OSError: the process died, as does EOFError.
            UsageError: it does not start.
        """
        with self._lock:
            process = self._running()
            with _killed_after(seconds, process):
                return self._asked(process, question, data)

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._owner == os.getpid():
            _end(self._process)
            self._process = None

    def _running(self) -> "subprocess.Popen[bytes]":
        """The process, started if need be. Raises UsageError."""
        process = self._process
        # after a fork the process is that of the parent
        if process is None or self._owner != os.getpid() or process.poll() is not None:
            process = _started()
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


def _started() -> "subprocess.Popen[bytes]":
    """A new process that is ready for images. Raises UsageError if it does not start."""
    if getattr(sys, "frozen", False) or not sys.executable:
        raise _no_decoder("this program has no Python beside it that could be started")
    try:
        process = subprocess.Popen(  # noqa: S603 - this interpreter, without a shell
            (sys.executable, "-I", "-c", _START, *_module_path()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    except OSError as error:
        raise _no_decoder(f"{sys.executable}: {os_error_text(error)}") from error
    try:
        with _killed_after(SECONDS, process):
            _await_ready(process)
    except TimeoutError as error:
        raise _no_decoder(f"it was not ready within {SECONDS:.0f} s") from error
    except (OSError, EOFError) as error:
        raise _no_decoder(str(error) or f"it ended with status {process.returncode}") from error
    return process


def _await_ready(process: "subprocess.Popen[bytes]") -> None:
    """Wait for the first line of a process. Raises EOFError with the last one if it ends without that."""
    said = b""
    for line in process.stdout or ():
        if line == READY:
            return
        said = line
    raise EOFError(said.decode("utf-8", "replace").strip())


def _no_decoder(reason: str) -> UsageError:
    return UsageError(
        f"no image can be decoded here: the process that does it cannot start: {reason[:_MOST_SAID]}; "
        "install imgbudget with pip, pipx or uv, or leave out --decode"
    )


def _module_path() -> list[str]:
    """Where the process looks for modules: as this one, without the working folder, which may be anyone's."""
    root, here = os.path.dirname(os.path.dirname(os.path.abspath(imgbudget.__file__))), ""
    with suppress(OSError):  # it may be deleted
        here = os.getcwd()
    found = [os.path.normpath(os.path.join(here, entry)) for entry in sys.path if entry]
    return [entry for entry in dict.fromkeys(found) if entry == root or entry != here]


@contextmanager
def _killed_after(seconds: float, process: "subprocess.Popen[bytes]") -> Iterator[None]:
    """End a process that has not answered after a while, or fails; raises TimeoutError for the former."""
    late = threading.Event()

    def stop() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        yield
    except (OSError, EOFError) as error:
        _end(process)
        if late.is_set():
            raise TimeoutError from error
        raise
    finally:
        timer.cancel()
        timer.join()  # with a thread left, processes for other work could not be forked
        if late.is_set():
            _end(process)  # it may have answered just before; it must not be asked again


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
