"""What a plan aims for, over what the model and the platform ask of every image."""

from enum import Enum
from typing import NamedTuple


class Target(Enum):
    """Which of the sizes that the API leaves alone a plan takes."""

    TABLE = "table"
    """A row of the aspect-ratio table where one keeps the ratio, else the native size."""
    NATIVE = "native"
    """The largest size that the API leaves alone."""
    LATENCY = "latency"
    """Within the size that the guide advised for a quick first token: 1.15 megapixels and 1568 px."""


class Goal(NamedTuple):
    """A target, and what one image may have at most: px an edge, visual tokens, bytes of its file."""

    target: Target = Target.TABLE
    dimension: int | None = None
    tokens: int | None = None
    byte_size: int | None = None
