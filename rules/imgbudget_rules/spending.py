"""Visual tokens of images, amounts of money as text, and whether a request can be shrunk enough."""

from imgbudget.limits.geometry import bills_size
from imgbudget.limits.levers import lever_advice
from imgbudget.rule import Context, ImageUse, Request, Size


def request_tokens(request: Request, ctx: Context) -> int:
    """Visual tokens of all images of a request whose size is known, at most; 0 for an unknown model."""
    return sum(image_tokens(use, ctx) for use in request.images)


def fewest_tokens(request: Request, ctx: Context) -> int:
    """The fewest of those tokens, where sources contradict each other."""
    return sum(fewest_image_tokens(use, ctx) for use in request.images)


def up_to(fewest: float | None, most: float | None) -> str:
    """What precedes an amount that may be less, since sources contradict each other; else nothing."""
    return "" if fewest == most else "up to "


def image_tokens(use: ImageUse, ctx: Context) -> int:
    """Visual tokens of one image of a request, at most; 0 if its size or the model is unknown."""
    return (ctx.limits_of(use).tokens(use.visible_size) or 0) if use.visible_size else 0


def fewest_image_tokens(use: ImageUse, ctx: Context) -> int:
    """The fewest tokens of one image of a request, where sources contradict each other."""
    size = use.visible_size
    return (ctx.limits_of(use).tokens_ends(size) or (0,))[0] if size else 0


def money(usd: float) -> str:
    """An amount in USD, rounded to a millionth, without trailing zeros after the cents."""
    text = f"{usd:,.6f}".rstrip("0")
    whole, _, cents = text.partition(".")
    return f"${whole}.{cents:0<2}"


def shrinkable(request: Request, ctx: Context, most: int) -> bool:
    """Whether downscaling its images can bring a request within `most` visual tokens.

    No image can cost less than one pixel does. At a detail level with a fixed price, that is its full price.
    """
    fewest, possible = 0, False
    for use in request.images:
        limits, size = ctx.limits_of(use), use.visible_size
        if size:
            billed = bills_size(limits.tier)
            fewest += limits.tokens(Size(1, 1) if billed else size) or 0
            possible = possible or (billed and bool(use.base64_size))
    return fewest <= most and possible


def instead_of_pixels(request: Request, ctx: Context) -> str:
    """What helps where the model does not bill the size of the largest image, before other advice."""
    sized = ((ctx.limits_of(use), use.visible_size) for use in request.images)
    known = [(limits.tokens(size) or 0, limits, size) for limits, size in sized if size]
    if not known:
        return ""
    _, limits, size = max(known, key=lambda one: one[0])
    advice = lever_advice(limits, size)
    return f"{advice}; " if advice else ""
