"""What rules check and report: image facts, requests, batches, runs; problems and findings."""

from collections.abc import Iterable, Iterator
from enum import Enum, IntEnum, IntFlag
from typing import TYPE_CHECKING

from imgbudget.limits.geometry import Size
from imgbudget.model.fixes import Fix
from imgbudget.model.location import Excerpt, Location, Span, TextEdit
from imgbudget.namedtuples import NamedTuple

if TYPE_CHECKING:
    from imgbudget.limits.options import ImageBounds
    from imgbudget.model.pixels import PixelFacts
    from imgbudget.model.prompts import PrefixEdit, Prompt, RecordedEdit
    from imgbudget.model.text import StoredText


class Severity(IntEnum):
    """The severity of a finding, ordered."""

    INFO = 1
    WARNING = 2
    ERROR = 3

    def __str__(self) -> str:
        return self.name.lower()


class FixSafety(IntEnum):
    """Whether a fix may be applied by default: a safe one keeps what the model receives."""

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
    """Facts that cost more to read than the header; a probe reads only the requested ones.

    Format, size, byte count, obvious damage of the header and animation are always read.
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
    """All that is read of the bytes without decoding the image."""
    PIXELS = 64
    """What only decoding shows: see `PixelFacts`."""
    DECODE = 128
    """Whether the image decodes, found by a worker process."""
    TEXT = 256
    """What can be read in the image: see `StoredText`."""
    KEPT_TEXT = 512
    """With TEXT: what an earlier run read of the same bytes counts, and what is read is kept in the cache."""
    BYTES = 1024
    """The bytes themselves, for who asks for them instead of the text: see `HeldBytes`."""


UNREAD = "cannot be read"
"""The beginning of the damage of an image whose bytes the system did not return."""

NOT_IMAGE = "is not an image but"
"""The beginning of what is said of bytes that are none."""

MOST_DECODED = 1 << 28
"""Bytes of an image above which it is not decoded: more than any API takes, and they have to be in memory."""

UNDECODABLE = "cannot be decoded"
"""The beginning of the damage of an image that only decoding shows to be broken."""


class ImageFacts(NamedTuple):
    """Facts about the bytes of one image; they depend on the bytes only.

    `format` is a lower-case name (`jpeg`, `png`, `gif`, `webp`, `bmp`, `heic`, ...), None if the bytes are no
    image; `content` then names what they are. `size` is as stored, without orientation applied. `damage` says
    in a clause why the image cannot be decoded, None if no damage was found. `unturnable` says in a clause
    why the encoded blocks of a JPEG file cannot be turned as its orientation says, without decoding them;
    empty if they can, None for other formats and for files that are upright. `byte_size` is 0 for an image
    that a client encodes before it sends it. `in_xmp`: the orientation is in XMP only, which few readers
    obey. `variant` names a JPEG whose coding few decoders read: lossless, arithmetic, hierarchical.
    `pixels` and `text` are None unless they were asked for; `text` is read when a rule asks for it.
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
    unturnable: str | None = None
    in_xmp: bool = False
    variant: str | None = None
    pixels: "PixelFacts | None" = None
    text: "StoredText | None" = None

    @property
    def animated(self) -> bool:
        """Whether there is more than one frame."""
        return self.frames > 1

    @property
    def not_image(self) -> str | None:
        """What the bytes are instead of an image, as a clause; None if they are one, or are damaged."""
        if self.format is not None or self.damage is not None:
            return None
        return f"{NOT_IMAGE} {self.content or 'data of an unknown type'}"

    @property
    def unread(self) -> bool:
        """Whether the bytes could not be read, as opposed to what is in them."""
        return self.damage is not None and self.damage.startswith(UNREAD)


class Origin(Enum):
    """Where the bytes of an image come from."""

    PATH = "path"
    BASE64 = "base64"
    URL = "url"
    FILE_ID = "file"
    UNKNOWN = "unknown"


class LeftOut(NamedTuple):
    """A file of which a client, by name and version, sends nothing: it has more than `limit` bytes."""

    client: str
    byte_size: int
    limit: int


class ImageUse(NamedTuple):
    """One use of an image: as a file, or as a block of a request.

    `facts` is None if the bytes are elsewhere (a URL, a file id). `declared` is the media type that the block
    or the file's extension declares. `base64_size` is the length of the base64 text as sent. `flaws` lists in
    clauses the faults of the base64 text; `repairable` is whether the bytes can still be decoded. `role` and
    `inside` give the position of a block: the role of the turn and the types of the enclosing blocks,
    outermost first. `digest` is set if another image of the request has the same length. `oversized` is what
    the block requests for an image that is too large. `toolset` is the type of the toolset whose tool result
    holds the image, e.g. `computer_toolset_20260801`. `detail` is the level of the block: OpenAI's detail,
    Gemini's media resolution. `bounds` are those that
    the block or its request sets for the image processor: vLLM's `mm_processor_kwargs`, DashScope's pixels.
    `colour_mode` is known of images in training examples only.
    A file that is checked as a client sends it has `left_out` if that sends nothing of it, and `declared_by`,
    the client, if that declares the type of the extension.
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
    bounds: "ImageBounds | None" = None
    left_out: LeftOut | None = None
    declared_by: str | None = None
    colour_mode: str | None = None

    @property
    def in_request(self) -> bool:
        """Whether this is a block of a request, not a file."""
        return self.location.keys is not None

    @property
    def is_alone(self) -> bool:
        """Whether no request counts its cost: it is a file, or in a file of unknown shape."""
        return self.role is None

    @property
    def size(self) -> Size | None:
        """The stored size, None if not known."""
        return self.facts.size if self.facts else None

    @property
    def measured(self) -> "PixelFacts | None":
        """The measurements of its pixels; None if there are none."""
        facts = self.facts
        if facts is None or facts.damage is not None or facts.pixels is None:
            return None
        return facts.pixels if facts.pixels.flaw is None else None

    @property
    def visible_size(self) -> Size | None:
        """The stored size; None if it is not known or the image cannot be decoded."""
        # half of the rules read it for each image: written for speed
        facts = self.facts
        if facts is None or facts.damage is not None:
            return None
        size = facts.size
        return None if size is None or not (size[0] and size[1]) else size


class DocumentUse(NamedTuple):
    """A document block (PDF, text or content).

    `pages` is None if unknown; `uncounted` is then the reason, a clause, if the request holds the document.
    """

    location: Location
    origin: Origin
    media_type: str | None = None
    pages: int | None = None
    byte_size: int | None = None
    blocks: "tuple[Block, ...]" = ()
    source_type: str | None = None
    uncounted: str | None = None


class Text(NamedTuple):
    """A text block, or a message's content given as a plain string.

    `text` is its beginning. `surrogate` is the first surrogate in the whole text without its other half;
    empty if there is none. `image_characters` are those of the base64 of images in it, `length` those of the
    whole text; 0 if `text` is all of it.
    """

    location: Location
    text: str
    surrogate: str = ""
    image_characters: int = 0
    length: int = 0

    @property
    def size(self) -> int:
        """The characters of the whole text."""
        return self.length or len(self.text)


class Nested(NamedTuple):
    """A block that contains blocks: a tool result, a search result."""

    location: Location
    kind: str
    blocks: "tuple[Block, ...]"
    reference: str | None = None


class Other(NamedTuple):
    """A block known to contain neither text nor image: tool_use, thinking, ..."""

    location: Location
    kind: str


Block = Text | ImageUse | DocumentUse | Nested | Other


class Turn(NamedTuple):
    """One message, or the system prompt (role `system`)."""

    location: Location
    role: str
    blocks: tuple[Block, ...]


class ShapeFlaw(NamedTuple):
    """A fault in a request that makes the API refuse it before reading any image, or read it differently.

    `severity` is the rule's own unless given. `repeats` is how many faults it stands for.
    """

    location: Location
    message: str
    help: str | None = None
    severity: Severity | None = None
    repeats: int = 1


class Clearing(NamedTuple):
    """What the server may clear of a request before the model sees it.

    `kind` is the type of the edit, `keep` how many of the last tool results stay; None if it clears others.
    """

    kind: str
    keep: int | None


class Request(NamedTuple):
    """One request body. `images` holds every image block in document order, nested ones included.

    `model` is the id in the body or in the URL that it was sent to, `platform` the one that the dialect or
    the URL implies; None if there is none. `deployment` is a name in the URL, which may be a model's.
    `is_addressed`: the platform is that of the URL. `is_example`: it has the form of an example in a training
    file, a conversation with its answer.
    `byte_size` is the length of the body in the file, `line` the line where it begins, 1-based. `is_record`:
    it was sent already, or is the row of a data set, as in recordings, transcripts and logs. `keeps_newest`:
    it is of a session whose program leaves out the oldest images near the limits. `history` is the key that
    continues a conversation which the server holds; empty if the body is all of it. `prompt` is kept until
    the request was compared with the earlier ones of its file, `edits` is what it changes of them. `recorded`
    are the edits that a session records of its earlier requests.
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
    is_record: bool = False
    keeps_newest: bool = False
    history: str = ""
    clearing: Clearing | None = None
    deployment: str | None = None
    is_addressed: bool = False
    prompt: "Prompt | None" = None
    edits: "tuple[PrefixEdit, ...]" = ()
    recorded: "tuple[RecordedEdit, ...]" = ()
    is_example: bool = False


class Batch(NamedTuple):
    """All requests of one batch, which are sent together.

    `byte_size` is the length of the file or body that holds them, `missing` the locations of entries without
    a custom_id, `doubled` the locations of ids that an earlier entry has, each with the id. A batch that
    `is_training` is a file of training examples; those with images are its requests.
    """

    location: Location
    byte_size: int
    request_count: int
    missing: tuple[Location, ...] = ()
    doubled: tuple[tuple[Location, str], ...] = ()
    is_training: bool = False


class UnusedIgnore(NamedTuple):
    """An ignore entry of the configuration that matched no finding.

    `obstacle` says in a clause why a fix cannot remove it; empty if it can.
    """

    location: Location
    rules: tuple[str, ...]
    files: tuple[str, ...]
    reason: str
    obstacle: str = ""


class RunData(IntFlag):
    """The data that a rule on the run reads; nothing else is collected."""

    NONE = 0
    TOTALS = 1
    """Tokens, bytes and cost of everything that was checked."""
    COPIES = 2
    """Image files with the same bytes."""
    IGNORES = 4
    """Ignore entries that match no finding."""
    LIKENESS = 8
    """Images that show the same in different files."""
    LEAKS = 16
    """Images that are in several parts of a split, or in another set."""


class AlikeImage(NamedTuple):
    """An image that shows the same as another one, by their paths.

    `bits` is in how many of 64 bits their perceptual hashes differ, `same_pixels` true if all pixels are
    equal.
    """

    path: str
    other: str
    bits: int
    same_pixels: bool = False


class LeakedImage(NamedTuple):
    """An image of a part of a split that another part or set has too; the rest is as in `AlikeImage`.

    `part` is train, validation or test, empty if the image is in none; `other_part` may be the name of a set.
    """

    path: str
    part: str
    other: str
    other_part: str
    bits: int
    same_pixels: bool = False


class Run(NamedTuple):
    """Everything that one run checked, known at its end.

    `byte_size` counts image files and request bodies, `cost_usd` is the cost of the visual tokens, both at
    most: there may be fewer tokens by `tokens_doubt`, where sources contradict each other. `copies` are
    groups of image files with the same bytes, in the order of their first files, each with the length; they
    are computed at each iteration, and never all in memory. `alike` and `leaks` are in the order of paths.
    """

    location: Location
    visual_tokens: int = 0
    byte_size: int = 0
    cost_usd: float = 0.0
    copies: Iterable[tuple[int, tuple[str, ...]]] = ()
    unused: tuple[UnusedIgnore, ...] = ()
    tokens_doubt: int = 0
    alike: Iterable[AlikeImage] = ()
    leaks: Iterable[LeakedImage] = ()


def walk_blocks(blocks: tuple[Block, ...]) -> Iterator[Block]:
    """Every block, each before those inside it."""
    for block in blocks:
        yield block
        if isinstance(block, (Nested, DocumentUse)):
            yield from walk_blocks(block.blocks)


class Problem(NamedTuple):
    """A rule's report on a subject.

    `location` is the subject's own unless given, and so are `severity` and `fix_safety` the rule's own.
    `measured` and `limit` are in `unit`, for tables and baselines. `repeats` is how many problems it stands
    for, where a report on each of them would be too long.
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
    repeats: int = 1


class Finding(NamedTuple):
    """A problem with everything a reader needs: the rule, the location, the model, and whether it is fixable.

    `edit` is the fix as a change of the text, if it is no more than that and an output format needs it.
    `request_id` is the custom_id of its request, None if it has none. An `internal` finding is a failure of
    imgbudget or of a rule, not a fault of what was checked. Totals count a finding `repeats` times.
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
    repeats: int = 1
