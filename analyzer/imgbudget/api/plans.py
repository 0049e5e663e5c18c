"""The public function `plan`."""

from collections.abc import Sequence
from typing import Unpack

from imgbudget.api.documents import documents_in, found_documents, planned_document
from imgbudget.api.reports import Json, NarrowedBy, TableReport, narrowed_by
from imgbudget.api.settings import (
    BudgetLike,
    Models,
    ModelsFileSettings,
    accepts_old_budgets,
    file_list,
    model_names,
    require_jobs,
    run_options,
)
from imgbudget.discovery.walk import Paths, StrPath, one_path
from imgbudget.errors import UsageError
from imgbudget.fixing.run import FixOptions
from imgbudget.fixing.strategy import for_models
from imgbudget.fixing.trial import PlanChoice, PlannedFiles, plan_files
from imgbudget.linter.arguments import accepts_wishes, names_arguments, require_least
from imgbudget.linter.models import several_of
from imgbudget.linter.options import RunOptions, require_switch, word_list
from imgbudget.linter.run import Session
from imgbudget.model.results import Summary
from imgbudget.model.unread import UnreadPart
from imgbudget.output.base import count
from imgbudget.output.documents import DocumentPlan, document_record
from imgbudget.output.plan import plan_document, plan_record
from imgbudget.output.resend import resend_record
from imgbudget.planner.image import ImagePlan, SizeGoal, SizePreset
from imgbudget.planner.pruning import KEPT
from imgbudget.planner.request import RequestPlan
from imgbudget.planner.resend import Resend
from imgbudget.planner.targets import goal_of
from imgbudget.planner.totals import PlanTotals


class PlanReport(TableReport, tuple[ImagePlan, ...]):  # noqa: SLOT001 - it has attributes
    """The plan of each image whose size is known, in the order of the files.

    `requests` are the plans of requests, whose images are among those of the report, `documents` those of PDF
    files, page by page; `summary` counts what was read, `unread` says what could not be. `not_selected`
    counts the images in which no selected rule finds anything, None if none is selected. `resends` are what
    the calls of conversations send again, None if that was not asked for. `unwritten` says which files could
    not be written.
    """

    requests: tuple[RequestPlan, ...]
    documents: tuple[DocumentPlan, ...]
    summary: Summary
    unread: tuple[str, ...]
    not_selected: int | None
    resends: tuple[Resend, ...] | None
    unwritten: tuple[str, ...]
    _unread: tuple[UnreadPart, ...]

    @classmethod
    def of(cls, planned: PlannedFiles, documents: Sequence[DocumentPlan] = ()) -> "PlanReport":
        """The report of planned files."""
        report = cls(planned.images)
        report.requests, report.summary = planned.requests, planned.summary
        report.documents, report._unread = tuple(documents), planned.unread
        report.unread = tuple(map(str, planned.unread))
        report.not_selected, report.resends = planned.not_selected, planned.resends
        report.unwritten = planned.unwritten
        return report

    def __repr__(self) -> str:
        changed = sum(plan.changes for plan in self)
        return f"<PlanReport: {count(len(self), 'image')}, {changed} to change>"

    def to_dict(self) -> Json:
        """The document of `imgbudget plan --format json`."""
        totals = PlanTotals.of(self)
        document = plan_document(
            self, self.requests, totals, self.summary, unread=self._unread, not_selected=self.not_selected
        )
        if self.documents:
            document["documents"] = [document_record(one) for one in self.documents]
        if self.resends is not None:
            document["resend"] = [resend_record(one) for one in self.resends]
        return document

    def records(self) -> list[Json]:
        """The list `plans` of the document: a dictionary for each image."""
        return [plan_record(plan) for plan in self]

    @property
    def narrowed_by(self) -> tuple[NarrowedBy, ...]:
        """What configurations of folders leave out."""
        return narrowed_by(self.summary.narrowed)

    def _columns(self) -> tuple[str, ...]:
        return "path", "location", "from", "to", "changes", "reason"


@accepts_wishes
@accepts_old_budgets
@names_arguments
def plan(  # noqa: PLR0913 - keyword options
    paths: Paths,
    options: RunOptions | None = None,
    *,
    target: SizeGoal | SizePreset | str | Sequence[str] | None = None,
    measure: bool = True,
    budget: BudgetLike | None = None,
    model: Models = None,
    cheapest: bool = False,
    select: str | Sequence[str] | None = None,
    ignore: str | Sequence[str] | None = None,
    extend_select: str | Sequence[str] | None = None,
    unsafe: bool = False,
    resend: bool = False,
    keep: int = KEPT,
    apply: bool = False,
    output_dir: StrPath | None = None,
    backup: bool = False,
    jobs: int | None = 1,
    **settings: Unpack[ModelsFileSettings],
) -> PlanReport:
    """The resize plan of every image whose size is known, in the order of the files.

    PDF files are planned page by page, see `documents` of the report; the extra imgbudget[pdf] reads more
    than the number of pages.

    `target` is what `imgbudget plan --target` takes, such as "native" or ["latency", "bytes:500KB"]; the
    default is the size of the aspect-ratio table; "legible" and "same:0.99" measure each image, and the plans
    have the evidence as `content`. The images of a request are planned together, under its
    limits, the budgets of the configuration, and those given here, such as `{"request.tokens": 20_000}`.

    Of several models, or "all", the plan is for all together: the largest size that none of them downscales
    or rejects, or with `cheapest` the one near it that costs least on them together.

    Each image that changes is encoded as `imgbudget plan --apply` would, so that sizes and bytes are those of
    the result; nothing is written. With `measure=False` only headers are read, and `bytes_range` is the range
    that the bytes of a changed image will be in.

    With `select` only image files and requests are planned in which one of these rules, or of those in
    `extend_select`, finds something that is not in `ignore`; what `options` select does not narrow a plan.
    `unsafe` also reduces animations to a frame. `resend` adds what calls of conversations send again, and
    what caching, files, and pruning to the last `keep` images cost.

    `apply` makes the changes, in place, with a `backup` of each replaced file, or in `output_dir`; why an
    image was not changed is in `reason` of its plan, and files that could not be written in `unwritten`.
    `jobs` None uses all cores; a script then needs `if __name__ == "__main__":` where processes are spawned.

    Raises:
        UsageError: a path, target, rule or platform that does not exist, a budget that is none, a target
            whose extra is not installed, or nothing can be read.
        ConfigError: an invalid configuration.
    """
    switches = {"cheapest": cheapest, "unsafe": unsafe, "resend": resend, "apply": apply, "backup": backup}
    for name, switch in switches.items():
        require_switch(switch, name)
    require_least(keep, "keep", 0)
    require_jobs(jobs)
    fixes = _fixes(output_dir, apply=apply, backup=backup)
    if apply and not measure:
        raise UsageError("measure=False plans from headers alone; it does not go with apply")
    asked = run_options(options, settings, model, budget)
    if select is not None:
        asked = asked._replace(select=select)
    if ignore is not None:
        asked = asked._replace(ignore=ignore)
    if extend_select is not None:
        asked = asked._replace(extend_select=extend_select)
    client = asked.client or ""
    session = Session(asked._replace(client=client, pixels=False, text=False, nested=True))
    several = several_of(model_names(model))
    goal = for_models(_goal(target), several, cheapest=cheapest)
    given = file_list(paths)
    named = documents_in(given)
    others = [path for path in given if path not in named]
    choice = PlanChoice(
        models=several,
        selected=select is not None,
        unsafe=unsafe,
        measure=measure,
        fixes=fixes,
        keep=keep if resend else None,
        jobs=jobs,
    )
    planned = plan_files(session, others, goal, choice)
    documents = [planned_document(session, path) for path in named]
    found = found_documents(planned.summary)
    documents += [planned_document(session, path, named=False) for path in found]
    if planned.unread and not (planned.files or documents):
        raise UsageError(*map(str, planned.unread))
    return PlanReport.of(planned, documents)


def _fixes(output_dir: StrPath | None, *, apply: bool, backup: bool) -> FixOptions | None:
    """Where changes are written, None if they are not made."""
    folder = None if output_dir is None else one_path(output_dir, "output_dir")
    for given, name in ((folder is not None, "output_dir"), (backup, "backup")):
        if given and not apply:
            raise UsageError(f"{name} goes with apply=True")
    if backup and folder is not None:
        raise UsageError("backup keeps what is replaced; with output_dir nothing is")
    return FixOptions(output_dir=folder, backup=backup) if apply else None


def _goal(target: SizeGoal | SizePreset | str | Sequence[str] | None) -> SizeGoal:
    if isinstance(target, SizeGoal):
        return target
    if isinstance(target, SizePreset):
        return SizeGoal(target)
    return goal_of(word_list(target or (), "target"))
