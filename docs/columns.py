"""The page on the columns of an audit's rows."""

from imgbudget.auditing.rowfiles import schema
from imgbudget.auditing.rows import file_columns, tier_prefix
from imgbudget.limits.geometry import Tier

INTRODUCTION = """\
# The columns of an audit's rows

`imgbudget audit --rows DIR` writes them as Parquet, one row per image, request, document or skipped item. "–"
in the column on null means that a value is never null. `--format csv` has the same columns in the same order:
null is an empty cell, a boolean is `true` or `false`, and `findings` has the codes, separated by spaces.
Texts are escaped there: each row is one line, and no spreadsheet takes a cell for a formula.

The columns between `hash` and `findings` are those of the tiers of the provider, here of Anthropic. Where
sources contradict each other on the tokens of a tier, its `tokens` are the most, and `tokens_low` and
`planned_tokens_low` are the fewest.

| column | type | unit | what it is | null |
|---|---|---|---|---|
"""

_KNOWN = {
    "source": ("", "the folder, archive, table, list or URL that was named or found", "–"),
    "member": ("", "the name inside the source: a path, or what a row names", "the source is one item"),
    "row": ("", "the row, line or member in the source, from 0", "the source has no rows"),
    "pointer": ("", "a JSON pointer into the row or document", "the row or file is one item"),
    "subject": ("", "`image`, `request`, `document` (JSON with findings, but no request) or `skip`", "–"),
    "format": ("", "the format by its bytes", "not an image, or not read"),
    "width": ("px", "the width as stored", "the size is not known"),
    "height": ("px", "the height as stored", "the size is not known"),
    "orientation": ("", "the EXIF orientation, 1 to 8", "none is stored"),
    "frames": ("", "the number of pictures in the file", "not known"),
    "quality": ("", "the quality of a JPEG, 1 to 100, by its tables", "no JPEG, or not known"),
    "bytes": ("bytes", "the size of the file or of the decoded payload", "not known, or an array of pixels"),
    "base64_bytes": ("bytes", "the size as base64", "not known"),
    "hash": (
        "",
        "32 hexadecimal digits: half of the SHA-256 of length and bytes, or of four blocks from 64 KiB on",
        "not read completely, or in a request",
    ),
    "findings": (
        "",
        "a list of `code`, `severity`, `measured`, `limit`, `unit` and `pointer` (into the row)",
        "–",
    ),
    "errors": ("", "findings of severity error", "–"),
    "warnings": ("", "findings of severity warning", "–"),
    "infos": ("", "findings of severity info", "–"),
    "silenced": ("", "findings that an ignore suppresses", "–"),
    "skipped": ("", "why the item was skipped", "it was not"),
    "missed": ("", "whether it could not be read, as opposed to need not be", "–"),
    "damage": ("", "what is wrong with the bytes of an image", "nothing that is visible"),
    "split": (
        "",
        "the part of a split that a field `split`, `subset`, `partition` or `set` of the row names",
        "none",
    ),
    "note": ("", "a remark, e.g. a size that a list claims and the image does not have", "none"),
    "tried_bytes": ("bytes", "the size after a fix, of images that were encoded to know it", "not encoded"),
    "phash": (
        "",
        "16 hexadecimal digits, alike for pictures that look alike",
        "no `--pixels`, or no structure",
    ),
    "pixel_hash": ("", "32 hexadecimal digits, equal for equal pixels", "no `--pixels`"),
}
_TIER = {
    "width": ("px", "the width that models of the {} tier use"),
    "height": ("px", "the height that models of the {} tier use"),
    "tokens": ("tokens", "what the {} tier bills"),
    "planned_width": ("px", "the width after the plan for the {} tier"),
    "planned_height": ("px", "the height after the plan for the {} tier"),
    "planned_tokens": ("tokens", "what the {} tier bills after the plan"),
}


def column_page(tiers: tuple[Tier, ...]) -> str:
    """The page; a column without a description is a KeyError."""
    types = schema(tiers)
    rows = []
    for name, _ in file_columns(tiers):
        unit, text, null = _described(name, tiers)
        kind = str(types.field(name).type).replace(
            "dictionary<values=string, indices=int32, ordered=0>", "string"
        )
        kind = kind.partition("<")[0]
        rows.append(f"| `{name}` | {kind} | {unit} | {text} | {null} |\n")
    return INTRODUCTION + "".join(rows)


def _described(name: str, tiers: tuple[Tier, ...]) -> tuple[str, str, str]:
    for tier in tiers:
        prefix = tier_prefix(tier.name)
        if name.startswith(prefix):
            unit, text = _TIER[name.removeprefix(prefix)]
            return unit, text.format(tier.name), "the size is not known"
    if name.startswith("pixels_"):
        return "", "a measurement of the pixels; the rules IB901 to IB910 use it", "no `--pixels`"
    return _KNOWN[name]
