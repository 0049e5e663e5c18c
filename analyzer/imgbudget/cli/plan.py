"""`imgbudget plan`: the resize plan of every image, with tokens, bytes and cost before and after."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Annotated, Any, NamedTuple

from imgbudget.api.documents import documents_in, found_documents, planned_document
from imgbudget.cli.checking import (
    Output,
    check_paths,
    fix_exit_code,
    fix_options,
    fix_outputs,
    fixer_of,
    say_caveats,
    say_fixes,
    say_narrowed,
    say_nothing_found,
    say_skipped,
    wants_apply,
)
from imgbudget.cli.command import FILES_FROM, Command, Number, argument, flag, option
from imgbudget.cli.completion import files
from imgbudget.cli.options import (
    CLIENT_FIRST,
    FORCE_EXCLUDE,
    JOBS,
    UNSAFE_FIXES,
    BudgetOptions,
    ConfigOptions,
    OutputOptions,
    SelectionOptions,
    WriteOptions,
    rules_option,
    run_options,
)
from imgbudget.cli.output import Progress, Sink, chosen_formats, say, say_warnings, show, write_formats
from imgbudget.cli.targets import CHEAPEST, FOR, TARGET, ModelsOptions, budgets_of
from imgbudget.errors import UsageError
from imgbudget.fixing.contents import MeasuredContents, measured_contents
from imgbudget.fixing.strategy import FilePlan, PlanFixes, PlanTargets, for_models, plans_of
from imgbudget.fixing.trial import FileOutcome, Outcomes, TrialFixer, changed_files, made_plan, tried
from imgbudget.linter.pool import cores
from imgbudget.linter.run import Session, StandardInput, run
from imgbudget.linter.unused import NamedFiles
from imgbudget.model.results import FileResult, Summary
from imgbudget.model.unread import UnreadPart
from imgbudget.output.base import TextStyle, count
from imgbudget.output.contents import content_notes
from imgbudget.output.documents import DocumentPlan, document_record, document_text
from imgbudget.output.fixes import FixLines
from imgbudget.output.plan import (
    evidence_text,
    image_table,
    lever_lines,
    models_table,
    plan_document,
    request_text,
    totals_line,
)
from imgbudget.output.resend import resend_record, resend_text
from imgbudget.planner.image import ImagePlan, SizeGoal
from imgbudget.planner.pruning import KEPT
from imgbudget.planner.request import RequestPlan
from imgbudget.planner.resend import Resend, resend
from imgbudget.planner.targets import goal_of
from imgbudget.planner.totals import PlanTotals
from imgbudget.printable import blocks, joined

FORMATS = ("full", "json")


class PlanOptions(NamedTuple):
    """The options of `plan`."""

    paths: Annotated[tuple[str, ...], argument("[PATHS]...", many=True, complete=files)] = (".",)
    files_from: Annotated[tuple[str, ...], FILES_FROM] = ()
    provider: ModelsOptions = ModelsOptions()
    client: Annotated[str | None, CLIENT_FIRST] = None
    targets: Annotated[tuple[str, ...], TARGET] = ()
    for_models: Annotated[tuple[str, ...], FOR] = ()
    cheapest: Annotated[bool, CHEAPEST] = False
    budget: BudgetOptions = BudgetOptions()
    select: Annotated[
        tuple[str, ...] | None,
        rules_option(
            "--select",
            "Plan only image files and requests in which one of these rules finds something: codes, "
            "prefixes such as IB1, names or ALL; comma-separated.",
        ),
    ] = None
    ignore: Annotated[tuple[str, ...], rules_option("--ignore", "Rules that do not count for --select.")] = ()
    extend_select: Annotated[
        tuple[str, ...], rules_option("--extend-select", "Rules that count for --select in addition.")
    ] = ()
    show_resend: Annotated[
        bool,
        flag(
            "--resend",
            help="For conversations: what calls send again, and what caching, files and pruning cost.",
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
    estimate: Annotated[
        bool,
        flag(
            "--estimate",
            help="Read headers only: the bytes of changed images are then a range, and growth is not known.",
        ),
    ] = False
    apply: Annotated[bool, flag("--apply", help="Make the planned changes; - writes to standard output.")] = (
        False
    )
    jobs: Annotated[int | None, JOBS] = None
    unsafe_fixes: Annotated[
        bool, UNSAFE_FIXES._replace(help="Also reduce animations to a frame, write pages as files.")
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
    unchanged. With several models (--model a,b), the size is the largest that none of them downscales or
    rejects.

    Of a PDF file, each page is planned: whether it has a text layer, the DPI whose raster the model uses
    without a change, and its tokens as text, as an image, and in a document block, which is both. Of those
    found in a folder the sums are printed, with --all each page. The extra pdf reads more than the number
    of pages. Exit code 2 if something cannot be read, or a file that is named holds nothing to plan.

    Nothing is written without --apply. Each image that changes is encoded as --apply would, on all cores, so
    that sizes and bytes are those of the result; --estimate reads headers only and shows the range that the
    bytes of a changed image will be in. An image that would take more bytes than now stays as it is, unless
    the API refuses it or a target asks for fewer pixels.

    --target legible and same decode each image and measure sizes on the model's grid, on all cores; the
    output says what was read at the chosen size and what is lost one step below. An image without text, or
    whose text no single size keeps, stays as it is. The exit code is 1 if text is lost at every size, 2 if an
    image cannot be measured.
    """
    options, named_documents = _without_documents(options)
    paths, output = options.paths, options.output
    applies = wants_apply(options) and bool(paths)
    if options.estimate and applies:
        raise UsageError("--estimate plans from headers alone; it does not go with --apply or --diff")
    if options.keep != KEPT and not options.show_resend:
        raise UsageError("--keep goes with --resend")
    goal, budgets = goal_of(options.targets), budgets_of(options.budget, ("image", "request"))
    several = options.for_models or options.provider.several
    formats = chosen_formats(output.formats, FORMATS)
    asked = run_options(
        provider=options.provider._replace(models=options.provider.models or several).first,
        settings=options.settings,
        verbose=output.verbose,
        client=options.client or "",
        rules=SelectionOptions(options.select, options.ignore, options.extend_select),
    )
    session = Session(asked._replace(force_exclude=options.force_exclude, budgets=budgets, nested=True))
    goal = for_models(goal, several, cheapest=options.cheapest)
    measured = _measured(session, options, goal)
    targets = PlanTargets.of(session, measured.goal, models=several, selected=options.select is not None)
    documents = [planned_document(session, path) for path in named_documents]
    plan_run = _PlanRun(session, options, several, targets, sys.stdin.buffer.read() if "-" in paths else None)
    gathered = plan_run.gather()
    found_later = found_documents(gathered.summary)
    documents += [planned_document(session, path, named=False) for path in found_later]
    with plan_run.applied() if applies else nullcontext((0, None)) as (code, made):
        tries = made is None and not options.write.diff and not options.estimate
        outcomes = plan_run.tried(gathered.files) if tries else made
        found = _Found.of(gathered, outcomes or {})._replace(documents=documents)
        write_formats(
            () if options.write.diff else formats,
            output.color,
            text=lambda colour: _text(found, show_all=options.show_all, colour=colour),
            document=lambda: _document(found),
            aside=applies and "-" in paths,
        )
        say_warnings(session.notes)
        if not documents:
            say_nothing_found(session, found.summary)
        if not options.output.quiet:
            say_narrowed(found.summary.narrowed, options.output)
            say_caveats(found.summary, options.output)
            say_skipped(found.summary, options.output, unless={part.path for part in gathered.unread})
    if _say_unread(gathered.unread, measured, documents):
        return 2
    if measured.lost:
        return code or 1
    return code or (0 if all(request.feasible for request in found.requests) else 1)


def _say_unread(
    unread: Sequence[UnreadPart], measured: MeasuredContents, documents: Sequence[DocumentPlan]
) -> bool:
    """Name what could not be used, each once; whether there is any."""
    errors = [f"{one.path}: not read completely: {one.flaw}" for one in documents if one.flaw]
    errors += [f"{name}: not measured: {reason}" for name, reason in measured.unread]
    known = {name for name, _ in measured.unread}
    errors += [f"{part.place}: not planned: {part.reason}" for part in unread if part.place not in known]
    for error in errors:
        say(f"error: {error}")
    return bool(errors)


def _without_documents(options: PlanOptions) -> tuple[PlanOptions, tuple[str, ...]]:
    """The options without the PDF files that they name, and these."""
    found = documents_in(options.paths)
    return options._replace(paths=tuple(path for path in options.paths if path not in found)), found


def _measured(session: Session, options: PlanOptions, goal: SizeGoal) -> MeasuredContents:
    """The goal with what was measured of the images, if it asks for that."""
    if goal.content is not None and options.estimate:
        raise UsageError(f"--estimate plans from headers alone; it does not go with --target {goal.content}")
    jobs = options.jobs or cores()

    def begin(images: int) -> None:
        if images > 1 and not options.output.quiet:
            say(f"measuring {count(images, 'image')} on {count(jobs, 'core')} for --target {goal.content}")

    return measured_contents(session, options.paths, goal, jobs=jobs, begin=begin)


class _Gathered(NamedTuple):
    """The plans of a run from headers alone, by file; `resends` is None unless it is asked for.

    `selected` is whether only what rules find something in is planned.
    """

    files: dict[str, FilePlan]
    resends: list[Resend] | None
    summary: Summary
    unread: tuple[UnreadPart, ...] = ()
    selected: bool = False


class _Found(NamedTuple):
    """The plans of a run."""

    plans: list[ImagePlan]
    requests: list[RequestPlan]
    totals: PlanTotals
    summary: Summary
    resends: list[Resend] | None
    documents: Sequence[DocumentPlan] = ()
    left_out: int | None = None
    unread: Sequence[UnreadPart] = ()

    @classmethod
    def of(cls, gathered: _Gathered, outcomes: Mapping[str, FileOutcome]) -> "_Found":
        """The plans as a fixer carries them out, as far as that is known."""
        made = [made_plan(plan, outcomes.get(path)) for path, plan in gathered.files.items()]
        plans = [image for plan in made for image in plan.images]
        requests = [request for plan in made for request in plan.requests]
        left_out = sum(plan.left_out for plan in gathered.files.values()) if gathered.selected else None
        return cls(
            plans,
            requests,
            PlanTotals.of(plans),
            gathered.summary,
            gathered.resends,
            left_out=left_out,
            unread=gathered.unread,
        )


class _PlanRun(NamedTuple):
    """A run of the command; `models` are those that are compared, `stdin` what came on standard input."""

    session: Session
    options: PlanOptions
    models: tuple[str, ...]
    targets: PlanTargets
    stdin: bytes | None

    @property
    def strategy(self) -> PlanFixes:
        """The fixes that the plan means."""
        client = self.session.context.client_profile
        return PlanFixes(
            self.targets.goal,
            self.targets.budget,
            self.options.unsafe_fixes,
            client=client,
            models=self.models,
            selected=self.targets.selected,
        )

    @property
    def progress(self) -> Progress:
        """The count of files on a terminal."""
        output = self.options.output
        return Progress(wanted=not output.no_progress and not output.quiet)

    def gather(self) -> _Gathered:
        """Plan from headers alone."""
        options = self.options
        files: dict[str, FilePlan] = {}
        resends: list[Resend] = []
        unread: list[UnreadPart] = []
        named = NamedFiles.of(() if options.files_from else options.paths)

        def add(result: FileResult) -> None:
            unread.extend(named.unused(result))
            if result.images or result.requests:
                files[result.path] = plans_of(result, self.targets, unsafe=options.unsafe_fixes)
            if options.show_resend:
                found = (resend(one.test, kept=options.keep) for one in result.requests)
                resends.extend(one for one in found if one)

        given = StandardInput(lambda: self.stdin or b"")
        if options.paths:
            progress = self.progress
            summary = run(
                self.session,
                options.paths,
                on_result=add,
                progress=progress.listener,
                stdin=given,
                whole_run=False,
            )
            progress.clear()
        else:
            summary = Summary()
        resent = resends if options.show_resend else None
        return _Gathered(files, resent, summary, tuple(unread), self.targets.selected)

    def tried(self, plans: Mapping[str, FilePlan]) -> Mapping[str, FileOutcome]:
        """What a fixer makes of the plans that change an image."""
        if not (changed := changed_files(plans)):
            return {}
        fixer = TrialFixer(self.session, self.strategy, self.options.paths, changed)
        if len(changed) >= fixer.pool_threshold and not self.options.output.quiet:
            jobs = self.options.jobs or cores()
            images = sum(image.changes for path in changed for image in plans[path].images)
            say(
                f"encoding {count(images, 'image')} on {count(jobs, 'core')} to know the result; "
                "--estimate reads headers only"
            )
        progress = self.progress
        stdin = StandardInput(lambda: self.stdin or b"")
        outcomes = tried(
            fixer, self.options.paths, stdin=stdin, progress=progress.listener, jobs=self.options.jobs
        )
        progress.clear()
        return outcomes

    @contextmanager
    def applied(self) -> Iterator[tuple[int, Mapping[str, FileOutcome] | None]]:
        """Make the changes: the exit code, and what they came to, None with `--diff`.

        What was made is said at the end, after the plan.
        """
        write, output = self.options.write, self.options.output
        fixer = fixer_of(
            self.session, fix_options(write, self.strategy, self.options.jobs), self.options.paths
        )
        # a document on standard output is not to be followed by lines
        aside = any(text.partition(":")[::2] == ("json", "") for text in output.formats)
        held, outcomes = _HeldSink(aside=aside), Outcomes()
        lines = Output(FixLines(TextStyle(quiet=output.quiet)), held)
        outputs = fix_outputs([lines], write, self.options.paths)
        try:
            summary = check_paths(
                fixer,
                self.options.paths,
                [*outputs, Output(outcomes, held)],
                self.progress,
                jobs=self.options.jobs,
                stdin=self.stdin,
            )
            yield fix_exit_code(summary, 0, fail=write.diff), None if write.diff else outcomes.files
        finally:
            held.release()
        say_fixes(summary, output, diff=write.diff, of_plan=True)


class _HeldSink(Sink):
    """Keeps lines for standard output until they are released."""

    def write(self, text: str) -> None:
        """Take a piece of text."""
        self._parts.append(text)

    def close(self) -> None:
        """Nothing."""

    def release(self) -> None:
        """Show the lines."""
        for text in self._parts:
            show(text, aside=self.aside)
        self._parts.clear()


def _document(found: _Found) -> dict[str, Any]:
    document = plan_document(
        found.plans,
        found.requests,
        found.totals,
        found.summary,
        unread=found.unread,
        not_selected=found.left_out,
    )
    if found.documents:
        document["documents"] = [document_record(one) for one in found.documents]
    if found.resends is not None:
        document["resend"] = [resend_record(one) for one in found.resends]
    return document


def _text(found: _Found, *, show_all: bool, colour: bool) -> str:
    documents = [document_text(one, show_all=show_all, colour=colour) for one in found.documents]
    if documents and not found.summary.files:
        return blocks(documents)
    shown = [plan for plan in found.plans if show_all or plan.is_notable]
    joint = [request for request in found.requests if show_all or request.is_notable]
    evidence = evidence_text(found.plans, found.requests)
    several = any(plan.models for plan in found.plans)
    notes = [*content_notes(found.plans), *(() if several else lever_lines(found.plans))]
    parts = [
        *((image_table(shown, found.requests, colour=colour),) if shown and not several else ()),
        *((models_table(found.plans, shown, found.requests, colour=colour),) if several else ()),
        *(request_text(request, show_all=show_all, colour=colour) for request in joint),
        *((evidence,) if evidence else ()),
        totals_line(found.plans, found.totals, found.summary, found.left_out or 0) + joined(notes),
    ]
    text = blocks([*documents, *parts])
    if found.resends is None:
        return text
    if not found.resends:
        return text + joined(["no conversation of more than one call with images"])
    return blocks([text, *(resend_text(one, colour=colour) for one in found.resends)])


command: Command[PlanOptions] = Command("plan", PlanOptions, plan, formats=FORMATS)
