"""What the page says, out of the statistics: headline numbers and the tables; the template only sets it."""

from typing import NamedTuple

from imgbudget.audit.formats.sections import size
from imgbudget.audit.html.costgrid import offers
from imgbudget.audit.html.shown import dollars, percent
from imgbudget.audit.statistics import Statistics, TierRow, Totals
from imgbudget.reporters.base import count, figure


class Card(NamedTuple):
    """One headline number: what it is, the number, what to know about it; `tone` is a severity or nothing."""

    title: str
    number: str
    text: str
    tone: str = ""
    link: str = ""


def lead(statistics: Statistics) -> str:
    """What somebody who pays the bill reads first: cost, refusals, savings, what moving does."""
    totals = statistics.totals
    if not totals.images:
        return "There is no image in this dataset."
    what = "this one image" if totals.images == 1 else f"these {figure(totals.images)} images"
    batches = "" if totals.batch_cost_usd is None else f" ({dollars(totals.batch_cost_usd)} in batches)"
    sent = f"Sending {what} once costs {dollars(totals.cost_usd)}{batches}"
    parts = [f"{sent} with {statistics.model} on {statistics.platform}."]
    if totals.refused:
        parts.append(f"{figure(totals.refused)} {'is' if totals.refused == 1 else 'are'} refused.")
    less = totals.byte_size - totals.bytes_after
    if less > 0:
        cut = percent(less, totals.byte_size)
        parts.append(f"The plan cuts the upload by {cut}; {_bill(totals)}.")
    mine, other = own_tier(statistics), other_tier(statistics)
    if mine is not None and other is not None and mine.tokens:
        parts.append(f"A {other.tier} model bills {other.tokens / mine.tokens:.2f} times the tokens.")
    return " ".join(parts)


def cards(statistics: Statistics) -> tuple[Card, ...]:
    """The four numbers that somebody who pays the bill asks for."""
    made = (_cost(statistics), _refused(statistics), _saved(statistics), _moved(statistics))
    return tuple(card for card in made if card is not None)


def _cost(statistics: Statistics) -> Card:
    totals = statistics.totals
    text = f"{figure(totals.tokens)} visual tokens"
    if totals.images:
        text += f", {totals.tokens / totals.images:,.0f} an image"
    if totals.batch_cost_usd is not None:
        text += f"; {dollars(totals.batch_cost_usd)} in batches"
    return Card("Cost now", dollars(totals.cost_usd), text, link="costs")


def _refused(statistics: Statistics) -> Card:
    totals = statistics.totals
    if not totals.refused:
        return Card("Refused", "none", "the API takes every image as it is", "good", "findings")
    text = f"{percent(totals.refused, totals.images)} of the images end in an error as they are"
    if totals.unreadable:
        text += f"; {figure(totals.unreadable)} cannot be decoded at all"
    return Card("Refused", figure(totals.refused), text, "error", "findings")


def _saved(statistics: Statistics) -> Card:
    """Bytes where pixels go to waste, else money: what resizing before sending saves."""
    totals = statistics.totals
    tokens = totals.tokens - totals.tokens_after
    less = totals.byte_size - totals.bytes_after
    if not totals.resized and tokens <= 0:
        return Card("The plan saves", "nothing", "no image is larger than the model looks at", "good")
    text = (
        f"of the upload: {size(totals.byte_size)} become about {size(totals.bytes_after)}; "
        f"{figure(totals.resized)} images are larger than the model looks at; {_bill(totals)}"
    )
    return Card("The plan saves", percent(less, totals.byte_size), text, link="costs")


def _bill(totals: Totals) -> str:
    """What the plan does to the bill."""
    money = totals.cost_usd - totals.cost_after_usd
    if money <= 0:
        return "the bill stays the same"
    if money < totals.cost_usd / 100:
        return "the bill falls by less than 1%"
    return f"the bill falls by {dollars(money)} ({percent(money, totals.cost_usd)})"


def _moved(statistics: Statistics) -> Card | None:
    """What the other tier makes of the dataset, with the cheapest model there."""
    mine = own_tier(statistics)
    other = other_tier(statistics)
    if mine is None or other is None or not mine.tokens:
        return None
    text = f"the tokens: {figure(other.tokens)}"
    there = [offer for offer in offers(statistics.costs) if offer.row.tier == other.tier]
    if there:
        text += f"; {dollars(there[0].row.cost_usd)} on {there[0].models[0]}"
        if len(there) > 1:
            text += f", {dollars(there[-1].row.cost_usd)} on {there[-1].models[0]}"
    return Card(f"Moved to {other.tier}", f"{other.tokens / mine.tokens:.2f}×", text, link="tiers")


def own_tier(statistics: Statistics) -> TierRow | None:
    """The tier of the audit's model."""
    return next((row for row in statistics.tiers if row.tier == statistics.tier), None)


def other_tier(statistics: Statistics) -> TierRow | None:
    """The tier to which a move is told: the next larger one, for the largest the one before."""
    names = [row.tier for row in statistics.tiers]
    if statistics.tier not in names or len(names) < 2:
        return None
    i = names.index(statistics.tier)
    return statistics.tiers[i + 1 if i + 1 < len(names) else i - 1]


def remarks(statistics: Statistics) -> tuple[str, ...]:
    """What must be known to read the numbers right."""
    totals = statistics.totals
    found = []
    if totals.refused:
        found.append("Costs count refused images as if they were taken.")
    if totals.unreadable:
        found.append(f"{count(totals.unreadable, 'image')} cannot be decoded and cost nothing here.")
    if totals.unmeasured:
        unsized = count(totals.unmeasured, "image")
        found.append(f"{unsized} without a size (vectors, or bytes that are elsewhere) cost nothing here.")
    if totals.missed:
        found.append(f"{count(totals.missed, 'item')} could not be looked at.")
    if totals.silenced:
        found.append(f"{count(totals.silenced, 'finding')} are silenced by ignores.")
    return (*found, *statistics.notes)
