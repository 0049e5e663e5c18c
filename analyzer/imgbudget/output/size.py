"""How models resize and count image sizes, as text tables and as JSON records."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import (
    CoordinateMap,
    Size,
    area_tokens,
    padded_size,
    publishes_size,
    ratio_table,
)
from imgbudget.model.location import Location
from imgbudget.output.base import TextTable, between, figure, money, money_between, number
from imgbudget.output.records import TOOL, VERSION, client_record, measured_record, usd
from imgbudget.printable import blocks, joined

if TYPE_CHECKING:
    from imgbudget.model.clients import ClientImage
    from imgbudget.model.unread import UnreadPart


class Measured(NamedTuple):
    """An upright image size with the limits of a model; `location` is None for a size without an image.

    `detail` is the level of detail that the image asks for; `limits` are those at this level. If a `client`
    sends the image, `size` is what arrives, and `original` the size before.
    """

    size: Size
    limits: Limits
    location: Location | None = None
    detail: str | None = None
    client: "ClientImage | None" = None
    original: Size | None = None

    @property
    def place(self) -> tuple[str | None, str]:
        """The file of the image, and the platform that its request goes to; None and empty without them."""
        if self.location is None:
            return None, ""
        return self.location.path, self.limits.platform if self.location.keys is not None else ""

    @property
    def name(self) -> str:
        """Which image it is: the file, in a request with the position; empty for a size alone."""
        if self.location is None:
            return ""
        dotted = self.location.dotted
        return f"{self.location.path}: {dotted}" if dotted else self.location.path


def size_record(row: Measured) -> dict[str, Any]:
    """What one model makes of one size.

    `resized` and `scale` are null if the provider publishes no size, `padded` and the older estimate for
    models other than Claude. Where sources contradict each other, `tokens` is null and `tokens_range` has the
    fewest and the most; `state` is how the number is known, and `doubt` why it is not exact.
    """
    size, limits, location, detail, client, original = row
    known = publishes_size(limits.tier)
    resized, span = limits.native_size(size), limits.tokens_range(size)
    tokens = None if span else limits.tokens(size)
    state = limits.tokens_state(size)
    area = area_tokens(resized) if limits.uses_claude_patches else None
    return {
        "path": location.path if location else None,
        "pointer": location.pointer if location else None,
        "model": limits.model,
        "platform": limits.platform,
        "known": limits.known,
        "tier": limits.tier.name,
        "detail": detail if detail in dict(limits.details) else None,
        "size": list(original or size),
        **({"client": client_record(client)} if client else {}),
        "fits": resized == size,
        "accepted": limits.refusal(size) is None,
        "resized": list(resized) if known else None,
        "padded": list(padded_size(resized)) if limits.uses_claude_patches else None,
        "planned": list(limits.planned_size(size)),
        "tokens": tokens,
        "tokens_range": list(span) if span else None,
        "state": state,
        "doubt": (limits.doubt or None) if state != "exact" else None,
        "cost_usd": usd(limits.cost_usd(tokens)),
        "cost_range_usd": [usd(limits.cost_usd(end)) for end in span] if span else None,
        "price_known": limits.input_price is not None and limits.input_price.status != "unknown",
        "tokens_area": area,
        "cost_area_usd": None if area is None else usd(limits.cost_usd(area)),
        "scale": list(CoordinateMap(original or size, resized).scale) if known else None,
    }


def size_document(
    rows: Sequence[Measured],
    unread: Iterable["UnreadPart"],
    narrowed: Iterable[tuple[str, str]],
    *,
    several: bool = False,
) -> dict[str, Any]:
    """What models make of sizes, version 1; with `several` also which models make the same of an image.

    `unread` is what could not be measured, `narrowed` what configurations of folders leave out.
    """
    return {
        "version": VERSION,
        "tool": TOOL,
        "sizes": [size_record(row) for row in rows],
        **({"groups": group_records(rows)} if several else {}),
        "summary": measured_record(unread, narrowed),
    }


def table_records(limits: Limits) -> list[dict[str, Any]]:
    """The rows of the table of sizes that are not resized; empty if no such table exists."""
    return [
        {
            "model": limits.model,
            "platform": limits.platform,
            "tier": limits.tier.name,
            "ratio": f"{ratio[0]}:{ratio[1]}",
            "size": list(size),
            "tokens": limits.tokens(size),
            "cost_usd": usd(limits.cost_usd(limits.tokens(size))),
        }
        for ratio, size in ratio_table(limits.tier)
    ]


def group_records(rows: Iterable[Measured]) -> list[dict[str, Any]]:
    """The models that make the same of each image, from the fewest tokens to the most, unknown ones last."""
    return [
        {
            "path": first.location.path if first.location else None,
            "pointer": first.location.pointer if first.location else None,
            "size": list(first.original or first.size),
            **({"client": client_record(first.client)} if first.client else {}),
            "accepted": first.limits.refusal(first.size) is None,
            "resized": list(resized) if (resized := _published_size(first)) else None,
            "tokens": None if span else first.limits.tokens(first.size),
            "tokens_range": list(span) if span else None,
            "cost_range_usd": [usd(min(costs)), usd(max(costs))] if (costs := _costs(group)) else None,
            "models": [row.limits.model for row in group],
        }
        for group in _groups(rows)
        for first in group[:1]
        for span in (first.limits.tokens_range(first.size),)
    ]


def single(rows: Sequence[Measured], bound: Sequence[Limits], *, table: bool, colour: bool) -> str:
    """One table per model, without the columns that do not apply to its provider; `bound` are its limits."""
    return blocks(
        _model([row for row in rows if row.limits == limits], limits, table=table, colour=colour)
        for limits in bound
    )


def side_by_side(rows: Sequence[Measured], bound: Sequence[Limits], *, table: bool, colour: bool) -> str:
    """One table with a row per model and image."""
    parts = []
    if rows:
        head = ("model", "platform", "image", "size", "as sent", "resized to", "tokens", "cost", "note")
        shown = TextTable(head, colour=colour)
        for row in rows:
            shown.add(
                row.limits.model,
                row.limits.platform,
                row.name,
                str(row.original or row.size),
                _as_sent(row),
                _resized(row),
                tokens_cell(row),
                cost_cell(row),
                "; ".join(notes_of(row)),
            )
        parts.append(shown.text(right={6, 7}))
    if table:
        parts += (_table((limits,), colour=colour) for limits in bound)
    return blocks(parts)


def grouped(rows: Sequence[Measured], bound: Sequence[Limits], *, table: bool, colour: bool) -> str:
    """One line per image for all models that make the same of it, then what is uncertain about which."""
    parts = []
    if rows:
        head = ("image", "size", "as sent", "resized to", "tokens", "cost", "models", "note")
        shown = TextTable(head, colour=colour)
        doubts: dict[str, dict[str, None]] = {}
        for group in _groups(rows):
            first = group[0]
            costs = _costs(group)
            span = dict.fromkeys(money(cost) for cost in (min(costs), max(costs))) if costs else ["unknown"]
            shown.add(
                first.name,
                str(first.original or first.size),
                _as_sent(first),
                _resized(first),
                tokens_cell(first),
                " to ".join(span),
                ", ".join(row.limits.model for row in group),
                "; ".join(filter(None, (first.client.summary if first.client else "", _refusal(first)))),
            )
            for row in group:
                for note in _doubts(row):
                    doubts.setdefault(note, {})[row.limits.model] = None
        parts.append(shown.text(right={4, 5}))
        unpriced = doubts.pop(_NO_PRICE, {})
        lines = [f"{', '.join(models)}: {note}" for note, models in doubts.items()]
        parts.append(joined([*lines, f"{', '.join(unpriced)}: {_NO_PRICE}"] if unpriced else lines))
    if table:
        tables: dict[object, list[Limits]] = {}
        for limits in bound:
            tables.setdefault(ratio_table(limits.tier), []).append(limits)
        parts += (_table(same, colour=colour) for same in tables.values())
    return blocks(parts)


def _groups(rows: Iterable[Measured]) -> list[list[Measured]]:
    """The rows of each image, together where models make the same of it.

    Images in the order given, then from the fewest tokens to the most; models keep their order.
    """
    images: dict[tuple[Location | None, Size], int] = {}
    groups: dict[tuple[object, ...], list[Measured]] = {}
    for row in rows:
        image = images.setdefault((row.location, row.size), len(images))
        tokens = row.limits.tokens(row.size)
        span = row.limits.tokens_range(row.size) or (tokens or 0,) * 2
        key = (image, tokens is None, span, _published_size(row) or (), _refusal(row))
        groups.setdefault(key, []).append(row)
    return [groups[key] for key in sorted(groups)]


def _costs(rows: Iterable[Measured]) -> list[float]:
    """What the tokens cost on each of the models whose price is known; both ends of a range of tokens."""
    return [
        cost
        for row in rows
        for tokens in row.limits.tokens_range(row.size) or (row.limits.tokens(row.size),)
        if (cost := row.limits.cost_usd(tokens)) is not None
    ]


def _published_size(row: Measured) -> Size | None:
    """The size that the model sees; None if it is not published."""
    return row.limits.native_size(row.size) if publishes_size(row.limits.tier) else None


def _model(rows: Sequence[Measured], limits: Limits, *, table: bool, colour: bool) -> str:
    parts = [joined([f"{limits.model} on {limits.platform}: {tier_line(limits)}"])]
    if rows:
        shown = TextTable(
            (
                *("image", "size", "as sent", "resized to", "padded", "tokens", "cost"),
                *("older estimate", "its cost", "scale x, y", "note"),
            ),
            colour=colour,
        )
        for row in rows:
            record = size_record(row)
            area = record["tokens_area"]
            is_scaled = record["scale"] and record["scale"] != [1, 1]
            scale = "{:.4f}, {:.4f}".format(*record["scale"]) if is_scaled else ""
            shown.add(
                row.name,
                str(row.original or row.size),
                _as_sent(row),
                _resized(row),
                str(Size(*record["padded"])) if record["padded"] else "",
                tokens_cell(row),
                cost_cell(row),
                "" if area is None else figure(area),
                "" if area is None else _about(limits.cost_usd(area)),
                scale,
                "; ".join(notes_of(row)),
            )
        parts.append(shown.text(right={5, 6, 7, 8}))
    if table:
        parts.append(_table((limits,), colour=colour, named=False))
    return "".join(parts)


def tier_line(limits: Limits) -> str:
    """The tier with its limits and the numbers of its token formula."""
    tier = limits.tier
    most = [f"{tier.max_edge} px per edge"] if tier.max_edge else []
    most += [f"{figure(tier.max_tokens)} tokens"] if tier.max_tokens else []
    parts = [f"{tier.name} tier"]
    if most:
        parts.append(f"at most {' and '.join(most)}")
    parts += (f"{name} {value:g}" if value < 1e6 else f"{name} {value:,.0f}" for name, value in tier.numbers)
    return ", ".join(parts)


def _table(same: Sequence[Limits], *, colour: bool, named: bool = True) -> str:
    """The sizes that are not resized, of a model or of several with the same ones; `named` in the heading."""
    limits, models = same[0], ", ".join(limits.model for limits in same)
    found = ratio_table(limits.tier)
    if not found:
        whose = "its provider publishes none" if len(same) == 1 else "their providers publish none"
        return joined([f"no table of sizes that are not resized exists for {models}: {whose}"])
    rows = TextTable(("ratio", "portrait", "landscape", "tokens", "cost"), colour=colour)
    for ratio, size in found:
        tokens = limits.tokens(size)
        cost = " to ".join(dict.fromkeys(money(cost) for cost in _least_and_most(same, tokens)))
        rows.add(f"{ratio[0]}:{ratio[1]}", str(size), str(size.transposed), number(tokens), cost)
    heading = "largest sizes that are not resized, of exactly that ratio"
    whose = f", for {models}" if named else ""
    return joined([f"{heading}{whose}:"]) + rows.text(right={3, 4})


def _least_and_most(same: Sequence[Limits], tokens: int | None) -> tuple[float | None, ...]:
    """What the tokens cost on the cheapest and on the dearest of the models; None if no price is known."""
    costs = [cost for limits in same if (cost := limits.cost_usd(tokens)) is not None]
    return (min(costs), max(costs)) if costs else (None,)


def _as_sent(row: Measured) -> str:
    """The size that a client sends; empty without a client."""
    if row.client is None:
        return ""
    return "unchanged" if row.size == (row.original or row.size) else str(row.size)


def _resized(row: Measured) -> str:
    """The size that the model sees; empty if it is not published."""
    resized = _published_size(row)
    if resized is None:
        return ""
    return "unchanged" if resized == row.size else str(resized)


def notes_of(row: Measured) -> list[str]:
    """Whether the size is rejected, and which of its numbers are uncertain."""
    first = (row.client.summary if row.client else "", _refusal(row))
    return [*filter(None, first), *_doubts(row)]


def _refusal(row: Measured) -> str:
    """Why the size is rejected; empty if it is accepted."""
    refusal = row.limits.refusal(row.size)
    if refusal is None:
        return ""
    if refusal.unit == "px":
        return f"rejected: over {refusal.limit} px per edge"
    return f"rejected: {figure(refusal.measured)} {refusal.unit}, at most {figure(refusal.limit)}"


_NO_PRICE = "price not known"


def _doubts(row: Measured) -> list[str]:
    """Which of the numbers are uncertain, and why."""
    limits, notes = row.limits, []
    state = limits.tokens_state(row.size)
    if state == "conflicting":
        notes.append(f"sources contradict each other: {limits.doubt}; budgets count the most")
    elif state == "derived" and limits.state == "exact":
        notes.append(f"tokens are derived: {limits.doubt}")
    elif state == "unknown" and limits.state != "unknown":
        notes.append(f"tokens are not known: {limits.doubt}")
    if limits.state != "exact":
        notes.append("derived from its family" if limits.state == "derived" else "model not known")
    if limits.input_price is None or limits.input_price.status == "unknown":
        notes.append(_NO_PRICE)
    return notes


def tokens_cell(row: Measured) -> str:
    """The number of tokens, or the fewest and the most."""
    span = row.limits.tokens_range(row.size)
    return between(*span) if span else number(row.limits.tokens(row.size))


def cost_cell(row: Measured) -> str:
    """What the tokens cost, at least and at most."""
    low, high = row.limits.tokens_ends(row.size) or (None, None)
    return money_between(row.limits.cost_usd(low), row.limits.cost_usd(high))


def _about(usd_amount: float | None) -> str:
    """An amount to two significant digits, for an estimate; empty if it is not known."""
    if usd_amount is None:
        return ""
    if not usd_amount:
        return "~$0"
    digits = max(1 - int(f"{usd_amount:e}".partition("e")[2]), 2)
    return f"~${usd_amount:.{digits}f}"
