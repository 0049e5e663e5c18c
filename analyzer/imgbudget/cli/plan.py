"""`imgbudget plan`: the resize plan of every image, with tokens, bytes and cost before and after."""

import sys
from typing import Annotated, Any, NamedTuple

from imgbudget.cli.aims import CHEAPEST, FOR, TARGET, budget_of, goal_of
from imgbudget.cli.command import Command, Number, argument, flag, option
from imgbudget.cli.completion import files
from imgbudget.cli.fixing import wants_apply
from imgbudget.cli.options import (
    FORCE_EXCLUDE,
    BudgetOptions,
    ConfigOptions,
    ModelOptions,
    OutputOptions,
    WriteOptions,
    run_options,
)
from imgbudget.cli.output import chosen_formats, say, say_warnings, write_formats
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


class PlanOptions(NamedTuple):
    """The options of `plan`."""

    paths: Annotated[tuple[str, ...], argument("[PATHS]...", many=True, complete=files)] = (".",)
    provider: ModelOptions = ModelOptions()
    targets: Annotated[tuple[str, ...], TARGET] = ()
    for_models: Annotated[tuple[str, ...], FOR] = ()
    cheapest: Annotated[bool, CHEAPEST] = False
    budget: BudgetOptions = BudgetOptions()
    show_resend: Annotated[
        bool,
        flag(
            "--resend",
            help="For conversations: what each call sends again, and what files, caching or pruning save.",
        ),
    ] = False
    keep: Annotated[
        int,
        option(
            "--keep",
            type=Number(0),
            show_default=True,
            metavar="N",
            help="With --resend: number of most recent images that pruning keeps.",
        ),
    ] = KEPT
    show_all: Annotated[bool, flag("--all", help="Also list images that stay unchanged.")] = False
    force_exclude: Annotated[bool, FORCE_EXCLUDE] = False
    apply: Annotated[bool, flag("--apply", help="Make the planned changes; - writes to standard output.")] = (
        False
    )
    unsafe_fixes: Annotated[
        bool, flag("--unsafe-fixes", help="With --apply: reduce animations to a single frame.")
    ] = False
    write: WriteOptions = WriteOptions()
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def plan(options: PlanOptions) -> int:
    """Show the resize plan: from, to, tokens, bytes, cost, before and after.

    The images of a request are planned together: under the edge limit that their number imposes, the byte
    limits of an image and of the body, the model's context, and budgets given here or in the configuration.
    The largest images shrink first; images that fit stay byte for byte. If a request is still over a limit,
    the output names the limit and what would help; the exit code is then 1, and --apply leaves the request
    unchanged.

    Nothing is written without --apply. The byte size of a resized image is an estimate from its area; all
    other numbers are exact.
    """
    paths, output = options.paths, options.output
    applies = wants_apply(options)
    goal, budget = goal_of(options.targets), budget_of(options.budget)
    several = _several(options, goal)
    formats = chosen_formats(output.formats, FORMATS)
    named = next((name for name in several if name != "all"), None)
    provider = options.provider if options.provider.model else options.provider._replace(model=named)
    asked = run_options(provider=provider, settings=options.settings, verbose=output.verbose)
    session = Session(asked._replace(force_exclude=options.force_exclude))
    models = limits_of_all(session, several)
    aims = Aims(session.bench.paths, goal._replace(models=models, cheapest=options.cheapest), budget)
    stdin = sys.stdin.buffer.read() if "-" in paths else None
    found = _gather(session, options, aims, stdin)
    write_formats(
        () if options.write.diff else formats,
        output.color,
        text=lambda colour: _text(found, show_all=options.show_all, colour=colour),
        document=lambda: _document(found),
        aside=applies and "-" in paths,
    )
    say_warnings(session.notes)
    if found.summary.files == 0:
        say("warning: no files found")
    if applies:
        from imgbudget.cli.applying import apply_plan  # noqa: PLC0415 - when asked for only

        if code := apply_plan(session, aims, options, stdin):
            return code
    return 0 if all(request.feasible for request in found.requests) else 1


def _several(options: PlanOptions, goal: Goal) -> tuple[str, ...]:
    """The models that the images are for; none unless --for names some."""
    several = options.for_models
    if options.cheapest and not several:
        raise UsageError("--cheapest needs --for and the models to compare")
    if several and goal.target is not Target.TABLE:
        raise UsageError(
            "--for chooses the size itself; "
            "only --target dimension:, tokens: and bytes: can be combined with it"
        )
    return several


class _Found(NamedTuple):
    """The plans of a run, and the models that they are for; `resends` is None unless it is asked for."""

    plans: list[ImagePlan]
    requests: list[RequestPlan]
    totals: PlanTotals
    summary: Summary
    resends: list[Resend] | None
    models: tuple[Limits, ...] = ()


def _gather(session: Session, options: PlanOptions, aims: Aims, stdin: bytes | None) -> _Found:
    summary = Summary()
    plans: list[ImagePlan] = []
    requests: list[RequestPlan] = []
    resends: list[Resend] = []
    for result in session.check(options.paths, stdin=stdin):
        summary.add(result)
        planned = plans_of(result, aims, unsafe=options.unsafe_fixes)
        plans.extend(planned.images)
        requests.extend(planned.requests)
        if options.show_resend:
            found = (resend(one.test, kept=options.keep) for one in result.requests)
            resends.extend(one for one in found if one)
    shown = resends if options.show_resend else None
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


command = Command("plan", PlanOptions, plan, formats=FORMATS)
