"""What a body leaves to the server: earlier turns that it does not hold, and clearing of what it holds.

Message threads and context editing of Claude's API, stored responses and conversations of OpenAI's (SDKs,
2026-11).
"""

from typing import Any

from imgbudget.model.subjects import Clearing

_CLEARS_RESULTS = "clear_tool_uses_"
_KEPT = 3
"""Tool results that context editing keeps unless the body says otherwise (SDK types, 2026-11)."""

_STORED = ("previous_response_id", "conversation")


def history_of(body: dict[str, Any]) -> str:
    """Which key of a body continues a conversation that the server holds; empty if none does."""
    thread = body.get("thread")
    if isinstance(thread, dict) and thread.get("type") == "continue":
        return "thread"
    for key in _STORED:
        if body.get(key):
            return key
    return ""


def clearing_of(body: dict[str, Any]) -> Clearing | None:
    """What context editing may clear of a body; None without it."""
    management = body.get("context_management")
    edits = management.get("edits") if isinstance(management, dict) else None
    for edit in edits if isinstance(edits, list) else ():
        kind = edit.get("type") if isinstance(edit, dict) else None
        if not isinstance(kind, str):
            continue
        if not kind.startswith(_CLEARS_RESULTS):
            return Clearing(kind, None)
        keep = edit.get("keep")
        value = keep.get("value") if isinstance(keep, dict) else None
        is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        return Clearing(kind, value if is_count else _KEPT)
    return None
