"""From wishes to one plan: which size an image should be sent in."""

from imgbudget.planner.goal import Goal, Target
from imgbudget.planner.image import ImagePlan, plan_image, request_edge_limit, size_after_fixes

__all__ = ["Goal", "ImagePlan", "Target", "plan_image", "request_edge_limit", "size_after_fixes"]
