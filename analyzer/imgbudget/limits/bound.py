"""The limits in force for one model on one platform."""

from collections.abc import Mapping
from typing import Any, NoReturn

from imgbudget.limits import geometry
from imgbudget.limits.fields import DETAILS, FIELDS, TIER_BOUNDS, LimitFields
from imgbudget.limits.geometry import Size, Tier
from imgbudget.limits.values import Absent, Limit, Term, Value, Values, limit, term

_NANO = 1_000_000_000
"""Nano-dollars a dollar. A price of 1 USD/MTok is 1,000 nano-dollars a token, so sums stay whole numbers."""


def nano_usd(price: Limit[float]) -> int:
    """The price of one token in nano-dollars; prices have at most three decimals."""
    return round(price.value * 1000)


class Limits(LimitFields):
    """Everything that a model on a platform allows, asks for and costs; immutable.

    Each row of `LimitFields` is an attribute: a `Limit`, or None where the platform has no such limit or none
    is known (`values` has the source of either). `tier` is that of the image: see `at`.

    An unknown model (`known` is False) has the strictest of each: the smallest tier and context, the
    dearest price. Animations are not accepted for `still_types`. `request_bytes` is the binary reading of a
    limit given in MB and `request_bytes_doubt` the decimal one, likewise for batches. `retired` is an ISO
    date, "unknown" for a model retired at an unknown date, None for one in service. The factors are times
    the input price (times both for batches).
    """

    model: str
    platform: str
    known: bool
    tier: Tier
    details: tuple[tuple[str, Tier], ...]
    """The tiers of images that ask for a level of detail, by level."""

    values: Values
    """Every value stated, with its source, by name."""

    _sources: Mapping[str, tuple[Value, ...]]
    _at: dict[str, "Limits"]

    def __init__(
        self, model: str, platform: str, tiers: Mapping[str, Values], values: Values, *, known: bool
    ) -> None:
        """Choose among the values of a platform, a tier and a model."""
        name = term(values, "tier").values[0]
        context, long = limit(values, "context_tokens"), values.get("long_context")
        if "request_media_short_context" in values and isinstance(long, Limit) and context.value < long.value:
            values = values | {"request_media": values["request_media_short_context"]}
        tier = tier_of(name, tiers[name])
        details = tuple(
            (detail, tier_of(asked, tiers[asked]))
            for detail in DETAILS
            if f"detail_{detail}" in values
            for asked in term(values, f"detail_{detail}").values
        )
        named = (name, *(tier.name for _, tier in details)) if tier.strategy else ()
        self.__dict__.update(
            {field: row.read(values.get(field)) for field, row in FIELDS.items()},
            model=model,
            platform=platform,
            known=known,
            tier=tier,
            details=details,
            values=values,
            _sources={
                key: tuple(value for item, value in tiers[key].items() if item not in TIER_BOUNDS)
                for key in named
            },
            _at={},
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"limits do not change; cannot set {name}")

    def __eq__(self, other: object) -> bool:
        """Whether all values and the tier are the same."""
        return self is other or (isinstance(other, Limits) and self._key() == other._key())

    def __repr__(self) -> str:
        """All that tells these limits from others: audits name their row files after it."""
        return f"Limits{self._key()!r}"

    def __hash__(self) -> int:
        return hash((self.model, self.platform, self.tier.name))

    def _key(self) -> tuple[object, ...]:
        return self.model, self.platform, self.known, self.tier, self.details, self.values

    def at(self, detail: str | None) -> "Limits":
        """The limits for an image that asks for a level of detail; these where no such level is known."""
        if detail is None or not self.details:
            return self
        found = self._at.get(detail)
        if found is None:
            tier = dict(self.details).get(detail, self.tier)
            if tier == self.tier:
                return self
            found = object.__new__(Limits)
            found.__dict__.update(self.__dict__, tier=tier, _at={})
            self._at[detail] = found
        return found

    @property
    def tier_values(self) -> tuple[Value, ...]:
        """The strategy of the tier and the numbers that it asks for, with their sources; none for Claude."""
        return self._sources.get(self.tier.name, ())

    @property
    def uses_claude_patches(self) -> bool:
        """Whether visual tokens are Claude's patches of 28 px; some rules and tables apply only then."""
        return not self.tier.strategy

    @property
    def documents_count_as_images(self) -> bool:
        """Whether documents count toward `many_image_count`; toward `request_media` their pages always do."""
        return "document" in self.many_image_blocks

    @property
    def least_edge(self) -> int:
        """The shortest edge without a loss of quality, px; 0 where the provider states none."""
        return self.min_edge.value if self.min_edge else 0

    def native_size(self, size: Size, edge_limit: int | None = None) -> Size:
        """The size that the model sees; `edge_limit` in px is one more bound on both edges."""
        return geometry.native_size(size, self.tier, edge_limit)

    def planned_size(self, size: Size, edge_limit: int | None = None, *, from_table: bool = True) -> Size:
        """The size to send instead; the same where it fits. `edge_limit` as of `native_size`.

        Without `from_table` it is the largest one, although a row of the table would keep the exact ratio.
        """
        if not from_table and self.uses_claude_patches:
            return self.native_size(size, edge_limit)
        return geometry.planned_size(size, self.tier, edge_limit)

    def latency_size(self, size: Size, edge_limit: int | None = None) -> Size:
        """The largest size within the advice for a quick first token, and within the native size."""
        native = self.native_size(size, edge_limit)
        pixels = self.latency_pixels.value if self.latency_pixels else native.width * native.height
        edge = self.latency_edge.value if self.latency_edge else native.long_edge
        if native.width * native.height <= pixels and native.long_edge <= edge:
            return native
        return geometry.size_within(size, pixels, min(edge, native.long_edge))

    def tokens(self, size: Size) -> int:
        """Visual tokens billed for an image of this size."""
        return geometry.tokens(size, self.tier)

    def size_within_tokens(self, size: Size, most: int, edge_limit: int | None = None) -> Size | None:
        """The largest size of the same ratio that takes at most `most` visual tokens; None if none does.

        Never larger than `size`, nor than `edge_limit` px on an edge.
        """
        return geometry.size_within_tokens(size, self.tier, most, edge_limit)

    def fits(self, size: Size) -> bool:
        """Whether the model sees the size without downscaling."""
        return geometry.fits(size, self.tier)

    def refusal(self, size: Size) -> geometry.Refusal | None:
        """Why the API refuses an image of this size by itself; None where it accepts it."""
        edge = self.max_edge
        if edge is not None and size.long_edge > edge.value:
            return geometry.Refusal("long edge is", size.long_edge, edge.value, "px")
        return geometry.refusal(size, self.tier)

    def counted_images(self, images: int, documents: int) -> int:
        """The blocks that count toward the many-image limit: documents do on some platforms."""
        return images + documents if self.documents_count_as_images else images

    def many_images(self, count: int) -> bool:
        """Whether this many blocks are more than `many_image_count`, so that `many_image_edge` applies."""
        return self.many_image_count is not None and count > self.many_image_count.value

    def cost_usd(self, tokens: int) -> float:
        """US dollars for a prompt of this many tokens, without caching or batching.

        A prompt over the long-prompt threshold is billed at the long-prompt price as a whole, so a model
        that has one must be asked with the tokens of the whole request.
        """
        price = self.input_price if self.long_prompt_tokens is None else self._price(tokens)
        return tokens * nano_usd(price) / _NANO

    def tokens_within_cost(self, usd: float) -> int:
        """The most visual tokens that cost no more than `usd` US dollars, long prompts included."""
        low, high = 0, int(usd * _NANO) + 1  # no price is under a nano-dollar a token
        while low + 1 < high:
            middle = (low + high) // 2
            if self.cost_usd(middle) <= usd:
                low = middle
            else:
                high = middle
        return low

    def batch_cost_usd(self, tokens: int) -> float | None:
        """The same in a batch; None where the platform has no batches."""
        if self.batch_factor is None:
            return None
        factor = round(self.batch_factor.value * 1000)
        return tokens * nano_usd(self._price(tokens)) * factor / (_NANO * 1000)

    def missing(self, needs: tuple[str, ...]) -> str | None:
        """The first required limit that this model lacks, as a phrase; None if all are present.

        A need is the name of a limit, or one of `native_size` (images are scaled down), `largest_size` (some
        are refused for their size), `patches_of_28` and `messages_api` (what only Claude's have).
        """
        for need in needs:
            if reason := self._missing(need):
                return reason
        return None

    def _missing(self, need: str) -> str | None:
        if need == "native_size":
            published = geometry.publishes_size(self.tier)
            return None if published else f"what {self.model} scales images down to is not published"
        if need == "largest_size":
            refuses = self.max_edge is not None or geometry.refuses(self.tier)
            return None if refuses else f"{self.platform} has no max_edge"
        if need == "patches_of_28":
            return (
                None
                if self.uses_claude_patches
                else f"{self.model} counts no patches of 28 px as Claude does"
            )
        if need == "messages_api":
            return None if self.uses_claude_patches else "it is known of Claude's API alone"
        if getattr(self, need) is not None:
            return None
        stated = self.values.get(need)
        known = stated is not None and stated.status != "unknown"
        return f"{self.platform} has no {need}" if known else f"no {need} of {self.platform} is known"

    @property
    def image_raw_bytes(self) -> int | None:
        """The longest image file, in bytes, whose base64 text is within `image_base64_bytes`."""
        return self.image_base64_bytes.value // 4 * 3 if self.image_base64_bytes else None

    def entries(self) -> tuple[Limit[float] | Absent, ...]:
        """Every number in force, and what is unlimited, in the order of the table."""
        return tuple(
            value
            for name, row in FIELDS.items()
            if isinstance(value := self.values.get(name), (Limit, Absent))
            and (isinstance(value, Limit) or row.absent == "unlimited")
        )

    @property
    def terms(self) -> tuple[Term | Absent, ...]:
        """Every fact that is not a number, and what is unavailable."""
        return tuple(
            value
            for name, value in self.values.items()
            if isinstance(value, Term)
            or (isinstance(value, Absent) and name in FIELDS and FIELDS[name].absent != "unlimited")
        )

    def _price(self, tokens: int) -> Limit[float]:
        threshold, price = self.long_prompt_tokens, self.long_input_price
        if threshold is not None and price is not None and tokens > threshold.value:
            return price
        return self.input_price


def tier_of(name: str, values: Values) -> Tier:
    """The tier as geometry takes it."""
    strategy = term(values, "strategy").values[0] if "strategy" in values else ""
    numbers: dict[str, Any] = {key: value.value for key, value in values.items() if isinstance(value, Limit)}
    edge, tokens = (numbers.pop(key, None) for key in TIER_BOUNDS)
    return Tier(name, edge, tokens, strategy, tuple(numbers.items()))
