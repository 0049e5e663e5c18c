"""What images take, and how few tokens they must take to stay within an amount of money."""

from imgbudget.rule import Context, ImageUse, Limits, Request, Size, Tier, native_size


def request_tokens(request: Request, ctx: Context) -> int:
    """Visual tokens of all images of a request whose size is known."""
    return sum(image_tokens(use, ctx) for use in request.images)


def image_tokens(use: ImageUse, ctx: Context) -> int:
    """Visual tokens of one image of a request, 0 where its size is not known."""
    return ctx.limits_of(use).tokens(use.visible_size) if use.visible_size else 0


def tokens_for(cost: float, limits: Limits, most: int) -> int:
    """The most visual tokens, up to `most`, that cost no more than `cost` USD."""
    low, high = 0, most + 1
    while low + 1 < high:
        middle = (low + high) // 2
        if limits.cost_usd(middle) <= cost:
            low = middle
        else:
            high = middle
    return low


def size_for(tokens: int, size: Size, limits: Limits) -> Size | None:
    """The largest size of the same ratio that takes at most `tokens` visual tokens; None without any.

    None too for a model that does not count patches of 28 px: `imgbudget plan` looks for its sizes.
    """
    if tokens < 1 or not limits.uses_claude_patches:
        return None
    edge, most = limits.tier.bounds
    return native_size(size, Tier(limits.tier.name, edge, min(most, tokens)))


def money(usd: float) -> str:
    """An amount in USD to the millionth, without zeros behind the cent."""
    text = f"{usd:,.6f}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"${whole}.{cents:0<2}"


def shrinkable(request: Request, ctx: Context, most: int) -> bool:
    """Whether the images of a request can take `most` visual tokens, if they are made smaller.

    An image in the body takes at least what one of a single pixel does, which at a level of detail with a
    fixed price is what it takes now.
    """
    fewest = sum(ctx.limits_of(use).tokens(Size(1, 1)) for use in request.images if use.visible_size)
    return fewest <= most and any(use.base64_size and use.visible_size for use in request.images)
