"""The public function `fix`."""

from typing import Literal, Unpack

from imgbudget.api.checks import report_of, shown
from imgbudget.api.reports import CheckReport
from imgbudget.api.settings import CheckSettings, file_list, run_options
from imgbudget.discovery.walk import Paths, StrPath, one_path
from imgbudget.fixing.run import Fixer, FixOptions
from imgbudget.fixing.strategy import FindingFixes
from imgbudget.linter.arguments import accepts_wishes, names_arguments
from imgbudget.linter.options import RunOptions, known_level, require_switch
from imgbudget.linter.run import Session
from imgbudget.linter.selection import named_rules


@accepts_wishes
@names_arguments
def fix(  # noqa: PLR0913 - keyword options
    paths: Paths,
    options: RunOptions | None = None,
    *,
    unsafe: bool = False,
    level: Literal["error", "warning", "info"] = "error",
    output_dir: StrPath | None = None,
    backup: bool = False,
    dry_run: bool = False,
    **settings: Unpack[CheckSettings],
) -> CheckReport:
    """Fix files and folders, and then check the run as a whole, as `imgbudget check --fix` does.

    The report describes the files after the fixes, and the run as a whole: its budgets, copies, and ignores
    that match nothing. Unused ignores are removed from the configuration, unless there is an `output_dir`.
    The `fix` of each file lists fixed findings, failed fixes, and each image before and after with its
    coordinate map.

    `unsafe` also applies fixes that change what the model sees; in requests and sessions, findings of `level`
    and above are fixed, and those of rules that `options` select by their whole code or name. `output_dir`
    writes the results to another folder; `backup` keeps each replaced file; `dry_run` writes nothing and
    adds the diff to `fix`. A file that cannot be written keeps its content, and its `fix` has an `error`.

    Raises:
        UsageError: a path, rule or platform that does not exist.
        ConfigError: an invalid configuration.
    """
    for switch, name in ((unsafe, "unsafe"), (backup, "backup"), (dry_run, "dry_run")):
        require_switch(switch, name)
    session = Session(shown(run_options(options, settings)))
    chosen = (*(session.options.select or ()), *session.options.extend_select)
    codes = named_rules(session.registry.rules, chosen)
    strategy = FindingFixes(unsafe=unsafe, level=known_level(level), codes=codes)
    folder = None if output_dir is None else one_path(output_dir, "output_dir")
    given = file_list(paths)
    fix_options = FixOptions(strategy, folder, backup=backup, difference=dry_run, digests=True)
    return report_of(session, Fixer(session, fix_options, given), given)
