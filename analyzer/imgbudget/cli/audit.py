"""`imgbudget audit`: what a dataset of any size costs, what is refused or shrunk, what a plan saves."""

import sys
from functools import partial
from typing import Annotated, NamedTuple

from imgbudget.auditing.copies import list_lines
from imgbudget.auditing.csvtable import lines
from imgbudget.auditing.executors import Executor, LocalExecutor
from imgbudget.auditing.extras import require
from imgbudget.auditing.formats import audit_text, document, markdown
from imgbudget.auditing.hashsets import hash_lines
from imgbudget.auditing.keeping import Keep, require_list
from imgbudget.auditing.run import AuditRun
from imgbudget.auditing.statistics import AuditStatistics, Totals
from imgbudget.auditing.whole import Audited, AuditRequest, Unread, audited, run_facts
from imgbudget.cli.audit_output import write_lines, write_page
from imgbudget.cli.command import FILES_FROM, Choice, Command, Number, argument, deprecated, flag, option
from imgbudget.cli.completion import files, folders
from imgbudget.cli.options import (
    DECODE,
    FAIL_ON,
    JOBS,
    NO_IGNORES,
    PEDANTIC,
    PIXELS,
    TEXT,
    ConfigOptions,
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
    fitted_to,
    say,
    say_warnings,
    wants_colour,
)
from imgbudget.cli.targets import ModelsOptions
from imgbudget.errors import UsageError
from imgbudget.linter.evaluate import FAILED_CODE
from imgbudget.linter.models import counted_models
from imgbudget.linter.pool import cores
from imgbudget.linter.run import Session
from imgbudget.linter.selection import on_text
from imgbudget.model.subjects import ProbeField, Severity
from imgbudget.output.base import count

FORMATS = ("full", "json", "markdown", "csv")


_LISTED = 5


class AuditOptions(NamedTuple):
    """The options of `audit`."""

    datasets: Annotated[tuple[str, ...], argument("DATASET...", many=True, complete=files, needed=True)] = ()
    files_from: Annotated[tuple[str, ...], FILES_FROM] = ()
    provider: ModelsOptions = ModelsOptions()
    rules: SelectionOptions = SelectionOptions()
    pedantic: Annotated[bool, PEDANTIC] = False
    pixels: Annotated[bool, PIXELS] = False
    text: Annotated[bool, TEXT] = False
    against: Annotated[
        tuple[str, ...],
        option(
            "--against",
            many=True,
            metavar="SET",
            complete=files,
            help="Also report images that SET has too (IB912): a dataset, its rows or hashes; repeatable.",
        ),
    ] = ()
    hashes: Annotated[
        str | None,
        option(
            "--hashes",
            metavar="FILE",
            complete=files,
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
    compared: Annotated[
        tuple[str, ...],
        deprecated(
            option(
                "--models",
                many=True,
                parse=codes,
                metavar="IDS",
                help="The same as --model with several.",
            ),
            "--model IDS",
        ),
    ] = ()
    rows: Annotated[
        str | None,
        option(
            "--rows",
            metavar="DIR",
            complete=folders,
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
            complete=folders,
            help="Also show what has changed since an earlier audit, whose --rows are in DIR.",
        ),
    ] = None
    dedupe_list: Annotated[
        str | None,
        option(
            "--dedupe-list",
            metavar="FILE",
            complete=files,
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
            complete=files,
            help="Also write the report as one self-contained HTML file; --format is for the printed report.",
        ),
    ] = None
    image_root: Annotated[
        str | None,
        option(
            "--image-root",
            metavar="DIR",
            complete=folders,
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
    jobs: Annotated[int | None, JOBS] = None
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def audit(options: AuditOptions) -> int:
    """Audit datasets: cost, rejected images, waste, duplicates.

    DATASET is a folder, an image, a zip or tar archive, WebDataset shards, Parquet or Arrow files, TFRecord,
    MDS, LMDB, Lance, HDF5 or NumPy files, PDF files, request JSONL, a list of images (JSON, JSONL, CSV or TSV
    of LLaVA, Qwen-VL, COCO, Label Studio and others), or a URL of any of these (s3://, gs://, hf://, az://,
    https://). Rows may name files below the named folders and beside the list; others need --allow-remote or
    --allow-outside. With several models (--model a,b) the costs on each are shown, and the first one's limits
    apply. Exit code 0; 1 as --fail-on says; 2 if anything could not be read, or no image was found
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
        provider=options.provider.first,
        settings=options.settings,
        rules=options.rules,
        verbose=output.verbose,
    )
    asked = asked._replace(
        pedantic=options.pedantic,
        pixels=options.pixels or bool(options.against) or options.hashes is not None or None,
        text=options.text or None,
        fields=ProbeField.DECODE if options.decode else ProbeField.NONE,
        use_ignores=not options.no_ignores,
        allow_outside=options.allow_outside,
    )
    session = Session(asked)
    require_list(options.dedupe_list, options.keep, measured=session.context.paths.needs_pixels)
    models, left_out = counted_models(session, options.compared or options.provider.several)
    if left_out:
        say(f"warning: not side by side, since their tokens are not known: {', '.join(left_out)}")
    limits = session.context.limits()
    if limits.input_price is None:
        say(f"warning: the price of {limits.model} is not known: costs on it are shown as $0")
    progress = AuditProgress(wanted=not output.no_progress and not output.quiet)
    with audited(session, _request(options, session), models, progress) as done:
        run, unread, worst, removed = done.run, done.unread, None, 0
        if done.store is not None and done.statistics is not None:
            _report(session, done, options, formats)
            worst = _worst(done.statistics.totals)
            removed = done.folder.keep(run.files) if run.files else 0
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


def _executor(options: AuditOptions) -> Executor:

    jobs = options.jobs or cores()
    if options.engine == "ray":
        from imgbudget.auditing.ray_executor import RayExecutor  # noqa: PLC0415 - command

        return RayExecutor(jobs, options.ray_address)

    return LocalExecutor(jobs)


def _request(options: AuditOptions, session: Session) -> AuditRequest:
    return AuditRequest(
        datasets=options.datasets,
        against=options.against,
        rows=options.rows,
        replace_rows=options.replace_rows,
        compare=options.compare,
        max_length=options.max_length,
        near_groups=options.dedupe_list is not None and session.context.paths.needs_pixels,
        image_root=options.image_root,
        image_fields=options.image_fields,
        allow_remote=options.allow_remote,
        allow_outside=options.allow_outside,
        allow_unread=options.allow_unread,
        measure=options.measure or options.html is not None,
        executor=partial(_executor, options),
        verbose=options.output.verbose,
    )


def _report(session: Session, done: Audited, options: AuditOptions, formats: list[Format]) -> None:
    """Write every format and list."""
    store, statistics = done.store, done.statistics
    if store is None or statistics is None:
        return
    if options.dedupe_list is not None:
        keep, csv = Keep(options.keep or Keep.FIRST), options.dedupe_list.lower().endswith(".csv")
        near = session.context.paths.needs_pixels
        write_lines(list_lines(store, keep, csv=csv, near=near), options.dedupe_list)
    if options.hashes is not None:
        write_lines(hash_lines(store), options.hashes)
    if options.html is not None:
        context = session.context
        read = (rule.code for rule in session.registry.rules if context.paths.needs_text and on_text(rule))
        write_page(store, statistics, options.html, text_codes=frozenset(read))
    for name, file in formats:
        if name == "csv":
            write_lines(lines(store, done.run.tiers), file)
            continue
        sink = Sink(file)
        colour = file is None and wants_colour(options.output.color, sys.stdout)
        with fitted_to(None if file else sys.stdout):
            text = _text(name, statistics, done.run, done.unread, colour=colour, quiet=options.output.quiet)
        sink.write(text)
        sink.close()


def _text(  # noqa: PLR0913 - keyword arguments
    name: str, statistics: AuditStatistics, run: AuditRun, unread: Unread, *, colour: bool, quiet: bool
) -> str:
    if name == "json":
        return document(statistics, run_facts(run, unread))
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


command: Command[AuditOptions] = Command("audit", AuditOptions, audit, formats=FORMATS)
