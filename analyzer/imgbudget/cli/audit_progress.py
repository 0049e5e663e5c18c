"""A line on the terminal that says how far an audit has come."""

import sys
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imgbudget.audit.work import Summary

_PATIENCE = 0.5
_STEP = 0.1


class AuditProgress:
    """Tells images, their rate and partitions on standard error, from half a second on."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted and sys.stderr.isatty()
        self._begun = monotonic()
        self._next = self._begun + _PATIENCE
        self._shown = False

    def at(self, summary: "Summary") -> None:
        """So much is done."""
        now = monotonic()
        if not self._wanted or now < self._next:
            return
        self._next = now + _STEP
        self._shown = True
        rate = summary.images / (now - self._begun)
        errors = f", {summary.errors:,} errors" if summary.errors else ""
        text = f"{summary.images:,} images, {rate:,.0f} a second, {summary.byte_size / 1e9:,.2f} GB{errors}"
        print(f"\r{text}", end="\x1b[K", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Make room for other text."""
        if self._shown:
            self._shown = False
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
