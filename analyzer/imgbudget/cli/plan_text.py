"""Plans as tables for a terminal: of images, and of the limits of a request."""

from collections.abc import Sequence

from imgbudget.cli.tables import Table
from imgbudget.limits import Limits
from imgbudget.model import ImageUse, Place
from imgbudget.planner import ImagePlan
from imgbudget.planner.bounds import Bound
from imgbudget.planner.remedy import Remedy
from imgbudget.planner.request import RequestPlan
from imgbudget.planner.views import model_totals, views_of
from imgbudget.report import Summary
from imgbudget.reporters.base import count, figure, money, one_line
from imgbudget.reporters.plans import PlanTotals


def image_table(plans: Sequence[ImagePlan], *, colour: bool) -> str:
    """What each image gives."""
    head = ("image", "from", "to", "row", "tokens", "estimate", "bytes", "cost", "why")
    table = Table(head, colour=colour)
    for plan in plans:
        before, after = plan.limits.cost_usd(plan.tokens_before), plan.limits.cost_usd(plan.tokens_after)
        table.add(
            _place(plan.use),
            str(plan.size),
            str(plan.planned),
            plan.row or "",
            f"{figure(plan.tokens_before)} → {figure(plan.tokens_after)}",
            _estimates(plan.tokens_area_before, plan.tokens_area_after),
            f"{figure(plan.byte_size_before)} → {_about(plan)}{figure(plan.byte_size_after)}",
            f"{money(before)} → {money(after)}",
            plan.reason,
        )
    return table.text(right={4, 5, 6, 7})


def models_table(
    plans: Sequence[ImagePlan], shown: Sequence[ImagePlan], models: Sequence[Limits], *, colour: bool
) -> str:
    """What each model makes of each image before and after, and what all images cost on each."""
    head = ("image", "from", "to", "model", "looks at", "tokens", "cost", "why")
    table = Table(head, colour=colour)
    for plan in shown:
        for number, view in enumerate(views_of(plan, models)):
            first = number == 0
            table.add(
                _place(plan.use) if first else "",
                str(plan.size) if first else "",
                str(plan.planned) if first else "",
                view.limits.model,
                f"{view.seen_before or '?'} → {view.seen_after or '?'}",
                f"{figure(view.tokens_before)} → {figure(view.tokens_after)}",
                f"{money(view.cost_before)} → {money(view.cost_after)}",
                plan.reason if first else "",
            )
    sums = Table(("model", "platform", "tokens of all images", "cost"), colour=colour)
    for total in model_totals(plans, models):
        sums.add(
            total.limits.model,
            total.limits.platform,
            f"{figure(total.tokens_before)} → {figure(total.tokens_after)}",
            f"{money(total.cost_before)} → {money(total.cost_after)}",
        )
    return (table.text(right={5, 6}) + "\n" if shown else "") + sums.text(right={2, 3})


def request_text(plan: RequestPlan, *, show_all: bool, colour: bool) -> str:
    """The limits that a request is over, what the plan makes of it, and what helps where no plan does."""
    request, limits = plan.request, plan.limits
    table = Table(("limit", "whose", "at most", "before", "after", ""), colour=colour)
    for bound in plan.bounds:
        if show_all or bound.exceeded or bound.binds or not bound.kept:
            about = "~" if bound.unit == "bytes" and bound.after != bound.before else ""
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
        f"{request_name(request.place, request.line)}: {media} for {limits.model} on {limits.platform}; "
        f"{figure(changed)} to change, the others stay byte for byte\n"
    )
    return head + table.text(right={2, 3, 4}) + (_remedy(plan.remedy) if plan.remedy else "")


def request_name(place: Place, line: int) -> str:
    """The file of a request, and its line where it is not the first."""
    pointer = f" {place.pointer}" if place.pointer else ""
    return one_line(place.path) + (f":{line}" if line > 1 else "") + pointer


def totals_line(plans: Sequence[ImagePlan], totals: PlanTotals, summary: Summary) -> str:
    """The sums over all images."""
    skipped = (
        f"; {figure(len(summary.skipped))} of {count(summary.files, 'file')} skipped"
        if summary.skipped
        else ""
    )
    unknown = summary.images - len(plans)
    unsized = f"; {count(unknown, 'image')} that cannot be measured" if unknown else ""
    older = _estimates(totals.tokens_area_before or None, totals.tokens_area_after)
    return (
        f"{figure(totals.changed)} of {count(len(plans), 'image')} to resize: "
        f"{figure(totals.tokens_before)} → {figure(totals.tokens_after)} tokens"
        f"{f' (older estimate {older})' if older else ''}, "
        f"{figure(totals.bytes_before)} → {'~' if totals.changed else ''}{figure(totals.bytes_after)} bytes, "
        f"{money(totals.cost_before)} → {money(totals.cost_after)}{unsized}{skipped}\n"
    )


def _estimates(before: int | None, after: int | None) -> str:
    """The older published estimate, which is Claude's alone."""
    return "" if before is None or after is None else f"{figure(before)} → {figure(after)}"


def _about(plan: ImagePlan) -> str:
    """What stands before the bytes after: an estimate, or a bound that decides."""
    return "" if not plan.changes else "≤ " if plan.is_bounded else "~"


def _amount(bound: Bound, amount: float) -> str:
    if bound.unit == "USD":
        return money(amount)
    number = amount if isinstance(amount, int) else int(amount)
    return figure(number) + (f" {bound.unit}" if bound.unit in ("px", "bytes") else "")


def _remedy(remedy: Remedy) -> str:
    ways = []
    if remedy.dropped:
        first = ", ".join(place.location or "" for place in remedy.dropped[:_MOST_PLACES])
        more = len(remedy.dropped) - _MOST_PLACES
        and_more = f" and {count(more, 'more', 'more')}" if more > 0 else ""
        ways.append(f"leave out {count(len(remedy.dropped), 'image')} ({first}{and_more})")
    if remedy.requests:
        ways.append(f"divide it into at least {figure(remedy.requests)} requests (imgbudget split)")
    helps = ", or ".join(ways) or "neither fewer images nor several requests help"
    return f"no plan keeps all limits: even so {'; '.join(remedy.reasons)}\n  = help: {helps}\n"


_MOST_PLACES = 3


def _place(use: ImageUse) -> str:
    place = use.place
    return one_line(place.path) + (f" {place.location}" if place.location else "")
