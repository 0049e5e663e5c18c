"""IB004 unused-ignore."""

from collections.abc import Iterator

from imgbudget.rule import Context, DropEntry, FixSafety, Level, Problem, Run, RunData, Severity, rule

_HELP = "remove the entry, or correct its rules, files or pointer"


@rule(
    "IB004",
    "unused-ignore",
    level=Level.RUN,
    severity=Severity.WARNING,
    fix=FixSafety.SAFE,
    since="0.1",
    run_data=RunData.IGNORES,
)
def unused_ignore(run: Run, _ctx: Context) -> Iterator[Problem]:
    """An ignore entry of the configuration suppresses nothing.

    ## Why it matters
    The finding it was written for is gone, or the entry never matched. It would hide the next finding of its
    kind before anyone reviews it. Only entries whose files were checked and whose rules were enabled are
    reported: a run over a few files, such as a commit hook, does not report the other entries.

    ## Reports
    ```json
    {"run": {"unused": [{"rules": ["IB501"], "files": ["old/*.json"], "reason": "recorded traffic"}]}}
    ```

    ## Silent
    ```json
    {"run": {"unused": []}}
    ```

    ## Fix safety
    Safe: the entry does nothing. It is removed from the YAML or TOML file; all other bytes stay the same.
    TOML files are edited with tomlkit (`pip install 'imgbudget[toml]'`); without it there is no fix for them.

    ## Source
    imgbudget's own configuration.
    """
    for entry in run.unused:
        rules, files = ", ".join(entry.rules), ", ".join(entry.files)
        yield Problem(
            message=f"ignore of {rules} in {files} suppresses nothing (reason given: {entry.reason})",
            help=f"{_HELP}; {entry.obstacle}" if entry.obstacle else _HELP,
            location=entry.location,
            fix=None if entry.obstacle else DropEntry(),
        )
