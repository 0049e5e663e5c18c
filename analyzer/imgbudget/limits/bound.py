"""The limits in force for one model on one platform."""

from collections.abc import Mapping
from typing import Any, Literal, NoReturn

from imgbudget.limits import geometry
from imgbudget.limits.fields import DETAILS, FIELDS, SPECS, TIER_BOUNDS, LimitFields
from imgbudget.limits.geometry import UNKNOWN_TIER, Size, Tier
from imgbudget.limits.lifecycle import is_soon
from imgbudget.limits.model_ids import ModelState, NormalizedModel
from imgbudget.limits.values import Absent, Limit, Term, Value, Values, term

TokensState = Literal["exact", "derived", "conflicting", "unknown"]
"""How the tokens of an image are known: for certain, from the family, contradictory, not at all."""

_DERIVED = frozenset({"derived", "unknown"})
_CHAT = "openai-chat"
"""The dialect of chat completions."""

_NANO = 1_000_000_000
"""Nano-dollars per dollar. A price of 1 USD/MTok is 1,000 nano-dollars per token, so sums are integers."""


def nano_usd(price: Limit[float]) -> int:
    """The price of one token in nano-dollars; prices have at most three decimals."""
    return round(price.value * 1000)


class Limits(LimitFields):
    """All limits and prices of a model on a platform; immutable.

    Each row of `LimitFields` is an attribute: a `Limit`, or None if the platform has no such limit or it is
    unknown (`values` has the source of either). `tier` is the tier of the image, see `at`.

    `state` is how the limits of the model are known. A derived model has the tier of its family, but no known
    context and price; an unknown one has no tier either, so its images have no number of tokens. `platform`
    is empty if it is unknown too: then there are no limits, and every media type and source type that some
    platform accepts is accepted. `nearest` are similar names of a model that is not known. Media types
    in `still_types` are not accepted animated. `request_bytes` is the most generous reading of a limit, where
    sources or units leave several, and `request_bytes_doubt` the strictest, likewise for batches, images and
    `request_media`. `retired` is an ISO date, "unknown" for a model retired at an unknown date, None for a
    model in service, for which `ends` is the announced day; `answered_by` is what then answers to its id.
    Both are those of the maker's own API; `at_maker` is whether it is the platform. `day` is the day of the
    run, which decides about both and about prices. Factors multiply the input price (batch factors both
    prices).
    """

    model: str
    platform: str
    state: ModelState
    nearest: tuple[str, ...]
    tier: Tier
    details: tuple[tuple[str, Tier], ...]
    """The tiers of images that request a level of detail, by level."""

    values: Values
    """Every value that the data states, with its source, by name."""

    at_maker: bool
    is_gateway: bool
    """Whether the platform passes requests on to that of the model."""

    text_only: Term | None
    """The source for a model taking no images, with its id; None for one that takes some or is not known."""

    day: str
    _sources: Mapping[str, tuple[Value, ...]]
    _at: dict[str, "Limits"]

    def __init__(  # noqa: PLR0913 - made in one place
        self,
        model: NormalizedModel,
        platform: str,
        tiers: Mapping[str, Values],
        values: Values,
        *,
        day: str,
        at_maker: bool,
        is_gateway: bool = False,
        text_only: Term | None = None,
    ) -> None:
        """Bind the merged values of platform, tier and model; `tiers` has the values of each tier."""
        name = term(values, "tier").values[0] if "tier" in values else ""
        context, long = values.get("context_tokens"), values.get("long_context")
        if isinstance(context, Limit) and isinstance(long, Limit) and context.value < long.value:
            values = values | {
                "request_media": values.get("request_media_short_context", values["request_media"])
            }
        tier = tier_of(name, tiers) if name else UNKNOWN_TIER
        details = tuple(
            (detail, tier_of(level, tiers))
            for detail in DETAILS
            if f"detail_{detail}" in values
            for level in term(values, f"detail_{detail}").values
        )
        tier_names = (name, *(tier.name for _, tier in details)) if name and tier.strategy else ()
        self.__dict__.update(
            {field: row.read(values.get(field)) for field, row in FIELDS.items()},
            model=model.id,
            platform=platform,
            state=model.state,
            nearest=model.nearest,
            tier=tier,
            details=details,
            values=values,
            day=day,
            at_maker=at_maker,
            is_gateway=is_gateway,
            text_only=text_only,
            _sources={
                key: tuple(value for item, value in tiers[key].items() if item not in TIER_BOUNDS)
                for key in tier_names
            },
            _at={},
        )

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"limits are immutable; cannot set {name}")

    def __eq__(self, other: object) -> bool:
        """Whether all values and the tier are equal."""
        return self is other or (isinstance(other, Limits) and self._key() == other._key())

    def __repr__(self) -> str:
        """Everything that distinguishes these limits; audits name their row files after it."""
        return f"Limits{self._key()!r}"

    def __hash__(self) -> int:
        return hash((self.model, self.platform, self.tier.name))

    def _key(self) -> tuple[object, ...]:
        return self.model, self.platform, self.state, self.tier, self.details, self.values, self.ends_soon

    @property
    def ends_soon(self) -> bool:
        """Whether the model ends within 60 days of the day of the run."""
        return self.ends is not None and is_soon(self.ends, self.day)

    @property
    def end(self) -> str | None:
        """What to report about the end of the model, as a clause; None if it is in service for long."""
        then = f"{self.answered_by} answers requests to it" if self.answered_by else "requests to it fail"
        if self.retired == "unknown":
            return f"has been retired; {then}"
        if self.retired:
            return f"was retired on {self.retired}; {then}"
        return f"will be retired on {self.ends}; {then} from then on" if self.ends_soon else None

    @property
    def end_advice(self) -> str:
        """What to do about the end of the model: the successor, and a caution on others' platforms."""
        use = f"use {self.successor}" if self.successor else "use a model in service"
        if self.at_maker:
            return use
        return f"check the date of {self.platform}, which may differ, or {use}"

    @property
    def known(self) -> bool:
        """Whether the data has the model."""
        return self.state == "exact"

    @property
    def takes_no_images(self) -> bool:
        """Whether it is proven that the model takes no images."""
        return self.text_only is not None and self.text_only.status in ("confirmed", "single source")

    @property
    def counts_tokens(self) -> bool:
        """Whether the number of tokens of an image is known."""
        return self.tier.strategy != UNKNOWN_TIER.strategy

    @property
    def most_input(self) -> Limit[int] | None:
        """The most tokens that a request may have: the maximum input of the model, or else its context.

        A context that includes the answer is larger than the maximum input. None if neither is known.
        """
        known = [limit for limit in (self.max_input_tokens, self.context_tokens) if limit is not None]
        return min(known, key=lambda limit: limit.value, default=None)

    @property
    def known_edge(self) -> int | None:
        """The edge in px up to which the tokens of an image are known; None if those of all are."""
        edge = self.tier.number("known_edge", 0) if self.tier.numbers else 0
        return int(edge) or None

    @property
    def api(self) -> str:
        """The platform for messages; "the API" if it is unknown."""
        return self.platform or "the API"

    def at(self, detail: str | None) -> "Limits":
        """The limits for an image that requests a level of detail; unchanged for an unknown level."""
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

    def for_dialect(self, dialect: str) -> "Limits":
        """The limits for a body of a dialect: some services limit chat completions otherwise."""
        chat, whole = self.chat_request_bytes, self.request_bytes
        if chat is None or dialect != _CHAT or (whole is not None and whole.value <= chat.value):
            return self
        if _CHAT not in self._at:
            names = ("request_bytes", "request_bytes_doubt")
            stated = {name: chat._replace(name=name) for name in names}
            self._at[_CHAT] = found = object.__new__(Limits)
            found.__dict__.update(self.__dict__, **stated, values=self.values | stated, _at={})
        return self._at[_CHAT]

    def whose(self, value: Limit[Any]) -> str:
        """Whose limit it is, for messages: of the model, or the platform that the request goes to.

        The owner of a value is the platform that states it, from which others inherit it.
        """
        of_platform = SPECS[value.name].scope in ("platforms", "images") and value.owner != self.model
        return self.api if of_platform else value.owner

    def with_tier(self, tier: Tier, values: tuple[Value, ...]) -> "Limits":
        """The limits with another tier, whose values are these; the levels of detail stay."""
        found = object.__new__(Limits)
        found.__dict__.update(self.__dict__, tier=tier, _sources={**self._sources, tier.name: values}, _at={})
        return found

    def with_edge(self, edge: Limit[float]) -> "Limits":
        """The limits with another edge that images are downscaled to."""
        found = object.__new__(Limits)
        found.__dict__.update(self.__dict__, tier_edge=edge, values=self.values | {edge.name: edge}, _at={})
        return found

    def sources_of(self, tier: Tier) -> tuple[Value, ...]:
        """The values of one of its tiers, with their sources."""
        return self._sources.get(tier.name, ())

    @property
    def tier_values(self) -> tuple[Value, ...]:
        """The strategy of the tier and its numbers, with their sources; empty for Claude."""
        return self.sources_of(self.tier)

    @property
    def uses_claude_patches(self) -> bool:
        """Whether tokens are Claude's patches of 28 px, which some rules and tables require."""
        return not self.tier.strategy

    @property
    def is_messages_api(self) -> bool:
        """Whether the request goes to an API for Claude, whose checks and error texts are known.

        So does one for an unknown model on a platform of Claude.
        """
        if self.uses_claude_patches:
            return True
        return self.state == "unknown" and bool(self.platform) and "default_model" not in self.values

    @property
    def documents_count_as_images(self) -> bool:
        """Whether documents count toward `many_image_count`; toward `request_media`, pages always do."""
        return "document" in self.many_image_blocks

    @property
    def least_edge(self) -> int:
        """The shortest recommended edge in px; 0 if the provider recommends none."""
        return self.min_edge.value if self.min_edge else 0

    def native_size(self, size: Size, edge_limit: int | None = None) -> Size:
        """The size that the model uses; `edge_limit` in px is an additional bound on both edges."""
        return geometry.native_size(size, self.tier, edge_limit)

    def planned_size(self, size: Size, edge_limit: int | None = None, *, from_table: bool = True) -> Size:
        """The size to send; unchanged if it fits. `edge_limit` as in `native_size`.

        Without `from_table` it is the native size, even if a row of the table keeps the exact ratio.
        """
        if self.max_edge is not None and size.long_edge > self.max_edge.value:  # the model may use more
            edge_limit = min(self.max_edge.value, size.long_edge if edge_limit is None else edge_limit)
        if not from_table and self.uses_claude_patches:
            return self.native_size(size, edge_limit)
        return geometry.planned_size(size, self.tier, edge_limit)

    def latency_size(self, size: Size, edge_limit: int | None = None) -> Size:
        """The largest size within the native size and the recommendation for a short time to first token."""
        native = self.native_size(size, edge_limit)
        pixels = self.latency_pixels.value if self.latency_pixels else native.width * native.height
        edge = self.latency_edge.value if self.latency_edge else native.long_edge
        if native.width * native.height <= pixels and native.long_edge <= edge:
            return native
        return geometry.size_within(size, pixels, min(edge, native.long_edge))

    def tokens(self, size: Size) -> int | None:
        """Visual tokens billed for an image of this size; None for an unknown model.

        Where sources contradict each other, the most, by which budgets judge; see `tokens_range`.
        """
        return geometry.tokens(size, self.tier) if self.counts(size) else None

    def counts(self, size: Size) -> bool:
        """Whether the number of tokens of an image of this size is known."""
        known = self.known_edge
        return self.counts_tokens and (known is None or size.long_edge <= known)

    def tokens_range(self, size: Size) -> tuple[int, int] | None:
        """The fewest and the most visual tokens, if sources contradict each other; None if they agree."""
        if not self.tier.alternatives or not self.counts(size):
            return None
        fewest, most = geometry.tokens_range(size, self.tier)
        return None if fewest == most else (fewest, most)

    def tokens_ends(self, size: Size) -> tuple[int, int] | None:
        """The fewest and the most visual tokens, the same if sources agree; None if they are not known."""
        return geometry.tokens_range(size, self.tier) if self.counts(size) else None

    def tokens_state(self, size: Size) -> TokensState:
        """How the number of tokens of an image of this size is known."""
        if not self.counts(size):
            return "unknown"
        if self.tokens_range(size) is not None:
            return "conflicting"
        if self.state == "derived" or any(value.status in _DERIVED for value in self._rule):
            return "derived"
        return "exact"

    @property
    def doubt(self) -> str:
        """Why the number of tokens is not certain, in the words of the data; empty if it is."""
        notes = (value.note for value in self._rule if value.doubtful)
        return "; ".join(dict.fromkeys(note for note in notes if note))

    @property
    def _rule(self) -> tuple[Value, ...]:
        """The values that the number of tokens follows from, the choice of the tier included."""
        names = ("tier", *(f"detail_{detail}" for detail, _ in self.details))
        terms = (self.values.get(name) for name in names)
        chosen = (value for value in terms if isinstance(value, Term) and value.values == (self.tier.name,))
        return (*chosen, *self.tier_values)

    def counted(self, tokens: int) -> int | None:
        """The sum of the tokens of several images; None for an unknown model, which has none."""
        return tokens if self.counts_tokens else None

    def size_within_tokens(self, size: Size, most: int, edge_limit: int | None = None) -> Size | None:
        """The largest size of the same ratio that takes at most `most` visual tokens; None if none does.

        Never larger than `size`, nor than `edge_limit` px on an edge. None for an unknown model.
        """
        if not self.counts_tokens:
            return None
        return geometry.size_within_tokens(size, self.tier, most, edge_limit)

    def fits(self, size: Size) -> bool:
        """Whether the API does not downscale the size."""
        return geometry.fits(size, self.tier)

    def refusal(self, size: Size) -> geometry.Refusal | None:
        """Why the API refuses a single image of this size; None if it accepts it."""
        edge = self.max_edge
        if edge is not None and size.long_edge > edge.value:
            return geometry.Refusal("long edge is", size.long_edge, edge.value, "px")
        return geometry.refusal(size, self.tier)

    def counted_images(self, images: int, documents: int) -> int:
        """The number of blocks that count toward the many-image limit, on some platforms documents too."""
        return images + documents if self.documents_count_as_images else images

    def many_images(self, count: int) -> bool:
        """Whether `count` exceeds `many_image_count`, so that `many_image_edge` applies."""
        return self.many_image_count is not None and count > self.many_image_count.value

    def cost_usd(self, tokens: int | None) -> float | None:
        """US dollars for a prompt of this many tokens, without caching or batching.

        None if the model is not known, and for unknown tokens.

        A prompt over the long-prompt threshold is billed entirely at the long-prompt price, so for a model
        with such a threshold `tokens` must be those of the whole request.
        """
        if tokens is None:
            return None
        price = self.input_price if self.long_prompt_tokens is None else self._price(tokens)
        return None if price is None else tokens * nano_usd(price) / _NANO

    def tokens_within_cost(self, usd: float) -> int | None:
        """The most visual tokens that cost no more than `usd` US dollars, long prompts included.

        None if the price is not known.
        """
        if self.input_price is None:
            return None
        low, high = 0, int(usd * _NANO) + 1  # no price is under a nano-dollar a token
        while low + 1 < high:
            middle = (low + high) // 2
            cost = self.cost_usd(middle)
            if cost is not None and cost <= usd:
                low = middle
            else:
                high = middle
        return low

    def batch_cost_usd(self, tokens: int) -> float | None:
        """US dollars in a batch; None if the platform has no batches, or the price is not known."""
        price = self._price(tokens)
        if self.batch_factor is None or price is None:
            return None
        factor = round(self.batch_factor.value * 1000)
        return tokens * nano_usd(price) * factor / (_NANO * 1000)

    def missing(self, needs: tuple[str, ...]) -> str | None:
        """The first required limit that this model lacks, as a phrase; None if it has all.

        A need is the name of a limit, or `native_size` (the downscaled size is published), `largest_size`
        (some sizes are refused), `patches_of_28` or `messages_api` (only Claude has these).
        """
        for need in needs:
            if reason := self._missing(need):
                return reason
        return None

    def _missing(self, need: str) -> str | None:
        if need == "native_size":
            published = geometry.publishes_size(self.tier)
            return None if published else f"the size that {self.model} downscales images to is not published"
        if need == "largest_size":
            refuses = self.max_edge is not None or geometry.refuses(self.tier)
            return None if refuses else f"{self.platform} has no max_edge"
        if need == "patches_of_28":
            return (
                None
                if self.uses_claude_patches
                else f"{self.model} does not count patches of 28 px as Claude does"
            )
        if need == "messages_api":
            return None if self.is_messages_api else "only Claude's API is known to have this limit"
        if getattr(self, need) is not None:
            return None
        stated = self.values.get(need)
        known = stated is not None and stated.status != "unknown"
        return f"{self.platform} has no {need}" if known else f"no {need} of {self.platform} is known"

    @property
    def least_image_bytes(self) -> Limit[int] | None:
        """The strictest reading of the limit on the base64 text of an image, for which images are planned."""
        return self.image_base64_bytes_doubt or self.image_base64_bytes

    @property
    def image_raw_bytes(self) -> int | None:
        """The largest image file, in bytes, whose base64 text is within the limit by every reading."""
        return self.least_image_bytes.value // 4 * 3 if self.least_image_bytes else None

    @property
    def least_request_media(self) -> Limit[int] | None:
        """The strictest reading of the limit on images and pages, for which requests are planned."""
        return self.request_media_doubt or self.request_media

    @property
    def least_request_bytes(self) -> Limit[int] | None:
        """The strictest reading of the limit on a body, for which requests are planned."""
        return self.request_bytes_doubt or self.request_bytes

    def entries(self) -> tuple[Limit[float] | Absent, ...]:
        """Every number in force, and every limit stated to be unlimited, in the order of the table."""
        return tuple(
            value
            for name, row in FIELDS.items()
            if isinstance(value := self.values.get(name), (Limit, Absent))
            and (isinstance(value, Limit) or row.absent == "unlimited")
        )

    @property
    def terms(self) -> tuple[Term | Absent, ...]:
        """Every value that is not a number, and every feature that is stated to be unavailable."""
        return tuple(
            value
            for name, value in self.values.items()
            if isinstance(value, Term)
            or (isinstance(value, Absent) and name in FIELDS and FIELDS[name].absent != "unlimited")
        )

    def _price(self, tokens: int) -> Limit[float] | None:
        threshold, price = self.long_prompt_tokens, self.long_input_price
        if threshold is not None and price is not None and tokens > threshold.value:
            return price
        return self.input_price


def tier_of(name: str, tiers: Mapping[str, Values]) -> Tier:
    """The tier of this name, for `geometry`."""
    values = tiers[name]
    strategy = term(values, "strategy").values[0] if "strategy" in values else ""
    numbers: dict[str, Any] = {key: value.value for key, value in values.items() if isinstance(value, Limit)}
    edge, tokens = (numbers.pop(key, None) for key in TIER_BOUNDS)
    others = term(values, "alternatives").values if "alternatives" in values else ()
    alternatives = tuple(tier_of(other, tiers) for other in others)
    return Tier(name, edge, tokens, strategy, tuple(numbers.items()), alternatives)
