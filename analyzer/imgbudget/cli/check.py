"""`imgbudget check`: lints images, folders, request JSON and standard input."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

from imgbudget.cli.checking import (
    Output,
    check_paths,
    fix_exit_code,
    fix_options,
    fix_outputs,
    fixer_of,
    say_caveats,
    say_fixes,
    say_narrowed,
    say_nothing_found,
    say_skipped,
    wants_fixes,
)
from imgbudget.cli.command import FILES_FROM, HOOK, Command, argument, flag, option
from imgbudget.cli.completion import files
from imgbudget.cli.options import (
    CLIENT,
    DECODE,
    FAIL_ON,
    FIX_LEVEL,
    FORCE_EXCLUDE,
    JOBS,
    PEDANTIC,
    PIXELS,
    TEXT,
    UNSAFE_FIXES,
    ConfigOptions,
    ModelOptions,
    OutputOptions,
    SelectionOptions,
    SuppressionOptions,
    WriteOptions,
    run_options,
)
from imgbudget.cli.output import (
    Format,
    Progress,
    Sink,
    chosen_formats,
    say,
    say_warnings,
    terminal_columns,
    wants_colour,
    write_formats,
)
from imgbudget.config.load import folder_in_repository
from imgbudget.discovery.filetypes import is_hook_file
from imgbudget.errors import UsageError
from imgbudget.linter.options import RunOptions
from imgbudget.linter.run import Session
from imgbudget.linter.selection import named_rules
from imgbudget.model.results import Summary
from imgbudget.model.subjects import ProbeField, Severity
from imgbudget.namedtuples import NamedTuple
from imgbudget.output.base import TextStyle, count
from imgbudget.output.registry import (
    FORMATS,
    IN_REPOSITORY,
    WITH_EDITS,
    WITH_RULES,
    WITH_TRIALS,
    make_reporter,
)
from imgbudget.printable import joined

if TYPE_CHECKING:
    from imgbudget.cli.growth import GrowthGate
    from imgbudget.fixing.run import Fixer
    from imgbudget.linter.baseline import BaselineEntry
    from imgbudget.model.comparison import Earlier


class CheckOptions(NamedTuple):
    """The options of `check`."""

    paths: Annotated[tuple[str, ...], argument("[PATHS]...", many=True, complete=files)] = (".",)
    files_from: Annotated[tuple[str, ...], FILES_FROM] = ()
    provider: ModelOptions = ModelOptions()
    client: Annotated[str | None, CLIENT] = None
    rules: SelectionOptions = SelectionOptions()
    pedantic: Annotated[bool, PEDANTIC] = False
    pixels: Annotated[bool, PIXELS] = False
    text: Annotated[bool, TEXT] = False
    decode: Annotated[bool, DECODE] = False
    fail_on: Annotated[str, FAIL_ON] = "warning"
    exit_zero: Annotated[
        bool, flag("--exit-zero", help="Exit 0 even with findings; usage errors still exit 2.")
    ] = False
    fail_on_unread: Annotated[
        bool,
        flag(
            "--fail-on-unread",
            help="Exit 2 if anything could not be read, or a named file looks like a request or holds "
            "images and yielded none; also with --exit-zero.",
        ),
    ] = False
    fix: Annotated[bool, flag("--fix", help="Fix what can be fixed safely; - writes to standard output.")] = (
        False
    )
    unsafe_fixes: Annotated[bool, UNSAFE_FIXES] = False
    fix_level: Annotated[str, FIX_LEVEL] = "error"
    exit_non_zero_on_fix: Annotated[
        bool, flag("--exit-non-zero-on-fix", help="Also exit 1 if any file was changed.")
    ] = False
    write: WriteOptions = WriteOptions()
    findings: SuppressionOptions = SuppressionOptions()
    force_exclude: Annotated[bool, FORCE_EXCLUDE] = False
    hook: Annotated[
        bool,
        flag(HOOK, hidden=True, help="Take names of files that begin with a dash as paths from here on."),
    ] = False
    stdin_filename: Annotated[
        str | None,
        option("--stdin-filename", metavar="NAME", help="File name to report for standard input."),
    ] = None
    statistics: Annotated[
        bool,
        flag("--statistics", help="Summarise by rule and by folder: how far over the limits, and the cost."),
    ] = False
    compare: Annotated[
        str | None,
        option(
            "--compare", metavar="REPORT", complete=files, help="Show the difference to a saved JSON report."
        ),
    ] = None
    fail_over: Annotated[
        str | None,
        option(
            "--fail-over",
            metavar="AMOUNT",
            help="With --compare: exit 1 if the visual tokens grow by more than 5% or 20k, or the cost of a "
            "run by more than $0.10.",
        ),
    ] = None
    show_files: Annotated[
        bool, flag("--show-files", help="List the files that would be checked, without checking them.")
    ] = False
    show_settings: Annotated[
        bool,
        flag(
            "--show-settings",
            help="Print the settings for each path, and why each rule is on or off, without checking.",
        ),
    ] = False
    jobs: Annotated[int | None, JOBS] = None
    cache: Annotated[
        bool | None,
        flag(
            "--cache",
            off="--no-cache",
            help="Keep facts of unchanged files between runs; default: when a folder is checked.",
        ),
    ] = None
    offline: Annotated[bool, flag("--offline", help="Never use the network; check never does.")] = False
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def check(options: CheckOptions) -> int:
    """Lint images, folders, request JSON, or standard input (-).

    Exit code 0: clean, or nothing of --fail-on or above; 1: findings, or growth beyond --fail-over; 2: usage,
    configuration or internal error, growth that is not known, or with --fail-on-unread something that could
    not be read. Without PATHS the current folder is checked.
    """
    paths, output = options.paths, options.output
    formats = chosen_formats(output.formats, tuple(FORMATS))
    session = _session(options, {name for name, _ in formats})
    if options.show_files and options.show_settings:
        raise UsageError("--show-files and --show-settings exclude each other")
    if options.stdin_filename is not None and "-" not in paths:
        raise UsageError("--stdin-filename goes with -, the path of standard input")
    if options.show_files:
        return _show_files(session, paths, formats, output.color)
    if options.show_settings:
        return _show_settings(session, paths, formats)
    earlier = _read_report(options.compare)
    gate = _gate(options, earlier)
    outputs = [_output(name, file, session, output) for name, file in formats]
    fixes = wants_fixes(options)
    checker: Session | Fixer = session
    if fixes:
        from imgbudget.fixing.strategy import FindingFixes  # noqa: PLC0415 - rare

        choice = FindingFixes(
            unsafe=options.unsafe_fixes,
            level=Severity[options.fix_level.upper()],
            codes=named_rules(
                session.registry.rules, (*(options.rules.select or ()), *options.rules.extend_select)
            ),
        )
        checker = fixer_of(session, fix_options(options.write, choice, options.jobs), paths)
        outputs = fix_outputs(outputs, options.write, paths, formats_given=bool(output.formats))
    progress = Progress(wanted=not output.no_progress and not output.quiet)
    summary = check_paths(
        checker,
        paths,
        outputs,
        progress,
        jobs=options.jobs,
        stdin_name=options.stdin_filename,
        earlier=gate.earlier if gate else earlier,
    )
    _say_notes(session, summary, output)
    code = exit_code(
        summary, options.fail_on, exit_zero=options.exit_zero, fail_on_unread=options.fail_on_unread
    )
    grown = gate.exit_code(summary.comparison) if gate else 0
    if grown == 2 or not options.exit_zero:
        code = max(code, grown)
    if not fixes:
        return code
    say_fixes(summary, output, diff=options.write.diff)
    return fix_exit_code(summary, code, fail=options.write.diff or options.exit_non_zero_on_fix)


def _session(options: CheckOptions, formats: set[str]) -> Session:
    """The session of a run; one that tries the fixes where a format shows what they would make."""
    asked = _run_options(options, formats)
    if not formats & WITH_TRIALS or options.fix or options.write.diff:
        return Session(asked)
    from imgbudget.fixing.trial import TryingSession  # noqa: PLC0415 - format

    return TryingSession(asked)


def _run_options(options: CheckOptions, formats: set[str]) -> RunOptions:
    cache = options.cache
    if cache is None:  # for a few named files it does not pay
        cache = any(os.path.isdir(path) for path in options.paths)
    fields = ProbeField.NONE
    if formats & {"json", "jsonl"}:
        from imgbudget.output.records import SHOWN  # noqa: PLC0415 - rare

        fields = SHOWN
    if options.decode:
        fields |= ProbeField.DECODE
        cache = False  # what decodes depends on the decoder, not only on the bytes

    return run_options(
        provider=options.provider,
        client=options.client,
        settings=options.settings,
        rules=options.rules,
        findings=options.findings,
        verbose=options.output.verbose,
    )._replace(
        pedantic=options.pedantic,
        pixels=options.pixels or None,
        text=options.text or None,
        statistics=options.statistics,
        compare=options.compare is not None,
        force_exclude=options.force_exclude,
        nested=True,
        fields=fields,
        cache=cache,
        excerpts="full" in formats,
        edits=bool(formats & WITH_EDITS),
    )


def _output(name: str, file: str | None, session: Session, output: OutputOptions) -> Output:
    style = TextStyle(
        colour=file is None and wants_colour(output.color, sys.stdout),
        quiet=output.quiet,
        root=os.getcwd(),
        columns=terminal_columns(sys.stdout) if file is None else None,
    )
    if name in IN_REPOSITORY:
        style = style._replace(folder=folder_in_repository(style.root))
    if name in WITH_RULES:
        from imgbudget.output.sarif import rule_pages  # noqa: PLC0415 - format

        style = style._replace(rules=rule_pages(session.registry.rules))
    return Output(make_reporter(name, style), Sink(file))


def _show_files(session: Session, paths: tuple[str, ...], formats: list[Format], color: str) -> int:
    if any(name not in {"full", "json"} for name, _ in formats):
        raise UsageError("--show-files has the formats full and json")
    found = list(session.files(paths))
    write_formats(
        formats,
        color,
        text=lambda _: "".join(
            joined([path if reason is None else f"{path}  (skipped: {reason})"]) for path, reason in found
        ),
        document=lambda: {
            "version": 1,
            "files": [path for path, reason in found if reason is None],
            "skipped": [{"path": path, "reason": reason} for path, reason in found if reason is not None],
        },
    )
    return 0


def _show_settings(session: Session, paths: tuple[str, ...], formats: list[Format]) -> int:
    from imgbudget.cli.settings import show_settings  # noqa: PLC0415 - rare

    show_settings(session, paths, formats)
    return 0


def _gate(options: CheckOptions, earlier: "Earlier | None") -> "GrowthGate | None":
    if options.fail_over is None:
        return None
    from imgbudget.cli.growth import GrowthGate  # noqa: PLC0415 - rare

    return GrowthGate(options.fail_over, earlier)


def _read_report(name: str | None) -> "Earlier | None":
    if name is None:
        return None
    from imgbudget.model.comparison import read_report_file  # noqa: PLC0415 - rare

    return read_report_file(name, "--compare")


def _say_notes(session: Session, summary: Summary, output: OutputOptions) -> None:
    say_warnings(session.notes)
    if output.quiet:
        return
    if gone := _fixed_entries(session, summary):
        say(
            f"{count(len(gone), 'entry', 'entries')} of the baseline no longer found; "
            "imgbudget baseline --prune removes them"
        )
    say_nothing_found(session, summary)
    say_narrowed(summary.narrowed, output)
    say_caveats(summary, output)
    say_skipped(summary, output, unless={path for path, _ in summary.missed})
    for path, reason in summary.missed:
        say(f"warning: not checked: {path}: {reason}")


def exit_code(
    summary: Summary, fail_on: str, *, exit_zero: bool = False, fail_on_unread: bool = False
) -> int:
    """0 clean or below `fail_on`, 1 findings, 2 when a rule failed or, if asked, something was not read."""
    if summary.rules_failed or (fail_on_unread and summary.unread):
        return 2
    if exit_zero or fail_on == "never" or summary.worst is None:
        return 0
    return 1 if summary.worst >= Severity[fail_on.upper()] else 0


def _fixed_entries(session: Session, summary: Summary) -> "tuple[BaselineEntry, ...]":
    if session.context.paths.baseline is None:
        return ()
    from imgbudget.linter.baseline import fixed_entries  # noqa: PLC0415 - rare

    return fixed_entries(session, [path for path, _ in summary.missed])


command: Command[CheckOptions] = Command(
    "check", CheckOptions, check, formats=tuple(FORMATS), is_hook_file=is_hook_file
)
