"""What changed in the limits data between two days: events at the makers, and corrections of the data.

Events follow from the dates in the data: models released and retired, prices that change. What a value was
before it was corrected is recorded when the data change (`changes.yaml` of a rule pack); what it is now is in
the data.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from imgbudget.limits.data import LimitsData
from imgbudget.limits.fields import SPECS
from imgbudget.limits.geometry import Size
from imgbudget.limits.lifecycle import first_day
from imgbudget.limits.schema import Checked
from imgbudget.limits.values import Absent, Limit, Term, Value, Values

SAMPLES = (Size(640, 480), Size(1920, 1080), Size(4032, 3024))
"""Sizes whose tokens show what a change of rule means: a thumbnail, a screenshot, a photo."""

NEXT = "next_"
"""Before the name of a price that applies from a later day on; a change of it is an event of that day."""

Amount = float | str | list[int] | list[str] | None
"""A number, a name, the fewest and the most tokens, a list of names; None for none."""


class Change(NamedTuple):
    """One change on one day.

    `kind` is added (a model, to the data), released or retired (by its maker), price (from that day on),
    value (a limit, a price or a date of the data was corrected) or tokens (so was the rule: `was` and `now`
    are the tokens of `SAMPLES`). `name` is that of the value, `subject` the model or platform.
    """

    day: str
    kind: str
    subject: str
    name: str
    was: list[Amount]
    now: list[Amount]
    unit: str | None
    source: str
    status: str
    note: str | None


class Period(NamedTuple):
    """Two days and the days between them."""

    first: str
    last: str

    def has(self, date: str) -> bool:
        """Whether a date, which may be a month or a year, is known to be in the period."""
        return self.first <= first_day(date) <= self.last


def changes(data: LimitsData, packs: Iterable[Mapping[str, Any]], period: Period) -> list[Change]:
    """Every change of the period, by day; `packs` are the limits data of the rule packs."""
    found = [*_events(data, period)]
    for pack in packs:
        after: Former = {}
        for block in reversed(pack.changes if isinstance(pack, Checked) else ()):
            if period.has(block["day"]):
                found += _recorded(data, block, after, period)
            after |= {
                (subject, name): was
                for section in ("models", "platforms")
                for subject, before in block.get(section, {}).items()
                for name, was in before.items()
            }
    return sorted(found, key=lambda change: change.day)


Former = dict[tuple[str, str], Any]
"""What a value was when it changed again, by subject and name."""


def _events(data: LimitsData, period: Period) -> Iterator[Change]:
    for model in data.models:
        values = data.stated(model)
        for name, kind in (("first_seen", "released"), ("retired", "retired")):
            value = values.get(name)
            if isinstance(value, Term) and period.has(value.values[0]):
                successor = values.get("successor")
                use = list(successor.values) if name == "retired" and isinstance(successor, Term) else []
                yield _change(value.values[0], kind, model, "successor" if use else "", value, [], [*use])
        day = values.get("price_changes")
        if isinstance(day, Term) and period.has(day.values[0]):
            for name, value in values.items():
                if name.startswith(NEXT) and isinstance(value, Limit):
                    was = values.get(name.removeprefix(NEXT))
                    before: list[Amount] = [was.value if isinstance(was, Limit) else None]
                    plain = name.removeprefix(NEXT)
                    yield _change(day.values[0], "price", model, plain, value, before, [value.value])


def _recorded(data: LimitsData, block: Mapping[str, Any], after: Former, period: Period) -> Iterator[Change]:
    """The changes of one day on which the data changed; `after` is what later changes found."""
    day = block["day"]
    for model in block.get("added", ()):
        if model in data.models:
            yield _change(day, "added", model, "", data.stated(model)["tier"], [], [])
    for model, before in block.get("models", {}).items():
        if model in data.models:
            values = data.stated(model)
            end = values.get("retired")
            ended = isinstance(end, Term) and period.has(end.values[0])  # it has an event then
            yield from _corrected(day, model, values, before, after, "retired" if ended else "")
            if "tokens" in before:
                yield from _counted(data, day, model, before["tokens"], after)
    for platform, before in block.get("platforms", {}).items():
        if platform in data.platforms:
            yield from _corrected(day, platform, data.stated_on(platform), before, after)


def _corrected(  # noqa: PLR0913, PLR0917 - one call with a mapping for each point in time
    day: str,
    subject: str,
    values: Values,
    before: Mapping[str, Any],
    after: Former,
    without: str = "",
) -> Iterator[Change]:
    """The values that are not what they were, but for the one called `without`."""
    for name, was in before.items():
        value = values.get(name)
        if value is not None and name != without:
            now = after.get((subject, name), amount(value))
            if now != was:
                yield _change(day, "value", subject, name, value, [was], [now])


def _counted(data: LimitsData, day: str, model: str, was: list[Amount], after: Former) -> Iterator[Change]:
    now = after.get((model, "tokens")) or sample_tokens(data, model)
    if now == was:
        return
    limits = data.bind(model, "")
    values = [value for value in limits.tier_values if not isinstance(value, Absent)]
    sources = dict.fromkeys(value.source for value in values if value.name != "strategy")
    state = limits.tokens_state(SAMPLES[-1])
    source = "; ".join(sources) or data.stated(model)["tier"].source
    status = "confirmed" if state == "exact" else state
    yield Change(day, "tokens", model, "tokens", was, now, "tokens", source, status, limits.doubt or None)


def sample_tokens(data: LimitsData, model: str) -> list[Amount]:
    """The tokens of `SAMPLES` on a model; the fewest and the most where sources contradict each other."""
    limits = data.bind(model, "")
    spans = ((limits.tokens_range(size), limits.tokens(size)) for size in SAMPLES)
    return [list(span) if span else tokens for span, tokens in spans]


def amount(value: Value) -> Amount:
    """The number, name or names of a value."""
    if isinstance(value, Limit):
        number: float = value.value
        return number
    if isinstance(value, Absent):
        return None
    return list(value.values) if SPECS[value.name].unit == "names" else value.values[0]


def _change(  # noqa: PLR0913, PLR0917 - the fields of a change
    day: str, kind: str, subject: str, name: str, value: Value, was: list[Amount], now: list[Amount]
) -> Change:
    unit = None if isinstance(value, Term) else value.unit
    return Change(day, kind, subject, name, was, now, unit, value.source, value.status, value.note)
