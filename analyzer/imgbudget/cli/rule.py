"""`imgbudget rule`: a rule's page, or all of them."""

import json
from typing import Any

import click

from imgbudget.cli.completion import rules as completed_rules
from imgbudget.cli.options import config_options, output_options, wishes
from imgbudget.cli.output import Sink, parse_formats
from imgbudget.cli.tables import Table
from imgbudget.errors import UsageError
from imgbudget.registry import AnyRule
from imgbudget.reporters.pages import rule_pages
from imgbudget.session import Session

FORMATS = ("text", "json", "markdown")


@click.command("rule")
@click.argument("name", required=False, metavar="[CODE|NAME]", shell_complete=completed_rules)
@click.option("--all", "show_all", is_flag=True, help="Every rule: a line each; as json or markdown, pages.")
@click.option("--packs", is_flag=True, help="List the rule packs that are installed.")
@output_options(FORMATS, "text")
@config_options
def command(**options: Any) -> int:
    """Show a rule's page: what it reports, why, what the fix does, and its source."""
    if options["packs"]:
        return _packs()
    session = Session(wishes(options))
    if options["show_all"]:
        rules = list(session.registry.rules)
    elif options["name"]:
        rule = session.registry.find(options["name"])
        if rule is None:
            raise UsageError(session.unknown_rule(options["name"]))
        rules = [rule]
    else:
        raise UsageError("give a rule's code or name such as IB201, or --all")
    formats = parse_formats(options["formats"], "text")
    if unknown := {name for name, _ in formats} - {*FORMATS, "full"}:  # what other commands call text
        raise UsageError(f"unknown format {min(unknown)!r}; rule knows {', '.join(FORMATS)}")
    for name, file in formats:
        sink = Sink(file)
        if name == "json":
            records = [page._asdict() for page in rule_pages(rules)]
            sink.write(json.dumps(records, indent=1) + "\n")
        elif name == "markdown":
            sink.write("\n".join(markdown(rule) for rule in rules))
        elif options["show_all"]:
            sink.write(_list(rules))
        else:
            sink.write(markdown(rules[0]))
        sink.close()
    return 0


def _packs() -> int:
    from importlib.metadata import entry_points  # noqa: PLC0415 - 30 ms, only here

    for entry in sorted(entry_points(group="imgbudget.rules"), key=lambda entry: entry.name):
        distribution = f" ({entry.dist.name} {entry.dist.version})" if entry.dist else ""
        click.echo(f"{entry.name}{distribution}")
    return 0


def _list(rules: list[AnyRule]) -> str:
    table = Table(("code", "name", "severity", "level", "fix", "reports"))
    for rule in rules:
        severity = f"{rule.severity}{', pedantic' if rule.pedantic else ''}"
        table.add(
            rule.code, rule.name, severity, rule.level.value, str(rule.fix) if rule.fix else "-", rule.summary
        )
    return table.text()


def markdown(rule: AnyRule) -> str:
    """The page of a rule in Markdown, its identity under the title."""
    fix = f"fix: {rule.fix}" if rule.fix else "no fix"
    extra = ", pedantic" if rule.pedantic else ""
    facts = f"{rule.severity}{extra}, {rule.level.value} level, {fix}, since {rule.since}"
    return f"# {rule.code} {rule.name}\n\n{facts}\n\n{rule.page}\n"
