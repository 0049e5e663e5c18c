"""Python's garbage collector while documents are read."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_host_freezes = False
"""Whether the host has frozen objects. To count them takes milliseconds if they are many: it is done once."""


@contextmanager
def without_collector() -> Iterator[None]:
    """Turn the garbage collector off: JSON values are many and have no reference cycles."""
    if not gc.isenabled():
        yield
        return
    global _host_freezes  # noqa: PLW0603 - as the objects are, it is one for the process
    gc.disable()
    try:
        yield
    finally:
        _host_freezes = _host_freezes or gc.get_freeze_count() > 0
        if not _host_freezes:
            # moves all objects to the oldest generation, so that they are not traversed at once
            gc.freeze()
            gc.unfreeze()
        gc.enable()
