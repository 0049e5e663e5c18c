"""The JSON forms of splits and tilings."""

from collections.abc import Iterable, Sequence
from typing import Any

from imgbudget.model.results import Summary
from imgbudget.model.unread import UnreadPart
from imgbudget.output.records import (
    TOOL,
    VERSION,
    measured_record,
    narrowed_record,
    ranged,
    uncounted_record,
    unread_records,
    usd,
)
from imgbudget.planner.division import Split, SplitPart, Tiling


def split_document(splits: Sequence[Split], summary: Summary, unread: Sequence[UnreadPart]) -> dict[str, Any]:
    """How requests divide, version 1; `unread` is what could not be read of them."""
    return {
        "version": VERSION,
        "tool": TOOL,
        "splits": [split_record(split) for split in splits],
        "summary": {
            "files": summary.files,
            "requests": summary.requests,
            "skipped": [{"path": path, "reason": reason} for path, reason in summary.skipped],
            "unread": unread_records(unread),
            **narrowed_record(summary.narrowed),
        },
    }


def split_record(split: Split) -> dict[str, Any]:
    """How one request divides."""
    request = split.request
    return {
        "path": request.location.path,
        "line": request.line,
        "id": request.id,
        "model": split.limits.model,
        "platform": split.limits.platform or None,
        "images": len(request.images),
        "documents": len(request.documents),
        "bytes": request.byte_size,
        "fits": split.fits,
        "parts": [_part(part, split) for part in split.parts],
    }


def _part(part: SplitPart, split: Split) -> dict[str, Any]:
    span = part.span
    return {
        "from": {"location": span.first.dotted, "pointer": span.first.pointer},
        "to": {"location": span.last.dotted, "pointer": span.last.pointer},
        "images": span.images,
        "documents": span.documents,
        "pages": span.pages,
        "bytes": part.byte_size,
        **ranged("visual_tokens", *split.tokens_of(part)),
        **ranged("cost_usd", *map(usd, split.cost_of(part))),
        **({"state": "conflicting"} if span.tokens_doubt else {}),
        **uncounted_record(span.uncounted),
        "reasons": list(part.reasons),
    }


def tilings_document(
    tilings: Iterable[tuple[str | None, Tiling]],
    unread: Iterable[UnreadPart],
    narrowed: Iterable[tuple[str, str]],
) -> dict[str, Any]:
    """How images are cut, each with its file, version 1; `unread` is what could not be measured."""
    return {
        "version": VERSION,
        "tool": TOOL,
        "tilings": [tiling_record(tiling, path) for path, tiling in tilings],
        "summary": measured_record(unread, narrowed),
    }


def tiling_record(tiling: Tiling, path: str | None) -> dict[str, Any]:
    """The tiles of one image; `path` is None for a size alone."""
    limits = tiling.limits
    tokens = limits.tokens(tiling.size)
    return {
        "path": path,
        "model": limits.model,
        "platform": limits.platform,
        "size": list(tiling.size),
        "overlap": tiling.overlap,
        "columns": tiling.columns,
        "rows": tiling.rows,
        "whole": {
            "resized": list(limits.native_size(tiling.size)),
            "tokens": tokens,
            "cost_usd": usd(limits.cost_usd(tokens)),
        },
        "tokens": tiling.tokens,
        "cost_usd": usd(limits.cost_usd(tiling.tokens)),
        "tiles": [
            {
                "x": tile.x,
                "y": tile.y,
                "width": tile.size.width,
                "height": tile.size.height,
                "tokens": limits.tokens(tile.size),
            }
            for tile in tiling.tiles
        ],
    }
