"""The floating-point environment of the recogniser is not that of the program that calls it."""

import ctypes
import platform
import sys
import threading

import pytest

from imgbudget.legibility.floats import FloatEnvironment, takes_tiny_for_zero

_CONTROL = 28
"""Where the environment of glibc has MXCSR on x86-64, four bytes."""

x86 = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64" or platform.libc_ver()[0] != "glibc",
    reason="writes a register of x86-64 through glibc",
)


def take_tiny_for_zero() -> None:
    """As onnxruntime does with the first session that asks for it."""
    library = ctypes.CDLL(None)
    environment = ctypes.create_string_buffer(1024)
    library.fegetenv(environment)
    control = int.from_bytes(environment.raw[_CONTROL : _CONTROL + 4], "little") | 0x8040
    ctypes.memmove(ctypes.addressof(environment) + _CONTROL, control.to_bytes(4, "little"), 4)
    library.fesetenv(environment)


@x86
def test_work_and_caller_calculate_each_in_their_way() -> None:
    """What work leaves behind counts for the next work, in other threads too, and never for the caller."""
    environment = FloatEnvironment()
    assert environment.is_separate
    with environment.entered():
        assert not takes_tiny_for_zero()

    def fail() -> None:
        with environment.entered():
            take_tiny_for_zero()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not takes_tiny_for_zero()
    inside: list[bool] = []

    def again() -> None:
        with environment.entered():
            inside.append(takes_tiny_for_zero())
        inside.append(takes_tiny_for_zero())

    again()
    thread = threading.Thread(target=again)
    thread.start()
    thread.join()
    assert inside == [True, False] * 2
    with FloatEnvironment().entered():
        assert not takes_tiny_for_zero()


def test_a_system_without_the_functions_keeps_one_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is done there as usual, and must not change it."""
    monkeypatch.setattr(ctypes, "CDLL", lambda _name: object())
    environment = FloatEnvironment()
    assert not environment.is_separate
    with environment.entered():
        assert not takes_tiny_for_zero()
