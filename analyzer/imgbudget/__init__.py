"""imgbudget: what a vision model will do with an image, known before it is sent.

The public surface: `check`, `plan`, `fix`, `coords`, `coordinate_map`, `CoordinateMap`, `Session`, `Wishes`,
`ImgbudgetError`, and the modules `imgbudget.rule` and `imgbudget.testing` for authors of rules. What stands
elsewhere may change.
"""

from typing import TYPE_CHECKING, Any

from imgbudget.version import __version__

if TYPE_CHECKING:
    from imgbudget.errors import ImgbudgetError as ImgbudgetError
    from imgbudget.geometry import CoordinateMap as CoordinateMap
    from imgbudget.session import Session as Session
    from imgbudget.session import Wishes as Wishes
    from imgbudget.session import check as check
    from imgbudget.session import fix as fix
    from imgbudget.session import plan as plan
    from imgbudget.session.coordinates import coordinate_map as coordinate_map
    from imgbudget.session.coordinates import coords as coords

__all__ = [
    "CoordinateMap",
    "ImgbudgetError",
    "Session",
    "Wishes",
    "__version__",
    "check",
    "coordinate_map",
    "coords",
    "fix",
    "plan",
]

_ELSEWHERE = {
    "CoordinateMap": "imgbudget.geometry",
    "ImgbudgetError": "imgbudget.errors",
    "coordinate_map": "imgbudget.session.coordinates",
    "coords": "imgbudget.session.coordinates",
}
"""The modules of the names that are not in imgbudget.session."""


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used: the command must not pay for them."""
    if name not in __all__:
        raise AttributeError(f"module 'imgbudget' has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - see above

    return getattr(importlib.import_module(_ELSEWHERE.get(name, "imgbudget.session")), name)
