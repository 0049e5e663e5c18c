"""What models make of sizes as tables: one model in full, several side by side."""

from collections.abc import Sequence

from imgbudget.cli.tables import Table
from imgbudget.geometry import Size, ratio_table
from imgbudget.limits import Limits
from imgbudget.reporters.base import figure, money
from imgbudget.reporters.sizes import size_record


def single(sizes: Sequence[Size], all_limits: Sequence[Limits], *, table: bool, colour: bool) -> str:
    """Each model with a table of its own; columns that mean nothing for its provider are left out."""
    return "\n".join(_model(sizes, limits, table=table, colour=colour) for limits in all_limits)


def side_by_side(sizes: Sequence[Size], all_limits: Sequence[Limits], *, table: bool, colour: bool) -> str:
    """One table, a row a model and size."""
    parts = []
    if sizes:
        shown = Table(("model", "platform", "size", "resized to", "tokens", "cost", "note"), colour=colour)
        for limits in all_limits:
            for size in sizes:
                record = size_record(size, limits)
                shown.add(
                    limits.model,
                    limits.platform,
                    str(size),
                    _resized(record["resized"], size),
                    figure(record["tokens"]),
                    money(limits.cost_usd(record["tokens"])),
                    _note(size, limits),
                )
        parts.append(shown.text(right={4, 5}))
    if table:
        parts += (_table(limits, colour=colour) for limits in all_limits)
    return "\n".join(parts)


def _model(sizes: Sequence[Size], limits: Limits, *, table: bool, colour: bool) -> str:
    parts = [f"{limits.model} on {limits.platform}: {tier_line(limits)}\n"]
    if sizes:
        shown = Table(
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
                str(record["tokens"]),
                money(limits.cost_usd(record["tokens"])),
                "" if area is None else str(area),
                "" if area is None else _about(limits.cost_usd(area)),
                scale,
                _note(size, limits),
            )
        parts.append(shown.text(right={3, 4, 5, 6}))
    if table:
        parts.append(_table(limits, colour=colour))
    return "".join(parts)


def tier_line(limits: Limits) -> str:
    """The tier with its bounds, and what its strategy counts by."""
    tier = limits.tier
    most = [f"{tier.max_edge} px an edge"] if tier.max_edge else []
    most += [f"{tier.max_tokens} tokens"] if tier.max_tokens else []
    parts = [f"{tier.name} tier"]
    if most:
        parts.append(f"at most {' and '.join(most)}")
    parts += (f"{name} {value:g}" if value < 1e6 else f"{name} {value:,.0f}" for name, value in tier.numbers)
    return ", ".join(parts)


def _table(limits: Limits, *, colour: bool) -> str:
    found = ratio_table(limits.tier)
    if not found:
        return (
            f"no table of sizes that are not resized exists for {limits.model}: its provider publishes none\n"
        )
    rows = Table(("ratio", "portrait", "landscape", "tokens", "cost"), colour=colour)
    for ratio, size in found:
        tokens = limits.tokens(size)
        cost = money(limits.cost_usd(tokens))
        rows.add(f"{ratio[0]}:{ratio[1]}", str(size), str(size.transposed), str(tokens), cost)
    return "largest sizes that are not resized, of exactly that ratio:\n" + rows.text(right={3, 4})


def _resized(resized: Sequence[int] | None, size: Size) -> str:
    """What the model looks at; empty where it is not published."""
    if resized is None:
        return ""
    return "as it is" if tuple(resized) == size else str(Size(*resized))


def _note(size: Size, limits: Limits) -> str:
    """Whether the size is refused, and what of its numbers is not sure."""
    notes = []
    if refusal := limits.refusal(size):
        if refusal.unit == "px":
            notes.append(f"rejected: over {refusal.limit} px an edge")
        else:
            notes.append(f"rejected: {refusal.measured} {refusal.unit}, at most {refusal.limit}")
    notes += (f"{value.name} is {value.status}" for value in limits.tier_values if value.doubtful)
    if limits.input_price.status == "unknown":
        notes.append("price not known")
    return "; ".join(notes)


def _about(usd_amount: float) -> str:
    """An amount to two significant digits, for an estimate."""
    if not usd_amount:
        return "~$0"
    digits = max(1 - int(f"{usd_amount:e}".partition("e")[2]), 2)
    return f"~${usd_amount:.{digits}f}"
