"""What a model makes of a size, as a JSON record; what means nothing for its provider is null."""

from typing import Any

from imgbudget.geometry import (
    CoordinateMap,
    Size,
    area_tokens,
    padded_size,
    ratio_table,
    scales,
)
from imgbudget.limits import Limits
from imgbudget.reporters.records import usd


def size_record(size: Size, limits: Limits, detail: str | None = None) -> dict[str, Any]:
    """One size on one model; `limits` are those at the level of detail.

    `resized` and `scale` are null where the provider publishes no size, `padded` and the older estimate for
    all but Claude, costs where no price is known.
    """
    known = scales(limits.tier)
    resized, tokens = limits.native_size(size), limits.tokens(size)
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
        "cost_usd": usd(limits.cost_usd(tokens)),
        "price_known": limits.input_price.status != "unknown",
        "tokens_area": area,
        "cost_area_usd": None if area is None else usd(limits.cost_usd(area)),
        "scale": list(CoordinateMap(size, resized).scale) if known else None,
    }


def table_records(limits: Limits) -> list[dict[str, Any]]:
    """The rows of the table of sizes that are not resized; none where no such table exists."""
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
