"""The plan for an image file that a client changes before it sends it: first the client, then the API."""

from imgbudget.limits.bound import Limits
from imgbudget.limits.clients import ClientProfile
from imgbudget.model.clients import as_sent, is_swapped
from imgbudget.model.subjects import ImageUse
from imgbudget.planner.image import ImagePlan, SizeGoal, plan_image


def plan_as_sent(use: ImageUse, limits: Limits, goal: SizeGoal, profile: ClientProfile) -> ImagePlan | None:
    """The plan for a file, given what the client makes of it; None as from `plan_image`.

    The file stays if what arrives needs no change. Else it gets the size that what arrives should have, in
    the orientation of the stored pixels.
    """
    sent = as_sent(use, profile)
    plan, stored = plan_image(sent.use, limits, target=goal), use.visible_size
    if plan is None or stored is None or use.facts is None:
        return plan
    planned = stored
    if plan.resizes:
        planned = plan.planned.transposed if sent.encoded and is_swapped(use.facts, profile) else plan.planned
    return plan._replace(use=use, size=stored, planned=planned, client=sent)
