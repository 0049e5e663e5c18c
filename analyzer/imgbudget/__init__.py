"""imgbudget: what a vision model will do with an image, before it is sent.

The public surface: `check`, `plan`, `fix`, `crop`, `coords`, `coordinate_map`, `CoordinateMap`, `Session`,
`RunOptions`, `ImgbudgetError`, `guard`, `guard_transport`, `GuardError`, `prune_conversation` for programs
that send requests, and the modules `imgbudget.rule` and `imgbudget.testing` for authors of rules. Everything
else may change.
"""

import importlib
import warnings
from typing import TYPE_CHECKING, Any

from imgbudget.version import __version__

if TYPE_CHECKING:
    from imgbudget.api import check, coordinate_map, coords, fix, plan
    from imgbudget.errors import GuardError, ImgbudgetError
    from imgbudget.fixing.cropping import crop
    from imgbudget.limits.geometry import CoordinateMap
    from imgbudget.linter.options import RunOptions
    from imgbudget.linter.run import Session
    from imgbudget.live.conversation import prune_conversation
    from imgbudget.live.guard import guard, guard_transport

__all__ = [
    "CoordinateMap",
    "GuardError",
    "ImgbudgetError",
    "RunOptions",
    "Session",
    "__version__",
    "check",
    "coordinate_map",
    "coords",
    "crop",
    "fix",
    "guard",
    "guard_transport",
    "plan",
    "prune_conversation",
]

_MODULES = {
    "RunOptions": "imgbudget.linter.options",
    "Session": "imgbudget.linter.run",
    "CoordinateMap": "imgbudget.limits.geometry",
    "GuardError": "imgbudget.errors",
    "ImgbudgetError": "imgbudget.errors",
    "coordinate_map": "imgbudget.api",
    "coords": "imgbudget.api",
    "crop": "imgbudget.fixing.cropping",
    "guard": "imgbudget.live.guard",
    "guard_transport": "imgbudget.live.guard",
    "prune_conversation": "imgbudget.live.conversation",
}
"""The modules of public names; all others are in imgbudget.api."""

_RENAMED = {"Wishes": "RunOptions"}
"""Old names, which warn for one release before they are removed."""


def __getattr__(name: str) -> Any:
    """Import public names on first use, so that the command need not load them."""
    if name in _RENAMED:
        new = _RENAMED[name]
        warnings.warn(
            f"imgbudget.{name} is now imgbudget.{new}; the old name goes in the next release",
            DeprecationWarning,
            stacklevel=2,
        )
        name = new
    if name not in __all__:
        raise AttributeError(f"module 'imgbudget' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES.get(name, "imgbudget.api")), name)
