"""What the calls of a conversation cost with prompt caching.

A call reads from the cache the longest beginning that it has in common with the call before, and writes all
that follows. That is the best case of every provider: with Claude a beginning is only found where an earlier
call ended or had a breakpoint, and OpenAI rounds it down to 128 tokens.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple

from imgbudget.limits.bound import Limits

CHARACTERS_PER_TOKEN = 4
"""Characters of text for each token: the usual rule of thumb; Claude 4.7 and later have some 30 % more."""

CacheKind = Literal["5m", "1h", "none"]
"""How long what a call writes stays in the cache; `none` if nothing is cached."""

CACHE_KINDS: tuple[CacheKind, ...] = ("5m", "1h", "none")


class Piece(NamedTuple):
    """A part of a prompt: pieces with equal keys have the same content. `tokens` is its length."""

    key: object
    tokens: int


class Part(NamedTuple):
    """A part of a prompt, an image or anything else. Only images are removed."""

    tokens: int
    is_image: bool = False


class CacheRates(NamedTuple):
    """What a token costs that is written to the cache, or read from it, in input prices.

    A prompt under `minimum` tokens is neither written nor read.
    """

    write: float
    read: float
    minimum: int = 0

    @classmethod
    def of(cls, limits: Limits, kind: CacheKind = "5m") -> "CacheRates":
        """The rates of a model; those of `none` are the input price for every token."""
        if kind == "none":
            return cls(1.0, 1.0)
        write = limits.cache_write_5m_factor if kind == "5m" else limits.cache_write_1h_factor
        least = limits.cache_min_tokens
        return cls(write.value, limits.cache_read_factor.value, least.value if least else 0)

    @property
    def rewrite(self) -> float:
        """What it costs in addition that a token is written again instead of read."""
        return max(self.write - self.read, 0.0)


class Bill(NamedTuple):
    """The tokens of some calls: read from the cache, written to it, neither; USD if the price is known."""

    read: int = 0
    written: int = 0
    uncached: int = 0
    cost_usd: float | None = 0.0

    @property
    def tokens(self) -> int:
        """All tokens that were sent."""
        return self.read + self.written + self.uncached

    def plus(self, other: "Bill") -> "Bill":
        """The sum of both."""
        known = self.cost_usd is not None and other.cost_usd is not None
        return Bill(
            self.read + other.read,
            self.written + other.written,
            self.uncached + other.uncached,
            (self.cost_usd or 0.0) + (other.cost_usd or 0.0) if known else None,
        )


def bill(
    prompts: Iterable[Sequence[Piece]], limits: Limits, rates: CacheRates, expired: Collection[int] = ()
) -> Bill:
    """What the prompts of successive calls cost.

    `expired` are the numbers of calls, from 0, before which what was cached had expired.
    """
    whole = Bill()
    before: Sequence[Piece] = ()
    for number, prompt in enumerate(prompts):
        common = 0 if number in expired else _common(before, prompt)
        whole = whole.plus(of_call(sum(piece.tokens for piece in prompt), common, limits, rates))
        before = prompt
    return whole


def bill_of_session(  # noqa: PLR0913 - keyword arguments with defaults
    calls: Sequence[Sequence[Part]],
    gone: Sequence[int],
    limits: Limits,
    rates: CacheRates,
    *,
    placed: int = 0,
    expired: Collection[int] = (),
) -> Bill:
    """What the calls of a conversation cost, of whose images the oldest are removed.

    `calls` are the parts that each call adds, `gone` how many of the oldest images each is sent without: what
    is removed stays removed. A text of `placed` tokens takes the place of each. The result is that of `bill`
    on the prompts themselves, in one pass.
    """
    whole = Bill()
    starts: list[int] = []  # of each image, in the prompt without any removal
    shorter = [0]  # by how much the removal of so many images shortens the prompt
    sent, before, removed = 0, 0, 0
    for number, (parts, now) in enumerate(zip(calls, gone, strict=True)):
        for part in parts:
            if part.is_image:
                starts.append(sent)
                shorter.append(shorter[-1] + part.tokens - placed)
            sent += part.tokens
        common = before
        if now > removed:
            common = min(before, starts[removed] - shorter[removed])
        before, removed = sent - shorter[now], now
        whole = whole.plus(of_call(before, 0 if number in expired else common, limits, rates))
    return whole


def of_call(tokens: int, common: int, limits: Limits, rates: CacheRates) -> Bill:
    """The bill of a call whose first `common` tokens are those of the call before."""
    if rates.write == rates.read or tokens < rates.minimum:
        factor = rates.write if rates.write == rates.read else 1.0
        return Bill(uncached=tokens, cost_usd=weighted_usd(tokens, tokens * factor, limits))
    read = common if common >= rates.minimum else 0
    written = tokens - read
    cost = weighted_usd(tokens, written * rates.write + read * rates.read, limits)
    return Bill(read, written, 0, cost)


def weighted_usd(tokens: int, weighted: float, limits: Limits) -> float | None:
    """The price of a prompt of `tokens` tokens that are billed as `weighted` ones; None if not known.

    The prompt's whole length decides on the long-prompt price.
    """
    if not tokens:
        return 0.0
    cost = limits.cost_usd(tokens)
    return None if cost is None else cost * weighted / tokens


def eviction_pays(removed: int, behind: int, calls: int, rates: CacheRates) -> float:
    """What it saves to remove images now, in tokens at the input price; negative if it costs more.

    `removed` is how many tokens the prompt gets shorter, `behind` how many cached ones follow the first
    change and are written again with the next call. `calls` are the calls to come.
    """
    return calls * removed * rates.read - behind * rates.rewrite


def _common(before: Sequence[Piece], prompt: Sequence[Piece]) -> int:
    """The tokens of the longest common beginning."""
    tokens = 0
    for old, new in zip(before, prompt, strict=False):
        if old.key != new.key:
            break
        tokens += new.tokens
    return tokens
