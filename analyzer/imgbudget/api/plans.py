"""The public function `plan`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from imgbudget.api.documents import documents_in, found_documents, plan_document_file
from imgbudget.api.reports import Json, as_arrow, as_pandas, html_table
from imgbudget.api.settings import (
    BudgetLike,
    Models,
    ModelsFileSettings,
    accepts_old_budgets,
    model_names,
    run_options,
)
from imgbudget.discovery.walk import Paths, path_list
from imgbudget.errors import UsageError
from imgbudget.fixing.strategy import for_models
from imgbudget.fixing.trial import PlannedFiles, plan_files
from imgbudget.linter.arguments import accepts_wishes, names_arguments
from imgbudget.linter.models import several_of
from imgbudget.linter.options import RunOptions, require_switch, word_list
from imgbudget.linter.run import Session
from imgbudget.model.results import Summary
from imgbudget.model.unread import UnreadPart
from imgbudget.output.base import count
from imgbudget.output.documents import DocumentPlan, document_record
from imgbudget.output.plan import plan_document, plan_record
from imgbudget.planner.image import ImagePlan, SizeGoal, SizePreset
from imgbudget.planner.request import RequestPlan
from imgbudget.planner.targets import goal_of
from imgbudget.planner.totals import PlanTotals

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class PlanReport(tuple[ImagePlan, ...]):  # noqa: SLOT001 - it has attributes
    """The plan of each image whose size is known, in the order of the files.

    `requests` are the plans of requests, whose images are among those of the report, `documents` those of PDF
    files, page by page; `summary` counts what was read, `unread` says what could not be.
    """

    requests: tuple[RequestPlan, ...]
    documents: tuple[DocumentPlan, ...]
    summary: Summary
    unread: tuple[str, ...]
    _unread: tuple[UnreadPart, ...]

    @classmethod
    def of(cls, planned: PlannedFiles, documents: Sequence[DocumentPlan] = ()) -> "PlanReport":
        """The report of planned files."""
        report = cls(planned.images)
        report.requests, report.summary = planned.requests, planned.summary
        report.documents, report._unread = tuple(documents), planned.unread
        report.unread = tuple(map(str, planned.unread))
        return report

    def __repr__(self) -> str:
        changed = sum(plan.changes for plan in self)
        return f"<PlanReport: {count(len(self), 'image')}, {changed} to change>"

    def to_dict(self) -> Json:
        """The document of `imgbudget plan --format json`."""
        totals = PlanTotals.of(self)
        document = plan_document(self, self.requests, totals, self.summary, unread=self._unread)
        if self.documents:
            document["documents"] = [document_record(one) for one in self.documents]
        return document

    def records(self) -> list[Json]:
        """The list `plans` of the document: a dictionary for each image."""
        return [plan_record(plan) for plan in self]

    def to_pandas(self) -> "pd.DataFrame":
        """The plans as a data frame. Raises ImportError without pandas."""
        return as_pandas(self.records())

    def to_arrow(self) -> "pa.Table":
        """The plans as a table of Arrow. Raises ImportError without pyarrow."""
        return as_arrow(self.records())

    def _repr_html_(self) -> str:
        return html_table(repr(self), ("path", "location", "from", "to", "changes", "reason"), self.records())


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

    Raises:
        UsageError: a path, target or platform that does not exist, a budget that is none, a target whose
            extra is not installed, or nothing can be read.
        ConfigError: an invalid configuration.
    """
    require_switch(cheapest, "cheapest")
    asked = run_options(options, settings, model, budget)
    client = asked.client or ""
    session = Session(asked._replace(client=client, pixels=False, text=False, nested=True))
    several = several_of(model_names(model))
    goal = for_models(_goal(target), several, cheapest=cheapest)
    given = path_list(paths)
    named = documents_in(given)
    others = [path for path in given if path not in named]
    planned = plan_files(session, others, goal, measure=measure, models=several)
    tiers = session.limits.tiers
    documents = [plan_document_file(path, session.context.at(path).limits(), tiers) for path in named]
    documents += [
        plan_document_file(path, session.context.at(path).limits(), tiers, named=False)
        for path in found_documents(planned.summary)
    ]
    if planned.unread and not (planned.files or documents):
        raise UsageError(*map(str, planned.unread))
    return PlanReport.of(planned, documents)


def _goal(target: SizeGoal | SizePreset | str | Sequence[str] | None) -> SizeGoal:
    if isinstance(target, SizeGoal):
        return target
    if isinstance(target, SizePreset):
        return SizeGoal(target)
    return goal_of(word_list(target or (), "target"))
