"""What editors show beside a text: the line above a request, the card of an image, why a text is not checked.

Cards are Markdown, in which text of any origin is escaped, or plain text for editors that show no other.
"""

from imgbudget.model.results import ImageResult, RequestResult
from imgbudget.output.base import count, money, one_line
from imgbudget.output.status import thousands
from imgbudget.output.text import facts_line
from imgbudget.printable import markdown

_CENT, _DIME = 0.01, 0.1
_SHOWN = 200
"""Characters of the address of an image."""


def request_line(request: RequestResult) -> str:
    """What the images of a request come to: 21 images, 36k tokens, $0.11."""
    words = [count(len(request.request.images), "image")]
    low, high = request.tokens_ends
    if high is None:
        words.append("tokens unknown")
    elif low is not None and low != high:
        words.append(f"{thousands(low)} to {thousands(high)} tokens")
    else:
        words.append("1 token" if high == 1 else f"{thousands(high)} tokens")
    cost = request.cost_usd
    words.append("cost unknown" if cost is None else _price(cost))
    if request.uncounted and high is not None:
        words.append(f"{count(request.uncounted, 'image')} not counted")
    return ", ".join(words)


def _price(usd: float) -> str:
    """An amount to two digits at least: $1.50, $0.11, $0.015, and one of less than a cent in full."""
    if 0 < usd < _CENT:
        return money(usd)
    return f"${usd:.3f}" if 0 < usd < _DIME else f"${usd:,.2f}"


def image_card(image: ImageResult, thumbnail: str = "", *, plain: bool = False) -> str:
    """Size, tokens and cost of an image, what its model makes of it, and a small copy from a data URI."""
    quoted = one_line if plain else markdown
    use, limits = image.use, image.limits
    facts = quoted(facts_line(image))
    if not facts:
        where = f": {use.reference[:_SHOWN]}" if use.reference else ""
        facts = quoted(f"image whose bytes are elsewhere{where}: neither its size nor its tokens are known")
    paragraphs = [facts if plain else f"**{facts}**"]
    size = use.visible_size
    if use.facts is not None and use.facts.damage is not None:
        paragraphs.append(quoted(f"The image {use.facts.damage}."))
    elif image.resized is not None and size is not None:
        model = f"{limits.model} on {limits.platform}"
        seen = f"{model} sees it at {image.resized}." if image.resized != size else f"{model} sees all of it."
        paragraphs.append(quoted(seen))
    if thumbnail and not plain:
        paragraphs.append(f"![the image, made small]({thumbnail})")
    return "\n\n".join(paragraphs)


def unread_line(reason: str) -> str:
    """Why a text is not checked, for a place where findings are shown."""
    return f"not checked: {one_line(reason)}"
