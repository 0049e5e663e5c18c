"""For tests of worker processes."""

import pytest

from imgbudget.linter import pool


def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have workers forked, with all that a test has replaced: servers of other tests have threads."""
    monkeypatch.setattr(pool, "has_threads", lambda: False)
