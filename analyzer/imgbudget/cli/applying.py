"""`imgbudget plan --apply`: what a plan says, done with the machinery of `check --fix`."""

from imgbudget.cli.checking import Output, check_paths
from imgbudget.cli.fixing import fix_exit_code, fix_options, fix_outputs, fixer_of, say_fixes
from imgbudget.cli.output import Sink
from imgbudget.cli.plan import PlanOptions
from imgbudget.cli.progress import Progress
from imgbudget.reporters.base import Style
from imgbudget.reporters.fixes import FixLines
from imgbudget.session import Session
from imgbudget.session.choices import ByPlan
from imgbudget.session.planning import Aims


def apply_plan(session: Session, aims: Aims, options: PlanOptions, stdin: bytes | None) -> int:
    """Make the changes of a plan and say what was really made; the exit code.

    0: all was made; 1: with `--diff`, a file would change; 2: a file could not be written.
    """
    write, output = options.write, options.output
    choice = ByPlan(aims, options.unsafe_fixes)
    fixer = fixer_of(session, fix_options(write, choice), options.paths)
    # a document on standard output is not to be followed by lines
    aside = any(text.partition(":")[::2] == ("json", "") for text in output.formats)
    lines = Output(FixLines(Style(quiet=output.quiet)), Sink(aside=aside))
    progress = Progress(wanted=not output.no_progress and not output.quiet)
    outputs = fix_outputs([lines], write, options.paths)
    summary = check_paths(fixer, options.paths, outputs, progress, stdin=stdin)
    say_fixes(summary, output, diff=write.diff)
    return fix_exit_code(summary, 0, fail=write.diff)
