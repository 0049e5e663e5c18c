"""`imgbudget audit`: what a dataset of any size costs, what is refused or shrunk, what a plan saves."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from functools import partial
from importlib import import_module
from io import StringIO
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

from imgbudget.audit.aggregate import AuditContext, aggregate
from imgbudget.audit.copies import list_lines
from imgbudget.audit.csvtable import lines
from imgbudget.audit.empty import EmptyArgument, without_images
from imgbudget.audit.executors import Executor, LocalExecutor
from imgbudget.audit.extras import needed, require
from imgbudget.audit.formats import RunFacts, audit_text, document, markdown
from imgbudget.audit.hashsets import hash_lines, other_set
from imgbudget.audit.keeping import Keep, require_list
from imgbudget.audit.lengths import long_rows
from imgbudget.audit.memory import is_possible, rows_in_memory
from imgbudget.audit.partition import DECODED_SHARE, SHARE, Naming, RowChoice
from imgbudget.audit.references import Access
from imgbudget.audit.rowfolder import RowFolder, earlier_audit, open_row_folder
from imgbudget.audit.rows import PlainRows
from imgbudget.audit.run import ROW_VERSIONS, AuditRun, plan
from imgbudget.audit.statistics import AuditStatistics, SkipRow, Totals
from imgbudget.audit.store import Store, open_rows
from imgbudget.audit.work import Work, configuration_key
from imgbudget.cli.audit_output import write_lines, write_page
from imgbudget.cli.command import Choice, Command, Number, argument, flag, option
from imgbudget.cli.options import (
    DECODE,
    FAIL_ON,
    JOBS,
    NO_IGNORES,
    PEDANTIC,
    PIXELS,
    ConfigOptions,
    ModelOptions,
    OutputOptions,
    SelectionOptions,
    codes,
    run_options,
)
from imgbudget.cli.output import (
    AuditProgress,
    Format,
    Sink,
    chosen_formats,
    say,
    say_warnings,
    wants_colour,
)
from imgbudget.cli.targets import counted_models
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.linter.evaluate import FAILED_CODE
from imgbudget.linter.pool import cores
from imgbudget.linter.run import Session
from imgbudget.model.subjects import ProbeField, RunData, Severity
from imgbudget.output.base import count

FORMATS = ("full", "json", "markdown", "csv")


_LISTED = 5


class Unread(NamedTuple):
    """What an audit could not read, by reason, and the arguments in which no image was found."""

    skips: tuple[SkipRow, ...]
    without_images: tuple[EmptyArgument, ...]


class AuditOptions(NamedTuple):
    """The options of `audit`."""

    datasets: Annotated[tuple[str, ...], argument("DATASET...", many=True)]
    provider: ModelOptions = ModelOptions()
    rules: SelectionOptions = SelectionOptions()
    pedantic: Annotated[bool, PEDANTIC] = False
    pixels: Annotated[bool, PIXELS] = False
    against: Annotated[
        tuple[str, ...],
        option(
            "--against",
            many=True,
            metavar="SET",
            help="Also report images that SET has too (IB912): a dataset, its rows or hashes; repeatable.",
        ),
    ] = ()
    hashes: Annotated[
        str | None,
        option(
            "--hashes",
            metavar="FILE",
            help="Also write the hashes of all images as CSV, for --against of others who lack the images.",
        ),
    ] = None
    decode: Annotated[bool, DECODE] = False
    max_length: Annotated[
        int | None,
        option(
            "--max-length",
            type=Number(1),
            metavar="N",
            help="List the rows whose image tokens alone exceed N, the sequence length of a training.",
        ),
    ] = None
    no_ignores: Annotated[bool, NO_IGNORES] = False
    models: Annotated[
        tuple[str, ...],
        option(
            "--models",
            many=True,
            parse=codes,
            metavar="IDS",
            help="Models whose costs are compared, of any provider: comma-separated ids, or all.",
        ),
    ] = ()
    rows: Annotated[
        str | None,
        option(
            "--rows",
            metavar="DIR",
            help="Keep the facts table of this dataset in DIR (Parquet, one row per image), instead of that "
            "of an earlier run; an interrupted run resumes.",
        ),
    ] = None
    replace_rows: Annotated[
        bool,
        flag("--replace-rows", help="With --rows: replace the rows of another dataset in DIR."),
    ] = False
    compare: Annotated[
        str | None,
        option(
            "--compare",
            metavar="DIR",
            help="Also show what has changed since an earlier audit, whose --rows are in DIR.",
        ),
    ] = None
    dedupe_list: Annotated[
        str | None,
        option(
            "--dedupe-list",
            metavar="FILE",
            help="Also write which image of each group of copies, with --pixels also of near duplicates, to "
            "keep: CSV, or JSON Lines (.jsonl). Nothing is deleted.",
        ),
    ] = None
    keep: Annotated[
        str | None,
        option(
            "--keep",
            type=Choice(tuple(map(str, Keep))),
            help="Which image of a group --dedupe-list keeps; default: first.",
        ),
    ] = None
    html: Annotated[
        str | None,
        option(
            "--html",
            metavar="FILE",
            help="Also write the report as one self-contained HTML file; --format is for the printed report.",
        ),
    ] = None
    image_root: Annotated[
        str | None,
        option(
            "--image-root",
            metavar="DIR",
            help="Folder or URL that paths of a manifest are relative to; default: the manifest's folder.",
        ),
    ] = None
    image_fields: Annotated[
        tuple[str, ...],
        option(
            "--image-field",
            many=True,
            metavar="NAME",
            help="Field or column of lists and tables that has the images, and no other; a.b is b in a.",
        ),
    ] = ()
    allow_remote: Annotated[
        bool,
        flag("--allow-remote", help="Also open URLs that rows of a dataset name: s3, gs, hf, az and https."),
    ] = False
    allow_outside: Annotated[
        bool,
        flag(
            "--allow-outside", help="Also open files outside the named folders that rows of a dataset name."
        ),
    ] = False
    measure: Annotated[
        bool,
        flag(
            "--measure",
            help="Encode some images of more than 100, as --html and --rows do, to know the bytes after the "
            "plan; without it they are a wide range.",
        ),
    ] = False
    allow_unread: Annotated[
        bool,
        flag(
            "--allow-unread",
            help="Exit code 0, or 1 as --fail-on says, also if something could not be read; it is printed.",
        ),
    ] = False
    engine: Annotated[
        str,
        option(
            "--engine",
            type=Choice(("local", "ray")),
            show_default=True,
            help="Processes of this machine, or Ray (extra: imgbudget[ray]).",
        ),
    ] = "local"
    ray_address: Annotated[
        str | None,
        option(
            "--ray-address",
            metavar="ADDRESS",
            help="With --engine ray: the cluster, HOST:6379 or auto; default: a private Ray on this machine.",
        ),
    ] = None
    fail_on: Annotated[str, FAIL_ON] = "never"
    jobs: Annotated[
        int | None,
        option("-j", "--jobs", type=JOBS, metavar="N", help="Number of processes; default: one per core."),
    ] = None
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def audit(options: AuditOptions) -> int:
    """Audit datasets: cost, rejected images, waste, duplicates.

    DATASET is a folder, an image, a zip or tar archive, WebDataset shards, Parquet or Arrow files, TFRecord,
    MDS, LMDB, Lance, HDF5 or NumPy files, PDF files, request JSONL, a list of images (JSON, JSONL, CSV or TSV
    of LLaVA, Qwen-VL, COCO, Label Studio and others), or a URL of any of these (s3://, gs://, hf://, az://,
    https://). Rows may name files below the named folders and beside the list; others need --allow-remote or
    --allow-outside. Exit code 0; 1 as --fail-on says; 2 if anything could not be read, or no image was found
    in an argument, unless --allow-unread is given.
    """
    _require_packages(options)
    output = options.output
    formats = chosen_formats(output.formats, FORMATS)
    if options.ray_address and options.engine != "ray":
        raise UsageError("--ray-address needs --engine ray")
    if options.replace_rows and options.rows is None:
        raise UsageError("--replace-rows needs --rows")
    asked = run_options(
        provider=options.provider, settings=options.settings, rules=options.rules, verbose=output.verbose
    )
    asked = asked._replace(
        pedantic=options.pedantic,
        pixels=options.pixels or bool(options.against) or options.hashes is not None or None,
        fields=ProbeField.DECODE if options.decode else ProbeField.NONE,
        use_ignores=not options.no_ignores,
        allow_outside=options.allow_outside,
    )
    session = Session(asked)
    require_list(options.dedupe_list, options.keep, measured=session.context.paths.needs_pixels)
    if options.against and not session.context.paths.base_runner.rules.run_data & RunData.LEAKS:
        raise UsageError("--against reports with IB912 split-leak, which is not selected")
    models, left_out = counted_models(session, options.models)
    if left_out:
        say(f"warning: not side by side, since their tokens are not known: {', '.join(left_out)}")
    limits = session.context.limits()
    if limits.input_price is None:
        say(f"warning: the price of {limits.model} is not known: costs on it are shown as $0")
    if options.compare is not None:
        earlier_audit(options.compare, ROW_VERSIONS.current)  # a mistake is reported before anything is read
    with _folder(options, limits) as folder:
        run = _run(session, options, folder)
        removed = 0
        if run.partitions:
            unread, worst = _report(session, run, options, formats, models)
            removed = folder.keep(run.files) if run.files else 0
        else:
            unread, worst = Unread((), without_images(None, options.datasets)), None
    _say_notes(session, run, options)
    if removed and not output.quiet:
        say(f"{count(removed, 'row file')} of earlier runs removed from {options.rows}")
    _say_unread(unread, run, options)
    is_unread = run.summary.missed or unread.without_images
    if run.summary.rules_failed or (is_unread and not options.allow_unread):
        return 2
    return 1 if worst and options.fail_on != "never" and worst >= Severity[options.fail_on.upper()] else 0


def _require_packages(options: AuditOptions) -> None:
    """Raise UsageError for what is asked for and needs a package that is not installed."""
    if options.html is not None:
        require("HTML pages", "jinja2")
    if options.rows is not None:
        require("row files", "duckdb", "pyarrow")
        needed("imgbudget.audit.rowfiles", "row files")  # once, and not in each worker
    if options.compare is not None:
        require("comparisons", "duckdb", "pyarrow")


@contextmanager
def _folder(options: AuditOptions, limits: Limits) -> Iterator[RowFolder]:
    """The folder of the row files: the one that is named, else one that is removed after the run."""
    if options.rows is None:
        with TemporaryDirectory(prefix="imgbudget-audit-") as path:
            yield RowFolder(path)
        return
    asked = limits.model, limits.platform
    with open_row_folder(
        options.rows, options.datasets, ROW_VERSIONS, asked=asked, replace=options.replace_rows
    ) as folder:
        yield folder


def _run(session: Session, options: AuditOptions, folder: RowFolder) -> AuditRun:
    """All partitions read, their rows in the folder."""
    progress = AuditProgress(wanted=not options.output.no_progress and not options.output.quiet)
    access = Access.of(
        options.datasets,
        options.image_root,
        remote=options.allow_remote,
        outside=options.allow_outside,
    )
    decodes = session.context.paths.needs_pixels
    share = DECODED_SHARE if decodes else SHARE
    key = configuration_key(session) if options.rows is not None else ""
    naming = Naming(key, access, share, RowChoice(options.image_fields), most=SHARE)
    measures = options.measure or options.html is not None or options.rows is not None
    if measures:
        import_module("imgbudget.fixing.image")  # once, and not in each worker
    partitions = plan(options.datasets, session, naming, root=options.image_root)
    # Ray reports lost workers on standard output, where only results belong
    with redirect_stdout(sys.stderr if options.output.verbose else StringIO()):
        executor = _executor(options)
        try:
            run = AuditRun(
                Work.of(session, access),
                executor,
                folder,
                progress,
                in_memory=options.rows is None and is_possible(),
                measures=measures,
                few=decodes,
            )
            run.finish(partitions)
        finally:
            executor.close()
            progress.clear()
    return run


def _executor(options: AuditOptions) -> Executor:

    jobs = options.jobs or cores()
    if options.engine == "ray":
        from imgbudget.audit.ray_executor import RayExecutor  # noqa: PLC0415 - command

        return RayExecutor(jobs, options.ray_address)

    return LocalExecutor(jobs)


def _report(
    session: Session,
    run: AuditRun,
    options: AuditOptions,
    formats: list[Format],
    models: tuple[Limits, ...],
) -> tuple[Unread, Severity | None]:
    """Prove the rows complete, gather the statistics, write every format.

    Returns what was not read, and the highest severity of a finding.
    """
    notes = (*session.notes, *run.notes)
    about = AuditContext(session.limits, session.registry.rules, options.datasets, notes, models)
    with _opened(session, run) as store:
        run.verify(store)
        statistics = _asked_for(aggregate(store, about), store, session, options)
        unread = Unread(
            tuple(row for row in statistics.skips if row.missed), without_images(store, options.datasets)
        )
        if options.dedupe_list is not None:
            keep, csv = Keep(options.keep or Keep.FIRST), options.dedupe_list.lower().endswith(".csv")
            near = session.context.paths.needs_pixels
            write_lines(list_lines(store, keep, csv=csv, near=near), options.dedupe_list)
        if options.hashes is not None:
            write_lines(hash_lines(store), options.hashes)
        if options.html is not None:
            write_page(store, statistics, options.html)
        for name, file in formats:
            if name == "csv":
                write_lines(lines(store, run.tiers), file)
                continue
            sink = Sink(file)
            colour = file is None and wants_colour(options.output.color, sys.stdout)
            sink.write(_text(name, statistics, run, unread, colour=colour, quiet=options.output.quiet))
            sink.close()
    return unread, _worst(statistics.totals)


def _asked_for(
    statistics: AuditStatistics, store: Store, session: Session, options: AuditOptions
) -> AuditStatistics:
    """The statistics with those that options ask for: images that show the same, too long rows."""
    if session.context.paths.needs_pixels:
        from imgbudget.audit.likeness import NearImages, number_groups, with_likeness  # noqa: PLC0415 - extra

        rows = partial(_other_rows, session, options)
        others = [other_set(name, rows, partly=options.allow_unread) for name in options.against]
        near = NearImages(store, int(session.settings.thresholds.near_duplicate))
        statistics = with_likeness(statistics, near, session, others)
        if options.dedupe_list is not None:
            number_groups(near)
    if options.compare is not None:
        earlier = earlier_audit(options.compare, ROW_VERSIONS.current)
        compare = needed("imgbudget.audit.comparison", "comparisons").comparison_with
        changes = compare(earlier, store, options.datasets, session.registry.rules)
        statistics = statistics._replace(comparison=changes)
    if options.max_length is None:
        return statistics
    return statistics._replace(long_rows=long_rows(store, options.max_length))


@contextmanager
def _other_rows(session: Session, options: AuditOptions, name: str) -> Iterator[tuple[Store | None, int]]:
    """The rows of another dataset, and how many of its items could not be read; None if it has no files."""
    with TemporaryDirectory(prefix="imgbudget-audit-") as path:
        run = _run(session, options._replace(datasets=(name,), rows=None, image_root=None), RowFolder(path))
        with _opened(session, run) if run.partitions else nullcontext(None) as store:
            yield store, run.summary.missed


def _opened(session: Session, run: AuditRun) -> AbstractContextManager[Store]:
    """The rows as a table: in memory if they are few, else their files."""
    limits = session.context.limits()
    if run.in_memory:
        held = (done.rows for done in run.held if isinstance(done.rows, PlainRows))
        return rows_in_memory(held, run.tiers, limits)
    return open_rows(run.files, limits)


def _text(  # noqa: PLR0913 - keyword arguments
    name: str, statistics: AuditStatistics, run: AuditRun, unread: Unread, *, colour: bool, quiet: bool
) -> str:
    if name == "json":
        empty = unread.without_images
        names = tuple(one.argument for one in empty)
        return document(statistics, RunFacts(len(run.partitions), run.resumed, tuple(run.lost), names, empty))
    if name == "markdown":
        return markdown(statistics)
    return audit_text(statistics, colour=colour, quiet=quiet)


def _say_notes(session: Session, run: AuditRun, options: AuditOptions) -> None:
    say_warnings(dict.fromkeys((*session.notes, *run.notes)))
    if run.lost:
        lost = f"{count(len(run.lost), 'item')} could not be read: {run.lost[0]}"
        say(f"error: {lost}; see {FAILED_CODE}")
    if options.output.quiet:
        return
    if run.resumed:
        done = count(run.resumed, "partition")
        say(f"{done} of {len(run.partitions)} reused from {options.rows}, as read by an earlier run")


def _say_unread(unread: Unread, run: AuditRun, options: AuditOptions) -> None:
    level = "warning" if options.allow_unread else "error"
    quiet = options.output.quiet
    for name, reason, hint in unread.without_images:
        say(f"{level}: {name}: no image was found in it: {reason}{'' if quiet else f'; {hint}'}")
    if run.summary.missed:
        say(f"{level}: {count(run.summary.missed, 'item')} could not be read")
    if quiet:
        return
    for row in unread.skips[:_LISTED]:
        more = f" and {count(row.items - 1, 'other')}" if row.items > 1 else ""
        say(f"not read: {next(iter(row.examples), '')}{more}: {row.reason}")
    if len(unread.skips) > _LISTED:
        say(f"and {count(len(unread.skips) - _LISTED, 'more reason')}; --format json lists all")
    if not options.allow_unread and (run.summary.missed or unread.without_images):
        say("what was not read is not in the numbers; --allow-unread accepts that with exit code 0")


def _worst(totals: Totals) -> Severity | None:
    counts = {
        Severity.ERROR: totals.errors,
        Severity.WARNING: totals.warnings,
        Severity.INFO: totals.infos,
    }
    return max((severity for severity, number in counts.items() if number), default=None)


command = Command("audit", AuditOptions, audit, formats=FORMATS)
