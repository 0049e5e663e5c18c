"""A third-party rule pack whose rule kills the process that checks an image named `poison`."""

import os
import signal
from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Level, Problem, Severity, rule


@rule("XX901", "crashing", level=Level.IMAGE, severity=Severity.INFO, since="0.1")
def crashing(use: ImageUse, _ctx: Context) -> Iterator[Problem]:
    """The image kills the process that checks it."""
    if "poison" in use.place.path:
        os.kill(os.getpid(), signal.SIGKILL)
    yield from ()


RULES = (crashing,)
