"""Plans, and the cost of resending images over turns, as text tables and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.limits.bound import Limits
from imgbudget.model.location import Location
from imgbudget.model.results import Summary
from imgbudget.model.subjects import Request
from imgbudget.output.base import UNKNOWN, TextTable, count, figure, money, number
from imgbudget.output.records import TOOL, VERSION, range_record, usd
from imgbudget.planner.bounds import RequestBound
from imgbudget.planner.from_findings import TRANSCRIPT
from imgbudget.planner.image import ImagePlan, View, model_totals, views_of
from imgbudget.planner.request import Remedy, RequestPlan
from imgbudget.planner.resend import Load, Resend
from imgbudget.printable import blocks, joined


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanTotals:
    """Sums over all images, before and after the plan, costs in USD.

    The bytes after are within `bytes_range`, whose ends are the same if all are known.

    Tokens and cost are without those of `unknown` images, whose model is not known.
    """

    changed: int
    tokens_before: int
    tokens_after: int
    tokens_area_before: int
    tokens_area_after: int
    bytes_before: int
    bytes_after: int
    bytes_range: tuple[int, int]
    cost_before: float
    cost_after: float
    unknown: int

    @classmethod
    def of(cls, plans: Sequence[ImagePlan]) -> "PlanTotals":
        """The sums over these plans."""
        return cls(
            changed=sum(plan.changes for plan in plans),
            tokens_before=sum(plan.tokens_before or 0 for plan in plans),
            tokens_after=sum(plan.tokens_after or 0 for plan in plans),
            tokens_area_before=sum(plan.tokens_area_before or 0 for plan in plans),
            tokens_area_after=sum(plan.tokens_area_after or 0 for plan in plans),
            bytes_before=sum(plan.byte_size_before for plan in plans),
            bytes_after=sum(plan.byte_size_after for plan in plans),
            bytes_range=(
                sum(plan.bytes_range[0] for plan in plans),
                sum(plan.bytes_range[1] for plan in plans),
            ),
            cost_before=sum(plan.limits.cost_usd(plan.tokens_before) or 0.0 for plan in plans),
            cost_after=sum(plan.limits.cost_usd(plan.tokens_after) or 0.0 for plan in plans),
            unknown=sum(not plan.limits.counts_tokens for plan in plans),
        )


def plan_record(plan: ImagePlan) -> dict[str, Any]:
    """One image's plan."""
    location, limits = plan.use.location, plan.limits
    before, after = limits.tokens_range(plan.size), limits.tokens_range(plan.planned)
    return {
        "path": location.path,
        "pointer": location.pointer,
        "location": location.dotted,
        "model": plan.limits.model,
        "platform": plan.limits.platform or None,
        "from": list(plan.size),
        "to": list(plan.planned),
        "changes": plan.changes,
        "row": plan.row,
        "reason": plan.why,
        "max_bytes": plan.max_bytes,
        "scale": list(plan.coordinates.scale),
        "before": {
            "tokens": None if before else plan.tokens_before,
            "tokens_area": plan.tokens_area_before,
            "bytes": plan.byte_size_before,
            "cost_usd": None if before else usd(limits.cost_usd(plan.tokens_before)),
        }
        | range_record(before, limits),
        "after": {
            "tokens": None if after else plan.tokens_after,
            "tokens_area": plan.tokens_area_after,
            "bytes": plan.byte_size_after,
            "bytes_exact": plan.bytes_range[0] == plan.bytes_range[1],
            "bytes_range": _range(plan.bytes_range),
            "cost_usd": None if after else usd(limits.cost_usd(plan.tokens_after)),
        }
        | range_record(after, limits),
    }


def _range(found: tuple[int, int]) -> list[int] | None:
    """The fewest and the most bytes; null where they are known."""
    low, high = found
    return None if low == high else [low, high]


def request_plan_record(plan: RequestPlan) -> dict[str, Any]:
    """The plan of one request; its images are listed separately."""
    request, remedy = plan.request, plan.remedy
    return {
        "path": request.location.path,
        "line": request.line,
        "id": request.id,
        "model": plan.limits.model,
        "platform": plan.limits.platform or None,
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
            "drop": None if remedy.dropped is None else [location.dotted for location in remedy.dropped],
            "requests": remedy.requests,
        },
    }


def view_record(view: View) -> dict[str, Any]:
    """One planned image on one of its models; sizes are null if the provider publishes none."""
    return {
        "model": view.limits.model,
        "platform": view.limits.platform,
        "before": {
            "resized": list(view.size_before) if view.size_before else None,
            "tokens": view.tokens_before,
            "cost_usd": usd(view.cost_before),
        },
        "after": {
            "resized": list(view.size_after) if view.size_after else None,
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
    """The whole plan, version 1; with `models` each image also has its size and tokens on each."""
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
                "bytes_range": _range(totals.bytes_range),
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


def image_table(plans: Sequence[ImagePlan], requests: Sequence[RequestPlan], *, colour: bool) -> str:
    """Each image before and after; `requests` are those that the images are part of."""
    names = _request_names(requests)
    head = ("image", "from", "to", "row", "tokens", "estimate", "bytes", "cost", "why")
    table = TextTable(head, colour=colour)
    for plan in plans:
        before, after = plan.limits.cost_usd(plan.tokens_before), plan.limits.cost_usd(plan.tokens_after)
        table.add(
            _image_name(plan, names),
            str(plan.size),
            str(plan.planned),
            plan.row or "",
            f"{number(plan.tokens_before)} → {number(plan.tokens_after)}",
            _estimates(plan.tokens_area_before, plan.tokens_area_after),
            f"{figure(plan.byte_size_before)} → {_bytes(plan.bytes_range)}",
            f"{money(before)} → {money(after)}",
            plan.why,
        )
    return table.text(right={4, 5, 6, 7})


def models_table(
    plans: Sequence[ImagePlan],
    shown: Sequence[ImagePlan],
    requests: Sequence[RequestPlan],
    models: Sequence[Limits],
    *,
    colour: bool,
) -> str:
    """Each image on each model before and after, and what all images cost on each."""
    head = ("image", "from", "to", "model", "size used", "tokens", "cost", "why")
    names = _request_names(requests)
    table = TextTable(head, colour=colour)
    for plan in shown:
        for at, view in enumerate(views_of(plan, models)):
            first = at == 0
            table.add(
                _image_name(plan, names) if first else "",
                str(plan.size) if first else "",
                str(plan.planned) if first else "",
                view.limits.model,
                f"{view.size_before or '?'} → {view.size_after or '?'}",
                f"{number(view.tokens_before)} → {number(view.tokens_after)}",
                f"{money(view.cost_before)} → {money(view.cost_after)}",
                plan.why if first else "",
            )
    sums = TextTable(("model", "platform", "tokens of all images", "cost"), colour=colour)
    for total in model_totals(plans, models):
        sums.add(
            total.limits.model,
            total.limits.platform,
            f"{number(total.tokens_before)} → {number(total.tokens_after)}",
            f"{money(total.cost_before)} → {money(total.cost_after)}",
        )
    return blocks((*((table.text(right={5, 6}),) if shown else ()), sums.text(right={2, 3})))


def request_text(plan: RequestPlan, *, show_all: bool, colour: bool) -> str:
    """The limits that a request exceeds, before and after, and what helps where no plan keeps them."""
    request, limits = plan.request, plan.limits
    table = TextTable(("limit", "whose", "at most", "before", "after", ""), colour=colour)
    estimated = any(low != high for low, high in (image.bytes_range for image in plan.images))
    for bound in plan.bounds:
        if show_all or bound.exceeded or bound.binds or not bound.kept:
            about = "~" if estimated and bound.unit == "bytes" and bound.after != bound.before else ""
            table.add(
                bound.name,
                bound.owner,
                _amount(bound, bound.limit),
                _amount(bound, bound.before),
                about + _amount(bound, bound.after),
                "binds" if bound.binds else "",
            )
    changed = sum(image.changes for image in plan.images)
    media = count(len(request.images), "image")
    if request.documents:
        media += f", {count(len(request.documents), 'document')}"
    head = (
        f"{request_name(request)}: {media} for {limits.model} on {limits.platform or 'an unknown platform'}; "
        f"images to change: {figure(changed)}"
    )
    broken = [
        f"{bound.name}: {_amount(bound, bound.after)}, over {_amount(bound, bound.limit)}"
        for bound in plan.broken
    ]
    foot = joined(
        [f"limits that are not kept, because images cannot be changed: {'; '.join(broken)}"] * bool(broken)
    )
    foot += _remedy(plan.remedy) if plan.remedy else ""
    return joined([head]) + table.text(right={2, 3, 4}) + foot


def request_name(request: Request) -> str:
    """The file of a request, its line in a file of several, and its pointer."""
    location = request.location
    is_row = kind_of(location.path) is FileKind.JSONL and request.dialect != TRANSCRIPT
    line = f":{request.line}" if is_row or request.line > 1 else ""
    pointer = f" {location.pointer}" if location.pointer else ""
    return location.path + line + pointer


def totals_line(plans: Sequence[ImagePlan], totals: PlanTotals, summary: Summary) -> str:
    """The sums over all images."""
    skipped = (
        f"; {figure(len(summary.skipped))} of {count(summary.files, 'file')} skipped"
        if summary.skipped
        else ""
    )
    unknown = summary.images - len(plans)
    unsized = f"; {count(unknown, 'image')} that cannot be measured" if unknown else ""
    if totals.unknown:
        unsized += f"; {count(totals.unknown, 'image')} for unknown models, tokens not counted"
    older = _estimates(totals.tokens_area_before or None, totals.tokens_area_after)
    sums = (
        f"{figure(totals.changed)} of {count(len(plans), 'image')} to resize: "
        f"{figure(totals.tokens_before)} → {figure(totals.tokens_after)} tokens"
        f"{f' (older estimate {older})' if older else ''}, "
        f"{figure(totals.bytes_before)} → {_bytes(totals.bytes_range)} bytes, "
        f"{money(totals.cost_before)} → {money(totals.cost_after)}{unsized}{skipped}"
    )
    return joined([sums])


def _estimates(before: int | None, after: int | None) -> str:
    """The older published estimate, which exists only for Claude."""
    return "" if before is None or after is None else f"{figure(before)} → {figure(after)}"


def _bytes(found: tuple[int, int]) -> str:
    """A number of bytes, or the range that it is in."""
    low, high = found
    return figure(low) if low == high else f"{figure(low)} to {figure(high)}"


def _amount(bound: RequestBound, amount: float) -> str:
    if bound.unit == "USD":
        return money(amount)
    whole = amount if isinstance(amount, int) else int(amount)
    return figure(whole) + (f" {bound.unit}" if bound.unit in ("px", "bytes") else "")


def _remedy(remedy: Remedy) -> str:
    ways = []
    if remedy.dropped:
        first = ", ".join(location.dotted or "" for location in remedy.dropped[:_MOST_PLACES])
        more = len(remedy.dropped) - _MOST_PLACES
        and_more = f" and {count(more, 'more', 'more')}" if more > 0 else ""
        ways.append(f"leave out {count(len(remedy.dropped), 'image')} ({first}{and_more})")
    if remedy.requests:
        ways.append(f"split it into at least {figure(remedy.requests)} requests (imgbudget split)")
    helps = ", or ".join(ways) or "none; leaving out images or splitting the request is not enough"
    reasons = "; ".join(remedy.reasons)
    return joined(
        [f"no plan keeps all limits; with the smallest legible images: {reasons}", f"  = help: {helps}"]
    )


_MOST_PLACES = 3


def _request_names(plans: Sequence[RequestPlan]) -> dict[Location, str]:
    """The name of the request that each image is part of, by the location of the image."""
    return {use.location: request_name(plan.request) for plan in plans for use in plan.request.images}


def _image_name(plan: ImagePlan, names: Mapping[Location, str]) -> str:
    location = plan.use.location
    name = names.get(location) or location.path
    return name + (f" {location.dotted}" if location.dotted else "")


def resend_record(found: Resend) -> dict[str, Any]:
    """What each call of one conversation sends."""
    request = found.request
    return {
        "path": request.location.path,
        "line": request.line,
        "id": request.id,
        "model": found.limits.model,
        "platform": found.limits.platform or None,
        "calls": [
            {
                "location": call.location.dotted,
                "pointer": call.location.pointer,
                "new": _load(call.new, found),
                "resent": _load(call.resent, found),
                "cost_usd": usd(call.cost_usd),
            }
            for call in found.calls
        ],
        "once": _load(found.once, found),
        "sent": {**_load(found.sent, found), "cost_usd": usd(found.cost_usd)},
        "resent": _load(found.resent, found),
        "images_of_unknown_size": found.unsized,
        "savings": [
            {
                "way": saving.way,
                "available": saving.available,
                "images": saving.images,
                "base64_bytes": saving.byte_size,
                "tokens": found.limits.counted(saving.tokens),
                "cost_usd": usd(saving.cost_usd),
                "terms": saving.terms,
            }
            for saving in found.savings
        ],
    }


def _load(load: Load, found: Resend) -> dict[str, int | None]:
    tokens = found.limits.counted(load.tokens)
    return {"images": load.images, "base64_bytes": load.base64_bytes, "tokens": tokens}


def resend_text(found: Resend, *, colour: bool) -> str:
    """The calls of one conversation with their totals, and what each remedy saves."""
    request, limits = found.request, found.limits
    calls = TextTable(
        ("call", "up to", "new", "bytes", "tokens", "resent", "bytes", "tokens", "cost"), colour=colour
    )
    for at, call in enumerate(found.calls, 1):
        loads = [number(value) for load in (call.new, call.resent) for value in _load(load, found).values()]
        calls.add(str(at), call.location.dotted or "", *loads, money(call.cost_usd))
    sums = [number(value) for load in (found.once, found.resent) for value in _load(load, found).values()]
    calls.add("sum", "", *sums, money(found.cost_usd))
    savings = TextTable(("saved by", "bytes", "tokens", "cost", "terms"), colour=colour)
    for saving in found.savings:
        if not saving.available:
            savings.add(saving.way, "", "", "", f"{limits.api} does not have it")
            continue
        usd_saved, tokens = saving.cost_usd, number(limits.counted(saving.tokens))
        dollars = UNKNOWN if usd_saved is None else f"{'-' if usd_saved < 0 else ''}{money(abs(usd_saved))}"
        savings.add(saving.way, figure(saving.byte_size), tokens, dollars, saving.terms)
    unsized = f"; {count(found.unsized, 'image')} of unknown size, not counted" if found.unsized else ""
    amount = "tokens and cost unknown"
    if limits.counts_tokens:
        amount = f"{count(found.sent.tokens, 'visual token')}, {money(found.cost_usd)}"
    head = (
        f"{request_name(request)}: {count(len(found.calls), 'call')} sent "
        f"{count(found.sent.images, 'image')} ({figure(found.once.images)} different), "
        f"{count(found.sent.base64_bytes, 'byte')} as base64, "
        f"{amount} on {limits.model}{unsized}"
    )
    tables = (calls.text(right={0, 2, 3, 4, 5, 6, 7, 8}), savings.text(right={1, 2, 3}))
    return joined([head]) + blocks(tables)
