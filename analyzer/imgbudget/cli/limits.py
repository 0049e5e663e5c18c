"""`imgbudget limits`: every limit in force for a model on a platform, with source and date."""

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

from imgbudget.cli.command import Command, option
from imgbudget.cli.options import ConfigOptions, ModelOptions, OutputOptions, run_options
from imgbudget.cli.output import chosen_formats, say_warnings, write_formats
from imgbudget.errors import UsageError
from imgbudget.limits.bound import Limits
from imgbudget.limits.history import Change, Period, changes
from imgbudget.limits.lifecycle import day_of
from imgbudget.limits.values import Absent, Limit, Term
from imgbudget.linter.run import Session
from imgbudget.output.base import TextTable
from imgbudget.output.changes import changes_document, changes_text
from imgbudget.output.records import TOOL, VERSION
from imgbudget.printable import joined

FORMATS = ("full", "json")
_CLAUDE = "anthropic"


class LimitsOptions(NamedTuple):
    """The options of `limits`."""

    provider: ModelOptions = ModelOptions()
    diff: Annotated[
        str | None,
        option(
            "--diff",
            metavar="DATE",
            help="Show what changed from this day on, until today or the day of --date: models added, "
            "released and retired, prices, limits, tokens of images; of all models, or of --model and "
            "--platform.",
        ),
    ] = None
    output: OutputOptions = OutputOptions()
    settings: ConfigOptions = ConfigOptions()


def show_limits(options: LimitsOptions) -> int:
    """Show all limits that apply to --model on --platform, with source, date and certainty."""
    formats = chosen_formats(options.output.formats, FORMATS)
    asked = run_options(provider=options.provider, settings=options.settings, verbose=options.output.verbose)
    session = Session(asked)
    if options.diff is not None:
        return _show_changes(options, session)
    limits = session.context.limits()
    write_formats(
        formats,
        options.output.color,
        text=lambda colour: _text(limits, colour=colour),
        document=lambda: _document(limits),
    )
    say_warnings(session.notes)
    return 0


def _show_changes(options: LimitsOptions, session: Session) -> int:
    """Show what changed between the day of --diff and that of the run.

    Raises:
        UsageError: the text is no day, or a later one than that of the run.
    """
    period = Period(day_of(options.diff or "", "--diff"), session.limits.day)
    if period.first > period.last:
        raise UsageError(
            f"--diff {period.first} is after {period.last}: "
            "give a later --date to see what is announced until then"
        )
    found = [
        change
        for change in changes(session.limits, session.registry.limits, period)
        if _is_asked(change, options.provider, session)
    ]
    write_formats(
        chosen_formats(options.output.formats, FORMATS),
        options.output.color,
        text=lambda colour: changes_text(found, period, colour=colour),
        document=lambda: changes_document(found, period),
    )
    say_warnings(session.notes if options.provider.model else ())
    return 0


def _is_asked(change: Change, asked: ModelOptions, session: Session) -> bool:
    """Whether a change is one of the model and the platform that are named; all are if none is."""
    data = session.limits
    if change.subject in data.platforms:
        return asked.model is None and asked.platform in (None, change.subject)
    if asked.model is not None and data.normalize(asked.model).id != change.subject:
        return False
    return asked.platform is None or data.bind(change.subject, asked.platform).platform == asked.platform


def _document(limits: Limits) -> dict[str, Any]:
    numbers, terms = _in_force(limits)
    return {
        "version": VERSION,
        "tool": TOOL,
        "model": limits.model,
        "platform": limits.platform,
        "known": limits.known,
        "tier": limits.tier.name,
        "limits": [_record(limit) for limit in numbers],
        "terms": [_record(term, unlimited=False) for term in terms],
        "details": [
            {
                "detail": detail,
                "tier": bound.tier.name,
                "values": [_record(value) for value in bound.tier_values],
            }
            for detail, bound in _levels(limits)
        ],
    }


def _in_force(limits: Limits) -> tuple[list[Limit[float] | Absent], list[Term | Absent]]:
    """The numbers and the other facts; what is said of Claude's images alone is no matter of other models."""
    own = limits.is_messages_api
    numbers = [limit for limit in limits.entries() if own or limit.owner != _CLAUDE]
    terms = [term for term in limits.terms if term.name != "strategy" and (own or term.owner != _CLAUDE)]
    return numbers, terms


def _levels(limits: Limits) -> Iterator[tuple[str | None, Limits]]:
    """The limits at each level of detail, first those of an image that asks for none; nothing for Claude."""
    if limits.tier_values:
        yield None, limits
        for detail, _ in limits.details:
            yield detail, limits.at(detail)


def _record(value: Limit[float] | Term | Absent, *, unlimited: bool = True) -> dict[str, Any]:
    """A number, or a list of names; an unlimited number is null, what is unavailable is empty."""
    if isinstance(value, Limit):
        what: dict[str, Any] = {"value": value.value, "unit": value.unit}
    elif isinstance(value, Absent) and unlimited:
        what = {"value": None, "unit": value.unit}
    else:
        what = {"value": list(value.values) if isinstance(value, Term) else [], "unit": None}
    return {
        "name": value.name,
        **what,
        "owner": value.owner,
        "status": value.status,
        "source": value.source,
        "date": value.date,
        "note": value.note,
    }


def _text(limits: Limits, *, colour: bool) -> str:
    table = TextTable(("limit", "value", "whose", "status", "source", "date", "note"), colour=colour)
    numbers, terms = _in_force(limits)
    for value in numbers:
        _add(table, value.name, value)
    for term in terms:
        _add(table, term.name, term)
    for detail, bound in _levels(limits):
        for origin in bound.tier_values:
            _add(table, f"detail {detail}: {origin.name}" if detail else origin.name, origin)
    return joined([f"{limits.model} on {limits.platform}: {limits.tier.name} tier"]) + table.text()


def _add(table: TextTable, name: str, value: Limit[float] | Term | Absent) -> None:
    table.add(name, value.text, value.owner, value.status, value.source, value.date, value.note or "")


command: Command[LimitsOptions] = Command("limits", LimitsOptions, show_limits, formats=FORMATS)
