"""A rule pack of somebody else's whose rule ends the process that judges an image named `poison`."""

import os
import signal
from collections.abc import Iterator

from imgbudget.rule import Context, ImageUse, Problem, Severity, image_rule


@image_rule("XX901", "deadly", severity=Severity.INFO, since="0.1")
def deadly(use: ImageUse, _ctx: Context) -> Iterator[Problem]:
    """The image ends whatever reads it."""
    if "poison" in use.place.path:
        os.kill(os.getpid(), signal.SIGKILL)
    yield from ()


RULES = (deadly,)
