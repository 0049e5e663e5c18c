"""How models resize and count image sizes, as text tables and as JSON records."""

from collections.abc import Sequence
from typing import Any

from imgbudget.limits.bound import Limits
from imgbudget.limits.geometry import (
    CoordinateMap,
    Size,
    area_tokens,
    padded_size,
    publishes_size,
    ratio_table,
)
from imgbudget.output.base import TextTable, figure, money, number
from imgbudget.output.records import usd
from imgbudget.printable import blocks, joined


def size_record(size: Size, limits: Limits, detail: str | None = None) -> dict[str, Any]:
    """One size on one model; `limits` are those at the level of detail.

    `resized` and `scale` are null if the provider publishes no size, `padded` and the older estimate for
    models other than Claude. Where sources contradict each other, `tokens` is null and `tokens_range` has the
    fewest and the most; `state` is how the number is known, and `doubt` why it is not exact.
    """
    known = publishes_size(limits.tier)
    resized, span = limits.native_size(size), limits.tokens_range(size)
    tokens = None if span else limits.tokens(size)
    state = limits.tokens_state(size)
    area = area_tokens(resized) if limits.uses_claude_patches else None
    return {
        "model": limits.model,
        "platform": limits.platform,
        "known": limits.known,
        "tier": limits.tier.name,
        "detail": detail if detail in dict(limits.details) else None,
        "size": list(size),
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
        "scale": list(CoordinateMap(size, resized).scale) if known else None,
    }


def table_records(limits: Limits) -> list[dict[str, Any]]:
    """The rows of the table of sizes that are not resized; empty if no such table exists."""
    return [
        {
            "model": limits.model,
            "tier": limits.tier.name,
            "ratio": f"{ratio[0]}:{ratio[1]}",
            "size": list(size),
            "tokens": limits.tokens(size),
            "cost_usd": usd(limits.cost_usd(limits.tokens(size))),
        }
        for ratio, size in ratio_table(limits.tier)
    ]


def single(sizes: Sequence[Size], all_limits: Sequence[Limits], *, table: bool, colour: bool) -> str:
    """One table per model, without the columns that do not apply to its provider."""
    return blocks(_model(sizes, limits, table=table, colour=colour) for limits in all_limits)


def side_by_side(sizes: Sequence[Size], all_limits: Sequence[Limits], *, table: bool, colour: bool) -> str:
    """One table with a row per model and size."""
    parts = []
    if sizes:
        shown = TextTable(
            ("model", "platform", "size", "resized to", "tokens", "cost", "note"), colour=colour
        )
        for limits in all_limits:
            for size in sizes:
                record = size_record(size, limits)
                shown.add(
                    limits.model,
                    limits.platform,
                    str(size),
                    _resized(record["resized"], size),
                    _tokens(size, limits),
                    _cost(size, limits),
                    _note(size, limits),
                )
        parts.append(shown.text(right={4, 5}))
    if table:
        parts += (_table(limits, colour=colour) for limits in all_limits)
    return blocks(parts)


def _model(sizes: Sequence[Size], limits: Limits, *, table: bool, colour: bool) -> str:
    parts = [joined([f"{limits.model} on {limits.platform}: {tier_line(limits)}"])]
    if sizes:
        shown = TextTable(
            (
                *("size", "resized to", "padded", "tokens", "cost"),
                *("older estimate", "its cost", "scale x, y", "note"),
            ),
            colour=colour,
        )
        for size in sizes:
            record = size_record(size, limits)
            area = record["tokens_area"]
            scale = (
                "{:.4f}, {:.4f}".format(*record["scale"]) if record["scale"] and not record["fits"] else ""
            )
            shown.add(
                str(size),
                _resized(record["resized"], size),
                str(Size(*record["padded"])) if record["padded"] else "",
                _tokens(size, limits),
                _cost(size, limits),
                "" if area is None else figure(area),
                "" if area is None else _about(limits.cost_usd(area)),
                scale,
                _note(size, limits),
            )
        parts.append(shown.text(right={3, 4, 5, 6}))
    if table:
        parts.append(_table(limits, colour=colour))
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


def _table(limits: Limits, *, colour: bool) -> str:
    found = ratio_table(limits.tier)
    if not found:
        return joined(
            [f"no table of sizes that are not resized exists for {limits.model}: its provider publishes none"]
        )
    rows = TextTable(("ratio", "portrait", "landscape", "tokens", "cost"), colour=colour)
    for ratio, size in found:
        tokens = limits.tokens(size)
        cost = money(limits.cost_usd(tokens))
        rows.add(f"{ratio[0]}:{ratio[1]}", str(size), str(size.transposed), number(tokens), cost)
    return joined(["largest sizes that are not resized, of exactly that ratio:"]) + rows.text(right={3, 4})


def _resized(resized: Sequence[int] | None, size: Size) -> str:
    """The size that the model sees; empty if it is not published."""
    if resized is None:
        return ""
    return "unchanged" if tuple(resized) == size else str(Size(*resized))


def _note(size: Size, limits: Limits) -> str:
    """Whether the size is rejected, and which of its numbers are uncertain."""
    notes = []
    if refusal := limits.refusal(size):
        if refusal.unit == "px":
            notes.append(f"rejected: over {refusal.limit} px per edge")
        else:
            notes.append(
                f"rejected: {figure(refusal.measured)} {refusal.unit}, at most {figure(refusal.limit)}"
            )
    state = limits.tokens_state(size)
    if state == "conflicting":
        notes.append(f"sources contradict each other: {limits.doubt}; budgets count the most")
    elif state == "derived" and limits.state == "exact":
        notes.append(f"tokens are derived: {limits.doubt}")
    elif state == "unknown" and limits.state != "unknown":
        notes.append(f"tokens are not known: {limits.doubt}")
    if limits.state != "exact":
        notes.append("derived from its family" if limits.state == "derived" else "model not known")
    if limits.input_price is None or limits.input_price.status == "unknown":
        notes.append("price not known")
    return "; ".join(notes)


def _tokens(size: Size, limits: Limits) -> str:
    """The number of tokens, or the fewest and the most."""
    span = limits.tokens_range(size)
    return f"{figure(span[0])} to {figure(span[1])}" if span else number(limits.tokens(size))


def _cost(size: Size, limits: Limits) -> str:
    """What the tokens cost, at least and at most."""
    span = limits.tokens_range(size) or (limits.tokens(size),)
    return " to ".join(money(limits.cost_usd(end)) for end in span)


def _about(usd_amount: float | None) -> str:
    """An amount to two significant digits, for an estimate; empty if it is not known."""
    if usd_amount is None:
        return ""
    if not usd_amount:
        return "~$0"
    digits = max(1 - int(f"{usd_amount:e}".partition("e")[2]), 2)
    return f"~${usd_amount:.{digits}f}"
