"""Bounds the work of a reader: by steps, which depend on the input only, and for the guard by CPU time."""

try:
    from time import thread_time
except ImportError:  # in a browser, which has one thread
    from time import process_time as thread_time

_CHECKED_EVERY = 8192
"""Steps between two looks at the clock, about 0.1 ms."""


class StepsExceededError(Exception):
    """The input needs more steps than it has, or the time for all inputs is used up."""


class TimeLimit:
    """CPU seconds that several readings share; `reason` is a clause for inputs that were not read."""

    __slots__ = ("left", "reason")

    def __init__(self, seconds: float, reason: str) -> None:
        self.left: float = seconds
        self.reason: str = reason

    @property
    def used_up(self) -> bool:
        """Whether no time is left."""
        return self.left <= 0


class Steps:
    """The steps of one input."""

    __slots__ = ("_check_at", "_left", "_limit", "_since")

    def __init__(self, steps: int, limit: TimeLimit | None = None) -> None:
        self._left = steps
        self._limit = limit
        self._since = thread_time() if limit else 0.0
        self._check_at = max(steps - _CHECKED_EVERY, 0) if limit else 0

    def spend(self, steps: int) -> None:
        """Pay for work that is about to be done or was just done.

        Raises:
            StepsExceededError: too few steps are left, or no time is.
        """
        self._left -= steps
        if self._left < self._check_at:
            self._check()

    def _check(self) -> None:
        if self._left < 0:
            raise StepsExceededError
        self.close()
        self._check_at = max(self._left - _CHECKED_EVERY, 0)
        if self._limit is not None and self._limit.used_up:
            raise StepsExceededError

    def close(self) -> None:
        """Charge the time since the last look to the limit."""
        if self._limit is not None:
            now = thread_time()
            self._limit.left -= now - self._since
            self._since = now
