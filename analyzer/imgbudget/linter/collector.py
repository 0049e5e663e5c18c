"""Python's garbage collector while documents are read."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """Turn the garbage collector off: JSON values are many and have no reference cycles."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():
            # moves all objects to the oldest generation, so that they are not traversed at once
            gc.freeze()
            gc.unfreeze()
        gc.enable()
