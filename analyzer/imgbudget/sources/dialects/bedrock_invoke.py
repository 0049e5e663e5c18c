"""The Messages body as clouds take it: `anthropic_version` instead of a model, which stands in the URL."""

from typing import Any

from imgbudget.model import Fact, Request
from imgbudget.sources.dialects import messages
from imgbudget.sources.dialects.base import Body, Dialect
from imgbudget.sources.dialects.outline import Outline
from imgbudget.sources.jsonspans import Document

_VERSIONS = {"bedrock": "bedrock", "vertex": "google-cloud"}
"""The platform by the first word of `anthropic_version`: bedrock-2023-05-31 (InvokeModel), vertex-2023-10-16
(rawPredict). Sources: AWS, InvokeModel; Claude on Google Cloud, 2026-10."""


def recognises(body: Any, outline: Outline) -> bool:
    """A Messages body with the `anthropic_version` of a cloud."""
    return isinstance(body, dict) and _platform(body) is not None and messages.recognises(body, outline)


def read(document: Document, body: dict[str, Any], where: Body, want: Fact) -> Request:
    """The request in `body`, with the platform that its version names."""
    platform = _platform(body)
    dialect = "bedrock-invoke" if platform == "bedrock" else "raw-predict"
    return messages.read(document, body, where, want)._replace(dialect=dialect, platform=platform)


def _platform(body: dict[str, Any]) -> str | None:
    version = body.get("anthropic_version")
    return _VERSIONS.get(version.partition("-")[0]) if isinstance(version, str) else None


BEDROCK_INVOKE = Dialect("bedrock-invoke", recognises, read)
