"""What an audit tells of a dataset: the values that every format and the report show.

Nothing is computed here. All counts are exact. Tokens are visual tokens, costs are US dollars for input at
the list price, sizes are in px, bytes are those of the files or decoded payloads. "After the plan" means
each image sent in the size that `imgbudget plan` proposes for the tier in question.
"""

from typing import NamedTuple

from imgbudget.limits.geometry import Size


class FoundCode(NamedTuple):
    """A finding as a row keeps it; `measured` and `limit` are in `unit`."""

    code: str
    severity: str
    measured: float | None
    limit: float | None
    unit: str | None


class Row(NamedTuple):
    """One row of the facts table: an image, or something that stood among the images.

    `subject` is image, request, document (JSON with findings but no request) or skip. `source` is the
    folder, archive or file that was named or met, `member` the name inside it, `row` counts rows and lines
    from 0, `pointer` leads into the row. `resized` is what the model of the audit looks at, `tokens` and
    `tokens_after` what it bills as is and after the plan. `digest` is in hexadecimal.
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

    @property
    def place(self) -> str:
        """The row's place as text, as findings name it."""
        return place_text(self.source, self.member, self.row, self.pointer)


def place_text(source: str, member: str | None, row: int | None, pointer: str | None) -> str:
    """A place as text, rows counted from 1: `photos/a.jpg`, `train.parquet:12`, `r.jsonl:3#/messages/0`."""
    text = source
    if member is not None:
        text = member if source == "." else f"{source.rstrip('/')}/{member}"
    if row is not None and (member is None or pointer is not None):
        text += f":{row + 1}"
    return f"{text}#{pointer}" if pointer else text


class Totals(NamedTuple):
    """The headline numbers. `unreadable` images cannot be decoded, so no tokens are counted for them.

    `refused` images have an error: the API would not take them. `resized` ones have more pixels than the
    model looks at. `unmeasured` are readable to nobody here: their bytes are elsewhere (a url, a file id).
    `bytes_after` is an estimate by area. `missed` of the `skipped` could not be looked at.
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


class Bin(NamedTuple):
    """The images with a value of at least `low` and below `high`; None where the bin is open."""

    low: float | None
    high: float | None
    images: int


class Mark(NamedTuple):
    """A limit on the scale of a measure: who sets it, and what it means for the images beyond it.

    `kind` is "seen" where the audit's model looks at no more, "refused" where its platform takes no more, and
    "told" for what holds elsewhere: another tier, another platform, requests of many images. `least` is true
    where the images below the value are the ones meant.
    """

    value: float
    label: str
    kind: str
    least: bool = False


class Distribution(NamedTuple):
    """One measure over all images that have it; the bins part at the `marks`.

    `quantiles` are pairs of a share (0.5 is the median) and the smallest value that at least this share of
    the images does not exceed. `name` is a key, `title` what people read.
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
    marks: tuple[Mark, ...] = ()


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


class FormatRow(NamedTuple):
    """One format by its content; None for what is no image."""

    format: str | None
    images: int
    byte_size: int
    tokens: int
    tokens_after: int
    errors: int
    warnings: int


class SizeRow(NamedTuple):
    """One stored size, with how many images have it."""

    size: Size
    images: int
    tokens: int
    tokens_after: int


class RuleRow(NamedTuple):
    """One rule: its findings, the rows they stand on, where its page is, some places in the order of places.

    A rule that reports with several severities has a row for each. `limit`, in `unit`, is what all of the
    findings were measured against, None where they differ or nothing was measured.
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
    """This dataset on one model of one platform. Costs are None where no price is known.

    `retired` is an ISO date or "unknown" for a model out of service, None for one in service. `refused`
    counts the images that the platform does not take as they are, for their bytes, edge or format. Batch
    costs are None where the platform has no batches.
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


class TierRow(NamedTuple):
    """This dataset on one resolution tier: what it sees and bills.

    `times` is tokens over those of the first, smallest tier; `pixels_seen` sums the pixels that the model
    looks at, out of all pixels in `pixels`.
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


class DuplicateGroup(NamedTuple):
    """Images with the same bytes; `places` are some of them, in order."""

    digest: str
    images: int
    byte_size: int
    tokens: int
    places: tuple[str, ...]


class Duplicates(NamedTuple):
    """Images that stand more than once. `extra_*` is what the second and further copies add.

    `unhashed` images were not read whole, so nothing is known of them: remote files over the first range.
    """

    groups: int
    extra_images: int
    extra_bytes: int
    extra_tokens: int
    unhashed: int
    largest: tuple[DuplicateGroup, ...]


class SkipRow(NamedTuple):
    """One reason for which something was passed over, with some of the places."""

    reason: str
    missed: bool
    items: int
    examples: tuple[str, ...]


class AuditStatistics(NamedTuple):
    """Everything that is told of a dataset, for the model and platform of the audit.

    `offenders` are the worst rows, errors first and then by bytes. Lists are cut to a length that people
    read: `folders_total` and `sizes_total` say how many there are. `costs` is Claude's matrix, `models` the
    models that were asked for side by side, of any provider; it is empty unless some were.
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
