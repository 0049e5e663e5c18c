"""How much text a body holds beside its images: what a model reads of it, in bytes of UTF-8."""

from collections.abc import Mapping
from typing import Any

from imgbudget.sources.jsonspans import Document

_READ = ("system", "messages", "tools")
"""Members at the top of a body that a model reads."""
_UNREAD = frozenset({"type", "role", "id", "tool_use_id", "cache_control", "media_type", "signature"})
_PAYLOADS = ("image", "document")
_NAMED = frozenset({"tools", "input"})
"""Where keys are read too: schemas and arguments of tools."""
_SCALAR = 2


def text_bytes(document: Document, members: Mapping[str, Any]) -> int:
    """The bytes of text in a body, whose members at the top these are."""
    return sum(_size(document, members.get(key), keys=key in _NAMED) for key in _READ)


def _size(document: Document, value: Any, *, keys: bool) -> int:
    if isinstance(value, str):
        return _length(document, value)
    if isinstance(value, list):
        return sum(_size(document, item, keys=keys) for item in value)
    if not isinstance(value, dict):
        return 0 if value is None else _SCALAR
    if value.get("type") in _PAYLOADS:
        return _of_source(document, value.get("source"))
    return sum(
        (len(key) if keys else 0) + _size(document, item, keys=keys or key in _NAMED)
        for key, item in value.items()
        if keys or key not in _UNREAD
    )


def _of_source(document: Document, source: Any) -> int:
    """The text of a document that is given as text or as blocks; images and files have none."""
    if not isinstance(source, dict) or source.get("type") not in ("text", "content"):
        return 0
    return _size(document, source.get("data") or source.get("content"), keys=False)


def _length(document: Document, value: str) -> int:
    """The bytes of a string; one that was left in the file is ASCII, or as long as if it were."""
    payload = document.payload(value)
    return len(value.encode("utf-8", "surrogatepass")) if payload.start is None else payload.length
