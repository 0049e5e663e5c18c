"""The JSON forms of splits and tilings."""

from collections.abc import Sequence
from typing import Any

from imgbudget.model.results import Summary
from imgbudget.output.records import TOOL, VERSION, usd
from imgbudget.planner.division import Split, SplitPart, Tiling


def split_document(splits: Sequence[Split], summary: Summary) -> dict[str, Any]:
    """How requests divide, version 1."""
    return {
        "version": VERSION,
        "tool": TOOL,
        "splits": [_split(split) for split in splits],
        "summary": {
            "files": summary.files,
            "requests": summary.requests,
            "skipped": [{"path": path, "reason": reason} for path, reason in summary.skipped],
        },
    }


def _split(split: Split) -> dict[str, Any]:
    request = split.request
    return {
        "path": request.location.path,
        "line": request.line,
        "id": request.id,
        "model": split.limits.model,
        "platform": split.limits.platform,
        "images": len(request.images),
        "documents": len(request.documents),
        "bytes": request.byte_size,
        "fits": split.fits,
        "parts": [_part(part, split) for part in split.parts],
    }


def _part(part: SplitPart, split: Split) -> dict[str, Any]:
    whole = part.whole
    return {
        "from": {"location": whole.first.dotted, "pointer": whole.first.pointer},
        "to": {"location": whole.last.dotted, "pointer": whole.last.pointer},
        "images": whole.images,
        "documents": whole.documents,
        "pages": whole.pages,
        "bytes": part.byte_size,
        "visual_tokens": whole.tokens,
        "cost_usd": usd(split.limits.cost_usd(whole.tokens)),
        "reasons": list(part.reasons),
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
