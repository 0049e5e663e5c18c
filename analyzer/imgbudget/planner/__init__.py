"""From wishes to plans and edits: which size an image should be sent in, and what findings come to."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from imgbudget.planner.goal import Goal as Goal
    from imgbudget.planner.goal import Target as Target
    from imgbudget.planner.image import ImagePlan as ImagePlan
    from imgbudget.planner.image import plan_image as plan_image

__all__ = ["Goal", "ImagePlan", "Target", "plan_image"]


def __getattr__(name: str) -> Any:
    """Import what is used when it is used: a check alone plans nothing."""
    if name not in __all__:
        raise AttributeError(f"module 'imgbudget.planner' has no attribute {name!r}")
    import importlib  # noqa: PLC0415 - see above

    module = "goal" if name in ("Goal", "Target") else "image"
    return getattr(importlib.import_module(f"imgbudget.planner.{module}"), name)
