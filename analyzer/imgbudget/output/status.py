"""The state of a session in one line, and as JSON."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from imgbudget.model.results import RequestResult
from imgbudget.output.base import TextStyle, count, figure
from imgbudget.output.records import TOOL, VERSION
from imgbudget.planner.headroom import Gauge, Headroom
from imgbudget.printable import one_line

_NEAR = 0.8
"""The part of a limit that is shown as close."""

_SESSION = "transcript"
"""The dialect of the requests of sessions."""

_MEGABYTE, _THOUSAND = 1_000_000, 1_000


class SessionStatus(NamedTuple):
    """The next request of a session, how far it is from its limits, and the rules it breaks, with counts.

    `result` is None for a session that sends nothing yet. `others` counts the other conversations in it.
    """

    path: str
    result: RequestResult | None
    room: Headroom | None
    refused: Counter[str]
    others: int = 0


def status_line(status: SessionStatus, *, colour: bool) -> str:
    """One line for the status line of an agent."""
    style, room, result = TextStyle(colour), status.room, status.result
    if room is None or result is None:
        return "0 images"
    parts = [_images(room), _bytes(room)]
    if room.image_tokens is not None and result.request.images:
        parts.append(_tokens(room))
    if status.refused:
        codes = ", ".join(
            code + (f" x{number}" if number > 1 else "") for code, number in status.refused.items()
        )
        parts.insert(0, style.paint(f"the next turn will be refused: {codes}", "1;31"))
    elif (nearest := room.nearest) is not None and (room.images or nearest.share >= _NEAR):
        parts.append(style.paint(f"next limit: {_limit(nearest)}", "33" if nearest.share >= _NEAR else ""))
    if result.request.dialect != _SESSION:
        pass  # nothing compacts a single request
    elif not room.compaction.passes:
        parts.append(style.paint(_compaction(room, refused=bool(status.refused)), "31"))
    elif room.images:
        parts.append("compaction would pass")
    if not room.gauges:
        parts.append(f"limits of {result.limits.model or 'the model'} not known")
    return one_line(" | ".join(parts))


def _images(room: Headroom) -> str:
    pages = f" + {count(room.pages, 'page')}" if room.pages else ""
    return f"{count(room.images, 'image')}{pages}"


def _bytes(room: Headroom) -> str:
    gauge = room.gauge("request bytes")
    if gauge is None:
        return f"{_megabytes(room.request_bytes)} MB"
    return f"{_megabytes(gauge.used)} of {_megabytes(gauge.limit.value)} MB ({_percent(gauge)})"


def _tokens(room: Headroom) -> str:
    gauge = room.gauge("input tokens")
    tokens = f"{thousands(room.image_tokens or 0)}"
    return f"{tokens} of {thousands(gauge.limit.value)} tokens" if gauge else f"{tokens} tokens"


def _limit(gauge: Gauge) -> str:
    if gauge.left == 0 and gauge.used > gauge.limit.value:
        return f"{_what(gauge)}, exceeded"
    if gauge.name in ("images and pages", "images of any edge"):
        return f"{_what(gauge)}, {figure(gauge.left)} left"
    left = f"{_megabytes(gauge.left)} MB" if gauge.name == "request bytes" else thousands(gauge.left)
    more = f" (about {count(gauge.images_left, 'image')})" if gauge.images_left is not None else ""
    return f"{_what(gauge)}, {left} left{more}"


def _what(gauge: Gauge) -> str:
    match gauge.name:
        case "request bytes":
            return f"{_megabytes(gauge.limit.value)} MB a request"
        case "images and pages":
            return f"{figure(gauge.limit.value)} images a request"
        case "images of any edge":
            return f"{figure(gauge.limit.value)} images over {figure(gauge.edge or 0)} px"
        case "input tokens":
            return f"{thousands(gauge.limit.value)} tokens"


def _compaction(room: Headroom, *, refused: bool) -> str:
    remedy = "run imgbudget rescue first"
    if not refused:
        return f"compaction would be refused ({', '.join(room.compaction.blockers)}): {remedy}"
    return f"compaction too: {remedy}"


def _megabytes(amount: int) -> str:
    if 0 < amount < _MEGABYTE // 20:
        return "<0.1"
    return f"{amount / _MEGABYTE:,.1f}".removesuffix(".0")


def thousands(amount: int) -> str:
    """A number in thousands or millions once two digits of them are left: 36k, 1564."""
    for size, letter in ((_MEGABYTE, "M"), (_THOUSAND, "k")):
        if amount >= 10 * size or (amount >= size and not amount % size):
            return f"{amount / size:,.0f}{letter}"
    return figure(amount)


def _percent(gauge: Gauge) -> str:
    return f"{min(gauge.share, 9.99):.0%}"


def status_document(statuses: Sequence[SessionStatus]) -> dict[str, Any]:
    """The state of each conversation of a session, the nearest to a limit first, version 1."""
    return {
        "version": VERSION,
        "tool": TOOL,
        "session": statuses[0].path,
        "conversations": [_record(status) for status in statuses if status.room is not None],
    }


def _record(status: SessionStatus) -> dict[str, Any]:
    room, result = status.room, status.result
    if room is None or result is None:
        return {}
    nearest = room.nearest
    return {
        "id": result.request.id,
        "model": result.limits.model or None,
        "platform": result.limits.platform or None,
        "images": room.images,
        "pages": room.pages,
        "bytes": room.request_bytes,
        "image_tokens": room.image_tokens,
        "limits": [_gauge_record(gauge) for gauge in room.gauges],
        "next": nearest.name if nearest else None,
        "refused": [{"code": code, "count": number} for code, number in status.refused.items()],
        "compaction": {"passes": room.compaction.passes, "blockers": list(room.compaction.blockers)},
    }


def _gauge_record(gauge: Gauge) -> dict[str, Any]:
    limit = gauge.limit
    return {
        "name": gauge.name,
        "used": gauge.used,
        "limit": limit.value,
        "unit": limit.unit,
        "left": gauge.left,
        "share": round(gauge.share, 4),
        "images_left": gauge.images_left,
        "edge": gauge.edge,
        "source": limit.source,
    }
