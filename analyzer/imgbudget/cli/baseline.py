"""`imgbudget baseline`: writes the findings of today as known, and takes out what is fixed."""

import os
from typing import Any

import click

from imgbudget.cli.checking import check_paths
from imgbudget.cli.options import config_options, model_options, selection_options, silencing_options, wishes
from imgbudget.cli.output import Sink, say
from imgbudget.cli.progress import Progress
from imgbudget.config.files import identity, shown
from imgbudget.engine.baseline import NAME, Baseline
from imgbudget.errors import UsageError
from imgbudget.report import Summary
from imgbudget.reporters.base import count, figure, one_line
from imgbudget.session import Session
from imgbudget.session.baselines import fixed_entries, placed, read_file


@click.command("baseline")
@click.argument("paths", nargs=-1, metavar="[PATHS]...")
@click.option("--write", is_flag=True, help="Write every finding of today; an existing file is not touched.")
@click.option("--prune", is_flag=True, help="Take out what is no longer found; nothing is added.")
@click.option("--force", is_flag=True, help="With --write: replace an existing file, new findings and all.")
@model_options
@selection_options
@click.option("--pedantic", is_flag=True, help="Run the pedantic rules too.")
@silencing_options
@click.option("--force-exclude", is_flag=True, help="Hold named files against excludes too (for hooks).")
@click.option("-j", "--jobs", type=click.IntRange(min=1), metavar="N", help="Processes for many files.")
@click.option("-v", "--verbose", is_flag=True, help="Show tracebacks.")
@click.option("--no-progress", is_flag=True, help="Show no progress.")
@config_options
def command(**options: Any) -> int:
    """Keep the findings of today apart, so that `check --baseline FILE` reports only new ones.

    Without --baseline the file is the one that the configuration names, else .imgbudget-baseline.json beside
    the configuration. Image files are known by their content: a moved one stays known, a changed one is new.
    """
    if options["write"] == options["prune"]:
        raise UsageError("give either --write or --prune")
    paths = options["paths"] or (".",)
    session = Session(wishes({**options, "no_baseline": True, "collect": options["write"]}))
    name = _name(session, options["baseline"])
    return _write(session, name, paths, options) if options["write"] else _prune(name, paths, options)


def _name(session: Session, given: str | None) -> str:
    settings = session.settings
    return given or shown(settings.baseline or os.path.join(settings.root, NAME))


def _write(session: Session, name: str, paths: tuple[str, ...], options: dict[str, Any]) -> int:
    if os.path.lexists(name) and not options["force"]:
        raise UsageError(
            f"{name} exists, and a baseline only shrinks: --prune takes out what is fixed; "
            "--write --force replaces it, and what is new becomes known"
        )
    if not _run(session, paths, options):
        return 2
    silencer = session.bench.paths.silencer
    baseline = Baseline(silencer.entries if silencer else (), placed=placed(session.registry))
    _save(name, baseline)
    click.echo(f"wrote {count(len(baseline.entries), 'finding')} to {one_line(name)}")
    known = session.settings.baseline
    if known is None or identity(known) != identity(name):
        say(f"check --baseline {one_line(name)} leaves them out, as baseline: in the configuration does")
    return 0


def _prune(name: str, paths: tuple[str, ...], options: dict[str, Any]) -> int:
    session = Session(wishes({**options, "baseline": name, "no_baseline": False}))
    before = read_file(name, session.registry)
    summary = _run(session, paths, options)
    if not summary:
        return 2
    gone = set(fixed_entries(session, [path for path, _ in summary.missed]))
    if gone:
        left = (entry for entry in before.entries if entry not in gone)
        _save(name, Baseline(left, placed=placed(session.registry)))
    new = sum(summary.findings.values())
    click.echo(
        f"took {figure(len(gone))} of {count(len(before.entries), 'finding')} out of {one_line(name)}"
        + (f"; {count(new, 'finding is', 'findings are')} not in it" if new else "")
    )
    return 0


def _run(session: Session, paths: tuple[str, ...], options: dict[str, Any]) -> Summary | None:
    """Check everything; None, once it is said, where a rule failed and so nothing is sure."""
    progress = Progress(wanted=not options["no_progress"])
    summary = check_paths(session, paths, (), progress, jobs=options["jobs"])
    for note in session.notes:
        say(f"warning: {note}")
    for path, reason in summary.missed:
        say(f"warning: not checked: {one_line(path)}: {reason}")
    if summary.rules_failed:
        say("a rule failed, so nothing is written; imgbudget check tells which")
        return None
    return summary


def _save(name: str, baseline: Baseline) -> None:
    sink = Sink(name)
    sink.write(baseline.text())
    sink.close()
