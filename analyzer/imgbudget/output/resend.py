"""What a conversation sends again, and what each way to send it costs, as text tables and as JSON."""

from typing import Any

from imgbudget.output.base import (
    TextTable,
    between,
    count,
    figure,
    money,
    money_between,
    tokens_between,
)
from imgbudget.output.plan import request_name
from imgbudget.output.records import ranged, usd
from imgbudget.planner.resend import Load, Resend
from imgbudget.planner.ways import Way
from imgbudget.printable import blocks, joined


def resend_record(found: Resend) -> dict[str, Any]:
    """What each call of one conversation sends."""
    request, low = found.request, found.fewest or found
    return {
        "path": request.location.path,
        "line": request.line,
        "id": request.id,
        "model": found.limits.model,
        "platform": found.limits.platform or None,
        "calls": [
            {
                "location": call.location.dotted,
                "pointer": call.location.pointer,
                "new": _load(least.new, call.new, found),
                "resent": _load(least.resent, call.resent, found),
                **_cost(least.cost_usd, call.cost_usd),
            }
            for least, call in zip(low.calls, found.calls, strict=True)
        ],
        "once": _load(low.once, found.once, found),
        "sent": {**_load(low.sent, found.sent, found), **_cost(low.cost_usd, found.cost_usd)},
        "resent": _load(low.resent, found.resent, found),
        "images_of_unknown_size": found.unsized,
        "savings": [
            {
                "way": saving.way,
                "available": saving.available,
                "images": saving.images,
                "base64_bytes": saving.byte_size,
                **ranged("tokens", *_counted(least.tokens, saving.tokens, found)),
                **_cost(least.cost_usd, saving.cost_usd),
                "terms": saving.terms,
            }
            for least, saving in zip(low.savings, found.savings, strict=True)
        ],
        "text_tokens": found.text_tokens,
        "ways": [_way_record(way, found) for way in found.ways],
        "best": _best_record(found),
        **({"state": "conflicting"} if found.fewest else {}),
    }


def _way_record(way: Way, found: Resend) -> dict[str, Any]:
    """One way to send all calls; text tokens, which are estimated, are in its sums."""
    low = next((one for one in found.fewest.ways if one.name == way.name), way) if found.fewest else way
    names = ("read_tokens", "written_tokens", "uncached_tokens")
    tokens: dict[str, Any] = {}
    for name, one, two in zip(names, low.bill[:3], way.bill[:3], strict=True):
        tokens |= ranged(name, *_counted(one, two, found))
    return {
        "way": way.name,
        "cache": None if way.cache == "none" else way.cache,
        "available": way.available,
        "refused": way.refused or None,
        **_cost(low.bill.cost_usd, way.bill.cost_usd),
        **tokens,
        "images": way.images,
        "base64_bytes": way.byte_size,
        "changes": way.changes,
        "pause_usd": usd(way.pause_usd),
    }


def _best_record(found: Resend) -> dict[str, Any] | None:
    """The cheapest way; None if it is not known."""
    won = found.cheapest
    if won is None:
        return None
    return {
        "way": won.best.name,
        "cost_usd": usd(won.best.bill.cost_usd),
        "next": won.second.name if won.second else None,
        "saves_usd": usd(won.saves_usd),
        "assumption": won.assumption,
    }


def _counted(low: int, high: int, found: Resend) -> tuple[int | None, int | None]:
    """The fewest and the most tokens; None for an unknown model."""
    return found.limits.counted(low), found.limits.counted(high)


def _cost(low: float | None, high: float | None) -> dict[str, Any]:
    return ranged("cost_usd", usd(low), usd(high))


def _load(low: Load, load: Load, found: Resend) -> dict[str, Any]:
    tokens = ranged("tokens", *_counted(low.tokens, load.tokens, found))
    return {"images": load.images, "base64_bytes": load.base64_bytes, **tokens}


def resend_text(found: Resend, *, colour: bool) -> str:
    """The calls of one conversation with their totals, and what each remedy saves."""
    request, limits, low = found.request, found.limits, found.fewest or found
    calls = TextTable(
        ("call", "up to", "new", "bytes", "tokens", "resent", "bytes", "tokens", "cost"), colour=colour
    )
    for at, (least, call) in enumerate(zip(low.calls, found.calls, strict=True), 1):
        loads = (*_cells(least.new, call.new, found), *_cells(least.resent, call.resent, found))
        cost = money_between(least.cost_usd, call.cost_usd)
        calls.add(str(at), call.location.dotted or "", *loads, cost)
    sums = (*_cells(low.once, found.once, found), *_cells(low.resent, found.resent, found))
    calls.add("sum", "", *sums, money_between(low.cost_usd, found.cost_usd))
    unsized = f"; {count(found.unsized, 'image')} of unknown size, not counted" if found.unsized else ""
    amount = "tokens and cost unknown"
    if limits.counts_tokens:
        noun = "visual token" if found.sent.tokens == 1 else "visual tokens"
        cost = money_between(low.cost_usd, found.cost_usd)
        amount = f"{between(low.sent.tokens, found.sent.tokens)} {noun}, {cost}"
    head = (
        f"{request_name(request)}: {count(len(found.calls), 'call')} sent "
        f"{count(found.sent.images, 'image')} ({figure(found.once.images)} different), "
        f"{count(found.sent.base64_bytes, 'byte')} as base64, "
        f"{amount} on {limits.model}{unsized}"
    )
    tables = (calls.text(right={0, 2, 3, 4, 5, 6, 7, 8}), _ways_table(found, colour=colour))
    return joined([head]) + blocks(tables) + joined(_cheapest_lines(found))


def _ways_table(found: Resend, *, colour: bool) -> str:
    """Each way with its whole cost, the cheapest first; those that are not possible last."""
    table = TextTable(
        ("all calls", "cost", "read", "written", "uncached", "images", "bytes", "remark"), colour=colour
    )
    least = {way.name: way for way in found.fewest.ways} if found.fewest else {}
    for way in sorted(found.ways, key=lambda way: (not way.is_possible, way.bill.cost_usd or 0.0)):
        if not way.available:
            table.add(way.name, "", "", "", "", "", "", f"{found.limits.api} does not have it")
            continue
        low = least.get(way.name, way)
        tokens = (
            tokens_between(*_counted(one, two, found))
            for one, two in zip(low.bill[:3], way.bill[:3], strict=True)
        )
        cost = money_between(low.bill.cost_usd, way.bill.cost_usd)
        table.add(way.name, cost, *tokens, figure(way.images), figure(way.byte_size), _remark(way))
    return table.text(right={1, 2, 3, 4, 5, 6})


def _remark(way: Way) -> str:
    """What to know of a way."""
    if way.refused:
        return f"refused: {way.refused}"
    if way.changes:
        calls = "1 call changes" if way.changes == 1 else f"{way.changes:,} calls change"
        return f"{calls} the beginning of the prompt; the model no longer sees what was removed"
    return ""


def _cheapest_lines(found: Resend) -> list[str]:
    """Which way wins, by how much, and on which assumption."""
    won = found.cheapest
    if won is None:
        return ["which way is cheapest is not known: no price of the model is"] if found.ways else []
    line = f"cheapest: {won.best.name}, {money(won.best.bill.cost_usd)}"
    if won.second is not None:
        line += f", {money(won.saves_usd)} less than {won.second.name}"
    lines = [f"{line}; assumed: {won.assumption}"]
    if won.best.pause_usd:
        lines.append(f"a longer pause before the last call costs {money(won.best.pause_usd)} more")
    lines.append(
        f"costs include about {figure(found.text_tokens)} tokens of text in the last call, estimated"
    )
    return lines


def _cells(low: Load, load: Load, found: Resend) -> tuple[str, str, str]:
    """Images, bytes and tokens of a load."""
    tokens = tokens_between(*_counted(low.tokens, load.tokens, found))
    return figure(load.images), figure(load.base64_bytes), tokens
