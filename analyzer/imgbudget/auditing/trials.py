"""What the plan saves in a dataset: a few images are encoded as a fix would, and the others follow them."""

from collections.abc import Callable, Iterable
from math import sqrt

from imgbudget.errors import FixError
from imgbudget.linter.run import Session
from imgbudget.model.subjects import ImageUse
from imgbudget.namedtuples import NamedTuple
from imgbudget.planner.image import plan_image
from imgbudget.positional import open_file

FIRST, LATER = 16, 4
"""Images that are tried of each of the first two partitions, and of one of the others."""


FEW = 100
"""Items of a partition that is tried unasked if it is one of the first two."""


def tries_unasked(number: int, items: int | None) -> int:
    """How many images to try in a partition of so many items if nobody asked for it."""
    return FIRST if number < 2 and items is not None and items <= FEW else 0


def tries_of(number: int) -> int:
    """How many images to try in the partition at this position, from 0: fewer, the more there are.

    All of the first 16 partitions are tried, then 8 of each further power of two: a thousand partitions of a
    thousand images have about 250 trials.
    """
    if number < 2:
        return FIRST
    return LATER if number % (1 << max(number.bit_length() - 4, 0)) == 0 else 0


MOST_PIXELS = 64_000_000
MOST_BYTES = 64 << 20
"""Larger images are not tried: one would take as long as a partition."""


class Trials:
    """The trials of one partition: up to `left`, of images that their hash chooses with a probability."""

    def __init__(self, session: Session, left: int, chance: float) -> None:
        self.left: int = left
        self._limits = session.context.limits()
        self._chance = chance

    def tried(self, use: ImageUse, digest: bytes | None, load: Callable[[], bytes]) -> int | None:
        """The bytes of an image after its plan; None if it is not tried or the plan does not resize it."""
        if self.left < 1:
            return None
        size, facts = use.visible_size, use.facts
        if digest is None or size is None or facts is None:
            return None
        if int.from_bytes(digest[:4], "big") >= self._chance * (1 << 32):
            return None
        if size.width * size.height > MOST_PIXELS or facts.byte_size > MOST_BYTES:
            return None
        plan = plan_image(use, self._limits)
        if plan is None or not plan.resizes or (edit := plan.edit) is None:
            return None
        from imgbudget.fixing.image import edit_image  # noqa: PLC0415 - rare

        self.left -= 1
        try:
            return len(edit_image(load(), edit.for_file).data)
        except (FixError, OSError):
            return facts.byte_size  # a fix would leave it unchanged


def read_whole(path: str) -> bytes:
    """The bytes of a local file. Raises OSError."""
    with open_file(path) as file:
        return file.read()


class ResizedImages(NamedTuple):
    """The images of one format that the plan resizes: how many, their bytes, and their expected bytes after.

    The expected bytes are those of a rule of thumb. The other fields are sums over the images that were
    tried: their bytes before, their expected bytes, the bytes that they really get, and the squares and
    products of both.
    """

    images: int
    byte_size: int
    expected: int
    tried: int
    tried_before: int
    tried_expected: int
    tried_bytes: int
    expected_squared: int
    product: int
    bytes_squared: int

    @property
    def most(self) -> float:
        """The most bytes: those of now, unless the trials grow, as of a format that the API does not take."""
        grown = self.tried_bytes / self.tried_before if self.tried_before else 1.0
        return self.byte_size * max(grown, 1.0)


EXPONENT = 0.8
"""The power of the area with which bytes shrink: those of a smaller picture are closer together."""

_FEW = 10
"""Trials from which on the spread of their results is known well."""


class BytesAfter(NamedTuple):
    """The bytes of all images after the plan, and the range that they are in; `tried` images are known."""

    bytes: int
    low: int
    high: int
    tried: int


def bytes_after(unchanged: int, groups: Iterable[ResizedImages]) -> BytesAfter:
    """The bytes after the plan: ratio estimates by format (Cochran, Sampling Techniques, chapter 6).

    `unchanged` are the bytes of the images that the plan does not resize. The range is two standard errors
    to each side, four where there are few trials; a format without any is within wide bounds.
    """
    groups = list(groups)
    tried = sum(group.tried for group in groups)
    expected = sum(group.tried_expected for group in groups)
    common = sum(group.tried_bytes for group in groups) / expected if expected else 1.0
    total = low = high = float(unchanged)
    spread = 0.0
    for group in groups:
        if group.tried == group.images:
            total, low, high = (amount + group.tried_bytes for amount in (total, low, high))
            continue
        ratio = group.tried_bytes / group.tried_expected if group.tried_expected else common
        estimate = min(ratio * group.expected, group.most)
        total += estimate
        if group.tried < 2:
            low += min(group.expected / 4, estimate)
            high += group.most
            continue
        low, high = low + estimate, high + estimate
        squares = group.bytes_squared - 2 * ratio * group.product + ratio**2 * group.expected_squared
        variance = max(squares, 0.0) / (group.tried - 1) * (1 - group.tried / group.images) / group.tried
        factor = 2 if group.tried >= _FEW else 4
        spread += (factor * group.images) ** 2 * variance
    half = sqrt(spread)
    return BytesAfter(round(total), round(max(low - half, unchanged)), round(high + half), tried)
