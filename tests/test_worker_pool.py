"""Worker processes: whose item killed a worker is known, and nothing else is lost."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from imgbudget.linter.pool import WorkerPool, narrow_down
from tests.conftest import posix
from tests.processes import one_thread

MEMORY = ["of this module"]
"""Values that a test adds here are visible to forked processes only."""

POISON = 13


def double() -> Callable[[int], int]:
    """A worker that takes long for the first items, and dies of one."""
    return _double


def _double(number: int) -> int:
    if number == POISON:
        os.kill(os.getpid(), signal.SIGKILL)
    if number < 2:
        time.sleep(0.8)
    return 2 * number


def test_answers_come_in_order() -> None:
    """Whatever takes long; with fewer items than processes too."""
    with WorkerPool(double, 3) as pool:
        outcomes = list(pool.run_in_order(range(12)))
        assert [(one.number, one.item, one.answer) for one in outcomes] == [(i, i, 2 * i) for i in range(12)]
        assert [one.answer for one in pool.run_in_order([5])] == [10]
        assert list(pool.run_in_order([])) == []


def test_answers_come_as_they_are_ready() -> None:
    """What takes long is not waited for."""
    with WorkerPool(double, 2) as pool:
        assert [one.item for one in pool.run([0, 5, 6, 7])][-1] == 0


@posix
@pytest.mark.parametrize("jobs", [1, 3])
def test_a_dead_worker_leaves_its_item_without_an_answer(jobs: int) -> None:
    """Another process takes its place."""
    with WorkerPool(double, jobs) as pool:
        outcomes = list(pool.run_in_order(range(10, 20)))
        assert [one.item for one in outcomes if one.answer is None] == [POISON]
        assert [one.answer for one in outcomes if one.answer is not None] == [
            2 * i for i in range(10, 20) if i != POISON
        ]
        assert pool.run_alone(POISON) is None
        assert pool.run_alone(4) == 8


def test_what_a_worker_raises_is_raised_here() -> None:
    """As if there were no process between."""
    with WorkerPool(inverse, 2) as pool, pytest.raises(ZeroDivisionError):
        list(pool.run([1, 0]))


def inverse() -> Callable[[int], float]:
    """A worker that divides."""
    return (1).__truediv__


@posix
@pytest.mark.usefixtures("real_workers")
def test_processes_with_threads_are_not_forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread may hold a lock that is never released in the copy; without threads forking is faster."""
    monkeypatch.setattr(sys.modules[__name__], "MEMORY", ["of the test"])
    with monkeypatch.context() as alone:
        one_thread(alone)
        with WorkerPool(remember, 1) as pool:
            assert [one.answer for one in pool.run([0])] == ["of the test"]
    done = threading.Event()
    threading.Thread(target=done.wait).start()
    try:
        with WorkerPool(remember, 1) as pool:
            assert [one.answer for one in pool.run([0])] == ["of this module"]
    finally:
        done.set()


def remember() -> Callable[[int], str]:
    """A worker that answers from memory."""
    return lambda _: MEMORY[0]


def test_the_part_to_blame_is_found_in_halves() -> None:
    """All others get their answer, in order, and the attempts are few."""
    attempts: list[list[int]] = []

    def attempt(items: list[int]) -> list[str] | None:
        attempts.append(items)
        if POISON not in items:
            return [str(item) for item in items]
        return ["lost"] if len(items) == 1 else None

    def halve(items: list[int]) -> tuple[list[int], list[int]]:
        return items[: len(items) // 2], items[len(items) // 2 :]

    def join(_items: list[int], parts: Sequence[list[str]]) -> list[str]:
        return [one for part in parts for one in part]

    found = narrow_down(list(range(64)), attempt, halve, join)
    assert found == ["lost" if i == POISON else str(i) for i in range(64)]
    assert len(attempts) == 13
