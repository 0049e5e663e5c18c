"""Bounds that a server or a request may set for a model's image processor: which exist, and what they change.

The names are those of the released processors where these agree. A bound applies to a model if its way to
count images has such a number.
"""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from imgbudget.limits.bound import Limits
from imgbudget.limits.fields import SPECS
from imgbudget.limits.geometry import UNKNOWN_TIER, Tier
from imgbudget.limits.values import Limit, Term, Value
from imgbudget.namedtuples import NamedTuple

Options = Mapping[str, int | str]
"""Bounds by name; a level of detail is text, all others are numbers, of which 0 and 1 are no and yes."""

NUMBERS = {
    "max_pixels": ("pixels", "Most pixels of an image, as Qwen-VL, GLM-V and ERNIE have them."),
    "min_pixels": ("pixels", "Fewest pixels of an image: smaller ones are enlarged."),
    "max_tokens": ("tokens", "Most tokens of an image, for models that bound them or the pixels."),
    "min_tokens": ("tokens", "Fewest tokens of an image."),
    "max_tiles": ("tiles", "Most tiles of an image, without the overview."),
    "min_tiles": ("tiles", "Fewest tiles of an image that is cut."),
    "max_patches": ("patches", "Most patches of an image, before they are merged: Kimi's limit."),
    "longest_edge": ("px", "The edge that images are downscaled to, as Pixtral and Idefics have it."),
}
"""Bounds that are numbers, with their units and what they mean."""

LEVELS = ("media_resolution", "detail")
"""Bounds that are a level of detail: the one of images that request none."""

PAN_AND_SCAN = "pan_and_scan"
"""Whether Gemma 3 cuts images into tiles in addition."""

WEIGHTS = "high_resolution"
"""Whether a service uses the bounds of the released weights: DashScope's `vl_high_resolution_images`."""

_PAIRS = (("min_pixels", "max_pixels"), ("min_tokens", "max_tokens"), ("min_tiles", "max_tiles"))


def bounded(limits: Limits, options: Options, source: str) -> Limits:
    """The limits with these bounds, as far as they apply; `source` is where they are set."""
    for name, value in options.items():
        limits = with_option(limits, name, value, source) or limits
    return limits


def with_option(limits: Limits, name: str, value: int | str, source: str) -> Limits | None:
    """The limits with one bound; None if it does not apply to the model."""
    if name in LEVELS:
        level = dict(limits.details).get(str(value))
        return None if level is None else limits.with_tier(level, limits.sources_of(level))
    tier = limits.tier
    if name == PAN_AND_SCAN:
        if not limits.model.startswith("gemma-3"):
            return None
        return _uncounted(limits, source) if value else limits
    if name == WEIGHTS:
        certain = tier._replace(alternatives=())
        return limits.with_tier(certain, _certain(limits)) if value and tier.alternatives else None
    numbers = _numbers(tier, name, int(value))
    if numbers is None:
        return None
    values = tuple(
        _limit(key, numbers[key], source, item.owner) if (key := item.name) in numbers else item
        for item in _certain(limits)
    )
    if "tier_edge" in numbers:
        edge = int(numbers["tier_edge"])
        changed = limits.with_tier(tier._replace(max_edge=edge, alternatives=()), values)
        return changed.with_edge(_limit("tier_edge", edge, source, limits.tier.name))
    known = {**dict(tier.numbers), **numbers}
    return limits.with_tier(tier._replace(numbers=tuple(known.items()), alternatives=()), values)


def _numbers(tier: Tier, name: str, value: int) -> dict[str, float] | None:
    """The numbers of a tier that a bound changes; None if it has none such."""
    numbers = dict(tier.numbers)
    cell = numbers.get("patch_edge", 0) ** 2 * numbers.get("frames", 1)
    found: dict[str, float] | None = None
    if name in ("longest_edge", "shortest_edge") and "max_pixels" in numbers:
        # the size of Qwen's processor, whose edges are areas
        found = {"max_pixels" if name == "longest_edge" else "min_pixels": value}
    elif name in numbers:
        found = {name: value}
    elif name in ("min_tokens", "max_tokens") and (pixels := f"{name[:3]}_pixels") in numbers:
        found = {pixels: value * cell}
    elif name == "max_tokens" and "max_soft_tokens" in numbers:
        found = {"max_soft_tokens": value}
    elif name == "longest_edge" and tier.strategy == "row_breaks":
        return {"tier_edge": value}
    if found is None:
        return None
    return found | dict(_kept_in_order(numbers | found, found))


def _kept_in_order(numbers: Mapping[str, float], changed: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """The other end of a pair of bounds, moved to the one that was set beyond it."""
    for low, high in _PAIRS:
        if low in numbers and high in numbers and numbers[low] > numbers[high]:
            yield (low, numbers[high]) if high in changed else (high, numbers[low])


def _certain(limits: Limits) -> tuple[Value, ...]:
    """The sources of the tier without those on which others contradict it."""
    return tuple(value for value in limits.tier_values if value.name != "alternatives")


def _limit(name: str, value: float, source: str, owner: str) -> Limit[float]:
    number = int(value) if value == int(value) else value
    return Limit(name, number, SPECS[name].unit, source, "undated", "confirmed", None, owner)


def _uncounted(limits: Limits, source: str) -> Limits:
    note = "pan and scan is on, which cuts an image into tiles; how many is not known here"
    strategy = Term("strategy", ("unknown",), source, "undated", "unknown", note, limits.model)
    return limits.with_tier(UNKNOWN_TIER, (strategy,))


class ImageBounds(NamedTuple):
    """The bounds that a request sets for an image, by name."""

    options: tuple[tuple[str, int], ...]

    def on(self, limits: Limits) -> Limits:
        """The limits with these bounds."""
        return bounded(limits, dict(self.options), "the request")


class Processors:
    """The bounds that a configuration sets, for the models whose ids match a pattern; later ones win."""

    def __init__(self, rows: Sequence[tuple[str, Options, str]]) -> None:
        """Take patterns in lower case, each with its bounds and where it is."""
        self.rows: tuple[tuple[str, Options, str], ...] = tuple(rows)

    def applied(self, limits: Limits) -> Limits:
        """The limits of a model with the bounds that are set for it."""
        for pattern, options, source in self.rows:
            if fnmatchcase(limits.model.lower(), pattern):
                limits = bounded(limits, options, source)
        return limits
