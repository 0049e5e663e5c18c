"""From wishes to plans and edits: which size an image should be sent in, and what findings come to."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgbudget.planner.image import ImagePlan, plan_image
    from imgbudget.planner.image import SizeGoal as Goal
    from imgbudget.planner.image import SizePreset as Target

__all__ = ["Goal", "ImagePlan", "Target", "plan_image"]


def __getattr__(name: str) -> Any:
    """Import what is used when it is used: a check alone plans nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'imgbudget.planner' has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - see above

    module = "goal" if name in ("Goal", "Target") else "image"
    return getattr(importlib.import_module(f"imgbudget.planner.{module}"), name)
