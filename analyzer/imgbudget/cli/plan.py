"""`imgbudget plan`: the resize plan of every image, with tokens, bytes and cost before and after."""

import json
import sys
from typing import Any, NamedTuple

import click

from imgbudget.cli.completion import files
from imgbudget.cli.options import config_options, model_options, output_options, wishes
from imgbudget.cli.output import Sink, parse_formats, say, wants_colour
from imgbudget.cli.resend_text import resend_text
from imgbudget.cli.tables import Table
from imgbudget.errors import UsageError
from imgbudget.planner import ImagePlan, Target
from imgbudget.planner.resend import KEPT, Resend, resend
from imgbudget.report import Summary
from imgbudget.reporters.base import count, figure, money, one_line
from imgbudget.reporters.plans import PlanTotals, plan_document
from imgbudget.reporters.resends import resend_record
from imgbudget.session import Session
from imgbudget.session.api import plans_of

FORMATS = ("full", "json")


@click.command("plan")
@click.argument("paths", nargs=-1, metavar="[PATHS]...", shell_complete=files)
@model_options
@click.option(
    "--target",
    type=click.Choice([target.value for target in Target]),
    default=Target.TABLE.value,
    show_default=True,
    help="table: a row of the aspect-ratio table where one keeps the ratio, else native; native: the largest "
    "size that the API leaves alone; latency: 1.15 megapixels and 1568 px.",
)
@click.option(
    "--resend",
    "show_resend",
    is_flag=True,
    help="For conversations: what each call sent again, and what files, caching or pruning would save.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    default=KEPT,
    show_default=True,
    metavar="N",
    help="With --resend: the last images that pruning keeps.",
)
@click.option("--all", "show_all", is_flag=True, help="List images that stay as they are, too.")
@click.option("--force-exclude", is_flag=True, help="Hold named files against excludes too (for hooks).")
@output_options(FORMATS, "full")
@config_options
def command(**options: Any) -> int:
    """Show the resize plan: from, to, tokens, bytes, cost, before and after.

    Nothing is written. Bytes of a resized image are an estimate by area; all other numbers are exact.
    """
    formats = parse_formats(options["formats"], "full")
    for name, _ in formats:
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}; plan knows {', '.join(FORMATS)}")
    session = Session(wishes(options))
    found = _gather(session, options)
    for name, file in formats:
        sink = Sink(file)
        if name == "json":
            sink.write(json.dumps(_document(found), indent=1) + "\n")
        else:
            colour = file is None and wants_colour(options["color"], sys.stdout)
            sink.write(_text(found, show_all=options["show_all"], colour=colour))
        sink.close()
    for note in session.notes:
        say(f"warning: {note}")
    if found.summary.files == 0:
        say("warning: no files found")
    return 0


class _Found(NamedTuple):
    """The plans of a run; `resends` is None unless the accounting is asked for."""

    plans: list[ImagePlan]
    totals: PlanTotals
    summary: Summary
    resends: list[Resend] | None


def _gather(session: Session, options: dict[str, Any]) -> _Found:
    summary = Summary()
    plans: list[ImagePlan] = []
    resends: list[Resend] = []
    stdin = sys.stdin.buffer.read() if "-" in options["paths"] else None
    for result in session.check(options["paths"] or (".",), stdin=stdin):
        summary.add(result)
        plans.extend(plans_of(result, Target(options["target"])))
        if options["show_resend"]:
            found = (resend(one.request, one.limits, kept=options["keep"]) for one in result.requests)
            resends.extend(one for one in found if one)
    return _Found(plans, PlanTotals.of(plans), summary, resends if options["show_resend"] else None)


def _document(found: _Found) -> dict[str, Any]:
    document = plan_document(found.plans, found.totals, found.summary)
    if found.resends is not None:
        document["resend"] = [resend_record(one) for one in found.resends]
    return document


def _text(found: _Found, *, show_all: bool, colour: bool) -> str:
    text = _plan_text(found.plans, found.totals, found.summary, show_all=show_all, colour=colour)
    if found.resends is None:
        return text
    if not found.resends:
        return text + "no conversation of more than one call with images\n"
    return "\n".join([text, *(resend_text(one, colour=colour) for one in found.resends)])


def _plan_text(
    plans: list[ImagePlan], totals: PlanTotals, summary: Summary, *, show_all: bool, colour: bool
) -> str:
    shown = [plan for plan in plans if plan.changes or show_all]
    head = ("image", "from", "to", "row", "tokens", "estimate", "bytes", "cost", "why")
    table = Table(head, colour=colour)
    for plan in shown:
        before, after = plan.limits.cost_usd(plan.tokens_before), plan.limits.cost_usd(plan.tokens_after)
        table.add(
            _place(plan),
            str(plan.size),
            str(plan.planned),
            plan.row or "",
            f"{figure(plan.tokens_before)} → {figure(plan.tokens_after)}",
            f"{figure(plan.tokens_area_before)} → {figure(plan.tokens_area_after)}",
            f"{figure(plan.byte_size_before)} → {'~' if plan.changes else ''}{figure(plan.byte_size_after)}",
            f"{money(before)} → {money(after)}",
            plan.reason,
        )
    text = table.text(right={4, 5, 6, 7}) + "\n" if shown else ""
    skipped = (
        f"; {figure(len(summary.skipped))} of {count(summary.files, 'file')} skipped"
        if summary.skipped
        else ""
    )
    unknown = summary.images - len(plans)
    unsized = f"; {count(unknown, 'image')} that cannot be measured" if unknown else ""
    return (
        f"{text}{figure(totals.changed)} of {count(len(plans), 'image')} to resize: "
        f"{figure(totals.tokens_before)} → {figure(totals.tokens_after)} tokens "
        f"(older estimate {figure(totals.tokens_area_before)} → {figure(totals.tokens_area_after)}), "
        f"{figure(totals.bytes_before)} → {'~' if totals.changed else ''}{figure(totals.bytes_after)} bytes, "
        f"{money(totals.cost_before)} → {money(totals.cost_after)}{unsized}{skipped}\n"
    )


def _place(plan: ImagePlan) -> str:
    place = plan.use.place
    return one_line(place.path) + (f" {place.location}" if place.location else "")
