"""The results of an audit: the values that every output format and the HTML report show.

Nothing is computed here. All counts are exact. Tokens are visual tokens, costs are US dollars for input at
the list price, sizes are in px, bytes are those of the files or decoded payloads. "After the plan" means
that each image is sent in the size that `imgbudget plan` proposes for the tier. Where sources contradict each
other, tokens and costs are the most; there may be fewer tokens by `tokens_doubt`, after the plan by
`after_doubt`.
"""

from imgbudget.limits.geometry import Size
from imgbudget.namedtuples import NamedTuple


class FoundCode(NamedTuple):
    """A finding as it is stored in a row; `measured` and `limit` are in `unit`."""

    code: str
    severity: str
    measured: float | None
    limit: float | None
    unit: str | None


class Row(NamedTuple):
    """One row of the facts table: an image, or something else found among the images.

    `subject` is image, request, document (JSON with findings but no request) or skip. `source` is the
    folder, archive or file that was named or found, `member` the name inside it, `row` the row or line from
    0, `pointer` a JSON pointer into the row. `resized` is the size that the audit's model uses, `tokens` and
    `tokens_after` are what it bills now and after the plan. `digest` is hexadecimal. `edge_width`, `phash`
    and `pixel_hash` are those of `PixelFacts`, None for images whose pixels were not measured.
    """

    source: str
    member: str | None
    row: int | None
    pointer: str | None
    subject: str
    format: str | None
    size: Size | None
    resized: Size | None
    planned: Size | None
    orientation: int | None
    frames: int | None
    quality: int | None
    byte_size: int | None
    base64_bytes: int | None
    tokens: int | None
    tokens_after: int | None
    digest: str | None
    findings: tuple[FoundCode, ...]
    skipped: str | None
    damage: str | None
    note: str | None
    tokens_doubt: int = 0
    after_doubt: int = 0
    edge_width: float | None = None
    phash: str | None = None
    pixel_hash: str | None = None

    @property
    def place(self) -> str:
        """The row's location as text, as in findings."""
        return place_text(self.source, self.member, self.row, self.pointer)


def place_text(source: str, member: str | None, row: int | None, pointer: str | None) -> str:
    """A location as text, rows from 1: `photos/a.jpg`, `train.parquet:12`, `r.jsonl:3#/messages/0`."""
    text = source
    if member is not None:
        text = member if source == "." else f"{source.rstrip('/')}/{member}"
    if row is not None and (member is None or pointer is not None):
        text += f":{row + 1}"
    return f"{text}#{pointer}" if pointer else text


class Totals(NamedTuple):
    """The headline numbers. `unreadable` images cannot be decoded, so no tokens are counted for them.

    `refused` images have a finding of severity error, whether the API rejects the image itself, its request,
    or a budget is exceeded; `CostRow.refused` counts only the first. `resized` images have more pixels than
    the model uses. `unmeasured` images have no known size, e.g. because their bytes are elsewhere (a url, a
    file id). `bytes_after` follows from the `tried` images, which were encoded as a fix would; it is between
    `bytes_after_low` and `bytes_after_high`, which are equal if all were tried. `missed` items could not be
    read: most of them are skipped, others are images or requests with a finding. `links` of the skipped are
    other names of files that are read: each file is counted once.
    """

    images: int
    requests: int
    documents: int
    skipped: int
    missed: int
    unreadable: int
    unmeasured: int
    refused: int
    resized: int
    with_findings: int
    errors: int
    warnings: int
    infos: int
    silenced: int
    byte_size: int
    bytes_after: int
    base64_bytes: int
    pixels: int
    tokens: int
    tokens_after: int
    cost_usd: float
    cost_after_usd: float
    batch_cost_usd: float | None
    batch_cost_after_usd: float | None
    bytes_after_low: int
    bytes_after_high: int
    tried: int
    tokens_doubt: int = 0
    after_doubt: int = 0
    links: int = 0


class Bin(NamedTuple):
    """The images with a value of at least `low` and below `high`; None if the bin is open on that side."""

    low: float | None
    high: float | None
    images: int


class AxisMarker(NamedTuple):
    """A limit on the axis of a chart: whose limit it is, and what it means for the images beyond it.

    `kind` is "seen" if the audit's model uses no more, "refused" if its platform accepts no more, and "told"
    if the limit applies only elsewhere: on another tier or platform, or in requests of many images. `least`
    is true if the images below the value are the ones concerned.
    """

    value: float
    label: str
    kind: str
    least: bool = False


class Distribution(NamedTuple):
    """One metric of all images that have it; bins are split at the `marks`.

    `quantiles` are pairs of a share (0.5 is the median) and the smallest value that at least this share of
    the images does not exceed. `name` is a key, `title` the text shown.
    """

    name: str
    title: str
    unit: str
    images: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    quantiles: tuple[tuple[float, float], ...]
    bins: tuple[Bin, ...]
    marks: tuple[AxisMarker, ...] = ()


class FolderRow(NamedTuple):
    """One folder, or one archive, without the folders inside it."""

    folder: str
    images: int
    byte_size: int
    tokens: int
    tokens_after: int
    cost_usd: float
    cost_after_usd: float
    errors: int
    warnings: int
    tokens_doubt: int = 0
    after_doubt: int = 0


class FormatRow(NamedTuple):
    """One format, by content; None for data that is not an image."""

    format: str | None
    images: int
    byte_size: int
    tokens: int
    tokens_after: int
    errors: int
    warnings: int
    tokens_doubt: int = 0
    after_doubt: int = 0


class SizeRow(NamedTuple):
    """One stored size, with how many images have it."""

    size: Size
    images: int
    tokens: int
    tokens_after: int
    tokens_doubt: int = 0
    after_doubt: int = 0


class RuleRow(NamedTuple):
    """One rule: its findings, their rows, the URL of its page, and the first locations as examples.

    A rule that reports with several severities has a row for each. `limit`, in `unit`, is the limit of all of
    the findings; None if they differ or nothing was measured.
    """

    code: str
    name: str
    summary: str
    severity: str
    url: str | None
    findings: int
    rows: int
    examples: tuple[str, ...]
    limit: float | None = None
    unit: str | None = None


class CostRow(NamedTuple):
    """This dataset on one model of one platform. Costs are None if no price is known.

    `retired` is an ISO date or "unknown" for a model out of service, None for one in service. `refused`
    counts the images that the platform rejects for their bytes, edge, format or damage; errors of their
    request do not count. Batch costs are None if the platform has no batches.
    """

    model: str
    platform: str
    tier: str
    retired: str | None
    usd_per_million: float | None
    refused: int
    resized: int
    tokens: int
    tokens_after: int
    cost_usd: float | None
    cost_after_usd: float | None
    batch_cost_usd: float | None
    batch_cost_after_usd: float | None
    tokens_doubt: int = 0
    after_doubt: int = 0


class TierRow(NamedTuple):
    """This dataset on one resolution tier: the pixels that the model uses, and the tokens billed.

    `times` is the ratio of its tokens to those of the first, smallest tier; `pixels_seen` is the number of
    pixels that the model uses, out of `pixels`.
    """

    tier: str
    max_edge: int
    max_tokens: int
    resized: int
    tokens: int
    tokens_after: int
    pixels: int
    pixels_seen: int
    times: float | None


class CopyCost(NamedTuple):
    """What images add that are copies of others: bytes, tokens and costs of all but one of each group.

    Batch costs are None if the platform has no batches.
    """

    images: int = 0
    byte_size: int = 0
    tokens: int = 0
    tokens_after: int = 0
    cost_usd: float = 0
    cost_after_usd: float = 0
    batch_cost_usd: float | None = None
    batch_cost_after_usd: float | None = None
    tokens_doubt: int = 0
    after_doubt: int = 0


class DuplicateGroup(NamedTuple):
    """Images with the same bytes; `places` are the first of their locations.

    `certain` is false if only samples of the bytes were compared: then they are probably the same.
    `extra_cost_usd` is what all but one of them cost.
    """

    digest: str
    images: int
    byte_size: int
    tokens: int
    places: tuple[str, ...]
    tokens_doubt: int = 0
    certain: bool = True
    extra_cost_usd: float = 0


class Duplicates(NamedTuple):
    """Images that occur more than once. `extra_*` is what the second and further copies add.

    `cost` is that with its costs, and `probable` the part of it that is of groups which are not certain.
    `tokens_doubt` is that of `extra_tokens`. `unhashed` images were not compared, because they were not read
    completely: large remote files.
    """

    groups: int
    extra_images: int
    extra_bytes: int
    extra_tokens: int
    unhashed: int
    largest: tuple[DuplicateGroup, ...]
    tokens_doubt: int = 0
    cost: CopyCost = CopyCost()
    probable: CopyCost = CopyCost()


class AlikeGroup(NamedTuple):
    """Images that show the same; `places` are the first of their locations.

    `images` counts images with the same bytes once. `byte_size` and `tokens` are those of all but the first.
    """

    images: int
    byte_size: int
    tokens: int
    places: tuple[str, ...]


class NearDuplicates(NamedTuple):
    """Images that show the same in different bytes; numbers are of all but the first of each group.

    The hash of each image differs in at most `distance` bits from that of the one that represents its group.
    `compared` images were measured; images with the same bytes are compared once, since `Duplicates` has
    them. `leaks` are images that several parts of a split have, or another set; None without IB912.
    """

    distance: int
    compared: int
    groups: int
    images: int
    byte_size: int
    tokens: int
    cost_usd: float
    leaks: int | None
    largest: tuple[AlikeGroup, ...]


class LongRow(NamedTuple):
    """A row, or an image that is in none, whose images take more tokens than a sequence may have."""

    place: str
    images: int
    tokens: int


class LongRows(NamedTuple):
    """The rows of a training set whose image tokens alone exceed `max_length`, the longest first.

    A row is cut, or left out, in training: its text is not even counted. `of` is the number of all rows with
    images.
    """

    max_length: int
    of: int
    rows: int
    longest: tuple[LongRow, ...]


class ChangedImages(NamedTuple):
    """Images that were "added", are "gone", or "changed" their content; the first of their locations."""

    kind: str
    images: int
    examples: tuple[str, ...]


class RuleChange(NamedTuple):
    """The findings of a rule in two audits, and how many of them were added or are gone, image by image."""

    code: str
    name: str
    severity: str
    before: int
    now: int
    added: int
    gone: int


class Comparison(NamedTuple):
    """What has changed since an earlier audit, whose rows are in `folder`.

    `model` and `platform` are those of the earlier audit: its findings are for them, and its tokens and costs
    are for the model of this one. `before` are its totals, `copies_before` is what copies cost in it.
    `unchanged` images have the same name and content. `renamed` is how many of the added images have the
    content of one that is gone; None if there were too many to compare. `rules` are those with findings that
    are new or gone.
    """

    folder: str
    model: str
    platform: str
    before: Totals
    copies_before: CopyCost
    changes: tuple[ChangedImages, ...]
    unchanged: int
    renamed: int | None
    rules: tuple[RuleChange, ...]


class SkipRow(NamedTuple):
    """One reason for skipping items, or why they could not be read, with the first of their locations.

    Or what the bytes are of images that are none, which are counted among those that cannot be decoded.
    """

    reason: str
    missed: bool
    items: int
    examples: tuple[str, ...]


class AuditStatistics(NamedTuple):
    """All results for a dataset, for the model and platform of the audit.

    `offenders` are the worst rows, errors first and then by bytes. Long lists are truncated: `folders_total`
    and `sizes_total` are the full numbers. `costs` has all of Claude's models, `models` the models of any
    provider given for comparison. `near` is None without `--pixels`, `long_rows` without `--max-length`.
    """

    model: str
    platform: str
    tier: str
    sources: tuple[str, ...]
    totals: Totals
    distributions: tuple[Distribution, ...]
    folders: tuple[FolderRow, ...]
    folders_total: int
    formats: tuple[FormatRow, ...]
    sizes: tuple[SizeRow, ...]
    sizes_total: int
    rules: tuple[RuleRow, ...]
    costs: tuple[CostRow, ...]
    models: tuple[CostRow, ...]
    tiers: tuple[TierRow, ...]
    duplicates: Duplicates
    offenders: tuple[Row, ...]
    skips: tuple[SkipRow, ...]
    notes: tuple[str, ...]
    near: NearDuplicates | None = None
    long_rows: LongRows | None = None
    comparison: Comparison | None = None
