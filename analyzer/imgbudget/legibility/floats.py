"""How the processor calculates with floating-point numbers: for the recogniser not as for its caller."""

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_BYTES = 1024
"""More than the environment of any system has: 8 to 32 bytes, a few hundred with all registers."""

_SMALLEST = [5e-324, 1.0]
"""The smallest number above zero, and one: in a list, so that their product is not computed in advance."""

_Access = Callable[[ctypes.Array[ctypes.c_char]], object]


class FloatEnvironment:
    """The floating-point environment that work leaves behind, for the next work of its kind only.

    onnxruntime lets a thread take denormal numbers for zero and leaves it so, whatever the calling program
    calculates there later. Here the caller has its environment (C99, fenv.h) back after each piece of work.
    """

    def __init__(self) -> None:
        """Nothing has been left behind yet."""
        self._access = _functions()
        self._left: ctypes.Array[ctypes.c_char] | None = None

    @property
    def is_separate(self) -> bool:
        """Whether this system can keep both environments apart."""
        return self._access is not None

    @contextmanager
    def entered(self) -> Iterator[None]:
        """For work: what earlier work left behind counts in it, and what the caller had counts after it."""
        if self._access is None:
            yield
            return
        read, write = self._access
        before = ctypes.create_string_buffer(_BYTES)
        read(before)
        if self._left is not None:
            write(self._left)
        try:
            yield
        finally:
            if self._left is None and takes_tiny_for_zero():
                left = ctypes.create_string_buffer(_BYTES)
                read(left)
                self._left = left
            write(before)


def takes_tiny_for_zero() -> bool:
    """Whether denormal numbers are zero in this thread now."""
    smallest, one = _SMALLEST
    return smallest * one == 0


def _functions() -> tuple[_Access, _Access] | None:
    """The functions that read and write the environment of this thread; None where they are not found."""
    try:
        library = ctypes.CDLL(None)
        access = library.fegetenv, library.fesetenv
    except (OSError, TypeError, AttributeError):  # TypeError on Windows, which has no library without a name
        return None
    return access
