"""`imgbudget audit`: what a dataset of any size costs, what is refused or shrunk, what a plan saves."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import click

from imgbudget.cli.audit_progress import AuditProgress
from imgbudget.cli.options import (
    codes,
    config_options,
    model_options,
    output_options,
    selection_options,
    wishes,
)
from imgbudget.cli.output import Sink, parse_formats, say, wants_colour, whole_file
from imgbudget.cli.several import limits_of_all
from imgbudget.engine.findings import FAILED_CODE
from imgbudget.errors import UsageError
from imgbudget.limits import Limits
from imgbudget.model import Severity
from imgbudget.reporters.base import count, one_line
from imgbudget.session import Session

if TYPE_CHECKING:
    from imgbudget.audit.executors import Executor
    from imgbudget.audit.run import Run
    from imgbudget.audit.statistics import Statistics
    from imgbudget.audit.store import Store

FORMATS = ("full", "json", "markdown", "csv")


@click.command("audit")
@click.argument("datasets", nargs=-1, required=True, metavar="DATASET...")
@model_options
@selection_options
@click.option("--pedantic", is_flag=True, help="Run the pedantic rules too.")
@click.option("--no-ignores", is_flag=True, help="Report what the configuration's ignores silence.")
@click.option(
    "--models",
    multiple=True,
    callback=codes,
    metavar="IDS",
    help="Models to show the costs of side by side, of any provider: comma-separated ids, or all.",
)
@click.option(
    "--rows",
    metavar="DIR",
    help="Keep the facts table there, Parquet, a row an image; a run that was stopped goes on from it.",
)
@click.option(
    "--html",
    metavar="FILE",
    help="Write the report as one HTML file that needs nothing else; --format is for what is printed.",
)
@click.option(
    "--image-root",
    metavar="DIR",
    help="Folder or URL where the paths of a manifest begin; default: the manifest's own folder.",
)
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Processes of this machine, or Ray (extra: imgbudget[ray]).",
)
@click.option(
    "--ray-address",
    metavar="ADDRESS",
    help="With --engine ray: the cluster, HOST:6379 or auto; default: a private Ray on this machine.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    default="never",
    show_default=True,
    help="Least severity that makes the exit code 1; an audit is a report.",
)
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Processes; default: one for each core."
)
@output_options(FORMATS, "full")
@config_options
def command(**options: Any) -> int:
    """Audit datasets: cost, refusals, waste, duplicates.

    DATASET is a folder, an image, a zip or tar archive, WebDataset shards, Hugging Face Parquet or Arrow
    files, request JSONL, a list of images (LLaVA or OpenAI style JSONL, COCO), or a URL of any of these
    (s3://, gs://, hf://). Exit code 0, 1 as --fail-on says, 2 when something could not be read or counted.
    """
    _require_datasets()
    formats = parse_formats(options["formats"], "full")
    for name, _ in formats:
        if name not in FORMATS:
            raise UsageError(f"unknown format {name!r}; audit knows {', '.join(FORMATS)}")
    if options["ray_address"] and options["engine"] != "ray":
        raise UsageError("--ray-address needs --engine ray")
    session = Session(wishes(options))
    models = limits_of_all(session, options["models"] or ())
    with _folder(options["rows"]) as folder:
        run = _run(session, options, folder)
        if not run.files:
            say("warning: no files found")
            return 0
        _report(session, run, options, formats, models)
    _say_notes(session, run, options)
    if run.summary.rules_failed:
        return 2
    worst = _worst(run)
    return (
        1 if worst and options["fail_on"] != "never" and worst >= Severity[options["fail_on"].upper()] else 0
    )


def _require_datasets() -> None:
    from importlib.util import find_spec  # noqa: PLC0415 - audits only

    missing = [name for name in ("pyarrow", "duckdb", "jinja2") if find_spec(name) is None]
    if missing:
        raise UsageError(f"audit needs {', '.join(missing)}: pip install 'imgbudget[datasets]'")


@contextmanager
def _folder(rows: str | None) -> Iterator[str]:
    """The folder of the row files: the one that is named, else one that goes with the run."""
    import os  # noqa: PLC0415 - audits only
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    if rows is None:
        with TemporaryDirectory(prefix="imgbudget-audit-") as folder:
            yield folder
        return
    os.makedirs(rows, exist_ok=True)
    yield rows


def _run(session: Session, options: dict[str, Any], folder: str) -> "Run":
    """All partitions read, their rows in the folder."""
    from imgbudget.audit.partition import Naming  # noqa: PLC0415 - audits only
    from imgbudget.audit.plan import plan  # noqa: PLC0415
    from imgbudget.audit.run import Run  # noqa: PLC0415
    from imgbudget.audit.work import Work, configuration_key  # noqa: PLC0415

    progress = AuditProgress(wanted=not options["no_progress"] and not options["quiet"])
    naming = Naming(configuration_key(session))
    partitions = plan(options["datasets"], session, naming, root=options["image_root"])
    # Ray reports lost workers on standard output, where only results belong
    with redirect_stdout(sys.stderr if options["verbose"] else StringIO()):
        executor = _executor(options)
        try:
            run = Run(Work.of(session), executor, folder, progress)
            run.finish(partitions)
        finally:
            executor.close()
            progress.clear()
    return run


def _executor(options: dict[str, Any]) -> "Executor":
    from imgbudget.session.pool import cores  # noqa: PLC0415 - audits only

    jobs = options["jobs"] or cores()
    if options["engine"] == "ray":
        from imgbudget.audit.executors.ray import RayExecutor  # noqa: PLC0415 - this engine only

        return RayExecutor(jobs, options["ray_address"])
    from imgbudget.audit.executors.local import LocalExecutor  # noqa: PLC0415 - this engine only

    return LocalExecutor(jobs)


def _report(
    session: Session,
    run: "Run",
    options: dict[str, Any],
    formats: list[tuple[str, str | None]],
    models: tuple[Limits, ...],
) -> None:
    """Prove the rows complete, gather the statistics, write every format."""
    from imgbudget.audit.gather import About, gather  # noqa: PLC0415 - audits only
    from imgbudget.audit.merge import prove  # noqa: PLC0415
    from imgbudget.audit.store import open_rows  # noqa: PLC0415

    notes = (*session.notes, *run.notes)
    about = About(session.limits, session.registry.rules, options["datasets"], notes, models)
    with open_rows(run.files, session.bench.limits()) as store:
        prove(store, run.files, run.summary)
        statistics = gather(store, about)
        if options["html"] is not None:
            _write_page(store, statistics, options["html"])
        for name, file in formats:
            if name == "csv":
                _write_rows(store, file)
                continue
            sink = Sink(file)
            colour = file is None and wants_colour(options["color"], sys.stdout)
            sink.write(_text(name, statistics, run, colour=colour))
            sink.close()


def _text(name: str, statistics: "Statistics", run: "Run", *, colour: bool) -> str:
    if name == "json":
        from imgbudget.audit.formats.records import RunFacts, document  # noqa: PLC0415 - this format only

        return document(statistics, RunFacts(len(run.files), run.resumed, tuple(run.lost)))
    if name == "markdown":
        from imgbudget.audit.formats.markdown import markdown  # noqa: PLC0415 - this format only

        return markdown(statistics)
    from imgbudget.cli.audit_text import audit_text  # noqa: PLC0415 - this format only

    return audit_text(statistics, colour=colour)


def _write_rows(store: "Store", file: str | None) -> None:
    """The facts table as CSV, a stretch at a time: it may be larger than memory."""
    from imgbudget.audit.formats.table import lines  # noqa: PLC0415 - this format only

    with nullcontext(sys.stdout) if file is None else whole_file(file) as out:
        for text in lines(store):
            out.write(text)


def _write_page(store: "Store", statistics: "Statistics", file: str) -> None:
    from imgbudget.audit.html.page import page  # noqa: PLC0415 - this report only
    from imgbudget.audit.html.thumbnails import thumbnails  # noqa: PLC0415

    with whole_file(file) as out:
        out.write(page(statistics, store, thumbnails))


def _say_notes(session: Session, run: "Run", options: dict[str, Any]) -> None:
    for note in dict.fromkeys((*session.notes, *run.notes)):
        say(f"warning: {note}")
    if run.lost:
        lost = f"{count(len(run.lost), 'item')} could not be read: {one_line(run.lost[0])}"
        say(f"error: {lost}; see {FAILED_CODE}")
    if options["quiet"]:
        return
    if run.resumed:
        done = count(run.resumed, "partition")
        say(f"{done} of {len(run.files)} taken from {options['rows']}: read by an earlier run")
    if run.summary.missed:
        say(f"warning: {count(run.summary.missed, 'item')} could not be looked at")


def _worst(run: "Run") -> Severity | None:
    counts = {
        Severity.ERROR: run.summary.errors,
        Severity.WARNING: run.summary.warnings,
        Severity.INFO: run.summary.infos,
    }
    return max((severity for severity, number in counts.items() if number), default=None)
