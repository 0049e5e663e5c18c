"""What agents make of an image file before they send it: one table, by the release that was observed."""

from enum import Enum

from imgbudget.limits.geometry import Size, Tier, native_size
from imgbudget.namedtuples import NamedTuple


class Rotation(Enum):
    """What becomes of the EXIF orientation of an image that a client encodes."""

    TURNED = "turned upright"
    KEPT = "not turned, with its orientation tag"
    LOST = "not turned, and without its orientation tag"


class ClientProfile(NamedTuple):
    """One release of a client and the day on which it was observed, with what it does to image files.

    `tier` bounds the size in which images are sent, None if they are not scaled. Within it an image is sent
    byte for byte, unless the client encodes each image (`encodes_all`) or those of this format
    (`always_encoded`). An image that is encoded becomes `encoded_as`, None for its own format, and `rotation`
    is what becomes of its orientation. `read` are the formats for which all this is known. Of a file with
    more than `most_bytes` bytes that the prompt names with @, nothing is sent. `media_type` says from what
    the client derives the media type of an unchanged file, None if that is not known.
    """

    name: str
    version: str
    date: str
    read: frozenset[str]
    tier: Tier | None = None
    encodes_all: bool = False
    always_encoded: frozenset[str] = frozenset()
    encoded_as: str | None = None
    rotation: Rotation = Rotation.KEPT
    most_bytes: int | None = None
    media_type: str | None = None

    @property
    def label(self) -> str:
        """Name and version, as messages show them."""
        return f"{self.name} {self.version}"

    def size_of(self, size: Size) -> Size:
        """The size in which an image of `size` px is sent; never larger."""
        tier = self.tier
        if tier is None:
            return size
        only_edge = tier.max_tokens is None and not tier.strategy
        return tier.within_edge(size) if only_edge else native_size(size, tier)

    def format_of(self, form: str) -> str:
        """The format in which an image is encoded."""
        return "png" if form in self.always_encoded else self.encoded_as or form


_OBSERVED = "2026-11-28"
_WEB = frozenset({"jpeg", "png", "gif", "webp"})
_STATIC = frozenset({"jpeg", "png", "webp"})

_EDGE_2000 = Tier("2000 px", 2000, None)

# 3000x2000 became 1920x1280. How other ratios are rounded was not observed: as OpenAI's API does it.
_PATCHES_2400 = Tier(
    "2400 patches", None, None, "openai_patches", (("patch_edge", 32.0), ("patch_budget", 2400.0))
)

# `image-view.ts` of the package: 1568 px and 1568 patches of 28 px; 3000x2000 became 1344x896.
_PATCHES_1568 = Tier("1568 px", 1568, 1568)

CLIENTS: tuple[ClientProfile, ...] = (
    ClientProfile(
        name="claude-code",
        version="2.1.332",
        date=_OBSERVED,
        read=_WEB,
        tier=_EDGE_2000,
        rotation=Rotation.TURNED,
        most_bytes=262_144,
        media_type="bytes",
    ),
    ClientProfile(
        name="codex",
        version="0.171.0",
        date=_OBSERVED,
        read=_WEB,
        tier=_PATCHES_2400,
        always_encoded=frozenset({"gif"}),
        rotation=Rotation.KEPT,
    ),
    ClientProfile(name="gemini-cli", version="0.61.0", date=_OBSERVED, read=_WEB, media_type="extension"),
    ClientProfile(
        name="opencode",
        version="1.18.33",
        date=_OBSERVED,
        read=_WEB,
        tier=_EDGE_2000,
        encoded_as="png",
        rotation=Rotation.LOST,
    ),
    ClientProfile(
        name="qwen-code",
        version="0.24.4",
        date=_OBSERVED,
        read=_STATIC,
        tier=_PATCHES_1568,
        encodes_all=True,
        encoded_as="jpeg",
        rotation=Rotation.TURNED,
    ),
    ClientProfile(
        name="pi",
        version="0.73.1",
        date=_OBSERVED,
        read=_WEB,
        tier=_EDGE_2000,
        encoded_as="png",
        rotation=Rotation.TURNED,
    ),
    ClientProfile(name="cline", version="3.0.65", date=_OBSERVED, read=_WEB),
)
"""Each was installed from its public package and driven against a loopback server on that day."""

CLIENT_NAMES = tuple(client.name for client in CLIENTS)
