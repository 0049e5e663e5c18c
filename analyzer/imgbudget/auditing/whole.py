"""One audit from its datasets to its statistics, as the command and the Python API ask for it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, redirect_stdout
from functools import partial
from importlib import import_module
from io import StringIO
from tempfile import TemporaryDirectory
from typing import NamedTuple

from imgbudget.auditing.aggregate import AuditContext, aggregate
from imgbudget.auditing.empty import EmptyArgument, without_images
from imgbudget.auditing.executors import Executor, LocalExecutor
from imgbudget.auditing.extras import needed, require
from imgbudget.auditing.formats import RunFacts
from imgbudget.auditing.hashsets import other_set
from imgbudget.auditing.lengths import long_rows
from imgbudget.auditing.memory import RowsInMemory, is_possible
from imgbudget.auditing.partition import DECODED_SHARE, SHARE, Naming, RowChoice
from imgbudget.auditing.references import Access
from imgbudget.auditing.rowfolder import RowFolder, earlier_audit, open_row_folder
from imgbudget.auditing.run import ROW_VERSIONS, AuditRun, ProgressListener, plan
from imgbudget.auditing.statistics import AuditStatistics, SkipRow
from imgbudget.auditing.store import Store, open_rows
from imgbudget.auditing.work import Work, configuration_key, tiers_of
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.linter.run import Session
from imgbudget.model.subjects import RunData


class AuditRequest(NamedTuple):
    """What an audit is asked for. `datasets` are paths and URLs; for the others see the options of `audit`.

    `near_groups` numbers the groups of near duplicates in the rows; `measure` encodes some images, to know
    the bytes after the plan. `executor` makes what reads the datasets. `verbose` lets it write to standard
    output.
    """

    datasets: tuple[str, ...]
    against: tuple[str, ...] = ()
    rows: str | None = None
    replace_rows: bool = False
    compare: str | None = None
    max_length: int | None = None
    near_groups: bool = False
    image_root: str | None = None
    image_fields: tuple[str, ...] = ()
    allow_remote: bool = False
    allow_outside: bool = False
    allow_unread: bool = False
    measure: bool = False
    executor: Callable[[], Executor] = partial(LocalExecutor, 1)
    verbose: bool = False


class Unread(NamedTuple):
    """What an audit could not read, by reason, and the arguments in which no image was found."""

    skips: tuple[SkipRow, ...]
    without_images: tuple[EmptyArgument, ...]


class Audited(NamedTuple):
    """An audit whose items are read; `store` and `statistics` are None if there is none."""

    run: AuditRun
    folder: RowFolder
    unread: Unread
    store: Store | None = None
    statistics: AuditStatistics | None = None


def run_facts(run: AuditRun, unread: Unread) -> RunFacts:
    """The facts of a run that its document has."""
    empty = unread.without_images
    names = tuple(one.argument for one in empty)
    return RunFacts(len(run.partitions), run.resumed, tuple(run.lost), names, empty)


@contextmanager
def audited(
    session: Session, request: AuditRequest, models: tuple[Limits, ...], progress: ProgressListener
) -> Iterator[Audited]:
    """Read the datasets and gather the statistics; within the context the rows can be read.

    `models` are those to compare.

    Raises:
        UsageError: an argument or option that does not fit, or something that is missing.
        AuditError: a row was lost.
    """
    if request.against and not session.context.paths.base_runner.rules.run_data & RunData.LEAKS:
        raise UsageError("--against reports with IB912 split-leak, which is not selected")
    if request.rows is not None:
        require("row files", "duckdb", "pyarrow")
        needed("imgbudget.auditing.rowfiles", "row files")  # once, and not in each worker
    if request.compare is not None:
        require("comparisons", "duckdb", "pyarrow")
        earlier_audit(request.compare, ROW_VERSIONS.current)  # a mistake is reported before anything is read
    with (
        _folder(request, session.context.limits()) as folder,
        closing(_run(session, request, folder, progress)) as run,
    ):
        if not run.partitions:
            yield Audited(run, folder, Unread((), without_images(None, request.datasets)))
            return
        notes = (*session.notes, *run.notes)
        about = AuditContext(session.limits, session.registry.rules, request.datasets, notes, models)
        with _opened(session, run) as store:
            run.verify(store)
            statistics = _asked_for(aggregate(store, about), store, session, request, progress)
            unread = Unread(
                tuple(row for row in statistics.skips if row.missed), without_images(store, request.datasets)
            )
            yield Audited(run, folder, unread, store, statistics)


@contextmanager
def _folder(request: AuditRequest, limits: Limits) -> Iterator[RowFolder]:
    """The folder of the row files: the one that is named, else one that is removed after the run."""
    if request.rows is None:
        with TemporaryDirectory(prefix="imgbudget-audit-") as path:
            yield RowFolder(path)
        return
    asked = limits.model, limits.platform
    with open_row_folder(
        request.rows, request.datasets, ROW_VERSIONS, asked=asked, replace=request.replace_rows
    ) as folder:
        yield folder


def _run(session: Session, request: AuditRequest, folder: RowFolder, progress: ProgressListener) -> AuditRun:
    """All partitions read, their rows in the folder or in memory."""
    access = Access.of(
        request.datasets,
        request.image_root,
        remote=request.allow_remote,
        outside=request.allow_outside,
    )
    decodes = session.context.paths.needs_pixels
    share = DECODED_SHARE if decodes else SHARE
    key = configuration_key(session) if request.rows is not None else ""
    naming = Naming(key, access, share, RowChoice(request.image_fields), most=SHARE)
    measures = request.measure or request.rows is not None
    if measures:
        import_module("imgbudget.fixing.image")  # once, and not in each worker
    partitions = plan(request.datasets, session, naming, root=request.image_root)
    # Ray reports lost workers on standard output, where only results belong
    with redirect_stdout(sys.stderr if request.verbose else StringIO()):
        executor = request.executor()
        run = AuditRun(
            Work.of(session, access),
            executor,
            folder,
            progress,
            memory=RowsInMemory(tiers_of(session)) if request.rows is None and is_possible() else None,
            measures=measures,
            few=decodes,
        )
        try:
            run.finish(partitions)
        except BaseException:
            run.close()
            raise
        finally:
            executor.close()
            progress.clear()
    return run


def _asked_for(
    statistics: AuditStatistics,
    store: Store,
    session: Session,
    request: AuditRequest,
    progress: ProgressListener,
) -> AuditStatistics:
    """The statistics with those that options ask for: images that show the same, too long rows."""
    if session.context.paths.needs_pixels:
        from imgbudget.auditing.likeness import NearImages, number_groups, with_likeness  # noqa: PLC0415 - extra

        rows = partial(_other_rows, session, request, progress)
        others = [other_set(name, rows, partly=request.allow_unread) for name in request.against]
        near = NearImages(store, int(session.settings.thresholds.near_duplicate))
        statistics = with_likeness(statistics, near, session, others)
        if request.near_groups:
            number_groups(near)
    if request.compare is not None:
        earlier = earlier_audit(request.compare, ROW_VERSIONS.current)
        compare = needed("imgbudget.auditing.comparison", "comparisons").comparison_with
        changes = compare(earlier, store, request.datasets, session.registry.rules)
        statistics = statistics._replace(comparison=changes)
    if request.max_length is None:
        return statistics
    return statistics._replace(long_rows=long_rows(store, request.max_length))


@contextmanager
def _other_rows(
    session: Session, request: AuditRequest, progress: ProgressListener, name: str
) -> Iterator[tuple[Store | None, int]]:
    """The rows of another dataset, and how many of its items could not be read; None if it has no files."""
    with TemporaryDirectory(prefix="imgbudget-audit-") as path:
        asked = request._replace(datasets=(name,), rows=None, image_root=None)
        with (
            closing(_run(session, asked, RowFolder(path), progress)) as run,
            _opened(session, run) if run.partitions else nullcontext(None) as store,
        ):
            yield store, run.summary.missed


def _opened(session: Session, run: AuditRun) -> AbstractContextManager[Store]:
    """The rows as a table: in memory if they are few, else their files."""
    limits = session.context.limits()
    if run.memory:
        return nullcontext(run.memory.store(limits))
    return open_rows(run.files, limits)
