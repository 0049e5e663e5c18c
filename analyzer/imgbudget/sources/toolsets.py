"""Which tool results of a Messages API body answer a toolset: the API treats their screenshots otherwise.

A toolset is one entry of `tools` that stands for many tools, e.g. `computer_toolset_20260801`. Its calls and
results carry `"toolset_name": "computer"` (SDK types, 2026-08).
"""

from collections.abc import Iterator
from typing import Any

FAMILIES = {"computer": "computer_toolset_20260801", "browser": "browser_toolset_20260801"}
"""The names of the toolsets in calls and results, and the one version of each (release notes, 2026-08)."""

_CALL, _RESULT = "tool_use", "tool_result"


def answered_toolsets(body: dict[str, Any]) -> dict[str, str]:
    """The type of the toolset that each tool result answers, by `tool_use_id`; ordinary ones are left out.

    What a result or its call says of itself comes first. A call that says nothing is the toolset's when no
    other tool of the request has its name.
    """
    tools = list(_objects(body.get("tools")))
    declared = {name: kind for tool in tools for name, kind in _family(tool)}
    others = [tool.get("name") for tool in tools if not list(_family(tool))]
    answered: dict[str, str] = {}
    for block in _tool_blocks(body.get("messages")):
        is_call = block["type"] == _CALL
        identity, family = block.get("id" if is_call else "tool_use_id"), block.get("toolset_name")
        if not isinstance(identity, str):
            continue
        if isinstance(family, str):
            # a transcript has no list of tools
            if found := (declared if tools else FAMILIES).get(family):
                answered[identity] = found
        elif is_call and declared and block.get("name") not in others:
            answered[identity] = next(iter(declared.values()))
    return answered


def _family(tool: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The name and the type of a toolset; nothing for another tool."""
    kind = tool.get("type")
    for name in FAMILIES:
        if isinstance(kind, str) and kind.startswith(f"{name}_toolset_"):
            yield name, kind


def _tool_blocks(messages: Any) -> Iterator[dict[str, Any]]:
    """The calls and results of all turns, in order."""
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) else ():
            if isinstance(block, dict) and block.get("type") in (_CALL, _RESULT):
                yield block


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """The objects of an array."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
