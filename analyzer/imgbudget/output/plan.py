"""Plans as text tables and as JSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from imgbudget.discovery.filetypes import FileKind, kind_of
from imgbudget.limits.geometry import bills_size
from imgbudget.limits.levers import levers
from imgbudget.model.location import Location
from imgbudget.model.results import Summary
from imgbudget.model.subjects import Request
from imgbudget.model.unread import UnreadPart
from imgbudget.output.base import (
    TextTable,
    between,
    count,
    figure,
    money,
    money_between,
    not_counted,
    paragraphs,
    tokens_between,
)
from imgbudget.output.contents import content_lines, content_record
from imgbudget.output.records import (
    TOOL,
    VERSION,
    client_record,
    narrowed_record,
    range_record,
    ranged,
    uncounted_record,
    unread_records,
    usd,
    usd_range,
)
from imgbudget.planner.bounds import RequestBound
from imgbudget.planner.from_findings import TRANSCRIPT
from imgbudget.planner.image import ImagePlan
from imgbudget.planner.request import Remedy, RequestPlan
from imgbudget.planner.totals import Costs, PlanTotals, Tokens, View, cost_ends, model_totals, views_of
from imgbudget.printable import blocks, joined

_UNKNOWN = (None, None)
"""The ends of an amount that is not known."""


def plan_record(plan: ImagePlan) -> dict[str, Any]:
    """One image's plan."""
    location, limits = plan.use.location, plan.limits
    before = limits.tokens_range(plan.arrives)
    after = limits.tokens_range(plan.will_arrive) and plan.ends_after
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
        **_levers(plan),
        **content_record(plan),
        **({"client": client_record(plan.client)} if plan.client else {}),
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
        **({"models": [view_record(view) for view in views_of(plan)]} if plan.models else {}),
    }


def _levers(plan: ImagePlan) -> dict[str, Any]:
    """The levels of detail that reduce the tokens where the size is not billed."""
    found = levers(plan.limits, plan.arrives)
    return {"levers": [lever._asdict() for lever in found]} if found else {}


def lever_lines(plans: Sequence[ImagePlan]) -> list[str]:
    """For each model that does not bill the size: what its images take at each level of detail."""
    by_model: dict[str, list[ImagePlan]] = {}
    for plan in plans:
        limits = plan.limits
        fixed = not limits.details and limits.counts(plan.arrives) and not bills_size(limits.tier)
        if fixed or levers(limits, plan.arrives):
            by_model.setdefault(limits.model, []).append(plan)
    return [_lever_line(model, some) for model, some in by_model.items()]


def _lever_line(model: str, plans: Sequence[ImagePlan]) -> str:
    text = f"{model} does not bill the size of an image: fewer pixels save upload, but no tokens"
    sums: dict[tuple[str, str], list[int]] = {}
    for plan in plans:
        for name, level, tokens in levers(plan.limits, plan.arrives):
            sums.setdefault((name, level), []).append(tokens)
    now, whole = sum(plan.tokens_before or 0 for plan in plans), count(len(plans), "image")
    ways = [
        f"with {name} {level} {figure(sum(tokens))}"
        for (name, level), tokens in sums.items()
        if len(tokens) == len(plans)
    ]
    if not ways:
        return text
    take = "takes" if len(plans) == 1 else "take"
    return f"{text}; {whole} {take} {figure(now)} tokens, {', '.join(ways)}"


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
                **ranged("before", *usd_range(bound.ranges[0])),
                **ranged("after", *usd_range(bound.ranges[1])),
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
            **ranged("tokens", *view.tokens_before or _UNKNOWN),
            **ranged("cost_usd", *usd_range(view.cost_before or _UNKNOWN)),
        },
        "after": {
            "resized": list(view.size_after) if view.size_after else None,
            **ranged("tokens", *view.tokens_after or _UNKNOWN),
            **ranged("cost_usd", *usd_range(view.cost_after or _UNKNOWN)),
        },
    }


def plan_document(  # noqa: PLR0913 - keyword arguments with defaults
    plans: Sequence[ImagePlan],
    requests: Sequence[RequestPlan],
    totals: PlanTotals,
    summary: Summary,
    *,
    unread: Sequence[UnreadPart] = (),
    not_selected: int | None = None,
) -> dict[str, Any]:
    """The whole plan, version 1; each image of a plan for several models has its size and tokens on each.

    `unread` is what nothing is planned for, as it cannot be read; `not_selected` how many images have no
    finding of the rules that are selected, None if all images are planned.
    """
    return {
        "version": VERSION,
        "tool": TOOL,
        "plans": [plan_record(plan) for plan in plans],
        "requests": [request_plan_record(plan) for plan in requests],
        "totals": {
            "images": len(plans),
            "changed": totals.changed,
            "before": {
                **ranged("tokens", *totals.tokens_before),
                "tokens_area": totals.tokens_area_before,
                "bytes": totals.bytes_before,
                **ranged("cost_usd", *usd_range(totals.cost_before)),
            },
            "after": {
                **ranged("tokens", *totals.tokens_after),
                "tokens_area": totals.tokens_area_after,
                "bytes": totals.bytes_after,
                "bytes_range": _range(totals.bytes_range),
                **ranged("cost_usd", *usd_range(totals.cost_after)),
            },
            **({} if totals.is_certain else {"state": "conflicting"}),
            **uncounted_record(totals.uncounted, totals.unpriced),
        },
        "summary": {
            "files": summary.files,
            "images": summary.images,
            "requests": summary.requests,
            "skipped": [{"path": path, "reason": reason} for path, reason in summary.skipped],
            "unread": unread_records(unread),
            **narrowed_record(summary.narrowed),
            **({} if not_selected is None else {"not_selected": not_selected}),
        },
    }


def image_table(plans: Sequence[ImagePlan], requests: Sequence[RequestPlan], *, colour: bool) -> str:
    """Each image before and after; `requests` are those that the images are part of."""
    names = _request_names(requests)
    head = ("image", "from", "to", "row", "tokens", "estimate", "bytes", "cost", "why")
    table = TextTable(head, colour=colour)
    for plan in plans:
        before, after = plan.limits.tokens_ends(plan.arrives), plan.ends_after
        table.add(
            _image_name(plan, names),
            str(plan.size),
            str(plan.planned),
            plan.row or "",
            _change(before, after),
            _estimates(plan.tokens_area_before, plan.tokens_area_after),
            f"{figure(plan.byte_size_before)} → {between(*plan.bytes_range)}",
            _cost_change(cost_ends(plan.limits, before), cost_ends(plan.limits, after)),
            plan.why,
        )
    return table.text(right={4, 5, 6, 7}, optional=(5, 3))


def evidence_text(plans: Sequence[ImagePlan], requests: Sequence[RequestPlan]) -> str:
    """What was measured of each image: the size that keeps what it shows, and what a smaller one loses."""
    names = _request_names(requests)
    texts = (joined(content_lines(plan, _image_name(plan, names))) for plan in plans)
    return blocks(text for text in texts if text)


def models_table(
    plans: Sequence[ImagePlan],
    shown: Sequence[ImagePlan],
    requests: Sequence[RequestPlan],
    *,
    colour: bool,
) -> str:
    """Each image on each model before and after, and what all images cost on each.

    Where the configurations of folders set other platforms, each line names its platform.
    """
    totals = list(model_totals(plans))
    apart = len({total.limits.model for total in totals}) < len(totals)
    where = ("platform",) if apart else ()
    names = _request_names(requests)
    table = TextTable(
        ("image", "from", "to", "model", *where, "size used", "tokens", "cost", "why"), colour=colour
    )
    for plan in shown:
        for at, view in enumerate(views_of(plan)):
            first = at == 0
            table.add(
                _image_name(plan, names) if first else "",
                str(plan.size) if first else "",
                str(plan.planned) if first else "",
                view.limits.model,
                *([view.limits.platform] if apart else ()),
                f"{view.size_before or '?'} → {view.size_after or '?'}",
                _change(view.tokens_before, view.tokens_after),
                _cost_change(view.cost_before, view.cost_after),
                plan.why if first else "",
            )
    tokens = ("images", "their tokens") if apart else ("tokens of all images",)
    sums = TextTable(("model", "platform", *tokens, "cost", ""), colour=colour)
    for total in totals:
        sums.add(
            total.limits.model,
            total.limits.platform,
            *([figure(total.images)] if apart else ()),
            _change(total.tokens_before, total.tokens_after),
            _cost_change(total.cost_before, total.cost_after),
            not_counted(total.uncounted if total.tokens_before else 0).removeprefix("; "),
        )
    more = len(where)
    return blocks(
        (
            *((table.text(right={5 + more, 6 + more}),) if shown else ()),
            *((sums.text(right={2, 3, 3 + more}),) if totals else ()),
        )
    )


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
                _amounts(bound, bound.ranges[0]),
                about + _amounts(bound, bound.ranges[1]),
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
        f"{bound.name}: {_amounts(bound, bound.ranges[1])}, over {_amount(bound, bound.limit)}"
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


def totals_line(plans: Sequence[ImagePlan], totals: PlanTotals, summary: Summary, left_out: int = 0) -> str:
    """The sums over all images but those that are left out."""
    skipped = (
        f"; {figure(len(summary.skipped))} of {count(summary.files, 'file')} skipped"
        if summary.skipped
        else ""
    )
    unknown = summary.images - len(plans) - left_out
    unsized = f"; {count(unknown, 'image')} that cannot be measured" if unknown else ""
    if left_out:
        unsized += f"; {count(left_out, 'image')} not selected"
    if totals.unknown:
        unsized += f"; {count(totals.unknown, 'image')} for unknown models, tokens not counted"
    unsized += not_counted(totals.uncounted - totals.unknown)
    costs = _cost_change(totals.cost_before, totals.cost_after)
    if totals.unpriced:
        costs = costs if totals.cost_before[1] else "cost unknown"
        unsized += not_counted(totals.unpriced, "cost") if totals.cost_before[1] else ""
    older = _estimates(totals.tokens_area_before or None, totals.tokens_area_after)
    sums = (
        f"{figure(totals.changed)} of {count(len(plans), 'image')} to resize: "
        f"{_change(totals.tokens_before, totals.tokens_after)} tokens"
        f"{f' (older estimate {older})' if older else ''}, "
        f"{figure(totals.bytes_before)} → {between(*totals.bytes_range)} bytes, "
        f"{costs}{unsized}{skipped}"
    )
    return paragraphs([sums])


def _change(before: Tokens | None, after: Tokens | None) -> str:
    """Tokens before and after."""
    return f"{tokens_between(*before or _UNKNOWN)} → {tokens_between(*after or _UNKNOWN)}"


def _cost_change(before: Costs | None, after: Costs | None) -> str:
    """US dollars before and after."""
    return f"{money_between(*before or _UNKNOWN)} → {money_between(*after or _UNKNOWN)}"


def _estimates(before: int | None, after: int | None) -> str:
    """The older published estimate, which exists only for Claude."""
    return "" if before is None or after is None else f"{figure(before)} → {figure(after)}"


def _amount(bound: RequestBound, amount: float) -> str:
    if bound.unit == "USD":
        return money(amount)
    whole = amount if isinstance(amount, int) else int(amount)
    return figure(whole) + (f" {bound.unit}" if bound.unit in ("px", "bytes") else "")


def _amounts(bound: RequestBound, span: tuple[float, float]) -> str:
    """An amount, or its two ends where it is not certain."""
    return " to ".join(dict.fromkeys(_amount(bound, end) for end in span))


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
