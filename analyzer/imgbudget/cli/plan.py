"""`imgbudget plan`: the resize plan of every image, with tokens, bytes and cost before and after."""

import sys
from typing import Annotated, Any, NamedTuple

from imgbudget.cli.checking import (
    Output,
    check_paths,
    fix_exit_code,
    fix_options,
    fix_outputs,
    fixer_of,
    say_fixes,
    wants_apply,
)
from imgbudget.cli.command import Command, Number, argument, flag, option
from imgbudget.cli.completion import files
from imgbudget.cli.options import (
    FORCE_EXCLUDE,
    BudgetOptions,
    ConfigOptions,
    ModelOptions,
    OutputOptions,
    WriteOptions,
    run_options,
)
from imgbudget.cli.output import Progress, Sink, chosen_formats, say, say_warnings, write_formats
from imgbudget.cli.targets import CHEAPEST, FOR, TARGET, budget_of, goal_of, limits_of_all
from imgbudget.errors import UsageError
from imgbudget.fixing.strategy import PlanFixes, PlanTargets, plans_of
from imgbudget.limits.bound import Limits
from imgbudget.linter.run import Session, StandardInput, run
from imgbudget.model.results import FileResult, Summary
from imgbudget.output.base import TextStyle
from imgbudget.output.fixes import FixLines
from imgbudget.output.plan import (
    PlanTotals,
    image_table,
    models_table,
    plan_document,
    request_text,
    resend_record,
    resend_text,
    totals_line,
)
from imgbudget.planner.image import ImagePlan, SizeGoal, SizePreset
from imgbudget.planner.request import RequestPlan
from imgbudget.planner.resend import KEPT, Resend, resend
from imgbudget.printable import blocks, joined

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
    targets = PlanTargets(
        session.context.paths, goal._replace(models=models, cheapest=options.cheapest), budget
    )
    stdin = sys.stdin.buffer.read() if "-" in paths else None
    found = _gather(session, options, targets, stdin)
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
    if applies and (code := apply_plan(session, targets, options, stdin)):
        return code
    return 0 if all(request.feasible for request in found.requests) else 1


def _several(options: PlanOptions, goal: SizeGoal) -> tuple[str, ...]:
    """The models that the images are for; none unless --for names some."""
    several = options.for_models
    if options.cheapest and not several:
        raise UsageError("--cheapest needs --for and the models to compare")
    if several and goal.target is not SizePreset.TABLE:
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


def _gather(session: Session, options: PlanOptions, targets: PlanTargets, stdin: bytes | None) -> _Found:
    plans: list[ImagePlan] = []
    requests: list[RequestPlan] = []
    resends: list[Resend] = []

    def add(result: FileResult) -> None:
        planned = plans_of(result, targets, unsafe=options.unsafe_fixes)
        plans.extend(planned.images)
        requests.extend(planned.requests)
        if options.show_resend:
            found = (resend(one.test, kept=options.keep) for one in result.requests)
            resends.extend(one for one in found if one)

    given = StandardInput(lambda: stdin or b"")
    summary = run(session, options.paths, on_result=add, stdin=given, whole_run=False)
    shown = resends if options.show_resend else None
    return _Found(plans, requests, PlanTotals.of(plans), summary, shown, targets.goal.models)


def _document(found: _Found) -> dict[str, Any]:
    document = plan_document(found.plans, found.requests, found.totals, found.summary, found.models)
    if found.resends is not None:
        document["resend"] = [resend_record(one) for one in found.resends]
    return document


def _text(found: _Found, *, show_all: bool, colour: bool) -> str:
    shown = [plan for plan in found.plans if plan.changes or show_all]
    joint = [request for request in found.requests if show_all or request.is_notable]
    parts = [
        *((image_table(shown, found.requests, colour=colour),) if shown and not found.models else ()),
        *(
            (models_table(found.plans, shown, found.requests, found.models, colour=colour),)
            if found.models
            else ()
        ),
        *(request_text(request, show_all=show_all, colour=colour) for request in joint),
        totals_line(found.plans, found.totals, found.summary),
    ]
    text = blocks(parts)
    if found.resends is None:
        return text
    if not found.resends:
        return text + joined(["no conversation of more than one call with images"])
    return blocks([text, *(resend_text(one, colour=colour) for one in found.resends)])


command = Command("plan", PlanOptions, plan, formats=FORMATS)


def apply_plan(session: Session, targets: PlanTargets, options: PlanOptions, stdin: bytes | None) -> int:
    """Make the changes of a plan and say what was really made; the exit code.

    0: all was made; 1: with `--diff`, a file would change; 2: a file could not be written.
    """
    write, output = options.write, options.output
    strategy = PlanFixes(targets.goal, targets.budget, options.unsafe_fixes)
    fixer = fixer_of(session, fix_options(write, strategy), options.paths)
    # a document on standard output is not to be followed by lines
    aside = any(text.partition(":")[::2] == ("json", "") for text in output.formats)
    lines = Output(FixLines(TextStyle(quiet=output.quiet)), Sink(aside=aside))
    progress = Progress(wanted=not output.no_progress and not output.quiet)
    outputs = fix_outputs([lines], write, options.paths)
    summary = check_paths(fixer, options.paths, outputs, progress, stdin=stdin)
    say_fixes(summary, output, diff=write.diff)
    return fix_exit_code(summary, 0, fail=write.diff)
