"""What rules look at and what they say: image facts, requests, batches, runs; problems and findings."""

from collections.abc import Iterable, Iterator
from enum import Enum, IntEnum, IntFlag

from imgbudget.limits.geometry import Size
from imgbudget.model.fixes import Fix
from imgbudget.model.location import Excerpt, Location, Span, TextEdit
from imgbudget.namedtuples import NamedTuple


class Severity(IntEnum):
    """How bad a finding is, ordered."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


class FixSafety(IntEnum):
    """Whether a fix may be applied unasked: safe keeps what the model receives, unsafe changes it."""

    SAFE = 1
    UNSAFE = 2

    def __str__(self) -> str:
        return self.name.lower()


class Level(Enum):
    """What a rule checks: one image, one request, all requests of a batch, or the run at its end."""

    IMAGE = "image"
    REQUEST = "request"
    BATCH = "batch"
    RUN = "run"


class ProbeField(IntFlag):
    """Facts that cost more than the header; a probe reads only those that are asked for.

    Format, size, byte count, plain damage of the header and animation are always there.
    """

    NONE = 0
    ORIENTATION = 1
    FRAMES = 2
    """The exact number of frames; without it an animation has 2."""
    LOCATION = 4
    QUALITY = 8
    METADATA = 16
    INTEGRITY = 32
    """Structural proof that the file ends where it should."""
    ALL = 63


class ImageFacts(NamedTuple):
    """What the bytes of one image are; depends on the bytes only.

    `format` is a lower-case name (`jpeg`, `png`, `gif`, `webp`, `bmp`, `heic`, ...), None when the bytes are
    no image; `content` then names what they are. `size` is as stored, orientation not applied. `damage`
    says in a clause why the image cannot be decoded, None when nothing wrong was seen.
    """

    byte_size: int
    format: str | None = None
    size: Size | None = None
    orientation: int = 1
    frames: int = 1
    has_location: bool = False
    quality: int | None = None
    metadata_bytes: int | None = None
    damage: str | None = None
    content: str | None = None

    @property
    def animated(self) -> bool:
        """More than one frame."""
        return self.frames > 1


class Origin(Enum):
    """Where the bytes of an image come from."""

    PATH = "path"
    BASE64 = "base64"
    URL = "url"
    FILE_ID = "file"
    UNKNOWN = "unknown"


class ImageUse(NamedTuple):
    """One image as it is used: a file of its own, or a block of a request.

    `facts` is None when the bytes are elsewhere (a url, a file id). `declared` is the media type that the
    block or the file's extension claims. `base64_size` is the length of the base64 text as it goes over
    the wire. `flaws` says in clauses what is wrong with the base64 text; `repairable` whether the bytes
    can still be had from it. `role` and `inside` tell where a block stands: the turn's role and the types
    of the blocks around it, outermost first. `digest` is set when another image of the request has the
    same length. `oversized` is what the block wishes to happen to an image that is too large. `toolset` is
    the type of the toolset whose tool result holds the image, e.g. `computer_toolset_20260801`. `detail` is
    the level that the block asks for: OpenAI's detail, Gemini's media resolution.
    """

    location: Location
    origin: Origin
    facts: ImageFacts | None = None
    declared: str | None = None
    base64_size: int | None = None
    flaws: tuple[str, ...] = ()
    repairable: bool = True
    role: str | None = None
    inside: tuple[str, ...] = ()
    turn: int | None = None
    digest: str | None = None
    source_type: str | None = None
    reference: str | None = None
    oversized: str | None = None
    toolset: str | None = None
    detail: str | None = None

    @property
    def in_request(self) -> bool:
        """Whether this is a block of a request and not a file."""
        return self.location.keys is not None

    @property
    def size(self) -> Size | None:
        """The stored size, None when it is not known."""
        return self.facts.size if self.facts else None

    @property
    def visible_size(self) -> Size | None:
        """The stored size of an image that a model can look at; None for one that cannot be decoded."""
        # half the rules ask for it, of each image: written for the fewest steps
        facts = self.facts
        if facts is None or facts.damage is not None:
            return None
        size = facts.size
        return None if size is None or not (size[0] and size[1]) else size


class DocumentUse(NamedTuple):
    """A document block (PDF, text or content). `pages` is None where it cannot be told."""

    location: Location
    origin: Origin
    media_type: str | None = None
    pages: int | None = None
    byte_size: int | None = None
    blocks: "tuple[Block, ...]" = ()
    source_type: str | None = None


class Text(NamedTuple):
    """A text block, or a message's content given as a plain string."""

    location: Location
    text: str


class Nested(NamedTuple):
    """A block that holds blocks: a tool result, a search result."""

    location: Location
    kind: str
    blocks: "tuple[Block, ...]"
    reference: str | None = None


class Other(NamedTuple):
    """A block that holds neither text nor image as far as imgbudget knows: tool_use, thinking, ..."""

    location: Location
    kind: str


Block = Text | ImageUse | DocumentUse | Nested | Other


class Turn(NamedTuple):
    """One message, or the system prompt (role `system`)."""

    location: Location
    role: str
    blocks: tuple[Block, ...]


class ShapeFlaw(NamedTuple):
    """Something in a request that the API refuses before it looks at any image, or may read otherwise.

    `severity` is the rule's own unless given.
    """

    location: Location
    message: str
    help: str | None = None
    severity: Severity | None = None


class Request(NamedTuple):
    """One request body. `images` holds every image block in document order, nested ones included.

    `model` is the id as the body gives it, `platform` what the dialect implies; None where it does not.
    `byte_size` is the length of the body as it stands in the file, `line` the line where it begins, 1-based.
    """

    location: Location
    dialect: str
    byte_size: int
    line: int = 1
    id: str | None = None
    model: str | None = None
    platform: str | None = None
    turns: tuple[Turn, ...] = ()
    images: tuple[ImageUse, ...] = ()
    documents: tuple[DocumentUse, ...] = ()
    flaws: tuple[ShapeFlaw, ...] = ()


class Batch(NamedTuple):
    """All requests of one batch, as they are sent together.

    `byte_size` is the length of the file or body that holds them, `missing` the places of entries without a
    custom_id, `doubled` the places of ids that an earlier entry has, each with the id.
    """

    location: Location
    byte_size: int
    request_count: int
    missing: tuple[Location, ...] = ()
    doubled: tuple[tuple[Location, str], ...] = ()


class UnusedIgnore(NamedTuple):
    """An ignore entry of the configuration that matched no finding.

    `obstacle` says why a fix cannot remove it, as a clause; empty if it can.
    """

    location: Location
    rules: tuple[str, ...]
    files: tuple[str, ...]
    reason: str
    obstacle: str = ""


class RunData(IntFlag):
    """What a rule on the run reads of it; nothing else is collected."""

    NONE = 0
    TOTALS = 1
    """Tokens, bytes and cost of all that was checked."""
    COPIES = 2
    """Image files with the same bytes."""
    IGNORES = 4
    """Ignore entries that silence nothing."""


class Run(NamedTuple):
    """All that one run checked, known at its end.

    `byte_size` counts image files and request bodies, `cost_usd` is that of the visual tokens. `copies` are
    groups of image files with the same bytes, in the order in which they were met, each with its length; they
    are found anew each time that they are gone through, and never all in memory.
    """

    location: Location
    visual_tokens: int = 0
    byte_size: int = 0
    cost_usd: float = 0.0
    copies: Iterable[tuple[int, tuple[str, ...]]] = ()
    unused: tuple[UnusedIgnore, ...] = ()


def walk_blocks(blocks: tuple[Block, ...]) -> Iterator[Block]:
    """Every block, the outer one before those inside it."""
    for block in blocks:
        yield block
        if isinstance(block, (Nested, DocumentUse)):
            yield from walk_blocks(block.blocks)


class Problem(NamedTuple):
    """What a rule says of a subject.

    `location` is the subject's own unless given, `severity` the rule's own, `fix_safety` the rule's own.
    `measured` and `limit` are in `unit`, for tables and baselines.
    """

    message: str
    help: str | None = None
    measured: float | None = None
    limit: float | None = None
    unit: str | None = None
    location: Location | None = None
    severity: Severity | None = None
    fix: Fix | None = None
    fix_safety: FixSafety | None = None


class Finding(NamedTuple):
    """A problem with all that a reader needs: which rule, where, for which model, whether it can be fixed.

    `edit` is the fix as a change of the text, where it is no more than that and a format asked for it.
    `request_id` is the custom_id of the request that it is about, None where it has none. An `internal` one
    is a failure of imgbudget or of a rule, and no fault of what was checked.
    """

    code: str
    name: str
    severity: Severity
    location: Location
    message: str
    help: str | None
    url: str | None
    measured: float | None
    limit: float | None
    unit: str | None
    model: str
    platform: str
    fix: Fix | None
    fix_safety: FixSafety | None
    fingerprint: str
    span: Span | None = None
    excerpt: Excerpt | None = None
    edit: TextEdit | None = None
    request_id: str | None = None
    internal: bool = False
