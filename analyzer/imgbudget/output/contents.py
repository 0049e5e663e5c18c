"""What was measured of the size that keeps what an image shows, as text and as JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

from imgbudget.limits.bound import Limits
from imgbudget.model.contents import ContentAt, ContentSize, LostText, percent, share_text
from imgbudget.model.text import LineState, state_of
from imgbudget.output.base import count, figure, money
from imgbudget.output.records import usd
from imgbudget.planner.image import ImagePlan
from imgbudget.planner.legibility import tiles_that_keep

MOST_LINES = 100
"""Lines that are lost at a size and are listed at most."""

_SHOWN = 3


def content_record(plan: ImagePlan) -> dict[str, Any]:
    """The measurements of one image; nothing if nobody asked for any."""
    found = plan.content
    if found is None:
        return {}
    cut = tiles_that_keep(found, plan.size, plan.limits)
    is_text = found.target.is_text
    return {
        "content": {
            "target": found.target.kind.value,
            "bound": found.target.bound,
            "seen": list(found.seen) if found.seen else None,
            "reason": found.flaw or None,
            "lines": found.lines if is_text and not found.flaw else None,
            "characters": found.characters if is_text and not found.flaw else None,
            "sizes_tried": found.tried,
            "kept": _at(found.kept, plan.limits, is_text=is_text),
            "lost": _at(found.lost, plan.limits, is_text=is_text),
            "below": plan.is_below_content,
            "tiles": None
            if cut is None
            else {
                "tiles": len(cut.tiles),
                "size": list(cut.tiles[0].size),
                "tokens": cut.tokens,
                "cost_usd": usd(plan.limits.cost_usd(cut.tokens)),
            },
        }
    }


def _at(found: ContentAt | None, limits: Limits, *, is_text: bool) -> dict[str, Any] | None:
    if found is None:
        return None
    tokens = limits.tokens(found.size)
    share = None if found.kept is None else float(share_text(found.kept))
    record: dict[str, Any] = {
        "size": list(found.size),
        "tokens": tokens,
        "cost_usd": usd(limits.cost_usd(tokens)),
        "share_kept" if is_text else "ssim": share,
    }
    if is_text:
        record |= {
            "smallest_px": None if found.smallest is None else round(found.smallest, 1),
            "lines_read": found.lines_read,
            "lines_doubtful": found.lines_doubtful,
            "lines_found": found.lines_found,
            "lines_sought": found.lines_sought if found.lines_found is not None else None,
            "lines_lost": [_lost(line) for line in found.lost[:MOST_LINES]],
        }
    return record


def _lost(line: LostText) -> dict[str, Any]:
    return {
        "text": line.text,
        "seen_text": line.seen_text,
        "height_px": round(line.height, 1),
        "share_kept": round(line.kept, 4),
        "state": state_of(line.kept).value,
        "box": list(line.box),
    }


def content_lines(plan: ImagePlan, name: str) -> Iterator[str]:
    """The evidence for one image, for people; nothing where there is none."""
    found = plan.content
    if found is None or found.flaw or found.has_no_text:
        return
    if found.kept is not None and found.kept.size == found.seen and found.lost is None:
        return  # a picture so small that there is nothing to choose
    text = ""
    if found.target.is_text:
        text = f": {count(found.lines, 'line')} of text, about {count(found.characters, 'character')}"
    yield f"{name}{text}"
    if found.kept is not None:
        yield from _kept_lines(found, found.kept, plan.limits)
        if plan.is_below_content:
            yield f"  planned smaller, so this is not certain at {plan.planned}: {plan.reason}"
    if found.lost is not None:
        where = "one step below" if found.kept is not None else "the largest size that the model sees"
        yield f"  {_loss(found, found.lost)} at {_size(found.lost, plan.limits)}, {where}"
        yield from (f"    {_difference(line)}" for line in found.lost.lost[:_SHOWN])
    elif found.kept is not None and found.kept.size != found.seen:
        yield f"  nothing smaller was tried: {_end_of_grid(plan.limits)}"
    cut = tiles_that_keep(found, plan.size, plan.limits)
    if cut is not None:
        cost = f"{figure(cut.tokens)} tokens, {money(plan.limits.cost_usd(cut.tokens))}"
        yield f"  {count(len(cut.tiles), 'tile')} of {cut.tiles[0].size} keep it, {cost} (imgbudget tiles)"
    elif found.kept is None:
        yield "  what keeps it: a crop of the part that matters (imgbudget crop)"


def _size(found: ContentAt, limits: Limits) -> str:
    tokens = limits.tokens(found.size)
    many = "? tokens" if tokens is None else count(tokens, "token")
    return f"{found.size}, {many}, {money(limits.cost_usd(tokens))}"


def _end_of_grid(limits: Limits) -> str:
    if limits.least_edge:
        return f"its short edge would be below the {limits.least_edge} px that are recommended"
    return "it would take no fewer tokens"


def _kept_lines(found: ContentSize, kept: ContentAt, limits: Limits) -> Iterator[str]:
    letters = "" if kept.smallest is None else f", letters from {kept.smallest:.1f} px"
    yield f"  {_kept(found, kept)} at {_size(kept, limits)}{letters}"
    if found.target.is_text and kept.size != found.seen:
        yield f"    {_proof(kept)}"


def _kept(found: ContentSize, kept: ContentAt) -> str:
    if not found.target.is_text:
        return f"SSIM {share_text(kept.kept)}"
    share = "all" if found.target.bound == 1 else f"{percent(kept.kept)} of"
    again = ""
    if kept.lines_found is not None and kept.lines_found < kept.lines_sought:
        again = f" ({figure(kept.lines_found)} of {count(kept.lines_sought, 'line')} detected again)"
    return f"{share} characters kept{again}"


def _proof(kept: ContentAt) -> str:
    """By which lines it is known that the characters are kept."""
    if not kept.lines_doubtful:
        return "the letters of all lines are clear by their height"
    if kept.lines_doubtful == 1:
        return "the line in doubt was read as a whole"
    return f"all {figure(kept.lines_doubtful)} lines in doubt were read as a whole"


def _loss(found: ContentSize, lost: ContentAt) -> str:
    if not found.target.is_text:
        return f"SSIM {share_text(lost.kept)}"
    if lost.lost:
        return "characters lost" if lost.kept is None else f"{percent(lost.kept)} of characters kept"
    return f"only {figure(lost.lines_found or 0)} of {count(lost.lines_sought, 'line')} detected"


def _difference(line: LostText) -> str:
    state = state_of(line.kept)
    kept = "" if state is LineState.KEPT else f": {state.value}, {percent(line.kept)} of it is read"
    letters = f"letters of {line.height:.1f} px{kept}"
    if not line.text:
        left, top, *_ = line.box
        return f"the line at {left:.0f},{top:.0f}, {letters}"
    text, seen_text = around_difference(line.text, line.seen_text)
    return f"{text!r} is read as {seen_text!r}, {letters}"


_BEFORE, _LONGEST = 10, 24
"""Characters before the first difference that are shown of two readings, and characters at most."""


def around_difference(text: str, other: str) -> tuple[str, str]:
    """The parts of two readings of a line around the first difference."""
    pairs = enumerate(zip(text, other, strict=False))
    same = next((at for at, (one, two) in pairs if one != two), min(len(text), len(other)))
    begin = max(same - _BEFORE, 0) if max(len(text), len(other)) > _LONGEST else 0
    return _excerpt(text, begin), _excerpt(other, begin)


def _excerpt(text: str, begin: int) -> str:
    shown = text[begin : begin + _LONGEST]
    return "…" * bool(begin) + shown + "…" * (len(text) > begin + _LONGEST)


def content_notes(plans: Sequence[ImagePlan]) -> list[str]:
    """What is to be said of all images together: those without text."""
    silent = sum(plan.content is not None and plan.content.has_no_text for plan in plans)
    if not silent:
        return []
    stay = "stays as it is" if silent == 1 else "stay as they are"
    what = f"no text found in {count(silent, 'image')}, which {stay}"
    return [f"{what}; --target same:0.99 bounds the loss of what a picture shows"]
