"""imgbudget: what a vision model will do with an image, known before it is sent.

The public surface: `check`, `plan`, `Session`, `Wishes`, `ImgbudgetError`, and the modules `imgbudget.rule`
and `imgbudget.testing` for authors of rules. What stands elsewhere may change.
"""

from typing import TYPE_CHECKING, Any

from imgbudget.version import __version__

if TYPE_CHECKING:
    from imgbudget.errors import ImgbudgetError as ImgbudgetError
    from imgbudget.session import Session as Session
    from imgbudget.session import Wishes as Wishes
    from imgbudget.session import check as check
    from imgbudget.session import plan as plan

__all__ = ["ImgbudgetError", "Session", "Wishes", "__version__", "check", "plan"]


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used: the command must not pay for them."""
    if name not in __all__:
        raise AttributeError(f"module 'imgbudget' has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - see above

    module = "imgbudget.errors" if name == "ImgbudgetError" else "imgbudget.session"
    return getattr(importlib.import_module(module), name)
