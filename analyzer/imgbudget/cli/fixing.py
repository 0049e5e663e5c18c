"""The options of runs that fix, and what they mean together."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from imgbudget.cli import declared as click
from imgbudget.cli.output import Sink, say
from imgbudget.errors import UsageError
from imgbudget.report import Summary
from imgbudget.reporters.base import count, figure, one_line

if TYPE_CHECKING:
    from imgbudget.cli.checking import Output
    from imgbudget.session.choices import Choice
    from imgbudget.session.fixing import Fixer, FixOptions
    from imgbudget.session.run import Session

F = TypeVar("F", bound=Callable[..., Any])

_LISTED = 5


def place_options(function: F) -> F:
    """`--diff`, `--output-dir`, `--backup`, `--report`: where results go."""
    for option in (
        click.option(
            "--report",
            metavar="FILE",
            help="Write a JSON manifest of what was changed: hashes, sizes, tokens, coordinate maps.",
        ),
        click.option("--backup", is_flag=True, help="Keep each file that is replaced as NAME.bak."),
        click.option(
            "--output-dir",
            metavar="DIR",
            help="Write into a tree of its own, which then holds every checked file, fixed or as it was.",
        ),
        click.option("--diff", is_flag=True, help="Show what would change, and write nothing."),
    ):
        function = option(function)
    return function


def fix_options(function: F) -> F:
    """`--fix`, `--unsafe-fixes` and where results go."""
    function = click.option(
        "--exit-non-zero-on-fix", is_flag=True, help="Exit 1 where a file was changed, too."
    )(place_options(function))
    function = click.option(
        "--unsafe-fixes", is_flag=True, help="Make fixes too that change what the model sees or reads."
    )(function)
    return click.option(
        "--fix", is_flag=True, help="Fix what can be fixed safely; - writes to standard output."
    )(function)


def wants_fixes(options: dict[str, Any]) -> bool:
    """Whether files are to be fixed, or the difference shown.

    Raises:
        UsageError: options that do not go together.
    """
    _refuse_contradictions(options, "--fix", wanted=bool(options["fix"] or options["diff"]))
    if options["unsafe_fixes"] and not (options["fix"] or options["diff"]):
        raise UsageError("--unsafe-fixes goes with --fix or --diff")
    return bool(options["fix"] or options["diff"])


def wants_apply(options: dict[str, Any]) -> bool:
    """Whether a plan is to be applied, or the difference shown. Raises as `wants_fixes` does."""
    _refuse_contradictions(options, "--apply", wanted=bool(options["apply"] or options["diff"]))
    return bool(options["apply"] or options["diff"])


def _refuse_contradictions(options: dict[str, Any], name: str, *, wanted: bool) -> None:
    for option in ("output_dir", "backup", "report"):
        if options[option] and not wanted:
            raise UsageError(f"--{option.replace('_', '-')} goes with {name}")
    if options["backup"] and (options["output_dir"] or options["diff"]):
        raise UsageError("--backup keeps what is replaced; with --output-dir or --diff nothing is")
    if "-" in options["paths"] and wanted:
        if len(options["paths"]) > 1:
            raise UsageError("- stands alone where it is fixed: the result goes to standard output")
        if options["output_dir"] or options["backup"]:
            raise UsageError("what comes on standard input goes to standard output, to no folder")


def fix_wishes(options: dict[str, Any], choice: "Choice") -> "FixOptions":
    """What the options ask for."""
    from imgbudget.session.fixing import FixOptions  # noqa: PLC0415 - runs that fix only

    return FixOptions(
        choice=choice,
        output_dir=options["output_dir"],
        backup=options["backup"],
        difference=options["diff"],
        digests=options["report"] is not None,
    )


def fix_outputs(outputs: list["Output"], options: dict[str, Any]) -> list["Output"]:
    """The formats and, beside or in place of them, the difference and the manifest."""
    from imgbudget.cli.checking import Output  # noqa: PLC0415 - it imports this module's caller
    from imgbudget.reporters.manifest import Differences, Manifest  # noqa: PLC0415 - runs that fix only

    if options["diff"]:
        if options["formats"] and any(output.sink.file is None for output in outputs):
            raise UsageError("--diff and --format cannot both go to standard output; give the format a file")
        outputs = [output for output in outputs if output.sink.file is not None]
        outputs.append(Output(Differences(), Sink(None)))
    elif "-" in options["paths"]:
        for output in outputs:
            output.sink.aside = True
    if options["report"]:
        outputs.append(Output(Manifest(), Sink(options["report"])))
    return outputs


def say_fixes(summary: Summary, options: dict[str, Any]) -> None:
    """Say what was not fixed or written, and with `--diff` the sum."""
    for error in summary.unwritten:
        say(f"error: {one_line(error)}")
    if options["quiet"]:
        return
    shown = summary.failed if options["verbose"] else summary.failed[:_LISTED]
    for failed in shown:
        where = one_line(failed.place.path) + (f" {failed.place.location}" if failed.place.location else "")
        say(f"warning: not fixed: {where}: {failed.code or 'resize'}: {one_line(failed.reason)}")
    if len(summary.failed) > len(shown):
        say(f"and {len(summary.failed) - len(shown):,} more; --verbose lists them")
    if options["diff"]:
        remaining = summary.findings.total()
        fixes = (
            f": {figure(summary.fixed)} to fix ({figure(remaining)} remaining)" if "fix" in options else ""
        )
        say("would change " + count(summary.changed, "file") + fixes)


def fix_exit_code(summary: Summary, code: int, options: dict[str, Any]) -> int:
    """The exit code: 2 where a file could not be written, 1 where one would change or that is asked for."""
    if summary.unwritten:
        return 2
    counts = options["diff"] or options.get("exit_non_zero_on_fix")
    return code or int(bool(summary.changed and counts))


def fixer_of(session: "Session", wishes: "FixOptions", paths: Sequence[str]) -> "Fixer":
    """The fixer of a run."""
    from imgbudget.session.fixing import Fixer  # noqa: PLC0415 - runs that fix only

    return Fixer(session, wishes, paths)
