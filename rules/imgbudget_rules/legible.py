"""What rules on the text of images have in common: the text as the model sees it, and what keeps it."""

from collections.abc import Sequence

from imgbudget.limits.values import figure
from imgbudget.model.text import ImageText, SeenText
from imgbudget.model.views import upright_size
from imgbudget.planner.legibility import RemedyKind, TextRemedy, remedies
from imgbudget.rule import Context, ImageUse, Size

_SHOWN = 24
"""Characters of a text that a message quotes: enough to find it, too few to carry an instruction."""

_WAYS = 2
"""Ways to keep text that a finding names."""


def text_seen(use: ImageUse, ctx: Context) -> tuple[ImageText, SeenText] | None:
    """The text of an image, and what of it the model sees; None if it is not known.

    Where the provider does not publish the size that the model sees, it is taken to be the image's own.
    """
    facts, size = use.facts, use.visible_size
    if facts is None or facts.text is None or size is None:
        return None
    seen = full = upright_size(facts, size)
    if ctx.limits.missing(("native_size",)) is None:
        seen = ctx.limits.native_size(full)
    text = facts.text.at(seen)
    return None if text is None else (text, text.at(seen))


def quoted(text: str | None) -> str:
    """The beginning of a text that was read, in quotation marks."""
    found = text or ""
    return repr(found if len(found) <= _SHOWN else f"{found[: _SHOWN - 1]}…")


def ways_to_keep(text: ImageText, seen: SeenText, ctx: Context) -> str:
    """What keeps the lines that are lost, with its tokens."""
    found = remedies(text, seen, ctx.limits)[:_WAYS]
    if not found:
        return "send the part with the text at full size, or a picture with larger letters"
    return " or ".join(_way(one, ctx) for one in found)


def _way(remedy: TextRemedy, ctx: Context) -> str:
    tokens = (
        ""
        if remedy.tokens is None
        else f" ({figure(remedy.tokens)} token{'' if remedy.tokens == 1 else 's'})"
    )
    if remedy.kind is RemedyKind.CROP and remedy.box is not None:
        left, top, right, bottom = remedy.box
        size = Size(right - left, bottom - top)
        return f"send the part of {size} px from {left},{top} on, imgbudget crop{tokens}"
    if remedy.kind is RemedyKind.TILES:
        return f"cut it into {remedy.tiles} tiles of {remedy.size}, imgbudget tiles{tokens}"
    if remedy.kind is RemedyKind.DETAIL:
        return f"ask for detail {remedy.name}, at which {ctx.limits.model} sees {remedy.size}{tokens}"
    return f"use {remedy.name}, which sees {remedy.size}{tokens}"


def lines(count: int, whole: Sequence[object]) -> str:
    """How many of the lines of text."""
    if count == len(whole):
        return "the only line of text is" if count == 1 else f"all {figure(count)} lines of text are"
    return f"{figure(count)} of {figure(len(whole))} lines of text {'is' if count == 1 else 'are'}"
