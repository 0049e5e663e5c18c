"""`imgbudget plan`: the resize plan of every image, with tokens, bytes and cost before and after."""

import json
import sys
from typing import Any, NamedTuple

import click

from imgbudget.cli.aims import budget_of, budget_options, for_options, goal_of, target_option
from imgbudget.cli.completion import files
from imgbudget.cli.fixing import place_options, wants_apply
from imgbudget.cli.options import config_options, model_options, output_options, wishes
from imgbudget.cli.output import Sink, parse_formats, say, wants_colour
from imgbudget.cli.plan_text import image_table, models_table, request_text, totals_line
from imgbudget.cli.resend_text import resend_text
from imgbudget.cli.several import limits_of_all
from imgbudget.errors import UsageError
from imgbudget.limits import Limits
from imgbudget.planner import ImagePlan
from imgbudget.planner.goal import Goal, Target
from imgbudget.planner.request import RequestPlan
from imgbudget.planner.resend import KEPT, Resend, resend
from imgbudget.report import Summary
from imgbudget.reporters.plans import PlanTotals, plan_document
from imgbudget.reporters.resends import resend_record
from imgbudget.session import Session
from imgbudget.session.planning import Aims, plans_of

FORMATS = ("full", "json")


@click.command("plan")
@click.argument("paths", nargs=-1, metavar="[PATHS]...", shell_complete=files)
@model_options
@target_option
@for_options
@budget_options
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
@click.option("--apply", is_flag=True, help="Make the planned changes; - writes to standard output.")
@click.option("--unsafe-fixes", is_flag=True, help="With --apply: let animations lose all frames but one.")
@place_options
@output_options(FORMATS, "full")
@config_options
def command(**options: Any) -> int:
    """Show the resize plan: from, to, tokens, bytes, cost, before and after.

    The images of a request are planned together: under the edge that their number imposes, the bytes of an
    image and of the body, the model's context, and budgets given here or in the configuration. The largest
    give first, images that fit stay byte for byte. Limits that a request is over are named, and so is what
    would help where no plan does: then the exit code is 1, and --apply leaves the request as it is.

    Nothing is written without --apply. Bytes of a resized image are an estimate by area; all other numbers
    are exact.
    """
    paths = options["paths"] = options["paths"] or (".",)
    applies = wants_apply(options)
    goal, budget = goal_of(options["targets"]), budget_of(options)
    several = _several(options, goal)
    formats = parse_formats(options["formats"], "full")
    for name, _ in formats:
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}; plan knows {', '.join(FORMATS)}")
    named = next((name for name in several if name != "all"), None)
    session = Session(wishes(options if options["model"] else {**options, "model": named}))
    models = limits_of_all(session, several)
    aims = Aims(session.bench.paths, goal._replace(models=models, cheapest=options["cheapest"]), budget)
    stdin = sys.stdin.buffer.read() if "-" in paths else None
    found = _gather(session, options, aims, stdin)
    for name, file in formats if not options["diff"] else ():
        sink = Sink(file, aside=applies and "-" in paths)
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
    if applies:
        from imgbudget.cli.applying import apply_plan  # noqa: PLC0415 - when asked for only

        if code := apply_plan(session, aims, options, stdin):
            return code
    return 0 if all(request.feasible for request in found.requests) else 1


def _several(options: dict[str, Any], goal: Goal) -> tuple[str, ...]:
    """The models that the images are for; none unless --for names some."""
    several: tuple[str, ...] = options["for_models"] or ()
    if options["cheapest"] and not several:
        raise UsageError("--cheapest needs --for with the models that are meant")
    if several and goal.target is not Target.TABLE:
        raise UsageError("--for takes no --target but dimension, tokens and bytes: it has a size of its own")
    return several


class _Found(NamedTuple):
    """The plans of a run, and the models that they are for; `resends` is None unless it is asked for."""

    plans: list[ImagePlan]
    requests: list[RequestPlan]
    totals: PlanTotals
    summary: Summary
    resends: list[Resend] | None
    models: tuple[Limits, ...] = ()


def _gather(session: Session, options: dict[str, Any], aims: Aims, stdin: bytes | None) -> _Found:
    summary = Summary()
    plans: list[ImagePlan] = []
    requests: list[RequestPlan] = []
    resends: list[Resend] = []
    for result in session.check(options["paths"], stdin=stdin):
        summary.add(result)
        planned = plans_of(result, aims, unsafe=options["unsafe_fixes"])
        plans.extend(planned.images)
        requests.extend(planned.requests)
        if options["show_resend"]:
            found = (resend(one.test, kept=options["keep"]) for one in result.requests)
            resends.extend(one for one in found if one)
    shown = resends if options["show_resend"] else None
    return _Found(plans, requests, PlanTotals.of(plans), summary, shown, aims.goal.models)


def _document(found: _Found) -> dict[str, Any]:
    document = plan_document(found.plans, found.requests, found.totals, found.summary, found.models)
    if found.resends is not None:
        document["resend"] = [resend_record(one) for one in found.resends]
    return document


def _text(found: _Found, *, show_all: bool, colour: bool) -> str:
    shown = [plan for plan in found.plans if plan.changes or show_all]
    joint = [request for request in found.requests if show_all or request.speaks]
    parts = [
        *((image_table(shown, colour=colour),) if shown and not found.models else ()),
        *((models_table(found.plans, shown, found.models, colour=colour),) if found.models else ()),
        *(request_text(request, show_all=show_all, colour=colour) for request in joint),
        totals_line(found.plans, found.totals, found.summary),
    ]
    text = "\n".join(parts)
    if found.resends is None:
        return text
    if not found.resends:
        return text + "no conversation of more than one call with images\n"
    return "\n".join([text, *(resend_text(one, colour=colour) for one in found.resends)])
