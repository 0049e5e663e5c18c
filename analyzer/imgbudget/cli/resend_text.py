"""The resend accounting as tables for a terminal."""

from imgbudget.cli.tables import Table
from imgbudget.planner.resend import Resend
from imgbudget.reporters.base import count, figure, money, one_line


def resend_text(found: Resend, *, colour: bool) -> str:
    """The calls of one request with their sum, and what each remedy would save."""
    request, limits = found.request, found.limits
    calls = Table(
        ("call", "up to", "new", "bytes", "tokens", "resent", "bytes", "tokens", "cost"), colour=colour
    )
    for number, call in enumerate(found.calls, 1):
        loads = [figure(value) for value in (*call.new, *call.resent)]
        calls.add(str(number), call.place.location or "", *loads, money(call.cost_usd))
    sums = [figure(value) for value in (*found.once, *found.resent)]
    calls.add("sum", "", *sums, money(found.cost_usd))
    savings = Table(("saved by", "bytes", "tokens", "cost", "terms"), colour=colour)
    for saving in found.savings:
        if not saving.available:
            savings.add(saving.way, "", "", "", f"{limits.platform} does not have it")
            continue
        dollars = f"{'-' if saving.cost_usd < 0 else ''}{money(abs(saving.cost_usd))}"
        savings.add(saving.way, figure(saving.byte_size), figure(saving.tokens), dollars, saving.terms)
    where = one_line(request.place.path) + (f":{request.line}" if request.line > 1 else "")
    unsized = f"; {count(found.unsized, 'image')} of unknown size, without tokens" if found.unsized else ""
    return (
        f"{where}: {count(len(found.calls), 'call')} sent {count(found.sent.images, 'image')} "
        f"({figure(found.once.images)} different), {count(found.sent.base64_bytes, 'byte')} as base64, "
        f"{count(found.sent.tokens, 'visual token')}, {money(found.cost_usd)} on {limits.model}{unsized}\n"
        f"{calls.text(right={0, 2, 3, 4, 5, 6, 7, 8})}\n{savings.text(right={1, 2, 3})}"
    )
