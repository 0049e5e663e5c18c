"""Whether an agent is at work on a session: it has the file open, or has just written it."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from imgbudget.errors import WriteError
from imgbudget.printable import one_line
from imgbudget.programs import lsof

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

QUIET_SECONDS = 5.0
"""Seconds since the last write after which a session counts as left alone: agents write with each event."""

_PROCESSES = "/proc"
_PATIENCE = 10
"""Seconds in which lsof has to answer."""

_LISTED = 3


def refuse_if_in_use(path: str, fd: int) -> None:
    """Refuse a session that another process has open, or that was written a moment ago.

    Raises:
        WriteError: it is in use; the text names the process and the remedy.
    """
    refuse_if_open(path, fd)
    age = time.time() - os.fstat(fd).st_mtime
    if 0 <= age < QUIET_SECONDS:
        raise WriteError(
            f"{path}: was written {age:.0f} s ago, so that its agent may be at work; end the agent, and run "
            f"this again {QUIET_SECONDS:.0f} s after its last write"
        )


def refuse_if_open(path: str, fd: int) -> None:
    """Refuse a session that another process has open.

    Raises:
        WriteError: as `refuse_if_in_use` does.
    """
    status = os.fstat(fd)
    if holders := processes_with(path, status):
        more = f" and {len(holders) - _LISTED} more" if len(holders) > _LISTED else ""
        raise WriteError(
            f"{path}: is open in {', '.join(holders[:_LISTED])}{more}; end the agent, then run this again"
        )


@contextmanager
def locked(path: str, fd: int) -> Iterator[None]:
    """Keep others from rescuing the session in the block, where the system has locks.

    Raises:
        WriteError: another process holds the lock.
    """
    if fcntl is None:
        yield
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise WriteError(
            f"{path}: is locked by another process, perhaps by another rescue; run this again when it ends"
        ) from None
    except OSError:  # the file system has no locks
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(fd, fcntl.LOCK_UN)


def processes_with(path: str, status: os.stat_result) -> list[str]:
    """The other processes that have the file open, as far as the user may see that."""
    if os.path.isdir(f"{_PROCESSES}/self/fd"):
        return [
            f"{_name(number)} (process {number})"
            for number in _numbers()
            if number != os.getpid() and _has_open(number, status)
        ]
    program = lsof()
    if program is None:
        return []
    try:
        found = subprocess.run(  # noqa: S603 - a program of an absolute folder of PATH, with fixed options
            [program, "-w", "-Fpc", "--", os.path.abspath(path)],
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return list(_parsed(found.stdout.decode("utf-8", "replace")))


def _numbers() -> list[int]:
    with suppress(OSError):
        return sorted(int(name) for name in os.listdir(_PROCESSES) if name.isdecimal())
    return []


def _has_open(number: int, status: os.stat_result) -> bool:
    folder = f"{_PROCESSES}/{number}/fd"
    try:
        names = os.listdir(folder)
    except OSError:  # of another user, or ended
        return False
    for name in names:
        with suppress(OSError):
            if os.path.samestat(os.stat(f"{folder}/{name}"), status):
                return True
    return False


def _name(number: int) -> str:
    try:
        with open(f"{_PROCESSES}/{number}/comm", encoding="utf-8", errors="replace") as file:
            return one_line(file.read().strip()) or "another program"
    except OSError:
        return "another program"


def _parsed(text: str) -> Iterator[str]:
    """The processes in the output of `lsof -Fpc`: a line `pNUMBER`, then a line `cNAME`."""
    number = ""
    for line in text.splitlines():
        if line.startswith("p"):
            number = line[1:]
        elif line.startswith("c") and number and number != str(os.getpid()):
            yield f"{one_line(line[1:])} (process {number})"
