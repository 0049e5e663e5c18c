"""`imgbudget rule`: a rule's page, or all of them."""

import sys
from typing import Annotated, NamedTuple

from imgbudget.cli.command import Command, argument, flag
from imgbudget.cli.completion import rules as completed_rules
from imgbudget.cli.options import ConfigOptions, OutputOptions, run_options
from imgbudget.cli.output import Sink, chosen_formats, fitted_to, write_formats
from imgbudget.errors import UsageError
from imgbudget.linter.run import Session
from imgbudget.output.base import TextTable
from imgbudget.output.records import indented
from imgbudget.output.sarif import rule_pages, with_blocks
from imgbudget.printable import blocks, joined, several_lines
from imgbudget.registry import AnyRule

FORMATS = ("full", "json", "markdown")


class RuleCommandOptions(NamedTuple):
    """The options of `rule`."""

    name: Annotated[str | None, argument("[CODE|NAME]", complete=completed_rules)] = None
    show_all: Annotated[
        bool, flag("--all", help="All rules: one line each; with --format json or markdown, full pages.")
    ] = False
    packs: Annotated[bool, flag("--packs", help="List the installed rule packs.")] = False
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def show_rule(options: RuleCommandOptions) -> int:
    """Show the documentation of a rule: what it reports, why, what the fix does, and its source."""
    if options.packs:
        return _packs(options.output)
    session = Session(run_options(settings=options.settings, verbose=options.output.verbose))
    if options.show_all and options.name:
        raise UsageError("give a rule's code or name, or --all, not both")
    if options.show_all:
        rules = list(session.registry.rules)
    elif options.name:
        rule = session.registry.find(options.name)
        if rule is None:
            raise UsageError(session.unknown_rule(options.name))
        rules = [rule]
    else:
        raise UsageError("give a rule's code or name such as IB201, or --all")
    for name, file in chosen_formats(options.output.formats, FORMATS):
        sink = Sink(file)
        if name == "json":
            sink.write(indented([page._asdict() for page in rule_pages(rules)]))
        elif name == "markdown":
            sink.write(blocks(map(markdown, rules)))
        elif options.show_all:
            with fitted_to(None if file else sys.stdout):
                sink.write(_list(rules))
        else:
            sink.write(_text(rules[0]))
        sink.close()
    return 0


def _packs(output: OutputOptions) -> int:
    from importlib.metadata import entry_points  # noqa: PLC0415 - rare

    packs = [
        (entry.name, entry.dist.name if entry.dist else None, entry.dist.version if entry.dist else None)
        for entry in sorted(entry_points(group="imgbudget.rules"), key=lambda entry: entry.name)
    ]
    write_formats(
        chosen_formats(output.formats, FORMATS),
        output.color,
        text=lambda _: joined(f"{name} ({of} {version})" if of else name for name, of, version in packs),
        document=lambda: [
            {"name": name, "distribution": of, "version": version} for name, of, version in packs
        ],
    )
    return 0


def _list(rules: list[AnyRule]) -> str:
    table = TextTable(("code", "name", "severity", "level", "fix", "reports"))
    for rule in rules:
        severity = f"{rule.severity}{', pedantic' if rule.pedantic else ''}"
        table.add(
            rule.code, rule.name, severity, rule.level.value, str(rule.fix) if rule.fix else "-", rule.summary
        )
    return table.text()


def markdown(rule: AnyRule) -> str:
    """The page of a rule in Markdown: as text, with its examples in blocks."""
    return with_blocks(_text(rule))


def _text(rule: AnyRule) -> str:
    """The page of a rule, its identity under the title."""
    fix = f"fix: {rule.fix}" if rule.fix else "no fix"
    extra = ", pedantic" if rule.pedantic else ""
    facts = f"{rule.severity}{extra}, {rule.level.value} level, {fix}, since {rule.since}"
    return joined([f"# {rule.code} {rule.name}", "", facts, "", *several_lines(rule.page).split("\n")])


command: Command[RuleCommandOptions] = Command("rule", RuleCommandOptions, show_rule, formats=FORMATS)
