"""For tests of worker processes."""

import threading

import pytest


def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have workers forked, with all that a test has replaced: servers of other tests have threads."""
    monkeypatch.setattr(threading, "active_count", lambda: 1)
