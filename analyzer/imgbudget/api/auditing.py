"""The public function `audit`."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, Unpack

from imgbudget.api.reports import Json, as_arrow, as_pandas, html_table, records_in
from imgbudget.api.settings import (
    AuditSettings,
    Models,
    model_names,
    require_jobs,
    run_options,
)
from imgbudget.auditing.executors import LocalExecutor, OwnProcess
from imgbudget.auditing.formats import plain
from imgbudget.auditing.statistics import AuditStatistics
from imgbudget.auditing.whole import AuditRequest, audited, run_facts
from imgbudget.auditing.work import PartitionSummary
from imgbudget.discovery.walk import Paths, StrPath, one_path, path_list
from imgbudget.linter.arguments import names_arguments, require_least, warn_renamed
from imgbudget.linter.models import counted_models, several_of
from imgbudget.linter.options import RunOptions, require_switch, word_list
from imgbudget.linter.pool import cores
from imgbudget.linter.run import Session
from imgbudget.output.base import count
from imgbudget.output.records import TOOL, VERSION

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

AuditTable: TypeAlias = Literal[
    "rules", "folders", "formats", "sizes", "costs", "models", "offenders", "skips"
]
"""The lists of an audit that are tables."""


class AuditReport(NamedTuple):
    """What an audit found; `statistics` has the names of `imgbudget audit --format json`, None without items.

    `missed` counts what could not be read; its reasons are in `statistics.skips`. `without_images` are the
    arguments in which no image was found. Nothing is complete unless both are empty.
    """

    statistics: AuditStatistics | None
    missed: int
    without_images: tuple[str, ...]
    notes: tuple[str, ...]
    document: Json

    def __repr__(self) -> str:
        images = self.statistics.totals.images if self.statistics else 0
        return f"<AuditReport: {count(images, 'image')}, {count(self.missed, 'item')} not read>"

    def to_dict(self) -> Json:
        """The document of `imgbudget audit --format json`."""
        return self.document

    def records(self, table: AuditTable = "rules") -> list[Json]:
        """One of the lists of the document's `statistics`: a dictionary for each rule, folder and so on."""
        statistics = self.document["statistics"]
        return records_in(statistics, table) if isinstance(statistics, dict) else []

    def to_pandas(self, table: AuditTable = "rules") -> "pd.DataFrame":
        """One of the lists as a data frame. Raises ImportError without pandas."""
        return as_pandas(self.records(table))

    def to_arrow(self, table: AuditTable = "rules") -> "pa.Table":
        """One of the lists as a table of Arrow. Raises ImportError without pyarrow."""
        return as_arrow(self.records(table))

    def _repr_html_(self) -> str:
        columns = ("code", "name", "severity", "rows", "findings", "summary")
        return html_table(repr(self), columns, self.records())


class _Silent:
    """Shows no progress."""

    wants_total = False

    def at(self, summary: PartitionSummary, total: int | None = None, reused: int = 0) -> None:
        """Nothing."""

    def clear(self) -> None:
        """Nothing."""


@names_arguments
def audit(  # noqa: PLR0913 - keyword options
    datasets: Paths,
    options: RunOptions | None = None,
    *,
    model: Models = None,
    models: Models = None,
    rows: StrPath | None = None,
    replace_rows: bool = False,
    compare: StrPath | None = None,
    against: Paths = (),
    max_length: int | None = None,
    image_root: StrPath | None = None,
    image_fields: str | Sequence[str] = (),
    allow_remote: bool = False,
    allow_unread: bool = False,
    measure: bool = False,
    jobs: int | None = 1,
    **settings: Unpack[AuditSettings],
) -> AuditReport:
    """Audit datasets: folders, archives, tables, lists of images, stores, and URLs of these.

    `rows` is a folder for the facts table, `compare` that of an earlier audit. `against` are datasets whose
    images must not be among these; it decodes images, as `pixels` does. Of several models, or "all", the
    costs are compared, and the limits of the first one apply; `models` is an old name for those that are only
    compared. With one of `jobs` this process reads; None uses all cores. A script that uses several
    needs `if __name__ == "__main__":` where processes are spawned.

    Raises:
        UsageError: a dataset, rule, model or option that does not exist or fit.
        ConfigError: an invalid configuration.
        AuditError: a row was lost.
    """
    if max_length is not None:
        require_least(max_length, "max_length", 1)
    require_jobs(jobs)
    require_switch(replace_rows, "replace_rows")
    require_switch(allow_remote, "allow_remote")
    require_switch(allow_unread, "allow_unread")
    require_switch(measure, "measure")
    if models:
        warn_renamed("audit", "models", "model")
    asked = run_options(options, settings, model)
    others = tuple(path_list(against))
    asked = asked._replace(client=asked.client or "", pixels=asked.pixels or bool(others) or None)
    session = Session(asked._replace(nested=False))
    compared, _ = counted_models(session, model_names(models) or several_of(model_names(model)))
    request = AuditRequest(
        datasets=path_list(datasets),
        against=others,
        rows=None if rows is None else one_path(rows, "rows"),
        replace_rows=replace_rows,
        compare=None if compare is None else one_path(compare, "compare"),
        max_length=max_length,
        image_root=None if image_root is None else one_path(image_root, "image_root"),
        image_fields=word_list(image_fields, "image_fields"),
        allow_remote=allow_remote,
        allow_outside=asked.allow_outside,
        allow_unread=allow_unread,
        measure=measure,
        executor=OwnProcess if jobs == 1 else partial(LocalExecutor, jobs or cores()),
    )
    with audited(session, request, compared, _Silent()) as done:
        facts = run_facts(done.run, done.unread)
        document = {
            "version": VERSION,
            "tool": TOOL,
            "run": plain(facts),
            "statistics": plain(done.statistics) if done.statistics else None,
        }
        if done.store is not None and done.run.files:
            done.folder.keep(done.run.files)
        return AuditReport(
            done.statistics,
            done.run.summary.missed,
            tuple(one.argument for one in done.unread.without_images),
            tuple(dict.fromkeys((*session.notes, *done.run.notes))),
            document,
        )
