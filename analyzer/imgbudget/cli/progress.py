"""A line on the terminal that says how far a long run has come; gone when it ends."""

import sys
from time import monotonic

_PATIENCE = 0.5
_STEP = 0.1


class Progress:
    """Counts files on standard error, from half a second on, and never between two lines of results."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted and sys.stderr.isatty()
        self._next = monotonic() + _PATIENCE
        self._shown = False

    def at(self, files: int) -> None:
        """So many files are done."""
        if self._wanted and monotonic() >= self._next:
            self._next = monotonic() + _STEP
            self._shown = True
            print(f"\r{files:,} files", end="\x1b[K", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Make room for other text."""
        if self._shown:
            self._shown = False
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
