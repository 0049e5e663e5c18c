"""What was billed or counted, held against what was predicted, and the likely cause of the difference."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from imgbudget.geometry import native_size, patches
from imgbudget.limits import Limits, LimitsData
from imgbudget.live.prediction import Prediction
from imgbudget.model import Request

_SLACK = 5
"""Tokens by which the rule was off at most (87 recorded rows)."""
_FEWEST, _MOST = 8, 2
"""Bytes of text a token, at most and at least: what lies between them is text."""
_ADDED = ("tools", "thinking", "mcp_servers", "output_config", "container")
"""Members at the top of a body for which the API adds tokens of its own."""


class Usage(NamedTuple):
    """Tokens as the API tells them; the input counts what was read from a cache or written into one."""

    input: int
    output: int | None = None
    cached: int = 0

    @classmethod
    def of(cls, usage: Mapping[str, Any]) -> "Usage":
        """The usage of a message."""

        def number(key: str) -> int:
            value = usage.get(key)
            return value if isinstance(value, int) else 0

        cached = number("cache_creation_input_tokens") + number("cache_read_input_tokens")
        return cls(number("input_tokens") + cached, number("output_tokens"), cached)


class Comparison(NamedTuple):
    """A prediction and what came of it. `difference` is billed less predicted; `cause` is a clause."""

    prediction: Prediction
    usage: Usage
    difference: int
    cause: str
    agrees: bool
    """Whether the rule for images explains what was billed."""


def compare(  # noqa: PLR0913 - all that tells it
    prediction: Prediction,
    usage: Usage,
    request: Request,
    limits: Limits,
    *,
    data: LimitsData,
    members: Collection[str] = (),
) -> Comparison:
    """Hold what was billed against the prediction; `members` are the keys at the top of the body."""
    difference = usage.input - prediction.total
    rest = usage.input - prediction.visual - prediction.envelope - prediction.page_tokens
    agrees, cause = _cause(prediction, rest, request, limits, data=data, members=members)
    return Comparison(prediction, usage, difference, cause, agrees)


def _cause(  # noqa: PLR0913 - all that tells it
    prediction: Prediction,
    rest: int,
    request: Request,
    limits: Limits,
    *,
    data: LimitsData,
    members: Collection[str],
) -> tuple[bool, str]:
    """Whether the images explain it, and why it differs; `rest` are the tokens beside images and pages."""
    if prediction.unsized:
        return False, f"{prediction.unsized} images have no known size and were counted as the most"
    if prediction.pages or prediction.unpaged:
        return False, "pages of documents are estimated: their text is not known"
    if _is_text(rest, prediction.text_bytes):
        if rest <= _SLACK:
            return True, "none to speak of"
        return True, f"text: {rest} tokens of {prediction.text_bytes} bytes, {prediction.text} were estimated"
    if added := [name for name in _ADDED if name in members]:
        return False, f"the API adds tokens of its own for {' and '.join(added)}"
    if other := _other_tier(prediction, rest, request, limits, data):
        return False, other
    if rest < 0:
        return (
            False,
            "fewer than the images alone should cost: is the model another one, or the rule not its?",
        )
    return (
        False,
        "more than text of this length explains: a tokenizer with more tokens, or images that cost more",
    )


def _is_text(rest: int, text_bytes: int) -> bool:
    return text_bytes // _FEWEST - _SLACK <= rest <= text_bytes // _MOST + _SLACK


def _other_tier(
    prediction: Prediction, rest: int, request: Request, limits: Limits, data: LimitsData
) -> str | None:
    """What other way of counting the images would explain it."""
    sizes = [use.visible_size for use in request.images if use.visible_size]

    def explains(visual: int) -> bool:
        return visual != prediction.visual and _is_text(
            rest + prediction.visual - visual, prediction.text_bytes
        )

    for tier in data.tiers:
        if tier != limits.tier and explains(sum(patches(native_size(size, tier)) for size in sizes)):
            return f"the images cost what the {tier.name} tier gives, not the {limits.tier.name} tier"
    if explains(sum(patches(size) for size in sizes)):
        return "the images were counted without being scaled down"
    return None
