"""The output of `check --show-settings`: the settings of a path, and why each rule is on or off."""

from collections.abc import Iterator, Sequence
from typing import Any

from imgbudget.cli.output import Format, write_formats
from imgbudget.config.load import shown
from imgbudget.errors import UsageError
from imgbudget.linter.run import Session
from imgbudget.linter.selection_report import verdicts
from imgbudget.model.budgets import NAMES
from imgbudget.output.base import TextTable, figure, money, one_line

FORMATS = ("full", "json")


def show_settings(session: Session, paths: Sequence[str], formats: Sequence[Format]) -> None:
    """Print the settings for each path, as text or JSON.

    Raises:
        UsageError: a format that this output does not have.
    """
    for name, _ in formats:
        if name not in FORMATS:
            raise UsageError(f"--show-settings has the formats {' and '.join(FORMATS)}, not {name}")
    records = [settings_record(session, path) for path in paths]
    write_formats(
        formats,
        "never",
        text=lambda _colour: "\n".join(_text(record) for record in records),
        document=lambda: {"version": 1, "settings": records},
    )


def settings_record(session: Session, path: str) -> dict[str, Any]:
    """The settings of one path, as a record for JSON."""
    settings, rules = session.settings, session.context.paths
    key = rules.overrides(path)
    budgets = rules.budgets(key)
    return {
        "path": path,
        "configuration": shown(settings.source) if settings.source else None,
        "model": session.context.model,
        "platform": session.context.platform,
        "limits": session.options.limits or settings.limits,
        "baseline": session.options.baseline or settings.baseline,
        "packs": list(settings.packs),
        "budgets": {name: amount for name in NAMES if (amount := budgets.amount(name)) is not None},
        "overrides": [{"index": number, "files": list(settings.overrides[number].files)} for number in key],
        "rules": [
            {
                "code": verdict.rule.code,
                "name": verdict.rule.name,
                "on": verdict.on,
                "severity": str(verdict.severity),
                "reason": verdict.reason,
            }
            for verdict in verdicts(rules, path, session.context.limits())
        ],
    }


def _text(record: dict[str, Any]) -> str:
    table = TextTable(("code", "name", "", "severity", "why"))
    for rule in record["rules"]:
        on = "on" if rule["on"] else "off"
        table.add(rule["code"], rule["name"], on, rule["severity"], rule["reason"])
    lines = [f"settings for {one_line(record['path'])}", *_lines(record)]
    return "\n".join(lines) + "\n\n" + table.text()


def _lines(record: dict[str, Any]) -> Iterator[str]:
    yield f"  configuration  {record['configuration'] or 'none, only defaults'}"
    yield f"  model          {record['model']}"
    yield f"  platform       {record['platform']}"
    yield f"  limits         {record['limits'] or 'built in'}"
    yield f"  rule packs     {', '.join(record['packs'])}"
    if record["baseline"]:
        yield f"  baseline       {record['baseline']}"
    for name, amount in record["budgets"].items():
        yield f"  budget         {name} {money(amount) if name.endswith('cost') else figure(amount)}"
    for override in record["overrides"]:
        yield f"  override       {override['index']}: {', '.join(override['files'])}"
