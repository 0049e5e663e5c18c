"""The limits in force for one model on one platform."""

from collections.abc import Mapping
from typing import NamedTuple

from imgbudget import geometry
from imgbudget.geometry import Size, Tier
from imgbudget.limits.fields import DETAILS, TIER_NEEDS
from imgbudget.limits.values import Limit, Term, Value, Values, limit, limit_or_none, term

_NANO = 1_000_000_000
"""Nano-dollars a dollar. A price of 1 USD/MTok is 1,000 nano-dollars a token, so sums stay whole numbers."""


def nano_usd(price: Limit) -> int:
    """The price of one token in nano-dollars; prices have at most three decimals."""
    return round(price.value * 1000)


class Limits(NamedTuple):
    """Everything that a model on a platform allows, asks for and costs.

    An unknown model (`known` is False) has the strictest of each: the smallest tier and context, the
    dearest price. What a platform does not have, or what is not known, is None; `terms` says which.
    `documents_count_as_images` is for the many-image count alone: toward `request_media` pages always
    count. Of `still_types` no animation is taken. `request_bytes` is the binary reading of a limit given
    in MB and `request_bytes_doubt` the decimal one, likewise for batches. `retired` is an ISO date,
    "unknown" for a model retired at an unknown date, None for one in service. The factors are times the
    input price (times both for batches). `details` are the tiers of images that ask for one, by what they
    ask; `tier` is that of all others. `tiers` holds where the strategy and the numbers of these come
    from, by the tier's name.
    """

    model: str
    platform: str
    known: bool
    tier: Tier
    documents_count_as_images: bool
    still_types: tuple[str, ...]
    media_types: tuple[str, ...]
    source_types: tuple[str, ...]
    retired: str | None
    terms: tuple[Term, ...]
    max_edge: Limit
    many_image_count: Limit
    many_image_edge: Limit
    image_base64_bytes: Limit
    request_bytes: Limit
    request_bytes_doubt: Limit
    request_media: Limit
    request_messages: Limit
    count_request_bytes: Limit
    batch_bytes: Limit | None
    batch_bytes_doubt: Limit | None
    batch_requests: Limit | None
    file_bytes: Limit | None
    file_storage_bytes: Limit | None
    tier_edge: Limit
    tier_tokens: Limit
    patch: Limit
    context_tokens: Limit
    page_text_tokens_low: Limit
    page_text_tokens_high: Limit
    min_edge: Limit
    latency_pixels: Limit
    latency_edge: Limit
    input_price: Limit
    output_price: Limit | None
    long_prompt_tokens: Limit | None
    long_input_price: Limit | None
    long_output_price: Limit | None
    batch_factor: Limit | None
    cache_write_5m_factor: Limit
    cache_write_1h_factor: Limit
    cache_read_factor: Limit
    us_inference_factor: Limit | None
    regional_factor: Limit | None
    details: tuple[tuple[str, Tier], ...] = ()
    tiers: tuple[tuple[str, tuple[Value, ...]], ...] = ()

    def at(self, detail: str | None) -> "Limits":
        """The limits for an image that asks for a level of detail; these where no such level is known."""
        if detail is None or not self.details:
            return self
        for name, tier in self.details:
            if name == detail and tier != self.tier:
                return self._replace(tier=tier)
        return self

    @property
    def tier_values(self) -> tuple[Value, ...]:
        """The strategy of the tier and the numbers that it asks for, with their sources; none for Claude."""
        return dict(self.tiers).get(self.tier.name, ())

    @property
    def counts_patches_of_28(self) -> bool:
        """Whether tokens are Claude's patches of 28 px, which is what some rules and tables are about."""
        return not self.tier.strategy

    def native_size(self, size: Size, edge_limit: int | None = None) -> Size:
        """The size that the model looks at; `edge_limit` in px is one more bound on both edges."""
        return geometry.native_size(size, self.tier, edge_limit)

    def planned_size(self, size: Size, edge_limit: int | None = None, *, from_table: bool = True) -> Size:
        """The size to send instead; the same where it fits. `edge_limit` as of `native_size`.

        Without `from_table` it is the largest one, although a row of the table would keep the exact ratio.
        """
        if not from_table and self.counts_patches_of_28:
            return self.native_size(size, edge_limit)
        return geometry.planned_size(size, self.tier, edge_limit)

    def latency_size(self, size: Size, edge_limit: int | None = None) -> Size:
        """The largest size within the advice for a quick first token, and within the native size."""
        native = self.native_size(size, edge_limit)
        pixels, edge = int(self.latency_pixels.value), int(self.latency_edge.value)
        if native.width * native.height <= pixels and native.long_edge <= edge:
            return native
        return geometry.size_within(size, pixels, min(edge, native.long_edge))

    def tokens(self, size: Size) -> int:
        """Visual tokens billed for an image of this size."""
        return geometry.tokens(size, self.tier)

    def fits(self, size: Size) -> bool:
        """Whether the model takes the size as it is."""
        return geometry.fits(size, self.tier)

    def refusal(self, size: Size) -> geometry.Refusal | None:
        """What the API refuses an image of this size for, by itself; None where it takes it."""
        if size.long_edge > self.max_edge.value:
            return geometry.Refusal("long edge is", size.long_edge, int(self.max_edge.value), "px")
        return geometry.refusal(size, self.tier)

    def counted_images(self, images: int, documents: int) -> int:
        """The blocks that count toward the many-image limit: documents do on some platforms."""
        return images + documents if self.documents_count_as_images else images

    def cost_usd(self, tokens: int) -> float:
        """US dollars for a prompt of this many tokens, without caching or batching.

        A prompt over the long-prompt threshold is billed at the long-prompt price as a whole, so a model
        that has one must be asked with the tokens of the whole request.
        """
        price = self.input_price if self.long_prompt_tokens is None else self._price(tokens)
        return tokens * nano_usd(price) / _NANO

    def batch_cost_usd(self, tokens: int) -> float | None:
        """The same in a batch; None where the platform has no batches."""
        if self.batch_factor is None:
            return None
        factor = round(self.batch_factor.value * 1000)
        return tokens * nano_usd(self._price(tokens)) * factor / (_NANO * 1000)

    def lack(self, needs: tuple[str, ...]) -> str | None:
        """Why something that cannot do without these is no matter here, as a clause; None where it has all.

        A need is the name of a limit, or one of `native_size` (images are scaled down), `largest_size` (some
        are refused for their size), `patches_of_28` and `messages_api` (what only Claude's have).
        """
        for need in needs:
            if reason := self._lack(need):
                return reason
        return None

    def _lack(self, need: str) -> str | None:
        if need == "native_size":
            scales = geometry.scales(self.tier)
            return None if scales else f"what {self.model} scales images down to is not published"
        if need == "largest_size":
            refuses = self.max_edge.exists or geometry.refuses(self.tier)
            return None if refuses else f"{self.platform} has no max_edge"
        if need == "patches_of_28":
            return (
                None
                if self.counts_patches_of_28
                else f"{self.model} counts no patches of 28 px as Claude does"
            )
        if need == "messages_api":
            return None if self.counts_patches_of_28 else "it is known of Claude's API alone"
        limit: Limit | None = getattr(self, need)
        if limit is not None and limit.exists:
            return None
        known = limit is not None and limit.status != "unknown"
        return f"{self.platform} has no {need}" if known else f"no {need} of {self.platform} is known"

    @property
    def image_raw_bytes(self) -> int:
        """The longest image file, in bytes, whose base64 text is within `image_base64_bytes`."""
        return int(self.image_base64_bytes.value) // 4 * 3

    def entries(self) -> tuple[Limit, ...]:
        """Every number in force, in the order of the fields."""
        return tuple(field for field in self if isinstance(field, Limit))

    def _price(self, tokens: int) -> Limit:
        threshold, price = self.long_prompt_tokens, self.long_input_price
        if threshold is not None and price is not None and tokens > threshold.value:
            return price
        return self.input_price


def tier_of(name: str, values: Values) -> Tier:
    """The tier as geometry takes it."""
    strategy = term(values, "strategy").values[0] if "strategy" in values else ""
    numbers = tuple(
        (key, value.value)
        for key, value in values.items()
        if isinstance(value, Limit) and key not in TIER_NEEDS
    )
    edge, tokens = (int(limit(values, key).value) for key in TIER_NEEDS)
    return Tier(name, edge, tokens, strategy, numbers)


def bind_values(
    model: str, platform: str, tiers: Mapping[str, Values], values: Values, *, known: bool
) -> Limits:
    """Sort the values of a platform, a tier and a model into the fields of Limits."""
    name = term(values, "tier").values[0]
    tier = tier_of(name, tiers[name])
    details = tuple(
        (detail, tier_of(asked, tiers[asked]))
        for detail in DETAILS
        if f"detail_{detail}" in values
        for asked in term(values, f"detail_{detail}").values
    )
    named = (name, *(tier.name for _, tier in details)) if tier.strategy else ()
    sources = tuple(
        (key, tuple(value for item, value in tiers[key].items() if item not in TIER_NEEDS))
        for key in dict.fromkeys(named)
    )
    context = limit(values, "context_tokens")
    short = context.value < limit(values, "long_context").value
    retired = term(values, "retired").values[0] if "retired" in values else None
    return Limits(
        model=model,
        platform=platform,
        known=known,
        tier=tier,
        documents_count_as_images="document" in term(values, "many_image_blocks").values,
        still_types=term(values, "still_types").values if "still_types" in values else (),
        media_types=term(values, "media_types").values,
        source_types=term(values, "source_types").values,
        retired=retired,
        terms=tuple(value for value in values.values() if isinstance(value, Term)),
        max_edge=limit(values, "max_edge"),
        many_image_count=limit(values, "many_image_count"),
        many_image_edge=limit(values, "many_image_edge"),
        image_base64_bytes=limit(values, "image_base64_bytes"),
        request_bytes=limit(values, "request_bytes"),
        request_bytes_doubt=limit(values, "request_bytes_doubt"),
        request_media=limit(values, "request_media_short_context" if short else "request_media"),
        request_messages=limit(values, "request_messages"),
        count_request_bytes=limit(values, "count_request_bytes"),
        batch_bytes=limit_or_none(values, "batch_bytes"),
        batch_bytes_doubt=limit_or_none(values, "batch_bytes_doubt"),
        batch_requests=limit_or_none(values, "batch_requests"),
        file_bytes=limit_or_none(values, "file_bytes"),
        file_storage_bytes=limit_or_none(values, "file_storage_bytes"),
        tier_edge=limit(values, "tier_edge"),
        tier_tokens=limit(values, "tier_tokens"),
        patch=limit(values, "patch"),
        context_tokens=context,
        page_text_tokens_low=limit(values, "page_text_tokens_low"),
        page_text_tokens_high=limit(values, "page_text_tokens_high"),
        min_edge=limit(values, "min_edge"),
        latency_pixels=limit(values, "latency_pixels"),
        latency_edge=limit(values, "latency_edge"),
        input_price=limit(values, "input_price"),
        output_price=limit_or_none(values, "output_price"),
        long_prompt_tokens=limit_or_none(values, "long_prompt_tokens"),
        long_input_price=limit_or_none(values, "long_input_price"),
        long_output_price=limit_or_none(values, "long_output_price"),
        batch_factor=limit_or_none(values, "batch_factor"),
        cache_write_5m_factor=limit(values, "cache_write_5m_factor"),
        cache_write_1h_factor=limit(values, "cache_write_1h_factor"),
        cache_read_factor=limit(values, "cache_read_factor"),
        us_inference_factor=limit_or_none(values, "us_inference_factor"),
        regional_factor=limit_or_none(values, "regional_factor"),
        details=details,
        tiers=sources,
    )
