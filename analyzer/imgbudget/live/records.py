"""Observations: prediction and outcome as a line of JSON each, without images, text or keys."""

import json
import os
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from imgbudget.errors import WriteError, os_error_text
from imgbudget.limits.bound import Limits
from imgbudget.live.answers import Failure
from imgbudget.live.billing import BillComparison, Prediction, Usage
from imgbudget.model.request_under_test import RequestUnderTest
from imgbudget.output.records import ranged
from imgbudget.version import __version__

VERSION = 1


def observation(  # noqa: PLR0913 - what an observation is made of
    *,
    endpoint: str,
    test: RequestUnderTest,
    prediction: Prediction,
    outcome: Mapping[str, Any],
    members: Collection[str] = (),
    fixed: bool = False,
) -> dict[str, Any]:
    """One observation; `outcome` is `observed` or `error`."""
    request, limits = test.request, test.limits
    return {
        "version": VERSION,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "tool": __version__,
        "endpoint": endpoint,
        "model": limits.model,
        "platform": limits.platform,
        "tier": limits.tier.name,
        "images": [_image(use, asked) for use, asked in test.images],
        "shape": {
            "turns": len(request.turns),
            "documents": len(request.documents),
            "pages": prediction.pages,
            "text_bytes": prediction.text_bytes,
            "body_bytes": request.byte_size,
            "members": sorted(name for name in members if name in _MEMBERS),
            "fixed": fixed,
        },
        "predicted": predicted_record(prediction),
        **outcome,
    }


_MEMBERS = frozenset(
    {"cache_control", "max_tokens", "metadata", "output_config", "stream", "system", "thinking", "tools"}
)
"""Top-level keys of a body that are recorded; other keys may be private."""


def predicted_record(prediction: Prediction) -> dict[str, Any]:
    """A prediction as plain values."""
    unknown = None, None
    return {
        **ranged("visual_tokens", *(prediction.visual_range if prediction.known else unknown)),
        "envelope_tokens": prediction.envelope,
        "text_tokens": prediction.text,
        "page_tokens": prediction.page_tokens,
        **ranged("input_tokens", *(prediction.total_range if prediction.known else unknown)),
        "exact_but_text": prediction.is_exact,
    }


def observed_record(comparison: BillComparison) -> dict[str, Any]:
    """The outcome of a request that was answered; all numbers are None if its usage cannot be read."""
    usage = comparison.usage
    return {
        "observed": {
            "input_tokens": usage and usage.input,
            "output_tokens": usage and usage.output,
            "cached_tokens": usage and usage.cached,
            "difference": comparison.difference,
            "agrees": comparison.agrees,
            "cause": comparison.cause,
        }
    }


def failed_record(
    failure: Failure,
    codes: Collection[str] = (),
    locations: Collection[str] = (),
    usage: Usage | None = None,
) -> dict[str, Any]:
    """The outcome of a request that failed: kind of failure, rules and blocks, and what is known of its bill.

    `usage` is that of the part of an answer that arrived.
    """
    billed = {"input_tokens": usage.input, "output_tokens": usage.output} if usage else None
    return {
        **({"observed_so_far": billed} if billed else {}),
        "error": {
            "origin": failure.origin,
            "status": failure.status,
            "type": failure.kind,
            "rules": sorted(codes),
            "locations": sorted(locations),
            "request_id": failure.request_id,
        },
    }


def _image(use: Any, limits: Limits) -> dict[str, Any]:
    size = use.visible_size
    return {
        "width": size.width if size else None,
        "height": size.height if size else None,
        "origin": use.origin.value,
        "format": use.facts.format if use.facts else None,
        **ranged("tokens", *((limits.tokens_ends(size) if size else None) or (None, None))),
        "nested": bool(use.inside),
    }


class Recorder:
    """Appends observations to a file, each in one write, so that parallel runs do not mix."""

    def __init__(self, file: str | None) -> None:
        """Append to `file`; None records nothing."""
        self.file = file

    def check(self) -> None:
        """Check that observations can be appended, before anything is spent. Raises WriteError."""
        if self.file is not None:
            self._append(b"")

    def add(self, record: Mapping[str, Any]) -> None:
        """Append an observation. Raises WriteError."""
        if self.file is None:
            return
        self._append(json.dumps(record, separators=(",", ":")).encode() + b"\n")

    def _append(self, line: bytes) -> None:
        file = self.file or ""
        try:
            descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                os.write(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise WriteError(f"--record {file}: cannot be written: {os_error_text(error)}") from None
