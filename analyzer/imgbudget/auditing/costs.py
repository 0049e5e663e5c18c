"""What a dataset costs on every model and platform of the limits data, and on every tier."""

from collections.abc import Iterable, Mapping, Sequence

from imgbudget.auditing.rows import tier_prefix
from imgbudget.auditing.statistics import CostRow, TierRow
from imgbudget.auditing.store import Store, quoted
from imgbudget.limits.bound import Limits
from imgbudget.limits.data import LimitsData
from imgbudget.limits.geometry import Size, Tier, native_size, planned_size, tokens_range
from imgbudget.namedtuples import NamedTuple

_FETCHED = 4096
"""Sizes in memory at a time: a dataset may have as many sizes as images."""


class TierSums(NamedTuple):
    """The sums over all images on one tier."""

    resized: int
    tokens: int
    tokens_after: int
    pixels: int
    pixels_used: int
    tokens_doubt: int = 0
    after_doubt: int = 0


def tier_rows(data: LimitsData, sums: Mapping[str, TierSums]) -> tuple[TierRow, ...]:
    """The dataset on every tier, the smallest first."""
    tiers = sorted(data.tiers, key=lambda tier: tier.bounds[1])
    least = sums[tiers[0].name].tokens
    return tuple(
        TierRow(
            tier=tier.name,
            max_edge=tier.bounds[0],
            max_tokens=tier.bounds[1],
            resized=sums[tier.name].resized,
            tokens=sums[tier.name].tokens,
            tokens_after=sums[tier.name].tokens_after,
            pixels=sums[tier.name].pixels,
            pixels_seen=sums[tier.name].pixels_used,
            times=sums[tier.name].tokens / least if least else None,
        )
        for tier in tiers
    )


def cost_rows(store: Store, data: LimitsData, sums: Mapping[str, TierSums]) -> tuple[CostRow, ...]:
    """The cost matrix: Claude's models in the order of the limits data, for each the platforms that serve it.

    Gateways, which add prices of their operators, are not in it.

    Each image is priced as a separate prompt, so long-prompt prices do not count. Models of other providers
    are in `model_rows`.
    """
    candidates = (data.bind(model, name) for model in data.claude_models for name in data.serving(model))
    bound = [limits for limits in candidates if limits.uses_claude_patches]
    refused = _refused(store, bound)
    return tuple(_cost_row(limits, sums[limits.tier.name], refused[_bounds(limits)]) for limits in bound)


def model_rows(store: Store, models: Sequence[Limits]) -> tuple[CostRow, ...]:
    """The dataset on models of any provider, side by side, in the order they are given.

    Each size is computed once per tier, however many images have it. The sizes are those of the files: every
    provider's rule treats width and height alike, so the orientation does not matter.
    """
    if not models:
        return ()
    tiers = tuple(dict.fromkeys(limits.tier for limits in models))
    sums = _sums_by_size(store, tiers)
    refused = _refused(store, models)
    return tuple(_cost_row(limits, sums[limits.tier], refused[_bounds(limits)]) for limits in models)


def _sums_by_size(store: Store, tiers: Sequence[Tier]) -> dict[Tier, TierSums]:
    totals = {tier: [0] * len(TierSums._fields) for tier in tiers}
    cursor = store.connection.cursor().execute(
        f"""select width, height, count(*) from rows where subject = 'image'
        and width is not null and {store.tier}tokens is not null group by width, height"""  # noqa: S608 - ours
    )
    while batch := cursor.fetchmany(_FETCHED):
        for width, height, images in batch:
            size = Size(width, height)
            for tier in tiers:
                for field, number in enumerate(_on_tier(size, tier)):
                    totals[tier][field] += images * number
    return {tier: TierSums._make(numbers) for tier, numbers in totals.items()}


def _on_tier(size: Size, tier: Tier) -> TierSums:
    """The amounts of one image of this size."""
    used = native_size(size, tier)
    low, most = tokens_range(size, tier)
    low_after, after = tokens_range(planned_size(size, tier), tier)
    area, area_used = size.width * size.height, used.width * used.height
    return TierSums(used != size, most, after, area, area_used, most - low, after - low_after)


def _cost_row(limits: Limits, sums: TierSums, refused: int) -> CostRow:
    price = limits.input_price
    priced = price is not None and price.status != "unknown"
    factor = limits.batch_factor.value if limits.batch_factor else None
    before, after = usd(limits, sums.tokens), usd(limits, sums.tokens_after)
    return CostRow(
        model=limits.model,
        platform=limits.platform,
        tier=limits.tier.name,
        retired=limits.retired,
        usd_per_million=price.value if price is not None and priced else None,
        refused=refused,
        resized=sums.resized,
        tokens=sums.tokens,
        tokens_after=sums.tokens_after,
        cost_usd=before if priced else None,
        cost_after_usd=after if priced else None,
        batch_cost_usd=before * factor if priced and factor is not None else None,
        batch_cost_after_usd=after * factor if priced and factor is not None else None,
        tokens_doubt=sums.tokens_doubt,
        after_doubt=sums.after_doubt,
    )


def usd(limits: Limits, tokens: int) -> float:
    """US dollars for the visual tokens of many images, each in a prompt below the long-prompt threshold."""
    price = limits.input_price
    return tokens * price.value / 1_000_000 if price else 0.0  # an audit refuses models that it does not know


def sums_of_tiers(store: Store, data: LimitsData) -> dict[str, TierSums]:
    """The sums over all images on every tier, by its name."""
    terms = []
    for tier in data.tiers:
        name = tier_prefix(tier.name)
        terms += [
            f"count(*) filter (where {name}width <> width or {name}height <> height)",
            f"coalesce(sum({name}tokens), 0)",
            f"coalesce(sum({name}planned_tokens), 0)",
            f"coalesce(sum_of_products(case when {name}width is not null then width end, height), 0)",
            f"coalesce(sum_of_products({name}width, {name}height), 0)",
        ]
    numbers = store.one(f"select {', '.join(terms)} from rows where subject = 'image'")  # noqa: S608 - ours
    step = len(TierSums._fields) - 2  # Claude's tiers have no doubt
    parts = (numbers[i : i + step] for i in range(0, len(numbers), step))
    return {tier.name: TierSums(*map(int, part)) for tier, part in zip(data.tiers, parts, strict=True)}


_Bounds = tuple[int | None, int | None, tuple[str, ...]]
"""The limits of a platform on single images: bytes of base64, edge in px, media types."""


def _bounds(limits: Limits) -> _Bounds:
    base64, edge = limits.image_base64_bytes, limits.max_edge
    return base64 and base64.value, edge and edge.value, limits.media_types


def _refused(store: Store, bound: Iterable[Limits]) -> dict[_Bounds, int]:
    """How many images each set of bounds excludes."""
    sets = list(dict.fromkeys(_bounds(limits) for limits in bound))
    terms = []
    for base64_bytes, edge, types in sets:
        formats = ", ".join(quoted(name.partition("/")[2]) for name in types)
        refused = ["damage is not null", f"(format is not null and format not in ({formats}))"]
        refused += [f"base64_bytes > {base64_bytes}"] if base64_bytes is not None else []
        refused += [f"(width > {edge} or height > {edge})"] if edge is not None else []
        terms.append(f"count(*) filter (where {' or '.join(refused)})")
    counts = store.one(f"select {', '.join(terms)} from rows where subject = 'image'")  # noqa: S608 - ours
    return dict(zip(sets, counts, strict=True))
