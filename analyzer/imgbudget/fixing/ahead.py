"""The images of one document on several processes: edited ahead, while earlier ones are written.

Processes are forked, so that they read the images from the open file themselves; where that is impossible,
the images are edited one after the other.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import NamedTuple

from imgbudget.linter.pool import WorkerPool, WorkOutcome, process_context
from imgbudget.model.edits import EditedImage

_WORTH = 2_000_000
"""Bytes of all images from which on processes are started: they load the codecs in 0.05 s each."""

CRASHED = "the process that edited this image crashed"


class EditOutcome(NamedTuple):
    """An edited image with the SHA-256 of its original, or the reason why there is none, as a clause."""

    edited: EditedImage | None
    digest_before: str = ""
    reason: str = ""


Edit = Callable[[], EditOutcome]


class Ahead:
    """Edits of images that are asked for in about this order; each outcome is given once."""

    def __init__(self, edits: Sequence[Edit], jobs: int) -> None:
        """Edit on up to `jobs` processes."""
        import_module("imgbudget.fixing.image")  # once, and not in each process
        self._pool: WorkerPool[int, EditOutcome] = WorkerPool(lambda: lambda number: edits[number](), jobs)
        self._outcomes: Iterator[WorkOutcome[int, EditOutcome]] = self._pool.run_in_order(range(len(edits)))
        self._done: dict[int, EditOutcome] = {}

    def outcome(self, number: int) -> EditOutcome:
        """The outcome of an edit, when it is there.

        Raises:
            UnreadableError: the file was changed meanwhile.
            OSError: it cannot be read.
        """
        while number not in self._done:
            done = next(self._outcomes)
            self._done[done.number] = done.answer or EditOutcome(None, reason=CRASHED)
        return self._done.pop(number)

    def close(self) -> None:
        """End the processes."""
        self._pool.close()


def pays(sizes: Sequence[int], jobs: int) -> bool:
    """Whether images of these sizes in bytes are edited sooner on several processes, if there may be any."""
    if jobs < 2 or len(sizes) < 2 or sum(sizes) < _WORTH:
        return False
    context, forks = process_context()
    # processes of a pool may not start others; they have whole files to work on
    return forks and not context.current_process().daemon
