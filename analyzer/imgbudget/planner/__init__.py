"""From wishes to one plan: which size an image should be sent in."""

from imgbudget.planner.image import ImagePlan, Target, plan_image, request_edge_limit, size_after_fixes

__all__ = ["ImagePlan", "Target", "plan_image", "request_edge_limit", "size_after_fixes"]
