"""imgbudget: what a vision model will do with an image, before it is sent.

The public names are those of `__all__`, which `docs/python.md` describes, and the modules `imgbudget.rule`
and `imgbudget.testing` for authors of rules. Everything else may change.
"""

import importlib
import warnings
from typing import TYPE_CHECKING

from imgbudget.version import __version__

if TYPE_CHECKING:
    from imgbudget.api.auditing import AuditReport, audit
    from imgbudget.api.checks import check, check_request
    from imgbudget.api.cropping import crop
    from imgbudget.api.explaining import ErrorResult, ExplainReport, explain
    from imgbudget.api.fixes import fix
    from imgbudget.api.legibility import LegibleModel, LegibleReport, LegibleResult, legible
    from imgbudget.api.plans import PlanReport, plan
    from imgbudget.api.reports import CheckReport, NarrowedBy
    from imgbudget.api.rescuing import RescueReport, RescueResult, rescue
    from imgbudget.api.sizes import (
        SizeReport,
        SizeResult,
        TilesReport,
        TilingResult,
        coordinate_map,
        coords,
        size,
        tiles,
        tokens,
    )
    from imgbudget.api.splits import SplitReport, SplitResult, split
    from imgbudget.errors import ConfigError, GuardError, ImgbudgetError, UsageError
    from imgbudget.fixing.cropping import Crop
    from imgbudget.limits.geometry import CoordinateMap
    from imgbudget.linter.options import RunOptions
    from imgbudget.linter.run import Session
    from imgbudget.live.conversation import prune_conversation
    from imgbudget.live.guard import guard, guard_transport

__all__ = [
    "AuditReport",
    "CheckReport",
    "ConfigError",
    "CoordinateMap",
    "Crop",
    "ErrorResult",
    "ExplainReport",
    "GuardError",
    "ImgbudgetError",
    "LegibleModel",
    "LegibleReport",
    "LegibleResult",
    "NarrowedBy",
    "PlanReport",
    "RescueReport",
    "RescueResult",
    "RunOptions",
    "Session",
    "SizeReport",
    "SizeResult",
    "SplitReport",
    "SplitResult",
    "TilesReport",
    "TilingResult",
    "UsageError",
    "__version__",
    "audit",
    "check",
    "check_request",
    "coordinate_map",
    "coords",
    "crop",
    "explain",
    "fix",
    "guard",
    "guard_transport",
    "legible",
    "plan",
    "prune_conversation",
    "rescue",
    "size",
    "split",
    "tiles",
    "tokens",
]

_NAMES = {
    "imgbudget.api.auditing": ("AuditReport", "audit"),
    "imgbudget.api.checks": ("check", "check_request"),
    "imgbudget.api.cropping": ("crop",),
    "imgbudget.api.explaining": ("ErrorResult", "ExplainReport", "explain"),
    "imgbudget.api.fixes": ("fix",),
    "imgbudget.api.legibility": ("LegibleModel", "LegibleReport", "LegibleResult", "legible"),
    "imgbudget.api.plans": ("PlanReport", "plan"),
    "imgbudget.api.reports": ("CheckReport", "NarrowedBy"),
    "imgbudget.api.rescuing": ("RescueReport", "RescueResult", "rescue"),
    "imgbudget.api.sizes": (
        *("SizeReport", "SizeResult", "TilesReport", "TilingResult"),
        *("coordinate_map", "coords", "size", "tiles", "tokens"),
    ),
    "imgbudget.api.splits": ("SplitReport", "SplitResult", "split"),
    "imgbudget.errors": ("ConfigError", "GuardError", "ImgbudgetError", "UsageError"),
    "imgbudget.fixing.cropping": ("Crop",),
    "imgbudget.limits.geometry": ("CoordinateMap",),
    "imgbudget.linter.options": ("RunOptions",),
    "imgbudget.linter.run": ("Session",),
    "imgbudget.live.conversation": ("prune_conversation",),
    "imgbudget.live.guard": ("guard", "guard_transport"),
}
"""The public names by module."""

_MODULES = {name: module for module, names in _NAMES.items() for name in names}

_RENAMED = {"Wishes": "RunOptions"}
"""Old names, which warn for one release before they are removed."""


if not TYPE_CHECKING:  # a type checker knows the names above, and reports others

    def __getattr__(name: str) -> object:
        """Import public names on first use, so that the command need not load them."""
        if name in _RENAMED:
            new = _RENAMED[name]
            warnings.warn(
                f"imgbudget.{name} is now imgbudget.{new}; the old name goes in the next release",
                DeprecationWarning,
                stacklevel=2,
            )
            name = new
        if name not in _MODULES:
            raise AttributeError(f"module 'imgbudget' has no attribute {name!r}")
        return getattr(importlib.import_module(_MODULES[name]), name)

    def __dir__() -> list[str]:
        """The public names."""
        return sorted(__all__)
