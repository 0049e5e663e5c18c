"""The limits on the scales of the distributions, from the limits data and from the rules' findings."""

from collections.abc import Iterator, Sequence

from imgbudget.audit.statistics import Mark, RuleRow
from imgbudget.geometry import Tier
from imgbudget.limits import Limits, LimitsData


def marks_of(name: str, limits: Limits, data: LimitsData, rules: Sequence[RuleRow]) -> tuple[Mark, ...]:
    """The marks on the scale of a measure, in rising order, values that are equal told as one."""
    match name:
        case "long_edge":
            found = _edges(limits, data)
        case "megapixels":
            pixels = limits.latency_pixels
            found = iter(
                [Mark(pixels.value / 1e6, "advised for a fast answer", "told")] if pixels is not None else []
            )
        case "bytes":
            found = _bytes(limits, data)
        case "tokens":
            found = (
                Mark(tier.max_tokens, f"most on the {tier.name} tier", "told")
                for tier in _tiers(limits, data)
                if tier.max_tokens is not None
            )
        case "quality":
            found = (
                Mark(rule.limit, rule.code, "told", least=True)
                for rule in rules
                if rule.unit == "quality" and rule.limit is not None
            )
        case _:
            found = iter(())
    return tuple(_together(sorted(found)))


def _tiers(limits: Limits, data: LimitsData) -> Sequence[Tier]:
    """The tiers between which the model could be exchanged: Claude's, or its own alone."""
    return data.tiers if limits.uses_claude_patches else (limits.tier,)


def _edges(limits: Limits, data: LimitsData) -> Iterator[Mark]:
    for tier in _tiers(limits, data):
        if tier.max_edge is not None:
            seen = tier.name == limits.tier.name
            yield Mark(tier.max_edge, f"{tier.name} tier", "seen" if seen else "told")
    many, few = limits.many_image_edge, limits.many_image_count
    if many is not None and few is not None:
        yield Mark(many.value, f"over {few.value} images", "told")
    if limits.max_edge is not None:
        yield Mark(limits.max_edge.value, "refused", "refused")


def _bytes(limits: Limits, data: LimitsData) -> Iterator[Mark]:
    """The longest files whose base64 text each platform takes; the platforms with the same limit in one."""
    owners: dict[int, list[str]] = {}
    for platform in data.platforms:
        bound = data.bind(limits.model, platform)
        if bound.platform == platform and bound.image_raw_bytes is not None:
            owners.setdefault(bound.image_raw_bytes, []).append(platform)
    for value, platforms in owners.items():
        named = ", ".join(platforms[:2]) + (" …" if platforms[2:] else "")
        kind = "refused" if limits.platform in platforms else "told"
        yield Mark(value, f"refused by {limits.platform if kind == 'refused' else named}", kind)


def _together(marks: Sequence[Mark]) -> Iterator[Mark]:
    by_value: dict[float, list[Mark]] = {}
    for mark in marks:
        by_value.setdefault(mark.value, []).append(mark)
    for same in by_value.values():
        kinds = {mark.kind for mark in same}
        kind = next(name for name in ("refused", "seen", "told") if name in kinds)
        yield same[0]._replace(label=", ".join(mark.label for mark in same), kind=kind)
