"""A third-party rule pack whose rule kills the process that checks an image named `poison`."""

import os
import signal
from collections.abc import Iterator

from imgbudget.model.subjects import ImageUse, Level, Problem, Severity
from imgbudget.rule import Context, rule


@rule("XX901", "crashing", level=Level.IMAGE, severity=Severity.INFO, since="0.1")
def crashing(use: ImageUse, _ctx: Context) -> Iterator[Problem]:
    """The image kills the process that checks it."""
    if "poison" in use.location.path:
        os.kill(os.getpid(), signal.SIGKILL)
    yield from ()


RULES = (crashing,)
