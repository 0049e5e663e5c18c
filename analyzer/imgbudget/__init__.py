"""imgbudget: what a vision model will do with an image, known before it is sent.

The public surface: `check`, `plan`, `fix`, `coords`, `coordinate_map`, `CoordinateMap`, `Session`,
`RunOptions`, `ImgbudgetError`, `guard`, `guard_transport`, `GuardError`, `prune_conversation` for programs
that send requests, and the modules `imgbudget.rule` and `imgbudget.testing` for authors of rules. Everything
else may change.
"""

from typing import TYPE_CHECKING, Any

from imgbudget.version import __version__

if TYPE_CHECKING:
    from imgbudget.errors import GuardError as GuardError
    from imgbudget.errors import ImgbudgetError as ImgbudgetError
    from imgbudget.geometry import CoordinateMap as CoordinateMap
    from imgbudget.live.conversation import prune_conversation as prune_conversation
    from imgbudget.live.guard import guard as guard
    from imgbudget.live.guard import guard_transport as guard_transport
    from imgbudget.session import RunOptions as RunOptions
    from imgbudget.session import Session as Session
    from imgbudget.session import check as check
    from imgbudget.session import fix as fix
    from imgbudget.session import plan as plan
    from imgbudget.session.coordinates import coordinate_map as coordinate_map
    from imgbudget.session.coordinates import coords as coords

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
    "fix",
    "guard",
    "guard_transport",
    "plan",
    "prune_conversation",
]

_ELSEWHERE = {
    "CoordinateMap": "imgbudget.geometry",
    "GuardError": "imgbudget.errors",
    "ImgbudgetError": "imgbudget.errors",
    "coordinate_map": "imgbudget.session.coordinates",
    "coords": "imgbudget.session.coordinates",
    "guard": "imgbudget.live.guard",
    "guard_transport": "imgbudget.live.guard",
    "prune_conversation": "imgbudget.live.conversation",
}
"""The modules of the names that are not in imgbudget.session."""


_RENAMED = {"Wishes": "RunOptions"}
"""Names of the version before, which warn for one release before they go."""


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used: the command must not pay for them."""
    if name in _RENAMED:
        import warnings  # noqa: PLC0415 - see above

        now = _RENAMED[name]
        warnings.warn(
            f"imgbudget.{name} is now imgbudget.{now}; the old name goes in the next release",
            DeprecationWarning,
            stacklevel=2,
        )
        name = now
    if name not in __all__:
        raise AttributeError(f"module 'imgbudget' has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - see above

    return getattr(importlib.import_module(_ELSEWHERE.get(name, "imgbudget.session")), name)
