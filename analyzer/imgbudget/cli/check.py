"""`imgbudget check`: lints images, folders, request JSON and standard input."""

import os
import sys
from typing import TYPE_CHECKING, Any

from imgbudget.cli import declared as click
from imgbudget.cli.checking import Output, check_paths
from imgbudget.cli.completion import files
from imgbudget.cli.fixing import (
    fix_exit_code,
    fix_options,
    fix_outputs,
    fix_wishes,
    fixer_of,
    say_fixes,
    wants_fixes,
)
from imgbudget.cli.options import (
    config_options,
    model_options,
    output_options,
    selection_options,
    silencing_options,
    wishes,
)
from imgbudget.cli.output import Sink, parse_formats, say, wants_colour
from imgbudget.cli.progress import Progress
from imgbudget.errors import UsageError, os_error_text
from imgbudget.model import Fact, Severity
from imgbudget.report import Summary
from imgbudget.reporters import FORMATS, WITH_EDITS, WITH_RULES, make_reporter
from imgbudget.reporters.base import Style, count, one_line
from imgbudget.reporters.records import SHOWN
from imgbudget.session import Session

if TYPE_CHECKING:
    from imgbudget.comparison import Earlier
    from imgbudget.engine.baseline import Entry
    from imgbudget.session.fixing import Fixer

_LISTED = 5


@click.command("check")
@click.argument("paths", nargs=-1, metavar="[PATHS]...", shell_complete=files)
@model_options
@selection_options
@click.option("--pedantic", is_flag=True, help="Run the pedantic rules too.")
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "info", "never"]),
    default="warning",
    show_default=True,
    help="Least severity that makes the exit code 1.",
)
@click.option("--exit-zero", is_flag=True, help="Exit 0 even with findings; errors of use still exit 2.")
@fix_options
@silencing_options
@click.option("--force-exclude", is_flag=True, help="Hold named files against excludes too (for hooks).")
@click.option("--stdin-filename", metavar="NAME", help="Name under which standard input is reported.")
@click.option("--statistics", is_flag=True, help="Sum up by rule and by folder: how far over, what it costs.")
@click.option("--compare", metavar="REPORT", help="Show the difference to a saved JSON report.")
@click.option("--show-files", is_flag=True, help="Print the files that would be checked, and check nothing.")
@click.option(
    "--show-settings",
    is_flag=True,
    help="Print what holds for each path and why a rule is off; check nothing.",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes for many files; default: one for each core.",
)
@click.option(
    "--cache/--no-cache",
    default=None,
    help="Keep facts of unchanged files between runs; default: when a folder is checked.",
)
@click.option("--offline", is_flag=True, help="Never use the network; check never does.")
@output_options(tuple(FORMATS), "full")
@config_options
def command(**options: Any) -> int:
    """Lint images, folders, request JSON, or standard input (-).

    Exit code 0: clean, or nothing of --fail-on or above; 1: findings; 2: usage, configuration or internal
    error. Without PATHS the current folder is checked.
    """
    paths = options["paths"] or (".",)
    formats = parse_formats(options["formats"], "full")
    names = {name for name, _ in formats}
    if unknown := names - FORMATS.keys():
        raise UsageError(f"unknown format {min(unknown)!r}; known are {', '.join(FORMATS)}")
    want = SHOWN if names & {"json", "jsonl"} else Fact.NONE
    if options["cache"] is None:  # for a few named files it does not pay
        options["cache"] = any(os.path.isdir(path) for path in paths)
    edits = bool(names & WITH_EDITS)
    session = Session(wishes(options, want=want, excerpts="full" in names, edits=edits))
    if options["show_files"]:
        return _show_files(session, paths)
    if options["show_settings"]:
        return _show_settings(session, paths, formats)
    earlier = _read_report(options["compare"])
    outputs = [_output(name, file, session, options) for name, file in formats]
    fixes = wants_fixes(options | {"paths": paths})
    checker: Session | Fixer = session
    if fixes:
        from imgbudget.session.choices import ByFindings  # noqa: PLC0415 - runs that fix only

        choice = ByFindings(unsafe=options["unsafe_fixes"])
        checker = fixer_of(session, fix_wishes(options, choice), paths)
        outputs = fix_outputs(outputs, options | {"paths": paths})
    progress = Progress(wanted=not options["no_progress"] and not options["quiet"])
    summary = check_paths(
        checker,
        paths,
        outputs,
        progress,
        jobs=options["jobs"],
        stdin_name=options["stdin_filename"],
        earlier=earlier,
    )
    _say_notes(session, summary, options)
    code = exit_code(summary, options["fail_on"], exit_zero=options["exit_zero"])
    if not fixes:
        return code
    say_fixes(summary, options)
    return fix_exit_code(summary, code, options)


def _output(name: str, file: str | None, session: Session, options: dict[str, Any]) -> Output:
    style = Style(
        colour=file is None and wants_colour(options["color"], sys.stdout),
        quiet=options["quiet"],
        root=os.getcwd(),
    )
    if name in WITH_RULES:
        from imgbudget.reporters.pages import rule_pages  # noqa: PLC0415 - reads the docstring of each rule

        style = style._replace(rules=rule_pages(session.registry.rules))
    return Output(make_reporter(name, style), Sink(file))


def _show_files(session: Session, paths: tuple[str, ...]) -> int:
    for path, reason in session.files(paths):
        print(one_line(path) if reason is None else f"{one_line(path)}  (skipped: {reason})")
    return 0


def _show_settings(session: Session, paths: tuple[str, ...], formats: list[tuple[str, str | None]]) -> int:
    from imgbudget.cli.settings import show_settings  # noqa: PLC0415 - on demand only

    show_settings(session, paths, formats)
    return 0


def _read_report(name: str | None) -> "Earlier | None":
    if name is None:
        return None
    from imgbudget.comparison import read_report  # noqa: PLC0415 - on demand only

    try:
        with open(name, "rb") as file:
            return read_report(file.read(), name)
    except OSError as error:
        raise UsageError(f"--compare {name}: cannot be read: {os_error_text(error)}") from error


def _say_notes(session: Session, summary: Summary, options: dict[str, Any]) -> None:
    for note in session.notes:
        say(f"warning: {note}")
    if options["quiet"]:
        return
    if gone := _fixed_entries(session, summary):
        say(
            f"{count(len(gone), 'entry', 'entries')} of the baseline no longer found; "
            "imgbudget baseline --prune takes them out"
        )
    if summary.files == 0:
        say("warning: no files found")
    for path, reason in summary.missed:
        say(f"warning: not checked: {one_line(path)}: {reason}")
    if summary.skipped and (options["verbose"] or summary.checked == 0):
        shown = summary.skipped if options["verbose"] else summary.skipped[:_LISTED]
        for path, reason in shown:
            say(f"skipped {one_line(path)}: {reason}")
        if len(summary.skipped) > len(shown):
            say(f"and {len(summary.skipped) - len(shown):,} more; --verbose lists them")


def exit_code(summary: Summary, fail_on: str, *, exit_zero: bool = False) -> int:
    """0 clean or below `fail_on`, 1 findings, 2 when a rule failed."""
    if summary.rules_failed:
        return 2
    if exit_zero or fail_on == "never" or summary.worst is None:
        return 0
    return 1 if summary.worst >= Severity[fail_on.upper()] else 0


def _fixed_entries(session: Session, summary: Summary) -> "tuple[Entry, ...]":
    if session.bench.paths.baseline is None:
        return ()
    from imgbudget.session.baselines import fixed_entries  # noqa: PLC0415 - with a baseline only

    return fixed_entries(session, [path for path, _ in summary.missed])
