"""The fixes of a text in an editor: those of `check --fix`, made by a process that may be ended."""

from functools import partial

from imgbudget.editors.checks import CheckedText, EditorStart
from imgbudget.editors.edits import RangeEdit, range_edits
from imgbudget.editors.process import EditorProcess
from imgbudget.fixing.run import Fixer, FixOptions
from imgbudget.fixing.strategy import FindingFixes, key_of
from imgbudget.linter.options import RunOptions
from imgbudget.model.subjects import Finding, FixSafety, Severity
from imgbudget.namedtuples import NamedTuple

SECONDS = 120.0
"""Time for the fixes of one text."""


class FixTask(NamedTuple):
    """A text to fix: its name, its bytes, which fixes are made, and where the run for it starts."""

    name: str
    data: bytes
    strategy: FindingFixes
    start: EditorStart


class FixedText(NamedTuple):
    """The edits that fix a text, and the reasons why fixes were not made."""

    edits: tuple[RangeEdit, ...] = ()
    failed: tuple[str, ...] = ()


def fix_text(options: RunOptions, task: FixTask) -> FixedText:
    """Fix a text as `check --fix` fixes standard input, with the configurations of its check."""
    fixer = Fixer(task.start.session(options), FixOptions(task.strategy), ())
    result, data = fixer.fixed_stdin(task.data, task.name)
    failed = result.fix.failed if result.fix else ()
    return FixedText(
        tuple(range_edits(task.data, data)), tuple(f"{it.code or 'resize'}: {it.reason}" for it in failed)
    )


def _make_fixer(options: RunOptions) -> "partial[FixedText]":
    return partial(fix_text, options)


class FixProcess(EditorProcess[FixTask, FixedText]):
    """Fixes one text after another in a process."""

    def __init__(self, options: RunOptions) -> None:
        super().__init__(partial(_make_fixer, options), SECONDS)

    def fix(self, task: FixTask) -> FixedText:
        """The edits for a text.

        Raises:
            ImgbudgetError: the configuration has mistakes.
        """
        reason = f"the fix took more than {SECONDS:.0f} s or too much memory, or was cancelled"
        return self.run(task) or FixedText(failed=(reason,))


def is_offered(finding: Finding) -> bool:
    """Whether an editor offers the fix of a finding."""
    return finding.fix is not None and finding.fix_safety is not None


def is_safe(finding: Finding) -> bool:
    """Whether the fix of a finding keeps what the model receives."""
    return finding.fix_safety is FixSafety.SAFE


def fix_of(finding: Finding) -> FindingFixes:
    """The strategy that makes the fix of one finding, whatever its severity."""
    return FindingFixes(unsafe=not is_safe(finding), level=Severity.INFO, only=frozenset({key_of(finding)}))


def fix_all(level: Severity) -> FindingFixes:
    """The strategy of `check --fix`."""
    return FindingFixes(level=level)


def has_fixes(checked: CheckedText, strategy: FindingFixes) -> bool:
    """Whether a strategy makes a fix in a text."""
    return any(strategy.selects(finding) for finding in checked.findings)


def fix_title(finding: Finding) -> str:
    """The fix of a finding in a menu."""
    title = finding.fix.title if finding.fix else ""
    needs = "" if is_safe(finding) else ", unsafe: it changes what the model sees"
    return f"{title[:1].upper()}{title[1:]} ({finding.code}{needs})"
