"""The JSON form of a plan, and the totals under it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imgbudget.limits import Limits
from imgbudget.planner import ImagePlan
from imgbudget.planner.request import RequestPlan
from imgbudget.planner.views import View, views_of
from imgbudget.report import Summary
from imgbudget.reporters.records import TOOL, VERSION, usd


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTotals:
    """Sums over all images, before and after the plan; bytes after are an estimate, costs in USD."""

    changed: int
    tokens_before: int
    tokens_after: int
    tokens_area_before: int
    tokens_area_after: int
    bytes_before: int
    bytes_after: int
    cost_before: float
    cost_after: float

    @classmethod
    def of(cls, plans: Sequence[ImagePlan]) -> "PlanTotals":
        """The sums over these plans."""
        return cls(
            changed=sum(plan.changes for plan in plans),
            tokens_before=sum(plan.tokens_before for plan in plans),
            tokens_after=sum(plan.tokens_after for plan in plans),
            tokens_area_before=sum(plan.tokens_area_before or 0 for plan in plans),
            tokens_area_after=sum(plan.tokens_area_after or 0 for plan in plans),
            bytes_before=sum(plan.byte_size_before for plan in plans),
            bytes_after=sum(plan.byte_size_after for plan in plans),
            cost_before=sum(plan.limits.cost_usd(plan.tokens_before) for plan in plans),
            cost_after=sum(plan.limits.cost_usd(plan.tokens_after) for plan in plans),
        )


def plan_record(plan: ImagePlan) -> dict[str, Any]:
    """One image's plan."""
    place = plan.use.place
    return {
        "path": place.path,
        "pointer": place.pointer,
        "location": place.location,
        "model": plan.limits.model,
        "platform": plan.limits.platform,
        "from": list(plan.size),
        "to": list(plan.planned),
        "changes": plan.changes,
        "row": plan.row,
        "reason": plan.reason,
        "max_bytes": plan.max_bytes,
        "scale": list(plan.coordinates.scale),
        "before": {
            "tokens": plan.tokens_before,
            "tokens_area": plan.tokens_area_before,
            "bytes": plan.byte_size_before,
            "cost_usd": usd(plan.limits.cost_usd(plan.tokens_before)),
        },
        "after": {
            "tokens": plan.tokens_after,
            "tokens_area": plan.tokens_area_after,
            "bytes": plan.byte_size_after,
            "bytes_exact": not plan.changes,
            "cost_usd": usd(plan.limits.cost_usd(plan.tokens_after)),
        },
    }


def request_plan_record(plan: RequestPlan) -> dict[str, Any]:
    """The joint plan of one request; its images are listed beside it."""
    request, remedy = plan.request, plan.remedy
    return {
        "path": request.place.path,
        "line": request.line,
        "id": request.id,
        "model": plan.limits.model,
        "platform": plan.limits.platform,
        "images": len(request.images),
        "documents": len(request.documents),
        "changed": sum(image.changes for image in plan.images),
        "feasible": plan.feasible,
        "binding": [bound.name for bound in plan.binding],
        "limits": [
            {
                "name": bound.name,
                "owner": bound.owner,
                "limit": bound.limit,
                "unit": bound.unit,
                "before": usd(bound.before),
                "after": usd(bound.after),
                "exceeded": bound.exceeded,
                "binds": bound.binds,
            }
            for bound in plan.bounds
        ],
        "remedy": None
        if remedy is None
        else {
            "reasons": list(remedy.reasons),
            "drop": None if remedy.dropped is None else [place.location for place in remedy.dropped],
            "requests": remedy.requests,
        },
    }


def view_record(view: View) -> dict[str, Any]:
    """One planned image on one of the models that it is for; sizes are null where none is published."""
    return {
        "model": view.limits.model,
        "platform": view.limits.platform,
        "before": {
            "resized": list(view.seen_before) if view.seen_before else None,
            "tokens": view.tokens_before,
            "cost_usd": usd(view.cost_before),
        },
        "after": {
            "resized": list(view.seen_after) if view.seen_after else None,
            "tokens": view.tokens_after,
            "cost_usd": usd(view.cost_after),
        },
    }


def _of_several(plan: ImagePlan, models: Sequence[Limits]) -> dict[str, Any]:
    return {"models": [view_record(view) for view in views_of(plan, models)]} if models else {}


def plan_document(
    plans: Sequence[ImagePlan],
    requests: Sequence[RequestPlan],
    totals: PlanTotals,
    summary: Summary,
    models: Sequence[Limits] = (),
) -> dict[str, Any]:
    """The whole plan, version 1; with `models` each image has what each of them makes of it."""
    return {
        "version": VERSION,
        "tool": TOOL,
        "plans": [plan_record(plan) | _of_several(plan, models) for plan in plans],
        "requests": [request_plan_record(plan) for plan in requests],
        "totals": {
            "images": len(plans),
            "changed": totals.changed,
            "before": {
                "tokens": totals.tokens_before,
                "tokens_area": totals.tokens_area_before,
                "bytes": totals.bytes_before,
                "cost_usd": usd(totals.cost_before),
            },
            "after": {
                "tokens": totals.tokens_after,
                "tokens_area": totals.tokens_area_after,
                "bytes": totals.bytes_after,
                "cost_usd": usd(totals.cost_after),
            },
        },
        "summary": {
            "files": summary.files,
            "images": summary.images,
            "requests": summary.requests,
            "skipped": [{"path": path, "reason": reason} for path, reason in summary.skipped],
        },
    }
