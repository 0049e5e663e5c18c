"""`imgbudget baseline`: records the current findings as known, and removes fixed ones."""

import os
from typing import Annotated, NamedTuple

from imgbudget.cli.checking import check_paths, say_nothing_found, say_skipped
from imgbudget.cli.command import FILES_FROM, Command, argument, flag
from imgbudget.cli.completion import files
from imgbudget.cli.options import (
    CLIENT,
    FORCE_EXCLUDE,
    JOBS,
    PEDANTIC,
    PIXELS,
    TEXT,
    ConfigOptions,
    ModelOptions,
    OutputOptions,
    SelectionOptions,
    SuppressionOptions,
    run_options,
)
from imgbudget.cli.output import Progress, Sink, chosen_formats, say, say_warnings, write_formats
from imgbudget.config.load import boundary, identity, is_within, shown
from imgbudget.errors import UsageError
from imgbudget.linter.baseline import NAME, Baseline, fixed_entries, placed, read_file
from imgbudget.linter.run import Session
from imgbudget.model.results import Summary
from imgbudget.output.base import count, figure
from imgbudget.output.records import TOOL, VERSION
from imgbudget.printable import joined

FORMATS = ("full", "json")


class BaselineOptions(NamedTuple):
    """The options of `baseline`."""

    paths: Annotated[tuple[str, ...], argument("[PATHS]...", many=True, complete=files)] = (".",)
    files_from: Annotated[tuple[str, ...], FILES_FROM] = ()
    write: Annotated[
        bool, flag("--write", help="Record all current findings; an existing file is not overwritten.")
    ] = False
    prune: Annotated[
        bool, flag("--prune", help="Remove findings that are no longer found; nothing is added.")
    ] = False
    force: Annotated[
        bool, flag("--force", help="With --write: replace an existing file, new findings included.")
    ] = False
    provider: ModelOptions = ModelOptions()
    client: Annotated[str | None, CLIENT] = None
    rules: SelectionOptions = SelectionOptions()
    pedantic: Annotated[bool, PEDANTIC] = False
    pixels: Annotated[bool, PIXELS] = False
    text: Annotated[bool, TEXT] = False
    findings: SuppressionOptions = SuppressionOptions()
    force_exclude: Annotated[bool, FORCE_EXCLUDE] = False
    jobs: Annotated[int | None, JOBS] = None
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def baseline(options: BaselineOptions) -> int:
    """Record the current findings as known, so that `check --baseline FILE` reports only new ones.

    Without --baseline the file is the one that the configuration names, else .imgbudget-baseline.json beside
    the configuration. Image files are recognised by their content: a moved file stays known, a changed file
    counts as new.
    """
    formats = chosen_formats(options.output.formats, FORMATS)
    if options.write == options.prune:
        raise UsageError("give either --write or --prune")
    asked = run_options(
        provider=options.provider,
        client=options.client,
        settings=options.settings,
        rules=options.rules,
        findings=options.findings,
        verbose=options.output.verbose,
    )._replace(
        pedantic=options.pedantic,
        force_exclude=options.force_exclude,
        nested=True,
        pixels=options.pixels or None,
        text=options.text or None,
    )
    session = Session(asked._replace(use_baseline=False, collect=options.write))
    name = _name(session, options.findings.baseline)
    if options.write:
        made = _write(session, name, options)
    else:
        made = _prune(Session(asked._replace(baseline=name, use_baseline=True)), name, options)
    if made is None:
        return 2
    write_formats(
        formats,
        options.output.color,
        text=lambda _: joined([made.text]),
        document=lambda: {"version": VERSION, "tool": TOOL, "baseline": name, **made.counts},
    )
    if made.hint and not options.output.quiet:
        say(made.hint)
    return 0


def _name(session: Session, given: str | None) -> str:
    settings = session.settings
    if given or settings.baseline:
        return given or shown(settings.baseline or "")
    path = os.path.join(settings.root, NAME)
    if not is_within(path, boundary(path)):
        raise UsageError(f"{shown(path)} is a link out of its repository; name the file with --baseline FILE")
    return shown(path)


class _BaselineChange(NamedTuple):
    """What was done to a baseline: as a line, as numbers, and what to do next."""

    text: str
    counts: dict[str, int]
    hint: str = ""


def _write(session: Session, name: str, options: BaselineOptions) -> _BaselineChange | None:
    if os.path.lexists(name) and not options.force:
        raise UsageError(
            f"{name} exists, and a baseline only shrinks: --prune removes fixed findings; "
            "--write --force replaces it, and new findings become known"
        )
    if not _run(session, options):
        return None
    suppressor = session.context.paths.suppressor
    found = Baseline(suppressor.collected_entries if suppressor else (), placed=placed(session.registry))
    _save(name, found, options)
    known, hint = session.settings.baseline, ""
    if known is None or identity(known) != identity(name):
        hint = f"check --baseline {name} ignores them, as does baseline: in the configuration"
    written = len(found.entries)
    return _BaselineChange(f"wrote {count(written, 'finding')} to {name}", {"written": written}, hint)


def _prune(session: Session, name: str, options: BaselineOptions) -> _BaselineChange | None:
    before = read_file(name, session.registry)
    summary = _run(session, options)
    if not summary:
        return None
    gone = set(fixed_entries(session, [path for path, _ in summary.missed]))
    if gone:
        left = (entry for entry in before.entries if entry not in gone)
        _save(name, Baseline(left, placed=placed(session.registry)), options)
    new = sum(summary.findings.values())
    text = f"removed {figure(len(gone))} of {count(len(before.entries), 'finding')} from {name}"
    text += f"; {count(new, 'finding is', 'findings are')} not in it" if new else ""
    left_over = len(before.entries) - len(gone)
    return _BaselineChange(text, {"removed": len(gone), "left": left_over, "new": new})


def _run(session: Session, options: BaselineOptions) -> Summary | None:
    """Check everything; None, with a message, if a rule failed and the findings are therefore incomplete."""
    progress = Progress(wanted=not (options.output.no_progress or options.output.quiet))
    summary = check_paths(session, options.paths, (), progress, jobs=options.jobs)
    say_warnings(session.notes)
    say_warnings(f"not checked: {path}: {reason}" for path, reason in summary.missed)
    if not options.output.quiet:
        say_nothing_found(session, summary)
        say_skipped(summary, options.output, unless={path for path, _ in summary.missed})
    if summary.rules_failed:
        say("a rule failed, so nothing is written; imgbudget check shows which")
        return None
    return summary


def _save(name: str, entries: Baseline, options: BaselineOptions) -> None:
    sink = Sink(name, named=options.findings.baseline is not None)
    sink.write(entries.text())
    sink.close()


command: Command[BaselineOptions] = Command("baseline", BaselineOptions, baseline, formats=FORMATS)
